"""Checks of what a user passes in; all messages have the same form.

A message has four parts: what failed and where, what was found, what was expected, what to do.
"""

import difflib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from snnlab.exceptions import OptionError, ShapeError


def image_array(x: Any, name: str, shape: Sequence[int] | None = None) -> np.ndarray | torch.Tensor:
    """Return `x` as an array of real numbers, shape (B, ...), B >= 1; arrays are not copied.

    `shape` is the shape of one image, without the batch.
    """
    x = x.to_numpy() if hasattr(x, "to_numpy") else x  # a table
    if not isinstance(x, (torch.Tensor, list, tuple)) and not hasattr(x, "__array__"):
        entries = f" Pass one of its entries: {list(x)}." if isinstance(x, Mapping) else ""
        raise ShapeError(
            f"{name}: found {type(x).__name__}, expected an array, a tensor or a nested list with "
            f"the batch first, or a DataLoader, a Dataset or an iterable of batches.{entries}"
        )
    try:
        array = x.detach() if isinstance(x, torch.Tensor) else _stacked(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ShapeError(
            f"{name}: cannot be read as an array of numbers ({error}). Expected real numbers, "
            f"shape (B, ...), every image of the same shape. For batches write "
            f"torch.cat([batch for batch in {name}])."
        ) from error
    if isinstance(array, np.ndarray) and array.dtype.kind not in "biufc":
        raise ShapeError(
            f"{name}: cannot be read as an array of numbers: it is of type {array.dtype}. Expected "
            f"real numbers, shape (B, ...). Leave columns of text away, and convert the rest."
        )
    if isinstance(array, torch.Tensor) and array.layout is not torch.strided:
        raise ShapeError(
            f"{name}: found a tensor of layout {array.layout}, expected a dense one. Write "
            f"{name}.to_dense()."
        )
    if array.is_complex() if isinstance(array, torch.Tensor) else array.dtype.kind == "c":
        raise ShapeError(
            f"{name}: cannot be read as an array of numbers: it is complex. Expected real numbers, "
            f"shape (B, ...). Pass the real part, or real and imaginary part as channels."
        )
    if array.ndim < 2 or 0 in array.shape:
        raise ShapeError(
            f"{name}: shape {tuple(array.shape)}, expected (B, ...) with at least one image. "
            f"For one image write {name}[None]."
        )
    found = tuple(array.shape)
    if shape is not None and found[1:] != tuple(shape):
        raise ShapeError(
            f"{name}: images of shape {found[1:]}, expected {tuple(shape)}, the shape this network "
            f"was traced with. {_reshaping(array, name, tuple(shape))}"
        )
    return array


def image_tensor(
    array: np.ndarray | torch.Tensor, name: str, dtype: torch.dtype | None = None, first: int = 0
) -> torch.Tensor:
    """Return images as a tensor of floats, all values finite; `first` is the number of the first.

    By default floats keep their type.
    """
    tensor = as_tensor(array)
    if dtype is None and not tensor.is_floating_point():
        dtype = torch.get_default_dtype()
    tensor = tensor if dtype is None else tensor.to(dtype)
    finite = torch.isfinite(tensor)
    if not finite.all():
        image = first + int(finite.flatten(1).all(1).logical_not().nonzero()[0])
        raise ShapeError(
            f"{name}: holds NaN or infinite values, first in image {image}, expected finite "
            f"numbers of type {tensor.dtype}. Look at the loading and scaling of the data."
        )
    return tensor


def as_tensor(array: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Return an array as a tensor, copied where torch cannot share it (read-only, reversed)."""
    if isinstance(array, torch.Tensor):
        return array
    native = array.dtype.newbyteorder("=")
    # torch has no longer floats.
    native = np.dtype(np.float64) if native.kind == "f" and native.itemsize > 8 else native
    return torch.from_numpy(np.require(array, native, ["C_CONTIGUOUS", "WRITEABLE"]))


def _stacked(x: Any) -> np.ndarray | torch.Tensor:
    if isinstance(x, (list, tuple)) and x and all(isinstance(one, torch.Tensor) for one in x):
        return torch.stack([one.detach() for one in x])
    return np.asarray(x)


def _reshaping(array: np.ndarray | torch.Tensor, name: str, shape: tuple[int, ...]) -> str:
    """Say how images of another shape may be meant."""
    found = tuple(array.shape)
    if found == shape:
        return f"For one image write {name}[None]."
    method = "permute" if isinstance(array, torch.Tensor) else "transpose"
    orders = (
        itertools.permutations(range(1, len(shape) + 1)) if len(found) == len(shape) + 1 else ()
    )
    for order in orders:
        if tuple(found[i] for i in order) == shape:
            return f"If they are laid out otherwise, write {name}.{method}{(0, *order)}."
    if found[2:] == shape:
        return (
            "If these are frames, one for each step, write input='frames' and pass them as "
            "(T, B, ...); batches in a list become images by torch.cat."
        )
    if math.prod(found[1:]) == math.prod(shape):
        return f"If only the shape differs, write {name}.reshape{(found[0], *shape)}."
    return "Reshape the images, or convert again with images of the new shape."


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
