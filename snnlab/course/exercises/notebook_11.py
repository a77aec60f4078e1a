"""The exercises of notebook 11.

The solutions of 11.2, 11.3, 11.4 and 11.7 are written as a learner would write them, without
snnlab. 11.8 measures networks of the learner on images that the notebook never shows.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, product
from typing import Any

import numpy as np

from snnlab._text import counted
from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.entries import additions, analog, held_out, not_an_entry
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.feedback import Feedback
from snnlab.course.wording import fires, kind, listed
from snnlab.course.wording import steps as steps_
from snnlab.network import Network
from snnlab.simulation import simulate

# Exercise 11.2


def slope(z, theta, levels):
    """Return how fast a staircase rises with its threshold, if the floor has slope 1."""
    step = math.floor(z * levels / theta + 0.5)
    if step < 0:
        return 0
    if step > levels:
        return 1
    return step / levels - z / theta


def _height(z, theta, levels):
    """Return the height of the staircase over its threshold, from 0 to 1."""
    return min(max(math.floor(z * levels / theta + 0.5), 0), levels) / levels


def _unclipped(z, theta, levels):
    return math.floor(z * levels / theta + 0.5) / levels - z / theta


# Currents below, on and above the stairs, none where the clipping begins or ends.
_CURRENTS = (-3.0, -1.0, 0.125, 0.25, 0.4375, 0.625, 0.9375)

_slope = FunctionExercise(
    number="11.2",
    hints=(
        "Begin with a current that lies on the stairs. There are two thetas in the formula: one in "
        "front, one inside of the floor. What does the rule for a product say?",
        "The front one leaves the height of the step, floor(u) / levels. The inner one: the floor "
        "is taken as steep as u itself, so it leaves theta / levels times the derivative of u.",
        "u has theta below, so its derivative has it there twice. Together it is the height of the "
        "step minus z / theta. Where the floor is below 0, nothing depends on theta; where it is "
        "0, the formula still holds. And what is the staircase above the last step?",
    ),
    solution=slope,
    groups=[
        [(z * theta, theta, 4) for theta in (1.0, 2.0) for z in (0.4375, 0.25, 0.6875)],
        [(z, 1.0, 2) for z in (0.4375, 0.625, 0.9375, 0.125)],
        [(z * theta, theta, levels) for z, theta, levels in product(_CURRENTS, (1.0, 4.0), (2, 4))],
        [
            (z * theta, theta, levels)
            for z, theta, levels in product((2.125, 5.375), (1.0, 4.0), (2, 4))
        ],
    ],
    subject="staircase",
    place="At a current of {z:g}, a threshold of {theta:g} and {many}",
    facts=lambda z, theta, levels: {
        "many": counted(levels, "level"),
        "height": _height(z, theta, levels) * theta,
    },
    says=lambda value: f"has the slope {value:.4g}",
    question="What does the front theta give, what the one inside of the floor?",
    mistakes={
        "That is the height of the step over theta: the front theta. The other one stands inside "
        "of the floor; how does u change when theta grows?": [_height],
        "Both thetas count, and one of them pulls down, since the current becomes a smaller part "
        "of theta. Which one is it?": [
            lambda z, theta, levels: math.floor(z * levels / theta + 0.5) / levels + z / theta
        ],
        "That is what the inner theta gives. And the front one?": [
            lambda z, theta, levels: -z / theta
        ],
        "The staircase stands at {height:g} there. If it is above the current, does a larger theta "
        "lift it further, or not?": [
            lambda z, theta, levels: -slope(z, theta, levels),
        ],
        "So TCL learns, whose line has no steps. What do you get for theta from the steps between "
        "0 and theta?": [
            lambda z, theta, levels: 1 if z >= theta else 0,
            lambda z, theta, levels: 1 if z > theta else 0,
        ],
        "Below the first step and above the last one the floor goes on, but the clip does not. "
        "What is the staircase there, and does theta stand in it?": [
            _unclipped,
            lambda z, theta, levels: (
                max(_unclipped(z, theta, levels), 0) if z < 0 else (_unclipped(z, theta, levels))
            ),
            lambda z, theta, levels: 0 if z < 0 else _unclipped(z, theta, levels),
        ],
        "Above the last step the staircase is theta itself. How fast does theta rise with theta?": [
            lambda z, theta, levels: 0 if z > theta else slope(z, theta, levels),
        ],
        "The steps of this staircase stand in the middle of what they round, by the half inside of "
        "the floor. Is it in your count?": [
            lambda z, theta, levels: (
                0
                if z < 0
                else 1
                if z > theta
                else math.floor(z * levels / theta) / levels - z / theta
            ),
        ],
        "That is the gap between staircase and current, in the unit of the current. Which of both "
        "has to be divided by {theta:g}?": [
            lambda z, theta, levels: theta * slope(z, theta, levels),
            lambda z, theta, levels: theta * _unclipped(z, theta, levels),
        ],
    },
    done="below the first step and above the last one too",
    exact=False,
)


# Exercise 11.3


def one_more(currents, start):
    """Return the lowest start with which a neuron with threshold 1 fires once more."""
    highest = start + np.cumsum(currents).max()
    fired = max(0, math.floor(highest))
    return start + fired + 1 - highest


def _highest(currents, start):
    """Return the highest charge after a step."""
    return start + max(accumulate(float(z) for z in currents))


def _count(currents, start):
    return max(0, math.floor(_highest(currents, start)))


_one_more = FunctionExercise(
    number="11.3",
    hints=(
        "Notebook 03 has the law: a neuron that keeps up fires as often as thresholds fit into the "
        "highest charge it ever held. So first find that charge; it begins with the start.",
        "Round the highest charge down, and not below 0: so often the neuron fires now. Which "
        "charge makes it once more?",
        "What the highest charge lacks for that, the start has to bring in addition: every charge "
        "on the way rises by as much as the start does.",
    ),
    solution=one_more,
    groups=[
        [
            ((0.25, 0.25), 0.5),
            ((0.5, 0.5, 0.5), 0.25),
            ((0.25, 0.25, 0.25, 0.25, 0.25), 0.5),
            ((0.5, 0.5, 0.5, 0.5, 0.5), 0.25),
            ((0.125,), 0.5),
        ],
        [
            ((0.5, 0.75, -0.75, -0.5), 0.0),
            ((0.5, 0.5, -1.0, 0.25), 0.5),
            ((0.375, 0.5, -0.25, 0.5, -1.5), 0.5),
            ((0.75, -0.375, 0.5), 0.375),
            ((0.125, 0.875, -0.375, 0.125), 0.875),
            ((1.0, -0.5, 0.5, 0.625), 0.875),
        ],
        [
            ((-0.5, -0.25), 0.25),
            ((-1.0, 0.25), 0.5),
            ((-0.375, -1.375, -0.625, 0.5, 0.625, -0.125), 0.5),
            ((-0.25, -1.0, -0.75, -1.25, 0.125, -0.75, 1.0, 1.0), 0.875),
            ((-1.25,), 0.0),
            ((-1.125, -0.5), 0.375),
        ],
    ],
    place="With {these} and a start of {start:g}",
    facts=lambda currents, start: {
        "these": listed(currents, "current"),
        "often": fires(_count(currents, start)),
        "highest": _highest(currents, start),
        "last": start + math.fsum(currents),
    },
    says=lambda value: f"starts with {value:g}",
    question="How high did its charge get, and what does that lack for one spike more?",
    mistakes={
        "A whole threshold adds a spike, as COS does it. The highest charge was {highest:g}: would "
        "less be enough?": [lambda currents, start: start + 1],
        "You fill up the charge after the last step, {last:g}. Its charge has been higher on the "
        "way: {highest:g}. At which step is the least missing?": [
            lambda currents, start: _count(currents, start) + 1 - math.fsum(currents),
            lambda currents, start: start + 1 - (start + math.fsum(currents)) % 1,
        ],
        "That is what is missing. It comes on top of the old start: where does the neuron start "
        "then?": [lambda currents, start: _count(currents, start) + 1 - _highest(currents, start)],
        "With that it just fires as often as before: it {often} now. How much is a spike more?": [
            lambda currents, start: start + _count(currents, start) - _highest(currents, start),
        ],
        "The highest charge is {highest:g}. If that is a whole number, how much is missing for one "
        "spike more?": [
            lambda currents, start: (
                start + math.ceil(_highest(currents, start)) - _highest(currents, start)
            ),
        ],
        "That is enough for one spike. But the neuron {often} already. For how many has the "
        "highest charge to be enough?": [
            lambda currents, start: start + 1 - _highest(currents, start),
        ],
        "The highest charge is below 0 there, {highest:g}, and rounded down it gives a negative "
        "number of spikes. How often does it fire?": [
            lambda currents, start: (
                start + math.floor(_highest(currents, start)) + 1 - _highest(currents, start)
            ),
        ],
        "You look at the largest single current. What has the neuron collected by then?": [
            lambda currents, start: (
                start + max(0, math.floor(start + max(currents))) + 1 - (start + max(currents))
            ),
        ],
        "You count as if it had started empty. It {often} from {start:g}: to which charge does it "
        "get?": [
            lambda currents, start: start + _count(currents, 0) + 1 - _highest(currents, 0),
        ],
    },
    done="neurons that have not fired at all too",
    exact=False,
)


# Exercise 11.4


def how_many(potential, theta, members):
    """Return how many neurons of a group fire: the k-th has the threshold k · theta / members."""
    number = 0
    for k in range(1, members + 1):
        if potential >= k * theta / members:
            number = number + 1
    return number


_how_many = FunctionExercise(
    number="11.4",
    hints=(
        "The first member fires when the potential has reached theta / members, the second one at "
        "twice as much. The last one has the threshold theta.",
        "Go through the members, from 1 to the last one, and count those whose threshold the "
        "potential has reached. Reached is enough.",
    ),
    solution=how_many,
    groups=[
        [
            (potential, 1.0, members)
            for members in (4, 2)
            for potential in (0.5, 0.25, 0.75, 0.375, 0.125, 1.0, 0.0)
        ],
        [(potential, 4.0, 8) for potential in (1.0, 0.5, 1.75, 3.25, 4.0)],
        [(potential, 1.0, 4) for potential in (1.25, 2.0, 8.0)],
        [(potential, 2.0, 4) for potential in (-0.25, -0.75, -4.0)],
    ],
    subject="group",
    place="At a potential of {potential:g}, with theta = {theta:g} and {many},",
    facts=lambda potential, theta, members: {
        "many": counted(members, "member"),
        "size": theta / members,
    },
    says=lambda value: f"sends {counted(value, 'spike')}",
    question="Which thresholds do the members have, and which of them are reached?",
    mistakes={
        "That would be members which all have the threshold {theta:g}. Which one has the first?": [
            lambda potential, theta, members: members if potential >= theta else 0,
        ],
        "That is a single neuron with the threshold {theta:g}. Where are the others?": [
            lambda potential, theta, members: 1 if potential >= theta else 0,
            lambda potential, theta, members: math.floor(potential / theta),
        ],
        "There are {many}. Can more spikes come than there are members?": [
            lambda potential, theta, members: max(0, math.floor(potential * members / theta)),
            lambda potential, theta, members: math.floor(potential * members / theta),
        ],
        "A negative potential reaches no threshold. How few spikes can a group send?": [
            lambda potential, theta, members: min(members, math.floor(potential * members / theta)),
        ],
        "Some potentials lie just on a threshold. Does equality fire?": [
            lambda potential, theta, members: sum(
                potential > k * theta / members for k in range(1, members + 1)
            ),
        ],
        "Thresholds are {size:g} apart. Does the group round up or to the nearest, or does a "
        "threshold have to be reached?": [
            lambda potential, theta, members: min(
                members, max(0, round(potential * members / theta))
            ),
            lambda potential, theta, members: min(
                members, max(0, math.floor(potential * members / theta + 0.5))
            ),
            lambda potential, theta, members: min(
                members, max(0, math.ceil(potential * members / theta))
            ),
        ],
        "The last of {many} has the threshold {theta:g}. Is it among yours?": [
            lambda potential, theta, members: sum(
                potential >= k * theta / members for k in range(1, members)
            ),
        ],
        "The members are numbered from 1 here, since a threshold of 0 is always reached. Is one "
        "too many?": [
            lambda potential, theta, members: sum(
                potential >= k * theta / members for k in range(members)
            ),
        ],
    },
    done="full groups and negative potentials too",
)


# Exercise 11.7


def spikes(current, steps, soft):
    """Return how often a neuron with threshold 1 fires, that is reset by 1 or to 0."""
    v = 0
    count = 0
    for _ in range(steps):
        v = v + current
        if v >= 1:
            count = count + 1
            v = v - 1 if soft else 0
    return count


def _neuron(soft_reset=lambda v: v - 1, hard_reset=lambda v: 0, fire=lambda v: v >= 1):
    """Return a neuron that counts its spikes, in which something may be wrong."""

    def answer(current, steps, soft):
        v, count = 0.0, 0
        for _ in range(steps):
            v += current
            if fire(v):
                count += 1
                v = soft_reset(v) if soft else hard_reset(v)
        return count

    return answer


_spikes = FunctionExercise(
    number="11.7",
    hints=(
        "Follow the potential by hand, with soft = False and a current of 0.5. It fires at step 2. "
        "What is the potential then?",
        "Which of the two is called there? A function that is only named does nothing.",
    ),
    solution=spikes,
    groups=[
        [
            *product((0.25, 0.75, 1.0, 0.0), (1, 4, 10), (True,)),
            *product((0.5, 0.75, 0.375, 1.5), (2, 1, 4, 10), (False,)),
        ],
        [(current, 12, soft) for current in (1.5, -0.5, 0.625) for soft in (True, False)],
    ],
    place="At current {current:g}, with {time} and {reset},",
    facts=lambda current, steps, soft: {
        "time": steps_(steps),
        "reset": "a soft reset" if soft else "a reset to zero",
    },
    says=fires,
    question="What is the potential after each of its spikes?",
    mistakes={
        "Once it has fired it goes on for ever. What takes the potential down again?": [
            _neuron(hard_reset=lambda v: v),
        ],
        "Neither reset is at work there. Which line should change the potential?": [
            _neuron(soft_reset=lambda v: v, hard_reset=lambda v: v),
        ],
        "Your neuron keeps what exceeds the threshold, whatever is asked for. What is left after a "
        "reset to zero?": [_neuron(hard_reset=lambda v: v - 1)],
        "Your neuron throws away what exceeds the threshold, whatever is asked for. What is left "
        "after a soft reset?": [_neuron(soft_reset=lambda v: 0)],
        "The two resets have changed places. Which one keeps the rest?": [
            _neuron(soft_reset=lambda v: 0, hard_reset=lambda v: v - 1),
        ],
        "Some potentials are exactly 1. Is that enough?": [_neuron(fire=lambda v: v > 1)],
        "A reset to zero leaves 0, not less. What would be left of 1.25?": [
            _neuron(hard_reset=lambda v: -1),
            _neuron(hard_reset=lambda v: -v),
        ],
    },
    done="negative currents too",
)

# Exercise 11.8

MODEL, IMAGES = "digits_resnet20", 160
BUDGET = 1.5  # million additions for an image
FEW, MOST = 2, 8  # steps and spikes per step of the hurried chip
# Images that have to be read; the solution below reads some more.
PAR = {"plain": 150, "hurried": 152}
_SOLUTION = """mine = {
    "plain": (
        sl.correct_potential(
            sl.convert(model, x_cal, threshold=sl.Percentile(99.9, per_channel=True)), x_cal, 4
        ),
        4,
    ),
    "hurried": (usual.replace(max_spikes=6, scale=1 / 6), 1),
}"""


@dataclass(frozen=True)
class Chips(Exercise):
    """A network to be chosen for each of two chips."""

    def source(self) -> str:
        """Return one good choice."""
        return _SOLUTION

    def check(self, answer: Any) -> Feedback:
        """Return feedback on the two choices, the plain chip's first."""
        chips = ", ".join(f'"{chip}": (network, steps)' for chip in PAR)
        write = f"Write mine = {{{chips}}}."
        if answer is None or answer is ...:
            return Feedback(False, f"There is nothing here yet. {write}")
        if not isinstance(answer, Mapping):
            return Feedback(False, f"This is {kind(answer)}, and two choices are needed. {write}")
        if others := [chip for chip in answer if chip not in PAR]:
            return Feedback(False, f"There is no chip {others[0]!r}. {write}")
        seen = []
        for chip, par in PAR.items():
            entry = answer.get(chip)
            if entry is None or entry is ...:
                return Feedback(False, f"The {chip} chip has no network yet. {write}")
            fault = not_an_entry(entry, MODEL) or _does_not_fit(chip, *entry)
            if fault:
                return Feedback(False, f"The {chip} chip. {fault}")
            read, millions = _measured(*entry)
            seen.append(
                f"The {chip} chip reads {read} of {IMAGES} new images with {millions:.2f} million "
                f"additions each."
            )
            if millions > BUDGET:
                return Feedback(
                    False,
                    f"{seen[-1]} There are {BUDGET:g}. What can you do without, a step or some of "
                    f"the spikes?",
                )
            if read < par:
                return Feedback(False, f"{seen[-1]} Par is {par}. {_why_so_few(*entry)}")
        return Feedback(True, " ".join(seen))


def _measured(network: Network, timesteps: int) -> tuple[int, float]:
    """Return how many new images are read, and the additions for one of them, in millions."""
    x, y = held_out(IMAGES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other steps than it was corrected for: told below
        record = simulate(network, x, timesteps)
    return round(IMAGES * float(record.accuracy(y)[-1])), additions(network, record) / 1e6


def _does_not_fit(chip: str, network: Network, timesteps: int) -> str:
    """Return what a chip cannot do that a network asks for, else ''."""
    most = max(neuron.max_spikes for neuron in network.neurons.values())
    if analog(network):
        return "Its shortcuts carry real numbers, and only spikes travel here. Which ones do not?"
    if chip == "plain" and most > 1:
        return (
            f"Its neurons send up to {most} spikes in a step, and there is room for one. How else "
            f"does a network become right in few steps?"
        )
    if chip == "plain" and any(neuron.signed for neuron in network.neurons.values()):
        return "Its neurons take spikes back, and a sent spike is gone here. What did without it?"
    if chip == "hurried" and timesteps > FEW:
        return (
            f"The answer comes after {steps_(timesteps)}, and is wanted after {FEW}. What lets a "
            f"neuron say more in one step?"
        )
    if chip == "hurried" and most > MOST:
        return f"Its neurons send up to {most} spikes in a step. Do more than {MOST} fit in?"
    return ""


def _why_so_few(network: Network, timesteps: int) -> str:
    """Return a question about a network that reads too few."""
    others = [T for T in network.corrections.values() if timesteps != T]
    if others:
        return f"It was corrected for {steps_(others[0])}. Whose errors does that cancel now?"
    if timesteps == 1:
        return "In one step nothing comes early. Are there enough levels, and low ones?"
    return "Which thresholds are made for so few steps, and what could be corrected after that?"


_chips = Chips(
    number="11.8",
    hints=(
        "Begin with the plain chip. Sections 11.3 to 11.5 have methods with single spikes that are "
        "not taken back; which one took least for what it read?",
        "A threshold for each channel helps, and so does a charge for each neuron, as in section "
        "9.4: sl.correct_potential. Four steps fit into the budget.",
        "In a single step a burst neuron is its own staircase. The more levels, the more "
        "additions: try some up to eight, and look what 1.5 million allow.",
    ),
)

ALL: tuple[Exercise, ...] = (_slope, _one_more, _how_many, _spikes, _chips)
