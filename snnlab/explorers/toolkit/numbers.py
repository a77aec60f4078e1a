"""Numbers that change, drawn fast enough for a slider."""

from collections.abc import Iterable, Sequence
from functools import cache

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path
from matplotlib.transforms import Affine2D

from snnlab.explorers.toolkit.picture import own_style
from snnlab.plots._style import BLACK

SIZE, POINTS_PER_INCH = 8, 72


class Numbers:
    """Numbers to the right of some axes, at fixed heights.

    Matplotlib finds the place of every letter of a text anew, 0.6 ms for each text. Here each
    letter is kept as an outline, and all numbers are one artist.

    Parameters
    ----------
    ax : matplotlib axes
    heights : sequence of float
        Where each number stands, in the data coordinates of the y axis.
    """

    def __init__(self, ax: Axes, heights: Sequence[float]):
        beside, places = ax.get_yaxis_transform(), [(1.02, height) for height in heights]
        self.artist = PathCollection([], facecolors=BLACK, offsets=places, offset_transform=beside)
        self.artist.set(linewidth=0, clip_on=False)  # they stand outside of the axes
        half_digit = _letter("0")[0].get_extents().ymax / 2
        inches = Affine2D().translate(0, -half_digit).scale(1 / POINTS_PER_INCH)
        self.artist.set_transform(inches + ax.figure.dpi_scale_trans)
        ax.add_collection(self.artist, autolim=False)
        self.texts: list[str] = []

    def show(self, numbers: Iterable[float]) -> None:
        """Show one number for each height, with two digits."""
        self.texts = [f"{number:.2g}" for number in numbers]
        self.artist.set_paths([outline(text) for text in self.texts])


def outline(text: str) -> Path:
    """Return the outline of a text in points, its letters beside each other."""
    parts, x = [], 0.0
    for letter in text:
        path, width = _letter(letter)
        parts.append(Affine2D().translate(x, 0).transform_path(path))
        x += width
    return Path.make_compound_path(*parts)


@cache
def _letter(letter: str) -> tuple[Path, float]:
    """Return the outline of a letter, and how far behind it the next one begins."""
    with own_style():
        font = FontProperties(size=SIZE)
        width, _, _ = text_to_path.get_text_width_height_descent(letter, font, ismath=False)
        return TextPath((0, 0), letter, prop=font), width
