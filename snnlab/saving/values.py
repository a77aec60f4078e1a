"""What a node says as JSON and back, and the functions that a file may name."""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from snnlab.exceptions import DataError
from snnlab.graph import operations
from snnlab.graph.canonical import expand_to_batch
from snnlab.graph.layout import laid_out
from snnlab.graph.padding import padded_max_pool
from snnlab.graph.staircase import staircase

_NAMESPACES = {
    "torch": torch,
    "torch.nn.functional": nn.functional,
    "torch.linalg": torch.linalg,
    "torch.special": torch.special,
    "torch.fft": torch.fft,
}
_OPERATORS = ("add", "getitem", "matmul", "mul", "neg", "pow", "sub", "truediv")
# The properties of a tensor that are tensors.
PROPERTIES = ("T", "H", "mT", "mH", "real", "imag")
# What else a graph may call, under names that stay when the files of the package are moved.
_OWN: dict[str, Callable] = {
    "snnlab.rectify": operations.rectify,
    "snnlab.staircase": staircase,
    "snnlab.padded_max_pool": padded_max_pool,
    "snnlab.looked_up": operations.looked_up,
    "snnlab.expand_to_batch": expand_to_batch,
    "snnlab.assigned": operations.assigned,
    "snnlab.overwritten": operations.overwritten,
    "snnlab.laid_out": laid_out,
}
_CONSTANTS = {
    str(value): value
    for value in vars(torch).values()
    if isinstance(value, (torch.dtype, torch.memory_format))
}


@functools.cache
def functions() -> dict[str, Callable]:
    """Return all functions that a file may name: those of tensors, by their full name.

    A name is looked up here and nowhere else, so no file can lead to another function: none that
    reads files, writes in place, or runs code.
    """
    return {
        **_OWN,
        "getattr": getattr,
        **{f"operator.{name}": getattr(operator, name) for name in _OPERATORS},
        **{
            f"{prefix}.{name}": getattr(namespace, name)
            for prefix, namespace in _NAMESPACES.items()
            for name in dir(namespace)
            if not name.startswith("_") and _is_of_tensors(name, namespace)
        },
    }


def is_method(name: str) -> bool:
    """Return whether tensors have a method of this name that does not work in place."""
    return _is_of_tensors(name, torch.Tensor)


def _is_of_tensors(name: str, namespace: Any) -> bool:
    function = getattr(namespace, name, None)
    listed = callable(function) and function in _functions_of_tensors()
    return listed and not operations.is_in_place(name)


@functools.cache
def _functions_of_tensors() -> set[Callable]:
    """Return all functions and methods of torch that work on tensors, as torch lists them."""
    listed = torch.overrides.get_overridable_functions().values()
    left_out = {nn.functional.hardsigmoid, nn.functional.hardswish}  # which torch forgets
    return left_out | {function for functions in listed for function in functions}


@functools.cache
def _names() -> dict[tuple[Callable, str], str]:
    """Return the full name of each function, the first where there are several."""
    return {(f, f.__name__): name for name, f in reversed(functions().items())}


def name_of_function(function: Any) -> str:
    """Return the name under which a file has a function.

    >>> name_of_function(torch.reshape)
    'torch.reshape'
    """
    # By its name too, because torch.mm and torch.dsmm compare as equal.
    name = _names().get((function, getattr(function, "__name__", "")))
    if name is None:
        raise DataError(
            f"network.save: the network calls {function!r}, which has no name in a file. Expected "
            f"functions of torch that convert. Convert the model anew with this snnlab."
        )
    return name


def encoded(value: Any) -> Any:
    """Return what a node says as data for JSON; what JSON does not have is named by its type.

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
    if isinstance(value, operations.Kind):
        return {"kind": value.value}
    if isinstance(value, np.ndarray):
        return {"array": value.astype(np.float64).tolist()}
    raise DataError(
        f"network.save: the network has an argument of type {type(value).__name__}, which has no "
        f"form in a file. Expected numbers, texts, tensors and lists of them. Compute it before "
        f"the conversion."
    )


def decoded(data: Any, nodes: dict[str, fx.Node]) -> Any:
    """Return what a node says from what `encoded` made of it.

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
    if kind == "kind":
        return operations.Kind(value)
    if kind == "array":
        return np.array(value, np.float64)
    if kind == "ellipsis":
        return ...
    makers: dict[str, Callable] = {"tuple": tuple, "dict": dict, "slice": lambda e: slice(*e)}
    return makers[kind](decoded(value, nodes))
