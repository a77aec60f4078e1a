"""Four currents in a row: a neuron tells the highest charge it held, not the last."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab._text import counted
from snnlab.dynamics import if_step
from snnlab.explorers.toolkit.controls import Control, Slider
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.explorers.toolkit.wording import at_steps
from snnlab.plots._style import BLACK, BLUE, ORANGE

SPIKES = (-0.4, 8.4)


def compute(z1: float, z2: float, z3: float, z4: float) -> dict[str, Any]:
    """Return what one neuron makes of four currents, and what it would make of other orders.

    The threshold is 1, and the neuron starts empty. Charge and spikes so far are given at the start
    and after each step, the counts for each of the 24 orders; the first is the one that was asked.
    """
    orders = np.array(list(itertools.permutations((z1, z2, z3, z4)))).T
    v, trains = np.zeros(orders.shape[1]), np.empty(orders.shape)
    for t, z in enumerate(orders):
        v, trains[t] = if_step(v, z)
    charge = np.concatenate([[0.0], np.cumsum(orders[:, 0])])
    return {
        "charge": charge,
        "highest": np.maximum.accumulate(charge),
        "passed_on": np.concatenate([[0.0], np.cumsum(trains[:, 0])]),
        "spikes": np.flatnonzero(trains[:, 0]) + 1,
        "counts": trains.sum(0),
        "ann": 4 * max(0.0, charge[-1] / 4),
    }


class FourCurrents(PredictionExplorer):
    """The charge of one neuron under four currents, and its spikes beside those of other orders.

    The neuron has threshold 1 and starts empty. Take hold of each of the four currents.

    `prediction` is how many spikes a learner expects.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        f"z{i}": Slider(
            f"current in step {i}", f"what flows in at step {i}, in thresholds", -2.0, 2.0, 0.125, z
        )
        for i, z in enumerate((1.0, 1.0, -1.0, -1.0), 1)
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the charge and of the spikes."""
        left, right = figure.subplots(1, 2)
        t = np.arange(5)
        ends, levels = np.tile([-0.2, 4.4, np.nan], 4), np.repeat(range(1, 5), 3)
        left.plot(ends, levels, ":", color=BLACK, lw=0.8, label="1 to 4 thresholds")
        (self._charge,) = left.plot(t, t, ".-", color=BLUE, label="charge received")
        (self._highest,) = left.plot(t, t, "--", color=ORANGE, label="its highest so far")
        x = [*t, 4.4]
        (self._passed,) = left.step(x, x, where="post", color=BLACK, lw=1, label="spikes so far")
        left.set(xlim=(-0.2, 4.4), ylim=(-8.4, 8.4), xlabel="step", ylabel="sum since the start")
        left.set(xticks=t, yticks=range(-8, 9, 2))
        finish(left, "One neuron", 34, columns=2)
        places = np.repeat(range(1, 4), 3)
        (self._ann,) = right.plot([0, 0], [0, 0], "D--", color=ORANGE, label="ANN")
        (self._bars,) = right.plot(places, places, "o-", color=BLUE, lw=4, label="neuron")
        right.set(xlim=(-0.5, 3.5), ylim=SPIKES, ylabel="spikes in 4 steps")
        names = ["ANN,\nin spikes", "this\norder", "fewest in\nany order", "most in\nany order"]
        right.set_xticks(range(4), names)
        self.mark_prediction(right)
        finish(right, "Spikes", 34, columns=3)
        right.grid(alpha=0.3, axis="y")
        return [self._charge, self._highest, self._passed, self._ann, self._bars]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the charge, its water mark, the spikes so far and the bars."""
        self._charge.set_ydata(data["charge"])
        self._highest.set_ydata(data["highest"])
        self._passed.set_ydata([*data["passed_on"], data["passed_on"][-1]])
        self._ann.set_ydata([0, data["ann"]])
        counts = data["counts"]
        bars = [(0, count, np.nan) for count in (counts[0], counts.min(), counts.max())]
        self._bars.set_ydata(np.ravel(bars))

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how often the neuron fires, what the ANN says, and what other orders give."""
        count, highest = data["counts"][0], data["highest"][-1]
        fewest, most = data["counts"].min(), data["counts"].max()
        late = (
            f", and {counted(np.floor(highest) - count, 'spike')} fewer came of it: above the "
            f"threshold the neuron cannot keep up"
            if count < np.floor(highest)
            else ""
        )
        orders = (
            f"Every order of these currents gives {counted(most, 'spike')}."
            if fewest == most
            else f"Over all orders these currents give {fewest:.0f} to {counted(most, 'spike')}."
        )
        return (
            f"Currents {', '.join(f'{z:g}' for z in values.values())}: sum "
            f"{data['charge'][-1]:g}, so the ANN says {data['ann']:g}. The neuron fires "
            f"{counted(count, 'time')}{at_steps(data['spikes'])}; its charge "
            f"was at most {highest:g} on the way{late}. {orders}"
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the law of the water mark, filled in, and when it holds."""
        count, highest = int(data["counts"][0]), data["highest"][-1]
        above = sum(z > 1 for z in values.values())
        sums = ",\\; ".join(f"{charge:g}" for charge in data["charge"])
        holds = (
            "No current is above the threshold, so the law holds in every order."
            if not above
            else f"{above} of the 4 currents {'is' if above == 1 else 'are'} above the threshold. "
            f"One step holds one spike, so the neuron may fire less often than the law says."
        )
        return (
            r"<p>$S_t$ is the sum of the currents up to step $t$, with $S_0 = 0$. A spike cannot "
            r"be taken back when the charge falls again. So the number of spikes $N$ tells the "
            r"<b>highest</b> charge there was:</p>"
            rf"$$S_0, \dots, S_4 = {sums}$$"
            r"$$N = \left\lfloor\frac{\max_t S_t}{\theta}\right\rfloor = "
            rf"\left\lfloor\frac{{{highest:g}}}{{1}}\right\rfloor = {int(np.floor(highest))},"
            rf"\qquad \text{{the neuron fired }} {count}\text{{ times}}$$"
            rf"<p>{holds}</p>"
            r"<p>The ANN knows only the last charge: $T \cdot \mathrm{ReLU}(S_4 / T) = "
            rf"\max(0, {data['charge'][-1]:g}) = {data['ann']:g}$ spikes. The order of the "
            r"currents changes nothing of that.</p>"
        )
