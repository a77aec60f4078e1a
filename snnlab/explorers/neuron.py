"""One neuron under a steady current: its potential, its spikes, and its rate beside the ReLU."""

import math
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from snnlab.explorers.panel import Panel, Picture
from snnlab.neuron import if_step
from snnlab.plots import _style

# As the models of `brian`: 1 nA raises the potential of a neuron of 1 nF by 1 mV in 1 ms.
_CURRENTS = np.arange(-2, 12.25, 0.25)
_SHOWN, _STEPS = 40, 100
_LOW, _HIGH = -10, 25
_LEAKS = [("none", math.inf), ("50 ms", 50.0), ("20 ms", 20.0), ("10 ms", 10.0), ("5 ms", 5.0)]


class Neuron:
    """Potential and spikes of a neuron for a chosen current, and its rate for all currents.

    The neurons are the plain ones of `brian.models`: capacitance 1 nF, steps of 1 ms. Take hold of
    the current, the threshold, the reset, the leak, or the potential it starts from. Here quarters
    of a millivolt are exact; Brian2 computes in volt and may fire a step later at a tie.
    """

    def __init__(self) -> None:
        controls = {
            "current": widgets.FloatSlider(
                4, min=_CURRENTS[0], max=_CURRENTS[-1], step=0.25, description="current (nA)"
            ),
            "threshold": widgets.FloatSlider(
                10, min=5, max=20, step=0.5, description="threshold (mV)"
            ),
            "reset": widgets.ToggleButtons(
                options=[("by subtraction", "subtract"), ("to zero", "zero")], description="reset"
            ),
            "leak": widgets.SelectionSlider(
                options=_LEAKS, value=math.inf, description="leak, time constant"
            ),
            "v_init": widgets.FloatSlider(
                0, min=0, max=0.9, step=0.1, description="starts from (thresholds)"
            ),
        }
        self._panel = Panel(controls, self._update, self._picture())
        self.controls = self._panel.controls

    def compute(
        self, current: float, threshold: float, reset: Any, leak: float, v_init: float
    ) -> dict[str, Any]:
        """Return potentials and spikes at `current`, and the rates at all currents.

        In nA, mV, ms and Hz. A leak multiplies the potential by e^(-dt/τ) in each step, and of the
        charge that flows in meanwhile the share (1 - e^(-dt/τ)) τ/dt is left at its end.
        """
        decay = math.exp(-1 / leak)
        gain = 1.0 if math.isinf(leak) else (1 - decay) * leak
        z = gain * np.append(_CURRENTS, current)
        v = np.full(len(z), v_init * threshold)
        potentials, trains = np.empty((2, _STEPS, len(z)))
        for t in range(_STEPS):
            v, spikes = if_step(decay * v, z, threshold, reset)
            potentials[t], trains[t] = v, spikes
        rates = trains.sum(0) * 1000 / _STEPS
        return {
            "potential": potentials[:_SHOWN, -1],
            "spikes": np.flatnonzero(trains[:_SHOWN, -1]) + 1,
            "first": int(trains[:, -1].argmax()) + 1 if trains[:, -1].any() else None,
            "rate": rates[-1],
            "rates": rates[:-1],
            "relu": np.clip(_CURRENTS / threshold, 0, None) * 1000,
            "relu_here": max(current / threshold, 0) * 1000,
            "current": current,
            "threshold": threshold,
        }

    def draw(self, data: dict[str, Any]) -> None:
        """Move the potential, the threshold, the spikes, the curve, the line and the ring."""
        self._potential.set_ydata(data["potential"])
        self._threshold.set_ydata([data["threshold"]] * 2)
        self._spikes.set_data(data["spikes"], np.full(len(data["spikes"]), 0.94 * _HIGH))
        self._curve.set_ydata(data["rates"])
        self._relu.set_ydata(data["relu"])
        self._ring.set_data([data["current"]], [data["rate"]])

    def describe(self, data: dict[str, Any], **controls: Any) -> str:
        """Say in words what the picture shows."""
        first, gap = data["first"], data["rate"] - data["relu_here"]
        tau = controls["leak"]
        settings = (
            f"Current {controls['current']:g} nA, threshold {controls['threshold']:g} mV, reset "
            f"{'by subtraction' if controls['reset'] == 'subtract' else 'to zero'}, "
            f"{'no leak' if math.isinf(tau) else f'leak with time constant {tau:g} ms'}, starting "
            f"{controls['v_init']:g} thresholds full: "
        )
        fires = "no spike" if first is None else f"first spike after {first} ms"
        side = (
            "as the ReLU says"
            if abs(gap) < 0.5
            else (
                f"{abs(gap):.0f} Hz {'below' if gap < 0 else 'above'} the ReLU "
                f"({data['relu_here']:.0f} Hz)"
            )
        )
        return (
            f"{settings}{fires}, {data['rate']:.0f} spikes per second over {_STEPS} ms, {side}. "
            f"After {_SHOWN} ms the potential is {data['potential'][-1]:.2f} mV."
        )

    def _update(self, **controls: Any) -> str:
        data = self.compute(**controls)
        self.draw(data)
        return self.describe(data, **controls)

    def _picture(self) -> Picture:
        figure = Figure(figsize=(9, 3.4), dpi=90, layout="constrained")
        left, right = figure.subplots(1, 2)
        time = np.arange(1, _SHOWN + 1)
        (self._potential,) = left.plot(time, time, ".-", color=_style.BLUE, label="potential")
        (self._threshold,) = left.plot(
            [0, _SHOWN + 1], [0, 0], "--", color=_style.ORANGE, label="threshold"
        )
        (self._spikes,) = left.plot([], [], "|", color=_style.BLACK, markersize=12, label="spike")
        left.set(xlim=(0, _SHOWN + 1), ylim=(_LOW, _HIGH + 6), xlabel="time (ms)")
        left.set(ylabel="potential (mV)", title="Potential after each step")
        left.legend(ncols=3, loc="upper center", frameon=False)
        (self._relu,) = right.plot(_CURRENTS, _CURRENTS, "--", color=_style.ORANGE, label="ReLU")
        (self._curve,) = right.plot(_CURRENTS, _CURRENTS, ".-", color=_style.BLUE, label="neuron")
        (self._ring,) = right.plot([], [], "o", color=_style.BLACK, fillstyle="none", markersize=12)
        right.set(xlim=(_CURRENTS[0], _CURRENTS[-1]), ylim=(-50, 1250), xlabel="current (nA)")
        right.set(ylabel="spikes per second (Hz)", title="Rate at every current")
        right.legend(loc="upper left")
        right.grid(alpha=0.3)
        moving = [self._potential, self._threshold, self._spikes]
        return Picture(figure, [*moving, self._relu, self._curve, self._ring])

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return self._panel._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return self._panel.description
