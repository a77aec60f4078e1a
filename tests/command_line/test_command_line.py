"""The command `snnlab` as a whole, and `snnlab lab`."""

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from snnlab_course import lab, places
from snnlab_course.command_line import main

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = ("lab", "notebooks", "collect", "doctor")


@pytest.mark.parametrize("arguments", [[], *([command] for command in COMMANDS)], ids=str)
def test_help_is_there_for_all(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in (arguments or COMMANDS))


@pytest.mark.parametrize("arguments", [[], ["teach"], ["notebooks"], ["doctor", "--loud"]])
def test_a_usage_that_is_none_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: snnlab")


def test_the_command_is_installed_under_its_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"snnlab": "snnlab_course.command_line:main"}


def test_it_starts_without_torch_and_numpy():
    code = "import sys, snnlab_course.command_line as _; print({'torch', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize("name", ["snnlab_course", pytest.param("snnlab", marks=pytest.mark.slow)])
def test_it_runs_as_a_module_too(name, tmp_path):
    command = [sys.executable, "-m", name, "collect", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == f"{tmp_path}: no progress file that can be read\n"
    assert done.returncode == 1


def test_an_interruption_ends_quietly(monkeypatch, tmp_path, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("snnlab_course.copies.write", interrupted)
    assert main(["notebooks", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.fixture
def started(monkeypatch):
    """Start no JupyterLab; keep what it would have been started with."""
    calls = []

    def call(command, env):
        calls.append((command, env))
        return 7

    monkeypatch.setattr(subprocess, "call", call)
    return calls


def test_lab_opens_the_copies_with_the_settings(started, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/of/mine")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    folder = tmp_path / "course"
    assert main(["lab", str(folder)]) == 7
    ((command, environment),) = started
    first = folder / places.notebooks()[0].name
    assert command == [sys.executable, "-m", "jupyterlab", str(first)]
    assert first.is_file()
    settings, mine = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert mine == "/of/mine"
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    server = json.loads((Path(settings) / "jupyter_server_config.json").read_text())
    assert "snnlab_server.NoDelay" in server["ServerApp"].values()
    assert f"{len(places.notebooks())} notebooks written to {folder}\n" == capsys.readouterr().out


def test_lab_goes_on_with_work_that_is_there(started, tmp_path, capsys):
    mine = tmp_path / places.notebooks()[0].name
    mine.write_text("my work")
    assert main(["lab", str(tmp_path)]) == 7
    assert mine.read_text() == "my work"
    assert "1 were there already" in capsys.readouterr().out


def test_lab_makes_a_folder_of_its_own_by_default(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["lab"])
    assert (tmp_path / "snnlab-notebooks" / places.notebooks()[0].name).is_file()


def test_lab_keeps_what_the_user_set(started, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    assert lab.environment()["OMP_WAIT_POLICY"] == "ACTIVE"
    assert lab.environment()["JUPYTER_CONFIG_PATH"] == str(places.jupyter_settings())


def test_lab_may_be_opened_by_root(started, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    main(["lab", str(tmp_path)])
    assert "--allow-root" in started[0][0]


def test_without_jupyterlab_it_says_what_to_install(started, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["lab", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.endswith('Write: pip install "snnlab-course[lab]"\n')
    assert started == []
    assert list(tmp_path.iterdir()) == []
