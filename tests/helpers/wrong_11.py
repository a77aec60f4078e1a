"""What learners write wrong in the exercises of notebook 11, by the words they then hear."""

import numpy as np


def stair(z, theta, levels):
    return theta * np.clip(np.floor(levels * z / theta + 0.5) / levels, 0, 1)


def between(inside):
    """Return a slope that is right outside of the stairs."""

    def answer(z, theta, levels):
        u = levels * z / theta + 0.5
        if u < 0:
            return 0.0
        return 1.0 if u >= levels + 1 else float(inside(z, theta, levels))

    return answer


def charges(currents, start):
    return start + np.cumsum(currents)


def before(currents, start):
    """Return how often it fires, by the highest charge."""
    return max(0, int(np.floor(charges(currents, start).max())))


def loop(below, above, reach=np.greater_equal):
    """Return a neuron; `below` and `above` are what is left after a soft and a hard reset."""

    def answer(current, steps, soft):
        v, n = 0.0, 0
        for _ in range(steps):
            v += current
            if reach(v, 1):
                n += 1
                v = below(v) if soft else above(v)
        return n

    return answer


def group(reached):
    return lambda v, theta, m: sum(bool(reached(v, k * theta / m)) for k in range(1, m + 1))


WRONG = {
    "11.2": {
        "the front theta. The other": [lambda z, t, n: float(stair(z, t, n) / t)],
        "one of them pulls down": [lambda z, t, n: np.floor(z * n / t + 0.5) / n + z / t],
        "And the front one?": [lambda z, t, n: -1 / t * z],
        "lift it further": [
            lambda z, t, n: -between(lambda z, t, n: (stair(z, t, n) - z) / t)(z, t, n)
        ],
        "So TCL learns": [lambda z, t, n: float(z >= t), lambda z, t, n: int(z > t)],
        "but the clip does not": [lambda z, t, n: float(np.floor(n * z / t + 0.5) / n - z / t)],
        "How fast does theta rise": [
            lambda z, t, n: 0 if z > t or z < 0 else float((stair(z, t, n) - z) / t)
        ],
        "by the half inside": [between(lambda z, t, n: np.floor(n * z / t) / n - z / t)],
        "has to be divided": [lambda z, t, n: t * float(np.floor(n * z / t + 0.5) / n - z / t)],
    },
    "11.3": {
        "as COS does it": [lambda c, s: 1 + s],
        "At which step is the least": [
            lambda c, s: s + before(c, s) + 1 - charges(c, s)[-1],
        ],
        "is a whole number": [lambda c, s: s - charges(c, s).max() + np.ceil(charges(c, s).max())],
        "It comes on top": [lambda c, s: before(c, s) + 1 - charges(c, s).max()],
        "fires as often as before": [lambda c, s: s - (charges(c, s).max() - before(c, s))],
        "That is enough for one spike": [lambda c, s: 1 - np.cumsum(c).max()],
        "a negative number of spikes": [
            lambda c, s: s + 1 - (charges(c, s).max() - np.floor(charges(c, s).max()))
        ],
        "largest single current": [
            lambda c, s: max(0, int(np.floor(s + np.max(c)))) + 1 - np.max(c)
        ],
        "started empty": [lambda c, s: s + before(c, 0) + 1 - np.cumsum(c).max()],
    },
    "11.4": {
        "members which all have": [lambda v, t, m: m * (v >= t)],
        "Is it among yours": [lambda v, t, m: sum(v >= k * t / m for k in range(1, m))],
        "a single neuron": [lambda v, t, m: int(v >= t), lambda v, t, m: v // t],
        "more spikes come than": [lambda v, t, m: v // (t / m), lambda v, t, m: max(v * m // t, 0)],
        "A negative potential": [lambda v, t, m: min(v // (t / m), m)],
        "Does equality fire": [group(np.greater)],
        "Thresholds are": [
            lambda v, t, m: int(np.clip(np.rint(v * m / t), 0, m)),
            lambda v, t, m: int(np.clip(np.ceil(v * m / t), 0, m)),
        ],
        "numbered from 1": [lambda v, t, m: len([k for k in range(m) if v >= t / m * k])],
    },
    "11.7": {
        "goes on for ever": [loop(lambda v: v - 1, lambda v: v)],
        "Neither reset": [loop(lambda v: v, lambda v: v)],
        "keeps what exceeds": [loop(lambda v: v - 1, lambda v: v - 1)],
        "throws away what exceeds": [loop(lambda v: 0, lambda v: 0)],
        "have changed places": [loop(lambda v: 0, lambda v: v - 1)],
        "Is that enough": [loop(lambda v: v - 1, lambda v: 0, np.greater)],
        "not less": [loop(lambda v: v - 1, lambda v: -1)],
    },
}
