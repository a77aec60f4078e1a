"""A run layer after layer, for methods in which a layer needs all its steps at once."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import fx

from snnlab import _text
from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.dynamics.all_steps import Received, evaluate_all_steps, repeated, size_of_a_step
from snnlab.exceptions import MemoryBudgetError, OptionError
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import evaluate, inference, size
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.options import RunOptions
from snnlab.simulation.record import Record
from snnlab.simulation.recorder import Recorder

# The largest value of a block takes about this much.
_BLOCK_BYTES = 4 * 2**20

Fire = Callable[[Received], torch.Tensor]


def layer_after_layer(
    network: Network,
    x: Any,
    timesteps: int,
    fire: Fire,
    *,
    differential: bool = False,
    at: Iterable[int] = (),
    memory: int = _text.GIB,
) -> Record:
    r"""Run a network whose layers fire as `fire` says, on images as a constant current.

    Parameters
    ----------
    network : Network
        With exact max pooling.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        As in `simulate`.
    timesteps : int
        T.
    fire : callable
        Gets what a layer receives, from those before it that have fired already, and returns its
        spikes, whole numbers of shape (T, B, ...).
    differential : bool
        Whether values travel that last: a spike of step t changes a value by :math:`\theta / t`, so
        that after it the value is :math:`\theta \sum_{k \le t} s_k / k`. Currents are values then
        too.
    at, memory
        As in `simulate`.

    Returns
    -------
    Record
    """
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    options = RunOptions(timesteps=timesteps, at=at, memory=memory)
    if network.max_pool != "exact":
        raise OptionError(
            f"network: its max_pool is {network.max_pool!r}, expected 'exact': a gate works step "
            f"by step. Write network.replace(max_pool='exact')."
        )
    graph, T, taken = network.graph, options.timesteps, 0
    images = Images(x, "x", graph.input_shape)
    images.look_through(graph.dtype)
    records: list[Record] = []
    for part in images.split(_together(graph, T, options.memory), graph.dtype):
        recorder = Recorder(network, len(part), options, 0, taken)
        taken += recorder.size
        recorder.put_images(part, 0)
        with inference(graph, T * len(part)):
            output = _block(network, part.to(graph.device), fire, recorder, differential)
        recorder.put(recorder.outputs, "output", output.cpu().numpy(), 0, 0)
        records.append(recorder.record())
    record = Record.join(records)
    return record if images.labels is None else dataclasses.replace(record, labels=images.labels)


def _together(graph: Graph, timesteps: int, memory: int) -> int:
    """Return how many images are worked on together."""
    item = torch.finfo(graph.dtype).bits // 8
    needed = timesteps * size_of_a_step(graph) * item
    if needed > memory:
        raise MemoryBudgetError(
            f"x: one image in {timesteps} steps needs {_text.size(needed)}, memory allows "
            f"{_text.size(memory)}. Allow more, as memory={needed}, or take fewer steps."
        )
    largest = timesteps * max(size(node) for node in graph.nodes) * item
    return max(1, min(memory // needed, _BLOCK_BYTES // largest))


def _block(
    network: Network, images: torch.Tensor, fire: Fire, recorder: Recorder, differential: bool
) -> torch.Tensor:
    """Run a block of images and return its accumulated output, float64, shape (T, B, ...)."""
    graph, T = network.graph, recorder.options.timesteps

    def pass_on(node: fx.Node, current: torch.Tensor) -> torch.Tensor:
        name, currents = node.meta["layer"], current.unflatten(0, (T, -1))
        layer = Received(name, network.neurons[name], currents)
        spikes = fire(layer).to(current)
        for step in recorder.options.recorded_steps:
            counts, sent = (s[:step].sum(0).cpu().numpy() for s in (spikes, spikes.abs()))
            recorder.put_sums(step, 0, {name: counts}, crossings={name: sent})
        passed = spikes * layer.setting(layer.neuron.v_threshold).to(current)
        return ((passed / times(passed)).cumsum(0) if differential else passed).flatten(0, 1)

    if not differential:
        outputs = evaluate_all_steps(graph, images, T, network.max_pool, pass_on)
        return outputs.double().cumsum(0)

    def emit(node: fx.Node, value: torch.Tensor) -> torch.Tensor | None:
        return pass_on(node, value) if node.meta["kind"] is Kind.RELU else None

    values = evaluate(graph, repeated(images, T), emit).unflatten(0, (T, -1)).double()
    return values * times(values)


def times(x: torch.Tensor) -> torch.Tensor:
    """Return the number of each step, 1 to T, so that it broadcasts over `x`, (T, ...)."""
    return torch.arange(1, len(x) + 1).to(x).reshape(-1, *[1] * (x.ndim - 1))
