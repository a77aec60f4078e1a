"""How often a neuron fires, for each current: the f-I curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from snnlab.exceptions import ShapeError
from snnlab.plots import _style
from snnlab.plots.label_curves import label_curves

if TYPE_CHECKING:  # drawing needs no Brian2
    from snnlab.brian import NeuronRecord


@_style.styled
def fi_curve(
    record: NeuronRecord, *, label: str = "neuron", ax: Axes | None = None, **line: Any
) -> Axes:
    """Draw the rate of many neurons over their currents.

    Parameters
    ----------
    record : NeuronRecord
        From `brian.simulate_neuron` with currents of shape (1, N).
    label : str
        Name of the curve, written where it ends.
    ax : matplotlib axes, optional
    line
        Colour, style and marker, as in matplotlib's `plot`.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ShapeError
        If the record is of one neuron alone.
    """
    if record.spikes.ndim == 1:
        raise ShapeError(
            "record: of one neuron, expected one of many currents. Simulate with current[None], "
            "where current is an array."
        )
    ax = _style.axes(ax)
    ax.plot(record.current_nA.mean(0), record.rate_hz, label=label, **line)
    ax.set(xlabel="current (nA)", ylabel="spikes per second (Hz)")
    ax.grid(alpha=0.3)
    label_curves(ax)
    return ax
