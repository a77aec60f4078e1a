"""The files that describe the environment agree with each other and with what is installed."""

import re
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
DIRECT = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]
PIN_LINES = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
PINS = {
    canonicalize_name(name): version
    for name, _, version in (line.partition("==") for line in PIN_LINES)
}


def conda_file(name):
    """Return one environment.yml without its pip section, and the pip section."""
    content = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    *from_conda, from_pip = content.pop("dependencies")
    return content, from_conda, from_pip["pip"]


def test_every_constraint_is_an_exact_public_pin():
    exact = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")
    assert PIN_LINES
    assert [line for line in PIN_LINES if not exact.fullmatch(line)] == []


def test_constraints_name_nothing_twice():
    assert len(PINS) == len(PIN_LINES)


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_direct_dependency_is_pinned_within_its_bound(requirement):
    pin = PINS.get(canonicalize_name(requirement.name))
    assert pin is not None, "not in constraints.txt: run `make pins`"
    assert requirement.specifier, "has no lower bound in pyproject.toml"
    assert pin in requirement.specifier


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_installed_version_is_the_pinned_one(requirement):
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        pytest.skip("not installed here")
    # The part after + names a build, such as +cpu.
    assert Version(installed).public == PINS[canonicalize_name(requirement.name)]


def test_torch_is_the_version_the_figures_were_computed_with():
    assert PINS["torch"] == "2.13.0"


def test_numpy_is_one_that_brian2_imports_beside():
    assert Version(PINS["numpy"]) < Version("2.4")
    (numpy,) = (requirement for requirement in DIRECT if requirement.name == "numpy")
    assert "2.4.0" not in numpy.specifier


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
