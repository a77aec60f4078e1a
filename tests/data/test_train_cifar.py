"""The script that trains on CIFAR-10: what it reads, how it goes on, what it says."""

import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from snnlab import data
from snnlab.data import bundled, networks
from tools import train_cifar

HELD_OUT, NAME = 6, "cifar10_resnet20"
CYCLES = [
    {"epochs": 2, "largest_rate": 0.2, "sides": [16, 32]},
    {"epochs": 1, "largest_rate": 0.1, "sides": [32]},
]


def jpegs(rng, count):
    """Return small colour images as JPEG files, end to end, and where each begins."""
    files = []
    for _ in range(count):
        out = io.BytesIO()
        tone = rng.integers(0, 256, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(tone).save(out, "JPEG", quality=75)
        files.append(out.getvalue())
    offsets = np.cumsum([0, *map(len, files)])
    return np.frombuffer(b"".join(files), np.uint8), offsets, files


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file with few images, and a package whose files may be changed."""
    rng, arrays = np.random.default_rng(0), {}
    for part, count in (("train", 22), ("test", 7)):
        arrays[f"{part}_jpeg"], arrays[f"{part}_offsets"], _ = jpegs(rng, count)
        arrays[f"{part}_labels"] = rng.integers(0, 10, count).astype(np.uint8)
    np.savez(tmp_path / "cifar.npz", **arrays)
    monkeypatch.setattr(train_cifar, "HELD_OUT", HELD_OUT)
    monkeypatch.setattr(train_cifar, "TEST_IMAGES", 5)
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    small = {NAME: lambda: data.resnet(8, width=2, channels=3)}
    monkeypatch.setattr(networks, "ARCHITECTURES", networks.ARCHITECTURES | small)
    monkeypatch.setitem(train_cifar.SETTING, "batch", 8)
    monkeypatch.setitem(train_cifar.CYCLES, NAME, CYCLES)
    return tmp_path / "cifar.npz"


def typed(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["train_cifar.py", *map(str, words)])
    return train_cifar.main()


def test_images_are_decoded_in_their_order(file):
    arrays = np.load(file)
    images, labels = train_cifar.read(file, "test")
    assert (images.shape, images.dtype) == ((7, 3, 32, 32), torch.uint8)
    assert labels.tolist() == arrays["test_labels"].tolist()
    start, stop = arrays["test_offsets"][3:5]
    third = np.asarray(Image.open(io.BytesIO(arrays["test_jpeg"][start:stop].tobytes())))
    assert np.array_equal(images[3].permute(1, 2, 0), third)


def test_each_image_is_cut_out_somewhere_and_flipped_or_not(rng):
    images = torch.tensor(rng.integers(1, 256, (30, 3, 32, 32)), dtype=torch.uint8)
    padded, chosen = F.pad(images, [4] * 4), torch.randperm(30)
    found = (255 * train_cifar.augmented(padded, chosen)).round().to(torch.uint8)
    places = set()
    for image, number in zip(found, chosen, strict=True):
        windows = padded[number].unfold(1, 32, 1).unfold(2, 32, 1)  # (3, 9, 9, 32, 32)
        for flipped in (False, True):
            same = (windows == (image.flip(2) if flipped else image)[:, None, None]).all(4).all(3)
            places |= {(flipped, *place) for place in same.all(0).nonzero().tolist()}
    assert len(places) > 15
    assert {place[0] for place in places} == {False, True}


def test_a_training_goes_on_to_the_same_result(file, tmp_path, monkeypatch, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert typed(monkeypatch, "train", NAME, file, whole) == 0
    save, done = train_cifar.Checkpoint.save, []

    def interrupted(self, epoch):
        save(self, epoch)
        done.append(f"{self.file.stem} {epoch}")
        raise KeyboardInterrupt

    monkeypatch.setattr(train_cifar.Checkpoint, "save", interrupted)
    for _ in range(3):  # within the first cycle, at its end, and at the end of the second
        with pytest.raises(KeyboardInterrupt):
            typed(monkeypatch, "train", NAME, file, parts)
    assert typed(monkeypatch, "train", NAME, file, parts) == 0
    assert done == ["cycle1 1", "cycle1 2", "cycle2 1"]
    one, other = (torch.load(folder / "cycle2.pt", weights_only=True) for folder in (whole, parts))
    for state, same in zip(one["states"][0].values(), other["states"][0].values(), strict=True):
        assert torch.equal(state, same)
    log = (whole / "log.txt").read_text(encoding="utf-8").splitlines()
    assert [line.partition(", loss")[0] for line in log] == [
        "cycle 1, epoch   1 of 2",
        "cycle 1, epoch   2 of 2",
        "cycle 2, epoch   1 of 1",
    ]
    monkeypatch.setitem(train_cifar.SETTING, "seed", 1)
    assert typed(monkeypatch, "train", NAME, file, parts) == 1
    assert "is of a training with" in capsys.readouterr().err


def test_the_images_grow_and_the_rate_rises_and_falls_in_each_cycle(file, tmp_path, monkeypatch):
    seen = []

    def noted(parts, padded, targets, side):
        loss = train_once((noting(parts[0]), *parts[1:]), padded, targets, side)
        seen.append((side, parts[1].param_groups[0]["lr"]))
        return loss

    def noting(model):
        model.register_forward_pre_hook(lambda _, args: sides.add(args[0].shape[2:]))
        return model

    train_once, sides = train_cifar.train_once, set()
    monkeypatch.setattr(train_cifar, "train_once", noted)
    typed(monkeypatch, "train", NAME, file, tmp_path / "run")
    assert [side for side, _ in seen] == [16, 32, 32]
    assert sides == {(16, 16), (32, 32)}
    (_, between), (_, end), _ = seen
    assert 0 < end < between < 0.2


def test_the_network_is_packed_with_what_it_was_measured_on(file, tmp_path, monkeypatch, capsys):
    assert typed(monkeypatch, "pack", NAME, file, tmp_path / "run") == 1
    assert "0 of 1 epochs are done" in capsys.readouterr().err
    folder = tmp_path / "run"
    typed(monkeypatch, "train", NAME, file, folder)
    saved = torch.load(folder / "cycle2.pt", weights_only=True)
    torch.save(saved | {"epoch": 0}, folder / "cycle2.pt")
    assert typed(monkeypatch, "pack", NAME, file, folder) == 1
    assert "0 of 1 epochs are done" in capsys.readouterr().err
    torch.save(saved, folder / "cycle2.pt")
    assert typed(monkeypatch, "pack", NAME, file, folder) == 0
    card = bundled._card(tmp_path / f"{NAME}.safetensors")
    images, labels = train_cifar.read(file, "test")
    model = data.load_network(NAME)
    with torch.no_grad():
        right = model(images / 255).argmax(1) == labels
    assert card["ann_accuracy"] == right.double().mean()
    assert card["held_out"]["images"] == HELD_OUT
    assert 0 <= card["held_out"]["same_answers"] <= 1
    assert "JPEG" in card["trained_on"]


def test_the_first_test_images_are_packed(file, monkeypatch):
    assert typed(monkeypatch, "images", file) == 0
    x, y = data.load_cifar10()
    images, labels = train_cifar.read(file, "test")
    assert np.array_equal(np.rint(255 * x), images[:5])
    assert y.tolist() == labels[:5].tolist()


def test_another_file_is_refused_by_name(tmp_path, file, monkeypatch, capsys):
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    for name in ("other.npz", "no.npz"):
        other = tmp_path / name
        for words in (("train", NAME, other, tmp_path / "run"), ("images", other)):
            assert typed(monkeypatch, *words) == 1
            told = capsys.readouterr().err
            assert name in told
            assert "cannot be read" in told
            assert "usage: " in told


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("train",),
        ("train", NAME, "a"),
        ("train", "cifar10_lenet", "a", "b"),
        ("images", "a", "b"),
        ("pack", NAME, "a", "b", "c"),
        ("?",),
    ],
)
def test_a_slip_is_answered_with_what_to_type(monkeypatch, capsys, words):
    assert typed(monkeypatch, *words) == 2
    assert capsys.readouterr().err.startswith("usage: ")
