"""Checks of values that carry a unit."""

from typing import Any

import brian2 as b2
import numpy as np

from snnlab.exceptions import OptionError


def scalar(value: Any, name: str, unit: b2.Unit = b2.mV) -> Any:
    """Return one finite number, with or without a unit; `unit` serves as an example."""
    try:
        fine = np.ndim(value) == 0 and bool(np.isfinite(np.asarray(value, np.float64)))
    except (TypeError, ValueError):
        fine = False
    if not fine or isinstance(value, (bool, str)):
        raise OptionError(
            f"{name} = {value!r}: expected one finite number with its unit, such as "
            f"10*brian2.{unit}."
        )
    return value


def in_unit(value: Any, name: str, unit: b2.Unit) -> Any:
    """Return a number or an array of them, of the dimension of `unit`."""
    try:
        found = b2.get_dimensions(value)
        plain = found.is_dimensionless
        what = "a number without unit" if plain else f"a quantity in {b2.get_unit(found)}"
    except TypeError:
        found, what = None, type(value).__name__
    if found is not unit.dim:
        raise OptionError(
            f"{name}: found {what}, expected a quantity like 10*brian2.{unit}. Numbers need their "
            f"unit; import it from brian2."
        )
    return value


def like(value: Any, name: str, other: Any) -> Any:
    """Return `value`, one finite number of the same dimension as `other`."""
    scalar(value, name)
    if not b2.have_same_dimensions(value, other):
        raise OptionError(f"{name} = {value}: expected the same unit as before, as in {other}.")
    return value


def positive(value: Any, name: str, unit: b2.Unit) -> Any:
    """Return one finite quantity above 0 of the dimension of `unit`."""
    scalar(in_unit(value, name, unit), name, unit)
    if not value > 0 * unit:
        raise OptionError(
            f"{name} = {value}: expected a quantity above 0, such as 10*brian2.{unit}."
        )
    return value


def count_steps(duration: Any, dt: Any) -> int:
    """Return how many steps of `dt` make up a duration; `dt` must divide it."""
    positive(duration, "duration", b2.ms)
    positive(dt, "dt", b2.ms)
    ratio = float(duration / dt)
    whole = round(ratio)
    if whole < 1 or abs(ratio - whole) > 1e-9 * ratio:
        raise OptionError(
            f"duration = {duration}: {ratio:.6g} steps of dt = {dt}, expected a whole number of "
            f"steps. Write duration={max(1, whole) * dt / b2.ms:g}*ms, or choose another dt."
        )
    return whole
