"""Residual networks for small images, of any depth and with three kinds of blocks."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.exceptions import OptionError

BlockKind = Literal["post", "before_addition", "pre"]
STAGES = 3


def resnet(
    depth: int, width: int = 16, channels: int = 1, classes: int = 10, block: BlockKind = "post"
) -> nn.Module:
    r"""Return a residual network for images of 8x8, 32x32 or a like number of pixels, untrained.

    Three stages of n blocks with two convolutions each, so that there are 6n + 2 layers with
    weights. A stage has twice the channels of the one before and half its height and width. Where
    the shape changes, the shortcut is a convolution of 1x1 with BatchNorm, else the identity. With
    the branch F of a block, its output is

    .. math:: \text{post: } R(x + F(x)), \qquad
              \text{before addition: } x + R(F(x)), \qquad
              \text{pre: } x + F(R(x))

    Blocks start as the identity where training allows it: the last BatchNorm of a branch starts at
    0, or its last convolution if none follows.

    Parameters
    ----------
    depth : int
        6n + 2: 8, 14, 20, 32, 56, 110, ...
    width : int
        Channels of the first stage.
    channels, classes : int
        Of the images, and of the answer.
    block : {"post", "before_addition", "pre"}
        Where ReLUs stand.

    Raises
    ------
    OptionError
        If `depth` is another number, `block` is unknown, or a number is no whole number above 0.

    Source: He et al. 2015 (the networks for CIFAR-10, "post"); He et al. 2016 (the other blocks);
    Goyal et al. 2017 (the start at 0).

    >>> resnet(20, channels=3)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    blocks, rest = divmod(checks.whole(depth, "depth") - 2, 2 * STAGES)
    if rest or not blocks:
        near = 2 * STAGES * max(1, round((depth - 2) / (2 * STAGES))) + 2
        raise OptionError(
            f"depth = {depth}: expected 6n + 2, two layers for each of n blocks in three stages. "
            f"Write {near}, for instance."
        )
    width, channels = checks.whole(width, "width"), checks.whole(channels, "channels")
    classes = checks.whole(classes, "classes")
    checks.option(block, "block", get_args(BlockKind))
    before, activated = width, block == "pre"
    stem: dict[str, nn.Module] = {"conv": _convolution(channels, width)}
    parts = {"stem": _named(stem if activated else stem | _rectified(width))}
    for stage in range(STAGES):
        after, made = width << stage, []
        for _ in range(blocks):
            made.append(ResidualBlock(before, after, block))
            before = after
        parts[f"stage{stage + 1}"] = nn.Sequential(*made)
    head = _rectified(before) if activated else {}
    head |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    parts["head"] = _named(head | {"linear": nn.Linear(before, classes)})
    return _named(parts)


class ResidualBlock(nn.Module):
    """A block of two convolutions beside a shortcut, see `resnet`."""

    def __init__(self, before: int, after: int, block: BlockKind):
        super().__init__()
        stride = 1 if before == after else 2
        first, second = _convolution(before, after, stride), _convolution(after, after)
        bn1, bn2 = nn.BatchNorm2d(before if block == "pre" else after), nn.BatchNorm2d(after)
        inside: dict[str, nn.Module]
        if block == "pre":
            inside = {"bn1": bn1, "relu1": nn.ReLU(), "conv1": first}
            inside |= {"bn2": bn2, "relu2": nn.ReLU(), "conv2": second}
            nn.init.zeros_(second.weight)
        else:
            inside = {"conv1": first, "bn1": bn1, "relu1": nn.ReLU(), "conv2": second, "bn2": bn2}
        if block == "post":
            nn.init.zeros_(bn2.weight)
        if block == "before_addition":
            inside["relu2"] = nn.ReLU()
        self.branch = _named(inside)
        self.shortcut = nn.Identity() if stride == 1 else _projection(before, after)
        self.relu = nn.ReLU() if block == "post" else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for images of shape (B, C, H, W)."""
        return self.relu(self.shortcut(x) + self.branch(x))


def _convolution(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution


def _rectified(channels: int) -> dict[str, nn.Module]:
    return {"bn": nn.BatchNorm2d(channels), "relu": nn.ReLU()}


def _projection(before: int, after: int) -> nn.Module:
    convolution = nn.Conv2d(before, after, 1, 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


def _named(modules: Mapping[str, nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))
