"""MNIST's images and the files of the package: what comes in, and what is refused."""

import hashlib
import io
import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import snnlab as sl
from snnlab import data
from snnlab.data import bundled
from snnlab.exceptions import DataError, SNNLabError

KEYS = [("x_train", "y_train"), ("train_images", "train_labels")]
# Of the first ten images of the test set, as everybody has them.
LABELS = [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def drawn(count=60_000):
    """Return bytes in the place of MNIST's training images, and labels."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 28, 28), np.uint8), rng.integers(0, 10, count)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with a copy of the package's files, to be damaged."""
    for file in bundled.FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    return tmp_path


# --- the test images -------------------------------------------------------------------------


def test_the_test_images_are_those_of_mnist():
    x, y = data.load_mnist()
    assert (x.shape, x.dtype) == ((10_000, 1, 28, 28), np.float32)
    assert (y.shape, y.dtype) == ((10_000,), np.int64)
    assert (x.min(), x.max()) == (0, 1)
    assert y[:10].tolist() == LABELS
    assert np.bincount(y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # The mean of MNIST's test images is known to be 0.1325.
    assert x.mean(dtype=np.float64) == pytest.approx(0.1325, abs=5e-5)


def test_every_file_of_the_package_has_a_card_that_fits():
    files = [file for file in bundled.FOLDER.iterdir() if file.suffix != ".json"]
    assert files
    for file in files:
        card = data.card(file.stem)
        assert card["file"] == file.name
        assert card["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert "CC BY-SA 3.0" in json.dumps(card)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:99] + bytes([b[99] ^ 1]) + b[100:]]
)
def test_a_damaged_file_is_refused_with_both_sums(files, damage):
    file = files / "mnist_test.npz"
    content = damage(file.read_bytes())
    file.write_bytes(content)
    with pytest.raises(DataError) as raised:
        data.load_mnist()
    expected, found = data.card("mnist_test")["sha256"], hashlib.sha256(content).hexdigest()
    for part in (str(file), f"{len(content):,} bytes", found, expected, "Install snnlab again"):
        assert part in str(raised.value)


def test_a_missing_file_is_refused_by_name(files):
    (files / "mnist_test.npz").unlink()
    with pytest.raises(DataError, match=r"mnist_test.npz: not found.*Install snnlab again"):
        data.load_mnist()


def test_what_is_written_can_be_read(files):
    bundled.write("new.bin", b"abc", source="here")
    assert bundled.read("new.bin") == b"abc"
    assert data.card("new")["source"] == "here"


# --- the training images ---------------------------------------------------------------------


@pytest.mark.parametrize("keys", KEYS)
def test_training_images_come_from_a_file_in_either_naming(tmp_path, keys):
    images, labels = drawn()
    file = tmp_path / "mnist.npz"
    np.savez(file, **dict(zip(keys, (images, labels), strict=True)))
    for given in (file, str(file)):
        x, y = data.load_mnist_training(given)
        assert (x.shape, x.dtype, y.dtype) == ((60_000, 1, 28, 28), np.float32, np.int64)
        assert (np.rint(255 * x[:, 0]) == images).all()
        assert (y == labels).all()


def npy(array):
    out = io.BytesIO()
    np.save(out, array[:3])
    return out.getvalue()


def contents():
    images, labels = drawn()
    yield "text", lambda file: file.write_text("nothing"), "cannot be read"
    yield "empty", lambda file: file.write_bytes(b""), "cannot be read"
    yield "an array", lambda file: file.write_bytes(npy(images)), "holds one array without"
    yield "other arrays", lambda file: np.savez(file, a=images[:3]), r"holds \['a'\]"
    short = {"x_train": images[:10], "y_train": labels[:10]}
    yield "too few", lambda file: np.savez(file, **short), "60,000 images of 28 x 28 bytes"
    floats = {"x_train": images / 255, "y_train": labels}
    yield "floats", lambda file: np.savez(file, **floats), "type float64"
    fewer = {"x_train": images, "y_train": labels[1:]}
    yield "a label missing", lambda file: np.savez(file, **fewer), "59999 labels"


@pytest.mark.parametrize(("write", "message"), [pytest.param(w, m, id=n) for n, w, m in contents()])
def test_a_file_with_something_else_is_refused(tmp_path, write, message):
    file = tmp_path / "mnist.npz"
    write(file)
    with pytest.raises(DataError, match=f"^{re.escape(str(file))}: .*{message}"):
        data.load_mnist_training(file)


def test_a_truncated_file_is_refused(tmp_path):
    file = tmp_path / "mnist.npz"
    images, labels = drawn(100)
    np.savez_compressed(file, x_train=images, y_train=labels)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read"):
        data.load_mnist_training(file)


def test_a_missing_file_says_what_to_type():
    with pytest.raises(DataError, match=r"no.npz: not found.*load_mnist_training\(\)"):
        data.load_mnist_training("no.npz")


def test_without_a_file_openml_is_asked(monkeypatch):
    images, labels = drawn(70_000)
    pixels = images.reshape(70_000, -1).astype(np.int64)
    asked = []

    def fetch(*names, **options):
        asked.append((names, options["version"]))
        return pixels, labels.astype(str).astype(object)

    monkeypatch.setitem(sys.modules, "sklearn.datasets", SimpleNamespace(fetch_openml=fetch))
    x, y = data.load_mnist_training()
    assert asked == [(("mnist_784",), 1)]
    assert (np.rint(255 * x[:, 0]) == images[:60_000]).all()
    assert (y == labels[:60_000]).all()


def test_without_a_network_openml_is_refused_with_the_other_way(monkeypatch):
    def fetch(*_, **__):
        raise OSError("no route")

    monkeypatch.setitem(sys.modules, "sklearn.datasets", SimpleNamespace(fetch_openml=fetch))
    with pytest.raises(DataError, match=r"no route.*load_mnist_training\('mnist.npz'\)"):
        data.load_mnist_training()


# --- the networks ----------------------------------------------------------------------------


# What the course is built on.
LEAST = {"mnist_mlp": 0.984, "mnist_diehl_convnet": 0.990, "mnist_convnet": 0.993}
STORED = [file.stem for file in bundled.FOLDER.glob("*.safetensors")]


@pytest.mark.parametrize("name", STORED)
def test_a_network_is_as_good_as_its_card_says(name):
    x, y = data.load_mnist()
    model = data.load_network(name)
    assert not model.training
    with torch.no_grad():
        right = (
            torch.cat([model(part).argmax(1) for part in torch.tensor(x).split(500)]).numpy() == y
        )
    assert right.mean() == pytest.approx(data.card(name)["ann_accuracy"], abs=2e-4)
    assert data.card(name)["ann_accuracy"] >= LEAST[name]
    sl.convert(model, x[:50])


@pytest.mark.parametrize("damage", [lambda b: b[:-8], lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_damaged_weights_are_refused(files, damage):
    file = files / "mnist_mlp.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=r"mnist_mlp.safetensors: damaged.*expected [0-9a-f]{64}"):
        data.load_network("mnist_mlp")


def test_a_missing_card_is_refused_by_name(files):
    (files / "mnist_mlp.json").unlink()
    with pytest.raises(DataError, match=r"mnist_mlp.json: not found"):
        data.load_network("mnist_mlp")


def test_an_unknown_network_is_refused():
    with pytest.raises(SNNLabError, match="Did you mean 'mnist_mlp'"):
        data.load_network("mnist_mpl")
