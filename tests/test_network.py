"""A network: it never changes, refuses nonsense, and shows itself."""

import copy
import dataclasses
import pickle
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl

X = torch.randint(0, 17, (4, 1, 6, 6), generator=torch.Generator().manual_seed(0)) / 16


def model():
    generator = torch.Generator().manual_seed(1)
    built = nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(48, 5),
        nn.ReLU6(),
        nn.Linear(5, 2),
    )
    for parameter in built.parameters():
        parameter.data = torch.randint(-32, 33, parameter.shape, generator=generator) / 64
    return built.eval()


@pytest.fixture
def net():
    return sl.convert(model(), X, threshold=sl.Fixed({"1": [0.5, 1.0, 2.0], "4": 3.0}))


def settings(network):
    """Return what a network says of its neurons, comparable with ==."""
    return {
        name: (np.array(neuron.v_threshold).tolist(), neuron.reset, neuron.v_init)
        for name, neuron in network.neurons.items()
    }


def default(theta):
    return theta, "subtract", 0.5


BEFORE = {"1": default([0.5, 1.0, 2.0]), "4": default(3.0)}


# --- a network never changes -----------------------------------------------------------------


def test_network_is_frozen(net):
    with pytest.raises(dataclasses.FrozenInstanceError):
        net.neurons = {}
    with pytest.raises(TypeError, match="does not support item assignment"):
        net.neurons["1"] = sl.Neuron(1.0)
    with pytest.raises(ValueError, match="read-only"):
        net.thresholds["1"][0] = 9
    net.thresholds["1"] = 7  # a dict of its own
    assert settings(net) == BEFORE


def test_network_does_not_keep_the_mapping_it_was_given(net):
    neurons = dict(net.neurons)
    other = sl.Network(net.graph, neurons)
    neurons["1"] = sl.Neuron(9.0)
    assert settings(other) == BEFORE


@pytest.mark.parametrize(
    ("neurons", "message"),
    [
        ({}, r"none for the layers \['1', '4'\]"),
        ({"1": sl.Neuron(1.0)}, r"none for the layers \['4'\]"),
        (
            {"1": sl.Neuron(1.0), "4": sl.Neuron(1.0), "44": sl.Neuron(1.0)},
            r"'44'.*Did you mean '4'\?",
        ),
        ({"1": sl.Neuron([1.0, 2.0]), "4": sl.Neuron(1.0)}, r"'1'.*2 numbers.* 3, one for each"),
    ],
    ids=["none", "one missing", "one too many", "wrong length"],
)
def test_network_refuses(net, neurons, message):
    with pytest.raises(sl.OptionError, match=message):
        sl.Network(net.graph, neurons)


def test_network_of_something_else_than_neurons_is_refused(net):
    with pytest.raises(sl.OptionError, match=r"'1'.*Neuron"):
        sl.Network(net.graph, {"1": 1.0, "4": 1.0})


def test_layers_shapes_and_thresholds(net):
    assert net.layers == ["1", "4"]
    assert net.shape("1") == net.shape(0) == net.shape(-2) == (3, 4, 4)
    assert net.shape("4") == net.shape(-1) == (5,)
    assert net.thresholds["1"].tolist() == [0.5, 1.0, 2.0]
    assert net.thresholds["4"] == 3.0
    with pytest.raises(sl.OptionError, match=r"'5'.*\['1', '4'\]"):
        net.shape("5")
    with pytest.raises(sl.OptionError, match=r"layer 2.*from -2 to 1"):
        net.shape(2)
    with pytest.raises(sl.OptionError, match="True"):
        net.shape(True)


# --- replace ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ({}, {}),
        ({"reset": "zero"}, {"1": ([0.5, 1, 2], "zero", 0.5), "4": (3, "zero", 0.5)}),
        ({"v_init": 0}, {"1": ([0.5, 1, 2], "subtract", 0), "4": (3, "subtract", 0)}),
        ({"threshold": 4}, {"1": default(4), "4": default(4)}),
        ({"scale": 0.5}, {"1": default([0.25, 0.5, 1]), "4": default(1.5)}),
        ({"threshold": 1, "scale": 2, "layer": -1}, {"4": default(2)}),
        ({"layer": "4", "threshold": 1, "reset": "zero"}, {"4": (1, "zero", 0.5)}),
        ({"layer": -2, "v_init": 0.25}, {"1": ([0.5, 1, 2], "subtract", 0.25)}),
        ({"layer": 0, "threshold": [4, 2, 1]}, {"1": default([4, 2, 1])}),
        ({"threshold": {"4": 1}}, {"4": default(1)}),
        ({"threshold": {-1: 1, 0: [1, 2, 4]}}, {"1": default([1, 2, 4]), "4": default(1)}),
        ({"threshold": {"4": 1}, "scale": 2}, {"1": default([1, 2, 4]), "4": default(2)}),
        ({"layer": "1", "scale": [1, 2, 4]}, {"1": default([0.5, 2, 8])}),
        # Layer 4 is a ReLU6.
        ({"scale": 4}, {"1": default([2, 4, 8]), "4": default(6)}),
        ({"layer": "4", "threshold": [1, 2, 6, 7, 8]}, {"4": default([1, 2, 6, 6, 6])}),
    ],
    ids=str,
)
def test_replace(net, arguments, changed):
    found = net.replace(**arguments)
    assert settings(found) == BEFORE | changed
    assert settings(net) == BEFORE
    assert found.graph is net.graph


def test_a_cap_stays_after_scaling_down(net):
    assert net.replace("4", scale=4).replace("4", scale=0.5).thresholds["4"] == 3.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": "44", "scale": 2}, r"'44'.*Did you mean '4'\?.*\['1', '4'\]"),
        ({"layer": 2}, r"layer 2.*from -2 to 1"),
        ({"layer": True}, r"layer True"),
        ({"threshold": 0}, r"layer '1'.*0.*above 0"),
        ({"threshold": {"4": -1}}, r"layer '4'.*-1.*above 0"),
        ({"threshold": {"44": 1}}, r"'44'.*Did you mean '4'\?"),
        ({"threshold": {"1": 1}, "layer": "4"}, r"given for \['1'\].*only \['4'\].*Leave `layer`"),
        ({"threshold": [1, 2], "layer": "1"}, r"layer '1'.*2 numbers.* 3, one for each channel"),
        ({"threshold": "high"}, r"layer '1'.*'high'.*a number"),
        ({"scale": 0}, r"scale.*0.*above 0"),
        ({"scale": -1}, r"scale.*-1.*above 0"),
        ({"scale": float("nan")}, r"scale.*nan.*finite"),
        ({"scale": "2x"}, r"scale = '2x'.*a number"),
        ({"scale": [1, 2], "layer": "1"}, r"layer '1'.*2 numbers.* 3"),
        ({"reset": "substract"}, r"reset = 'substract'.*Did you mean 'subtract'\?"),
        ({"v_init": 1}, r"v_init = 1:.*\[0, 1\).*v_init / v_threshold"),
    ],
    ids=str,
)
def test_replace_refuses(net, arguments, message):
    with pytest.raises(sl.OptionError, match=message):
        net.replace(**arguments)
    assert settings(net) == BEFORE


# --- to --------------------------------------------------------------------------------------


def test_to_float64_keeps_thresholds_and_outputs(net):
    double = net.to(torch.float64)
    assert (net.graph.dtype, double.graph.dtype) == (torch.float32, torch.float64)
    assert settings(double) == settings(net) == BEFORE
    single, doubled = sl.ann(net, X).outputs, sl.ann(double, X).outputs
    assert (single.dtype, doubled.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(doubled, single, rtol=1e-6)
    # All numbers are dyadic, so the spikes are the same ones.
    runs = [sl.simulate(n, X, 8) for n in (net, double)]
    np.testing.assert_allclose(runs[1].outputs, runs[0].outputs, rtol=1e-6)
    assert np.array_equal(runs[0].counts("4"), runs[1].counts("4"))
    assert runs[0].counts("4").any()
    assert net.graph.fingerprint == double.graph.fingerprint


def test_to_float64_is_within_1e_6_on_random_weights():
    torch.manual_seed(2)
    network = sl.convert(nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)), X[:, 0, 0])
    double = network.to(torch.float64)
    assert double.thresholds == network.thresholds
    outputs = [sl.ann(n, X[:, 0, 0]).outputs for n in (network, double)]
    np.testing.assert_allclose(*outputs, rtol=1e-6, atol=1e-6)


def test_to_returns_a_copy_that_shares_nothing(net):
    copy = net.to("cpu")
    assert copy is not net
    assert copy.graph.device == torch.device("cpu")
    before = sl.ann(net, X).outputs
    for parameter in copy.graph.module.parameters():
        parameter.data.zero_()
    assert np.array_equal(sl.ann(net, X).outputs, before)
    assert settings(copy) == settings(net)


def test_to_half_precision_is_refused(net):
    with pytest.raises(sl.OptionError, match=r"float16.*float32.*float64"):
        net.to(torch.float16)


# --- tables ----------------------------------------------------------------------------------


def cells(network):
    """Return title, header and rows of the HTML table; fails if it is not well-formed."""
    table = ElementTree.fromstring(network._repr_html_())
    assert table.tag == "table"
    header = [cell.text for cell in table.findall("thead/tr/th")]
    rows = [["".join(c.itertext()) for c in row] for row in table.findall("tbody/tr")]
    return table.find("caption").text, header, rows


def test_text_table_shows_every_layer(net):
    title, header, *rows = repr(net.replace("4", reset="zero", v_init=0.25)).splitlines()
    assert title.startswith("Spiking network of 2 layers, 53 neurons; input 1×6×6")
    assert header.split("  ")[0] == "layer"
    assert [row.split() for row in rows] == [
        ["1", "3×4×4", "48", "0.5", "…", "2", "subtract", "0.5", "θ"],
        ["4", "5", "5", "3", "zero", "0.25", "θ"],
    ]
    assert len({len(row) for row in (header, *rows)}) == 1  # right-aligned columns


def test_html_table_holds_the_same_and_names_its_rows(net):
    title, header, rows = cells(net)
    assert title.startswith("Spiking network of 2 layers, 53 neurons")
    assert header[0] == "layer"
    assert len(header) == len(rows[0])
    assert rows == [
        ["1", "3×4×4", "48", "0.5 … 2", "subtract", "0.5 θ"],
        ["4", "5", "5", "3", "subtract", "0.5 θ"],
    ]
    table = ElementTree.fromstring(net._repr_html_())
    assert {th.get("scope") for th in table.iter("th")} == {"col", "row"}
    assert [th.text for th in table.findall("tbody/tr/th[@scope='row']")] == ["1", "4"]
    names = [row[0] for row in table.iter("tr")]  # on the left, as in text; numbers as usual
    assert all(cell.get("style") == "text-align:left" for cell in names)
    assert not any(cell.get("style") for row in table.iter("tr") for cell in row[1:])


def test_html_table_escapes_the_names_of_layers():
    built = nn.Sequential()
    built.add_module("a<b>&\"c'", nn.ReLU())
    network = sl.convert(built, [[1.0, 2.0]], threshold=sl.Fixed(1.0))
    assert "<b>" not in network._repr_html_()
    assert cells(network)[2][0][0] == "a<b>&\"c'"
    assert "a<b>&\"c'" in repr(network)
    record = sl.simulate(network, [[1.0, 2.0]], 2)
    assert "<b>" not in record._repr_html_()
    assert "<b>" not in sl.decompose(network, [[1.0, 2.0]], record)._repr_html_()


def test_one_of_a_thing_has_no_s():
    network = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    assert repr(network).startswith("Spiking network of 1 layer, 1 neuron; input 1\n")
    assert repr(sl.simulate(network, [[1.0]], 1)).startswith("Record of 1 image over 1 step, ")


def test_large_numbers_have_separators():
    network = sl.convert(nn.ReLU(), torch.ones(1, 40, 50), threshold=sl.Fixed(1.0))
    assert "2,000 neurons" in repr(network)
    assert cells(network)[2][0][2] == "2,000"


# --- copies ----------------------------------------------------------------------------------


def test_a_network_can_be_copied(net):
    copied = copy.deepcopy(net)
    assert settings(copied) == settings(net)
    x = np.ones((2, *net.graph.input_shape))
    assert np.array_equal(sl.simulate(copied, x, 5).output_sums, sl.simulate(net, x, 5).output_sums)


@pytest.mark.parametrize("theta", [1e60, 1e-60])
def test_a_threshold_that_float32_cannot_hold_is_refused(net, theta):
    """It would round to infinity or 0, and the outputs to NaN."""
    with pytest.raises(sl.OptionError, match=r"layer '1'.*does not fit into torch.float32"):
        net.replace(threshold={"1": theta})
    assert net.to(torch.float64).replace(threshold={"1": theta}).thresholds["1"] == theta


class Functional(nn.Module):
    """With what a plain pickle stumbles over: closures of torch, own parameters, a softmax."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 3, 3), nn.Linear(12, 2)
        self.gain = nn.Parameter(torch.ones(3, 1, 1) / 2)

    def forward(self, x):
        x = nn.functional.max_pool2d(nn.functional.relu(self.conv(x) * self.gain), 2)
        return torch.softmax(self.fc(x.flatten(1)), 1)


@pytest.mark.parametrize("built", [model, lambda: Functional().eval()])
@pytest.mark.parametrize("options", [{}, {"readout": "spikes"}, {"max_pool": "gate"}])
def test_a_network_can_be_sent_to_another_process(built, options):
    trained = built()
    for net in (
        sl.convert(trained, X, threshold=sl.Fixed(0.5), **options),
        sl.normalize_weights(sl.convert(trained, X, threshold=sl.Fixed(0.5), **options)),
    ):
        sent = pickle.loads(pickle.dumps(net))
        assert settings(sent) == settings(net)
        assert sent.max_pool == net.max_pool
        assert sent.graph.fingerprint == net.graph.fingerprint
        assert repr(sent.graph) == repr(net.graph)
        here, there = (sl.simulate(one, X, 12, spikes=True) for one in (net, sent))
        for name in net.layers:
            assert (here.spikes(name) == there.spikes(name)).all()
        assert (here.output_sums == there.output_sums).all()
        sl.verify(trained, sent, X)
        sl.decompose(net, X, there)
        assert (sl.ann(sent.to(torch.float64), X).outputs.dtype) == np.float64
