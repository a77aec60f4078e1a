"""Layers of neurons written into a graph, in the place of a step that bends the signal."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab.graph.operations import Kind, name_of, rectify
from snnlab.graph.piecewise_linear import Pieces
from snnlab.graph.probe import Probe
from snnlab.graph.staircase import Stairs, staircase


class Writing:
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

    def neurons(self, current: fx.Node, cap: float | None, part: str, *of_stairs: Any) -> fx.Node:
        """Write a layer of neurons, which is a part of what the model has here."""
        new = self.call(staircase if of_stairs else rectify, current, cap, *of_stairs)
        new.meta |= {"kind": Kind.RELU, "part": part, "own": self.node.meta["own"]}
        return new

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
        part = f"staircase of {stairs.levels} levels"
        layer = self.neurons(current, cap, part, stairs.levels, stairs.shift)
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
