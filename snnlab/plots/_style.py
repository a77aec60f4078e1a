"""Colours that a colour-blind reader can tell apart, and hatches for who sees none."""

from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

# Okabe and Ito 2008, darkened where the contrast with white was below 4.5.
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#B84F00", "#007A59", "#222222"

PART_COLORS = {
    "input": "#999999",
    "propagated": "#56B4E9",
    "clipping": "#E69F00",
    "quantization": "#009E73",
    "deviation": "#D55E00",
}
PART_HATCHES = {
    "input": "..",
    "propagated": "",
    "clipping": "//",
    "quantization": "xx",
    "deviation": "\\\\",
}
# Lines and marks on white, dark enough to be seen.
PART_LINES: dict[str, dict[str, Any]] = {
    "input": {"color": "#595959", "linestyle": "-", "marker": "v"},
    "propagated": {"color": BLUE, "linestyle": "--", "marker": "s"},
    "clipping": {"color": "#6B4600", "linestyle": "-.", "marker": "^"},
    "quantization": {"color": GREEN, "linestyle": ":", "marker": "x"},
    "deviation": {"color": ORANGE, "linestyle": "-", "marker": "o"},
    "total": {"color": BLACK, "linestyle": "-", "marker": "."},
}


def mark_size(neurons: int) -> float:
    """Return the height of a spike's mark, so that neighbouring rows stay apart."""
    return min(max(500 / neurons, 1), 8)


def axes(ax: Axes | None, width: float = 6.0, height: float = 3.2) -> Axes:
    """Return the given axes, or new ones."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]
