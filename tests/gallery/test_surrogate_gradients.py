"""Gradients through spikes, how they grow with depth, and a network of ten steps."""

import math

import numpy as np
import pytest
from helpers.digits import assert_learns, some

import snnlab as sl
from snnlab.gallery import surrogate_gradients, training


def norms(depth, width, **options):
    with training.seeded(0):
        model = surrogate_gradients.deep(depth, width, **options).train()
        return surrogate_gradients.gradient_norms(model, *some(256))


def test_the_gradient_of_one_layer_is_that_by_hand():
    with training.seeded(0):
        model = surrogate_gradients.deep(1, 1.0, timesteps=1, norm=False)
    x, y = some(20)
    (found,) = surrogate_gradients.gradient_norms(model, x, y)
    hidden, last = model.layers[1].weight.detach().numpy(), model.layers[-1]
    z = x.reshape(20, 64) @ hidden.T
    scores = (z >= 1) @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    share = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    by_scores = (share - np.eye(10)[y]) / 20
    slope = np.interp(z, [0, 1, 2], [0, 1, 0])
    expected = np.linalg.norm(by_scores @ last.weight.detach().numpy() * slope)
    assert found == pytest.approx(expected, rel=1e-4)


def test_looking_leaves_no_gradients_and_no_hooks():
    model = surrogate_gradients.deep(2, 1.0)
    surrogate_gradients.gradient_norms(model, *some(8))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(layer._forward_pre_hooks for layer in model.modules())


@pytest.mark.parametrize("width", [0.25, 1.0, 3.0])
def test_growth_is_that_of_random_numbers(width):
    z = np.random.default_rng(0).standard_normal(2_000_000)
    slope = np.interp(z, [1 - width, 1, 1 + width], [0, 1 / width, 0])
    assert surrogate_gradients.growth(width) == pytest.approx(
        (slope**2).mean() / np.var(z >= 1), rel=0.01
    )


def test_growth_has_the_limits_of_a_narrow_and_of_a_wide_surrogate():
    p = math.erfc(1 / math.sqrt(2)) / 2
    density = math.exp(-1 / 2) / math.sqrt(2 * math.pi)
    narrow, wide = 1e-3, 1e3
    assert surrogate_gradients.growth(narrow) * narrow == pytest.approx(
        2 / 3 * density / (p * (1 - p)), rel=1e-3
    )
    # All potentials are under the flat top, of height 1 / w.
    flat = surrogate_gradients.growth(wide) * wide**2
    assert flat == pytest.approx(1 / (p * (1 - p)), rel=0.01)


@pytest.mark.parametrize("width", [0.3, 1.0, 3.0])
def test_gradients_grow_by_as_much_as_is_predicted(width):
    found = np.square(norms(12, width, timesteps=1))
    by_layer = (found[0] / found[8]) ** (1 / 8)
    assert by_layer == pytest.approx(surrogate_gradients.growth(width), rel=0.35)


def test_narrow_surrogates_explode_and_wide_ones_vanish_with_depth():
    narrow, middle, wide = (norms(20, width, timesteps=1) for width in (0.3, 1.25, 4.0))
    assert narrow[0] > 100 * narrow[-1]
    assert wide[0] < wide[-1] / 100
    assert 0.1 < middle[0] / middle[-1] < 10


def test_time_makes_gradients_larger():
    """A current of the first step moves the potentials of all later ones."""
    for width in (0.3, 1.0, 3.0):
        short, long = (norms(20, width, timesteps=T) for T in (1, 10))
        assert long[0] / long[-1] > 10 * short[0] / short[-1]


def test_without_norm_the_deep_layers_are_silent():
    assert norms(20, 1.0, norm=False)[0] == 0


def test_a_network_of_ten_steps_learns():
    with training.seeded(0):
        model = surrogate_gradients.network()
    assert_learns(model, epochs=2)


@pytest.mark.parametrize("make", [surrogate_gradients.growth, surrogate_gradients.network])
def test_a_surrogate_without_width_is_refused(make):
    with pytest.raises(sl.OptionError, match="width = 0: expected a finite number above 0"):
        make(width=0)


def test_a_network_without_layers_is_refused():
    with pytest.raises(sl.OptionError, match="depth = 0"):
        surrogate_gradients.deep(0, 1.0)
