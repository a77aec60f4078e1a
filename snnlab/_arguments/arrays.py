"""Arrays of images, as they are given and as torch takes them."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab.exceptions import ShapeError


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
    return checks.as_numbers(x)


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
