"""Steps that act on each value alone, taken together: a function of one signal."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from snnlab.graph.canonical import apply
from snnlab.graph.operations import ELEMENTWISE, assigned, name_of
from snnlab.graph.probe import Probe

# Of so many signals before a step it is asked whether the step is a function of them alone.
_MOST_BASES = 12
# A function with more numbers of its own is no activation.
_MOST_FUNCTIONS = 1 << 12
_EMPTY = nn.Module()
_CASTS = {"to", "type", "type_as", "float", "double", "half", "detach", "clone", "contiguous"}


def is_pointwise(node: fx.Node, probe: Probe) -> bool:
    """Return whether a step acts on each value alone, whatever else it reads being constant."""
    if node.op not in ("call_function", "call_method") or not probe.is_tensor(node):
        return False
    if node.target is assigned:  # x[x < 0] = 0
        mask = node.args[1]
        return isinstance(mask, fx.Node) and probe.two[mask].dtype is torch.bool
    return name_of(node.target) in ELEMENTWISE


def bases(node: fx.Node, probe: Probe) -> Iterator[fx.Node]:
    """Yield the signals of which alone a value is made by pointwise steps, the nearest first."""
    shape, layout = probe.shapes[node], probe.layout(node)
    position = {n: i for i, n in enumerate(node.graph.nodes)}
    front, count = {node}, 0
    while count < _MOST_BASES:
        latest = max(front, key=position.__getitem__)
        if not is_pointwise(latest, probe):
            return
        front = (front - {latest}).union(probe.moving(latest))
        if not front or any((probe.shapes[n], probe.layout(n)) != (shape, layout) for n in front):
            return
        if len(front) == 1:
            (base,) = front
            if probe.two[base].is_floating_point():
                count += 1
                yield base


def function_of(
    node: fx.Node, base: fx.Node, probe: Probe
) -> tuple[Callable[[np.ndarray], np.ndarray] | None, tuple[int, ...]]:
    """Return the function that leads from a signal to a node, as `pieces_of` wants it.

    Beside it the shape of its constants for one image: K numbers, that broadcast over the values.
    """
    layout, ndim = probe.layout(node), probe.two[node].ndim
    steps, read = _between(node, base, probe)
    constants = {n: _constant(n, probe) for n in read}
    own = [1] * ndim
    for name, value in constants.values():
        if isinstance(value, torch.Tensor):
            aligned = _aligned(value, name, ndim)
            own = [max(pair) for pair in zip(own, aligned, strict=True)]
    batch = own.pop(layout.dim)
    number = int(np.prod(own, dtype=np.int64))
    if batch > 1 or number > _MOST_FUNCTIONS:
        return None, ()

    def function(x: np.ndarray) -> np.ndarray:
        count = x.shape[0]
        signal = torch.from_numpy(np.broadcast_to(x, (count, number)).copy())
        signal = signal.reshape(count, *own).movedim(0, layout.dim)
        values: dict[fx.Node, Any] = {n: value for n, (_, value) in constants.items()}
        values[base] = signal
        for step in steps:
            values[step] = _evaluated(step, values)
        found = values[node].double().expand(signal.shape)
        return found.movedim(layout.dim, 0).reshape(count, -1).numpy()

    rows = [1] if layout.rows > 1 else []
    return function, (*own[: layout.dim], *rows, *own[layout.dim :])


def _between(
    node: fx.Node, base: fx.Node, probe: Probe
) -> tuple[list[fx.Node], dict[fx.Node, None]]:
    """Return the steps from a signal to a node in their order, and the constants they read."""
    steps: list[fx.Node] = []
    constants: dict[fx.Node, None] = {}
    wanted = {node}
    for step in reversed(node.graph.nodes):
        if step not in wanted or step is base:
            continue
        if not probe.moves(step):
            constants[step] = None
            continue
        steps.append(step)
        wanted.update(step.all_input_nodes)
    return steps[::-1], constants


def _evaluated(step: fx.Node, values: dict[fx.Node, Any]) -> Any:
    """Evaluate one step in float64; the values stay."""
    read = {n: values[n] for n in step.all_input_nodes}
    read = {n: v.clone() if isinstance(v, torch.Tensor) else v for n, v in read.items()}
    if name_of(step.target) in _CASTS:
        return read[step.all_input_nodes[0]].double()
    return apply(step, _EMPTY, read)


def _constant(node: fx.Node, probe: Probe) -> tuple[str, Any]:
    """Return who reads a constant, and its value in float64, as small as broadcasting allows."""
    value = probe.constants.get(node, probe.two[node])
    value = probe.layout(node).back(value) if node in probe.every_image else value
    reader = name_of(next(iter(node.users)).target)
    if not isinstance(value, torch.Tensor):
        return reader, value
    value = value.detach().cpu()
    value = value.double() if value.is_floating_point() else value
    for dim in range(value.ndim):
        first = value.narrow(dim, 0, 1)
        value = first if bool((value == first).all()) else value
    return reader, value


def _aligned(value: torch.Tensor, reader: str, dimensions: int) -> list[int]:
    """Return the shape of a constant with a 1 for each dimension that it lacks."""
    if reader == "prelu":  # along the second dimension, whatever follows
        return [1, value.numel(), *[1] * (dimensions - 2)] if dimensions > 1 else [1]
    sizes = list(value.shape)[-dimensions:]
    return [1] * (dimensions - len(sizes)) + sizes
