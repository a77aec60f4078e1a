"""Accuracy and spikes over many settings: a table, made in parallel, kept on disk."""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab._arguments import checks, labels
from snnlab._arguments.images import Images
from snnlab.conversion import Fixed, Percentile, ThresholdRule, convert
from snnlab.exceptions import OptionError, needs
from snnlab.graph.fingerprint import fingerprint
from snnlab.network import Network
from snnlab.simulation import Activations, ann, simulate
from snnlab.simulation.kept import Arrays
from snnlab.simulation.metrics import Metric, measure
from snnlab.simulation.options import RunOptions, refuse_outside_unit
from snnlab.simulation.tasks import ALONE, in_parallel, packed, sources, unpacked

# What can vary, by what it is handed to.
_CONVERT = ("threshold", "readout", "average_pool", "shortcut")
_REPLACE = ("reset", "v_init", "i_offset", "max_spikes", "signed", "scale", "max_pool")
_SIMULATE = ("input", "seed", "dtype")
_OPTIONS = ("percentile", *_CONVERT, *_REPLACE, *_SIMULATE)
IMAGES = 500  # simulated at once
# The folders whose code decides what a sweep finds.
_FOLDERS = ("_arguments", "graph", "dynamics", "saving", "conversion", "simulation")


def sweep(
    models: nn.Module | Network | Mapping[str, nn.Module | Network],
    grid: Mapping[str, Iterable[Any]],
    x: Any,
    y: Any = None,
    *,
    timesteps: int | Iterable[int] = (4, 8, 16, 32, 64),
    metric: Metric = None,
    x_cal: Any = None,
    cache: str | Path | None = None,
    jobs: int | None = None,
) -> Any:
    """Simulate every combination of settings, and return accuracy and spikes over the steps.

    The combinations run in parallel through joblib, one at a time in each process. Under
    `joblib.parallel_config(backend="dask")` a Dask cluster computes them. With a `cache` a sweep
    that was interrupted, or lost a worker, goes on where it was when it is called again.

    What the cache holds counts as long as models, data, settings and the code of snnlab stay the
    same. A rule of your own is known by its name and its attributes, a metric that a file of yours
    defines by its name: change its name when you change its code. Poisson input needs a `seed`, or
    one random draw would be kept for ever.

    Parameters
    ----------
    models : Module, Network, or dict from a name to one of them
        Models are converted with `x_cal` in each combination, networks only get other settings.
    grid : dict from option to list of values
        "percentile", "threshold", "readout", "average_pool", "shortcut" as in `convert`, for models
        only; "reset", "v_init", "i_offset", "max_spikes", "signed", "scale", "max_pool" as in
        `Network.replace`; "input", "seed", "dtype" as in `simulate`.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images to classify; they are kept as one array. If grid["input"] is ["frames"], frames as in
        `simulate`, shape (T, B, ...), with T the largest of `timesteps`; the ANN sees their mean.
    y : array, shape (B,) or (B, ...), optional
        Labels or targets, as in `Record.accuracy`; by default those that come along with `x`.
    timesteps : int or ints
        Steps after which accuracy and spikes are reported.
    metric : str or callable, optional
        In place of accuracy, as in `Record.accuracy`; it names its column.
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Calibration images, for models; they are kept as one array too.
    cache : path, optional
        A folder for what has been computed, which are numbers only; it is made if there is none.
        What cannot be kept there is computed and returned all the same, and a warning says so.
    jobs : int, optional
        How many processes; by default what joblib's backend says, one unless it is set.

    Returns
    -------
    pandas.DataFrame
        A row for every combination and number of steps, with the columns "model", those of the
        grid, "timesteps", "accuracy" in [0, 1] (or another metric), "ann", the same with ReLUs in
        place of the neurons, and "spikes" per image.

    Raises
    ------
    OptionError
        If an option is unknown, has no values or a wrong one, if models come without `x_cal`, or
        Poisson input with a `cache` and without `seed`. All of it before anything is computed.
    ShapeError
        If images or labels cannot be read, or do not fit the models.
    SNNLabError
        As `convert` and `simulate`.

    >>> from snnlab import Fixed
    >>> net = convert(nn.ReLU(), [[1.0, 1.0]], threshold=Fixed(1.0))
    >>> table = sweep(net, {"v_init": [0.0, 0.5]}, [[0.2, 0.4]], [1], timesteps=[1, 2])
    >>> table[["v_init", "timesteps", "accuracy", "spikes"]].values.tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.5, 1.0, 0.0, 0.0], [0.5, 2.0, 1.0, 1.0]]
    """
    with needs("snnlab.sweep", "pandas", "cloudpickle", "joblib", extra="sweep"):
        import cloudpickle  # noqa: F401 (used by tasks)
        import joblib
        import pandas as pd

    grid = _listed(grid)
    named = dict(models) if isinstance(models, Mapping) else {"": models}
    if not named:
        raise OptionError("models: is an empty dict, expected at least one Module or Network.")
    steps = checks.some_steps(timesteps)
    if jobs is not None:
        todo = "a whole number above 0, or -1 for all cores."
        jobs = checks.number(jobs, "jobs", excluded=(0,), whole=True, expected=todo)
    x_cal = None if x_cal is None else _array(Images(x_cal, "x_cal"))[0]
    for name, model in named.items():
        _check_model(name or "models", model, grid, x_cal)
    frames = max(steps) if grid.get("input") == ["frames"] else None
    shape = _image_shape(named, x_cal) if frames else None
    x, own = _array(Images(x, "x", shape, timesteps=frames))
    y = labels.read(labels.given_or_own(y, own), (len(x),))
    known, named_metrics = {}, {}
    for name, model in named.items():
        known[name], answer = _tried(model, grid, x, x_cal)
        outputs = (len(x), *answer.outputs.shape[1:])
        named_metrics[name] = measure(y, outputs, metric, answer.head).scale.name
    column = _only(named_metrics, ["model", *grid, "timesteps", "ann", "spikes"])
    if cache is not None:
        _refuse_unseeded(grid)
    values = itertools.product(*grid.values())
    settings = [dict(zip(grid, chosen, strict=True)) for chosen in values]
    cells = list(itertools.product(named, settings))
    how = packed(metric).tobytes()
    data = fingerprint(x, y, x_cal, steps, how, _sources())
    networks = {name: packed(model) for name, model in named.items()}
    tasks = [
        (
            joblib.hash((known[name], setting, data)),
            *(packed(setting).tobytes(), steps, how, networks[name], x, y, x_cal),
        )
        for name, setting in cells
    ]
    found = in_parallel(cell, tasks, cache=cache, jobs=jobs, unit="settings")
    rows = [
        {"model": name, **setting, "timesteps": step, column: reached, "ann": own, "spikes": spikes}
        for (name, setting), results in zip(cells, found, strict=True)
        for step, (reached, own, spikes) in zip(steps, results["rows"].tolist(), strict=True)
    ]
    return pd.DataFrame(rows)


def cell(
    key: str,
    setting: bytes,
    steps: Sequence[int],
    metric: bytes,
    model: np.ndarray,
    x: Any,
    y: Any,
    x_cal: Any,
) -> Arrays:
    """Return a row of metric, that of the ANN, and spikes per image for each number of steps.

    `key` identifies the other arguments; the cache compares only it. The setting, the metric and
    the model are packed.
    """
    with unpacked(setting, metric, model.data) as (options, how, network):
        return _simulated(options, steps, how, network, x, y, x_cal)


def _simulated(
    setting: dict[str, Any],
    steps: Sequence[int],
    metric: Metric,
    model: Any,
    x: Any,
    y: Any,
    x_cal: Any,
) -> Arrays:
    if "percentile" in setting:
        setting["threshold"] = Percentile(setting.pop("percentile"))

    def chosen(names: Sequence[str]) -> dict[str, Any]:
        return {name: setting[name] for name in names if name in setting}

    network = model if isinstance(model, Network) else convert(model, x_cal, **chosen(_CONVERT))
    network, options = network.replace(**chosen(_REPLACE)), chosen(_SIMULATE)
    if "seed" in options:  # one generator, so that the parts draw what the whole would
        options["seed"] = checks.generator(options["seed"])
    # In parts, since the spike counts of all images after each number of steps may not fit.
    parts = (x[first : first + IMAGES] for first in range(0, len(x), IMAGES))
    outputs, own, spikes = [], [], np.zeros(len(steps))
    for part in parts:
        shown, images = _shown(part, setting.get("input"))
        record = simulate(network, shown, max(steps), at=steps, **options)
        outputs.append(record.output_sums[[t - 1 for t in steps]])
        own.append(ann(network, images, activations=False).outputs)
        spikes += [sum(record.sent(name, t).sum() for name in record.layers) for t in steps]
    sums = np.concatenate(outputs, axis=1)
    bound = measure(y, sums.shape[1:], metric, record.head)
    of_ann = bound.at(np.concatenate(own), 1)
    columns = bound.over(sums, steps), [of_ann] * len(steps), spikes / len(x)
    return {"rows": np.stack(columns, axis=1).astype(np.float64)}


def _shown(x: np.ndarray, input: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return what the network is shown, and the ANN; frames come here as (B, T, ...)."""
    return (x.swapaxes(0, 1), x.mean(1)) if input == "frames" else (x, x)


@functools.cache
def _sources() -> str:
    """Return the fingerprint of the code that a sweep computes with."""
    return sources(_FOLDERS)


def _check_model(title: str, model: Any, grid: Mapping[str, list], x_cal: Any) -> None:
    """Refuse what is no model, and options that are of no use for a network."""
    if not isinstance(model, (nn.Module, Network)):
        raise OptionError(
            f"{title}: found {type(model).__name__}, expected a Module or a Network, or a dict "
            f"from names to several. Wrap a function in a Module."
        )
    chosen = [option for option in grid if option in ("percentile", *_CONVERT)]
    if isinstance(model, Network) and chosen:
        raise OptionError(
            f"grid: {chosen} are chosen when a model is converted, and {title} is a network. Give "
            f"the model and x_cal in its place."
        )
    if isinstance(model, nn.Module) and x_cal is None:
        raise OptionError("x_cal: none given, expected calibration images for the models.")


def _tried(model: Any, grid: Mapping[str, list], x: Any, x_cal: Any) -> tuple[str, Activations]:
    """Try every value of the grid on one image; return what identifies the model, and its ANN."""
    frames = grid.get("input") == ["frames"]
    shown, images = _shown(x[:1], "frames" if frames else None)

    def converted(**setting: Any) -> Network:
        return convert(model, x_cal[:1], threshold=Fixed(1.0), **setting)

    def each(*options: str) -> list[dict[str, Any]]:
        return [{option: value} for option in options for value in grid.get(option, ())]

    with ALONE:
        network = model if isinstance(model, Network) else converted()
        for setting in each("readout", "average_pool", "shortcut"):
            converted(**setting)
        replaced = [option for option in _REPLACE if option in grid]
        for values in itertools.product(*(grid[option] for option in replaced)):
            network.replace(**dict(zip(replaced, values, strict=True)))
        for setting in each("input", "dtype"):
            options = RunOptions(timesteps=x.shape[1] if frames else 1, **setting)
            options.apply(network, shown if options.input == "frames" else images)
            if options.spiking_input:
                refuse_outside_unit(torch.from_numpy(x))
        answer = ann(network, images)
    for setting in each("percentile"):
        Percentile(**setting)
    for setting in each("threshold"):
        todo = "For a percentile write snnlab.Percentile(99.9), for a number snnlab.Fixed(1.0)."
        checks.instance(setting["threshold"], ThresholdRule, "grid['threshold']", todo)
    for setting in each("seed"):
        checks.generator(setting["seed"])
    # Hooks, and methods that a layer overrides, are not in the graph's code but in its output.
    # It is rounded, so that another number of threads does not count.
    scale = np.abs(answer.outputs).max() or 1.0
    rounded = np.rint(1000 * answer.outputs / scale).astype(int)
    return fingerprint(network is model, network.fingerprint, rounded), answer


def _only(metrics: Mapping[str, str], taken: Sequence[str]) -> str:
    """Return the name of the metric, which no other column has; refuse models that need several."""
    first, *others = set(metrics.values())
    if others:
        raise OptionError(
            f"metric: by their outputs the models are measured differently, {dict(metrics)}, "
            f"expected one metric for all. Choose it by name, as metric='accuracy'."
        )
    if first in taken:
        raise OptionError(
            f"metric: is called {first!r}, expected a name that no other column has. Rename it."
        )
    return first


def _listed(grid: Any) -> dict[str, list]:
    """Return the grid with lists for values; refuse unknown options, and those without values."""
    if not isinstance(grid, Mapping):
        raise OptionError(
            f"grid: found {type(grid).__name__}, expected a dict from option to a list of values, "
            f"as {{'v_init': [0.0, 0.5]}}."
        )
    listed = {}
    for option, values in grid.items():
        if option not in _OPTIONS:
            near = checks.close(option, _OPTIONS)
            raise OptionError(
                f"grid[{option!r}]: no such option, expected some of {list(_OPTIONS)}.{near}"
            )
        several = np.iterable(values) and not isinstance(values, str)
        listed[option] = list(values) if several else []
        if not listed[option]:
            raise OptionError(
                f"grid[{option!r}] = {values!r}: expected a list of at least one value. For a "
                f"single one write [value]; for the default leave the option away."
            )
    if "frames" in listed.get("input", ()) and listed["input"] != ["frames"]:
        raise OptionError(
            f"grid['input'] = {listed['input']}: has 'frames' beside others, expected it alone: "
            f"then x holds frames, else images. Call sweep for each."
        )
    if {"percentile", "threshold"} <= set(listed):
        raise OptionError("grid: has percentile and threshold, expected one of them.")
    return listed


def _refuse_unseeded(grid: Mapping[str, list]) -> None:
    """Refuse to keep what was drawn at random and cannot be drawn again."""
    if "poisson" in grid.get("input", ()) and None in grid.get("seed", [None]):
        raise OptionError(
            "grid: has 'poisson' input without a seed, and the cache would keep one random draw "
            "for ever. Expected seeds, as grid['seed'] = [0, 1, 2]; or leave the cache away."
        )


def _array(images: Images) -> tuple[np.ndarray, np.ndarray | None]:
    """Return images as an array, which can be sent to other processes, and labels beside them."""
    tensor = images.whole().cpu()
    tensor = tensor if tensor.itemsize > 2 else tensor.float()  # numpy has no bfloat16
    return tensor.numpy(), images.labels


def _image_shape(models: Mapping[str, Any], x_cal: Any) -> tuple[int, ...]:
    """Return the shape of one image of these models."""
    networks = [model for model in models.values() if isinstance(model, Network)]
    return networks[0].graph.input_shape if networks else x_cal.shape[1:]
