r"""The deviation error: what uneven currents do to a neuron that counts.

The letters: :math:`S_t` the sum of the currents up to step t, :math:`M_T` its largest value up to
step T (0 included), μ and σ² mean and variance of the currents, θ threshold, N spike count. The
currents of a random walk are independent and normally distributed; the reset is by subtraction.
"""

import math
from typing import Any

import numpy as np

from snnlab._arguments import checks
from snnlab.exceptions import OptionError, ShapeError

# A walk that is looked at only after each step passes a level by this many σ on average:
# -ζ(1/2)/√(2π) (Siegmund 1985).
_OVERSHOOT = 0.5826
# Below, the normal distribution function is nearly 0, and its logarithm is a series.
_FAR = -30.0


def highest_charge_count(currents: Any, v_threshold: Any = 1.0, v_init: float = 0.0) -> np.ndarray:
    r"""Count the spikes of a neuron from the highest charge it ever held.

    .. math:: N = \max\left(0,\ \max_{1 \le t \le T}
              \left\lfloor\frac{v_0 + S_t}{\theta}\right\rfloor\right)

    Exact with soft reset, as long as no single current is larger than the threshold.

    Parameters
    ----------
    currents : array, shape (T, ...)
    v_threshold : float or array
        Threshold θ, broadcast against one step.
    v_init : float
        :math:`v_0/\theta`, in [0, 1).

    Returns
    -------
    array of float64, shape (...)
        N, whole numbers.

    Raises
    ------
    OptionError
        If a threshold is not above 0 or `v_init` is outside its range.
    ShapeError
        If the currents are no finite numbers, or there is none.

    Derived here.

    >>> highest_charge_count([[1.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0]]).tolist()
    [2.0, 0.0]
    """
    theta = np.asarray(v_threshold)
    bad = theta[~((theta > 0) & np.isfinite(theta))] if theta.dtype.kind in "iuf" else theta
    if bad.size:
        raise OptionError(f"v_threshold: found {bad.flat[0]}, expected finite numbers above 0.")
    try:
        z = np.atleast_1d(np.asarray(currents, np.float64))
    except ValueError as error:
        raise ShapeError(f"currents: are no array of numbers ({error}).") from error
    if not len(z) or not np.isfinite(z).all():
        found = "hold NaN or infinite values" if len(z) else "are empty"
        raise ShapeError(f"currents: {found}, expected a finite number for each step: (T, ...).")
    charge = np.cumsum(z, axis=0)
    held = checks.fraction_of_threshold(v_init) * theta + charge.max(axis=0)
    return np.maximum(0.0, np.floor(held / theta))


def coin_walk_count(up: float, levels: int) -> float:
    r"""Return the mean number of spikes in endless time when a coin says up or down.

    .. math:: \mathbb E[N] = \frac{\rho^m}{1 - \rho^m},\qquad \rho = \frac{p}{1 - p}

    At each step the charge goes up by d with probability p < 1/2, else down by d. It ever climbs
    one d higher with probability ρ, so a threshold of m d is reached once more with :math:`\rho^m`.
    The ANN's activation is 0: all these spikes are spurious. Exact for a neuron that starts empty.

    Parameters
    ----------
    up : float
        p, in (0, 1/2).
    levels : int
        m = θ/d.

    Raises
    ------
    OptionError
        If p is outside its range or m no whole number.

    Derived here.

    >>> round(coin_walk_count(0.4, levels=2), 3), round(coin_walk_count(0.4, levels=4), 3)
    (0.8, 0.246)
    """
    between = "a probability between 0 and 1/2."
    up = checks.number(up, "up", 0, 0.5, excluded=(0, 0.5), expected=between)
    climbs = (up / (1 - up)) ** checks.whole(levels, "levels")
    return climbs / (1 - climbs)


def expected_deviation(
    timesteps: int, mean: float, variance: float, v_threshold: float, v_init: float = 0.5
) -> float:
    r"""Predict the mean deviation error of neurons whose currents are a random walk.

    .. math::
        \mathbb E[\text{deviation}] \approx \frac{\theta}{T} \sum_{n=1}^{T}
        P(M_T \ge x_n > S_T), \qquad x_n = n\theta - v_0,

    the law of `highest_charge_count` less that of a steady current; by reflection, with
    :math:`\kappa = 0.583\,\sigma` for what a step overshoots a level by,

    .. math::
        P(M_T \ge x > S_T) \approx e^{2\mu(x + \kappa)/\sigma^2}\,
        \Phi\left(-\frac{x + 2\kappa + \mu T}{\sigma\sqrt T}\right)

    For μ < 0 it falls exponentially in :math:`|\mu|\theta/\sigma^2`, for μ = 0 it shrinks like
    :math:`1/\sqrt T`, for μ > 0 like 1/T. Currents larger than the threshold are not foreseen, and
    a short walk is too coarse: it holds from 16 steps on, for σ up to θ/2, μ up to θ - 2σ and
    :math:`v_0` up to 3θ/4.
    Compared with simulation there, within 10 % or 0.002 θ, whichever is more.

    Parameters
    ----------
    timesteps : int
        T.
    mean, variance : float
        μ and σ² > 0 of the current of one step.
    v_threshold : float
        Threshold θ, in units of the activation.
    v_init : float
        :math:`v_0/\theta`, in [0, 1).

    Raises
    ------
    OptionError
        If an argument is outside its range.

    Source: reflection of Brownian motion, corrected for steps as in Siegmund 1985; its use ours.

    >>> round(expected_deviation(32, mean=0.0, variance=0.25, v_threshold=1.0), 3)
    0.027
    """
    steps, mean, variance, theta = _checked(timesteps, mean, variance, v_threshold)
    sigma = math.sqrt(variance)
    x = np.arange(1, steps + 1) * theta - checks.fraction_of_threshold(v_init) * theta
    kappa, spread = _OVERSHOOT * sigma, sigma * math.sqrt(steps)
    # In logarithms, since the one factor may be huge when the other is tiny.
    log_chance = 2 * mean * (x + kappa) / variance
    log_chance += _log_phi(-(x + 2 * kappa + mean * steps) / spread)
    return float(theta / steps * np.exp(log_chance).sum())


def maximum_moments(timesteps: int, mean: float, variance: float) -> tuple[float, float]:
    r"""Return the mean and the mean square of :math:`M_T`, the largest value of a random walk.

    .. math::
        \mathbb E[M_T] = \sum_{k=1}^T \frac{\mathbb E[S_k^+]}{k}, \qquad
        \mathbb E[M_T^2] = \sum_{k=1}^T \frac{\mathbb E[(S_k^+)^2]}{k} +
        \sum_{j + k \le T} \frac{\mathbb E[S_j^+]\,\mathbb E[S_k^+]}{j\,k}

    with :math:`S_k^+ = \max(0, S_k)` and :math:`S_k` normal, of mean kμ and variance kσ². Exact.
    Arguments and errors as for `expected_deviation`.

    Source: Spitzer 1956, whose identity gives all moments of :math:`M_T`.

    >>> maximum_moments(1, mean=0.0, variance=1.0)[1]
    0.5
    """
    steps, mean, variance, _ = _checked(timesteps, mean, variance, 1.0)
    k = np.arange(1, steps + 1)
    m, s = k * mean, np.sqrt(k) * math.sqrt(variance)
    density = np.exp(-((m / s) ** 2) / 2) / math.sqrt(2 * math.pi)
    first = (m * _phi(m / s) + s * density) / k
    second = ((m**2 + s**2) * _phi(m / s) + m * s * density) / k
    pairs = np.convolve(first, first)[: steps - 1].sum()
    return float(first.sum()), float(second.sum() + pairs)


def predicted_error(timesteps: int, mean: float, variance: float, v_threshold: float) -> float:
    r"""Predict the root mean square error, quantization and deviation, of neurons that should fire.

    .. math::
        \text{RMS} \approx \frac1T \sqrt{\frac{\theta^2}{12} + \mathbb E[(D - B)^2]}

    By the balance of charge the error is :math:`(v_0 - v_T)/T`. What is left in a neuron that
    started half full is an even share of the threshold (quantization), less the fall D of the
    charge from its highest value, plus the backlog B of currents above the threshold. D and B are
    taken as independent, each as the largest value of a random walk (`maximum_moments`): D of one
    with mean -μ, B of one with mean μ - θ.

    It holds for 0 < μ < θ, if :math:`\mu T \ge 3\sigma\sqrt T`, so that the neurons do fire, and
    :math:`\sigma\sqrt T \ge \theta/2`, so that what is left is spread over the threshold. Compared
    with simulation there, within 15 %. Arguments and errors as for `expected_deviation`.

    Derived here.

    >>> round(predicted_error(32, mean=0.3, variance=0.25, v_threshold=1.0), 3)
    0.016
    """
    steps, mean, variance, theta = _checked(timesteps, mean, variance, v_threshold)
    fall = maximum_moments(steps, -mean, variance)
    return _error(theta, fall, maximum_moments(steps, mean - theta, variance), steps)


def _error(
    theta: float, fall: tuple[float, float], backlog: tuple[float, float], steps: int
) -> float:
    """Return the equation of `predicted_error` from mean and mean square of D and of B."""
    deviation_square = fall[1] - 2 * fall[0] * backlog[0] + backlog[1]
    return math.sqrt(theta**2 / 12 + deviation_square) / steps


def best_threshold(timesteps: int, mean: float, variance: float) -> float:
    """Return the threshold at which `predicted_error` is smallest, to 1 %.

    A high threshold makes the stairs of quantization coarse, a low one lets single currents exceed
    it, so that spikes come too late. Arguments and errors as for `expected_deviation`.

    Raises
    ------
    OptionError
        If the mean is not above 0: a neuron that should be silent is the better the higher its
        threshold.

    >>> 0.7 < best_threshold(32, mean=0.3, variance=0.25) < 1.0
    True
    """
    steps, mean, variance, _ = _checked(timesteps, mean, variance, 1.0)
    if mean <= 0:
        raise OptionError(
            f"mean = {mean:g}: expected a number above 0. A neuron whose current is not above 0 on "
            f"average should be silent: the higher its threshold the better."
        )
    fall = maximum_moments(steps, -mean, variance)

    def error(log_theta: float) -> float:
        theta = math.exp(log_theta)
        return _error(theta, fall, maximum_moments(steps, mean - theta, variance), steps)

    # Below the mean it saturates; far above mean and spread it only gets coarser.
    coarse = np.arange(math.log(mean), math.log(8 * (mean + math.sqrt(variance))), 0.05).tolist()
    best = min(coarse, key=error)
    return math.exp(min((best + part / 100 for part in range(-5, 6)), key=error))


def _checked(
    timesteps: int, mean: float, variance: float, v_threshold: float
) -> tuple[int, float, float, float]:
    """Return the arguments, all as numbers of Python."""
    steps, mean = checks.whole(timesteps, "timesteps"), checks.number(mean, "mean")
    theta = checks.positive(v_threshold, "v_threshold")
    above_0 = (
        "a finite number above 0. Without variance the current is constant, and there is no "
        "deviation."
    )
    variance = checks.number(variance, "variance", 0, excluded=(0,), expected=above_0)
    return steps, mean, variance, theta


def _phi(x: np.ndarray) -> np.ndarray:
    """Return the standard normal distribution function."""
    return np.vectorize(math.erfc, [float])(-np.asarray(x) / math.sqrt(2)) / 2


def _log_phi(x: np.ndarray) -> np.ndarray:
    """Return the logarithm of the standard normal distribution function."""
    far = np.minimum(x, _FAR)
    # Its asymptotic series: 1 - 1/x² + 3/x⁴ - 15/x⁶ ... times the density over -x.
    terms = [(-1) ** n * math.prod(range(1, 2 * n, 2)) / far ** (2 * n) for n in range(1, 8)]
    series = -(far**2) / 2 - np.log(-far * math.sqrt(2 * math.pi)) + np.log1p(sum(terms))
    near = np.where(x < 0, np.log(_phi(np.clip(x, _FAR, 0))), np.log1p(-_phi(-np.abs(x))))
    return np.where(x < _FAR, series, near)
