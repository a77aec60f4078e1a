"""Labels as files have them: read, and checked against the outputs that they belong to."""

from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab.exceptions import ShapeError

# What data sets write where nothing is to be counted.
_IGNORED = (255, -1, -100)


def given_or_own(y: Any, own: np.ndarray | None) -> Any:
    """Return the labels given, else those that came along with the images."""
    if y is None and own is None:
        raise ShapeError(
            "y: none given, and none came along with the images, expected one label for each "
            "image. Pass the labels as y, or images from a loader or a data set that has them."
        )
    return own if y is None else y


def read(y: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return `y` as an array of numbers, one entry for each image, shape (B, ...).

    `shape` is the usual one, for the message; only its B is checked.
    """
    if isinstance(y, torch.Tensor):
        y = y.detach().cpu()
        y = y.float() if y.dtype == torch.bfloat16 else y  # numpy has no such type
    try:
        array = checks.as_numbers(y)
    except ValueError as error:
        raise ShapeError(
            f"y: cannot be read as an array ({error}), expected {_words(shape)}."
        ) from error
    if array.dtype.kind not in "biuf" and array.ndim:
        raise ShapeError(
            f"y: type {array.dtype}, expected whole numbers, the index of the right class. Number "
            f"the classes from 0, in the order of the model's outputs."
        )
    if array.shape[:1] != shape[:1]:
        raise _misshaped(array, shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ShapeError(
            "y: holds NaN or infinite values, expected finite numbers. Leave out the images "
            "without a label."
        )
    return array


def classes(y: Any, shape: tuple[int, ...], count: int | None = None) -> np.ndarray:
    """Return labels as class numbers from 0 to `count` - 1, int64, shape (B, ...).

    Without a `count` any whole numbers are taken.

    >>> classes(np.array([0, 2], np.uint8), (2,), 3).tolist()
    [0, 2]
    """
    array = read(y, shape)
    if array.shape != shape:
        raise _misshaped(array, shape, count)
    if array.dtype.kind == "f" or (array.dtype.kind == "b" and count != 2):
        todo = (
            "Number the classes from 0." if are_real(array) else "Write np.asarray(y).astype(int)."
        )
        raise ShapeError(
            f"y: type {array.dtype}, expected whole numbers, the index of the right class. {todo}"
        )
    if count is not None and (array.min() < 0 or array.max() >= count):
        raise ShapeError(
            f"y: {_listed(array)}, expected 0 to {count - 1}: the network gives {count} scores. "
            f"{_recoded(array, count)}"
        )
    return array.astype(np.int64)


def binary(y: Any, shape: tuple[int, ...], logits: str = "outputs") -> np.ndarray:
    """Return labels that are 0 or 1, int64, shape (B, ...); numbers of any type, or bools.

    `logits` is how the outputs of this shape are written.

    >>> binary([True, False], (2,)).tolist()
    [1, 0]
    """
    array = read(y, shape)
    if array.shape != shape:
        raise _misshaped(array, shape)
    if not are_binary(array):
        raise ShapeError(
            f"y: {_listed(array)}, expected 0 and 1: the network gives one logit for each, above 0 "
            f"for 1. {_recoded(array, 2, f'({logits} > 0)')}"
        )
    return array.astype(np.int64)


def are_binary(array: np.ndarray) -> bool:
    """Return whether all entries are 0 or 1."""
    return bool(((array == 0) | (array == 1)).all())


def are_real(array: np.ndarray) -> bool:
    """Return whether some entry is no whole number."""
    return array.dtype.kind == "f" and bool((array % 1).any())


def are_one_hot(array: np.ndarray) -> bool:
    """Return whether one entry along dimension 1 is 1 and all others are 0."""
    return are_binary(array) and bool((array.sum(1) == 1).all())


def _words(shape: tuple[int, ...]) -> str:
    one = "one label for each image" if len(shape) == 1 else "one label for each place"
    return f"{shape}: {one}"


def _misshaped(array: np.ndarray, shape: tuple[int, ...], count: int | None = None) -> ShapeError:
    batch, rest = shape[:1], shape[1:]
    if array.shape == (*batch, 1, *rest):
        todo = "Write y[:, 0]."
    elif array.ndim == len(shape) + 1 and array.shape[0] == shape[0] and are_one_hot(array):
        todo = (
            "These are one-hot: write y.argmax(1), or metric='multilabel' for several labels each."
        )
    elif array.shape[:1] == batch and count is not None and array.ndim > 1:
        todo = (
            f"With {count} scores a label is one number from 0 to {count - 1}; for several labels, "
            f"or targets of a regression, it has the shape of the outputs."
        )
    else:
        todo = "Pass the labels of just these images."
    return ShapeError(f"y: shape {array.shape}, expected {_words(shape)}. {todo}")


def _listed(array: np.ndarray) -> str:
    values = np.unique(array)
    if len(values) <= 4:
        return f"holds the labels {', '.join(f'{value:g}' for value in values)}"
    return f"labels from {values[0]:g} to {values[-1]:g}"


def _recoded(array: np.ndarray, count: int, answers: str = "outputs.argmax(1)") -> str:
    """Return what to write for labels of another code, among `count` classes."""
    values = np.unique(array)
    outside = values[(values < 0) | (values >= count) | (values % 1 != 0)]
    if set(values.tolist()) == {-1, 1} and count == 2:
        return "Write y > 0."
    if set(values.tolist()) == {0, 255} and count == 2:
        return "Write y > 0."
    if values[0] >= 1 and values[-1] == count:
        return "If they are counted from 1, write y - 1."
    if len(outside) == 1 and outside[0] in _IGNORED and len(values) > 1:
        code = f"{outside[0]:g}"
        return (
            f"If {code} marks what is not to be counted, write metric=lambda outputs, y: "
            f"({answers} == y)[y != {code}].mean()."
        )
    if answers.endswith("> 0)"):
        return "For a regression write metric='rmse'."
    return "Count the classes from 0, in the order of the model's outputs."
