"""The deviation error, against neurons that are stepped and walks that are counted."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import snnlab as sl
from snnlab.analysis import deviation
from snnlab.dynamics.neuron import if_step


def stepped_count(currents, theta=1.0, v_init=0.0):
    """Spikes of neurons that are stepped; currents of shape (T, ...)."""
    v, count = v_init * theta, 0.0
    for z in np.asarray(currents):
        v, spikes = if_step(v, z, theta)
        count = count + spikes
    return count


def walk_errors(timesteps, mean, spread, theta, v_init=0.5, trials=8000):
    """Deviation and error of neurons under normal currents: θN/T less the steady count, less z̄."""
    drawn = np.random.default_rng(0).standard_normal((timesteps, trials))
    currents = mean + spread * drawn
    passed_on = theta * stepped_count(currents, theta, v_init) / timesteps
    charge = currents.sum(0)
    steady = np.clip(np.floor(charge / theta + v_init), 0, timesteps)
    return passed_on - theta * steady / timesteps, passed_on - np.maximum(charge, 0) / timesteps


def rms(values):
    return np.sqrt(np.mean(values**2))


# The highest charge, O17 and O18


@given(
    currents=st.lists(st.integers(-64, 32), min_size=1, max_size=40),
    theta=st.sampled_from([0.5, 0.75, 1.0, 1.25]),
    v_init=st.sampled_from([0.0, 0.25, 0.5, 0.75]),
)
def test_o18_the_count_is_that_of_the_highest_charge(currents, theta, v_init):
    """Currents are multiples of θ/32 that do not exceed θ: exactly."""
    z = np.array(currents) * theta / 32
    count = deviation.highest_charge_count(z, theta, v_init)
    assert count.shape == ()
    assert count == stepped_count(z, theta, v_init)


def test_o18_many_neurons_with_thresholds_of_their_own():
    theta = np.array([0.5, 1.0, 2.0])
    z = np.random.default_rng(1).integers(-10, 9, (60, 200, 3)) / 16
    count = deviation.highest_charge_count(z, theta, 0.25)
    assert count.shape == (200, 3)
    assert (count == stepped_count(z, theta, 0.25)).all()
    assert len(np.unique(count)) > 3


def test_a_late_current_above_the_threshold_breaks_the_rule():
    """A current of three thresholds in the last step: only one spike is left to fire."""
    currents = [0.5, 0.5, 0.5, 3.0]
    assert deviation.highest_charge_count(currents) == 4
    assert stepped_count(currents) == 2


def test_o17_orders_of_the_same_currents():
    orders = sorted(set(itertools.permutations([1.0, 1.0, -1.0, -1.0])))
    counts = deviation.highest_charge_count(np.array(orders).T)
    assert sorted(counts) == [0, 0, 1, 1, 1, 2]
    four = np.array(list(itertools.permutations([0.875, 0.375, -2.0, 0.5]))).T
    assert np.bincount(deviation.highest_charge_count(four).astype(int)).tolist() == [14, 10]


@pytest.mark.parametrize("v_init", [-0.25, 1.0, "half"])
def test_a_start_outside_its_range_is_refused(v_init):
    with pytest.raises(sl.OptionError, match=r"v_init = .*expected a number in \[0, 1\)"):
        deviation.highest_charge_count([1.0], 1.0, v_init)
    with pytest.raises(sl.OptionError, match=r"v_init = .*expected a number in \[0, 1\)"):
        deviation.expected_deviation(16, 0.0, 0.25, 1.0, v_init)


# A coin decides, O19


def chain_count(up, levels, depth=400):
    """Mean number of spikes from an empty neuron, as the solution of a linear system.

    E(v) = p E(v + 1) + (1 - p) E(v - 1), where the level m stands for one spike and level 0.
    The chain is cut off `depth` levels below 0, from where it hardly ever returns.
    """
    size = depth + levels
    system, spikes = np.eye(size), np.zeros(size)
    for row in range(size):
        if row + 1 < size:
            system[row, row + 1] -= up
        else:
            system[row, depth] -= up
            spikes[row] = up
        if row > 0:
            system[row, row - 1] -= 1 - up
    return np.linalg.solve(system, spikes)[depth]


@pytest.mark.parametrize(
    ("up", "levels", "known"), [(0.4, 4, 0.24615), (0.45, 4, 0.8120), (0.4, 2, 0.8)]
)
def test_o19_spikes_of_a_coin(up, levels, known):
    """With d = 1/4 and θ = 1 or 1/2. Sampled: within four standard errors."""
    expected = deviation.coin_walk_count(up, levels)
    assert expected == pytest.approx(known, abs=5e-5)
    assert expected == pytest.approx(chain_count(up, levels), rel=1e-9)
    rng = np.random.default_rng(2)
    steps, trials = 800, 8000
    currents = (np.where(rng.random(trials) < up, 0.25, -0.25) for _ in range(steps))
    v, count = np.zeros(trials), np.zeros(trials)
    for z in currents:
        v, spikes = if_step(v, z, levels / 4)
        count += spikes
    assert abs(count.mean() - expected) < 4 * count.std() / math.sqrt(trials)


@pytest.mark.parametrize("up", [0.05, 0.25, 0.4375])
@pytest.mark.parametrize("levels", [1, 2, 7])
def test_o19_against_the_linear_system(up, levels):
    assert deviation.coin_walk_count(up, levels) == pytest.approx(chain_count(up, levels), rel=1e-9)


@pytest.mark.parametrize("up", [0, 0.5, 0.75, -0.25, float("nan")])
def test_a_coin_that_does_not_lead_downwards_is_refused(up):
    with pytest.raises(sl.OptionError, match=r"up = .*expected a probability between 0 and 1/2"):
        deviation.coin_walk_count(up, 4)


@pytest.mark.parametrize("levels", [0, 1.5, "4"])
def test_levels_that_are_no_whole_number_are_refused(levels):
    with pytest.raises(sl.OptionError, match=r"levels = .*expected a whole number, 1 or more"):
        deviation.coin_walk_count(0.25, levels)


# The mean deviation of a random walk


@pytest.mark.parametrize("v_init", [0.0, 0.5, 0.75])
@pytest.mark.parametrize("timesteps", [16, 64])
def test_expected_deviation_against_simulation(timesteps, v_init):
    """Within 10 % or 0.002 θ, as it promises, and four standard errors of the sample."""
    above = 0
    for theta, spread, mean in itertools.product(
        [0.5, 1.0], [0.1, 0.2, 0.3, 0.5], [-1.0, -0.5, -0.2, 0.0, 0.1, 0.3, 0.6, 0.8]
    ):
        if mean + 2 * spread > 1:
            continue
        setting = timesteps, mean * theta, (spread * theta) ** 2, theta
        predicted = deviation.expected_deviation(*setting, v_init)
        sampled, _ = walk_errors(timesteps, mean * theta, spread * theta, theta, v_init)
        sampling = 4 * sampled.std() / math.sqrt(sampled.size)
        allowed = max(0.1 * sampled.mean(), 0.002 * theta)
        assert abs(predicted - sampled.mean()) < allowed + sampling, setting
        above += sampled.mean() > 0.01 * theta
    assert above > 1


@pytest.mark.parametrize("spread", [0.25, 0.5])
def test_below_zero_the_threshold_suppresses_exponentially(spread):
    """After endless time the count is the geometric series of exp(-2|μ|θ/σ²), less overshoot."""
    mean, steps = -0.125, 2**14
    overshoot = math.exp(2 * mean * 0.5826 / spread)
    spikes = {}
    for theta in (0.5, 1.0, 2.0, 4.0):
        predicted = deviation.expected_deviation(steps, mean, spread**2, theta, 0.0)
        spikes[theta] = predicted * steps / theta
        chance = math.exp(2 * mean * theta / spread**2)
        assert spikes[theta] == pytest.approx(overshoot * chance / (1 - chance), rel=1e-6)
    # Twice the threshold squares the chance n / (c + n) that a count n of that series stands for.
    chances = {theta: n / (overshoot + n) for theta, n in spikes.items()}
    for theta in (0.5, 1.0, 2.0):
        assert chances[2 * theta] == pytest.approx(chances[theta] ** 2, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.25, 0.5])
def test_at_zero_it_falls_like_one_over_the_root_of_the_steps(sigma):
    """To σ / √(2πT), the nearer the more steps."""
    ratios = [
        deviation.expected_deviation(steps, 0.0, sigma**2, 1.0) * math.sqrt(2 * math.pi * steps)
        for steps in (2**10, 2**14, 2**18)
    ]
    off = [abs(ratio / sigma - 1) for ratio in ratios]
    assert off[2] < off[1] < off[0] < 0.1
    assert off[2] < 0.005


@pytest.mark.parametrize(("mean", "sigma"), [(0.05, 0.25), (0.02, 0.25), (0.02, 0.1)])
def test_above_zero_it_falls_like_one_over_the_steps(mean, sigma):
    """T times it tends to σ²/2μ - 0.583 σ, the excess of charge."""
    expected = sigma**2 / (2 * mean) - 0.583 * sigma
    once, twice = (
        steps * deviation.expected_deviation(steps, mean, sigma**2, 1.0) for steps in (2**14, 2**15)
    )
    assert once == pytest.approx(twice, rel=1e-3)
    assert twice == pytest.approx(expected, rel=0.04)


def test_tiny_and_huge_chances_stay_finite():
    assert deviation.expected_deviation(64, -10.0, 0.01, 1.0) == 0
    assert 0 <= deviation.expected_deviation(2**12, 0.9, 1e-4, 1.0) < 1e-12


# The highest value of a random walk


def cdf(x):
    return np.vectorize(math.erfc)(-x / math.sqrt(2)) / 2


def integrated_moments(timesteps, mean, sigma):
    """E[M_T] and E[M_T²] by the recursion M ← max(0, M + z), which has the same law.

    Its density above 0 is kept at the nodes of a Gauss quadrature, and the chance of 0 apart.
    """
    top = max(0, mean) * timesteps + 9 * sigma * math.sqrt(timesteps)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    x, w = (nodes + 1) * top / 2, weights * top / 2

    def step(distance):
        deviates = (distance - mean) / sigma
        return np.exp(-(deviates**2) / 2) / (sigma * math.sqrt(2 * math.pi))

    density, empty = np.zeros(x.size), 1.0
    kernel, falls = step(x[:, None] - x) * w, cdf((-x - mean) / sigma)
    for _ in range(timesteps):
        density, empty = (
            kernel @ density + empty * step(x),
            (w * density) @ falls + empty * cdf(-mean / sigma),
        )
    assert (w * density).sum() + empty == pytest.approx(1, abs=1e-10)
    return (w * density) @ x, (w * density) @ x**2


@pytest.mark.parametrize("timesteps", [1, 2, 5, 30])
@pytest.mark.parametrize(("mean", "sigma"), [(-0.3, 0.5), (0.0, 1.0), (0.25, 0.5), (-2.0, 0.75)])
def test_moments_of_the_highest_value_by_integration(timesteps, mean, sigma):
    found = deviation.maximum_moments(timesteps, mean, sigma**2)
    np.testing.assert_allclose(found, integrated_moments(timesteps, mean, sigma), rtol=1e-9)


def test_moments_of_one_step_are_those_of_half_a_normal_distribution():
    first, second = deviation.maximum_moments(1, 0.0, 4.0)
    assert first == pytest.approx(2 / math.sqrt(2 * math.pi), rel=1e-15)
    assert second == pytest.approx(2, rel=1e-15)


@pytest.mark.parametrize(("mean", "sigma"), [(-0.1, 0.5), (0.0, 0.25), (0.05, 1.0)])
def test_moments_of_the_highest_value_by_sampling(mean, sigma):
    """Walks of 50 steps, their highest value looked up; within four standard errors."""
    z = mean + sigma * np.random.default_rng(5).standard_normal((50, 20000))
    highest = np.maximum(0, z.cumsum(0).max(0))
    for found, sample in zip(
        deviation.maximum_moments(50, mean, sigma**2), (highest, highest**2), strict=True
    ):
        assert abs(sample.mean() - found) < 4 * sample.std() / math.sqrt(sample.size)


# The whole error, and the threshold that makes it small


def test_o19b_the_table_of_the_theory_page():
    table = {0.4: 0.0396, 0.5: 0.0225, 0.75: 0.0155, 1: 0.0160, 1.5: 0.0185, 2: 0.0223, 4: 0.0384}
    for theta, error in table.items():
        assert deviation.predicted_error(32, 0.3, 0.25, theta) == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("timesteps", [4, 16, 64])
def test_predicted_error_against_simulation(timesteps):
    """Within 15 % wherever its conditions hold."""
    checked = 0
    for theta, sigma, mean in itertools.product(
        [0.5, 1.0, 2.0], [0.05, 0.125, 0.25, 0.5, 1.0], [0.05, 0.1, 0.25, 0.45, 0.6, 0.9, 1.5, 1.9]
    ):
        wander = sigma * math.sqrt(timesteps)
        if mean >= theta or mean * timesteps < 3 * wander or wander < theta / 2:
            continue
        _, error = walk_errors(timesteps, mean, sigma, theta)
        predicted = deviation.predicted_error(timesteps, mean, sigma**2, theta)
        assert predicted == pytest.approx(rms(error), rel=0.15), (theta, sigma, mean)
        checked += 1
    assert checked >= 8


SETTINGS = [(32, 0.3, 0.5), (16, 0.3, 0.2), (64, 0.5, 0.6), (8, 5.0, 2.0), (64, 1.0, 0.1)]


@pytest.mark.parametrize(("timesteps", "mean", "sigma"), SETTINGS)
def test_best_threshold_is_the_lowest_point(timesteps, mean, sigma):
    """Of a finer and wider grid, to 1 %; and the simulated error there is within 5 % of its own."""
    best = deviation.best_threshold(timesteps, mean, sigma**2)
    wide = np.geomspace(mean / 2, 20 * (mean + sigma), 1500)
    errors = [deviation.predicted_error(timesteps, mean, sigma**2, theta) for theta in wide]
    assert best == pytest.approx(wide[np.argmin(errors)], rel=0.01)
    coarse = np.geomspace(0.8 * mean, 4 * (mean + sigma), 20)
    simulated = [rms(walk_errors(timesteps, mean, sigma, t, trials=4000)[1]) for t in coarse]
    assert rms(walk_errors(timesteps, mean, sigma, best, trials=4000)[1]) < 1.05 * min(simulated)


def test_best_threshold_scales_with_the_currents():
    one = deviation.best_threshold(32, 0.25, 0.25)
    assert deviation.best_threshold(32, 16.0, 1024.0) == pytest.approx(64 * one, rel=1e-12)


CALLS = {
    "expected_deviation": lambda t=16, m=0.3, v=0.25, theta=1.0: deviation.expected_deviation(
        t, m, v, theta
    ),
    "predicted_error": lambda t=16, m=0.3, v=0.25, theta=1.0: deviation.predicted_error(
        t, m, v, theta
    ),
    "maximum_moments": lambda t=16, m=0.3, v=0.25: deviation.maximum_moments(t, m, v),
    "best_threshold": lambda t=16, m=0.3, v=0.25: deviation.best_threshold(t, m, v),
}


@pytest.mark.parametrize("name", CALLS)
def test_arguments_outside_their_range_are_refused(name):
    call = CALLS[name]
    for steps in (0, 2.5, "16"):
        with pytest.raises(sl.OptionError, match=r"timesteps = .*whole number, 1 or more"):
            call(t=steps)
    for mean in (float("nan"), float("inf")):
        with pytest.raises(sl.OptionError, match=r"mean = .*expected a finite number"):
            call(m=mean)
    for variance in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(
            sl.OptionError, match=r"variance = .*finite number above 0.*there is no deviation"
        ):
            call(v=variance)
    if name in ("expected_deviation", "predicted_error"):
        for theta in (0, -1.0, float("nan"), [1.0, 2.0]):
            with pytest.raises(sl.OptionError, match=r"v_threshold = .*finite number above 0"):
                call(theta=theta)


@pytest.mark.parametrize("mean", [0.0, -0.5])
def test_a_neuron_that_should_be_silent_has_no_best_threshold(mean):
    with pytest.raises(sl.OptionError, match=r"mean = .*above 0.*silent: the higher its threshold"):
        deviation.best_threshold(16, mean, 0.25)


@pytest.mark.parametrize(
    ("currents", "theta", "error", "words"),
    [
        ([1.0], 0.0, sl.OptionError, "v_threshold: found 0.0, expected finite numbers above 0"),
        ([1.0], np.inf, sl.OptionError, "v_threshold: found inf"),
        (["much"], 1.0, sl.ShapeError, "currents: are no array of numbers"),
        ([1.0, np.nan], 1.0, sl.ShapeError, "currents: hold NaN or infinite values"),
        ([1.0], [1.0, -1.0], sl.OptionError, "found -1"),
        ([], 1.0, sl.ShapeError, "currents: are empty"),
    ],
)
def test_the_law_refuses_what_no_neuron_has(currents, theta, error, words):
    with pytest.raises(error, match=words):
        deviation.highest_charge_count(currents, theta)


@pytest.mark.parametrize(
    ("mean", "variance", "name"), [("0", 1.0, "mean"), (0.0, None, "variance")]
)
def test_what_is_no_number_is_refused(mean, variance, name):
    with pytest.raises(sl.OptionError, match=f"{name} = .*expected a finite number"):
        deviation.maximum_moments(4, mean, variance)


def test_a_coin_needs_a_probability():
    with pytest.raises(sl.OptionError, match="up = 'often': expected a probability"):
        deviation.coin_walk_count("often", 2)


def test_the_normal_distribution_and_its_logarithm_are_those_of_torch():
    x = np.concatenate([np.linspace(-60, 9, 700), [-29.999999, -30.0, -30.000001, -1e3]])
    there = torch.from_numpy(x)
    expected = torch.special.ndtr(there).numpy()
    np.testing.assert_allclose(deviation._phi(x), expected, rtol=0, atol=1e-15)
    logarithm = torch.special.log_ndtr(there).numpy()
    np.testing.assert_allclose(deviation._log_phi(x), logarithm, rtol=1e-11)
