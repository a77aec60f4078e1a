"""A learner's converter beside snnlab's, spike for spike."""

import copy
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.conversion.activation_based import Percentile
from snnlab.conversion.pipeline import convert
from snnlab.course.converter import file
from snnlab.course.converter.loading import Converter
from snnlab.course.exercises.piece import PIECES
from snnlab.course.exercises.registry import EXERCISES
from snnlab.course.feedback import Feedback
from snnlab.course.wording import fires
from snnlab.simulation import simulate

PERCENTILE = 99.9
# Counts are compared after each of the first steps, which are the trains, and after the last one.
AFTER = (*range(1, 9), 16)
# In single precision so many of all counts may differ, because currents are rounded.
_MOST = 1e-3


def spike_for_spike(converter: Converter, model: nn.Sequential, x_cal: Any, x: Any) -> Feedback:
    """Say whether a converter makes the same spikes of a network as snnlab does.

    Both fold, convert with the percentile 99.9 of the activations above 0, and simulate. The spike
    counts of all neurons have to be equal after each of the first 8 steps and after 16, in double
    precision. A converter that can only do single precision may differ in a count of a thousand:
    there the order in which a neuron's inputs are added up decides about the last digit of its
    current, and that digit about a potential on the edge of the threshold.

    Parameters
    ----------
    converter : Converter
        From `my_converter`.
    model : torch.nn.Sequential
        In eval mode, of layers that `fold` and `convert` know.
    x_cal, x : array, shape (B, ...)
        Images to choose thresholds on, and images to simulate.

    Returns
    -------
    Feedback

    Raises
    ------
    OptionError
        If `converter` or `model` is something else.

    >>> from snnlab import course
    >>> layers = [nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)]
    >>> images = np.arange(16, dtype=np.float32).reshape(4, 4) / 16
    >>> spike_for_spike(course.my_converter(), nn.Sequential(*layers).eval(), images, images).right
    True
    """
    checks.instance(converter, Converter, "converter", "Write course.my_converter() first.")
    checks.instance(model, nn.Sequential, "model", "Put its layers into an nn.Sequential.")
    for name, number in PIECES.items():
        feedback = EXERCISES[number].check(getattr(converter, name))
        if not feedback.right:
            return Feedback(False, f"Look at {name} in {file.NAME} once more. {feedback.words}")
    answer = Feedback(False, "")
    for dtype, most in ((torch.float64, 0.0), (torch.float32, _MOST)):
        with _usually(dtype):
            answer = _compared(converter, copy.deepcopy(model).to(dtype), x_cal, x, most)
        if answer.right:
            break
    return answer


@contextmanager
def _usually(dtype: torch.dtype) -> Iterator[None]:
    """Let torch make new tensors in a precision, as `(v >= threshold) * 1.0` does."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _compared(converter: Any, model: nn.Sequential, x_cal: Any, x: Any, most: float) -> Feedback:
    """Return feedback on a converter that may be wrong in so many of all counts."""
    images, calibration = (
        torch.as_tensor(np.asarray(a), dtype=torch.get_default_dtype()) for a in (x, x_cal)
    )
    network = convert(model, calibration, threshold=Percentile(PERCENTILE, nonzero=True))
    record = simulate(network, images, AFTER[-1], at=AFTER)
    try:
        snn = converter.convert(converter.fold(model), calibration, PERCENTILE)
        runs = {step: converter.simulate(snn, images, step) for step in AFTER}
    except (Exception, SystemExit) as error:
        message = textwrap.shorten(f"{type(error).__name__}: {error}", 200).rstrip(".")
        return Feedback(False, f"Your converter stopped: {message}. Which of its functions was it?")
    found = len(runs[AFTER[-1]][0])
    if found != len(network.layers):
        return Feedback(
            False,
            f"Your network has {counted(found, 'layer')} of neurons, and snnlab's "
            f"{len(network.layers)}. Which of its layers becomes neurons?",
        )
    total = differing = 0
    first = ""
    for step, (counts, _) in runs.items():
        for name, yours in zip(network.layers, counts, strict=True):
            ours, yours = record.counts(name, step), np.asarray(yours)
            others = np.argwhere(yours != ours)
            total, differing = total + ours.size, differing + len(others)
            if len(others) and not first:
                place = tuple(others[0])
                first = (
                    f"They part in layer {name} after {counted(step, 'step')}: for image "
                    f"{place[0]} a neuron of yours {fires(yours[place])}, and snnlab's "
                    f"{fires(ours[place])}"
                )
    if differing > most * total:
        return Feedback(
            False,
            f"{differing:,} of {total:,} spike counts differ. {first}. Which of your functions "
            f"decides about that?",
        )
    if not np.allclose(np.asarray(runs[AFTER[-1]][1]), record.outputs[-1], atol=1e-3):
        return Feedback(
            False, "All spikes are the same, and the outputs are not. What is their mean over time?"
        )
    steps = f"after each of the first {AFTER[-2]} steps and after {AFTER[-1]}"
    if differing:
        return Feedback(
            True,
            f"{total - differing:,} of {total:,} spike counts are those of snnlab, {steps}. The "
            f"others lie on the edge of a threshold, and single precision rounds them.",
        )
    return Feedback(True, f"All {total:,} spike counts are those of snnlab, {steps}.")
