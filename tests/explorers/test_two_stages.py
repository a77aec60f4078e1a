"""Two stages of one neuron: what each concludes from the first, and whether it is said."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from helpers.explorers import moving, ring, said

from snnlab import explorers
from snnlab.explorers.two_stages import STEPS, compute

HALF = Fraction(1, 2)
# Currents of all kinds: strong, weak, negative; in every order.
SOME = [
    *((1.5, 1.0, 0.25, 0.5), (1.0, 0.5, -1.0, -1.0), (0.25, 0.125, 0.0, 0.5)),
    *((-1.0, 1.5, 1.5, 1.0), (1.5, -1.0, -0.5, -1.0)),
]
ORDERS = [order for four in SOME for order in set(itertools.permutations(four))]
SPEAKS = {"z1": 1.0, "z2": 1.0, "z3": -0.5, "z4": -0.75, "first": 4}


@pytest.fixture(scope="module")
def explorer():
    return explorers.TwoStages()


@pytest.fixture(autouse=True)
def _from_the_beginning(explorer):
    explorer.reset()


def run(currents, start, steps):
    """Return how often a neuron with threshold 1 fires, with the charge before and after it."""
    v, fired, charges, left = start, [], [], []
    for t in range(steps):
        v += Fraction(currents[t % 4])
        charges.append(v)
        fired.append(v >= 1)
        v -= fired[-1]
        left.append(v)
    return fired, charges, left


def of(currents, first):
    return compute(*currents, first=first)


@pytest.mark.parametrize("first", [1, 2, 3, 4, 7, 8])
def test_the_first_stage_is_a_neuron_that_starts_half_full(first):
    for currents in ORDERS:
        data = of(currents, first)
        fired, _, left = run(currents, HALF, first)
        assert data["potential"].tolist() == [0.5, *map(float, left)]
        assert data["spikes"].tolist() == [t for t, spike in enumerate(fired, 1) if spike]


@pytest.mark.parametrize("first", [1, 3, 4, 8])
def test_srp_silences_where_hardly_anything_is_left_and_else_changes_nothing(first):
    verdicts = set()
    for currents in ORDERS:
        data = of(currents, first)
        left = run(currents, HALF, first)[2][-1]
        verdicts.add(data["silent"])
        assert data["silent"] == (left <= Fraction(1, 1000))
        usual = np.cumsum(run(currents, HALF, STEPS)[0])
        assert data["sent"]["as it is"].tolist() == [0, *usual]
        srp = np.zeros(STEPS) if data["silent"] else usual
        assert data["sent"]["SRP"].tolist() == [0, *srp]
    assert verdicts == {True, False}


@pytest.mark.parametrize("first", [1, 3, 4, 8])
def test_cos_moves_the_start_so_that_the_first_stage_would_have_one_spike_more_or_less(first):
    """But where it fired at every step, and so cannot fire more."""
    seen = set()
    for currents in ORDERS:
        data = of(currents, first)
        fired, _, left = run(currents, HALF, first)
        change = 1 if left[-1] >= 1 else -1 if left[-1] < 0 and any(fired) else 0
        assert np.sign(data["shift"]) == change
        assert abs(data["shift"]) >= abs(change)
        start = HALF + Fraction(data["shift"])
        if not (change > 0 and all(fired)):
            assert sum(run(currents, start, first)[0]) == sum(fired) + change
        if abs(data["shift"]) > 1:  # no further than it has to be
            less = start - change * Fraction(1, 400)
            assert sum(run(currents, less, first)[0]) == sum(fired)
        seen.add((change, abs(data["shift"]) > 1))
        again = np.cumsum(run(currents, start, STEPS)[0])
        assert data["sent"]["COS"].tolist() == [0, *again]
    # After one step a spike too many cannot be told: it leaves 0 or more.
    assert {change for change, _ in seen} == ({0, 1} if first == 1 else {-1, 0, 1})
    assert ((-1, True) in seen) == (first in (3, 4, 8))


def test_the_ann_takes_the_mean_of_the_currents():
    assert of((1.0, 1.0, -0.5, -0.75), 4)["ann"] == 8 * 0.75 / 4
    assert of((1.0, 0.5, -1.0, -1.0), 4)["ann"] == 0


def test_srp_silences_a_neuron_that_should_speak(explorer):
    words = explorer.move(**SPEAKS)
    assert "and -0.75 is left. SRP silences the neuron." in words
    assert words.endswith("SRP silences a neuron that should speak.")
    assert said(r"ANN says ([\d.]+) spikes; as it is the neuron sends (\d+), with SRP (\d+), with "
                r"COS (\d+)", words) == [1.5, 3, 0, 2]  # fmt: skip
    assert "should speak" not in explorer.move(z1=1.0, z2=0.5, z3=-1.0, z4=-1.0)
    assert "SRP lets it speak" in explorer.move(z1=1.0, z2=0.5, z3=0.25, z4=1.0)


def test_the_words_tell_what_cos_does(explorer):
    assert "COS takes a spike away: start -0.5." in explorer.words
    assert "COS adds a spike: start 1.5." in explorer.move(z1=1.5, z2=1.5, z3=1.5, z4=0.0)
    assert "COS changes nothing: start 0.5." in explorer.move(z1=0.0, z2=0.0, z3=0.0, z4=0.0)


def test_the_picture_shows_both_stages(explorer):
    explorer.move(**SPEAKS)
    data = explorer.compute(**explorer.values)
    potential = moving(explorer, "potential")
    assert potential.get_ydata().tolist() == data["potential"].tolist()
    assert potential.get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert moving(explorer, "spikes").get_xdata().tolist() == [1, 2]
    assert ring(explorer).get_data() == ([4], [-0.75])
    for name in ("as it is", "SRP", "COS"):
        assert moving(explorer, name).get_ydata().tolist() == data["sent"][name].tolist()
    assert moving(explorer, "ANN").get_ydata()[-1] == 1.5


def test_nothing_leaves_the_picture(explorer):
    for z, first in itertools.product((-1.0, 1.5), (1, 8)):
        explorer.move(z1=z, z2=z, z3=z, z4=z, first=first)
        for line in explorer.picture.moving:
            low, high = line.axes.get_ylim()
            values = line.get_ydata()
            assert not len(values) or low <= min(values) <= max(values) <= high, line.get_label()
