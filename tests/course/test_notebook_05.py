"""The solutions of notebook 05, against the engine and against brute force."""

import itertools

import numpy as np
import pytest
import torch
from helpers import wrong_05
from helpers.first_tries import first_tries
from torch import nn

import snnlab as sl
from snnlab import course
from snnlab.conversion.weight_based import positive_sum
from snnlab.course.exercises import notebook_05
from snnlab.dynamics.neuron import if_step


def test_the_first_spike_is_that_of_the_engine():
    for current, theta, start in itertools.product(
        (0.125, 0.1875, 0.5, 1.0, 3.0), (0.5, 1.0, 2.0), (0.0, 0.25, 0.875)
    ):
        v, spike, step = start * theta, 0, 0
        while not spike:
            step += 1
            v, spike = if_step(v, current, theta)
        assert notebook_05.first_spike(current, theta, start) == step


def test_the_largest_current_is_that_of_the_worst_pattern_of_spikes(rng):
    for outputs, inputs in ((1, 1), (1, 6), (3, 5)):
        for _ in range(20):
            weights = rng.integers(-64, 65, size=(outputs, inputs)) / 64
            patterns = np.array(list(itertools.product((0, 1), repeat=inputs)))
            ours = notebook_05.largest_current(weights)
            assert ours == (weights @ patterns.T).max()
            assert ours == positive_sum(torch.from_numpy(weights))


def test_weights_divided_by_the_factors_have_the_largest_activation_1(rng):
    """O10: all factors up to a layer multiply to its scale."""
    widths = (5, 8, 7, 6, 3)
    layers = [nn.Linear(n, m, bias=False) for n, m in itertools.pairwise(widths)]
    model = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU()))).double()
    x = rng.random((50, 5))
    scales = np.array(list(sl.convert(model, x, threshold=sl.Maximum()).thresholds.values()))
    factors = [notebook_05.factor(scales, layer) for layer in range(4)]
    np.testing.assert_allclose(np.cumprod(factors), scales)
    with torch.no_grad():
        for layer, factor in zip(layers, factors, strict=True):
            layer.weight /= factor
    again = sl.convert(model, x, threshold=sl.Maximum()).thresholds.values()
    np.testing.assert_allclose(list(again), 1.0)


def test_the_worked_example_of_the_slip():
    scales = (2.0, 4.0, 8.0)
    right = [notebook_05.factor(scales, layer) for layer in range(3)]
    assert right == [2, 2, 2]
    assert [notebook_05._carried(scales, layer) for layer in range(3)] == [2, 2, 4]
    with pytest.raises(IndexError):
        notebook_05.factor(scales, 3)


def in_a_row(thresholds, steps=64):
    """Return the trains of neurons in a row that start empty; the current and the weight are 1/4
    and 1/2, as in section 5.1."""
    held, trains = [0.0] * len(thresholds), [[] for _ in thresholds]
    for _ in range(steps):
        current = 0.25
        for place, theta in enumerate(thresholds):
            held[place] += current
            fires = held[place] >= theta
            held[place] -= theta * fires
            trains[place].append(fires)
            current = 0.5 * theta * fires
    return np.array(trains)


@pytest.mark.parametrize(
    ("thresholds", "first", "passed_on"),
    [
        ((1, 1, 1, 1), [4, 8, 16, 32], 1 / 32),
        ((1 / 4, 1 / 8, 1 / 16, 1 / 32), [1, 1, 1, 1], 1 / 32),
        ((1, 1 / 2, 1 / 4, 1 / 8), [4, 4, 4, 4], 1 / 32),
        ((1 / 8, 1 / 16, 1 / 32, 1 / 64), [1, 1, 1, 1], 1 / 64),
    ],
)
def test_high_thresholds_are_late_and_low_ones_lose_a_part_for_good(thresholds, first, passed_on):
    trains = in_a_row(thresholds)
    assert [int(train.argmax()) + 1 for train in trains] == first
    assert thresholds[-1] * trains[-1].mean() == passed_on


def test_half_full_a_neuron_waits_half_as_long():
    for times in (2, 4, 8, 16):
        assert notebook_05.first_spike(1.0, times, 0) == times
        assert notebook_05.first_spike(1.0, times, 0.5) == times / 2


def test_the_slip_makes_the_third_layer_too_quiet_by_the_first_scale(rng):
    for scales in rng.integers(1, 65, size=(20, 3)) / 8:
        factors = [notebook_05._carried(tuple(scales), layer) for layer in range(3)]
        np.testing.assert_allclose(np.cumprod(factors), [*scales[:2], scales[2] * scales[0]])


def test_the_first_tries_in_the_notebook_are_told_what_is_wrong():
    tries = first_tries("05")
    assert set(tries) == set(wrong_05.WRONG)
    for number, answer in tries.items():
        words = course.check(number, answer).words
        assert any(remark in words for remark in wrong_05.WRONG[number])
