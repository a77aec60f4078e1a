"""A training that was interrupted goes on to the same result."""

import numpy as np
import pytest
import torch
from torch import nn

from snnlab import data
from snnlab.data import training
from snnlab.exceptions import DataError

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 4), np.float32), RNG.integers(0, 3, 60)
OPTIONS = {"epochs": 5, "batch": 16, "seed": 3}


class BreakError(Exception):
    pass


def model():
    """A network whose training draws random numbers and keeps running statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
        )


def interrupted(file, monkeypatch, after, **options):
    """Train, and break off in the epoch after so many."""
    batches, begun = training._batches, []

    def breaking(*args):
        begun.append(1)
        if len(begun) > after:
            raise BreakError
        return batches(*args)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_batches", breaking)
        with pytest.raises(BreakError):
            data.train(model(), X, Y, checkpoint=file, **OPTIONS | options)


def same(one, other):
    states = one.state_dict(), other.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("after", [0, 1, 4])
def test_an_interrupted_training_goes_on_to_the_same_result(tmp_path, monkeypatch, after):
    file = tmp_path / "kept"
    whole = data.train(model(), X, Y, **OPTIONS)
    interrupted(file, monkeypatch, after)
    assert file.exists() == (after > 0)
    torch.manual_seed(99)  # what happened between the two does not count
    epochs = []
    batches = training._batches
    monkeypatch.setattr(training, "_batches", lambda *args: epochs.append(1) or batches(*args))
    continued = data.train(model(), X, Y, checkpoint=file, **OPTIONS)
    assert len(epochs) == OPTIONS["epochs"] - after
    assert same(continued, whole)
    assert list(tmp_path.iterdir()) == []


def test_two_interruptions_change_nothing_either(tmp_path, monkeypatch):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 1)
    interrupted(file, monkeypatch, 2)
    whole = data.train(model(), X, Y, **OPTIONS)
    assert same(data.train(model(), X, Y, checkpoint=file, **OPTIONS), whole)


@pytest.mark.parametrize("other", [{"epochs": 6}, {"batch": 8}, {"seed": 4}, {"learning_rate": 1}])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, monkeypatch, other):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 1, **other)
    before = file.read_bytes()
    with pytest.raises(DataError, match=r"is of a training with .* Remove .*kept to begin anew"):
        data.train(model(), X, Y, checkpoint=file, **OPTIONS)
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"nothing", "cut"])
def test_a_damaged_checkpoint_is_refused(tmp_path, monkeypatch, content):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 1)
    file.write_bytes(file.read_bytes()[:-200] if content == "cut" else content)
    with pytest.raises(DataError, match="cannot be read"):
        data.train(model(), X, Y, checkpoint=file, **OPTIONS)


def test_the_random_state_is_as_before(tmp_path, monkeypatch):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 2)
    before = torch.get_rng_state()
    data.train(model(), X, Y, checkpoint=file, **OPTIONS)
    assert torch.equal(torch.get_rng_state(), before)
