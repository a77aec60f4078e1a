r"""The clipping layer whose threshold is learned (TCL).

.. math:: a = \operatorname{clip}(z, 0, \theta), \qquad
          \frac{\partial a}{\partial\theta} = [z \ge \theta], \qquad
          \frac{\partial a}{\partial z} = [0 < z < \theta]

Source: Ho and Chang 2021 (TCL), whose λ is this θ.
"""

import torch
from torch import nn

from snnlab._arguments import checks


def clipped(z: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """Return clip(z, 0, θ), with the gradients above.

    >>> threshold = torch.tensor(2.0, requires_grad=True)
    >>> a = clipped(torch.tensor([-1.0, 0.5, 2.0, 9.0]), threshold)
    >>> a.sum().backward()
    >>> a.tolist(), threshold.grad.item()
    ([0.0, 0.5, 2.0, 2.0], 2.0)
    """
    return torch.where(z < threshold, torch.relu(z), threshold)


class TCL(nn.Module):
    r"""A layer to train with in place of ReLU: clip(z, 0, θ), whose θ is learned.

    It is the staircase of `QCFS` with infinitely many levels. `snnlab.Trained` takes θ for the
    threshold of its neurons.

    Parameters
    ----------
    threshold : float
        The θ that training starts with, above 0.

    Raises
    ------
    OptionError
        If `threshold` is outside its range.

    Source: Ho and Chang 2021 (TCL).

    >>> TCL(2.0)(torch.tensor([-1.0, 0.5, 9.0])).tolist()
    [0.0, 0.5, 2.0]
    """

    def __init__(self, threshold: float = 1.0):
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(checks.positive(threshold, "threshold")))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return clip(z, 0, θ)."""
        return clipped(x, self.threshold)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return f"threshold={self.threshold.item():g}"
