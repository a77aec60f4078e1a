"""One neuron under a steady current: its potential, its spikes, and its rate beside the ReLU."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab.dynamics import if_step
from snnlab.explorers.toolkit.controls import RESET, START, Control, Scale, Slider
from snnlab.explorers.toolkit.drawing import finish, ring
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.plots._style import BLACK, BLUE, ORANGE

# As the models of `brian`: 1 nA raises the potential of a neuron of 1 nF by 1 mV in 1 ms.
CURRENTS = np.arange(-0.5, 12.25, 0.25)  # nA
SHOWN, STEPS = 40, 100  # ms
LOW, SPIKES, TOP = -22, 27.5, 37  # mV

LEAKS = {"none": math.inf, "50 ms": 50.0, "20 ms": 20.0, "10 ms": 10.0, "5 ms": 5.0}


def compute(
    current: float, threshold: float, reset: Any, leak: float, v_init: float
) -> dict[str, Any]:
    """Return potentials and spikes at `current`, and the rates at all currents.

    In nA, mV, ms and Hz. A leak multiplies the potential by e^(-dt/τ) in each step, and of the
    charge that flows in meanwhile the share (1 - e^(-dt/τ)) τ/dt is left at its end.
    """
    decay = math.exp(-1 / leak)
    gain = 1.0 if math.isinf(leak) else (1 - decay) * leak
    z = gain * np.append(CURRENTS, current)
    v = np.full(len(z), v_init * threshold)
    potentials, trains = np.empty((2, STEPS, len(z)))
    for t in range(STEPS):
        v, spikes = if_step(decay * v, z, threshold, reset)
        potentials[t], trains[t] = v, spikes
    rates = trains.sum(0) * 1000 / STEPS
    return {
        "potential": potentials[:SHOWN, -1],
        "spikes": np.flatnonzero(trains[:SHOWN, -1]) + 1,
        "first": int(trains[:, -1].argmax()) + 1 if trains[:, -1].any() else None,
        "rate": rates[-1],
        "rates": rates[:-1],
        "relu": np.clip(CURRENTS / threshold, 0, None) * 1000,
        "relu_here": max(current / threshold, 0) * 1000,
        "current": current,
        "threshold": threshold,
    }


class SingleNeuron(Explorer):
    """Potential and spikes of a neuron for a chosen current, and its rate for all currents.

    The neurons are the plain ones of `brian.models`: capacitance 1 nF, steps of 1 ms. Take hold of
    the current, the threshold, the reset, the leak, or the potential it starts from. Here quarters
    of a millivolt are exact; Brian2 computes in volt and may fire a step later at a tie.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "current": Slider("current (nA)", "flows in all the time", -0.5, 12.0, 0.25, 4.0),
        "threshold": Slider("threshold (mV)", "where it fires", 5.0, 20.0, 0.5, 10.0),
        "reset": RESET,
        "leak": Scale(
            "leak τ", "time constant; the shorter, the faster it forgets", LEAKS, math.inf
        ),
        "v_init": replace(START, label="start"),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the potential and of the rate."""
        left, right = figure.subplots(1, 2)
        time = np.arange(1, SHOWN + 1)
        (self._potential,) = left.plot(time, time, ".-", color=BLUE, label="potential")
        self._threshold = left.axhline(0, color=ORANGE, ls="--", label="threshold")
        (self._spikes,) = left.plot([], [], "|", color=BLACK, ms=12, label="spike")
        left.set(xlim=(0, SHOWN + 1), ylim=(LOW, TOP), xlabel="time (ms)")
        left.set(ylabel="potential (mV)", title="Potential after each step")
        left.legend(ncols=3, loc="upper center", frameon=False)
        (self._relu,) = right.plot(CURRENTS, CURRENTS, "--", color=BLACK, label="ReLU")
        (self._curve,) = right.plot(CURRENTS, CURRENTS, color=BLUE, label="neuron")
        self._ring = ring(right)
        right.set(xlim=(CURRENTS[0], CURRENTS[-1] + 0.25), ylim=(-50, 1250), xlabel="current (nA)")
        right.set(ylabel="spikes per second (Hz)")
        at_ends = [self._relu, self._curve]
        finish(right, "Rate at every current", 24, columns=2, grid=True, at_ends=at_ends)
        moving = [self._potential, self._threshold, self._spikes]
        return [*moving, self._relu, self._curve, self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the potential, the threshold, the spikes, the curve, the line and the ring."""
        self._potential.set_ydata(data["potential"])
        self._threshold.set_ydata([data["threshold"]] * 2)
        self._spikes.set_data(data["spikes"], np.full(len(data["spikes"]), SPIKES))
        self._curve.set_ydata(data["rates"])
        self._relu.set_ydata(data["relu"])
        self._ring.set_data([data["current"]], [data["rate"]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say when the neuron fires, how often, and what the ReLU says."""
        first, gap, tau = data["first"], data["rate"] - data["relu_here"], values["leak"]
        leaks = "no leak" if math.isinf(tau) else f"leak with time constant {tau:g} ms"
        above = ", above the picture" if data["potential"][-1] > TOP else ""
        fires = "no spike" if first is None else f"first spike after {first} ms"
        side = "as the ReLU says"
        if abs(gap) >= 0.5:
            way = "below" if gap < 0 else "above"
            side = f"{abs(gap):.0f} Hz {way} the ReLU ({data['relu_here']:.0f} Hz)"
        return (
            f"Current {values['current']:g} nA, threshold {values['threshold']:g} mV, reset "
            f"{RESET.shown(values['reset'])}, {leaks}, starting at {values['v_init']:g} θ: "
            f"{fires}, {data['rate']:.0f} spikes per second over {STEPS} ms, {side}. "
            f"After {SHOWN} ms the potential is {data['potential'][-1]:.2f} mV{above}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the equation of the neuron, its rule, and the rate of the ReLU."""
        current, threshold, tau = values["current"], values["threshold"], values["leak"]
        leaky = not math.isinf(tau)
        equation = r"\frac{dv}{dt} = \frac{I}{C}" + (r" - \frac{v}{\tau}" if leaky else "")
        here = rf"I = {current:g}\text{{ nA}},\; C = 1\text{{ nF}},\; \theta = {threshold:g}"
        here += r"\text{ mV}" + (rf",\; \tau = {tau:g}\text{{ ms}}" if leaky else "")
        after = r"v - \theta" if values["reset"] == "subtract" else "0"
        leak = ", and a leak takes its share of the potential" if leaky else ""
        return (
            rf"<p>The current $I$ fills the capacitance $C$ and raises the potential $v${leak}:</p>"
            rf"$${equation}$$"
            rf"<p>At the end of each millisecond the neuron looks whether it has reached its "
            rf"threshold $\theta$. If so, it fires, and the potential is reset:</p>"
            rf"$$v \ge \theta:\quad \text{{spike}},\quad v \leftarrow {after}$$"
            rf"<p>The ReLU says how often the threshold fits into what one second brings:</p>"
            rf"$$\frac{{\max(I, 0)}}{{C\,\theta}} = {data['relu_here']:.0f}"
            rf"\text{{ Hz}},\qquad \text{{neuron: }} {data['rate']:.0f}\text{{ Hz}}$$"
            rf"<p>Here ${here}$.</p>"
        )
