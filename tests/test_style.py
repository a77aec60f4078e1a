"""Colours of the explorers: readable on white, and never the only difference."""

import itertools

import pytest
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.image import AxesImage
from matplotlib.patches import StepPatch
from test_explorers import FOUND, made

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


@pytest.fixture(scope="module", params=FOUND.values(), ids=lambda kind: kind.__name__)
def axes(request):
    return made(request.param)._picture.figure.axes


def linear(color):
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]


def contrast_with_white(color):
    """WCAG 2, contrast ratio."""
    red, green, blue = linear(color)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def drawn(ax):
    """Return color and form of all that stands for something."""
    lines = [(line.get_color(), line) for line in ax.lines]
    filled = [(patch.get_facecolor(), patch) for patch in ax.patches]
    marked = [(image.cmap(1.0), image) for image in ax.images]
    return [(to_rgba(color), form(artist)) for color, artist in lines + filled + marked]


def form(artist):
    if isinstance(artist, (StepPatch, AxesImage)):
        return "filled"
    if not artist.get_label().startswith("_"):
        return artist.get_linestyle(), artist.get_marker(), artist.get_drawstyle()
    return "unnamed", artist.get_linestyle(), artist.get_marker()


def test_contrast_is_at_least_four_and_a_half(axes):
    assert contrast_with_white("white") == 1
    assert contrast_with_white("#777777") == pytest.approx(4.48, abs=0.01)
    for ax in axes:
        texts = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels()]
        colors = [color for color, _ in drawn(ax)] + [text.get_color() for text in texts]
        assert len(colors) > 5
        for color in colors:
            assert to_rgba(color)[3] == 1
            assert contrast_with_white(color) >= 4.5


def test_no_two_things_differ_by_colour_alone(axes):
    for ax in axes:
        forms = [form for _, form in drawn(ax)]
        assert forms
        assert len(set(forms)) == len(forms)


@pytest.mark.parametrize("eye", SEEN_BY)
def test_colours_stay_apart_for_the_colour_blind(axes, eye):
    for ax in axes:
        colors = {color for color, _ in drawn(ax)}
        for one, other in itertools.combinations(colors, 2):
            seen = [
                [
                    sum(m * c for m, c in zip(row, linear(color), strict=True))
                    for row in SEEN_BY[eye]
                ]
                for color in (one, other)
            ]
            assert max(abs(a - b) for a, b in zip(*seen, strict=True)) > 0.05
