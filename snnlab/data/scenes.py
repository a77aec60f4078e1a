"""Scenes of several digits on one canvas, with the boxes around them."""

from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch.nn import functional as F

from snnlab._arguments import checks
from snnlab.data.mnist import load_mnist

Part = Literal["train", "validation", "test"]
# Height and width of the canvas in pixels, and for how many digits a place is looked for.
SIDE, FEWEST, MOST = 64, 2, 5
# The longer side of a digit, in pixels; a thin one is at least so wide.
SMALLEST, LARGEST, THINNEST = 12, 40, 4
# Two boxes share at most this part of the smaller one. A digit that finds no place is left out.
SHARED, TRIES = 0.1, 20
# Of the test images of MNIST those that scenes of a part are made of.
_IMAGES = {"train": (0, 7_500), "validation": (7_500, 8_000), "test": (8_000, 10_000)}


class Scenes(NamedTuple):
    """Scenes, and what stands where.

    Parameters
    ----------
    x : array of float32, shape (B, 1, 64, 64)
        Brightness in [0, 1].
    y : array of float32, shape (B, 5, 5)
        For each digit its class and the left, upper, right and lower end of its box in pixels.
        Where there are fewer digits than five the class is -1.
    """

    x: np.ndarray
    y: np.ndarray


def load_scenes(count: int, part: Part = "test", seed: int = 0) -> Scenes:
    """Return scenes of one to five digits on a canvas of 64 x 64 pixels.

    A digit is cut out along its ink, brought to a length of 12 to 40 pixels, and put at random
    where it covers hardly anything of the others. So a box ends where the ink ends.

    Parameters
    ----------
    count : int
        B.
    part : {"train", "validation", "test"}
        The digits of a part stand in no scene of another one. All are test images of MNIST.
    seed : int
        Of two calls with the same seed the shorter one gives the first scenes of the longer one.

    Returns
    -------
    Scenes

    Raises
    ------
    OptionError
        If a number or a part is not as described.
    DataError
        If the file of the digits is missing or damaged.

    Source: ours; the digits are those of `load_mnist`.

    >>> scenes = load_scenes(2)
    >>> scenes.x.shape, scenes.y.shape
    ((2, 1, 64, 64), (2, 5, 5))
    """
    count, seed = checks.whole(count, "count"), checks.seed(seed)
    begin, end = _IMAGES[checks.option(part, "part", get_args(Part))]
    images, labels = load_mnist()
    images, labels = images[begin:end, 0], labels[begin:end]
    x = np.zeros((count, 1, SIDE, SIDE), np.float32)
    y = np.full((count, MOST, 5), -1, np.float32)
    for scene in range(count):
        _fill(x[scene, 0], y[scene], images, labels, np.random.default_rng([seed, begin, scene]))
    return Scenes(x, y)


def _fill(
    canvas: np.ndarray,
    digits: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Put digits on an empty canvas, shape (64, 64), and write them down, shape (5, 5)."""
    placed = 0
    for _ in range(rng.integers(FEWEST, MOST + 1)):
        chosen = rng.integers(len(images))
        digit = _scaled(images[chosen], SMALLEST * (LARGEST / SMALLEST) ** rng.random())
        height, width = digit.shape
        for _ in range(TRIES):
            left, top = rng.integers(SIDE - width + 1), rng.integers(SIDE - height + 1)
            box = np.array([left, top, left + width, top + height])
            if _has_room(box, digits[:placed, 1:]):
                digits[placed] = labels[chosen], *box
                place = canvas[top : top + height, left : left + width]
                np.maximum(place, digit, out=place)
                placed += 1
                break


def _scaled(image: np.ndarray, length: float) -> np.ndarray:
    """Return the part of an image where there is ink, brought to a length of its longer side."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sides = [max(THINNEST, round(side * length / max(ink.shape))) for side in ink.shape]
    large = torch.from_numpy(ink)[None, None]
    return F.interpolate(large, sides, mode="bilinear", antialias=True)[0, 0].numpy().clip(0, 1)


def _has_room(box: np.ndarray, others: np.ndarray) -> bool:
    """Return whether a box covers hardly anything of the others, and they of it."""
    extent = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = extent.clip(0).prod(1)
    areas = np.minimum((box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(1))
    return bool((shared <= SHARED * areas).all())
