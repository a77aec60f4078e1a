"""A class at once on one machine: does everybody finish, and what does a learner need?

    python -m benchmarks classroom [LEARNERS]    20 unless said otherwise; needs a Chromium

Each learner has a kernel of their own, as on a JupyterHub, and runs two notebooks of the main track
one after the other, in a folder of their own; all begin at once. Meanwhile one learner more presses
the arrow key of a slider in JupyterLab again and again. Kernels share the libraries that they have
loaded, so what a learner needs is also taken from the memory that the machine has left.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page

from benchmarks.browser import PROBE, shown
from snnlab_course import copies, places
from tools import lab

LEARNERS = 20
KEYS, PAUSE_MS = 10, 500
DEEPER = ("09", "11")  # not of the main track
SLIDER = """
from snnlab import explorers
explorers.QuantizationError()
"""


def measure(learners: str = str(LEARNERS)) -> None:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    with tempfile.TemporaryDirectory() as folder, slider(Path(folder, "slider")) as press:
        quiet = press()
        with least_memory() as memory:
            begin, times = time.monotonic(), []
            running = [learner(Path(folder, str(n)), n) for n in range(int(learners))]
            while any(process.poll() is None for process in running):
                times += press()
            seconds = time.monotonic() - begin
        found = [outcome(process) for process in running]
    report(found, seconds, memory)
    print("slider of one more, ms from key to picture and words, median and p95:")
    print(f"  before {shown(quiet)}   meanwhile {shown(times)}   ({len(times)} keys)")


def pairs() -> list[tuple[Path, Path]]:
    """Return the notebooks of the main track, each with the one after it."""
    main = [book for book in places.notebooks() if not book.name.startswith(DEEPER)]
    return list(pairwise(main))


def learner(folder: Path, number: int) -> subprocess.Popen:
    """Start a learner in a folder of their own."""
    copies.write(folder)
    names = [book.name for book in pairs()[2 * number % len(pairs())]]
    command = [sys.executable, "-m", "benchmarks.learner", str(folder), *names]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=lab.ROOT, stdout=pipe, stderr=pipe, text=True)


def outcome(process: subprocess.Popen) -> list[dict] | str:
    """Return what a learner's notebooks needed, or the last line of what went wrong."""
    out, err = process.communicate()
    if process.returncode:
        return (err.strip().splitlines() or [f"ended with {process.returncode}"])[-1]
    return json.loads(out.splitlines()[-1])


@contextmanager
def slider(folder: Path) -> Iterator[Callable[[], list[float]]]:
    """Open a slider in JupyterLab; give a function that presses its keys and returns the times."""
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SLIDER)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    file = folder / "slider.ipynb"
    nbformat.write(notebook, file)
    with lab.served(folder, folder / "state") as address, lab.browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        lab.run_all(page, address, file)
        panel = page.locator(".snnlab-explorer").first
        panel.locator("svg[role=img]").wait_for()
        panel.evaluate(PROBE)
        handle = panel.locator("[role=slider]").first
        yield lambda: pressed(page, handle)


def pressed(page: Page, handle: Locator) -> list[float]:
    """Press a key some times, with pauses; return the ms until picture and words were changed."""
    for _ in range(KEYS):
        at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        before = page.evaluate("probe.changed.length")
        handle.press("Home" if at_end else "ArrowRight")
        page.wait_for_function("n => probe.changed.length > n", arg=before)
        page.wait_for_timeout(PAUSE_MS)
    return page.evaluate("probe.changed.splice(0)")


@contextmanager
def least_memory() -> Iterator[dict[str, float]]:
    """Give the memory that is left, in MB: before, and at least meanwhile."""
    found = {"before": available(), "least": available()}
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            found["least"] = min(found["least"], available())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def available() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) / 1024


def report(found: list[list[dict] | str], seconds: float, memory: dict[str, float]) -> None:
    failed = {number: words for number, words in enumerate(found) if isinstance(words, str)}
    cores = len(os.sched_getaffinity(0))
    print(f"{len(found)} learners at once on {cores} cores: ", end="")
    print(f"{len(found) - len(failed)} finished, the last after {seconds:.0f} s")
    for number, words in failed.items():
        print(f"  learner {number} did not: {words}")
    runs = [run for runs in found if not isinstance(runs, str) for run in runs]
    print("notebook                     runs  seconds  slowest cell  processor s  peak MB")
    for name in sorted({run["name"] for run in runs}):
        of = [run for run in runs if run["name"] == name]
        print(
            f"{name:28} {len(of):4} {statistics.median(r['seconds'] for r in of):8.0f} "
            f"{max(r['slowest cell'] for r in of):13.1f} "
            f"{statistics.median(r['processor'] for r in of):12.0f} "
            f"{max(r['peak'] for r in of):8.0f}"
        )
    taken = memory["before"] - memory["least"]
    print(f"memory: {taken:.0f} MB of {memory['before']:.0f}, {taken / len(found):.0f} a learner")
