"""Trying things out on a network: the metric with other settings, or with a layer overridden."""

from collections.abc import Callable, Hashable, Mapping
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
        key = timesteps, network.graph, _settings(network)
        if overridden is None and key in self.known:
            return self.known[key]
        sums = _output_sums(network, self.x, timesteps, overridden)
        found = self._measured(sums, timesteps)
        if overridden is None:
            self.known[key] = found
        return found

    def reached_unseen(self, fit: Callable[[torch.Tensor], Network], timesteps: int) -> np.ndarray:
        """Return the metric after each step of networks that are fitted to images, shape (T,).

        `fit` makes a network of images, shape (b, ...). It is called for every other image, and for
        the images between, and each network answers those that it has not seen. So no image judges
        what was fitted to it, and yet all of them judge, as in `reached`.
        """
        even, odd = slice(0, None, 2), slice(1, None, 2)
        after_even = _output_sums(fit(self.x[even]), self.x[odd], timesteps)
        after_odd = _output_sums(fit(self.x[odd]), self.x[even], timesteps)
        sums = np.empty((timesteps, len(self.x), *after_odd.shape[2:]), after_odd.dtype)
        sums[:, odd], sums[:, even] = after_even, after_odd
        return self._measured(sums, timesteps)

    def _measured(self, sums: np.ndarray, timesteps: int) -> np.ndarray:
        self.progress.update()
        return self.measure.over(sums, range(1, timesteps + 1))


def _output_sums(
    network: Network,
    x: torch.Tensor,
    timesteps: int,
    overridden: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Simulate images and return the accumulated outputs after each step, shape (T, B, ...)."""
    options = RunOptions(timesteps=timesteps)
    network, images = options.apply(network, x)
    graph = network.graph
    constant = {
        name: torch.from_numpy(values).to(graph.device, graph.dtype)
        for name, values in (overridden or {}).items()
    }
    return run(network, images, options, constant).output_sums


def _settings(network: Network) -> Hashable:
    """Return what distinguishes a network from others with the same graph."""
    return repr([settings(neuron) for neuron in network.neurons.values()])
