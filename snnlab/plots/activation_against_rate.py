"""What neurons pass on, against what their ReLUs do."""

import numpy as np
from matplotlib.axes import Axes

from snnlab.plots import _style
from snnlab.report import PARTS, ErrorParts

# More marks than this hide each other.
_MARKS = 3000


def activation_against_rate(
    report: ErrorParts, layer: str | int, *, ax: Axes | None = None
) -> Axes:
    """Draw a mark for each neuron and image: what it passes on over the ANN's activation.

    Its colour and shape tell which part of its error is the largest. The dashed line is where both
    agree. Of many neurons an evenly spaced sample is drawn.

    Parameters
    ----------
    report : ErrorParts
        From `decompose`.
    layer : str or int
        A spiking layer.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    OptionError
        If there is no such row.
    """
    parts = np.stack([np.ravel(report.part(layer, part)) for part in PARTS])
    name = layer if isinstance(layer, str) else report.layers[layer]
    a = np.ravel(report.activations[name])
    passed_on = a + parts.sum(0)
    sample = np.unique(np.linspace(0, a.size - 1, min(a.size, _MARKS)).astype(int))
    largest = np.abs(parts).argmax(0)[sample]
    ax = _style.axes(ax, height=4.0)
    end = max(a.max(), passed_on.max())
    ax.plot([0, end], [0, end], "--", color=_style.BLACK, linewidth=0.8, label="ANN")
    for index, part in enumerate(PARTS):
        chosen = sample[(largest == index) & (parts[:, sample] != 0).any(0)]
        ax.plot(
            a[chosen],
            passed_on[chosen],
            _style.PART_LINES[part]["marker"],
            color=_style.PART_LINES[part]["color"],
            markersize=3,
            alpha=0.6,
            label=f"most of it {part}",
        )
    ax.set(xlabel="activation of the ANN", ylabel="passed on by the neuron (θ × rate)")
    ax.set_title(f"Layer {name} after {report.timesteps} steps")
    ax.grid(alpha=0.3)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return ax
