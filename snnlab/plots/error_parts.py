"""What the error of each layer is made of."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.analysis import TOTAL, ErrorParts
from snnlab.plots import _style
from snnlab.plots._stacking import stacked

_COLUMNS = 4  # of the legend; the figure is not wide enough for more


@_style.styled
def error_parts(report: ErrorParts, *, ax: Axes | None = None) -> Axes:
    """Draw a bar for each layer, as long as its error, divided among the parts.

    The length is the root mean square of the layer's whole error, in units of the activation, so
    that bars of several layers, or of several pictures with a common axis, can be compared. It is
    cut into pieces, each as long as the share of its part in the mean square
    (`ErrorParts.statistics`); the shares sum to 1. A part that works against the others lies left
    of 0. The number behind a bar is its length.

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
    sizes = np.array([rms[TOTAL.name] for rms in report.rms().values()])
    ax = _style.axes(ax, height=1.2 + 0.45 * len(shares))
    rows = np.arange(len(shares))
    names = [part.name for part in report.kinds]
    parts = {n: np.array([layer.get(n, 0.0) for layer in shares.values()]) for n in names}
    bars = stacked({name: sizes * part for name, part in parts.items()})
    for part, (start, end) in zip(report.kinds, bars.values(), strict=True):
        look: Any = {"color": part.color, "hatch": part.hatch, "edgecolor": "white"}
        for bar in ax.barh(rows, end - start, left=start, label=part.name, **look):
            bar.sticky_edges.x[:] = [0]
    behind = np.max([end for _, end in bars.values()], axis=0)
    for row, size in enumerate(sizes):
        place: Any = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(f"{size:.3g}", (behind[row], row), **place)
    ax.axvline(0, color=_style.BLACK, linewidth=0.8)
    ax.set_yticks(rows, list(shares))
    ax.invert_yaxis()
    ax.margins(x=0.12)  # room for the numbers; limits would break a common axis
    ax.set_xlabel("root mean square error; each piece as long as its share")
    lines = -(-len(names) // _COLUMNS)
    ax.set_title(f"Error after {counted(report.timesteps, 'step')}", pad=10 + 16 * lines)
    ax.legend(ncols=_COLUMNS, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return ax
