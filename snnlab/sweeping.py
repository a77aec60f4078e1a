"""Accuracy and spikes over many settings: a table, made in parallel, kept on disk."""

import hashlib
import itertools
import pickle
import threading
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from snnlab import _checks
from snnlab.calibration import Percentile
from snnlab.conversion import convert
from snnlab.exceptions import OptionError
from snnlab.graph import floating
from snnlab.network import Network
from snnlab.record import classified
from snnlab.simulation import simulate

# What can vary, by what it is handed to.
_CONVERT = ("threshold", "readout", "average_pool")
_REPLACE = ("reset", "v_init", "scale", "max_pool")
_SIMULATE = ("input", "seed", "dtype")
IMAGES = 500  # simulated at once
# While torch.fx traces a model, it replaces functions of torch in the whole process.
# No other thread may compute, or unpickle a tensor, in the meantime.
_ALONE = threading.RLock()


def sweep(
    models: nn.Module | Network | Mapping[str, nn.Module | Network],
    grid: Mapping[str, Sequence[Any]],
    x: Any,
    y: Any,
    *,
    timesteps: int | Iterable[int] = (4, 8, 16, 32, 64),
    x_cal: Any = None,
    cache: str | Path | None = None,
    jobs: int | None = None,
) -> Any:
    """Simulate every combination of settings, and return accuracy and spikes over the steps.

    The combinations run in parallel through joblib, one at a time in each process. Under
    `joblib.parallel_config(backend="dask")` a Dask cluster computes them. With a `cache` a sweep
    that was interrupted, or lost a worker, goes on where it was when it is called again.

    Parameters
    ----------
    models : Module, Network, or dict from a name to one of them
        Models are converted with `x_cal` in each combination, networks only get other settings.
    grid : dict from option to list of values
        "percentile", "threshold", "readout", "average_pool" as in `convert`, for models only;
        "reset", "v_init", "scale", "max_pool" as in `Network.replace`; "input", "seed", "dtype" as
        in `simulate`.
    x : array, shape (B, ...)
        Images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    timesteps : int or ints
        Steps after which accuracy and spikes are reported.
    x_cal : array, shape (B, ...)
        Calibration images, for models.
    cache : path, optional
        A folder for what has been computed.
    jobs : int, optional
        How many processes; by default what joblib's backend says, one unless it is set.

    Returns
    -------
    pandas.DataFrame
        A row for every combination and number of steps, with the columns "model", those of the
        grid, "timesteps", "accuracy" in [0, 1] and "spikes" per image.

    Raises
    ------
    OptionError
        If an option is unknown or has no values, or if models come without `x_cal`.
    SNNLabError
        As `convert` and `simulate`.

    >>> from snnlab import Fixed
    >>> net = convert(nn.ReLU(), [[1.0, 1.0]], threshold=Fixed(1.0))
    >>> table = sweep(net, {"v_init": [0.0, 0.5]}, [[0.2, 0.4]], [1], timesteps=[1, 2])
    >>> table[["v_init", "timesteps", "accuracy", "spikes"]].values.tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.5, 1.0, 0.0, 0.0], [0.5, 2.0, 1.0, 1.0]]
    """
    import joblib
    import pandas as pd
    from tqdm.auto import tqdm

    steps = _checks.steps(
        [timesteps] if isinstance(timesteps, int) else timesteps, name="timesteps"
    )
    if not steps:
        raise OptionError("timesteps: is empty, expected at least one number of steps.")
    named = dict(models) if isinstance(models, Mapping) else {"": models}
    for name, model in named.items():
        _check_grid(name, model, grid, x_cal)
    ignored = ["setting", "steps", "model", "x", "y", "x_cal"]
    compute = joblib.Memory(cache, verbose=0).cache(cell, ignore=ignored)
    values = itertools.product(*grid.values())
    settings = [dict(zip(grid, chosen, strict=True)) for chosen in values]
    cells = list(itertools.product(named, settings))
    # What another version computed does not count.
    data = fingerprint(x, y, x_cal), steps, metadata.version("snnlab")
    known = {name: fingerprint(model) for name, model in named.items()}
    # A worker of Dask unpickles what arrives while another thread of it computes. So whatever may
    # hold tensors travels packed, and all of it is packed before the first thread computes.
    packed = {name: _packed(model) for name, model in named.items()}
    arrays = [None if value is None else np.asarray(value) for value in (x, y, x_cal)]
    tasks = [
        joblib.delayed(_numbered)(
            *(i, compute, joblib.hash((known[name], setting, data))),
            *(_packed(setting).tobytes(), steps, packed[name], *arrays),
        )
        for i, (name, setting) in enumerate(cells)
    ]
    found: dict[int, list[tuple[float, float]]] = {}
    with tqdm(total=len(cells), unit=" settings", leave=False) as bar:
        for i, result in joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks):
            found[i] = result
            bar.update()
    rows = [
        {"model": name, **setting, "timesteps": step, "accuracy": accuracy, "spikes": spikes}
        for i, (name, setting) in enumerate(cells)
        for step, (accuracy, spikes) in zip(steps, found[i], strict=True)
    ]
    return pd.DataFrame(rows)


def cell(
    key: str, setting: bytes, steps: Sequence[int], model: np.ndarray, x: Any, y: Any, x_cal: Any
) -> list[tuple[float, float]]:
    """Return accuracy and spikes per image after each number of steps, for one setting.

    `key` tells all that follows from others; it is what a cache looks at in place of it. The
    setting and the model are packed.
    """
    with _ALONE:
        return _simulated(pickle.loads(setting), steps, pickle.loads(model.data), x, y, x_cal)


def _simulated(
    setting: dict[str, Any],
    steps: Sequence[int],
    model: nn.Module | Network,
    x: Any,
    y: Any,
    x_cal: Any,
) -> list[tuple[float, float]]:
    if "percentile" in setting:
        setting["threshold"] = Percentile(setting.pop("percentile"))
    if isinstance(model, Network):
        network = model
    else:
        given = {name: setting[name] for name in _CONVERT if name in setting}
        network = convert(model, x_cal, **given)
    network = network.replace(**{name: setting[name] for name in _REPLACE if name in setting})
    options = {name: setting[name] for name in _SIMULATE if name in setting}
    if "seed" in options:  # one generator, so that the parts draw what the whole would
        options["seed"] = _checks.generator(options["seed"])
    # In parts, since the spike counts of all images after each number of steps may not fit.
    parts = (x[first : first + IMAGES] for first in range(0, max(len(x), 1), IMAGES))
    outputs, spikes = [], np.zeros(len(steps))
    for part in parts:
        record = simulate(network, part, max(steps), at=steps, **options)
        outputs.append(record.output_sums[[t - 1 for t in steps]])
        spikes += [
            sum(record.counts(name, t).sum(dtype=np.int64) for name in record.layers) for t in steps
        ]
    accuracy = classified(np.concatenate(outputs, axis=1), y)
    return list(zip(accuracy.tolist(), (spikes / len(x)).tolist(), strict=True))


def _numbered(i: int, compute: Any, *args: Any) -> tuple[int, list[tuple[float, float]]]:
    return i, compute(*args)


def _packed(value: Any) -> np.ndarray:
    """Return a value pickled, as an array: joblib sends a large one to each worker only once."""
    import cloudpickle

    return np.frombuffer(cloudpickle.dumps(value), np.uint8)


def fingerprint(*values: Any) -> str:
    """Return a sum that tells models, networks and arrays from others.

    >>> fingerprint([1.0, 2.0]) == fingerprint(np.array([1.0, 2.0]))
    True
    """
    total = hashlib.sha256()
    for value in values:
        if isinstance(value, Network):
            settings = {name: vars(neuron) for name, neuron in value.neurons.items()}
            total.update(f"{value.graph} {settings} {value.max_pool}".encode())
            value = value.graph.module
        if isinstance(value, nn.Module):
            total.update(str(value).encode())
            tensors = [t.detach().cpu().numpy() for t in floating(value)]
        else:
            tensors = [] if value is None else [np.asarray(value)]
        for tensor in tensors:
            total.update(f"{tensor.shape} {tensor.dtype}".encode() + tensor.tobytes())
    return total.hexdigest()


def _check_grid(name: str, model: Any, grid: Mapping[str, Sequence[Any]], x_cal: Any) -> None:
    """Refuse options that do not exist, have no values, or are of no use for a network."""
    if not isinstance(model, (nn.Module, Network)):
        _checks.instance(model, Network, name or "models", "Give a model, or a network.")
    known = ("percentile", *_CONVERT, *_REPLACE, *_SIMULATE)
    for option, values in grid.items():
        _checks.option(option, "grid", known)
        if isinstance(values, str) or not isinstance(values, Iterable) or not list(values):
            raise OptionError(
                f"grid[{option!r}] = {values!r}: expected a list of values, as [{values!r}]."
            )
    if {"percentile", "threshold"} <= set(grid):
        raise OptionError("grid: has percentile and threshold, expected one of them.")
    if isinstance(model, Network):
        fixed = [option for option in grid if option in ("percentile", *_CONVERT)]
        if fixed:
            raise OptionError(
                f"grid: {fixed} are chosen when a model is converted, and {name or 'models'} is a "
                f"network. Give the model and x_cal in its place."
            )
    elif x_cal is None:
        raise OptionError("x_cal: none given, expected calibration images for the models.")
