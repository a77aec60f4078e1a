"""The explorers of the two errors, against a neuron run by hand, `split`, and the closed forms."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from helpers.explorers import assert_inside, moving, near, ring, rms, said, shared

from snnlab import explorers
from snnlab.analysis.decomposition import split
from snnlab.dynamics.neuron import Neuron
from snnlab.explorers import deviation_error, quantization_error

A = [(2 * n + 1) / 1024 for n in range(512)]  # exact, as are their sums over 32 steps
THRESHOLDS, STARTS = (0.25, 0.375, 1.0, 1.5), (0.0, 0.125, 0.5, 0.875)
ORDERS = ("drawn", "falling", "rising")
NOISE = np.random.default_rng(0).standard_normal((16, 200))


def fired(currents, threshold, v_init):
    """Run one neuron, and return its spikes after each step and the potential that is left."""
    v, n, counts = v_init * threshold, 0, []
    for z in currents:
        v += z
        if v >= threshold:
            v -= threshold
            n += 1
        counts.append(n)
    return counts, v


# --- the error of a steady current -----------------------------------------------------------


@pytest.fixture(scope="module")
def stairs():
    return shared(explorers.QuantizationError)


def show_stairs(stairs, *setting):
    """Bring the picture to a setting without painting it; return data, words and formula."""
    values = dict(zip(("timesteps", "threshold", "v_init"), setting, strict=True))
    data = stairs.compute(**values)
    stairs.draw(data)
    return data, stairs.describe(data, **values), stairs.formula(data, **values)


@pytest.mark.parametrize("timesteps", [1, 2, 3, 7, 32])
def test_the_staircase_is_what_a_neuron_counts_step_by_step(timesteps):
    for theta, start in itertools.product(THRESHOLDS, STARTS):
        data = quantization_error.compute(timesteps, theta, start)
        passed = [theta * fired([a] * timesteps, theta, start)[0][-1] / timesteps for a in A]
        error = [p - a for p, a in zip(passed, A, strict=True)]
        cut = [min(theta - a, 0) for a in A]
        np.testing.assert_allclose(data["passed_on"], passed, rtol=0, atol=1e-15)
        np.testing.assert_allclose(data["total"], error, rtol=0, atol=1e-15)
        np.testing.assert_allclose(data["parts"]["clipping"], cut, rtol=0, atol=1e-15)
        rest = np.subtract(error, cut)
        np.testing.assert_allclose(data["parts"]["quantization"], rest, rtol=0, atol=1e-15)
        assert data["parts"].keys() == {"clipping", "quantization"}
        assert math.isclose(data["mean"], math.fsum(error) / 512, abs_tol=1e-12)
        assert math.isclose(data["rms"], rms(error), abs_tol=1e-12)


@pytest.mark.parametrize("timesteps", [1, 5, 32])
def test_a_steady_current_has_the_parts_of_the_decomposition_and_no_deviation(timesteps):
    z = np.array(A)[:, None]
    for theta, start in itertools.product(THRESHOLDS, STARTS):
        data = quantization_error.compute(timesteps, theta, start)
        emitted = [[theta * fired([a] * timesteps, theta, start)[0][-1] / timesteps] for a in A]
        parts = split(z, z, np.array(emitted), timesteps, Neuron(theta, "subtract", start))
        for part, errors in data["parts"].items():
            np.testing.assert_allclose(errors, parts[part][:, 0], rtol=0, atol=1e-15)
        assert not parts["propagated"].any()
        assert np.abs(parts["deviation"]).max() < 1e-15


# Over n activations at the middles of cells of width h = 1/512, the mean square of an error that
# falls by 1 per activation lacks h²/12 of the integral; its mean lacks nothing.
@pytest.mark.parametrize("timesteps", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("theta", [0.25, 0.5, 1.0])
def test_mean_and_mean_square_of_the_error_up_to_the_threshold_are_the_closed_forms(
    timesteps, theta
):
    inside = np.array(A) < theta
    empty, half = (quantization_error.compute(timesteps, theta, start) for start in (0.0, 0.5))
    step, missing = theta / timesteps, 1 / (12 * 512**2)
    for data, mean, square in ((empty, -step / 2, step**2 / 3), (half, 0, step**2 / 12)):
        assert not data["parts"]["clipping"][inside].any()
        errors = data["total"][inside]
        assert math.isclose(errors.mean(), mean, abs_tol=1e-14)
        assert math.isclose(np.mean(errors**2), square - missing, rel_tol=1e-12)
        if theta == 1:
            assert math.isclose(data["mean"], mean, abs_tol=1e-14)
            assert math.isclose(data["rms"] ** 2, square - missing, rel_tol=1e-12)


@pytest.mark.parametrize("timesteps", [1, 3, 8, 13, 32])
@pytest.mark.parametrize("theta", THRESHOLDS)
@pytest.mark.parametrize("start", STARTS)
def test_below_the_threshold_the_error_is_less_than_one_stair(timesteps, theta, start):
    data = quantization_error.compute(timesteps, theta, start)
    missing = -data["total"][np.array(A) < theta] * timesteps / theta
    assert missing.min() >= -start - 1e-12
    assert missing.max() < 1 - start + 1e-12
    assert np.ptp(missing) > min(1, timesteps / theta) - 0.3


def shares_by_hand(errors):
    """Count the errors in cells of width 1/20 from -3/4 to 3/4, and those beyond at the edges."""
    places = [min(max(math.floor(20 * (e + 0.75)), 0), 29) for e in errors]
    return [100 * places.count(place) / len(errors) for place in range(30)]


def test_the_histogram_counts_every_error_once_where_it_belongs(stairs):
    for setting in itertools.product((1, 2, 3, 10, 32), (0.25, 0.5, 0.875, 1.125, 1.5), STARTS):
        data, *_ = show_stairs(stairs, *setting)
        np.testing.assert_allclose(
            data["shares"], shares_by_hand(data["total"]), rtol=0, atol=1e-12
        )
        assert math.isclose(data["shares"].sum(), 100)
    np.testing.assert_allclose(
        stairs.picture.moving[1].get_data().edges, np.arange(-15, 16) / 20, atol=1e-15
    )


@pytest.mark.parametrize("setting", [(4, 1.0, 0.0), (1, 0.25, 0.875), (32, 1.5, 0.5)], ids=str)
def test_what_is_drawn_of_the_staircase_is_what_was_computed(stairs, setting):
    data, *_ = show_stairs(stairs, *setting)
    left, right = stairs.picture.figure.axes
    line, bars, mean = stairs.picture.moving
    assert line.get_xdata().tolist() == A
    assert np.array_equal(line.get_ydata(), data["passed_on"])
    assert np.array_equal(bars.get_data().values, data["shares"])
    assert list(mean.get_xdata()) == [data["mean"]] * 2
    assert list(mean.get_ydata()) == [0, 100]
    assert (line.axes, bars.axes, mean.axes) == (left, right, right)
    relu = next(line for line in left.lines if "ReLU" in line.get_label())
    assert list(relu.get_xdata()) == list(relu.get_ydata()) == [0, 1]
    assert (right.get_xlim(), right.get_ylim()[0]) == ((-0.8, 0.8), 0)
    assert right.get_ylim()[1] > 100


def test_nothing_of_the_staircase_leaves_its_axes(stairs):
    for setting in itertools.product((1, 2, 32), THRESHOLDS, STARTS):
        show_stairs(stairs, *setting)
        assert_inside(moving(stairs, "SNN (neuron)"))
        assert_inside(moving(stairs, "mean error"))


@pytest.mark.parametrize(
    "setting", [*itertools.product((1, 5, 32), (*THRESHOLDS, 0.875), (0.0, 0.875))], ids=str
)
def test_the_words_of_the_staircase_are_its_numbers(stairs, setting):
    timesteps, theta, start = setting
    data, words, _ = show_stairs(stairs, *setting)
    assert (timesteps, theta, start) == tuple(
        said(r"^(\d+) steps, threshold ([\d.]+), starting at ([\d.]+) θ", words)
    )
    values, apart, top = said(r"has (\d+) values, ([\d.]+) apart, up to ([\d.]+)\.", words)
    assert (values, top) == (timesteps + 1, theta)
    assert math.isclose(apart, theta / timesteps, rel_tol=0.005)
    error = data["passed_on"] - A
    mean, square = said(r"error is ([+-][\d.]+) on average and ([\d.]+) root mean square", words)
    assert near(np.mean(error), mean, 3)
    assert "-0.000" not in words
    assert near(rms(error), square, 3)
    largest = max(abs(e) for e in error)
    assert near(largest, *said(r"largest error is ([\d.]+)(?: \(beyond.*\))?\.$", words), 3)
    clipped = np.minimum(A, theta)
    (quantization,) = said(r": quantization ([\d.]+), clipping", words)
    assert near(rms(data["passed_on"] - clipped), quantization, 3)
    if theta < 1:
        clipping, share = said(r"clipping ([\d.]+) \(([\d.]+) % of the activations are cut", words)
        assert near(rms(clipped - A), clipping, 3)
        assert near(100 * sum(a > theta for a in A) / 512, share, 1)
    else:
        assert ", clipping 0. " in words
        assert "cut off" not in words


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("timesteps", [1, 4, 13, 32])
def test_the_values_that_the_words_name_all_occur(stairs, timesteps, start):
    data, words, _ = show_stairs(stairs, timesteps, 0.875, start)
    found = np.unique(data["passed_on"])
    values, apart, top = said(r"has (\d+) values, ([\d.]+) apart, up to ([\d.]+)\.", words)
    assert len(found) == values
    np.testing.assert_allclose(np.diff(found), apart, rtol=0.005)
    assert (found[0], found[-1]) == (0, top)


@pytest.mark.parametrize("start", STARTS)
def test_the_example_in_the_formula_is_worked_out_right(stairs, start):
    seen = set()
    for timesteps, theta in itertools.product((1, 4, 7, 20, 32), THRESHOLDS):
        _, _, formula = show_stairs(stairs, timesteps, theta, start)
        over, steps, a, steps_too, v, theta_too, most = said(
            r"\$\$\\frac{([\d.]+)}{(\d+)}\\,\\mathrm{clip}\\left\(\\left\\lfloor"
            r"\\frac{([\d.]+) \\cdot (\d+) \+ ([\d.]+)}{([\d.]+)}\\right\\rfloor,\\ 0,\\ (\d+)",
            formula,
        )
        assert (over, theta_too) == (theta, theta)
        assert math.isclose(v, start * theta, rel_tol=1e-5)
        assert (steps, steps_too, most) == (timesteps,) * 3
        assert f"at $a = {a:g}$" in formula
        exact = Fraction(f"{a:g}")
        counts, _ = fired([exact] * timesteps, Fraction(theta), Fraction(start))
        again, steps, count, result = said(
            r"= \\frac{([\d.]+)}{(\d+)} \\cdot (\d+) = ([\d.]+)\$\$", formula
        )
        assert (again, steps, count) == (theta, timesteps, counts[-1])
        assert math.isclose(result, theta * counts[-1] / timesteps, rel_tol=0.005)
        seen.add(counts[-1])
    assert len(seen) > 5


# --- the error of uneven currents ------------------------------------------------------------

UNEVEN = [
    ("drawn", 1.0, 0.25, 0.5),
    ("falling", 0.25, -0.25, 0.375),
    ("rising", 1.25, 0.5, 0.75),
    ("falling", 4.0, 0.0, 0.75),
    ("rising", 0.25, 0.5, 0.125),
    ("drawn", 0.5, -0.125, 0.0625),
    ("rising", 0.25, -0.25, 0.375),  # its charge is never above 0
    ("drawn", 0.75, 0.25, 0.375),  # no other threshold shown is as good
]
BELOW = ("falling", 2.75, 0.1875, 0.5)  # no current of the first neuron reaches its threshold


@pytest.fixture(scope="module")
def uneven():
    return shared(explorers.DeviationError)


def show_uneven(uneven, *setting):
    values = dict(zip(("order", "threshold", "mean", "spread"), setting, strict=True))
    data = uneven.compute(**values)
    uneven.draw(data)
    return data, uneven.describe(data, **values), uneven.formula(data, **values)


def currents_of(order, mean, spread):
    """Return the currents as lists, one per neuron."""
    found = []
    for noise in NOISE.T.tolist():
        currents = [mean + spread * e for e in noise]
        if order != "drawn":
            currents.sort(reverse=order == "falling")
        found.append(currents)
    return found


def thetas_of(threshold):
    """Return 25 thresholds that grow by the same factor from 1/4 to 4, and the chosen one."""
    return [*(0.25 * 16 ** (n / 24) for n in range(25)), threshold]


def counted(data, setting):
    """Return the spikes (200, 26) that the errors speak of."""
    _, threshold, mean, spread = setting
    activation = np.maximum((mean + spread * NOISE).mean(0), 0)[:, None]
    counts = (data["total"] + activation) * 16 / np.array(thetas_of(threshold))
    np.testing.assert_allclose(counts, np.round(counts), rtol=0, atol=1e-10)
    return np.round(counts)


def sure(charge, theta):
    """Tell where the floor of charge/theta does not hang on rounding."""
    return np.abs(charge / theta - np.round(charge / theta)) > 1e-9


def test_the_noise_and_the_thresholds_are_what_they_are_said_to_be():
    noise = deviation_error.NOISE
    assert noise.shape == (16, 200)
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.03
    np.testing.assert_allclose(deviation_error.THRESHOLDS, thetas_of(1)[:-1])


@pytest.mark.parametrize("setting", [*UNEVEN, BELOW], ids=str)
def test_the_errors_are_those_of_neurons_run_by_hand(setting):
    order, threshold, mean, spread = setting
    data = deviation_error.compute(*setting)
    currents, checked, deviating = currents_of(order, mean, spread), 0, 0
    for n, (k, theta) in itertools.product((0, 57, 121, 199), enumerate(thetas_of(threshold))):
        z = currents[n]
        spikes, v = fired(z, theta, 0.5)
        z_sum = math.fsum(z)
        activation = max(z_sum / 16, 0)
        charge = z_sum / theta + 0.5
        if abs(charge - round(charge)) < 1e-9:
            continue
        checked += 1
        steady = min(max(math.floor(charge), 0), 16)
        clipped = min(activation, theta)
        expected = {
            "clipping": clipped - activation,
            "quantization": theta * steady / 16 - clipped,
            "deviation": theta * (spikes[-1] - steady) / 16,
        }
        assert data["parts"].keys() == expected.keys()
        for part, error in expected.items():
            assert math.isclose(data["parts"][part][n, k], error, abs_tol=1e-12), part
        assert math.isclose(
            data["total"][n, k], theta * spikes[-1] / 16 - activation, abs_tol=1e-12
        )
        deviating += spikes[-1] != steady
        assert spikes[-1] - math.floor(charge) == -math.floor(v / theta)
    assert checked > 100
    assert deviating > 5 or spread < 0.1 or data["highest"][-1] < 0


@pytest.mark.parametrize("setting", [*UNEVEN, BELOW, ("drawn", 0.75, 0.25, 0.0)], ids=str)
def test_the_first_neuron_is_run_by_hand_step_by_step(setting):
    order, threshold, mean, spread = setting
    data = deviation_error.compute(*setting)
    z = currents_of(order, mean, spread)[0]
    charge = [0.5 * threshold + math.fsum(z[: t + 1]) for t in range(16)]
    np.testing.assert_allclose(data["charge"], charge, rtol=0, atol=1e-12)
    highest = [max(charge[: t + 1]) for t in range(16)]
    np.testing.assert_allclose(data["highest"], highest, rtol=0, atol=1e-12)
    spikes, _ = fired(z, threshold, 0.5)
    assert data["passed_on"].tolist() == [threshold * n for n in spikes]
    assert data["above"] == sum(current > threshold for current in z)
    assert data["threshold"] == threshold


def test_only_currents_above_the_threshold_are_counted():
    def above(*setting):
        return deviation_error.compute(*setting)["above"]

    assert above("drawn", 0.25, 0.25, 0.0) == 0  # equal is not above
    assert above("drawn", 0.25, 0.3125, 0.0) == 16
    assert above(*BELOW) == 0
    assert 0 < above("drawn", 0.25, 0.25, 0.5) < 16
    assert len({above(order, 0.25, 0.25, 0.5) for order in ORDERS}) == 1


@pytest.mark.parametrize("setting", UNEVEN, ids=str)
def test_uneven_currents_have_the_parts_of_the_decomposition(setting):
    order, threshold, mean, spread = setting
    data = deviation_error.compute(*setting)
    currents, theta = np.array(currents_of(order, mean, spread)).T, np.array(thetas_of(threshold))
    v, n = np.tile(theta / 2, (200, 1)), np.zeros((200, 26))
    for z in currents:
        v += z[:, None]
        n += v >= theta
        v -= theta * (v >= theta)
    z_mean = np.repeat(currents.mean(0)[:, None], 26, 1)
    parts = split(z_mean, z_mean, theta * n / 16, 16, Neuron(theta, "subtract", 0.5))
    unsure = ~sure(16 * z_mean + theta / 2, theta)
    assert unsure.sum() < 5
    for part, errors in data["parts"].items():
        np.testing.assert_allclose(errors[~unsure], parts[part][~unsure], rtol=0, atol=1e-12)
    np.testing.assert_allclose(sum(parts.values()), data["total"], rtol=0, atol=1e-12)
    for part, errors in [*data["parts"].items(), ("total", data["total"])]:
        for k in (0, 11, 25):
            assert math.isclose(data["rms"][part][k], rms(errors[:, k]), abs_tol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("mean", "spread"), [(0.25, 0.5), (-0.125, 0.375), (0.5, 0.75)])
def test_where_no_current_exceeds_the_threshold_the_highest_charge_counts(order, mean, spread):
    setting = (order, 1.0, mean, spread)
    data = deviation_error.compute(*setting)
    z, theta = np.array(currents_of(order, mean, spread)), np.array(thetas_of(1.0))
    highest = theta / 2 + np.cumsum(z, axis=1).max(1)[:, None]
    holds, clear = z.max(1)[:, None] <= theta, sure(highest, theta)
    assert (holds & ~clear).sum() < 5
    holds &= clear
    assert holds.sum() > 1000
    law = np.maximum(0, np.floor(highest / theta))
    counts = counted(data, setting)
    assert (counts == law)[holds].all()
    assert (law[holds] > 0).sum() > 50
    assert (counts < law)[~holds & clear].any()  # it may fall behind
    deviation = data["parts"]["deviation"][holds]
    assert deviation.min() > -1e-12
    if order == "rising":  # the highest charge is the last
        assert deviation.max() < 1e-12
    else:
        assert deviation.max() > 0.01


@pytest.mark.parametrize("order", ORDERS)
def test_where_no_current_is_negative_the_count_is_the_one_of_a_queue(order):
    setting = (order, 0.25, 0.5, 0.25)
    z, theta = np.array(currents_of(order, 0.5, 0.25)), np.array(thetas_of(0.25))
    held = theta / 2 + np.pad(np.cumsum(z, axis=1), ((0, 0), (1, 0)))[:, :, None]  # after k steps
    queue = np.min(np.floor(held / theta) + np.arange(16, -1, -1)[:, None], axis=1)
    good = (z.min(1) >= 0)[:, None] & sure(held, theta).all(1)
    assert good.sum() > 2000
    assert (counted(deviation_error.compute(*setting), setting) == queue)[good].all()
    assert (queue[good] < 16).any()
    assert (queue[good] == 16).any()


@pytest.mark.parametrize(("mean", "spread"), [(0.25, 0.5), (-0.125, 0.375), (0.5, 0.75)])
@pytest.mark.parametrize("threshold", [0.25, 1.5])
def test_the_order_changes_the_deviation_and_nothing_else(threshold, mean, spread):
    drawn, *others = (deviation_error.compute(o, threshold, mean, spread) for o in ORDERS)
    z_mean = (mean + spread * NOISE).mean(0)[:, None]
    theta = np.array(thetas_of(threshold))
    clear = sure(16 * z_mean + theta / 2, theta)
    assert (~clear).sum() < 5
    for data in others:
        assert math.isclose(data["charge"][-1], drawn["charge"][-1], abs_tol=1e-12)
        for part in ("clipping", "quantization"):
            difference = data["parts"][part] - drawn["parts"][part]
            assert np.abs(difference[clear]).max() < 1e-12
        difference = data["parts"]["deviation"] - drawn["parts"]["deviation"]
        assert np.abs(difference).max() > 0.01
    falling, rising = (np.diff(data["charge"]) for data in others)
    assert (np.diff(falling) <= 0).all()
    assert (np.diff(rising) >= 0).all()


def test_steady_currents_have_no_deviation_in_any_order():
    for order, threshold, mean in itertools.product(
        ORDERS, (0.25, 0.75, 4.0), (-0.25, 0.1875, 0.5)
    ):
        data = deviation_error.compute(order, threshold, mean, 0.0)
        assert not data["rms"]["deviation"][-1]
        assert np.abs(data["parts"]["deviation"]).max() < 1e-12
        assert data["rms"]["total"].max() > 0.01 or mean < 0


@pytest.mark.parametrize(("mean", "spread"), [(0.25, 0.5), (-0.125, 0.375), (0.5, 0.75)])
def test_largest_first_gives_most_spikes_and_smallest_first_fewest(mean, spread):
    settings = [(order, 1.0, mean, spread) for order in ORDERS]
    drawn, most, fewest = (counted(deviation_error.compute(*s), s) for s in settings)
    theta = np.array(thetas_of(1.0))
    holds = (mean + spread * NOISE).max(0)[:, None] <= theta
    last = theta / 2 + (mean + spread * NOISE).sum(0)[:, None]
    holds &= sure(last, theta)
    assert holds.sum() > 1000
    assert (most >= drawn)[holds].all()
    assert (drawn >= fewest)[holds].all()
    assert most[holds].sum() > drawn[holds].sum() > fewest[holds].sum()


def test_deviation_grows_with_the_spread_and_quantization_with_the_threshold():
    spreads = [deviation_error.compute("drawn", 1.0, 0.25, s / 4)["rms"] for s in range(4)]
    assert (np.diff([found["deviation"][-1] for found in spreads]) > 0).all()
    broad = deviation_error.compute("drawn", 1.0, 0.5, 0.75)["rms"]
    for k in (11, 15, 19, 23):  # the last stair is anywhere: evenly spread, so θ/√12 T
        expected = deviation_error.THRESHOLDS[k] / math.sqrt(12) / 16
        assert math.isclose(broad["quantization"][k], expected, rel_tol=0.15)
    assert 3 < spreads[2]["total"][:-1].argmin() < 21  # neither end is best


# --- what is shown of it ---------------------------------------------------------------------


@pytest.mark.parametrize("setting", [*UNEVEN, BELOW], ids=str)
def test_what_is_drawn_of_uneven_currents_is_what_was_computed(uneven, setting):
    data, *_ = show_uneven(uneven, *setting)
    left, right = uneven.picture.figure.axes
    shown = {
        "charge": moving(uneven, "charge received"),
        "highest": moving(uneven, "its highest so far"),
        "passed_on": moving(uneven, "θ × spikes so far"),
    }
    for name, line in shown.items():
        assert line.get_xdata().tolist() == list(range(1, 17))
        assert np.array_equal(line.get_ydata(), data[name])
        assert line.axes == left
    parts = ("total", "deviation", "quantization", "clipping")
    errors = {part: moving(uneven, part) for part in parts}
    for part, line in errors.items():
        np.testing.assert_allclose(line.get_xdata(), thetas_of(1)[:-1])
        assert len(line.get_ydata()) == 25
        assert np.array_equal(line.get_ydata(), data["rms"][part][:25])
        assert line.axes == right
    assert ring(uneven).get_data() == ([setting[1]], [data["rms"]["total"][25]])
    assert ring(uneven).axes == right
    assert {*shown.values(), *errors.values(), ring(uneven)} == set(uneven.picture.moving)


def test_nothing_of_uneven_currents_leaves_its_axes(uneven):
    for order, threshold in itertools.product(ORDERS, (0.25, 4.0)):
        for mean, spread in itertools.product((-0.25, 0.5), (0.0, 0.75)):
            show_uneven(uneven, order, threshold, mean, spread)
            for line in uneven.picture.moving:
                assert_inside(line)


def test_the_ring_lies_on_the_line_of_the_total(uneven):
    for threshold, k in ((0.25, 0), (0.5, 6), (1.0, 12), (2.0, 18), (4.0, 24)):
        show_uneven(uneven, "drawn", threshold, 0.25, 0.5)
        (x,), (y,) = ring(uneven).get_data()
        assert math.isclose(x, moving(uneven, "total").get_xdata()[k])
        assert math.isclose(y, moving(uneven, "total").get_ydata()[k], abs_tol=1e-12)


@pytest.mark.parametrize("setting", [*UNEVEN, BELOW], ids=str)
def test_the_words_of_uneven_currents_are_their_numbers(uneven, setting):
    order, threshold, mean, spread = setting
    data, words, _ = show_uneven(uneven, *setting)
    z = currents_of(order, mean, spread)[0]
    spikes, _ = fired(z, threshold, 0.5)
    arrived = {"drawn": "as they come", "falling": "largest first", "rising": "smallest first"}
    assert (mean, spread, threshold) == tuple(
        said(rf"mean (\S+) and spread (\S+), {arrived[order]}, threshold (\S+):", words)
    )
    received, most, passed, count, each = said(
        r"received (\S+), its start included, at most (\S+) on the way, "
        r"and has passed on (\S+) \((\d+) × (\S+)\)\.",
        words,
    )
    charge = [0.5 * threshold + math.fsum(z[: t + 1]) for t in range(16)]
    assert near(charge[-1], received, 2)
    assert near(max(charge), most, 2)
    assert (passed, count, each) == (threshold * spikes[-1], spikes[-1], threshold)
    numbers = r"of 200 such neurons: (\S+) root mean square \(deviation (\S+), quantization (\S+),"
    for part, number in zip(
        ("total", "deviation", "quantization", "clipping"),
        said(numbers + r" clipping ([\d.]+)\)", words),
        strict=True,
    ):
        errors = data["total"] if part == "total" else data["parts"][part]
        assert near(rms(errors[:, -1]), number, 4)
    if max(math.fsum(z) / 16 for z in currents_of(order, mean, spread)) <= threshold:
        assert "clipping 0)" in words
    best = min(range(25), key=lambda k: rms(data["total"][:, k]))
    assert said(r"smallest near threshold (\S+)\.$", words) == [float(f"{thetas_of(1)[best]:.2g}")]


def test_the_settings_shown_have_cases_of_all_kinds():
    found = [deviation_error.compute(*setting) for setting in [*UNEVEN, BELOW]]
    assert {bool(data["rms"]["clipping"][-1]) for data in found} == {True, False}
    assert {data["above"] > 0 for data in found} == {True, False}
    assert {data["highest"][-1] > data["charge"][-1] for data in found} == {True, False}
    assert {data["highest"][-1] > 0 for data in found} == {True, False}
    assert {data["rms"]["total"].argmin() == 25 for data in found} == {True, False}
    assert any(data["highest"][-1] > data["passed_on"][-1] + data["threshold"] for data in found)
    assert len({int(data["rms"]["total"][:-1].argmin()) for data in found}) > 3


def filled_in(formula):
    """Return highest charge, threshold, bound and spikes that stand in the formula."""
    return said(
        r"\\frac{(\S+)}{(\S+)}\\right\\rfloor\\right\) = (\d+),\\qquad \\text{the neuron fired } "
        r"(\d+)\\text{ times}",
        formula,
    )


@pytest.mark.parametrize("setting", [*UNEVEN, BELOW], ids=str)
def test_the_law_in_the_formula_is_filled_in(uneven, setting):
    order, threshold, mean, spread = setting
    _, _, formula = show_uneven(uneven, *setting)
    z = currents_of(order, mean, spread)[0]
    charge = max(0.5 * threshold + math.fsum(z[: t + 1]) for t in range(16))
    highest, theta, bound, count = filled_in(formula)
    assert near(charge, highest, 2)
    assert theta == threshold
    assert bound == max(0, math.floor(charge / threshold))
    assert count == fired(z, threshold, 0.5)[0][-1]
    above = sum(current > threshold for current in z)
    if above:
        assert f"Above the threshold are {above} of the 16 currents here." in formula
    else:
        assert bound == count
    assert ("so the law holds" in formula) == (not above)


def test_the_formula_counts_right_wherever_it_says_so(uneven):
    seen, behind = set(), 0
    for setting in itertools.product(
        ORDERS, (0.25, 0.75, 2.0), (-0.25, 0.0, 0.5), (0.0, 0.25, 0.75)
    ):
        data, _, formula = show_uneven(uneven, *setting)
        _, _, bound, count = filled_in(formula)
        if data["above"] == 0:
            assert bound == count, setting
            seen.add(count)
        behind += count < bound
    assert len(seen) > 5
    assert 0 in seen
    assert behind > 0
