r"""A spiking layer that can be trained, and a network of such layers that runs for T steps.

The letters of the equations: z input current, v membrane potential, θ = 1 threshold, s spike, β
share of the potential that stays from step to step (1: integrate-and-fire), w width of the
surrogate, T number of steps.
"""

from typing import Any

import torch
from torch import nn

from snnlab._arguments import checks

THRESHOLD = 1.0


class _Spike(torch.autograd.Function):
    """The step function, with the surrogate as its derivative."""

    @staticmethod
    def forward(ctx: Any, v: torch.Tensor, width: float) -> torch.Tensor:
        ctx.save_for_backward(v)
        ctx.width = width
        return (v >= THRESHOLD).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (v,) = ctx.saved_tensors
        return gradients[0] * surrogate(v, ctx.width), None


def surrogate(v: torch.Tensor, width: float = 1.0) -> torch.Tensor:
    r"""Return what stands for the derivative of a spike by the potential.

    .. math:: h(v) = \frac1w \max\left(0, 1 - \frac{|v - \theta|}w\right)

    A triangle of area 1 around the threshold: the narrower, the higher.

    Parameters
    ----------
    v : torch.Tensor
        Potential before the reset, in units of the threshold.
    width : float
        w, in units of the threshold.

    Returns
    -------
    torch.Tensor, like `v`

    Source: a triangle is one of the usual shapes; its scale is ours.

    >>> surrogate(torch.tensor([0.0, 0.5, 1.0, 1.25, 3.0]), width=0.5).tolist()
    [0.0, 0.0, 2.0, 1.0, 0.0]
    """
    return (1 - (v - THRESHOLD).abs() / width).clamp(min=0) / width


def spikes(v: torch.Tensor, width: float = 1.0) -> torch.Tensor:
    """Return 1 where the potential reaches the threshold, else 0; its derivative is `surrogate`.

    >>> spikes(torch.tensor([0.75, 1.0, 1.5])).tolist()
    [0.0, 1.0, 1.0]
    """
    return _Spike.apply(v, width)


def step(
    v: torch.Tensor, current: torch.Tensor, leak: float = 1.0, width: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Advance leaky integrate-and-fire neurons by one step.

    .. math:: m = \beta v + z, \quad s = [m \ge \theta], \quad v' = m - \theta s

    No gradient flows through the reset.

    Parameters
    ----------
    v, current : torch.Tensor, shape (B, ...)
        Potential before the step, and z.
    leak : float
        β, in (0, 1].
    width : float
        w.

    Returns
    -------
    v, s : torch.Tensor, shape (B, ...)

    Source: as `snnlab.dynamics.if_step`, with a leak; a reset without gradient is usual.

    >>> step(torch.tensor(0.75), torch.tensor(0.5))
    (tensor(0.2500), tensor(1.))
    """
    m = leak * v + current
    s = spikes(m, width)
    return m - THRESHOLD * s.detach(), s


class SpikingLayer(nn.Module):
    """A layer that puts out spikes, 0 or 1: those that `training.spikes` counts."""


class Neurons(SpikingLayer):
    """A layer of spiking neurons, for currents of all steps at once.

    Parameters
    ----------
    leak : float
        β, in (0, 1]; 1 for integrate-and-fire neurons.
    width : float
        w of the surrogate, above 0.
    v_init : float
        Potential before the first step, in [0, 1).
    timesteps : int
        T; `SpikingNetwork` sets it.

    Raises
    ------
    OptionError
        If a number is outside its range.

    >>> Neurons(timesteps=4)(torch.full((4, 1), 0.75)).ravel().tolist()
    [0.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self, leak: float = 1.0, width: float = 1.0, v_init: float = 0.0, timesteps: int = 1
    ):
        super().__init__()
        self.leak = checks.number(leak, "leak", 0, 1, excluded=(0,), expected="a number in (0, 1].")
        self.width = checks.positive(width, "width")
        self.v_init = checks.fraction_of_threshold(v_init)
        self.timesteps = checks.whole(timesteps, "timesteps")

    def forward(self, currents: torch.Tensor) -> torch.Tensor:
        """Return the spikes of all steps, like the currents of shape (T·B, ...)."""
        by_step = currents.unflatten(0, (self.timesteps, -1))
        v, fired = torch.full_like(by_step[0], self.v_init), []
        for current in by_step:
            v, s = step(v, current, self.leak, self.width)
            fired.append(s)
        return torch.cat(fired)


class SpikingNetwork(nn.Module):
    """A network that gets an image as a constant current, and answers with a mean over T steps.

    Time is folded into the batch: what is no neuron sees arrays of shape (T·B, ...). The output
    does not spike.

    Parameters
    ----------
    layers : torch.nn.Module
        With `Neurons` or other layers that have `timesteps`.
    timesteps : int
        T. It may be set anew after training.

    Raises
    ------
    OptionError
        If `timesteps` is no whole number above 0.

    >>> network = SpikingNetwork(Neurons(), timesteps=4)
    >>> network(torch.tensor([[0.75], [0.25]])).tolist()
    [[0.75], [0.25]]
    """

    def __init__(self, layers: nn.Module, timesteps: int):
        super().__init__()
        self.layers, self.timesteps = layers, checks.whole(timesteps, "timesteps")

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of each step, shape (T, B, ...)."""
        for layer in self.layers.modules():
            if hasattr(layer, "timesteps"):
                layer.timesteps = self.timesteps  # type: ignore[assignment]
        folded = self.layers(x.repeat(self.timesteps, *[1] * (x.ndim - 1)))
        return folded.unflatten(0, (self.timesteps, -1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean outputs, shape (B, ...)."""
        return self.outputs(x).mean(0)
