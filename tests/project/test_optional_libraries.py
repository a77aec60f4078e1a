"""A library that is not installed: what needs it says so, and what to type."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import brian2  # noqa: F401 (whole, before a test takes scipy away from it)
import pytest
from packaging.requirements import Requirement
from torch import nn

import snnlab as sl
from snnlab import data, exceptions
from snnlab.graph import threads
from snnlab_course import distributions

ROOT = Path(sl.__file__).parent
# By the name that pip has for it; the others are imported under that name.
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL", "ipykernel": "ipykernel"}


def attribute(module, name):
    return lambda: getattr(import_module(module), name)


def network():
    return sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))


def swept():
    return sl.sweep(network(), {"v_init": [0.0]}, [[0.5]], [0], timesteps=[1])


def compared():
    return sl.compare(nn.ReLU(), [[1.0]], [[1.0]], [0], methods=["99.9 %"], timesteps=[1])


def trained():
    return data.train(nn.Linear(1, 2), [[1.0]], [0], epochs=1)


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
    ("scikit-learn", "snnlab.data.load_mnist_training", data.load_mnist_training),
    ("joblib", "snnlab.sweep", swept),
    ("tqdm", "snnlab.sweep", swept),
    ("joblib", "snnlab.compare", compared),
    ("tqdm", "snnlab.data.train", trained),
    ("safetensors", "snnlab.data.load_network", lambda: data.load_network("mnist_mlp")),
    ("safetensors", "snnlab.Network.save", lambda: network().save("net.safetensors")),
    ("safetensors", "snnlab.load", lambda: sl.load(__file__)),
]
PROJECT = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def packages_of(extra):
    """Return the packages that come with an extra of the project."""
    found = set()
    for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
        own = requirement.name == PROJECT["name"]
        found |= set().union(*map(packages_of, requirement.extras)) if own else {requirement.name}
    return found


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
    wanted = str(raised.value).split("Write: pip install ")[1]
    extra = re.fullmatch(r'"snnlab-course\[(\w+)\]"', wanted)
    assert package in (packages_of(extra[1]) if extra else wanted.split())


def packages_in_needs(tree):
    """Return what the calls of `needs` in a file name, as modules."""
    return {
        MODULES.get(argument.value, argument.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "needs"
        for argument in node.args[1:]
    }


def done_without(tree):
    """Return the imports of a file that may fail, because something else is done then."""
    attempts = [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
    return [
        node
        for attempt in attempts
        if "ModuleNotFoundError" in [ast.unparse(h.type) for h in attempt.handlers if h.type]
        for node in attempt.body
    ]


def test_every_import_of_an_optional_library_says_what_it_needs():
    packages = packages_of("lab") | packages_of("nir") | {"scikit-learn"}
    packages -= {Requirement(line).name for line in PROJECT["dependencies"]}
    optional = {MODULES.get(package, package) for package in packages}
    used = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        folder = ROOT / path.relative_to(ROOT).parts[0] / "__init__.py"
        told, spared = packages_in_needs(tree), done_without(tree)
        if folder.is_file():
            told |= packages_in_needs(ast.parse(folder.read_text(encoding="utf-8")))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            found = {name.split(".")[0] for name in names} & optional
            if node in spared:
                continue
            assert found <= told, path
            used |= found
    assert len(used) > 7


def without(monkeypatch, library):
    for name in [library, *sys.modules]:
        if name == library or name.startswith(f"{library}."):
            monkeypatch.setitem(sys.modules, name, None)


def test_without_tqdm_a_simulation_shows_no_bar(monkeypatch):
    before = sl.simulate(network(), [[0.5]], timesteps=4).outputs
    without(monkeypatch, "tqdm")
    assert (sl.simulate(network(), [[0.5]], timesteps=4).outputs == before).all()


def test_without_joblib_the_processors_are_those_of_the_process(monkeypatch):
    without(monkeypatch, "joblib")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert threads._processors() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert threads._processors() == 7


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), sl.exceptions.needs("here", "numpy"):
        _ = 1 / 0


# --- a version that is not the right one -----------------------------------------------------


@pytest.fixture
def installed(monkeypatch):
    """Return a dict from packages to the versions that seem to be installed; others are there."""
    versions, version = {}, distributions.version
    monkeypatch.setattr(distributions, "version", lambda name: versions.get(name) or version(name))
    monkeypatch.setattr(exceptions, "_SAID", set())
    exceptions._other_versions.cache_clear()
    yield versions
    exceptions._other_versions.cache_clear()


OTHER = [
    ("pandas", "1.5.3", ">=2.2", "sweep", swept),
    ("joblib", "1.1", ">=1.4", "sweep", compared),
    ("tqdm", "4.1", ">=4.66", "sweep", trained),
    ("safetensors", "0.3.3", ">=0.4", "course", lambda: data.load_network("mnist_diehl_convnet")),
    ("nir", "0.9", ">=1.0.6", "nir", lambda: sl.to_nir(network().replace(reset="zero", v_init=0))),
]


@pytest.mark.parametrize(("package", "found", "bounds", "extra", "use"), OTHER)
def test_a_version_that_is_too_old_is_named_once_and_tried_all_the_same(
    installed, package, found, bounds, extra, use
):
    installed[package] = found
    told = rf": {package} {found} is installed, expected {bounds}. Write: pip install --upgrade "
    with pytest.warns(UserWarning, match=rf'^snnlab\..*{told}"snnlab-course\[{extra}\]"$') as seen:
        use()
    assert len(seen) == 1
    use()  # a second warning would be an error


def test_what_fails_beside_a_wrong_version_gets_it_as_the_reason(installed):
    installed["pandas"], installed["joblib"] = "1.5.3", "1.1"
    for failure in (AttributeError("no attribute 'ptp'"), ImportError("cannot import name 'x'")):
        with pytest.raises(ImportError) as raised, exceptions.needs("here", "tqdm", extra="sweep"):
            raise failure
        assert str(raised.value) == (
            f"here: joblib 1.1 is installed, expected >=1.4 and pandas 1.5.3 is installed, "
            f"expected >=2.2. It fails with {failure!r}. Write: pip install --upgrade "
            '"snnlab-course[sweep]"'
        )
        assert raised.value.__cause__ is failure


def test_what_fails_beside_the_right_versions_fails_as_it_does(installed):
    with (
        pytest.raises(AttributeError, match=r"^mine$"),
        exceptions.needs("a", "tqdm", extra="sweep"),
    ):
        raise AttributeError("mine")


def test_of_sources_that_are_not_installed_nothing_is_known(installed, monkeypatch):
    monkeypatch.setattr(distributions, "needs", lambda extra: [])
    installed["pandas"] = "1.5.3"
    swept()


WITHOUT_BRIAN = """
import sys
from snnlab import course
print("brian2" in sys.modules, {"compare", "MysteryNeuron"} <= {*dir(course)})
"""


@pytest.mark.slow
def test_the_course_loads_no_brian2_before_it_is_used():
    done = subprocess.run([sys.executable, "-c", WITHOUT_BRIAN], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False True\n", "")
