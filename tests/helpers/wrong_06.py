"""What learners write wrong in the exercises of notebook 06, by the words they then hear."""

import math

import numpy as np


def excess(a, theta):
    return sum(float(value) - theta for value in a if value > theta)


def changed(a, theta):
    a -= theta
    a[a < 0] = 0
    return a.sum() / a.sum()


def left(a):
    """Return what is not 0, in order."""
    return sorted(float(value) for value in a if value != 0)


WRONG = {
    "6.2": {
        "how many of the neurons": [lambda a, theta: sum(a > theta) / len(a)],
        "say nothing at all": [lambda a, theta: a[a > theta].sum() / a.sum()],
        "A share stays": [
            lambda a, theta: excess(a, theta),
            lambda a, theta: excess(a, theta) / len(a),
        ],
        "make up for": [lambda a, theta: 1 - len(a) * theta / sum(a)],
        "gets through": [
            lambda a, theta: np.clip(a, 0, theta).sum() / a.sum(),
            lambda a, theta: 1 - excess(a, theta) / a.sum(),
        ],
        "sum of the large ones": [
            lambda a, theta: excess(a, theta) / (excess(a, theta) + theta * sum(a > theta)),
        ],
        "they have to say": [lambda a, theta: excess(a, theta) / theta / len(a)],
        "And the layer": [lambda a, theta: 1 - theta / max(a)],
        "still the one that was given": [changed],
        "A share is one of the whole": [
            lambda a, theta: excess(a, theta) / sum(min(value, theta) for value in a),
        ],
        "leave out the first": [lambda a, theta: excess(a[1:], theta) / a.sum()],
        "in percent": [lambda a, theta: excess(a, theta) * 100 / a.sum()],
    },
    "6.3": {
        "to count here": [
            np.percentile,
            lambda a, p: np.quantile(a, p / 100),
            lambda a, p: np.percentile(a[a >= 0], p),
        ],
        "percent of the largest": [lambda a, p: max(a) * p / 100],
        "That is the maximum": [lambda a, p: max(left(a))],
        "largest one down": [lambda a, p: np.percentile(left(a), 100 - p)],
        "falls between": [
            lambda a, p: left(a)[int(p / 100 * len(left(a)))],
            lambda a, p: left(a)[math.ceil(p / 100 * len(left(a))) - 1],
            lambda a, p: left(a)[round(p / 100 * (len(left(a)) - 1))],
        ],
        "In which unit": [lambda a, p: np.quantile(left(a), p / 10000)],
        "counts them once": [lambda a, p: np.percentile(sorted(set(left(a))), p)],
    },
    "6.5": {
        "how a weight is scaled": [lambda b, before, scale: b / (scale / before)],
        "Whose threshold": [lambda b, before, scale: b / before],
        "upside down": [lambda b, before, scale: b * (scale / before)],
        "the other way": [lambda b, before, scale: b * scale],
        "Yours stays": [lambda b, before, scale: b],
        "both thresholds": [lambda b, before, scale: b / before / scale],
        "brought by a spike": [lambda b, before, scale: before * b],
    },
}
