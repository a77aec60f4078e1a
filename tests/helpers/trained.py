"""Two small networks trained on digits, once for all tests, and what they are tried on."""

from itertools import pairwise

import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab.data import load_digits, train

DATA = load_digits()
N = 200
X, Y = DATA.x_test[:N], DATA.y_test[:N]


def mlp():
    widths = [64] * 6
    layers = [layer for n, m in pairwise(widths) for layer in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(64, 10))


def convnet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


BUILT = {"mlp": (mlp, 15), "conv": (convnet, 8)}
TRAINED = {}


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


CONV = slow("conv")


def trained(kind, seed=0):
    if (kind, seed) not in TRAINED:
        build, epochs = BUILT[kind]
        torch.manual_seed(seed)
        TRAINED[kind, seed] = train(build(), DATA.x_train, DATA.y_train, epochs=epochs, seed=seed)
    return TRAINED[kind, seed]


def converted(kind, seed=0, x_cal=DATA.x_train, **options):
    return sl.convert(trained(kind, seed), x_cal, **options)


def with_outliers(x, every=200):
    x = x.copy()
    x[every // 2 :: every] *= 12
    return x
