"""What a picture consists of, and how its colours are seen."""

import itertools

from matplotlib.colors import to_rgb, to_rgba
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle, StepPatch

# Machado, Oliveira and Fernandes 2009, for linear RGB: full protan- and deuteranopia.
SEEN_BY = {
    "everyone": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanope": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranope": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def linear(color):
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]


def contrast_with_white(color):
    """WCAG 2, contrast ratio."""
    red, green, blue = linear(color)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def assert_apart(colors):
    """Check that nobody confuses two of these colours, the colour-blind included."""
    for eye, matrix in SEEN_BY.items():
        for pair in itertools.combinations(colors, 2):
            one, other = [
                [sum(m * c for m, c in zip(row, linear(color), strict=True)) for row in matrix]
                for color in pair
            ]
            assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.05, (eye, pair)


def drawn(ax):
    """Return color and form of all that stands for something."""
    lines = [(line.get_color(), line) for line in ax.lines]
    filled = [
        (patch.get_facecolor() if patch.get_facecolor()[3] else patch.get_edgecolor(), patch)
        for patch in ax.patches
    ]
    marked = [(image.cmap(1.0), image) for image in ax.images]
    return [(to_rgba(color), form(artist)) for color, artist in lines + filled + marked]


def form(artist):
    if isinstance(artist, (StepPatch, AxesImage)):
        return "filled"
    if isinstance(artist, Rectangle):
        return "bar", artist.get_hatch(), artist.get_linestyle()
    if not artist.get_label().startswith("_"):
        return artist.get_linestyle(), artist.get_marker(), artist.get_drawstyle()
    return "unnamed", artist.get_linestyle(), artist.get_marker()
