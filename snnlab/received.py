"""The mean current that each neuron received in a simulation, without simulating it again.

Between two neurons all is affine or an exact pool. So the mean current follows from the mean of
what is passed on, in one evaluation.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import fx

from snnlab.evaluation import activation, evaluate, full_precision, size
from snnlab.graph import Graph
from snnlab.network import Network
from snnlab.neuron import Neuron, as_simulated, passed_on
from snnlab.operations import Kind
from snnlab.record import Record

# The values of one layer, in double precision, that are worked on together.
_BATCH_BYTES = 2**20


def neurons_that_ran(record: Record) -> dict[str, Neuron]:
    """Return the neuron of each layer, with its threshold as rounded for the simulation."""
    return {
        n: as_simulated(neuron, record.output_sums.dtype) for n, neuron in record.neurons.items()
    }


def mean_currents(network: Network, x: torch.Tensor, record: Record) -> dict[str, np.ndarray]:
    """Return the mean current z̄ that every neuron received, shape (B, C, ...).

    The record is one of analog input, of this network and of these images.
    """
    neurons = neurons_that_ran(record)
    found = {name: np.empty(n.shape, record.output_sums.dtype) for name, n in record.totals.items()}
    for here in batches(network.graph, len(x)):
        phi = {
            name: passed_on(record.totals[name][here], record.timesteps, neuron)
            for name, neuron in neurons.items()
        }
        currents = currents_of(network.graph, x[here], phi)
        for name, values in found.items():
            values[here] = currents[name]
    return found


def batches(graph: Graph, images: int) -> Iterator[slice]:
    """Yield slices of so many images that a layer's values stay in the caches."""
    batch = max(1, _BATCH_BYTES // (8 * max(size(node) for node in graph.layers.values())))
    for first in range(0, images, batch):
        yield slice(first, first + batch)


def currents_of(
    graph: Graph, images: torch.Tensor, phi: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return the current of every ReLU, and the output, when the ReLUs pass on `phi`; float64.

    By default they pass on the ANN's own activation.
    """
    found: dict[str, np.ndarray] = {}

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if node.meta["kind"] is not Kind.RELU:
            return None
        name = node.meta["layer"]
        found[name] = current.double().cpu().numpy()
        if phi is None:
            return activation(node, current)
        return torch.from_numpy(phi[name]).to(graph.device, graph.dtype)

    with full_precision():
        output = evaluate(graph, images.to(graph.device), emit)
    found["output"] = output.double().cpu().numpy()
    return found
