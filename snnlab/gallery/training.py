"""What the networks of the gallery share: shapes for digits, a training loop, and counts."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from snnlab._arguments import checks, labels
from snnlab._arguments.images import Images
from snnlab.gallery.neurons import SpikingLayer
from snnlab.graph.threads import threads_for

Loss = Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor]


def convnet(
    neuron: Callable[[], nn.Module],
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    channels: int = 16,
) -> nn.Sequential:
    """Return three convolutions, each with a norm and neurons, and a layer of 10 scores, untrained.

    It is for digits of 8x8 pixels. Strides take the place of poolings, so that only spikes travel.

    Parameters
    ----------
    neuron : callable
        Makes a layer of neurons, as `Neurons` or `nn.ReLU`.
    norm : callable
        Makes the layer that normalizes so many channels.
    channels : int
        Of the first convolution; the others have twice as many.

    Returns
    -------
    torch.nn.Sequential

    >>> convnet(nn.ReLU)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    layers: list[nn.Module] = []
    for before, after, stride in (
        (1, channels, 1),
        (channels, 2 * channels, 2),
        (2 * channels, 2 * channels, 2),
    ):
        convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        layers += [convolution, norm(after), neuron()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * channels, 10))


def cross_entropy(model: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of the model's scores with the labels."""
    return F.cross_entropy(model(x), y)


def fit(
    model: nn.Module,
    x: Any,
    y: Any,
    loss: Loss = cross_entropy,
    *,
    epochs: int = 10,
    batch: int = 64,
    learning_rate: float = 5e-3,
    seed: int = 0,
) -> Any:
    """Return a trained copy of a model, in eval mode.

    Adam with a learning rate that falls to 0 along a cosine, as `snnlab.data.train`, for any loss.

    Parameters
    ----------
    model : torch.nn.Module
        It is not changed.
    x : array, shape (B, ...)
        Images.
    y : array of whole numbers, shape (B,)
        Right class of each.
    loss : callable
        From the model, images and labels of a batch to a number.
    epochs, batch : int
        Passes over the images, and images per step.
    learning_rate : float
    seed : int
        Of the order of the images and all else that is drawn. torch's own random state is restored.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ShapeError, OptionError
        If images, labels or numbers are not as described.

    >>> images = torch.rand(64, 2, generator=torch.Generator().manual_seed(0))
    >>> fit(nn.Linear(2, 2), images, (images[:, 0] > 0.5).int(), epochs=1).training
    False
    """
    epochs, batch = checks.whole(epochs, "epochs"), checks.whole(batch, "batch")
    learning_rate, seed = checks.positive(learning_rate, "learning_rate"), checks.seed(seed)
    x = Images(x, "x").whole(torch.float32)
    y = torch.from_numpy(labels.classes(y, (len(x),)))
    model = copy.deepcopy(model).train()
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    with seeded(seed), threads_for(0):
        for _ in range(epochs):
            for chosen in torch.randperm(len(x)).split(batch):
                optimizer.zero_grad()
                loss(model, x[chosen], y[chosen]).backward()
                optimizer.step()
            schedule.step()
    return model.eval()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's random state as a seed says, and restore it afterwards.

    >>> with seeded(0):
    ...     first = torch.rand(3)
    >>> with seeded(0):
    ...     torch.equal(torch.rand(3), first)
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@torch.no_grad()
def accuracy(model: nn.Module, x: Any, y: Any) -> float:
    """Return the share of images whose highest score is the right one.

    >>> accuracy(nn.Identity(), torch.eye(4), [0, 1, 2, 0])
    0.75
    """
    scores = model(torch.as_tensor(x))
    return float((scores.argmax(1) == torch.as_tensor(y)).double().mean())


@torch.no_grad()
def additions(model: nn.Module, x: Any) -> float:
    r"""Return how many spikes arrive over a weight for an image, a mean over the images.

    As `snnlab.operations` counts its column "synaptic": one addition for each spike and synapse,
    by position and without padding. The first layer reads the image, which takes multiplications,
    and is not counted.

    Parameters
    ----------
    model : torch.nn.Module
        Its convolutions and linear layers after the first read spikes, 0 or 1, or sums of them.
    x : array, shape (B, ...)
        Images.

    Returns
    -------
    float

    >>> layers = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3))
    >>> for layer in (layers[0], layers[2]):
    ...     _ = layer.weight.data.fill_(1), layer.bias.data.zero_()
    >>> additions(layers, [[1.0], [0.0]])  # 2 spikes over 3 synapses each, for one of two images
    3.0
    """
    x, arrived = torch.as_tensor(x), [torch.zeros((), dtype=torch.float64)]

    def count(layer: Any, inputs: tuple[torch.Tensor], _: Any) -> None:
        ones = copy.deepcopy(layer)
        ones.weight.data.fill_(1)
        if ones.bias is not None:
            ones.bias.data.zero_()
        arrived.append(type(layer).forward(ones, inputs[0]).double().sum())

    weighted = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    with _watched(weighted[1:], count):
        model(x)
    return float(sum(arrived)) / len(x)


@torch.no_grad()
def spikes(model: nn.Module, x: Any) -> float:
    """Return how many spikes the layers of neurons send for an image, a mean over the images.

    >>> from snnlab.gallery.neurons import Neurons, SpikingNetwork
    >>> spikes(SpikingNetwork(Neurons(), 4), [[0.75, 0.25], [1.0, 0.0]])
    4.0
    """
    x, sent = torch.as_tensor(x), [torch.zeros((), dtype=torch.float64)]

    def count(_: Any, __: Any, output: torch.Tensor) -> None:
        sent.append(output.double().sum())

    with _watched([m for m in model.modules() if isinstance(m, SpikingLayer)], count):
        model(x)
    return float(sum(sent)) / len(x)


@contextmanager
def _watched(layers: Sequence[nn.Module], look: Callable[..., None]) -> Iterator[None]:
    """Let a function look at layer, inputs and output of each call."""
    hooks = [layer.register_forward_hook(look) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
