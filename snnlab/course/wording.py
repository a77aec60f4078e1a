"""Numbers and values in sentences."""

from numbers import Real
from typing import Any

import numpy as np

from snnlab._text import counted


def steps(number: float) -> str:
    """Return '1 step' or '4 steps'."""
    return counted(number, "step")


def fires(number: float) -> str:
    """Return a verb phrase for a spike count.

    >>> fires(0), fires(2.0), fires(2.5)
    ('does not fire', 'fires twice', 'fires 2.5 times')
    """
    few = {"0": "does not fire", "1": "fires once", "2": "fires twice"}
    return few.get(f"{number:g}", f"fires {number:g} times")


def kind(value: Any) -> str:
    """Return a noun phrase for a value of any type.

    >>> kind(0.5), kind([1, 2]), kind(np.zeros(3)), kind(True)
    ('the number 0.5', 'a list', 'an array of shape (3,)', 'True')
    """
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, Real):
        return f"the number {value}"
    if shape := getattr(value, "shape", None):
        return f"an array of shape {tuple(shape)}"
    name = type(value).__name__
    return f"a{'n' * (name[0].lower() in 'aeiou')} {name}"


def listed(numbers: tuple, thing: str = "") -> str:
    """Return several numbers, after what they are.

    >>> listed((0.25, 1.0)), listed((0.25, 1.0), "current"), listed((2,), "current")
    ('0.25, 1', 'currents 0.25, 1', 'current 2')
    """
    named = f"{thing}{'s' * (len(numbers) > 1)} " if thing else ""
    return named + ", ".join(f"{number:g}" for number in numbers)
