"""Random networks of several layers in float64, and what a plain calculation says of them."""

import itertools

import numpy as np
import torch
from torch import nn

import snnlab as sl


def mlp(widths, seed=1):
    """Return a random network with these layers, and 24 images. No spike depends on rounding."""
    torch.manual_seed(seed)
    layers = []
    for n, m in itertools.pairwise([6, *widths]):
        layers += [nn.Linear(n, m), nn.ReLU()]
        with torch.no_grad():
            layers[-2].weight *= 2.5  # else the activations of deep layers are all but the same
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 4)).double()
    x = 2 * np.random.default_rng(seed).random((24, 6))
    with torch.no_grad():
        model[-1].bias -= model(torch.tensor(x)).mean(0)  # so that every class occurs
        return model, x, model(torch.tensor(x)).argmax(1).numpy()


def networks(*depths):
    """Return converted networks of these depths by name, with images and labels of the last one."""
    found = {}
    for depth in depths:
        model, x, y = mlp([10] * depth)
        found[f"{depth} deep"] = sl.convert(model, x)
    return found, x, y


def received(model, x, passed_on):
    """Return the mean current of each ReLU, given what each layer passes on, or None for a ReLU."""
    found, values = [], torch.tensor(x)
    with torch.no_grad():
        for linear in list(model)[:-1:2]:
            found.append(linear(values).numpy())
            sent = np.maximum(found[-1], 0) if passed_on is None else passed_on[len(found) - 1]
            values = torch.tensor(sent)
    return found
