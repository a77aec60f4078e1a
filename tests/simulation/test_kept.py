"""What a sweep keeps is read back as it was, or computed anew, whatever has become of its file."""

import pickle
import re
import warnings

import numpy as np
import pytest
import torch
from helpers.limits import full_disk
from torch import nn

import snnlab as sl
from snnlab.simulation import sweeping
from snnlab.simulation.kept import Kept

X, Y = np.array([[0.25, 0.5], [0.75, 0.125]], np.float32), [0, 1]
GRID = {"v_init": [0.0, 0.25, 0.5]}
ARRAYS = {"rows": np.array([[0.5, np.nan], [1.0, 2.0]]), "seconds": np.array(0.25)}


@pytest.fixture
def net():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    return sl.convert(model, X, threshold=sl.Fixed(1.0))


@pytest.fixture
def computed(monkeypatch):
    simulated, calls = sweeping._simulated, []
    monkeypatch.setattr(sweeping, "_simulated", lambda *a: calls.append(1) or simulated(*a))
    return calls


def swept(net, cache):
    return sl.sweep(net, GRID, X, Y, timesteps=[1, 4], cache=cache)


def same(found, expected):
    return found.keys() == expected.keys() and all(
        found[name].dtype == array.dtype and np.array_equal(found[name], array, equal_nan=True)
        for name, array in expected.items()
    )


@pytest.mark.parametrize("arrays", [ARRAYS, {}], ids=["some", "none"])
def test_arrays_come_back_as_they_were(tmp_path, arrays):
    kept = Kept(tmp_path / "a" / "b")
    assert kept.read("key") is None
    kept.write("key", arrays)
    assert same(Kept(tmp_path / "a" / "b").read("key"), arrays)
    assert kept.read("other") is None


def test_without_a_folder_nothing_is_kept():
    kept = Kept(None)
    kept.write("key", ARRAYS)
    assert kept.read("key") is None


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("code of the folder has run",))


def trapped(file):
    np.savez(file, rows=np.array([Trap()], dtype=object))


def one_array(file):
    with file.open("wb") as stream:
        np.save(stream, np.ones(3))


DAMAGES = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-30]),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_text("nothing"),
    "a byte": lambda file: file.write_bytes(file.read_bytes().replace(b"\0\0\xe0?", b"\0\0\xf0?")),
    "a pickle": lambda file: file.write_bytes(pickle.dumps(Trap())),
    "a pickle among arrays": trapped,
    "one array": lambda file: one_array(file),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_not_whole_counts_as_not_there_and_no_code_of_it_is_run(tmp_path, damage):
    kept = Kept(tmp_path)
    kept.write("key", ARRAYS)
    (file,) = tmp_path.iterdir()
    damage(file)
    assert kept.read("key") is None


def test_a_damaged_result_is_computed_anew(net, computed, tmp_path):
    whole = swept(net, tmp_path)
    assert len(computed) == 3
    first, *_ = sorted(tmp_path.iterdir())
    first.write_bytes(first.read_bytes()[:50])
    assert swept(net, tmp_path).equals(whole)
    assert len(computed) == 4
    assert swept(net, tmp_path).equals(whole)
    assert len(computed) == 4


def test_on_a_full_disk_a_sweep_ends_with_its_table_and_one_warning(
    net, computed, tmp_path, capsys
):
    whole = swept(net, None)
    with full_disk(), pytest.warns(UserWarning, match="results cannot be kept") as warned:
        table = swept(net, tmp_path)
    assert len(warned) == 1
    assert "All are computed and returned" in str(warned[0].message)
    assert table.equals(whole)
    assert list(tmp_path.iterdir()) == []
    assert swept(net, tmp_path).equals(whole)
    assert len(computed) == 9


@pytest.mark.parametrize(
    ("cached", "said"),
    [(True, "What was computed is kept in .*: the same call goes"), (False, "With cache='FOLDER'")],
)
def test_an_interruption_says_what_is_kept(net, tmp_path, monkeypatch, cached, said):
    simulated, calls = sweeping._simulated, []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return simulated(*args)

    monkeypatch.setattr(sweeping, "_simulated", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        swept(net, tmp_path if cached else None)
    (note,) = raised.value.__notes__
    assert note.startswith("Interrupted after 2 of 3 settings. ")
    assert re.search(said, note)
    assert len(list(tmp_path.iterdir())) == 2 * cached


def test_nothing_is_said_where_all_is_well(net, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        swept(net, tmp_path)
