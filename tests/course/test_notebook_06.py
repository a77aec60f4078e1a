"""The solutions of notebook 06's exercises, beside torch, the engine and the binomial law."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab import course
from snnlab.course.exercises import notebook_06
from snnlab.dynamics.pooling import ExactMaxPool, GatedMaxPool

A, B = [1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 1]


def test_the_folded_bias_is_what_torch_gives_without_input(rng):
    for _ in range(20):
        layer, norm = nn.Linear(1, 1).double(), nn.BatchNorm1d(1, eps=rng.uniform(1e-5, 2)).double()
        norm.running_mean[:], norm.running_var[:] = rng.normal(), rng.uniform(0.1, 4)
        norm.weight.data[:], norm.bias.data[:] = rng.normal(), rng.normal()
        both = nn.Sequential(layer, norm).eval()
        parts = (layer.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        ours = notebook_06.folded_bias(*(part.item() for part in parts), norm.eps)
        assert ours == pytest.approx(both(torch.zeros(1, 1).double()).item(), rel=1e-12)


def test_the_folded_bias_is_that_of_a_converted_network():
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1, eps=1.0), nn.ReLU()).double().eval()
    for tensor, value in zip(
        (model[0].weight, model[0].bias, *model[1].parameters()), (2, 1, 4, 0.5), strict=True
    ):
        tensor.data[:] = value
    model[1].running_mean[:], model[1].running_var[:] = 3, 3
    folded = sl.fold_batchnorm(sl.trace(model, torch.ones(1, 1).double()))
    (bias,) = (b for name, b in folded.module.named_parameters() if "bias" in name)
    assert notebook_06.folded_bias(1, 3, 3, 4, 0.5, 1) == bias.item() == -3.5


def engine(pool, first, second):
    """Count what a pooling of the simulator passes on from two trains."""
    trains = torch.tensor([first, second], dtype=torch.float64).T[:, None]
    return int(pool.step(trains, len(first)).sum())


def gate():
    return GatedMaxPool(lambda e: F.max_pool1d(e, 2, return_indices=True)[1], 1.0)


def test_the_trains_of_theory():
    """O23: true 3, gate 4, any 5, exact 3."""
    assert max(sum(A), sum(B)) == 3
    assert notebook_06.gate_count(A, B) == engine(gate(), A, B) == 4
    assert sum(map(max, A, B)) == 5
    assert engine(ExactMaxPool(lambda charge: F.max_pool1d(charge, 2)), A, B) == 3


def test_the_gate_counts_as_the_engine_does(rng):
    every = itertools.product(itertools.product((0, 1), repeat=4), repeat=2)
    more = [rng.integers(0, 2, size=(2, steps)).tolist() for steps in (1, 7, 30) for _ in range(20)]
    for first, second in [*every, *more]:
        ours = notebook_06.gate_count(np.array(first), np.array(second))
        assert ours == engine(gate(), first, second)
        assert ours >= max(sum(first), sum(second))


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
        steps = notebook_06.random_steps(pixel, error)
        assert root_mean_square(pixel, steps) <= error * (1 + 1e-12)
        assert steps == 1 or root_mean_square(pixel, steps - 1) > error * (1 + 1e-12)


def test_half_a_pixel_is_off_by_a_twentieth_after_100_steps():
    """O27."""
    assert root_mean_square(0.5, 100) == pytest.approx(0.05, rel=1e-12)
    assert notebook_06.random_steps(0.5, 0.0625) == 64


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
    feedback = course.check("6.5", answer)
    assert feedback.right, feedback.words


def test_fewer_steps_than_none_are_told_as_such():
    words = course.check("6.5", lambda x, e: math.ceil(x * (x - 1) / e**2)).words
    assert "the function gives 4 steps; yours gives -4, fewer than none." in words
