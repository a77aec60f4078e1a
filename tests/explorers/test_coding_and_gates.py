"""How a pixel is coded, and how trains are pooled: what both explorers compute, draw and say."""

import itertools
import re

import numpy as np
import pytest
from helpers.explorers import moving, shared

from snnlab import explorers
from snnlab.dynamics.neuron import if_step
from snnlab.explorers import input_coding, pooling_gates

PIXELS = [0.0, 1 / 64, 0.25, 0.5, 0.71875, 1.0]
T = np.arange(1, input_coding.STEPS + 1)


# --- a pixel as a current and as spikes ------------------------------------------------------


@pytest.mark.parametrize("pixel", PIXELS)
def test_the_constant_current_is_counted_by_the_engine(pixel):
    data = input_coding.compute(pixel, 10)
    v, count = 0.5, 0
    for t, rate in enumerate(data["steady"], 1):
        v, spike = if_step(v, pixel)
        count += spike
        assert rate == count / t
    assert (data["off"] == np.abs(data["steady"] - pixel)).all()
    assert (data["off"] <= 0.5 / T + 1e-15).all()


@pytest.mark.parametrize("pixel", PIXELS)
def test_random_spikes_are_as_far_off_as_theory_says(pixel):
    """O27. A mean square of 400 is itself off by its own standard error, from a fourth moment."""
    data = input_coding.compute(pixel, 10)
    np.testing.assert_array_equal(data["theory"], np.sqrt(pixel * (1 - pixel) / T))
    pq, square = pixel * (1 - pixel), data["theory"] ** 2
    fourth = T * pq * (1 + 3 * (T - 2) * pq) / T**4
    sigma = np.sqrt((fourth - square**2).clip(0) / input_coding.RUNS)
    assert (np.abs(data["spread"] ** 2 - square) <= 4 * sigma + 1e-15).all()


def test_of_half_a_pixel_100_random_spikes_are_off_by_a_twentieth():
    data = input_coding.compute(0.5, 100)
    assert data["theory"][99] == 0.05
    assert data["spread"][99] == pytest.approx(0.05, rel=0.1)


def test_a_brighter_pixel_has_all_the_spikes_of_a_darker_one():
    rates = [input_coding.compute(pixel, 10)["random"] for pixel in PIXELS]
    assert all((one <= other).all() for one, other in itertools.pairwise(rates))
    assert (rates[0] == 0).all()
    assert (rates[-1] == 1).all()
    assert len({tuple(train) for train in rates[3].T}) == input_coding.SHOWN


def test_rates_and_errors_are_drawn_where_they_are():
    explorer = shared(explorers.InputCoding)
    for pixel, steps in itertools.product(PIXELS, (1, 40, 128)):
        data = explorer.compute(pixel=pixel, steps=steps)
        explorer.draw(data)
        drawn = moving(explorer, "4 random trains").get_ydata().reshape(input_coding.SHOWN, -1)
        assert (drawn[:, :-1] == data["random"].T).all()
        assert np.isnan(drawn[:, -1]).all()
        assert (moving(explorer, "constant current").get_ydata() == data["steady"]).all()
        assert moving(explorer, "pixel").get_ydata() == [pixel, pixel]
        assert [line.get_xdata() for line in explorer.picture.moving[3:5]] == [[steps] * 2] * 2
        for line, name in zip(
            explorer.picture.moving[5:], ("spread", "theory", "off"), strict=True
        ):
            x, y = line.get_data()
            # A dash has a point a little before its step and one behind it, and then a gap.
            x, y = (x[::3] / 0.99, y[::3]) if name == "off" else (x, y)
            place = np.rint(x).astype(int) - 1
            assert {0, input_coding.STEPS - 1} <= set(place)
            seen = data[name][place] >= input_coding.ERRORS[0]
            assert (y[seen] == data[name][place][seen]).all()
            assert np.isnan(y[~seen]).all()


def test_the_words_tell_both_errors_and_how_long_random_spikes_take():
    explorer = shared(explorers.InputCoding)
    for pixel, steps in itertools.product(PIXELS, (1, 7, 100)):
        words = explorer.move(pixel=pixel, steps=steps)
        data = explorer.compute(pixel=pixel, steps=steps)
        found = re.search(
            r"rate ([\d.]+), off by ([\d.]+)\. .* off by ([\d.]+) .*theory ([\d.]+)\)", words
        )
        shown = [float(part) for part in found.groups()]
        names = ("steady", "off", "spread", "theory")
        np.testing.assert_allclose(shown, [data[n][steps - 1] for n in names], atol=5e-4)
        enough = np.ceil(4 * steps**2 * pixel * (1 - pixel))
        assert ("random spikes take" in words) == (enough > steps)
        if enough > steps:
            assert f"random spikes take {enough:,.0f} steps" in words


# --- three trains and their maximum ----------------------------------------------------------

SPIKES = [(16, 16, 8), (0, 0, 0), (31, 31, 31), (30, 0, 16), (8, 8, 8)]
CASES = list(itertools.product(SPIKES, ("random", "regular")))


def gated(inputs, decay):
    """Pass on the spikes of the input in the lead, step by step; the first one at a tie."""
    estimates, out = np.zeros(3), []
    for spikes in inputs:
        estimates = decay * estimates + spikes
        out.append(spikes[int(np.argmax(estimates))])
    return np.array(out)


@pytest.mark.parametrize(("spikes", "trains"), CASES)
def test_pooling_is_that_of_a_loop(spikes, trains):
    data = pooling_gates.compute(*spikes, trains)
    inputs, passed = data["inputs"], data["passed"]
    assert (passed["exact"].cumsum() == inputs.cumsum(0).max(1)).all()
    assert (data["largest"] == inputs.cumsum(0).max(1)).all()
    assert (passed["gate"] == gated(inputs, 1.0)).all()
    assert (passed["gate_recent"] == gated(inputs, 0.9)).all()
    assert passed["gate"].sum() >= passed["exact"].sum()


def test_a_gate_passes_too_much_only_where_an_input_listed_earlier_draws_level(rng):
    trains = [pooling_gates.compute(*s, how)["inputs"].astype(int) for s, how in CASES]
    surplus = 0
    for inputs in [*trains, *rng.integers(0, 2, size=(300, 12, 4))]:
        so_far, leaders = inputs.cumsum(0), []
        for t, counts in enumerate(so_far):
            first = int(np.argmax(counts))
            leaders.append(first)
            before = so_far[t - 1] if t else np.zeros_like(counts)
            if inputs[t, first] and counts.max() == before.max():  # nothing was due
                surplus += 1
                assert before[first] == before.max() - 1
                assert (before[first + 1 :] == before.max()).any()
        passed = inputs[np.arange(len(inputs)), leaders].sum()
        assert passed >= so_far[-1].max()
        assert loyal_gate(inputs) == so_far[-1].max()
    assert surplus > 100


def loyal_gate(inputs):
    """Return what a gate passes that stays with its leader until that one is overtaken."""
    leader, passed, so_far = 0, 0, np.zeros(inputs.shape[1])
    for spikes in inputs:
        so_far += spikes
        if so_far.max() > so_far[leader]:
            leader = int(so_far.argmax())
        passed += spikes[leader]
    return passed


def test_another_order_of_the_inputs_changes_what_the_gate_passes():
    inputs = pooling_gates.compute(16, 16, 8, "random")["inputs"]
    orders = itertools.permutations(range(3))
    assert len({gated(inputs[:, order], 1.0).sum() for order in orders}) > 1


def test_the_formula_tells_what_both_gates_pass_and_where_too_much():
    explorer = shared(explorers.PoolingGates)
    for (one, two, three), trains in CASES:
        setting = {"spikes1": one, "spikes2": two, "spikes3": three, "trains": trains}
        data = explorer.compute(**setting)
        said = " ".join(explorer.formula(data, **setting).split())
        passed = {name: train.sum() for name, train in data["passed"].items()}
        assert f"alike: {passed['gate']:g} spikes. Whenever an input listed earlier draws" in said
        assert f"count most: {passed['gate_recent']:g}." in said
        assert f"= {data['largest'][-1]:g}$$" in said


def test_the_ways_of_pooling_differ_as_the_learner_first_sees_them():
    passed = pooling_gates.compute(16, 16, 8, "random")["passed"]
    assert len({train.sum() for train in passed.values()}) == 3


@pytest.mark.parametrize(("spikes", "trains"), CASES)
def test_trains_have_their_spikes(spikes, trains):
    inputs = pooling_gates.compute(*spikes, trains)["inputs"]
    assert set(np.unique(inputs)) <= {0, 1}
    steps = pooling_gates.STEPS
    if trains == "regular":
        time = np.arange(1, steps + 1)[:, None]
        assert (inputs.cumsum(0) == np.floor(np.array(spikes) / steps * time + 0.5)).all()
    assert (inputs.sum(0) == spikes).all()


@pytest.mark.parametrize("trains", ["random", "regular"])
def test_each_move_of_a_slider_brings_one_spike(trains):
    before = pooling_gates.compute(8, 0, 24, trains)["inputs"]
    for spikes in range(1, 32):
        inputs = pooling_gates.compute(8, spikes, 24, trains)["inputs"]
        assert (inputs[:, [0, 2]] == before[:, [0, 2]]).all()
        assert inputs.sum() == before.sum() + 1
        assert trains == "regular" or (inputs >= before).all()
        before = inputs


def test_random_trains_are_neither_even_nor_alike():
    inputs = pooling_gates.compute(16, 16, 16, "random")["inputs"]
    assert len({tuple(train) for train in inputs.T}) == 3
    gaps = np.diff(np.flatnonzero(inputs[:, 0]))
    assert len(set(gaps)) > 2


def test_trains_and_sums_are_drawn_where_they_are():
    explorer = shared(explorers.PoolingGates)
    for (one, two, three), trains in CASES:
        setting = {"spikes1": one, "spikes2": two, "spikes3": three, "trains": trains}
        explorer.move(**setting)
        data = explorer.compute(**setting)
        rows = [*data["inputs"].T, *data["passed"].values()]
        for row, (y, train) in enumerate(
            zip(explorer.picture.moving[0].get_ydata().reshape(6, -1), rows, strict=True)
        ):
            assert ((y == row) == (train == 1)).all()
            assert (np.isnan(y) == (train == 0)).all()
        for line, train in zip(explorer.picture.moving[1:4], data["passed"].values(), strict=True):
            assert (line.get_ydata() == train.cumsum()).all()
        assert (moving(explorer, "largest input").get_ydata() == data["largest"]).all()


def test_the_words_tell_the_counts_in_and_out():
    explorer, seen = shared(explorers.PoolingGates), set()
    more = itertools.product(itertools.product((8, 16, 24), repeat=3), ("random", "regular"))
    for (one, two, three), trains in [*CASES, *more]:
        setting = {"spikes1": one, "spikes2": two, "spikes3": three, "trains": trains}
        data = explorer.compute(**setting)
        words = explorer.describe(data, **setting)
        counts, out = data["inputs"].sum(0), {n: t.sum() for n, t in data["passed"].items()}
        assert f"with {counts[0]:g}, {counts[1]:g} and {counts[2]:g} spikes" in words
        assert f"exact {out['exact']:g}, gate {out['gate']:g}" in words
        extra = out["gate"] - counts.max()
        seen.add(extra)
        assert (f"gate {out['gate']:g} ({extra:g} too many)" in words) == (extra > 0)
        assert f"gate, recent {out['gate_recent']:g}" in words
    assert {0, 1, 2} <= seen
