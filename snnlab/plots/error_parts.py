"""What the error of each layer is made of."""

import numpy as np
from matplotlib.axes import Axes

from snnlab.decomposition import PARTS, ErrorParts
from snnlab.plots import _style


def error_parts(report: ErrorParts, *, ax: Axes | None = None) -> Axes:
    """Draw a bar for each layer: the share of each part in the sum of the parts' mean squares.

    The number at the end of a bar is the root mean square of the layer's whole error.

    Parameters
    ----------
    report : ErrorParts
        From `decompose`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    rms = report.rms()
    ax = _style.axes(ax, height=1.2 + 0.45 * len(rms))
    rows = np.arange(len(rms))
    squares = {p: np.array([row.get(p, 0.0) ** 2 for row in rms.values()]) for p in _shown(report)}
    whole = np.maximum(sum(squares.values()), np.finfo(float).tiny)
    left = np.zeros(len(rms))
    for part, square in squares.items():
        ax.barh(
            rows,
            square / whole,
            left=left,
            color=_style.PART_COLORS[part],
            hatch=_style.PART_HATCHES[part],
            edgecolor="white",
            label=part,
        )
        left += square / whole
    for row, values in enumerate(rms.values()):
        ax.text(1.01, row, f"{values['total']:.3g}", va="center")
    ax.set_yticks(rows, list(rms))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.12), xlabel="share of the mean square error (number: its root mean square)")
    ax.set_title(f"Error after {report.timesteps} steps", pad=26)
    ax.legend(ncols=len(squares), loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return ax


def _shown(report: ErrorParts) -> list[str]:
    return (["input"] if "input" in report.parts else []) + list(PARTS)
