"""What the error of each layer is made of."""

import numpy as np
from matplotlib.axes import Axes

from snnlab import _checks
from snnlab.analysis import ErrorParts
from snnlab.analysis.error_parts import PARTS
from snnlab.plots import _style
from snnlab.plots._stacking import stacked


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
    _checks.instance(report, ErrorParts, "report", "Write snnlab.decompose(...) first.")
    shares = report.shares()
    totals = [parts["total"] for parts in report.rms().values()]
    ax = _style.axes(ax, height=1.2 + 0.45 * len(shares))
    rows = np.arange(len(shares))
    shown = (["input"] if "input" in report.parts else []) + list(PARTS)
    by_part = {
        part: np.array([layer.get(part, 0.0) for layer in shares.values()]) for part in shown
    }
    bars = stacked(by_part)
    for part, (start, end) in bars.items():
        ax.barh(
            rows,
            end - start,
            left=start,
            color=_style.PART_COLORS[part],
            hatch=_style.PART_HATCHES[part],
            edgecolor="white",
            label=part,
        )
    low = min(end.min() for _, end in bars.values())
    high = max(end.max() for _, end in bars.values())
    for row, total in enumerate(totals):
        ax.text(high + 0.01, row, f"{total:.3g}", va="center")
    ax.axvline(0, color=_style.BLACK, linewidth=0.8)
    ax.set_yticks(rows, list(shares))
    ax.invert_yaxis()
    ax.set_xlim(min(0, low - 0.02), high + 0.12)
    ax.set_xlabel("share of the mean square error (number: its root mean square)")
    ax.set_title(f"Error after {report.timesteps} steps", pad=26)
    ax.legend(ncols=len(shown), loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return ax
