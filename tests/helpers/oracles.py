"""Random networks with exact arithmetic, and a second simulator to hold the first one against.

A network is a list of steps, each a tuple (operation, indices of its inputs, parameters). `Torch`
runs the list as a torch module that the converter traces; `plain_loop` runs it in numpy, one step
of time after the other, and shares no code with the package. Weights, inputs and thresholds are
multiples of 1/16, so all sums are exact and equality is meant literally.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn
from torch.nn import functional as F

SIDE = 4


@dataclass
class Step:
    name: str
    sources: tuple[int, ...]
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    threshold: float | np.ndarray | None = None


def dyadic(rng, shape, low, high, parts=16):
    """Random multiples of 1 / parts in [low, high]."""
    return rng.integers(round(low * parts), round(high * parts) + 1, shape) / parts


def random_steps(seed: int, max_pool: bool = True) -> list[Step]:
    """A random network: convolutions, sums, concatenations, skips from the input, pools, neurons.

    The first value is the input, shape (2, 4, 4); the last is the output, 3 numbers.
    """
    rng = np.random.default_rng(seed)
    steps: list[Step] = []
    shapes = [(2, SIDE, SIDE)]

    def add(name, *sources, shape, **parameters):
        steps.append(Step(name, sources, **parameters))
        shapes.append(shape)
        return len(shapes) - 1

    def neurons(source):
        channels = shapes[source][0]
        many = rng.random() < 0.5
        theta = dyadic(rng, channels if many else (), 0.25, 2.0, parts=4)
        return add("relu", source, shape=shapes[source], threshold=theta)

    def conv(source, channels):
        weight = dyadic(rng, (channels, shapes[source][0], 3, 3), -0.5, 0.5)
        bias = dyadic(rng, channels, -0.25, 0.5) if rng.random() < 0.7 else None
        shape = (channels, *shapes[source][1:])
        return add("conv", source, shape=shape, weight=weight, bias=bias)

    here = neurons(conv(0, 3))
    for _ in range(rng.integers(1, 4)):
        kind = rng.choice(["plain", "residual", "cat", "input"])
        same_size = [i for i, s in enumerate(shapes) if s[1:] == shapes[here][1:] and i != here]
        if kind == "plain":
            here = neurons(conv(here, int(rng.integers(2, 5))))
        elif kind == "residual":
            branch = conv(neurons(conv(here, 3)), shapes[here][0])
            here = neurons(add("add", branch, here, shape=shapes[here]))
        elif same_size:
            other = same_size[0] if kind == "input" else int(rng.choice(same_size))
            channels = shapes[here][0] + shapes[other][0]
            joined = add("cat", here, other, shape=(channels, *shapes[here][1:]))
            here = neurons(conv(joined, 3))
        if rng.random() < 0.5 and shapes[here][1] > 1:
            name = str(rng.choice(["avg_pool", "max_pool"] if max_pool else ["avg_pool"]))
            channels, side = shapes[here][0], shapes[here][1] // 2
            here = add(name, here, shape=(channels, side, side))
    flat = add("flatten", here, shape=(int(np.prod(shapes[here])),))

    def linear(source, out):
        weight = dyadic(rng, (out, shapes[source][0]), -0.5, 0.5)
        bias = dyadic(rng, out, -0.5, 0.5)
        return add("linear", source, shape=(out,), weight=weight, bias=bias)

    linear(neurons(linear(flat, 6)), 3)
    return steps


class Torch(nn.Module):
    """The same network as a torch module."""

    def __init__(self, steps: list[Step]):
        super().__init__()
        self.steps = steps
        self.relus = nn.ModuleDict(
            {str(i): nn.ReLU() for i, step in enumerate(steps) if step.name == "relu"}
        )
        for i, step in enumerate(steps):
            for kind in ("weight", "bias"):
                value = getattr(step, kind)
                if value is not None:
                    self.register_buffer(f"{kind}{i}", torch.tensor(value, dtype=torch.float32))

    def forward(self, x):
        values = [x]
        for i, step in enumerate(self.steps):
            inputs = [values[j] for j in step.sources]
            weight, bias = getattr(self, f"weight{i}", None), getattr(self, f"bias{i}", None)
            values.append(self.run(i, step.name, inputs, weight, bias))
        return values[-1]

    def run(self, i, name, inputs, weight, bias):
        if name == "conv":
            return F.conv2d(inputs[0], weight, bias, padding=1)
        if name == "linear":
            return F.linear(inputs[0], weight, bias)
        if name == "relu":
            return self.relus[str(i)](inputs[0])
        if name == "add":
            return inputs[0] + inputs[1]
        if name == "cat":
            return torch.cat(inputs, 1)
        if name == "avg_pool":
            return F.avg_pool2d(inputs[0], 2)
        if name == "max_pool":
            return F.max_pool2d(inputs[0], 2)
        return torch.flatten(inputs[0], 1)


def thresholds(steps: list[Step]) -> dict:
    """The thresholds by the layer names that the converter gives to `Torch`."""
    return {f"relus.{i}": step.threshold for i, step in enumerate(steps) if step.name == "relu"}


def plain_loop(
    steps: list[Step],
    x_t: np.ndarray,
    reset: str,
    v_init: float,
    others: dict | None = None,
    analog: bool = False,
) -> dict:
    """Simulate in plain numpy; `x_t` is the input at each step, shape (T, B, 2, 4, 4).

    `others` has by layer what its neurons have beside threshold and reset: v_init, i_offset,
    max_spikes, signed. With `analog`, a sum reads of a ReLU how much that of its accumulated
    current has grown. Returns spikes and potentials, shape (T, B, ...), mean currents, and the
    accumulated output.
    """
    v: dict = {}
    sent: dict = {}
    charge: dict = {}
    trace: dict = {f"relus.{i}": [] for i, step in enumerate(steps) if step.name == "relu"}
    potentials, currents = {n: [] for n in trace}, {n: [] for n in trace}
    outputs = []
    for x in x_t:
        values, grown = [x], {}
        for i, step in enumerate(steps):
            a = values[step.sources[0]]
            if step.name == "relu":
                before = charge.get(i, np.zeros_like(a))
                charge[i] = before + a
                grown[len(values)] = np.maximum(charge[i], 0) - np.maximum(before, 0)
                name = f"relus.{i}"
                own = {"v_init": v_init, "i_offset": 0.0} | (others or {}).get(name, {})
                most, signed = own.pop("max_spikes", 1), own.pop("signed", False)
                own["theta"] = step.threshold
                theta, start, offset = (
                    np.reshape(own[key], np.shape(own[key]) + (1,) * (a.ndim - 2))
                    if np.ndim(own[key]) == 1
                    else own[key]
                    for key in ("theta", "v_init", "i_offset")
                )
                before = v.get(i, start * theta) + a + offset
                count = sent.get(i, np.zeros(a.shape, int))
                v[i], spike = fired(before, theta, count, reset, most, signed)
                sent[i] = count + spike
                trace[name].append(spike), potentials[name].append(v[i]), currents[name].append(a)
                values.append(spike * theta)
            elif step.name == "max_pool":
                before = charge.get(i, np.zeros_like(a))
                charge[i] = before + a
                values.append(_pool(charge[i], np.max) - _pool(before, np.max))
            else:
                real = grown if analog and step.name == "add" else {}
                inputs = [real.get(j, values[j]) for j in step.sources]
                values.append(_affine(step, a, inputs))
        outputs.append(values[-1])
    return {
        "spikes": {n: np.array(s) for n, s in trace.items()},
        "potentials": {n: np.array(p) for n, p in potentials.items()},
        "currents": {n: np.mean(c, 0) for n, c in currents.items()},
        "output_sums": np.cumsum(outputs, 0),
    }


def fired(v, theta, count, reset="subtract", most=1, signed=False):
    """The potential after a step, and its spikes, one after the other.

    A neuron fires while it stands at its threshold; one that is signed takes back while it is below
    0 and has something to take back. At most so many times.
    """
    spikes = np.zeros(np.shape(v), int)
    for _ in range(most):
        up = v >= theta
        down = (v < 0) & (count + spikes > 0) & signed
        v = np.where(up, v - theta if reset == "subtract" else 0.0, v)
        v = np.where(down, v + theta, v)
        spikes = spikes + up - down
    return v, spikes


def _affine(step, a, inputs):
    bias = 0 if step.bias is None else step.bias
    if step.name == "conv":
        windows = sliding_window_view(np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), (2, 3))
        return np.einsum("bchwij,ocij->bohw", windows, step.weight) + np.reshape(bias, (-1, 1, 1))
    if step.name == "linear":
        return a @ step.weight.T + bias
    if step.name == "add":
        return inputs[0] + inputs[1]
    if step.name == "cat":
        return np.concatenate(inputs, 1)
    if step.name == "avg_pool":
        return _pool(a, np.mean)
    return a.reshape(len(a), -1)


def _pool(a, how):
    b, c, h, w = a.shape
    return how(a.reshape(b, c, h // 2, 2, w // 2, 2), axis=(3, 5))


def ann(steps: list[Step], x: np.ndarray) -> tuple[dict, np.ndarray]:
    """The ANN in plain numpy: the current of every ReLU, and the output."""
    values, currents = [x], {}
    for i, step in enumerate(steps):
        a = values[step.sources[0]]
        if step.name == "relu":
            currents[f"relus.{i}"] = a
            values.append(np.maximum(a, 0))
        elif step.name == "max_pool":
            values.append(_pool(a, np.max))
        else:
            values.append(_affine(step, a, [values[j] for j in step.sources]))
    return currents, values[-1]


def images(seed: int, batch: int = 3) -> np.ndarray:
    """Random input in [0, 1], multiples of 1/16."""
    return dyadic(np.random.default_rng(1000 + seed), (batch, 2, SIDE, SIDE), 0, 1)
