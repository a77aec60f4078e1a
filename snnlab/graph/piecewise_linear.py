r"""Piecewise linear functions of one signal, as sums of ReLUs.

LeakyReLU, PReLU, Hardtanh, Hardsigmoid, abs, `where(x > 0, x, 0.1 * x)`, `x * (x > 0)`: however it
is spelled, a continuous function that is linear between knots :math:`t_1 < \dots < t_n`, with the
slopes :math:`m_0, \dots, m_n`, is

.. math:: f(x) = f(t_p) + \sum_{i \ge p} m_i\,[x - t_i]_0^{t_{i+1} - t_i}
                        - \sum_{i < p} m_i\,[t_{i+1} - x]_0^{t_{i+1} - t_i},
          \qquad [z]_0^c = \min(\max(z, 0), c)

with :math:`t_0 = -\infty`, :math:`t_{n+1} = \infty` and any of the knots as :math:`t_p`. Each piece
with a slope other than 0 is one layer of neurons. Which function it is, is measured: torch
evaluates the steps between the signal and the result on numbers. Derived here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]

# Slopes that differ by less than this part of the largest are one slope.
_SAME_SLOPE = 1e-6
# The rounding of a value in float64, relative to it.
_ROUNDING = 2.0**-50
_MOST_PIECES = 8
# 16 points to an octave, from 1e-6 to 1e6 on both sides of 0; no usual knot is one of them.
_OCTAVES = 1.0123 * 2.0 ** np.arange(-20, 20, 1 / 16)
GRID = np.concatenate([-_OCTAVES[::-1], _OCTAVES])


@dataclass(frozen=True, eq=False)
class Pieces:
    """A piecewise linear function, one for all neurons (K = 1) or K of them.

    Parameters
    ----------
    knots : array of float64, shape (n, K)
    slopes : array of float64, shape (n + 1, K)
        Before the first knot, between two, behind the last.
    offset : array of float64, shape (K,)
        The value at the knot nearest to 0, or at 0 if there is no knot.
    """

    knots: np.ndarray
    slopes: np.ndarray
    offset: np.ndarray

    @property
    def pivot(self) -> int:
        """Position of the knot nearest to 0."""
        return int(np.abs(self.knots).sum(1).argmin()) if len(self.knots) else 0

    def ramps(self) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray | None]]:
        """Return (direction, knot, slope, width) of each piece that is not flat.

        The direction is 1 above the pivot and -1 below; the width is None for an outer piece.
        """
        found: list[tuple[int, np.ndarray, np.ndarray, np.ndarray | None]] = []
        last = len(self.knots)
        for i in [*range(self.pivot + 1, last + 1), *range(self.pivot, -1, -1)]:
            if not self.slopes[i].any() or not last:
                continue
            above = i > self.pivot
            start = self.knots[i - 1 if above else i]
            width = self.knots[i] - self.knots[i - 1] if 0 < i < last else None
            found.append((1 if above else -1, start, self.slopes[i], width))
        return found

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the values at x, shape (G, K): the equation above."""
        y = self.offset + (0 * x if len(self.knots) else self.slopes[0] * x)
        for direction, start, slope, width in self.ramps():
            y = y + direction * slope * np.clip(direction * (x - start), 0, width)
        return y


def pieces_of(function: Function) -> Pieces | None:
    """Return the pieces of a function that is continuous and piecewise linear, else None.

    Parameters
    ----------
    function : callable
        From an array of float64, shape (G, 1) or (G, K), to its values, shape (G, K).

    >>> pieces = pieces_of(lambda x: np.where(x > 3, 2 * x - 6, 0))
    >>> pieces.knots.tolist(), pieces.slopes.tolist()
    ([[3.0]], [[0.0], [2.0]])
    """
    x = GRID[:, None]
    y = function(x)
    if not np.isfinite(y).all():
        return None
    # Often many channels have the same function.
    first, which = _different(y)
    each = [_one(function, k, y[:, k]) for k in first]
    found = [one for one in each if one is not None]
    pieces = _joined(found) if len(found) == len(each) else None
    if pieces is None:
        return None
    pieces = Pieces(pieces.knots[:, which], pieces.slopes[:, which], pieces.offset[which])
    return pieces if _is_close(pieces, function, x) else None


def _different(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one column for each function that differs, and for every column which it is."""
    columns: dict[bytes, int] = {}
    which = [columns.setdefault(column.tobytes(), k) for k, column in enumerate(y.T)]
    first, place = np.unique(which, return_inverse=True)
    return first, place


def _is_close(pieces: Pieces, function: Function, x: np.ndarray) -> bool:
    """Return whether the pieces give the function's values, also at other points and near knots."""
    between = x[:-1] + 0.381966 * np.diff(x, axis=0)
    knots = np.unique(pieces.knots)[:, None]
    near = [knots * (1 + e) + s for e in (-1e-3, 1e-3) for s in (0, 1e-3)]
    x = np.concatenate([between, *near])
    expected = function(x)
    largest = np.abs(expected).max(initial=1e-3, axis=1, keepdims=True)
    return bool((np.abs(pieces(x) - expected) <= 1e-9 * np.maximum(np.abs(x), largest)).all())


def _one(function: Function, k: int, y: np.ndarray) -> tuple | None:
    """Return knots and lines of the k-th function, whose values on the grid are given."""
    x = GRID
    for _ in range(4):
        runs = _runs(x, y)
        if not 1 <= len(runs) <= _MOST_PIECES:
            return None
        lines = [_line(x, y, *run) for run in runs]
        knots, gaps = [], []
        for (m, b), (n, c), left, right in zip(lines, lines[1:], runs, runs[1:], strict=False):
            knot = plain((c - b) / (m - n)) if m != n else np.nan
            between = slice(left[1], right[0] + 1)
            low, high = x[between][[0, -1]]
            bend = np.where(x[between] < knot, m * x[between] + b, n * x[between] + c)
            meet = np.abs(y[between] - bend) <= 1e-9 * np.abs(y[between]).max()
            slack = 1e-9 * (high - low)
            if meet.all() and low - slack <= knot <= high + slack:
                knots.append(knot)
            else:
                gaps.append(np.linspace(low, high, 67)[1:-1])
        if not gaps:
            return knots, lines
        # Two knots may lie in one gap of the grid.
        new = np.concatenate(gaps)
        x, order = np.unique(np.concatenate([x, new]), return_index=True)
        y = np.concatenate([y, function(new[:, None])[:, k]])[order]
    return None


def _runs(x: np.ndarray, y: np.ndarray) -> list[tuple[int, int]]:
    """Return first and last point of each stretch of at least four points with one slope."""
    slopes = np.diff(y) / np.diff(x)
    rounding = _ROUNDING * (np.abs(y[1:]) + np.abs(y[:-1])) / np.diff(x)
    alike = _SAME_SLOPE * np.abs(slopes).max() + rounding[1:] + rounding[:-1]
    same = np.abs(np.diff(slopes)) <= alike
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(int)))
    return [(i, j + 1) for i, j in edges.reshape(-1, 2) if j - i >= 2]


def _line(x: np.ndarray, y: np.ndarray, i: int, j: int) -> tuple[float, float]:
    """Return slope and value at 0 of the line through a stretch of points."""
    slope = plain((y[j] - y[i]) / (x[j] - x[i]))
    nearest = i if abs(x[i]) < abs(x[j]) else j
    return slope, y[nearest] - slope * x[nearest]


def plain(value: float) -> float:
    """Return the short decimal that a number stands for but for rounding, else the number."""
    short = float(f"{value:.9g}")
    if abs(value) < 1e-12:
        return 0.0
    return short if abs(short - value) <= 1e-13 * abs(value) else float(value)


def _joined(each: list[tuple]) -> Pieces | None:
    """Return the functions of several channels as one, with the same number of pieces for all."""
    union = sorted({t for knots, _ in each for t in knots})
    if len({len(knots) for knots, _ in each}) == 1:
        knots = np.array([knots for knots, _ in each]).T
    elif len(union) < _MOST_PIECES:
        knots = np.tile(np.array(union)[:, None], len(each))
    else:
        return None
    slopes = np.empty((len(knots) + 1, len(each)))
    offset = np.empty(len(each))
    pieces = Pieces(knots, slopes, offset)
    for k, (own, lines) in enumerate(each):
        # A point inside each piece tells which line holds there.
        edges = knots[:, k]
        inside = [*(edges[:1] - 1), *(edges[1:] + edges[:-1]) / 2, *(edges[-1:] + 1)] or [0.0]
        slopes[:, k] = [lines[np.searchsorted(own, t)][0] for t in inside]
        at = edges[pieces.pivot] if len(edges) else 0.0
        slope, value = lines[np.searchsorted(np.array(own) + 1e-9 * np.abs(own) + 1e-12, at)]
        offset[k] = plain(slope * at + value)
    return pieces
