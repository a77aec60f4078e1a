"""Texts and numbers that change, drawn fast enough for a slider."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path
from matplotlib.transforms import Affine2D, Transform

from snnlab.explorers.toolkit.styling import own_style
from snnlab.plots._style import BLACK

SIZE, POINTS_PER_INCH = 8, 72


class Texts:
    """Texts that change, at fixed places inside and outside of some axes.

    Matplotlib finds the place of every letter of a text anew, 0.6 ms for each text. Here each
    letter is kept as an outline, and all texts are one artist.

    Parameters
    ----------
    ax : matplotlib axes
    places : sequence of (float, float)
        Where each text begins, at half its height.
    transform : matplotlib transform
        What the places are given in.
    """

    def __init__(self, ax: Axes, places: Sequence[tuple[float, float]], transform: Transform):
        look: dict[str, Any] = {"offsets": places, "offset_transform": transform}
        self.artist = PathCollection([], facecolors=BLACK, **look)
        self.artist.set(linewidth=0, clip_on=False)
        half_digit = outline("0").get_extents().ymax / 2
        inches = Affine2D().translate(0, -half_digit).scale(1 / POINTS_PER_INCH)
        self.artist.set_transform(inches + ax.figure.dpi_scale_trans)
        ax.add_collection(self.artist, autolim=False)
        self.texts: list[str] = []

    def show(self, texts: Iterable[str]) -> None:
        """Show one text at each place."""
        self.texts = list(texts)
        self.artist.set_paths([outline(text) for text in self.texts])


class Numbers:
    """Numbers to the right of some axes, at fixed heights.

    Parameters
    ----------
    ax : matplotlib axes
    heights : sequence of float
        Where each number stands, in the data coordinates of the y axis.
    """

    def __init__(self, ax: Axes, heights: Sequence[float]):
        places = [(1.02, height) for height in heights]
        self._texts = Texts(ax, places, ax.get_yaxis_transform())
        self.artist = self._texts.artist

    @property
    def texts(self) -> list[str]:
        """What is shown."""
        return self._texts.texts

    def show(self, numbers: Iterable[float]) -> None:
        """Show one number for each height, with two digits."""
        self._texts.show(f"{number:.2g}" for number in numbers)


def outline(text: str) -> Path:
    """Return the outline of a text in points, its letters beside each other."""
    parts, x = [], 0.0
    for letter in text:
        path, width = _letter(letter)
        if path is not None:
            parts.append(Affine2D().translate(x, 0).transform_path(path))
        x += width
    return Path.make_compound_path(*parts)


@cache
def _letter(letter: str) -> tuple[Path | None, float]:
    """Return the outline of a letter, if it has one, and how far behind it the next one begins."""
    with own_style():
        font = FontProperties(size=SIZE)
        width, _, _ = text_to_path.get_text_width_height_descent(letter, font, ismath=False)
        return None if letter == " " else TextPath((0, 0), letter, prop=font), width
