"""Trained networks that come with the package."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.data import bundled
from snnlab.data.detector import Detector
from snnlab.data.resnet import resnet
from snnlab.exceptions import needs


def mnist_mlp() -> nn.Module:
    """Return 784-1200-1200-10 without biases, untrained.

    Source: Diehl et al. 2015 (fully connected network).
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(784, 1200, bias=False),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1200, 1200, bias=False),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1200, 10, bias=False),
    )


def mnist_diehl_convnet() -> nn.Module:
    """Return 28x28-12c5-2s-64c5-2s-10o without biases, untrained.

    "2s" is average pooling by 2.

    Source: Diehl et al. 2015 (convolutional network).
    """
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(12, 64, 5, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 4 * 4, 10, bias=False),
    )


def mnist_convnet() -> nn.Module:
    """Return three convolutions with BatchNorm, biases and max pooling, and two layers, untrained.

    Its parts are those of Rueckauer et al. 2017: biases, BatchNorm, max pooling.
    """
    return nn.Sequential(
        *_block(1, 16),
        *_block(16, 32),
        *_block(32, 64),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 3 * 3, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


def _block(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]


def digits_resnet20() -> nn.Module:
    """Return ResNet-20 for digits of 8x8 pixels, untrained."""
    return resnet(20)


def digits_resnet110() -> nn.Module:
    """Return ResNet-110 for digits of 8x8 pixels, untrained."""
    return resnet(110)


def digits_resnet110_pre() -> nn.Module:
    """Return ResNet-110 with pre-activation blocks for digits of 8x8 pixels, untrained."""
    return resnet(110, block="pre")


def cifar10_resnet20() -> nn.Module:
    """Return ResNet-20 for images of 32x32 pixels in three colours, untrained."""
    return resnet(20, channels=3)


def cifar10_vgg() -> nn.Module:
    """Return six convolutions with max pooling, after VGG, for images in three colours, untrained.

    Source: Simonyan and Zisserman 2015 (convolutions of 3x3 in pairs, twice the channels after each
    pooling), narrower, with BatchNorm and an average over the image before the last layer.
    """
    layers: list[nn.Module] = []
    for channels_in, channels_out in ((3, 32), (32, 64), (64, 128)):
        for before in (channels_in, channels_out):
            convolution = nn.Conv2d(before, channels_out, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(channels_out), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def mnist_detector() -> nn.Module:
    """Return a detector for scenes of 64x64 pixels: stages, a pyramid, and two heads, untrained.

    Source: Lin et al. 2017b (RetinaNet), much smaller; see `snnlab.data.detector`.
    """
    return Detector()


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "mnist_mlp": mnist_mlp,
    "mnist_diehl_convnet": mnist_diehl_convnet,
    "mnist_convnet": mnist_convnet,
    "mnist_detector": mnist_detector,
    "digits_resnet20": digits_resnet20,
    "digits_resnet110": digits_resnet110,
    "digits_resnet110_pre": digits_resnet110_pre,
    "cifar10_resnet20": cifar10_resnet20,
    "cifar10_vgg": cifar10_vgg,
}


def load_network(name: str) -> nn.Module:
    """Return a trained network, in eval mode.

    Parameters
    ----------
    name : str
        For MNIST "mnist_mlp", 784-1200-1200-10 without biases; "mnist_diehl_convnet",
        12c5-2s-64c5-2s-10o without biases; "mnist_convnet", three convolutions with BatchNorm,
        biases and max pooling. For the digits of `load_digits` "digits_resnet20",
        "digits_resnet110" and, with pre-activation blocks, "digits_resnet110_pre", see `resnet`.
        For the images of `load_cifar10` "cifar10_resnet20", and "cifar10_vgg" of six convolutions.
        For `load_scenes` "mnist_detector", whose output `snnlab.detection` reads.
        `card(name)` describes their training.

    Raises
    ------
    OptionError
        If there is no such network.
    DataError
        If its file is missing or damaged.

    >>> load_network("mnist_diehl_convnet")[0]
    Conv2d(1, 12, kernel_size=(5, 5), stride=(1, 1), bias=False)
    """
    with needs("snnlab.data.load_network", "safetensors", extra="course"):
        from safetensors.torch import load

    model = ARCHITECTURES[checks.option(name, "name", ARCHITECTURES)]()
    # Stored in half precision, for half the size; copied into parameters of float32.
    model.load_state_dict(load(bundled.read(f"{name}.safetensors")))
    return model.eval()


def store(name: str, model: nn.Module, **fields: Any) -> None:
    """Keep a trained network in the package, in half precision, with a card that has the fields."""
    with needs("snnlab.data.networks.store", "safetensors", extra="course"):
        from safetensors.torch import save

    state = model.state_dict().items()
    half = {key: value.half() if value.is_floating_point() else value for key, value in state}
    known = {"architecture": _described(ARCHITECTURES[name]), **fields}
    bundled.write(f"{name}.safetensors", save(half), **known, torch=torch.__version__.split("+")[0])


def accuracy(model: nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of images that a network classifies rightly, 500 at a time."""
    with torch.no_grad():
        scores = torch.cat([model(images) for images in torch.from_numpy(x).split(500)])
    return float((scores.argmax(1).numpy() == y).mean())


def _described(architecture: Callable[[], nn.Module]) -> str:
    """Return what the first line of a docstring says of a network."""
    first = str(architecture.__doc__).splitlines()[0]
    return first.removeprefix("Return ").removesuffix(", untrained.")
