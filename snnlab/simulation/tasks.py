"""Tasks that do not depend on each other: computed in parallel, their results kept on disk."""

import inspect
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from snnlab.exceptions import OptionError, needs
from snnlab.graph.fingerprint import fingerprint

# Number of threads and precision are set for the whole process while a network is computed, and
# set back afterwards. So threads take turns.
ALONE = threading.RLock()


def in_parallel(
    function: Callable, tasks: Sequence[tuple], *, cache: str | None, jobs: int | None, unit: str
) -> list:
    """Return `function(*task)` for each task, through joblib, and show a progress bar.

    The first of a task's values identifies the others: if `cache` is a folder, a result is kept
    under it there. What may hold tensors has to be `packed`, all of it before the first task
    starts: a worker of Dask unpickles what arrives while another thread of it computes.
    """
    with needs("snnlab.sweep", "joblib", "tqdm", extra="sweep"):
        import joblib
        from tqdm.auto import tqdm

    _, *others = inspect.signature(function).parameters
    compute = joblib.Memory(cache, verbose=0).cache(function, ignore=others)
    calls = [joblib.delayed(_numbered)(i, compute, *task) for i, task in enumerate(tasks)]
    found: dict[int, Any] = {}
    with tqdm(total=len(tasks), unit=f" {unit}", leave=False) as bar:
        for i, result in joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(calls):
            found[i] = result
            bar.update()
    return [found[i] for i in range(len(tasks))]


def _numbered(i: int, compute: Any, *args: Any) -> tuple[int, Any]:
    return i, compute(*args)


def packed(value: Any) -> np.ndarray:
    """Return a value pickled, as an array: joblib sends a large one to each worker only once."""
    with needs("snnlab.sweep", "cloudpickle", extra="sweep"):
        import cloudpickle

    return np.frombuffer(cloudpickle.dumps(value), np.uint8)


@contextmanager
def unpacked(*values: Any) -> Iterator[list[Any]]:
    """Give what was packed, while no other thread computes a task."""
    with ALONE:
        yield [pickle.loads(value) for value in values]


def sources(folders: Iterable[str]) -> str:
    """Return the fingerprint of the code in these folders of snnlab, and beside them."""
    package = Path(__file__).parent.parent
    below = (f for name in folders for f in (package / name).rglob("*.py"))
    files = [*package.glob("*.py"), *below]
    return fingerprint(*(file.read_text(encoding="utf-8") for file in sorted(files)))


def folder(cache: Any) -> str | None:
    """Return the path of a folder that is there, for results that are worth keeping; or None."""
    if cache is None:
        return None
    try:
        Path(cache).mkdir(parents=True, exist_ok=True)
    except (OSError, TypeError, ValueError) as error:
        raise OptionError(
            f"cache = {cache!r}: cannot be used as a folder ({error}). Expected the path of a "
            f"folder, or of one to be made."
        ) from error
    return str(cache)
