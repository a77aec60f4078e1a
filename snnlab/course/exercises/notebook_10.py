"""The exercises of notebook 10.

The solutions are written as a learner would write them, without snnlab. In 8.7 all roots are exact.
"""

import math
from itertools import product

from snnlab._text import counted
from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.wording import steps as steps_

# Exercise 10.2


def fan_out(row, column, size, channels):
    """Return how many neurons a spike reaches through a kernel of 3x3 with padding."""
    rows = 0
    columns = 0
    for step in (-1, 0, 1):
        if 0 <= row + step < size:
            rows = rows + 1
        if 0 <= column + step < size:
            columns = columns + 1
    return rows * columns * channels


def _reached(place, size):
    """Return how many places along one side are reached."""
    return sum(0 <= place + step < size for step in (-1, 0, 1))


def _at_border(place, size):
    return place in (0, size - 1)


_fan_out = FunctionExercise(
    number="10.2",
    hints=(
        "Turn it round: at which places can the middle of the kernel stand, so that the kernel "
        "still covers this neuron?",
        "One row above, in the same row or one row below; the same for the columns. Each place has "
        "to lie on the map: rows and columns count from 0 to size - 1.",
        "Count the rows that exist, count the columns that exist, and multiply. Then each of these "
        "places holds one neuron for each channel of the next layer.",
    ),
    solution=fan_out,
    groups=[
        [
            (1, 1, 3, 1),
            (0, 0, 3, 1),
            (2, 2, 3, 1),
            (0, 1, 3, 1),
            (1, 2, 3, 1),
            (1, 1, 3, 4),
            (2, 2, 8, 2),
            (0, 0, 2, 1),
            (0, 3, 8, 16),
        ],
        [(row, column, 4, 64) for row, column in product(range(4), repeat=2)],
        [(0, 0, 1, 1), (0, 0, 1, 8), (0, 1, 2, 32), (7, 0, 8, 16), (7, 7, 8, 16), (3, 4, 8, 16)],
    ],
    subject="spike",
    place="In row {row}, column {column} of a map of {size} × {size}, with {behind} behind it,",
    facts=lambda row, column, size, channels: {
        "behind": counted(channels, "channel"),
        "last": size - 1,
    },
    says=lambda value: f"reaches {counted(value, 'neuron')}",
    question="At which places can a kernel stand that covers this neuron?",
    mistakes={
        "Nine kernels would cover it if the map went on for ever. Does it, on all four sides?": [
            lambda row, column, size, channels: 9 * channels,
            lambda row, column, size, channels: 9,
        ],
        "That is how many places there are. How many neurons stand at each of them?": [
            lambda row, column, size, channels: _reached(row, size) * _reached(column, size)
        ],
        "Rows and columns are added there. If three rows and three columns can be reached, how "
        "many places are that?": [
            lambda row, column, size, channels: (
                (_reached(row, size) + _reached(column, size)) * channels
            ),
            lambda row, column, size, channels: _reached(row, size) + _reached(column, size),
        ],
        "In a corner two sides are missing, at an edge one. Does yours tell them apart?": [
            lambda row, column, size, channels: (
                (6 if _at_border(row, size) or _at_border(column, size) else 9) * channels
            ),
            lambda row, column, size, channels: (
                (4 if _at_border(row, size) or _at_border(column, size) else 9) * channels
            ),
        ],
        "Rows count from 0, so the last one is {last}. May a kernel stand behind it?": [
            lambda row, column, size, channels: (
                sum(0 <= row + step <= size for step in (-1, 0, 1))
                * sum(0 <= column + step <= size for step in (-1, 0, 1))
                * channels
            ),
            lambda row, column, size, channels: (3 - (row == 0)) * (3 - (column == 0)) * channels,
        ],
        "Rows and columns count from 0 here. Is there no row before number 1?": [
            lambda row, column, size, channels: (
                sum(1 <= row + step < size for step in (-1, 0, 1))
                * sum(1 <= column + step < size for step in (-1, 0, 1))
                * channels
            ),
            lambda row, column, size, channels: (
                sum(1 <= row + step <= size for step in (-1, 0, 1))
                * sum(1 <= column + step <= size for step in (-1, 0, 1))
                * channels
            ),
        ],
        "Kernels stand one place before, on, and one place behind. Which of these are missing?": [
            lambda row, column, size, channels: (
                sum(0 <= row + step < size for step in (-1, 0))
                * sum(0 <= column + step < size for step in (-1, 0))
                * channels
            ),
            lambda row, column, size, channels: (
                sum(0 <= row + step < size for step in (-1, 1))
                * sum(0 <= column + step < size for step in (-1, 1))
                * channels
            ),
        ],
        "That would be a layer in which everyone hears everyone. How far does a kernel of 3 × 3 "
        "reach?": [lambda row, column, size, channels: size * size * channels],
    },
    done="corners, edges and a map of a single pixel too",
)


# Exercise 10.6


def losing_price(ann, spikes, neurons, steps):
    """Return the price of a neuron update at which the SNN takes as much as the ANN."""
    updates = neurons * steps
    return max(0, (ann - spikes) / updates)


_losing_price = FunctionExercise(
    number="10.6",
    hints=(
        "How much energy is left for all updates together, before the SNN takes as much as "
        "the ANN?",
        "Each neuron is updated in each step, whether it fires or not. How many updates are that?",
        "What is left, divided by the number of updates. And if nothing is left, no price is low "
        "enough: 0.",
    ),
    solution=losing_price,
    groups=[
        [
            (1024.0, 512.0, 16, 4),
            (1024.0, 512.0, 16, 8),
            (1024.0, 256.0, 32, 8),
            (512.0, 1024.0, 16, 4),
        ],
        [(2048.0, 2048.0, 64, 8), (8192.0, 0.0, 128, 4), (1.0, 3.0, 1, 1), (3.0, 1.0, 1, 1)],
        [
            (ann, spikes, 64, steps)
            for ann, spikes, steps in product((4096.0, 2048.0), (1024.0, 3072.0), (1, 32))
        ],
    ],
    subject="SNN",
    place=(
        "With {ann:g} pJ for the ANN, {spikes:g} pJ for the spikes, {neurons} neurons and {time}"
    ),
    facts=lambda ann, spikes, neurons, steps: {"time": steps_(steps), "left": ann - spikes},
    says=lambda value: f"can pay {value:g} pJ for an update",
    question="How much is left for the updates, and how many are there?",
    mistakes={
        "Its spikes are not free. Where are the {spikes:g} pJ that are gone already?": [
            lambda ann, spikes, neurons, steps: ann / (neurons * steps)
        ],
        "That is one update for each neuron. What does a neuron do in each of {time}?": [
            lambda ann, spikes, neurons, steps: max(0, (ann - spikes) / neurons),
            lambda ann, spikes, neurons, steps: (ann - spikes) / neurons,
            lambda ann, spikes, neurons, steps: max(0, (ann - spikes) * steps / neurons),
        ],
        "That is one update in each step. Do {neurons} neurons share it?": [
            lambda ann, spikes, neurons, steps: max(0, (ann - spikes) / steps),
            lambda ann, spikes, neurons, steps: (ann - spikes) / steps,
        ],
        "That is the price of all updates together. How many are there?": [
            lambda ann, spikes, neurons, steps: max(0, ann - spikes),
            lambda ann, spikes, neurons, steps: ann - spikes,
        ],
        "A price below 0 would mean that somebody pays the chip for working. The spikes alone take "
        "more than the ANN here: what is the lowest price there is?": [
            lambda ann, spikes, neurons, steps: (ann - spikes) / (neurons * steps),
            lambda ann, spikes, neurons, steps: abs(ann - spikes) / (neurons * steps),
        ],
        "Each of the {neurons} neurons is updated in each of {time}. Is that their sum?": [
            lambda ann, spikes, neurons, steps: max(0, (ann - spikes) / (neurons + steps)),
            lambda ann, spikes, neurons, steps: (ann - spikes) / (neurons + steps),
        ],
        "Who has to be the more expensive one for something to be left: the ANN or the spikes?": [
            lambda ann, spikes, neurons, steps: (spikes - ann) / (neurons * steps),
            lambda ann, spikes, neurons, steps: max(0, (spikes - ann) / (neurons * steps)),
        ],
        "Both energies are added there. Do the spikes bring energy, or take it?": [
            lambda ann, spikes, neurons, steps: (ann + spikes) / (neurons * steps)
        ],
        "Is that pJ for an update, or updates for a pJ?": [
            lambda ann, spikes, neurons, steps: neurons * steps / (ann - spikes),
            lambda ann, spikes, neurons, steps: max(0, neurons * steps / (ann - spikes)),
        ],
    },
    done="networks whose spikes alone are too expensive too",
    exact=False,
)


# Exercise 10.7


def true_ratio(claimed, mac, ac):
    """Return how many times less energy an SNN takes, if the rate was counted twice in a claim."""
    rate = math.sqrt(mac / ac / claimed)
    return mac / (ac * rate)


_PRICES = ((4.0, 1.0), (9.0, 1.0), (2.25, 0.25))

_true_ratio = FunctionExercise(
    number="10.7",
    hints=(
        "Write the right ratio down first. The ANN takes mac for each connection. The SNN takes ac "
        "for each spike that comes over it, and there come as many as the rate r says.",
        "So the right ratio is mac / (ac · r), and the claim is mac / (ac · r · r). You know the "
        "claim and both prices. What is r?",
        "r · r = mac / (ac · claimed). Take the root, and put r into the right ratio.",
    ),
    solution=true_ratio,
    groups=[
        [(64.0, 4.0, 1.0), (256.0, 4.0, 1.0), (36.0, 2.25, 0.25), (4.0, 4.0, 1.0)],
        [
            (mac / ac / rate**2, mac, ac)
            for (mac, ac), rate in product(_PRICES, (0.125, 0.25, 0.5, 1.0, 2.0))
        ],
    ],
    subject="SNN",
    place="With a claim of {claimed:g} and prices of {mac:g} and {ac:g} pJ",
    facts=lambda claimed, mac, ac: {"even": mac / ac},
    says=lambda value: f"takes {value:g} times less energy",
    question="What is the rate, and what would the ratio be if it stood there once?",
    mistakes={
        "Half of it would be right if something had been added twice. The rate was multiplied "
        "twice: what happens to the claim at a rate of 0.1, and what at 0.5?": [
            lambda claimed, mac, ac: claimed / 2
        ],
        "There are two prices in it as well. At a rate of 1 spike for each connection, which ratio "
        "should come out?": [lambda claimed, mac, ac: math.sqrt(claimed)],
        "That is the rate itself. How much less energy does an SNN take whose connections carry so "
        "many spikes?": [lambda claimed, mac, ac: math.sqrt(mac / ac / claimed)],
        "That is the ratio of an SNN in which each connection carries one spike. Does the claim "
        "not tell how many it were?": [lambda claimed, mac, ac: mac / ac],
        "The prices are gone from the claim now, and with them a ratio of {even:g}. But the rate "
        "is still in it twice. How do you get rid of one only?": [
            lambda claimed, mac, ac: claimed * ac / mac,
            lambda claimed, mac, ac: mac / ac / claimed,
        ],
        "So it would be if an addition were as expensive as a MAC. Is it?": [
            lambda claimed, mac, ac: math.sqrt(claimed * ac / mac)
        ],
        "The claim stays as it was. What would you read in it if the rate were 0.5 and stood there "
        "once?": [lambda claimed, mac, ac: claimed],
        "Both prices belong to it. If both were ten times as high, would the SNN save more?": [
            lambda claimed, mac, ac: math.sqrt(claimed * mac),
            lambda claimed, mac, ac: math.sqrt(claimed * ac),
            lambda claimed, mac, ac: math.sqrt(claimed / ac),
        ],
    },
    done="rates above 1 too",
    exact=False,
)

ALL: tuple[Exercise, ...] = (_fan_out, _losing_price, _true_ratio)
