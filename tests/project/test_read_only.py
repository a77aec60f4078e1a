"""Where nothing can be written beside the notebook, each attempt ends in a sentence that helps."""

import os
import re
import subprocess
import sys

import pytest
from helpers.limits import give_to_nobody, unprivileged

ATTEMPTS = """
import contextlib
import os
import sys
import warnings

os.environ["SNNLAB_PROGRESS"] = "mine.json"
import torch
from torch import nn

import snnlab as sl
from snnlab import course, data
from snnlab_course.command_line import main

warnings.simplefilter("always")
warnings.showwarning = lambda words, *_: print("warning:", words)
x, y = torch.rand(20, 2), [0, 1] * 10
model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
net = sl.convert(model, x)


def neuron_step(v, current, threshold):
    m = v + current
    s = (m >= threshold) * 1.0
    return m - threshold * s, s


def attempt(name, call):
    print("---", name)
    try:
        with contextlib.redirect_stderr(sys.stdout):
            found = call()
        print("returned", type(found).__name__, str(found).splitlines()[0])
    except sl.SNNLabError as error:
        print("refused:", error)


attempt("progress", lambda: course.recall("05").answer(1, "The layers before it"))
attempt("keep", lambda: course.keep("neuron_step", neuron_step))
attempt("save", lambda: net.save("net.safetensors"))
attempt("checkpoint", lambda: data.train(model, x, y, epochs=1, checkpoint="kept"))
attempt("new cache", lambda: sl.sweep(net, {"v_init": [0.0]}, x, y, timesteps=[1], cache="new"))
attempt("cache", lambda: len(sl.sweep(net, {"v_init": [0.0]}, x, y, timesteps=[1], cache=".")))
attempt("notebooks", lambda: main(["notebooks", "course"]))
attempt("lab", lambda: main(["lab", "course"]))
attempt("table", lambda: main(["collect", "handed", "--csv", "table.csv"]))
attempt("explorer", lambda: type(sl.explorers.Counting()).__name__)
"""
DENIED = r"Permission denied|Read-only file system"
SAID = {
    "progress": ["warning: Your progress cannot be noted in .*: (?:D). All else works.", "Right."],
    "keep": ["returned Feedback Right. .* But my_converter.py cannot be written \\((?:D)\\), so"],
    "save": ["refused: net.safetensors: cannot be written \\((?:D)\\), expected a place for"],
    "checkpoint": [
        "refused: kept: the state after 1 epoch cannot be written \\((?:D)\\), expected"
    ],
    "new cache": ["refused: cache = 'new': cannot be used as a folder \\(.*(?:D)"],
    "cache": ["warning: cache = '.': results cannot be kept \\((?:D)\\)", "returned int 1"],
    "notebooks": ["snnlab notebooks: course: cannot be written \\((?:D)\\), expected a folder"],
    "lab": ["snnlab lab: course: cannot be written \\((?:D)\\), expected a folder"],
    "table": ["snnlab collect: table.csv: cannot be written \\((?:D)\\), expected a file"],
    "explorer": ["returned str Counting"],
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what a user heard who may write nowhere but at home, attempt by attempt."""
    command = unprivileged()
    base = tmp_path_factory.mktemp("base")
    folder, home = base / "course folder", base / "home"
    home.mkdir()
    (folder / "handed").mkdir(parents=True)
    (folder / "handed" / "ada.json").write_text('{"format": 1, "answers": [], "seal": ""}')
    (folder / "attempts.py").write_text(ATTEMPTS)
    give_to_nobody(home)
    for path in (folder / "handed", folder):
        path.chmod(0o555)
    before = sorted(folder.rglob("*"))
    own = {"HOME": str(home), "MPLBACKEND": "agg", "TMPDIR": str(home)}
    path = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(
            [*command, sys.executable, "attempts.py"],
            cwd=folder,
            env=os.environ | own | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert sorted(folder.rglob("*")) == before
    finally:
        folder.chmod(0o755)
    parts = done.stdout.split("--- ")[1:]
    return dict(part.split("\n", 1) for part in parts)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", SAID)
def test_it_ends_in_a_sentence(said, attempt):
    for words in SAID[attempt]:
        assert re.search(words.replace("?:D", f"?:{DENIED}"), said[attempt]), said[attempt]
