"""What several explorers draw alike."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.path import Path

from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE

# Water is light with a dark edge, so that what stands in it can be seen.
WATER: dict[str, Any] = {"facecolor": "#8FC6E8", "edgecolor": BLUE, "lw": 1.2}

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


def area(ax: Axes, **look: Any) -> PathCollection:
    """Return an area that can move: `set_paths` gives it its boxes."""
    collection = PathCollection([], transform=ax.transData, **look)
    ax.add_collection(collection, autolim=False)
    return collection


def box(left: float, right: float, bottom: float, top: float) -> list[Path]:
    """Return the path around a box, and none if it has no extent."""
    if right == left or top == bottom:
        return []
    corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    return [Path(corners, closed=True)]


def ring(ax: Axes, **given: Any) -> Line2D:
    """Return a ring, to be moved to the point that the words are about."""
    return ax.plot([], [], "o", color=BLACK, fillstyle="none", ms=12, **given)[0]
