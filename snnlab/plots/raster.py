"""When which neuron fires, for one image."""

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.plots import _style
from snnlab.simulation import Record


@_style.styled
def raster(record: Record, layer: str | int, *, image: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the spikes of one layer for one image: a mark for each spike, a row for each neuron.

    Several spikes in a step share a mark. A spike that a signed neuron takes back is a cross.

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
    ax, size = _style.axes(ax), _style.mark_size(trains.shape[1])
    steps, neurons = np.nonzero(trains > 0)
    ax.plot(steps + 1, neurons, "|", color=_style.BLACK, ms=size, label="sent")
    if name in record.neurons and record.neurons[name].signed:
        steps, neurons = np.nonzero(trains < 0)
        ax.plot(steps + 1, neurons, "x", color=_style.ORANGE, ms=size, label="taken back")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    ax.set(xlim=(0.5, record.timesteps + 0.5), ylim=(-1, trains.shape[1]))
    ax.set(xlabel="step", ylabel="neuron", title=f"Spikes of layer {name}, image {image}")
    return ax
