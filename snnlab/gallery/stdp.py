r"""STDP, alone and with a reward: neurons find the patterns, then learn which of them were right.

A synapse that has spoken shortly before its neuron fires gets stronger, one that speaks after it
gets weaker. With a reward r that comes later, the same change is kept (r = 1) or turned around
(r = -1): R-STDP.

Source: Bi and Poo 1998 (the window), Song, Miller and Abbott 2000 (the model), Diehl and Cook 2015
(competing neurons, adaptive thresholds), Florian 2007 and Mozafari et al. 2018 (R-STDP); all of it
from memory. The rule at a spike, and that of all neurons only the first to fire learns, are our
reading, the smallest that works on 8x8 pixels.
"""

from typing import NamedTuple

import numpy as np

from snnlab._arguments import checks


def window(
    dt: np.ndarray, a_plus: float = 1.0, a_minus: float = 1.0, tau: float = 4.0
) -> np.ndarray:
    r"""Return what two spikes do to a weight, the second neuron's `dt` steps after the first's.

    .. math:: W(\Delta t) = A_+ e^{-\Delta t/\tau} \text{ if } \Delta t \ge 0, \quad
        -A_- e^{\Delta t/\tau} \text{ else}

    Equality strengthens: here a spike reaches the next layer within its step.

    Source: Song, Miller and Abbott 2000, from memory, with one τ for two.

    >>> window(np.array([0, -4]), a_minus=0.5).round(4).tolist()
    [1.0, -0.1839]
    """
    return np.where(dt >= 0, a_plus, -a_minus) * np.exp(-abs(dt) / tau)


def pair_changes(
    pre: np.ndarray, post: np.ndarray, a_plus: float = 1.0, a_minus: float = 1.0, tau: float = 4.0
) -> np.ndarray:
    r"""Return by how much all pairs of spikes change the weights, shape (out, in).

    .. math:: e_{ij} = \sum_t A_+ s_{i,t}\, x_{j,t} - A_- y_{i,t}\, s_{j,t}

    with traces :math:`x_t = e^{-1/\tau} x_{t-1} + s_t` of the neurons in front, and y of those
    behind, without their present spike. It is the sum of `window` over all pairs, but needs no
    memory of times. R-STDP is :math:`\Delta w = \eta\, r\, e`.

    Parameters
    ----------
    pre, post : arrays of 0 and 1, shapes (T, in) and (T, out)

    Source: Song, Miller and Abbott 2000, from memory.

    >>> pair_changes(np.array([[1], [0]]), np.array([[0], [1]]), tau=1.0).round(4).tolist()
    [[0.3679]]
    """
    decay = np.exp(-1 / tau)
    x, y = np.zeros(pre.shape[1]), np.zeros(post.shape[1])
    e = np.zeros((len(y), len(x)))
    for before, behind in zip(pre, post, strict=True):
        x, y = decay * x + before, decay * y
        e += a_plus * np.outer(behind, x) - a_minus * np.outer(y, before)
        y = y + behind
    return e


class Competition(NamedTuple):
    """Neurons that compete: the first to fire silences the others.

    `w` are weights, shape (neurons, pixels), each row of length 1; `theta` thresholds, shape
    (neurons,); `classes` what each neuron stands for, shape (neurons,).
    """

    w: np.ndarray
    theta: np.ndarray
    classes: np.ndarray

    def first(self, trains: np.ndarray) -> tuple[int, int]:
        """Return which neuron fires first and at which step, for spikes of shape (T, pixels).

        Where none reaches its threshold, it is the closest one, at the last step.
        """
        v = np.cumsum(trains @ self.w.T, 0) - self.theta
        fired = v.max(1) >= 0
        t = int(fired.argmax()) if fired.any() else len(v) - 1
        return int(v[t].argmax()), t

    def predict(self, trains: np.ndarray) -> np.ndarray:
        """Return the class of the first neuron, shape (B,), for spikes of shape (B, T, pixels)."""
        return np.array([self.classes[self.first(one)[0]] for one in trains])


def coded(x: np.ndarray, timesteps: int = 16) -> np.ndarray:
    """Return regular trains, shape (B, T, pixels), for images of shape (B, pixels) in [0, 1].

    >>> coded(np.array([[0.5, 1.0]]), timesteps=4)[0, :, 0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    total = x[:, None] * np.arange(timesteps + 1)[:, None]
    return np.diff(np.floor(total), axis=1)


def spike_change(w: np.ndarray, x: np.ndarray, r: float) -> np.ndarray:
    r"""Return how a neuron's weights change at its spike, shape (pixels,), at a rate of 1.

    .. math:: \Delta w_j = r\,(x_j - w_j)

    Synapses that have just spoken are stronger afterwards, silent ones weaker; with r = -1 the
    other way round. x is the trace of the spikes so far, of length 1.

    Source: ours, after the rules at a neuron's spike of Diehl and Cook 2015, from memory.

    >>> spike_change(np.array([0.5, 0.5]), np.array([1.0, 0.0]), r=-1).tolist()
    [-0.5, 0.5]
    """
    return r * (x - w)


def train(
    trains: np.ndarray,
    y: np.ndarray,
    *,
    neurons: int = 100,
    epochs: int = 2,
    rewarded: int = 3,
    rate: float = 0.05,
    seed: int = 0,
) -> tuple[Competition, Competition]:
    """Return the neurons after STDP alone, and after the epochs with reward that follow.

    Labels are used after the first part to name the neurons, by the class that each answers most
    often, and in the second for the reward: 1 if the first neuron's class is right, else -1.

    Parameters
    ----------
    trains : array, shape (B, T, pixels)
        From `coded`.
    y : array, shape (B,)
    neurons, epochs, rewarded : int
    rate : float
        Of learning; it falls to 0 in each part.
    seed : int

    Raises
    ------
    OptionError
        If a number is outside its range.
    """
    rng, rate = checks.generator(seed), checks.positive(rate, "rate")
    sizes = {"neurons": neurons, "epochs": epochs, "rewarded": rewarded}
    neurons, epochs, rewarded = (checks.whole(n, name) for name, n in sizes.items())
    w = _unit(trains[rng.choice(len(trains), neurons)].sum(1) + rng.random((neurons, 1)))
    theta = np.full(neurons, _THETA)
    net = Competition(w, theta, np.zeros(neurons, dtype=int))
    for part in range(epochs):
        for n, k in enumerate(rng.permutation(len(trains))):
            i, t = net.first(trains[k])
            step = rate * (1 - (part + n / len(trains)) / epochs)
            _learn(net, i, trains[k][: t + 1], step)
            theta += _HOMEOSTASIS * ((np.arange(neurons) == i) - 1 / neurons)
    votes = np.zeros((neurons, int(y.max()) + 1))
    np.add.at(votes, (np.array([net.first(one)[0] for one in trains]), y), 1)
    alone = Competition(w.copy(), theta, votes.argmax(1))
    net = Competition(w, theta, alone.classes)
    for part in range(rewarded):
        for n, k in enumerate(rng.permutation(len(trains))):
            i, t = net.first(trains[k])
            step = rate * (1 - (part + n / len(trains)) / rewarded)
            _learn(net, i, trains[k][: t + 1], step if net.classes[i] == y[k] else -step)
    return alone, net


_THETA, _HOMEOSTASIS = 20.0, 0.02


def _learn(net: Competition, i: int, seen: np.ndarray, r: float) -> None:
    net.w[i] = _unit(net.w[i] + spike_change(net.w[i], _unit(seen.sum(0)), r))


def _unit(x: np.ndarray) -> np.ndarray:
    """Return vectors of length 1: what a neuron gets in all stays the same."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
