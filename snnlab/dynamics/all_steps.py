"""A network whose layers run one after the other, each all T steps before the next one begins."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import fx

from snnlab.dynamics.exact import AnalogReLU
from snnlab.dynamics.layer import IFLayer
from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.dynamics.pooling import MaxPooling, max_pool
from snnlab.dynamics.start import Start
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import cap, evaluate, last_uses, peak_live_size, size
from snnlab.graph.operations import Kind


@dataclass(frozen=True, eq=False)
class Received:
    """What one layer receives in T steps.

    Parameters
    ----------
    name : str
    neuron : Neuron
        What it has so far.
    currents : torch.Tensor, shape (T, B, C, ...)
        The current of each step, without the neuron's own offset.
    """

    name: str
    neuron: Neuron
    currents: torch.Tensor

    def setting(self, value: Any) -> torch.Tensor:
        """Return a setting of the neuron in float64, so that it broadcasts over (B, C, ...)."""
        laid = per_neuron(value, self.currents.ndim - 1)
        return torch.tensor(laid, dtype=torch.float64, device=self.currents.device)

    def run(
        self, start: Start | None = None, steps: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return trains and potentials after the reset, shape (T, B, ...), or of the first steps.

        The neurons are its own, and start as they do, or as `start` says.
        """
        currents = self.currents[:steps]
        layer = IFLayer(self.neuron, currents.shape[1], currents[0], record=True, start=start)
        layer.step(currents.flatten(0, 1), len(currents))
        return cast(torch.Tensor, layer.trains), cast(torch.Tensor, layer.potentials)


def evaluate_all_steps(
    graph: Graph,
    images: torch.Tensor,
    timesteps: int,
    pooling: MaxPooling,
    fire: Callable[[fx.Node, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Return the output of each step, shape (T, B, ...).

    `fire` gets the node of each layer of neurons and its currents, shape (T·B, ...), step after
    step, and returns what it passes on, of the same shape.
    """

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor:
        if node.meta["kind"] is Kind.RECTIFIER:
            return AnalogReLU(cap(node)).step(current, timesteps)
        if node.meta["kind"] is Kind.MAX_POOL:
            return max_pool(node, graph, pooling).step(current, timesteps)
        return fire(node, current)

    return evaluate(graph, repeated(images, timesteps), emit).unflatten(0, (timesteps, -1))


def repeated(images: torch.Tensor, timesteps: int) -> torch.Tensor:
    """Return the images as the input of each step, shape (T·B, ...)."""
    return images.repeat(timesteps, *[1] * (images.ndim - 1))


def size_of_a_step(graph: Graph) -> int:
    """Return the numbers that a step of one image takes, with torch's own work space."""
    largest = max(size(node) for node in graph.layers.values())
    # What is alive at once, twice for torch's own work space, and two copies of a layer.
    return 2 * (peak_live_size(graph.nodes, last_uses(graph)) + largest)
