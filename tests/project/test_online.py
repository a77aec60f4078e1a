"""What opens the course in a browser, and the zip of it: tools/online.py, tools/course_zip.py."""

import json
import re
import subprocess
import sys
import types
import zipfile

import pytest

from tools import course_zip, online

PYPROJECT = (online.ROOT / "pyproject.toml").read_text(encoding="utf-8")
README = (online.ROOT / "README.md").read_text(encoding="utf-8")
# Until the repository has a public address this one stands for it.
PLACEHOLDER = "snnlab/snnlab"
each = pytest.mark.parametrize("file", online.NOTEBOOKS, ids=lambda file: file.stem)


def first_code(text):
    return next(cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")


def source_of(text):
    return "".join(first_code(text)["source"])


# --- links -----------------------------------------------------------------------------------


def test_the_placeholder_is_called_one_as_long_as_it_stands():
    called = "has no public address yet" in PYPROJECT
    assert called == (online.REPOSITORY == PLACEHOLDER)


def test_readme_has_the_links_of_a_release_or_of_the_branch():
    possible = [online.with_list(README, where) for where in ("main", f"v{online.version()}")]
    assert README in possible
    assert README.count("labpath=notebooks/") == len(online.NOTEBOOKS)
    assert README.count("colab.research.google.com") == len(online.NOTEBOOKS)


def test_links_of_a_release_lead_to_its_tag():
    text = online.with_list(README, "v1.2.3")
    listed = text.partition(online.BEGIN)[2].partition(online.END)[0]
    links = re.findall(r"\[(\d\d)\]\((\S+)\)", listed)
    assert len(links) == 2 * len(online.NOTEBOOKS)
    for number, link in links:
        assert f"/{online.REPOSITORY}/" in link
        assert re.search(
            rf"/v1\.2\.3\?labpath=notebooks/{number}_|/v1\.2\.3/notebooks/{number}_", link
        )
    assert online.with_list(text, "main") == online.with_list(README, "main")


def test_readme_without_a_place_for_the_list_is_refused():
    with pytest.raises(ValueError, match="expected them around the list"):
        online.with_list("# snnlab", "main")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("", "main"), ("v0.2.0\n", "v0.2.0"), ("before\n", "main"), ("before\nv0.10.0\n", "v0.10.0")],
)
def test_a_checkout_of_a_tag_knows_it(monkeypatch, tags, expected):
    done = types.SimpleNamespace(stdout=tags)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: done)
    assert online.ref() == expected


def test_without_git_it_is_the_branch(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert online.ref() == "main"


def test_the_version_is_that_of_the_package():
    import snnlab

    assert online.version() == snnlab.__version__


# --- Colab -----------------------------------------------------------------------------------


@each
def test_a_notebook_begins_with_what_colab_needs(file):
    text = file.read_text(encoding="utf-8")
    assert online.with_colab(text) == text, "run `python tools/online.py`"
    metadata = first_code(text)["metadata"]
    assert metadata == {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}


@each
def test_only_the_source_of_the_first_code_changes(file):
    text = file.read_text(encoding="utf-8")
    new = online.with_colab(text)
    assert online.with_colab(new) == new
    old_book, new_book = json.loads(text), json.loads(new)
    old_source, new_source = source_of(text), source_of(new)
    first_code(text)
    for book in (old_book, new_book):
        next(c for c in book["cells"] if c["cell_type"] == "code")["source"] = []
    assert old_book == new_book
    lines = online.COLAB.format(requirement=online.requirement(old_source))
    assert new_source == lines + old_source.removeprefix(lines)


def test_an_older_version_is_replaced():
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": ["import sys\n", "from brian2 import mV"],
    }
    text = json.dumps({"cells": [cell]})
    new = online.with_colab(text)
    assert f"snnlab-course[course,brian]=={online.version()}" in source_of(new)
    older = new.replace(f"=={online.version()}", "==0.0.1rc1")
    assert older != new
    assert online.with_colab(older) == new


def run(lines, monkeypatch, modules):
    """Run the lines in a front end that has these modules; return what it calls."""
    for name in modules:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    commands = []
    shell = types.SimpleNamespace(system=commands.append)
    exec(lines, {"get_ipython": lambda: shell})
    return commands


def test_elsewhere_nothing_is_installed(monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    assert run(online.COLAB, monkeypatch, []) == []


def test_in_colab_what_is_there_keeps_its_version(monkeypatch):
    lines = online.COLAB.format(requirement="snnlab-course[course]==0.2.0")
    listed, installed = run(lines, monkeypatch, ["google", "google.colab"])
    file = listed.rpartition("> ")[2]
    assert listed == f"pip list --format=freeze > {file}"
    assert installed == f'pip install -q -c {file} "snnlab-course[course]==0.2.0"'


# --- the zip ---------------------------------------------------------------------------------


def test_the_zip_holds_the_learners_copies_and_how_to_begin(tmp_path):
    files = [tmp_path / name for name in ("one.zip", "two.zip")]
    for file in files:
        course_zip.pack(file, "course-1")
    assert files[0].read_bytes() == files[1].read_bytes()
    with zipfile.ZipFile(files[0]) as archive:
        names = archive.namelist()
        assert names[:2] == ["course-1/README.txt", "course-1/LICENSE.txt"]
        assert names[2:] == [f"course-1/notebooks/{file.name}" for file in online.NOTEBOOKS]
        how = archive.read(names[0]).decode()
        assert f'"snnlab-course[lab]=={online.version()}"' in how
        assert "snnlab lab notebooks" in how
        for file, name in zip(online.NOTEBOOKS, names[2:], strict=True):
            copy = json.loads(archive.read(name))
            assert copy == json.loads(file.read_text(encoding="utf-8"))


def test_the_zip_goes_where_it_is_told(tmp_path, monkeypatch, capsys):
    file = tmp_path / "new" / "course.zip"
    monkeypatch.setattr(sys, "argv", ["course_zip.py", str(file)])
    assert course_zip.main() == 0
    assert capsys.readouterr().out.startswith(f"{file}: ")
    assert zipfile.is_zipfile(file)
