"""The exercises of notebook 06.

The solutions are written as a learner would write them, without snnlab. Activations and thresholds
are multiples of 1/64, so that sums are exact.
"""

import math
from itertools import product

import numpy as np

from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.wording import listed

# Exercise 6.2


def clipped_mass(activations, threshold):
    """Return what the threshold cuts off, as a share of the sum of all activations."""
    above = np.maximum(activations - threshold, 0)
    return np.sum(above) / np.sum(activations)


_SOME_ABOVE = (
    (0.5, 1.5),
    (0.0, 0.0, 0.25, 3.0),
    (0.75, 1.25, 2.0),
    (0.0, 0.5, 0.5, 1.0, 4.0),
    (0.125, 0.25, 1.125, 1.5, 0.0),
    (3.0, 0.0, 1.25, 0.5),
)
_NONE_ABOVE = ((0.5, 0.25), (0.0, 1.0, 0.5), (0.125,))

_clipped_mass = FunctionExercise(
    number="6.2",
    hints=(
        "Take one neuron first. With the activation 3 and the threshold 1 it passes on 1 at most. "
        "How much of its activation is lost?",
        "A neuron whose activation is below the threshold loses nothing. Which function makes 0 "
        "of all negative numbers, and leaves the others as they are?",
        "Add up what all neurons lose. Beside which sum do you have to put it, so that it becomes "
        "a share?",
    ),
    solution=clipped_mass,
    groups=[
        [
            (tuple(theta * a for a in activations), theta)
            for theta, activations in product((1.0, 0.5, 2.0), _SOME_ABOVE)
        ],
        [(activations, theta) for theta, activations in product((1.0, 4.0), _NONE_ABOVE)],
    ],
    subject="layer",
    place="With the {activations} and the threshold {threshold:g}",
    facts=lambda a, theta: {
        "activations": listed(a, "activation"),
        "largest": max(a),
        "smallest": min(a),
    },
    says=lambda value: f"loses a share of {value:.6g}",
    question="How much does each neuron lose, and how much was there in all?",
    mistakes={
        "That is how many of the neurons are above the threshold. Do they all lose the same?": [
            lambda a, theta: np.mean(a > theta),
            lambda a, theta: np.mean(a >= theta),
        ],
        "You take the whole of {largest:g} away. Does a neuron above the threshold say nothing at "
        "all?": [lambda a, theta: np.sum(a[a > theta]) / np.sum(a)],
        "Double all activations and the threshold: does your number double too? A share stays what "
        "it is.": [
            lambda a, theta: np.sum(np.maximum(a - theta, 0)),
            lambda a, theta: np.mean(np.maximum(a - theta, 0)),
        ],
        "The neuron with {smallest:g} is far from the threshold. Does it make up for what another "
        "one loses?": [lambda a, theta: np.sum(a - theta) / np.sum(a)],
        "That is the share that gets through. What becomes of the rest?": [
            lambda a, theta: np.sum(np.minimum(a, theta)) / np.sum(a)
        ],
        "You divide by the sum of the large ones only. And what the small ones say, is it no part "
        "of the whole?": [lambda a, theta: np.sum(np.maximum(a - theta, 0)) / np.sum(a[a > theta])],
        "You divide by what all neurons could pass on at most. And how much is it that they have "
        "to say?": [lambda a, theta: np.mean(np.maximum(a - theta, 0)) / theta],
        "That is what the neuron with {largest:g} loses. And the layer?": [
            lambda a, theta: (np.max(a) - theta) / np.max(a)
        ],
        "You divide by what is left over the threshold, not by what there was before. Is the array "
        "still the one that was given?": [lambda a, theta: 1.0],
        "You divide by what is passed on. A share is one of the whole: what is that?": [
            lambda a, theta: np.sum(np.maximum(a - theta, 0)) / np.sum(np.minimum(a, theta))
        ],
        "You leave out the first neuron. From where does Python count?": [
            lambda a, theta: np.sum(np.maximum(a[1:] - theta, 0)) / np.sum(a)
        ],
        "That is in percent. What is the share, as a number from 0 to 1?": [
            lambda *case: 100 * clipped_mass(*case)
        ],
    },
    done="layers that lose nothing too",
    exact=False,
)

# Exercise 6.3


def threshold_of(activations, percentile):
    """Return the percentile of the activations that are above 0."""
    return np.percentile(activations[activations > 0], percentile)


def _positive(activations):
    return activations[activations > 0]


def _by(method):
    """Return the percentile by another of numpy's rules for what falls between two values."""
    return lambda a, p: np.percentile(_positive(a), p, method=method)


def _ranked(activations, percentile, rule):
    """Return the activation of a rank, a percentile without np.percentile."""
    ordered = np.sort(_positive(activations))
    return ordered[min(rule(percentile / 100 * len(ordered)), len(ordered) - 1)]


def _zeros(activations, percentile):
    zeros = activations.count(0)
    return {
        "activations": listed(activations, "activation"),
        "count": len(activations),
        "zeros": f"{zeros} {'is' if zeros == 1 else 'are'}",
        "part": percentile / 100,
    }


_LAYERS = (
    (0.0, 1.0, 2.0),
    (0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 5.0),
    (0.5, 0.0, 4.0, 0.0, 0.25, 0.25),
    (3.0, 0.0, 0.125, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0),
)

_threshold_of = FunctionExercise(
    number="6.3",
    hints=(
        "Which of the activations are meant? Write down those that are left when the zeros have "
        "gone.",
        "activations > 0 says True or False for each of them, and activations[activations > 0] "
        "keeps those with True.",
        "np.percentile(values, p) counts p in percent, and takes a value between two of them "
        "where p falls between them.",
    ),
    solution=threshold_of,
    groups=[
        [(a, p) for p in (50.0, 90.0, 99.0) for a in _LAYERS],
        [(a, p) for p in (25.0, 99.0) for a in ((0.25, 1.0, 1.5), (2.0, 0.0), (0.0, 1.0, 1.0))],
    ],
    subject="layer",
    place="With the {activations} and the percentile {percentile:g}",
    facts=_zeros,
    says=lambda value: f"has the threshold {value:.6g}",
    question="Which of these activations count, and where among them does the percentile lie?",
    mistakes={
        "Of these {count} activations, {zeros} 0. Are zeros to count here?": [
            lambda a, p: np.percentile(a, p)
        ],
        "That is {percentile:g} percent of the largest activation. How many activations are below "
        "your threshold?": [lambda a, p: p / 100 * np.max(a)],
        "That is the maximum. Would another percentile change yours?": [lambda a, p: np.max(a)],
        "You counted from the largest one down. How many percent are to be below the threshold?": [
            lambda a, p: np.percentile(_positive(a), 100 - p),
            lambda a, p: np.percentile(-_positive(a), p),
        ],
        "The percentile falls between two of the activations. What does "
        "np.percentile take there?": [
            *map(_by, ("lower", "higher", "nearest", "inverted_cdf", "midpoint")),
            lambda a, p: _ranked(a, p, math.floor),
            lambda a, p: _ranked(a, p, math.ceil),
        ],
        "That is the percentile {part:g}. In which unit does np.percentile take its number?": [
            lambda a, p: np.percentile(_positive(a), p / 100)
        ],
        "Two neurons have the same activation, and yours counts them once. Are they one neuron?": [
            lambda a, p: np.percentile(np.unique(_positive(a)), p)
        ],
    },
    done="layers without zeros too",
    exact=False,
)


# Exercise 6.5


def normalized_bias(bias, before, scale):
    """Return the bias of a layer whose threshold was `scale` and is now 1."""
    return bias / scale


_SCALES = ((2.0, 4.0), (4.0, 2.0), (0.5, 8.0), (8.0, 0.25))

_normalized_bias = FunctionExercise(
    number="6.5",
    hints=(
        "In the balanced network a neuron with this bias alone receives it at each step, and "
        "fires when it has collected the threshold. How many steps is that?",
        "The normalized neuron has threshold 1 and is to fire in the same steps. How large must "
        "its bias be?",
        "A weight is multiplied with a spike of the layer before. Does a bias wait for a spike?",
    ),
    solution=normalized_bias,
    groups=[
        [(bias, before, scale) for bias in (1.0, -0.5, 0.25) for before, scale in _SCALES],
        [*product((2.0, -3.0, 0.0), (4.0,), (1.0,)), *product((0.5, -1.5), (1.0,), (2.0, 0.5))],
    ],
    place=(
        "With the bias {bias:g}, the threshold {before:g} in the layer before and {scale:g} in its "
        "own,"
    ),
    says=lambda value: f"gets the bias {value:.6g}",
    question="After how many steps did the bias alone make it fire, and after how many now?",
    mistakes={
        "That is how a weight is scaled. By what is a weight multiplied, and "
        "by what is the bias?": [lambda bias, before, scale: bias * before / scale],
        "You divide by the threshold of the layer before. Whose threshold does this bias have to "
        "reach?": [lambda bias, before, scale: bias / before],
        "Your ratio stands upside down. And the layer before: does it have anything to do with the "
        "bias of this one?": [lambda bias, before, scale: bias * scale / before],
        "The threshold goes from {scale:g} to 1. Does the bias go the other way?": [
            lambda bias, before, scale: bias * scale
        ],
        "Yours stays as it was. What is a bias of {bias:g} to a neuron whose threshold is no "
        "longer {scale:g}?": [lambda bias, before, scale: bias],
        "You divide by both thresholds. Which of the two does the bias have to fill?": [
            lambda bias, before, scale: bias / (before * scale)
        ],
        "You multiply by {before:g}, which is what a spike of the layer before brought. Is the "
        "bias brought by a spike?": [lambda bias, before, scale: bias * before],
    },
    done="negative biases and a bias of 0 too",
    exact=False,
)

ALL: tuple[Exercise, ...] = (_clipped_mass, _threshold_of, _normalized_bias)
