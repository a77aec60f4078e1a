"""Every method on the same network: accuracy and operations, in one table."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from snnlab._arguments import checks, labels
from snnlab._arguments.images import Images
from snnlab._text import GIB
from snnlab.comparison.catalogue import METHODS
from snnlab.comparison.method import Answer, Answers, Given, Method
from snnlab.conversion import Fixed, convert
from snnlab.exceptions import OptionError, UnsupportedLayerError, needs
from snnlab.graph.fingerprint import fingerprint
from snnlab.simulation import ann
from snnlab.simulation.kept import Arrays
from snnlab.simulation.metrics import Metric, measure
from snnlab.simulation.tasks import in_parallel, packed, sources, unpacked

STEPS = (1, 2, 4, 8, 16, 32)
IMAGES = 250  # simulated at once
# What an answer says beside its sums.
_COSTS = ("steps", "latency", "spikes", "additions", "multiplications")
# The folders whose code decides what a comparison finds.
_FOLDERS = (
    *("_arguments", "graph", "dynamics", "saving", "data", "conversion", "recipes"),
    *("simulation", "analysis", "comparison"),
)


def compare(
    model: nn.Module,
    x_cal: Any,
    x: Any,
    y: Any = None,
    *,
    methods: Iterable[str | Method] | None = None,
    timesteps: int | Iterable[int] = STEPS,
    budget: float | None = None,
    y_cal: Any = None,
    metric: Metric = None,
    cache: str | Path | None = None,
    jobs: int | None = None,
    memory: int = 2 * GIB,
) -> Any:
    """Convert a model with every method, and return what each reaches and what it costs.

    Methods differ in what a step costs: a burst of four spikes costs four times a spike, and a
    first stage costs as much as its steps. So they are compared at equal additions, with `budget`.

    Parameters
    ----------
    model : torch.nn.Module
        Trained, in eval mode.
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images, for thresholds, corrections and further training.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images to classify.
    y : array, shape (B,) or (B, ...), optional
        Labels or targets, as in `Record.accuracy`; by default those that come along with `x`.
    methods : names of `snnlab.comparison.METHODS`, or objects of `snnlab.comparison.Method`
        By default all that what is given allows: those that train need `y_cal`.
    timesteps : int or ints
        Steps after which answers are read.
    budget : float, optional
        Additions per image. Of each method only the row with the most additions within the budget
        is returned, the best first; methods that exceed it at once are left out.
    y_cal : array, shape (B,), optional
        Labels of `x_cal`; by default those that come along with it.
    metric : str or callable, optional
        In place of accuracy, as in `Record.accuracy`; it names its column.
    cache, jobs
        As in `sweep`: a folder for what has been computed, and how many processes.
    memory : int
        Ceiling on the working memory of a correction or a tuning in bytes; if need be it uses fewer
        images. Recipes that correct by themselves, such as `recipes.deep`, keep to their own 1 GiB.

    Returns
    -------
    pandas.DataFrame
        A row for every method and number of steps, with the columns "method", "timesteps",
        "latency" (steps until the answer, a first stage included), "accuracy" in [0, 1] (or another
        metric), "ann" (the same of the model itself), "agreement" (share of answers that are the
        model's), "spikes", "additions" and "multiplications" per image, "seconds" of processor time
        to make the network, and what it needs: "trains", "data", "real" (numbers between neurons).
        A method that cannot convert the model has no rows.

    Raises
    ------
    OptionError
        If a method is unknown, or needs labels that are not given; or an option is out of range.
    ShapeError
        If images or labels cannot be read, or do not fit the model.
    SNNLabError
        As `convert` and `simulate`.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    >>> x, y = torch.rand(8, 2), torch.zeros(8).int()
    >>> table = compare(model, x, x, y, methods=["99.9 %", "signed"], timesteps=[2, 4])
    >>> table[["method", "timesteps"]].values.tolist()
    [['99.9 %', 2], ['99.9 %', 4], ['signed', 2], ['signed', 4]]
    """
    with needs("snnlab.compare", "pandas", "cloudpickle", "joblib", extra="sweep"):
        import cloudpickle  # noqa: F401 (used by tasks)
        import joblib
        import pandas as pd

    checks.instance(model, nn.Module, "model", "Wrap a function in a module as its forward.")
    steps = checks.some_steps(timesteps)
    if budget is not None:
        budget = checks.positive(budget, "budget")
    images = Images(x_cal, "x_cal")
    x_cal = images.whole().cpu().numpy()
    y_cal = images.labels if y_cal is None else y_cal
    if y_cal is not None:
        y_cal = labels.classes(y_cal, (len(x_cal),))
    chosen = _chosen(methods, y_cal is not None)
    images = Images(x, "x")
    x = images.whole().cpu().numpy()
    y = labels.read(labels.given_or_own(y, images.labels), (len(x),))
    network = convert(model, x_cal[:1], threshold=Fixed(1.0))
    outputs = ann(network, x, activations=False).outputs
    measured = measure(y, outputs.shape, metric, network.graph.head)
    right = measured.at(outputs, 1)
    runs = [
        (method, part)
        for method in chosen
        for part in ([(t,) for t in steps] if method.for_each else [tuple(steps)])
    ]
    memory = checks.whole(memory, "memory")
    data = fingerprint(network.fingerprint, outputs, x, x_cal, y_cal, memory, sources(_FOLDERS))
    held, rest = packed(model), (x_cal, y_cal, x, memory)
    tasks = [
        (joblib.hash((method.name, part, data)), packed(method).tobytes(), part, held, *rest)
        for method, part in runs
    ]
    found = in_parallel(cell, tasks, cache=cache, jobs=jobs, unit="networks")
    rows = [
        {
            "method": method.name,
            "timesteps": step,
            "latency": answer.latency,
            measured.scale.name: measured.at(answer.sums, answer.steps),
            "ann": right,
            "agreement": _agreement(measured.answers, answer.sums, outputs),
            "spikes": answer.spikes,
            "additions": answer.additions,
            "multiplications": answer.multiplications,
            "seconds": float(results["seconds"]),
            "trains": method.trains,
            "data": method.data,
            "real": method.real,
        }
        for (method, _), results in zip(runs, found, strict=True)
        for step, answer in _answers(results).items()
    ]
    table = pd.DataFrame(rows)
    # Without rows it has no columns either: no method could convert the model.
    return table if budget is None or not rows else within(table, budget, measured.scale)


def cell(
    key: str,
    method: bytes,
    steps: Sequence[int],
    model: np.ndarray,
    x_cal: np.ndarray,
    y_cal: np.ndarray | None,
    x: np.ndarray,
    memory: int,
) -> Arrays:
    """Return what a method answers after each number of steps, and the seconds to make its network.

    `key` identifies the other arguments; the cache compares only it.
    """
    with unpacked(method, model.data) as (how, trained):
        begin = time.process_time()
        try:
            network = how.make(Given(trained, x_cal, y_cal, max(steps), memory))
        except UnsupportedLayerError:  # such as an analog shortcut where there is none
            return _arrays({}, 0.0)
        seconds = time.process_time() - begin
        parts = [x[first : first + IMAGES] for first in range(0, len(x), IMAGES)]
        answers = [how.run(network, part, steps) for part in parts]
        shares = [len(part) / len(x) for part in parts]
        joined = {step: _joined([a[step] for a in answers], shares) for step in steps}
        return _arrays(joined, seconds)


def _arrays(answers: Answers, seconds: float) -> Arrays:
    """Return answers as arrays, in which they can be kept."""
    arrays = {"seconds": np.array(seconds)}
    for step, answer in answers.items():
        arrays[f"sums {step}"] = answer.sums
        arrays[f"costs {step}"] = np.array([getattr(answer, name) for name in _COSTS])
    return arrays


def _answers(arrays: Arrays) -> Answers:
    """Return the answers that `_arrays` has made arrays of."""
    steps = [int(name.removeprefix("sums ")) for name in arrays if name.startswith("sums ")]
    found = {}
    for step in steps:
        over, latency, *costs = arrays[f"costs {step}"].tolist()
        found[step] = Answer(arrays[f"sums {step}"], int(over), int(latency), *costs)
    return found


def _joined(parts: Sequence[Answer], shares: Sequence[float]) -> Answer:
    """Return the answer of all images, of those of some of them each."""
    cost = np.average(
        [[p.spikes, p.additions, p.multiplications] for p in parts], axis=0, weights=shares
    )
    sums = np.concatenate([part.sums for part in parts])
    return Answer(sums, parts[0].steps, parts[0].latency, *cost.tolist())


def _agreement(answers: Any, sums: np.ndarray, outputs: np.ndarray) -> float:
    """Return the share of answers that are the ANN's; no number where there are none."""
    return float("nan") if answers is None else float((answers(sums) == answers(outputs)).mean())


def within(table: Any, budget: float, scale: Any) -> Any:
    """Return of each method the row with the most additions within a budget, the best first."""
    affordable = table[table.additions <= budget].sort_values("additions")
    last = affordable.groupby("method", sort=False).tail(1)
    best_first = scale.higher_is_better is False
    return last.sort_values(scale.name, ascending=best_first, kind="stable", ignore_index=True)


def _chosen(methods: Iterable[str | Method] | None, labelled: bool) -> list[Method]:
    """Return the methods, by their names in the catalogue or as given."""
    if methods is None:
        return [method for method in METHODS.values() if labelled or not method.trains]
    if isinstance(methods, (str, Method)):
        methods = [methods]
    found = []
    for method in methods:
        if not isinstance(method, Method):
            method = METHODS[checks.option(method, "methods", METHODS)]
        if method.trains and not labelled:
            raise OptionError(
                f"methods: {method.name!r} trains, and there are no labels for x_cal. Give them as "
                f"y_cal, or leave the method away."
            )
        found.append(method)
    names = [method.name for method in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice or not names:
        raise OptionError(
            f"methods: found {sorted(twice) or 'none'}{' twice' if twice else ''}, expected names, "
            f"each once. Give a method of your own a name of its own."
        )
    return found
