"""Handwritten digits, MNIST: 10,000 test images in the package, those for training from outside."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnlab.data import bundled
from snnlab.exceptions import DataError

_KEYS = ("train_images", "train_labels"), ("x_train", "y_train")
_TRAINING = 60_000


class Labelled(NamedTuple):
    """Images, shape (N, 1, 28, 28), float32 in [0, 1], and their labels, int64, shape (N,)."""

    x: np.ndarray
    y: np.ndarray


def load_mnist() -> Labelled:
    """Return the 10,000 test images of MNIST, in their original order.

    Returns
    -------
    Labelled
        `x` of shape (10000, 1, 28, 28), float32 in [0, 1], and `y` of shape (10000,).

    Raises
    ------
    DataError
        If the file in the package is missing or damaged.

    Source: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0.

    >>> load_mnist().x.shape
    (10000, 1, 28, 28)
    """
    arrays = np.load(io.BytesIO(bundled.read("mnist_test.npz")))
    return _labelled(arrays["images"], arrays["labels"])


def load_mnist_training(file: str | Path | None = None) -> Labelled:
    """Return the 60,000 training images of MNIST, from a file or from openml.org.

    Parameters
    ----------
    file : path, optional
        An npz file with the arrays `x_train` and `y_train`, as Keras has it, or `train_images` and
        `train_labels`. Without it scikit-learn fetches MNIST from openml.org once and keeps it.

    Returns
    -------
    Labelled
        `x` of shape (60000, 1, 28, 28), float32 in [0, 1], and `y` of shape (60000,).

    Raises
    ------
    DataError
        If the file is missing or holds something else, or if nothing can be fetched.

    Source: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0.
    """
    images, labels = _fetched() if file is None else _opened(Path(file))
    if images.shape != (_TRAINING, 28, 28) or images.dtype != np.uint8 or len(labels) != _TRAINING:
        raise DataError(
            f"{file or 'openml.org'}: images of shape {images.shape} and type {images.dtype}, "
            f"{len(labels)} labels; expected 60,000 images of 28 x 28 bytes and their labels."
        )
    return _labelled(images, labels)


def _opened(file: Path) -> tuple[np.ndarray, np.ndarray]:
    todo = "Leave the file away to fetch MNIST from openml.org: load_mnist_training()."
    try:
        arrays = np.load(io.BytesIO(file.read_bytes()), allow_pickle=False)
        names = {*getattr(arrays, "files", ())}
        for keys in _KEYS:
            if {*keys} <= names:
                return arrays[keys[0]], arrays[keys[1]]
        found = f"holds {sorted(names) or 'one array without a name'}"
    except FileNotFoundError:
        found = "not found"
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        found = f"cannot be read ({error})"
    raise DataError(
        f"{file}: {found}; expected an npz file with the arrays x_train and y_train. {todo}"
    )


def _fetched() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    try:
        pixels, labels = fetch_openml(
            "mnist_784", version=1, return_X_y=True, as_frame=False, parser="liac-arff"
        )
    except OSError as error:
        raise DataError(
            f"openml.org: MNIST could not be fetched ({error}). Look at your connection, or give a "
            f"file: load_mnist_training('mnist.npz')."
        ) from error
    training = slice(_TRAINING)
    return pixels[training].reshape(-1, 28, 28).astype(np.uint8), labels[training]


def _labelled(images: np.ndarray, labels: np.ndarray) -> Labelled:
    return Labelled(images[:, None].astype(np.float32) / 255, labels.astype(np.int64))
