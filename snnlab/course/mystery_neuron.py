"""A neuron whose threshold, reset and leak are to be found from its spikes alone."""

import functools
from dataclasses import dataclass
from typing import Any

import brian2 as b2
import numpy as np

from snnlab._arguments import checks
from snnlab.brian import Model, models, quantities, simulate_neuron
from snnlab.course.comparison import largest_difference, spike_counts
from snnlab.course.feedback import Feedback
from snnlab.dynamics.neuron import RESETS, Reset
from snnlab.exceptions import OptionError

# The relative errors that an answer may have.
_THRESHOLD_TOLERANCE, _TAU_TOLERANCE = 0.05, 0.2


@dataclass
class MysteryNeuron:
    """A neuron that tells only when it fires. Its capacitance is 1 nF, and it starts empty.

    Stimulate it, work out its threshold, its reset and its leak, and let `check` look at them.
    Its parameters are not stored in it, so that they cannot be seen by accident.

    Parameters
    ----------
    number : int
        Which neuron; each number is another, always the same.
    stimuli, answers : int
        How many currents it was given so far, and how many answers were checked.

    Raises
    ------
    OptionError
        If `number` is not a whole number, 0 or more.

    >>> from brian2 import ms, nA
    >>> neuron = MysteryNeuron(7)
    >>> len(neuron.stimulate(12*nA, 20*ms)) > 0, neuron.stimuli
    (True, 1)
    """

    number: int
    stimuli: int = 0
    answers: int = 0

    def __post_init__(self) -> None:
        self.number = checks.seed(self.number, "number")

    def stimulate(self, current: Any, duration: Any, dt: Any = 1 * b2.ms) -> np.ndarray:
        """Give it a current and return when it fires, in ms.

        Parameters
        ----------
        current : quantity in amp, or str
            One number, one for each step, or an expression in t, as in `brian.simulate_neuron`.
        duration, dt : quantity in seconds
            It fires once per step of `dt` at most.

        Raises
        ------
        SNNLabError
            As `brian.simulate_neuron`; or if the current is meant for several neurons.
        """
        if not isinstance(current, str) and np.ndim(current) > 1:
            raise OptionError(
                f"current: shape {np.shape(current)}, expected one number or one for each step. "
                f"There is only one mystery neuron; stimulate it several times."
            )
        record = simulate_neuron(_hidden(self.number), current, duration, dt)
        self.stimuli += 1
        return np.asarray(record.spike_times_ms)

    def check(self, v_threshold: Any, reset: Reset, tau: Any = None) -> Feedback:
        """Say whether this is the neuron.

        Parameters
        ----------
        v_threshold : quantity in volt
            Right within 5 %.
        reset : {"subtract", "zero"}
        tau : quantity in seconds, or None
            Time constant of the leak, right within 20 %; None for no leak.

        Raises
        ------
        OptionError
            If a unit is missing or a value outside its range.
        """
        quantities.positive(v_threshold, "v_threshold", b2.mV)
        checks.option(reset, "reset", RESETS)
        if tau is not None:
            quantities.positive(tau, "tau", b2.ms)
        hidden, guess = _hidden(self.number), _model(v_threshold, reset, tau)
        question = _question(hidden, guess)
        self.answers += 1
        if question is None:
            stimuli = f"{self.stimuli} stimul{'us' if self.stimuli == 1 else 'i'}"
            answers = f"{self.answers} answer{'s' * (self.answers > 1)}"
            return Feedback(
                True, f"That is mystery neuron {self.number}. You needed {stimuli} and {answers}."
            )
        counts = spike_counts(guess), spike_counts(hidden)
        return Feedback(False, f"{largest_difference(*counts)} {question}")


@functools.cache
def _hidden(number: int) -> Model:
    """Return the neuron of this number."""
    rng = np.random.default_rng([number, 20])
    threshold, tau = rng.integers(6, 19) * b2.mV, rng.integers(10, 31) * b2.ms
    return _model(threshold, rng.choice(RESETS), tau if rng.random() < 0.5 else None)


def _model(v_threshold: Any, reset: str, tau: Any) -> Model:
    own_reset = models["if" if reset == "subtract" else "if_zero"].reset
    if tau is None:
        return models["if"].replace(v_threshold=v_threshold, reset=own_reset)
    return models["lif"].replace(v_threshold=v_threshold, reset=own_reset, tau=tau)


def _question(hidden: Model, guess: Model) -> str | None:
    """Return the question for the first parameter that is wrong, None if all are right."""
    if _relative_error(hidden, guess, "v_threshold") > _THRESHOLD_TOLERANCE:
        return (
            "Look at the first spike only: how much charge has flowed in by then, and how much of "
            "it can have leaked away? A strong current leaves the leak no time."
        )
    leaks, leaks_in_guess = "tau" in hidden.parameters, "tau" in guess.parameters
    if leaks and not leaks_in_guess:
        return "Does a very weak current ever make it fire, however long you wait?"
    if leaks_in_guess and not leaks:
        return "Give it a very weak current, and wait long. Does it forget?"
    if leaks and _relative_error(hidden, guess, "tau") > _TAU_TOLERANCE:
        return "What is the weakest current that makes it fire? There the leak is as strong as it."
    if guess.reset != hidden.reset:
        return (
            "What becomes of the charge beyond the threshold? A current that reaches it not quite "
            "in one step tells."
        )
    return None


def _relative_error(hidden: Model, guess: Model, name: str) -> float:
    """Return the relative error of a guessed parameter."""
    return abs(float(guess.parameters[name] / hidden.parameters[name]) - 1)
