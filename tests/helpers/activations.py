"""A network with exact sums, its activations from torch alone, and thresholds of a conversion."""

import numpy as np
import torch
from torch import nn

import snnlab as sl


def convnet(dyadic=True, dtype=torch.float32):
    """Two convolutions and a linear layer; with dyadic weights every sum is exact."""
    generator = torch.Generator().manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(12, 5),
        nn.ReLU(),
        nn.Linear(5, 2),
    )
    for parameter in model.parameters():
        if dyadic:
            drawn = torch.randint(-32, 33, parameter.shape, generator=generator) / 64
        else:
            drawn = torch.randn(parameter.shape, generator=generator) / 2
        parameter.data = drawn.to(parameter)
    return model.to(dtype).eval()


def images(count=20, dyadic=True, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    shape = (count, 1, 8, 8)
    if dyadic:
        return (torch.randint(0, 17, shape, generator=generator) / 16).to(dtype)
    return torch.rand(shape, generator=generator).to(dtype)


def activations_of(model, x):
    """Return every ReLU's output by name, float64, from torch alone."""
    found = {}
    for name, module in model.named_children():
        x = module(x)
        if isinstance(module, nn.ReLU):
            found[name] = x.detach().double().numpy()
    return found


def by_channel(a):
    """Return the values of each channel, shape (C, n)."""
    return np.moveaxis(a, 1, 0).reshape(a.shape[1], -1)


def plain_percentile(values, percentile, nonzero):
    values = values[values > 0] if nonzero else values
    return np.percentile(values, percentile) if values.size else 0.0


def thresholds(model, x, rule):
    return sl.convert(model, x, threshold=rule).thresholds


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, theta in expected.items():
        assert np.shape(found[name]) == np.shape(theta), name
        assert np.array_equal(found[name], theta), name
