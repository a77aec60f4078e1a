"""The solutions of notebook 05, against the engine and against brute force."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
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
