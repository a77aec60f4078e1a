"""Images as users bring them: arrays, and whatever gives them batch by batch.

Of a DataLoader, a data set or an iterable only the batches in use are held.
"""

import copy
import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from snnlab import _text
from snnlab._arguments import arrays
from snnlab._arguments.batches import (
    TOGETHER,
    Array,
    Elements,
    batches_of,
    frames_first,
    is_one_label,
    is_pair,
    labels_of,
    parted,
)
from snnlab.exceptions import CalibrationError, MemoryBudgetError, ShapeError

# What can be read once but is needed several times is kept up to this size.
_KEPT_BYTES = _text.GIB

# Images, shape (b, ...), and their labels if there are any.
Batch = tuple[torch.Tensor, np.ndarray | None]


class Images:
    """Images that are read in chunks of any size, as often as they are needed.

    However they are batched, the chunks are those of one array of them all. So the results are the
    same too, to the last bit.

    Parameters
    ----------
    x : array, DataLoader, Dataset, or iterable of batches
        A batch is an array, shape (b, ...), or a pair of it and the labels of its images. The
        elements of a data set are single images, or pairs of one and its label.
    name : str
        What the caller calls `x`.
    shape : tuple of int, optional
        The shape of one image.
    timesteps : int, optional
        T; if given, an image is a sequence of frames, shape (T, ...), and arrays and batches have
        the shape (T, b, ...).
    again : bool
        Whether they are read several times. They must be the same each time, in any order. What an
        iterator gives is kept.
    check : callable, optional
        Looks at the images, shape (b, ...), when they are read.

    Attributes
    ----------
    count : int or None
        Number of images B; None as long as it is not known.
    labels : array or None
        What came along with the images, known after they were read; shape (B, ...).
    """

    def __init__(
        self,
        x: Any,
        name: str,
        shape: Sequence[int] | None = None,
        *,
        timesteps: int | None = None,
        again: bool = False,
        check: Callable[[torch.Tensor], None] | None = None,
    ):
        self.name, self.shape, self.timesteps = name, shape, timesteps
        self.again, self.check = again, check
        self.count: int | None = None
        self.labels: np.ndarray | None = None
        self._array: Array | None = None
        self._ahead: list[torch.Tensor] = []
        self._open: Iterator[torch.Tensor] | None = None
        self._kept: list[Batch] | None = None
        self._checksums: np.ndarray | None = None
        self._largest_checksum: int | None = None
        dim = 0 if timesteps is None else 1
        self._source = batches_of(x, name, dim)
        if self._source is None:
            images, labels = parted(x, name) if is_pair(x, dim) else (x, None)
            if labels is not None and is_one_label(labels):
                raise ShapeError(
                    f"{name}: found one image and its label, expected images with the batch first. "
                    f"For one image write {name}[0][None]."
                )
            self._array = self._in_order(images, labels)
            self.labels = labels_of(labels, len(self._array), name)
            self.count = len(self._array)
        elif isinstance(self._source, Elements):
            self.count = self._source.count
        elif again and isinstance(self._source, Iterator):
            self._kept = []

    @classmethod
    def of(
        cls, x: Any, name: str, shape: Sequence[int] | None = None, *, again: bool = False
    ) -> "Images":
        """Return `x` itself if it is images already, else images of it."""
        return x if isinstance(x, Images) else cls(x, name, shape, again=again)

    @property
    def array(self) -> Array | None:
        """The array that they came as; None if they are read batch by batch."""
        return self._array

    def first(self, most: int) -> torch.Tensor:
        """Return the first images; the next reading begins with them again."""
        if self._array is None:
            self._look_ahead(most)
        images = torch.cat(self._ahead) if self._array is None else self._array
        return arrays.image_tensor(images[:most], self.name)

    def count_up_to(self, most: int) -> int | None:
        """Return their number if it is at most so many; else None."""
        self._look_ahead(most + 1)
        return self.count

    def split(self, size: int, dtype: torch.dtype | None = None) -> Iterator[torch.Tensor]:
        """Yield them as tensors of so many images, the last one of what is left."""
        first = 0
        for images in self._chunks(size):
            ready = arrays.image_tensor(images, self.name, dtype, first)
            if self.check is not None:
                self.check(ready)
            yield ready
            first += len(ready)

    def whole(self, dtype: torch.dtype | None = None, memory: int = _text.GIB) -> torch.Tensor:
        """Return all of them as one tensor, for work that needs them many times.

        Raises
        ------
        MemoryBudgetError
            If they are read batch by batch and larger than `memory`, in bytes.
        """
        parts: list[torch.Tensor] = []
        for part in self.split(TOGETHER if self._array is None else len(self._array), dtype):
            parts.append(part)
            if self._array is None and sum(one.nbytes for one in parts) > memory:
                raise MemoryBudgetError(
                    f"{self.name}: its images take more than {_text.size(memory)} together, "
                    f"expected fewer: they are needed many times and kept. Pass a part of them, as "
                    f"torch.utils.data.Subset(dataset, range(1000))."
                )
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def look_through(self, dtype: torch.dtype) -> None:
        """Refuse an array at once that holds what is not to be read."""
        if self._array is not None:
            for _ in self.split(TOGETHER, dtype):
                pass

    def sample(self, most: int) -> "Images":
        """Return so many of them, chosen by what they hold: their order makes no difference."""
        if self._checksums is None:
            self._checksums = np.concatenate([checksums(images) for images in self._reading()])
        chosen = copy.copy(self)
        chosen._largest_checksum, chosen.count = int(np.sort(self._checksums)[most - 1]), most
        return chosen

    def _chunks(self, size: int) -> Iterator[Array]:
        if self._array is not None and self._largest_checksum is None:
            for first in range(0, len(self._array), size):
                yield self._array[first : first + size]
            return
        held: list[torch.Tensor] = []
        for images in self._reading():
            held.append(images)
            if sum(map(len, held)) >= size:
                joined = torch.cat(held) if len(held) > 1 else images
                full = len(joined) - len(joined) % size
                yield from joined[:full].split(size)
                held = [joined[full:]] if full < len(joined) else []
        if held:
            yield torch.cat(held)

    def _reading(self) -> Iterator[torch.Tensor]:
        """Yield all of them, or all of the sample, in batches as they come."""
        if self._array is not None:
            slices = range(0, len(self._array), TOGETHER)
            batches: Iterator[torch.Tensor] = (
                arrays.as_tensor(self._array[i : i + TOGETHER]) for i in slices
            )
        else:
            opened = self._open if self._open is not None else self._opened()
            batches = itertools.chain(self._ahead, opened)
            self._ahead, self._open = [], None
        if self._largest_checksum is None or self._checksums is None or self.count is None:
            yield from batches
            return
        equal = self.count - int((self._checksums < self._largest_checksum).sum())
        for images in batches:
            sums = checksums(images)
            last = np.flatnonzero(sums == self._largest_checksum)[:equal]
            equal -= len(last)
            chosen = np.sort(np.append(np.flatnonzero(sums < self._largest_checksum), last))
            if len(chosen):
                yield images[torch.from_numpy(chosen)]

    def _look_ahead(self, most: int) -> None:
        if self._open is None:
            self._open = self._opened()
        while sum(map(len, self._ahead)) < most:
            images = next(self._open, None)
            if images is None:
                return
            self._ahead.append(images)

    def _opened(self) -> Iterator[torch.Tensor]:
        """Yield the images of each batch, and note what is known when all have been read."""
        count, labels, sums = 0, [], []
        for images, own in self._kept or self._given():
            count += len(images)
            labels.append(own)
            if self.again:
                sums.append(checksums(images))
            yield images
        if not count:
            raise ShapeError(
                f"{self.name}: found no image in {type(self._source).__name__}, expected at least "
                f"one. An iterator can be read only once: make a new one, or pass a DataLoader."
            )
        if self.again:
            self._compare(np.concatenate(sums))
        if self._largest_checksum is None:
            self.count = count
        known = [own for own in labels if own is not None]
        self.labels = np.concatenate(known) if len(known) == len(labels) else None

    def _given(self) -> Iterator[Batch]:
        """Yield images and labels of what the user's source gives."""
        size = 0
        for given in () if self._source is None else self._source:
            images, labels = parted(given, self.name)
            tensor = arrays.as_tensor(self._in_order(images, labels))
            batch = tensor, labels_of(labels, len(tensor), self.name)
            if self._kept is not None:
                size += tensor.nbytes
                self._kept.append(batch)
                if size > _KEPT_BYTES:
                    raise MemoryBudgetError(
                        f"{self.name}: found {type(self._source).__name__}, which can be read only "
                        f"once, and its images take more than {_text.size(_KEPT_BYTES)}. Expected "
                        f"something that can be read several times, for thresholds need more than "
                        f"one reading. Pass a DataLoader or a Dataset, or fewer images."
                    )
            yield batch

    def _in_order(self, images: Any, labels: Any) -> Array:
        """Return images of the right shape, an array with the images first."""
        if getattr(images, "ndim", 2) < 2 <= getattr(labels, "ndim", 0):
            raise ShapeError(
                f"{self.name}: found a pair with shapes {tuple(images.shape)} and "
                f"{tuple(labels.shape)}, expected images first, labels behind them. Exchange them."
            )
        if self.timesteps is None or self.shape is None:
            array = arrays.image_array(images, self.name, self.shape)
            self.shape = tuple(array.shape[1:])
            return array
        stacked = isinstance(self._source, Elements)
        array = arrays.image_array(images, self.name)
        return frames_first(array, self.name, self.timesteps, self.shape, stacked)

    def _compare(self, found: np.ndarray) -> None:
        """Refuse other images than in the first reading."""
        if self._checksums is None:
            self._checksums = found
        if not np.array_equal(np.sort(found), np.sort(self._checksums)):
            raise CalibrationError(
                f"{self.name}: gave other images when it was read again ({len(found)}, the first "
                f"time {len(self._checksums)}), expected the same ones, in any order. Switch off "
                f"what changes them at random (augmentation, drop_last with shuffle, samplers that "
                f"draw), or read them once: {self.name} = torch.cat([images for images, _ in "
                f"loader])."
            )


def checksums(images: torch.Tensor) -> np.ndarray:
    """Return a checksum (CRC-32) of each image, shape (b,), the same for the same numbers."""
    rows = images.cpu().numpy()
    return np.array([zlib.crc32(row.tobytes()) for row in rows], np.uint32)
