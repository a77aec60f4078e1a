"""The explorers of counting neurons, against neurons run by hand and numbers worked out by hand."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from helpers.explorers import all_values, assert_inside, moving, near, ring, rms, said, shared

import snnlab as sl
from snnlab import explorers
from snnlab.explorers import counting, four_currents, layer_quantization

EIGHTHS = [n / 8 for n in range(8)]


def show(explorer, *setting, **values):
    """Bring a picture to a setting without painting it; return data, words and formula."""
    values = values or dict(zip(explorer.controls, setting, strict=True))
    data = explorer.compute(**values)
    explorer.draw(data)
    return data, explorer.describe(data, **values), explorer.formula(data, **values)


def run(currents, v_init=0.0, reset="subtract", threshold=1.0):
    """Run one neuron; return the steps at which it fires, and its potentials before and after."""
    v, steps, potentials = v_init * threshold, [], [v_init * threshold]
    for step, z in enumerate(currents, 1):
        v += z
        potentials.append(v)
        if v >= threshold:
            steps.append(step)
            v = v - threshold if reset == "subtract" else 0.0
        potentials.append(v)
    return steps, potentials


# --- one neuron counts -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def one():
    return shared(explorers.Counting)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("v_init", EIGHTHS)
def test_every_current_is_counted_as_a_neuron_run_by_hand_counts_it(one, v_init, reset):
    for current in all_values(one.declared["current"]):
        steps, potentials = run([current] * 32, v_init, reset)
        for timesteps in (1, 2, 3, 4, 7, 16, 31, 32):
            data = counting.compute(current, timesteps, v_init, reset)
            counted = [step for step in steps if step <= timesteps]
            assert data["spikes"].tolist() == counted
            assert data["rate"] == len(counted) / timesteps
            assert data["potential"].tolist() == potentials
            assert data["left"] == potentials[2 * timesteps]
            assert data["ann"] == data["current"] == current
            assert data["rates"][round(256 * current)] == data["rate"]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_the_climb_counts_step_by_step(one, reset):
    for current, timesteps, v_init in itertools.product((0.0, 0.3125, 1.25), (1, 4, 32), (0, 0.5)):
        show(one, current, timesteps, v_init, reset)
        steps = range(1, timesteps + 1)
        counts = [len(run([current] * step, v_init, reset)[0]) for step in steps]
        x, y = moving(one, "its steps").get_data()
        assert (timesteps * y).tolist() == pytest.approx(counts, abs=1e-12)
        assert x.tolist() == pytest.approx([current * step / timesteps for step in steps])


def test_under_soft_reset_the_climb_is_on_the_stairs():
    data = counting.compute(0.75, 16, 0.25, "subtract")
    stairs = dict(zip(counting.CURRENTS.tolist(), data["rates"].tolist(), strict=True))
    assert data["climb"].tolist() == [stairs[0.75 * step / 16] for step in range(1, 17)]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("timesteps", range(1, 33))
def test_the_stairs_are_counted_step_by_step(timesteps, reset):
    for v_init in (0.0, 0.5, 0.875):
        expected = [len(run([n / 256] * timesteps, v_init, reset)[0]) for n in range(321)]
        data = counting.compute(0.25, timesteps, v_init, reset)
        assert (data["rates"] * timesteps).tolist() == pytest.approx(expected, abs=1e-12)


def test_what_comes_in_is_passed_on_or_left():
    for current, timesteps, v_init in itertools.product((0.0, 0.3125, 1.25), (1, 5, 32), EIGHTHS):
        data = counting.compute(current, timesteps, v_init, "subtract")
        brought = v_init + current * timesteps
        assert len(data["spikes"]) + data["left"] == brought
        assert len(data["spikes"]) == min(math.floor(brought), timesteps)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            (0.296875, 4, 0.0, "subtract"),
            "Current 0.297, 4 steps, starting empty, reset by subtraction: 1 spike, at step 4. "
            "Rate 0.25, which is 0.047 below the ANN (0.297). Left in the neuron: 0.188.",
        ),
        (
            (0.5, 1, 0.5, "zero"),
            "Current 0.5, 1 step, starting at 0.5 θ, reset to zero: 1 spike, at step 1. Rate 1, "
            "which is 0.5 above the ANN (0.5). Left in the neuron: 0.",
        ),
        (
            (0.25, 3, 0.0, "subtract"),
            "Current 0.25, 3 steps, starting empty, reset by subtraction: no spikes. Rate 0, which "
            "is 0.25 below the ANN (0.25). Left in the neuron: 0.75.",
        ),
        (
            (0.5, 8, 0.0, "subtract"),
            "Current 0.5, 8 steps, starting empty, reset by subtraction: 4 spikes, at steps 2, 4, "
            "6 and 8. Rate 0.5, as the ANN says. Left in the neuron: 0.",
        ),
        (
            (1.25, 32, 0.0, "subtract"),
            "Current 1.25, 32 steps, starting empty, reset by subtraction: 32 spikes, at steps 1, "
            "2, 3, 4 and so on. Rate 1, which is 0.25 below the ANN (1.25). Left in the neuron: 8, "
            "above the picture.",
        ),
    ],
)
def test_the_words_are_those_worked_out_by_hand(one, setting, words):
    assert show(one, *setting)[1] == words


def test_the_words_tell_the_spikes_of_every_setting(one):
    for setting in itertools.product(
        (0.0, 0.203125, 0.5, 0.984375, 1.25), (1, 2, 3, 5, 32), (0.0, 0.875), ("subtract", "zero")
    ):
        current, timesteps, v_init, reset = setting
        words = show(one, *setting)[1]
        steps, potentials = run([current] * timesteps, v_init, reset)
        assert f"{timesteps} step{'s' * (timesteps > 1)}," in words
        if not steps:
            assert ": no spikes. Rate 0" in words
        else:
            (count, named) = re.search(r": (\d+) spikes?, at steps? ([\d, and]*\d)", words).groups()
            assert int(count) == len(steps)
            assert [int(step) for step in re.findall(r"\d+", named)] == steps[:4]
            assert ("1 spike," in words) == (steps[1:] == []) == (" at step " in words)
            assert ("and so on" in words) == (len(steps) > 4)
        rate, left = said(r"Rate ([\d.]+), .*neuron: ([\d.]+\d|\d)", words)
        assert near(len(steps) / timesteps, rate, 3)
        assert near(potentials[-1], left, 3)
        assert ("above the picture" in words) == (
            potentials[-1] > moving(one, "potential").axes.get_ylim()[1]
        )


def test_what_is_drawn_of_one_neuron_is_what_was_computed(one):
    for setting in [
        (0.296875, 4, 0.0, "subtract"),
        (1.0, 32, 0.875, "zero"),
        (0.0, 1, 0.0, "zero"),
    ]:
        data, *_ = show(one, *setting)
        x, y = (
            [*moving(one, "potential").get_data()[i], *one.picture.moving[0].get_data()[i][1:]]
            for i in (0, 1)
        )
        assert x == [0, *(n for step in range(1, 33) for n in (step, step))]
        assert y == data["potential"].tolist()
        assert moving(one, "potential").get_xdata()[-1] == setting[1]
        assert setting[1] < moving(one, "end of T steps").get_xdata()[0] < setting[1] + 1
        assert moving(one, "spike").get_xdata().tolist() == data["spikes"].tolist()
        assert moving(one, "neuron").get_xdata().tolist() == [n / 256 for n in range(321)]
        assert moving(one, "neuron").get_ydata().tolist() == data["rates"].tolist()
        assert ring(one).get_data() == ([setting[0]], [data["rate"]])
        for line in one.picture.moving:
            if len(line.get_xdata()):
                assert_inside(line)


def test_the_formulas_of_both_resets_are_filled_in(one):
    _, _, soft = show(one, 0.296875, 4, 0.5, "subtract")
    assert r"\left\lfloor0.296875 \cdot 4 + 0.5\right\rfloor,\ 0,\ 4\right) = 1$$" in soft
    assert "$N/T = 1/4 = 0.25$" in soft
    for current, timesteps, v_init in itertools.product((0.25, 0.296875, 1.25), (1, 9), (0.0, 0.5)):
        _, _, hard = show(one, current, timesteps, v_init, "zero")
        first, between, steps, count = said(
            r"n_1 = (\d+)\$ and \$n = (\d+)\$, so in \$T = (\d+)\$ steps \$N = (\d+)\$", hard
        )
        fired = run([current] * 32, v_init, "zero")[0]
        assert [first, between] == [fired[0], fired[1] - fired[0]]
        assert [steps, count] == [timesteps, sum(step <= timesteps for step in fired)]
    assert "it never fires: $N = 0$" in show(one, 0.0, 4, 0.5, "zero")[2]


# --- four currents ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def four():
    return shared(explorers.FourCurrents)


GRID = list(itertools.product((-2.0, -1.0, -0.125, 0.5, 1.0, 1.375, 2.0), repeat=4))


def test_four_currents_are_run_by_hand_in_every_order():
    for z in GRID:
        data = four_currents.compute(*z)
        steps, _ = run(z)
        charge = [sum(z[:t]) for t in range(5)]
        assert data["charge"].tolist() == charge
        assert data["highest"].tolist() == [max(charge[: t + 1]) for t in range(5)]
        assert data["spikes"].tolist() == steps
        assert data["passed_on"].tolist() == [sum(s <= t for s in steps) for t in range(5)]
        assert data["ann"] == max(0.0, charge[-1])
        counts = [len(run(order)[0]) for order in itertools.permutations(z)]
        assert data["counts"].tolist() == counts


def test_the_highest_charge_counts_where_no_current_exceeds_the_threshold():
    behind = 0
    for z in GRID:
        data = four_currents.compute(*z)
        law = math.floor(data["highest"][-1])
        assert data["counts"][0] == law or (max(z) > 1 and data["counts"][0] < law)
        behind += data["counts"][0] < law
    assert behind > 100


def test_six_orders_of_the_same_currents_give_these_counts():
    orders = sorted(set(itertools.permutations((1.0, 1.0, -1.0, -1.0))))
    counts = [four_currents.compute(*z)["counts"][0] for z in orders]
    assert sorted(counts) == [0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("z", "words"),
    [
        (
            (1.0, 1.0, -1.0, -1.0),
            "Currents 1, 1, -1, -1: sum 0, so the ANN says 0. The neuron fires 2 times, at steps 1 "
            "and 2; its charge was at most 2 on the way. Over all orders these currents give 0 to "
            "2 spikes.",
        ),
        (
            (2.0, 1.5, -2.0, -2.0),
            "Currents 2, 1.5, -2, -2: sum -0.5, so the ANN says 0. The neuron fires 2 times, at "
            "steps 1 and 2; its charge was at most 3.5 on the way, and 1 spike fewer came of it: "
            "above the threshold the neuron cannot keep up. Over all orders these currents give 0 "
            "to 2 spikes.",
        ),
        (
            (0.25, 0.25, 0.25, 0.25),
            "Currents 0.25, 0.25, 0.25, 0.25: sum 1, so the ANN says 1. The neuron fires 1 time, "
            "at step 4; its charge was at most 1 on the way. Every order of these currents gives 1 "
            "spike.",
        ),
        (
            (-2.0, -2.0, -2.0, -2.0),
            "Currents -2, -2, -2, -2: sum -8, so the ANN says 0. The neuron fires 0 times; its "
            "charge was at most 0 on the way. Every order of these currents gives 0 spikes.",
        ),
    ],
)
def test_the_words_of_four_currents_are_those_worked_out_by_hand(four, z, words):
    assert show(four, *z)[1] == words


def test_what_is_drawn_of_four_currents_is_what_was_computed(four):
    for z in GRID[::7]:
        data, _, formula = show(four, *z)
        assert moving(four, "charge received").get_ydata().tolist() == data["charge"].tolist()
        assert moving(four, "its highest so far").get_ydata().tolist() == data["highest"].tolist()
        assert [*moving(four, "spikes so far").get_ydata()[:-1]] == data["passed_on"].tolist()
        counts = data["counts"]
        drawn_bars = moving(four, "neuron").get_ydata().reshape(3, 3)
        assert drawn_bars[:, 0].tolist() == [0, 0, 0]
        assert drawn_bars[:, 1].tolist() == [counts[0], min(counts), max(counts)]
        assert list(moving(four, "ANN").get_ydata()) == [0, max(0.0, sum(z))]
        for line in four.picture.moving:
            assert_inside(line)
        law, count = said(r"= (-?\d+),\\qquad \\text{the neuron fired } (\d+)\\text", formula)
        assert (law, count) == (math.floor(max(0, *data["charge"])), len(run(z)[0]))
        above = sum(current > 1 for current in z)
        assert ("so the law holds" in formula) == (above == 0)
        assert not above or f"<p>{above} of the 4 currents" in formula


# --- a layer ---------------------------------------------------------------------------------

# Multiples of 1/64 up to 4, so that thresholds are exact too; many small ones, and zeros.
LAYER = np.floor(np.random.default_rng(1).exponential(0.5, 600) * 64).clip(0, 256) / 64
LAYER[:3] = 4.0, 0.0, 0.0


@pytest.fixture(scope="module")
def layer():
    return explorers.LayerQuantization(LAYER.reshape(3, 200))


def by_hand(a, timesteps, theta, v_init):
    """Return clipping, quantization and total error of each activation, counted step by step."""
    passed = theta * len(run([a] * timesteps, v_init, threshold=theta)[0]) / timesteps
    return min(a, theta) - a, passed - min(a, theta), passed - a


@pytest.mark.parametrize("timesteps", [1, 2, 8, 64])
@pytest.mark.parametrize("v_init", [0.0, 0.5, 0.875])
def test_the_errors_of_a_layer_are_those_of_neurons_run_by_hand(layer, timesteps, v_init):
    for share in (1 / 64, 0.25, 0.5, 1.0, 1.25):
        data = layer.compute(timesteps=timesteps, threshold=share, v_init=v_init)
        theta = 4 * share
        assert data["threshold"] == theta
        errors = {a: by_hand(a, timesteps, theta, v_init) for a in {*LAYER}}
        for part, name in enumerate(("clipping", "quantization", "total")):
            expected = rms([errors[a][part] for a in LAYER])
            for k in (-1, round(64 * share) - 1):  # chosen, and where the curve has it
                assert math.isclose(data["rms"][name][k], expected, rel_tol=1e-12, abs_tol=1e-15)
        assert data["cut"] == pytest.approx(100 * sum(a > theta for a in LAYER) / 600)
        assert data["rule"][-1] == pytest.approx(theta / timesteps / math.sqrt(12))
        assert data["values"].tolist() == [theta * n / timesteps for n in range(timesteps + 1)]


def test_the_curves_have_all_thresholds_of_the_slider_and_the_best_is_the_lowest(layer):
    shares = all_values(layer.declared["threshold"])
    assert layer_quantization.SHARES.tolist() == shares
    for timesteps in (1, 8, 256):
        data = layer.compute(timesteps=timesteps, threshold=0.5, v_init=0.5)
        total = data["rms"]["total"][:-1]
        assert all(total[4 * k] >= total[round(data["best"] * 16) - 1] for k in range(20))
        assert data["best"] in [4 * share for share in shares]
        squares = data["rms"]["clipping"] ** 2 + data["rms"]["quantization"] ** 2
        np.testing.assert_allclose(squares, data["rms"]["total"] ** 2, rtol=1e-12)
    assert total.argmin() > 40  # with so much time clipping is all that hurts


@pytest.mark.slow
def test_the_uniform_rule_holds_for_uniform_activations_and_fails_for_crowded_ones():
    even = explorers.LayerQuantization((np.arange(4096) + 0.5) / 4096)
    for timesteps in (1, 4, 32):
        data, words, _ = show(even, timesteps=timesteps, threshold=1.0, v_init=0.5)
        assert math.isclose(data["rms"]["quantization"][-1], data["rule"][-1], rel_tol=1e-3)
        assert "that rule is about right here" in words
    assert "that rule is too low here" in show(even, timesteps=4, threshold=1.0, v_init=0.0)[1]
    crowded = explorers.LayerQuantization([0.0] * 99 + [1.0])
    assert "that rule is too high here" in show(crowded, timesteps=4, threshold=0.5, v_init=0.5)[1]


@pytest.mark.slow
def test_of_many_activations_the_midmost_of_equal_groups_are_looked_at():
    many = np.random.default_rng(2).permutation(3 * 4096) / 4096
    explorer = explorers.LayerQuantization(many)
    largest = 3 - 1 / 4096
    data = explorer.compute(timesteps=8, threshold=0.5, v_init=0.5)
    assert data["threshold"] == largest / 2
    a = (3 * np.arange(4096) + 1) / 4096
    assert math.isclose(data["rms"]["clipping"][-1], rms(np.minimum(a, largest / 2) - a))
    all_of_them = rms(np.minimum(many, largest / 2) - many)
    assert math.isclose(data["rms"]["clipping"][-1], all_of_them, rel_tol=1e-3)
    assert data["cut"] == 50


@pytest.mark.slow
def test_every_kind_of_array_and_every_order_gives_the_same():
    first, *others = (
        explorers.LayerQuantization(a)
        for a in (
            LAYER,
            LAYER[::-1].reshape(20, 30),
            LAYER.tolist(),
            torch.tensor(LAYER, requires_grad=True),
            LAYER.astype(np.float32),
        )
    )
    for other in others:
        assert other.words == first.words
        assert other.picture.background == first.picture.background


def test_the_words_of_a_layer_are_its_numbers(layer):
    for setting in itertools.product((0.015625, 0.5, 1.0), (1, 8, 256), (0.0, 0.5)):
        share, steps, start = setting
        data, words, formula = show(layer, *setting)
        assert words.startswith(
            f"{steps} step{'s' * (steps > 1)}, threshold {4 * share:.3g} ({share:.3g} of the "
            f"largest activation), starting at {start:g} θ: a neuron has {steps + 1} values, "
            f"{4 * share / steps:.3g} apart, and {100 * np.mean(LAYER == 0):.3g} % of the"
        )
        errors = np.array([by_hand(a, steps, 4 * share, start) for a in LAYER]).T
        total, quantization, rule = said(
            r"error (\S+): quantization (\S+) \(if spread evenly it would be (\S+):", words
        )
        assert total == pytest.approx(rms(errors[2]), rel=0.006)
        assert quantization == pytest.approx(rms(errors[1]), rel=0.006)
        assert rule == pytest.approx(4 * share / steps / math.sqrt(12), rel=0.006)
        verdict = "too high" if rule > 1.05 * quantization else "too low"
        if abs(rule - quantization) > 0.06 * quantization:
            assert f"that rule is {verdict} here" in words
        if share == 1:
            assert "clipping 0." in words
        else:
            clipping, cut = said(r"clipping (\S+) \((\S+) % are cut off\)", words)
            assert clipping == pytest.approx(rms(errors[0]), rel=0.006)
            assert cut == pytest.approx(100 * np.mean(4 * share < LAYER), rel=0.006)
        assert said(r"smallest near threshold (\S+)\.$", words) == [float(f"{data['best']:.3g}")]
        assert f"{{\\sqrt{{12}} \\cdot {steps}}}" in formula


@pytest.mark.slow
def test_very_small_and_very_large_numbers_can_be_squared_in_the_formula():
    for scale in (1e-6, 1e6):
        _, _, formula = show(explorers.LayerQuantization(scale * LAYER), 0.5, 8, 0.5)
        assert r" \cdot 10^{" in formula
        assert not re.search(r"10\^\{-?\d+\}\^", formula)  # two exponents, one after the other


def test_what_is_drawn_of_a_layer_is_what_was_computed(layer):
    for setting in [(0.5, 8, 0.5), (1.25, 32, 0.0), (0.015625, 64, 0.875)]:
        data, *_ = show(layer, *setting)
        assert moving(layer, "threshold").get_xdata() == [4 * setting[0]] * 2
        values = [4 * setting[0] * n / setting[1] for n in range(setting[1] + 1)]
        assert list(moving(layer, "values of a neuron").get_xdata()) == (
            values if setting[1] <= 32 else []
        )
        curves = {**data["rms"], "if spread evenly": data["rule"]}
        for label in curves:
            line = moving(layer, label)
            assert np.array_equal(line.get_xdata(), 4 * layer_quantization.SHARES)
            assert np.array_equal(line.get_ydata(), curves[label][:80])
            assert_inside(line)
        assert ring(layer).get_data() == ([4 * setting[0]], [data["rms"]["total"][-1]])
        assert_inside(ring(layer))
        assert_inside(moving(layer, "threshold"))


def test_the_histogram_has_every_activation(layer):
    (bars,) = layer.picture.figure.axes[0].patches
    shares, edges, _ = bars.get_data()
    assert (edges[0], edges[-1]) == (0, 5)
    expected = [sum(low <= a < high for a in LAYER) / 6 for low, high in itertools.pairwise(edges)]
    lowest = layer.picture.figure.axes[0].get_ylim()[0]
    assert lowest < 100 / 600
    np.testing.assert_allclose(shares, np.maximum(expected, lowest))


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        ([], "activations: is empty, expected at least one number. Give"),
        ([1.0, math.nan], "activations: holds NaN or infinite values, expected finite numbers."),
        ([1.0, math.inf], "activations: holds NaN or infinite values, expected finite numbers."),
        ([1.0, -0.5], "activations: found -0.5, expected 0 or more. Give what comes out of the"),
        (np.zeros((2, 3)), "activations: all are 0, expected some above 0. A layer"),
        (["a"], "activations: cannot be read as an array of numbers (could not convert"),
        ([[1.0], [1.0, 2.0]], "activations: cannot be read as an array of numbers ("),
        (None, "activations: holds NaN"),
    ],
)
def test_what_can_be_no_activations_is_refused(activations, message):
    with pytest.raises(sl.ShapeError, match=re.escape(message)):
        explorers.LayerQuantization(activations)
