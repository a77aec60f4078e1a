"""Names at the ends of curves that move, drawn fast enough for a slider."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D

from snnlab.explorers.toolkit.numbers import SIZE, outline
from snnlab.plots.label_curves import spread_out

# Named, whatever the user has set; the second is for browsers without the first.
_FONT = FontProperties(family=["DejaVu Sans", "sans-serif"], size=SIZE)
# In points.
_GAP, _HEIGHT = 5, 1.3 * SIZE
# A curve that ends within this part of the width from the right has its name beside the axes.
_LAST = 0.12


class CurveNames(Artist):
    """The labels of lines, each where its line ends, in its color, none over another one.

    Their places are found anew whenever they are drawn, which takes some tenths of a millisecond;
    `snnlab.plots.label_curves` is for curves that stay as they are.

    Parameters
    ----------
    ax : matplotlib axes
    lines : sequence of matplotlib lines
    """

    def __init__(self, ax: Axes, lines: Sequence[Line2D]):
        super().__init__()
        self.lines = list(lines)
        self._half_digit = outline("0").get_extents().ymax / 2
        ax.add_artist(self)
        self.set(clip_on=False, in_layout=False)
        # Keeps the room, and cannot be seen.
        longest = max((str(line.get_label()) for line in self.lines), key=len)
        look: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "center"}
        ax.annotate(longest, (1, 0.5), (_GAP, 0), fontsize=SIZE, alpha=0, **look)

    def places(self) -> np.ndarray:
        """Return where each name begins, at half its height, in pixels, (N, 2); NaN for none."""
        ax, figure = self.axes, self.get_figure(root=True)
        if ax is None or figure is None:
            return np.full((len(self.lines), 2), np.nan)
        pixels, frame = figure.dpi / 72, ax.bbox
        ends = np.array([_end(line, frame.x1) for line in self.lines])
        ends[:, 1] = np.clip(ends[:, 1], frame.y0, frame.y1)
        last = ends[:, 0] > frame.x1 - _LAST * frame.width
        size = min(_HEIGHT * pixels, frame.height / len(self.lines))
        for group in (last, np.isfinite(ends[:, 0]) & ~last):
            if group.any():
                ends[group, 1] = spread_out(ends[group, 1], size, frame.y0, frame.y1)
        ends[:, 0] = np.where(last, frame.x1, ends[:, 0]) + _GAP * pixels
        return ends

    def draw(self, renderer: RendererBase) -> None:
        """Draw the names."""
        figure = self.get_figure(root=True)
        if not self.get_visible() or figure is None:
            return
        gc = renderer.new_gc()
        _, height = renderer.get_canvas_width_height()
        for line, (x, y) in zip(self.lines, self.places(), strict=True):
            if np.isfinite(x) and line.get_visible():
                gc.set_foreground(line.get_color())
                y -= self._half_digit * figure.dpi / 72
                y = height - y if renderer.flipy() else y
                renderer.draw_text(gc, x, y, str(line.get_label()), _FONT, 0)
        gc.restore()


def _end(line: Line2D, right: float) -> tuple[float, float]:
    """Return the rightmost point of a line, in pixels; NaN if it has none."""
    x, y = np.asarray(line.get_data(), float)
    seen = np.flatnonzero(np.isfinite(y) & np.isfinite(x))
    if not len(seen):
        return np.nan, np.nan
    last = seen[-1] if x[seen[-1]] >= x[seen[0]] else seen[0]
    end = line.get_transform().transform((x[last], y[last]))
    return min(float(end[0]), right), float(end[1])
