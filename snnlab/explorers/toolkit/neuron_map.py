"""The neurons of a layer as cells of a map; of large layers a part, or means."""

import math

import numpy as np

# More would be too small to be seen, or too much to be drawn many times a second.
CHANNELS, BLOCK, SIDE = 16, 1024, 64


class NeuronMap:
    """Where each neuron of a layer stands on a map.

    Channels stand side by side, and neurons without a place row by row. Of many channels, and of
    many neurons without a place, some are picked at even distances; where maps are too large still,
    a cell is the mean of its neighbours. `note` says which, and is empty if every neuron is shown.

    Parameters
    ----------
    shape : tuple of int
        Of the layer for one image.

    >>> NeuronMap((4, 2, 3)).cells(np.arange(24.0)).shape  # two rows of two maps, a gap between
    (5, 7)
    >>> NeuronMap((64, 56, 56)).note
    '16 of 64 channels, means of 4 × 4'
    >>> NeuronMap((4096,)).note
    '1024 of 4096 neurons'
    """

    def __init__(self, shape: tuple[int, ...]):
        notes = []
        sizes = [size for size in shape if size > 1] or [1]
        if len(sizes) == 1:
            neurons = sizes[0]
            self._picked = _evenly(neurons, BLOCK)
            width = math.ceil(math.sqrt(len(self._picked)))
            planes, self._plane = 1, (math.ceil(len(self._picked) / width), width)
            self._shape: tuple[int, ...] = (neurons,)
            if len(self._picked) < neurons:
                notes.append(f"{BLOCK} of {neurons} neurons")
        else:
            self._plane = (sizes[-2], sizes[-1])
            self._shape = (math.prod(sizes[:-2]), math.prod(self._plane))
            high, wide = self._plane
            room = (SIDE // (high + 1)) * (SIDE // (wide + 1))
            self._picked = _evenly(self._shape[0], max(CHANNELS, room))
            planes = len(self._picked)
            if planes < self._shape[0]:
                notes.append(f"{planes} of {self._shape[0]} channels")
        self._columns = math.ceil(math.sqrt(planes))
        self._rows = math.ceil(planes / self._columns)
        high, wide = self._plane[0] * self._rows, self._plane[1] * self._columns
        self._per = math.ceil(max(high, wide) / SIDE)
        if self._per > 1:
            notes.append(f"means of {self._per} × {self._per}")
        self.note = ", ".join(notes)

    def cells(self, values: np.ndarray) -> np.ndarray:
        """Return the cells of a map, shape (H, W), NaN where there is none.

        Parameters
        ----------
        values : array of the layer's shape
            One for each neuron.
        """
        picked = np.asarray(values, np.float32).reshape(self._shape)[self._picked]
        high, wide = self._plane
        if len(self._shape) == 1:
            picked = _filled(picked, high * wide)
        planes = picked.reshape(-1, high, wide)
        if self._per > 1:
            planes = _means(planes, self._per)
        count, high, wide = planes.shape
        grid = np.full((self._rows * self._columns, high + 1, wide + 1), np.nan, np.float32)
        grid[:count, :high, :wide] = planes
        grid = grid.reshape(self._rows, self._columns, high + 1, wide + 1).swapaxes(1, 2)
        return grid.reshape(self._rows * (high + 1), -1)[:-1, :-1]


def _evenly(number: int, most: int) -> np.ndarray:
    """Return positions at even distances, all if there are no more than `most`.

    >>> _evenly(3, 4), _evenly(10, 4)
    (array([0, 1, 2]), array([0, 2, 5, 7]))
    """
    return np.arange(min(number, most)) * number // min(number, most)


def _filled(values: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([values, np.full(size - len(values), np.nan, values.dtype)])


def _means(planes: np.ndarray, per: int) -> np.ndarray:
    """Return the means of blocks of `per` times `per` cells, smaller ones at the far edges.

    >>> _means(np.arange(9.0).reshape(1, 3, 3), 2).tolist()
    [[[2.0, 3.5], [6.5, 8.0]]]
    """
    for axis in (1, 2):
        begins = np.arange(0, planes.shape[axis], per)
        sizes = np.diff([*begins, planes.shape[axis]])
        sums = np.add.reduceat(planes, begins, axis)
        planes = sums / (sizes[:, None] if axis == 1 else sizes)
    return planes
