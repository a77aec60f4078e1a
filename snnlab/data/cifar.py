"""CIFAR-10: test images that come with the package."""

import io

import numpy as np

from snnlab.data import bundled
from snnlab.data.mnist import Labelled


def load_cifar10() -> Labelled:
    """Return 1,000 test images of CIFAR-10, from JPEG copies.

    The copies are small and have lost detail, so an accuracy differs a little from that on the
    original images. The classes are airplane, automobile, bird, cat, deer, dog, frog, horse, ship
    and truck.

    Returns
    -------
    Labelled
        `x` of shape (1000, 3, 32, 32), float32 in [0, 1], and `y` of shape (1000,).

    Raises
    ------
    DataError
        If the file in the package is missing or damaged.

    Source: A. Krizhevsky 2009.

    >>> load_cifar10().x.shape
    (1000, 3, 32, 32)
    """
    arrays = np.load(io.BytesIO(bundled.read("cifar10_test.npz")))
    return Labelled(arrays["images"].astype(np.float32) / 255, arrays["labels"].astype(np.int64))
