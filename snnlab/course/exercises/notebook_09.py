"""The exercises of notebook 09.

The solutions of 9.3 and 9.4 are written as a learner would write them, without snnlab. The game,
9.7, measures a network of the learner on images that the notebook never shows.
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnlab._text import counted
from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.entries import additions, analog, held_out, not_an_entry
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.feedback import Feedback
from snnlab.course.wording import steps
from snnlab.network import Network
from snnlab.simulation import ann, simulate

# Exercise 9.3


def error_after(layers, own, gain):
    """Return the error behind so many layers: each hands on what arrives, and adds its own."""
    so_far = 0
    for _ in range(layers):
        so_far = gain * so_far + own
    return so_far


_error_after = FunctionExercise(
    number="9.3",
    hints=(
        "Nothing arrives at the first layer, so behind it there is its own error only. What "
        "arrives at the second one, and what leaves it?",
        "Behind the second layer: gain times the error of the first, and its own. Behind the third "
        "layer: gain times all of that, and its own.",
        "Keep one number, the error so far, and begin with 0. A loop over the layers multiplies it "
        "by the gain and adds the own error, in this order.",
    ),
    solution=error_after,
    groups=[
        [(layers, own, 1.0) for own in (0.5, 0.25) for layers in (1, 2, 3, 8)],
        [(layers, own, gain) for gain in (0.5, 2.0) for own in (0.5, 0.25) for layers in (1, 2)],
        [(layers, 0.25, gain) for gain in (1.125, 0.5, 0.75) for layers in (3, 8, 109)],
    ],
    subject="chain",
    place="With {many}, each of which adds {own:g} and hands on {gain:g} times what arrives,",
    facts=lambda layers, own, gain: {"many": counted(layers, "layer")},
    says=lambda value: f"ends with an error of {value:g}",
    question="What leaves the first layer, and what does the second make of it?",
    mistakes={
        "That is what all layers add. What becomes of an error on its way through the layers "
        "behind it, if each of them hands on {gain:g} times what arrives?": [
            lambda layers, own, gain: layers * own
        ],
        "That is what is left of the first layer's error. Do the other layers add nothing?": [
            lambda layers, own, gain: own * gain ** (layers - 1),
            lambda layers, own, gain: own * gain**layers,
        ],
        "The last layer's own error leaves it as it is. How many layers does it pass through?": [
            lambda layers, own, gain: sum(own * gain ** (k + 1) for k in range(layers))
        ],
        "Behind a single layer there is its own error already. Does your chain "
        "begin one layer late?": [
            lambda layers, own, gain: sum(own * gain**k for k in range(layers - 1))
        ],
        "Behind {many} there are as many own errors. Does your chain have one too many?": [
            lambda layers, own, gain: sum(own * gain**k for k in range(layers + 1))
        ],
        "So errors add up whose signs are random. Here all have the same sign. What becomes of "
        "them at a gain of {gain:g}?": [lambda layers, own, gain: own * math.sqrt(layers)],
        "That is where an endless chain ends. How many layers has this one?": [
            lambda layers, own, gain: own / (1 - gain) if gain < 1 else layers * own
        ],
    },
    done="chains of 109 layers too",
    exact=False,
    stops={"ZeroDivisionError": "With a gain of 1 nothing grows or shrinks. What is the sum then?"},
)


# Exercise 9.4


def offset(z_ann, z, phi, channel):
    """Return the current that cancels the mean error of a channel against the ANN."""
    missing = np.maximum(z_ann, 0) - phi
    return missing[:, channel].mean()


# Three images and two channels. In each channel some currents of the ANN are negative.
_ANN = ((1.0, -0.5), (-2.0, 3.0), (4.0, 0.5))
_RECEIVED = ((1.5, 0.25), (-1.0, 3.5), (4.25, -0.5))
_PASSED_ON = ((1.25, 0.25), (0.5, 2.75), (3.5, 0.0))


def _moved(arrays, by):
    return tuple(tuple(tuple(z + by for z in row) for row in array) for array in arrays)


_offset = FunctionExercise(
    number="9.4",
    hints=(
        "What should the layer pass on? Not the current of the ANN: what its ReLU makes of it. "
        "np.maximum(z_ann, 0) does that for all at once.",
        "What is missing is what should be passed on minus what was passed on. The neurons get it "
        "as a current, so it has to be positive where they pass on too little.",
        "Images are rows, channels are columns: missing[:, channel] is one channel, for all "
        "images. Of that the mean.",
    ),
    solution=offset,
    groups=[
        [(_ANN, _RECEIVED, _PASSED_ON, channel) for channel in (0, 1)],
        [
            (*_moved((_ANN, _RECEIVED), by), *_moved((_PASSED_ON,), abs(by) / 2), channel)
            for by in (-3.0, -1.0, -0.25, 0.5, 2.0)
            for channel in (0, 1)
        ],
        [
            (_ANN[:2], _RECEIVED[:2], _PASSED_ON[:2], 0),
            (_ANN[:2], _RECEIVED[:2], _PASSED_ON[:2], 1),
            (_ANN[1:], _RECEIVED[1:], _PASSED_ON[1:], 0),
            (_ANN[1:], _RECEIVED[1:], _PASSED_ON[1:], 1),
        ],
    ],
    subject="layer",
    place="In channel {channel} of {images}",
    facts=lambda z_ann, z, phi, channel: {
        "images": counted(len(z_ann), "image"),
        "currents": ", ".join(f"{row[channel]:g}" for row in z_ann),
        "passed": ", ".join(f"{row[channel]:g}" for row in phi),
    },
    says=lambda value: f"gets a current of {value:.4g}",
    question="What should it pass on, what does it pass on, and what is missing in the mean?",
    mistakes={
        "The ANN's currents there are {currents}. Does its ReLU pass on the negative ones, or the "
        "mean of all?": [
            lambda z_ann, z, phi, channel: (z_ann - phi)[:, channel].mean(),
            lambda z_ann, z, phi, channel: (
                np.maximum(z_ann[:, channel].mean(), 0) - phi[:, channel].mean()
            ),
        ],
        "You ask what is right for the current that the neurons received. The layers before have "
        "spoilt that already: whose values should this layer come back to?": [
            lambda z_ann, z, phi, channel: (np.maximum(z, 0) - phi)[:, channel].mean()
        ],
        "You compare what arrives. And what these neurons themselves pass on, {passed}: does it "
        "not count?": [
            lambda z_ann, z, phi, channel: (z_ann - z)[:, channel].mean(),
            lambda z_ann, z, phi, channel: (np.maximum(z_ann, 0) - np.maximum(z, 0))[
                :, channel
            ].mean(),
        ],
        "If neurons fire too often, do they need more current, or less?": [
            lambda z_ann, z, phi, channel: -offset(z_ann, z, phi, channel),
            lambda z_ann, z, phi, channel: abs(offset(z_ann, z, phi, channel)),
        ],
        "That is the median. Which current makes up for what is missing in the mean?": [
            lambda z_ann, z, phi, channel: np.median((np.maximum(z_ann, 0) - phi)[:, channel])
        ],
        "That is one number for the whole layer. If one channel fires too often and the other one "
        "too rarely, what does each of them get?": [
            lambda z_ann, z, phi, channel: (np.maximum(z_ann, 0) - phi).mean()
        ],
        "You have picked a row. Which of the two are the images, rows or columns?": [
            lambda z_ann, z, phi, channel: (np.maximum(z_ann, 0) - phi)[channel].mean()
        ],
        "That is the channel before. From where does Python count?": [
            lambda z_ann, z, phi, channel: (np.maximum(z_ann, 0) - phi)[:, channel - 1].mean()
        ],
        "That is the sum over {images}. The current flows for each image: how much does one of "
        "them lack, in the mean?": [
            lambda z_ann, z, phi, channel: (np.maximum(z_ann, 0) - phi)[:, channel].sum()
        ],
    },
    done="channels that fire too often, and such that fire too rarely",
    exact=False,
    stops={"truth value": "max compares two numbers; np.maximum compares those of an array."},
)


# Exercise 9.7

MODEL, IMAGES = "digits_resnet110", 200
# Millions of additions for an image; the solution below takes a little less.
PAR = 7.2
_SOLUTION = (
    "entry = (sl.recipes.deep(model, x_cal, 3, threshold=sl.Percentile(99.9, per_channel=True)), 3)"
)


@dataclass(frozen=True)
class Game(Exercise):
    """A converted network to be found that is accurate and takes few additions."""

    def source(self) -> str:
        """Return one good entry."""
        return _SOLUTION

    def check(self, answer: Any) -> Feedback:
        """Return feedback: at most a point below the ANN, in no more additions than par."""
        if answer is None or answer is ...:
            return Feedback(False, "There is nothing here yet. Write entry = (network, steps).")
        if fault := not_an_entry(answer, MODEL):
            return Feedback(False, fault)
        network, timesteps = answer
        x, y = held_out(IMAGES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other steps than it was corrected for: told below
            record = simulate(network, x, timesteps)
        right = round(len(y) * float(record.accuracy(y)[-1]))
        reference = round(len(y) * float(ann(network, x, activations=False).accuracy(y)))
        millions = additions(network, record) / 1e6
        seen = (
            f"After {steps(timesteps)} your network reads {right} of {len(y)} new images, the ANN "
            f"{reference}. An image takes {millions:.1f} million additions."
        )
        if reference - right > len(y) / 100:  # a point
            return Feedback(False, f"{seen} {_why_so_few(network, timesteps)}")
        if millions > PAR:
            return Feedback(
                False, f"{seen} Par is {PAR:g} million. {_why_so_many(network, timesteps)}"
            )
        return Feedback(True, f"{seen} Par is {PAR:g} million.")


def _why_so_few(network: Network, timesteps: int) -> str:
    """Return a question about a network that reads too few."""
    others = [T for T in network.corrections.values() if timesteps != T]
    if others:
        return f"It was corrected for {steps(others[0])}. Whose errors does that cancel now?"
    if not network.corrections:
        return (
            "Nothing in it has been corrected: each layer works on what the layers before have "
            "spoilt. Which mean could be put right?"
        )
    if not analog(network):
        return (
            "On each shortcut the number is counted anew, block after block. Can it get through "
            "without that?"
        )
    if not any(neuron.signed for neuron in network.neurons.values()):
        return "A spike that came too early stays sent. Which neurons could take it back?"
    return "So few steps allow few answers. What else has a neuron to tell more in one step?"


def _why_so_many(network: Network, timesteps: int) -> str:
    """Return a question about a network that is accurate and dear."""
    if timesteps > 4:
        return "Every step costs as much as the one before. What would it read in half of them?"
    if any(neuron.signed for neuron in network.neurons.values()):
        return "A spike that is taken back is paid twice. Can you do without some of that?"
    return "Which is dearer here, one step more or more spikes in a step?"


_game = Game(
    number="9.7",
    hints=(
        "Half the steps cost half the additions. So first find what is accurate in few steps: "
        "which cure of sections 9.4 to 9.6 helped most?",
        "sl.recipes.deep(model, x_cal, steps) puts them together. Try 2, 3 and 4 steps, and see by "
        "agreement(network, steps) what each of its options costs and brings.",
        "MMSE chooses low thresholds, and a neuron with a low threshold fires often. Which rule of "
        "notebook 06 has one threshold for each channel, and higher ones?",
    ),
)

ALL: tuple[Exercise, ...] = (_error_after, _offset, _game)
