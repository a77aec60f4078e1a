"""How well outputs fit labels: the share that is right, or the error of a regression."""

import functools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks, labels
from snnlab._text import counted
from snnlab.exceptions import OptionError, ShapeError
from snnlab.simulation.measures import Measure, Scale
from snnlab.simulation.user_metrics import bound

Head = Callable[[torch.Tensor], torch.Tensor]
Metric = str | Callable[..., Any] | None
_WORDS = {
    "accuracy": "accuracy",
    "top5": "top-5 accuracy",
    "multilabel": "share of right labels",
    "exact": "share of images with all labels right",
    "rmse": "RMS error",
}


def measure(
    y: Any, shape: tuple[int, ...], metric: Metric = None, head: Head | None = None
) -> Measure:
    """Return a metric for outputs of a shape, (B, ...), and labels, which are checked.

    `head` is what the model does to its logits in the end; what is right does not depend on it.

    >>> accuracy = measure([1, 1], (2, 2))
    >>> accuracy.over(np.array([[[0.0, 1.0], [3.0, 2.0]]]), [1]).tolist()
    [0.5]
    """
    if head is not None:  # it may squeeze
        shape = (shape[0], *head(torch.zeros(1, *shape[1:])).shape[1:])
    values = functools.partial(_values, head=head)
    if metric is None:
        metric = _default(y, shape)
    if not isinstance(metric, str):
        return bound(metric, y, shape, values)
    if metric == "rmse":
        return _rms_error(y, shape, values)
    if top := re.fullmatch(r"top(\d+)", metric):
        return _top(int(top[1]), y, shape)
    if metric not in _WORDS:
        raise OptionError(
            f"metric = {metric!r}: expected one of {list(_WORDS)}, where 5 may be any number, or a "
            f"function of outputs and labels.{checks.close(metric, _WORDS)}"
        )
    return _right(metric, y, shape)


def _values(sums: np.ndarray, steps: int, head: Head | None) -> np.ndarray:
    """Return what the model itself would return: the mean, and what it does to it in the end."""
    outputs = sums / sums.dtype.type(steps)
    return outputs if head is None else head(torch.from_numpy(outputs)).numpy()


def _default(y: Any, shape: tuple[int, ...]) -> str:
    """Return the metric that fits the labels."""
    array = labels.read(y, _per_image(shape))
    real = labels.are_real(array)
    if _one_logit(shape):
        targets = array.dtype.kind == "f" and not labels.are_binary(array)
        return "rmse" if targets else "accuracy"
    if real or array.shape != shape or labels.are_one_hot(array):
        return "rmse" if real else "accuracy"
    if array.dtype.kind != "f":
        return "multilabel"
    if labels.are_binary(array):
        raise ShapeError(
            f"y: type {array.dtype}, shape {shape}, all 0 or 1, expected whole numbers: these may "
            f"be labels or the targets of a regression. Write metric='multilabel' or metric='rmse'."
        )
    return "rmse"


def _right(name: str, y: Any, shape: tuple[int, ...]) -> Measure:
    """Return the share of right labels; with "exact" that of images where all labels are right.

    Classes lie along dimension 1. One logit in their place says 1 where it is above 0.
    """
    array = labels.read(y, _per_image(shape))
    if labels.are_real(array):
        raise ShapeError(
            f"y: type {array.dtype}, not whole, expected labels, since metric={name!r} counts what "
            f"is right. For the targets of a regression write metric='rmse'."
        )
    if _one_logit(shape) and array.shape != shape:
        logits = "outputs[:, 0]" if len(shape) > 1 else "outputs"
        right, chance, decided = labels.binary(array, _per_image(shape), logits), 0.5, _above_0
    elif _one_logit(shape) or name == "multilabel" or _multi_hot(array, shape):
        right, chance, decided = labels.binary(array, shape), 0.5, _above_0
    else:
        right = labels.classes(array, _per_image(shape), shape[1])
        chance, decided = 1 / shape[1], _highest

    def answers(sums: np.ndarray) -> np.ndarray:
        return decided(sums.reshape(shape)).reshape(right.shape)

    def share(sums: np.ndarray, _: int) -> float:
        hits = (answers(sums) == right).reshape(len(right), -1)
        return float((hits.all(1) if name == "exact" else hits).mean())

    scale = Scale(name, _WORDS[name])
    if name == "exact":  # guessing would hardly ever get all
        return Measure(scale, share, len(right), None, answers)
    return Measure(scale, share, right.size, chance, answers)


def _top(k: int, y: Any, shape: tuple[int, ...]) -> Measure:
    """Return how often the right class is among the k highest; of equal ones the first counts."""
    count = 1 if _one_logit(shape) else shape[1]
    if not 1 <= k < count:
        raise OptionError(
            f"metric = 'top{k}': the network gives {counted(count, 'score')}, expected a number "
            f"from 1 to {count - 1}. Of so many scores all are among the highest."
        )
    right = labels.classes(y, _per_image(shape), count)
    places = np.arange(count).reshape(-1, *[1] * (len(shape) - 2))

    def share(sums: np.ndarray, _: int) -> float:
        scores = sums.reshape(shape)
        own = np.take_along_axis(scores, right[:, None], 1)
        before = (scores > own) | ((scores == own) & (places < right[:, None]))
        return float((before.sum(1) < k).mean())

    scale = Scale(f"top{k}", f"top-{k} accuracy")
    return Measure(scale, share, right.size, k / count, lambda sums: _highest(sums.reshape(shape)))


def _rms_error(y: Any, shape: tuple[int, ...], values: Callable) -> Measure:
    """Return the root of the mean square of outputs minus targets."""
    targets = labels.read(y, shape)
    flat = _one_logit(shape) and targets.shape == _per_image(shape)
    if targets.shape != shape and not flat:
        raise ShapeError(
            f"y: type {targets.dtype}, shape {targets.shape}, expected {shape}: a target for each "
            f"output. Reshape the targets; for labels write whole numbers."
        )
    targets = targets.reshape(shape).astype(np.float64)

    def error(sums: np.ndarray, steps: int) -> float:
        return _rms(values(sums, steps).reshape(shape) - targets)

    scale = Scale("rmse", _WORDS["rmse"], False, False)
    return Measure(scale, error, targets.size, _rms(targets - targets.mean(0)))


def _highest(sums: np.ndarray) -> np.ndarray:
    return sums.argmax(1)


def _above_0(sums: np.ndarray) -> np.ndarray:
    return sums > 0


def _rms(errors: np.ndarray) -> float:
    return math.sqrt(np.mean(np.square(errors)))


def _one_logit(shape: tuple[int, ...]) -> bool:
    """Return whether there is one logit for each label, in place of a score for each class."""
    return len(shape) == 1 or shape[1] == 1


def _multi_hot(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether there is a label for each output, and no one class for each image."""
    return array.shape == shape and not labels.are_one_hot(array)


def _per_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of outputs without the dimension of the classes."""
    return shape[:1] + shape[2:]
