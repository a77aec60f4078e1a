"""A network of a single step whose thresholds are Hoyer extrema, trained with Hoyer's penalty.

The penalty pushes potentials below its extremum towards 0 and those above it up. So the extremum is
a threshold that few potentials are near, and one step of spikes says enough.

Source: Datta et al. 2022, of which we have read abstract and code of others for this layer
(`HoyerBiAct`): z = u / θ, the extremum of z clipped to [0, 1] over the whole layer and batch as
threshold, its running mean later, a surrogate of 1/2 from 0 to 2. The penalty divided by the number
of neurons, and its weight, are ours.
"""

from typing import Any

import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.gallery.neurons import SpikingLayer
from snnlab.gallery.training import Loss, convnet, cross_entropy

_MOMENTUM = 0.1


def hoyer(z: torch.Tensor) -> torch.Tensor:
    r"""Return Hoyer's measure: from 1, where all but one are 0, to the number of entries.

    .. math:: H(z) = \frac{\|z\|_1^2}{\|z\|_2^2}

    Parameters
    ----------
    z : torch.Tensor
        Not all 0.

    Returns
    -------
    torch.Tensor, shape ()

    Source: Datta et al. 2022, after Hoyer 2004.

    >>> hoyer(torch.tensor([0.0, 3.0])).item(), hoyer(torch.tensor([1.0, -1.0, 1.0])).item()
    (1.0, 3.0)
    """
    return z.abs().sum() ** 2 / (z**2).sum().clamp(min=torch.finfo(z.dtype).tiny)


def extremum(z: torch.Tensor) -> torch.Tensor:
    r"""Return the Hoyer extremum: an entry of this size does not move Hoyer's measure.

    .. math:: E(z) = \frac{\|z\|_2^2}{\|z\|_1}, \qquad
              \frac{\partial H}{\partial z_i} \gtrless 0 \text{ for } 0 < z_i \lessgtr E(z)

    Parameters
    ----------
    z : torch.Tensor
        Not all 0.

    Returns
    -------
    torch.Tensor, shape ()

    Source: Datta et al. 2022.

    >>> extremum(torch.tensor([0.0, 1.0, 3.0])).item()
    2.5
    """
    return (z**2).sum() / z.abs().sum().clamp(min=torch.finfo(z.dtype).tiny)


class _Spike(torch.autograd.Function):
    """[z >= E], with the surrogate [0 < z < 2] / 2."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(z)
        return (z >= threshold).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (z,) = ctx.saved_tensors
        return gradients[0] * ((z > 0) & (z < 2)) / 2, None


class HoyerStep(SpikingLayer):
    """Neurons at a single step, with the Hoyer extremum of their clipped potentials as threshold.

    In training it is that of the batch, in eval mode its running mean.

    Attributes
    ----------
    threshold : torch.nn.Parameter
        θ, the largest threshold: potentials are clipped there.
    extremum : torch.Tensor, shape ()
        Running mean, in units of θ.
    clipped : torch.Tensor
        z of the last batch, clipped to [0, 1].

    >>> HoyerStep()(torch.tensor([0.0, 0.25, 0.75])).tolist()  # the extremum is 0.625
    [0.0, 0.0, 1.0]
    """

    extremum: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("extremum", torch.tensor(1.0))
        self.clipped = torch.tensor(0.0)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Return the spikes, like the potentials u."""
        z = u / self.threshold.abs()
        self.clipped = z.clamp(0, 1)
        threshold = self.extremum
        if self.training:
            threshold = extremum(self.clipped.detach())
            self.extremum.lerp_(threshold, _MOMENTUM)
        return _Spike.apply(z, threshold)


def network() -> nn.Sequential:
    """Return an untrained network for digits of 8x8 pixels.

    >>> network()(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    return convnet(HoyerStep)


def penalized(weight: float) -> Loss:
    r"""Return the loss to train with: cross-entropy and the penalties of all layers.

    .. math:: L = \mathrm{CE} + \lambda_H \sum_l \frac{H(z^l)}{n_l}

    Parameters
    ----------
    weight : float
        λ_H, 0 or more.

    Returns
    -------
    callable
        For `training.fit`.

    Raises
    ------
    OptionError
        If `weight` is below 0.

    Source: Datta et al. 2022; dividing by the number n of neurons in a layer and batch is ours.

    >>> penalized(0.0)(nn.Identity(), torch.zeros(1, 2), torch.tensor([0])).item() > 0
    True
    """
    weight = checks.number(weight, "weight", 0, expected="a number, 0 or more.")

    def of_batch(model: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss = cross_entropy(model, x, y)
        layers = [layer for layer in model.modules() if isinstance(layer, HoyerStep)]
        penalties = [hoyer(layer.clipped) / layer.clipped.numel() for layer in layers]
        return loss + weight * sum(penalties)

    return of_batch
