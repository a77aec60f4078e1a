r"""The integrate-and-fire neuron: its setting, and its step.

The letters of the equations: z input current, i its offset, θ threshold, v membrane potential, s
spikes of a step, Γ the most of them, N spike count, T number of steps, R rate function of the ANN.
Potentials, currents and thresholds share one arbitrary unit; time is counted in steps. Firing is
`v >= θ`: equality fires.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snnlab._arguments import checks
from snnlab.exceptions import OptionError

Reset = Literal["subtract", "zero"]
RESETS = ("subtract", "zero")


@dataclass(frozen=True, eq=False, repr=False)
class Neuron:
    """What replaces one ReLU: the setting of all neurons of a layer.

    The default is the integrate-and-fire neuron. With `max_spikes` it is a burst neuron (as m
    neurons with thresholds θ/m together are, for `max_spikes` = m at θ/m), with `signed` a signed
    one, and with `i_offset` and an array as `v_init` one whose mean error was corrected.

    Parameters
    ----------
    v_threshold : float or array, shape (C,)
        Threshold θ > 0, one for the layer or one per channel, in units of the activation.
    reset : {"subtract", "zero"}
        What a spike does to the potential: v - θ (soft reset) or 0 (hard reset).
    v_init : float or array, shape (C,) or (C, ...)
        Potential before the first step, in units of the threshold: a number in [0, 1), or any
        numbers, one per channel or one per neuron.
    i_offset : float or array, shape (C,)
        A constant current i that is added at each step, in units of the activation.
    max_spikes : int
        Γ, the most spikes of one step.
    signed : bool
        Whether a neuron below 0 takes back spikes that it has sent, by spikes of -1.

    Raises
    ------
    OptionError
        If a threshold is not a finite number above 0, `v_init` or `i_offset` outside its range,
        `max_spikes` no whole number above 0, or `reset` unknown; or if a neuron that is reset to
        zero should fire several times in a step or take spikes back.

    Source: Rueckauer et al. 2017 (both resets); Li and Zeng 2022 (bursts); Hu et al. 2023 (signed
    neurons); Li et al. 2021 (offset and initial potential as corrections).

    Examples
    --------
    >>> Neuron(2.0)
    Neuron(v_threshold=2.0, reset='subtract', v_init=0.5)
    >>> Neuron(0.5, max_spikes=4, signed=True)
    Neuron(v_threshold=0.5, reset='subtract', v_init=0.5, max_spikes=4, signed=True)
    """

    v_threshold: float | np.ndarray
    reset: Reset = "subtract"
    v_init: float | np.ndarray = 0.5
    i_offset: float | np.ndarray = 0.0
    max_spikes: int = 1
    signed: bool = False

    def __post_init__(self) -> None:
        checked = {
            "v_threshold": checked_threshold(self.v_threshold),
            "v_init": _checked_start(self.v_init),
            "i_offset": _checked_offset(self.i_offset),
            "max_spikes": checks.whole(self.max_spikes, "max_spikes"),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if not isinstance(self.signed, (bool, np.bool_)):
            raise OptionError(f"signed = {self.signed!r}: expected True or False.")
        object.__setattr__(self, "signed", bool(self.signed))
        check_reset(self.reset, self.max_spikes, self.signed)

    def __repr__(self) -> str:
        usual = {"i_offset": 0.0, "max_spikes": 1, "signed": False}
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)
            if settings(self)[field.name] != usual.get(field.name)
        ]
        return f"Neuron({', '.join(shown)})"

    @property
    def highest(self) -> float | np.ndarray:
        """The most that it passes on in a step, Γθ, a number or an array of shape (C,)."""
        return self.max_spikes * self.v_threshold


def settings(neuron: Neuron) -> dict[str, Any]:
    """Return all that tells a neuron from others, by name, with lists for arrays.

    >>> settings(Neuron(np.array([1.0, 2.0])))["v_threshold"]
    [1.0, 2.0]
    """
    values = {field.name: getattr(neuron, field.name) for field in dataclasses.fields(neuron)}
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def check_reset(reset: Any, max_spikes: int, signed: bool) -> None:
    """Refuse an unknown reset, and one to zero with bursts or signed spikes."""
    checks.option(reset, "reset", RESETS)
    for found, given in ((f"max_spikes={max_spikes}", max_spikes > 1), ("signed=True", signed)):
        if reset == "zero" and given:
            raise OptionError(
                f"reset = 'zero' with {found}: expected reset='subtract'. A reset to zero throws "
                f"away what exceeds the threshold, so nothing is left to fire again or to take "
                f"back. Write reset='subtract', or leave {found} away."
            )


def checked_threshold(value: Any, name: str = "v_threshold") -> float | np.ndarray:
    """Return a threshold as a float or a read-only array of float64, shape (C,)."""
    array = _numbers(value, name)
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
    return float(array) if array.ndim == 0 else array


def _checked_start(value: Any) -> float | np.ndarray:
    """Return `v_init` as a float in [0, 1), or as a read-only array of float64."""
    if isinstance(value, (list, tuple)) or getattr(value, "ndim", False):
        return _finite(_numbers(value, "v_init"), "v_init")
    return checks.fraction_of_threshold(value.item() if hasattr(value, "item") else value)


def _checked_offset(value: Any) -> float | np.ndarray:
    """Return `i_offset` as a float or a read-only array of float64, shape (C,)."""
    array = _finite(_numbers(value, "i_offset"), "i_offset")
    if array.ndim > 1:
        raise OptionError(
            f"i_offset: array of shape {array.shape}, expected one number, or one per channel: "
            f"(C,). What differs from neuron to neuron is v_init."
        )
    return float(array) if array.ndim == 0 else array


def _numbers(value: Any, name: str) -> np.ndarray:
    """Return real numbers, one or an array of them, as a read-only array of float64."""
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
    array.flags.writeable = False
    return array


def _finite(array: np.ndarray, name: str) -> np.ndarray:
    bad = array[~np.isfinite(array)]
    if bad.size:
        raise OptionError(
            f"{name}: found {bad.flat[0]:g}, expected finite numbers. Look at the data that it was "
            f"computed from."
        )
    return array


def per_neuron(value: float | np.ndarray, ndim: int) -> float | np.ndarray:
    """Return a setting so that it broadcasts over (B, C, ...), `ndim` dimensions in all.

    It is a number, or has the shape (C,), or that of a layer, (C, ...).

    >>> per_neuron(np.array([1.0, 2.0]), 4).shape
    (2, 1, 1)
    """
    if np.ndim(value) != 1:
        return value
    return np.reshape(value, (-1,) + (1,) * (ndim - 2))


def if_step(
    v: Any,
    current: Any,
    v_threshold: Any = 1.0,
    reset: Reset = "subtract",
    *,
    max_spikes: int = 1,
    count: Any = None,
) -> tuple:
    r"""Advance integrate-and-fire neurons by one step.

    .. math:: m = v + z,\quad s = [m \ge \theta],\quad
              v' = m - \theta s \;(\text{subtract}), \; v' = m\,(1 - s)\;(\text{zero})

    With reset by subtraction a neuron may also fire up to Γ times in a step, and one that is signed
    may take back what it has sent, so that its count N of spikes does not fall below 0:

    .. math:: s = \operatorname{clip}\left(\left\lfloor\frac m\theta\right\rfloor, l, \Gamma\right),
              \qquad l = 0 \text{ or, if signed, } l = -\min(N, \Gamma)

    The comparison with 0 is strict, so that a neuron that stands at 0 is silent.

    Parameters
    ----------
    v : float or array, shape (B, ...)
        Membrane potential before the step.
    current : float or array, shape (B, ...)
        Input z of this step, an offset included, in units of potential.
    v_threshold : float or array
        Threshold θ > 0, broadcast against `v`.
    reset : {"subtract", "zero"}
        Soft or hard reset.
    max_spikes : int
        Γ.
    count : float or array, shape (B, ...), optional
        N before the step, spikes taken back counted as -1; given for signed neurons only.

    Returns
    -------
    v, spikes : like `v`
        Potential after the reset, and 0 or 1, or whole numbers from -Γ to Γ.

    Raises
    ------
    OptionError
        If `reset` is not one of the two, or one to zero with bursts or signed neurons.

    Source: Rueckauer et al. 2017 (both resets); Diehl et al. 2015 (reset to zero); Li and Zeng 2022
    (bursts); Hu et al. 2023 (signed neurons).

    >>> if_step(0.75, 0.5)
    (0.25, 1.0)
    >>> if_step(0.75, 0.5, reset="zero")
    (0.0, 1.0)
    >>> v, spikes = if_step(0.25, -0.5, count=1)
    >>> float(v), float(spikes)
    (0.75, -1.0)
    """
    check_reset(reset, max_spikes, count is not None)
    m = v + current
    if max_spikes == 1 and count is None:
        spikes = (m >= v_threshold) * 1.0
    else:
        lowest = 0.0 if count is None else -np.minimum(count, max_spikes)
        spikes = np.clip(np.floor(m / v_threshold), lowest, max_spikes)
    v = m - v_threshold * spikes if reset == "subtract" else m * (1.0 - spikes)
    return v, spikes


def as_simulated(neuron: Neuron, dtype: np.dtype) -> Neuron:
    """Return the neuron with threshold and offset as rounded for a simulation in `dtype`.

    >>> as_simulated(Neuron(0.1), np.dtype(np.float32)).v_threshold
    0.10000000149011612
    """
    theta, offset = (
        np.asarray(value, dtype).astype(np.float64)
        for value in (neuron.v_threshold, neuron.i_offset)
    )
    return dataclasses.replace(neuron, v_threshold=theta, i_offset=offset)
