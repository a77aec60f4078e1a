"""A neuron as a bucket: a current fills it, and at the threshold it pours."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path

from snnlab._text import counted
from snnlab.dynamics import if_step
from snnlab.explorers.toolkit.controls import RESET, START, Control, Slider, Steps
from snnlab.explorers.toolkit.drawing import WATER, area, box, finish, ring
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.toolkit.wording import at_steps, number
from snnlab.plots._style import BLACK, BLUE, ORANGE

STEPS, EARLY = 12, 6
# Of each step the first half is for the current, the second for the spike.
FLOWS = 0.5
LOW, TOP = -1.3, 2.0
INSIDE = (0.02, 0.98)
CHARGE = (-6.6, 13.4)
# What pours leaves the bucket at the threshold and falls.
_FALL = np.linspace(0, 1, 12)
_OUTER = np.stack([1.02 + 0.42 * np.sqrt(_FALL), 1 + (LOW - 1) * _FALL**2], 1)
_INNER = np.stack([1.02 + 0.26 * np.sqrt(_FALL), 0.86 + (LOW - 0.86) * _FALL**2], 1)
POUR = [Path([*_OUTER, *_INNER[::-1], _OUTER[0]], closed=True)]
BUCKET = [*box(-0.03, 0, -0.06, TOP), *box(1, 1.03, -0.06, TOP), *box(0, 1, -0.06, 0)]
TAP = [*box(-0.1, 0.55, TOP + 0.45, TOP + 0.6), *box(0.45, 0.55, TOP + 0.3, TOP + 0.45)]


def compute(current: float, later: float, v_init: float, reset: Any, time: float) -> dict[str, Any]:
    """Return what a neuron holds at a moment, what it has received, and its spikes so far.

    The threshold is 1. The current of a step comes in during its first half, evenly; if the neuron
    fires, it pours during the second half. "flow" is the current that flows at this moment, "ann"
    the ReLU of the mean current up to the end of this step.
    """
    currents = np.repeat([current, later], [EARLY, STEPS - EARLY])
    v, held, fired = v_init, [v_init], []
    for z in currents:
        risen = v + z
        v, spike = if_step(v, z, 1.0, reset)
        held += [risen, v]
        fired.append(bool(spike))
    charge = v_init + np.concatenate([[0.0], np.cumsum(currents)])
    halves = np.arange(2 * STEPS + 1) / 2
    begun, part = math.ceil(time), time % 1
    pours = part > FLOWS and fired[begun - 1]
    told = begun if pours or part == 0 else begun - 1
    return {
        "time": time,
        "level": np.interp(time, halves, held),
        "flow": currents[begun - 1] if 0 < part <= FLOWS else 0.0,
        "pours": pours,
        "received": np.interp(time, halves, np.repeat(charge, 2)[1:]),
        "charge": np.repeat(charge, 2)[1:],
        "spikes": np.flatnonzero(fired[:told]) + 1,
        "ann": max(0.0, currents[:begun].mean()) if begun else 0.0,
    }


class BucketFilling(Explorer):
    """A neuron drawn as a bucket, and the stairs that it climbs by pouring.

    The threshold is 1. A current fills the bucket, a negative one drains it, and below empty there
    is a debt that later current has to pay first. Take hold of the current of the first six steps
    and of that which follows, of the potential it starts from and of the reset; or press Play.

    >>> from snnlab import explorers
    >>> bucket = explorers.BucketFilling()
    >>> "the bucket owes 1.5 θ" in bucket.move(current=-0.5, later=0.75, time=8.0)
    True
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "current": Slider("current at first", f"in steps 1 to {EARLY}", -0.5, 1.0, 0.0625, 0.375),
        "later": Slider("current later", f"from step {EARLY + 1} on", -0.5, 1.0, 0.0625, 0.375),
        "v_init": START,
        "reset": RESET,
        "time": Steps("time in steps", "how much has passed", 0.0, float(STEPS), 0.0625, 2.75),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the bucket and the axes of the charge."""
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
        moving = self._lay_out_bucket(left)
        (self._charge,) = right.plot([], [], color=BLUE, label="charge received")
        (self._later,) = right.plot([], [], ":", color=BLUE, lw=1, label="to come")
        (self._stairs,) = right.step([], [], where="post", color=BLACK, label="spikes so far")
        self._ring = ring(right)
        right.set(xlim=(-0.4, STEPS + 0.4), ylim=CHARGE, xlabel="step", ylabel="thresholds θ")
        right.set(xticks=range(0, STEPS + 1, 2), yticks=range(-6, 13, 2))
        finish(right, "The stairs that it climbs", 24, columns=3, grid=True)
        return [*moving, self._later, self._charge, self._stairs, self._ring]

    def _lay_out_bucket(self, ax: Axes) -> list[Artist]:
        """Draw the bucket and what belongs to it, and return what flows, empty at first."""
        ax.plot([-0.1, 1.1], [1, 1], "--", color=ORANGE, label="threshold")
        ax.plot([-0.1, 1.1], [0, 0], ":", color=ORANGE, lw=1, label="empty")
        names = {1: "threshold θ", 0: "empty", LOW / 2: "debt", TOP + 0.52: "current"}
        for height, name in names.items():
            ax.text(-0.15, height, name, ha="right", va="center")
        ax.text(1.12, 1.2, "a spike pours", va="center")
        area(ax, facecolor=BLACK).set_paths([*BUCKET, *TAP])
        self._water, self._flow, self._pour = (area(ax, **WATER) for _ in range(3))
        self._debt = area(ax, facecolor="#F6DCC6", edgecolor=ORANGE, hatch="//", lw=1.2)
        ax.set(xlim=(-0.85, 1.9), ylim=(LOW, TOP + 0.7), title="The neuron is a bucket")
        ax.axis("off")
        (self._surface,) = ax.plot([], [], color=BLUE, label="level")
        return [self._flow, self._water, self._debt, self._pour, self._surface]

    def draw(self, data: dict[str, Any]) -> None:
        """Move what is in the bucket, what flows, the charge, the stairs and the ring."""
        level, flow, now = data["level"], data["flow"], data["time"]
        self._water.set_paths(box(*INSIDE, 0, min(max(level, 0.0), TOP)))
        self._debt.set_paths(box(*INSIDE, max(min(level, 0.0), LOW), 0))
        self._surface.set_data(INSIDE, [min(max(level, LOW), TOP)] * 2)
        left, right = 0.5 - 0.2 * abs(flow), 0.5 + 0.2 * abs(flow)
        # A negative current leaves through the bottom, as long as there is something in the bucket.
        ends = (max(level, 0.0), TOP + 0.3) if flow > 0 else (LOW, 0.0 if level > 0 else LOW)
        self._flow.set_paths(box(left, right, *ends))
        self._pour.set_paths(POUR if data["pours"] else [])
        halves, past = np.arange(2 * STEPS + 1) / 2, math.floor(2 * now) + 1
        charge, received = data["charge"], data["received"]
        self._charge.set_data([*halves[:past], now], [*charge[:past], received])
        self._later.set_data([now, *halves[past:]], [received, *charge[past:]])
        count = len(data["spikes"])
        self._stairs.set_data([0, *data["spikes"] - FLOWS, now], [*range(count + 1), count])
        self._ring.set_data([now], [count])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what flows, what the bucket holds or owes, and what it has told so far."""
        level, flow, time = data["level"], data["flow"], values["time"]
        below = " (below the picture)" if level < LOW else ""
        holds = (
            f"holds {number(level)} θ"
            if level >= 0
            else f"owes {number(-level)} θ{below}, a debt that comes before any filling"
        )
        pours = "pours a spike and " if data["pours"] else ""
        doing = "fills and " if flow > 0 else "drains and " if flow < 0 else pours
        count, steps = len(data["spikes"]), math.ceil(time)
        often = f"poured {counted(count, 'time')}{at_steps(data['spikes'])}"
        says = (
            f"So far it has {often if count else 'never poured'}: "
            f"{number(count / steps)} per step, where the ReLU of the mean current says "
            f"{number(data['ann'])}."
            if steps
            else "Nothing has happened yet."
        )
        return (
            f"Current {values['current']:g} in steps 1 to {EARLY}, {values['later']:g} later, "
            f"starting at {values['v_init']:g} θ, reset {RESET.shown(values['reset'])}. "
            f"At {time:g} of {STEPS} steps the bucket {doing}{holds}. {says}"
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the rule of a step, and the balance of the bucket at this moment."""
        start, received, count = values["v_init"], data["received"], len(data["spikes"])
        after = r"m - \theta" if values["reset"] == "subtract" else "0"
        balance = (
            r"<p>So nothing is lost: what came in was either poured or is still there. At the end "
            r"of a step</p>"
            r"$$\underset{\text{at first}}{v_0} + \underset{\text{received}}{\textstyle\sum z} = "
            r"\underset{\text{poured}}{\theta N} + \underset{\text{held}}{v}$$"
            if values["reset"] == "subtract"
            else r"<p>What exceeds the threshold when it pours is thrown away, and nobody counts "
            r"it.</p>"
        )
        return (
            r"<p>In each step the current $z$ comes to what the neuron holds, $v$. A negative "
            r"current takes away, and $v$ may fall below 0:</p>"
            r"$$m = v + z$$"
            r"<p>If that reaches the threshold $\theta = 1$, the neuron fires, and pours:</p>"
            rf"$$m \ge \theta:\quad \text{{spike}},\quad v \leftarrow {after};\qquad "
            rf"\text{{else}}\quad v \leftarrow m$$"
            rf"{balance}"
            rf"<p>At {values['time']:g} steps: $v_0 = {start:g}$, received "
            rf"${received - start:.4g}$, spikes $N = {count}$, in the bucket "
            rf"${data['level']:.4g}$.</p>"
        )
