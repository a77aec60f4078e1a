"""Names at the ends of curves that move: where they stand, and that they follow."""

import itertools

import numpy as np
import pytest
from helpers.explorers import FOUND, all_values, shared

from snnlab.explorers.toolkit.curve_names import CurveNames
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.numbers import SIZE, outline
from snnlab.explorers.toolkit.picture import Picture, blank
from snnlab.explorers.toolkit.styling import own_style


def figure_of(*curves, **limits):
    with own_style():
        figure = blank()
        ax = figure.subplots()
        lines = [ax.plot(*curve, label=f"name {n}")[0] for n, curve in enumerate(curves)]
        ax.set(**{"xlim": (0, 8), "ylim": (0, 8)} | limits)
        names = CurveNames(ax, lines)
        picture = Picture(figure, lines)
    return picture, ax, names


def boxes(names):
    """Return (left, right, low, high) of each name, in points."""
    sizes = [outline(str(line.get_label())).get_extents() for line in names.lines]
    return [
        (x, x + size.x1, y - SIZE / 2, y + SIZE / 2)
        for size, (x, y) in zip(sizes, names.places(), strict=True)
    ]


def test_names_stand_beside_the_ends_and_within_the_picture():
    picture, ax, names = figure_of(([0, 8], [1, 2]), ([0, 8], [0, 6]))
    for line, (left, right, low, high) in zip(names.lines, boxes(names), strict=True):
        x, y = ax.transData.transform(line.get_xydata()[-1])
        assert x < left < x + 10
        assert low < y < high
        assert right <= picture.figure.bbox.width


def test_names_follow_their_curves():
    picture, _, names = figure_of(([0, 8], [1, 2]), ([0, 8], [0, 6]))
    before, drawn = names.places(), picture.svg()
    names.lines[0].set_ydata([1, 4])
    assert (names.places() - before)[:, 1].round(6).tolist() == [
        pytest.approx(names.axes.bbox.height / 4, abs=1e-5),
        0,
    ]
    assert picture.svg() != drawn
    names.lines[0].set_ydata([np.nan, np.nan])
    assert np.isnan(names.places()[0]).all()
    picture.svg()


def test_a_curve_may_run_from_right_to_left_or_end_early_or_leave_the_picture():
    _, ax, names = figure_of(([8, 0], [1, 7]), ([0, 4, 8], [3, 3, np.nan]), ([0, 8], [5, 99]))
    (backwards, early, above) = names.places()
    assert backwards[1] == pytest.approx(ax.transData.transform((8, 1))[1])
    assert early[0] == pytest.approx(ax.transData.transform((4, 3))[0] + 5)
    assert above[1] <= ax.bbox.y1


def test_a_level_line_is_named_too():
    with own_style():
        ax = blank().subplots()
        names = CurveNames(ax, [ax.axhline(0.25, label="level")])
    ((x, y),) = names.places()
    assert x > ax.bbox.x1
    assert y == pytest.approx(ax.transData.transform((0, 0.25))[1])


def test_no_name_covers_another_one():
    _, _, names = figure_of(*([[0, 8], [0, height]] for height in (4, 4, 4.1, 3.9, 0, 0)))
    for one, other in itertools.combinations(boxes(names), 2):
        assert one[2] >= other[3] - 0.5 or other[2] >= one[3] - 0.5


@pytest.mark.parametrize(("letters", "at_end"), [(24, True), (25, False)])
def test_long_names_stand_in_the_legend(letters, at_end):
    with own_style():
        ax = blank().subplots()
        line = ax.plot([0, 1], label=letters * "n")
        finish(ax, "title", 20, 1, at_ends=line)
    assert [a.lines for a in ax.artists] == ([line] if at_end else [])
    assert (ax.get_legend() is None) == at_end


def test_names_are_in_the_still_picture_but_not_behind_the_moving_one():
    """Where they would stay while their curves move."""
    picture, *_ = figure_of(([0, 8], [1, 2]))
    other, *_ = figure_of(([0, 8], [1, 6]))
    assert picture.background == other.background
    assert picture.png() != other.png()
    assert picture.svg() != other.svg()


@pytest.mark.slow
@pytest.mark.parametrize("kind", FOUND.values(), ids=lambda kind: kind.__name__)
def test_names_of_every_explorer_find_room_at_all_ends_of_its_controls(kind):
    explorer = shared(kind)
    width = explorer.picture.figure.bbox.width
    explorer.reset()
    for name, control in explorer.declared.items():
        for value in (all_values(control)[0], all_values(control)[-1]):
            explorer.move(**{name: value})
            for names in explorer.picture.names:
                for (left, right, *_), line in zip(boxes(names), names.lines, strict=True):
                    assert np.isnan(left) or right <= width + 1, (line.get_label(), right)
                apart = sorted(b[2] for b in boxes(names) if b[0] >= names.axes.bbox.x1)
                assert (np.diff(apart) > SIZE - 0.5).all()
        explorer.reset()
