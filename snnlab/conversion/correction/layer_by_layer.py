"""One pass through a network, layer after layer, each on the spikes that it really receives."""

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from snnlab import _text
from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.dynamics import all_steps
from snnlab.dynamics.layer import IFLayer
from snnlab.dynamics.neuron import Neuron
from snnlab.exceptions import MemoryBudgetError
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import activation, evaluate, inference, size
from snnlab.graph.operations import Kind
from snnlab.network import Network


@dataclass(frozen=True, eq=False)
class Received(all_steps.Received):
    """What one layer receives in T steps from the layers before it, which were changed already.

    Parameters
    ----------
    name : str
    neuron : Neuron
        What it has so far.
    currents : torch.Tensor, shape (T, B, C, ...)
        The current of each step, without the neuron's own offset.
    activation : torch.Tensor, shape (B, C, ...)
        What the ANN passes on there, a.
    node : torch.fx.Node
        The ReLU of the graph.
    """

    activation: torch.Tensor
    node: fx.Node

    @property
    def right(self) -> torch.Tensor:
        """What would be right for these currents, R(z̄) in float64, shape (B, C, ...)."""
        mean = self.currents.mean(0, dtype=torch.float64)
        return activation(self.node, mean.to(self.currents)).double()

    def passed_on(self, neuron: Neuron) -> torch.Tensor:
        """Return what neurons pass on under these currents, φ in float64, shape (B, C, ...)."""
        steps, images = self.currents.shape[:2]
        layer = IFLayer(neuron, images, self.currents[0])
        layer.step(self.currents.flatten(0, 1), steps)
        return layer.counts.double() * self.setting(neuron.v_threshold) / steps


def layer_by_layer(
    network: Network,
    x: Any,
    timesteps: int,
    change: Callable[[Received], Neuron],
    *,
    memory: int = _text.GIB,
) -> Network:
    """Return the network with neurons that were changed one layer after the other.

    All T steps of a layer are computed before the next layer begins, and the ANN beside it. So each
    layer is changed when those before it have been, on what they now send.

    Parameters
    ----------
    network : Network
        It is not changed.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images like those the network will get, as a constant current. If not all fit into the
        memory at once, fewer are used, with a warning.
    timesteps : int
        T.
    change : callable
        Gets what a layer receives, and returns its new neuron.
    memory : int
        Ceiling on the working memory in bytes.

    Returns
    -------
    Network

    Raises
    ------
    ShapeError, OptionError
        If the images do not fit the network, or an option is outside its range.
    MemoryBudgetError
        If not even one image fits.

    Source: Li et al. 2021 (layer after layer, those before it spiking and corrected).

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> def shown(layer):
    ...     print(layer.name, layer.activation.tolist(), layer.passed_on(layer.neuron).tolist())
    ...     return layer.neuron
    >>> _ = layer_by_layer(net, [[0.375], [2.0]], 4, shown)
    relu [[0.375], [2.0]] [[0.25], [1.0]]
    """
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    timesteps, memory = checks.whole(timesteps, "timesteps"), checks.whole(memory, "memory")
    graph, neurons = network.graph, dict(network.neurons)
    images = _images_that_fit(x, graph, timesteps, memory)
    activations: dict[fx.Node, torch.Tensor] = {}

    def emit_activation(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if node.meta["kind"] is Kind.RELU:
            activations[node] = activation(node, current)
        return activations.get(node)

    def fire(node: fx.Node, current: torch.Tensor) -> torch.Tensor:
        name, steps = node.meta["layer"], current.unflatten(0, (timesteps, -1))
        layer = Received(name, neurons[name], steps, activations.pop(node), node)
        neurons[name] = change(layer)
        return IFLayer(neurons[name], len(images), current).step(current, timesteps)

    with inference(graph, timesteps * len(images)):
        evaluate(graph, images, emit_activation)
        all_steps.evaluate_all_steps(graph, images, timesteps, network.max_pool, fire)
    return dataclasses.replace(network, neurons=neurons)


def _images_that_fit(x: Any, graph: Graph, timesteps: int, memory: int) -> torch.Tensor:
    """Return as many images as can be worked on at once, chosen by what they hold; say if fewer."""
    images = Images.of(x, "x", graph.input_shape, again=True)
    of_the_ann = sum(size(node) for node in graph.layers.values())
    numbers = timesteps * all_steps.size_of_a_step(graph) + of_the_ann
    needed = numbers * torch.finfo(graph.dtype).bits // 8
    fitting = memory // needed
    if not fitting:
        raise MemoryBudgetError(
            f"x: one image in {timesteps} steps needs {_text.size(needed)}, memory allows "
            f"{_text.size(memory)}. Allow more, as memory={needed}, or take fewer steps."
        )
    count = images.count_up_to(fitting) if images.count is None else images.count
    if count is None or count > fitting:
        images = images.sample(fitting)
        warnings.warn(
            f"x: {fitting} of the images are used, chosen by what they hold, so that all "
            f"{timesteps} steps of a layer fit into {_text.size(memory)}. For more of them write "
            f"memory=, for none left out pass fewer images.",
            stacklevel=4,
        )
    (together,) = images.split(fitting, graph.dtype)
    return together.to(graph.device)
