"""Checks of what a user passes in; all messages have the same form.

A message has four parts: what failed and where, what was found, what was expected, what to do.
"""

import difflib
import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from snnlab.exceptions import OptionError


def instance(value: Any, kind: type, name: str, todo: str) -> None:
    """Refuse a value that is not of a class."""
    if not isinstance(value, kind):
        found, expected = type(value).__name__, kind.__name__
        raise OptionError(f"{name}: found {found}, expected a {expected}. {todo}")


def is_number(value: Any) -> bool:
    """Return whether a value is one finite real number, of Python or numpy; no bool is one."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond the floats
        return False


def number(
    value: Any,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    excluded: tuple[float, ...] = (),
    whole: bool = False,
    expected: str = "a finite number.",
) -> Any:
    """Return a finite number from `low` to `high`, as an int if `whole`, else as a float.

    The ends of an open interval are `excluded`. The message ends with `expected`.
    """
    # As a float: numpy would round the ends to the type of a float16.
    allowed = is_number(value) and low <= float(value) <= high and value not in excluded
    if not allowed or (whole and value % 1):
        raise OptionError(f"{name} = {value!r}: expected {expected}")
    return int(value) if whole else float(value)


def positive(value: Any, name: str) -> float:
    """Return a finite number above 0."""
    return number(value, name, 0, excluded=(0,), expected="a finite number above 0.")


def whole(value: Any, name: str) -> int:
    """Return `value` as an int >= 1."""
    return number(value, name, 1, whole=True, expected="a whole number, 1 or more.")


def position(value: Any, name: str, count: int) -> int:
    """Return a position among so many, counted from the end if it is below 0."""
    expected = f"a position from {-count} to {count - 1}: the record holds {count}."
    return number(value, name, -count, count - 1, whole=True, expected=expected)


def seed(value: Any, name: str = "seed") -> int:
    """Return a seed: a whole number, 0 or more."""
    return number(value, name, 0, whole=True, expected="a whole number, 0 or more.")


def generator(value: Any) -> np.random.Generator:
    """Return a generator: the one given, or a new one from a seed, or from None."""
    if isinstance(value, np.random.Generator):
        return value
    return np.random.default_rng(None if value is None else seed(value))


def chosen_steps(at: Any, timesteps: float = math.inf, name: str = "at") -> list[int]:
    """Return chosen steps in order, each from 1 to `timesteps`."""
    if isinstance(at, str) or not isinstance(at, Iterable):
        raise OptionError(f"{name} = {at!r}: expected a list of steps, as {name}=[{at!r}].")
    chosen = sorted({whole(step, name) for step in at})
    if chosen and chosen[-1] > timesteps:
        raise OptionError(f"{name} = {chosen}: expected steps from 1 to {timesteps}, the last one.")
    return chosen


def some_steps(timesteps: Any) -> list[int]:
    """Return one number of steps, or several in order, each above 0."""
    given = [timesteps] if isinstance(timesteps, Integral) else timesteps
    steps = chosen_steps(given, name="timesteps")
    if not steps:
        raise OptionError("timesteps: is empty, expected at least one number of steps.")
    return steps


def layers(chosen: Any, names: Sequence[str], option: str) -> list[str]:
    """Return the names of chosen layers: True for all, one name or position, or several."""
    if isinstance(chosen, (bool, np.bool_)):
        return list(names) if chosen else []
    if isinstance(chosen, (str, Integral)):
        chosen = [chosen]
    if not isinstance(chosen, Iterable):
        raise OptionError(
            f"{option} = {chosen!r}: expected True, a layer or a list of layers among "
            f"{list(names)}."
        )
    return [layer(name, names, "layers that can be recorded") for name in chosen]


def option(value: Any, name: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`."""
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        listed = " or ".join(repr(choice) for choice in choices)
        near = close(value, choices)
        raise OptionError(f"{name} = {value!r}: expected {listed}.{near}")
    return value


def fraction_of_threshold(value: Any) -> float:
    """Return `v_init` if it lies in [0, 1), in units of the threshold."""
    expected = (
        "a number in [0, 1), in units of the threshold. If it is meant in units of potential, "
        "did you mean v_init / v_threshold?"
    )
    return number(value, "v_init", 0, 1, excluded=(1,), expected=expected)


def percentile(value: Any) -> float:
    """Return a percentile in (0, 100]."""
    expected = "a number in (0, 100]; 100 is the maximum."
    number(value, "percentile", 0, 100, excluded=(0,), expected=expected)
    if value <= 1:
        raise OptionError(
            f"percentile = {value!r}: expected a number in (1, 100]; percentiles are counted in "
            f"hundredths. Did you mean {100 * value:g}?"
        )
    return float(value)


def layer(name: str | int, layers: Sequence[str], what: str = "spiking layers") -> str:
    """Return the name of a layer given by name or by position."""
    if isinstance(name, Integral) and not isinstance(name, bool):
        if -len(layers) <= name < len(layers):
            return layers[name]
        raise OptionError(
            f"layer {name}: there are {len(layers)} {what}, expected a position from "
            f"{-len(layers)} to {len(layers) - 1}, or one of {list(layers)}."
        )
    if name not in layers:
        raise OptionError(
            f"layer {name!r}: not among the {what}.{close(name, layers)} They are: {list(layers)}."
        )
    return str(name)


def close(value: Any, choices: Iterable[str]) -> str:
    """Return ' Did you mean ...?' when one of `choices` looks like `value`, else ''."""
    near = difflib.get_close_matches(str(value), list(choices), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def as_numbers(x: Any) -> np.ndarray:
    """Return `np.asarray(x)`; where it holds objects that are all numbers, those numbers."""
    array = np.asarray(x)
    plain = np.array(array.tolist()) if array.dtype == object else array
    return plain if plain.dtype.kind in "biufc" else array
