"""Colours of the explorers: readable on white, and never the only difference."""

import pytest
from helpers.explorers import FOUND, shared
from helpers.style import assert_apart, contrast_with_white, drawn
from matplotlib.colors import to_rgba


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
