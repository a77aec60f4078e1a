"""Accuracy and spikes of a converted network against steps and percentile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from snnlab._text import counted
from snnlab.conversion import Percentile
from snnlab.explorers.toolkit.drawing import finish, ring
from snnlab.explorers.toolkit.network_explorer import PercentileExplorer
from snnlab.network import Network
from snnlab.plots import _style
from snnlab.plots._style import BLACK, BLUE
from snnlab.simulation import simulate

ROWS = 256


def accuracy_and_raster(
    network: Network,
    x_cal: Any,
    x: Any,
    y: Any,
    timesteps: int,
    layer: str | int,
    percentile: float,
) -> dict[str, Any]:
    """Return what the network does in time, with its thresholds at a percentile.

    The accuracy after each step in percent, the spikes per image and step in all, and for the first
    image step and neuron of every spike of one layer.
    """
    thresholds = Percentile(percentile).thresholds(network.graph, x_cal)
    net = network.replace(threshold=thresholds)
    record = simulate(net, x, timesteps)
    one = simulate(net, x[:1], timesteps, spikes=[layer])
    step, neuron = np.nonzero(one.spikes(layer).reshape(timesteps, -1))
    counts = sum(record.sent(name).sum() for name in record.layers)
    return {
        "accuracy": 100 * record.accuracy(y),
        "spikes": counts / len(x) / timesteps,
        "raster": (step + 1, neuron),
    }


def compute(run: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return what was simulated, read after some of its steps."""
    step, neuron = run["raster"]
    seen = step <= steps
    return run | {
        "steps": steps,
        "now": run["accuracy"][steps - 1],
        "raster": (step[seen], neuron[seen]),
    }


class StepsAndPercentile(PercentileExplorer):
    """Accuracy over time for a chosen percentile, and the raster of one layer for one image."""

    def _simulated(self, percentile: float) -> dict[str, Any]:
        given = (self._network, self._x_cal, self._x, self._y, self._timesteps, self._layer)
        return accuracy_and_raster(*given, percentile)

    def compute(self, steps: int, percentile: float) -> dict[str, Any]:
        """Return accuracy after each step in percent, spikes per image and step, and the raster."""
        return compute(self.simulations[percentile], steps)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"network = convert(model, x_cal)\n"
            f"run = accuracy_and_raster(network, x_cal, x, y, {self._timesteps}, "
            f"{self._layer!r}, {values['percentile']})\n"
            f"data = compute(run, {values['steps']})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the accuracy and of the raster."""
        left, right = figure.subplots(1, 2)
        steps = np.arange(1, self._timesteps + 1)
        _style.ann_line(left, self._ann)
        (self._curve,) = left.plot(steps, steps, ".-", color=BLUE, label="SNN")
        (self._later,) = left.plot(steps, steps, ":", color=BLUE, lw=1)
        self._ring = ring(left)
        _style.log2_axis(left)
        left.set(ylim=(0, 103), xlabel="steps", ylabel="accuracy (%)")
        finish(left, "Accuracy over time", 24, columns=2, grid=True)
        # Thousands of marks would make a slow picture. So each step has three columns, one of them
        # black, and where there are more neurons than rows on the screen, some share a row.
        neurons = int(np.prod(self._network.shape(self._layer)))
        # Neurons that fire more often in the first run stand lower, so that rows can be compared.
        _, fired = next(iter(self.simulations.values()))["raster"]
        self._rows = np.empty(neurons, int)
        counts = np.bincount(fired, minlength=neurons)
        self._rows[np.argsort(-counts, kind="stable")] = np.arange(neurons)
        self._per_row = -(-neurons // ROWS)
        marks = np.zeros((-(-neurons // self._per_row), 3 * self._timesteps))
        end = self._per_row * len(marks)
        colors = ListedColormap(["white", BLACK])
        extent = (0.5, self._timesteps + 0.5, -0.5, end - 0.5)
        look: dict[str, Any] = {"interpolation": "none", "origin": "lower", "aspect": "auto"}
        self._spikes = right.imshow(marks, colors, vmin=0, vmax=1, extent=extent, **look)
        right.set(xlim=(0, self._timesteps + 1), ylim=(-1, neurons), xlabel="step")
        right.set(ylabel="neurons, most active first", title="Spikes of one layer, one image")
        return [self._later, self._curve, self._ring, self._spikes]

    def draw(self, data: dict[str, Any]) -> None:
        """Let the curve grow up to the step, and move the ring and the spikes."""
        steps = np.arange(1, self._timesteps + 1)
        self._curve.set_data(steps[: data["steps"]], data["accuracy"][: data["steps"]])
        self._later.set_ydata(data["accuracy"])
        self._ring.set_data([data["steps"]], [data["now"]])
        step, neuron = data["raster"]
        marks = np.zeros(self._spikes.get_size())
        marks[self._rows[neuron] // self._per_row, 3 * step - 2] = 1
        self._spikes.set_data(marks)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how much is right, beside the ANN and the best that time can bring."""
        steps, percentile = values["steps"], values["percentile"]
        gap = data["now"] - self._ann
        side = "the same as" if abs(gap) < 0.005 else "below" if gap < 0 else "above"
        by = "" if side == "the same as" else f"{abs(gap):.2f} points "
        best = int(data["accuracy"].argmax()) + 1
        return (
            f"Percentile {percentile:g}, {counted(steps, 'step')}: {data['now']:.2f} % right, "
            f"{by}{side} the ANN ({self._ann:.2f} %). The best accuracy up to "
            f"{counted(self._timesteps, 'step')} is "
            f"{data['accuracy'].max():.2f} %, first at step {best}; in that time "
            f"{counted(round(data['spikes']), 'spike')} per image and step."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return how a percentile sets the threshold, and what a neuron can then pass on."""
        steps, percentile = values["steps"], values["percentile"]
        return self.law(percentile) + (
            r"<p>(If that is 0, the largest activation takes its place.)</p>"
            r"<p>After $T$ steps with $N$ spikes a neuron has passed on</p>"
            rf"$$\frac{{\theta\,N}}{{T}},\qquad N \in \{{0, 1, \dots, T\}},\qquad T = {steps}$$"
            r"<p>So it never says more than $\theta$, and between two of its values lies "
            r"$\theta/T$. A low percentile cuts off, a high one makes the stairs coarse; time "
            r"helps only against the second.</p>"
        )
