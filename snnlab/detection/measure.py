"""How good a detector is: average precision, as COCO measures it at one overlap."""

from typing import Any

import numpy as np

from snnlab._arguments import labels
from snnlab.data.detector import CLASSES
from snnlab.detection.boxes import overlap
from snnlab.detection.finding import Found, find
from snnlab.exceptions import ShapeError

# A box is right if it coincides with the true one at least so far.
ENOUGH = 0.5
_RECALLS = np.linspace(0, 1, 101)


def mean_average_precision(outputs: Any, y: Any) -> float:
    r"""Return the mean over the classes of `average_precision`, for what a detector says.

    It is a metric for `Record.accuracy`, `diagnose` and others: `metric=mean_average_precision`.

    Parameters
    ----------
    outputs : array, shape (B, 14, 336)
        As for `find`.
    y : array, shape (B, M, 5)
        The true things, as in `snnlab.data.load_scenes`.

    Returns
    -------
    float
        In [0, 1]. Classes of which there is none do not count.

    Raises
    ------
    ShapeError
        If outputs or truth have another shape, or no thing is there at all.

    Source: Lin et al. 2014 (COCO, at one overlap).

    >>> from snnlab import data
    >>> x, y = data.load_scenes(1)
    >>> mean_average_precision(np.full((1, 14, 336), -9.0), y)
    0.0
    """
    return float(np.nanmean(average_precision(find(outputs), y)))


mean_average_precision.higher_is_better = True  # type: ignore[attr-defined]


def average_precision(found: Found, y: Any, enough: float = ENOUGH) -> np.ndarray:
    r"""Return for each class the mean precision over the recalls 0, 0.01 to 1, shape (10,).

    Things found are taken from the most certain to the least, all scenes together. One is right if
    there is a true one of its class in the scene, not yet found, that it overlaps far enough. After
    each, recall is the share of the true ones that are found, and precision the share of the found
    ones that are right; for a recall the best precision with at least so much counts.

    Parameters
    ----------
    found : Found
    y : array, shape (B, M, 5)
        Class, and left, upper, right and lower end of the true things; class -1 for none.
    enough : float
        Least intersection over union.

    Returns
    -------
    array
        NaN for classes that are not there.

    Raises
    ------
    ShapeError
        If `y` has another shape, or no thing is there at all.

    Source: Lin et al. 2014 (COCO).

    >>> truth = np.array([[[3, 0, 0, 10, 10], [3, 20, 20, 40, 40]]])
    >>> boxes = np.array([[[0, 0, 10, 9], [50, 50, 60, 60]]])
    >>> found = Found(np.array([[3, 3]]), np.array([[0.9, 0.8]]), boxes)
    >>> round(float(average_precision(found, truth)[3]), 3)  # one of two, and up to there no error
    0.505
    """
    y = _truth(y, len(found.classes))
    right = _matched(found, y, enough)
    precisions = np.full(CLASSES, np.nan)
    for number in np.unique(y[..., 0][y[..., 0] >= 0]).astype(int):
        own = found.classes == number
        order = np.argsort(-found.scores[own], kind="stable")
        hits = right[own][order].cumsum()
        recall = hits / (y[..., 0] == number).sum()
        precision = hits / np.arange(1, len(hits) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        reached = np.searchsorted(recall, _RECALLS, side="left")
        precisions[number] = np.append(best, 0)[reached].mean()
    return precisions


def _truth(y: Any, scenes: int) -> np.ndarray:
    y = labels.read(y, (scenes,)).astype(np.float64)
    if y.ndim != 3 or y.shape[2] != 5:
        raise ShapeError(
            f"y: shape {y.shape}, expected ({scenes}, M, 5): class, left, upper, right and lower "
            f"end of each thing. Pass the y of snnlab.data.load_scenes."
        )
    if not (y[..., 0] >= 0).any():
        raise ShapeError(
            "y: there is no thing in any scene, expected at least one. Pass more scenes."
        )
    return y


def _matched(found: Found, y: np.ndarray, enough: float) -> np.ndarray:
    """Return which of the things found are right, shape (B, K); each true one is found once."""
    overlaps = overlap(found.boxes, y[..., 1:])
    overlaps[found.classes[:, :, None] != y[:, None, :, 0]] = -1
    every, right = np.arange(len(y)), np.zeros(found.classes.shape, bool)
    for place in range(found.classes.shape[1]):
        best = overlaps[:, place].argmax(1)
        right[:, place] = overlaps[every, place, best] >= enough
        hit = np.flatnonzero(right[:, place])
        overlaps[hit, :, best[hit]] = -1
    return right & (found.classes >= 0)
