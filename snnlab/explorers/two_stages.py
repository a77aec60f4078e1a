"""One neuron that is run twice: what the first time says about the second."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab._text import counted
from snnlab.dynamics import if_step
from snnlab.explorers.toolkit.controls import Control, Slider
from snnlab.explorers.toolkit.drawing import finish, ring
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.toolkit.wording import at_steps, number
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE

START, STEPS, LONGEST = 0.5, 8, 8
LEAST = 1e-3  # as in the authors' code of SRP


def run(currents: Sequence[float], start: float, steps: int) -> dict[str, Any]:
    """Return spikes, potentials before the reset, and after it with that at the start."""
    v, trains, before, after = start, [], [], [start]
    for t in range(steps):
        before.append(v + currents[t % len(currents)])
        v, spike = if_step(v, currents[t % len(currents)])
        trains.append(float(spike))
        after.append(float(v))
    return {"trains": np.array(trains), "before": np.array(before), "after": np.array(after)}


def shift(first: dict[str, Any]) -> float:
    """Return what COS adds to the start, in thresholds."""
    fired, v = first["trains"] > 0, first["after"][-1]
    if v < 0 and fired.any():
        return -max(1.0, float(first["before"][fired].min()) - 0.999)
    if v >= 1:
        silent = first["after"][1:][~fired]
        return max(1.0, 1.001 - float(silent.max())) if silent.size else 1.0
    return 0.0


def compute(z1: float, z2: float, z3: float, z4: float, first: int) -> dict[str, Any]:
    """Return the first stage, what SRP and COS conclude, and what is sent in the second one.

    The threshold is 1, and both stages begin half full. The four currents come in turn, from the
    first one on in either stage. "sent" are spikes so far in the second stage, from step 0 to 8.
    """
    currents = (z1, z2, z3, z4)
    early = run(currents, START, first)
    silent, moved = bool(early["after"][-1] <= LEAST), shift(early)
    usual = run(currents, START, STEPS)["trains"]
    trains = {
        "as it is": usual,
        "SRP": np.zeros(STEPS) if silent else usual,
        "COS": run(currents, START + moved, STEPS)["trains"],
    }
    return {
        "potential": early["after"],
        "spikes": np.flatnonzero(early["trains"]) + 1,
        "silent": silent,
        "shift": moved,
        "ann": STEPS * max(0.0, sum(currents) / len(currents)),
        "sent": {name: np.append(0.0, np.cumsum(train)) for name, train in trains.items()},
    }


class TwoStages(Explorer):
    """One neuron, run for some steps and then anew: the first stage decides about the second.

    SRP (Hao et al. 2023, AAAI) silences a neuron that the first stage leaves at 0 or below. COS
    (Hao et al. 2023, ICLR) moves its start by about a threshold, so that it fires once less or once
    more. Take hold of four currents, which come in turn, and of the length of the first stage.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        **{
            f"z{i}": Slider(
                f"current {i}", f"step {i}, and every fourth after it", -1.0, 1.5, 0.125, z
            )
            for i, z in enumerate((1.0, 0.5, -1.0, -1.0), 1)
        },
        "first": Slider("first stage τ", "how many steps it has", 1, LONGEST, 1, 4),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the first stage and of the second."""
        left, right = figure.subplots(1, 2)
        left.axhline(1, color=BLACK, lw=0.8, ls=":", label="threshold")
        left.axhline(0, color=BLACK, lw=0.8, ls="-.", label="0")
        (self._potential,) = left.plot([], [], ".-", color=BLUE, label="potential")
        (self._spikes,) = left.plot([], [], "^", color=ORANGE, label="spikes")
        self._left = ring(left, label="what is left")
        left.set(xlim=(-0.3, LONGEST + 0.3), ylim=(-8.2, 6.2), xticks=range(LONGEST + 1))
        left.set(xlabel="step", ylabel="potential, in thresholds")
        finish(left, "First stage", 20, columns=5)
        t = np.arange(STEPS + 1)
        (self._ann,) = right.plot(t, t, "--", color=BLACK, label="ANN")
        looks = {"as it is": (ORANGE, "s:"), "SRP": (GREEN, "^-."), "COS": (BLUE, "o-")}
        self._sent = {
            name: right.plot(t, t, form, color=color, ms=5, label=name)[0]
            for name, (color, form) in looks.items()
        }
        right.set(xlim=(-0.3, STEPS + 0.3), ylim=(-0.6, 12.6), xticks=t, yticks=range(0, 13, 2))
        right.set(xlabel="step", ylabel="spikes so far")
        at_ends = [*self._sent.values(), self._ann]
        finish(right, "Second stage", 20, columns=2, grid=True, at_ends=at_ends)
        right.set_title("Second stage", pad=20)  # at the height of the other one
        marks = [self._potential, self._spikes, self._left, self._ann]
        return [*marks, *self._sent.values()]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the potential of the first stage, and the spikes of the second."""
        v, spikes = data["potential"], data["spikes"]
        self._potential.set_data(np.arange(len(v)), v)
        self._spikes.set_data(spikes, np.full(len(spikes), 5.5))
        self._left.set_data([len(v) - 1], [v[-1]])
        self._ann.set_ydata(np.linspace(0, data["ann"], STEPS + 1))
        for name, line in self._sent.items():
            line.set_ydata(data["sent"][name])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what the first stage leaves, what both methods make of it, and who is right."""
        *currents, first = values.values()
        left, start = number(data["potential"][-1]), number(START + data["shift"])
        srp = "silences the neuron" if data["silent"] else "lets it speak"
        change = {-1: "takes a spike away", 0: "changes nothing", 1: "adds a spike"}
        cos = change[int(np.sign(data["shift"]))]
        ends = {name: sent[-1] for name, sent in data["sent"].items()}
        wrong = data["silent"] and data["ann"] > 0
        return (
            f"Currents {', '.join(number(z) for z in currents)} in turn. In the first stage of "
            f"{counted(first, 'step')} the neuron fires {counted(len(data['spikes']), 'time')}"
            f"{at_steps(data['spikes'])}, and {left} is left. SRP {srp}. COS {cos}: start {start}. "
            f"In the next {STEPS} steps the ANN says {data['ann']:g} spikes; as it is the neuron "
            f"sends {ends['as it is']:g}, with SRP {ends['SRP']:g}, with COS {ends['COS']:g}."
            f"{' SRP silences a neuron that should speak.' if wrong else ''}"
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return both rules, filled in."""
        v, first, moved = data["potential"][-1], values["first"], data["shift"]
        sign = r"\le" if data["silent"] else ">"
        verdict = "silent in the second stage" if data["silent"] else "free to fire"
        case = (
            r"$v_\tau < 0$, and it has fired: a spike too many"
            if moved < 0
            else r"$v_\tau \ge \theta$: a spike too few"
            if moved > 0
            else "neither case"
        )
        return (
            r"<p>$v_\tau$ is the potential after the first stage of $\tau$ steps, $v_0$ that at "
            r"the start, $\theta = 1$ the threshold. SRP silences if too little is left:</p>"
            rf"$$v_{{{first}}} = {v:g} {sign} 10^{{-3}}\,\theta:\quad \text{{{verdict}}}$$"
            r"<p>It is a sign, no proof. A neuron that should not fire at all, but did, ends below "
            r"0; but so does one that should fire, and fired once too often.</p>"
            r"<p>COS takes a threshold away if $v_\tau < 0$ and the neuron has fired, and adds one "
            r"if $v_\tau \ge \theta$; a little more where a threshold would not change the count. "
            rf"Here: {case}.</p>"
            rf"$$v_0 = \tfrac12 + ({moved:g}) = {START + moved:g}$$"
            r"<p>The answer comes after both stages, $\tau + T$ steps, and both are paid for.</p>"
        )
