"""Thresholds that grow from 0 by what they cut off, against a plain loop."""

import numpy as np
import pytest
import torch
from helpers import oracles
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.exceptions import CalibrationError, OptionError

RNG = np.random.default_rng(0)
X = oracles.dyadic(RNG, (12, 3), 0, 1).astype(np.float32)
WEIGHTS = [oracles.dyadic(RNG, shape, -0.25, 0.75, 8) for shape in ((4, 3), (4, 4), (2, 4))]


def model():
    layers = [nn.Linear(*w.shape[::-1], bias=False) for w in WEIGHTS]
    for layer, weight in zip(layers, WEIGHTS, strict=True):
        layer.weight.data = torch.tensor(weight, dtype=torch.float32)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def plain_loop(x, updates, batch):
    """The rule as it is written, image after image, neuron after neuron."""
    theta = np.zeros((2, 4))
    batches = [x[i : i + batch] for i in range(0, len(x), batch)]
    for update in range(updates):
        a = batches[update % len(batches)].astype(float)
        for layer in range(2):
            a = np.maximum(a @ WEIGHTS[layer].T, 0)
            for channel in range(4):
                above = [max(value - theta[layer, channel], 0) for value in a[:, channel]]
                theta[layer, channel] += 2 * sum(above) / len(above)
            a = np.minimum(a, theta[layer])
    return theta


@pytest.mark.parametrize(("updates", "batch"), [(1, 4), (3, 4), (4, 4), (2, 8), (3, 2)])
def test_it_is_the_plain_loop_to_the_last_bit(updates, batch):
    rule = sl.LocalThresholdBalancing(updates, batch)
    found = sl.convert(model(), X, threshold=rule).thresholds
    for theta, expected in zip(found.values(), plain_loop(X, updates, batch), strict=True):
        assert np.array_equal(theta, np.where(expected > 0, expected, expected.max()))


def test_positions_count_like_images():
    x = oracles.dyadic(RNG, (4, 2, 2, 4), -1, 2).astype(np.float32)
    found = sl.convert(nn.ReLU(), x, threshold=sl.LocalThresholdBalancing(3)).thresholds["relu"]
    for channel in range(2):
        flat = x[:, channel].reshape(-1, 1)
        alone = sl.convert(nn.ReLU(), flat, threshold=sl.LocalThresholdBalancing(3))
        assert found[channel] == alone.thresholds["relu"].item()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12))
def test_it_only_grows(updates, batch):
    rules = (sl.LocalThresholdBalancing(n, batch) for n in (updates, updates + 1))
    before, after = (sl.convert(model(), X, threshold=rule).thresholds for rule in rules)
    assert all((after[name] >= before[name]).all() for name in before)


def test_in_the_end_nothing_is_cut_off():
    rule = sl.LocalThresholdBalancing(1000)
    found = sl.convert(model(), X, threshold=rule).thresholds
    maximum = sl.convert(model(), X, threshold=sl.Maximum(per_channel=True)).thresholds
    for name, theta in found.items():
        assert (theta > 0.999 * maximum[name]).all()


def test_one_update_may_go_beyond_the_maximum():
    rule = sl.LocalThresholdBalancing(10)
    assert sl.convert(nn.ReLU(), [[1.0]], threshold=rule).thresholds["relu"] == [2.0]


def test_a_silent_channel_takes_the_largest_of_its_layer():
    x = np.array([[1.0, -1.0, 0.5], [0.0, -2.0, 0.25]])
    found = sl.convert(nn.ReLU(), x, threshold=sl.LocalThresholdBalancing(1)).thresholds["relu"]
    assert found.tolist() == [1.0, 1.0, 0.75]


def test_images_may_come_in_batches_of_another_size():
    rule = sl.LocalThresholdBalancing(5, 4)
    loader = torch.utils.data.DataLoader(torch.from_numpy(X), 5)
    found = sl.convert(model(), loader, threshold=rule).thresholds
    for name, theta in sl.convert(model(), X, threshold=rule).thresholds.items():
        assert np.array_equal(theta, found[name])


def test_refusals():
    with pytest.raises(CalibrationError, match=r"^layer 'relu': its threshold is still 0 after 3"):
        sl.convert(nn.ReLU(), [[-1.0]], threshold=sl.LocalThresholdBalancing(3))
    for arguments, name in (((0,), "updates"), ((1, 0), "batch"), ((2.5,), "updates")):
        with pytest.raises(OptionError, match=f"^{name}"):
            sl.LocalThresholdBalancing(*arguments)
