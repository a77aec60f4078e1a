"""The functions of the converter that work on networks: convert, fold, simulate.

Weights, thresholds and images are multiples of 1/64, so that sums are exact in single precision.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab.course.exercises.converter_neurons import run_layer
from snnlab.course.exercises.converter_solution import convert, fold, neuron_step, simulate
from snnlab.course.exercises.converter_solution import threshold_of as percentile_of
from snnlab.course.exercises.function_exercise import Outcome
from snnlab.course.exercises.piece import PIECES, Piece, numbers, shown
from snnlab.course.wording import kind, steps


def _linear(*shape: Any, seed: int = 0) -> nn.Linear:
    return _filled(nn.Linear(*shape), seed)


def _conv(*shape: Any, seed: int = 0) -> nn.Conv2d:
    return _filled(nn.Conv2d(*shape), seed)


def _filled(layer: Any, seed: int) -> Any:
    """Give a layer weights and biases of quarters, from -1 to 1."""
    generator = np.random.default_rng(seed)
    for values in (layer.weight, layer.bias):
        quarters = generator.integers(-3, 5, size=tuple(values.shape)) / 4
        values.data = torch.tensor(quarters, dtype=torch.float32)
    return layer.requires_grad_(False)


def _images(seed: int, *shape: int) -> torch.Tensor:
    quarters = np.random.default_rng(seed).integers(0, 8, size=shape) / 4
    return torch.tensor(quarters, dtype=torch.float32)


def _given(build: Callable[..., nn.Sequential], *arguments: Any) -> Any:
    """Return a network, and in it how to build it anew."""
    network: Any = build(*arguments)
    network.anew = lambda: build(*arguments)
    return network


def _changed(network: Any) -> str:
    """Return a verb phrase if a network is not what it was, else ''."""
    state = network.anew().state_dict()
    if all(torch.equal(value, state[name]) for name, value in network.state_dict().items()):
        return ""
    return (
        "your function changes the network that it is given, and others may need it as it was. A "
        "copy.deepcopy of a layer may be changed"
    )


# convert

_NETWORKS: dict[str, tuple[Callable[[], nn.Sequential], torch.Tensor]] = {
    "a layer of neurons": (
        lambda: nn.Sequential(_linear(3, 4), nn.ReLU(), _linear(4, 2, seed=1)),
        _images(2, 6, 3),
    ),
    "two layers of neurons": (
        lambda: nn.Sequential(
            _linear(3, 5, seed=3), nn.ReLU(), _linear(5, 4, seed=4), nn.ReLU(), _linear(4, 2)
        ),
        _images(5, 7, 3),
    ),
    "a convolution": (
        lambda: nn.Sequential(
            _conv(1, 2, 3, seed=6),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            _linear(8, 3, seed=7),
            nn.ReLU(),
            _linear(3, 2),
        ),
        _images(8, 4, 1, 6, 6),
    ),
}


def _entries(value: Any, arguments: Any) -> Outcome:
    if not isinstance(value, list | tuple | nn.Sequential):
        return f"your function returns {kind(value)}, and a list is asked for"
    return _changed(arguments[0]) or tuple(
        type(part).__name__ if isinstance(part, nn.Module) else numbers(part)[0] for part in value
    )


@torch.no_grad()
def _converted(layers, a, threshold, passed=lambda layer, a: layer(a), parts=lambda *two: two[1:]):
    """Convert with a mistake in one of the steps."""
    snn = []
    for layer in layers:
        before, a = a, passed(layer, a)
        if isinstance(layer, nn.ReLU):
            snn += parts(layer, threshold(before, a))
        else:
            snn.append(layer)
    return snn


def _divided(layers, x_cal, percentile):
    """Pass on what is divided by the threshold."""
    snn, a = [], x_cal
    for layer in layers:
        a = layer(a)
        if isinstance(layer, nn.ReLU):
            snn.append(percentile_of(a.double().numpy(), percentile))
            a = a / snn[-1]
        else:
            snn.append(layer)
    return snn


def _not_rectified(layer, a):
    return a if isinstance(layer, nn.ReLU) else layer(a)


_convert = Piece(
    number=PIECES["convert"],
    hints=(
        "Let the images go through the layers, one after the other. What comes out of one layer "
        "goes into the next one.",
        "isinstance(layer, nn.ReLU) says whether a layer is a ReLU. What comes out of such a layer "
        "are its activations.",
        "threshold_of takes arrays: activations.numpy() makes one of a tensor. Into the list goes "
        "either the layer itself or its threshold.",
    ),
    solution=convert,
    given=lambda net, images, p: (_given(_NETWORKS[net][0]), _NETWORKS[net][1][:images].clone(), p),
    found=_entries,
    groups=[
        [("a layer of neurons", 6, p) for p in (50.0, 100.0, 90.0)],
        [("two layers of neurons", images, p) for images in (7, 3) for p in (75.0, 100.0)],
        [("a convolution", 4, p) for p in (99.0, 50.0)],
    ],
    subject="function",
    place="On a network with {net}, {images} images and the percentile {percentile:g}",
    facts=lambda net, images, p: {"net": net, "images": images, "percentile": p},
    says=lambda outcome: f"gives {shown(outcome)}",
    question="What comes out of each ReLU, and which percentile of it is above 0?",
    mistakes={
        "The layer that follows a ReLU gets what has left the ReLU. What does it get in yours?": [
            lambda layers, x, p: _converted(
                layers, x, lambda before, a: percentile_of(a.numpy(), p), _not_rectified
            ),
        ],
        "Every layer of yours gets the images. What goes into the second layer?": [
            lambda layers, x, p: [
                percentile_of(x.numpy(), p) if isinstance(layer, nn.ReLU) else layer
                for layer in layers
            ],
        ],
        "Silent neurons count in yours, too. What did threshold_of do with zeros?": [
            lambda layers, x, p: _converted(
                layers, x, lambda before, a: np.percentile(a.numpy(), p)
            ),
            lambda layers, x, p: _converted(
                layers, x, lambda before, a: np.percentile(before.numpy(), p)
            ),
        ],
        "That is the maximum, whatever the percentile. Where does {percentile:g} come in?": [
            lambda layers, x, p: _converted(layers, x, lambda before, a: a.max()),
        ],
        "The neurons take the place of the ReLUs. What does a ReLU still do in your list?": [
            lambda layers, x, p: _converted(
                layers,
                x,
                lambda before, a: percentile_of(a.numpy(), p),
                parts=lambda relu, theta: (relu, theta),
            ),
            lambda layers, x, p: _converted(
                layers,
                x,
                lambda before, a: percentile_of(a.numpy(), p),
                parts=lambda relu, theta: (theta, relu),
            ),
        ],
        "Those are the thresholds alone. Who computes the currents between them?": [
            lambda layers, x, p: [
                part for part in convert(layers, x, p) if not isinstance(part, nn.Module)
            ],
        ],
        "Yours divides what it passes on by the threshold. Is the ANN still the one that was "
        "trained?": [_divided],
    },
    stops={
        "is not defined": (
            "Write threshold_of = course.my_converter().threshold_of in a cell above."
        ),
        "requires grad": "Does @torch.no_grad() stand above the def, as it did?",
        "as child module": (
            "The network that is given stays as it is. Put layers and thresholds into a list."
        ),
    },
    done="convolutions too",
    exact=False,
)


# fold

_SPREADS = {"tiny": (0.75, 0.25), "small": (3.5, 0.5), "large": (15.0, 1.0)}


def _normed(channels: int, spread: str, seed: int) -> nn.BatchNorm2d:
    """Return a BatchNorm in which the root of variance plus eps is exact, and no number is 0."""
    variance, eps = _SPREADS[spread]
    norm = nn.BatchNorm2d(channels, eps=eps).eval().requires_grad_(False)
    generator = np.random.default_rng(seed)
    parts = np.array([generator.permutation(np.arange(1, 7))[:channels] for _ in range(3)]) / 4
    norm.running_mean, norm.weight.data, norm.bias.data = torch.tensor(parts, dtype=torch.float32)
    norm.running_var = torch.full((channels,), variance)
    return norm


def _with_norms(net: str, spread: str) -> Any:
    if net == "one channel":
        return nn.Sequential(_conv(1, 1, 1, seed=10), _normed(1, spread, 11), nn.ReLU())
    return nn.Sequential(
        _conv(1, 2, 2, seed=12),
        _normed(2, spread, 13),
        nn.ReLU(),
        nn.AvgPool2d(2),
        _conv(2, 2, 1, seed=14),
        _normed(2, spread, 15),
        nn.ReLU(),
        nn.Flatten(),
        _linear(8, 3),
    )


def _folded(value: Any, arguments: Any) -> Outcome:
    if not isinstance(value, list | tuple | nn.Sequential):
        return f"your function returns {kind(value)}, and a list of layers is asked for"
    return _changed(arguments[0]) or tuple(
        (type(part).__name__, *numbers([part.weight, part.bias]))
        if hasattr(part, "weight")
        else type(part).__name__
        for part in value
    )


def _numbers_of(net: str, spread: str) -> dict[str, str]:
    conv, norm, *_ = _with_norms(net, spread)
    here = numbers([conv.weight, conv.bias, norm.running_mean, norm.running_var])
    weight, bias, mean, variance = here[0], here[conv.weight.numel()], *here[-2:]
    more = "" if net == "one channel" else ", and with more layers behind them"
    return {
        "where": (
            f"With a convolution of {net} (first weight {weight:g}, first bias {bias:g}) and a "
            f"BatchNorm of mean {mean:g}, variance {variance:g}, gamma {norm.weight[0]:g}, beta "
            f"{norm.bias[0]:g}, eps {norm.eps:g}{more},"
        )
    }


@torch.no_grad()
def _fold(
    layers,
    bias=lambda b, n, stretch: stretch * (b - n.running_mean) + n.bias,
    stretched=lambda n: n.weight / (n.running_var + n.eps).sqrt(),
    weight=lambda w, stretch: w * stretch[:, None, None, None],
    kept=False,
):
    """Fold with a mistake in one of the steps."""
    folded: list[Any] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            conv = folded[-1] = copy.deepcopy(folded[-1])
            stretch = stretched(layer)
            conv.weight.data = weight(conv.weight, stretch)
            conv.bias.data = bias(conv.bias, layer, stretch)
            folded += [layer] if kept else []
        else:
            folded.append(layer)
    return folded


_fold_piece = Piece(
    number=PIECES["fold"],
    hints=(
        "BatchNorm computes gamma * (z - mean) / root + beta. What becomes of z if it is the sum "
        "of weights times spikes and a bias?",
        "gamma is layer.weight, beta is layer.bias; the others are layer.running_mean, "
        "layer.running_var and layer.eps. The root is that of variance plus eps.",
        "Each output channel has its own stretch. The weights have the output channel first: "
        "stretch[:, None, None, None] fits them.",
    ),
    solution=fold,
    given=lambda net, spread: (_given(_with_norms, net, spread),),
    found=_folded,
    groups=[
        [("one channel", spread) for spread in _SPREADS],
        [("two channels", spread) for spread in _SPREADS],
    ],
    subject="convolution",
    place="{where}",
    facts=_numbers_of,
    says=lambda outcome: f"becomes {shown(outcome)}",
    question="What comes out behind the BatchNorm? Which weights and bias do that at once?",
    mistakes={
        "BatchNorm takes the mean away. Does yours?": [
            lambda layers: _fold(layers, bias=lambda b, n, s: s * b + n.bias),
            lambda layers: _fold(layers, bias=lambda b, n, s: s * (b + n.running_mean) + n.bias),
        ],
        "The sign is wrong: with a bias above the mean, what is left is above 0. Is it in yours?": [
            lambda layers: _fold(layers, bias=lambda b, n, s: s * (n.running_mean - b) + n.bias),
        ],
        "Beta comes last, and is added as it is. Where is it in yours?": [
            lambda layers: _fold(layers, bias=lambda b, n, s: s * (b - n.running_mean)),
            lambda layers: _fold(layers, bias=lambda b, n, s: s * (b - n.running_mean + n.bias)),
        ],
        "The bias passes through the BatchNorm as the weights do. Is yours stretched?": [
            lambda layers: _fold(layers, bias=lambda b, n, s: b - s * n.running_mean + n.bias),
            lambda layers: _fold(layers, bias=lambda b, n, s: b - n.running_mean + n.bias),
        ],
        "The weights are as they were. What does BatchNorm do with what they bring?": [
            lambda layers: _fold(layers, weight=lambda w, s: w),
        ],
        "Is the root taken before eps is added, or after, or not at all?": [
            lambda layers: _fold(layers, stretched=lambda n: n.weight / n.running_var.sqrt()),
            lambda layers: _fold(
                layers, stretched=lambda n: n.weight / (n.running_var.sqrt() + n.eps)
            ),
            lambda layers: _fold(layers, stretched=lambda n: n.weight / (n.running_var + n.eps)),
        ],
        "The stretch is multiplied by gamma. Is it in yours?": [
            lambda layers: _fold(layers, stretched=lambda n: 1 / (n.running_var + n.eps).sqrt()),
        ],
        "The BatchNorm still stands in your list, and works twice. Who has taken it in?": [
            lambda layers: _fold(layers, kept=True),
        ],
        "The BatchNorm is gone, and nobody has taken it in. Who is to?": [
            lambda layers: [part for part in layers if not isinstance(part, nn.BatchNorm2d)],
        ],
        "Yours stretches what comes from an input channel. Which one does BatchNorm stand behind, "
        "the input or the output of the convolution?": [
            lambda layers: _fold(
                layers,
                weight=lambda w, s: w * (s[None, :, None, None] if w.shape[1] == len(s) else s[0]),
            ),
            lambda layers: _fold(
                layers,
                weight=lambda w, s: (
                    w * (s[:, None, None, None] if w.shape[1] == 1 else s[None, :, None, None])
                ),
            ),
        ],
    },
    stops={
        "leaf Variable": "Does @torch.no_grad() stand above the def, as it did?",
        "broadcast shape": (
            "The weights begin with the output channels: stretch[:, None, None, None] fits to them."
        ),
        "changed size": (
            "Nothing may be taken out of what a loop goes through. Put what stays into a list."
        ),
    },
    done="several channels and layers too",
    exact=False,
)


# simulate


def _chain(*thetas: float) -> list:
    """Return single neurons in a row, joined by wires with weight 1."""
    one = nn.Linear(1, 1, bias=False).requires_grad_(False)
    one.weight.data.fill_(1)
    return [part for theta in thetas for part in (copy.deepcopy(one), theta)] + [one]


def _spiking(net: str) -> tuple[list, torch.Tensor]:
    """Return a network as `convert` returns it, and its images."""
    if net == "one neuron":
        return _chain(1.0), torch.tensor([[0.375], [1.0], [0.0]])
    if net == "two neurons in a row":
        return _chain(2.0, 1.0), torch.tensor([[0.75], [1.5]])
    snn = [
        _conv(1, 2, 3, seed=6),
        2.0,
        nn.AvgPool2d(2),
        nn.Flatten(),
        _linear(8, 3, seed=7),
        1.5,
        _linear(3, 2, seed=9),
    ]
    return snn, _images(8, 4, 1, 6, 6)


def _counts_and_output(value: Any, arguments: Any) -> Outcome:
    if not isinstance(value, tuple | list) or len(value) != 2:
        return f"your function returns {kind(value)}, and two things are asked for"
    counts, output = value
    if not isinstance(counts, list | tuple):
        return f"your function counts into {kind(counts)}, and a list is asked for"
    return tuple(numbers(layer) for layer in counts), numbers(output)


@torch.no_grad()
def _simulated(
    snn,
    x,
    timesteps,
    first=lambda x, T: [x] * T,
    run=run_layer,
    passed=lambda spike, theta: theta * spike,
    count=sum,
    output=lambda signals: sum(signals) / len(signals),
):
    """Simulate with a mistake in one of the steps."""
    signals, counts = first(x, timesteps), []
    for layer in snn:
        if isinstance(layer, nn.Module):
            signals = [layer(signal) for signal in signals]
        else:
            spikes = run(signals, layer)
            counts.append(count(spikes))
            signals = [passed(spike, layer) for spike in spikes]
    return counts, output(signals)


def _with(**mistake):
    return lambda snn, x, timesteps: _simulated(snn, x, timesteps, **mistake)


def _run_anew(currents, threshold):
    return [run_layer([current], threshold)[0] for current in currents]


def _run_empty(currents, threshold):
    v, spikes = 0, []
    for current in currents:
        v, spike = neuron_step(v, current, threshold)
        spikes.append(spike)
    return spikes


def _scene(net: str, timesteps: int) -> dict[str, str]:
    """Return a case in words."""
    thresholds = {
        "one neuron": "one neuron of threshold 1",
        "two neurons in a row": "two neurons in a row, of thresholds 2 and 1",
    }
    images = f"the images {shown(numbers(_spiking(net)[1]))}" if net in thresholds else "images"
    return {"net": thresholds.get(net, net), "time": steps(timesteps), "images": images}


_simulate = Piece(
    number=PIECES["simulate"],
    hints=(
        "Keep a list of what goes into the next layer at each step. At first that is the image, "
        "the same one in every step.",
        "Go through the layers. A layer with weights works on each step for itself; a threshold "
        "stands for neurons, and run_layer runs them over all steps at once.",
        "A spike of a neuron with threshold theta is worth theta. sum(spikes) adds the steps up.",
    ),
    solution=simulate,
    given=lambda net, timesteps: (*_spiking(net), timesteps),
    found=_counts_and_output,
    groups=[
        [("one neuron", timesteps) for timesteps in (4, 8, 1)],
        [("two neurons in a row", timesteps) for timesteps in (4, 8)],
        [("a convolution", timesteps) for timesteps in (1, 4, 8)],
    ],
    subject="network",
    place="With {net}, {time} and {images}",
    facts=_scene,
    says=lambda outcome: (
        f"counts {'; '.join(map(shown, outcome[0])) or 'nothing'} and gives {shown(outcome[1])}"
    ),
    question="What goes into each layer at each step, and what is added up?",
    mistakes={
        "A spike is passed on as 1. What is it worth, if the threshold of its neuron is not 1?": [
            _with(passed=lambda spike, theta: spike),
        ],
        "In yours the current of an image flows once, be it at once or in parts. Does it not flow "
        "in each of the {time}?": [
            _with(first=lambda x, T: [x] + [0 * x] * (T - 1)),
            _with(first=lambda x, T: [x / T] * T),
        ],
        "In each step of yours all neurons begin anew. What do they have to remember?": [
            _with(run=_run_anew),
        ],
        "Your neurons start empty. How do those of run_layer start?": [_with(run=_run_empty)],
        "The output is added up, and not divided by the number of steps. What is its mean?": [
            _with(output=sum),
        ],
        "That is the output of the last step. What do the others say?": [
            _with(output=lambda signals: signals[-1]),
        ],
        "Those are rates. How many spikes is that in {time}?": [
            _with(count=lambda spikes: sum(spikes) / len(spikes)),
        ],
        "Those are spikes of single steps. How many are there in all {time}?": [
            _with(count=list),
            _with(count=lambda spikes: spikes[-1]),
        ],
    },
    stops={
        "is not defined": "Write run_layer = course.my_converter().run_layer in a cell above.",
    },
    done="convolutions too",
)

ALL = (_convert, _fold_piece, _simulate)
