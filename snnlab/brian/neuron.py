"""Running one neuron, or many alike under different currents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np

from snnlab.brian import quantities
from snnlab.brian.catalogue import models
from snnlab.brian.isolation import explanation, given_up, isolated
from snnlab.brian.model import Model
from snnlab.brian.validation import CONSTANT_CURRENT, neuron_group
from snnlab.exceptions import OptionError, ShapeError


@dataclass(frozen=True, eq=False, repr=False)
class NeuronRecord:
    """What one neuron did, shape (T,), or N neurons, shape (T, N).

    Parameters
    ----------
    model : Model
    time_ms : array, shape (T,)
        The end of each step: dt, 2 dt, ..., duration. (Brian2's monitors name its beginning.)
    v_mV : array, shape (T,) or (T, N)
        Membrane potential after the reset.
    current_nA : array, same shape
        Input current during the step.
    spikes : array of 0 and 1 in int32, same shape
    states : mapping from variable to quantity, same shape
        All variables of the equations, with their units.
    """

    model: Model
    time_ms: np.ndarray
    v_mV: np.ndarray
    current_nA: np.ndarray
    spikes: np.ndarray
    states: Mapping[str, Any]

    @property
    def threshold_mV(self) -> np.ndarray | None:
        """What the model calls `v_threshold`, shape as `v_mV`; None if it has no such name."""
        if "v_threshold" in self.states:
            return np.asarray(self.states["v_threshold"] / b2.mV)
        if "v_threshold" not in self.model.parameters:
            return None
        return np.full_like(self.v_mV, float(self.model.parameters["v_threshold"] / b2.mV))

    @property
    def counts(self) -> np.ndarray:
        """Spike counts, shape () or (N,)."""
        return self.spikes.sum(0, dtype=np.int64)

    @property
    def rate_hz(self) -> np.ndarray:
        """Spikes per second, shape () or (N,)."""
        return self.counts / (self.time_ms[-1] / 1000)

    @property
    def spike_times_ms(self) -> np.ndarray | list[np.ndarray]:
        """When the neuron fired, shape (number of spikes,); for N neurons a list of N arrays."""
        if self.spikes.ndim == 1:
            return self.time_ms[self.spikes == 1]
        return [self.time_ms[train == 1] for train in self.spikes.T]

    def __repr__(self) -> str:
        neurons = 1 if self.spikes.ndim == 1 else self.spikes.shape[1]
        return (
            f"NeuronRecord of {neurons} neuron{'s' if neurons > 1 else ''} over "
            f"{self.time_ms[-1]:g} ms, {len(self.time_ms)} steps: {self.spikes.sum()} spikes"
        )


def simulate_neuron(
    model: str | Model,
    current: Any,
    duration: Any,
    dt: Any = 0.1 * b2.ms,
    *,
    target: str = "numpy",
    seed: int = 0,
) -> NeuronRecord:
    """Run a neuron under an input current.

    Parameters
    ----------
    model : str or Model
        A name in `models`, or a model of your own.
    current : quantity in amp, or str
        One number; an array of shape (T,), one value for each step; an array of shape (T, N) or,
        constant in time, (1, N) for N neurons; or an expression in the time t, such as
        "4*nA*sin(2*pi*10*Hz*t)", which is taken at the beginning of each step.
    duration, dt : quantity in seconds
        How long, and the length of a step. At most one spike per step.
    target : {"numpy", "cython"}
        What Brian2 makes of the equations; "cython" compiles at first use.
    seed : int
        For models with noise.

    Returns
    -------
    NeuronRecord

    Raises
    ------
    OptionError
        If a unit is missing or wrong, a number is not above 0, `dt` does not divide `duration`,
        the model is unknown, or the expression is rejected by Brian2.
    ShapeError
        If an array of currents has another shape, or holds what is no finite number.

    Tenths are not exact on a computer: a potential that should just reach the threshold may do so
    one step later.

    >>> from brian2 import ms, nA
    >>> record = simulate_neuron("if", 3*nA, duration=8*ms, dt=1*ms)
    >>> record.spike_times_ms.tolist()
    [4.0, 7.0]
    """
    model = model if isinstance(model, Model) else models[model]
    timesteps = quantities.count_steps(duration, dt)
    line, namespace, shape = _current(current, timesteps, dt)
    size = shape[-1] if shape else 1
    with isolated(target, seed):
        clock = b2.Clock(dt, name="steps")
        try:
            group = neuron_group(model, size, clock, line, **namespace)
        except Exception as error:
            raise _rejected(current, error) from error
        names = sorted(group.equations.names)
        states = b2.StateMonitor(group, names, record=True, when="end", clock=clock, name="states")
        spikes = b2.SpikeMonitor(group, name="spikes")
        try:
            if line == CONSTANT_CURRENT:
                group.I = np.asarray(current, np.float64).ravel() * b2.amp
            for name, start in model.initial.items():
                setattr(group, name, start)
            # A potential that runs away is refused below, in one sentence.
            with np.errstate(all="ignore"):
                b2.Network(group, states, spikes).run(duration, namespace={})
        except Exception as error:
            given_up(group, states, spikes)
            raise _rejected(current, error) from error

    def shaped(array: Any) -> Any:
        return array.T if shape else array[0]

    trains = np.zeros((size, timesteps), np.int32)
    trains[np.asarray(spikes.i), np.rint(np.asarray(spikes.t) / float(dt)).astype(int)] = 1
    record = NeuronRecord(
        model=model,
        time_ms=np.arange(1, timesteps + 1) * float(dt / b2.ms),
        v_mV=shaped(np.asarray(states.v / b2.mV)),
        current_nA=shaped(np.asarray(states.I / b2.nA)),
        spikes=shaped(trains),
        states={name: shaped(getattr(states, name)) for name in names},
    )
    bad = ~np.isfinite(record.v_mV.reshape(timesteps, -1)).all(1)
    if bad.any():
        raise OptionError(
            f"the potential ran away: no finite number any more after {record.time_ms[bad][0]:g} "
            f"ms. Choose a smaller dt, or look at the equations."
        )
    return record


def _current(current: Any, timesteps: int, dt: Any) -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """Return the line that defines `I`, what it reads, and the shape (N,) or ()."""
    if isinstance(current, str):
        if "\n" in current or ":" in current:
            raise OptionError(
                f"current = {current!r}: expected one expression, without a unit behind a colon."
            )
        return f"I = {current} : amp (constant over dt)", {}, ()
    quantities.in_unit(current, "current", b2.nA)
    if np.iscomplexobj(current) or not np.size(current):
        what = "complex numbers" if np.size(current) else "no number"
        raise ShapeError(f"current: holds {what}, expected real ones, at least one.")
    values = np.asarray(current, np.float64)
    if not np.isfinite(values).all():
        raise ShapeError("current: holds NaN or infinite values, expected finite numbers.")
    if values.ndim == 0:
        return CONSTANT_CURRENT, {}, ()
    if values.ndim == 2 and len(values) == 1:
        return CONSTANT_CURRENT, {}, values.shape[1:]
    if values.ndim > 2 or len(values) != timesteps:
        many = " For as many neurons as there are numbers, write current[None]."
        raise ShapeError(
            f"current: shape {values.shape}, expected ({timesteps},), one value for each step, or "
            f"({timesteps}, N) for N neurons.{many if values.ndim == 1 else ''}"
        )
    columns = values.reshape(timesteps, -1)
    source = b2.TimedArray(columns * b2.amp, dt=dt, name="currents")
    return "I = I_in(t, i) : amp (constant over dt)", {"I_in": source}, values.shape[1:]


def _rejected(current: Any, error: Exception) -> OptionError:
    message = explanation(error)
    if not isinstance(current, str):
        return OptionError(
            f"simulate_neuron: the model fails while it runs: {message}. Expected numbers that its "
            f"equations can work with. Look at the values of its parameters."
        )
    if "Relational" in message:
        message = "a comparison is no number; write int(...) around it"
    return OptionError(
        f"current = {current!r}: rejected by Brian2: {message}. Expected an expression in t that "
        f"gives amp, such as '4*nA*int(t > 5*ms)'."
    )
