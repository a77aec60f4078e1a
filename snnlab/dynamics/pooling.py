"""Max pooling of spikes: exact, or by gates that estimate rates."""

import copy
import re
from collections.abc import Callable
from typing import Literal

import torch
from torch import fx
from torch.nn import functional as F

from snnlab.dynamics.exact import ExactMaxPool
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.canonical import Graph, apply
from snnlab.graph.operations import name_of

MaxPooling = Literal["exact", "gate", "gate_recent"]
MAX_POOLINGS = ("exact", "gate", "gate_recent")
# Of an estimate that forgets: what is left of it after a step. Spikes count for 9 steps on average.
DECAY = 0.9


class GatedMaxPool:
    r"""A gate that passes on the input whose rate estimate is the highest in its window.

    .. math:: e_{i,t} = \alpha\,e_{i,t-1} + x_{i,t}, \qquad o_t = x_{i^*,t}, \quad
              i^* = \arg\max_i e_{i,t}

    With :math:`\alpha` = 1 the estimate is the number of spikes so far; with less, it forgets. At
    a tie the first input counts. There a gate passes on too much: where an earlier input draws
    level, its spike passes, though it only makes up for what this input had lacked.

    Parameters
    ----------
    winners : callable
        Max pooling that returns the flat indices of the maxima.
    decay : float
        :math:`\alpha`.

    Source: Rueckauer et al. 2017 (spiking max pooling).
    """

    def __init__(self, winners: Callable[[torch.Tensor], torch.Tensor], decay: float):
        self.winners, self.decay = winners, decay
        self.estimate = self.sum = torch.zeros(())

    def step(self, x: torch.Tensor, steps: int, writable: bool = False) -> torch.Tensor:
        """Return the block of outputs, as `Stepping.step`; the memory of `x` stays."""
        blocks = x.unflatten(0, (steps, -1))
        estimates = torch.empty_like(blocks)
        for t, block in enumerate(blocks):
            estimates[t] = self.estimate = self.decay * self.estimate + block
        indices = self.winners(estimates.flatten(0, 1))
        passed = x.flatten(2).gather(2, indices.flatten(2)).view_as(indices)
        self.sum = self.sum + passed.unflatten(0, (steps, -1)).sum(0)
        return passed


def max_pool(node: fx.Node, graph: Graph, how: MaxPooling) -> ExactMaxPool | GatedMaxPool:
    """Return what steps through time in place of a max pooling of a graph."""
    module, source = graph.module, node.all_input_nodes[0]
    if how == "exact":
        return ExactMaxPool(lambda charge: apply(node, module, {source: charge}))
    return GatedMaxPool(_winners(node, graph), 1.0 if how == "gate" else DECAY)


def check_gates(graph: Graph) -> None:
    """Refuse a graph with a max pooling that no gate can replace."""
    for node in graph.pools.values():
        _winners(node, graph)


def pools_by_channel(node: fx.Node, graph: Graph) -> bool:
    """Return whether a pooling works over windows of each channel: (B, C, ...) with d dimensions.

    `amax` has no windows; and torch pools (B, L) too, as if its first dimension were channels.
    """
    dimensions = re.search(r"(\d)d", _name(node, graph).lower())
    shape = node.all_input_nodes[0].meta["shape"]
    return dimensions is not None and len(shape) == 1 + int(dimensions[1])


def _name(node: fx.Node, graph: Graph) -> str:
    if node.op == "call_module":
        return type(graph.module.get_submodule(str(node.target))).__name__
    return name_of(node.target)


def _winners(node: fx.Node, graph: Graph) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the pooling that gives the flat indices of the maxima instead of the maxima."""
    source = node.all_input_nodes[0]
    if not pools_by_channel(node, graph):
        raise UnsupportedLayerError(
            f"layer {node.meta['layer']!r}: {_name(node, graph)} over values of shape "
            f"{source.meta['shape']}. A gate expects max pooling with windows, and channels before "
            f"them. Write it so, or take max_pool='exact'."
        )
    if node.op == "call_module":
        pool = copy.copy(graph.module.get_submodule(str(node.target)))
        vars(pool)["return_indices"] = True
        return lambda x: pool(x)[1]
    function = getattr(F, f"{name_of(node.target).removesuffix('_with_indices')}_with_indices")

    def winners(x: torch.Tensor) -> torch.Tensor:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), {source: x}.__getitem__)
        return function(*args, **kwargs)[1]

    return winners
