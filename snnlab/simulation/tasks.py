"""Tasks that do not depend on each other: computed in parallel, their results kept on disk."""

import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from snnlab._text import counted
from snnlab.exceptions import needs
from snnlab.graph.fingerprint import fingerprint
from snnlab.simulation.kept import Arrays, Kept

# Number of threads and precision are set for the whole process while a network is computed, and
# set back afterwards. So threads take turns.
ALONE = threading.RLock()


def in_parallel(
    function: Callable[..., Arrays],
    tasks: Sequence[tuple],
    *,
    cache: Any,
    jobs: int | None,
    unit: str,
) -> list[Arrays]:
    """Return `function(*task)` for each task, through joblib, and show a progress bar.

    The first of a task's values identifies the others: if `cache` is a folder, a result is kept
    under it there, as soon as it has come. What may hold tensors has to be `packed`, all of it
    before the first task starts: a worker of Dask unpickles what arrives while another thread of
    it computes.
    """
    with needs("snnlab.sweep", "joblib", "tqdm", extra="sweep"):
        import joblib
        from tqdm.auto import tqdm

    kept = Kept(cache)
    found = {i: known for i, task in enumerate(tasks) if (known := kept.read(task[0])) is not None}
    calls = [
        joblib.delayed(_numbered)(i, function, *task)
        for i, task in enumerate(tasks)
        if i not in found
    ]
    with tqdm(total=len(tasks), initial=len(found), unit=f" {unit}", leave=False) as bar:
        try:
            for i, result in joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(calls):
                found[i] = result
                kept.write(tasks[i][0], result)
                bar.update()
        except KeyboardInterrupt as interruption:
            done = f"Interrupted after {len(found)} of {counted(len(tasks), unit[:-1])}."
            interruption.add_note(f"{done} {kept.told()}")
            raise
    return [found[i] for i in range(len(tasks))]


def _numbered(i: int, compute: Callable[..., Arrays], *args: Any) -> tuple[int, Arrays]:
    return i, compute(*args)


def packed(value: Any) -> np.ndarray:
    """Return a value pickled, as an array: joblib sends a large one to each worker only once."""
    with needs("snnlab.sweep", "cloudpickle", extra="sweep"):
        import cloudpickle

    return np.frombuffer(cloudpickle.dumps(value), np.uint8)


@contextmanager
def unpacked(*values: Any) -> Iterator[list[Any]]:
    """Give what was packed by this process, or by the one that has sent it, as the only thread."""
    with ALONE:
        yield [pickle.loads(value) for value in values]


def sources(folders: Iterable[str]) -> str:
    """Return the fingerprint of the code in these folders of snnlab, and beside them."""
    package = Path(__file__).parent.parent
    below = (f for name in folders for f in (package / name).rglob("*.py"))
    files = [*package.glob("*.py"), *below]
    return fingerprint(*(file.read_text(encoding="utf-8") for file in sorted(files)))
