"""Handwritten digits that come with scikit-learn: 1,797 images, 8x8 pixels."""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from snnlab._arguments import checks
from snnlab.exceptions import needs

_TEST_IMAGES = 360


class Images(NamedTuple):
    """Training and test images, shape (N, 1, side, side), float32 in [0, 1], and their labels."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_digits(side: int = 8) -> Images:
    """Return scikit-learn's digits: 1,437 for training and 360 for testing, always the same.

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

    Source: E. Alpaydin and C. Kaynak 1998, UCI machine learning repository, test set.

    >>> load_digits().x_test.shape
    (360, 1, 8, 8)
    """
    with needs("snnlab.data.load_digits", "scikit-learn"):
        from sklearn import datasets

    side = checks.whole(side, "side")
    bunch = datasets.load_digits()
    x = torch.from_numpy(bunch.images).float()[:, None] / 16
    if side != 8:
        x = F.interpolate(x, (side, side), mode="bilinear", align_corners=False)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[_TEST_IMAGES:], order[:_TEST_IMAGES]
    y = bunch.target.astype(np.int64)
    return Images(x.numpy()[train], y[train], x.numpy()[test], y[test])
