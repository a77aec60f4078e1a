"""A file is replaced as a whole or not at all."""

import os
import stat
import subprocess
import sys

import pytest
from helpers.limits import FULL, full_disk

from snnlab._files import replace_file

KILLED = """
import os, signal, sys
from pathlib import Path
from snnlab._files import replace_file
os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)
replace_file(Path(sys.argv[1]), 1000 * b"new")
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    return path


def alone(file):
    return [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_new_content_takes_the_place_of_the_old_one(file):
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    file.unlink()
    replace_file(file, b"newer")
    assert file.read_bytes() == b"newer"
    assert alone(file)


@pytest.mark.parametrize("room", [0, 5])
def test_on_a_full_disk_the_old_file_stays_alone(file, room):
    with full_disk(room), pytest.raises(OSError, match=FULL):
        replace_file(file, b"longer than there is room")
    assert file.read_bytes() == b"old"
    assert alone(file)


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("what", [KeyboardInterrupt, OSError(5, "Input/output error")])
def test_whatever_stops_it_the_old_file_stays_alone(file, monkeypatch, step, what):
    def stop(*_):
        raise what

    monkeypatch.setattr(os, step, stop)
    with pytest.raises((KeyboardInterrupt, OSError)):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert alone(file)


def test_when_the_process_is_killed_the_old_file_stays(file):
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)])
    assert done.returncode == -9
    assert file.read_bytes() == b"old"
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such rights")
def test_rights_and_links_stay(file):
    file.chmod(0o640)
    link = file.with_name("link")
    link.symlink_to(file.name)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_is_no_file_is_not_replaced(tmp_path):
    for place in (tmp_path, tmp_path / "pipe"):
        if place != tmp_path:
            os.mkfifo(place)
        with pytest.raises(OSError, match="not an ordinary file"):
            replace_file(place, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
