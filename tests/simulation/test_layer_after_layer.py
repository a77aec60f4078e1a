"""A run layer after layer is a run step after step; arithmetic is dyadic."""

import numpy as np
import pytest
import torch
from helpers.networks import converted, with_other_neurons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab.simulation import layer_after_layer as module
from snnlab.simulation.layer_after_layer import layer_after_layer

T = 9


def usual(layer):
    return layer.run()[0]


def assert_same_record(found, expected):
    assert (found.output_sums == expected.output_sums).all()
    assert found.output_sums.dtype == expected.output_sums.dtype
    assert (found.checksums == expected.checksums).all()
    assert found.layers == expected.layers
    for name in expected.layers:
        for step in [*expected.at, expected.timesteps]:
            assert (found.counts(name, step) == expected.counts(name, step)).all()
            assert (found.sent(name, step) == expected.sent(name, step)).all()


@pytest.mark.parametrize("shortcut", ["spikes", "analog"])
@pytest.mark.parametrize("seed", [2, 3, 17, 20])
def test_usual_neurons_give_what_a_simulation_gives(seed, shortcut):
    _, x, net = converted(seed, shortcut=shortcut)
    net, _ = with_other_neurons(net, seed)
    for network in (net, net.to(torch.float64)):
        expected = sl.simulate(network, x, T, at=(4,))
        assert_same_record(layer_after_layer(network, x, T, usual, at=(4,)), expected)


@pytest.mark.parametrize("seed", range(3))
def test_with_reset_to_zero_and_one_step(seed):
    _, x, net = converted(seed, reset="zero", v_init=0.25)
    for steps in (1, T):
        found = layer_after_layer(net, x, steps, usual)
        assert_same_record(found, sl.simulate(net, x, steps))


def test_blocks_change_nothing(monkeypatch):
    _, x, net = converted(2, images=7)
    net = net.replace(signed=True)
    expected = sl.simulate(net, x, T)
    for size in (1, 20_000, 2**30):
        monkeypatch.setattr(module, "_BLOCK_BYTES", size)
        assert_same_record(layer_after_layer(net, x, T, usual), expected)


def test_a_start_of_its_own_is_that_of_a_simulation():
    _, x, net = converted(5)
    rng = np.random.default_rng(0)
    starts = {
        name: sl.Start(rng.integers(-8, 8, (len(x), *net.shape(name))) / 4) for name in net.layers
    }
    found = layer_after_layer(net, x, T, lambda layer: layer.run(starts[layer.name])[0])
    assert_same_record(found, sl.simulate(net, x, T, start=starts))


def test_what_fires_sees_currents_and_says_what_is_sent():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(0.5))
    seen = []

    def twice(layer):
        seen.append((layer.name, layer.currents[..., 0].tolist()))
        return torch.tensor([[[1], [0]], [[-1], [2]], [[0], [2]]])

    record = layer_after_layer(net.replace(signed=True, max_spikes=2), [[0.25], [1.0]], 3, twice)
    assert seen == [("relu", [[0.25, 1.0]] * 3)]
    assert record.counts("relu").tolist() == [[0], [4]]
    assert record.sent("relu").tolist() == [[2], [4]]
    assert record.output_sums[..., 0].tolist() == [[0.5, 0.0], [0.0, 1.0], [0.0, 2.0]]


def test_operations_take_the_record():
    _, x, net = converted(3)
    counted = sl.operations(net, layer_after_layer(net, x, T, usual))
    assert counted.totals == sl.operations(net, sl.simulate(net, x, T)).totals


def test_it_takes_what_a_simulation_takes():
    _, x, net = converted(0, images=6)
    data = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.arange(6))
    expected = sl.simulate(net, x, T)
    for given in (data, DataLoader(data, 4), (x, np.arange(6)), iter([x[:4], x[4:]])):
        found = layer_after_layer(net, given, T, usual)
        assert_same_record(found, expected)
        assert found.labels is None or found.labels.tolist() == list(range(6))


def test_refusals():
    _, x, net = converted(2)
    with pytest.raises(sl.MemoryBudgetError, match=r"x: one image in 9 steps needs .*memory="):
        layer_after_layer(net, x, T, usual, memory=1000)
    with pytest.raises(sl.MemoryBudgetError, match=r"recording of the first \d+ images"):
        layer_after_layer(net, np.repeat(x, 40, 0), T, usual, memory=20_000)
    with pytest.raises(sl.OptionError, match=r"max_pool is 'gate', expected 'exact'.*replace"):
        layer_after_layer(net.replace(max_pool="gate"), x, T, usual)
    with pytest.raises(sl.OptionError, match=r"network: found str.*convert"):
        layer_after_layer("net", x, T, usual)
    with pytest.raises(sl.OptionError, match=r"timesteps = 0: expected a whole number"):
        layer_after_layer(net, x, 0, usual)
    with pytest.raises(sl.ShapeError, match=r"x: images of shape"):
        layer_after_layer(net, x[:, :1], T, usual)
