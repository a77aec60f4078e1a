"""The water mark: the highest charge, and that it decides how often a neuron fires."""

import itertools
import math

import numpy as np
import pytest
from helpers.explorers import all_values, assert_inside, moving, said, shared

from snnlab import explorers
from snnlab.explorers import water_mark
from snnlab.explorers.water_mark import EVEN, LIMITS, ORDERS, STEPS


@pytest.fixture(scope="module")
def mark():
    return shared(explorers.WaterMark)


SETTINGS = list(
    itertools.product(
        (-0.125, 0.0, 0.0625, 0.125), (0.0625, 0.5), ORDERS, (0.0, 0.125, 7.5, 16.0, 31.875, 32.0)
    )
)


def currents(mean, spread, order):
    even = [mean + spread * (2 * n - 31) / 32 for n in range(32)]
    if order == "mixed":
        return [even[n] for n in np.random.default_rng(2).permutation(32)]
    return even if order == "small first" else even[::-1]


def test_every_moment_is_that_of_a_neuron_run_by_hand():
    silent = 0
    for mean, spread, order, time in SETTINGS:
        data = water_mark.compute(mean, spread, order, time)
        v = level = highest = 0.0
        spikes = []
        for step, z in enumerate(currents(mean, spread, order), 1):
            share = min(max(time - step + 1, 0.0), 1.0)
            level += share * z
            highest = max(highest, level)
            v += z
            if v >= 1:
                v -= 1
                spikes += [step] * (share == 1)
        assert (data["level"], data["highest"]) == (level, highest)
        assert data["spikes"].tolist() == spikes
        assert data["ann"] == max(0.0, 32 * mean)
        silent += not spikes
    assert 0 < silent < len(SETTINGS)


def test_the_mark_tells_the_spikes_at_every_whole_step():
    for mean, spread, order in itertools.product((-0.125, 0.0, 0.125), (0.25, 0.5), ORDERS):
        assert max(currents(mean, spread, order)) <= 1  # or one spike a step would not do
        for step in range(STEPS + 1):
            data = water_mark.compute(mean, spread, order, float(step))
            assert len(data["spikes"]) == math.floor(data["highest"])


def test_the_orders_hold_the_same_currents_and_give_other_counts():
    assert all(sorted(places) == list(range(STEPS)) for places in ORDERS.values())
    assert EVEN.sum() == 0
    counts = water_mark.compute(0.0, 0.5, "mixed", 0.0)["counts"]
    assert counts == {"mixed": 2, "large first": 4, "small first": 0}
    assert water_mark.compute(0.0, 0.5, "small first", 32.0)["counts"] == counts


def test_wall_and_curves_show_what_was_computed(mark):
    wet, water = mark.picture.moving[:2]
    for setting in SETTINGS:
        data = water_mark.compute(*setting)
        mark.draw(data)
        level, highest, now = data["level"], data["highest"], setting[-1]
        (path,) = water.get_paths()
        assert [*path.get_extents().intervaly] == [LIMITS[0], level]
        assert [[*path.get_extents().intervaly] for path in wet.get_paths()] == (
            [[level, highest]] if level < highest else []
        )
        assert moving(mark, "water mark").get_ydata() == [highest] * 2
        x, y = moving(mark, "charge received").get_data()
        assert (x[-1], y[-1]) == (now, level)
        assert list(y[:-1]) == data["charge"][: len(x) - 1].tolist()
        assert list(x[:-1]) == list(range(math.floor(now) + 1))
        peaks = moving(mark, "its highest so far").get_ydata()
        assert peaks.tolist() == list(itertools.accumulate(y, max))
        assert peaks[-1] == highest
        x, y = moving(mark, "to come").get_data()
        assert (x[0], y[0]) == (now, level)
        assert list(y[1:]) == data["charge"][math.floor(now) + 1 :].tolist()
        count = len(data["spikes"])
        told, spikes = (line for line in mark.picture.moving if line.get_label() == "spike")
        assert told.get_ydata().tolist() == list(range(1, count + 1))
        assert spikes.get_xdata().tolist() == data["spikes"].tolist()
        for line in mark.picture.moving[2:]:
            if len(line.get_xdata()):
                assert_inside(line)


def test_no_water_leaves_the_wall(mark):
    for mean, order in itertools.product(all_values(mark.declared["mean"]), ORDERS):
        charge = water_mark.compute(mean, 0.5, order, 32.0)["charge"]
        assert LIMITS[0] < charge.min() <= charge.max() < LIMITS[1] - 0.5


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            (0.0, 0.5, "large first", 16.5),
            "32 currents around 0, up to 0.5 away, large first, after 16.5 of 32 steps: the water "
            "stands at 3.992 θ and its mark at 4 θ, so the neuron has fired 4 times, at steps 3, "
            "5, 8 and 16. After all steps the ANN says 0 spikes, and the neuron, by order: mixed "
            "2, large first 4, small first 0.",
        ),
        (
            (0.0625, 0.125, "small first", 8.0),
            "32 currents around 0.0625, up to 0.125 away, small first, after 8 of 32 steps: the "
            "water stands at -0.25 θ and its mark at 0 θ, so the neuron has not fired. After all "
            "steps the ANN says 2 spikes, and the neuron, by order: mixed 2, large first 2, small "
            "first 2.",
        ),
    ],
)
def test_the_words_are_those_worked_out_by_hand(mark, setting, words):
    assert mark.move(**dict(zip(mark.controls, setting, strict=True))) == words


def test_the_law_is_filled_in(mark):
    for setting in SETTINGS[::5]:
        values = dict(zip(mark.controls, setting, strict=True))
        data = mark.compute(**values)
        highest, count, total = said(
            r"\\lfloor(\S+)\\rfloor = (\d+)\$\$.*\)\$?.* = (\S+)\$\$$", mark.formula(data, **values)
        )
        assert highest == pytest.approx(data["highest"], rel=1e-3)
        assert (count, total) == (len(data["spikes"]), data["ann"])
