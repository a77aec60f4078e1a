"""MNIST: the test images come with the package, the training images from a file or openml.org."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnlab.data import bundled
from snnlab.exceptions import DataError, needs

_COUNTS = {"train": 60_000, "test": 10_000}
# A label as a number, or as openml.org and others write it. A cast would make 2 of 2.5.
_DIGITS = {form: digit for digit in range(10) for form in (digit, str(digit), b"%d" % digit)}
_TODO = "Give another npz file with MNIST, or none: then it is fetched from openml.org."


class Labelled(NamedTuple):
    """Images, shape (N, C, H, W), float32 in [0, 1], and their labels, int64, shape (N,)."""

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
        If the file is missing or holds something else, or if openml.org gives nothing.

    Source: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0.
    """
    return _labelled(*read("train", file))


def read(part: str, file: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels of a part of MNIST, "train" or "test", both of type uint8.

    Raises
    ------
    DataError
        If the file is missing or holds something else, or if openml.org gives nothing.
    """
    images, labels = _fetch(part) if file is None else _open(Path(file), part)
    origin, count = file or "openml.org", _COUNTS[part]
    if images.shape != (count, 28, 28) or images.dtype != np.uint8:
        raise DataError(
            f"{origin}: images of shape {images.shape} and type {images.dtype}, expected "
            f"{count:,} images of 28 x 28 bytes. {_TODO}"
        )
    if labels.shape != (count,):
        raise DataError(
            f"{origin}: labels of shape {labels.shape}, expected ({count},): one for each image. "
            f"{_TODO}"
        )
    wrong = [label for label in labels.tolist() if label not in _DIGITS]
    if wrong:
        raise DataError(
            f"{origin}: {len(wrong):,} of the {count:,} labels are no digits, the first is "
            f"{wrong[0]!r}; expected whole numbers from 0 to 9. {_TODO}"
        )
    return images, np.array([_DIGITS[label] for label in labels.tolist()], np.uint8)


def _open(file: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    names = (f"x_{part}", f"y_{part}"), (f"{part}_images", f"{part}_labels")
    try:
        arrays = np.load(io.BytesIO(file.read_bytes()), allow_pickle=False)
        stored = {*getattr(arrays, "files", ())}
        for x, y in names:
            if {x, y} <= stored:
                return arrays[x], arrays[y]
        found = f"holds {sorted(stored) or 'one array without a name'}"
    except FileNotFoundError:
        found = "not found"
    except Exception as error:  # what numpy raises depends on where the file is damaged
        found = f"cannot be read ({error!r})"
    wanted = ", or ".join(f"{x} and {y}" for x, y in names)
    raise DataError(f"{file}: {found}; expected an npz file with {wanted}. {_TODO}")


def _fetch(part: str) -> tuple[np.ndarray, np.ndarray]:
    with needs("snnlab.data.load_mnist_training without a file", "scikit-learn"):
        from sklearn import datasets

    folder = "~/scikit_learn_data"  # where scikit-learn keeps its copy unless told otherwise
    try:
        folder = datasets.get_data_home()
        pixels, labels = datasets.fetch_openml(
            "mnist_784", version=1, return_X_y=True, as_frame=False, parser="liac-arff"
        )
        rows = slice(_COUNTS["train"]) if part == "train" else slice(_COUNTS["train"], None)
        return pixels[rows].reshape(-1, 28, 28).astype(np.uint8), labels[rows]
    except Exception as error:  # no connection, or one of many that a damaged copy leads to
        raise DataError(
            f"openml.org: MNIST could not be fetched ({error!r}). Look at your connection. If it "
            f"is good, the copy may be damaged: remove {Path(folder) / 'openml'}. Or give an npz "
            f"file with x_{part} and y_{part}, such as Keras' mnist.npz."
        ) from error


def _labelled(images: np.ndarray, labels: np.ndarray) -> Labelled:
    return Labelled(images[:, None].astype(np.float32) / 255, labels.astype(np.int64))
