"""The mean current that each neuron received in a simulation, without simulating it again.

Between two neurons all is affine or an exact pool. So the mean current follows from the mean of
what is passed on, in one evaluation.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import fx

from snnlab.dynamics.closed_forms import passed_on
from snnlab.dynamics.neuron import Neuron, as_simulated
from snnlab.graph.canonical import Graph, apply, source_of
from snnlab.graph.evaluation import currents_of, inference, size
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.record import Record

# The values of one layer, in double precision, that are worked on together.
_BATCH_BYTES = 2**20


def neurons_that_ran(record: Record) -> dict[str, Neuron]:
    """Return the neuron of each layer, with its threshold as rounded for the simulation."""
    return {k: as_simulated(n, record.output_sums.dtype) for k, n in record.neurons.items()}


def mean_currents(network: Network, x: torch.Tensor, record: Record) -> dict[str, np.ndarray]:
    """Return the mean current z̄ that every neuron received, shape (B, C, ...).

    The record is one of analog input, of this network and of these images.
    """
    kind = record.output_sums.dtype
    found = {name: np.empty((len(x), *network.shape(name)), kind) for name in network.layers}
    neurons = neurons_that_ran(record)
    batch = images_together(network.graph)
    for here in (slice(i, i + batch) for i in range(0, len(x), batch)):
        phi = mean_outputs(record, neurons, record.timesteps, here)
        currents = received_currents(network.graph, x[here], phi)
        for name, values in found.items():
            values[here] = currents[name]
    return found


def mean_outputs(
    record: Record, neurons: Mapping[str, Neuron], step: int, here: slice
) -> dict[str, np.ndarray]:
    """Return what neurons and gates have passed on after `step` steps, φ, shape (b, C, ...)."""
    phi = {
        name: passed_on(record.counts(name, step, images=here), step, neuron)
        for name, neuron in neurons.items()
    }
    gates = record.pooled.get(step, {})
    return phi | {name: sums[here] / step for name, sums in gates.items()}


def images_together(graph: Graph) -> int:
    """Return the number of images with which a layer's values stay in the caches."""
    return max(1, _BATCH_BYTES // (8 * max(size(node) for node in graph.layers.values())))


def received_currents(
    graph: Graph, images: torch.Tensor, phi: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return the current of every ReLU, every maximum, and the output, in float64.

    ReLUs and max poolings pass on `phi` where it names them, else the ANN's own value.
    """
    phi, maxima = phi or {}, {}

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        name, own = node.meta["layer"], None
        if node.meta["kind"] is Kind.MAX_POOL:
            own = maxima[name] = apply(node, graph.module, {source_of(node): current})
        return torch.from_numpy(phi[name]).to(current) if name in phi else own

    with inference(graph, len(images)):
        found = currents_of(graph, images.to(graph.device), emit) | maxima
    return {name: current.double().cpu().numpy() for name, current in found.items()}
