"""Training for a single step with noise on the potential, then running for many steps.

At a step of a long run a neuron still holds what earlier steps have left. For a single step that is
unknown, so it is drawn. Training then costs as much as that of an ANN, and no memory of time.

Source: Jiang and Zhang 2023, of which we have read the abstract: a network of one step is trained
with Gaussian noise in place of the distribution of potentials, and converted to many steps; 65 to
75 % less training time. Mean and spread of the noise, and its density as surrogate, are our
reading. With noise that is drawn evenly from [0, θ) it is `snnlab.QCFS` of one level with a random
shift, whose mean is just what integrate-and-fire neurons pass on.
"""

import copy
import math
from typing import Any

import torch
from torch import nn

from snnlab.exceptions import UnsupportedLayerError
from snnlab.gallery.neurons import THRESHOLD
from snnlab.graph.clipping import TCL
from snnlab.network import Network
from snnlab.recipes.trained import tcl

# Mean and spread of what is evenly distributed from 0 to θ.
MEAN, SPREAD = THRESHOLD / 2, THRESHOLD / math.sqrt(12)


def probability(z: torch.Tensor) -> torch.Tensor:
    r"""Return how probable a spike is at a current z, the mean of `noisy_spikes`.

    .. math:: \mathbb P(z + \xi \ge \theta) = \Phi\left(\frac{z + \mu - \theta}\sigma\right),
              \qquad \xi \sim \mathcal N(\mu, \sigma^2), \quad
              \mu = \frac\theta2, \quad \sigma = \frac\theta{\sqrt{12}}

    Parameters
    ----------
    z : torch.Tensor

    Returns
    -------
    torch.Tensor, like `z`

    Source: Jiang and Zhang 2023 (Gaussian noise); μ and σ are ours.

    >>> probability(torch.tensor([-9.0, 0.5, 9.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return torch.special.ndtr((z + MEAN - THRESHOLD) / SPREAD)


def noisy_spikes(z: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Return 1 where current and noise reach the threshold, else 0.

    Its gradient is that of `probability`: the density of the noise is the surrogate.

    >>> noisy_spikes(torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.25])).tolist()
    [1.0, 0.0]
    """
    mean = probability(z)
    return (z + noise >= THRESHOLD).to(z.dtype) + (mean - mean.detach())


class NoisyStep(nn.Module):
    """Neurons at a single step, with a potential that is drawn; in eval mode their mean.

    The noise is drawn from torch's random state, which `training.fit` sets by its seed.

    >>> NoisyStep().eval()(torch.tensor([0.5])).tolist()
    [0.5]
    """

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return spikes in training, and how probable they are in eval mode."""
        if not self.training:
            return probability(z)
        return noisy_spikes(z, MEAN + SPREAD * torch.randn_like(z))


def spiking(model: nn.Module, x_cal: Any) -> Network:
    """Return a trained model of `NoisyStep` layers as a network that `snnlab.simulate` runs.

    Its neurons have the threshold 1 and begin half full: `snnlab.recipes.tcl` of the model with
    clip(z, 0, θ) in their place.

    Parameters
    ----------
    model : torch.nn.Module
        In eval mode. It is not changed.
    x_cal : array, shape (B, ...), or what else `snnlab.convert` takes
        Training images, which the result is verified on.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedLayerError
        If the model has no `NoisyStep`, or for what `snnlab.convert` refuses.

    >>> spiking(nn.Sequential(nn.Linear(1, 1), NoisyStep()), [[1.0]]).thresholds
    {'1': 1.0}
    """
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, NoisyStep):
                setattr(parent, name, TCL(THRESHOLD))
    if not any(isinstance(layer, TCL) for layer in model.modules()):
        raise UnsupportedLayerError(
            "model: found no NoisyStep, expected one for each layer of neurons. Train a model with "
            "gallery.single_step.NoisyStep in the place of ReLU."
        )
    return tcl(model, x_cal)
