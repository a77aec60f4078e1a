"""How the parts of the error shrink with the number of steps."""

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.analysis import TOTAL, ErrorsOverTime
from snnlab.analysis.error_parts import row
from snnlab.plots import _style
from snnlab.plots.label_curves import label_curves


@_style.styled
def errors_over_time(errors: ErrorsOverTime, layer: str | int, *, ax: Axes | None = None) -> Axes:
    r"""Draw the root mean square of each part over the steps, both on logarithmic axes.

    Thin lines show how a part would shrink that follows 1/T, as quantization is predicted to, and
    :math:`1/\sqrt T`, as the deviation of random currents is; a part that time does not heal stays
    level.

    Parameters
    ----------
    errors : ErrorsOverTime
        From `decompose_over_time`.
    layer : str or int
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    OptionError
        If there is no such row.
    """
    todo = "Write snnlab.decompose_over_time(network, x, record) first."
    checks.instance(errors, ErrorsOverTime, "errors", todo)
    name = row(layer, errors.rms)
    ax = _style.axes(ax)
    steps, rms = np.array(errors.steps), errors.rms[name]
    for part, values in rms.items():
        drawn = values > 0
        if drawn.any():
            ax.plot(steps[drawn], values[drawn], ms=5, label=part, **_style.part_look(part))
    positive = rms[TOTAL.name] > 0
    for power, label in ((-1, "1/T"), (-0.5, "1/√T")) if positive.any() else ():
        times = steps[positive.argmax() :]
        guide = rms[TOTAL.name][positive.argmax()] * (times / times[0]) ** power
        ax.plot(times, guide, "-", color=_style.GREY, linewidth=0.7, label=label)
    _style.log2_axis(ax)
    if any(values.any() for values in rms.values()):  # 0 has no place on a logarithmic axis
        ax.set_yscale("log")
    ax.set(xlabel="steps T", ylabel="root mean square error", title=f"Layer {name}")
    ax.grid(alpha=0.3)
    label_curves(ax, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
