"""BatchNorm through time: statistics and a scale for each step, and an exit when scales are small.

The currents of the first steps are not those of the last: at first deep layers get none. So each
step has its own mean, variance and scale γ. Where γ has become small, nothing more is to be heard,
and a run can end.

Source: Kim and Panda 2021, of which we have read abstract, figures and code of the network
(Intelligent-Computing-Lab-Yale/BNTT-Batch-Normalization-Through-Time): leaky neurons (β = 0.95),
no bias, potentials of the output accumulate without leak. There the input is Poisson spikes, here a
constant current. The exit we know from the abstract; its rule is our reading.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.exceptions import OptionError
from snnlab.gallery.neurons import Neurons, SpikingNetwork
from snnlab.gallery.training import convnet


class BatchNormThroughTime(nn.Module):
    r"""Normalize the currents of each step for itself.

    .. math:: y_t = \gamma_t \, \frac{z_t - \mu_t}{\sqrt{\sigma_t^2 + \varepsilon}}

    Parameters
    ----------
    channels : int
    timesteps : int
        T, the number of scales. A run may be shorter, but not longer.

    Raises
    ------
    OptionError
        If a number is not above 0, or a run has more than T steps.

    Source: Kim and Panda 2021 (BNTT).

    >>> norm = BatchNormThroughTime(1, timesteps=2)
    >>> norm(torch.tensor([1.0, 3.0, 10.0, 30.0])[:, None, None, None]).ravel().round().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(self, channels: int, timesteps: int):
        super().__init__()
        self.timesteps = checks.whole(timesteps, "timesteps")
        self.steps = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(self.timesteps))
        for norm in self.steps:
            norm.register_parameter("bias", None)

    def forward(self, currents: torch.Tensor) -> torch.Tensor:
        """Return the normalized currents, like those given, of shape (T·B, C, H, W)."""
        if self.timesteps > len(self.steps):
            raise OptionError(
                f"timesteps = {self.timesteps}: there are scales for {len(self.steps)} steps, "
                f"expected as many at most. Train a network for more steps."
            )
        by_step = currents.unflatten(0, (self.timesteps, -1))
        return torch.cat([norm(z) for norm, z in zip(self.steps, by_step, strict=False)])


def network(timesteps: int = 6, leak: float = 0.95) -> SpikingNetwork:
    """Return an untrained network for digits of 8x8 pixels; `training.fit` trains it.

    Parameters
    ----------
    timesteps : int
        T.
    leak : float
        β, in (0, 1].

    >>> len(scales(network(timesteps=4)))
    3
    """

    def norm(channels: int) -> nn.Module:
        return BatchNormThroughTime(channels, timesteps)

    return SpikingNetwork(convnet(lambda: Neurons(leak), norm), timesteps)


def scales(model: nn.Module) -> np.ndarray:
    """Return the mean of γ over the channels, for each layer and step, shape (L, T).

    >>> scales(BatchNormThroughTime(8, timesteps=3)).tolist()
    [[1.0, 1.0, 1.0]]
    """
    layers = [layer for layer in model.modules() if isinstance(layer, BatchNormThroughTime)]
    gammas = [[parameter for parameter in layer.parameters()] for layer in layers]
    return np.array([[float(g.detach().abs().mean()) for g in row] for row in gammas])


def early_exit(gammas: Any, smallest: float) -> int:
    """Return after how many steps a run can end: before γ is small in all layers.

    Parameters
    ----------
    gammas : array, shape (L, T)
        What `scales` returns.
    smallest : float
        A step counts if at least one layer has a γ as large as this.

    Returns
    -------
    int
        At least 1; T if no step is without a large γ.

    Raises
    ------
    OptionError
        If `smallest` is not above 0.

    Source: Kim and Panda 2021 (abstract); the rule is ours.

    >>> early_exit([[1.0, 0.5, 0.0], [0.0, 1.0, 0.25]], smallest=0.5)
    2
    """
    largest = np.max(np.asarray(gammas), axis=0)
    large = largest >= checks.positive(smallest, "smallest")
    return max(1, large.size if large.all() else int(large.argmin()))
