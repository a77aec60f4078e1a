"""What importing does and does not do, what is public, and what docstrings must say."""

import ast
import dataclasses
import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.explorers import FOUND, made

import snnlab as sl

ROOT = Path(sl.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def module_of(path):
    """Return 'snnlab.data.digits' for a file."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def unit(module):
    """Return 'data' for 'snnlab.data.digits'; '' for the package itself."""
    return (*module.split("."), "")[1]


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
    effects = effects_of("snnlab._names, snnlab.data")
    assert len(effects["checked"]) > 10
    assert effects["changed"] == []
    assert "snnlab.simulation.engine" in effects["loaded"]
    assert {name.split(".")[0] for name in effects["loaded"]} & HEAVY == set()
    assert {unit(name) for name in effects["loaded"] if name.startswith("snnlab.")} & LOUD == set()


@pytest.mark.slow
def test_folders_are_there_without_an_import_of_their_own():
    lazy = "import snnlab as sl; " + ", ".join(f"sl.{name}" for name in sl._FOLDERS)
    assert len(sl._FOLDERS) > 5
    subprocess.run([sys.executable, "-c", lazy], cwd=ROOT.parent, check=True)


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


# --- what is public --------------------------------------------------------------------------

FOLDERS = {
    module: importlib.import_module(module)
    for module, path in MODULES.items()
    if path.name == "__init__.py"
}
PROJECT = ROOT.parent
# They make the files that stand in snnlab/data, and belong to the package itself.
INSIDERS = [p for kind in ("train", "pack") for p in (PROJECT / "tools").glob(f"{kind}_*.py")]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_names_all_that_is_public(folder):
    face = FOLDERS[folder]
    named = getattr(face, "__all__", [])
    assert [name for name in named if not hasattr(face, name)] == []
    own = {name for name, value in vars(face).items() if is_from(folder, value)}
    assert {name for name in own if not name.startswith("_")} - set(named) == set()


def is_from(folder, value):
    """Tell whether a function or class is defined in a folder."""
    return str(getattr(value, "__module__", "")).startswith(f"{folder}.")


def is_public(module, name):
    """Tell whether a name may be imported from a module of snnlab, or looked up there."""
    if name.startswith("__"):  # __version__
        return True
    above, _, own = module.rpartition(".")
    if module in FOLDERS:
        of_package = module == "snnlab" and f"snnlab.{name}" in FOLDERS
        return of_package or name in getattr(FOLDERS[module], "__all__", [])
    if above == "snnlab":  # no folder, as network.py
        return name in sl.__all__
    return own in FOLDERS[above].__all__ and not name.startswith("_")


def names_of_snnlab(source):
    """Yield (module, name) for what Python source imports from snnlab, or looks up in it."""
    nodes, modules = list(ast.walk(ast.parse(source))), {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "snnlab":
            for alias in node.names:
                yield node.module, alias.name
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            named = [alias for alias in node.names if alias.name.split(".")[0] == "snnlab"]
            modules |= {a.asname or "snnlab": a.name if a.asname else "snnlab" for a in named}
            yield from [a.name.rpartition(".")[::2] for a in named if "." in a.name]
    for node in nodes:
        if isinstance(node, ast.Attribute):
            first, *rest = ast.unparse(node.value).split(".")
            module = ".".join([modules.get(first, ""), *rest])
            if module in MODULES:
                yield module, node.attr


def sources():
    """Yield where it stands and the source of all Python that uses snnlab from outside."""
    for file in sorted(PROJECT.glob("notebooks/*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        yield file, "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    for file in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]:
        text = file.read_text(encoding="utf-8")
        yield file, "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    for file in [*PROJECT.glob("benchmarks/*.py"), *PROJECT.glob("tools/*.py")]:
        if file not in INSIDERS:
            yield file, file.read_text(encoding="utf-8")
    for file in FILES:
        examples = doctest.DocTestParser().get_examples(file.read_text(encoding="utf-8"))
        yield file, "".join(example.source for example in examples)


SOURCES = {str(file.relative_to(PROJECT)): source for file, source in sources()}


def test_many_names_are_found_where_snnlab_is_used():
    found = {name for source in SOURCES.values() for name in names_of_snnlab(source)}
    assert {("snnlab", "convert"), ("snnlab.plots", "error_parts")} <= found
    assert ("snnlab.analysis.quantization", "quantization_bias") in found
    assert len(found) > 50


@pytest.mark.slow
def test_only_public_names_are_used():
    code = {name: made(kind).code() for name, kind in FOUND.items()}
    assert len(code) > 10
    private = {
        where: [name for name in names_of_snnlab(source) if not is_public(*name)]
        for where, source in (SOURCES | code).items()
    }
    assert {where: names for where, names in private.items() if names} == {}


# --- docstrings ------------------------------------------------------------------------------


def definitions(tree):
    """Yield the functions and classes of a module, and the methods of its classes."""
    return (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef)))


def test_displayed_equations_name_their_source():
    named = re.compile(r"Source: \S|Derived here|[Oo]urs\b|definitions are ours")
    displayed = [
        (module, node.name, text)
        for module, path in MODULES.items()
        for node in definitions(TREES[path])
        if ".. math::" in (text := ast.get_docstring(node) or "")
    ]
    assert len(displayed) > 15
    assert [(module, name) for module, name, text in displayed if not named.search(text)] == []


PUBLIC = {name: getattr(sl, name) for name in sl.__all__}
CALLABLE = {
    name: thing
    for name, thing in PUBLIC.items()
    if inspect.isfunction(thing) or dataclasses.is_dataclass(thing)
}


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
