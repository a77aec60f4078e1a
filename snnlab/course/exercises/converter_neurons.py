"""The first two functions of the converter: a neuron's step, and a layer's run.

Numbers are multiples of 1/64, so that sums are exact.
"""

from typing import Any

import numpy as np
import torch

from snnlab.course.exercises.converter_solution import neuron_step, run_layer
from snnlab.course.exercises.function_exercise import Outcome
from snnlab.course.exercises.piece import PIECES, Piece, Tensor, array, numbers, shown
from snnlab.course.wording import kind, steps

_SEVERAL = (
    "An if asks one question, and here are several neurons with an answer each. What is "
    "v >= threshold for an array, and what is True * 1.0?"
)

# neuron_step


def _same_kind(given: Any, *results: Any) -> str:
    """Return a verb phrase if tensors came and something else goes, else ''."""
    if isinstance(given, torch.Tensor) and not all(isinstance(r, torch.Tensor) for r in results):
        other = next(r for r in results if not isinstance(r, torch.Tensor))
        return (
            f"your function gets tensors of torch and returns {kind(other)}. Reckon with + - * and "
            f">= alone, and tensors stay tensors"
        )
    return ""


def _potential_and_spike(value: Any, arguments: Any) -> Outcome:
    if not isinstance(value, tuple | list) or len(value) != 2:
        return f"your function returns {kind(value)}, and two things are asked for: v and the spike"
    return _same_kind(arguments[0], *value) or (numbers(value[0]), numbers(value[1]))


def _goes(outcome: Any) -> str:
    v, spike = outcome
    if len(v) == len(spike) == 1:
        few = {0.0: "stays silent", 1.0: "fires"}
        return f"goes to {v[0]:g} and {few.get(spike[0], f'sends {spike[0]:g}')}"
    return f"goes to {shown(v)} and sends {shown(spike)}"


def _neuron(
    fire=lambda m, v, theta: m >= theta,
    reset=lambda m, s, theta: m - theta * s,
    answer=lambda v, s, theta: (v, s),
):
    """Return a neuron's step in which something may be wrong."""

    def step(v, current, threshold):
        m = v + current
        s = fire(m, v, threshold) * 1.0
        return answer(reset(m, s, threshold), s, threshold)

    return step


def _not_below_zero(v, current, threshold):
    v, s = neuron_step(v, current, threshold)
    return v * (v > 0), s


def _all_at_once(v, current, threshold):
    m = v + current
    s = m // threshold * (m > 0)
    return m - threshold * s, s


_CURRENTS = (
    *((0.0, 0.5), (0.5, 0.25), (0.5, 0.75), (0.25, 0.75), (0.75, -0.5)),
    *((0.25, -0.5), (0.5, 1.75), (-0.5, 1.0), (1.25, 0.0)),
)

_neuron_step = Piece(
    number=PIECES["neuron_step"],
    hints=(
        "Three things happen, one after the other: the current comes in, the neuron looks whether "
        "it has reached the threshold, and a spike pours something out.",
        "v >= threshold is True or False, and for an array it is one for each neuron. Times 1.0 "
        "that is 1 or 0, which is the spike.",
        "A spike takes one threshold away. How much is that if the spike is 0?",
    ),
    solution=neuron_step,
    given=lambda *case: map(array, case),
    found=_potential_and_spike,
    groups=[
        [(v, current, 1.0) for v, current in _CURRENTS],
        [(theta * v, theta * z, theta) for theta in (2.0, 0.5) for v, z in _CURRENTS],
        [((0.5, 0.25, 0.0), (0.75, 0.25, -0.5), 1.0), ((0.75, 1.5), (0.25, 0.5), 2.0)],
        [(Tensor((0.5, 0.125, 0.0)), Tensor((0.75, 0.25, -0.5)), 1.0)],
    ],
    place="From the potential {potential}, with current {z} and threshold {threshold:g},",
    facts=lambda v, current, threshold: {
        "potential": shown(v if isinstance(v, tuple) else (v,)),
        "z": shown(current if isinstance(current, tuple) else (current,)),
    },
    says=_goes,
    question="What has it collected, is that enough, and what does a spike take away?",
    mistakes={
        "Yours empties the bucket. What does a reset by subtraction leave in it?": [
            _neuron(reset=lambda m, s, theta: m * (1 - s)),
        ],
        "It has reached the threshold exactly there. Is that enough?": [
            _neuron(fire=lambda m, v, theta: m > theta),
        ],
        "Yours looks at the potential before the current has come in. What has it by the end of "
        "the step?": [
            _neuron(fire=lambda m, v, theta: v >= theta),
        ],
        "Nothing is poured out at a spike. How does the neuron ever stop firing?": [
            _neuron(reset=lambda m, s, theta: m),
        ],
        "How many spikes can one step hold?": [_all_at_once],
        "A negative current leads below 0. Does the neuron forget that it has less than nothing?": [
            _not_below_zero,
        ],
        "The two stand in the other order. Which one is to come first?": [
            _neuron(answer=lambda v, s, theta: (s, v)),
        ],
        "Yours takes 1 away. How much is one threshold there?": [
            _neuron(reset=lambda m, s, theta: m - s),
        ],
        "A spike is 1 or 0 here. What it is worth comes later, when it is passed on. What does "
        "yours send?": [_neuron(answer=lambda v, s, theta: (v, theta * s))],
    },
    stops={"truth value": _SEVERAL, "Boolean value": _SEVERAL, "only length-1": _SEVERAL},
    done="whole rows of neurons too",
)


# run_layer


def _trains(value: Any, arguments: Any) -> Outcome:
    currents = arguments[0]
    if not isinstance(value, list | tuple | np.ndarray | torch.Tensor) or not len(value):
        return (
            f"your function returns {kind(value)}, and the spikes of each of the "
            f"{steps(len(currents))} are asked for"
        )
    return _same_kind(currents[0], *value) or tuple(numbers(part) for part in value)


def _layer(start=lambda theta: theta / 2, out=lambda spikes, potentials: spikes, step=neuron_step):
    """Return a layer's run in which something may be wrong."""

    def run(currents, threshold):
        v, spikes, potentials = start(threshold), [], []
        for current in currents:
            v, spike = step(v, current, threshold)
            spikes.append(spike)
            potentials.append(v)
        return out(spikes, potentials)

    return run


def _anew(currents, threshold):
    return [neuron_step(threshold / 2, current, threshold)[1] for current in currents]


def _constant(current, timesteps):
    return ((current,),) * timesteps


_TWO = ((0.5, -0.25), (0.25, 0.75), (0.25, 0.75), (-1.0, 0.5), (0.75, 0.0))

_run_layer = Piece(
    number=PIECES["run_layer"],
    hints=(
        "What does a neuron remember from one step to the next? That one thing stands before the "
        "loop, and is replaced in it.",
        "neuron_step gives two things, and two names take them, as in a, b = f(x). The one goes "
        "into the next step, the other into a list.",
        "Half full is half of which number? And when is the list to be returned?",
    ),
    solution=run_layer,
    given=lambda currents, threshold: (list(map(array, _rows(currents))), threshold),
    found=_trains,
    groups=[
        [
            (_constant(current, timesteps), 1.0)
            for timesteps in (4, 8)
            for current in (0.25, 0.375, 0.75, 1.0, -0.25, 0.0)
        ],
        [(_constant(current, 5), theta) for theta in (2.0, 0.5) for current in (0.375, 0.75)],
        [(_TWO, 1.0), (tuple(reversed(_TWO)), 2.0)],
        [(Tensor(_TWO), 0.5)],
    ],
    subject="layer",
    place="With currents {z} and threshold {threshold:g}",
    facts=lambda currents, threshold: {
        "z": "; ".join(map(shown, currents)),
        "time": steps(len(currents)),
        "half": threshold / 2,
    },
    says=lambda outcome: f"sends {'; '.join(map(shown, outcome))}",
    question="What does a neuron have in it after each step, and in which steps does it fire?",
    mistakes={
        "Yours starts empty. Which start makes the error vanish in the mean?": [
            _layer(start=lambda theta: 0 * theta),
        ],
        "Yours starts full. How full is half full?": [_layer(start=lambda theta: theta)],
        "In each step yours is half full anew. What becomes of the charge that is left over?": [
            _anew,
        ],
        "Those are the numbers of spikes in all {time}. In which of them do they come?": [
            _layer(out=lambda spikes, potentials: sum(spikes)),
            _layer(out=lambda spikes, potentials: [sum(spikes)]),
        ],
        "Those are rates, spikes per step. In which steps do they come?": [
            _layer(out=lambda spikes, potentials: sum(spikes) / len(spikes)),
        ],
        "Those are potentials. Which of the two that neuron_step gives do others hear?": [
            _layer(out=lambda spikes, potentials: potentials),
        ],
        "Yours has only one step to tell of. Does return stand inside of the loop, or behind it?": [
            _layer(out=lambda spikes, potentials: spikes[:1]),
            _layer(out=lambda spikes, potentials: spikes[0]),
            _layer(out=lambda spikes, potentials: spikes[-1:]),
            _layer(out=lambda spikes, potentials: spikes[-1]),
        ],
        "Half full is {half:g} there. With what does yours start?": [
            _layer(start=lambda theta: 0.5),
        ],
    },
    stops={
        "is not defined": "Write neuron_step = course.my_converter().neuron_step in a cell above.",
    },
    done="rows of neurons and negative currents too",
)


def _rows(currents: tuple) -> list[tuple]:
    """Return the currents of each step, as tensors where all are."""
    return [type(currents)(row) for row in currents]


ALL = (_neuron_step, _run_layer)
