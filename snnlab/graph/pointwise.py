"""Steps that act on each value alone, taken together: a sum of ReLUs, or a staircase."""

import operator
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from snnlab.graph.canonical import apply
from snnlab.graph.operations import ELEMENTWISE, Kind, assigned, name_of, rectify
from snnlab.graph.piecewise_linear import Pieces, pieces_of
from snnlab.graph.probe import Probe
from snnlab.graph.staircase import Stairs, staircase, stairs_of

# Of so many signals before a step it is asked whether the step is a function of them alone.
_MOST_BASES = 12
# A function with more numbers of its own is no activation.
_MOST_FUNCTIONS = 1 << 12
_EMPTY = nn.Module()
_CASTS = {"to", "type", "type_as", "float", "double", "half", "detach", "clone", "contiguous"}


def rewritten(
    node: fx.Node, probe: Probe, waiting: Collection[fx.Node], last: bool
) -> fx.Node | None:
    """Return new nodes, put before `node`, that compute the same by ReLUs; None if there are none.

    The node may be the last of several steps: `x * (x > 0)`. `waiting` are steps that were not
    rewritten so far. A staircase is looked for at the `last` step only: half of one is one too.
    """
    if not (probe.is_tensor(node) and probe.two[node].is_floating_point()):
        return None
    functions = [
        (base, *function_of(node, base, probe))
        for base in bases(node, probe)
        if base not in waiting
    ]
    for base, function, shape in functions:
        pieces = function and pieces_of(function)
        if pieces:
            return _Writing(node, base, shape, probe).pieces(pieces)
    if not last:
        return _of_two_signals(node, probe, waiting)
    climbed = _signal_of_stairs(functions)
    if climbed:
        base, shape, stairs = climbed
        return _Writing(node, base, shape, probe).stairs(stairs)
    return _of_two_signals(node, probe, waiting)


def _signal_of_stairs(functions: list[tuple]) -> tuple[fx.Node, Any, Stairs] | None:
    """Return the signal to which neurons are given: before the scaling, and before the shift.

    Neurons that start at φ need no shift of their current, which would count in every step.
    """
    found = []
    for base, function, shape in reversed(functions):
        stairs = stairs_of(function) if function else None
        if stairs:
            found.append((base, shape, stairs))
            if stairs.shift > 0 and not stairs.start.any():
                return found[-1]
    return next((f for f in found if not f[2].start.any()), found[0] if found else None)


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
        front = (front - {latest}) | _moving(latest, probe)
        if not front or any((probe.shapes[n], probe.layout(n)) != (shape, layout) for n in front):
            return
        if len(front) == 1:
            (base,) = front
            if probe.two[base].is_floating_point():
                count += 1
                yield base


def _moving(node: fx.Node, probe: Probe) -> set[fx.Node]:
    return {n for n in node.all_input_nodes if probe.moves(n)}


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
        value = first if reader != "prelu" and bool((value == first).all()) else value
    return reader, value


def _aligned(value: torch.Tensor, reader: str, dimensions: int) -> list[int]:
    """Return the shape of a constant with a 1 for each dimension that it lacks."""
    if reader == "prelu":  # along the second dimension, whatever follows
        return [1, value.numel(), *[1] * (dimensions - 2)] if dimensions > 1 else [1]
    sizes = list(value.shape)[-dimensions:]
    return [1] * (dimensions - len(sizes)) + sizes


def _of_two_signals(node: fx.Node, probe: Probe, waiting: Collection[fx.Node]) -> fx.Node | None:
    """Return the larger or smaller of two signals: max(a, b) = b + [a - b]₊, or None."""
    name = name_of(node.target)
    args: Any = node.args
    if name in ("maximum", "fmax", "minimum", "fmin", "max", "min") and len(args) == 2:
        pairs = [("max" in name, args[1])]
    elif name in ("clamp", "clip", "clamp_min", "clamp_max"):
        lower = node.kwargs.get("min", args[1] if len(args) > 1 and name != "clamp_max" else None)
        upper = node.kwargs.get("max", args[-1] if len(args) == 3 or name == "clamp_max" else None)
        pairs = [(True, lower)] * (lower is not None) + [(False, upper)] * (upper is not None)
    elif name == "where" and (larger := _chosen(*args)) is not None:
        pairs, args = [(larger, args[2])], args[1:]
    else:
        return None
    if probe.layout(node).dim and len({probe.layout(n) for n in node.all_input_nodes}) > 1:
        return None
    writing, result = _Writing(node, node, (), probe), args[0]
    if any(value in waiting for value in (result, *(bound for _, bound in pairs))):
        return None
    for larger, bound in pairs:
        a, b = (result, bound) if larger else (bound, result)
        positive = writing.neurons(writing.call(operator.sub, a, b), None, f"{name} of two")
        result = writing.call(operator.add if larger else operator.sub, bound, positive)
    return result if isinstance(result, fx.Node) else None


def _chosen(condition: Any, a: Any, b: Any) -> bool | None:
    """Return whether a choice between two signals takes the larger; None if it is another one."""
    compared = condition.args if isinstance(condition, fx.Node) else ()
    name = name_of(condition.target) if compared else ""
    greater = {"gt": True, "ge": True, "lt": False, "le": False}.get(name)
    if greater is None or set(compared) != {a, b}:
        return None
    return greater == (compared[0] is a)


class _Writing:
    """Writes nodes before one that they replace; constants have `shape` for one image."""

    def __init__(
        self,
        node: fx.Node,
        base: fx.Node,
        shape: tuple[int, ...],
        probe: Probe,
    ):
        self.node, self.base, self.shape, self.probe = node, base, shape, probe

    def call(self, function: Callable, *args: Any) -> fx.Node:
        """Write a call whose value has the shape of the node that is replaced."""
        return self.probe.write(self.node, function, *args, like=self.node)

    def neurons(self, current: fx.Node, cap: float | None, part: str, *more: Any) -> fx.Node:
        """Write a layer of neurons, which is a part of what the model has here."""
        new = self.call(staircase if more else rectify, current, cap, *more)
        return self._as_layer(new, part)

    def _as_layer(self, node: fx.Node, part: str) -> fx.Node:
        node.meta |= {"kind": Kind.RELU, "part": part, "own": self.node.meta["own"]}
        return node

    def pieces(self, pieces: Pieces) -> fx.Node:
        """Write the sum of `piecewise_linear`."""
        result: fx.Node | None = None
        ramps = pieces.ramps()
        for direction, start, slope, width in ramps:
            current = self._minus(self.base, start)
            current = current if direction > 0 else self.call(operator.neg, current)
            scale = width if width is not None and np.ptp(width) else np.ones(1)
            current = self._times(current, 1 / scale)
            cap = None if width is None else float((width / scale)[0])
            ramp = self.neurons(current, cap, self._name(direction, start, width))
            ramp.meta["negative"] = direction < 0 < ramps[0][0]
            if len(ramps) == 1 and width is None and not start.any() and direction > 0:
                del ramp.meta["part"]
            result = self._plus(result, ramp, direction * slope * scale)
        if result is None:  # affine after all
            result = self._times(self.base, pieces.slopes[0])
        return self._minus(result, -pieces.offset)

    def stairs(self, stairs: Stairs) -> fx.Node:
        """Write a layer of neurons that climbs the staircase."""
        current = self._minus(self.base, stairs.start)
        scale = stairs.cap if np.ptp(stairs.cap) else np.ones(1)
        current = self._times(current, 1 / scale)
        cap = float((stairs.cap / scale)[0])
        layer = self.call(staircase, current, cap, stairs.levels, stairs.shift)
        self._as_layer(layer, f"staircase of {stairs.levels} levels")
        return self._minus(self._times(layer, stairs.gain * scale), -stairs.low)

    def _name(self, direction: int, start: np.ndarray, width: np.ndarray | None) -> str:
        """Return 'leaky_relu below 0'."""
        name = name_of(self.node.target)
        if np.ptp(start):
            return f"{name}, {'above' if direction > 0 else 'below'}"
        if width is None:
            return f"{name} {'above' if direction > 0 else 'below'} {start[0]:g}"
        ends = sorted([start[0], start[0] + direction * width[0]])
        return f"{name} from {ends[0]:g} to {ends[1]:g}"

    def _minus(self, node: fx.Node, value: np.ndarray) -> fx.Node:
        return self.call(operator.sub, node, self._constant(value)) if value.any() else node

    def _times(self, node: fx.Node, value: np.ndarray) -> fx.Node:
        if (value == -1).all():
            return self.call(operator.neg, node)
        return node if (value == 1).all() else self.call(operator.mul, node, self._constant(value))

    def _plus(self, total: fx.Node | None, node: fx.Node, factor: np.ndarray) -> fx.Node:
        if total is None:
            return self._times(node, factor)
        if (factor < 0).all():
            return self.call(operator.sub, total, self._times(node, -factor))
        return self.call(operator.add, total, self._times(node, factor))

    def _constant(self, value: np.ndarray) -> Any:
        """Return a number, or a node that holds a number for each function."""
        if not np.ptp(value):
            return float(value[0])
        image = self.probe.two[self.node]
        numbers = torch.from_numpy(np.ascontiguousarray(value)).reshape(1, *self.shape).to(image)
        with self.node.graph.inserting_before(self.node):
            constant = self.node.graph.create_node("get_attr", "constant")
        constant.meta |= self.node.meta
        self.probe.constants[constant] = self.probe.two[constant] = numbers
        return constant
