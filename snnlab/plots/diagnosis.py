"""Where the accuracy of a network is lost, and what brings it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from snnlab._text import counted
from snnlab.plots import _style

if TYPE_CHECKING:
    from snnlab.diagnosis import Diagnosis


@_style.styled
def diagnosis(report: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy (or metric) with each layer freed of its own error, and with each remedy.

    A bar leads from the network as it is to what it would reach. Lines show the network as it is
    and the ANN. If nothing is lost only these are drawn.

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
    snn, ann = factor * report.snn, factor * report.ann
    ax = _style.axes(ax, width=8.0, height=1.6 + 0.32 * max(len(names), 2))
    rows, n = range(len(names)), len(report.exact)
    looks: list[Any] = [{"color": _style.BLUE, "hatch": "//"}] * n
    looks += [{"color": _style.GREEN}] * (len(names) - n)
    for row, value, look in zip(rows, right, looks, strict=True):
        (bar,) = ax.barh(row, value - snn, left=snn, edgecolor="white", **look)
        bar.sticky_edges.x.clear()
        # Above the lines, and on the side of the bar's end.
        paper: Any = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        end: Any = (
            {"ha": "left", "xytext": (5, 0)} if value >= snn else {"ha": "right", "xytext": (-5, 0)}
        )
        number = f"{value:.1f}" if scale.is_share else f"{value:.3g}"
        ax.annotate(
            number, (value, row), textcoords="offset points", va="center", bbox=paper, **end
        )
    ax.set_yticks(rows, names)
    ax.set_ylim(max(len(names), 1) - 0.5, -0.5)
    ax.axvline(ann, color=_style.BLACK, linestyle="--", label="ANN")
    # Drawn last, to be seen where both are the same.
    ax.axvline(snn, color=_style.BLACK, linestyle=":", label="SNN as it is")
    ax.margins(x=0.16)
    ax.set_xlabel(f"{scale.words}{' (%)' if scale.is_share else ''}")
    ax.set_title(f"Diagnosis after {counted(report.timesteps, 'step')}", pad=20)
    # Away from each other, so that they do not meet where both lines are close.
    sides = ("left", "right") if ann > snn else ("right", "left")
    for value, words, side in ((ann, "ANN", sides[0]), (snn, "SNN as it is", sides[1])):
        place = (value, 1.02)
        ax.annotate(words, place, xycoords=ax.get_xaxis_transform(), ha=side, va="bottom")
    return ax
