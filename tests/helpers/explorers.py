"""Every explorer there is, made with what it needs, and ways to look at what it shows."""

import importlib
import inspect
import math
import pkgutil
import re
from functools import cache

import numpy as np
import pandas as pd
import torch
from matplotlib.lines import Line2D
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers.toolkit.controls import Slider

MODULES = [
    importlib.import_module(f"snnlab.explorers.{module.name}")
    for module in pkgutil.iter_modules(explorers.__path__)
]


FOUND = {
    name: thing
    for module in MODULES
    for name, thing in vars(module).items()
    if inspect.isclass(thing)
    and issubclass(thing, explorers.Explorer)
    and thing.__module__ == module.__name__
}


@cache
def given():
    """Return what some explorers want to be given, by the names of their parameters."""
    torch.manual_seed(0)
    x = np.random.default_rng(0).random((60, 6))
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3))
    y = model(torch.tensor(x).float()).argmax(1).numpy()
    activations = torch.relu(model[0](torch.tensor(x).float())).detach()
    deeper = nn.Sequential(*model[:2], nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    network = sl.convert(deeper, x)
    shallow = sl.convert(model, x)
    scenes = sl.data.load_scenes(8, "train").x
    return {
        "detector": sl.convert(sl.data.load_network("mnist_detector"), scenes),
        "scene": scenes[0],
        "model": model,
        "network": network,
        "networks": {"shallow": shallow, "deeper": network, "low": network.replace(scale=0.5)},
        "x_cal": x,
        "x": x,
        "image": x[0],
        "y": y,
        "activations": activations,
        "table": table(),
    }


def table():
    """Return what a comparison could have returned; "late" has a first stage of 4 steps."""
    accuracies = {
        "plain": [0.25, 0.5, 0.75, 0.875],
        "burst": [0.5, 0.9375, 0.96875, 0.96875],
        "late": [0.125, 0.625, 0.8125, 0.96875],
        "twice": [0.375, 0.6875, 0.90625, 0.984375],
    }
    rows = [
        {
            "method": method,
            "timesteps": T,
            "latency": T + 4 * (method == "late"),
            "accuracy": accuracy,
            "ann": 0.984375,
            "spikes": 1000.0 * spikes,
            "additions": 64_000.0 * spikes,
        }
        for method, per_step in (("plain", 1), ("burst", 4), ("late", 1), ("twice", 2))
        for T, accuracy in zip((1, 2, 4, 8), accuracies[method], strict=True)
        for spikes in [per_step * (T + 4 * (method == "late"))]
    ]
    return pd.DataFrame(rows)


def made(kind, **options):
    """Return a new explorer."""
    wanted = inspect.signature(kind).parameters.values()
    return kind(**{p.name: given()[p.name] for p in wanted if p.default is p.empty}, **options)


@cache
def shared(kind):
    """Return an explorer that several tests look at; each has to set what it depends on."""
    return made(kind)


def ends(control):
    """Return both ends of a slider, or all options, and the default."""
    values = all_values(control)
    return [values[0], values[-1], control.default] if isinstance(control, Slider) else values


def all_values(control):
    if not isinstance(control, Slider):
        return list(control.options.values())
    count = round((control.high - control.low) / control.step) + 1
    return [control.low + n * control.step for n in range(count)]


def rms(errors):
    return math.sqrt(math.fsum(e * e for e in errors) / len(errors))


def said(pattern, text):
    """Return the numbers that stand in a text where the pattern has brackets."""
    found = re.search(pattern, text)
    assert found, (pattern, text)
    return [float(group) for group in found.groups()]


def near(number, shown, digits):
    """Tell whether a number is the one that is shown, but for rounding to the digits."""
    return abs(number - shown) <= 0.5001 * 10.0**-digits


def assert_inside(line):
    """Check that a line stays on its axes."""
    for values, (low, high) in zip(
        line.get_data(), (line.axes.get_xlim(), line.axes.get_ylim()), strict=True
    ):
        assert low <= min(values) <= max(values) <= high, line.get_label()


def moving(explorer, label):
    """Return what moves under this name of the legend."""
    (found,) = [artist for artist in explorer.picture.moving if artist.get_label() == label]
    return found


def ring(explorer):
    """Return the ring around the point that the words are about."""
    lines = [artist for artist in explorer.picture.moving if isinstance(artist, Line2D)]
    (found,) = [line for line in lines if line.get_fillstyle() == "none"]
    return found
