"""The exercises of notebook 03.

The solutions are written as a learner would write them, without snnlab. The cases of 3.2 are
multiples of 1/64, so that their sums are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, product
from typing import Any

import numpy as np

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.feedback import Feedback
from snnlab.course.wording import fires, kind, listed

# Exercise 3.1

# The largest current that is accepted.
_MOST = 1e100
_SHOWN = (1, 1, -1, -1)


@dataclass(frozen=True)
class CurrentsToFind(Exercise):
    """Four currents to be found, of which there is more than one right choice."""

    def source(self) -> str:
        """Return one right choice."""
        return "currents = [0.5, 1, 0.5, -2]"

    def check(self, answer: Any) -> Feedback:
        """Return feedback: the neuron has to fire twice under currents that add up to 0 or less."""
        if fault := _not_four_currents(answer):
            return Feedback(False, fault)
        # As they were written: ten times 0.1 is exactly 1.
        return _what_happens([Fraction(repr(float(current))) for current in answer])


def _not_four_currents(answer: Any) -> str:
    """Return what is wrong with an answer that is no list of four new currents, else ''."""
    if answer is None or answer is ...:
        return "There are no currents yet. Write four of them in a list."
    if isinstance(answer, np.ndarray):
        answer = answer.tolist()
    if not isinstance(answer, (list, tuple)):
        return (
            f"This is {kind(answer)}. The order counts here: write the four currents in a list, "
            f"between square brackets."
        )
    if all(current is None or current is ... for current in answer):
        return "The list has no currents yet. Write four of them in it."
    if not all(checks.is_number(z) and abs(float(z)) < _MOST for z in answer):
        return "Not all in the list are numbers. Which currents do you mean?"
    if len(answer) != 4:
        return (
            f"The list has {counted(len(answer), 'current')}. The neuron is watched for four "
            f"steps: what does it get in each?"
        )
    if list(answer) == list(_SHOWN):
        return (
            "These are the four currents from above. Do others do it too? Which sizes, and in "
            "which order?"
        )
    return ""


def _what_happens(currents: Sequence[Fraction]) -> Feedback:
    """Return feedback on what a neuron does: threshold 1, soft reset, empty at first."""
    total, highest = sum(currents), max(accumulate(currents, initial=Fraction(0)))
    spikes, potential = 0, Fraction(0)
    for current in currents:
        potential += current
        if potential >= 1:
            potential, spikes = potential - 1, spikes + 1
    seen = f"Under {listed(tuple(map(float, currents)))} the neuron {fires(spikes)}"
    if total > 0:
        words = (
            f"Your currents add up to {float(total):g}, so the ANN too would pass something on. "
            f"What has to come beside the positive ones?"
        )
    elif spikes < 2 <= highest:
        words = (
            f"{seen}, though it has collected {float(highest):g}. It fires once per step at most: "
            f"what happens to the rest before it can be fired?"
        )
    elif spikes < 2:
        words = (
            f"{seen}: all it has collected is never more than {float(highest):g}. What order, "
            f"or what size, lets it collect 2 before the negative currents come?"
        )
    elif spikes > 2:
        words = (
            f"{seen}, as what it has collected reaches {float(highest):g}. That is even more than "
            f"asked for: how do you take one spike away?"
        )
    else:
        words = f"{seen}, though its currents add up to {float(total):g}: the ANN would be silent."
    return Feedback(spikes == 2 and total <= 0, words)


_four_currents = CurrentsToFind(
    number="3.1",
    hints=(
        "A spike that has been fired cannot be taken back. So when is a negative current too "
        "late to hinder anything?",
        "How much must the neuron have collected for two spikes? And what is left for the other "
        "steps, if all four currents add up to 0?",
    ),
)


# Exercise 3.2


def spikes(currents, threshold, start):
    """Return how often a neuron fires, from the highest charge that it ever has."""
    charge = start * threshold + np.cumsum(currents)
    return max(0, np.floor(np.max(charge) / threshold))


def _cut(charge, threshold):
    return np.maximum(0, np.floor(charge / threshold))


_CURRENTS = (
    (0.5,),
    (0.75,),
    (1.0,),
    (0.5, 0.5),
    (1.0, -1.0),
    (0.75, 0.75),
    (1.0, 1.0, -1.0, -1.0),
    (1.0, -1.0, 1.0, -1.0),
    (-1.0, 1.0, 1.0, -1.0),
    (0.75, 0.75, -0.5, 0.75, 0.25, -2.0),
)
_NEGATIVE = ((-1.0,), (-1.0, -1.0), (-2.0, 0.5, 0.25))


def _scaled(starts, thresholds):
    """Return cases with currents in proportion to the threshold."""
    return [
        (tuple(theta * z for z in currents), theta, start)
        for start, theta, currents in product(starts, thresholds, _CURRENTS)
    ]


def _charges(currents, threshold, start):
    return {
        "currents": listed(currents, "current"),
        "total": sum(currents),
        "most": start * threshold + max(np.cumsum(currents)),
        "strongest": max(currents),
        "mean": np.mean(currents),
    }


_spikes = FunctionExercise(
    number="3.2",
    hints=(
        "Add the currents up step by step, and write down what has come in so far. When does the "
        "neuron fire for the first time, when for the second time?",
        "Negative currents take charge away, but no spike that was already fired. Which one of "
        "the sums that you wrote down decides?",
        "np.cumsum gives all the sums. Think of the charge that is there at the start, of "
        "thresholds other than 1, and of currents that are all negative.",
    ),
    solution=spikes,
    groups=[
        _scaled([0.0], [1.0]),
        _scaled([0.0], [0.5, 2.0]),
        _scaled([0.25, 0.5, 0.75], [1.0, 0.5, 2.0]),
        [(z, theta, start) for theta, start, z in product((1.0, 0.5), (0.0, 0.5), _NEGATIVE)],
    ],
    place="Under the {currents} with threshold {threshold:g} and start {start:g}",
    facts=_charges,
    says=fires,
    question="What is the most charge that it ever has, and how many thresholds is that?",
    mistakes={
        "At the end {total:g} has come in. Was there never more, and does a spike that was fired "
        "come back?": [lambda z, theta, start: _cut(start * theta + sum(z), theta)],
        "It has {most:g} at most. Does a part of a threshold make it fire?": [
            lambda z, theta, start: np.round(start + np.max(np.cumsum(z)) / theta),
            lambda z, theta, start: np.floor(start + np.max(np.cumsum(z)) / theta + 0.5),
            lambda z, theta, start: np.ceil(start + np.max(np.cumsum(z)) / theta),
        ],
        "{strongest:g} is the strongest single current. Does the neuron forget "
        "between two steps?": [lambda z, theta, start: _cut(start * theta + max(z), theta)],
        "{mean:g} comes in per step, in the mean. Does the neuron hear the mean, or one current "
        "after the other?": [lambda z, theta, start: _cut(start * theta + np.mean(z), theta)],
        "A spike takes {threshold:g} away here. How many of these fit into the charge?": [
            lambda z, theta, start: _cut(start + np.max(np.cumsum(z)), 1)
        ],
        "It has {start:g} of a threshold before the first current comes. Where is that charge in "
        "yours?": [lambda z, theta, start: _cut(np.max(np.cumsum(z)), theta)],
        "The start is counted in thresholds. How much charge is {start:g} of a threshold "
        "{threshold:g}?": [lambda z, theta, start: _cut(start + np.max(np.cumsum(z)), theta)],
        "Its charge is never above 0. Can there be fewer spikes than none?": [
            lambda z, theta, start: np.floor(start + np.max(np.cumsum(z)) / theta),
            lambda z, theta, start: np.trunc(start + np.max(np.cumsum(z)) / theta),
        ],
    },
    done="with several thresholds and starts, negative charges too",
)


# Exercise 3.4


def spurious(rho, levels):
    """Return how often the neuron fires in the mean; it has endless time."""
    q = rho**levels
    return q / (1 - q)


_spurious = FunctionExercise(
    number="3.4",
    hints=(
        "To fire, the charge has to climb as many levels as the threshold has, one after the "
        "other. How likely is that, if each of them is climbed with probability rho?",
        "Call this probability q. After a spike all begins anew, so how likely are two spikes or "
        "more, how likely three or more?",
        "The mean number of spikes is the sum of these: one or more, two or more, three or more, "
        "without end. What is the sum of such a geometric series?",
    ),
    solution=spurious,
    # rho * levels must not be 1, where the usual mistake would divide by zero.
    groups=[
        [*product((0.125, 0.25, 0.375, 0.5, 0.625, 0.75), (1,))],
        [(rho, levels) for levels, rho in product((2, 3, 4, 5), (0.125, 0.375, 0.625, 0.75))],
    ],
    place="With rho = {rho:g} and a threshold of {climb}",
    facts=lambda rho, levels: {"climb": counted(levels, "level")},
    says=lambda value: f"fires {value:g} time{'s' * (value != 1)} in the mean",
    question="How likely is a first spike, and after it, a second one?",
    mistakes={
        "That is how likely it is to fire at all. And once it has fired, is it all over?": [
            lambda rho, levels: rho**levels,
            lambda rho, levels: rho,
        ],
        "Yours fires at least once, even for the smallest rho. Is the first spike certain?": [
            lambda rho, levels: 1 / (1 - rho**levels)
        ],
        "That is less than the probability of the first spike alone. Can the spikes after it make "
        "their number smaller?": [lambda rho, levels: rho**levels / (1 + rho**levels)],
        "With more levels yours climbs more easily. It has to climb one, and then another: what "
        "becomes of two probabilities then?": [
            lambda rho, levels: rho * levels / (1 - rho * levels)
        ],
        "That is how often a neuron fires whose threshold is a single level. How likely is it to "
        "climb {climb}?": [lambda rho, levels: rho / (1 - rho)],
        "The first spike is right. For the second one, does it have to climb one level, or all of "
        "them again?": [lambda rho, levels: rho**levels / (1 - rho)],
    },
    done="thresholds of several levels too",
    exact=False,
)

ALL: tuple[Exercise, ...] = (_four_currents, _spikes, _spurious)
