"""The synapses of a network as matrices, against torch and against each other."""

import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.networks import converted
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab import brian
from snnlab.brian import synapses


@pytest.mark.slow
@given(st.integers(0, 10_000))
def test_the_matrices_give_every_current_of_the_ann(seed):
    """z = b + Σ J a with a the ANN's own activations; the arithmetic is exact."""
    steps, x, net = converted(seed, max_pool=False)
    currents, output = oracles.ann(steps, x)
    passed_on = {"input": x} | {name: np.maximum(z, 0) for name, z in currents.items()}
    for layer, expected in (currents | {"output": output}).items():
        wires = brian.connections(net, layer)
        z = wires.constant + sum(
            (matrix @ passed_on[source].reshape(len(x), -1).T).T
            for source, matrix in wires.matrices.items()
        )
        np.testing.assert_allclose(z, expected.reshape(len(x), -1), rtol=0, atol=1e-12)


def test_a_convolution_by_hand():
    """One kernel of three weights along a line of four pixels, zeros beyond the ends."""
    conv = nn.Conv1d(1, 1, 3, padding=1)
    conv.weight.data[:] = torch.tensor([1.0, 2.0, 4.0])
    conv.bias.data[:] = 0.5
    net = sl.convert(nn.Sequential(conv, nn.ReLU()), np.ones((1, 1, 4)), threshold=sl.Fixed(1.0))
    wires = brian.connections(net, 0)
    assert wires.matrices["input"].toarray().tolist() == [
        [2, 4, 0, 0],
        [1, 2, 4, 0],
        [0, 1, 2, 4],
        [0, 0, 1, 2],
    ]
    assert wires.constant.tolist() == [0.5] * 4


def test_only_what_a_layer_reads_directly_is_a_source():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.three = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x):
            a = torch.relu(self.one(x))
            b = torch.relu(self.two(a) + x)
            return self.three(b) + a

    net = sl.convert(Skip(), np.ones((1, 4)), threshold=sl.Fixed(1.0))
    read = {
        layer: list(brian.connections(net, layer).matrices) for layer in [*net.layers, "output"]
    }
    assert read == {"relu": ["input"], "relu#2": ["input", "relu"], "output": ["relu", "relu#2"]}
    assert np.array_equal(brian.connections(net, 1).matrices["input"].toarray(), np.eye(4))


def test_constants_do_not_become_synapses():
    """Two affine layers in blocks: the biases of one block round in the sums of the other."""
    torch.manual_seed(0)
    first, second = nn.Linear(200, 200), nn.Linear(200, 200)
    for layer in (first, second):
        layer.weight.data[:100, 100:] = layer.weight.data[100:, :100] = 0
        layer.bias.data *= 1000
    model = nn.Sequential(nn.ReLU(), first, second, nn.ReLU())
    net = sl.convert(model, np.ones((1, 200)), threshold=sl.Fixed(1.0))
    matrix = brian.connections(net, 1).matrices["0"]
    assert matrix.nnz == 2 * 100 * 100
    product = (second.weight.double() @ first.weight.double()).detach().numpy()
    np.testing.assert_allclose(matrix.toarray(), product, rtol=0, atol=1e-9)


def test_blocks_make_no_difference(monkeypatch):
    _, _, net = converted(5, max_pool=False)
    whole = [brian.connections(net, layer) for layer in net.layers]
    monkeypatch.setattr(synapses, "_BLOCK_BYTES", 1000)
    for one in whole:
        again = brian.connections(net, one.layer)
        for source, matrix in one.matrices.items():
            assert np.array_equal(matrix.toarray(), again.matrices[source].toarray())


def test_tables_name_sources_and_synapses():
    net = sl.convert(
        nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)),
        np.ones((1, 4)),
        threshold=sl.Fixed(1.0),
    )
    wires = brian.connections(net, "output")
    assert "Connections to layer output, 3 neurons" in repr(wires)
    assert repr(wires).splitlines()[-1].split() == ["1", "5", "15", "100.00%"]
    assert "<caption" in wires._repr_html_()
    assert "Connections to layer 1, 5 neurons" in repr(brian.connections(net, -1))


@pytest.mark.parametrize("layer", ["nowhere", 3, "input", None])
def test_unknown_layers_are_refused(layer):
    net = sl.convert(
        nn.Sequential(nn.Linear(4, 5), nn.ReLU()), np.ones((1, 4)), threshold=sl.Fixed(1.0)
    )
    with pytest.raises(sl.OptionError, match="'1'"):
        brian.connections(net, layer)


def test_only_networks_have_connections():
    with pytest.raises(sl.OptionError, match="expected a Network"):
        brian.connections(nn.ReLU(), 0)
