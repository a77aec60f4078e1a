"""Thresholds of the least mean square error of the staircase, for a number of steps."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion.activation_based import largest_activations
from snnlab.conversion.rules import ThresholdRule, refuse_silent
from snnlab.conversion.statistics import activation_statistics, by_channel, for_each_activation
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import size

# Thresholds that are tried, as parts of the largest activation.
_PARTS = 1 - 0.01 * np.arange(95)
# So many activations are looked at, each as often as there are parts.
_ACTIVATIONS = 20_000_000
# So many of them together, that they stay in the caches.
_TOGETHER = 2**16


@dataclass(frozen=True)
class MMSE(ThresholdRule):
    r"""Threshold = the one whose staircase of T steps is nearest to the activations.

    .. math:: \theta = \arg\min_\theta \operatorname{mean}\left(\frac\theta T
              \operatorname{clip}\left(\left\lfloor\frac{aT}\theta + \frac12\right\rfloor,
              0, T\right) - a\right)^2

    over 95 values, from the largest activation down to 0.06 of it. The more steps, the higher the
    best threshold. It is meant for neurons that start half full, as they do by default, and knows
    nothing of uneven currents: see `tune_thresholds`. Of many images some are used, with a warning.

    Parameters
    ----------
    timesteps : int
        T, for which the network is meant.
    per_channel : bool
        One threshold per channel instead of one per layer. A channel that is always 0 takes the
        threshold of its layer.

    Source: Li et al. 2021 (MMSE), there for neurons that start empty.

    >>> from torch import nn
    >>> from snnlab import convert
    >>> x = [[0.0], [0.25], [0.5], [4.0]]
    >>> convert(nn.ReLU(), x, threshold=MMSE(timesteps=64)).thresholds
    {'relu': 4.0}
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
        channels = {name: layer.maximum for name, layer in statistics.items()}
        layers = {name: np.array([most]) for name, most in largest.items()}
        x_cal = _sample(graph, x_cal)
        found: dict[str, float | np.ndarray] = {}
        if self.per_channel:
            found.update(self._best(graph, x_cal, channels))
        if not self.per_channel or any((most == 0).any() for most in channels.values()):
            for name, theta in self._best(graph, x_cal, layers).items():
                own = found.get(name, theta.item())
                found[name] = np.where(channels[name] > 0, own, theta) if np.ndim(own) else own
        return found

    def _best(
        self, graph: Graph, x_cal: Images, largest: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Return the best of the parts of each largest activation, one or one per channel."""
        errors = {name: np.zeros((len(_PARTS), len(most))) for name, most in largest.items()}

        def look(name: str, a: torch.Tensor) -> None:
            most = torch.tensor(largest[name], dtype=a.dtype, device=a.device)
            values = by_channel(a) if len(most) > 1 else a[a > 0][None]  # 0 is always exact
            for some in values.split(max(1, _TOGETHER // len(most)), dim=1):
                for i, part in enumerate(_PARTS.tolist()):
                    errors[name][i] += self._errors(some, part * most).cpu().numpy()

        for_each_activation(graph, x_cal, look)
        return {n: _PARTS[np.argmin(e, axis=0)] * largest[n] for n, e in errors.items()}

    def _errors(self, a: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        """Return the sums of squares of each row of activations, shape (C, N)."""
        level = theta[:, None] / self.timesteps
        # A channel that is always 0 has no scale, and no error either.
        level = torch.where(level > 0, level, torch.ones_like(level))
        # Where two steps are equally near, either has the same error.
        error = (a / level).round_().clamp_(max=self.timesteps).mul_(level).sub_(a)
        return torch.linalg.vecdot(error, error).double()


def _sample(graph: Graph, x_cal: Images) -> Images:
    """Return so many images that the work is done in seconds; all if they are few."""
    fitting = max(1, _ACTIVATIONS // sum(size(node) for node in graph.layers.values()))
    if x_cal.count is None or fitting >= x_cal.count:
        return x_cal
    warnings.warn(
        f"MMSE uses {fitting} of the {x_cal.count} calibration images, chosen by what they hold.",
        stacklevel=3,
    )
    return x_cal.sample(fitting)
