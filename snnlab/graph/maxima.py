"""Maxima and minima over dimensions of a value, as max pooling."""

import operator
from typing import Any

import torch
from torch import fx

from snnlab.graph.operations import Kind, advice, name_of
from snnlab.graph.probe import Probe
from snnlab.graph.refusals import refuse_mixing


def is_of_two(node: fx.Node, probe: Probe) -> bool:
    """Return whether a maximum or minimum is that of two signals, and not over a dimension."""
    second = node.args[1] if len(node.args) > 1 else node.kwargs.get("other")
    named = name_of(node.target) in ("maximum", "minimum", "fmax", "fmin")
    return named or (isinstance(second, fx.Node) and probe.is_tensor(second))


def over_dimensions(node: fx.Node, probe: Probe) -> None:
    """Replace a maximum or minimum, which torch may give with indices, by `amax`."""
    source: Any = node.args[0]
    name = name_of(node.target)
    dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", ())
    keepdim = node.args[2] if len(node.args) > 2 else node.kwargs.get("keepdim", False)
    dim = probe.layout(source).along(dim, probe.two[source].ndim)
    smallest = name in ("min", "amin")
    if smallest:
        source = probe.write(node, operator.neg, source, like=source)
    values: list[Any] = [node] if probe.is_tensor(node) else list(node.users)
    for value in values:
        if value is not node and value.args[1] != 0:
            if value.users:
                why = "reads where the maximum is, which is no signal."
                probe.refuse(value, why, advice("argmax"))
            continue
        refuse_mixing(value, probe)
        highest = probe.write(node, torch.amax, source, dim, keepdim, like=value)
        highest.meta |= {"kind": Kind.MAX_POOL, "own": node.meta["own"]}
        result = probe.write(node, operator.neg, highest, like=value) if smallest else highest
        value.replace_all_uses_with(result)
