r"""Functions of real numbers that are exact in time: max pooling, and the ReLU of a shortcut.

They accumulate what they receive, and pass on by how much the function of it has grown:

.. math:: o_t = f_t(S_t) - f_{t-1}(S_{t-1}), \qquad S_t = \sum_{u \le t} x_u, \qquad
          f_t(S) = t\,f(S / t)

so that the mean output is f of the mean input, at every step and for any input.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch

from snnlab.dynamics.layer import channels_last


class _Exact(ABC):
    """What accumulates its input; `sum` is what it has passed on so far, shape (b, ...)."""

    def __init__(self) -> None:
        self.charge = self.sum = torch.zeros(())

    def step(self, x: torch.Tensor, steps: int, writable: bool = False) -> torch.Tensor:
        """Return the block of outputs, as `Stepping.step`; the memory of `x` stays."""
        x = channels_last(x)
        charge = torch.empty_like(x)
        for block, sums in zip(x.chunk(steps), charge.chunk(steps), strict=True):
            self.charge = torch.add(self.charge, block, out=sums)
        self.charge = self.charge.clone()
        passed_on = self.of_charge(charge, steps).unflatten(0, (steps, -1))
        output = passed_on.clone()
        output[1:] -= passed_on[:-1]
        output[0] -= self.sum
        self.sum = passed_on[-1].clone()
        return output.flatten(0, 1)

    @abstractmethod
    def of_charge(self, charge: torch.Tensor, steps: int) -> torch.Tensor:
        """Return f_t(S_t) for a block of charges, shape (t·b, ...)."""


class ExactMaxPool(_Exact):
    r"""Maximum over space, exact in time for any input.

    .. math:: o_t = \max_i S_{i,t} - \max_i S_{i,t-1}, \qquad S_{i,t} = \sum_{u \le t} x_{i,u}

    so that the mean output is the maximum of the mean inputs.

    Source: Li and Zeng 2022 (LIPooling), extended here to inputs that are not 0 or 1.
    """

    def __init__(self, pool: Callable[[torch.Tensor], torch.Tensor]):
        super().__init__()
        self.pool = pool

    def of_charge(self, charge: torch.Tensor, steps: int) -> torch.Tensor:
        """Return the maxima of a block of charges."""
        return self.pool(charge)


class AnalogReLU(_Exact):
    r"""A ReLU that passes on real numbers and no spikes, exact in time for any input.

    .. math:: o_t = \min(\max(S_t, 0), ct) - \min(\max(S_{t-1}, 0), c(t - 1)), \qquad
              S_t = \sum_{u \le t} z_u

    with the cap c of the ReLU, infinite if it has none; so that the mean output is what the ReLU
    makes of the mean current. A shortcut carries it, see `convert`.

    Derived here. Hu et al. 2024 (MS-ResNet) train networks whose shortcuts carry potentials.

    >>> relu = AnalogReLU(cap=None)
    >>> relu.step(torch.tensor([[-1.0], [1.5], [-1.0]]), steps=3).tolist()
    [[0.0], [0.5], [-0.5]]
    """

    def __init__(self, cap: float | None):
        super().__init__()
        self.cap, self.done = cap, 0

    def of_charge(self, charge: torch.Tensor, steps: int) -> torch.Tensor:
        """Return what the ReLU has passed on after each step of a block."""
        if self.cap is None:
            return charge.clamp(min=0)
        times = torch.arange(self.done + 1, self.done + steps + 1).to(charge)
        self.done += steps
        highest = self.cap * times.repeat_interleave(len(charge) // steps)
        return charge.clamp(min=0).minimum(highest.reshape(-1, *[1] * (charge.ndim - 1)))
