"""The explorer of neurons that should be silent, against neurons run by hand and the law."""

import itertools
import math
import random

import numpy as np
import pytest
from helpers.explorers import all_values, near, said, shared

from snnlab import explorers
from snnlab.explorers import spurious_spikes

# Means and spreads from end to end of the sliders.
CURRENTS = list(itertools.product((-0.5, -0.25, -0.125, -0.0625), (0.125, 0.25, 0.375, 0.5)))
FULL = r"threshold [\d.]+: 1,000 neurons that should be silent "


@pytest.fixture(scope="module")
def spikes():
    return shared(explorers.SpuriousSpikes)


def show(explorer, **values):
    """Bring a picture to a setting without painting it; return data, words and formula."""
    values = {name: c.default for name, c in explorer.declared.items()} | values
    data = explorer.compute(**values)
    explorer.draw(data)
    return data, explorer.describe(data, **values), explorer.formula(data, **values)


def run(noise, threshold, mean, spread):
    """Run one neuron that starts empty; return its spikes and its charges, the start included."""
    v, count, charges = 0.0, 0, [0.0]
    for e in noise:
        z = mean + spread * e
        charges.append(charges[-1] + z)
        v += z
        if v >= threshold:
            v -= threshold
            count += 1
    return count, charges


def endless(threshold, mean, spread):
    """Return the mean number of spikes in endless time, by the formula that the explorer tells."""
    rho = math.exp(2 * mean * threshold / spread**2)
    return math.exp(2 * mean * 0.583 * spread / spread**2) * rho / (1 - rho)


# --- the neurons -----------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "spread"), CURRENTS[::3])
@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.125])
def test_the_neurons_are_those_run_by_hand(threshold, mean, spread):
    data = spurious_spikes.compute(threshold, mean, spread)
    noise = spurious_spikes.NOISE.T.tolist()
    assert (len(noise), len(noise[0])) == (1000, 256)
    runs = [run(e, threshold, mean, spread) for e in noise]
    counts = [count for count, _ in runs]
    assert data["spikes"] == pytest.approx(sum(counts) / 1000, abs=1e-12)
    assert data["firing"] == sum(count > 0 for count in counts)
    by_mark = sorted((charges for _, charges in runs), key=lambda c: -max(c[1:]))
    expected = np.transpose([by_mark[rank - 1] for rank in (10, 100, 500)])
    np.testing.assert_allclose(data["charges"], expected, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_a_neuron_fires_when_its_charge_reaches_the_threshold(spikes):
    """So the 10th fires if ten fire, the 100th if a hundred do."""
    for threshold in all_values(spikes.declared["threshold"]):
        for mean, spread in CURRENTS:
            data = spurious_spikes.compute(threshold, mean, spread)
            reached = data["charges"].max(0) >= threshold
            assert reached.tolist() == [data["firing"] >= rank for rank in (10, 100, 500)]


# --- the law ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "spread"), CURRENTS)
def test_the_predicted_number_is_that_of_many_other_neurons(mean, spread):
    """Where the spread is up to half the threshold: within 10 % and 0.01, and four standard errors.

    The larger of the two for 20,000 other neurons, both together for the 1,000 of the explorer.
    """
    others = np.random.default_rng(1).standard_normal((256, 20_000))
    for threshold in (0.5, 1.0, 2.0, 4.0):
        if spread > threshold / 2:
            continue
        expected = spurious_spikes.compute(threshold, mean, spread)["expected"][-1]
        for noise in (others, spurious_spikes.NOISE):
            v, counts = np.zeros(noise.shape[1]), np.zeros(noise.shape[1])
            for e in noise:
                v += mean + spread * e
                counts += v >= threshold
                v -= threshold * (v >= threshold)
            error = 4 * counts.std() / math.sqrt(len(counts))
            allowed = max(0.1 * expected, 0.01) if noise is others else 0.1 * expected + 0.01
            assert abs(counts.mean() - expected) <= allowed + error


@pytest.mark.slow
def test_the_predicted_line_goes_through_the_number_at_every_threshold(spikes):
    for mean, spread in CURRENTS:
        line = spurious_spikes.compute(1.0, mean, spread)["expected"]
        for n, threshold in enumerate(all_values(spikes.declared["threshold"])):
            assert spurious_spikes.THRESHOLDS[n] == threshold
            at = spurious_spikes.compute(threshold, mean, spread)["expected"]
            assert at[-1] == line[n]
            np.testing.assert_array_equal(at[:-1], line[:-1])
        assert np.all(np.diff(line[:-1]) < 0)


@pytest.mark.slow
def test_in_endless_time_it_is_the_law_that_is_told():
    """Where the charge sinks far within 256 steps; elsewhere the time ends a little early."""
    for mean, spread in CURRENTS:
        for threshold in (0.5, 1.0, 2.0, 4.0):
            expected = spurious_spikes.compute(threshold, mean, spread)["expected"][-1]
            law = endless(threshold, mean, spread)
            assert expected <= law * 1.005
            if -mean * 256 >= 4 * spread * 16:
                assert expected == pytest.approx(law, rel=0.005)


@pytest.mark.parametrize("mean", [-0.25, -0.125])
def test_twice_the_threshold_squares_the_exponential(mean):
    for spread in (0.25, 0.375, 0.5):
        once, twice = (
            spurious_spikes.compute(threshold, mean, spread)["expected"][-1]
            for threshold in (1.0, 2.0)
        )
        # N = c ρ/(1 - ρ), with the same c at both thresholds, so N₁/N₂ = (1 + ρ)/ρ.
        rho = 1 / (once / twice - 1)
        assert rho == pytest.approx(math.exp(2 * mean / spread**2), rel=0.01)


@pytest.mark.slow
def test_one_step_overshoots_as_told(spikes):
    """How high a charge is when it first reaches a level, simulated in plain Python."""
    (told,) = said(r"by about \$([\d.]+)\\,\\sigma\$", show(spikes)[2])
    draw = random.Random(0)
    over = []
    for _ in range(4000):
        charge, spread = 0.0, 0.375
        while -4 < charge < 1:
            charge += draw.gauss(-0.0625, spread)
        if charge >= 1:
            over.append((charge - 1) / spread)
    assert len(over) > 1000
    assert np.mean(over) == pytest.approx(told, abs=0.06)


# --- picture and words -----------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "spread"), CURRENTS)
def test_words_formula_and_picture_say_what_was_computed(spikes, mean, spread):
    left, right = spikes.picture.figure.axes
    *charges, levels = left.lines
    expected, ring = right.lines
    for threshold in (0.5, 1.0, 4.0):
        values = {"threshold": threshold, "mean": mean, "spread": spread}
        data, words, formula = show(spikes, **values)
        assert words.startswith(f"Mean {mean:g}, spread {spread:g}, threshold {threshold:g}: ")
        if data["firing"]:
            number, firing = said(FULL + r"fire ([\d.]+) times each .* 256 steps; (\d+) of", words)
            assert near(data["spikes"], number, 3)
            assert firing == data["firing"]
        else:
            assert data["spikes"] == 0
            assert "silent are silent, in 256 steps." in words
        if data["expected"][-1] >= 1e-4:
            (law,) = said(r"Predicted: ([\d.]+)\. ", words)
            assert law == pytest.approx(data["expected"][-1], rel=0.051)
            assert rf"$N = {data['expected'][-1]:.3g}$" in formula
        else:
            assert "Predicted: less than 0.0001. " in words
            assert r"$N \lt 0.0001$" in formula
        exponent = 2 * abs(mean) * threshold / spread**2
        (shown,) = said(r"2\|μ\|θ/σ² is ([\d.]+); twice the threshold doubles it\.$", words)
        assert shown == pytest.approx(exponent, rel=0.005)
        assert rf"= e^{{-{exponent:.3g}}}" in formula
        if math.exp(-exponent) >= 1e-4:
            rho, smooth = said(r"e\^{-[\d.]+} = ([\d.e-]+)\$.*?1 - \\rho} = ([\d.]+)\$", formula)
            assert rho == pytest.approx(math.exp(-exponent), rel=0.005)
            assert smooth == pytest.approx(rho / (1 - rho), rel=0.02)
        if (told := endless(threshold, mean, spread)) >= 1.01e-4:
            assert said(r" \\rho} = ([\d.e-]+)\$\$<p>The pred", formula) == [
                pytest.approx(told, rel=0.01)
            ]
        for line, charge in zip(charges, data["charges"].T, strict=True):
            assert list(line.get_xdata()) == list(range(257))
            assert line.get_ydata().tolist() == charge.tolist()
            assert line.get_ydata()[0] == 0
        assert set(levels.get_ydata()) == {threshold, 2 * threshold}
        assert 2 * threshold < left.get_ylim()[1]
        assert expected.get_ydata().tolist() == data["expected"][:-1].tolist()
        assert [list(d) for d in ring.get_data()] == [[threshold], [data["spikes"]]]
        low, high = right.get_ylim()
        assert low < min(data["expected"].min(), data["spikes"])
        assert high > max(data["expected"].max(), data["spikes"])


@pytest.mark.slow
def test_one_neuron_is_told_as_one(spikes):
    found = 0
    for threshold, (mean, spread) in itertools.product(spurious_spikes.THRESHOLDS, CURRENTS):
        data, words, _ = show(spikes, threshold=float(threshold), mean=mean, spread=spread)
        assert ("; 1 of them fires at all" in words) == (data["firing"] == 1)
        found += data["firing"] == 1
    assert found > 0
