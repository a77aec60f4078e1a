"""The bucket: a neuron run by hand, in between its steps too, and what is drawn of it."""

import itertools
import math

import numpy as np
import pytest
from helpers.explorers import all_values, assert_inside, moving, ring, said, shared

from snnlab import explorers
from snnlab.explorers import bucket_filling
from snnlab.explorers.bucket_filling import INSIDE, LOW, POUR, STEPS, TOP


@pytest.fixture(scope="module")
def bucket():
    return shared(explorers.BucketFilling)


def by_hand(current, later, v_init, reset, time):
    """Return level, flow, whether it pours, charge and spikes, moment by moment."""
    v, charge, spikes = v_init, v_init, []
    for step in range(1, STEPS + 1):
        z = current if step <= 6 else later
        if time <= step - 1:
            break
        share = min(2 * (time - step + 1), 1)  # of the current of this step
        if time <= step - 0.5:
            return v + z * share, z, False, charge + z * share, spikes
        v, charge = v + z, charge + z
        if v >= 1:
            spikes.append(step)
            after = v - 1 if reset == "subtract" else 0.0
            if time < step:
                return v + (after - v) * 2 * (time - step + 0.5), 0.0, True, charge, spikes
            v = after
    return v, 0.0, False, charge, spikes


SETTINGS = list(
    itertools.product(
        (-0.5, 0.0, 0.375, 1.0), (-0.25, 0.5625), (0.0, 0.875), ("subtract", "zero"),
        (0.0, 0.0625, 0.5, 0.5625, 2.75, 5.0, 6.25, 8.875, 12.0),
    )
)  # fmt: skip


def test_every_moment_is_that_of_a_neuron_run_by_hand():
    poured = 0
    for setting in SETTINGS:
        data = bucket_filling.compute(*setting)
        level, flow, pours, charge, spikes = by_hand(*setting)
        assert (data["level"], data["flow"], data["received"]) == (level, flow, charge)
        assert (data["pours"], data["spikes"].tolist()) == (pours, spikes)
        currents = [setting[0]] * 6 + [setting[1]] * 6
        begun = currents[: math.ceil(setting[-1])]
        assert data["ann"] == max(0.0, sum(begun) / max(len(begun), 1))
        poured += pours
    assert poured > 20


def test_by_subtraction_nothing_is_lost():
    for current, later, v_init, time in itertools.product(
        (-0.5, 0.375, 1.0), (-0.25, 0.5625), (0.0, 0.875), range(STEPS + 1)
    ):
        data = bucket_filling.compute(current, later, v_init, "subtract", float(time))
        assert data["received"] == len(data["spikes"]) + data["level"]


def heights(collection):
    (path,) = collection.get_paths()
    return path.vertices[:, 1].min(), path.vertices[:, 1].max()


def test_water_debt_and_streams_are_drawn_where_they_are(bucket):
    flow, water, debt, pour, surface = bucket.picture.moving[:5]
    seen = set()
    for setting in SETTINGS:
        data = bucket_filling.compute(*setting)
        bucket.draw(data)
        level = data["level"]
        assert len(water.get_paths()) == (level > 0)
        assert len(debt.get_paths()) == (level < 0)
        if level > 0:
            assert heights(water) == (0, min(level, TOP))
        if level < 0:
            assert heights(debt) == (max(level, LOW), 0)
        assert surface.get_data() == (INSIDE, [min(max(level, LOW), TOP)] * 2)
        assert_inside(surface)
        z = data["flow"]
        if z > 0:
            assert heights(flow)[0] == max(level, 0)
        elif z < 0 and level > 0:
            assert heights(flow) == (LOW, 0)
        else:
            assert not flow.get_paths()
        if flow.get_paths():
            assert np.ptp(flow.get_paths()[0].vertices[:, 0]) == pytest.approx(0.4 * abs(z))
        assert list(pour.get_paths()) == (POUR if data["pours"] else [])
        seen.add((np.sign(level), np.sign(z), data["pours"]))
    assert len(seen) > 6


def test_the_stairs_are_climbed_up_to_now(bucket):
    for setting in SETTINGS[::5]:
        data = bucket_filling.compute(*setting)
        bucket.draw(data)
        now, spikes = setting[-1], by_hand(*setting)[-1]
        charge, later = moving(bucket, "charge received"), moving(bucket, "to come")
        for line, times in ((charge, (0, now)), (later, (now, STEPS))):
            x, y = line.get_data()
            assert (min(x), max(x)) == times
            assert list(x) == sorted(x)
            assert list(y) == [by_hand(*setting[:-1], float(time))[3] for time in x]
        x, y = moving(bucket, "spikes so far").get_data()
        assert list(x) == [0, *(step - 0.5 for step in spikes), now]
        assert list(y) == [*range(len(spikes) + 1), len(spikes)]
        assert ring(bucket).get_data() == ([now], [len(spikes)])
        for line in (charge, later, moving(bucket, "spikes so far"), ring(bucket)):
            assert_inside(line)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            (0.375, 0.375, 0.0, "subtract", 2.75),
            "Current 0.375 in steps 1 to 6, 0.375 later, starting at 0 θ, reset by subtraction. At "
            "2.75 of 12 steps the bucket pours a spike and holds 0.625 θ. So far it has poured 1 "
            "time, at step 3: 0.333 per step, where the ReLU of the mean current says 0.375.",
        ),
        (
            (-0.5, 0.75, 0.5, "zero", 6.25),
            "Current -0.5 in steps 1 to 6, 0.75 later, starting at 0.5 θ, reset to zero. At 6.25 "
            "of 12 steps the bucket fills and owes 2.125 θ (below the picture), a debt that comes "
            "before any filling. So far it has never poured: 0 per step, where the ReLU of the "
            "mean current says 0.",
        ),
        (
            (1.0, -0.5, 0.0, "subtract", 6.5),
            "Current 1 in steps 1 to 6, -0.5 later, starting at 0 θ, reset by subtraction. At 6.5 "
            "of 12 steps the bucket drains and owes 0.5 θ, a debt that comes before any filling. "
            "So far it has poured 6 times, at steps 1, 2, 3, 4 and so on: 0.857 per step, where "
            "the ReLU of the mean current says 0.786.",
        ),
        (
            (0.25, 0.0, 0.0, "subtract", 0.0),
            "Current 0.25 in steps 1 to 6, 0 later, starting at 0 θ, reset by subtraction. At 0 of "
            "12 steps the bucket holds 0 θ. Nothing has happened yet.",
        ),
    ],
)
def test_the_words_are_those_worked_out_by_hand(bucket, setting, words):
    assert bucket.move(**dict(zip(bucket.controls, setting, strict=True))) == words


def test_the_formula_has_the_balance_of_this_moment(bucket):
    for setting in SETTINGS[::7]:
        values = dict(zip(bucket.controls, setting, strict=True))
        formula = bucket.formula(bucket.compute(**values), **values)
        level, _, _, charge, spikes = by_hand(*setting)
        start, received, count, held = said(
            r"v_0 = (\S+)\$, received \$(\S+)\$, spikes \$N = (\d+)\$, in the bucket \$(\S+)\$",
            formula,
        )
        assert (start, count) == (setting[2], len(spikes))
        assert (received, held) == pytest.approx((charge - setting[2], level), rel=1e-3)
        assert ("nothing is lost" in formula) == (setting[3] == "subtract")


def test_no_charge_leaves_its_axes(bucket):
    low, high = moving(bucket, "charge received").axes.get_ylim()
    currents = bucket.declared["current"]
    assert low < STEPS * currents.low
    assert STEPS * currents.high + max(all_values(bucket.declared["v_init"])) < high
