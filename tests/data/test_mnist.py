"""MNIST's images and the files of the package: what comes in, and what is refused."""

import hashlib
import http.client
import io
import json
import re
import subprocess
import sys
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import snnlab as sl
from benchmarks import mnist as benchmark
from snnlab import data
from snnlab.data import bundled, mnist
from snnlab.exceptions import DataError, OptionError, SNNLabError
from tools import train_mnist

KEYS = [("x_train", "y_train"), ("train_images", "train_labels")]
TEST_KEYS = [("x_test", "y_test"), ("test_images", "test_labels")]
# Of the first ten images of the test set, as everybody has them.
LABELS = [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


# In the place of 60,000 and 10,000 images.
COUNTS = {"train": 60, "test": 10}


@pytest.fixture
def small(monkeypatch):
    """Let MNIST have few images."""
    monkeypatch.setattr(mnist, "_COUNTS", COUNTS)


def drawn(count=COUNTS["train"]):
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
    assert {file.stem for file in files} == {*bundled.NAMES}
    for file in files:
        card = data.card(file.stem)
        assert card["file"] == file.name
        assert card["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        origin = {"mnist": "CC BY-SA 3.0", "digits": "Alpaydin", "cifar10": "JPEG"}
        assert origin[file.stem.split("_")[0]] in json.dumps(card)


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
    for part in (
        str(file),
        f"{len(content):,} bytes",
        found,
        expected,
        "Install snnlab-course again",
    ):
        assert part in str(raised.value)


def test_a_missing_file_is_refused_by_name(files):
    (files / "mnist_test.npz").unlink()
    with pytest.raises(DataError, match=r"mnist_test.npz: not found.*Install snnlab-course again"):
        data.load_mnist()


def test_what_is_written_can_be_read(files):
    bundled.write("new.bin", b"abc", source="Müller")
    assert bundled.read("new.bin") == b"abc"
    card = json.loads((files / "new.json").read_text(encoding="utf-8"))
    assert card["source"] == "Müller"


@pytest.mark.slow
def test_a_card_is_in_utf_8_whatever_the_machine_prefers(files):
    """Python tells where an encoding is left to the machine."""
    code = "from snnlab.data import bundled; import pathlib, sys\n"
    code += (
        "bundled.FOLDER = pathlib.Path(sys.argv[1]); bundled.write('new.bin', b'', by='Müller')\n"
    )
    code += "print(bundled._card(bundled.FOLDER / 'new.bin')['by'] == 'Müller')"
    command = [sys.executable, "-X", "warn_default_encoding", "-W", "error::EncodingWarning"]
    done = subprocess.run([*command, "-c", code, files], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


CARDS = {
    "cut off": lambda card: card[:-20],
    "empty": lambda card: b"",
    "no sum": lambda card: b"{}",
    "a list": lambda card: b'["sha256"]',
    "a number": lambda card: b"1",
    "other letters": lambda card: b'{"source": "\xfc", "sha256": "0"}',
}


@pytest.mark.parametrize("damage", CARDS.values(), ids=CARDS)
def test_a_damaged_card_is_refused(files, damage):
    file = files / "mnist_mlp.json"
    file.write_bytes(damage(file.read_bytes()))
    for look in (data.card, data.load_network):
        with pytest.raises(DataError, match=r"mnist_mlp.json: damaged.*expected.*Install snnlab"):
            look("mnist_mlp")


def test_a_file_that_cannot_be_opened_is_refused(files):
    (files / "mnist_test.npz").unlink()
    (files / "mnist_test.npz").mkdir()
    with pytest.raises(
        DataError, match=r"mnist_test.npz: cannot be read.*Install snnlab-course again"
    ):
        data.load_mnist()


def test_a_card_of_nothing_is_refused_with_what_there_is():
    with pytest.raises(OptionError, match=r"'mnist_mpl': expected .* Did you mean 'mnist_mlp'"):
        data.card("mnist_mpl")
    for name in (None, "", "typo", "../files/mnist_mlp"):
        with pytest.raises(OptionError, match=r"expected 'cifar10_resnet20' or 'cifar10_test' or"):
            data.card(name)


# --- the training images ---------------------------------------------------------------------


@pytest.mark.parametrize("keys", KEYS)
def test_training_images_come_from_a_file_in_either_naming(tmp_path, small, keys):
    images, labels = drawn()
    file = tmp_path / "mnist.npz"
    np.savez(file, **dict(zip(keys, (images, labels), strict=True)))
    for given in (file, str(file)):
        x, y = data.load_mnist_training(given)
        assert (x.shape, x.dtype, y.dtype) == ((60, 1, 28, 28), np.float32, np.int64)
        assert (np.rint(255 * x[:, 0]) == images).all()
        assert (y == labels).all()


@pytest.mark.slow
def test_there_are_60_000_training_images(tmp_path):
    images, labels = drawn(60_000)
    file = tmp_path / "mnist.npz"
    np.savez(file, x_train=images, y_train=labels)
    x, y = data.load_mnist_training(file)
    assert x.shape == (60_000, 1, 28, 28)
    assert (y == labels).all()
    np.savez(file, x_train=images[1:], y_train=labels[1:])
    with pytest.raises(DataError, match="expected 60,000 images"):
        data.load_mnist_training(file)


def npy(array):
    out = io.BytesIO()
    np.save(out, array[:3])
    return out.getvalue()


def locked(file):
    """Write a zip that says of itself that a password is needed."""
    np.savez(file, x_train=0, y_train=0)
    content = bytearray(file.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        for found in re.finditer(re.escape(mark), bytes(content)):
            content[found.start() + flags] |= 1
    file.write_bytes(content)


def contents():
    images, labels = drawn()
    yield "text", lambda file: file.write_text("nothing"), "cannot be read"
    yield "empty", lambda file: file.write_bytes(b""), "cannot be read"
    yield "an array", lambda file: file.write_bytes(npy(images)), "holds one array without"
    yield "other arrays", lambda file: np.savez(file, a=images[:3]), r"holds \['a'\]"
    short = {"x_train": images[:10], "y_train": labels[:10]}
    yield "too few", lambda file: np.savez(file, **short), "60 images of 28 x 28 bytes"
    floats = {"x_train": images / 255, "y_train": labels}
    yield "floats", lambda file: np.savez(file, **floats), "type float64"
    fewer = {"x_train": images, "y_train": labels[1:]}
    yield "a label missing", lambda file: np.savez(file, **fewer), r"labels of shape \(59,\)"
    yield "test images", lambda file: np.savez(file, x_test=1, y_test=2), "x_train and y_train"
    yield "a folder", lambda file: file.mkdir(), "cannot be read"
    yield "locked", locked, "File .* is encrypted"


def labels():
    _, right = drawn()
    floats, strings = right.astype(float), right.astype(str)
    yield "scalar", right[0], r"labels of shape \(\), expected \(60,\)"
    yield "column", right[:, None], r"labels of shape \(60, 1\)"
    yield "one-hot", np.eye(10)[right], r"labels of shape \(60, 10\)"
    yield "halves", put(floats, 2.5), "1 of the 60 labels are no digits, the first is 2.5"
    yield "nan", put(floats, np.nan), "the first is nan"
    yield "infinity", put(floats, np.inf), "the first is inf"
    yield "too large", put(right, 99), "the first is 99"
    yield "ten", put(right, 10), "the first is 10"
    yield "negative", put(right, -1), "the first is -1"
    yield "words", np.full(60, "seven"), "60 of the 60 labels .* the first is 'seven'"
    yield "halves in words", put(strings.astype("U3"), "2.5"), "the first is '2.5'"
    yield "dates", right.astype("M8[s]"), "the first is datetime"
    yield "several in one", np.zeros(60, "i4,i4"), r"the first is \(0, 0\)"


def put(array, value):
    array = array.copy()
    array[-1] = value
    return array


@pytest.mark.parametrize(("y", "message"), [pytest.param(y, m, id=n) for n, y, m in labels()])
def test_labels_that_are_no_digits_are_refused(tmp_path, small, y, message):
    file = tmp_path / "mnist.npz"
    np.savez(file, x_train=np.zeros((60, 28, 28), np.uint8), y_train=y)
    with pytest.raises(DataError, match=f"^{re.escape(str(file))}: .*{message}.*Give another"):
        data.load_mnist_training(file)


@pytest.mark.parametrize("kind", [np.uint8, ">i8", np.float32, str, bytes])
def test_labels_of_every_kind_are_read(tmp_path, small, kind):
    _, expected = drawn()
    file = tmp_path / "mnist.npz"
    x = np.zeros((60, 28, 28), np.uint8)
    np.savez(file, x_train=x, y_train=expected.astype(kind))
    y = data.load_mnist_training(file).y
    assert y.dtype == np.int64
    assert (y == expected).all()


@pytest.mark.parametrize(("write", "message"), [pytest.param(w, m, id=n) for n, w, m in contents()])
def test_a_file_with_something_else_is_refused(tmp_path, small, write, message):
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
    with pytest.raises(
        DataError, match=r"no.npz: not found.*x_train and y_train, or .*Give another"
    ):
        data.load_mnist_training("no.npz")


def in_place_of_openml(monkeypatch, fetch, home=lambda: "/home/me/sets"):
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    monkeypatch.setattr("sklearn.datasets.get_data_home", home)


def test_without_a_file_openml_is_asked(monkeypatch, small):
    images, labels = drawn(70)
    pixels = images.reshape(70, -1).astype(np.int64)
    asked = []

    def fetch(*names, **options):
        asked.append((names, options["version"]))
        return pixels, labels.astype(str).astype(object)

    in_place_of_openml(monkeypatch, fetch)
    x, y = data.load_mnist_training()
    assert asked == [(("mnist_784",), 1)]
    assert (np.rint(255 * x[:, 0]) == images[:60]).all()
    assert (y == labels[:60]).all()


FAILURES = [
    OSError("no route"),
    TimeoutError(),
    ValueError("md5 checksum of local file does not match"),
    http.client.IncompleteRead(b"half"),
    EOFError("Compressed file ended before the end-of-stream marker was reached"),
    zlib.error("Error -3 while decompressing data"),
]


def raising(error):
    def call(*_, **__):
        raise error

    return call


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_whatever_openml_fails_with_is_refused_with_the_other_ways(monkeypatch, error):
    in_place_of_openml(monkeypatch, raising(error))
    with pytest.raises(DataError) as raised:
        data.load_mnist_training()
    told = re.escape(f"({error!r})") + r".*connection.*remove /home/me/sets/openml\..*an npz file"
    assert re.search(told, str(raised.value))


def test_a_home_that_cannot_be_written_is_refused_as_well(monkeypatch):
    in_place_of_openml(monkeypatch, None, home=raising(PermissionError(13, "not allowed")))
    with pytest.raises(DataError, match=r"not allowed.*scikit_learn_data/openml"):
        data.load_mnist_training()


def test_what_openml_gives_is_looked_at(monkeypatch):
    few = np.zeros((70, 784)), np.full(70, "1")  # and not 70,000
    in_place_of_openml(monkeypatch, lambda *_, **__: few)
    with pytest.raises(DataError, match=r"^openml.org: images of shape \(70, 28, 28\)"):
        data.load_mnist_training()


# --- the tools that need MNIST ---------------------------------------------------------------


def typed(monkeypatch, capsys, *words):
    """Return the exit status of the tool, and what it tells of errors."""
    monkeypatch.setattr(sys, "argv", ["train_mnist.py", *map(str, words)])
    return train_mnist.main(), capsys.readouterr().err


@pytest.mark.parametrize("keys", TEST_KEYS)
def test_the_tool_packs_test_images_in_either_naming(tmp_path, files, monkeypatch, capsys, keys):
    original = np.load(files / "mnist_test.npz")
    x, y = original["images"], original["labels"]
    given = tmp_path / "given.npz"
    np.savez(given, **dict(zip(keys, (x[::-1], y[::-1].astype(int)), strict=True)))
    assert typed(monkeypatch, capsys, "images", given) == (0, "")
    packed = data.load_mnist()
    assert (np.rint(255 * packed.x[:, 0]) == x[::-1]).all()
    assert (packed.y == y[::-1]).all()
    # As many bytes as there were: the labels stay bytes too.
    assert np.load(files / "mnist_test.npz")["labels"].dtype == np.uint8


@pytest.mark.slow
def test_the_tool_packs_the_test_images_of_openml(files, monkeypatch, capsys):
    x, y = data.load_mnist()
    pixels = np.concatenate([np.zeros((60_000, 784)), 255 * x.reshape(-1, 784).astype(float)])
    labels = np.concatenate([np.zeros(60_000, int), y]).astype(str).astype(object)
    in_place_of_openml(monkeypatch, lambda *_, **__: (np.rint(pixels), labels))
    (files / "mnist_test.npz").unlink()
    assert typed(monkeypatch, capsys, "images") == (0, "")
    assert np.array_equal(data.load_mnist().x, x)
    assert np.array_equal(data.load_mnist().y, y)


@pytest.mark.parametrize("what", ["images", "mnist_mlp"])
def test_the_tool_tells_what_to_type_without_mnist(tmp_path, files, monkeypatch, capsys, what):
    before = {file: file.read_bytes() for file in files.iterdir()}
    status, told = typed(monkeypatch, capsys, what, tmp_path / "no.npz")
    assert status == 1
    assert re.search(r"no.npz: not found; expected .*\nusage: .*train_mnist.py images\|mni", told)
    assert "load_mnist_training" not in told
    in_place_of_openml(monkeypatch, raising(OSError("no route")))
    status, told = typed(monkeypatch, capsys, what)
    assert status == 1
    assert re.search(r"no route.*\nusage: ", told)
    assert {file: file.read_bytes() for file in files.iterdir()} == before


@pytest.mark.parametrize("words", [(), ("nothing",), ("images", "a", "b")])
def test_the_tool_tells_what_to_type_after_a_slip(monkeypatch, capsys, words):
    status, told = typed(monkeypatch, capsys, *words)
    assert status == 2
    assert told.startswith("usage: ")


def test_the_benchmark_tells_what_to_type_without_mnist(tmp_path):
    with pytest.raises(SystemExit, match=r"no.npz: not found; .*\nusage: .*benchmarks mnist \["):
        benchmark.measure(str(tmp_path / "no.npz"))


@pytest.mark.slow
def test_the_benchmark_chooses_thresholds_on_training_images(tmp_path, monkeypatch, capsys):
    file, chosen_on = tmp_path / "mnist.npz", []
    images, labels = drawn(2500)
    monkeypatch.setattr(mnist, "_COUNTS", {"train": 2500})
    np.savez(file, x_train=images, y_train=labels)
    monkeypatch.setattr(benchmark, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(benchmark, "CALIBRATION_IMAGES", tmp_path / "cache" / "images.npy")
    benchmark.calibration_images(str(file))

    def convert(model, x_cal):
        chosen_on.append(x_cal)
        return sl.convert(model, x_cal[:20])

    few = data.Labelled(*(part[:10] for part in data.load_mnist()))
    monkeypatch.setattr(
        benchmark, "data", SimpleNamespace(**vars(data) | {"load_mnist": lambda: few})
    )
    monkeypatch.setattr(benchmark, "sl", SimpleNamespace(convert=convert, simulate=sl.simulate))
    benchmark.cost("mnist_diehl_convnet")
    assert (np.rint(255 * chosen_on[0][:, 0]) == images[:2000]).all()
    assert "right" in capsys.readouterr().out


# --- the networks ----------------------------------------------------------------------------


# What the course is built on.
LEAST = {"mnist_mlp": 0.984, "mnist_diehl_convnet": 0.990, "mnist_convnet": 0.993}
STORED = [file.stem for file in bundled.FOLDER.glob("mnist_*.safetensors")]
STORED.remove("mnist_detector")  # it classifies no image; see tests/detection


@pytest.mark.slow
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
