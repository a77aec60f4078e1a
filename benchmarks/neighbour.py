"""How much slower the course gets beside a busy program, as on a shared server.

Every piece of work runs in a process of its own, alone and then with a neighbour that keeps one
core busy; at last six kernels run notebook 00 at once.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "00_start_here.ipynb"
KERNELS = 6
RUNS = 3


def measure() -> None:
    print(f"{'seconds':24} alone   neighbour   ratio")
    for name in WORK:
        alone = seconds(name)
        with busy_neighbour():
            beside = seconds(name)
        print(f"{name:24} {alone:5.2f}   {beside:9.2f}   {beside / alone:5.2f}", flush=True)
    begin = time.perf_counter()
    with ThreadPoolExecutor(KERNELS) as pool:
        list(pool.map(lambda _: seconds("notebook 00", 1), range(KERNELS)))
    print(f"{KERNELS} kernels run notebook 00 at once: {time.perf_counter() - begin:.0f} s")


@contextmanager
def busy_neighbour() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        try:
            yield
        finally:
            neighbour.kill()


def seconds(name: str, runs: int = RUNS) -> float:
    """Return the shortest time of a piece of work, in a process like a kernel of `make lab`."""
    command = [sys.executable, "-m", "benchmarks", "--neighbour", name, str(runs)]
    passive = os.environ | {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    done = subprocess.run(command, env=passive, check=True, capture_output=True, text=True)
    return min(json.loads(done.stdout.splitlines()[-1]))


def print_seconds(name: str, runs: int) -> None:
    """Print the times of a piece of work in this process, after one that does not count."""
    run = WORK[name]()
    times = []
    for _ in range(runs + (name != "notebook 00")):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    print(json.dumps(times[-runs:]))


def _network() -> tuple:
    import snnlab as sl
    from benchmarks.networks import load

    model, digits = load("conv8")
    return sl, model, digits, sl.convert(model, digits.x_train)


def train() -> Callable[[], object]:
    from benchmarks.networks import conv
    from snnlab import data

    digits = data.load_digits(8)
    return lambda: data.train(conv(128), digits.x_train, digits.y_train)


def convert() -> Callable[[], object]:
    sl, model, digits, _ = _network()
    return lambda: sl.convert(model, digits.x_train)


def simulate() -> Callable[[], object]:
    sl, _, digits, net = _network()
    return lambda: sl.simulate(net, digits.x_test, 64)


def diagnose() -> Callable[[], object]:
    sl, model, digits, net = _network()
    damaged = net.replace(0, scale=0.05)
    return lambda: sl.diagnose(damaged, digits.x_test[:200], digits.y_test[:200], 64, model=model)


def explorer() -> Callable[[], object]:
    sl, model, digits, _ = _network()
    given = model, digits.x_train, digits.x_test, digits.y_test
    return lambda: sl.explorers.StepsAndPercentile(*given)


def notebook() -> Callable[[], object]:
    book = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(NOTEBOOK.parent)}}
    return lambda: NotebookClient(book, timeout=None, resources=where).execute()


WORK: dict[str, Callable[[], Callable[[], object]]] = {
    "data.train": train,
    "convert": convert,
    "simulate, 64 steps": simulate,
    "diagnose": diagnose,
    "an explorer's display": explorer,
    "notebook 00": notebook,
}
