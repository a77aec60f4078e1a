"""Trying things out on a network: the metric with other settings, or with a layer overridden."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch

from snnlab.dynamics.neuron import settings
from snnlab.network import Network
from snnlab.simulation.engine import run
from snnlab.simulation.measures import Measure
from snnlab.simulation.options import RunOptions


class Trials:
    """Simulations of the same images, counted by a progress bar; none is run twice.

    The images `x` have shape (B, ...); `measure` compares what they give with their labels.
    """

    def __init__(self, x: torch.Tensor, measure: Measure, progress: Any):
        self.x, self.measure, self.progress = x, measure, progress
        self.known: dict[Hashable, np.ndarray] = {}

    def reached(
        self, network: Network, timesteps: int, overridden: Mapping[str, np.ndarray] | None = None
    ) -> np.ndarray:
        """Return the metric after each step, shape (T,).

        `overridden` says what some layers pass on at every step in place of spikes, shape (B, ...).
        """
        key = timesteps, _settings(network)
        if overridden is None and key in self.known:
            return self.known[key]
        options = RunOptions(timesteps=timesteps)
        network, x = options.apply(network, self.x)
        graph = network.graph
        constant = {
            name: torch.from_numpy(values).to(graph.device, graph.dtype)
            for name, values in (overridden or {}).items()
        }
        record = run(network, x, options, constant)
        self.progress.update()
        found = self.measure.over(record.output_sums, range(1, timesteps + 1))
        if overridden is None:
            self.known[key] = found
        return found


def _settings(network: Network) -> Hashable:
    """Return what distinguishes a network from others with the same graph."""
    return repr([settings(neuron) for neuron in network.neurons.values()])
