"""Three spike trains and their maximum: exact, or let through by a gate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch.nn import functional as F

from snnlab._text import counted
from snnlab.dynamics import DECAY, ExactMaxPool, GatedMaxPool
from snnlab.explorers.toolkit.controls import Choice, Control, Slider
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE

STEPS = 32
# In which order the steps of each input get a spike: the same for every setting, so that noise does
# not move with the slider, and each move of it brings one spike.
ORDER = np.random.default_rng(4).permuted(np.tile(np.arange(STEPS)[:, None], 3), axis=0)
TRAINS = {"random": "random", "regular": "regular"}
WAYS = {"exact": "exact", "gate": "gate", "gate_recent": "gate, recent"}
_ROWS = ("input 1", "input 2", "input 3", *WAYS.values())


def compute(spikes1: int, spikes2: int, spikes3: int, trains: str) -> dict[str, Any]:
    """Return three trains with so many spikes, and what three ways of pooling make of them.

    "inputs" has shape (T, 3), the trains of "passed" have shape (T,). An exact pooling may pass on
    only when the largest count rises. "largest" is the largest count so far, which the ANN would
    pass on.
    """
    spikes = np.array([spikes1, spikes2, spikes3])
    if trains == "random":
        inputs = (spikes > ORDER) * 1.0
    else:
        counts = np.floor(spikes / STEPS * np.arange(STEPS + 1)[:, None] + 0.5)
        inputs = np.diff(counts, axis=0)
    x = torch.from_numpy(inputs)[:, None]  # (T, channels, places)
    pools: dict[str, ExactMaxPool | GatedMaxPool] = {
        "exact": ExactMaxPool(lambda charge: F.max_pool1d(charge, 3)),
        "gate": GatedMaxPool(lambda e: F.max_pool1d(e, 3, return_indices=True)[1], 1.0),
        "gate_recent": GatedMaxPool(lambda e: F.max_pool1d(e, 3, return_indices=True)[1], DECAY),
    }
    passed = {name: pool.step(x, STEPS).flatten().numpy() for name, pool in pools.items()}
    return {"inputs": inputs, "passed": passed, "largest": inputs.cumsum(0).max(1)}


class PoolingGates(PredictionExplorer):
    """Three spike trains, and the maximum pooling of them: exact, and by two gates.

    `prediction` is how many spikes a learner expects behind the gate.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        f"spikes{i}": Slider(f"spikes of input {i}", f"in {STEPS} steps", 0, STEPS - 1, 1, default)
        for i, default in enumerate((16, 16, 8), 1)
    } | {
        "trains": Choice("trains", "how the spikes of an input follow each other", TRAINS, "random")
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the spikes and of their sums."""
        left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
        t = np.arange(1, STEPS + 1)
        look = {"color": BLACK, "markersize": 11, "markeredgewidth": 1.6}
        (self._trains,) = left.plot(np.tile(t, len(_ROWS)), np.tile(t, len(_ROWS)), "|", **look)
        left.axhline(2.5, color=BLACK, lw=0.8)
        left.set(xlim=(0.3, STEPS + 0.7), ylim=(5.6, -0.6), xlabel="step")
        left.set_yticks(range(len(_ROWS)), _ROWS)
        left.set_title("Spikes in, and spikes out", pad=20)
        styles = [("-", BLUE), ("--", ORANGE), ("-.", GREEN)]
        self._sums = [
            right.step(t, t, line, where="post", color=color, label=label)[0]
            for (line, color), label in zip(styles, WAYS.values(), strict=True)
        ]
        (self._largest,) = right.plot(t, t, ".", color=BLACK, label="largest input")
        right.set(xlim=(0, STEPS + 1), ylim=(-1, STEPS + 1), xlabel="step", ylabel="spikes so far")
        self.mark_prediction(right)
        at_ends = [*self._sums, self._largest]
        finish(right, "Added up", 20, columns=3, grid=True, at_ends=at_ends)
        right.set_title("Added up", pad=20)  # at the height of the other one
        return [self._trains, *self._sums, self._largest]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the spikes and their sums."""
        trains = np.array([*data["inputs"].T, *data["passed"].values()])
        rows = np.arange(len(_ROWS))[:, None]
        self._trains.set_ydata(np.where(trains > 0, rows, np.nan).ravel())
        for line, train in zip(self._sums, data["passed"].values(), strict=True):
            line.set_ydata(train.cumsum())
        self._largest.set_ydata(data["largest"])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how many spikes come in, and how many each way of pooling lets out."""
        counts = [f"{count:g}" for count in data["inputs"].sum(0)]
        largest = data["largest"][-1]
        out = {name: train.sum() for name, train in data["passed"].items()}
        more = {name: out[name] - largest for name in ("gate", "gate_recent")}
        said = " and ".join(
            f"{WAYS[name]} {out[name]:g}{f' ({extra:g} too many)' if extra else ''}"
            for name, extra in more.items()
        )
        return (
            f"{values['trains'].capitalize()} trains with {', '.join(counts[:2])} and {counts[2]} "
            f"spikes in {STEPS} steps; the largest has {counted(largest, 'spike')}. Passed on: "
            f"exact {out['exact']:g}, {said}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return what the exact pooling and the gates do."""
        largest = data["largest"][-1]
        out = {name: train.sum() for name, train in data["passed"].items()}
        return (
            r"<p>$x_{i,t}$ is the spike of input $i$ in step $t$, and $S_{i,t}$ the number of its "
            r"spikes so far. <b>Exact</b> pooling passes on by how much the largest sum rises:</p>"
            r"$$o_t = \max_i S_{i,t} - \max_i S_{i,t-1}, \qquad \sum_t o_t = \max_i S_{i,T} = "
            rf"{largest:g}$$"
            r"<p>A <b>gate</b> estimates which input fires most, and passes on the spikes of "
            r"this one:</p>"
            r"$$e_{i,t} = \alpha\, e_{i,t-1} + x_{i,t}, \qquad o_t = x_{i^*,t}, \quad "
            r"i^* = \arg\max_i e_{i,t}$$"
            rf"<p>With $\alpha = 1$ all steps count alike: {out['gate']:g} spikes. Whenever an "
            rf"input listed earlier draws level, its spike passes, though it only makes up for "
            rf"what it lacked. With $\alpha = {DECAY:g}$ the last steps count most: "
            rf"{out['gate_recent']:g}.</p>"
        )
