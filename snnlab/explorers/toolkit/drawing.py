"""What several explorers draw alike."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE

# Lines of things of one kind, told apart by form as well.
LOOKS = (
    *((BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^-.")),
    *((BLACK, "x:"), (BLUE, "v--"), (ORANGE, "D:")),
)


def finish(ax: Axes, title: str, pad: int, columns: int, grid: bool = False, **given: Any) -> None:
    """Put a title so many points above the axes, and between them a legend, covering no curve."""
    ax.set_title(title, pad=pad)
    given |= {"loc": "lower center", "bbox_to_anchor": (0.5, 0.98), "frameon": False}
    given |= {"fontsize": 8, "handlelength": 1.5, "columnspacing": 0.8}
    legend = ax.legend(ncols=columns, **given)
    legend.set_in_layout(False)  # `pad` is its room
    if grid:
        ax.grid(alpha=0.3)


def ring(ax: Axes, **given: Any) -> Line2D:
    """Return a ring, to be moved to the point that the words are about."""
    return ax.plot([], [], "o", color=BLACK, fillstyle="none", ms=12, **given)[0]
