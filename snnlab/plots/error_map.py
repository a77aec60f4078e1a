"""The error over threshold and spread of the currents, as a map."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from snnlab.exceptions import ShapeError
from snnlab.plots import _style


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
    """
    thresholds, spreads, errors = map(np.asarray, (thresholds, spreads, errors))
    if errors.shape != (spreads.size, thresholds.size):
        raise ShapeError(
            f"errors: shape {errors.shape}, expected {(spreads.size, thresholds.size)}: a row for "
            f"each spread, a column for each threshold."
        )
    ax = _style.axes(ax, height=4.0)
    cells = ax.pcolormesh(thresholds, spreads, errors, norm=LogNorm(), cmap="viridis")
    ax.figure.colorbar(cells, ax=ax, label="root mean square error")
    best = thresholds[errors.argmin(1)]
    ax.plot(best, spreads, "o-", color="white", markeredgecolor=_style.BLACK, label="smallest")
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="threshold θ", ylabel="spread σ of the currents", title="Total error")
    ax.legend(loc="upper right")
    return ax
