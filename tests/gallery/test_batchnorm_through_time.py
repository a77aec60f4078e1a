"""BatchNorm with statistics of each step, and the exit by its scales."""

import numpy as np
import pytest
import torch
from helpers.digits import assert_learns, unseen
from torch import nn

import snnlab as sl
from snnlab.gallery import batchnorm_through_time, training
from snnlab.gallery.batchnorm_through_time import BatchNormThroughTime, early_exit, scales

T = 3


def currents(images=5):
    generator = torch.Generator().manual_seed(0)
    spread = torch.tensor([1.0, 3.0, 0.5])[:, None, None, None, None]
    return (spread * torch.randn((T, images, 2, 3, 3), generator=generator) + spread).flatten(0, 1)


def test_each_step_is_normalized_by_its_own_statistics():
    norm, z = BatchNormThroughTime(2, T).train(), currents()
    for t, step in enumerate(norm.steps):
        step.weight.data = torch.tensor([1.0 + t, 0.5])
    found = norm(z).detach().numpy().reshape(T, 5, 2, 3, 3)
    for t, z_t in enumerate(z.numpy().reshape(T, 5, 2, 3, 3)):
        mean, variance = (f(axis=(0, 2, 3), keepdims=True) for f in (z_t.mean, z_t.var))
        gamma = np.array([1.0 + t, 0.5])[None, :, None, None]
        expected = gamma * (z_t - mean) / np.sqrt(variance + 1e-5)
        assert found[t] == pytest.approx(expected, abs=1e-5)


def test_with_one_step_it_is_batchnorm_without_a_bias():
    z, norm = currents()[:5], BatchNormThroughTime(2, 1)
    usual = nn.BatchNorm2d(2)
    for mode in (True, False):
        assert torch.equal(norm.train(mode)(z), usual.train(mode)(z))
    assert [name for name, _ in norm.named_parameters()] == ["steps.0.weight"]


def test_a_shorter_run_uses_the_first_steps_and_a_longer_one_is_refused():
    with training.seeded(0):
        network = batchnorm_through_time.network(timesteps=4).eval()
    x = torch.from_numpy(unseen(6)[0])
    by_step = network.outputs(x)
    network.timesteps = 2
    assert torch.equal(network.outputs(x), by_step[:2])
    network.timesteps = 5
    with pytest.raises(sl.OptionError, match="timesteps = 5: there are scales for 4 steps"):
        network(x)


def test_scales_are_means_over_the_channels():
    network = batchnorm_through_time.network(timesteps=T)
    norms = [layer for layer in network.modules() if isinstance(layer, BatchNormThroughTime)]
    norms[1].steps[2].weight.data = torch.linspace(-1, 1, 32)
    expected = np.ones((3, T))
    expected[1, 2] = np.abs(np.linspace(-1, 1, 32)).mean()
    assert scales(network) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("gammas", "steps"),
    [
        ([[1, 1, 1], [1, 1, 1]], 3),
        ([[1, 1, 0], [1, 0, 0]], 2),
        ([[1, 0, 0], [0, 0, 1]], 1),
        ([[0, 0, 0]], 1),
        ([[0.5, 0.5, 0.25]], 2),
    ],
)
def test_a_run_ends_where_no_layer_has_a_large_scale(gammas, steps):
    assert early_exit(gammas, smallest=0.5) == steps


def test_it_learns():
    with training.seeded(0):
        model = batchnorm_through_time.network(timesteps=3)
    trained = assert_learns(model, epochs=3)
    assert np.abs(scales(trained) - 1).max() > 0.01


def test_impossible_options_are_refused():
    with pytest.raises(sl.OptionError, match="smallest = 0"):
        early_exit([[1.0]], 0)
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        BatchNormThroughTime(2, 0)
