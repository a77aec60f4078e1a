"""What conversion methods reach, against what they cost."""

from typing import Any

from matplotlib.axes import Axes

from snnlab.plots import _style
from snnlab.plots.label_curves import label_curves

# Methods on the front, in turn; all others are grey.
_LOOKS = [
    {"color": color, "marker": marker, "linestyle": line}
    for line in ("-", "--")
    for color, marker in zip(
        (_style.BLUE, _style.ORANGE, _style.GREEN, _style.BLACK), "osD^", strict=True
    )
]


@_style.styled
def accuracy_over_additions(
    table: Any, *, metric: str = "accuracy", ax: Axes | None = None
) -> Axes:
    """Draw a curve for each method, from few steps to many, and mark the Pareto front.

    On the front are the rows that no other beats: each with at least as good an answer takes more
    additions. They are ringed. Methods that have a row there are named, the others are grey.

    Parameters
    ----------
    table : pandas.DataFrame
        From `snnlab.compare`, of one network.
    metric : str
        The column to draw, where more is better.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    OptionError
        If the table has no such columns, or no rows.
    """
    from snnlab.comparison import pareto_front

    front = pareto_front(table, metric)
    ax = _style.axes(ax, width=7.5, height=4.5)
    factor, unit = (100, " (%)") if metric in ("accuracy", "agreement") else (1, "")
    named = list(dict.fromkeys(table[front].sort_values("additions").method))
    for method, rows in table.sort_values("additions").groupby("method", sort=False):
        x, y = rows.additions / 1e6, factor * rows[metric]
        if method in named:
            look: dict[str, Any] = _LOOKS[named.index(method) % len(_LOOKS)]
            ax.plot(x, y, markersize=4, label=method, zorder=3, **look)
        else:
            ax.plot(x, y, color="0.7", linewidth=0.8, zorder=1)
    best = table[front]
    ring: dict[str, Any] = {"facecolors": "none", "edgecolors": _style.BLACK, "s": 90, "zorder": 4}
    ax.scatter(best.additions / 1e6, factor * best[metric], **ring)
    if metric != "agreement":
        _style.ann_line(ax, factor * table.ann.iloc[0])
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    words = f"{metric}{unit}"
    ax.set(xlabel="million additions per image", ylabel=words)
    ax.set_title("What each method costs (ringed: no other is better for less)")
    ax.grid(alpha=0.3, which="both")
    label_curves(ax, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
