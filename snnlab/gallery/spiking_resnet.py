"""The parts of a spiking ResNet: where the sum stands, and what crosses the shortcut.

A block adds its input to what two convolutions make of it. The sum may be of currents before the
neuron, before or after BatchNorm; of spikes behind it; or of currents that no neuron has seen.

Source: Vicente-Sola et al. 2022, a study of spiking residual connections, of which we have read the
abstract. The five blocks are our reading: "spikes" and "normalized" add before the neuron as ResNet
does, "counts" adds behind it as Fang et al. 2021 (SEW) do, "currents" lets currents cross as Hu et
al. 2021 (MS-ResNet) do; of these two we know the idea only.
"""

import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.gallery.neurons import Neurons, SpikingNetwork

SHORTCUTS = ("none", "spikes", "normalized", "counts", "currents")


class Block(nn.Module):
    """Two convolutions with BatchNorm and neurons, and a shortcut.

    Parameters
    ----------
    channels : int
    shortcut : {"none", "spikes", "normalized", "counts", "currents"}
        What crosses, and where it is added. With N for neurons, F for all before the last BatchNorm
        B, which is F = C N B C of the input x:
        "none" N(B F), "spikes" N(B F + x), "normalized" N(B(F + x)), "counts" N(B F) + x, and
        "currents" B F' + x, where F' = C N B C N.

    Raises
    ------
    OptionError
        If `shortcut` is none of these.

    >>> Block(2, "counts")(torch.ones(1, 2, 4, 4)).min().item() >= 1  # a spike crosses everywhere
    True
    """

    def __init__(self, channels: int, shortcut: str):
        super().__init__()
        self.shortcut = checks.option(shortcut, "shortcut", SHORTCUTS)
        self.before = Neurons() if shortcut == "currents" else nn.Identity()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.between = Neurons()
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.last = nn.BatchNorm2d(channels)
        self.after = nn.Identity() if shortcut == "currents" else Neurons()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's spikes, counts or currents, shape (T·B, C, H, W)."""
        f = self.second(self.between(self.norm(self.first(self.before(x)))))
        if self.shortcut == "normalized":
            return self.after(self.last(f + x))
        if self.shortcut == "spikes":
            return self.after(self.last(f) + x)
        y = self.after(self.last(f))
        return y if self.shortcut == "none" else y + x


def network(
    shortcut: str, blocks: int = 4, *, channels: int = 16, timesteps: int = 2
) -> SpikingNetwork:
    """Return an untrained residual network for digits of 8x8 pixels; `training.fit` trains it.

    Parameters
    ----------
    shortcut
        As for `Block`.
    blocks, channels : int
    timesteps : int
        T.

    Raises
    ------
    OptionError
        If `shortcut` is unknown, or a number is not above 0.

    >>> network("spikes", blocks=1)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    first = nn.Conv2d(1, channels, 3, stride=2, padding=1, bias=False)
    layers: list[nn.Module] = [first, nn.BatchNorm2d(channels)]
    body = [Block(channels, shortcut) for _ in range(checks.whole(blocks, "blocks"))]
    # Currents meet their first neurons inside of a block, and their last behind all of them.
    layers += [*body, Neurons()] if shortcut == "currents" else [Neurons(), *body]
    layers += [nn.Flatten(), nn.Linear(16 * channels, 10)]
    return SpikingNetwork(nn.Sequential(*layers), timesteps)
