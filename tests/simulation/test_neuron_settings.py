"""Networks whose neurons burst, take back, have offsets or start anywhere, in all that uses them.

Arithmetic is dyadic, so what is equal is equal bit for bit.
"""

import dataclasses

import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.networks import assert_same_run, converted, with_other_neurons
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl

T = 12


def unusual(seed, one_spike=False, **options):
    steps, x, net = converted(seed, **options)
    return steps, x, *with_other_neurons(net, seed, one_spike)


def loop(steps, x, others, timesteps=T, reset="subtract"):
    x_t = np.broadcast_to(x, (timesteps, *x.shape))
    return oracles.plain_loop(steps, x_t, reset, 0.5, others)


@pytest.mark.parametrize("seed", range(12))
def test_a_run_is_that_of_a_plain_loop(seed):
    steps, x, net, others = unusual(seed)
    record = sl.simulate(net, x, T, spikes=True, potentials=True, at=(3,))
    expected = loop(steps, x, others)
    assert_same_run(record, expected)
    for name in net.layers:
        for step in (3, T):
            sent = np.abs(expected["spikes"][name][:step]).sum(0)
            assert (record.sent(name, step) == sent).all()
            assert (record.counts(name, step) == expected["spikes"][name][:step].sum(0)).all()


def test_the_loop_bursts_and_takes_back():
    found = set()
    for seed in range(12):
        steps, x, _, others = unusual(seed)
        found |= {
            int(s) for trains in loop(steps, x, others)["spikes"].values() for s in trains.flat
        }
    assert {-3, -2, -1, 0, 1, 2, 3, 4} <= found


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", range(3))
def test_starts_and_offsets_with_both_resets(seed, reset):
    steps, x, net, others = unusual(seed, one_spike=True, reset=reset)
    record = sl.simulate(net, x, T, spikes=True, potentials=True)
    assert_same_run(record, loop(steps, x, others, reset=reset))
    for name in net.layers:
        assert (record.sent(name) == record.counts(name)).all()


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 100), st.sampled_from(["analog", "poisson", "regular"]))
def test_charge_is_conserved_and_no_count_falls_below_0(seed, input):
    steps, x, net, others = unusual(seed)
    record = sl.simulate(net, x, T, input=input, seed=0, spikes=True, potentials=True)
    x_t = record.spikes("input") if input != "analog" else np.broadcast_to(x, (T, *x.shape))
    currents = oracles.plain_loop(steps, x_t, "subtract", 0.5, others)["currents"]
    for name, neuron in net.neurons.items():
        theta, start, offset = (
            np.reshape(v, np.shape(v) + (1,) * (len(net.shape(name)) - 1)) if np.ndim(v) == 1 else v
            for v in (neuron.v_threshold, neuron.v_init, neuron.i_offset)
        )
        running = record.spikes(name).cumsum(0)
        assert (running >= 0).all()
        charge = start * theta + T * (currents[name] + offset)
        np.testing.assert_allclose(
            record.potentials(name)[-1] + theta * running[-1], charge, rtol=0, atol=1e-12
        )


def test_blocks_change_nothing():
    _, x, net, _ = unusual(1, images=9)
    whole = sl.simulate(net, x, T, spikes=True)
    joined = sl.Record.join([sl.simulate(net, part, T, spikes=True) for part in np.split(x, 3)])
    images = ((x[i : i + 2], None) for i in range(0, 9, 2))
    parts = sl.simulate(net, (pair[0] for pair in images), T, spikes=True)
    for record in (joined, parts):
        for name in net.layers:
            assert (record.spikes(name) == whole.spikes(name)).all()
            assert (record.counts(name) == whole.counts(name)).all()
            assert (record.sent(name) == whole.sent(name)).all()


def signed_identity(**options):
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0)
    return net.replace(signed=True, **options)


@pytest.mark.parametrize("gamma", [1, 60, 130])
def test_counts_have_room_for_every_spike_that_is_taken_back(gamma):
    """Up for half of the time and down for the other half: 0 arrives, twice as much is sent."""
    net, half = signed_identity(max_spikes=gamma), 200
    frames = np.repeat([gamma, -gamma], half).astype(np.float32)[:, None, None]
    record = sl.simulate(net, frames, 2 * half, input="frames", spikes=True, at=(half,))
    trains = record.spikes("relu").ravel()
    assert trains.tolist() == [gamma] * half + [-gamma] * half
    assert record.counts("relu", half).item() == record.sent("relu", half).item() == gamma * half
    assert record.counts("relu").item() == 0
    assert record.sent("relu").item() == 2 * gamma * half
    kept = record.recorded_spikes.kept["relu"].dtype
    assert kept == (np.int8 if gamma < 128 else np.int16)
    assert "400.0" in repr(record) or gamma != 1


def test_trains_of_plain_neurons_take_one_byte_and_no_spikes_are_kept_twice():
    _, x, net = converted(0)
    record = sl.simulate(net, x, T, spikes=True)
    assert {v.dtype for v in record.recorded_spikes.kept.values()} == {np.dtype(np.uint8)}
    assert record.crossings == {}


# --- without time ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_quantized_is_a_simulation_of_a_layer_that_receives_constant_currents(seed):
    _, x, net, _ = unusual(seed)
    first = net.layers[0]
    found = sl.quantized(net, x, T).activations[first]
    theta = np.reshape(net.neurons[first].v_threshold, (-1, 1, 1))
    counts = sl.simulate(net, x, T).counts(first)
    np.testing.assert_allclose(found, theta * counts / T, rtol=1e-6)


@pytest.mark.parametrize("reference", ["received", "ann"])
@pytest.mark.parametrize("seed", range(8))
def test_the_parts_are_those_of_a_plain_loop(seed, reference):
    steps, x, net, others = unusual(seed)
    record = sl.simulate(net, x, 16, dtype=torch.float64)
    report = sl.decompose(net, x, record, reference=reference)
    expected, (currents, _) = loop(steps, x, others, 16), oracles.ann(steps, x)
    for name, theta in oracles.thresholds(steps).items():
        own = others[name]
        theta, i = (
            np.reshape(v, (-1,) + (1,) * (len(net.shape(name)) - 1)) if np.ndim(v) else v
            for v in (theta, own["i_offset"])
        )
        z = expected["currents"][name] if reference == "received" else currents[name]
        ceiling = own["max_spikes"] * theta
        assert list(report.parts[name]) == [
            *("propagated", "clipping"),
            *(["offset"] if np.any(own["i_offset"]) else []),
            *("quantization", "deviation"),
        ]
        a = np.maximum(z, 0)
        clipped, shifted = np.minimum(a, ceiling), np.minimum(np.maximum(z + i, 0), ceiling)
        parts = {n: report.part(name, n) for n in report.parts[name]}
        np.testing.assert_allclose(parts["clipping"], clipped - a, rtol=0, atol=1e-12)
        if "offset" in parts:
            np.testing.assert_allclose(parts["offset"], shifted - clipped, rtol=0, atol=1e-12)
        phi = theta * expected["spikes"][name].sum(0) / 16
        total = phi - np.maximum(currents[name], 0)
        np.testing.assert_allclose(report.total(name), total, rtol=0, atol=1e-12)
    if reference == "received":
        first = net.layers[0]
        assert not report.part(first, "deviation").any()


def test_the_offset_is_a_bar_of_its_own():
    from matplotlib import pyplot as plt

    from snnlab import plots

    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0)
    x = [[0.25], [0.5], [-0.25]]
    shifted = net.replace(i_offset=0.25)
    report = sl.decompose(shifted, x, sl.simulate(shifted, x, 4))
    assert report.part("relu", "offset").tolist() == [[0.25], [0.25], [0.0]]
    assert not report.part("relu", "quantization").any()
    assert "offset" in repr(report)
    ax = plots.error_parts(report)
    (bar,) = [bars for bars in ax.containers if bars.get_label() == "offset"]
    assert bar[0].get_width() == pytest.approx(np.sqrt(2 * 0.25**2 / 3))  # all of the error
    marks = plots.activation_against_rate(report, "relu")
    assert "most of it offset" in [line.get_label() for line in marks.lines]
    plain = sl.decompose(net, x, sl.simulate(net, x, 4))
    assert "offset" not in repr(plain)
    plt.close("all")


# --- the network -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_normalized_weights_fire_the_same_spikes(seed):
    _, x, net, _ = unusual(seed)
    rng = np.random.default_rng(seed)
    powers = {n: 2.0 ** rng.integers(-1, 2, np.shape(t)) for n, t in net.thresholds.items()}
    net = net.replace(threshold=powers)
    normalized = sl.normalize_weights(net)
    a, b = (sl.simulate(one, x, T, spikes=True) for one in (net, normalized))
    for name in net.layers:
        assert (a.spikes(name) == b.spikes(name)).all()
    assert (a.output_sums == b.output_sums).all()
    assert set(normalized.thresholds.values()) == {1.0}


@pytest.mark.parametrize("seed", range(3))
def test_a_file_keeps_every_setting(seed, tmp_path):
    _, x, net, _ = unusual(seed)
    net.save(tmp_path / "net")
    back = sl.load(tmp_path / "net")
    assert back.fingerprint == net.fingerprint
    for name, neuron in net.neurons.items():
        for field in dataclasses.fields(neuron):
            a, b = getattr(neuron, field.name), getattr(back.neurons[name], field.name)
            assert type(a) is type(b)
            assert np.array_equal(a, b)
    a, b = (sl.simulate(one, x, T) for one in (net, back))
    assert (a.output_sums == b.output_sums).all()


def test_every_setting_counts_in_the_fingerprint_and_for_joining():
    _, x, net = converted(0)
    changes = [{"v_init": np.full(net.shape(0), 0.25)}, {"i_offset": 0.25}]
    changes += [{"max_spikes": 2}, {"signed": True}]
    others = [net, *(net.replace(0, **change) for change in changes)]
    assert len({other.fingerprint for other in others}) == 5
    for other in others[1:]:
        records = [sl.simulate(one, x, 4) for one in (net, other)]
        with pytest.raises(sl.OptionError, match="differ in the settings of its neurons"):
            sl.Record.join(records)


def test_the_table_shows_a_column_for_what_is_not_usual():
    _, _, net = converted(0)
    assert repr(net).splitlines()[1].split()[-2:] == ["reset", "v_init"]
    start = np.linspace(-1, 2, net.shape(0)[0])
    net = net.replace(0, v_init=start, i_offset=start / 2, max_spikes=3, signed=True)
    header, first, second = repr(net).splitlines()[1:4]
    assert header.split()[-4:] == ["v_init", "i_offset", "max_spikes", "signed"]
    assert "-1 … 2 θ" in first
    assert first.split()[-5:] == ["-0.5", "…", "1", "3", "yes"]
    assert second.split()[-3:] == ["0", "1", "no"]
    assert "max_spikes" in net._repr_html_()


def test_folded_modules_know_their_neurons():
    _, _, net, _ = unusual(3)
    module = net.folded()
    for name, neuron in net.neurons.items():
        relu = module.get_submodule(name)
        assert (relu.max_spikes, relu.signed) == (neuron.max_spikes, neuron.signed)
        for setting in ("v_init", "i_offset"):
            found, own = getattr(relu, setting), getattr(neuron, setting)
            if np.ndim(own):
                assert torch.broadcast_shapes(found.shape, net.shape(name)) == net.shape(name)
                assert found.flatten().tolist() == own.ravel().tolist()
            else:
                assert found == own


def test_a_cap_is_the_most_that_a_burst_passes_on():
    net = sl.convert(nn.ReLU6(), [[1.0]], threshold=sl.Fixed(4.0), v_init=0.0)
    assert net.replace(max_spikes=2).thresholds[net.layers[0]] == 3.0
    assert net.replace(threshold=1.0, max_spikes=2).thresholds[net.layers[0]] == 1.0
    assert sl.quantized(net.replace(max_spikes=2), [[9.0]], 8).outputs.item() == 6.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v_init": np.ones(7)}, r"v_init of layer 'relus.1': array of shape \(7,\), expected one"),
        ({"v_init": np.ones((1, 4, 4))}, r"v_init of layer .*\(3, 4, 4\)"),
        ({"i_offset": np.ones(7)}, r"i_offset of layer 'relus.\d': array of 7 numbers, expected"),
        ({"i_offset": 1e300}, r"v_init or i_offset, 1e\+300, does not fit into torch.float32"),
        ({"v_init": [1e200] * 3}, r"v_init or i_offset, .*does not fit into torch.float32"),
        ({"reset": "zero", "signed": True}, r"reset = 'zero' with signed=True"),
    ],
    ids=str,
)
def test_a_network_refuses_settings_that_do_not_fit(changes, message):
    _, _, net = converted(0)
    with pytest.raises(sl.OptionError, match=message):
        net.replace(0, **changes)


# --- other places ----------------------------------------------------------------------------


def test_nir_refuses_by_name_and_replaces_all():
    pytest.importorskip("nir")
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    net = sl.convert(model, [[0.5, 1.0]], threshold=sl.Fixed(1.0), reset="zero", v_init=0.0)
    others = {
        r"v_init 0\.25 … 0\.5": {"v_init": [0.25, 0.5, 0.5]},
        r"and i_offset 0\.25": {"i_offset": 0.25},
        "and max_spikes 2": {"reset": "subtract", "max_spikes": 2},
        "and signed spikes": {"reset": "subtract", "signed": True},
    }
    for words, change in others.items():
        with pytest.raises(sl.UnsupportedLayerError, match=rf"NIR has no neuron with .*{words}"):
            sl.to_nir(net.replace(**change))
        with pytest.warns(UserWarning, match="start empty and are reset to zero"):
            sl.to_nir(net.replace(**change), approximate=[[0.5, 1.0]], timesteps=4)


def test_a_sweep_varies_the_neuron_and_counts_what_is_sent():
    net = signed_identity()
    grid = {"max_spikes": [1, 2], "signed": [False, True], "i_offset": [0.0, 0.25]}
    table = sl.sweep(net, grid, [[0.25], [1.5]], [[0.25], [1.5]], timesteps=[4], metric="rmse")
    assert len(table) == 8
    spikes = table.set_index([*grid])["spikes"].to_dict()
    assert (spikes[1, False, 0.0], spikes[2, True, 0.25]) == (2.5, 4.5)
    _, x, net = converted(3)
    spikes = sl.sweep(net, {"signed": [True]}, x, [0] * 3, timesteps=[T])["spikes"].item()
    record = sl.simulate(net.replace(signed=True), x, T)
    sent, counts = (sum(read(n).sum() for n in net.layers) for read in (record.sent, record.counts))
    assert spikes == sent / 3 > counts / 3
    with pytest.raises(sl.OptionError, match="reset = 'zero' with signed=True"):
        sl.sweep(net, {"reset": ["subtract", "zero"], "signed": [False, True]}, [[1.0]], [[1.0]])


def test_a_raster_shows_what_is_taken_back_in_another_form():
    from matplotlib import pyplot as plt

    from snnlab import plots

    frames = np.array([1.0, 1.0, -1.0, -1.0], np.float32)[:, None, None]
    record = sl.simulate(signed_identity(), frames, 4, input="frames", spikes=True)
    ax = plots.raster(record, "relu")
    (sent,), (back,) = ax.collections, ax.lines
    assert [segment[0, 0] for segment in sent.get_segments()] == [1, 2]
    assert back.get_xdata().tolist() == [3, 4]
    assert [drawn.get_label() for drawn in (sent, back)] == ["sent", "taken back"]
    plt.close("all")


@pytest.mark.parametrize("max_pool", ["gate", "gate_recent", "exact"])
def test_pools_take_signed_trains(max_pool):
    """An exact pooling passes on the largest sum, whatever the spikes are."""
    model = nn.Sequential(nn.ReLU(), nn.MaxPool1d(2))
    frames = np.array([[[1.0, 0.0]], [[1.0, 0.0]], [[-2.0, 1.0]], [[-1.0, 0.0]]], np.float32)
    x = frames[:, None]
    net = sl.convert(model, x[0], threshold=sl.Fixed(1.0), v_init=0.0, max_pool=max_pool)
    record = sl.simulate(net.replace(signed=True), x, 4, input="frames", spikes=True)
    sums = record.spikes("0").cumsum(0)
    if max_pool == "exact":
        assert (record.output_sums == sums.max(-1, keepdims=True)).all()
    else:
        assert np.isfinite(record.output_sums).all()


def test_diagnose_takes_corrected_and_signed_networks():
    _, x, net, _ = unusual(2)
    y = sl.ann(net, x).outputs.argmax(1)
    report = sl.diagnose(net, x, y, timesteps=8)
    assert "after 8 steps" in repr(report)
