"""What importing does and does not do, and what the sources of the package must all have."""

import ast
import dataclasses
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import snnlab as sl

ROOT = Path(sl.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

# A module may import those before it. A package (data, plots, ...) counts as one module here.
ORDER = [
    "exceptions",
    "_text",
    "_checks",
    "data",
    "graph",
    "dynamics",
    "network",
    "conversion",
    "recipes",
    "simulation",
    "sweeping",
    "brian",
    "analysis",
    "diagnosis",
    "plots",
    "explorers",
    "course",
]


def module_of(path):
    """Return 'snnlab.data.digits' for a file."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imported(path):
    """Return the modules of snnlab that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in MODULES else node.module)
    return {name for name in found if name.split(".")[0] == "snnlab"}


def unit(module):
    """Return 'data' for 'snnlab.data.digits'; '' for the package itself."""
    return (*module.split("."), "")[1]


# --- which imports there are -----------------------------------------------------------------


def test_every_module_has_its_place_in_the_order():
    units = {unit(module) for module in MODULES} - {""}
    assert len(units) > 15
    assert sorted(units - set(ORDER)) == []
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module):
    own = unit(module)
    if not own:  # the package itself gathers the others
        return
    before = ORDER[: ORDER.index(own) + 1]
    assert sorted(name for name in imported(MODULES[module]) if unit(name) not in before) == []


def test_no_module_imports_itself_by_a_detour():
    edges = {module: imported(path) - {module} for module, path in MODULES.items()}
    assert any(edges.values())
    while free := [module for module, needed in edges.items() if not needed & set(edges)]:
        for module in free:
            del edges[module]
    assert edges == {}


def test_no_module_imports_everything_of_another():
    stars = [
        (module_of(path), node.module)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []


# --- what an import does ---------------------------------------------------------------------

HEAVY = {"brian2", "matplotlib", "ipywidgets", "sklearn", "tqdm", "IPython", "scipy", "pandas"}
# Those that draw, run Brian2 or live in notebooks; `import snnlab` does not load them.
LOUD = {"brian", "plots", "explorers", "course"}
STATE = """
import json, logging, os, random, signal, sys, warnings
import numpy as np, torch, torch.fx

def state():
    return {
        "default dtype": str(torch.get_default_dtype()),
        "threads": [torch.get_num_threads(), torch.get_num_interop_threads()],
        "torch random": torch.get_rng_state().tolist(),
        "numpy random": repr(np.random.get_state()),
        "random": repr(random.getstate()),
        "matmul precision": torch.get_float32_matmul_precision(),
        "tf32": [torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32],
        "deterministic": [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark],
        "gradients": [torch.is_grad_enabled(), torch.is_inference_mode_enabled()],
        "numpy errors": [np.geterr(), repr(np.get_printoptions())],
        "filters": repr(warnings.filters),
        "logging": [logging.root.level, len(logging.root.handlers)],
        "environment": dict(os.environ),
        "path": list(sys.path),
        "torch printing": repr(vars(torch._tensor_str.PRINT_OPTS)),
        "hooks": [repr(signal.getsignal(signal.SIGINT)), repr(sys.excepthook)],
    }

before, loaded = state(), set(sys.modules)
import IMPORTS
after = state()
print(json.dumps({
    "checked": list(before),
    "changed": [key for key in before if before[key] != after[key]],
    "loaded": sorted(set(sys.modules) - loaded),
}))
"""


def effects_of(imports):
    """Import in a fresh interpreter that has torch, and return what that did."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STATE.replace("IMPORTS", imports)],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def test_import_loads_nothing_heavy_and_changes_nothing():
    effects = effects_of("snnlab, snnlab.data")
    assert len(effects["checked"]) > 10
    assert effects["changed"] == []
    assert "snnlab.simulation.engine" in effects["loaded"]
    assert {name.split(".")[0] for name in effects["loaded"]} & HEAVY == set()
    assert {unit(name) for name in effects["loaded"] if name.startswith("snnlab.")} & LOUD == set()


def imports_at_once(tree):
    """Return the packages that a module imports when it is itself imported."""
    found, open_nodes = set(), list(tree.body)
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            open_nodes += ast.iter_child_nodes(node)
    return found


def test_heavy_packages_are_imported_where_they_are_used():
    # torch itself loads tqdm, so that a look at sys.modules would not find it.
    quiet = {module: path for module, path in MODULES.items() if unit(module) not in LOUD}
    found = {module: imports_at_once(TREES[path]) & HEAVY for module, path in quiet.items()}
    assert {module: names for module, names in found.items() if names} == {}
    everywhere = {
        name.split(".")[0]
        for path in quiet.values()
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ImportFrom)
        for name in [node.module]
    }
    assert {"tqdm", "sklearn"} <= everywhere


# --- docstrings ------------------------------------------------------------------------------


def is_public(node):
    return not node.name.startswith("_")


def definitions(tree):
    """Yield the public functions and classes of a module, and the public methods of those."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and is_public(node):
            yield node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and is_public(inner):
                    yield inner


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_what_is_public_in_them_have_docstrings(module):
    tree = TREES[MODULES[module]]
    assert ast.get_docstring(tree)
    assert [node.name for node in definitions(tree) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("module", MODULES)
def test_displayed_equations_name_their_source(module):
    named = re.compile(r"Source: \S|Derived here|[Oo]urs\b|definitions are ours")
    for node in definitions(TREES[MODULES[module]]):
        text = ast.get_docstring(node) or ""
        assert ".. math::" not in text or named.search(text), node.name


PUBLIC = {name: getattr(sl, name) for name in sl.__all__}
CALLABLE = {
    name: thing
    for name, thing in PUBLIC.items()
    if inspect.isfunction(thing) or dataclasses.is_dataclass(thing)
}


def test_all_names_what_there_is_in_order():
    assert sl.__all__ == sorted(sl.__all__)
    assert len(set(sl.__all__)) == len(sl.__all__)
    public = {name for name, value in vars(sl).items() if is_exported(name, value)}
    assert public == set(sl.__all__)


def is_exported(name, value):
    return not name.startswith("_") and not inspect.ismodule(value)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_a_docstring_that_begins_with_a_sentence(name):
    first = inspect.getdoc(PUBLIC[name]).splitlines()[0]
    assert first.endswith((".", ":"))
    assert PUBLIC[name].__module__.startswith("snnlab.")


@pytest.mark.parametrize("name", CALLABLE)
def test_public_functions_list_their_parameters(name):
    sections = sections_of(inspect.getdoc(CALLABLE[name]))
    described = re.findall(r"^(\w[\w, ]*?)(?: :.*)?$", sections.get("Parameters", ""), re.M)
    listed = [parameter.strip() for line in described for parameter in line.split(",")]
    assert listed == list(inspect.signature(CALLABLE[name]).parameters)


@pytest.mark.parametrize("name", [n for n in CALLABLE if inspect.isfunction(CALLABLE[n])])
def test_public_functions_say_what_they_return_and_raise(name):
    sections = sections_of(inspect.getdoc(CALLABLE[name]))
    returns = inspect.signature(CALLABLE[name]).return_annotation
    assert returns is None or "Returns" in sections
    if "Raises" in sections:
        errors = re.findall(r"\w+Error", sections["Raises"])
        assert set(errors) <= set(sl.__all__)
    assert ">>>" in inspect.getdoc(CALLABLE[name])


@pytest.mark.parametrize(
    "name",
    ["Percentile", "Maximum", "convert", "simulate", "decompose", "fold_batchnorm", "verify"],
)
def test_methods_of_the_field_name_their_source(name):
    assert re.search(r"Source: \S|Derived here", inspect.getdoc(PUBLIC[name]))


def sections_of(docstring):
    """Return the numpydoc sections of a docstring by their heading."""
    parts = re.split(r"^(\w+)\n-+\n", docstring, flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    # A section ends at an unindented sentence after an empty line.
    return {name: re.split(r"\n\n(?=\S)", text)[0] for name, text in sections.items()}


def test_errors_are_one_family():
    errors = [thing for name, thing in PUBLIC.items() if name.endswith("Error")]
    assert len(errors) > 5
    assert all(issubclass(error, sl.SNNLabError) for error in errors)
    assert issubclass(sl.SNNLabError, ValueError)


# --- habits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_the_package_never_prints_nor_asserts(module):
    found = [
        node.lineno
        for node in ast.walk(TREES[MODULES[module]])
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print")
    ]
    assert found == []


def test_the_modules_can_be_imported_one_by_one():
    quiet = [module for module in MODULES if unit(module) not in LOUD]
    assert all(importlib.import_module(module).__doc__ for module in quiet)
