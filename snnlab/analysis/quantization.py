r"""The quantization error of neurons whose currents are spread evenly from 0 to the threshold.

A current z brings :math:`u = zT/\theta` thresholds in T steps, and a neuron passes on
:math:`\theta N/T`. Its error is :math:`\theta N/T - z`, in units of the activation.
"""

import math

from snnlab._arguments import checks


def quantization_bias(timesteps: int, v_threshold: float = 1.0, v_init: float = 0.5) -> float:
    r"""Return the mean error with soft reset.

    .. math:: \mathbb E\left[\frac{\theta N}{T} - z\right] =
              \left(\frac{v_0}{\theta} - \frac12\right) \frac{\theta}{T},
              \qquad z \sim U[0, \theta]

    Parameters
    ----------
    timesteps : int
        T.
    v_threshold : float
        Threshold θ, in units of the activation.
    v_init : float
        :math:`v_0/\theta`, in [0, 1).

    Raises
    ------
    OptionError
        If an argument is outside its range.

    Derived here; with :math:`v_0 = \theta/2` it is 0 (Bu et al. 2022, theorem 2).

    >>> quantization_bias(4, v_init=0.0), quantization_bias(4, v_init=0.5)
    (-0.125, 0.0)
    """
    theta, steps = _theta(v_threshold), checks.whole(timesteps, "timesteps")
    return (checks.fraction_of_threshold(v_init) - 0.5) * theta / steps


def quantization_variance(timesteps: int, v_threshold: float = 1.0) -> float:
    r"""Return the variance of the error with soft reset; the initial potential does not change it.

    .. math:: \operatorname{Var}\left[\frac{\theta N}{T} - z\right] = \frac{\theta^2}{12\,T^2},
              \qquad z \sim U[0, \theta]

    Arguments and errors as for `quantization_bias`. Derived here.

    >>> quantization_variance(4) == 1 / 192
    True
    """
    return (_theta(v_threshold) / checks.whole(timesteps, "timesteps")) ** 2 / 12


def hard_reset_bias(v_threshold: float = 1.0) -> float:
    r"""Return the mean error with hard reset after endless time.

    .. math:: \mathbb E\left[\frac{\theta}{\lceil\theta/z\rceil} - z\right] =
              \theta\left(\frac32 - \frac{\pi^2}{6}\right) \approx -0.145\,\theta,
              \qquad z \sim U[0, \theta]

    More steps do not help: it is the sum of :math:`1/n` over the currents that fill the neuron in
    n steps. Threshold and errors as for `quantization_bias`. Derived here.

    >>> round(hard_reset_bias(1.0), 4)
    -0.1449
    """
    return _theta(v_threshold) * (1.5 - math.pi**2 / 6)


def hard_reset_variance(v_threshold: float = 1.0) -> float:
    r"""Return the variance of the error with hard reset after endless time.

    .. math:: \operatorname{Var}\left[\frac{\theta}{\lceil\theta/z\rceil} - z\right] =
              \theta^2\left(\frac{10 - \pi^2}{3} - \left(\frac32 - \frac{\pi^2}{6}\right)^2\right),
              \qquad z \sim U[0, \theta]

    Threshold and errors as for `quantization_bias`. Derived here.

    >>> round(hard_reset_variance(1.0), 5)
    0.02246
    """
    mean_square = (10 - math.pi**2) / 3 * _theta(v_threshold) ** 2
    return mean_square - hard_reset_bias(v_threshold) ** 2


def _theta(v_threshold: float) -> float:
    return checks.positive(v_threshold, "v_threshold")
