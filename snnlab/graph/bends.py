"""Steps that bend the signal, alone or with those that follow: sums of ReLUs, or staircases."""

import operator
from collections.abc import Callable, Collection
from typing import Any

from torch import fx

from snnlab.graph.head import logits_before
from snnlab.graph.neurons import Writing
from snnlab.graph.operations import Kind, bounds, name_of
from snnlab.graph.piecewise_linear import pieces_of
from snnlab.graph.pointwise import bases, function_of, is_pointwise
from snnlab.graph.probe import Probe
from snnlab.graph.refusals import NotAffineError, refuse_counts, refuse_mixing
from snnlab.graph.staircase import Stairs, stairs_of


class Bends:
    """The steps that bend the signal, until those that follow make a sum of ReLUs of them.

    `rewrite` brings an ordinary step into canonical form.
    """

    def __init__(self, probe: Probe, rewrite: Callable[[fx.Node], None]):
        self.probe, self.rewrite = probe, rewrite
        # By a step that waits, the first of its formula.
        self.waiting: dict[fx.Node, fx.Node] = {}
        self.refused: fx.Node | None = None

    def replace(self, node: fx.Node, bends: bool) -> bool:
        """Replace a step by ReLUs if it bends the signal, or wait for the steps that follow it.

        So may a step that reads one that waits. False if it is an ordinary step after all.
        """
        if not bends and not self._read_by(node):
            return False
        refuse_counts(node, self.probe)
        refuse_mixing(node, self.probe)
        node.meta["kind"] = Kind.AFFINE
        stands_in = self.probe.name(node) == "hardsigmoid" and logits_before(node, self.probe)
        if stands_in and any(n.meta.get("kind") is Kind.RELU for n in node.graph.nodes):
            self._refuse(node)  # at the very end it stands for a sigmoid
        goes_on = any(is_pointwise(user, self.probe) for user in node.users)
        if self._becomes_neurons(node, last=not goes_on):
            return True
        before = self._read_by(node)
        if is_pointwise(node, self.probe) and (goes_on or not before):
            self.waiting[node] = self.waiting[before[0]] if before else node
            return True
        for step in before:
            self.settle(step)
        return bends and self.replace(node, bends)

    def settle(self, node: fx.Node) -> None:
        """Replace a step if it waits, or what it reads, or refuse the first that bends."""
        if node not in self.waiting:
            return
        first = self.waiting.pop(node)
        if self._becomes_neurons(node, last=True):
            return
        before = self._read_by(node)
        if not before:
            self._refuse(first)
        for step in before:
            self.settle(step)
        self.rewrite(node)
        if node in self.waiting:
            self._refuse(first)

    def _becomes_neurons(self, node: fx.Node, last: bool) -> bool:
        new = rewritten(node, self.probe, self.waiting, last)
        if new is not None:
            node.replace_all_uses_with(new)
        return new is not None

    def _read_by(self, node: fx.Node) -> list[fx.Node]:
        return [n for n in node.all_input_nodes if n in self.waiting]

    def _refuse(self, node: fx.Node) -> None:
        self.refused = node
        why = "is no piecewise linear function of one signal, also with the steps that follow it."
        self.probe.refuse(node, why, error=NotAffineError)


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
            return Writing(node, base, shape, probe).pieces(pieces)
    if not last:
        return _of_two_signals(node, probe, waiting)
    climbed = _signal_of_stairs(functions)
    if climbed:
        base, shape, stairs = climbed
        return Writing(node, base, shape, probe).stairs(stairs)
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


def _of_two_signals(node: fx.Node, probe: Probe, waiting: Collection[fx.Node]) -> fx.Node | None:
    """Return the larger or smaller of two signals: max(a, b) = b + [a - b]₊, or None."""
    name = name_of(node.target)
    args: Any = node.args
    if name in ("maximum", "fmax", "minimum", "fmin", "max", "min") and len(args) == 2:
        pairs = [("max" in name, args[1])]
    elif name in ("clamp", "clip", "clamp_min", "clamp_max"):
        lower, upper = bounds(node)
        pairs = [(True, lower)] * (lower is not None) + [(False, upper)] * (upper is not None)
    elif name == "where" and (larger := _chosen(*args)) is not None:
        pairs, args = [(larger, args[2])], args[1:]
    else:
        return None
    if probe.layout(node).dim and len({probe.layout(n) for n in node.all_input_nodes}) > 1:
        return None
    writing, result = Writing(node, node, (), probe), args[0]
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
