"""Thresholds of the best staircase under normally distributed currents."""

import numpy as np
import pytest
import torch
from helpers.activations import assert_same, convnet, images, thresholds
from torch import nn

import snnlab as sl
from snnlab.conversion.gaussian import best_threshold
from snnlab.exceptions import CalibrationError, OptionError

Z = np.linspace(-9, 9, 90_001)
DENSITY = np.exp(-(Z**2) / 2) / np.sqrt(2 * np.pi) * (Z[1] - Z[0])


def staircase(z, theta, levels):
    return theta / levels * np.clip(np.floor(z * levels / theta + 0.5), 0, levels)


def mean_square_error(theta, mean, std, levels):
    z = mean + std * Z
    return (DENSITY * (np.maximum(z, 0) - staircase(z, theta, levels)) ** 2).sum()


@pytest.mark.parametrize("levels", [1, 2, 5, 16])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.5, 0.5), (-2.0, 1.25)])
def test_the_integrals_stay_and_the_error_is_least(mean, std, levels):
    theta, z = best_threshold(mean, std**2, levels), mean + std * Z
    q = staircase(z, theta, levels)
    again = theta * (DENSITY * z * q).sum() / (DENSITY * q * q).sum()
    assert again == pytest.approx(theta, rel=1e-4)
    error = mean_square_error(theta, mean, std, levels)
    for factor in (0.97, 1.03):
        assert mean_square_error(factor * theta, mean, std, levels) > error


def test_each_value_has_its_own_and_the_scale_does_not_matter():
    mean, variance = np.array([[0.0, 1.0], [-3.0, 2.0]]), np.array([[1.0, 0.25], [1.0, 4.0]])
    found = best_threshold(mean, variance, 4)
    for place in np.ndindex(2, 2):
        assert found[place] == pytest.approx(best_threshold(mean[place], variance[place], 4))
    assert best_threshold(8 * mean, 64 * variance, 4) == pytest.approx(8 * found, rel=1e-8)


def test_more_levels_have_a_higher_threshold():
    found = [best_threshold(0.0, 1.0, 2**n).item() for n in range(7)]
    assert found == sorted(found)
    assert found[0] < 1.3 < 3.5 < found[-1]


def test_the_limits():
    assert best_threshold(3.0, 0.0, 4) == 3.0  # a steady current is met exactly
    assert 0 < best_threshold(-10.0, 1.0, 4) < 1.5
    assert np.isnan(best_threshold(-60.0, 1.0, 4))  # nothing is left above 0
    found = best_threshold(np.array([-1.0, 1.0]), np.array([0.0, 1.0]), 4)
    assert np.isnan(found).tolist() == [True, False]


def currents(model, x):
    """Return what enters each ReLU, by name."""
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(
                lambda _, z, name=name: found.setdefault(name, z[0].detach().clone())
            )
    with torch.no_grad():
        model(x)
    return {name: z.double().numpy() for name, z in found.items()}


def test_mean_and_variance_are_those_of_the_currents():
    model, x = convnet(), images()
    measured = currents(convnet(), torch.as_tensor(x))
    for name, z in measured.items():
        expected = best_threshold(z.mean(), z.var(), 4)
        assert thresholds(model, x, sl.Gaussian(4))[name] == pytest.approx(expected, rel=1e-9)
        space = (0, *range(2, z.ndim))
        own = best_threshold(z.mean(space), z.var(space), 4)
        active = z.max(space) > 0
        found = thresholds(model, x, sl.Gaussian(4, per_channel=True))[name]
        assert found[active] == pytest.approx(own[active], rel=1e-8)


def test_batches_do_not_matter():
    model, x = convnet(), images(20)
    loader = torch.utils.data.DataLoader(torch.as_tensor(x), 7)
    for rule in (sl.Gaussian(4), sl.Gaussian(4, per_channel=True)):
        expected = thresholds(model, x, rule)
        for name, theta in thresholds(model, loader, rule).items():
            assert theta == pytest.approx(expected[name], rel=1e-9)


def test_near_the_best_one_of_normal_activations():
    x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0)) - 0.5
    for timesteps in (2, 8):
        normal, measured = (
            sl.convert(nn.ReLU(), x, threshold=rule(timesteps)).thresholds["relu"]
            for rule in (sl.Gaussian, sl.MMSE)
        )
        assert normal == pytest.approx(measured, rel=0.05)


def test_a_silent_channel_takes_the_threshold_of_its_layer():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    model[0].weight.data[1] = torch.tensor([1.0, 0.0])
    model[0].bias.data[1] = -1.25
    x = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    layer = thresholds(model, x, sl.Gaussian(4))["1"]
    channels = thresholds(model, x, sl.Gaussian(4, per_channel=True))["1"]
    assert channels[1] == layer
    assert (channels > 0).all()


def test_a_layer_without_a_normal_scale_takes_its_largest_activation():
    # One image of a hundred thousand is above 0, a hundred standard deviations away.
    x = np.full((100_000, 1), -1.0, np.float32)
    x[0] = 0.25
    assert_same(thresholds(nn.ReLU(), x, sl.Gaussian(4)), {"relu": 0.25})


def test_refusals():
    with pytest.raises(CalibrationError, match=r"^layer 'relu'"):
        sl.convert(nn.ReLU(), [[-1.0]], threshold=sl.Gaussian(4))
    with pytest.raises(OptionError, match=r"^timesteps"):
        sl.Gaussian(0)
