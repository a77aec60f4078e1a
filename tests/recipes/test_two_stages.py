"""SRP and COS against plain loops, and what they do and do not repair."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.networks import converted, with_other_neurons
from helpers.starts import image_by_image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab import recipes
from snnlab.dynamics.all_steps import Received
from snnlab.recipes import cos, srp
from snnlab.recipes.cos import shifted

FIRST, T = 4, 8


def network(seed, **options):
    steps, x, net = converted(seed, images=4, **options)
    return steps, x, net.to(torch.float64)


def start(v_init, silent=None):
    return SimpleNamespace(v_init=v_init, silent=silent)


def theta_of(net, layer):
    return broadcast(net.thresholds[layer], 1 + len(net.shape(layer)))


def broadcast(value, ndim):
    value = np.asarray(value)
    return value.reshape(-1, *[1] * (ndim - 2)) if value.ndim == 1 else value


def assert_same_counts(record, expected, steps):
    for name in record.layers:
        counts = expected["spikes"][name][:steps].sum(0)
        assert (record.counts(name) == counts).all(), name
    assert record.output_sums.shape[0] == steps
    assert (record.output_sums == expected["output_sums"][:steps]).all()


# --- SRP -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_srp_is_two_plain_loops(seed):
    steps, x, net = network(seed)
    found = srp(net, x, T, first=FIRST)
    early = image_by_image(steps, x, FIRST, {}, {})
    assert_same_counts(found.first, early, FIRST)
    starts = {}
    for name in net.layers:
        v = early["potentials"][name][-1]
        starts[name] = start(np.full(v.shape, 0.5), v <= 1e-3 * theta_of(net, name))
    assert_same_counts(found.second, image_by_image(steps, x, T, {}, starts), T)


def test_srp_silences_everything_if_all_owe():
    """A current of half the threshold empties a half full neuron after each odd step."""
    net = sl.convert(nn.Sequential(nn.ReLU(), nn.ReLU()), [[1.0]], threshold=sl.Fixed(1.0))
    record = srp(net, [[0.5], [0.5]], T, first=1).second
    assert not record.counts(0).any()
    assert not record.output_sums.any()
    assert srp(net, [[0.5]], T, first=2).second.counts(0).tolist() == [[T // 2]]


@pytest.mark.parametrize("seed", range(3))
def test_srp_works_with_all_neurons(seed):
    """They burst, take back, have offsets and start anywhere."""
    _, x, net = network(seed)
    net, _ = with_other_neurons(net, seed)
    found = srp(net, x, T)
    early = sl.simulate(net, x, 4, potentials=True)
    starts = {}
    for name, neuron in net.neurons.items():
        v = early.potentials(name)[-1]
        v_init = np.broadcast_to(broadcast(neuron.v_init, v.ndim), v.shape)
        starts[name] = sl.Start(v_init, v <= 1e-3 * theta_of(net, name))
    expected = sl.simulate(net, x, T, start=starts)
    assert (found.second.output_sums == expected.output_sums).all()


# --- COS -------------------------------------------------------------------------------------


def shift_by_hand(v0, v_after, spikes, theta):
    """The shift of one neuron, in units of potential; lists over the steps of the first stage."""
    before = [v + theta for v, s in zip(v_after, spikes, strict=True) if s]
    without = [v for v, s in zip(v_after, spikes, strict=True) if not s]
    if v_after[-1] < 0 and before:
        return v0 - max(1.0, (min(before) / theta) - 0.999)
    if v_after[-1] >= theta:
        return v0 + max(1.0, 1.001 - (max(without) / theta) if without else 1.0)
    return v0


def cos_by_hand(steps, x, net, first, timesteps, others):
    """One plain loop of the whole network for each layer that is added."""
    starts, shifts = {}, set()
    for name in net.layers:
        early = image_by_image(steps, x, first, others, starts)
        v, s = early["potentials"][name], early["spikes"][name]
        theta = np.broadcast_to(theta_of(net, name), v.shape[1:])
        v_0 = np.broadcast_to(broadcast(net.neurons[name].v_init, v.ndim - 1), v.shape[1:])
        v_init = np.empty(v.shape[1:])
        for i in np.ndindex(*v_init.shape):
            v_init[i] = shift_by_hand(v_0[i], v[:, *i].tolist(), s[:, *i].tolist(), theta[i])
            shifts.add(np.sign(v_init[i] - v_0[i]))
        starts[name] = start(v_init)
    return image_by_image(steps, x, timesteps, others, starts), shifts


@pytest.mark.parametrize("seed", range(6))
def test_cos_is_a_plain_loop_for_each_layer(seed):
    """In every second network neurons have offsets and start anywhere."""
    steps, x, net = network(seed)
    net, others = with_other_neurons(net, seed, one_spike=True) if seed % 2 else (net, {})
    expected, shifts = cos_by_hand(steps, x, net, FIRST, T, others)
    assert {-1, 0} <= shifts
    found = cos(net, x, T, first=FIRST)
    assert_same_counts(found.second, expected, T)
    assert_same_counts(found.first, expected, FIRST)


@pytest.mark.parametrize(("first", "timesteps"), [(6, 2), (1, 1), (3, 3)])
def test_cos_with_a_first_stage_that_is_longer_and_with_one_step(first, timesteps):
    steps, x, net = network(7)
    expected, _ = cos_by_hand(steps, x, net, first, max(first, timesteps), {})
    found = cos(net, x, timesteps, first=first)
    assert_same_counts(found.second, expected, timesteps)
    assert_same_counts(found.first, expected, first)


def test_how_far_cos_shifts():
    """One neuron fires at 5 and ends below 0; one stays silent at -3.5 and ends above θ = 2."""
    neuron = sl.Neuron(2.0, v_init=np.array([0.5, -1.0]))
    currents = torch.tensor([[[4.0, -1.5]], [[-6.0, 8.0]]], dtype=torch.float64)  # 2 steps
    layer = Received("relu", neuron, currents)
    trains, potentials = layer.run()
    assert trains.tolist() == [[[1, 0]], [[0, 1]]]
    assert potentials.tolist() == [[[3.0, -3.5]], [[-3.0, 2.5]]]
    # 0.5 - max(1, 5 / 2 - 0.999), and -1 + max(1, 1.001 + 3.5 / 2)
    assert shifted(layer, trains, potentials).v_init.tolist() == [[0.5 - 1.501, -1 + 2.751]]


def test_o26_a_shifted_start_adds_one_spike_or_removes_one():
    """On random currents of one layer, whose first stage is as long as the second."""
    rng = np.random.default_rng(0)
    frames = rng.integers(-16, 32, (T, 500, 1)) / 16
    model = nn.Sequential(nn.ReLU(), nn.Linear(1, 1, bias=False))
    net = sl.convert(model, [[1.0]], threshold=sl.Fixed(1.0)).to(torch.float64)
    early = sl.simulate(net, frames, T, input="frames", spikes=True, potentials=True)
    v, s = early.potentials("0"), early.spikes("0")
    v_init = [[shift_by_hand(0.5, v[:, b, 0], s[:, b, 0], 1.0)] for b in range(500)]
    late = sl.simulate(net, frames, T, input="frames", start={"0": sl.Start(v_init)})
    owes, owed = v[-1] < 0, (v[-1] >= 1) & (early.counts("0") < T)
    gained = late.counts("0") - early.counts("0")
    assert min((owes & (early.counts("0") > 0)).sum(), owed.sum()) > 20
    assert (gained[owed] == 1).all()
    assert (gained[owes & (early.counts("0") > 0)] == -1).all()
    assert (gained[~owes & ~owed & (v[-1] < 1)] == 0).all()


# --- both ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [srp, cos])
def test_without_a_first_stage_it_is_a_simulation(method):
    _, x, net = network(1)
    found, expected = method(net, x, T, first=0), sl.simulate(net, x, T)
    assert found.first is None
    assert (found.second.output_sums == expected.output_sums).all()
    assert all((found.second.counts(n) == expected.counts(n)).all() for n in net.layers)


@pytest.mark.parametrize("method", [srp, cos])
def test_labels_come_along_and_both_stages_can_be_counted(method):
    _, x, net = network(2)
    y = np.array([0, 1, 2, 0])
    data = TensorDataset(torch.tensor(x), torch.tensor(y))
    expected = method(net, x, T)
    for given in ((x, y), data, DataLoader(data, 3), iter([(x[:3], y[:3]), (x[3:], y[3:])])):
        found = method(net, given, T)
        assert (found.second.output_sums == expected.second.output_sums).all()
        assert (found.accuracy() == expected.accuracy(y)).all()
        assert (found.accuracy() == found.second.accuracy(y)).all()
    for record in (expected.first, expected.second):
        counted = sl.operations(net, record)
        assert counted.timesteps == record.timesteps
        for n in net.layers:
            assert (counted.sent[n] == record.sent(n).reshape(4, -1).sum(1)).all()
    assert expected.accuracy(y, metric="top2").shape == (T,)


@pytest.mark.parametrize("method", [srp, cos])
def test_blocks_change_nothing(method):
    _, x, net = network(4)
    whole = method(net, x, T)
    parts = [method(net, x[i : i + 1], T).second for i in range(4)]
    assert (sl.Record.join(parts).output_sums == whole.second.output_sums).all()


@pytest.mark.parametrize("method", [srp, cos])
def test_what_they_cannot_do_is_refused(method):
    _, x, net = network(0)
    name = method.__name__
    for wrong in (-1, 1.5, "4"):
        with pytest.raises(sl.OptionError, match=r"first = .*0 or more; 0 is no first stage"):
            method(net, x, T, first=wrong)
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        method(net, x, 0)
    with pytest.raises(sl.OptionError, match=r"network: found str.*convert"):
        method("net", x, T)
    hard = net.replace(net.layers[-1], reset="zero")
    words = rf"{name}: layer '{net.layers[-1]}' has reset='zero', expected reset='subtract'"
    with pytest.raises(sl.OptionError, match=words):
        method(hard, x, T)
    with pytest.raises(sl.ShapeError, match="x: images of shape"):
        method(net, x[:, :1], T)


def test_cos_is_for_neurons_with_one_spike():
    _, x, net = network(0)
    for setting, value, todo in (
        ("max_spikes", 3, r"max_spikes=1, scale=3"),
        ("signed", True, "signed=False"),
    ):
        words = rf"cos: layer .* has {setting}={value}, .*network\.replace\({todo}\)"
        with pytest.raises(sl.OptionError, match=words):
            recipes.cos(net.replace(**{setting: value}), x, T)
    if net.graph.pools:
        with pytest.raises(sl.OptionError, match="max_pool is 'gate', expected 'exact'"):
            recipes.cos(net.replace(max_pool="gate"), x, T)
