"""A figure of which only the moving artists are redrawn, fast enough for a slider."""

import io
import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from snnlab.plots import _style

_SHADES = 51  # of five colours, in a palette of 256


class Picture:
    """A figure whose axes stay as they are while some artists move.

    Drawing a whole figure takes some 60 ms, moving a few artists over a kept background 2 ms.

    Parameters
    ----------
    figure : matplotlib Figure
        Complete, with its limits, labels and legends.
    moving : sequence of matplotlib artists
        Those that may change; their colours are those of `plots._style`.
    """

    def __init__(self, figure: Figure, moving: Sequence[Artist]):
        self.figure, self.moving = figure, moving
        self._canvas = FigureCanvasAgg(figure)
        for artist in moving:
            artist.set_animated(True)
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)

    def png(self) -> bytes:
        """Return the figure with its artists where they are now."""
        self._canvas.restore_region(self._background)
        for artist in self.moving:
            if artist.axes is not None:
                artist.axes.draw_artist(artist)
        pixels = self._canvas.buffer_rgba()
        size = self._canvas.get_width_height()
        image = Image.frombuffer("RGBA", size, pixels).convert("RGB")
        buffer = io.BytesIO()
        # A fixed palette takes 0.3 ms, finding the best one for each picture 4 to 14 ms; runs of
        # one colour are all that a plot has to compress.
        indexed = image.quantize(palette=_palette(), dither=Image.Dither.NONE)
        indexed.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
        return buffer.getvalue()


@cache
def _palette() -> Image.Image:
    """Return an image with the palette: shades from white to each colour of the explorers."""
    colors = [_style.BLACK, _style.BLUE, _style.ORANGE, _style.GREEN]
    share = np.linspace(0, 1, _SHADES)[:, None]
    shades = [255 * (1 - share + share * np.array(to_rgb(color))) for color in ["k", *colors]]
    image = Image.new("P", (1, 1))
    image.putpalette(np.concatenate(shades).round().astype(np.uint8).tobytes())
    return image
