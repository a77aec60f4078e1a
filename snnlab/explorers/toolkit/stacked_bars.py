"""A stacked bar for each layer, drawn fast enough for a slider."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.patches import Patch
from matplotlib.path import Path

from snnlab.analysis import LAYER_PARTS
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.numbers import Numbers
from snnlab.plots._stacking import stacked
from snnlab.plots._style import BLACK

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
        self.bars, keys = {}, []
        for part in LAYER_PARTS:
            look: Any = {"facecolor": part.color, "edgecolor": "white", "hatch": part.hatch}
            self.bars[part.name] = PathCollection([], lw=0.8, transform=ax.transData, **look)
            ax.add_collection(self.bars[part.name], autolim=False)
            keys.append(Patch(**look, label=part.name))
        ax.axvline(0, color=BLACK, lw=0.8)
        every = -(-len(layers) // NAMES)
        named = range(len(layers) - 1, -1, -every)[::-1]  # the output among them
        ax.set_yticks(named, [short(layers[row]) for row in named])
        self._named, self.sizes = list(named), Numbers(ax, named)
        ax.text(1.02, 1.02, "root mean\nsquare", transform=ax.transAxes, fontsize=8)
        ax.set(xlim=SHARES, ylim=(len(layers) - 0.5, -0.5), ylabel="layer")
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
        ax.set_xlabel("share of the mean square error (%)")
        finish(ax, "What the error is made of", 34, columns=2, handles=keys)

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


def _boxes(start: np.ndarray, end: np.ndarray) -> list[Path]:
    """Return one path around all bars of a part, and no path if all are empty."""
    rows = np.flatnonzero(start != end)
    if not len(rows):
        return []
    x = np.stack([start, end, end, start, start], 1)[rows]
    y = rows[:, None] + HEIGHT / 2 * np.array([-1, -1, 1, 1, -1])
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return [Path(np.stack([x, y], 2).reshape(-1, 2), np.tile(codes, len(rows)))]
