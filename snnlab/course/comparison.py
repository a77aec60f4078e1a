"""Comparison of two neurons by their spike counts."""

import brian2 as b2
import numpy as np

from snnlab._arguments import checks
from snnlab.brian import Model, simulate_neuron
from snnlab.course.feedback import Feedback

# The currents at which two neurons are compared, and for how long, in steps of 1 ms.
_CURRENTS = np.arange(-1, 20, 0.1) * b2.nA
_DURATION = 200 * b2.ms


def compare(yours: Model, other: Model) -> Feedback:
    """Say whether two neurons fire equally often at every current, and if not, what to look at.

    Parameters
    ----------
    yours, other : Model
        The learner's neuron, and what it should do; both are integrated by the method of the
        first, so that only the neurons count.

    Raises
    ------
    OptionError
        If one of them is no Model.

    >>> from snnlab.brian import models
    >>> compare(models["if"], models["if"])
    Right. The two fire equally often at all of 210 currents.
    """
    for name, model in (("yours", yours), ("other", other)):
        checks.instance(model, Model, name, "Write brian.Model(...), or take one of brian.models.")
    counts = spike_counts(yours), spike_counts(other.replace(method=yours.method))
    if np.array_equal(*counts):
        return Feedback(True, f"The two fire equally often at all of {len(_CURRENTS)} currents.")
    first, needed = ((c > 0).argmax() if c.any() else len(c) for c in counts)
    if first < needed:
        question = "Yours hears weaker currents. What does a neuron lose while it waits?"
    elif first > needed:
        question = "Yours is deaf to weak currents. Does it lose too much, or is it too large?"
    else:
        question = "Both hear the same currents. What does a spike leave behind?"
    return Feedback(False, f"{largest_difference(*counts)} {question}")


def spike_counts(model: Model) -> np.ndarray:
    """Return the spike counts of a neuron at the currents of a comparison."""
    return simulate_neuron(model, _CURRENTS[None], _DURATION, 1 * b2.ms).counts


def largest_difference(yours: np.ndarray, other: np.ndarray) -> str:
    """Return a sentence about the current at which two spike counts differ most."""
    most = int(np.abs(yours - other).argmax())
    return (
        f"At {_CURRENTS[most] / b2.nA:.1f} nA for {_DURATION / b2.ms:g} ms your neuron fires "
        f"{yours[most]} times, this one {other[most]} times."
    )
