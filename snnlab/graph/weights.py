"""Linear layers, convolutions and BatchNorm of functions, as modules that hold their weights."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from snnlab.graph.operations import name_of

_LINEAR = ("weight", "bias")
_CONV = ("weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_NORM_OF_TORCH = ("weight", "bias", "running_mean", "running_var", "training", "momentum", "eps")
_NORM = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")


def as_module(node: fx.Node, dimensions: int, value: Callable[[Any], Any]) -> nn.Module | None:
    """Return a module that does what a node does with its first argument, None if there is none.

    Parameters
    ----------
    node : torch.fx.Node
    dimensions : int
        Of what the node reads, with the batch.
    value : callable
        Gives the tensor that a constant node stands for, and any other argument as it is.
    """
    name = name_of(node.target)
    d = name[-2:]
    names: tuple[str, ...]
    build: Callable[..., nn.Module]
    if name == "linear":
        names, build = _LINEAR, _linear
    elif name == f"conv_transpose{dimensions - 2}d":
        names, build = _TRANSPOSED, functools.partial(_conv, f"ConvTranspose{d}")
    elif name == f"conv{dimensions - 2}d":
        names, build = _CONV, functools.partial(_conv, f"Conv{d}")
    elif name == "batch_norm" and dimensions in (2, 3, 4, 5):
        names = _NORM if node.target is F.batch_norm else _NORM_OF_TORCH
        build = functools.partial(_norm, max(dimensions - 2, 1))
    else:
        return None
    arguments = dict(zip(names, node.args[1:], strict=False)) | node.kwargs
    given: dict[str, Any] = {key: value(argument) for key, argument in arguments.items()}
    plain = name != "linear" or given["weight"].ndim == 2
    return build(**given).eval() if plain else None


def _linear(weight: torch.Tensor, bias: Any = None) -> nn.Module:
    rows, columns = weight.shape
    return _with(nn.Linear(columns, rows, bias is not None, device="meta"), weight, bias)


def _conv(kind: str, weight: torch.Tensor, bias: Any = None, **options: Any) -> nn.Module:
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    first, second = weight.shape[:2]
    groups = options.get("groups", 1)
    channels = (first, second * groups) if "Transpose" in kind else (second * groups, first)
    options |= {"bias": bias is not None, "device": "meta"}
    return _with(getattr(nn, kind)(*channels, tuple(weight.shape[2:]), **options), weight, bias)


def _norm(
    dimensions: int,
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    **_: Any,
) -> nn.Module:
    affine = weight is not None or bias is not None
    options = {"affine": affine, "device": running_mean.device}
    norm = getattr(nn, f"BatchNorm{dimensions}d")(len(running_mean), eps, **options)
    norm.running_mean, norm.running_var = running_mean, running_var
    weight = torch.ones_like(running_mean) if weight is None and affine else weight
    bias = torch.zeros_like(running_mean) if bias is None and affine else bias
    return _with(norm, weight, bias)


def _with(layer: nn.Module, weight: Any, bias: Any) -> nn.Module:
    """Give a layer weights; where there is none, it has none."""
    for name, value in (("weight", weight), ("bias", bias)):
        own = None if value is None else nn.Parameter(value, requires_grad=False)
        setattr(layer, name, own)
    return layer
