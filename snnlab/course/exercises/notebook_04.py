"""The exercises of notebook 04.

All numbers are multiples of 1/64, so that the parts and their sum are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.analysis import LAYER_PARTS
from snnlab.conversion import Fixed, convert
from snnlab.course.exercises.base import Exercise
from snnlab.course.feedback import Feedback
from snnlab.course.patients import patient
from snnlab.course.wording import kind, listed
from snnlab.network import Network

PARTS = tuple(part.name for part in LAYER_PARTS)

# Exercise 4.1

# What the ReLU says in the ANN, and what arrives at the neuron, step by step.
SHOULD, CURRENTS, THRESHOLD, START = 1.125, (1.5, 1.5, 1.5, -1.75), 1.5, 0.5
_MEAN = float(np.mean(CURRENTS))
# Spikes under a steady current of this mean, or of what the ANN says, and under the uneven one.
_STEADY, _STEADY_ANN, _FIRED = 2, 3, 3
_ONE = THRESHOLD / len(CURRENTS)

_NEARLY = 0.01
_RIGHT = {
    "propagated": _MEAN - SHOULD,
    "clipping": 0.0,
    "quantization": _STEADY * _ONE - _MEAN,
    "deviation": (_FIRED - _STEADY) * _ONE,
}

# What is said of a wrong number, by the part and by the number that this mistake gives.
_MISTAKES: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "propagated": {
        "A part is what comes later minus what was before. Was more said before, or after?": (
            SHOULD - _MEAN,
        ),
        "That is with all that has arrived in the four steps. What has arrived per step?": (
            sum(CURRENTS) - SHOULD,
        ),
        "That is the mean current that arrived. What should have arrived?": (_MEAN,),
        "That is the error of the neuron as a whole. How much of it was there before the neuron "
        "did anything?": (_FIRED * _ONE - SHOULD,),
    },
    "clipping": {
        "That is how far the mean current is from the threshold. Does a threshold cut off what "
        "stays below it?": (_MEAN - THRESHOLD, THRESHOLD - _MEAN),
        "That is how far the ANN's number is from the threshold. Does a threshold cut off what "
        "stays below it?": (SHOULD - THRESHOLD, THRESHOLD - SHOULD),
    },
    "quantization": {
        "A part is what comes later minus what was before. Is the stair above or below the "
        "current?": (_MEAN - _STEADY * _ONE,),
        "That is the stair of a neuron that starts empty. What does this one hold before the "
        "first step?": (_ONE - _MEAN,),
        "That is with spikes per step. How much does one spike stand for here?": (
            _STEADY / len(CURRENTS) - _MEAN,
        ),
        "That is with the spikes that it has fired. How often would it fire under a steady "
        "current?": (_FIRED * _ONE - _MEAN,),
        "That is with the current that should have arrived. Which current does the neuron have to "
        "count?": (_STEADY_ANN * _ONE - SHOULD,),
    },
    "deviation": {
        "A part is what comes later minus what was before. Has it fired more often than under a "
        "steady current, or less?": (-(_FIRED - _STEADY) * _ONE,),
        "That is a number of spikes. How much is one of them worth, per step?": (_FIRED - _STEADY,),
        "That is with spikes per step. How much does one spike stand for here?": (
            (_FIRED - _STEADY) / len(CURRENTS),
        ),
        "That is measured from the mean current. Which part has already told what lies between it "
        "and the stair?": (_FIRED * _ONE - _MEAN,),
        "That is the error of the neuron as a whole. What is left of it without the parts "
        "before?": (_FIRED * _ONE - SHOULD,),
    },
}

_QUESTIONS = {
    "propagated": "What should the mean current be, and what is it?",
    "clipping": "Is what arrives above the threshold?",
    "quantization": "How often would it fire under a steady current, and what does that stand for?",
    "deviation": "How often does it fire, step by step, and how often under a steady current?",
}


@dataclass(frozen=True)
class PartsToFind(Exercise):
    """The error of one neuron, to be split into its four parts by hand."""

    def source(self) -> str:
        """Return the four parts."""
        return f"parts = [{listed(tuple(_RIGHT.values()))}]"

    def check(self, answer: Any) -> Feedback:
        """Return feedback on a list of four numbers: the first part that is wrong."""
        if fault := _not_four_parts(answer):
            return Feedback(False, fault)
        found = dict(zip(PARTS, map(float, answer), strict=True))
        for part, right in _RIGHT.items():
            if found[part] != right:
                return Feedback(False, _wrong(part, found[part]))
        words = (
            f"All four parts hold. They add up to {sum(found.values()):g}: the neuron says just "
            f"what it should, and only clipping is innocent."
        )
        return Feedback(True, words)


def _not_four_parts(answer: Any) -> str:
    """Return what is wrong with an answer that is no list of four numbers, else ''."""
    todo = f"Write four numbers in a list: {', '.join(PARTS)}."
    if answer is None or answer is ...:
        return f"There is nothing here yet. {todo}"
    if isinstance(answer, np.ndarray):
        answer = answer.tolist()
    if not isinstance(answer, (list, tuple)):
        return f"This is {kind(answer)}. {todo}"
    if all(part is None or part is ... for part in answer):
        return f"The list has no parts yet. {todo}"
    if not all(checks.is_number(part) for part in answer):
        return "Not all in the list are numbers. Which of the parts is still missing?"
    if len(answer) != len(PARTS):
        return f"The list has {counted(len(answer), 'number')}. {todo}"
    return ""


def _wrong(part: str, value: float) -> str:
    """Return what is said of a wrong number for a part."""
    for words, numbers in _MISTAKES[part].items():
        if value in numbers:
            return f"You say {value:g} for {part}. {words}"
    if abs(value - _RIGHT[part]) < _NEARLY:
        return f"You say {value:g} for {part}. That is nearly it. Are these all of its digits?"
    return f"You say {value:g} for {part}. {_QUESTIONS[part]}"


_parts = PartsToFind(
    number="4.1",
    hints=(
        "Write down five numbers, one below the other: what the ReLU should say, the mean current "
        "that arrived, what the threshold leaves of it, what a steady current would give, what "
        "the neuron has said.",
        "Four steps bring the mean current four times, and half a threshold is there at first. "
        "How many thresholds fit into that?",
        "Now without the mean: add the currents up step by step, and take a threshold away at "
        "each spike. A spike stands for the threshold, spread over four steps.",
        "Each part is one of the five numbers minus the one above it.",
    ),
)


# Exercise 4.4

_LAYERS = 6
_PATIENT = 3


def _damaged() -> tuple[list[str], str]:
    """Return the names of the layers of the deep network, and which one patient 3 has damaged."""
    model = nn.Sequential(*[nn.ReLU() for _ in range(_LAYERS)])
    network = convert(model, [[1.0]], threshold=Fixed(1.0))
    sick = patient(network, _PATIENT).thresholds
    (place,) = (n for n, theta in enumerate(sick.values()) if theta < 1)
    names = [f"relu{n}" for n in range(1, _LAYERS + 1)]
    return names, names[place]


@dataclass(frozen=True)
class CulpritToFind(Exercise):
    """The layer and the part that spoil a network, to be read from a picture."""

    def source(self) -> str:
        """Return the layer and the part."""
        return f'culprit = ("{_damaged()[1]}", "clipping")'

    def check(self, answer: Any) -> Feedback:
        """Return feedback on a layer's name and the name of a part."""
        names, damaged = _damaged()
        if fault := _no_layer_and_part(answer, names):
            return Feedback(False, fault)
        layer, part = answer
        if layer == "output":
            words = (
                "The output has no neurons, so it makes no error of its own. It has the largest "
                "one, but who made that?"
            )
        elif names.index(layer) < names.index(damaged):
            words = (
                f"The error of {layer} is small, and no other than in the healthy network. Where "
                f"do the bars change all at once?"
            )
        elif names.index(layer) > names.index(damaged):
            words = (
                f"The error of {layer} is large. Look at what it is made of: has {layer} made it, "
                f"or received it?"
            )
        elif part != "clipping":
            words = f"It is {layer}. Of which part does its bar consist?"
        else:
            words = (
                f"It is {layer}, and it clips: its threshold is too low. The layers behind it "
                f"only hand on what it has cut off."
            )
        return Feedback((layer, part) == (damaged, "clipping"), words)


def _no_layer_and_part(answer: Any, names: list[str]) -> str:
    """Return what is wrong with an answer that names no layer and no part, else ''."""
    if isinstance(answer, Network):
        return "This is a network. Which layer of it is to blame, and which part of its error?"
    if answer is None or answer is ...:
        return "There is nothing here yet. Write the name of a layer and the name of a part."
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return (
            f"This is {kind(answer)}. Two names are needed, of a layer and of a part. Write "
            f'culprit = ("{names[0]}", "{PARTS[0]}"), if it were that.'
        )
    if all(word is None or word is ... for word in answer):
        return "There is nothing here yet. Write the name of a layer and the name of a part."
    layer, part = answer
    if layer in PARTS:
        return f"{layer} is a part, and it stands first. The layer comes first, then its part."
    if layer not in (*names, "output"):
        return f"No layer here has the name {layer!r}. Their names stand at the left of the bars."
    if part not in PARTS:
        return f"No part has the name {part!r}. The four are {', '.join(PARTS)}."
    return ""


_culprit = CulpritToFind(
    number="4.4",
    hints=(
        "Large numbers at the right of a bar say that the error is large there, not that it began "
        "there. Which color says whose fault it is?",
        "Go from the top to the bottom. The first bar that looks unlike those of a healthy "
        "network is the one.",
    ),
)

ALL: tuple[Exercise, ...] = (_parts, _culprit)
