"""What learners write wrong in the exercises of notebook 07, by the words they then hear."""

import numpy as np


def normed(rule):
    """Return a rule for what is done with bias, mean, spread, gamma and beta."""
    return lambda bias, mean, variance, gamma, beta, eps: rule(
        bias, mean, np.sqrt(variance + eps), gamma, beta
    )


def gate(decide):
    """Return a loop over both trains; `decide` takes the counts before and with each step."""

    def answer(first, second):
        one = other = passed = 0
        for a, b in zip(first, second, strict=True):
            before = one, other
            one, other = one + a, other + b
            passed += a if decide(*before, one, other) else b
        return passed

    return answer


def patient(first, second):
    """Stay with the leader until the other one overtakes it."""
    counts, leader, passed = [0, 0], 0, 0
    for spikes in zip(first, second, strict=True):
        counts = [count + spike for count, spike in zip(counts, spikes, strict=True)]
        if counts[1 - leader] > counts[leader]:
            leader = 1 - leader
        passed += spikes[leader]
    return passed


def late(first, second):
    one, other = first.cumsum(), second.cumsum()
    return sum((first if one[t] >= other[t] else second)[t] for t in range(1, len(first)))


def silent_at_a_tie(first, second):
    one, other = np.cumsum(first), np.cumsum(second)
    return int(first[one > other].sum() + second[other > one].sum())


def loyal(first, second):
    both = np.array([first, second])
    if not both.any():
        return 0
    step = both.any(0).argmax()
    return int(both[both[:, step].argmax()].sum())


WRONG = {
    "7.1": {
        "which sign has what is left": [normed(lambda b, m, s, g, beta: (m - b) * g / s + beta)],
        "just the mean": [normed(lambda b, m, s, g, beta: (m + b) * g / s + beta)],
        "like a weight": [normed(lambda b, m, s, g, beta: g / s * b)],
        "Who takes it away": [normed(lambda b, m, s, g, beta: b * g / s + beta)],
        "before the BatchNorm": [
            normed(lambda b, m, s, g, beta: beta + b - m * g / s),
            normed(lambda b, m, s, g, beta: beta - m * g / s),
        ],
        "What is eps for": [lambda b, m, v, g, beta, eps: g / v**0.5 * (b - m) + beta],
        "adds eps to the root": [lambda b, m, v, g, beta, eps: g / (v**0.5 + eps) * (b - m) + beta],
        "divides by the variance": [lambda b, m, v, g, beta, eps: g / (v + eps) * (b - m) + beta],
        "stretched less": [
            normed(lambda b, m, s, g, beta: (b - m) / s + beta),
            normed(lambda b, m, s, g, beta: b - m / s + beta),
        ],
        "Yours multiplies by the root": [normed(lambda b, m, s, g, beta: (b - m) * g * s + beta)],
        "is to be added": [normed(lambda b, m, s, g, beta: (b - m) * g / s - beta)],
        "or a part of it": [
            normed(lambda b, m, s, g, beta: (g * b - m) / s + beta),
            normed(lambda b, m, s, g, beta: g * b - m / s + beta),
        ],
        "BatchNorm adds it last": [
            normed(lambda b, m, s, g, beta: g / s * (b - m)),
            normed(lambda b, m, s, g, beta: g / s * (b - m + beta)),
            normed(lambda b, m, s, g, beta: g * (beta + (b - m) / s)),
        ],
    },
    "7.2": {
        "Every step with a spike": [
            lambda a, b: int((a | b).sum()),
            lambda a, b: np.maximum(a, b).sum(),
        ],
        "as exact pooling gives": [lambda a, b: max(a.sum(), b.sum()), patient],
        "all spikes together": [lambda a, b: np.sum(a) + np.sum(b)],
        "leaves out the first step": [late],
        "only when the leader fires": [
            lambda a, b: (np.cumsum(a) != np.cumsum(b)).sum(),
        ],
        "only the steps before": [gate(lambda a, b, one, other: a >= b)],
        "hears the second one": [gate(lambda a, b, one, other: one > other)],
        "hears nobody": [silent_at_a_tie],
        "overtakes it": [loyal],
        "That is a rate": [
            lambda a, b: gate(lambda _, __, one, other: one >= other)(a, b) / len(a),
        ],
    },
}  # fmt: skip
