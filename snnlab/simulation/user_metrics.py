"""Metrics that a user brings: functions of outputs and labels, and objects as in torchmetrics."""

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from snnlab._arguments.labels import read
from snnlab.exceptions import OptionError
from snnlab.simulation.measures import Measure, Scale


def bound(
    metric: Any,
    y: Any,
    shape: tuple[int, ...],
    values: Callable[[np.ndarray, int], np.ndarray],
) -> Measure:
    """Return a metric of the user's for outputs of a shape, (B, ...), and labels.

    Functions get arrays, and tensors if they fail with arrays; what comes from torch or is an
    object with `update` and `compute` gets tensors. `values` makes outputs of accumulated ones.
    """
    inner = metric.func if isinstance(metric, functools.partial) else metric
    if not callable(metric) and not _collects(metric):
        raise OptionError(
            f"metric: found {type(metric).__name__}, expected a name as 'accuracy', a function of "
            f"outputs and labels, or an object with update and compute."
        )
    name = getattr(inner, "__name__", type(inner).__name__).replace("<lambda>", "metric")
    labels = read(y, shape[:1])
    module = (getattr(inner, "__module__", None) or "").partition(".")[0]
    in_torch = _collects(metric) or isinstance(inner, torch.nn.Module) or module == "torch"

    def result(sums: np.ndarray, steps: int) -> float:
        outputs = values(sums, steps)
        try:
            found = _of_tensors(metric, outputs, labels) if in_torch else metric(outputs, labels)
        except Exception as error:
            try:  # it may be written for tensors
                found = _of_tensors(metric, outputs, labels)
            except Exception:
                raise OptionError(
                    f"metric: {name} fails for outputs of shape {outputs.shape} and labels of "
                    f"shape {labels.shape} ({error}), expected one number. Try it by itself on "
                    f"record.outputs[-1]."
                ) from error
        return _number(found, name)

    better = getattr(inner, "higher_is_better", None)
    if isinstance(inner, torch.nn.modules.loss._Loss):
        better = False
    return Measure(Scale(name, name, False, better), result, labels.size)


def _collects(metric: Any) -> bool:
    """Return whether a metric is an object that is shown batches, as those of torchmetrics."""
    return hasattr(metric, "update") and hasattr(metric, "compute")


def _of_tensors(metric: Any, outputs: np.ndarray, labels: np.ndarray) -> Any:
    kind = np.int64 if labels.dtype.kind in "iu" else labels.dtype.newbyteorder("=")
    given = torch.from_numpy(outputs), torch.from_numpy(labels.astype(kind))
    with torch.no_grad():
        if not _collects(metric):
            return metric(*given)
        metric = copy.deepcopy(metric)  # what it has seen elsewhere stays
        if hasattr(metric, "reset"):
            metric.reset()
        metric.update(*given)
        return metric.compute()


def _number(found: Any, name: str) -> float:
    """Return the one number that a metric has found."""
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu()
    array = np.asarray(found)
    if array.size != 1 or array.dtype.kind not in "biuf":
        what = f"shape {array.shape}" if array.size > 1 else type(found).__name__
        raise OptionError(
            f"metric: {name} returned {what}, expected one number. Take a mean, or one of them."
        )
    return float(array.item())
