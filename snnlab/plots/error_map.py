"""The error over threshold and spread of the currents, as a map."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from snnlab.exceptions import OptionError, ShapeError
from snnlab.plots import _style


@_style.styled
def error_map(thresholds: Any, spreads: Any, errors: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the error for each pair of threshold and spread, and the best threshold of each spread.

    Parameters
    ----------
    thresholds : array, shape (N,)
        Rising, evenly spaced on a logarithmic axis.
    spreads : array, shape (M,)
        Standard deviations σ of the currents, rising.
    errors : array, shape (M, N)
        Root mean square error, above 0.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ShapeError
        If the sizes do not fit.
    OptionError
        If a threshold or an error is not above 0.
    """
    thresholds, spreads, errors = map(np.asarray, (thresholds, spreads, errors))
    if errors.shape != (spreads.size, thresholds.size):
        raise ShapeError(
            f"errors: shape {errors.shape}, expected {(spreads.size, thresholds.size)}: a row for "
            f"each spread, a column for each threshold."
        )
    for name, values in (("thresholds", thresholds), ("errors", errors)):
        if not (values > 0).all():
            raise OptionError(
                f"{name}: found {values.min():g}, expected numbers above 0. Their scale is "
                f"logarithmic."
            )
    ax = _style.axes(ax, height=4.0)
    # Cells reach halfway to their neighbours, on the logarithmic axis too.
    edges = np.exp(_edges(np.log(thresholds))), _edges(spreads)
    cells = ax.pcolormesh(*edges, errors, norm=LogNorm(), cmap="viridis")
    ax.figure.colorbar(cells, ax=ax, label="root mean square error")
    best = thresholds[errors.argmin(1)]
    ax.plot(best, spreads, "o-", color="white", markeredgecolor=_style.BLACK, label="smallest")
    _style.log2_axis(ax)
    ax.set(xlabel="threshold θ", ylabel="spread σ of the currents", title="Total error")
    ax.legend(loc="upper right")
    return ax


def _edges(centers: np.ndarray) -> np.ndarray:
    """Return the edges of cells around their centers.

    >>> _edges(np.array([1.0, 2.0, 4.0])).tolist()
    [0.5, 1.5, 3.0, 5.0]
    """
    if len(centers) == 1:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    between = (centers[1:] + centers[:-1]) / 2
    first, last = 2 * centers[0] - between[0], 2 * centers[-1] - between[-1]
    return np.concatenate([[first], between, [last]])
