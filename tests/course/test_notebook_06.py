"""The solutions of notebook 06 against the engine: networks, rules and neurons."""

import itertools

import numpy as np
import pytest
import torch
from helpers import wrong_06
from helpers.first_tries import first_tries
from torch import nn

import snnlab as sl
from snnlab import course
from snnlab.course.exercises import notebook_06
from snnlab.dynamics import soft_count


def test_the_clipped_mass_is_what_a_network_misses_after_endless_time(rng):
    """A single layer passes on all below its threshold once the steps are fine enough."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    for theta in (0.5, 1.0, 2.0):
        activations = rng.integers(0, 256, size=40) / 64
        current = torch.tensor(activations[:, None]).float()
        passed_on = sl.quantized(net.replace(threshold=theta), current, 2**12).activations["relu"]
        missing = 1 - passed_on.sum() / activations.sum()
        ours = notebook_06.clipped_mass(activations, theta)
        assert ours == pytest.approx(missing, abs=1e-6)


def test_nothing_is_cut_off_at_the_maximum():
    assert notebook_06.clipped_mass(np.array([0.25, 3.0]), 3.0) == 0


@pytest.mark.parametrize("percentile", [25.0, 50.0, 90.0, 99.0, 99.9])
def test_the_threshold_is_that_of_the_package_over_what_is_above_0(rng, percentile):
    activations = np.maximum(rng.integers(-64, 256, size=200) / 64, 0)
    net = sl.convert(
        nn.ReLU(), activations[:, None], threshold=sl.Percentile(percentile, nonzero=True)
    )
    ours = notebook_06.threshold_of(activations, percentile)
    assert ours == pytest.approx(net.thresholds["relu"], rel=1e-12)


def test_zeros_make_a_difference_as_the_theory_says():
    """O40: 900 zeros and 100 values evenly in (0, 1]."""
    activations = np.concatenate([np.zeros(900), np.arange(1, 101) / 100])
    assert np.percentile(activations, 99) == pytest.approx(0.9, abs=1e-3)
    assert notebook_06.threshold_of(activations, 99) == pytest.approx(0.99, abs=1e-3)


def test_the_bias_is_that_of_the_normalized_network():
    """Powers of two, so that nothing is rounded."""
    for bias, before, scale in itertools.product((0.75, -0.5, 0.0), (0.5, 4.0), (0.25, 2.0)):
        model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.ReLU())
        model[2].bias.data[:] = bias
        net = sl.convert(model, [[1.0]], threshold=sl.Fixed({"1": before, "3": scale}))
        normalized = dict(sl.normalize_weights(net).graph.module.named_children())
        ours = notebook_06.normalized_bias(bias, before, scale)
        assert ours == normalized["2"].bias.item()


def test_a_neuron_fires_as_often_with_the_bias_as_before():
    for bias, before, scale in itertools.product((0.25, 1.5), (0.5, 4.0), (1.0, 8.0)):
        ours = notebook_06.normalized_bias(bias, before, scale)
        assert soft_count(ours, 64) == soft_count(bias, 64, scale)


def test_a_percentile_without_zeros_is_a_higher_one_of_all(rng):
    """As section 6.3 says: 100 q + (1 - q) p, but for the place of one activation."""
    for zeros, others, p in itertools.product((0, 300, 900), (100, 500), (50.0, 90.0, 99.0)):
        activations = np.concatenate([np.zeros(zeros), rng.permutation(others) + 1.0])
        q = zeros / len(activations)
        below = 100 * np.mean(activations <= notebook_06.threshold_of(activations, p))
        assert below == pytest.approx(100 * q + (1 - q) * p, abs=100 / len(activations))


def test_a_bias_scaled_like_a_weight_is_right_in_the_first_layer_only():
    for bias, scale in itertools.product((0.5, -2.0), (0.25, 4.0)):
        as_weight = [bias * before / scale for before in (1.0, 0.5, 8.0)]
        right = [notebook_06.normalized_bias(bias, before, scale) for before in (1.0, 0.5, 8.0)]
        assert [a == b for a, b in zip(as_weight, right, strict=True)] == [True, False, False]


def test_the_first_tries_in_the_notebook_are_told_what_is_wrong():
    tries = first_tries("06")
    assert set(tries) == set(wrong_06.WRONG)
    for number, answer in tries.items():
        words = course.check(number, answer).words
        assert any(remark in words for remark in wrong_06.WRONG[number])
