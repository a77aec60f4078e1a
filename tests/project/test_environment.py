"""The files that describe the environment agree with each other and with what is installed."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [
    requirement
    for requirement in map(Requirement, sum(EXTRAS.values(), PROJECT["dependencies"]))
    if requirement.name != PROJECT["name"]  # an extra that takes in others
]
PIN_LINES = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
PINNED = [Requirement(line) for line in PIN_LINES]
PYTHONS = ("3.11", "3.12", "3.13")


def pins_of(python):
    """Return the version by the name of a package, on Linux with this Python."""
    system = {"python_version": python, "python_full_version": f"{python}.2"}
    linux = {"sys_platform": "linux", "os_name": "posix", "platform_machine": "x86_64"}
    fit = [pin for pin in PINNED if pin.marker is None or pin.marker.evaluate(system | linux)]
    names = [canonicalize_name(pin.name) for pin in fit]
    assert len(set(names)) == len(names)
    return dict(zip(names, (str(pin.specifier).removeprefix("==") for pin in fit), strict=True))


PINS = {python: pins_of(python) for python in PYTHONS}
HERE = PINS.get(f"{sys.version_info[0]}.{sys.version_info[1]}", PINS[PYTHONS[0]])


def conda_file(name):
    """Return one environment.yml without its pip section, and the pip section."""
    content = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    *from_conda, from_pip = content.pop("dependencies")
    return content, from_conda, from_pip["pip"]


def test_every_constraint_is_an_exact_public_pin():
    exact = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*( ; .+)?")
    assert PIN_LINES
    assert [line for line in PIN_LINES if not exact.fullmatch(line)] == []


def test_nothing_is_pinned_that_comes_with_a_graphics_card_only():
    assert [line for line in PIN_LINES if line.startswith(("nvidia", "cuda", "triton"))] == []


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_direct_dependency_is_pinned_within_its_bound(requirement, python):
    if requirement.marker and not requirement.marker.evaluate({"python_version": python}):
        return
    pin = PINS[python].get(canonicalize_name(requirement.name))
    assert pin is not None, "not in constraints.txt: run `make pins`"
    assert requirement.specifier, "has no bound in pyproject.toml"
    assert pin in requirement.specifier


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_installed_version_is_the_pinned_one(requirement):
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        pytest.skip("not installed here")
    # The part after + names a build, such as +cpu.
    assert Version(installed).public == HERE[canonicalize_name(requirement.name)]


def test_torch_is_the_version_the_figures_were_computed_with():
    assert {pins["torch"] for pins in PINS.values()} == {"2.13.0"}


def test_numpy_is_held_back_only_beside_the_brian2_that_needs_it():
    assert Version(PINS["3.11"]["numpy"]) < Version("2.4")
    core, beside = (requirement for requirement in DIRECT if requirement.name == "numpy")
    assert "2.4.0" in core.specifier
    assert str(beside) in map(str, map(Requirement, EXTRAS["brian"]))
    assert "2.4.0" not in beside.specifier
    assert [beside.marker.evaluate({"python_version": python}) for python in PYTHONS] == [
        True, False, False,
    ]  # fmt: skip


def test_every_version_of_python_that_is_tested_is_named():
    listed = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if " :: 3." in line]
    assert tuple(listed) == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    tool = (ROOT / "tools" / "environment.py").read_text(encoding="utf-8")
    assert "PYTHONS = ((3, 11), (3, 12), (3, 13))" in tool
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["others"]["strategy"]["matrix"]["python"]
    assert jobs["tests"]["name"].endswith(PYTHONS[0])
    assert tuple(matrix) == PYTHONS[1:]


def test_the_core_needs_numpy_and_torch_only():
    assert [Requirement(line).name for line in PROJECT["dependencies"]] == ["numpy", "torch"]


def test_the_lab_has_all_that_the_course_sweeps_and_brian2_need():
    taken = {
        extra: {e for line in lines for e in Requirement(line).extras}
        for extra, lines in EXTRAS.items()
    }
    assert taken["lab"] == {"brian", "course"}
    assert taken["course"] == {"sweep"}


# googlecolab/backend-info, commit a724079 of August 2026. What differs is replaced, which breaks
# the session that is running.
COLAB = {
    "numpy": "2.1.3", "torch": "2.11.0", "ipywidgets": "7.7.1", "matplotlib": "3.10.0",
    "pandas": "2.2.3",
}  # fmt: skip


@pytest.mark.parametrize("name", COLAB)
def test_the_course_leaves_colab_as_it_is(name):
    lines = sum((EXTRAS[extra] for extra in ("course", "sweep")), PROJECT["dependencies"])
    bounds = [r.specifier for r in map(Requirement, lines) if r.name == name]
    assert bounds
    assert all(COLAB[name] in bound for bound in bounds)


# No text may send anybody to the other package of the index that has this import name.
TEXTS = [
    file
    for pattern in ("*.md", "*.yml", "*.toml", "Makefile", "*.cff")
    for file in ROOT.glob(pattern)
] + [
    file
    for folder in ("snnlab", "snnlab_course", "notebooks", "docs", "binder", "tools", "benchmarks")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in {".py", ".md", ".ipynb", ".yml", ".json", ".rst", ""} and file.is_file()
    # The site's copies of the notebooks are single lines.
    if ROOT / "docs" / "notebooks" not in file.parents
]


def test_no_text_says_to_install_the_other_package():
    other = re.compile(
        r"(?:pip|conda|mamba|uv)[^\n]{0,40}\binstall\b[^\n]*[ \"']snnlab(?![-\w/]|\.\w)"
    )
    assert other.search("%pip install -q snnlab")
    assert other.search('pip install "snnlab[lab]"')
    assert other.search("Write: pip install snnlab.")
    assert not other.search('pip install "snnlab-course[lab]"')
    assert len(TEXTS) > 100
    found = [file for file in TEXTS if other.search(file.read_text(encoding="utf-8"))]
    assert found == []


def test_the_two_conda_files_agree_apart_from_the_path():
    content, from_conda, from_pip = conda_file("environment.yml")
    binder_content, binder_from_conda, binder_from_pip = conda_file("binder/environment.yml")
    assert binder_content == content
    assert binder_from_conda == from_conda
    prefix = re.compile(r"^(-[ce]) ")
    assert binder_from_pip == [prefix.sub(r"\1 ../", line) for line in from_pip]


@pytest.mark.parametrize("name", ["environment.yml", "binder/environment.yml"])
def test_conda_supplies_python_and_pip_only(name):
    content, from_conda, _ = conda_file(name)
    assert content == {"name": "snnlab", "channels": ["conda-forge", "nodefaults"]}
    assert from_conda == ["python=3.11", "pip"]


@pytest.mark.parametrize("name", ["environment.yml", "binder/environment.yml"])
def test_pip_section_has_cpu_torch_the_pins_and_the_package(name):
    _, _, from_pip = conda_file(name)
    assert len(from_pip) == 3
    index, constraints, package = from_pip
    assert index == "--extra-index-url https://download.pytorch.org/whl/cpu"
    folder = (ROOT / name).parent
    assert (folder / constraints.removeprefix("-c ")).resolve() == ROOT / "constraints.txt"
    path, _, extra = package.removeprefix("-e ").partition("[")
    assert (folder / path).resolve() == ROOT
    assert extra == "lab]"
