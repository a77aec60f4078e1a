"""The water mark that the charge leaves on a wall: how often a neuron has fired."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snnlab._text import counted
from snnlab.dynamics import if_step
from snnlab.explorers.toolkit.controls import Choice, Control, Slider, Steps
from snnlab.explorers.toolkit.drawing import WATER, area, box, finish
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.explorers.toolkit.wording import at_steps, number
from snnlab.plots._style import BLACK, BLUE, ORANGE

STEPS = 32
# Evenly spread around 0, from -1 to 1: multiples of 1/32, so that all sums are exact.
EVEN = (2 * np.arange(STEPS) + 1 - STEPS) / STEPS
LIMITS = (-7.0, 7.0)
WALL, TOLD = (0.0, 1.0), -0.17
ORDERS = {
    "mixed": np.random.default_rng(2).permutation(STEPS),
    "large first": np.arange(STEPS)[::-1],
    "small first": np.arange(STEPS),
}


def compute(mean: float, spread: float, order: str, time: float) -> dict[str, Any]:
    """Return the charge that a neuron has received up to a moment, its highest, and its spikes.

    The threshold is 1, and the neuron starts empty. Its 32 currents lie evenly between the mean
    minus and plus the spread, and come in the order that was asked; within a step the current
    flows evenly. "counts" are the spikes after all steps, for each of the orders.
    """
    counts = {}
    for name, places in ORDERS.items():
        currents = mean + spread * EVEN[places]
        v, fired = 0.0, []
        for z in currents:
            v, spike = if_step(v, z)
            fired.append(bool(spike))
        counts[name] = sum(fired)
        if name == order:
            charge, spikes = np.concatenate([[0.0], np.cumsum(currents)]), np.flatnonzero(fired) + 1
    past = math.floor(time) + 1
    level = np.interp(time, range(STEPS + 1), charge)
    return {
        "time": time,
        "charge": charge,
        "level": level,
        "highest": max(level, charge[:past].max()),
        "spikes": spikes[spikes < past],
        "counts": counts,
        "ann": max(0.0, STEPS * mean),
    }


class WaterMark(PredictionExplorer):
    """The charge of a neuron as water at a wall, and the highest mark that it has left there.

    The neuron has threshold 1, starts empty, and receives 32 currents. Take hold of their mean, of
    how far they spread around it and of their order; or press Play. Whenever the mark climbs over
    one more threshold, the neuron fires; the water may fall again, a spike stays.

    `prediction` is how many spikes a learner expects.

    >>> from snnlab import explorers
    >>> explorers.WaterMark().words.split("by order: ")[1]
    'mixed 2, large first 4, small first 0.'
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "mean": Slider("mean μ", "average of the 32 currents", -0.125, 0.125, 0.03125, 0.0),
        "spread": Slider("spread", "how far they lie around it", 0.0625, 0.5, 0.0625, 0.5),
        "order": Choice("order", "in which they come", {n: n for n in ORDERS}, "mixed"),
        "time": Steps("time in steps", "how much has passed", 0.0, float(STEPS), 0.125, 32.0),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the wall, and beside it at the same heights the axes of the charge."""
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 2.2))
        moving = self._lay_out_wall(left)
        steps = np.arange(STEPS + 1)
        (self._charge,) = right.plot([], [], color=BLUE, label="charge received")
        (self._later,) = right.plot(steps, steps, ":", color=BLUE, lw=1, label="to come")
        (self._highest,) = right.plot([], [], "--", color=ORANGE, label="its highest so far")
        (self._spikes,) = right.plot([], [], "|", color=BLACK, ms=10, label="spike")
        right.set(xlim=(-0.5, STEPS + 0.5), ylim=LIMITS, xlabel="step", yticks=range(-6, 7))
        right.set_xticks(range(0, STEPS + 1, 4))
        self.mark_prediction(right)
        finish(right, "The charge over time", 24, columns=5, grid=True)
        return [*moving, self._later, self._charge, self._highest, self._spikes]

    def _lay_out_wall(self, ax: Axes) -> list[Artist]:
        """Draw the wall with its thresholds, and return the water and its mark."""
        area(ax, facecolor="#E4E0D8", edgecolor=BLACK).set_paths(box(*WALL, *LIMITS))
        self._wet = area(ax, facecolor="#F6DCC6", edgecolor=ORANGE, lw=0)
        self._water = area(ax, **WATER)
        levels = np.repeat(range(1, 7), 3)
        ax.plot(np.tile([*WALL, np.nan], 6), levels, ":", color=BLACK, lw=1, label="thresholds")
        (self._mark,) = ax.plot([], [], color=ORANGE, lw=4, label="water mark")
        (self._told,) = ax.plot([], [], "|", color=BLACK, ms=10, label="spike")
        ax.set(xlim=(-0.35, 1.05), ylabel="thresholds θ", xticks=[])
        finish(ax, "The wall", 24, columns=2, handles=[self._mark, self._told])
        return [self._wet, self._water, self._mark, self._told]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the water, its mark, the charge and the spikes."""
        level, highest, time = data["level"], data["highest"], data["time"]
        self._water.set_paths(box(*WALL, LIMITS[0], level))
        self._wet.set_paths(box(*WALL, level, highest))
        self._mark.set_data(WALL, [highest] * 2)
        count = len(data["spikes"])
        self._told.set_data(np.full(count, TOLD), np.arange(count) + 1)
        charge, past = data["charge"], math.floor(time) + 1
        seen = np.array([*charge[:past], level])
        self._charge.set_data([*range(past), time], seen)
        self._highest.set_data([*range(past), time], np.maximum.accumulate(seen))
        self._later.set_data([time, *range(past, STEPS + 1)], [level, *charge[past:]])
        self._spikes.set_data(data["spikes"], np.full(count, LIMITS[1] - 0.4))

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say where the water stands and stood, how often the neuron fired, and the orders."""
        count, mean, spread = len(data["spikes"]), values["mean"], values["spread"]
        orders = ", ".join(f"{name} {n}" for name, n in data["counts"].items())
        fired = (
            f"fired {counted(count, 'time')}{at_steps(data['spikes'])}" if count else "not fired"
        )
        return (
            f"{STEPS} currents around {mean:g}, up to {spread:g} away, {values['order']}, after "
            f"{values['time']:g} of {STEPS} steps: the water stands at {number(data['level'])} θ "
            f"and its mark at {number(data['highest'])} θ, so the neuron has {fired}. After all "
            f"steps the ANN says {number(data['ann'])} spikes, and the neuron, by order: {orders}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the law of the water mark, filled in, and what the ANN knows instead."""
        count, highest = len(data["spikes"]), data["highest"]
        return (
            r"<p>$S_t$ is the sum of the currents up to step $t$, with $S_0 = 0$: the level of the "
            r"water. Each spike takes one threshold $\theta = 1$ out of the neuron, so what it "
            r"holds is $v_t = S_t - \theta N_t$. It fires when this reaches $\theta$, that is when "
            r"the water reaches $\theta\,(N_t + 1)$ for the first time. No current here exceeds "
            r"the threshold, so one spike per step is enough, and the mark tells them all:</p>"
            r"$$N_t = \left\lfloor\frac{\max_{s \le t} S_s}{\theta}\right\rfloor = "
            rf"\lfloor{highest:.4g}\rfloor = {count}$$"
            r"<p>The ANN knows only where the water stands in the end, whatever the order:</p>"
            rf"$$T \cdot \mathrm{{ReLU}}(\mu) = {STEPS} \cdot \max(0, {values['mean']:g}) = "
            rf"{data['ann']:g}$$"
        )
