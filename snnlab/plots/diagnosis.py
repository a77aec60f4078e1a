"""Where the accuracy of a network is lost, and what brings it back."""

from typing import Any

from matplotlib.axes import Axes

from snnlab._text import counted
from snnlab.diagnosis import Diagnosis
from snnlab.plots import _style


def diagnosis(report: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy with each layer freed of its own error, and with each remedy.

    Lines show the network as it is and the ANN. If nothing is lost only these are drawn.

    Parameters
    ----------
    report : Diagnosis
        From `diagnose`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    names = [f"layer {name} without its error" for name in report.exact]
    names += [remedy.words for remedy in report.remedies]
    right = [100 * a for a in (*report.exact.values(), *(r.accuracy for r in report.remedies))]
    ax = _style.axes(ax, width=8.0, height=1.6 + 0.32 * max(len(names), 2))
    rows, n = range(len(names)), len(report.exact)
    if n:
        look: Any = {"color": _style.BLUE, "hatch": "//", "label": "one layer exact"}
        ax.barh(rows[:n], right[:n], edgecolor="white", **look)
    if rows[n:]:
        ax.barh(rows[n:], right[n:], edgecolor="white", color=_style.GREEN, label="a remedy")
    for row, accuracy in enumerate(right):
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # above the lines
        ax.text(accuracy + 1.5, row, f"{accuracy:.1f}", va="center", zorder=3, bbox=paper)
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.axvline(100 * report.ann, color=_style.ORANGE, linestyle="--", label="ANN")
    # Drawn last, to be seen where both are the same.
    ax.axvline(100 * report.snn, color=_style.BLACK, linestyle=":", label="SNN as it is")
    ax.set(xlim=(0, 112), xlabel="accuracy (%)")
    ax.set_title(f"Diagnosis after {counted(report.timesteps, 'step')}", pad=26)
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.0), frameon=False)
    return ax
