"""What several explorers draw alike."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from snnlab.plots import _style


def legend_above(ax: Axes, columns: int, **given: Any) -> None:
    """Put a legend above the axes, where it covers no curve; the axes make no room for it."""
    legend = ax.legend(
        ncols=columns,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.98),
        frameon=False,
        fontsize=8,
        handlelength=1.5,
        columnspacing=0.8,
        **given,
    )
    legend.set_in_layout(False)


def ring(ax: Axes, **given: Any) -> Line2D:
    """Return a ring, to be moved to the point that the words are about."""
    return ax.plot([], [], "o", color=_style.BLACK, fillstyle="none", markersize=12, **given)[0]
