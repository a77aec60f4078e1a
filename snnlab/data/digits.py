"""Handwritten digits that come with the package: 1,797 images, 8x8 pixels."""

import io
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from snnlab._arguments import checks
from snnlab.data import bundled

_TEST_IMAGES = 360


class Images(NamedTuple):
    """Training and test images, shape (N, 1, side, side), float32 in [0, 1], and their labels."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_digits(side: int = 8) -> Images:
    """Return 1,437 digits for training and 360 for testing, always the same.

    They are those of scikit-learn.

    Parameters
    ----------
    side : int
        Height and width in pixels; other sizes than 8 are interpolated bilinearly.

    Returns
    -------
    Images

    Raises
    ------
    OptionError
        If `side` is not a whole number above 0.
    DataError
        If the file in the package is missing or damaged.

    Source: E. Alpaydin and C. Kaynak 1998, UCI machine learning repository, test set; CC BY 4.0.

    >>> load_digits().x_test.shape
    (360, 1, 8, 8)
    """
    side = checks.whole(side, "side")
    arrays = np.load(io.BytesIO(bundled.read("digits.npz")))
    x = torch.from_numpy(arrays["images"]).float()[:, None] / 16
    if side != 8:
        x = F.interpolate(x, (side, side), mode="bilinear", align_corners=False)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[_TEST_IMAGES:], order[:_TEST_IMAGES]
    y = arrays["labels"].astype(np.int64)
    return Images(x.numpy()[train], y[train], x.numpy()[test], y[test])
