"""BSNN, differential coding, ECC and the delayed read-out: against plain loops and identities."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.layerwise import by_layers
from helpers.networks import converted, with_other_neurons
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab import data, recipes
from snnlab.recipes import bsnn, delayed_readout, differential, ecc

T = 8


def broadcast(value, ndim):
    value = np.asarray(value, float)
    return value.reshape(-1, *[1] * (ndim - 2)) if value.ndim == 1 else value


def assert_same(record, spikes, output_sums):
    for name in record.layers:
        assert (record.counts(name) == spikes[name].sum(0)).all(), name
        assert (record.sent(name) == np.abs(spikes[name]).sum(0)).all(), name
    assert (record.output_sums == output_sums).all()


# --- BSNN ------------------------------------------------------------------------------------


def gathered(net):
    """What one neuron after the other releases that has seen all its currents."""

    def fire(name, currents, rest):
        neuron, ndim = net.neurons[name], currents.ndim - 1
        theta, start, offset = (
            np.broadcast_to(broadcast(value, ndim), currents.shape[1:])
            for value in (neuron.v_threshold, neuron.v_init, neuron.i_offset)
        )
        spikes = np.zeros(currents.shape)
        for i in np.ndindex(*currents.shape[1:]):
            charge = currents[:, *i].sum() + T * offset[i] + start[i] * theta[i]
            count = min(max(int(charge // theta[i]), 0), neuron.max_spikes * T)
            spikes[:, *i] = np.diff([count * t // T for t in range(T + 1)])
        return spikes

    return fire


@pytest.mark.parametrize("shortcut", ["spikes", "analog"])
@pytest.mark.parametrize("seed", [2, 3, 17, 20])
def test_bsnn_is_a_plain_loop(seed, shortcut):
    steps, x, net = converted(seed, shortcut=shortcut)
    net, _ = with_other_neurons(net, seed)
    expected = by_layers(steps, x, T, gathered(net), analog=shortcut == "analog")
    assert_same(bsnn(net, x, T), *expected)
    assert_same(bsnn(net.to(torch.float64), x, T), *expected)


@pytest.mark.parametrize("max_spikes", [1, 3])
@pytest.mark.parametrize("seed", range(8))
def test_the_means_of_bsnn_are_those_of_the_staircases(seed, max_spikes):
    _, x, net = converted(seed, v_init=[0.0, 0.25, 0.5, 0.75][seed % 4])
    net = net.replace(max_spikes=max_spikes, scale=1 / 4).to(torch.float64)
    for steps in (1, 4, 16):
        record, expected = bsnn(net, x, steps), sl.quantized(net, x, steps)
        assert (record.outputs[-1] == expected.outputs).all()
        for name in net.layers:
            theta = broadcast(net.thresholds[name], x.ndim if len(net.shape(name)) > 1 else 2)
            assert (theta * record.rates(name) == expected.activations[name]).all()


def test_bsnn_spreads_spikes_evenly():
    net = sl.convert(nn.ReLU(), [[1.0] * 5], threshold=sl.Fixed(1.0), v_init=0.0)
    sums = bsnn(net, [[0.0, 0.25, 0.5, 0.75, 9.0]], 8).output_sums[:, 0].T
    trains = np.diff(sums, prepend=0)
    assert trains.tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 1],
        [0, 1, 0, 1, 0, 1, 0, 1],
        [0, 1, 1, 1, 0, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 1, 1],
    ]


def test_bsnn_leaves_no_spurious_spike_where_the_mean_is_right():
    """Two neurons, each as often as it should, but the third sees them in a bad order."""
    model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False), nn.ReLU())
    model[1].weight.data = torch.tensor([[3.0, -2.0]])
    net, x = sl.convert(model, [[1.0, 1.0]], threshold=sl.Fixed(1.0)), [[0.375, 0.625]]
    for record, spikes in ((sl.simulate(net, x, T), 1), (bsnn(net, x, T), 0)):
        assert sl.decompose(net, x, record).spurious("2").sum() == spikes


# --- differential coding ---------------------------------------------------------------------


def divisible(seed, **options):
    """A random network in which θ / t is dyadic for t to 8: thresholds are multiples of 210."""
    steps = [
        dataclasses.replace(
            step,
            threshold=None if step.threshold is None else 840 * step.threshold,
            bias=None if step.bias is None else 840 * step.bias,
        )
        for step in oracles.random_steps(seed)
    ]
    x = 840 * oracles.images(seed)
    theta = oracles.thresholds(steps)
    net = sl.convert(oracles.Torch(steps), x, threshold=sl.Fixed(theta), **options)
    return steps, x, net.to(torch.float64)


def by_differences(net, seen=None):
    """The recurrences of one step after the other, with the letters of the paper."""

    def fire(name, currents, rest):
        neuron = net.neurons[name]
        theta = broadcast(neuron.v_threshold, rest.ndim)
        offset = broadcast(neuron.i_offset, rest.ndim)
        v_0 = broadcast(neuron.v_init, rest.ndim) * theta
        v, e_in, e_out = v_0 + 0 * rest, rest + offset, 0 * rest
        spikes = []
        for t, current in enumerate(currents, start=1):
            d = current - rest
            v = v + d + e_in - e_out
            s = (v >= theta) * 1.0
            s[(v < 0) & (e_out - theta / t >= 0)] = -1
            v = v - theta * s
            e_in = e_in + d / t
            e_out = e_out + theta * s / t
            assert (v == v_0 + t * (e_in - e_out)).all()
            assert (e_out >= 0).all()
            spikes.append(s)
        if seen is not None:
            seen.update(np.unique(spikes))
        return np.stack(spikes)

    return fire


@pytest.mark.parametrize("shortcut", ["spikes", "analog"])
@pytest.mark.parametrize("seed", [2, 3, 17, 20])
def test_differential_coding_is_a_plain_loop(seed, shortcut):
    steps, x, net = divisible(seed, shortcut=shortcut)
    seen = set()
    fire = by_differences(net, seen)
    expected = by_layers(steps, x, T, fire, analog=shortcut == "analog", differential=True)
    assert_same(differential(net, x, T), *expected)
    assert seen == {-1, 0, 1}


def test_differential_coding_with_offsets_and_any_start():
    steps, x, net = divisible(5)
    net, _ = with_other_neurons(net, 5, one_spike=True)
    neurons = {
        name: dataclasses.replace(neuron, i_offset=840 * np.asarray(neuron.i_offset))
        for name, neuron in net.neurons.items()
    }
    net = sl.Network(net.graph, neurons)
    expected = by_layers(steps, x, T, by_differences(net), differential=True)
    for network in (net, net.replace(signed=True)):
        assert_same(differential(network, x, T), *expected)


def test_the_first_step_of_differential_coding_is_that_of_a_simulation():
    _, x, net = converted(1)
    found, expected = differential(net, x, 1), sl.simulate(net, x, 1)
    assert (found.output_sums == expected.output_sums).all()
    assert all((found.counts(n) == expected.counts(n)).all() for n in net.layers)


@given(st.integers(0, 64), st.integers(-16, 64), st.integers(1, 40))
def test_a_value_that_is_right_is_left_alone(start, value, steps):
    """The error of one neuron after t steps is at most θ / t, where the value is in [0, θ]."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0)).to(torch.float64)
    net = net.replace(v_init=np.array([start / 64]))
    found = differential(net, [[value / 64]], steps).outputs[-1].item()
    assert abs(found - max(value / 64, 0)) <= 1 / steps + 1e-9


def test_a_neuron_that_stands_at_0_is_silent():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0)
    record = differential(net, [[1.0]], 20)
    assert record.sent("relu").item() == 1
    assert set(record.outputs.ravel()) == {1.0}


# --- ECC -------------------------------------------------------------------------------------


def test_ecc_is_a_conversion_with_a_gain():
    model = oracles.Torch(oracles.random_steps(3))
    x = oracles.images(3)
    largest = sl.convert(model, x, threshold=sl.Maximum())
    lower = sl.convert(model, x, threshold=sl.Percentile(99))
    for found, expected in (
        (ecc(model, x), largest),
        (ecc(model, x, gain=4), largest.replace(scale=1 / 4)),
        (ecc(model, x, percentile=99, gain=0.5), lower.replace(scale=2)),
    ):
        assert found.fingerprint == expected.fingerprint
        assert {neuron.v_init for neuron in found.neurons.values()} == {0.5}


def test_its_closed_form_is_that_of_spkeras():
    """A chain of layers; counts are carried from layer to layer, as the authors' code does."""
    rng = np.random.default_rng(0)
    weights = [oracles.dyadic(rng, (6, 6), -0.5, 0.5) for _ in range(3)]
    biases = [oracles.dyadic(rng, 6, -0.25, 0.5) for _ in range(3)]
    layers = []
    for weight, bias in zip(weights, biases, strict=True):
        linear = nn.Linear(6, 6)
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
        layers += [linear.double(), nn.ReLU()]
    x = oracles.dyadic(rng, (5, 6), 0, 1)
    net = ecc(nn.Sequential(*layers).double(), x)
    net = net.replace(threshold=dict(zip(net.layers, [1.0, 0.5, 2.0], strict=True)))
    found = sl.quantized(net, x, 16)
    counts, before = 16 * x, 1.0
    for name, weight, bias in zip(net.layers, weights, biases, strict=True):
        theta = net.thresholds[name]
        charge = np.maximum(before * counts @ weight.T + 16 * bias, 0)
        counts, before = np.clip(np.floor((charge + 0.5 * theta) / theta), 0, 16), theta
        assert (found.activations[name] == theta * counts / 16).all()


# --- delayed read-out ------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(5))
def test_a_delayed_readout_is_the_mean_of_the_later_outputs(first):
    _, x, net = converted(6)
    y = [0, 1, 2]
    record = sl.simulate(net.replace(max_pool="gate", signed=True), (x, y), 5, spikes=True)
    found = delayed_readout(record, first)
    steps = np.diff(record.output_sums, axis=0, prepend=0)
    for t in range(1, 5 - first + 1):
        assert (found.output_sums[t - 1] == steps[first : first + t].sum(0)).all()
    assert found.timesteps == 5 - first == len(found.accuracy())
    assert found.accuracy()[-1] == (found.outputs[-1].argmax(1) == y).mean()
    with pytest.raises(sl.OptionError, match="its counts were not kept"):
        found.counts(0)


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [bsnn, differential])
def test_what_they_cannot_do_is_refused(method):
    _, x, net = converted(2)
    name = method.__name__
    with pytest.raises(sl.OptionError, match=rf"{name}: layer '.*' has reset='zero', expected"):
        method(net.replace(reset="zero"), x, T)
    with pytest.raises(sl.OptionError, match=r"max_pool is 'gate', expected 'exact'"):
        method(net.replace(max_pool="gate"), x, T)
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        method(net, x, 0)
    with pytest.raises(sl.OptionError, match=r"network: found str.*convert"):
        method("net", x, T)


def test_other_refusals():
    _, x, net = converted(2)
    words = r"differential: layer .* has max_spikes=2, expected max_spikes=1.*scale=2\)"
    with pytest.raises(sl.OptionError, match=words):
        recipes.differential(net.replace(max_spikes=2), x, T)
    for wrong in (0, -1.0, "1"):
        with pytest.raises(sl.OptionError, match=r"gain = .*: expected a finite number above 0"):
            ecc(nn.ReLU(), [[1.0]], gain=wrong)
    with pytest.raises(sl.OptionError, match=r"percentile = 0\.9"):
        ecc(nn.ReLU(), [[1.0]], percentile=0.9)
    record = sl.simulate(net, x, 4)
    for wrong in (-1, 4, 1.5):
        with pytest.raises(sl.OptionError, match=r"first = .*from 0 to 3, so that a step is left"):
            delayed_readout(record, wrong)
    with pytest.raises(sl.OptionError, match="record: found Network, expected a Record"):
        delayed_readout(net, 2)


# --- on a trained network --------------------------------------------------------------------


@pytest.mark.slow
def test_on_resnet20_each_method_is_better_than_a_simulation_and_ecc_parts_as_it_says():
    digits, model = data.load_digits(), data.load_network("digits_resnet20")
    x, y, x_cal = digits.x_test, digits.y_test, digits.x_train[:512]
    net = sl.convert(model, x_cal)
    plain = sl.simulate(net, x, T).accuracy(y)[-1]
    gathered = bsnn(net, x, T).accuracy(y)[-1]
    assert abs(gathered - sl.quantized(net, x, T, activations=False).accuracy(y)) < 0.005
    coded = differential(net, x, T).accuracy(y)[-1]
    stages = [method(net, x, T).accuracy(y)[-1] for method in (recipes.srp, recipes.cos)]
    assert min(gathered, coded, *stages) > plain + 0.03
    normalized = ecc(model, x_cal)
    closed = sl.quantized(normalized, x, T, activations=False).accuracy(y)
    stepped = sl.simulate(normalized, x, T, counts=False).accuracy(y)[-1]
    assert [closed, stepped] == pytest.approx([0.96, 0.79], abs=0.015)
