"""A convolutional network with BatchNorm and max pooling, images for it, and its conversion."""

import torch
from torch import nn

from snnlab import Fixed, convert


def images(number=6, seed=0, shape=(4, 6, 6)):
    return torch.randn(number, *shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def small(seed=1, *end):
    """Return a convolutional network with BatchNorm and max pooling, randomly weighted."""
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(20, 3),
        *end,
    ).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    model[1].running_mean.copy_(torch.randn(6, generator=generator))
    model[1].running_var.copy_(0.5 + torch.rand(6, generator=generator))
    return model


def converted(model, x=None, **options):
    return convert(model, images() if x is None else x, threshold=Fixed(1.0), **options)
