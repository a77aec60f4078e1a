"""The rule of the least mean square error, against the rule written as a loop."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab.conversion import mmse


def net(seed=0, channels=4):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, channels, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36 * channels, 6), nn.ReLU()
    )


X = np.random.default_rng(0).random((20, 1, 8, 8), np.float32)


def error(a, theta, timesteps):
    stairs = theta / timesteps * np.clip(np.floor(a * timesteps / theta + 0.5), 0, timesteps)
    return np.mean((stairs - a) ** 2)


def best_by_loop(a, timesteps):
    tried = [a.max() * (1 - 0.01 * i) for i in range(95)]
    return min(error(a, theta, timesteps) for theta in tried)


@pytest.mark.parametrize("timesteps", [1, 4, 32])
def test_the_threshold_has_the_least_error_of_a_loop(timesteps):
    model = net()
    thresholds = sl.convert(model, X, threshold=sl.MMSE(timesteps)).thresholds
    channels = sl.convert(model, X, threshold=sl.MMSE(timesteps, per_channel=True)).thresholds
    activations = sl.ann(sl.convert(model, X), X).activations
    for name, values in activations.items():
        a = values.astype(np.float64)
        least = best_by_loop(a, timesteps)
        assert error(a, thresholds[name], timesteps) == pytest.approx(least, rel=1e-4)
        for c, theta in enumerate(channels[name]):
            if a[:, c].any():
                least = best_by_loop(a[:, c], timesteps)
                assert error(a[:, c], theta, timesteps) == pytest.approx(least, rel=1e-4)
            else:
                assert theta == thresholds[name]


def test_more_steps_want_a_higher_threshold():
    model = net()
    found = [sl.convert(model, X, threshold=sl.MMSE(t)).thresholds["1"] for t in (1, 4, 16, 256)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_batches_and_chunks_change_nothing(monkeypatch):
    model = net()
    whole = sl.convert(model, X, threshold=sl.MMSE(8, per_channel=True)).thresholds
    monkeypatch.setattr(mmse, "_TOGETHER", 64)
    loader = DataLoader(TensorDataset(torch.tensor(X)), 7, shuffle=True)
    parts = sl.convert(model, loader, threshold=sl.MMSE(8, per_channel=True)).thresholds
    for name, theta in whole.items():
        np.testing.assert_allclose(parts[name], theta, rtol=1e-6)


def test_of_many_images_some_are_used_with_a_warning(monkeypatch):
    model = net()
    whole = sl.convert(model, X, threshold=sl.MMSE(8)).thresholds
    monkeypatch.setattr(mmse, "_ACTIVATIONS", 10 * 150)
    with pytest.warns(UserWarning, match="MMSE uses 10 of the 20 calibration images"):
        some = sl.convert(model, X, threshold=sl.MMSE(8)).thresholds
    with pytest.warns(UserWarning, match="MMSE uses 10 of the 20 calibration images"):
        turned = sl.convert(model, X[::-1].copy(), threshold=sl.MMSE(8)).thresholds
    assert some == turned != whole


def test_a_silent_channel_takes_the_threshold_of_its_layer_and_a_silent_layer_is_refused():
    x = np.array([[0.5, -1.0], [1.0, -2.0]], np.float32)
    theta = sl.convert(nn.ReLU(), x, threshold=sl.MMSE(4, per_channel=True)).thresholds["relu"]
    assert theta[0] == theta[1] == sl.convert(nn.ReLU(), x, threshold=sl.MMSE(4)).thresholds["relu"]
    with pytest.raises(sl.CalibrationError, match="all 4 calibration activations are 0"):
        sl.convert(nn.ReLU(), -np.abs(x), threshold=sl.MMSE(4))


def test_parts_of_a_leaky_relu_have_a_scale():
    model = nn.Sequential(nn.ReLU(), nn.LeakyReLU(0.25))
    thresholds = sl.convert(model, [[1.0], [0.5]], threshold=sl.MMSE(4)).thresholds
    assert all(theta > 0 for theta in thresholds.values())


@pytest.mark.parametrize("timesteps", [0, 1.5, "8", None])
def test_refusals(timesteps):
    with pytest.raises(sl.OptionError, match=r"timesteps = .*expected a whole number"):
        sl.MMSE(timesteps)
