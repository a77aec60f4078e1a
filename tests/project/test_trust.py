"""No file can bring code along, and nothing is asked of another machine unless somebody asks."""

import ast
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import snnlab as sl
from snnlab.data import bundled

ROOT = Path(sl.__file__).parent.parent
FILES = sorted(path for name in ("snnlab", "snnlab_course") for path in (ROOT / name).rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# --- no pickle ---------------------------------------------------------------------------------

# Whatever unpickles, or runs what a file says.
UNPICKLE = re.compile(
    r"(?:pickle|cloudpickle|dill|marshal|joblib)\.loads?|(?:un|read_)pickler?|shelve\.open"
    r"|joblib\.Memory|torch\.(?:hub|jit)\.load|torch\.package\.\w+|eval|exec|__import__",
    re.IGNORECASE,
)
# What a sweep has packed goes to its workers and nowhere else, and no file is read; the learner's
# own converter is run as an import would run it.
ALLOWED = {("tasks.py", "pickle.loads(value)"), ("loading.py", "exec")}


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def unpickling(tree):
    """Return the calls of a file that could run what another file says, as they are written."""
    found = []
    for call in calls(tree):
        name, given = ast.unparse(call.func), {k.arg: ast.unparse(k.value) for k in call.keywords}
        safe = {"torch.load": ("weights_only", "True"), "np.load": ("allow_pickle", "False")}
        if name in safe:
            option, value = safe[name]
            default = "False" if name == "np.load" else None
            if given.get(option, default) != value:
                found.append(ast.unparse(call))
        elif UNPICKLE.fullmatch(name):
            found.append(ast.unparse(call))
    return found


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("torch.load(f)", 1),
        ("torch.load(f, weights_only=False)", 1),
        ("torch.load(f, weights_only=True)", 0),
        ("np.load(f)", 0),
        ("np.load(f, allow_pickle=True)", 1),
        ("np.load(f, allow_pickle=mine)", 1),
        ("pickle.load(f)", 1),
        ("pickle.Unpickler(f)", 0),  # found where it is used below
        ("pd.read_pickle(f)", 0),
        ("joblib.load(f)", 1),
        ("joblib.Memory(f)", 1),
        ("safetensors.torch.load(f)", 0),
        ("exec(f)", 1),
        ("model.eval()", 0),
    ],
)
def test_the_search_finds_what_it_looks_for(code, count):
    assert len(unpickling(ast.parse(code))) == count


def test_no_pickle_is_loaded():
    found = {
        (path.name, call if call.startswith("pickle") else call.partition("(")[0])
        for path, tree in TREES.items()
        for call in unpickling(tree)
    }
    assert found == ALLOWED


def test_no_other_way_to_unpickle_is_named():
    names = r"Unpickler|read_pickle|joblib\.load|joblib\.Memory|import shelve|import marshal"
    names += r"|import dill|torch\.hub|from pickle|from joblib import (?!cpu_count)|from marshal"
    texts = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    assert [name for name, text in texts.items() if re.search(names, text)] == []


# --- what comes with the package -----------------------------------------------------------------


def test_every_file_of_the_package_is_read_by_its_sum(monkeypatch):
    read = []
    whole = bundled.read
    monkeypatch.setattr(bundled, "read", lambda name: read.append(name) or whole(name))
    sl.data.load_digits(), sl.data.load_mnist(), sl.data.load_cifar10()
    for name in sl.data.networks.ARCHITECTURES:
        sl.data.load_network(name)
    there = {path.name for path in bundled.FOLDER.iterdir() if path.suffix != ".json"}
    assert set(read) == there
    # Nobody else opens that folder.
    asking = [
        p.name
        for p, tree in TREES.items()
        if "FOLDER" in ast.dump(tree) and p.parent.name == "data"
    ]
    assert asking == ["bundled.py"]


# --- nothing from elsewhere ----------------------------------------------------------------------

NETWORK = {"socket", "ssl", "urllib", "http", "ftplib", "smtplib", "requests", "httpx", "aiohttp"}


def test_no_module_can_ask_another_machine_but_where_somebody_asks_for_mnist():
    found = {}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in {name.split(".")[0] for name in names} & NETWORK:
                found.setdefault(name, set()).add(path.name)
    assert found == {}
    texts = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    assert [name for name, text in texts.items() if "fetch_" in text and "sklearn" in text] == [
        "mnist.py"
    ]


OFFLINE = """
import socket

def refuse(*args, **options):
    raise AssertionError(f"asked another machine: {args}")

for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refuse)

import snnlab as sl
from snnlab import brian, course, explorers, plots

model = sl.data.load_network("mnist_diehl_convnet")
x, y = sl.data.load_mnist()
net = sl.convert(model, x[:20])
record = sl.simulate(net, x[:5], 4)
sl.decompose(net, x[:5], record)
sl.sweep(net, {"v_init": [0.0]}, x[:5], y[:5], timesteps=[2])
explorers.Counting()
course.recall("05"), course.map("05"), course.check("3.1", [1, 1, -1, -2])
print("done")
"""


@pytest.mark.slow
def test_the_package_asks_no_other_machine(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_without_a_network_mnist_says_what_else_can_be_done(monkeypatch, tmp_path):
    def refuse(*args, **options):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    with pytest.raises(sl.DataError, match=r"could not be fetched .*Or give an npz file"):
        sl.data.load_mnist_training()


# What a browser would fetch by itself when it shows this.
FETCHED = re.compile(
    r"""(?:src|poster|data|background)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//"""
    r"""|@import|<link\b|<iframe\b|<object\b|fetch\(|XMLHttpRequest|importScripts""",
    re.IGNORECASE,
)


def test_the_search_finds_what_a_browser_would_fetch():
    for text in ('<img src="https://a.b/c.png">', "<script src=//a.b/c.js>", "fetch('x')"):
        assert FETCHED.search(text)
    assert not FETCHED.search(
        '<a href="https://a.b">see there</a> <img src="data:image/png;base64">'
    )


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_no_notebook_fetches_anything(file):
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        shown = "".join(cell["source"])
        for output in cell.get("outputs", ()):
            data = output.get("data", {}) | {"text": output.get("text", "")}
            kinds = (
                "text/html",
                "image/svg+xml",
                "application/javascript",
                "text/markdown",
                "text",
            )
            shown += "".join("".join(data.get(kind, "")) for kind in kinds)
        assert not FETCHED.search(shown)


def test_what_the_widgets_show_fetches_nothing():
    scripts = [p for p in FILES if "explorers" in p.parts or "course" in p.parts]
    found = [p.name for p in scripts if FETCHED.search(p.read_text(encoding="utf-8"))]
    assert found == []
