"""Padding with minus infinity, which belongs to the max pooling behind it."""

import math
from typing import Any

import torch
from torch import fx
from torch.nn import functional as F

from snnlab.graph.operations import OperationRule, name_of
from snnlab.graph.probe import Probe


def padded_max_pool(
    x: torch.Tensor, pad: list[int], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.Tensor:
    """Return the max pooling of that name, over values with minus infinity around them.

    >>> padded_max_pool(torch.tensor([[[-2.0, -1.0]]]), [1, 0], "max_pool1d", (3,), {}).tolist()
    [[[-1.0]]]
    """
    pool = getattr(F, name)
    return pool(F.pad(x, pad, value=-math.inf), *args, **kwargs)


def pads_with_infinity(node: fx.Node, probe: Probe) -> bool:
    """Return whether a node pads with minus infinity, which only max pooling may read."""
    if probe.name(node) != "pad" or -math.inf not in (*node.args, *node.kwargs.values()):
        return False
    if any(probe.rule(user) is not OperationRule.MAX_POOL for user in node.users):
        why = "pads with minus infinity, and not only max pooling reads it."
        probe.refuse(node, why, "Pad with a number, or let max pooling pad.")
    return True


def with_padding(node: fx.Node, padding: fx.Node) -> tuple[Any, ...]:
    """Return the arguments of `padded_max_pool` for a max pooling and the padding before it."""
    pad = padding.args[1] if len(padding.args) > 1 else padding.kwargs["pad"]
    return padding.args[0], pad, name_of(node.target), node.args[1:], node.kwargs
