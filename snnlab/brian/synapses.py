r"""The synapses of a converted network: what stands between its spiking layers, as matrices.

All between two spiking layers is affine, so the current of a layer is

.. math:: z = b + \sum_s J_s \, \theta_s s_s

over the spiking sources that it reads. b is the constant current, :math:`J_s` a matrix, and
:math:`\theta_s s_s` what the neurons of a source pass on. The matrices are found by letting the
neurons of a source pass on 1, one after the other, and looking at what arrives.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import fx

from snnlab import _text
from snnlab._arguments import checks
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.canonical import Graph, apply, source_of
from snnlab.graph.evaluation import currents_of, inference, last_uses, size
from snnlab.graph.operations import Kind
from snnlab.network import Network

# The largest value while unit vectors are pushed through the network takes about this much.
_BLOCK_BYTES = 4 * 2**20
# Entries below this share of the largest current are rounding left over from constants.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class Connections(_text.ShownAsTable):
    """What one layer receives from each spiking source, and what it receives in any case.

    Parameters
    ----------
    layer : str
    constant : array of float64, shape (n,)
        Current b at each step for an image that is 0 everywhere; its neurons in memory order.
    matrices : mapping from source to scipy sparse array, shape (n, m)
        J: from what the m neurons of the source pass on to currents. The source "input" stands for
        the pixels.
    """

    layer: str
    constant: np.ndarray
    matrices: Mapping[str, sparse.csc_array]

    def _table(self) -> _text.Table:
        rows = [
            [source, f"{m.shape[1]:,}", f"{m.nnz:,}", f"{m.nnz / (m.shape[0] * m.shape[1]):.2%}"]
            for source, m in self.matrices.items()
        ]
        title = f"Connections to layer {self.layer}, {len(self.constant):,} neurons"
        return _text.Table(title, ["source", "its neurons", "synapses", "of all pairs"], rows)


def connections(network: Network, layer: str | int) -> Connections:
    """Return the synapses of one layer as sparse matrices, and its constant current.

    Parameters
    ----------
    network : Network
    layer : str or int
        A spiking layer, by name or position, or "output".

    Returns
    -------
    Connections
        In float64.

    Raises
    ------
    UnsupportedLayerError
        If the network holds a max pooling, which is no sum over synapses.
    OptionError
        If the layer is unknown.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU(), nn.AvgPool1d(2), nn.ReLU())
    >>> net = convert(model, [[[1.0, 1.0, 1.0, 1.0]]], threshold=Fixed(1.0))
    >>> connections(net, "2").matrices["0"].toarray().tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    name = layer if layer == "output" else checks.layer(layer, network.layers)
    graph = affine_graph(network)
    with inference(graph, 1):
        rest = at_rest(graph)
        constant = rest[graph.nodes[-1] if name == "output" else source_of(graph.layers[name])]
        matrices = {
            source: matrices_from(graph, source)[name]
            for source, node in sources(graph).items()
            if name in responses(graph, node, np.array([0]), rest)
        }
    return Connections(name, constant[0].numpy().ravel(), matrices)


def affine_graph(network: Network) -> Graph:
    """Return the graph on the CPU in float64, or refuse by name what is no sum over synapses."""
    for node in network.graph.nodes:
        if node.meta["kind"] is Kind.RECTIFIER:
            raise UnsupportedLayerError(
                f"layer {node.meta['of']!r}: its shortcut carries real numbers, which no spikes of "
                f"Brian2 can. Expected spikes. Convert with shortcut='spikes', or use "
                f"snnlab.simulate."
            )
        if node.meta["kind"] is Kind.MAX_POOL:
            raise UnsupportedLayerError(
                f"layer {node.meta['layer']!r} (max pooling): no sum over synapses, so Brian2 "
                f"cannot run it. Expected average pooling. Replace it and train again, or use "
                f"snnlab.simulate, which runs max pooling exactly."
            )
    return network.graph.to(torch.device("cpu"), torch.float64)


def sources(graph: Graph) -> dict[str, fx.Node]:
    """Return the nodes that pass something on: the input and the spiking layers, by name."""
    return ({} if graph.looks_up else {"input": graph.nodes[0]}) | graph.layers


def currents_at_rest(graph: Graph, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the current of each spiking layer and the output while no neuron fires."""
    return currents_of(graph, images, lambda _, current: torch.zeros_like(current))


def matrices_from(
    graph: Graph, source: str, done: Callable[[int], None] = lambda neurons: None
) -> dict[str, sparse.csc_array]:
    """Return J for each layer that reads `source` directly; entries that are 0 are left out.

    `done` is called with the number of neurons of each block.
    """
    node, rest = sources(graph)[source], at_rest(graph)
    blocks: dict[str, list[sparse.csr_array]] = {}
    for units in _blocks(graph, size(node)):
        for name, block in responses(graph, node, units, rest).items():
            blocks.setdefault(name, []).append(sparse.csr_array(block))
        done(len(units))
    return {name: sparse.vstack(found, format="csr").T for name, found in blocks.items()}


def count_synapses(graph: Graph, source: str) -> int:
    """Return about how many synapses leave a source, from a sample of its neurons."""
    node, rest = sources(graph)[source], at_rest(graph)
    neurons = size(node)
    first = next(_blocks(graph, neurons))
    sample = np.unique(np.linspace(0, neurons - 1, len(first)).round().astype(int))
    arrived = responses(graph, node, sample, rest).values()
    return round(sum(map(np.count_nonzero, arrived)) / len(sample) * neurons)


def responses(
    graph: Graph, source: fx.Node, units: np.ndarray, rest: dict[fx.Node, torch.Tensor]
) -> dict[str, np.ndarray]:
    """Return what arrives at each layer when each of some neurons alone passes on 1, shape (k, n).

    The neurons are those at the positions `units`, shape (k,), of a `source`, one of `sources`; the
    graph is in float64, without max pooling; `rest` is from `at_rest`.
    """
    vectors = torch.zeros(len(units), size(source), dtype=graph.dtype)
    vectors[torch.arange(len(units)), torch.from_numpy(units)] = 1
    values = {source: vectors.unflatten(1, source.meta["shape"])}
    released, arrived = last_uses(graph), {}
    for node in graph.nodes:
        if not any(read in values for read in node.all_input_nodes):
            continue
        if node.meta["kind"] is Kind.RELU:
            before = source_of(node)
            arrived[node.meta["layer"]] = _difference(values[before], rest[before])
        else:
            inputs = {
                read: values[read] if read in values else _repeated(read, rest[read], len(units))
                for read in node.all_input_nodes
            }
            values[node] = apply(node, graph.module, inputs)
        if node.meta["kind"] is Kind.OUTPUT:
            arrived["output"] = _difference(values[node], rest[node])
        for done in released.get(node, ()):
            values.pop(done, None)
    return arrived


def at_rest(graph: Graph) -> dict[fx.Node, torch.Tensor]:
    """Return the value of every node for an image that is 0 everywhere, while no neuron fires."""
    values: dict[fx.Node, torch.Tensor] = {}
    for node in graph.nodes:
        kind = node.meta["kind"]
        if kind is Kind.INPUT:
            values[node] = torch.zeros(1, *graph.input_shape, dtype=graph.dtype)
        elif kind is Kind.RELU:
            values[node] = torch.zeros_like(values[source_of(node)])
        else:
            values[node] = apply(node, graph.module, values)
    return values


def _difference(value: torch.Tensor, rest: torch.Tensor) -> np.ndarray:
    change = (value - rest).flatten(1).numpy()
    change[np.abs(change) <= _ROUNDING * float(value.abs().max())] = 0
    return change


def _repeated(node: fx.Node, value: torch.Tensor, times: int) -> torch.Tensor:
    # An image may have several rows.
    return value if node.meta["shape"] is None else value.repeat(times, *[1] * (value.ndim - 1))


def _blocks(graph: Graph, neurons: int) -> Iterator[np.ndarray]:
    """Yield the positions of neurons in blocks, so that no value of a block takes too much."""
    largest = max(size(node) for node in graph.nodes) * 8
    step = max(1, _BLOCK_BYTES // largest)
    for first in range(0, neurons, step):
        yield np.arange(first, min(first + step, neurons))
