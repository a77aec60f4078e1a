"""The membrane potential of one neuron, with its threshold and its spikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.plots import _style
from snnlab.plots.label_curves import label_curves

if TYPE_CHECKING:  # drawing needs no Brian2
    from snnlab.brian import NeuronRecord


@_style.styled
def potential(record: NeuronRecord, neuron: int = 0, *, ax: Axes | None = None) -> Axes:
    """Draw the potential after each step, the threshold, and a mark for each spike.

    Parameters
    ----------
    record : NeuronRecord
        From `brian.simulate_neuron`.
    neuron : int
        Which, if the record holds several.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    OptionError
        If there is no such neuron.
    """
    steps = len(record.time_ms)
    v = record.v_mV.reshape(steps, -1)
    v, threshold = v[:, checks.position(neuron, "neuron", v.shape[1])], record.threshold_mV
    ax = _style.axes(ax, height=2.6)
    form = ".-" if steps <= 100 else "-"
    ax.plot(record.time_ms, v, form, color=_style.BLUE, label="potential")
    high = np.max(v)
    if threshold is not None:
        line = threshold.reshape(steps, -1)[:, neuron]
        ax.plot(record.time_ms, line, "--", color=_style.ORANGE, label="threshold")
        high = max(high, np.max(line))
    fired = record.time_ms[record.spikes.reshape(steps, -1)[:, neuron] == 1]
    marks = np.full(len(fired), 1.15 * high)
    ax.plot(fired, marks, "|", color=_style.BLACK, markersize=12, label="spikes")
    if high > 0:
        ax.set_ylim(top=1.3 * high)
    ax.set(xlabel="time (ms)", ylabel="potential after the step (mV)")
    label_curves(ax)
    return ax
