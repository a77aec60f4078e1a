"""Where the accuracy of a network is lost, and what brings it back."""

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
    bars = [
        (f"layer {name} without its error", accuracy, _style.BLUE, "//")
        for name, accuracy in report.exact.items()
    ]
    bars += [(r.words, r.accuracy, _style.GREEN, "") for r in report.remedies]
    ax = _style.axes(ax, width=8.0, height=1.6 + 0.32 * max(len(bars), 2))
    for row, (_, accuracy, color, hatch) in enumerate(bars):
        name = {_style.BLUE: "one layer exact", _style.GREEN: "a remedy"}[color]
        first = color not in [c for _, _, c, _ in bars[:row]]
        ax.barh(
            row,
            100 * accuracy,
            color=color,
            hatch=hatch,
            edgecolor="white",
            label=name if first else None,
        )
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # above the lines
        ax.text(
            100 * accuracy + 1.5, row, f"{100 * accuracy:.1f}", va="center", zorder=3, bbox=paper
        )
    ax.set_yticks(range(len(bars)), [label for label, *_ in bars])
    ax.invert_yaxis()
    ax.axvline(100 * report.ann, color=_style.ORANGE, linestyle="--", label="ANN")
    # Drawn last, to be seen where both are the same.
    ax.axvline(100 * report.snn, color=_style.BLACK, linestyle=":", label="SNN as it is")
    ax.set(xlim=(0, 112), xlabel="accuracy (%)")
    ax.set_title(f"Diagnosis after {counted(report.timesteps, 'step')}", pad=26)
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.0), frameon=False)
    return ax
