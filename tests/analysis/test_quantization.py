"""Bias and variance of the quantization error, against neurons that are stepped."""

import numpy as np
import pytest

import snnlab as sl
from snnlab.analysis import quantization
from snnlab.dynamics.neuron import if_step

THRESHOLDS = [0.5, 1.0, 1.25]
STARTS = [0.0, 0.25, 0.5, 0.75]


def stepped_error(z, timesteps, theta, v_init=0.0, reset="subtract"):
    """θN/T - z, one step after the other."""
    v, count = np.full(z.shape, v_init * theta), np.zeros(z.shape)
    for _ in range(timesteps):
        v, spikes = if_step(v, z, theta, reset)
        count += spikes
    return theta * count / timesteps - z


def midpoints(cells, theta):
    """The middle of each of so many equal parts of [0, θ]."""
    return (np.arange(cells) + 0.5) / cells * theta


@pytest.mark.parametrize("theta", THRESHOLDS)
@pytest.mark.parametrize("timesteps", [1, 2, 4, 8, 16])
def test_bias_and_variance_of_the_soft_reset(timesteps, theta):
    """The counts change at edges of cells only, and all numbers are dyadic: the mean is exact.

    Within a cell the error is a slope of -1, so the middles miss a variance of width² / 12.
    """
    z = midpoints(2**10, theta)
    for v_init in STARTS:
        error = stepped_error(z, timesteps, theta, v_init)
        assert error.mean() == quantization.quantization_bias(timesteps, theta, v_init)
        within = (theta / z.size) ** 2 / 12
        predicted = quantization.quantization_variance(timesteps, theta)
        assert error.var() + within == pytest.approx(predicted, rel=1e-12)


@pytest.mark.parametrize("timesteps", [3, 5, 7, 100])
def test_bias_and_variance_for_other_numbers_of_steps(timesteps):
    z = midpoints(64 * timesteps, 1.25)
    for v_init in STARTS:
        error = stepped_error(z, timesteps, 1.25, v_init)
        bias = quantization.quantization_bias(timesteps, 1.25, v_init)
        assert error.mean() == pytest.approx(bias, abs=1e-13)
        predicted = quantization.quantization_variance(timesteps, 1.25)
        assert error.var() == pytest.approx(predicted - (1.25 / z.size) ** 2 / 12, rel=1e-9)


def test_the_initial_potential_is_half_a_threshold_unless_given():
    assert quantization.quantization_bias(3) == quantization.quantization_bias(3, 1.0, 0.5) == 0
    assert quantization.quantization_bias(2, 1.0, 0.0) == -0.25


def series(theta, power, terms=10**6):
    """E[(θ/n - z)^power] as a sum over n: z from θ/n to θ/(n-1) takes n steps to a spike."""
    n = np.arange(2, terms, dtype=np.float64)
    width = 1 / (n * (n - 1))
    return (-theta) ** power * (width ** (power + 1)).sum() / (power + 1)


@pytest.mark.parametrize("theta", THRESHOLDS)
def test_hard_reset_against_the_series_over_the_steps_to_a_spike(theta):
    mean, square = series(theta, 1), series(theta, 2)
    assert quantization.hard_reset_bias(theta) == pytest.approx(mean, rel=1e-11)
    assert quantization.hard_reset_variance(theta) == pytest.approx(square - mean**2, rel=1e-11)


@pytest.mark.parametrize("theta", THRESHOLDS)
@pytest.mark.parametrize("v_init", [0.0, 0.75])
def test_hard_reset_against_a_long_simulation(theta, v_init):
    """The rate of a cycle is known to one spike in T, the grid to a cell: within (2/T + 1/cells) θ.

    The error is at most θ, so its mean square is off by at most twice that.
    """
    timesteps, cells = 4096, 2048
    error = stepped_error(midpoints(cells, theta), timesteps, theta, v_init, "zero")
    close = (2 / timesteps + 1 / cells) * theta
    assert error.mean() == pytest.approx(quantization.hard_reset_bias(theta), abs=close)
    variance = quantization.hard_reset_variance(theta)
    assert error.var() == pytest.approx(variance, abs=2 * theta * close)


def test_more_steps_do_not_help_the_hard_reset():
    """Sixteen times the steps: the soft reset's error falls to a sixteenth, the other's stays."""
    z = midpoints(2**15, 1.0)
    errors = {
        reset: [np.mean(stepped_error(z, t, 1.0, 0.0, reset) ** 2) ** 0.5 for t in (64, 1024)]
        for reset in ("subtract", "zero")
    }
    assert errors["subtract"][1] == pytest.approx(errors["subtract"][0] / 16, rel=1e-2)
    assert errors["zero"][1] == pytest.approx(errors["zero"][0], rel=1e-2)
    bias, variance = quantization.hard_reset_bias(), quantization.hard_reset_variance()
    assert errors["zero"][1] ** 2 == pytest.approx(bias**2 + variance, rel=1e-2)


@pytest.mark.parametrize("theta", [0, -1.0, float("nan"), float("inf"), "1", True, [1.0, 2.0]])
def test_a_threshold_that_is_no_number_above_zero_is_refused(theta):
    for call in (
        lambda: quantization.quantization_bias(4, theta),
        lambda: quantization.quantization_variance(4, theta),
        lambda: quantization.hard_reset_bias(theta),
        lambda: quantization.hard_reset_variance(theta),
    ):
        with pytest.raises(sl.OptionError, match=r"v_threshold = .*expected a finite number above"):
            call()


@pytest.mark.parametrize("timesteps", [0, -4, 2.5, "4", True, float("nan")])
def test_steps_that_are_no_whole_number_are_refused(timesteps):
    with pytest.raises(sl.OptionError, match=r"timesteps = .*expected a whole number, 1 or more"):
        quantization.quantization_bias(timesteps)
    with pytest.raises(sl.OptionError, match=r"timesteps = .*expected a whole number, 1 or more"):
        quantization.quantization_variance(timesteps)


@pytest.mark.parametrize("v_init", [-0.25, 1, 1.5, float("nan"), "0"])
def test_an_initial_potential_outside_its_range_is_refused(v_init):
    with pytest.raises(sl.OptionError, match=r"v_init = .*in \[0, 1\).*did you mean v_init /"):
        quantization.quantization_bias(4, 1.0, v_init)
