"""What goes into the wheel, and the script that makes `.venv`."""

import base64
import io
import runpy
import subprocess
import sys
import tomllib
import types
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"][
    "build"
]["targets"]["wheel"]


@pytest.fixture
def hook(monkeypatch):
    """Return the names of hatch_build.py; hatchling is there only while a wheel is built."""
    name = "hatchling.builders.hooks.plugin.interface"
    stand_in = types.ModuleType(name)
    stand_in.BuildHookInterface = object
    for count in range(1, 6):
        part = ".".join(name.split(".")[:count])
        monkeypatch.setitem(sys.modules, part, stand_in)
    return runpy.run_path(str(ROOT / "hatch_build.py"))


def png(pixels, mode):
    out = io.BytesIO()
    Image.fromarray(pixels, mode).save(out, "png")
    return base64.b64encode(out.getvalue()).decode()


def pixels_of(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA"))


def test_a_picture_of_few_colours_keeps_every_pixel(hook):
    colours = np.array([[255, 255, 255, 255], [0, 114, 178, 255], [213, 94, 0, 255]], np.uint8)
    pixels = colours[np.random.default_rng(0).integers(0, 3, (120, 80))]
    before = png(pixels, "RGBA")
    after = hook["with_palette"](before)
    assert len(after) < len(before)
    assert (pixels_of(after) == pixels).all()


def test_what_shines_through_stays_as_it_is(hook):
    pixels = np.full((50, 50, 4), 200, np.uint8)
    before = png(pixels, "RGBA")
    assert hook["with_palette"](before) == before


def test_nothing_becomes_larger(hook):
    before = png(np.zeros((1, 1, 4), np.uint8) + 255, "RGBA")
    assert hook["with_palette"](before) == before


def test_pictures_in_html_become_smaller_too_and_all_else_stays(hook):
    pixels = np.random.default_rng(1).integers(0, 2, (60, 60, 1), np.uint8) * 255
    pixels = np.concatenate([pixels, pixels, pixels, 0 * pixels + 255], axis=2)
    before = png(pixels, "RGBA")
    text = f'{{"image/png": "{before}\\n", "html": "<img src=data:image/png;base64,{before}>"}}'
    after = hook["smaller"](text)
    small = hook["with_palette"](before)
    assert small != before
    assert after == text.replace(before, small)


def test_the_hook_hands_all_notebooks_to_the_builder(hook):
    builder = hook["SmallPictures"]()
    builder.root = ROOT
    names = [file.name for file in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    editable, wheel = {"force_include": {}}, {"force_include": {}}
    builder.initialize("editable", editable)
    assert editable == {"force_include": {}}
    # The pictures themselves are looked at above.
    hook["smaller"].__globals__["with_palette"] = lambda picture: picture
    builder.initialize("standard", wheel)
    assert list(wheel["force_include"].values()) == [f"snnlab_course/notebooks/{n}" for n in names]
    for copy, name in zip(wheel["force_include"], names, strict=True):
        assert Path(copy).read_text() == (ROOT / "notebooks" / name).read_text()
    builder.finalize("standard", wheel, "")
    assert not any(Path(copy).exists() for copy in wheel["force_include"])


def test_the_wheel_has_package_command_and_settings():
    assert WHEEL["only-include"] == ["snnlab", "snnlab_course", "snnlab_server.py"]
    assert WHEEL["force-include"] == {"binder/jupyter": "snnlab_course/jupyter"}
    assert "custom" in WHEEL["hooks"]
    assert (ROOT / "binder" / "jupyter").is_dir()


@pytest.mark.slow
def test_the_wheel_stays_below_20_megabytes(hook):
    size = sum(
        len(zlib.compress(file.read_bytes(), 6))
        for name in WHEEL["only-include"]
        for file in [ROOT / name, *(ROOT / name).rglob("*")]
        if file.is_file() and "__pycache__" not in file.parts
    )
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        size += len(zlib.compress(hook["smaller"](file.read_text()).encode(), 6))
    assert size < 19.9e6  # and some names


# --- tools/environment.py -------------------------------------------------------------------------


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["environment.py", "lab"])
    return runpy.run_path(str(ROOT / "tools" / "environment.py"))


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_other_versions_of_python_are_refused(tool, monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert tool["main"]() == 1
    said = capsys.readouterr().err
    assert said.startswith("snnlab is pinned and tested with Python 3.11, 3.12 and 3.13. This is")
    assert ".".join(map(str, version)) in said


@pytest.mark.parametrize("version", [(3, 11, 2), (3, 12, 1), (3, 13, 0)])
def test_the_tested_versions_of_python_are_taken(tool, monkeypatch, version):
    prepared = []
    monkeypatch.setattr(sys, "version_info", version)
    tool["main"].__globals__["prepare"] = prepared.append
    assert tool["main"]() == 0
    assert prepared == ["lab"]


@pytest.mark.parametrize("there", [True, False])
def test_the_bare_name_is_uninstalled_before_the_course_is_installed(
    tool, monkeypatch, tmp_path, there
):
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    found = "snnlab-0.28.2.dist-info" if there else "snnlab_course-0.1.0.dist-info"
    (tmp_path / "lib/python3.12/site-packages" / found).mkdir(parents=True)
    tool["remove_namesake"](tmp_path)
    assert [call[-2:] for call in calls] == [["--quiet", "snnlab"]] * there
