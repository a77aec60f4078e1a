"""A training that was interrupted goes on to the same result."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.limits import FULL, full_disk
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


def interrupted(file, monkeypatch, after, network=None, **options):
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
            data.train(network or model(), X, Y, checkpoint=file, **OPTIONS | options)


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


@pytest.mark.parametrize(
    "other", [{"epochs": 6}, {"batch": 8}, {"seed": 4}, {"learning_rate": 0.5}]
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, monkeypatch, other):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 1, **other)
    before = file.read_bytes()
    # What is the same in both is not told.
    expected = {key: ({"learning_rate": 2e-3} | OPTIONS)[key] for key in other}
    told = re.escape(f"{file}: is of a training with {other}, expected {expected}. Remove it")
    with pytest.raises(DataError, match=f"^{told} to begin anew"):
        data.train(model(), X, Y, checkpoint=file, **OPTIONS)
    assert file.read_bytes() == before


def changed(array, at, value):
    array = array.copy()
    array[at] = value
    return array


class Wider(nn.Sequential):
    """A network that does not show its width when it is printed."""

    def __repr__(self):
        return "Wider"


def wider(width):
    return Wider(nn.Linear(4, width), nn.Linear(width, 3))


OTHERS = {
    "images": (model, changed(X, (59, 3), 0.5), Y, "'sha256 of x': '[0-9a-f]{64}'"),
    "labels flipped": (model, X, Y[::-1], "'sha256 of y': '[0-9a-f]{64}'"),
    "a label": (model, X, changed(Y, 59, (Y[59] + 1) % 3), "'sha256 of y'"),
    "layers": (lambda: nn.Linear(4, 3), X, Y, r"'model': 'Linear\(in_features=4"),
}


@pytest.mark.parametrize(("other", "x", "y", "told"), OTHERS.values(), ids=OTHERS)
def test_a_checkpoint_of_other_data_or_layers_is_refused(tmp_path, monkeypatch, other, x, y, told):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 1)
    before = file.read_bytes()
    with pytest.raises(DataError, match=f"is of a training with {{.*expected {{{told}.*}}. Rem"):
        data.train(other(), x, y, checkpoint=file, **OPTIONS)
    assert file.read_bytes() == before


def test_a_checkpoint_that_does_not_fit_into_the_layers_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 1, network=wider(5))
    with pytest.raises(DataError, match=r"kept: cannot be read .*size mismatch.*Remove it"):
        data.train(wider(6), X, Y, checkpoint=file, **OPTIONS)


def test_the_same_data_in_another_form_are_the_same_training(tmp_path, monkeypatch):
    file, epochs, batches = tmp_path / "kept", [], training._batches
    interrupted(file, monkeypatch, 3)
    monkeypatch.setattr(training, "_batches", lambda *args: epochs.append(1) or batches(*args))
    x, y = torch.from_numpy(X.astype(float)).T.contiguous().T, Y.tolist()
    data.train(model(), x, y, checkpoint=file, **OPTIONS)
    assert len(epochs) == OPTIONS["epochs"] - 3


FORMS = {"bfloat16": (torch.bfloat16, X), "a column": (torch.float32, torch.from_numpy(X)[:, 1:2])}


@pytest.mark.parametrize(("dtype", "x"), FORMS.values(), ids=FORMS)
def test_images_of_every_form_have_a_sum(tmp_path, dtype, x):
    network = nn.Linear(x.shape[1], 3).to(dtype)
    trained = data.train(network, x, Y, checkpoint=tmp_path / "kept", **OPTIONS)
    assert same(trained, data.train(network, x, Y, **OPTIONS))


def without(part):
    """Damage a checkpoint by taking a part of it away."""

    def damage(file):
        kept = torch.load(file)
        del kept[part]
        torch.save(kept, file)

    return damage


DAMAGES = {
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_bytes(b"nothing"),
    "short": lambda file: file.write_bytes(b"\x80\x02X\x01"),  # pickle wants 4 bytes here
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-200]),
    "a number": lambda file: torch.save(1, file),
    **{part: without(part) for part in ("setting", "states", "random", "epoch")},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused(tmp_path, monkeypatch, damage):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 1)
    damage(file)
    with pytest.raises(DataError, match=r"kept: cannot be read \(\w+\(.*Remove it to begin anew"):
        data.train(model(), X, Y, checkpoint=file, **OPTIONS)


@pytest.mark.parametrize(
    ("name", "message"), [("no/kept", "there is no folder .*no, "), (".", "is a folder")]
)
def test_a_checkpoint_that_cannot_be_is_refused_before_the_training(tmp_path, name, message):
    class Untouched(nn.Linear):
        def forward(self, x):
            raise BreakError

    with pytest.raises(DataError, match=message):
        data.train(Untouched(4, 3), X, Y, checkpoint=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_random_state_is_as_before(tmp_path, monkeypatch):
    file = tmp_path / "kept"
    interrupted(file, monkeypatch, 2)
    before = torch.get_rng_state()
    data.train(model(), X, Y, checkpoint=file, **OPTIONS)
    assert torch.equal(torch.get_rng_state(), before)


# --- faults ----------------------------------------------------------------------------------

TRAINED = """
import os, signal, sys
import numpy as np, torch
from torch import nn
from snnlab import data
from snnlab.data import training

batches, begun = training._batches, []

def breaking(*args):
    begun.append(1)
    if len(begun) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return batches(*args)

training._batches = breaking
x, y = np.load(sys.argv[1])["x"], np.load(sys.argv[1])["y"]
model = nn.Linear(4, 3)
nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
data.train(model, x, y, checkpoint=sys.argv[2], epochs=5, batch=16, seed=3)
"""


def stopped(monkeypatch, at, when):
    """Interrupt a training at its step or its batches, when that is called so many times."""
    calls, call = [], getattr(*at)

    def breaking(*args, **options):
        calls.append(1)
        if len(calls) == when:
            raise KeyboardInterrupt
        return call(*args, **options)

    monkeypatch.setattr(*at, breaking)


BATCHES, STEP = (training, "_batches"), (torch.optim.Adam, "step")


@pytest.mark.parametrize(
    ("at", "when", "done"),
    [(BATCHES, 1, 0), (STEP, 2, 0), (BATCHES, 2, 1), (STEP, 7, 1), (STEP, 20, 4)],
    ids=["at once", "in the first", "between", "within", "in the last"],
)
def test_an_interruption_says_what_is_kept_and_loses_no_epoch(
    tmp_path, monkeypatch, at, when, done
):
    file = tmp_path / "kept"
    whole = data.train(model(), X, Y, **OPTIONS)
    with monkeypatch.context() as patch:
        stopped(patch, at, when)
        with pytest.raises(KeyboardInterrupt) as raised:
            data.train(model(), X, Y, checkpoint=file, **OPTIONS)
    (note,) = raised.value.__notes__
    kept = f"{file} has the state after {done} epoch{'s' * (done > 1)}: the same call goes on"
    begins = "No epoch was complete, so the next call begins anew."
    assert note.startswith(f"Interrupted after {done} of 5 epochs. {kept if done else begins}")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"] * (done > 0)
    assert same(data.train(model(), X, Y, checkpoint=file, **OPTIONS), whole)


def test_an_interruption_without_a_checkpoint_says_how_to_keep_the_next_one(monkeypatch):
    stopped(monkeypatch, BATCHES, 3)
    with pytest.raises(KeyboardInterrupt) as raised:
        data.train(model(), X, Y, **OPTIONS)
    (note,) = raised.value.__notes__
    assert note.startswith("Interrupted after 2 of 5 epochs. What was learnt is not kept. With ch")


def test_a_killed_training_goes_on_to_the_same_result(tmp_path):
    file = tmp_path / "kept"
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    command = [sys.executable, "-c", TRAINED, str(tmp_path / "data.npz"), str(file)]
    assert subprocess.run(command).returncode == -9
    linear = nn.Linear(4, 3)
    nn.init.zeros_(linear.weight), nn.init.zeros_(linear.bias)
    assert torch.load(file)["epoch"] == 2
    continued = data.train(linear, X, Y, checkpoint=file, **OPTIONS)
    assert same(continued, data.train(linear, X, Y, **OPTIONS))


@pytest.mark.parametrize("after", [0, 2])
def test_on_a_full_disk_the_epochs_before_stay(tmp_path, monkeypatch, capsys, after):
    file = tmp_path / "kept"
    whole = data.train(model(), X, Y, **OPTIONS)
    if after:
        interrupted(file, monkeypatch, after)
    begins = "No epoch was complete, so" if not after else rf"{file} has the state after {after} ep"
    told = rf"^{file}: the state after {after + 1} epochs? cannot be written \({FULL}\), expected a"
    with full_disk(500), pytest.raises(DataError, match=rf"{told} place for .* bytes. {begins}"):
        data.train(model(), X, Y, checkpoint=file, **OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"] * (after > 0)
    assert same(data.train(model(), X, Y, checkpoint=file, **OPTIONS), whole)


def test_a_file_that_cannot_be_removed_costs_no_trained_model(tmp_path, monkeypatch):
    def refuse(self, missing_ok):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.warns(UserWarning, match=r"kept: the training is done, .*Remove it yourself"):
        trained = data.train(model(), X, Y, checkpoint=tmp_path / "kept", **OPTIONS)
    monkeypatch.undo()
    assert same(trained, data.train(model(), X, Y, **OPTIONS))
