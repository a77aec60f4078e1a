"""Where the accuracy of a network is lost, and what brings it back."""

from typing import Any

from matplotlib.axes import Axes

from snnlab._text import counted
from snnlab.diagnosis import Diagnosis
from snnlab.plots import _style


@_style.styled
def diagnosis(report: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy (or metric) with each layer freed of its own error, and with each remedy.

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
    scale, factor = report.scale, 100 if report.scale.is_share else 1
    reached = (*report.exact.values(), *(r.accuracy for r in report.remedies))
    right = [factor * value for value in reached]
    # Room for the numbers behind the bars.
    width = 112 if scale.is_share else 1.15 * max([*right, report.ann, report.snn, 0]) or 1
    ax = _style.axes(ax, width=8.0, height=1.6 + 0.32 * max(len(names), 2))
    rows, n = range(len(names)), len(report.exact)
    if n:
        look: Any = {"color": _style.BLUE, "hatch": "//", "label": "one layer exact"}
        ax.barh(rows[:n], right[:n], edgecolor="white", **look)
    if rows[n:]:
        ax.barh(rows[n:], right[n:], edgecolor="white", color=_style.GREEN, label="a remedy")
    for row, value in enumerate(right):
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # above the lines
        number = f"{value:.1f}" if scale.is_share else f"{value:.3g}"
        ax.text(value + width / 75, row, number, va="center", zorder=3, bbox=paper)
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.axvline(factor * report.ann, color=_style.ORANGE, linestyle="--", label="ANN")
    # Drawn last, to be seen where both are the same.
    ax.axvline(factor * report.snn, color=_style.BLACK, linestyle=":", label="SNN as it is")
    ax.set(xlim=(0, width), xlabel=f"{scale.words}{' (%)' if scale.is_share else ''}")
    ax.set_title(f"Diagnosis after {counted(report.timesteps, 'step')}", pad=26)
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.0), frameon=False)
    return ax
