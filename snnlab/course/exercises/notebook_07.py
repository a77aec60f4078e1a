"""The exercises of notebook 07.

The solutions are written as a learner would write them, without snnlab. The variances of 7.1 have
exact roots with their epsilon, so no rounding of floats decides.
"""

import math
from itertools import permutations, product

from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.wording import steps

# Exercise 7.1


def folded_bias(bias, mean, variance, gamma, beta, eps):
    """Return the bias of a layer that has taken in the BatchNorm behind it."""
    return gamma * (bias - mean) / math.sqrt(variance + eps) + beta


def _spread(*parts):
    """Return cases with bias, mean, gamma and beta for several variances and eps."""
    # The root of variance plus eps is exact, and not the sum itself.
    spreads = ((3.75, 0.25), (0.1875, 0.0625), (15.0, 1.0))
    return [(b, m, v, g, beta, eps) for (v, eps), (b, m, g, beta) in product(spreads, parts)]


_folded_bias = FunctionExercise(
    number="7.1",
    hints=(
        "Let no spike arrive, so that the layer gives its bias only. What does BatchNorm make of "
        "that one number, step by step?",
        "First it takes the mean away. Then it divides by the spread, and then it multiplies by "
        "gamma. What comes last?",
        "The spread is the root of variance plus eps. The weights are only stretched; the bias "
        "goes through all the steps. Take them in their order.",
    ),
    solution=folded_bias,
    groups=[
        _spread((1.0, 3.0, 4.0, 0.5), (0.5, -1.0, -2.0, 0.25)),
        _spread(
            (0.0, 1.0, 2.0, 1.0), (-2.0, 0.5, 0.5, -1.0), (3.0, 0.0, 1.5, 0.0), (0.0, 0.0, 2.0, 1.0)
        ),
    ],
    subject="layer",
    place=(
        "With bias {bias:g}, mean {mean:g}, variance {variance:g}, gamma {gamma:g}, beta {beta:g} "
        "and eps {eps:g}"
    ),
    facts=lambda b, m, v, *_: {"above": m + 1, "root": math.sqrt(v)},
    says=lambda value: f"has the bias {value:g}",
    question="If no spike arrives, what comes out behind the BatchNorm?",
    mistakes={
        "BatchNorm centers what it gets around 0. If the layer gives {above:g}, one more than the "
        "mean, which sign has what is left?": [
            lambda b, m, v, g, beta, eps: g * (m - b) / math.sqrt(v + eps) + beta
        ],
        "If the layer gives just the mean, {mean:g}, then 0 should be left before beta is added. "
        "Is it?": [lambda b, m, v, g, beta, eps: g * (b + m) / math.sqrt(v + eps) + beta],
        "Yours stretches the bias like a weight. Which steps of BatchNorm are missing?": [
            lambda b, m, v, g, beta, eps: g * b / math.sqrt(v + eps)
        ],
        "The mean of {mean:g} does not occur in it. Who takes it away when the "
        "BatchNorm is gone?": [lambda b, m, v, g, beta, eps: g * b / math.sqrt(v + eps) + beta],
        "The layer adds its own bias, {bias:g}, before the BatchNorm and not behind it. What "
        "happens to it on the way?": [
            lambda b, m, v, g, beta, eps: b - g * m / math.sqrt(v + eps) + beta,
            lambda b, m, v, g, beta, eps: beta - g * m / math.sqrt(v + eps),
        ],
        "The root is that of {variance:g} alone. What is eps for, and where "
        "does BatchNorm add it?": [lambda b, m, v, g, beta, eps: g * (b - m) / math.sqrt(v) + beta],
        "Yours adds eps to the root, {root:.3g}. Is it added there, or to the variance before the "
        "root is taken?": [lambda b, m, v, g, beta, eps: g * (b - m) / (math.sqrt(v) + eps) + beta],
        "Yours divides by the variance. If all currents were twice as large, how much larger would "
        "the variance be, and what should come out of the BatchNorm?": [
            lambda b, m, v, g, beta, eps: g * (b - m) / (v + eps) + beta
        ],
        "The weights were multiplied by gamma, {gamma:g}. Is the bias to be stretched less than "
        "they are?": [
            lambda b, m, v, g, beta, eps: (b - m) / math.sqrt(v + eps) + beta,
            lambda b, m, v, g, beta, eps: b - m / math.sqrt(v + eps) + beta,
        ],
        "Yours multiplies by the root. The mean square of what comes out should be 1 before gamma: "
        "is that so?": [lambda b, m, v, g, beta, eps: g * (b - m) * math.sqrt(v + eps) + beta],
        "Beta, {beta:g}, is to be added. What does yours do with it?": [
            lambda b, m, v, g, beta, eps: g * (b - m) / math.sqrt(v + eps) - beta
        ],
        "Does gamma, {gamma:g}, stretch all that is left when the mean is gone, or a part of it?": [
            lambda b, m, v, g, beta, eps: (g * b - m) / math.sqrt(v + eps) + beta,
            lambda b, m, v, g, beta, eps: g * b - m / math.sqrt(v + eps) + beta,
        ],
        "Look at beta, {beta:g}. BatchNorm adds it last, as it is. Does yours?": [
            lambda b, m, v, g, beta, eps: g * (b - m) / math.sqrt(v + eps),
            lambda b, m, v, g, beta, eps: g * (b - m + beta) / math.sqrt(v + eps),
            lambda b, m, v, g, beta, eps: g * ((b - m) / math.sqrt(v + eps) + beta),
        ],
    },
    done="gammas below 0 too",
    exact=False,
)


# Exercise 7.2


def gate_count(first, second):
    """Return how many spikes of two trains pass a gate that is open for the one in the lead."""
    passed = 0
    for t in range(len(first)):
        if sum(first[: t + 1]) >= sum(second[: t + 1]):
            passed = passed + first[t]
        else:
            passed = passed + second[t]
    return passed


def _gated(case, seen, first_leads):
    """Count what passes a gate; `seen` of the steps before count for the lead."""
    first, second = case
    return sum(
        int(a if first_leads(sum(first[: seen(t)]), sum(second[: seen(t)])) else b)
        for t, (a, b) in enumerate(zip(first, second, strict=True))
    )


def _silent_at_a_tie(first, second):
    """Let a spike pass only if it comes from one that has fired more than the other."""
    passed = one = other = 0
    for a, b in zip(first, second, strict=True):
        one, other = one + a, other + b
        if one != other:
            passed += a if one > other else b
    return passed


def _one_for_all(first, second):
    """Let only the train pass that fires first."""
    for a, b in zip(first, second, strict=True):
        if a or b:
            return sum(first) if a else sum(second)
    return 0


def _trains(*pairs):
    """Return cases of two trains, each written as a string of 0 and 1."""
    return [tuple(tuple(map(int, bits)) for bits in pair) for pair in pairs]


_gate_count = FunctionExercise(
    number="7.2",
    hints=(
        "Write both trains below each other, and below them how many spikes each has fired so "
        "far. The spike of the step itself counts too.",
        "In each step look who has fired more so far. Only the spike of that one passes, if there "
        "is one in this step. If both have fired as often, the first one is heard.",
        "You need a loop over the steps. sum(first[: t + 1]) is the number of spikes of the first "
        "one up to step t, that step included.",
    ),
    solution=gate_count,
    groups=[
        _trains(
            ("100100", "011001"),
            ("1000", "0000"),
            ("0000", "0110"),
            ("01101", "00111"),
            ("0100", "0011"),
            ("100000", "011110"),
            ("01100", "10011"),
            ("0011", "1000"),
        ),
        _trains(*permutations(("0110", "1001", "0101", "1100", "0011", "1010"), 2)),
        _trains(("0000", "0000"), ("1111", "1111")),
    ],
    subject="gate",
    place="With the trains {first} and {second}",
    facts=lambda a, b: {
        "first": "".join(map(str, a)),
        "second": "".join(map(str, b)),
        "time": steps(len(a)),
    },
    says=lambda value: (
        "lets no spike pass"
        if value == 0
        else f"lets {value:g} spike{'' if value == 1 else 's'} pass"
    ),
    question="Who is in the lead in each step, and does this one fire in it?",
    mistakes={
        "Every step with a spike counts in yours. Does a spike pass when it comes from the one "
        "that has fired less so far?": [lambda a, b: sum(map(max, zip(a, b, strict=True)))],
        "That is the larger count, as exact pooling gives. Where does this gate pass one more: who "
        "is heard at the moment when both have fired as often?": [lambda a, b: max(sum(a), sum(b))],
        "That is all spikes together. Which of them does the gate keep back?": [
            lambda a, b: sum(a) + sum(b)
        ],
        "Yours knows only the steps before. When a spike comes that takes the lead, is it counted "
        "before the gate decides, or after?": [
            lambda *case: _gated(case, lambda t: t, lambda one, other: one >= other)
        ],
        "Yours leaves out the first step. From where does Python count?": [
            lambda a, b: gate_count(a, b) - int(a[0] if a[0] >= b[0] else b[0])
        ],
        "Does a spike pass whenever somebody is in the lead, or only when the leader fires?": [
            lambda a, b: sum(sum(a[: t + 1]) != sum(b[: t + 1]) for t in range(len(a))),
        ],
        "When both have fired as often, yours hears the second one. Which one was to be heard?": [
            lambda *case: _gated(case, lambda t: t + 1, lambda one, other: one > other)
        ],
        "When both have fired as often, yours hears nobody. Is one of them to "
        "be heard even then?": [_silent_at_a_tie],
        "Yours stays with the one that fires first. What does the gate do when the other one "
        "overtakes it?": [_one_for_all],
        "That is a rate, spikes per step. How many spikes is that in {time}?": [
            lambda *case: gate_count(*case) / len(case[0])
        ],
    },
    done="ties and silence too",
)

ALL: tuple[Exercise, ...] = (_folded_bias, _gate_count)
