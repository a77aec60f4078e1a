import numpy as np
import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl

RESETS = ["subtract", "zero"]


def converted(seed, reset="subtract", v_init=0.5):
    steps = oracles.random_steps(seed)
    x = oracles.images(seed)
    rule = sl.Fixed(oracles.thresholds(steps))
    net = sl.convert(oracles.Torch(steps), x, threshold=rule, reset=reset, v_init=v_init)
    return steps, x, net.to(torch.float64)


def mlp(n):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 3))


@given(
    seed=st.integers(0, 40),
    reset=st.sampled_from(RESETS),
    v_init=st.sampled_from([0, 0.25, 0.5, 0.75]),
    timesteps=st.integers(1, 33),
    poisson=st.booleans(),
)
def test_parts_sum_to_the_total_for_every_neuron(seed, reset, v_init, timesteps, poisson):
    """φ - a, with a from an ANN evaluated apart; the totals are those of a plain loop."""
    steps, x, net = converted(seed, reset, v_init)
    options = {"input": "poisson", "seed": 1, "spikes": ["input"]} if poisson else {}
    record = sl.simulate(net, x, timesteps, **options)
    report = sl.decompose(net, x, record)
    x_t = record.spikes("input") if poisson else np.broadcast_to(x, (timesteps, *x.shape))
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
    _, x, net = converted(seed, reset, v_init=0.25)
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
    from snnlab.decomposition import split
    from snnlab.neuron import Neuron

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
