"""Neighbouring layers taken together, so that a hundred of them fit on one axis."""

from collections.abc import Sequence

import numpy as np

# In a residual network the layers of a block differ, so that a curve through all would be a comb.
POINTS = 28


def together(layers: int) -> int:
    """Return how many neighbouring layers have to be taken together.

    >>> together(19), together(109)
    (1, 4)
    """
    return -(-layers // POINTS)


def neighbours(layers: int, per: int) -> list[np.ndarray]:
    """Return the positions of neighbouring layers, at least `per` in each group if there are.

    >>> [group.tolist() for group in neighbours(5, 2)]
    [[0, 1, 2], [3, 4]]
    """
    return np.array_split(np.arange(layers), max(1, layers // per))


def averaged(values: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Return the means of neighbouring layers, for values of shape (L, ...).

    >>> averaged(np.array([1.0, 3.0, 8.0, 9.0, 4.0]), neighbours(5, 2)).tolist()
    [4.0, 6.5]
    """
    return np.array([values[group].mean(0) for group in groups])


def axis_label(per: int) -> str:
    """Return what is written at the axis of the layers."""
    return f"layer (means of {per})" if per > 1 else "layer"
