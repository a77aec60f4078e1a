r"""In-memory computing without converters: a partial sum of 64 rows is read as a single bit.

A crossbar of memory cells adds up currents in its wires, 64 rows at a time, and an analog-digital
converter reads each sum; the converters take most of the energy. Without them a comparator says
only whether a sum is positive. Networks that know this in training live with it, others do not.

Source: Apolinario, Kosta, Saxena and Roy 2023, of which we have read the abstract: a
sense amplifier as a converter of 1 bit for partial sums, and training aware of the hardware; 2 to 7
times less energy and 8.9 to 24.6 times less latency than with converters of high precision, by
their own estimate. The equation, that a layer has one α, and the network are our reading.
"""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from snnlab._arguments import checks
from snnlab.gallery.neurons import Neurons, SpikingNetwork
from snnlab.gallery.training import seeded


def partial_sums(s: torch.Tensor, w: torch.Tensor, rows: int = 64) -> torch.Tensor:
    r"""Return what each block of rows adds up, shape (B, blocks, out).

    .. math:: p_{ki} = \sum_{j \in \text{block } k} w_{ij} s_j

    for spikes of shape (B, in) and weights of shape (out, in). The last block may be smaller.

    Source: ours; their sum over k is what a linear layer computes.

    >>> partial_sums(torch.ones(1, 3), torch.tensor([[1.0, 2.0, 4.0]]), rows=2).tolist()
    [[[3.0], [4.0]]]
    """
    missing = -w.shape[1] % rows
    s, w = F.pad(s, (0, missing)), F.pad(w, (0, missing))
    return torch.einsum("bkr,okr->bko", s.unflatten(1, (-1, rows)), w.unflatten(1, (-1, rows)))


def one_bit(p: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    r"""Return α where a partial sum is at least 0, else -α.

    .. math:: q = \alpha \operatorname{sign} p, \qquad
        \frac{\partial q}{\partial p} := [\lvert p \rvert \le \alpha], \qquad
        \frac{\partial q}{\partial \alpha} = \operatorname{sign} p

    The derivative goes straight through, as if sums were only clipped.

    Source: straight-through estimators, Bengio et al. 2013, from memory.

    >>> one_bit(torch.tensor([0.2, 0.0, -3.0]), torch.tensor(0.5)).tolist()
    [0.5, 0.5, -0.5]
    """
    sign = torch.where(p >= 0, 1.0, -1.0)
    clipped = p.clamp(-alpha.detach(), alpha.detach())
    return alpha * sign + clipped - clipped.detach()


class BlockLinear(nn.Linear):
    """A linear layer in blocks of rows, whose partial sums are read in full or as one bit each.

    Parameters
    ----------
    inputs, outputs : int
    bits : {1, None}
        None for converters of any precision.
    rows : int
        Of a block.

    Raises
    ------
    OptionError
        If `bits` is neither 1 nor None, or `rows` is not a whole number above 0.
    """

    def __init__(self, inputs: int, outputs: int, bits: int | None = None, rows: int = 64):
        super().__init__(inputs, outputs)
        if bits is not None:
            checks.number(bits, "bits", 1, 1, whole=True, expected="1, or None for full precision.")
        self.bits, self.rows = bits, checks.whole(rows, "rows")
        self.alpha = nn.Parameter(torch.tensor(0.25))

    def forward(self, s: torch.Tensor) -> torch.Tensor:
        """Return the currents, shape (B, out), for spikes of shape (B, in)."""
        p = partial_sums(s, self.weight, self.rows)
        q = p if self.bits is None else one_bit(p, self.alpha)
        return q.sum(1) + self.bias


def network(
    bits: int | None = None, *, hidden: int = 256, timesteps: int = 4, seed: int = 0
) -> SpikingNetwork:
    """Return an untrained network for digits; the first layer reads pixels, outside the crossbars.

    >>> network(hidden=64)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    with seeded(seed):
        layers = [nn.Flatten(), nn.Linear(64, hidden), Neurons()]
        for _ in range(2):
            layers += [BlockLinear(hidden, hidden, bits), Neurons()]
        layers.append(BlockLinear(hidden, 10, bits))
    return SpikingNetwork(nn.Sequential(*layers), timesteps)


@torch.no_grad()
def without_converters(model: Any, x: torch.Tensor) -> Any:
    r"""Return a trained network as it runs with one bit, α of each layer being the mean size of p.

    Of all α this one is closest to the partial sums, in squares. `x` are training images.

    Source: Rastegari et al. 2016 (the mean as the best scale of a sign), from memory.
    """
    model = copy.deepcopy(model)
    for layer in (m for m in model.modules() if isinstance(m, BlockLinear)):
        seen: list[torch.Tensor] = []
        hook = layer.register_forward_pre_hook(lambda _, s, seen=seen: seen.append(s[0]))
        model(x)
        hook.remove()
        layer.alpha.data.copy_(partial_sums(seen[0], layer.weight, layer.rows).abs().mean())
        layer.bits = 1
    return model
