"""Colors that a color-blind reader can tell apart, and what all figures share."""

from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from snnlab.analysis.parts import BY_NAME

# Okabe and Ito 2008, darkened where the contrast with white was below 4.5.
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#B84F00", "#007A59", "#222222"


def line_of(part: str) -> dict[str, Any]:
    """Return the look of the line of a part of the error, or of the total, for `plot`."""
    look = BY_NAME[part]
    return {"color": look.dark, "linestyle": look.line, "marker": look.marker}


def mark_size(neurons: int) -> float:
    """Return the height of a spike's mark, so that neighbouring rows stay apart."""
    return min(max(500 / neurons, 1), 8)


def axes(ax: Axes | None, width: float = 6.0, height: float = 3.2) -> Axes:
    """Return the given axes, or new ones."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def log2_axis(ax: Axes) -> None:
    """Make the horizontal axis logarithmic, with 1, 2, 4, 8 and so on at its ticks."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")


def ann_line(ax: Axes, reached: float) -> None:
    """Draw what the ANN reaches as a dashed line."""
    ax.axhline(reached, color=ORANGE, linestyle="--", label="ANN")
