"""Steps that act on each value alone, taken together: a function of one signal."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from snnlab.graph.canonical import apply, source_of
from snnlab.graph.operations import ELEMENTWISE, assigned, name_of
from snnlab.graph.probe import Probe

# Of so many signals before a step it is asked whether the step is a function of them alone.
_MOST_BASES = 12
# A function with more numbers of its own is no activation.
_MOST_FUNCTIONS = 1 << 12
_EMPTY = nn.Module()
# Of a second tensor these read its type alone.
_CASTS = {"to", "type", "type_as", "float"}


def is_pointwise(node: fx.Node, probe: Probe) -> bool:
    """Return whether a step acts on each value alone, whatever else it reads being constant."""
    if node.target is assigned:  # x[x < 0] = 0
        mask = node.args[1]
        return isinstance(mask, fx.Node) and probe.two[mask].dtype is torch.bool
    return name_of(node.target) in ELEMENTWISE


def bases(node: fx.Node, probe: Probe) -> Iterator[fx.Node]:
    """Yield the signals of which alone a value is made by pointwise steps, the nearest first."""
    position = {n: i for i, n in enumerate(node.graph.nodes)}
    front, count = {node}, 0
    while count < _MOST_BASES:
        latest = max(front, key=position.__getitem__)
        if not is_pointwise(latest, probe):
            return
        front = (front - {latest}).union(probe.moving(latest))
        if any(probe.shapes[n] != probe.shapes[node] for n in front):
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
    steps = _between(node, base, probe)
    read = [(step, n) for step in steps for n in _read_by(step) if not probe.moves(n)]
    constants = {n: _constant(n, probe) for _, n in read}
    sizes = [_aligned(constants[n], name_of(step.target), ndim) for step, n in read]
    own = [max(along) for along in zip([1] * ndim, *sizes, strict=True)]
    batch = own.pop(layout.dim)
    number = int(np.prod(own, dtype=np.int64))
    if batch > 1 or number > _MOST_FUNCTIONS:
        return None, ()

    def function(x: np.ndarray) -> np.ndarray:
        count = x.shape[0]
        signal = torch.from_numpy(np.broadcast_to(x, (count, number)).copy())
        signal = signal.reshape(count, *own).movedim(0, layout.dim)
        values = constants | {base: signal}
        for step in steps:
            values[step] = _evaluated(step, values, probe)
        return values[node].movedim(layout.dim, 0).reshape(count, -1).numpy()

    rows = [1] if layout.rows > 1 else []
    return function, (*own[: layout.dim], *rows, *own[layout.dim :])


def _between(node: fx.Node, base: fx.Node, probe: Probe) -> list[fx.Node]:
    """Return the steps from a signal to a node in their order."""
    steps: list[fx.Node] = []
    wanted = {node}
    for step in reversed(node.graph.nodes):
        if step in wanted and step is not base and probe.moves(step):
            steps.append(step)
            wanted.update(_read_by(step))
    return steps[::-1]


def _read_by(step: fx.Node) -> list[fx.Node]:
    """Return what a step reads the values of."""
    return step.all_input_nodes[: 1 if name_of(step.target) in _CASTS else None]


def _evaluated(step: fx.Node, values: dict[fx.Node, torch.Tensor], probe: Probe) -> torch.Tensor:
    """Evaluate one step in float64; the values stay."""
    read = {n: values[n].clone() for n in _read_by(step)}
    if name_of(step.target) in _CASTS:
        kind = probe.two[step].dtype
        return read[source_of(step)].to(torch.float64 if kind.is_floating_point else kind)
    if step.target is assigned:  # constants may be smaller than the mask
        args: Any = fx.node.map_arg(step.args, read.__getitem__)
        return torch.where(args[1], args[2], args[0])
    return apply(step, _EMPTY, read)


def _constant(node: fx.Node, probe: Probe) -> torch.Tensor:
    """Return the value of a constant, floats in float64, as small as broadcasting allows."""
    value = probe.layout(node).back(probe.constants[node]).cpu()
    value = value.double() if value.is_floating_point() else value
    for dim in range(value.ndim):
        first = value.narrow(dim, 0, 1)
        value = first if bool((value == first).all()) else value
    return value


def _aligned(value: torch.Tensor, reader: str, dimensions: int) -> list[int]:
    """Return the shape of a constant with a 1 for each dimension that it lacks."""
    if reader == "prelu":  # along the second dimension, whatever follows
        return [1, value.numel(), *[1] * (dimensions - 2)] if dimensions > 1 else [1]
    return [1] * (dimensions - value.ndim) + list(value.shape)
