"""What works where torch is not: explorers of a neuron, and all that they are made of."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from snnlab import explorers

ROOT = Path(explorers.__file__).parent.parent.parent
WITH_TORCH = explorers._WITH_TORCH
# Given the activations of a layer, so it cannot stand alone.
GIVEN = {"LayerQuantization": "[[0.25, 0.5, 0.75, 1.0]]"}
BLOCKED = """
import sys
sys.modules["torch"] = None  # an import of it fails
"""
LOOK = """
import json
from snnlab import explorers
found = {}
for name in NAMES:
    explorer = getattr(explorers, name)(*GIVEN.get(name, ()))
    words = [explorer.words]
    for control, declared in explorer.declared.items():
        words.append(explorer.move(**{control: declared.positions[-1]}))
    found[name] = words + [explorer.picture.svg()[:20]]
print(json.dumps(found))
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names():
    return sorted({*explorers.__all__} - {"Explorer", *WITH_TORCH})


def looked(blocked):
    given = "GIVEN = {" + ", ".join(f"{k!r}: ({v},)" for k, v in GIVEN.items()) + "}\n"
    return json.loads(run(f"{blocked}\nNAMES = {names()}\n{given}{LOOK}"))


@pytest.mark.slow
def test_explorers_of_a_neuron_work_and_say_the_same():
    assert len(names()) >= 8
    found = looked(BLOCKED)
    assert set(found) == set(names())
    assert all(len(words) > 2 for words in found.values())
    assert found == looked("")


def test_nothing_of_torch_is_loaded_for_them():
    code = "import sys\nfrom snnlab import explorers, plots, analysis, dynamics\n"
    assert run(code + "print('torch' in sys.modules)") == "False\n"


def test_what_needs_torch_says_so():
    code = """
try:
    sl.convert
except ModuleNotFoundError as error:
    print(error.name)
try:
    sl.explorers.SpikeMovie
except ModuleNotFoundError as error:
    print(error.name)
print(sl.exceptions.OptionError.__name__)
"""
    assert run(f"{BLOCKED}\nimport snnlab as sl\n{code}") == "torch\ntorch\nOptionError\n"


@pytest.mark.parametrize("folder", ["snnlab", "snnlab.analysis", "snnlab.dynamics"])
def test_names_that_are_loaded_late_are_listed_and_an_unknown_one_is_refused(folder):
    code = f"""
import {folder} as face
print(set(face.__all__) <= set(dir(face)))
try:
    face.nothing
except AttributeError as error:
    print(error)
"""
    assert run(code) == f"True\nmodule '{folder}' has no attribute 'nothing'\n"
