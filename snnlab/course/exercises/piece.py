"""Exercises that ask for a function of the converter: of arrays, layers and networks."""

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from snnlab.course.exercises.function_exercise import Case, FunctionExercise, Outcome

_TOLERANCE = 1e-6

# The functions of the converter in the order of its file, and which exercise asks for each.
PIECES = {
    "neuron_step": "1.10",
    "run_layer": "2.8",
    "threshold_of": "6.3",
    "convert": "6.7",
    "fold": "7.7",
    "simulate": "7.8",
}


@dataclass(frozen=True, kw_only=True)
class Piece(FunctionExercise):
    """A function that gives several numbers; else as a `FunctionExercise`.

    Parameters
    ----------
    given : callable
        Takes the values of a case; returns the arguments of a call, new ones each time.
    found : callable
        Takes what the function returned, and the arguments after the call; returns a tuple of
        numbers, names and such tuples, or a verb phrase if there is nothing to compare.
    """

    given: Callable[..., Iterable[Any]]
    found: Callable[[Any, Sequence[Any]], Outcome]

    def call(self) -> str:
        """Return what checks an answer."""
        name = self.solution.__name__
        return f'keep("{name}", {name})'

    def arguments(self, case: Case) -> Iterable[Any]:
        """Return what the function is called with."""
        return self.given(*case)

    def filled(self, words: str, case: Case) -> str:
        """Return a text with the values of a case in it, by the names that `facts` gives them."""
        values = inspect.signature(self.facts).bind(*case).arguments
        return words.format(**values | self.facts(*case))

    def read(self, value: Any, arguments: Sequence[Any]) -> Outcome:
        """Return what is compared of what the function returned."""
        try:
            return self.found(value, arguments)
        except (TypeError, ValueError, RuntimeError, AttributeError):
            return "your function returns something in which the numbers are hard to find"

    def _agree(self, one: Any, other: Any) -> bool:
        if isinstance(one, str) or isinstance(other, str):
            return False  # a verb phrase
        return one == other if self.exact else _close(one, other)


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(one == other)


class Tensor(tuple):
    """Numbers that reach a function as a tensor of torch, where other tuples do as an array."""


def array(value: Any) -> Any:
    """Return tuples as arrays or tensors in double precision, and all else as it is."""
    if isinstance(value, Tensor):
        return torch.tensor(value, dtype=torch.float64)
    return np.array(value, float) if isinstance(value, tuple) else value


def numbers(value: Any) -> tuple[float, ...]:
    """Return all numbers in a number, an array, a tensor, or a list of such.

    >>> numbers([True, np.array([[2, 3]]), torch.tensor(0.5)])
    (1.0, 2.0, 3.0, 0.5)
    """
    if isinstance(value, list | tuple):
        return tuple(number for part in value for number in numbers(part))
    if isinstance(value, torch.Tensor):
        value = value.detach().double().numpy()
    found = np.asarray(value, float).ravel()
    if not np.isfinite(found).all():
        raise ValueError("with infinity or NaN nobody can count")
    return tuple(found.tolist())


def shown(found: Any) -> str:
    """Return the numbers and names of an outcome, one after the other, or the first of them.

    >>> shown(((0.25, 1.0), "Linear"))
    '0.25, 1, Linear'
    """
    flat = list(_flat(found))
    words = [part if isinstance(part, str) else f"{part:.6g}" for part in flat[:12]]
    return ", ".join(words) + (", and so on" if len(flat) > 12 else "")


def _flat(found: Any) -> Iterable[Any]:
    if isinstance(found, tuple):
        for part in found:
            yield from _flat(part)
    else:
        yield found
