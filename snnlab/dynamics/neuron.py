r"""The integrate-and-fire neuron: its step, its two resets, its closed forms.

The letters of the equations: z input current, θ threshold, v membrane potential, s spike (0 or 1),
N spike count, T number of steps, R rate function of the ANN. Potentials, currents and thresholds
share one arbitrary unit; time is counted in steps. Firing is `v >= θ`: equality fires.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snnlab import _checks
from snnlab.exceptions import OptionError

Reset = Literal["subtract", "zero"]
RESETS = ("subtract", "zero")


@dataclass(frozen=True, eq=False)
class Neuron:
    """What replaces one ReLU: the setting of all neurons of a layer.

    Parameters
    ----------
    v_threshold : float or array, shape (C,)
        Threshold θ > 0, one for the layer or one per channel, in units of the activation.
    reset : {"subtract", "zero"}
        What a spike does to the potential: v - θ (soft reset) or 0 (hard reset).
    v_init : float
        Potential before the first step, in units of the threshold, in [0, 1).

    Raises
    ------
    OptionError
        If a threshold is not a finite number above 0, `v_init` outside [0, 1), `reset` unknown.

    Examples
    --------
    >>> Neuron(2.0)
    Neuron(v_threshold=2.0, reset='subtract', v_init=0.5)
    """

    v_threshold: float | np.ndarray
    reset: Reset = "subtract"
    v_init: float = 0.5

    def __post_init__(self) -> None:
        threshold = checked_threshold(self.v_threshold)
        object.__setattr__(self, "v_threshold", threshold)
        _checks.option(self.reset, "reset", RESETS)
        object.__setattr__(self, "v_init", _checks.fraction_of_threshold(self.v_init))


def checked_threshold(value: Any, name: str = "v_threshold") -> float | np.ndarray:
    """Return a threshold as a float or a read-only array of float64, shape (C,)."""
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    try:
        array = np.array(value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "iuf" or array.size == 0:
        raise OptionError(
            f"{name} = {value!r}: expected a number, or an array with one number per channel."
        )
    array = array.astype(np.float64)
    if array.ndim > 1:
        raise OptionError(
            f"{name}: array of shape {array.shape}, expected one number, or one per channel: (C,)."
        )
    bad = array[~(np.isfinite(array) & (array > 0))]
    if bad.size:
        raise OptionError(
            f"{name}: found {bad.flat[0]:g}, expected finite numbers above 0. A neuron with "
            f"threshold 0 would fire without input."
        )
    array.flags.writeable = False
    return float(array) if array.ndim == 0 else array


def per_neuron(v_threshold: float | np.ndarray, ndim: int) -> float | np.ndarray:
    """Return the threshold so that it broadcasts over (B, C, ...), `ndim` dimensions in all.

    >>> per_neuron(np.array([1.0, 2.0]), 4).shape
    (2, 1, 1)
    """
    if np.ndim(v_threshold) == 0:
        return v_threshold
    return np.reshape(v_threshold, (-1,) + (1,) * (ndim - 2))


def if_step(v: Any, current: Any, v_threshold: Any = 1.0, reset: Reset = "subtract") -> tuple:
    r"""Advance integrate-and-fire neurons by one step.

    .. math:: m = v + z,\quad s = [m \ge \theta],\quad
              v' = m - \theta s \;(\text{subtract}), \; v' = m\,(1 - s)\;(\text{zero})

    Parameters
    ----------
    v : float or array, shape (B, ...)
        Membrane potential before the step.
    current : float or array, shape (B, ...)
        Input z of this step, in units of potential.
    v_threshold : float or array
        Threshold θ > 0, broadcast against `v`.
    reset : {"subtract", "zero"}
        Soft or hard reset.

    Returns
    -------
    v, spikes : like `v`
        Potential after the reset, and 0 or 1.

    Raises
    ------
    OptionError
        If `reset` is not one of the two.

    Source: Rueckauer et al. 2017 (both resets); Diehl et al. 2015 (reset to zero).

    >>> if_step(0.75, 0.5)
    (0.25, 1.0)
    >>> if_step(0.75, 0.5, reset="zero")
    (0.0, 1.0)
    """
    _checks.option(reset, "reset", RESETS)
    m = v + current
    spikes = (m >= v_threshold) * 1.0
    v = m - v_threshold * spikes if reset == "subtract" else m * (1.0 - spikes)
    return v, spikes


def soft_count(current: Any, timesteps: int, v_threshold: Any = 1.0, v_init: float = 0.0) -> Any:
    r"""Count the spikes of a neuron with soft reset under a constant current.

    .. math:: N = \operatorname{clip}\left(
              \left\lfloor\frac{zT + v_0}{\theta}\right\rfloor, 0, T\right)

    with :math:`v_0` = `v_init` · θ. `current` is an array of any shape, in units of potential;
    the result has the same shape and holds whole numbers as float64.

    Source: Bu et al. 2022 (QCFS), equation 12.

    >>> soft_count([0.3, 0.5, 2.0], timesteps=4).tolist()
    [1.0, 2.0, 4.0]
    """
    z, theta = np.asarray(current, np.float64), np.asarray(v_threshold, np.float64)
    return np.clip(np.floor((z * timesteps + v_init * theta) / theta), 0, timesteps)


def hard_count(current: Any, timesteps: int, v_threshold: Any = 1.0, v_init: float = 0.0) -> Any:
    r"""Count the spikes of a neuron with hard reset under a constant current z > 0.

    .. math:: N = 0 \text{ if } T < n_1,\quad
              \text{else } 1 + \left\lfloor\frac{T - n_1}{n}\right\rfloor,
              \qquad n_1 = \max\left(1, \left\lceil\frac{\theta - v_0}{z}\right\rceil\right),\;
              n = \max\left(1, \left\lceil\frac{\theta}{z}\right\rceil\right)

    :math:`n_1` steps pass to the first spike, n between two; :math:`v_0` = `v_init` · θ. No spike
    for z <= 0. Shapes and units as in `soft_count`. Derived here; with `v_init` = 0 it is
    :math:`\lfloor T / \lceil\theta/z\rceil\rfloor`.

    >>> hard_count([0.3, 0.5, 0.99], timesteps=4).tolist()
    [1.0, 2.0, 2.0]
    """
    z, theta = np.asarray(current, np.float64), np.asarray(v_threshold, np.float64)
    positive = np.where(z > 0, z, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        first = np.maximum(1, np.ceil((1 - v_init) * theta / positive))
        between = np.maximum(1, np.ceil(theta / positive))
        count = 1 + np.floor((timesteps - first) / between)
    return np.where((z > 0) & (first <= timesteps), count, 0.0)


def constant_count(current: Any, timesteps: int, neuron: Neuron) -> Any:
    """Count the spikes of `neuron` under a constant current of shape (B, C, ...)."""
    count = {"subtract": soft_count, "zero": hard_count}[neuron.reset]
    theta = per_neuron(neuron.v_threshold, np.ndim(current))
    return count(current, timesteps, theta, neuron.v_init)


def constant_output(current: Any, timesteps: int, neuron: Neuron) -> Any:
    r"""Return what `neuron` passes on under a constant current, the staircase Q(z).

    .. math:: Q(z) = \frac{\theta\,N}{T}

    with the count N of `constant_count`; arrays of float64, shape (B, C, ...). Derived here.

    >>> constant_output([[0.3, 2.0]], 4, Neuron(1.0, v_init=0.0)).tolist()
    [[0.25, 1.0]]
    """
    return passed_on(constant_count(current, timesteps, neuron), timesteps, neuron)


def passed_on(counts: Any, timesteps: int, neuron: Neuron) -> Any:
    r"""Return what neurons have passed on that fired N times, in units of the activation.

    .. math:: \varphi = \frac{\theta\,N}{T}

    Counts have shape (B, C, ...); the result is of float64. Source: Diehl et al. 2015 (threshold
    balancing).

    >>> passed_on(np.array([[1, 4]]), 4, Neuron(2.0)).tolist()
    [[0.5, 2.0]]
    """
    return per_neuron(neuron.v_threshold, np.ndim(counts)) * counts / timesteps


def as_simulated(neuron: Neuron, dtype: np.dtype) -> Neuron:
    """Return the neuron with its threshold as rounded for a simulation in `dtype`.

    >>> as_simulated(Neuron(0.1), np.dtype(np.float32)).v_threshold
    0.10000000149011612
    """
    theta = np.asarray(neuron.v_threshold, dtype).astype(np.float64)
    return dataclasses.replace(neuron, v_threshold=theta)
