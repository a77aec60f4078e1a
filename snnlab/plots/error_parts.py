"""What the error of each layer is made of."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.analysis import TOTAL, ErrorParts
from snnlab.plots import _style
from snnlab.plots._stacking import stacked

_COLUMNS = 4  # of the legend; the figure is not wide enough for more


@_style.styled
def error_parts(report: ErrorParts, *, ax: Axes | None = None) -> Axes:
    """Draw a bar for each layer: each part's share of the mean square error.

    The shares sum to 1. A part that works against the others lies left of 0. The number beside a
    bar is the root mean square of the layer's whole error.

    Parameters
    ----------
    report : ErrorParts
        From `decompose`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    checks.instance(report, ErrorParts, "report", "Write snnlab.decompose(...) first.")
    shares = report.shares()
    ax = _style.axes(ax, height=1.2 + 0.45 * len(shares))
    rows = np.arange(len(shares))
    names = [part.name for part in report.kinds]
    bars = stacked({n: np.array([layer.get(n, 0.0) for layer in shares.values()]) for n in names})
    for part, (start, end) in zip(report.kinds, bars.values(), strict=True):
        look: Any = {"color": part.color, "hatch": part.hatch, "edgecolor": "white"}
        ax.barh(rows, end - start, left=start, label=part.name, **look)
    low = min(end.min() for _, end in bars.values())
    high = max(end.max() for _, end in bars.values())
    for row, sizes in enumerate(report.rms().values()):
        ax.text(high + 0.01, row, f"{sizes[TOTAL.name]:.3g}", va="center")
    ax.axvline(0, color=_style.BLACK, linewidth=0.8)
    ax.set_yticks(rows, list(shares))
    ax.invert_yaxis()
    ax.set_xlim(min(0, low - 0.02), high + 0.12)
    ax.set_xlabel("share of the mean square error (number: its root mean square)")
    lines = -(-len(names) // _COLUMNS)
    ax.set_title(f"Error after {report.timesteps} steps", pad=10 + 16 * lines)
    ax.legend(ncols=_COLUMNS, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return ax
