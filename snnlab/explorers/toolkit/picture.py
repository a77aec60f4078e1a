"""A figure of which only some artists move, fast enough for a slider."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from snnlab.explorers.toolkit.curve_names import CurveNames
from snnlab.explorers.toolkit.styling import own_style

# In units of matplotlib's SVG, points; on the screen as many pixels as at 100 dpi.
_INCHES, _POINTS = (8.4, 3.4), 72
WIDTH = 840


class Picture:
    """A figure whose axes stay as they are while some artists move.

    Drawing a whole figure takes some 60 ms. Here the background is drawn once, as a PNG with
    twice as many pixels as needed, and the moving artists over it as SVG, in 0.5 to 2.5 ms.

    Parameters
    ----------
    figure : matplotlib Figure
        From `blank`, complete with its limits, labels and legends.
    moving : sequence of matplotlib artists
        Those that may change.
    """

    def __init__(self, figure: Figure, moving: Sequence[Artist]):
        self.figure, self.moving = figure, moving
        # Names follow their curves, whether these move or not.
        self.names = [a for ax in figure.axes for a in ax.artists if isinstance(a, CurveNames)]
        for artist in (*moving, *self.names):
            artist.set_visible(False)
        self.background = self._saved(2)
        for artist in (*moving, *self.names):
            artist.set_visible(True)
        figure.set_layout_engine("none")  # the axes have found their places, and keep them

    def svg(self) -> str:
        """Return the moving artists as they are now: the inside of an SVG with `view_box`."""
        width, height = self.figure.bbox.size
        out = io.StringIO()
        # With a fixed salt the same picture is the same text. Names are text, not outlines: short.
        with mpl.rc_context({"svg.hashsalt": "snnlab", "svg.fonttype": "none"}):
            renderer = RendererSVG(width, height, out, image_dpi=_POINTS)
            for artist in (*self.moving, *self.names):
                artist.draw(renderer)
            renderer.finalize()
        whole = out.getvalue()
        # Matplotlib's head has a style that would hold for the whole page.
        return whole[whole.index("</defs>") + len("</defs>") : whole.rindex("</svg>")]

    @property
    def view_box(self) -> str:
        """The coordinates of the SVG."""
        width, height = self.figure.bbox.size
        return f"0 0 {width:g} {height:g}"

    def png(self) -> bytes:
        """Return the whole figure as it is now."""
        return self._saved(1)

    def _saved(self, scale: int) -> bytes:
        buffer = io.BytesIO()
        dpi = scale * WIDTH / _INCHES[0]
        with own_style():
            self.figure.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
        return buffer.getvalue()


def blank() -> Figure:
    """Return an empty figure of the size of an explorer."""
    return Figure(figsize=_INCHES, dpi=_POINTS, layout="constrained")
