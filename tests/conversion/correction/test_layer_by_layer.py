"""One pass, layer after layer, sees what a simulation sees."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.networks import converted, with_other_neurons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab.conversion.correction import candidates, layer_by_layer

T = 12


def keep(layer):
    return layer.neuron


@pytest.mark.parametrize(
    ("seed", "max_pool", "shortcut"),
    [
        *((seed, "exact", "spikes") for seed in range(8)),
        *((seed, "gate", "spikes") for seed in (2, 4, 10, 12)),
        *((seed, "exact", "analog") for seed in (2, 3, 17, 20)),
    ],
)
def test_the_pass_and_a_simulation_give_equal_counts(seed, max_pool, shortcut):
    _, x, net = converted(seed, shortcut=shortcut)
    net, _ = with_other_neurons(net.replace(max_pool=max_pool), seed)
    record = sl.simulate(net, x, T)
    found = {}

    def look(layer):
        theta = layer.setting(layer.neuron.v_threshold).numpy()
        found[layer.name] = np.rint(layer.passed_on(layer.neuron).numpy() * T / theta)
        return layer.neuron

    back = layer_by_layer(net, x, T, look)
    assert list(found) == net.layers
    for name, counts in found.items():
        assert (counts == record.counts(name)).all()
    assert back.fingerprint == net.fingerprint


@pytest.mark.parametrize("seed", range(4))
def test_currents_and_activations_are_those_of_a_plain_loop(seed):
    steps, x, net = converted(seed)
    x_t = np.broadcast_to(x, (T, *x.shape))
    expected = oracles.plain_loop(steps, x_t, "subtract", 0.5)
    ann, _ = oracles.ann(steps, x)

    def look(layer):
        mean = layer.currents.double().mean(0).numpy()
        np.testing.assert_allclose(mean, expected["currents"][layer.name], rtol=0, atol=1e-6)
        activation = np.maximum(ann[layer.name], 0)
        np.testing.assert_allclose(layer.activation.numpy(), activation, rtol=0, atol=1e-6)
        return layer.neuron

    layer_by_layer(net, x, T, look)


@pytest.mark.parametrize("seed", range(4))
def test_a_layer_sees_what_the_changed_ones_before_it_send(seed):
    """Halved thresholds, one layer after the other: at the end all is as if they had been so."""
    _, x, net = converted(seed)

    def halved(layer):
        return dataclasses.replace(layer.neuron, v_threshold=layer.neuron.v_threshold / 2)

    changed = layer_by_layer(net, x, T, halved)
    assert changed.fingerprint == net.replace(scale=0.5).fingerprint
    record = sl.simulate(changed, x, T)

    def look(layer):
        theta = layer.setting(layer.neuron.v_threshold).numpy() / 2
        phi = layer.passed_on(halved(layer)).numpy()
        assert (phi == theta * record.counts(layer.name) / T).all()
        return halved(layer)

    layer_by_layer(net, x, T, look)


def test_it_takes_what_convert_takes():
    _, x, net = converted(0, images=6)
    data = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.zeros(6))
    seen = []

    def look(layer):
        seen.append((layer.name, layer.activation.sum().item()))
        return layer.neuron

    for given in (
        x,
        torch.tensor(x),
        (x, np.zeros(6)),
        data,
        DataLoader(data, 2),
        iter([x[:4], x[4:]]),
    ):
        layer_by_layer(net, given, 4, look)
    per_call = len(net.layers)
    calls = [seen[i : i + per_call] for i in range(0, len(seen), per_call)]
    assert len(calls) == 6
    for call in calls:
        assert call == calls[0]


def test_images_that_do_not_fit_are_left_out_with_a_warning():
    _, x, net = converted(0, images=40)
    counted = []

    def look(layer):
        counted.append(len(layer.activation))
        return layer.neuron

    layer_by_layer(net, x, T, look)
    assert set(counted) == {40}
    data = DataLoader(TensorDataset(torch.tensor(x, dtype=torch.float32)), 8, shuffle=True)
    used = []
    for given in (x, x[::-1], data):
        counted.clear()
        with pytest.warns(UserWarning, match=r"x: (\d+) of the images are used.*all 12 steps"):
            layer_by_layer(net, given, T, look, memory=150_000)
        used.append(set(counted))
    assert len(used[0]) == 1
    assert used[0] == used[1] == used[2] != {40}


def test_refusals():
    _, x, net = converted(0)
    with pytest.raises(sl.MemoryBudgetError, match=r"x: one image in 12 steps needs .*memory="):
        layer_by_layer(net, x, T, keep, memory=1000)
    with pytest.raises(sl.OptionError, match=r"network: found str.*convert"):
        layer_by_layer("net", x, T, keep)
    with pytest.raises(sl.OptionError, match=r"timesteps = 0: expected a whole number"):
        layer_by_layer(net, x, 0, keep)
    with pytest.raises(sl.OptionError, match=r"memory = 0"):
        layer_by_layer(net, x, T, keep, memory=0)
    with pytest.raises(sl.ShapeError, match=r"x: images of shape"):
        layer_by_layer(net, x[:, :1], T, keep)


def test_the_dtype_is_that_of_the_network():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0)).to(torch.float64)

    def look(layer):
        assert layer.currents.dtype == layer.activation.dtype == torch.float64
        return layer.neuron

    layer_by_layer(net, [[0.5]], 4, look)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_right_for_the_currents_is_the_relu_of_their_mean(seed):
    steps, x, net = converted(seed)
    expected = oracles.plain_loop(steps, np.broadcast_to(x, (T, *x.shape)), "subtract", 0.5)

    def look(layer):
        right = np.maximum(expected["currents"][layer.name], 0)
        np.testing.assert_allclose(layer.right.numpy(), right, rtol=0, atol=1e-6)
        return layer.neuron

    layer_by_layer(net, x, T, look)


@pytest.mark.parametrize("per_channel", [False, True])
def test_candidates_are_the_present_threshold_and_shares_of_the_largest_activation(per_channel):
    x = np.array([[0.5, 8.0, -1.0], [1.0, 4.0, -2.0]])
    net = sl.convert(nn.ReLU(), x, threshold=sl.Fixed([64.0, 64.0, 3.0]))
    seen = []

    def look(layer):
        seen.extend(candidates(layer, per_channel=per_channel))
        return layer.neuron

    layer_by_layer(net, x, T, look)
    present, *tried = seen
    assert present.tolist() == [64, 64, 3]
    # The third channel is silent.
    largest, share = ([1, 8, 3], [1, 1, 0]) if per_channel else (8, 1)
    factors = [2.0 ** (1 - k / 4) for k in range(21)]
    expected = [largest * np.where(share, factor, 1) for factor in factors]
    np.testing.assert_allclose(tried, np.squeeze(expected))
