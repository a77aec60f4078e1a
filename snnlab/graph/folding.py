"""BatchNorm, folded into the layer before it."""

import copy
import dataclasses
import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn

from snnlab.graph import canonical
from snnlab.graph.canonical import TRANSPOSED, WEIGHTED, Graph, Weighted, source_of, tensors
from snnlab.graph.operations import BATCH_NORMS


def fold_affine(
    weight: torch.Tensor,
    bias: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
    eps: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Return the weight and bias of a layer that has taken in the BatchNorm behind it.

    .. math:: \hat W = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} W, \qquad
              \hat b = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} (b - \mu) + \beta

    `weight` has the output channels first, shape (C, ...); all others have shape (C,).

    Source: Rueckauer et al. 2017 (batch normalization).

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> W, b = fold_affine(2 * one[None], one, 3 * one, 3 * one, 4 * one, one / 2, 1.0)
    >>> W.item(), b.item()
    (4.0, -3.5)
    """
    scale = gamma / torch.sqrt(variance + eps)
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), scale * (bias - mean) + beta


def fold_batchnorm(graph: Graph) -> Graph:
    """Fold every BatchNorm that directly follows a linear layer into that layer.

    Where it cannot be folded (before the convolution, behind a layer with another reader, along
    another dimension than the layer's output channels) it stays, and is evaluated as the affine map
    that it is at inference.

    Parameters
    ----------
    graph : Graph
        From `trace`. It is not changed.

    Returns
    -------
    Graph
        Computes the same, with fewer BatchNorms.

    Source: Rueckauer et al. 2017; Ioffe and Szegedy 2015 for BatchNorm itself.

    >>> from snnlab import trace
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU()).eval()
    >>> fold_batchnorm(trace(model, [[0.0, 1.0]]))
    Graph of 4 nodes, input (2,)
      input     input                          2
      affine    0                              3
      relu      2                              3
      output    output                         3
    """
    steps = copy.deepcopy(graph.module.graph)
    # What is not folded is shared with the graph that was given.
    parts: dict[Any, Any] = {
        node.target: operator.attrgetter(node.target)(graph.module)
        for node in steps.nodes
        if node.op in ("call_module", "get_attr")
    }
    for node in list(steps.nodes):
        if _is_foldable(node, parts):
            source = source_of(node)
            parts[source.target] = _folded(parts[source.target], parts[node.target])
            node.replace_all_uses_with(source)
            steps.erase_node(node)
    return dataclasses.replace(graph, module=canonical.graph_module(parts, steps, graph.reference))


def _is_foldable(node: fx.Node, parts: Mapping[Any, Any]) -> bool:
    if node.op != "call_module" or not isinstance(parts[node.target], BATCH_NORMS):
        return False
    source = source_of(node)
    layer = parts[source.target] if source.op == "call_module" else None
    if len(source.users) > 1 or not isinstance(layer, WEIGHTED):
        return False
    # BatchNorm works along the first dimension after the batch; Linear puts its output last.
    return not isinstance(layer, nn.Linear) or len(source.meta["shape"]) == 1


@torch.no_grad()
def _folded(layer: Weighted, norm: Any) -> Weighted:
    """Return a layer with both in it; the arithmetic is float64, rounded once at the end."""
    channels, dtype = norm.num_features, layer.weight.dtype
    one = torch.ones(channels, dtype=torch.float64, device=layer.weight.device)
    bias, gamma, beta = (
        default if given is None else given.double()
        for given, default in ((layer.bias, 0 * one), (norm.weight, one), (norm.bias, 0 * one))
    )
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    weight = _channels_first(layer, layer.weight.double())
    weight, bias = fold_affine(weight, bias, mean, variance, gamma, beta, norm.eps)
    weight = _channels_first(layer, weight)
    folded = copy.deepcopy(layer, {id(tensor): tensor for tensor in tensors(layer)})
    folded.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
    folded.bias = nn.Parameter(bias.to(dtype), requires_grad=False)
    return folded


def _channels_first(layer: Weighted, weight: torch.Tensor) -> torch.Tensor:
    """Bring the output channels of a weight to the front; a second call brings them back.

    A transposed convolution keeps its weight as (in, out / groups, ...), group after group.
    """
    if not isinstance(layer, TRANSPOSED):
        return weight
    return weight.unflatten(0, (layer.groups, -1)).transpose(1, 2).flatten(0, 1)
