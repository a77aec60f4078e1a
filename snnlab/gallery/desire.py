r"""Desire backpropagation: every neuron is told whether it should fire, and learns by itself.

No gradient is computed. The desired firing of the output is known from the label: the neuron of the
right class shall fire, all others shall not. A layer passes its desires back through its weights,
and a neuron that hears nothing clear has none. What then changes a weight is local, as in STDP: the
spikes of the neuron behind it, what is left of those in front of it, and one desire.

Source: Gerlinghoff, Luo, Goh and Wong 2023, of which we have read the abstract and the code
(DanielGerlinghoff/desire-backpropagation). Their headline, from the abstract: 98.41 % on MNIST and
87.56 % on Fashion-MNIST with three layers. There images are learned one by one, each with 20 steps;
batches and 10 steps are ours.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snnlab._arguments import checks


class DesireNetwork(NamedTuple):
    """The weights, one array of shape (out, in) for each layer, and the steps of a run."""

    weights: list[np.ndarray]
    timesteps: int

    def run(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the spikes of the input and of each layer, (T, B, n), for images in [0, 1]."""
        pixels = x.reshape(len(x), -1)
        current = np.broadcast_to(pixels, (self.timesteps, *pixels.shape))
        trains = [_fire(current, leak=1.0)]
        for w in self.weights:
            trains.append(_fire(trains[-1] @ w.T, leak=_LEAK))
        return trains

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the class whose neuron fires most, shape (B,); of equals the first."""
        return self.run(x)[-1].sum(0).argmax(1)


_LEAK = 0.75  # of potentials and of traces, per step


def _fire(current: np.ndarray, leak: float) -> np.ndarray:
    """Return the spikes of neurons with threshold 1, which leak only in steps without a spike."""
    v, spikes = np.zeros_like(current[0]), np.zeros_like(current)
    for t, z in enumerate(current):
        v = v + z
        spikes[t] = v >= 1
        v = np.where(spikes[t] > 0, v - 1, leak * v)
    return spikes


def traces(spikes: np.ndarray) -> np.ndarray:
    r"""Return what is left of past spikes, :math:`p_t = \tfrac34 p_{t-1} + s_t`, shape (T, B, n).

    Source: Gerlinghoff et al. 2023, read as code.

    >>> traces(np.array([1.0, 0.0, 1.0])[:, None, None]).ravel().tolist()
    [1.0, 0.75, 1.5625]
    """
    left = spikes.copy()
    for t in range(1, len(left)):
        left[t] += _LEAK * left[t - 1]
    return left


def output_desires(rates: np.ndarray, y: np.ndarray, threshold: float = 0.3) -> np.ndarray:
    """Return the desires of the output: 1 fire, -1 be silent, 0 go on, shape (B, classes).

    `rates` are spikes per step. Only who is further off than the threshold hears of it.

    Source: Gerlinghoff et al. 2023, read as code.

    >>> output_desires(np.array([[0.5, 0.5, 0.25]]), np.array([0])).astype(int).tolist()
    [[1, -1, 0]]
    """
    wanted = np.eye(rates.shape[1])[y]
    return (2 * wanted - 1) * (abs(wanted - rates) > threshold)


def hidden_desires(
    d: np.ndarray, rates: np.ndarray, w: np.ndarray, threshold: float = 0.05
) -> np.ndarray:
    r"""Return the desires of the layer in front, shape (B, in).

    .. math:: D_j = \sum_i w_{ij} d_i \lvert [d_i > 0] - r_i \rvert, \qquad
        d_j = \operatorname{sign}(D_j)\, [\lvert D_j \rvert \ge \vartheta]

    with the desires d and rates r of the layer behind, both of shape (B, out).

    Source: Gerlinghoff et al. 2023, read as code; the letters are ours.

    >>> w = np.array([[1.0, -1.0, 0.0625]])
    >>> hidden_desires(np.array([[1.0]]), np.array([[0.5]]), w).tolist()
    [[1.0, -1.0, 0.0]]
    """
    total = (d * abs((d > 0) - rates)) @ w
    return np.sign(total) * (abs(total) >= threshold)


def weight_change(d: np.ndarray, post: np.ndarray, pre: np.ndarray) -> np.ndarray:
    r"""Return by how much weights change, shape (out, in), at a learning rate of 1.

    .. math:: \Delta w_{ij} = \frac{1}{T} \sum_t d_i\, s_{i,t}\, p_{j,t}

    with the spikes s of the neuron, and the traces p of those in front; the mean over the batch.
    A neuron that is silent learns nothing, even if it ought to fire.

    Source: Gerlinghoff et al. 2023, read as code.

    >>> s, p = np.array([1.0, 0.0, 1.0]), np.array([1.0, 0.5, 0.25])
    >>> weight_change(np.array([[-1.0]]), s[:, None, None], p[:, None, None]).round(4).tolist()
    [[-0.4167]]
    """
    steps, images, _ = post.shape
    told = (d * post).reshape(steps * images, -1)
    return told.T @ pre.reshape(steps * images, -1) / (steps * images)


def train(
    x: np.ndarray,
    y: np.ndarray,
    hidden: Sequence[int] = (256, 128),
    *,
    timesteps: int = 10,
    epochs: int = 20,
    learning_rate: float = 0.05,
    seed: int = 0,
) -> DesireNetwork:
    """Return a network that has learned images of pixels in [0, 1] with classes `y`.

    Parameters
    ----------
    x, y : arrays, shapes (B, ...) and (B,)
    hidden : sequence of int
        Neurons of the hidden layers.
    timesteps, epochs : int
    learning_rate : float
        At the beginning; it falls to 0 in a straight line, which is ours.
    seed : int
        Of the first weights and of the order of the images.

    Raises
    ------
    OptionError
        If a number is outside its range.
    """
    timesteps, epochs = checks.whole(timesteps, "timesteps"), checks.whole(epochs, "epochs")
    rate, rng = checks.positive(learning_rate, "learning_rate"), checks.generator(seed)
    sizes = [x[0].size, *(checks.whole(n, "hidden") for n in hidden), int(y.max()) + 1]
    pairs = itertools.pairwise(sizes)
    weights = [rng.normal(0, np.sqrt(2 / m), (n, m)) for m, n in pairs]
    network = DesireNetwork(weights, timesteps)
    batches = max(1, len(x) // _BATCH)
    for epoch in range(epochs):
        for n, chosen in enumerate(np.array_split(rng.permutation(len(x)), batches)):
            step = rate * (1 - (epoch + n / batches) / epochs)
            for w, change in zip(weights, _changes(network, x[chosen], y[chosen]), strict=True):
                w += step * change
    return network


_BATCH = 16


def _changes(network: DesireNetwork, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Return the change of each layer's weights for a batch."""
    trains = network.run(x)
    rates = [spikes.mean(0) for spikes in trains]
    d, found = output_desires(rates[-1], y), []
    for n in reversed(range(len(network.weights))):
        found.append(weight_change(d, trains[n + 1], traces(trains[n])))
        d = hidden_desires(d, rates[n + 1], network.weights[n])
    return found[::-1]
