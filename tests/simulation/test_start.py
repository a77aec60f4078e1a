"""What neurons start with image by image, against a plain loop; arithmetic is dyadic."""

import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.networks import assert_same_run, converted, with_other_neurons
from helpers.starts import image_by_image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab.simulation import engine

T = 10


def random_starts(net, images, seed, with_silent=True):
    """A start for all layers but the first, which keeps its own; half of them with silent ones."""
    rng = np.random.default_rng(seed)
    starts = {}
    for i, name in enumerate(net.layers[1:]):
        shape = (images, *net.shape(name))
        silent = rng.random(shape) < 0.3 if with_silent and i % 2 == 0 else None
        starts[name] = sl.Start(oracles.dyadic(rng, shape, -3, 4), silent)
    return starts


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(6))
def test_a_run_is_that_of_a_plain_loop(seed, dtype):
    """Signed and burst neurons among them, offsets, max pooling."""
    steps, x, net = converted(seed)
    net, others = with_other_neurons(net, seed)
    starts = random_starts(net, len(x), seed)
    record = sl.simulate(net, x, T, start=starts, spikes=True, potentials=True, dtype=dtype)
    assert_same_run(record, image_by_image(steps, x, T, others, starts))


@pytest.mark.parametrize("seed", range(3))
def test_with_a_reset_to_zero(seed):
    steps, x, net = converted(seed, reset="zero", v_init=0.25)
    starts = random_starts(net, len(x), seed)
    record = sl.simulate(net, x, T, start=starts, spikes=True, potentials=True)
    assert_same_run(record, image_by_image(steps, x, T, {}, starts, "zero", 0.25))


@pytest.mark.parametrize("max_pool", ["exact", "gate"])
def test_blocks_change_nothing(max_pool, monkeypatch):
    _, x, net = converted(2, images=7)
    net = net.replace(max_pool=max_pool, signed=True)
    starts = random_starts(net, 7, 2)
    whole = sl.simulate(net, x, T, start=starts, spikes=True)
    monkeypatch.setattr(engine, "_BLOCK_BYTES", 1)
    single = sl.simulate(net, x, T, start=starts, spikes=True)
    parts = [
        sl.simulate(
            net, x[i : i + 1], T, spikes=True, start={n: part(s, i) for n, s in starts.items()}
        )
        for i in range(7)
    ]
    for record in (single, sl.Record.join(parts)):
        assert (record.output_sums == whole.output_sums).all()
        for name in net.layers:
            assert (record.spikes(name) == whole.spikes(name)).all()
            assert (record.sent(name) == whole.sent(name)).all()


def part(start, i):
    silent = None if start.silent is None else start.silent[i : i + 1]
    return sl.Start(start.v_init[i : i + 1], silent)


def test_the_start_of_the_neurons_changes_nothing():
    _, x, net = converted(3)
    net, _ = with_other_neurons(net, 3)
    starts = {}
    for name, neuron in net.neurons.items():
        shape = net.shape(name)
        own = np.asarray(neuron.v_init)
        own = own.reshape(-1, *[1] * (len(shape) - 1)) if own.ndim == 1 else own
        starts[name] = sl.Start(np.broadcast_to(own, (len(x), *shape)))
    found, expected = sl.simulate(net, x, T, start=starts), sl.simulate(net, x, T)
    assert (found.output_sums == expected.output_sums).all()


def test_silent_neurons_send_nothing_and_keep_their_charge():
    _, x, net = converted(1)
    net = net.replace(signed=True, max_spikes=2)
    starts = {}
    for name in net.layers:
        shape = (len(x), *net.shape(name))
        starts[name] = sl.Start(np.full(shape, 3.0), np.ones(shape, bool))
    record = sl.simulate(net, x, T, start=starts, potentials=True)
    at_rest = sl.simulate(net.replace(threshold=2.0**20), x, T, v_init=0.0)
    assert not any(record.sent(name).any() for name in net.layers)
    assert (record.output_sums == at_rest.output_sums).all()
    assert (record.potentials(net.layers[0])[-1] != record.potentials(net.layers[0])[0]).any()


def test_a_spiking_readout_has_a_start_too():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    for parameter in model.parameters():
        parameter.data = torch.full_like(parameter, 0.25)
    net = sl.convert(model, [[1.0, 1.0]], threshold=sl.Fixed(1.0), readout="spikes", v_init=0.0)
    start = {"readout": sl.Start([[2.0, 0.0], [0.0, 2.0]], [[False, False], [False, True]])}
    record = sl.simulate(net, [[1.0, 1.0]] * 2, 4, start=start)
    assert record.counts("1").tolist() == [[3, 3], [3, 3]]  # of 4 × 0.75
    assert record.counts("readout").tolist() == [[4, 2], [2, 0]]  # of 4 × 0.25 + 3 × 0.5
    found = sl.simulate(net, [[1.0, 1.0]] * 2, 4, start={-1: start["readout"]})
    assert (found.output_sums == record.output_sums).all()


def test_spiking_input_and_a_data_set_of_known_size():
    _, x, net = converted(4, images=6)
    starts = random_starts(net, 6, 4)
    data = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.arange(6))
    for options in ({}, {"input": "poisson", "seed": 0}):
        found = sl.simulate(net, data, T, start=starts, **options)
        expected = sl.simulate(net, x, T, start=starts, **options)
        assert (found.output_sums == expected.output_sums).all()
        assert found.labels.tolist() == list(range(6))


LINE = sl.convert(nn.ReLU(), [[1.0, 1.0]], threshold=sl.Fixed(2.0))
TWO = np.zeros((2, 2))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (sl.Start(TWO), r"start: found Start, expected a mapping.*start=\{'relu'"),
        ({"conv": sl.Start(TWO)}, r"layer 'conv': not among the spiking layers"),
        ({"relu": TWO}, r"start of layer 'relu': found ndarray, expected a Start\. Write snnlab"),
        ({"relu": sl.Start(TWO), 0: sl.Start(TWO)}, r"start: given twice for layer 'relu'"),
        ({"relu": sl.Start(TWO[:1])}, r"v_init of shape \(1, 2\), expected \(2, 2\)"),
        ({"relu": sl.Start(TWO[:, :1])}, r"v_init of shape \(2, 1\), expected \(2, 2\)"),
        ({"relu": sl.Start(TWO + 3e38)}, r"potential of 6e\+38 does not fit into torch\.float32"),
    ],
)
def test_what_does_not_fit_is_refused(start, words):
    with pytest.raises(sl.OptionError, match=words):
        sl.simulate(LINE, [[1.0, 1.0]] * 2, 4, start=start)


def test_images_whose_number_is_not_known_are_refused():
    loader = DataLoader(TensorDataset(torch.ones(2, 2)), 2)
    for given in (loader, iter([torch.ones(2, 2)])):
        with pytest.raises(sl.OptionError, match=r"start of layer 'relu': holds 2 images, and how"):
            sl.simulate(LINE, given, 4, start={"relu": sl.Start(TWO)})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[np.nan, 1.0]], r"v_init of a Start: found nan, expected finite"),
        ([[np.inf, 1.0]], r"v_init of a Start: found inf"),
        ([[1.0], [1.0, 2.0]], r"v_init of a Start: found \[\[1\.0\], .*an array of finite"),
        (0.5, r"v_init of a Start: found 0\.5, expected an array.*network\.replace"),
        ([["a"]], r"v_init of a Start: found array of <U1 and shape \(1, 1\)"),
        ([[True]], r"v_init of a Start: found array of bool"),
    ],
)
def test_a_start_is_finite_numbers(values, words):
    with pytest.raises(sl.OptionError, match=words):
        sl.Start(values)


def test_silent_is_one_truth_value_for_each():
    with pytest.raises(sl.OptionError, match=r"silent of a Start: shape \(1, 2\), expected that"):
        sl.Start(TWO, np.ones((1, 2), bool))
    with pytest.raises(sl.OptionError, match=r"silent of a Start: found array of int64"):
        sl.Start(TWO, np.ones((2, 2), np.int64))
    assert sl.Start(torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.bool)).silent.all()
