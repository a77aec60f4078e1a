"""What is installed, what is missing, and how to get it, on one screen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from snnlab_course import distributions, places
from snnlab_course.problems import CommandError

_PYTHONS = ((3, 11), (3, 12), (3, 13))
_EXTRAS = {
    "": "needed by everything",
    "course": "the notebooks",
    "brian": "Brian2: notebook 01 and snnlab.brian",
    "lab": "JupyterLab with all of it",
}
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_REQUIRED = ("", "course")
_FRONT_ENDS = ("jupyterlab", "notebook", "nbclassic", "ipywidgets", "jupyterlab_widgets")
_GIB = 2**30
# Notebooks take about a GiB each; the browser and the system need some as well.
_MEMORY = 2 * _GIB
# A pooled neuron that starts half full fires floor(4 * 0.75 + 0.5) = 3 times in 4 steps.
_SMOKE = """
import importlib
import snnlab as sl
from torch import nn
net = sl.convert(nn.Sequential(nn.ReLU()), [[1.0]], threshold=sl.Fixed(1.0))
spikes = sl.simulate(net, [[0.75]], timesteps=4).outputs * 4
assert spikes[-1].item() == 3, spikes
for name in {names}:
    importlib.import_module(name)
print("converted and simulated a small network" + "".join(f", imported {{n}}" for n in {names}))
"""


def examine(*, smoke: bool = False) -> int:
    """Print what there is and what to do; return 0 if the notebooks can run, else 1."""
    todo: list[str] = []
    for line in _report(todo):
        print(line, flush=True)
    if smoke:
        print(_smoke(todo))
    print()
    print("\n".join(f"To do: {words}" for words in todo) if todo else "All is well.")
    return int(bool(todo))


def _report(todo: list[str]) -> Iterator[str]:
    """Yield the lines of the report, and add what has to be done."""
    yield _python(todo)
    yield _course(todo)
    namesake = distributions.namesake()
    if namesake:
        yield f"another snnlab   {namesake}"
        todo.append(distributions.NAMESAKE_WORDS.format(version=namesake))
    shown: set[tuple[str, str]] = set()
    told: set[str] = set()
    for extra, purpose in _EXTRAS.items():
        needed = distributions.needs(extra)
        if not needed:
            continue
        missing = [need for need in needed if not need.met]
        yield ""
        yield f"[{extra or 'core'}] {purpose}: {'complete' if not missing else 'incomplete'}"
        for need in needed:
            if (need.name, need.bounds) not in shown:
                yield f"  {need.name:15}  {need.found or 'missing':12}  needs {need.bounds}"
        shown |= {(need.name, need.bounds) for need in needed}
        new = [need.name for need in missing if need.name not in told]
        told |= set(new)
        if new and extra in _REQUIRED:
            todo.append(f"{', '.join(new)}: {purpose}. Write: {_cure(extra, new)}")
        elif new:
            yield f"  If you want it, write: {_cure(extra, new)}"
    yield ""
    front = [f"{name} {v}" for name in _FRONT_ENDS if (v := distributions.version(name))]
    yield f"front end        {', '.join(front) or 'none'}"
    yield _machine(todo)
    yield _writable(todo)


def _cure(extra: str, missing: list[str]) -> str:
    """Return the command that installs an extra."""
    wanted = f'"snnlab-course[{extra}]"' if extra else "snnlab-course"
    # On Linux the default torch brings gigabytes for graphics cards.
    cpu = "torch" in missing and sys.platform.startswith("linux")
    return f"pip install --upgrade {wanted}" + (f" --extra-index-url {_CPU_INDEX}" if cpu else "")


def _python(todo: list[str]) -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] not in _PYTHONS:
        todo.append(f"Python {version}: tested are 3.11, 3.12 and 3.13. Install one of them.")
    return f"Python           {version}, {sys.executable}"


def _course(todo: list[str]) -> str:
    found = distributions.version(distributions.NAME)
    try:
        count = len(places.notebooks())
        places.jupyter_settings()
    except CommandError as problem:
        todo.append(str(problem))
        count = 0
    if found is None:
        todo.append(
            "snnlab-course is not installed, only its files are here, so nobody knows what it "
            'needs. Write: pip install -e ".[lab]"'
        )
    return f"snnlab-course    {found or 'not installed'}, {count} notebooks"


def _machine(todo: list[str]) -> str:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    total = memory()
    if total is not None and total < _MEMORY:
        todo.append(
            f"memory: {total / _GIB:.1f} GiB. A notebook takes about one; close all others, and "
            f"shut a kernel down before you open the next notebook."
        )
    size = "unknown" if total is None else f"{total / _GIB:.1f} GiB"
    return f"machine          {cores} core{'s' * (cores > 1)}, memory {size}"


def memory(root: Path = Path("/")) -> int | None:
    """Return how many bytes of memory there are, also in a container with a limit, or None."""
    try:
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):
        return None
    for name in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limit = (root / name).read_text()
        except OSError:
            continue
        sizes += map(int, re.findall(r"\d+", limit))
    return min(sizes)


def _writable(todo: list[str]) -> str:
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            words = "can be written"
    except OSError as error:
        words = f"cannot be written ({error.strerror})"
        todo.append(f"{here}: {words}. Notebooks are saved there; go to another folder.")
    return f"this folder      {here}, {words}"


def _smoke(todo: list[str]) -> str:
    """Convert and simulate a network in a process of its own, and import what is installed."""
    parts = {"course": ["snnlab.plots", "snnlab.explorers"], "brian": ["snnlab.brian"]}
    names = [
        name
        for extra, modules in parts.items()
        if all(need.met for need in distributions.needs(extra))
        for name in modules
    ]
    code = _SMOKE.format(names=names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        todo.append(f"the small network did not run: {last}")
        return f"smoke            failed: {last}"
    return f"smoke            {done.stdout.strip()}"
