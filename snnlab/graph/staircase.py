r"""The activation of networks that were trained for conversion: clip, floor, shift (QCFS).

.. math:: Q(z) = \frac{\theta}{L}\,
          \operatorname{clip}\left(\left\lfloor\frac{zL}{\theta} + \varphi\right\rfloor, 0, L\right)

A neuron with soft reset, the threshold :math:`\theta` and the start :math:`v_0 = \varphi\theta`
passes on just this in :math:`T = L` steps of a constant current. Source: Bu et al. 2022 (QCFS).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.graph.clipping import clipped
from snnlab.graph.piecewise_linear import GRID, plain

Shift = float | Literal["random"]

_MOST_LEVELS = 1024
# Heights and steps that differ by less than this part are the same.
_ROUNDING = 1e-6


def staircase(x: torch.Tensor, cap: float, levels: int, shift: float) -> torch.Tensor:
    """Return Q(z) with θ = `cap`, L = `levels` and φ = `shift`.

    >>> staircase(torch.tensor([-1.0, 0.3, 9.0]), 2.0, 4, 0.5).tolist()
    [0.0, 0.5, 2.0]
    """
    return (x * (levels / cap) + shift).floor().clamp(0, levels) * (cap / levels)


class _Floor(torch.autograd.Function):
    """Floor, with the gradient of the identity (straight through)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.floor()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0]


class QCFS(nn.Module):
    r"""A layer to train with in place of ReLU: the staircase Q(z), whose θ is learned.

    `convert` takes threshold and start of the neurons from it; after as many steps as it has
    levels, `quantized` computes what the model computes.

    Parameters
    ----------
    levels : int
        L, the number of steps of the staircase.
    threshold : float
        The θ that training starts with, above 0.
    shift : float or "random"
        φ, in [0, 1). With one half the mean error is 0. "random" draws it anew for each value in
        training, evenly from [0, 1); the mean over it is clip(z, 0, θ), which is what the layer
        computes in eval mode. It is drawn from torch's random state, which `snnlab.data.train`
        sets by its seed.

    Raises
    ------
    OptionError
        If a parameter is outside its range.

    Source: Bu et al. 2022 (QCFS); the gradient of the floor is taken for 1. With a random shift the
    gradient is that of the mean (ours).

    >>> QCFS(levels=4, threshold=2.0)(torch.tensor([-1.0, 0.3, 9.0])).tolist()
    [0.0, 0.5, 2.0]
    """

    def __init__(self, levels: int, threshold: float = 1.0, shift: Shift = 0.5):
        super().__init__()
        self.levels = checks.whole(levels, "levels")
        self.shift = shift if shift == "random" else checks.fraction_of_threshold(shift)
        self.threshold = nn.Parameter(torch.tensor(checks.positive(threshold, "threshold")))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return Q(z)."""
        if self.shift != "random":
            return self._steps(x, self.shift)
        mean = clipped(x, self.threshold)
        if not self.training:
            return mean
        # The gradient is that of the mean; to the value it adds 0.
        return self._steps(x, torch.rand_like(x)).detach() + (mean - mean.detach())

    def _steps(self, x: torch.Tensor, shift: float | torch.Tensor) -> torch.Tensor:
        steps = _Floor.apply(x / self.threshold * self.levels + shift)
        return self.threshold * torch.clamp(steps / self.levels, 0, 1)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return f"levels={self.levels}, threshold={self.threshold.item():g}, shift={self.shift}"


@dataclass(frozen=True, eq=False)
class Stairs:
    """A function of one signal that is a uniform staircase: `low` + `gain` · Q(z - `start`).

    `cap`, `gain`, `low` and `start` are arrays of float64, shape (K,): one function, or K of them.
    """

    cap: np.ndarray
    levels: int
    shift: float
    gain: np.ndarray
    low: np.ndarray
    start: np.ndarray

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Return the values at z, shape (G, K)."""
        steps = np.floor((z - self.start) * self.levels / self.cap + self.shift)
        return self.low + self.gain * self.cap / self.levels * np.clip(steps, 0, self.levels)


def stairs_of(function: Callable[[np.ndarray], np.ndarray]) -> Stairs | None:
    """Return the staircase that a function is, None if it is none.

    The function is as in `pieces_of`.

    >>> stairs = stairs_of(lambda z: 3 * np.clip(np.floor(2 * z + 0.5), 0, 4))
    >>> stairs.cap.tolist(), stairs.levels, stairs.shift, stairs.gain.tolist()
    ([2.0], 4, 0.5, [6.0])
    """
    y = function(GRID[:, None])
    low, high = y[0], y[-1]
    flat = np.isfinite(y).all() and (y[:9] == low).all() and (y[-9:] == high).all()
    if not flat:
        return None
    first = _edge(function, low)
    last = -_edge(lambda z: function(-z), high)
    if not (last > first).all():  # a constant; one step alone is a decision, not an activation
        return None
    values = function(np.linspace(first, last, 8 * _MOST_LEVELS))
    changes = np.abs(np.diff(values, axis=0)) > _ROUNDING * np.abs(high - low)
    # The outermost steps lie at the ends, where the samples may miss them.
    levels = 2 + int(changes[1:-1].sum(0).max())
    if levels > _MOST_LEVELS:
        return None
    step = (last - first) / (levels - 1)
    cap = _plain(levels * step)
    shifts = 1 - first / step
    shift = plain(float(np.median(shifts)))
    natural = (np.abs(shifts - shift) < _ROUNDING).all() and 0 <= round(shift, 6) < 1
    shift = max(shift, 0.0) if natural else 0.5
    start = 0 * first if natural else first - step / 2
    stairs = Stairs(cap, levels, shift, _plain((high - low) / cap), low, start)
    return stairs if _is_close(stairs, function, first, last, step) else None


def _plain(values: np.ndarray) -> np.ndarray:
    return np.array([plain(value) for value in values])


def _edge(function: Callable[[np.ndarray], np.ndarray], low: np.ndarray) -> np.ndarray:
    """Return where a function leaves the value that it has far below, shape (K,)."""
    index = (function(GRID[:, None]) != low).argmax(0)
    below, above = GRID[index - 1], GRID[index]
    parts = np.linspace(0, 1, 129)[:, None]
    for _ in range(9):
        z = below + (above - below) * parts
        index = (function(z) != low).argmax(0)
        columns = np.arange(len(low))
        below, above = z[index - 1, columns], z[index, columns]
    return above


def _is_close(stairs: Stairs, function: Any, first: Any, last: Any, step: np.ndarray) -> bool:
    """Return whether a staircase gives the function's values, but for the very edges."""
    fractions = (np.arange(-1, stairs.levels + 1)[:, None] + [0.01, 0.381966, 0.99]).ravel()
    z = first + fractions[:, None] * step
    expected = function(z)
    error = np.abs(stairs(z) - expected)
    return bool((error <= _ROUNDING * np.abs(expected).max()).all())
