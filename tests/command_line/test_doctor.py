"""`snnlab doctor`: what is installed, what is missing, and how to get it."""

import re
import subprocess
import sys
import tempfile
import warnings
from importlib import metadata, reload
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import snnlab.course
from snnlab_course import distributions, doctor, places
from snnlab_course.command_line import main

ROOT = Path(__file__).resolve().parent.parent.parent
GIB = 2**30
# As the builder writes them.
REQUIRES = [
    "numpy>=2.0",
    "torch>=2.6",
    "brian2>=2.10; (python_version >= '3.12') and extra == 'brian'",
    "brian2>=2.8; (python_version < '3.12') and extra == 'brian'",
    "numpy<2.4; (python_version < '3.12') and extra == 'brian'",
    "ipywidgets>=7.7; extra == 'course'",
    "snnlab-course[sweep]; extra == 'course'",
    "pandas>=2.2; extra == 'sweep'",
    "jupyterlab>=4.2; extra == 'lab'",
    "snnlab-course[brian,course]; extra == 'lab'",
]
INSTALLED = {
    "snnlab-course": "0.2.0", "numpy": "2.3.5", "torch": "2.13.0+cpu", "ipywidgets": "8.1.9",
    "pandas": "3.1.1", "jupyterlab": "4.6.6", "brian2": "2.9.0",
}  # fmt: skip


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Let these distributions be installed, under this Python, in a folder of its own."""
    found = dict(INSTALLED)

    def version(name):
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    def described(name):
        return {"Version": version(name), "Summary": "Author and simulate spiking networks"}

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "metadata", described)
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES if version(name) else None)
    monkeypatch.setattr(sys, "version_info", (3, 11, 2))
    monkeypatch.setattr(doctor, "memory", lambda: 8 * GIB)
    monkeypatch.chdir(tmp_path)
    return found


def report(capsys, *options):
    status = main(["doctor", *options])
    return status, capsys.readouterr().out


def test_where_all_is_there_all_is_well(installed, capsys):
    status, out = report(capsys)
    assert status == 0
    assert out.endswith("\n\nAll is well.\n")
    assert out.startswith("Python           3.11.2, ")
    assert f"snnlab-course    0.2.0, {len(places.notebooks())} notebooks" in out
    assert re.search(r"  torch +2\.13\.0\+cpu +needs >=2\.6\n", out)
    assert "front end        jupyterlab 4.6.6, ipywidgets 8.1.9" in out
    assert "memory 8.0 GiB" in out
    assert f"{Path.cwd()}, can be written" in out
    assert len(out.splitlines()) < 40


LACKING = {
    "numpy": "To do: numpy: needed by everything. Write: pip install --upgrade snnlab-course\n",
    "torch": "To do: torch: needed by everything. Write: pip install --upgrade snnlab-course",
    "pandas": (
        'To do: pandas: the notebooks. Write: pip install --upgrade "snnlab-course[course]"\n'
    ),
    "brian2": 'If you want it, write: pip install --upgrade "snnlab-course[brian]"\n',
    "jupyterlab": 'If you want it, write: pip install --upgrade "snnlab-course[lab]"\n',
}


@pytest.mark.parametrize("name", LACKING)
@pytest.mark.parametrize("found", [None, "0.9"], ids=["missing", "too old"])
def test_what_is_missing_comes_with_the_command_that_cures_it(installed, capsys, name, found):
    del installed[name]
    if found:
        installed[name] = found
    status, out = report(capsys)
    assert LACKING[name] in out
    assert out.count("pip install") == 1
    assert status == LACKING[name].startswith("To do")
    assert re.search(rf"  {name} +{found or 'missing'} +needs ", out)


@pytest.mark.parametrize(
    ("system", "index"), [("linux", True), ("darwin", False), ("win32", False)]
)
def test_on_linux_torch_comes_without_what_graphics_cards_need(
    installed, capsys, monkeypatch, system, index
):
    monkeypatch.setattr(sys, "platform", system)
    del installed["torch"]
    _, out = report(capsys)
    assert ("--extra-index-url https://download.pytorch.org/whl/cpu" in out) == index


def test_too_new_a_numpy_is_seen_beside_the_brian2_that_needs_an_older_one(
    installed, capsys, monkeypatch
):
    installed["numpy"] = "2.4.0"
    status, out = report(capsys)
    assert status == 0
    assert re.search(r"  numpy +2\.4\.0 +needs <2\.4\n", out)
    assert 'If you want it, write: pip install --upgrade "snnlab-course[brian]"' in out
    installed["brian2"] = "2.10.1"
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert "If you want" not in report(capsys)[1]


def test_the_other_package_is_noticed(installed, capsys):
    assert distributions.namesake() is None
    installed["snnlab"] = "0.28.2"
    status, out = report(capsys)
    assert status == 1
    assert "another snnlab   0.28.2\n" in out
    assert "To do: Another package, snnlab 0.28.2, is installed beside snnlab-course." in out
    assert "pip uninstall -y snnlab && pip install --force-reinstall --no-deps snnlab-course" in out


def test_an_old_installation_of_this_project_is_not_the_other(monkeypatch):
    old = {"Version": "0.1.0", "Summary": distributions._OWN}
    monkeypatch.setattr(metadata, "metadata", lambda name: old)
    assert distributions.namesake() is None
    assert f'description = "{distributions._OWN}"' in (ROOT / "pyproject.toml").read_text()


def test_importing_the_course_warns_of_the_other_package(monkeypatch):
    monkeypatch.setattr(distributions, "namesake", lambda: "0.28.2")
    with pytest.warns(UserWarning, match=r"Another package, snnlab 0\.28\.2, .*pip uninstall"):
        reload(snnlab.course)
    monkeypatch.setattr(distributions, "namesake", lambda: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reload(snnlab.course)


def test_a_python_that_is_not_tested_is_named(installed, capsys, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    status, out = report(capsys)
    assert status == 1
    assert "To do: Python 3.14.0: tested are 3.11, 3.12 and 3.13." in out


def test_files_without_an_installation_are_named(installed, capsys):
    del installed["snnlab-course"]
    status, out = report(capsys)
    assert status == 1
    assert "snnlab-course    not installed" in out
    assert 'Write: pip install -e ".[lab]"' in out
    assert "complete" not in out


def test_notebooks_that_are_missing_are_named(installed, capsys, monkeypatch):
    monkeypatch.setattr(places, "_PACKAGE", Path.cwd() / "snnlab_course")
    status, out = report(capsys)
    assert status == 1
    assert "0 notebooks" in out
    assert "notebooks: not found" in out


def test_a_folder_that_cannot_be_written_is_named(installed, capsys, monkeypatch):
    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    status, out = report(capsys)
    assert status == 1
    assert "cannot be written (Read-only file system). Notebooks are saved there" in out


@pytest.mark.parametrize(("size", "status"), [(GIB, 1), (2 * GIB, 0), (None, 0)])
def test_little_memory_is_named(installed, capsys, monkeypatch, size, status):
    monkeypatch.setattr(doctor, "memory", lambda: size)
    found, out = report(capsys)
    assert found == status
    assert ("close all others" in out) == bool(status)
    assert ("memory unknown" in out) == (size is None)


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        ("memory.max", "123456789\n", 123456789),
        ("memory/memory.limit_in_bytes", "123456789\n", 123456789),
        ("memory.max", "max\n", None),
    ],
)
def test_the_limit_of_a_container_counts(tmp_path, file, text, limit):
    whole = doctor.memory(tmp_path)
    path = tmp_path / "sys/fs/cgroup" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert doctor.memory(tmp_path) == (limit or whole)


def test_a_small_network_that_fails_is_reported(installed, capsys, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nImportError: no libtorch\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    status, out = report(capsys, "--smoke")
    assert status == 1
    assert "smoke            failed: ImportError: no libtorch" in out
    assert "To do: the small network did not run: ImportError: no libtorch" in out


@pytest.mark.slow
def test_a_small_network_runs(installed, capsys):
    _, out = report(capsys, "--smoke")
    assert "smoke            converted and simulated a small network" in out


# --- the reading of requirements, against the one of `packaging` --------------------------------


@pytest.mark.parametrize("bounds", [">=2.0", ">=2.0,<2.4", "<2.4", ">=7.7", ">=0.4", ""])
@pytest.mark.parametrize("version", ["0.4", "2", "2.0.0", "2.3.9", "2.4", "2.4.0", "7.10", "8.1"])
def test_bounds_mean_what_they_mean_elsewhere(version, bounds):
    assert distributions.within(version, bounds) == (version in SpecifierSet(bounds))


@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13)])
@pytest.mark.parametrize("extra", ["", "course", "brian", "sweep", "lab"])
def test_needs_are_those_that_pip_would_find(installed, monkeypatch, python, extra):
    monkeypatch.setattr(sys, "version_info", (*python, 0))

    def found(extra):
        for requirement in map(Requirement, REQUIRES):
            environment = {"python_version": ".".join(map(str, python)), "extra": extra}
            plain = environment | {"extra": "no such"}
            marker = requirement.marker
            if (marker is None and extra) or (marker and marker.evaluate(plain)):
                continue
            if marker is None or marker.evaluate(environment):
                if requirement.name == "snnlab-course":
                    for other in requirement.extras:
                        yield from found(other)
                else:
                    yield requirement.name, requirement.specifier

    expected = dict(found(extra))
    needs = distributions.needs(extra)
    assert {need.name: SpecifierSet(need.bounds) for need in needs} == expected
    assert all(need.found == installed[need.name] for need in needs)
