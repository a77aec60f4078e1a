"""Accuracy, or another metric, against the number of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from snnlab.plots import _style
from snnlab.plots.label_curves import label_curves

if TYPE_CHECKING:
    from snnlab.simulation import Record
    from snnlab.simulation.metrics import Metric


@_style.styled
def accuracy_over_time(
    record: Record,
    y: Any = None,
    *,
    metric: Metric = None,
    ann: float | None = None,
    label: str = "SNN",
    ax: Axes | None = None,
) -> Axes:
    """Draw the accuracy of a simulation after each step, on a logarithmic time axis.

    Parameters
    ----------
    record : Record
    y : array, shape (B,) or (B, ...), optional
        Labels or targets, as in `Record.accuracy`; by default what came with the images.
    metric : str or callable, optional
        In place of accuracy, as in `Record.accuracy`.
    ann : float, optional
        The same of the ANN, drawn as a dashed line: accuracy in [0, 1], or the metric.
    label : str
        Name of the curve, written where it ends.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ShapeError, OptionError
        As `Record.accuracy`.
    """
    from snnlab._arguments import labels
    from snnlab.simulation.metrics import measure

    y = labels.given_or_own(y, record.labels)
    scale = measure(y, record.output_sums.shape[1:], metric, record.head).scale
    factor, unit = (100, " (%)") if scale.is_share else (1, "")
    ax = _style.axes(ax)
    steps = np.arange(1, record.timesteps + 1)
    reached = factor * record.accuracy(y, metric=metric)
    ax.plot(steps, reached, color=_style.BLUE, marker=".", label=label)
    if ann is not None:
        _style.ann_line(ax, factor * ann)
    _style.log2_axis(ax)
    title = f"{scale.words[0].upper()}{scale.words[1:]} over time"
    ax.set(xlabel="steps", ylabel=f"{scale.words}{unit}", title=title)
    ax.grid(alpha=0.3)
    label_curves(ax)
    return ax
