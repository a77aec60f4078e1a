"""Accuracy against the number of steps."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from snnlab.plots import _style
from snnlab.simulation import Record


def accuracy_over_time(
    record: Record, y: Any, *, ann: float | None = None, label: str = "SNN", ax: Axes | None = None
) -> Axes:
    """Draw the accuracy of a simulation after each step, on a logarithmic time axis.

    Parameters
    ----------
    record : Record
    y : array of whole numbers, shape (B,)
        Right class of each image.
    ann : float, optional
        Accuracy of the ANN in [0, 1], drawn as a dashed line.
    label : str
        Name of the curve in the legend.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ShapeError
        As `Record.accuracy`.
    """
    accuracy = record.accuracy(y)
    ax = _style.axes(ax)
    steps = np.arange(1, record.timesteps + 1)
    ax.plot(steps, 100 * accuracy, color=_style.BLUE, marker=".", label=label)
    if ann is not None:
        _style.ann_line(ax, 100 * ann)
    _style.log2_axis(ax)
    ax.set(xlabel="steps", ylabel="accuracy (%)", title="Accuracy over time")
    ax.grid(alpha=0.3)
    ax.legend()
    return ax
