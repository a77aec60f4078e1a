"""What neurons pass on, against what their ReLUs do."""

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.analysis import PARTS, ErrorParts
from snnlab.plots import _style

# More marks than this hide each other.
_MARKS = 3000
_EXACT = ("no error", _style.BLACK, "+")


@_style.styled
def activation_against_rate(
    report: ErrorParts, layer: str | int, *, ax: Axes | None = None
) -> Axes:
    """Draw a mark for each neuron and image: what it passes on over the ANN's activation.

    Its colour and shape tell which part of its error is the largest; a cross has no error. The
    dashed line is where both agree. Of many neurons an evenly spaced sample is drawn.

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
        If there is no such spiking layer.
    """
    checks.instance(report, ErrorParts, "report", "Write snnlab.decompose(...) first.")
    name = checks.layer(layer, list(report.counts))
    kinds = [part for part in PARTS if part.name in report.parts[name]]
    parts = np.stack([np.ravel(report.part(name, part.name)) for part in kinds])
    a = np.ravel(report.activations[name])
    passed_on = a + parts.sum(0)
    sample = np.unique(np.linspace(0, a.size - 1, min(a.size, _MARKS)).astype(int))
    # Index -1 stands for no error at all.
    largest = np.where(parts.any(0), np.abs(parts).argmax(0), -1)[sample]
    looks = [(f"most of it {part.name}", part.color, part.marker) for part in kinds]
    ax = _style.axes(ax, height=4.0)
    end = max(a.max(), passed_on.max())
    ax.plot([0, end], [0, end], "--", color=_style.BLACK, linewidth=0.8, label="ANN")
    for index, (label, color, marker) in [*enumerate(looks), (-1, _EXACT)]:
        chosen = sample[largest == index]
        ax.plot(a[chosen], passed_on[chosen], marker, color=color, ms=3, alpha=0.6, label=label)
    ax.set(xlabel="activation of the ANN", ylabel="passed on by the neuron (θ × rate)")
    ax.set_title(f"Layer {name} after {report.timesteps} steps")
    ax.grid(alpha=0.3)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return ax
