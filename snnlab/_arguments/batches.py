"""What users give for images: arrays, pairs, data sets, loaders, told apart and taken apart."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset

from snnlab._arguments import arrays, checks
from snnlab.exceptions import ShapeError

Array = np.ndarray | torch.Tensor
# Of a data set so many images are read together.
TOGETHER = 64


class Elements:
    """A data set, whose elements are single images, read as batches."""

    def __init__(self, data: Any, name: str):
        self.data, self.name = data, name
        self.count = None if isinstance(data, IterableDataset) else len(data)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        # A data set need not raise an IndexError at its end.
        numbers = range(self.count or 0)
        each = iter(self.data) if self.count is None else (self.data[i] for i in numbers)
        while elements := [parted(one, self.name) for one in itertools.islice(each, TOGETHER)]:
            images, labels = map(list, zip(*elements, strict=True))
            if type(images[0]).__module__.startswith("PIL."):
                raise ShapeError(
                    f"{self.name}: found pictures of PIL in {type(self.data).__name__}, expected "
                    f"arrays. Give the data set the transform that the model was trained with, as "
                    f"transform=torchvision.transforms.ToTensor()."
                )
            yield arrays.image_array(images, self.name), labels


def parted(given: Any, name: str) -> tuple[Any, Any]:
    """Return images and labels of a batch, or image and label of one element; None for no label."""
    if isinstance(given, Mapping):
        raise ShapeError(
            f"{name}: found a dict with the keys {list(given)}, expected images, or pairs of "
            f"images and labels. Pass the two that are meant: ((batch['image'], batch['label']) "
            f"for batch in {name})."
        )
    if not isinstance(given, (tuple, list)) or _are_alike(given):
        return given, None
    if len(given) > 2:
        raise ShapeError(
            f"{name}: found {len(given)} things together, expected images, or a pair of images and "
            f"labels. Pass the two that are meant: ((x, y) for x, y, *_ in {name})."
        )
    images = given[0]
    if isinstance(images, tuple) and all(hasattr(one, "shape") for one in images):
        raise ShapeError(
            f"{name}: found {len(images)} arrays as the images of a batch, expected one. Pass the "
            f"one that is meant: ((x, y) for (x, *_), y in {name})."
        )
    return images, given[1] if len(given) == 2 else None


def _are_alike(given: Any) -> bool:
    """Return whether a list holds numbers alone, or lists alone: then it is an array."""
    return any(all(isinstance(one, kind) for one in given) for kind in (Real, (tuple, list)))


def is_pair(value: Any, dim: int) -> bool:
    """Return whether a value is a pair of images (in dimension `dim`) and labels, or of one."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return False
    images, labels = value
    if getattr(images, "ndim", 0) <= dim:
        return False
    if is_one_label(labels):
        return True
    other = not isinstance(labels, type(images)) or images.shape != labels.shape
    return len(labels) == images.shape[dim] and (other or images.dtype != labels.dtype)


def is_one_label(label: Any) -> bool:
    """Return whether a label is that of a single image."""
    return not isinstance(label, (tuple, list)) and np.ndim(label) == 0


def _holds_several(value: Any) -> bool:
    """Return whether a value holds things that are no array together, as images and labels."""
    if isinstance(value, Mapping):
        return True
    if not isinstance(value, (tuple, list)) or _are_alike(value):
        return False
    return len({(type(one), getattr(one, "shape", None)) for one in value}) > 1


def batches_of(x: Any, name: str, dim: int) -> Any:
    """Return what yields the batches of `x`, None if it is an array or nothing known."""
    if isinstance(x, (tuple, list)):
        if not (x and (is_pair(x[0], dim) or _holds_several(x[0]))):
            return None
        single = len(x[0]) == 2 and not isinstance(x[0], Mapping) and is_one_label(x[0][1])
        return Elements(x, name) if single else x
    if any(hasattr(x, name) for name in ("__array__", "to_numpy")):
        return None
    if isinstance(x, (str, bytes, memoryview, PurePath, Mapping, nn.Module, type)):
        return None
    stored = hasattr(x, "__getitem__") and hasattr(x, "__len__")
    if stored or isinstance(x, IterableDataset):
        return Elements(x, name)
    return x if isinstance(x, Iterable) else None


def labels_of(labels: Any, images: int, name: str) -> np.ndarray | None:
    """Return what came along with so many images, None if it is nothing like labels."""
    try:
        array = checks.as_numbers(
            labels.detach().cpu() if isinstance(labels, torch.Tensor) else labels
        )
    except (TypeError, ValueError):
        return None
    if array.dtype == object or not array.ndim:
        return None
    if len(array) != images:
        raise ShapeError(
            f"{name}: found {images} images with {len(array)} labels, expected a label for each. "
            f"Look at what the data give: images first, then labels."
        )
    return array


def frames_first(
    array: Array, name: str, timesteps: int, shape: Sequence[int], stacked: bool
) -> Array:
    """Return frames with the images first, shape (B, T, ...); `stacked` ones have them first."""
    found, expected = tuple(array.shape), tuple(shape)
    swapped = array.swapaxes(0, 1)
    ordered = array if stacked else swapped
    if tuple(ordered.shape[1:]) == (timesteps, *expected):
        return ordered
    wanted = f"(T, {'' if stacked else 'B, '}{', '.join(map(str, expected))}) with T = {timesteps}"
    todo = "Pass frames of images of the shape that the network was converted for."
    if found[2:] == expected:
        todo = f"For {ordered.shape[1]} frames write timesteps={ordered.shape[1]}."
        if found[1] == timesteps:
            todo = f"The images come first here: write {name}.swapaxes(0, 1)."
    elif found[1:] == expected:
        todo = "These are images, one for all steps: leave input='frames' away."
    raise ShapeError(
        f"{name}: shape {found[stacked:]}, expected {wanted}, a frame for each of the timesteps. "
        f"{todo}"
    )
