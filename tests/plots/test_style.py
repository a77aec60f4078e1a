"""Colours of the explorers: readable on white, and never the only difference."""

from pathlib import Path

import numpy as np
import pytest
from helpers.explorers import FOUND, shared
from helpers.style import assert_apart, contrast_with_white, drawn
from matplotlib.colors import to_rgb, to_rgba

from snnlab import plots
from snnlab.analysis.parts import PARTS, TOTAL
from snnlab.explorers.toolkit import panel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=FOUND.values(), ids=lambda kind: kind.__name__)
def axes(request):
    return shared(request.param).picture.figure.axes


@pytest.mark.slow
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


def test_colours_stay_apart_for_the_colour_blind(axes):
    for ax in axes:
        assert_apart({color for color, _ in drawn(ax)})


# Dark themes


def filtered(color):
    """Return what a browser makes of a colour in a dark theme.

    Filter Effects Module of CSS, the matrix of hue-rotate at 180 degrees, on sRGB values.
    """
    inverted = np.array([0.93 - 0.86 * value for value in to_rgb(color)])
    turned = [[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]]
    return tuple(np.clip(turned @ inverted, 0, 1))


def test_every_colour_of_the_course_can_be_read_in_a_dark_theme_too():
    paper = contrast_with_white(filtered("white"))
    assert paper > 15  # nearly black
    parts = [part.color for part in (*PARTS, TOTAL)]
    for color in [plots.BLUE, plots.ORANGE, plots.GREEN, plots.BLACK, plots.GREY, *parts]:
        assert paper / contrast_with_white(filtered(color)) >= 4.5, color


def test_hues_stay_in_a_dark_theme():
    """Blue stays blue, orange orange and green green, so that words about colours stay true."""
    for color, strongest, weakest in (
        (plots.BLUE, 2, 0),
        (plots.ORANGE, 0, 2),
        (plots.GREEN, 1, 0),
    ):
        for seen in (to_rgb(color), filtered(color)):
            assert (int(np.argmax(seen)), int(np.argmin(seen))) == (strongest, weakest)


def test_explorers_and_the_site_have_this_filter():
    site = (ROOT / "docs" / "_static" / "site.css").read_text(encoding="utf-8")
    assert panel.DARK == "invert(0.93) hue-rotate(180deg)"
    assert f"filter: {panel.DARK};" in site
