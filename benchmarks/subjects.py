"""Trained networks with images, for the comparison of conversion methods.

Of CIFAR-10 there are small JPEG copies, in a file as `tools/train_cifar.py` reads it; accuracies
differ a little from those on the original images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from snnlab import data
from tools import train_cifar

FOLDER = Path(__file__).parent.parent / "build" / "methods"
SEEDS = (0, 1, 2)
TESTED, TRAINED = 1_000, 3_000  # images of MNIST
CIFAR_IMAGES = 10_000  # of its training images


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network, training images, and test images, both with labels."""

    model: nn.Module
    x_cal: np.ndarray
    y_cal: np.ndarray
    x: np.ndarray
    y: np.ndarray


def digits(depth: int, seed: int, file: str | None) -> Subject:
    """Return a network for digits, trained on all 1,437 training images, each also shifted."""
    images = data.load_digits()
    torch.manual_seed(seed)
    model, weights = data.resnet(depth), FOLDER / f"digits-{depth}-{seed}.pt"
    if weights.exists():
        model.load_state_dict(torch.load(weights, weights_only=True))
    else:
        x, y = with_shifts(images.x_train, images.y_train)
        checkpoint = weights.with_suffix(".checkpoint")
        model = data.train(model, x, y, epochs=12, seed=seed, checkpoint=checkpoint)
        torch.save(model.state_dict(), weights)
    return Subject(model.eval(), images.x_train, images.y_train, images.x_test, images.y_test)


def with_shifts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images, and behind them the same moved by one pixel in the four directions."""
    padded, side = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), x.shape[-1]
    moves = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    moved = [padded[..., i : i + side, j : j + side] for i, j in moves]
    return np.concatenate(moved), np.tile(y, len(moves))


def packaged(name: str, seed: int, file: str | None) -> Subject:
    """Return a network that comes with the package, with images for it."""
    model = data.load_network(name)
    if name.startswith("digits"):
        images = data.load_digits()
        return Subject(model, images.x_train, images.y_train, images.x_test, images.y_test)
    if name.startswith("mnist"):
        x, y = data.load_mnist()
        # The training images do not come with the package. None of these is tested on.
        return Subject(model, *(part[TESTED:][:TRAINED] for part in (x, y)), x[:TESTED], y[:TESTED])
    if file is None:
        raise SystemExit(f"{name}: thresholds are chosen on training images. Give CIFAR.npz.")
    images, labels = (part[:CIFAR_IMAGES] for part in train_cifar.read(Path(file), "train"))
    pixels = images.numpy() / np.float32(255)
    return Subject(model, pixels, labels.numpy(), *data.load_cifar10())


_PACKAGED = (
    *("digits_resnet20", "digits_resnet110", "digits_resnet110_pre"),
    *("mnist_convnet", "mnist_mlp", "cifar10_resnet20", "cifar10_vgg"),
)
# How to get a network, from which word, and the seeds of its trainings.
NETWORKS: dict[str, tuple[Callable[..., Subject], int | str, tuple[int, ...]]] = {
    **{name: (packaged, name, (0,)) for name in _PACKAGED},
    **{f"digits-{depth}": (digits, depth, SEEDS) for depth in (20, 56, 110)},
}
