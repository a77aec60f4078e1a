"""What several explorers draw alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.path import Path

from snnlab.explorers.toolkit.curve_names import CurveNames
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE, part_look

# Water is light with a dark edge, so that what stands in it can be seen.
WATER: dict[str, Any] = {"facecolor": "#8FC6E8", "edgecolor": BLUE, "lw": 1.2}

# Lines of things of one kind, told apart by form as well.
LOOKS = (
    *((BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^-.")),
    *((BLACK, "x:"), (BLUE, "v--"), (ORANGE, "D:")),
)

# In letters: longer names beside the axes would leave no room for the curves.
LONGEST = 24


def finish(
    ax: Axes,
    title: str,
    pad: int,
    columns: int,
    grid: bool = False,
    at_ends: Sequence[Line2D] = (),
    **given: Any,
) -> None:
    """Put a title so many points above the axes, and between them a legend, covering no curve.

    Curves `at_ends` are named where they end, and not in the legend, unless a name is long. If
    nothing is left for the legend, `pad` is not needed.
    """
    if max((len(str(line.get_label())) for line in at_ends), default=0) > LONGEST:
        at_ends = ()
    if at_ends:
        CurveNames(ax, at_ends)
        rest = [h for h in ax.get_legend_handles_labels()[0] if h not in at_ends]
        given = {"handles": rest} | given
    if grid:
        ax.grid(alpha=0.3)
    if at_ends and not given["handles"]:
        ax.set_title(title)
        return
    ax.set_title(title, pad=pad)
    given |= {"loc": "lower center", "bbox_to_anchor": (0.5, 0.98), "frameon": False}
    given |= {"fontsize": 8, "handlelength": 1.5, "columnspacing": 0.8}
    legend = ax.legend(ncols=columns, **given)
    legend.set_in_layout(False)  # `pad` is its room


def crop(ax: Axes, *values: Any) -> None:
    """Let the vertical axis reach from the lowest to the highest of all values, and a bit on."""
    every = np.concatenate([np.ravel(v) for v in values])
    low, high = np.nanmin(every), np.nanmax(every)
    margin = max(0.06 * (high - low), 0.5)
    ax.set_ylim(low - margin, high + margin)


def none_at_zero(ax: Axes) -> None:
    """Give 0 the word "none" on a vertical axis that is logarithmic but for a place for 0."""
    usual: Any = ax.yaxis.get_major_formatter()
    ax.yaxis.set_major_formatter(lambda value, place: usual(value, place) if value else "none")


def part_line(part: str, start: int, every: int) -> dict[str, Any]:
    """Return the look of a part of the error for a line of many points, with marks on some."""
    return part_look(part) | {"label": part, "ms": 4, "markevery": (start, every)}


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
