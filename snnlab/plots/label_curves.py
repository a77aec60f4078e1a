"""Names of curves, written where the curves end."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

# In points: between a curve's end and its name; and how far, in heights of a name, a name may be
# moved along the axis to make room for others.
_GAP, _FAR = 5.0, 3.0
_MARK = "snnlab name of a curve"
# A curve that ends within this part of the width from the right has its name beside the axes.
_LAST = 0.2


def label_curves(ax: Axes, *, fontsize: float = 9, **legend: Any) -> list[Annotation]:
    """Write the name of each curve where it ends, in its color, instead of a legend.

    Curves are the lines that have a label. A name that must give way to another one is joined to
    its curve by a thin line. Names that find no place near their curve, because many curves
    end together, stand in a legend; vertical lines and single marks do so if something is drawn
    where their name would be. Call it last, when limits and scales are set.

    Parameters
    ----------
    ax : matplotlib axes
    fontsize : float
        In points.
    legend
        For `ax.legend`, should some names need it.

    Returns
    -------
    list of matplotlib annotations
        Those that found a place.

    >>> from matplotlib import pyplot as plt
    >>> from snnlab import plots
    >>> ax = plt.subplots()[1]
    >>> lines = ax.plot([1, 2], [1, 2], label="up") + ax.plot([1, 2], [2, 1], label="down")
    >>> [name.get_text() for name in plots.label_curves(ax)], ax.get_legend()
    (['up', 'down'], None)
    >>> plt.close()
    """
    _forget(ax)
    _lay_out(ax)
    lines = [line for line in ax.lines if line.get_visible() and _named(line)]
    ends = {line: end for line in lines if (end := _end(ax, line)) is not None}
    drawn = _drawn(ax)
    frame = ax.get_window_extent()
    last = frame.x1 - _LAST * frame.width
    outer = [line for line, (x, _) in ends.items() if x >= last and not _upright(line)]
    names = _in_a_column(ax, {line: ends[line] for line in outer}, fontsize)
    for line, end in ends.items():
        if line not in outer and (name := _beside(ax, line, end, drawn, names, fontsize)):
            names[line] = name
    rest = [line for line in ends if line not in names]
    if rest:
        ax.legend(handles=rest, **({"fontsize": fontsize} | legend)).set_gid(_MARK)
    return [names[line] for line in ends if line in names]


def spread_out(centers: np.ndarray, size: float, low: float, high: float) -> np.ndarray:
    """Return the places nearest to those wanted (least squares) that are `size` or more apart.

    They lie between `low` and `high`, which must have room for all.

    >>> spread_out(np.array([1.0, 10.0, 1.5]), 2.0, 0.0, 9.0).tolist()
    [0.25, 9.0, 2.25]
    """
    order = np.argsort(centers, kind="stable")
    blocks: list[list[float]] = []  # of each: sum of wanted places of its first, and how many
    for index, center in enumerate(centers[order]):
        blocks.append([center - index * size, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    placed = np.repeat([total / n for total, n in blocks], [int(n) for _, n in blocks])
    result = np.empty(len(centers))
    room = high - size * (len(centers) - 1)
    result[order] = np.clip(placed, low, room) + size * np.arange(len(centers))
    return result


def _forget(ax: Axes) -> None:
    """Remove the names of an earlier call, before more curves came."""
    for artist in (*ax.texts, ax.get_legend()):
        if artist is not None and artist.get_gid() == _MARK:
            artist.remove()


def _lay_out(ax: Axes) -> None:
    """Give the axes their places, so that positions are what they will be."""
    ax.get_xlim()  # sets limits that follow from the curves
    figure = ax.get_figure(root=True)
    if figure is not None and (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
    ax.apply_aspect()


def _named(line: Line2D) -> bool:
    return not str(line.get_label()).startswith("_")


def _path(line: Line2D) -> np.ndarray:
    """Return the points of a line in pixels; (N, 2)."""
    return np.asarray(line.get_transform().transform(line.get_xydata()))


def _drawn(ax: Axes) -> list[np.ndarray]:
    """Return the points of all that is drawn: lines, areas and bars, and single marks."""
    lines = [_path(line) for line in ax.lines if line.get_visible()]
    areas = [patch.get_transform().transform_path(patch.get_path()) for patch in ax.patches]
    marks = [
        ax.transData.transform(point[None])
        for collection in ax.collections
        for point in np.ma.getdata(collection.get_offsets())
    ]
    return [*lines, *(np.asarray(area.vertices) for area in areas), *marks]


def _upright(line: Line2D) -> bool:
    x, y = _path(line).T
    return len(x) > 1 and np.ptp(x) < 1 <= np.ptp(y)


def _end(ax: Axes, line: Line2D) -> tuple[float, float] | None:
    """Return the last point of a line within its axes, in pixels: of a vertical one the top."""
    points = _path(line)
    frame = ax.get_window_extent()
    points = points[np.isfinite(points).all(1)]
    if _upright(line):
        inside = points[(points[:, 0] >= frame.x0 - 1) & (points[:, 0] <= frame.x1 + 1)]
        return (inside[0, 0], min(inside[:, 1].max(), frame.y1)) if len(inside) else None
    inside = points[
        (points >= [frame.x0 - 1, frame.y0 - 1]).all(1)
        & (points <= [frame.x1 + 1, frame.y1 + 1]).all(1)
    ]
    if not len(inside):
        return None
    x, y = inside[inside[:, 0].argmax()]
    return x, y


def _write(ax: Axes, line: Line2D, end: tuple[float, float], offset: Any, **look: Any) -> Any:
    """Return the name of a line, so many points from its end."""
    moved = abs(offset[1]) > 0.6 * look["fontsize"] and not _upright(line)
    leader = {"arrowstyle": "-", "lw": 0.6, "color": line.get_color(), "shrinkA": 0, "shrinkB": 2}
    return ax.annotate(
        str(line.get_label()),
        tuple(ax.transData.inverted().transform(end)),
        offset,
        textcoords="offset points",
        color=line.get_color(),
        arrowprops=leader | {"relpos": (0, 0.5)} if moved else None,
        annotation_clip=False,
        gid=_MARK,
        **look,
    )


def _in_a_column(ax: Axes, ends: dict[Line2D, Any], fontsize: float) -> dict[Line2D, Any]:
    """Write names beside the axes, those that are not moved too far; return them by line."""
    figure, frame = ax.get_figure(root=True), ax.get_window_extent()
    if not ends or figure is None:
        return {}
    pixels = figure.dpi / 72
    height = 1.3 * fontsize * pixels
    wanted = np.array([y for _, y in ends.values()])
    if height * len(wanted) > frame.height:
        return {}
    placed = spread_out(wanted, height, frame.y0 + height / 2, frame.y1 - height / 2)
    if abs(placed - wanted).max() > _FAR * height:
        return {}
    names = {}
    for (line, (x, y)), new in zip(ends.items(), placed, strict=True):
        across = (frame.x1 - x) / pixels + _GAP + (6 if abs(new - y) > height / 2 else 0)
        offset = (across, (new - y) / pixels)
        names[line] = _write(ax, line, (x, y), offset, va="center", ha="left", fontsize=fontsize)
    return names


def _beside(
    ax: Axes, line: Line2D, end: Any, drawn: Any, names: dict[Line2D, Any], fontsize: float
) -> Annotation | None:
    """Write a name beside an end inside the axes, where nothing is drawn, if there is room."""
    frame = ax.get_window_extent()
    down = -fontsize if _upright(line) else 0
    for across, side in ((_GAP, "left"), (-_GAP, "right")):
        offset, look = (across, down), {"va": "center", "ha": side, "fontsize": fontsize}
        name = _write(ax, line, end, offset, **look)
        box = name.get_window_extent()
        inside = frame.x0 <= box.x0 and box.x1 <= frame.x1
        taken = any(box.overlaps(other.get_window_extent()) for other in names.values())
        if inside and not taken and not any(_crosses(path, box) for path in drawn):
            return name
        name.remove()
    return None


def _crosses(path: np.ndarray, box: Bbox) -> bool:
    """Tell whether a line, drawn straight between its points, enters a box."""
    points = path[np.isfinite(path).all(1)]
    if len(points) < 2:
        return bool(len(points)) and bool(box.contains(*points[0]))
    between = np.linspace(0, 1, 33)[:, None, None]
    dense = (points[:-1] * (1 - between) + points[1:] * between).reshape(-1, 2)
    inside = (dense > [box.x0, box.y0]) & (dense < [box.x1, box.y1])
    return bool(inside.all(1).any())
