"""The arguments of a node as JSON and back, and the functions that a file may name."""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from snnlab.exceptions import DataError
from snnlab.graph import operations
from snnlab.graph.canonical import expand_to_batch

_NAMESPACES = {
    "torch": torch,
    "torch.nn.functional": nn.functional,
    "torch.Tensor": torch.Tensor,
    "operator": operator,
}
# What else a graph may call, under names that stay when the files of the package are moved.
_OWN: dict[str, Callable] = {
    "snnlab.rectify": operations.rectify,
    "snnlab.expand_to_batch": expand_to_batch,
    "snnlab.assigned": operations.assigned,
    "snnlab.overwritten": operations.overwritten,
}
_CONSTANTS = {
    str(value): value
    for value in vars(torch).values()
    if isinstance(value, (torch.dtype, torch.memory_format))
}


@functools.cache
def functions() -> dict[str, Callable]:
    """Return all functions that a file may name: those that `trace` knows, by their full name.

    A name is looked up here and nowhere else, so no file can lead to another function.
    """
    return _OWN | {
        f"{prefix}.{name}": getattr(namespace, name)
        for prefix, namespace in _NAMESPACES.items()
        for name in dir(namespace)
        if is_method(name) and callable(getattr(namespace, name))
    }


def is_method(name: str) -> bool:
    """Return whether `trace` knows an operation of this name, which is not in place."""
    return operations.rule_of(name) is not None and operations.name_of(name) == name


@functools.cache
def _names() -> dict[Callable, str]:
    """Return the full name of each function, the first where there are several."""
    return {function: name for name, function in reversed(functions().items())}


def name_of_function(function: Any) -> str:
    """Return the name under which a file has a function.

    >>> name_of_function(torch.reshape)
    'torch.reshape'
    """
    name = _names().get(function)
    if name is None:
        raise DataError(
            f"network.save: the network calls {function!r}, which has no name in a file. Expected "
            f"functions of torch that convert. Convert the model anew with this snnlab."
        )
    return name


def encoded(value: Any) -> Any:
    """Return an argument of a node as data for JSON; what JSON does not have is named by its type.

    >>> encoded((1, [2.5, None], slice(0, None, 2), torch.float64, float("inf")))
    {'tuple': [1, [2.5, None], {'slice': [0, None, 2]}, {'torch': 'float64'}, {'float': 'inf'}]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(float(value))}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, fx.Node):
        return {"node": value.name}
    if isinstance(value, tuple):
        return {"tuple": [encoded(part) for part in value]}
    if isinstance(value, list):
        return [encoded(part) for part in value]
    if isinstance(value, dict):
        return {"dict": [[encoded(key), encoded(part)] for key, part in value.items()]}
    if isinstance(value, slice):
        return {"slice": [encoded(part) for part in (value.start, value.stop, value.step)]}
    if value is ...:
        return {"ellipsis": None}
    if str(value) in _CONSTANTS:
        return {"torch": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        return {"device": str(value)}
    raise DataError(
        f"network.save: the network has an argument of type {type(value).__name__}, which has no "
        f"form in a file. Expected numbers, texts, tensors and lists of them. Compute it before "
        f"the conversion."
    )


def decoded(data: Any, nodes: dict[str, fx.Node]) -> Any:
    """Return an argument of a node from what `encoded` made of it.

    >>> decoded({"tuple": [1, {"slice": [0, None, 2]}, {"torch": "float64"}]}, {})
    (1, slice(0, None, 2), torch.float64)
    """
    if isinstance(data, list):
        return [decoded(part, nodes) for part in data]
    if not isinstance(data, dict):
        return data
    ((kind, value),) = data.items()
    if kind == "float":
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value]
    if kind == "node":
        return nodes[value]
    if kind == "torch":
        return _CONSTANTS[f"torch.{value}"]
    if kind == "device":
        return torch.device(value)
    if kind == "ellipsis":
        return ...
    makers: dict[str, Callable] = {"tuple": tuple, "dict": dict, "slice": lambda e: slice(*e)}
    return makers[kind](decoded(value, nodes))
