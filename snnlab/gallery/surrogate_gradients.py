"""Surrogate gradients, with BatchNorm on the input currents.

A spike has no useful derivative. Backpropagation puts a bump of width w in its place, and whether
gradients explode or vanish with depth hangs on w. BatchNorm keeps the currents where the bump is.

Source: Ledinauskas et al. 2020, of which we have read the abstract: they tune the surrogate, put
BatchNorm on currents, and train a spiking ResNet-50 for 10 steps, below its ANN. The triangle, the
integrate-and-fire neuron, BatchNorm over all steps together, and `growth` are our reading.
"""

from typing import Any

import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.gallery.neurons import THRESHOLD, Neurons, SpikingNetwork, surrogate
from snnlab.gallery.training import convnet, cross_entropy


def network(timesteps: int = 10, width: float = 1.0) -> SpikingNetwork:
    """Return an untrained network for digits of 8x8 pixels; `training.fit` trains it.

    Parameters
    ----------
    timesteps : int
        T.
    width : float
        w, in units of the threshold.

    Raises
    ------
    OptionError
        If a number is not above 0.

    >>> network(timesteps=2)(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 10])
    """
    return SpikingNetwork(convnet(lambda: Neurons(width=width)), timesteps)


def deep(depth: int, width: float, *, timesteps: int = 10, norm: bool = True) -> SpikingNetwork:
    """Return an untrained network of so many layers of 64 neurons, for digits of 8x8 pixels.

    Parameters
    ----------
    depth : int
        Layers of neurons.
    width : float
        w of the surrogate.
    timesteps : int
        T.
    norm : bool
        Whether the currents are normalized.

    Raises
    ------
    OptionError
        If a number is not above 0.

    >>> sum(isinstance(layer, Neurons) for layer in deep(5, width=1.0).modules())
    5
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for _ in range(checks.whole(depth, "depth")):
        layers += [nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64) if norm else nn.Identity()]
        layers.append(Neurons(width=width))
    return SpikingNetwork(nn.Sequential(*layers, nn.Linear(64, 10)), timesteps)


def gradient_norms(model: nn.Module, x: Any, y: Any) -> list[float]:
    """Return the norm of the loss's gradient by the currents of each layer of neurons.

    Parameters
    ----------
    model : torch.nn.Module
        In training mode BatchNorm uses the statistics of these images.
    x : array, shape (B, ...)
    y : array of whole numbers, shape (B,)

    Returns
    -------
    list of float
        From the first layer to the last.

    >>> layers = nn.Sequential(Neurons(), nn.Linear(2, 2))
    >>> len(gradient_norms(layers, [[1.0, 0.5]], [0]))
    1
    """
    currents: list[torch.Tensor] = []

    def keep(_: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        current = inputs[0] if inputs[0].requires_grad else inputs[0].clone().requires_grad_()
        current.retain_grad()
        currents.append(current)
        return (current,)

    layers = [layer for layer in model.modules() if isinstance(layer, Neurons)]
    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        cross_entropy(model, torch.as_tensor(x), torch.as_tensor(y)).backward()
    finally:
        for hook in hooks:
            hook.remove()
        model.zero_grad()
    return [float(torch.as_tensor(current.grad).norm()) for current in currents]


def growth(width: float) -> float:
    r"""Return what a normalized layer multiplies the squared norm of the gradient by.

    .. math:: \chi = \frac{\mathbb E[h(z)^2]}{p\,(1 - p)}, \qquad
              z \sim \mathcal N(0, 1), \quad p = \mathbb P(z \ge \theta)

    On the way back a layer multiplies by h and by weights; BatchNorm has scaled these so that p (1
    - p), the variance of its input spikes, becomes 1. For one step of wide layers with random
    weights. Above 1 gradients explode with depth, below they vanish.

    Parameters
    ----------
    width : float
        w.

    Returns
    -------
    float

    Raises
    ------
    OptionError
        If `width` is not above 0.

    Source: ours, after the usual argument on random networks.

    >>> growth(0.5) > 1 > growth(2.0)
    True
    """
    width = checks.positive(width, "width")
    normal = torch.distributions.Normal(0.0, 1.0)
    z = THRESHOLD + width * torch.linspace(-1, 1, 2001, dtype=torch.float64)
    square = torch.trapezoid(surrogate(z, width) ** 2 * normal.log_prob(z).exp(), z)
    p = 1 - float(normal.cdf(torch.tensor(THRESHOLD)))
    return float(square) / (p * (1 - p))
