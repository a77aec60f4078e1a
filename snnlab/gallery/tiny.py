r"""TinySNN: how few bits a spiking network needs, for its weights and for its neurons' potentials.

On small devices memory is what costs. A converted network is read as numbers of a fixed point, run
for many pairs of bits, and of those that are accurate enough the smallest is taken.

Source: Putra and Shafique 2022 (TinySNN), of which we have read the abstract. There neurons
are also made to compute less, and the choice is by a reward for accuracy and memory. Here neurons
are already the simplest; how numbers are rounded, that potentials saturate, and the choice are our
reading.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from snnlab._arguments import checks
from snnlab.exceptions import UnsupportedLayerError
from snnlab.network import Network


def fixed_point(x: np.ndarray, bits: int | None, largest: float) -> np.ndarray:
    r"""Round numbers to a fixed point of so many bits; None leaves them.

    .. math:: Q(x) = \Delta \operatorname{clip}(\lfloor x / \Delta \rceil, -2^{b-1}, 2^{b-1} - 1),
        \qquad \Delta = \text{largest} / 2^{b-1}

    Raises
    ------
    OptionError
        If `bits` is no whole number of 2 or more.

    Source: ours; this is what two's complement can hold.

    >>> fixed_point(np.array([0.3, -0.9, 5.0]), bits=2, largest=1.0).tolist()
    [0.5, -1.0, 0.5]
    """
    if bits is None:
        return x
    checks.number(bits, "bits", 2, whole=True, expected="a whole number, 2 or more.")
    half = 2 ** (bits - 1)
    return np.clip(np.round(x * (half / largest)), -half, half - 1) * (largest / half)


class Tiny(NamedTuple):
    """Layers of a converted network: weights (out, in), biases (out,), thresholds, v_init in θ."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    thresholds: list[np.ndarray]
    v_init: float

    def run(
        self, x: np.ndarray, timesteps: int, weights: int | None = None, states: int | None = None
    ) -> np.ndarray:
        """Return the outputs after all steps, divided by them, shape (B, classes).

        `weights` and `states` are bits. A potential holds from -4 θ to 4 θ; what the output sums up
        is wide enough for anything.
        """
        rounded = [fixed_point(w, weights, abs(w).max()) for w in self.weights]
        biases = [fixed_point(b, weights, max(abs(b).max(), 1e-9)) for b in self.biases]
        pairs = zip(self.biases[:-1], self.thresholds, strict=True)
        v = [np.full((len(x), len(b)), self.v_init * theta) for b, theta in pairs]
        total = np.zeros((len(x), len(self.biases[-1])))
        for _ in range(checks.whole(timesteps, "timesteps")):
            s = x
            for n, theta in enumerate(self.thresholds):
                m = v[n] + s @ rounded[n].T + biases[n]
                m = theta * fixed_point(m / theta, states, _RANGE)
                s = theta * (m >= theta)
                v[n] = m - s
            total += s @ rounded[-1].T + biases[-1]
        return total / timesteps

    def memory(self, weights: int, states: int) -> int:
        """Return how many bytes weights, biases and potentials take, so many bits each."""
        held = sum(w.size + b.size for w, b in zip(self.weights, self.biases, strict=True))
        neurons = sum(b.size for b in self.biases[:-1])
        return -(-(held * weights + neurons * states) // 8)


_RANGE = 4.0


def read(model: nn.Sequential, network: Network) -> Tiny:
    """Return the layers of a converted network, which is `model`, linear layers and ReLUs only.

    Raises
    ------
    UnsupportedLayerError
        If the model has other layers.
    """
    known = (nn.Flatten, nn.Linear, nn.ReLU)
    if others := [type(m).__name__ for m in model if not isinstance(m, known)]:
        raise UnsupportedLayerError(
            f"model: found {others}, expected linear layers with ReLUs between them, for which "
            f"TinySNN is written here. Take a multilayer perceptron."
        )
    arrays: Any = [m for m in model if isinstance(m, nn.Linear)]
    weights = [m.weight.detach().double().numpy() for m in arrays]
    biases = [
        np.zeros(len(m.weight)) if m.bias is None else m.bias.detach().double().numpy()
        for m in arrays
    ]
    neurons = list(network.neurons.values())
    thresholds = [np.asarray(n.v_threshold, dtype=float) for n in neurons]
    return Tiny(weights, biases, thresholds, float(neurons[0].v_init))


def table(
    tiny: Tiny, x: Any, y: Any, timesteps: int, weights: Sequence[int], states: Sequence[int]
) -> dict[tuple[int, int], float]:
    """Return the accuracy for each pair of bits, of weights and of states."""
    return {
        (w, s): float((tiny.run(x, timesteps, weights=w, states=s).argmax(1) == y).mean())
        for w in weights
        for s in states
    }


def smallest(
    tiny: Tiny, accuracies: dict[tuple[int, int], float], loss: float = 0.01
) -> tuple[int, int]:
    """Return the bits that take the least memory, at most so much below the best accuracy.

    >>> tiny = Tiny([np.zeros((8, 4)), np.zeros((2, 8))], [np.zeros(8), np.zeros(2)], [], 0.5)
    >>> smallest(tiny, {(8, 8): 0.95, (4, 8): 0.945, (4, 4): 0.9})
    (4, 8)
    """
    best = max(accuracies.values())
    enough = [bits for bits, found in accuracies.items() if found >= best - loss]
    return min(enough, key=lambda bits: tiny.memory(*bits))
