"""The mean current that each neuron received in a simulation, without simulating it again.

Between two neurons all is affine or an exact pool. So the mean current follows from the mean of
what is passed on, in one evaluation.
"""

from collections.abc import Iterator

import numpy as np
import torch

from snnlab.dynamics.neuron import Neuron, as_simulated, passed_on
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import currents_of, size
from snnlab.network import Network
from snnlab.simulation.record import Record

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
        currents = currents_of(network.graph, x[here], phi, mean_pooled(record, here=here))
        for name, values in found.items():
            values[here] = currents[name]
    return found


def mean_pooled(
    record: Record, step: int | None = None, here: slice = slice(None)
) -> dict[str, np.ndarray]:
    """Return the mean over time of what gates have passed on, shape (B, C, ...)."""
    step = record.timesteps if step is None else step
    return {name: sums[here] / step for name, sums in record.pooled.get(step, {}).items()}


def batches(graph: Graph, images: int) -> Iterator[slice]:
    """Yield slices of so many images that a layer's values stay in the caches."""
    batch = max(1, _BATCH_BYTES // (8 * max(size(node) for node in graph.layers.values())))
    for first in range(0, images, batch):
        yield slice(first, first + batch)
