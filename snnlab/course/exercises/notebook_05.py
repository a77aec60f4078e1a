"""The exercises of notebook 05.

The solutions are written as a learner would write them, without snnlab. The cases of 5.1 are
multiples of 1/64, so that their sums are exact.
"""

from itertools import product

import numpy as np

from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.wording import listed

# Exercise 5.1


def first_spike(current, threshold, start):
    """Return the step of the first spike under a steady current."""
    missing = threshold - start * threshold
    return np.ceil(missing / current)


def _missing(threshold, start):
    return threshold * (1 - start)


_CURRENTS = (0.75, 0.5, 0.375, 0.25, 0.15625, 1.0)
_STARTS, _WEAK = (0.5, 0.25, 0.75), (0.1875, 0.125, 0.25)

_first_spike = FunctionExercise(
    number="5.1",
    hints=(
        "How much charge is missing at the beginning, until the threshold is reached?",
        "Each step brings one current. How many of them fill the gap, and what if the last one "
        "overfills it?",
        "np.ceil rounds up. The start is counted in thresholds, so it has to become a charge "
        "first.",
    ),
    solution=first_spike,
    groups=[
        [(current, 1.0, 0.0) for current in _CURRENTS],
        [
            (current * theta, theta * times, 0.0)
            for theta, times, current in product((0.5, 4.0), (1, 3), _CURRENTS)
        ],
        [(z, theta, start) for start, theta, z in product(_STARTS, (1.0, 0.5, 2.0), _WEAK)],
    ],
    place="Under the current {current:g} with threshold {threshold:g} and start {start:g}",
    facts=lambda z, theta, start: {"missing": _missing(theta, start), "held": start * theta},
    says=lambda value: f"fires first at step {value:g}",
    question="How much is missing at the beginning, and how much of it comes in each step?",
    mistakes={
        "{missing:g} is missing. Is that much there by then?": [
            lambda z, theta, start: np.floor(_missing(theta, start) / z),
            lambda z, theta, start: np.round(_missing(theta, start) / z),
        ],
        "One step before that, the charge is exactly as large as the "
        "threshold. Is that not enough?": [
            lambda z, theta, start: np.floor(_missing(theta, start) / z) + 1
        ],
        "Can a neuron fire between two steps?": [
            lambda z, theta, start: _missing(theta, start) / z
        ],
        "The first step has the number 1. Where does yours begin to count?": [
            lambda z, theta, start: np.ceil(_missing(theta, start) / z) - 1
        ],
        "It fires when its charge reaches {threshold:g}. Where is that number in yours?": [
            lambda z, theta, start: np.ceil((1 - start) / z)
        ],
        "It is not empty at first: it holds {start:g} of a threshold. What is "
        "still missing then?": [lambda z, theta, start: np.ceil(theta / z)],
        "The start is counted in thresholds. How much charge is {start:g} of a threshold "
        "{threshold:g}?": [lambda z, theta, start: np.ceil((theta - start) / z)],
        "What it holds at first makes yours wait longer. Is that charge a help, or a debt?": [
            lambda z, theta, start: np.ceil(theta * (1 + start) / z)
        ],
        "It takes that long to bring {held:g}, what it holds already. Is that "
        "what it still needs?": [lambda z, theta, start: np.ceil(start * theta / z)],
    },
    done="thresholds and starts of several sizes",
)


# Exercise 5.2


def largest_current(weights):
    """Return the most that any neuron can get in one step, if spikes have size 1."""
    positive = np.maximum(weights, 0)
    return positive.sum(axis=1).max()


def _rows(weights):
    rows = " and ".join(f"({listed(row)})" for row in weights)
    return {"rows": rows, "whose": "one neuron" if len(weights) == 1 else "a row each"}


_largest_current = FunctionExercise(
    number="5.2",
    hints=(
        "In the worst step for one neuron: which of its inputs fire, and which are silent?",
        "np.maximum keeps the larger of two numbers, and 0 hinders nobody. Each row has the "
        "weights of one neuron.",
        "One threshold serves the whole layer. Which of its neurons decides?",
    ),
    solution=largest_current,
    groups=[
        [
            (((0.75, 0.75, -2.0),),),
            (((0.5,),),),
            (((0.5, 0.25),),),
            (((0.5, -0.25),),),
            (((-0.5, 1.0, 0.25),),),
            (((-0.5, -0.25),),),
            (((1.0, 1.0, 1.0, -1.0),),),
            (((0.5, 0.25), (0.25, 0.75)),),
            (((1.0, -0.5), (0.5, 0.25)),),
            (((1.0, -3.0), (0.25, 0.5)),),
            (((0.25, 0.25, 0.25), (-1.0, 0.5, -1.0)),),
            (((2.0, -1.0, -1.5), (0.5, 0.5, 0.75)),),
            (((-1.0, -0.5), (-0.25, -0.25)),),
            (((0.5, 0.5), (0.25, -1.0), (0.75, 0.75)),),
            (((1.5, -2.0), (1.0, 1.0), (-1.0, 0.25)),),
            (((0.125, 0.5, -0.25, 0.25), (0.5, 0.5, -0.5, -0.5)),),
        ],
    ],
    subject="layer",
    place="With the weights {rows}, {whose},",
    facts=_rows,
    says=lambda value: f"gets at most {value:g} in one step",
    question="Which inputs have to fire so that one neuron gets as much as it can?",
    mistakes={
        "That is a single weight. How many inputs can fire in the same step?": [
            lambda w: np.max(w),
            lambda w: max(0, np.max(w)),
        ],
        "So all inputs fire at once. Is there a step that brings more, because some are silent?": [
            lambda w: np.sum(w, axis=1).max(),
            lambda w: max(0, np.sum(w, axis=1).max()),
        ],
        "Does a spike over a negative weight lift the potential?": [
            lambda w: np.abs(w).sum(axis=1).max()
        ],
        "You have added the weights of all neurons. Does one neuron get them?": [
            lambda w: np.maximum(w, 0).sum()
        ],
        "You have added over the neurons, for one input. Which way do the "
        "inputs of one neuron lie?": [lambda w: np.maximum(w, 0).sum(axis=0).max()],
        "Is there a neuron in this layer that can get more than that?": [
            lambda w: np.maximum(w, 0).sum(axis=1).mean(),
            lambda w: np.maximum(w, 0).sum(axis=1).min(),
        ],
        "At least 1 is a rule for the threshold. How much does a neuron get here, if all goes well "
        "for it?": [lambda w: max(1, np.maximum(w, 0).sum(axis=1).max())],
    },
    done="negative weights and several neurons too",
    exact=False,
)


# Exercise 5.5


def factor(scales, layer):
    """Return the number by which the weights of a layer are divided."""
    before = 1 if layer == 0 else scales[layer - 1]
    return scales[layer] / before


def _carried(scales, layer):
    before = divided_by = 1
    for scale in scales[: layer + 1]:
        divided_by = scale / before
        before = divided_by
    return divided_by


_CHAINS = ((4.0, 2.0, 8.0), (2.0, 4.0, 8.0), (0.5, 3.0, 1.5, 12.0), (2.5, 5.0, 4.0, 1.0, 8.0))

_factor = FunctionExercise(
    number="5.5",
    hints=(
        "Follow the three scales 2, 4 and 8 by hand. What is in `before` when the third layer's "
        "turn comes, and what should be in it?",
        "What reaches a layer has already been divided by the whole scale of the layer before it, "
        "whatever its weights were divided by.",
        "So which number has to be carried from one layer to the next? The first one has the "
        "image before it, whose scale is 1.",
    ),
    solution=factor,
    groups=[
        [(scales[:n], layer) for n in (1, 2) for scales in _CHAINS for layer in range(n)],
        [(scales, layer) for scales in _CHAINS for layer in range(len(scales))],
    ],
    subject="layer",
    place="With the {scales}, at layer {layer},",
    facts=lambda scales, layer: {
        "scales": listed(scales, "scale"),
        "before": scales[layer - 1],
        "own": scales[layer],
        "first": scales[0],
    },
    says=lambda value: f"has its weights divided by {value:g}",
    question="In which unit do spikes arrive there, and in which do they leave?",
    mistakes={
        "What arrives there is in units of {before:g}, the scale of the layer before. Which number "
        "does your function take for it?": [_carried],
        "What arrives there is already {before:g} times smaller than in the ANN. Does it have to "
        "be divided by that once more?": [lambda scales, layer: scales[layer]],
        "The largest activation there is {own:g}. Do weights divided like this make it 1?": [
            lambda scales, layer: (1 if layer == 0 else scales[layer - 1]) / scales[layer]
        ],
        "Before the first layer comes the image. What does Python take for scales[-1]?": [
            lambda scales, layer: scales[layer] / scales[layer - 1]
        ],
        "You have multiplied all scales up to there. How much of that has been "
        "divided away before?": [lambda scales, layer: np.prod(scales[: layer + 1])],
        "You divide by the scale of the first layer. Which layer do its inputs come from?": [
            lambda scales, layer: scales[layer] / (1 if layer == 0 else scales[0])
        ],
        "The first layer stays as it is in yours, and its largest activation is {first:g}. Is that "
        "what the second one then takes it for?": [
            lambda scales, layer: 1 if layer == 0 else scales[layer] / scales[layer - 1]
        ],
    },
    done="chains of one to five layers",
    exact=False,
)

ALL: tuple[Exercise, ...] = (_first_spike, _largest_current, _factor)
