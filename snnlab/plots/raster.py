"""When which neuron fires, for one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.plots import _style

if TYPE_CHECKING:
    from snnlab.simulation import Record

# More rows than this cannot be told apart, so they are sorted.
_ROWS = 64
# In rows: the height of a mark, with a gap between neighbours or without.
_APART, _CLOSE = 0.7, 1.0
_SILENT = "#E4E0D8"


@_style.styled
def raster(record: Record, layer: str | int, *, image: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the spikes of one layer for one image: a mark for each spike, a row for each neuron.

    Several spikes in a step share a mark. A spike that a signed neuron takes back is a cross. Of
    more than 64 neurons the rows are sorted, those with most spikes at the bottom, and those that
    never fire stand on a grey band at the top.

    Parameters
    ----------
    record : Record
        With the spikes of this layer.
    layer : str or int
    image : int
        Position of the image among those recorded.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    OptionError
        If the spikes of the layer were not recorded, or there is no such image.
    """
    image = checks.position(image, "image", record.output_sums.shape[1])
    trains = record.spikes(layer, images=image).reshape(record.timesteps, -1)
    name = layer if isinstance(layer, str) else record.layers[layer]
    neurons = trains.shape[1]
    ax, many = _style.axes(ax), neurons > _ROWS
    rows = np.arange(neurons)
    if many:
        spikes = np.abs(trains).sum(0)
        rows[np.argsort(-spikes, kind="stable")] = np.arange(neurons)
        _mark_silent(ax, neurons, int((spikes == 0).sum()))
    half = (_CLOSE if many else _APART) / 2
    steps, sent = np.nonzero(trains > 0)
    y = rows[sent]
    # As wide as the steps leave room for, in points.
    width = 0.35 * _style.points(ax).width / record.timesteps
    look: Any = {"colors": _style.BLACK, "linewidth": min(max(width, 1), 5), "label": "sent"}
    ax.vlines(steps + 1, y - half, y + half, **look)
    if name in record.neurons and record.neurons[name].signed:
        steps, taken = np.nonzero(trains < 0)
        size = _style.mark_size(neurons)
        ax.plot(steps + 1, rows[taken], "x", color=_style.ORANGE, ms=size, label="taken back")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    ax.set(xlim=(0.5, record.timesteps + 0.5), ylim=(-1, neurons))
    ax.set(xlabel="step", ylabel="neurons, most active first" if many else "neuron")
    ax.set_title(f"Spikes of layer {name}, image {image}")
    return ax


def _mark_silent(ax: Axes, neurons: int, silent: int) -> None:
    """Draw a band behind the rows of neurons that never fire, and write how many there are."""
    if not silent:
        return
    first = neurons - silent
    ax.axhspan(first - 0.5, neurons - 0.5, color=_SILENT, linewidth=0)
    words = f"{silent:,} of {neurons:,} neurons are silent ({silent / neurons:.0%})"
    # Words that are higher than the band begin at its top and cover rows of few spikes.
    ax.annotate(
        words,
        (0.5, neurons - 0.5),
        (0, -3),
        xycoords=ax.get_yaxis_transform(),
        textcoords="offset points",
        ha="center",
        va="top",
        bbox={"facecolor": _SILENT, "edgecolor": "none", "pad": 2},
    )
