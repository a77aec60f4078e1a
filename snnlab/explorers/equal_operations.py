"""What conversion methods reach against what they cost, one of them looked at."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter

from snnlab._text import counted
from snnlab.comparison import pareto_front
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.controls import Control, Menu, StepScale
from snnlab.explorers.toolkit.drawing import crop, ring
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.plots import _style
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE

# More points of the front than this have no room beside the axes.
MOST_NAMES = 14


def compute(table: Any, method: str, steps: int) -> dict[str, Any]:
    """Return what a method reaches over its additions, and who else is worth a look.

    Additions are in millions per image, accuracies in percent, and rows are counted from 0 in the
    table. "row" is the one that is looked at. "best" is the best row of the other methods that
    takes no more additions, "cheapest" the cheapest row of all that is as good for less; each is
    empty if there is none.
    """
    additions, accuracy = table.additions.to_numpy() / 1e6, 100 * table.accuracy.to_numpy()
    mine, timesteps = (table.method == method).to_numpy(), table.timesteps.to_numpy()
    curve = np.flatnonzero(mine)
    curve = curve[np.argsort(timesteps[curve])]
    row = curve[timesteps[curve] == steps][0]
    price, reached = additions[row], accuracy[row]
    others = np.flatnonzero(~mine & (additions <= price))
    less = (additions < price) & (accuracy >= reached)
    more = (additions == price) & (accuracy > reached)
    as_good = np.flatnonzero(less | more)
    return {
        "additions": additions[curve],
        "accuracy": accuracy[curve],
        "row": int(row),
        "price": price,
        "reached": reached,
        "best": others[np.lexsort((additions[others], -accuracy[others]))][:1],
        "cheapest": as_good[np.lexsort((-accuracy[as_good], additions[as_good]))][:1],
    }


class EqualOperations(Explorer):
    """Accuracy against additions for every method of a comparison, one of them bold.

    Take hold of the method and of the number of steps.

    Parameters
    ----------
    table : pandas.DataFrame
        From `snnlab.compare`, of one network and without a budget.

    Raises
    ------
    OptionError
        If the table has no such columns, no rows, or not the same steps for each method.
    """

    def __init__(self, table: Any):
        # Tables that were joined may number their rows twice.
        self._table = table.reset_index(drop=True) if hasattr(table, "reset_index") else table
        front = pareto_front(self._table)
        self._front = self._table[front].sort_values("additions")
        steps = _same_steps(self._table)
        names = {name: name for name in dict.fromkeys(self._table.method)}
        self.declared: Mapping[str, Control] = {
            "method": Menu("method", "which one is looked at", names, next(iter(names))),
            "steps": StepScale(
                "steps T",
                "after how many it is read",
                {str(step): step for step in steps},
                steps[len(steps) // 2],
            ),
        }
        super().__init__()

    def compute(self, **values: Any) -> dict[str, Any]:
        """Return what the method reaches over its additions, and who else is worth a look."""
        return compute(self._table, **values)

    def calls(self, **values: Any) -> str:
        """Return the line that computes the data from the table."""
        given = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"data = compute(table.reset_index(drop=True), {given})"

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw all methods and the front, and what marks the one that is looked at."""
        ax = figure.subplots()
        x, y = self._table.additions / 1e6, 100 * self._table.accuracy
        lines: list[Any] = []
        for _, rows in self._table.sort_values("timesteps").groupby("method", sort=False):
            lines += [*zip(x[rows.index], y[rows.index], strict=True), (np.nan, np.nan)]
        ax.plot(*np.transpose(lines), "-", color=BLACK, lw=0.5, marker=".", ms=2.5, label="all")
        front = self._front
        look: dict[str, Any] = {"color": GREEN, "lw": 1.2, "ms": 4, "label": "Pareto front"}
        look["drawstyle"] = "steps-post"  # what a price buys, until there is enough for the next
        (line,) = ax.plot(front.additions / 1e6, 100 * front.accuracy, "D-.", **look)
        _name_front(ax, front)
        reached = 100 * self._table.ann.iloc[0]
        _style.ann_line(ax, reached)
        ax.text(x.min() / 1.15, reached, "ANN", va="bottom", fontsize=8)
        (self._curve,) = ax.plot([], [], "o-", color=BLUE, lw=2.5, ms=6, label="this method")
        self._price = ax.axvline(x.iloc[0], color=BLUE, ls=":", lw=1, label="its additions")
        (self._best,) = ax.plot([], [], "s", color=ORANGE, ms=8, label="best other for no more")
        self._ring = ring(ax, label="after these steps")
        ax.set(xscale="log", xlim=(x.min() / 1.2, 1.2 * x.max()))
        crop(ax, y, 100 * self._table.ann)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set(xlabel="million additions per image", ylabel="accuracy (%)")
        ax.set_title("What each method costs")
        handles = [line, self._curve, self._best]
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1.04)}
        ax.legend(handles=handles, frameon=False, fontsize=8, **place)
        ax.grid(alpha=0.3)
        return [self._price, self._curve, self._best, self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the curve of the method, its price, the best other row and the ring."""
        self._curve.set_data(data["additions"], data["accuracy"])
        self._price.set_xdata([data["price"]] * 2)
        best = self._table.iloc[data["best"]]
        self._best.set_data(best.additions / 1e6, 100 * best.accuracy)
        self._ring.set_data([data["price"]], [data["reached"]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what the method reaches and costs, and what others do for as much."""
        row = self._table.iloc[data["row"]]
        later = (
            f", there after {counted(row.latency, 'step')}" if row.latency > row.timesteps else ""
        )
        said = (
            f"{values['method']}, {counted(values['steps'], 'step')}{later}: {data['reached']:.1f} "
            f"% right (ANN {100 * row.ann:.1f} %) for {data['price']:.3g} million additions per "
            f"image."
        )
        if not len(data["best"]):
            said += " No other method gets by with so few."
        for best in data["best"]:
            other = self._table.iloc[best]
            said += (
                f" For no more, the best other method reaches {100 * other.accuracy:.1f} %: "
                f"{_named(other)}."
            )
        if not len(data["cheapest"]):
            return f"{said} Nothing is as good for less."
        for cheapest in data["cheapest"]:
            other = self._table.iloc[cheapest]
            said += f" As good for {other.additions / 1e6:.3g} million: {_named(other)}."
        return said

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return what is counted, and what equal operations means, filled in."""
        row = self._table.iloc[data["row"]]
        front = "; ".join(_named(other) for other in self._front.itertuples())
        per_spike = row.additions / row.spikes if row.spikes else 0.0
        return (
            r"<p>Each spike costs one addition for each synapse it reaches. $s_i$ is what neuron "
            r"$i$ sends in all steps, a spike taken back counted like one sent, and $f_i$ its "
            r"fan-out. A real number on a shortcut costs an addition too, in each step: $r$ of "
            r"them.</p>"
            rf"$$A = \sum_i f_i\,s_i + r = {data['price']:.3g}\ \text{{million}}$$"
            rf"<p>That is {row.spikes:,.0f} spikes of {per_spike:,.0f} additions each, on average. "
            r"At equal steps methods cannot be compared, because steps differ in price. So of "
            r"another method $m$ the number of steps is what $A$ allows:</p>"
            r"$$T_m = \max\{T : A_m(T) \le A\}$$"
            r"<p>A row is on the Pareto front if each row that is as good costs more. From cheap "
            rf"to dear: {html.escape(front)}.</p>"
        )


def _same_steps(table: Any) -> list[int]:
    """Return the steps of all methods, refused if they differ."""
    every = sorted(int(step) for step in set(table.timesteps))
    for method, rows in table.groupby("method", sort=False):
        if sorted(rows.timesteps) != every:
            raise OptionError(
                f"table: {method!r} has rows for the steps {sorted(rows.timesteps)}, expected "
                f"{every} for every method. Pass what snnlab.compare returns without a budget."
            )
    return every


def _name_front(ax: Axes, front: Any) -> None:
    """Put numbers at the points of the front from cheap to dear, and name them beside the axes."""
    look: dict[str, Any] = {"color": GREEN, "fontsize": 7.5}
    halo = [withStroke(linewidth=2, foreground="white")]
    names = []
    for place, row in enumerate(front.itertuples(), 1):
        names.append(f"{place}. {_named(row)}")
        point = row.additions / 1e6, 100 * row.accuracy
        offset: dict[str, Any] = {"textcoords": "offset points", "ha": "right"}
        ax.annotate(str(place), point, (-3, 3), path_effects=halo, **look, **offset)
    if len(names) > MOST_NAMES:
        names[MOST_NAMES - 1 :] = [f"and {len(names) - MOST_NAMES + 1} more"]
    ax.text(1.02, -0.02, "\n".join(names), transform=ax.transAxes, va="bottom", **look)


def _named(row: Any) -> str:
    return f"{row.method}, {counted(row.timesteps, 'step')}"
