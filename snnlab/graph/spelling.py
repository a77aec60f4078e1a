"""Calls of torch as nodes of a graph: methods by their names, in-place forms out of place."""

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from snnlab.graph.operations import assigned, out_of_place

_OPERATORS = {"__getitem__": operator.getitem, "__setitem__": assigned}
_SWAPPED = {"__rsub__": operator.sub, "__rmatmul__": operator.matmul, "__rpow__": operator.pow}
_SWAPPED |= {"__rdiv__": operator.truediv, "__rtruediv__": operator.truediv}
_PROPERTIES: dict[str, tuple] = {
    "data": ("detach",),
    "mT": ("transpose", -1, -2),
    "T": ("t",),
}
# In-place methods that leave nothing of the old values.
_ASSIGNING = ("copy_", "fill_", "zero_")


def name_of_call(function: Any) -> str:
    """Return the name of a function, of the overload of an operator without what overloads it."""
    name = getattr(function, "__name__", str(function))
    return name.partition(".")[0] if isinstance(function, torch._ops.OpOverload) else name


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors within a value, however deep in lists, tuples, dicts and slices."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


def spelled(function: Any, name: str, args: tuple, kwargs: dict) -> tuple[str, Any, tuple, dict]:
    """Return operation, target, arguments and keywords of a node, from those of a call."""
    first = next((key for key in ("input", "tensors", "self") if key in kwargs), None)
    if first and not args:
        args = (kwargs[first],)
        kwargs = {key: value for key, value in kwargs.items() if key != first}
    if name == "__get__":
        name = function.__self__.__name__
        if name in _PROPERTIES:
            return "call_method", _PROPERTIES[name][0], (args[0], *_PROPERTIES[name][1:]), {}
        return "call_function", getattr, (args[0], name), {}
    if name == "_sparse_mm":
        return "call_function", torch.mm, args, kwargs
    if name in _SWAPPED:
        return "call_function", _SWAPPED[name], args[::-1], {}
    if name in _OPERATORS:
        return "call_function", _OPERATORS[name], args, kwargs
    if isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        homes = (torch, nn.functional, torch.Tensor)
        function = next((getattr(h, name) for h in homes if hasattr(h, name)), function)
    own = getattr(function, "__qualname__", "").startswith("TensorBase.")
    if own or getattr(torch.Tensor, name, None) == function:
        return "call_method", name, args, kwargs
    return "call_function", function, args, kwargs


def without_writing(op: str, target: Any, args: tuple, kwargs: dict, name: str) -> tuple:
    """Return an in-place operation as one that returns a new tensor."""
    if name in _ASSIGNING:
        value = next(iter((*args[1:], *kwargs.values())), 0.0)
        return "call_function", assigned, (args[0], Ellipsis, value), {}
    kwargs = {key: value for key, value in kwargs.items() if key != "inplace"}
    return op, out_of_place(target), args, kwargs
