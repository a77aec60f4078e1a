"""What a percentile cuts off from the activations of a layer, and the accuracy it leaves."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab._text import counted
from snnlab.conversion import Percentile, activations_of, cut_off
from snnlab.explorers.toolkit.drawing import finish, ring
from snnlab.explorers.toolkit.network_explorer import PercentileExplorer
from snnlab.plots import _style
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE
from snnlab.simulation import simulate

BINS, MOST = 50, 1000
TICKS = (0, 50, 80, 90, 95, 97, 98, 99, 100)


def compute(accuracy: np.ndarray, cut: dict[str, float], steps: int) -> dict[str, Any]:
    """Return what is cut off, and the accuracy, read after some of its steps."""
    return cut | {"accuracy": accuracy, "steps": steps, "now": accuracy[steps - 1]}


class ClippedMass(PercentileExplorer):
    """The activations of a layer with the line of a percentile, and the accuracy over time.

    To the left is what the percentile cuts off from one layer; to the right what it does to the
    network, whose layers all have it, beside the highest of the percentiles.

    Source: Rueckauer et al. 2017 (percentile normalization).
    """

    @cached_property
    def _activations(self) -> np.ndarray:
        return activations_of(self._network.graph, self._x_cal, self._name)

    def _simulated(self, percentile: float) -> dict[str, Any]:
        thresholds = Percentile(percentile).thresholds(self._network.graph, self._x_cal)
        net = self._network.replace(threshold=thresholds)
        return {
            "accuracy": 100 * simulate(net, self._x, self._timesteps).accuracy(self._y),
            "cut": cut_off(self._activations, float(net.thresholds[self._name])),
        }

    def compute(self, steps: int, percentile: float) -> dict[str, Any]:
        """Return what is cut off from the layer, and the accuracy after each step, in percent."""
        return compute(**self.simulations[percentile], steps=steps)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"network = convert(model, x_cal, threshold=Percentile({values['percentile']}))\n"
            f"accuracy = 100 * simulate(network, x, {self._timesteps}).accuracy(y)\n"
            f"activations = activations_of(network.graph, x_cal, {self._name!r})\n"
            f"cut = cut_off(activations, network.thresholds[{self._name!r}])\n"
            f"data = compute(accuracy, cut, {values['steps']})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the histogram, and the axes of the accuracy."""
        left, right = figure.subplots(1, 2)
        a, largest = self._activations, float(self._activations.max())
        counts, self._edges = np.histogram(a, BINS, (0, largest))
        least = 10.0 ** np.floor(np.log10(50 / len(a)))  # so that a single one is seen
        self._shares = np.maximum(100 * counts / len(a), least)
        left.stairs(self._shares, self._edges, baseline=least, fill=True, color=BLUE, label="layer")
        middles = (self._edges[1:] + self._edges[:-1]) / 2
        (self._cut,) = left.step(middles, middles, where="mid", color=ORANGE, lw=3, label="cut off")
        ends = [1.1 * least, 0.9 * MOST]
        (self._line,) = left.plot([0, 0], ends, "--", color=BLACK, label="threshold")
        left.set(yscale="log", xlim=(-0.02 * largest, 1.04 * largest), ylim=(least, MOST))
        left.set(xlabel="activation a", ylabel="share of activations (%)")
        finish(left, f"Layer {self._name}, calibration images", 22, columns=3)
        self._highest = max(self._percentiles)
        steps, best = np.arange(1, self._timesteps + 1), self.simulations[self._highest]["accuracy"]
        ann = _style.ann_line(right, self._ann)
        (other,) = right.plot(steps, best, ":", color=GREEN, label=f"percentile {self._highest:g}")
        (self._curve,) = right.plot(steps, steps, ".-", color=BLUE, label="SNN")
        self._ring = ring(right)
        _style.log2_axis(right)
        # Stretched near 100 %, where the curves are close together.
        right.set_yscale("function", functions=(_stretched, _pressed))
        right.set_yticks(TICKS, [f"{tick}" for tick in TICKS])
        right.set(ylim=(0, 100.2), xlabel="steps", ylabel="accuracy (%), stretched near 100")
        at_ends = [self._curve, ann, other]
        finish(right, "The whole network", 22, columns=3, grid=True, at_ends=at_ends)
        right.set_title("The whole network", pad=22)  # at the height of the other one
        return [self._cut, self._line, self._curve, self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the threshold and what is cut off, the curve and the ring."""
        self._line.set_xdata([data["threshold"]] * 2)
        self._cut.set_ydata(np.where(self._edges[1:] > data["threshold"], self._shares, np.nan))
        self._curve.set_ydata(data["accuracy"])
        self._ring.set_data([data["steps"]], [data["now"]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what is cut off, and how much is right, beside the ANN and the highest percentile."""
        steps, best = values["steps"], int(data["accuracy"].argmax())
        cut = (
            f"{data['above']:.3g} % of the activations are above it, and {data['mass']:.3g} % of "
            f"the sum of all is cut off"
            if data["above"]
            else "nothing is cut off"
        )
        beside = f", the ANN {self._ann:.2f} %"
        if values["percentile"] != self._highest:
            other = self.simulations[self._highest]["accuracy"][steps - 1]
            beside += f", and the network at percentile {self._highest:g} {other:.2f} %"
        return (
            f"Percentile {values['percentile']:g}: the threshold of layer {self._name} is "
            f"{data['threshold']:.3g}, the largest activation {data['largest']:.3g}; {cut}. After "
            f"{counted(steps, 'step')} the network reads {data['now']:.2f} % correctly{beside}. "
            f"The best up to {counted(self._timesteps, 'step')} is "
            f"{data['accuracy'][best]:.2f} %, first at step {best + 1}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return how a percentile sets the threshold, and what is cut off."""
        theta, steps = data["threshold"], values["steps"]
        return self.law(values["percentile"], f" = {theta:.3g}") + (
            r"<p>(If that is 0, the largest activation takes its place.) A neuron fires once per "
            r"step at most, so it cannot pass on what is above $\theta$. The <b>clipped mass</b> "
            r"is the sum of that, beside the sum of all activations:</p>"
            r"$$\frac{\sum \max(a - \theta, 0)}{\sum a} = "
            rf"{data['mass']:.3g}\,\%$$"
            r"<p>Below $\theta$ a neuron has steps of $\theta/T$:</p>"
            rf"$$\frac{{\theta}}{{T}} = \frac{{{theta:.3g}}}{{{steps}}} = {theta / steps:.3g}$$"
            r"<p>Time makes the steps finer. What is cut off, it does not bring back.</p>"
        )


def _stretched(accuracy: Any) -> Any:
    return -np.log(101 - np.minimum(accuracy, 100.9))


def _pressed(height: Any) -> Any:
    return 101 - np.exp(-np.asarray(height))
