"""The script that trains the detector: it goes on to the same result, and packs what it found."""

import sys

import pytest
import torch

from snnlab import data, detection
from snnlab.data import bundled
from tools import train_detector


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A training on few scenes, and a package whose files may be changed."""
    for file in bundled.FOLDER.glob("mnist_test.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    for name, value in {"epochs": 3, "scenes": 10, "batch": 4}.items():
        monkeypatch.setitem(train_detector.SETTING, name, value)
    monkeypatch.setattr(train_detector, "HELD_OUT", 3)
    monkeypatch.setattr(train_detector, "TEST_SCENES", 4)
    return tmp_path


def typed(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["train_detector.py", *map(str, words)])
    return train_detector.main()


def test_a_training_goes_on_to_the_same_result(small, monkeypatch, capsys):
    whole = train_detector.train(small).state_dict()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(", loss")[0] for line in lines] == [
        f"epoch {n:2} of 3" for n in (1, 2, 3)
    ]
    (small / "checkpoint.pt").unlink()
    save = train_detector.Checkpoint.save

    def interrupted(self, epoch):
        save(self, epoch)
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(train_detector.Checkpoint, "save", interrupted)
            with pytest.raises(KeyboardInterrupt):
                train_detector.train(small)
    parts = train_detector.train(small).state_dict()
    assert all(torch.equal(parts[name], value) for name, value in whole.items())
    monkeypatch.setitem(train_detector.SETTING, "seed", 1)
    assert typed(monkeypatch, small) == 1
    assert "is of a training with" in capsys.readouterr().err


def test_the_network_is_packed_with_what_it_was_measured_on(small, monkeypatch, capsys):
    assert typed(monkeypatch, small / "run") == 0
    assert "on 4 test scenes" in capsys.readouterr().out
    card = bundled._card(small / "mnist_detector.safetensors")
    model, (x, y) = data.load_network("mnist_detector"), data.load_scenes(4)
    with torch.no_grad():
        outputs = model(torch.from_numpy(x))
    assert card["mean_average_precision"] == detection.mean_average_precision(outputs, y)
    assert card["held_out"]["scenes"] == 3
    assert card["training"] == train_detector.SETTING
    assert "CC BY-SA 3.0" in card["trained_on"]


@pytest.mark.parametrize("words", [(), ("a", "b")])
def test_a_slip_is_answered_with_what_to_type(monkeypatch, capsys, words):
    assert typed(monkeypatch, *words) == 2
    assert capsys.readouterr().err.startswith("usage: ")
