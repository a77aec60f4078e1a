"""Whole numbers that are kept in few bytes and read in many."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


class Widened(Mapping[str, np.ndarray]):
    """Arrays by layer, kept as they came; whole numbers are read in a wide type.

    In one byte 3 - 5 is 254. So whoever reads gets a copy in which numbers behave.

    >>> counts = Widened({"relu": np.array([3], np.uint8)}, np.int64)
    >>> (counts["relu"] - 5).tolist()
    [-2]
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], kind: type[np.signedinteger]):
        self.kept: Mapping[str, np.ndarray] = arrays.kept if isinstance(arrays, Widened) else arrays
        self.kind = kind

    def part(self, name: str, index: Any) -> np.ndarray:
        """Return what `index` picks from an array; the rest is not copied."""
        part = self.kept[name][index]
        return part if part.dtype.kind == "f" else part.astype(self.kind)  # sums of frames

    def __getitem__(self, name: str) -> np.ndarray:
        return self.part(name, ...)

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)
