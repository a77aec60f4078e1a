"""A small detector: what stands where, for scenes of 64 x 64 pixels."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from snnlab.data.resnet import ResidualBlock

CLASSES, NUMBERS = 10, 4
# Channels of the first layer and of the three stages, and of the pyramid.
_WIDTHS, _FEATURES = (16, 24, 40, 64), 24
# A score that all places have before training, since hardly any holds a digit.
_FIRST_SCORE = 0.01


class Detector(nn.Module):
    """A residual backbone, a feature pyramid, and heads for classes and boxes, untrained.

    The stages of the backbone see the scene in cells of 4, 8 and 16 pixels. From the coarsest to
    the finest each level of the pyramid gets what the coarser one knows. The heads are the same at
    all levels. A place, a cell of a level, says ten logits, one for each class, and four signed
    numbers, the box as `snnlab.detection.boxes_of` reads it. The output has the shape (B, 14, 336):
    the places of 16 x 16, 8 x 8 and 4 x 4 cells, one level after the other.

    Source: Lin et al. 2017a (feature pyramid), 2017b (RetinaNet: heads shared by all levels, the
    bias of the classes); here much smaller, and with one box for a place.
    """

    def __init__(self) -> None:
        super().__init__()
        first, *after = _WIDTHS
        stem = nn.Conv2d(1, first, 3, stride=2, padding=1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(first), nn.ReLU())
        before = _WIDTHS[:-1]
        self.stages = nn.ModuleList(
            ResidualBlock(b, a, "post") for b, a in zip(before, after, strict=True)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, _FEATURES, 1) for width in after)
        self.classes = _head(CLASSES, -math.log(1 / _FIRST_SCORE - 1))
        self.box = _head(NUMBERS, 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits and boxes, shape (B, 14, 336), for scenes of shape (B, 1, 64, 64)."""
        x, seen = self.stem(x), []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            seen.append(lateral(x))
        levels = [seen.pop()]
        while seen:
            levels.insert(0, seen.pop() + F.interpolate(levels[0], scale_factor=2.0))
        said = [torch.cat([self.classes(level), self.box(level)], 1) for level in levels]
        return torch.cat([level.flatten(2) for level in said], 2)


def _head(numbers: int, bias: float) -> nn.Sequential:
    """Return what reads a level of the pyramid: two convolutions with a ReLU between."""
    last = nn.Conv2d(_FEATURES, numbers, 3, padding=1)
    nn.init.normal_(last.weight, std=0.01)
    last.bias = nn.Parameter(torch.full((numbers,), bias))
    return nn.Sequential(nn.Conv2d(_FEATURES, _FEATURES, 3, padding=1), nn.ReLU(), last)
