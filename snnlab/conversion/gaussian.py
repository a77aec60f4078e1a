"""Thresholds from mean and variance of the currents alone, taken for normally distributed."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion.activation_based import largest_activations
from snnlab.conversion.rules import ThresholdRule, refuse_silent
from snnlab.conversion.statistics import activation_statistics, by_channel, image_batches
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import evaluate, inference
from snnlab.graph.operations import Kind

_MOST_ITERATIONS = 1000
_CLOSE = 1e-9


@dataclass(frozen=True)
class Gaussian(ThresholdRule):
    r"""Threshold = the best one of a staircase of T steps under normally distributed currents.

    .. math:: \theta \leftarrow \theta\,\frac{\mathbb E[z\,q(z)]}{\mathbb E[q(z)^2]}, \qquad
              q(z) = \frac\theta T \operatorname{clip}\left(\left\lfloor\frac{zT}\theta
              + \frac12\right\rfloor, 0, T\right), \qquad z \sim \mathcal N(\mu, \sigma^2)

    until θ stays. Each round leaves out which step a current belongs to, and chooses the height of
    the steps by least squares; so the mean square error falls. Only mean and variance of the
    currents are looked at, which a BatchNorm knows even without data. `MMSE` looks at the
    activations themselves.

    Parameters
    ----------
    timesteps : int
        T, for which the network is meant; Γ T for neurons with `max_spikes` = Γ.
    per_channel : bool
        One threshold per channel instead of one per layer. A channel that is always 0 takes the
        threshold of its layer.

    Source: Huang et al. 2025 (DCGS), read as code (h-z-h-cell/ANN-to-SNN-DCGS). There θ starts at 1
    whatever the scale of the layer, and is 1 again where the iteration fails; here it starts at
    μ + 4σ.

    >>> from torch import nn
    >>> from snnlab import convert
    >>> x = torch.linspace(-1, 1, 101)[:, None]
    >>> coarse, fine = (convert(nn.ReLU(), x, threshold=Gaussian(T)) for T in (2, 64))
    >>> coarse.thresholds["relu"] < 1.2 < fine.thresholds["relu"]
    True
    """

    timesteps: int
    per_channel: bool = False

    def __post_init__(self) -> None:
        checks.whole(self.timesteps, "timesteps")

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer."""
        checks.instance(graph, Graph, "graph", "Write snnlab.trace(model, x) first.")
        x_cal = Images.of(x_cal, "x_cal", graph.input_shape, again=True)
        statistics = activation_statistics(graph, x_cal)
        largest = largest_activations(graph, statistics)
        refuse_silent({name: s for name, s in statistics.items() if not largest[name]})
        found: dict[str, float | np.ndarray] = {}
        for name, (mean, square) in _moments(graph, x_cal).items():
            whole = best_threshold(mean.mean(), square.mean() - mean.mean() ** 2, self.timesteps)
            # So far below 0 that nothing is left to count.
            layer = whole.item() if np.isfinite(whole) else largest[name]
            own = best_threshold(mean, square - mean**2, self.timesteps)
            counts = np.isfinite(own) & (statistics[name].maximum > 0)
            found[name] = np.where(counts, own, layer) if self.per_channel else layer
        return found


def best_threshold(mean: Any, variance: Any, levels: int) -> np.ndarray:
    """Return the fixed point θ of `Gaussian` with T = `levels`, NaN where nothing is above 0.

    `mean` and `variance` are numbers or arrays of one shape, which the result has.

    >>> best_threshold(1.0, 0.0, levels=4).item()
    1.0
    """
    mean, std = np.asarray(mean, float), np.sqrt(np.maximum(variance, 0))
    theta = np.maximum(mean, 0) + 4 * std
    for _ in range(_MOST_ITERATIONS):
        before, theta = theta, _next(theta, mean, std, levels)
        if not (np.abs(theta - before) > _CLOSE * before).any():
            break
    return theta


def _next(theta: np.ndarray, mean: np.ndarray, std: np.ndarray, levels: int) -> np.ndarray:
    """Return θ E[z q] / E[q²], where q is θ / T times the number k of edges below z."""
    k = np.arange(1, levels + 1)
    mean, std = mean[..., None], std[..., None]
    edges = (k - 0.5) / levels * theta[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.where(std > 0, (edges - mean) / std, np.where(edges <= mean, -np.inf, np.inf))
        above = torch.special.erfc(torch.from_numpy(distance / math.sqrt(2))).numpy() / 2
        density = np.exp(-(distance**2) / 2) / math.sqrt(2 * math.pi)
        # E[z k] = Σ E[z; z >= edge] and E[k²] = Σ (2k - 1) P(z >= edge), both over all edges.
        zk = (mean * above + std * density).sum(-1)
        kk = ((2 * k - 1) * above).sum(-1)
        return levels * zk / kk


def _moments(graph: Graph, x_cal: Images) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return mean and mean square of the currents of each channel, arrays of shape (C,)."""
    sums: dict[str, list[np.ndarray]] = {}
    counts = dict.fromkeys(graph.layers, 0)

    def look(node: fx.Node, current: torch.Tensor) -> None:
        if node.meta["kind"] is Kind.RELU:
            name, z = node.meta["layer"], by_channel(current).double()
            new = [z.sum(1).cpu().numpy(), z.square().sum(1).cpu().numpy()]
            sums[name] = [a + b for a, b in zip(sums.get(name, (0, 0)), new, strict=True)]
            counts[name] += z.shape[1]

    for images in image_batches(graph, x_cal):
        with inference(graph, len(images)):
            evaluate(graph, images, look)
    return {name: (z / counts[name], zz / counts[name]) for name, (z, zz) in sums.items()}
