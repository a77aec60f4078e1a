"""Names at the ends of curves: each is where its curve ends, and none covers another one."""

import matplotlib as mpl

mpl.use("agg")

import itertools

import numpy as np
import pytest
from helpers.style import contrast_with_white
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.text import Text

import snnlab as sl
from snnlab import plots
from snnlab.plots._style import STYLE
from snnlab.plots.label_curves import spread_out


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(curves, **options):
    """Return axes with curves of these values, the names that were written, and their boxes."""
    ax = plt.subplots(figsize=(5, 3), layout="constrained")[1]
    for name, values in curves.items():
        ax.plot(np.arange(len(values)), values, label=name)
    ax.set(title="Title", xlabel="step", **options)
    names = plots.label_curves(ax)
    ax.figure.draw_without_rendering()
    return ax, {name.get_text(): Text.get_window_extent(name) for name in names}  # no leader


def end(ax, name):
    (line,) = [line for line in ax.lines if line.get_label() == name]
    return ax.transData.transform(line.get_xydata()[-1])


def assert_no_overlap(boxes):
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


def in_legend(ax):
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_a_name_stands_where_its_curve_ends_in_its_color():
    ax, boxes = drawn({"up": [0, 1, 4], "down": [4, 2, 0]})
    for line, name in zip(ax.lines, ax.texts, strict=True):
        assert name.get_color() == line.get_color()
        box, (x, y) = boxes[name.get_text()], end(ax, line.get_label())
        assert x < box.x0 < x + 50
        assert box.y0 < y < box.y1
        assert box.x0 >= ax.get_window_extent().x1 - 1
        assert box.x1 <= ax.figure.bbox.x1
    assert ax.get_legend() is None


def test_names_of_curves_that_end_together_give_way_and_keep_their_order():
    ax, boxes = drawn({"a": [0, 5.0], "b": [0, 5.25], "c": [10, 4.75], "d": [5, 0.0]})
    assert_no_overlap(boxes.values())
    assert sorted("abc", key=lambda name: boxes[name].y0) == ["c", "a", "b"]
    assert in_legend(ax) == []
    assert [name.arrow_patch is not None for name in ax.texts] == [False, True, True, False]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-64, 64), min_size=1, max_size=14))
def test_whatever_the_ends_no_name_covers_another_and_each_curve_is_named(ends):
    ax, boxes = drawn({f"curve {n}": [0, value / 64] for n, value in enumerate(ends)})
    assert_no_overlap(boxes.values())
    assert sorted([*boxes, *in_legend(ax)]) == sorted(f"curve {n}" for n in range(len(ends)))
    assert all(box.x1 <= ax.figure.bbox.x1 for box in boxes.values())
    plt.close(ax.figure)


def test_many_curves_that_end_at_one_place_have_a_legend():
    curves = {f"curve {n}": [n, 40.0] for n in range(12)}
    ax, boxes = drawn(curves)
    assert boxes == {}
    assert in_legend(ax) == list(curves)


def test_a_curve_that_ends_early_is_named_there_unless_something_is_in_the_way():
    ax, boxes = drawn({"short": [3, 3], "long": [0, 1, 2, 1, 0]})
    assert boxes["short"].x0 < ax.get_window_extent().x1 - boxes["short"].width
    assert in_legend(ax) == []
    ax, boxes = drawn({"short": [3, 3], "long": [5, 5, 0, 4, 5]}, ylim=(2, 4))
    assert set(boxes) | set(in_legend(ax)) == {"short", "long"}
    ax, boxes = drawn({"short": [1, 1.0], "long": [1, 1, 1, 1, 1.0]})
    assert in_legend(ax) == ["short"]


def test_names_are_written_anew_when_more_curves_come():
    ax, _ = drawn({f"curve {n}": [n, 40.0] for n in range(12)})
    note = ax.text(0, 0, "a note of one's own")
    for line in ax.lines[1:]:
        line.remove()
    ax.plot([0, 1], [0, 30], label="new")
    assert [name.get_text() for name in plots.label_curves(ax)] == ["curve 0", "new"]
    assert [text.get_text() for text in ax.texts] == ["a note of one's own", "curve 0", "new"]
    assert note in ax.texts
    assert ax.get_legend() is None


def test_level_and_upright_lines_are_named_and_unnamed_ones_are_not():
    ax = plt.subplots(layout="constrained")[1]
    ax.plot([0, 10], [0, 1], label="_guide")
    ax.axhline(0.25, label="level")
    ax.axvline(4, label="upright")
    names = {name.get_text(): name for name in plots.label_curves(ax)}
    assert list(names) == ["level", "upright"]
    frame, box = ax.get_window_extent(), names["upright"].get_window_extent()
    assert names["level"].get_window_extent().x0 >= frame.x1
    assert frame.y1 - 2 * box.height < box.y0
    assert box.y1 <= frame.y1 + 1


def test_names_follow_logarithmic_axes():
    ax = plt.subplots(layout="constrained")[1]
    ax.plot([1, 2, 64], [1, 0.1, 0.001], label="falls")
    ax.plot([1, 2, 64], [1, 1, 1], label="stays")
    ax.set(xscale="log", yscale="log")
    falls, stays = (name.get_window_extent() for name in plots.label_curves(ax))
    assert falls.y1 < end(ax, "falls")[1] + 20
    assert stays.y0 > falls.y1


def test_what_cannot_be_seen_is_not_named():
    ax, boxes = drawn({"seen": [1, 1.0], "above": [9, 9.0]}, ylim=(0, 2))
    assert list(boxes) == ["seen"]
    assert in_legend(ax) == []


@given(st.lists(st.integers(-640, 640), min_size=1, max_size=8), st.integers(1, 64))
def test_places_are_as_near_as_they_can_be(wanted, size):
    """No block of neighbours can be moved, either way, to come nearer."""
    wanted, size = np.array(wanted) / 64, size / 64
    low, high = -8, 8
    order = np.argsort(wanted, kind="stable")
    placed = spread_out(wanted, size, low, high)[order]

    def allowed(places):
        apart = (np.diff(places) >= size - 1e-9).all()
        return apart and places[0] >= low - 1e-9 and places[-1] <= high + 1e-9

    assert allowed(placed)
    cost = ((placed - wanted[order]) ** 2).sum()
    for shift in (-0.01, 0.01):
        for start, stop in itertools.combinations(range(len(wanted) + 1), 2):
            other = placed.copy()
            other[start:stop] += shift
            assert not allowed(other) or ((other - wanted[order]) ** 2).sum() >= cost - 1e-9


# The style sheet


def test_importing_and_drawing_leave_the_settings_of_the_user_alone():
    with plt.style.context("dark_background"):
        before = dict(mpl.rcParams)
        ax = plots.error_map([1.0, 2.0], [0.5, 1.0], [[1.0, 2.0], [2.0, 1.0]])
        assert dict(mpl.rcParams) == before
        assert ax.figure.get_facecolor() == (1, 1, 1, 1)
        assert contrast_with_white(ax.title.get_color()) > 4.5


def test_a_notebook_takes_the_style_with_one_line():
    with mpl.rc_context():
        plots.use_style()
        ax = plt.subplots()[1]
        assert not ax.spines["top"].get_visible()
        assert ax.plot([1])[0].get_color() == plots.BLUE
        assert mpl.rcParams["axes.titlesize"] == STYLE["axes.titlesize"]


def test_words_of_the_style_can_be_read():
    colors = [value for name, value in STYLE.items() if name.endswith("color")]
    dark = [color for color in colors if color not in ("white", "#B0B0B0")]
    assert len(dark) > 5
    for color in [*dark, plots.GREY, *(look["color"] for look in STYLE["axes.prop_cycle"])]:
        assert contrast_with_white(color) >= 4.5


def test_a_part_has_one_look():
    assert plots.part_look("total")["color"] == plots.BLACK
    with pytest.raises(sl.OptionError, match=r"part = 'cliping'.*clipping"):
        plots.part_look("cliping")
