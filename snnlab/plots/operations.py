"""What each layer costs, in operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.analysis import ADDITIONS
from snnlab.plots import _style

if TYPE_CHECKING:
    from snnlab.analysis import Operations

# Label, columns, place beside the layer's tick, color and hatch of each bar.
_BARS = (
    ("ANN: multiply-accumulates", ("true",), -0.2, _style.ORANGE, "//"),
    ("SNN: additions", ADDITIONS, 0.2, _style.BLUE, ""),
    ("SNN: multiply-accumulates", ("multiplications",), 0.2, _style.GREEN, "xx"),
)


@_style.styled
def operations(counted: Operations, *, ax: Axes | None = None) -> Axes:
    """Draw two bars for each layer, per image: what the ANN multiplies, and what the SNN does.

    The lower bar has the SNN's multiply-accumulates behind its additions, where there are some.
    Neuron updates are not drawn.

    Parameters
    ----------
    counted : Operations
        From `snnlab.operations`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    from snnlab.analysis import Operations

    todo = "Write snnlab.operations(network, record) first."
    checks.instance(counted, Operations, "counted", todo)
    costs = [row for row in counted.rows if any(row[c] for _, names, *_ in _BARS for c in names)]
    ax = _style.axes(ax, height=1.4 + 0.5 * len(costs))
    places = np.arange(len(costs))
    ends = {place: np.zeros(len(costs)) for _, _, place, *_ in _BARS}
    for label, columns, place, color, hatch in _BARS:
        length = np.array([sum(float(row[column]) for column in columns) for row in costs])
        if length.any():
            look: Any = {"color": color, "hatch": hatch, "edgecolor": "white"}
            ax.barh(places + place, length, 0.4, ends[place], label=label, **look)
        ends[place] = ends[place] + length
    ax.set_yticks(places, [str(row["layer"]) for row in costs])
    ax.invert_yaxis()
    ax.set_xlabel("operations per image")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_title(f"Operations in {counted.timesteps} steps")
    ax.legend(frameon=False)
    return ax
