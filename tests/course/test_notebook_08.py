"""The solutions of notebook 08's exercises: beside the binomial law, and beside the damages."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
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


def test_what_the_explorer_is_asked_about_is_answered():
    """Four times fewer steps double the error; a constant current needs 10 at worst."""
    assert root_mean_square(0.5, 25) == pytest.approx(2 * root_mean_square(0.5, 100), rel=1e-12)
    worst = {T: max(abs(math.floor(k / 1024 * T + 0.5) / T - k / 1024) for k in range(1025))
             for T in range(1, 101)}  # fmt: skip
    enough = [T for T in worst if all(worst[later] <= 0.05 + 1e-12 for later in range(T, 101))]
    assert min(enough) == 10


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


# --- the six patients ------------------------------------------------------------------------

LETTERS = {1: "B", 2: "C", 3: "F", 4: "A", 5: "D", 6: "E"}


def letter(healthy, patient):
    """Return the letter of a damage, read off what has changed."""
    before, after = healthy.neurons, patient.neurons
    if {n.reset for n in after.values()} == {"zero"}:
        return "E"
    ratios = [
        np.unique(np.asarray(after[name].v_threshold) / before[name].v_threshold) for name in before
    ]
    if any(len(ratio) > 1 for ratio in ratios):
        return "D"
    changed = [ratio.item() for ratio in ratios if ratio != 1]
    if not changed:
        return "F"
    return "C" if len(changed) == len(ratios) else "A" if changed[0] < 1 else "B"


def test_each_patient_has_the_damage_of_its_letter():
    torch.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(3) for m in (nn.Linear(3, 3), nn.ReLU())))
    net = sl.convert(model, [[0.1, 0.2, 0.3]], threshold=sl.Fixed(2.0))
    found = {n: letter(net, course.mystery_patient(net, n)) for n in range(1, 7)}
    assert found == LETTERS
    assert course.check("8.3", found).right


def test_each_six_in_a_row_have_all_damages_in_an_order_of_their_own():
    torch.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(3) for m in (nn.Linear(3, 3), nn.ReLU())))
    net = sl.convert(model, [[0.1, 0.2, 0.3]], threshold=sl.Fixed(2.0))
    orders = set()
    for first in (7, 13, 121, 595):
        found = {n: letter(net, course.mystery_patient(net, n)) for n in range(first, first + 6)}
        assert sorted(found.values()) == list("ABCDEF")
        assert course.check("8.3", found).right
        assert course.check("8.3", {str(n): one for n, one in found.items()}).right
        one, other = first, first + 3
        words = course.check("8.3", found | {one: found[other], other: found[one]}).words
        assert f"4 of the six letters are right. Look at patient {first}, with your" in words
        orders.add(tuple(found.values()))
    assert len(orders) > 2
    assert f"Patient {595 + 1} has no letter yet" in course.check("8.3", {595: "A"}).words


def test_letters_may_be_small_and_have_spaces():
    feedback = course.check("8.3", {n: f" {one.lower()}" for n, one in LETTERS.items()})
    assert repr(feedback).startswith("Right. All six")


def swapped(one, other):
    """Return the letters with two of them swapped."""
    return LETTERS | {one: LETTERS[other], other: LETTERS[one]}


ASKS = {
    "A": "stand in one layer only",
    "B": "fire too rarely, and more steps help",
    "C": "something is cut off everywhere",
    "D": "Which two parts of the error",
    "E": "too coarse everywhere",
    "F": "What does the column of the ANN say",
}


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(LETTERS, 2)])
def test_two_that_are_taken_for_each_other_are_asked_about(one, other):
    words = repr(course.check("8.3", swapped(one, other)))
    said = LETTERS[other]
    assert words.startswith(f"Not yet. 4 of the six letters are right. Look at patient {one}, ")
    assert f"with your {said}. " in words
    assert [letter for letter, ask in ASKS.items() if ask in words] == [said]
    assert words.endswith("?")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "no letters yet"),
        (..., "no letters yet"),
        ("BCFADE", "This is a str. "),
        (list("BCFADE"), "between curly brackets"),
        ({}, "No patient has a letter yet"),
        (dict.fromkeys(LETTERS, ""), "No patient has a letter yet"),
        (LETTERS | {4: ""}, "Patient 4 has no letter yet"),
        ({1: "B"}, "Patient 2 has no letter yet"),
        (LETTERS | {2: "G"}, "Patient 2 has 'G', and the damages are A to F"),
        (LETTERS | {2: 3}, "Patient 2 has '3', "),
        (LETTERS | {2: "B"}, "Patients 1 and 2 have the letter B"),
        (dict(zip(range(1, 7), "BDEFCA", strict=True)), "1 of the six letters is right."),
        (dict(zip(range(1, 7), "CFABED", strict=True)), "None of the six letters is right."),
    ],
)
def test_what_is_no_answer_gets_its_own_words(answer, words):
    feedback = course.check("8.3", answer)
    assert not feedback.right
    assert words in feedback.words
    assert not re.search("expected|assert|test", feedback.words)
