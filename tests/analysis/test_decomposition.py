import numpy as np
import pytest
import torch
from helpers import networks, oracles
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl

RESETS = ["subtract", "zero"]


def converted(seed, **options):
    steps, x, net = networks.converted(seed, **options)
    return steps, x, net.to(torch.float64)


def mlp(n):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 3))


@given(
    seed=st.integers(0, 40),
    reset=st.sampled_from(RESETS),
    v_init=st.sampled_from([0, 0.25, 0.5, 0.75]),
    timesteps=st.integers(1, 33),
    input=st.sampled_from(["analog", "poisson", "regular"]),
)
def test_parts_sum_to_the_total_for_every_neuron(seed, reset, v_init, timesteps, input):
    """φ - a, with a from an ANN evaluated apart; the totals are those of a plain loop."""
    steps, x, net = converted(seed, reset=reset, v_init=v_init)
    spiking = input != "analog"
    kept = ["input"] if spiking else []
    record = sl.simulate(net, x, timesteps, input=input, seed=1, spikes=kept)
    report = sl.decompose(net, x, record)
    if spiking:
        error = record.rates("input") - x
        np.testing.assert_allclose(report.part("input", "input"), error, rtol=0, atol=1e-12)
    x_t = record.spikes("input") if spiking else np.broadcast_to(x, (timesteps, *x.shape))
    loop = oracles.plain_loop(steps, x_t, reset, v_init)
    currents, output = oracles.ann(steps, x)
    for name, theta in oracles.thresholds(steps).items():
        counts = loop["spikes"][name].sum(0)
        theta = np.reshape(theta, (-1,) + (1,) * (counts.ndim - 2))
        total = theta * counts / timesteps - np.maximum(currents[name], 0)
        np.testing.assert_allclose(report.total(name), total, rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            sum(report.part(name, part) for part in report.parts[name]), total, rtol=0, atol=1e-12
        )
        mean = loop["currents"][name]
        propagated = np.maximum(mean, 0) - np.maximum(currents[name], 0)
        np.testing.assert_allclose(report.part(name, "propagated"), propagated, atol=1e-12)
        clipping = np.minimum(np.maximum(mean, 0), theta) - np.maximum(mean, 0)
        np.testing.assert_allclose(report.part(name, "clipping"), clipping, atol=1e-12)
    read_out = loop["output_sums"][-1] / timesteps - output
    np.testing.assert_allclose(report.total("output"), read_out, atol=1e-12)
    assert list(report.parts["output"]) == ["propagated"]


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("seed", range(10))
def test_the_first_layer_has_no_propagated_error_and_no_deviation(seed, reset):
    """With analog input its current is constant."""
    _, x, net = converted(seed, reset=reset, v_init=0.25)
    report = sl.decompose(net, x, sl.simulate(net, x, 16))
    first = net.layers[0]
    assert (report.part(first, "propagated") == 0).all()
    assert (report.part(first, "deviation") == 0).all()
    assert (report.part(first, "quantization") != 0).any()


@pytest.mark.parametrize("seed", range(20))
def test_o24_deviation_is_read_off_the_potential(seed):
    """Soft reset, unsaturated: deviation = -(θ/T) ⌊v_T/θ⌋. T is a power of 2, so exactly."""
    steps, x, net = converted(seed)
    record = sl.simulate(net, x, 16, potentials=True)
    report = sl.decompose(net, x, record)
    loop = oracles.plain_loop(steps, np.broadcast_to(x, (16, *x.shape)), "subtract", 0.5)
    checked = 0
    for name, theta in oracles.thresholds(steps).items():
        z = loop["currents"][name]
        theta = np.reshape(theta, (-1,) + (1,) * (z.ndim - 2))
        level = np.floor((16 * z + 0.5 * theta) / theta)
        inside = (level >= 0) & (level <= 16)
        expected = -theta / 16 * np.floor(record.potentials(name)[-1] / theta)
        deviation = report.part(name, "deviation")
        assert (deviation == expected)[inside].all()
        checked += inside.sum()
    assert checked > 50


def test_the_four_parts_of_one_neuron_by_hand():
    """θ = 1, T = 4, v0 = 0, soft: currents (0.875, 0.375, -2, 0.5), mean -1/16, one spike."""
    from snnlab.analysis.decomposition import split
    from snnlab.dynamics.neuron import Neuron

    z, z_ann, emitted = np.array([[-1 / 16]]), np.array([[0.5]]), np.array([[0.25]])
    parts = split(z, z_ann, emitted, 4, Neuron(1.0, v_init=0.0))
    assert {name: values.item() for name, values in parts.items()} == {
        "propagated": -0.5,
        "clipping": 0.0,
        "quantization": 0.0,
        "deviation": 0.25,
    }
    parts = split(np.array([[1.5]]), np.array([[1.25]]), np.array([[0.75]]), 4, Neuron(1.0))
    assert {name: values.item() for name, values in parts.items()} == {
        "propagated": 0.25,
        "clipping": -0.5,
        "quantization": 0.0,
        "deviation": -0.25,
    }
    hard = Neuron(1.0, reset="zero", v_init=0)
    parts = split(np.array([[0.99]]), np.array([[0.99]]), np.array([[0.5]]), 4, hard)
    assert parts["quantization"].item() == 0.5 - 0.99


def test_more_steps_shrink_quantization_and_not_clipping():
    model = mlp(40)
    x = np.random.default_rng(0).random((100, 10))
    net = sl.convert(model, x, threshold=sl.Percentile(95))
    few, many = (sl.decompose(net, x, sl.simulate(net, x, t)).rms()["3"] for t in (8, 512))
    assert many["quantization"] < few["quantization"] / 20
    assert many["clipping"] == pytest.approx(few["clipping"], rel=0.2)


def test_a_cap_is_part_of_the_activation():
    net = sl.convert(nn.ReLU6(), [[1.0]], threshold=sl.Fixed(8.0)).to(torch.float64)
    report = sl.decompose(net, [[7.0], [3.0]], sl.simulate(net, [[7.0], [3.0]], 4))
    assert (report.total(0) == 0).all()
    assert (report.part(0, "clipping") == 0).all()


def test_poisson_input_has_a_row_of_its_own():
    _, x, net = converted(2)
    record = sl.simulate(net, x, 16, input="poisson", seed=0)
    report = sl.decompose(net, x, record)
    assert report.layers[0] == "input"
    assert (report.total("input") == record.counts("input") / 16 - x).all()
    assert (report.part(net.layers[0], "propagated") != 0).any()


def test_the_neurons_that_ran_count_not_those_of_the_network():
    _, x, net = converted(4)
    record = sl.simulate(net, x, 16, reset="zero", v_init=0.0)
    report = sl.decompose(net, x, record)
    same = sl.decompose(net.replace(reset="zero", v_init=0.0), x, record)
    for name in net.layers:
        for part in report.parts[name]:
            assert (report.part(name, part) == same.part(name, part)).all()
    assert (report.part(0, "deviation") == 0).all()


def test_a_record_of_another_network_is_refused():
    _, x, net = converted(4)
    other = converted(5)[2]
    record = sl.simulate(other, oracles.images(5), 4)
    with pytest.raises(sl.OptionError, match=r"record: is of another network.*Simulate this"):
        sl.decompose(net, x, record)


def test_other_images_than_the_recorded_are_refused():
    _, x, net = converted(4)
    record = sl.simulate(net, x, 4)
    with pytest.raises(sl.ShapeError, match=r"x: 2 images, expected the 3"):
        sl.decompose(net, x[:2], record)


def test_unknown_parts_and_layers_are_refused_with_the_choices():
    _, x, net = converted(4)
    report = sl.decompose(net, x, sl.simulate(net, x, 4))
    with pytest.raises(sl.OptionError, match=r"part = 'quantisation'.*Did you mean 'quantization'"):
        report.part(0, "quantisation")
    with pytest.raises(sl.OptionError, match=r"layer 'nowhere': not among the rows"):
        report.total("nowhere")


def test_tables_show_every_row():
    _, x, net = converted(4)
    report = sl.decompose(net, x, sl.simulate(net, x, 4))
    for name in [*net.layers, "output", "quantization", "deviation"]:
        assert name in repr(report)
        assert name in report._repr_html_()
    rms = report.rms()
    assert rms["output"]["total"] == rms["output"]["propagated"]


def test_float32_networks_agree_with_float64_but_for_ties():
    model = mlp(64)
    x = np.random.default_rng(0).random((200, 10))
    net = sl.convert(model, x)
    report = sl.decompose(net, x, sl.simulate(net, x, 32))
    deviation = report.part(0, "deviation")
    assert (deviation != 0).mean() < 1e-3
    assert (report.part(0, "propagated") == 0).all()


# After fewer steps


POISSON = {"input": "poisson", "seed": 3}


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("reset", RESETS)
def test_parts_after_a_step_are_those_of_a_shorter_simulation(reset, poisson):
    _, x, net = converted(6, reset=reset, v_init=0.25)
    options = POISSON if poisson else {}
    record = sl.simulate(net, x, 16, at=(1, 5, 8), **options)
    for step in (1, 5, 8, 16):
        early = sl.decompose(net, x, record, step=step)
        short = sl.decompose(net, x, sl.simulate(net, x, step, **options))
        assert early.timesteps == step
        assert_same(early, short)
        assert ("input" in early.layers) == poisson


def assert_same(one, other):
    assert {name: list(parts) for name, parts in one.parts.items()} == {
        name: list(parts) for name, parts in other.parts.items()
    }
    for name, parts in one.parts.items():
        for part, values in parts.items():
            assert (values == other.parts[name][part]).all(), (name, part)
        assert (one.activations[name] == other.activations[name]).all()
    assert one.counts.keys() == other.counts.keys()
    for name, counts in one.counts.items():
        assert (counts == other.counts[name]).all()


def test_a_step_that_was_not_recorded_is_refused():
    _, x, net = converted(6)
    record = sl.simulate(net, x, 8, at=(2, 4))
    for step in (3, 9):
        with pytest.raises(
            sl.OptionError, match=rf"step = {step}: .*after the steps \[2, 4, 8\].*at=\({step},\)"
        ):
            sl.decompose(net, x, record, step=step)
    for step in (0, 2.5, True):
        with pytest.raises(sl.OptionError, match=f"step = {step}: expected a whole number"):
            sl.decompose(net, x, record, step=step)


# In the other order


def parts_at_the_anns_current(z, z_ann, spikes, theta, v_init, cap=np.inf):
    """The soft reset's parts when clipping and quantization are taken at the ANN's current."""
    timesteps = len(spikes)
    theta = np.reshape(theta, (-1,) + (1,) * (z.ndim - 2))
    held = [np.floor(timesteps * current / theta + v_init) for current in (z, z_ann)]
    steady, steady_ann = (theta * np.minimum(np.maximum(n, 0), timesteps) / timesteps for n in held)
    a = np.minimum(np.maximum(z_ann, 0), cap)
    return {
        "propagated": steady - steady_ann,
        "clipping": -np.maximum(a - theta, 0),
        "quantization": steady_ann - np.minimum(a, theta),
        "deviation": theta * spikes.sum(0) / timesteps - steady,
    }


@pytest.mark.slow
@given(
    seed=st.integers(0, 40),
    v_init=st.sampled_from([0, 0.25, 0.5, 0.75]),
    timesteps=st.sampled_from([1, 4, 16, 32]),
    poisson=st.booleans(),
)
def test_parts_at_the_anns_current_by_a_plain_loop(seed, v_init, timesteps, poisson):
    """T is a power of 2: all means and levels are exact, but for thresholds like 0.75."""
    steps, x, net = converted(seed, v_init=v_init)
    options = POISSON | {"spikes": ["input"]} if poisson else {}
    record = sl.simulate(net, x, timesteps, **options)
    ann = sl.decompose(net, x, record, reference="ann")
    received = sl.decompose(net, x, record)
    x_t = record.spikes("input") if poisson else np.broadcast_to(x, (timesteps, *x.shape))
    loop = oracles.plain_loop(steps, x_t, "subtract", v_init)
    currents, _ = oracles.ann(steps, x)
    for name, theta in oracles.thresholds(steps).items():
        expected = parts_at_the_anns_current(
            loop["currents"][name], currents[name], loop["spikes"][name], theta, v_init
        )
        assert list(ann.parts[name]) == list(expected)
        for part, values in expected.items():
            np.testing.assert_allclose(ann.part(name, part), values, rtol=0, atol=1e-12)
        np.testing.assert_allclose(ann.total(name), received.total(name), rtol=0, atol=1e-12)
        assert (ann.part(name, "deviation") == received.part(name, "deviation")).all()
    assert (ann.total("output") == received.total("output")).all()
    if not poisson:
        for part in ann.parts[net.layers[0]]:
            assert (ann.part(0, part) == received.part(0, part)).all()


def test_both_orders_by_hand_with_the_hard_reset():
    """θ = 1, T = 4, v0 = 0. Received 0.75 fires in steps 2 and 4, the ANN's 0.25 in step 4 only."""
    from snnlab.analysis.decomposition import split
    from snnlab.dynamics.neuron import Neuron

    z, z_ann, emitted = np.array([[0.75]]), np.array([[0.25]]), np.array([[0.75]])
    hard = Neuron(1.0, reset="zero", v_init=0)
    found = {
        order: [v.item() for v in split(z, z_ann, emitted, 4, hard, None, order).values()]
        for order in ("received", "ann")
    }
    assert found == {"received": [0.5, 0.0, -0.25, 0.25], "ann": [0.25, 0.0, 0.0, 0.25]}


def test_the_second_layer_differs_between_the_orders():
    _, x, net = converted(6)
    record = sl.simulate(net, x, 4)
    orders = [
        sl.decompose(net, x, record, reference=reference) for reference in ("received", "ann")
    ]
    received, ann = (report.part(-2, "propagated") for report in orders)
    assert (received != ann).any()


@pytest.mark.parametrize("reference", ["ANN", "snn", None, 1])
def test_an_unknown_reference_is_refused(reference):
    _, x, net = converted(4)
    with pytest.raises(sl.OptionError, match=r"reference = .*expected 'received' or 'ann'"):
        sl.decompose(net, x, sl.simulate(net, x, 4), reference=reference)


@pytest.mark.parametrize("reference", ["received", "ann"])
def test_a_cap_counts_in_both_orders(reference):
    """ReLU6 with θ = 4, T = 4, v0 = 0: currents 7 (capped at 6, clipped at 4), 5, 2.5 and -1."""
    x = [[7.0], [5.0], [2.5], [-1.0]]
    net = sl.convert(nn.ReLU6(), x, threshold=sl.Fixed(4.0), v_init=0.0)
    report = sl.decompose(net, x, sl.simulate(net, x, 4), reference=reference)
    assert report.activations[net.layers[0]].ravel().tolist() == [6, 5, 2.5, 0]
    assert report.part(0, "clipping").ravel().tolist() == [-2, -1, 0, 0]
    assert report.part(0, "quantization").ravel().tolist() == [0, 0, -0.5, 0]
    assert report.total(0).ravel().tolist() == [-2, -1, -0.5, 0]


@pytest.mark.parametrize("reset", RESETS)
def test_a_cap_behind_another_layer(reset):
    """z̄ = 8 φ: received above the cap, the ANN below it, and the other way round."""
    linear = nn.Linear(1, 1, bias=False)
    linear.weight = nn.Parameter(torch.tensor([[8.0]]))
    model = nn.Sequential(nn.ReLU(), linear, nn.ReLU6())
    x = [[0.6875], [0.8125], [0.25], [3.0]]
    net = sl.convert(model, x, threshold=sl.Fixed({"0": 1.0, "2": 4.0}), v_init=0.5, reset=reset)
    record = sl.simulate(net, x, 4)
    first = record.counts(0).ravel() / 4
    z, z_ann = np.minimum(8 * first, 6), np.minimum(8 * np.ravel(x), 6)
    received = sl.decompose(net, x, record)
    assert (received.part(1, "propagated").ravel() == z - z_ann).all()
    assert (received.part(1, "clipping").ravel() == np.minimum(z, 4) - z).all()
    ann = sl.decompose(net, x, record, reference="ann")
    assert (ann.part(1, "clipping").ravel() == np.minimum(z_ann, 4) - z_ann).all()
    assert (ann.total(1) == received.total(1)).all()
    assert (received.activations["2"].ravel() == z_ann).all()


# What comes with the parts


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parts_have_the_precision_of_the_simulation(dtype):
    _, x, net = converted(4)
    for options in ({}, POISSON):
        report = sl.decompose(net, x, sl.simulate(net, x, 4, dtype=dtype, **options))
        arrays = [values for parts in report.parts.values() for values in parts.values()]
        for array in [*arrays, *report.activations.values()]:
            assert array.dtype == (np.float32 if dtype == torch.float32 else np.float64)


@pytest.mark.parametrize("options", [{}, POISSON])
@pytest.mark.parametrize("reference", ["received", "ann"])
def test_batches_change_nothing(monkeypatch, options, reference):
    """Image by image, or all at once; the arithmetic is dyadic, so exactly."""
    from snnlab.analysis import decomposition, mean_currents

    _, x, net = converted(7)
    x = np.concatenate([x, x[::-1] / 2])
    record = sl.simulate(net, x, 16, **options)
    sizes = []
    currents = mean_currents.received_currents

    def counted(graph, images, *passed_on):
        sizes.append(len(images))
        return currents(graph, images, *passed_on)

    monkeypatch.setattr(decomposition, "received_currents", counted)
    whole = sl.decompose(net, x, record, reference=reference)
    assert set(sizes) == {6}
    monkeypatch.setattr(mean_currents, "_BATCH_BYTES", 1)
    single = sl.decompose(net, x, record, reference=reference)
    assert sizes[2:] == [1] * 12
    assert_same(whole, single)


@pytest.mark.parametrize("options", [{}, POISSON])
def test_activations_and_counts_are_those_of_the_ann_and_of_the_record(options):
    steps, x, net = converted(9)
    record = sl.simulate(net, x, 16, at=(4,), **options)
    ann, (currents, output) = sl.ann(net, x), oracles.ann(steps, x)
    for step in (4, 16):
        report = sl.decompose(net, x, record, step=step)
        assert list(report.counts) == net.layers
        for name in net.layers:
            assert (report.activations[name] == ann.activations[name]).all()
            assert (report.activations[name] == np.maximum(currents[name], 0)).all()
            assert (report.counts[name] == record.counts(name, step)).all()
        assert (report.activations["output"] == ann.outputs).all()
        np.testing.assert_allclose(report.activations["output"], output, rtol=0, atol=1e-12)
        if options:
            assert (report.activations["input"] == x).all()


@pytest.mark.slow
@given(seed=st.integers(0, 40), poisson=st.booleans())
def test_spurious_spikes_are_those_of_neurons_that_the_ann_silences(seed, poisson):
    steps, x, net = converted(seed)
    options = POISSON | {"spikes": ["input"]} if poisson else {}
    record = sl.simulate(net, x, 16, **options)
    report = sl.decompose(net, x, record)
    x_t = record.spikes("input") if poisson else np.broadcast_to(x, (16, *x.shape))
    loop = oracles.plain_loop(steps, x_t, "subtract", 0.5)
    currents, _ = oracles.ann(steps, x)
    for name in net.layers:
        silent = currents[name] <= 0
        spurious = report.spurious(name)
        assert (spurious[silent] == loop["spikes"][name].sum(0)[silent]).all()
        assert (spurious[~silent] == 0).all()


def test_there_are_spurious_spikes_and_rows_without_neurons_have_none():
    _, x, net = converted(6)
    report = sl.decompose(net, x, sl.simulate(net, x, 16, **POISSON))
    assert sum(report.spurious(name).sum() for name in net.layers) > 0
    for row in ("output", "input"):
        with pytest.raises(sl.OptionError, match=rf"layer '{row}': not among the spiking layers"):
            report.spurious(row)


# Over time


@pytest.mark.parametrize("options", [{}, POISSON])
def test_sizes_over_time_are_those_of_each_step(options):
    _, x, net = converted(8)
    record = sl.simulate(net, x, 16, at=(8, 2, 4), **options)
    errors = sl.decompose_over_time(net, x, record)
    assert errors.steps == (2, 4, 8, 16)
    assert errors.layers == [*(["input"] if options else []), *net.layers, "output"]
    for k, step in enumerate(errors.steps):
        rms = sl.decompose(net, x, record, step=step).rms()
        assert {n: {p: v[k] for p, v in parts.items()} for n, parts in errors.rms.items()} == rms
    for parts in errors.rms.values():
        assert "total" in parts
        for values in parts.values():
            assert (values.shape, values.dtype) == ((4,), np.float64)


def test_sizes_over_time_of_one_step_have_no_exponent():
    _, x, net = converted(8)
    errors = sl.decompose_over_time(net, x, sl.simulate(net, x, 16, at=(16,)))
    assert errors.steps == (16,)
    assert np.isnan(errors.exponent(0, "quantization"))


def test_sizes_over_time_need_several_steps():
    _, x, net = converted(8)
    words = r"counts after 16 steps only.*Simulate with at=\(4, 16, 64\)"
    with pytest.raises(sl.OptionError, match=words):
        sl.decompose_over_time(net, x, sl.simulate(net, x, 16))


@pytest.mark.parametrize("split", [sl.decompose, sl.decompose_over_time])
def test_what_is_no_network_and_no_record_is_refused(split):
    _, x, net = converted(8)
    record = sl.simulate(net, x, 4, at=(2,))
    with pytest.raises(sl.OptionError, match=r"network: found str.*convert\(model, x_cal\) first"):
        split("net", x, record)
    with pytest.raises(sl.OptionError, match=r"record: found NoneType.*simulate\(network, x, "):
        split(net, x, None)


def test_sizes_over_time_refuse_another_network_and_other_images():
    _, x, net = converted(8)
    record = sl.simulate(net, x, 4, at=(2,))
    with pytest.raises(sl.OptionError, match=r"record: is of another network"):
        sl.decompose_over_time(converted(5)[2], x, record)
    with pytest.raises(sl.ShapeError, match=r"x: 2 images, expected the 3"):
        sl.decompose_over_time(net, x[:2], record)


def power_laws():
    steps = (4, 16, 32, 256)
    t = np.array(steps, dtype=np.float64)
    return sl.ErrorsOverTime(
        steps,
        {
            "a": {
                "propagated": 3 / np.sqrt(t),
                "clipping": np.full(4, 0.25),
                "quantization": 0.5 / t,
                "deviation": np.array([0.5, 0.0, 0.25, 0.125]),
                "total": 2.0 * t,
            },
            "output": {"propagated": 1 / t, "total": np.zeros(4)},
        },
    )


def test_exponents_of_power_laws():
    errors = power_laws()
    expected = {"propagated": -0.5, "clipping": 0, "quantization": -1, "total": 1}
    for part, power in expected.items():
        assert errors.exponent("a", part) == pytest.approx(power, abs=1e-12)
        assert errors.exponent(0, part) == errors.exponent("a", part)
    assert errors.exponent("output", "propagated") == pytest.approx(-1, abs=1e-12)
    assert errors.exponent(-1, "propagated") == errors.exponent("a", "propagated")  # spiking layers


def test_an_exponent_by_least_squares():
    """Logarithms base 2: steps 0, 1, 2; sizes 0, 0, -3. The slope is -3 / 2."""
    values = {"total": np.array([1.0, 1.0, 0.125])}
    assert sl.ErrorsOverTime((1, 2, 4), {"a": values}).exponent("a", "total") == pytest.approx(-1.5)


def test_no_exponent_without_two_steps_or_where_a_part_is_zero():
    errors = power_laws()
    assert np.isnan(errors.exponent("a", "deviation"))
    assert np.isnan(errors.exponent("output", "total"))
    one = sl.ErrorsOverTime((4,), {"a": {"total": np.array([0.5])}})
    assert np.isnan(one.exponent("a", "total"))


def test_unknown_rows_and_parts_have_no_exponent():
    errors = power_laws()
    with pytest.raises(sl.OptionError, match=r"layer 'b': not among the rows.*\['a', 'output'\]"):
        errors.exponent("b", "total")
    with pytest.raises(sl.OptionError, match=r"part = 'clipping': expected 'propagated' or 'total"):
        errors.exponent("output", "clipping")


def test_the_table_over_time_holds_every_number():
    errors = power_laws()
    for shown in (repr(errors), errors._repr_html_()):
        for step in errors.steps:
            assert f"T = {step}" in shown
        for parts in errors.rms.values():
            for part, values in parts.items():
                assert part in shown
                assert all(f"{value:.3g}" in shown for value in values)
    row = next(line for line in repr(errors).splitlines() if "quantization" in line)
    assert row.split() == ["a", "quantization", "0.125", "0.0312", "0.0156", "0.00195", "-1.00"]


@pytest.mark.parametrize("batch_bytes", [1, 2**20])
@pytest.mark.parametrize("seed", range(5))
def test_mean_currents_are_those_of_a_plain_loop(monkeypatch, seed, batch_bytes):
    """T is a power of 2, but means over thresholds in quarters and pools may round."""
    from snnlab.analysis import mean_currents

    monkeypatch.setattr(mean_currents, "_BATCH_BYTES", batch_bytes)
    steps, x, net = converted(seed)
    record = sl.simulate(net, x, 16)
    found = mean_currents.mean_currents(net, torch.tensor(x), record)
    loop = oracles.plain_loop(steps, np.broadcast_to(x, (16, *x.shape)), "subtract", 0.5)
    assert list(found) == net.layers
    for name, currents in found.items():
        assert currents.dtype == np.float64
        np.testing.assert_allclose(currents, loop["currents"][name], rtol=0, atol=1e-12)


def test_the_ann_is_evaluated_once_for_all_steps(monkeypatch):
    from snnlab.analysis import decomposition

    evaluated = []
    currents = decomposition.received_currents

    def counted(graph, images, phi=None):
        evaluated.append("ann" if phi is None else "snn")
        return currents(graph, images, phi)

    monkeypatch.setattr(decomposition, "received_currents", counted)
    _, x, net = converted(7)
    record = sl.simulate(net, x, 16, at=(2, 4, 8))
    over_time = sl.decompose_over_time(net, x, record)
    assert sorted(evaluated) == ["ann"] + ["snn"] * 4
    for k, step in enumerate(over_time.steps):
        for row, parts in sl.decompose(net, x, record, step=step).rms().items():
            for part, size in parts.items():
                np.testing.assert_allclose(over_time.rms[row][part][k], size, rtol=1e-6)
