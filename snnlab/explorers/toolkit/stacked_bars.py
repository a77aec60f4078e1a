"""A stacked bar for each layer, drawn fast enough for a slider."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.patches import Patch
from matplotlib.path import Path

from snnlab.analysis import LAYER_PARTS, Part
from snnlab.explorers.toolkit.drawing import legend_above
from snnlab.explorers.toolkit.numbers import Numbers
from snnlab.plots import _style
from snnlab.plots._stacking import stacked

# From some room for negative shares to some for those that they cancel.
SHARES = (-0.2, 1.2)
HEIGHT = 0.7
# Of a deeper network only some layers are named.
NAMES = 12


class StackedBars:
    """The shares of the parts of the error, a row for each layer, and the error's size beside it.

    All bars of one part are one artist, because that is drawn faster.

    Parameters
    ----------
    ax : matplotlib axes
    layers : sequence of str
    """

    def __init__(self, ax: Axes, layers: Sequence[str]):
        self.bars = {part.name: _bars(ax, part) for part in LAYER_PARTS}
        ax.axvline(0, color=_style.BLACK, linewidth=0.8)
        every = -(-len(layers) // NAMES)
        named = range(len(layers) - 1, -1, -every)[::-1]  # the output among them
        ax.set_yticks(named, [short(layers[row]) for row in named])
        self._named, self.sizes = list(named), Numbers(ax, named)
        ax.text(1.02, 1.02, "root mean\nsquare", transform=ax.transAxes, fontsize=8)
        ax.set(xlim=SHARES, ylim=(len(layers) - 0.5, -0.5), ylabel="layer")
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
        ax.set_xlabel("share of the mean square error (%)")
        legend_above(ax, 2, handles=[_key(part) for part in LAYER_PARTS])

    @property
    def artists(self) -> list[Artist]:
        """The artists that `move` changes."""
        return [*self.bars.values(), self.sizes.artist]

    def move(self, shares: Mapping[str, np.ndarray], sizes: np.ndarray) -> None:
        """Show the shares of each part and the root mean square error, by layer."""
        for part, (start, end) in stacked(shares).items():
            self.bars[part].set_paths(_boxes(start, end))
        self.sizes.show(sizes[self._named])


def short(name: str) -> str:
    """Return a layer's name short enough to stand beside a bar.

    >>> short("relu1"), short("features.stage4.block2.relu")
    ('relu1', '…lock2.relu')
    """
    return name if len(name) <= 11 else f"…{name[-10:]}"


def _bars(ax: Axes, part: Part) -> PathCollection:
    """Return the bars of one part in all layers.

    The fill is light, so the edges and the hatch have the dark color of the part's line.
    """
    look: dict[str, Any] = {"facecolors": part.color, "edgecolors": part.dark, "hatch": part.hatch}
    bars = PathCollection([], linewidths=0.8, **look)
    bars.set_transform(ax.transData)
    ax.add_collection(bars, autolim=False)
    return bars


def _boxes(start: np.ndarray, end: np.ndarray) -> list[Path]:
    """Return one path around all bars of a part, and no path if all are empty."""
    rows = np.flatnonzero(start != end)
    if not len(rows):
        return []
    x = np.stack([start, end, end, start, start], 1)[rows]
    y = rows[:, None] + HEIGHT / 2 * np.array([-1, -1, 1, 1, -1])
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return [Path(np.stack([x, y], 2).reshape(-1, 2), np.tile(codes, len(rows)))]


def _key(part: Part) -> Patch:
    return Patch(facecolor=part.color, edgecolor=part.dark, hatch=part.hatch, label=part.name)
