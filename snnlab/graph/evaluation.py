"""Evaluating a canonical graph once, without time: the ANN itself, or with other activations."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab.graph.canonical import Graph, apply, source_of
from snnlab.graph.operations import Kind
from snnlab.graph.threads import threads_for

Emit = Callable[[fx.Node, torch.Tensor], torch.Tensor | None]


@contextmanager
def inference(graph: Graph, images: int) -> Iterator[None]:
    """Evaluate so many images at once with the threads that pay, at full precision.

    There are no gradients, and GPUs do not shorten floats; afterwards all is set as it was.
    """
    matmul, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        with torch.inference_mode(), threads_for(images * graph.multiplications):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = cudnn


def activation(node: Any, current: torch.Tensor) -> torch.Tensor:
    """Return the ANN's own activation R(z) at a ReLU node, or the staircase Q(z) there."""
    return node.target(current, *node.args[1:])


def rectified(z: np.ndarray, node: Any = None) -> np.ndarray:
    """Return R(z) of an array at a ReLU node, by default that of a ReLU without a cap.

    >>> rectified(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    if node is None:
        return np.maximum(z, 0)
    return activation(node, torch.from_numpy(np.asarray(z))).numpy()


def cap(node: Any) -> float | None:
    """Return the upper bound of the activation at a ReLU node, None if it has none."""
    return node.args[1]


def evaluate(graph: Graph, images: torch.Tensor, emit: Emit | None = None) -> torch.Tensor:
    """Return the output for one batch, where `emit` may say what ReLUs and max pools pass on.

    Parameters
    ----------
    graph : Graph
    images : torch.Tensor, shape (B, ...)
    emit : callable, optional
        Gets the node of each ReLU and max pool and its current, shape (B, ...); of the ReLUs of
        analog shortcuts too. What it returns is what the next layers read; None stands for the
        ANN's own value.

    >>> from torch import nn
    >>> from snnlab import trace
    >>> graph = trace(nn.ReLU(), [[1.0]])
    >>> evaluate(graph, torch.tensor([[-1.0], [2.0]])).tolist()
    [[0.0], [2.0]]
    >>> evaluate(graph, torch.tensor([[-1.0], [2.0]]), lambda node, z: 10 * z).tolist()
    [[-10.0], [20.0]]
    """
    values: dict[fx.Node, torch.Tensor] = {}
    released = last_uses(graph)
    for node in graph.nodes:
        kind = node.meta["kind"]
        result: torch.Tensor | None = images if kind is Kind.INPUT else None
        if emit is not None and kind in (Kind.RELU, Kind.MAX_POOL, Kind.RECTIFIER):
            result = emit(node, values[source_of(node)])
        values[node] = apply(node, graph.module, values) if result is None else result
        output = values[node]
        for done in released.get(node, ()):
            del values[done]
    return output


def currents_of(
    graph: Graph, images: torch.Tensor, emit: Emit | None = None
) -> dict[str, torch.Tensor]:
    """Return what enters ReLUs and max pools, and the output, by layer; else as `evaluate`.

    >>> from torch import nn
    >>> from snnlab import trace
    >>> currents_of(trace(nn.ReLU(), [[1.0]]), torch.tensor([[-1.0]]))
    {'relu': tensor([[-1.]]), 'output': tensor([[0.]])}
    """
    currents: dict[str, torch.Tensor] = {}

    def note(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        currents[node.meta["layer"]] = current
        return None if emit is None else emit(node, current)

    output = evaluate(graph, images, note)
    return currents | {"output": output}


def last_uses(graph: Graph) -> dict[fx.Node, list[fx.Node]]:
    """For each node, list the nodes whose values are read by it last."""
    last = {source: node for node in graph.nodes for source in node.all_input_nodes}
    done: dict[fx.Node, list[fx.Node]] = {}
    for source, reader in last.items():
        done.setdefault(reader, []).append(source)
    return done


def peak_live_size(nodes: Iterable[fx.Node], released: dict[fx.Node, list[fx.Node]]) -> int:
    """Return the most elements per image that the values of `nodes` take at once.

    `released` is what `last_uses` returns.
    """
    within = set(nodes)
    alive = most = 0
    for node in nodes:
        alive += size(node)
        most = max(most, alive)
        alive -= sum(size(done) for done in released.get(node, ()) if done in within)
    return most


def size(node: fx.Node) -> int:
    """Return the number of elements of a node's value for one image, 0 for a constant."""
    shape = node.meta["shape"]
    return 0 if shape is None else int(torch.Size(shape).numel())
