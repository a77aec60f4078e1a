"""What neurons pass on, against what their ReLUs do."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.analysis import PARTS, ErrorParts
from snnlab.plots import _style

# More marks than this hide each other, so that they are counted in cells.
_MARKS = 3000
_COLUMNS, _LEVELS = 36, 20
_EXACT = ("no error", _style.BLACK, "+")
# In points: of a mark for one neuron, and for all there are.
_SMALLEST, _LARGEST = 2.0, 10.0


@_style.styled
def activation_against_rate(
    report: ErrorParts, layer: str | int, *, ax: Axes | None = None
) -> Axes:
    """Draw a mark for each neuron and image: what it passes on over the ANN's activation.

    Its colour and shape tell which part of its error is the largest; a cross has no error. The
    dashed line is where both agree. The title says how many of the silent ReLUs fire: those are the
    marks above 0 at the left.

    Of more than 3,000 neurons and images, a mark stands for all that lie near it: it tells which
    part is the largest for most of them, and is the larger the more they are. Those whose ReLU is
    silent have marks of their own.

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
    # Index -1 stands for no error at all.
    largest = np.where(parts.any(0), np.abs(parts).argmax(0), -1)
    looks = [(f"most of it {part.name}", part.color, part.marker) for part in kinds]
    ax = _style.axes(ax, height=4.0)
    end = max(a.max(), passed_on.max())
    ax.plot([0, end], [0, end], "--", color=_style.BLACK, linewidth=0.8, label="ANN")
    if a.size > _MARKS:
        a, passed_on, largest, counts = _gathered(a, passed_on, largest)
        sizes = _SMALLEST + (_LARGEST - _SMALLEST) * np.log(counts) / np.log(counts.sum())
    else:
        sizes = np.full(a.size, 3.0)
    for index, (label, color, marker) in [*enumerate(looks), (-1, _EXACT)]:
        chosen = largest == index
        ax.plot([], [], marker, color=color, ms=5, label=label)
        # The area is in square points.
        look: Any = {"marker": marker, "color": color, "linewidth": 1, "label": f"_{label}"}
        ax.scatter(a[chosen], passed_on[chosen], sizes[chosen] ** 2, **look)
    ax.set(xlabel="activation of the ANN", ylabel="passed on by the neuron (θ × rate)")
    silent = report.activations[name] == 0
    fire = f": {(report.counts[name][silent] > 0).mean():.1%} of the silent ReLUs fire"
    steps = f"Layer {name} after {report.timesteps} steps"
    ax.set_title(steps + (fire if silent.any() else ""))
    ax.grid(alpha=0.3)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def _gathered(
    a: np.ndarray, passed_on: np.ndarray, largest: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return where the neurons of each cell lie on average, their largest part, and their number.

    Of the parts of a cell the one that is the largest for most of its neurons. Levels are those of
    the counts if there are few of them.

    >>> a, passed_on = np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.5, 1.0])
    >>> [values.tolist() for values in _gathered(a, passed_on, np.array([2, 2, -1]))]
    [[0.0, 1.0], [0.5, 1.0], [2, -1], [2, 1]]
    """
    # Column 0 is for silent ReLUs alone.
    column = np.ceil(a / max(a.max(), np.finfo(float).tiny) * _COLUMNS).astype(int)
    values = np.unique(passed_on.round(6))
    if len(values) <= _LEVELS:
        level = np.searchsorted(values, passed_on.round(6))
    else:
        level = (passed_on / passed_on.max() * (_LEVELS - 1)).round().astype(int)
    cells, cell = np.unique(column * (level.max() + 1) + level, return_inverse=True)
    counts = np.bincount(cell)
    kinds = np.arange(-1, largest.max() + 1)
    votes = np.stack([np.bincount(cell[largest == k], minlength=len(cells)) for k in kinds])
    where = (np.bincount(cell, values) / counts for values in (a, passed_on))
    return *where, kinds[votes.argmax(0)], counts
