"""A library that is not installed: what needs it says so, and what to type."""

import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import brian2  # noqa: F401 (whole, before a test takes scipy away from it)
import pytest
from torch import nn

import snnlab as sl
from snnlab import data

ROOT = Path(sl.__file__).parent
# By the name that pip has for it; the others are imported under that name.
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL", "ipykernel": "ipykernel"}


def attribute(module, name):
    return lambda: getattr(import_module(module), name)


def swept():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    return sl.sweep(net, {"v_init": [0.0]}, [[0.5]], [0], timesteps=[1])


ENTRIES = [
    ("matplotlib", "snnlab.plots", lambda: import_module("snnlab.plots")),
    ("matplotlib", "snnlab.explorers", lambda: import_module("snnlab.explorers")),
    ("ipywidgets", "snnlab.explorers", lambda: import_module("snnlab.explorers")),
    ("matplotlib", "snnlab.course", lambda: import_module("snnlab.course")),
    ("ipywidgets", "snnlab.course", lambda: import_module("snnlab.course")),
    ("brian2", "snnlab.course.compare", attribute("snnlab.course", "compare")),
    ("brian2", "snnlab.course.MysteryNeuron", attribute("snnlab.course", "MysteryNeuron")),
    ("brian2", "snnlab.brian", lambda: import_module("snnlab.brian")),
    ("scipy", "snnlab.brian", lambda: import_module("snnlab.brian")),
    ("pandas", "snnlab.sweep", swept),
    ("cloudpickle", "snnlab.sweep", swept),
    ("nir", "snnlab.to_nir", lambda: sl.to_nir(None)),
    ("nir", "snnlab.from_nir", lambda: sl.from_nir(None)),
    ("scikit-learn", "snnlab.data.load_digits", data.load_digits),
    ("scikit-learn", "snnlab.data.load_mnist_training", data.load_mnist_training),
]


@pytest.mark.parametrize(
    ("package", "where", "use"), ENTRIES, ids=[f"{p}-{where}" for p, where, _ in ENTRIES]
)
def test_the_remedy_is_named(monkeypatch, package, where, use):
    library = MODULES.get(package, package)
    for name in [library, *sys.modules]:
        if name == library or name.startswith(f"{library}."):
            monkeypatch.setitem(sys.modules, name, None)
        # Imported anew, since an import that worked before would not fail.
        elif name.startswith(("snnlab.brian", "snnlab.plots", "snnlab.explorers", "snnlab.course")):
            monkeypatch.delitem(sys.modules, name)
    if where.startswith("snnlab.course."):
        monkeypatch.setitem(sys.modules, "snnlab.course", sl.course)
    with pytest.raises(ImportError) as raised:
        use()
    assert str(raised.value).startswith(where)
    assert f": {library} is not installed, expected " in str(raised.value)
    assert package in str(raised.value).split("Write: pip install ")[1].split()


def packages_in_needs(tree):
    """Return what the calls of `needs` in a file name, as modules."""
    return {
        MODULES.get(argument.value, argument.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "needs"
        for argument in node.args[1:]
    }


def test_every_import_of_an_optional_library_says_what_it_needs():
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    packages = {line.split(">")[0] for line in extras["lab"] + extras["nir"]}
    optional = {MODULES.get(package, package) for package in packages}
    used = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        folder = ROOT / path.relative_to(ROOT).parts[0] / "__init__.py"
        told = packages_in_needs(tree)
        if folder.is_file():
            told |= packages_in_needs(ast.parse(folder.read_text(encoding="utf-8")))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            found = {name.split(".")[0] for name in names} & optional
            assert found <= told, path
            used |= found
    assert len(used) > 7


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), sl.exceptions.needs("here", "numpy"):
        _ = 1 / 0


WITHOUT_BRIAN = """
import sys
from snnlab import course
print("brian2" in sys.modules, {"compare", "MysteryNeuron"} <= {*dir(course)})
"""


@pytest.mark.slow
def test_the_course_loads_no_brian2_before_it_is_used():
    done = subprocess.run([sys.executable, "-c", WITHOUT_BRIAN], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False True\n", "")
