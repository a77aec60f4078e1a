"""The exercises of notebook 02.

The solutions are written as a learner would write them, without snnlab. All cases are multiples of
1/64, so that their sums are exact and `==` means what it says.
"""

import math
from itertools import product

import numpy as np

from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.wording import fires, listed, steps


def _by_steps(*currents):
    """Return cases (current, steps), the fewest steps first."""
    return [(current, t) for t, current in product((1, 2, 3, 4, 8, 10), currents)]


# Exercise 2.1


def count(current, steps):
    """Return how often a neuron with threshold 1 fires that starts empty."""
    return min(max(math.floor(current * steps), 0), steps)


_count = FunctionExercise(
    number="2.1",
    hints=(
        "How much has the neuron collected when the last step is over?",
        "A spike takes one threshold away. How many whole thresholds fit into what was collected?",
        "What is the most that so many steps can hold, and what is the least a count can be? "
        "A current may be above the threshold, or negative.",
    ),
    solution=count,
    groups=[
        _by_steps(0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0),
        _by_steps(1.25, 2.0),
        _by_steps(-0.25, -1.0),
    ],
    place="At current {current:g} and {time}",
    facts=lambda z, T: {"time": steps(T), "charge": z * T, "next": math.ceil(z * T)},
    says=fires,
    question="How much has it collected by then, and how many thresholds is that?",
    mistakes={
        "It has collected {charge:g} by then. Is that enough for threshold {next}?": [
            lambda z, T: np.round(z * T),
            lambda z, T: np.floor(z * T + 0.5),
            lambda z, T: np.ceil(z * T),
        ],
        "It has collected exactly {charge:g} by then. Does a neuron fire whose charge equals the "
        "threshold?": [lambda z, T: max(0, math.ceil(z * T) - 1)],
        "For how many steps does the current flow: {steps}, or another number?": [
            lambda z, T: math.floor(z * (T - 1)),
            lambda z, T: math.floor(z * (T + 1)),
        ],
        "That is a rate, spikes per step. How many spikes are counted in all?": [
            lambda z, T: math.floor(z * T) / T
        ],
        "That is the charge that it has collected. Can a neuron fire a part of a spike?": [
            lambda z, T: z * T
        ],
        "Yours looks at each step alone. What does a neuron keep from one step to the next?": [
            lambda z, T: math.floor(z) * T
        ],
        "Yours forgets what lies beyond the threshold, as reset to zero does. What does a spike "
        "take away here, and what stays?": [lambda z, T: T // math.ceil(1 / z) if z else 0],
        "How many spikes can one step hold?": [lambda z, T: math.floor(z * T)],
        "A negative current leads away from the threshold. Can there be fewer spikes than none?": [
            lambda z, T: min(math.floor(z * T), T),
            lambda z, T: min(math.trunc(z * T), T),
        ],
    },
    done="negative currents too",
)


# Exercise 2.2


def mean_error(steps, threshold, start):
    """Return how far off the neuron is on average; below 0 it passes on too little."""
    return (start - 0.5) * threshold / steps


_mean_error = FunctionExercise(
    number="2.2",
    hints=(
        "Draw the stairs and the straight line for one step and threshold 1. How far apart are "
        "they at the left end of a stair, how far at the right end?",
        "Along one stair the gap grows evenly, so its mean lies halfway between its two ends. How "
        "wide is a stair, for a threshold and a number of steps?",
        "A neuron that starts with some charge fires earlier: the stairs move to the left. By how "
        "much is the error raised then, in widths of a stair?",
    ),
    solution=mean_error,
    groups=[
        [*product((1, 2, 4, 8), (1.0,), (0.0,))],
        [*product((1, 2, 4, 8), (0.5, 2.0), (0.0,))],
        [*product((1, 2, 4, 8), (1.0, 0.5, 2.0), (0.25, 0.5, 0.75))],
    ],
    place="With {time}, threshold {threshold:g} and start {start:g}",
    facts=lambda T, theta, start: {"time": steps(T)},
    says=lambda value: f"is off by {value:g} on average",
    question="How wide is one stair, and where does the straight line cut it?",
    mistakes={
        "The error is what it passes on minus the activation. Does a neuron that starts empty pass "
        "on too much, or too little?": [lambda T, theta, start: (0.5 - start) * theta / T],
        "It is that far off at the end of a stair, just before the next spike. What is the gap "
        "like at the beginning of a stair, and in the mean?": [
            lambda T, theta, start: (start - 1) * theta / T
        ],
        "That is the spread of its errors around their mean. Where does the mean itself lie?": [
            lambda T, theta, start: theta / T / math.sqrt(12)
        ],
        "Would twice the steps leave it just as far off? How wide is one stair?": [
            lambda T, theta, start: (start - 0.5) * theta
        ],
        "One spike stands for {threshold:g} here. What does that do to the height of a stair?": [
            lambda T, theta, start: (start - 0.5) / T
        ],
        "It has {start:g} of a threshold before the first step. Where does that charge go?": [
            lambda T, theta, start: -theta / (2 * T)
        ],
        "The start is counted in thresholds. How much charge is {start:g} of a threshold "
        "{threshold:g}?": [lambda T, theta, start: (start - theta / 2) / T],
    },
    done="with several thresholds and starts",
    exact=False,
)


# Exercise 2.3


def steps_for(bound, threshold):
    """Return the fewest steps that keep a neuron that starts half full within `bound`."""
    return math.ceil(threshold / (2 * bound))


_steps_for = FunctionExercise(
    number="2.3",
    hints=(
        "Where on a stair is a neuron that starts half full off the most, and by what part of "
        "the stair's width?",
        "The width of a stair is the threshold, spread over all steps. For how many steps is the "
        "largest error just the bound?",
        "Steps are whole. If the result is not, is the whole number below enough, or the one "
        "above?",
    ),
    solution=steps_for,
    groups=[
        [*product((0.5, 0.25, 0.125, 0.0625), (1.0,))],
        [*product((0.375, 0.1875, 0.09375, 0.078125, 0.75), (1.0,))],
        [*product((0.5, 0.375, 0.125, 0.078125), (0.5, 2.0))],
    ],
    place="For a bound of {bound:g} and threshold {threshold:g}",
    says=lambda value: f"takes {steps(value)}",
    question="In this time, how far off can a neuron be that starts half full?",
    mistakes={
        "That is how long a neuron needs that starts empty. What does half a threshold at the "
        "start do to the largest error?": [
            lambda bound, theta: math.ceil(theta / bound),
            lambda bound, theta: theta / bound,
        ],
        "With one step less it would be off by the bound exactly. Is it then off by more than the "
        "bound?": [lambda bound, theta: math.floor(theta / (2 * bound)) + 1],
        "Does a smaller bound take more steps, or fewer? Which of the two numbers has to stand "
        "below the other?": [
            lambda bound, theta: math.ceil(bound / (2 * theta)),
            lambda bound, theta: math.ceil(bound / theta),
            lambda bound, theta: bound / (2 * theta),
        ],
        "Half the bound takes four times your steps: so it is with chance. Is there any chance in "
        "a steady current?": [
            lambda bound, theta: math.ceil(1 / bound**2),
            lambda bound, theta: math.ceil((theta / bound) ** 2),
            lambda bound, theta: math.ceil((theta / (2 * bound)) ** 2),
            lambda bound, theta: math.ceil(1 / (2 * bound) ** 2),
        ],
        "In so few steps, is it off by no more than {bound:g} everywhere? Work out the largest "
        "error.": [
            lambda bound, theta: math.floor(theta / (2 * bound)),
            lambda bound, theta: np.round(theta / (2 * bound)),
        ],
        "Can a neuron stop within a step?": [lambda bound, theta: theta / (2 * bound)],
        "One spike stands for {threshold:g} here. Is a coarse neuron as quick as a fine one?": [
            lambda bound, theta: math.ceil(1 / (2 * bound))
        ],
    },
    done="bounds that leave no whole number too",
)


# Exercise 2.6


def count_zero(current, steps):
    """Return how often a neuron fires that a spike resets to zero; threshold 1, starts empty."""
    if current <= 0:
        return 0
    return steps // math.ceil(1 / current)


def _stretch(z, T):
    needed = 1 / z if z else 0
    whole = math.floor(needed)
    return {"time": steps(T), "needed": needed, "before": steps(whole), "charge": whole * z}


_count_zero = FunctionExercise(
    number="2.6",
    hints=(
        "After each spike everything begins anew. So how many steps pass from one spike to the "
        "next?",
        "The neuron fires in the first step in which it has collected 1 or more. Which whole "
        "number of steps is that, for a current of 0.75, and for 0.4?",
        "How many such stretches fit into all steps? A current of 0 or less needs a line of its "
        "own.",
    ),
    solution=count_zero,
    groups=[
        _by_steps(0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.984375, 1.0),
        _by_steps(1.25, 2.0, 3.5),
        _by_steps(0.0, -0.25, -1.0),
    ],
    place="At current {current:g} and {time}",
    facts=_stretch,
    says=fires,
    question="After how many steps has it collected 1, and where does it stand then?",
    mistakes={
        "That is how often it fires with reset by subtraction. What becomes here of the charge "
        "beyond the threshold?": [lambda z, T: math.floor(z * T), lambda z, T: T // (1 / z)],
        "It needs {needed:g} steps to the threshold, and can fire only at the end of a step. At "
        "which one?": [
            lambda z, T: T // max(1, round(1 / z)),
            lambda z, T: T // max(1, math.floor(1 / z + 0.5)),
        ],
        "After {before} it has collected {charge:g}. Is that a whole threshold?": [
            lambda z, T: T // math.floor(1 / z)
        ],
        "The time is over while it collects for another spike. Does what it has by then count?": [
            lambda z, T: T / math.ceil(1 / z),
            lambda z, T: math.ceil(T / math.ceil(1 / z)),
            lambda z, T: round(T / math.ceil(1 / z)),
        ],
        "The current {current:g} is more than a threshold. How many spikes can one step hold, "
        "whatever the current?": [
            lambda z, T: math.floor(z * T) if z > 1 else count_zero(z, T),
            lambda z, T: math.floor(z) * T if z > 1 else count_zero(z, T),
        ],
        "The current {current:g} is more than a threshold. How many steps does it need?": [
            lambda z, T: 0 if z > 1 else count_zero(z, T)
        ],
        "A negative current leads away from the threshold. Can there be fewer spikes than none?": [
            lambda z, T: T // math.ceil(1 / z) if z else 0,
            lambda z, T: math.trunc(T / math.ceil(1 / z)) if z else 0,
        ],
    },
    done="strong and negative currents too",
)


# Exercise 2.7


def layer_error(activations, steps, threshold):
    """Return the root mean square error of a layer whose neurons start half full."""
    counts = np.clip(np.floor(activations * steps / threshold + 0.5), 0, steps)
    return np.sqrt(np.mean((counts * threshold / steps - activations) ** 2))


def _errors(case, start=0.5, most=True):
    """Return the error of each neuron of a layer."""
    activations, steps, threshold = case
    counts = np.floor(activations * steps / threshold + start)
    return np.clip(counts, 0, steps if most else None) * threshold / steps - activations


def _heard(case):
    """Return the errors of the neurons that are not clipped."""
    activations, _, threshold = case
    return _errors(case)[activations <= threshold]


def _root_mean_square(errors):
    return np.sqrt(np.mean(errors**2))


_SMALL = ((0.25,), (0.75,), (0.0, 0.25), (0.125, 0.375, 0.5), (0.0, 0.0, 0.125, 0.625, 1.0))
_LARGE = ((0.25, 1.5), (0.0, 0.25, 2.0), (0.125, 0.5, 1.25, 3.0))

_layer_error = FunctionExercise(
    number="2.7",
    hints=(
        "Do it for one neuron first. How often does it fire, and what does one of its spikes "
        "stand for?",
        "Exercise 2.1 has the count of a neuron that starts empty. What changes in it for a "
        "threshold other than 1, and for a neuron that starts half full?",
        "For each neuron: what it passes on minus its activation. Square these errors, take their "
        "mean, and of it the root. np.floor and np.clip work on the whole layer at once.",
    ),
    solution=layer_error,
    groups=[
        [(activations, T, 1.0) for T, activations in product((1, 2, 4), _SMALL)],
        [
            (tuple(theta * a for a in activations), T, theta)
            for T, theta, activations in product((1, 2, 4), (0.5, 2.0), _SMALL)
        ],
        [(a, T, theta) for T, theta, a in product((1, 2, 4), (1.0, 0.5), _LARGE)],
    ],
    subject="layer",
    place="With the {activations} in {time} at threshold {threshold:g}",
    facts=lambda a, T, theta: {
        "activations": listed(a, "activation"),
        "largest": max(a),
        "time": steps(T),
    },
    says=lambda value: f"is off by {value:g}",
    question="What does each of its neurons pass on, and what should it?",
    mistakes={
        "This rule does not look at the activations: it takes them to be "
        "spread evenly. Are they?": [lambda a, T, theta: theta / (math.sqrt(12) * T)],
        "That is the mean size of the errors. In the root mean square, does a large error weigh "
        "more than two of half its size?": [lambda *case: np.mean(np.abs(_errors(case)))],
        "Double all errors: does your number double too? What is missing behind the square?": [
            lambda *case: np.mean(_errors(case) ** 2),
            lambda *case: np.sum(_errors(case) ** 2),
        ],
        "Yours takes the mean of the errors away first. If all neurons were off by the same, would "
        "the layer be right?": [
            lambda *case: np.std(_errors(case)),
            lambda *case: np.var(_errors(case)),
        ],
        "That is right for neurons that start empty. What do these have before the first step?": [
            lambda *case: _root_mean_square(_errors(case, start=0.0))
        ],
        "That is the neuron that is off the most. What of the others?": [
            lambda *case: np.max(np.abs(_errors(case)))
        ],
        "{largest:g} lies above the threshold. What can that neuron pass on at most, and is what "
        "it leaves out no error?": [
            lambda *case: _root_mean_square(_heard(case)),
            lambda *case: np.sqrt(np.sum(_heard(case) ** 2) / len(case[0])),
        ],
        "The neuron with {largest:g} would have to fire more than once in a step. How many spikes "
        "is that at most, in {time}?": [lambda *case: _root_mean_square(_errors(case, most=False))],
    },
    done="activations above the threshold too",
    exact=False,
)

ALL: tuple[Exercise, ...] = (_count, _mean_error, _steps_for, _count_zero, _layer_error)
