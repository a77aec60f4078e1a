"""One neuron counts: its potential climbs, drops and climbs again, and its rate is a stair."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab._text import counted
from snnlab.dynamics import Neuron, constant_count, if_step
from snnlab.explorers.toolkit.controls import RESET, START, Control, Slider, Steps
from snnlab.explorers.toolkit.drawing import finish, ring
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.explorers.toolkit.wording import at_steps, number
from snnlab.plots._style import BLACK, BLUE, ORANGE

STEPS = 32
CURRENTS = np.arange(321) / 256
SPIKES, TOP = 2.3, 2.5


def compute(current: float, timesteps: int, v_init: float, reset: Any) -> dict[str, Any]:
    """Return the potential over 32 steps, and the rate after T steps here and at all currents.

    "climb" is the count after each of the T steps, in units of T. Under soft reset it is on the
    stairs of the rates, at the share of the current that has come in by then.

    The threshold is 1 and the current steady. Each step has two potentials: when the current has
    come in, and after the neuron has looked whether it fires.
    """
    v, potential, fired = v_init, [v_init], []
    for step in range(1, STEPS + 1):
        risen = v + current
        v, spike = if_step(v, current, 1.0, reset)
        potential += [risen, v]
        fired += [step] * int(spike)
    spikes = [step for step in fired if step <= timesteps]
    return {
        "potential": np.array(potential),
        "spikes": np.array(spikes, int),
        "left": potential[2 * timesteps],
        "rate": len(spikes) / timesteps,
        "climb": np.searchsorted(fired, np.arange(1, timesteps + 1), side="right") / timesteps,
        "rates": constant_count(CURRENTS, timesteps, Neuron(1.0, reset, v_init)) / timesteps,
        "ann": max(current, 0.0),
        "current": current,
        "timesteps": timesteps,
    }


class Counting(PredictionExplorer):
    """How a neuron with threshold 1 counts its current, and the rate that comes of it.

    Take hold of the current, the number of steps, the potential it starts from and the reset. The
    potential is drawn when the current has come in and after the spike; dotted is what happens
    after the last step that counts. On the right the neuron climbs the stairs, a dot for each step.

    `prediction` is the rate that a learner expects.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "current": Slider("current z", "flows in at each step", 0.0, 1.25, 0.015625, 0.296875),
        "timesteps": Steps("steps T", "how long it may count", 1, STEPS, 1, 4),
        "v_init": START,
        "reset": RESET,
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the potential and of the rate."""
        left, right = figure.subplots(1, 2)
        self._ends = np.repeat(np.arange(STEPS + 1), 2)[1:]
        (self._potential,) = left.plot([], [], ".-", ms=4, color=BLUE, label="potential")
        (self._later,) = left.plot([], [], ":", lw=1, color=BLUE)
        left.axhline(1, color=ORANGE, linestyle="--", label="threshold")
        (self._spikes,) = left.plot([], [], "|", color=BLACK, ms=12, label="spike")
        self._read = left.axvline(0, color=BLACK, ls="-.", lw=1, label="end of T steps")
        left.set(xlim=(-0.5, STEPS + 0.9), ylim=(-0.1, TOP), xlabel="step", ylabel="potential")
        left.set_xticks(range(0, STEPS + 1, 4))
        finish(left, "Potential, before and after each spike", 24, columns=4)
        (ann,) = right.plot(CURRENTS, CURRENTS, "--", color=BLACK, label="ANN (ReLU)")
        (self._stairs,) = right.plot(CURRENTS, CURRENTS, color=BLUE, label="neuron")
        (self._climb,) = right.plot([], [], ".", color=BLACK, ms=4, label="its steps")
        self._ring = ring(right)
        right.set(xlim=(-0.05, 1.3), ylim=(-0.05, 1.3))
        right.set(xlabel="current z", ylabel="spikes per step")
        self.mark_prediction(right)
        at_ends = [ann, self._stairs]
        finish(right, "Rate at every current", 24, columns=4, grid=True, at_ends=at_ends)
        moving = [self._later, self._potential, self._spikes, self._read]
        return [*moving, self._stairs, self._climb, self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the potential, the spikes, the line where it is read, the stairs and the ring."""
        read = 2 * data["timesteps"]
        self._potential.set_data(self._ends[: read + 1], data["potential"][: read + 1])
        self._later.set_data(self._ends[read:], data["potential"][read:])
        self._spikes.set_data(data["spikes"], np.full(len(data["spikes"]), SPIKES))
        self._read.set_xdata([data["timesteps"] + 0.4] * 2)  # beside a spike, not on it
        self._stairs.set_ydata(data["rates"])
        shares = np.arange(1, data["timesteps"] + 1) / data["timesteps"]
        self._climb.set_data(data["current"] * shares, data["climb"])
        self._ring.set_data([data["current"]], [data["rate"]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how often and when the neuron fires, and how far its rate is from the ANN's."""
        start, gap, ann = values["v_init"], data["rate"] - data["ann"], number(data["ann"])
        begins = f"starting at {start:g} θ" if start else "starting empty"
        way = "below" if gap < 0 else "above"
        side = f"which is {number(abs(gap))} {way} the ANN ({ann})" if gap else "as the ANN says"
        above = ", above the picture" if data["left"] > TOP else ""
        return (
            f"Current {number(values['current'])}, {counted(values['timesteps'], 'step')}, "
            f"{begins}, reset {RESET.shown(values['reset'])}: "
            f"{counted(len(data['spikes']), 'spike', 'no')}{at_steps(data['spikes'])}. "
            f"Rate {number(data['rate'])}, {side}. "
            f"Left in the neuron: {number(data['left'])}{above}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the closed form of the count, filled in."""
        count, steps = len(data["spikes"]), values["timesteps"]
        rate = (
            rf"<p>The rate is $N/T = {count}/{steps} = {number(data['rate'])}$; the ANN says "
            rf"$\max(0, z) = {number(data['ann'])}$.</p>"
        )
        return (_subtracting if values["reset"] == "subtract" else _zeroing)(count, **values) + rate


def _subtracting(count: int, current: float, timesteps: int, v_init: float, **_: Any) -> str:
    """Return the count of a neuron with soft reset, filled in."""
    return (
        r"<p>In $T$ steps the current $z$ brings $z\,T$ into a neuron that holds $v_0$ already. "
        r"As often as the threshold $\theta = 1$ fits into that, it fires, but at most once per "
        r"step. What is over stays in the neuron:</p>"
        r"$$N = \mathrm{clip}\left(\left\lfloor\frac{z\,T + v_0}{\theta}\right\rfloor,"
        r"\ 0,\ T\right)$$"
        rf"$$\mathrm{{clip}}\left(\left\lfloor{current:g} \cdot {timesteps} + {v_init:g}"
        rf"\right\rfloor,\ 0,\ {timesteps}\right) = {count}$$"
    )


def _zeroing(count: int, current: float, timesteps: int, v_init: float, **_: Any) -> str:
    """Return the count of a neuron with hard reset, filled in."""
    law = (
        r"<p>Each spike throws away what is above the threshold $\theta = 1$. So the neuron needs "
        r"$n_1$ steps to its first spike, and then always $n$ steps from one to the next:</p>"
        r"$$n_1 = \max\left(1, \left\lceil\frac{\theta - v_0}{z}\right\rceil\right),\quad "
        r"n = \max\left(1, \left\lceil\frac{\theta}{z}\right\rceil\right)$$"
        r"$$N = 1 + \left\lfloor\frac{T - n_1}{n}\right\rfloor \text{ if } T \ge n_1,"
        r"\text{ else } 0$$"
    )
    if current == 0:
        return law + r"<p>Without a current, $z = 0$, it never fires: $N = 0$.</p>"
    first, between = (max(1, int(np.ceil(charge / current))) for charge in (1 - v_init, 1.0))
    return law + (
        rf"<p>With $z = {current:g}$ and $v_0 = {v_init:g}$ these are $n_1 = {first}$ and "
        rf"$n = {between}$, so in $T = {timesteps}$ steps $N = {count}$.</p>"
    )
