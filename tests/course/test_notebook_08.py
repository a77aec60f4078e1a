"""The solution of notebook 08's exercise, beside the binomial law."""

import itertools
import math

import numpy as np
import pytest

from snnlab import course
from snnlab.course.exercises import notebook_08


def root_mean_square(pixel, steps):
    """Return how far off the rate of random spikes is, summed over all counts there can be."""
    return math.sqrt(
        sum(
            math.comb(steps, k) * pixel**k * (1 - pixel) ** (steps - k) * (k / steps - pixel) ** 2
            for k in range(steps + 1)
        )
    )


def test_random_spikes_need_so_many_steps_and_no_fewer():
    for pixel, error in itertools.product((0.1, 0.3, 0.5, 0.95), (0.31, 0.07, 0.045)):
        steps = notebook_08.random_steps(pixel, error)
        assert root_mean_square(pixel, steps) <= error * (1 + 1e-12)
        assert steps == 1 or root_mean_square(pixel, steps - 1) > error * (1 + 1e-12)


def test_half_a_pixel_is_off_by_a_twentieth_after_100_steps():
    """O27."""
    assert root_mean_square(0.5, 100) == pytest.approx(0.05, rel=1e-12)
    assert notebook_08.random_steps(0.5, 0.0625) == 64


def first_step_that_is_enough(pixel, error):
    return next(T for T in itertools.count(1) if math.sqrt(pixel * (1 - pixel) / T) <= error)


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, e: math.ceil((math.sqrt(x * (1 - x)) / e) ** 2),
        lambda x, e: math.ceil(math.sqrt(x * (1 - x)) ** 2 / e**2),
        lambda x, e: math.ceil((x - x**2) / e / e),
        lambda x, e: int(np.ceil(x * (1 - x) * (1 / e) ** 2)),
        lambda x, e: -(-x * (1 - x) // e**2),
        first_step_that_is_enough,
    ],
)
def test_no_rounding_refuses_a_right_answer(answer):
    feedback = course.check("8.1", answer)
    assert feedback.right, feedback.words


def test_fewer_steps_than_none_are_told_as_such():
    words = course.check("8.1", lambda x, e: math.ceil(x * (x - 1) / e**2)).words
    assert "the function gives 4 steps; yours gives -4, fewer than none." in words
