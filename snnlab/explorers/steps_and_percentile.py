"""Accuracy and spikes of a converted network against steps and percentile."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from torch import nn

from snnlab import _checks
from snnlab.calibration import Percentile
from snnlab.conversion import convert
from snnlab.explorers.panel import Panel, Picture
from snnlab.plots import _style
from snnlab.simulation import analog, simulate

PERCENTILES = (50.0, 80.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 100.0)


class StepsAndPercentile:
    """Accuracy over time for a chosen percentile, and the raster of one image.

    Each percentile is simulated once; after that a slider only moves the picture.

    Parameters
    ----------
    model : torch.nn.Module
        The trained ANN.
    x_cal, x : arrays, shape (B, ...)
        Calibration images, and images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image of `x`.
    timesteps : int
        Largest number of steps.
    layer : str or int
        Layer of the raster.
    percentiles : sequence of float
        The choices, each in (1, 100].

    Raises
    ------
    SNNLabError
        As `convert` and `simulate`.
    """

    def __init__(
        self,
        model: nn.Module,
        x_cal: Any,
        x: Any,
        y: Any,
        *,
        timesteps: int = 64,
        layer: str | int = -1,
        percentiles: Sequence[float] = PERCENTILES,
    ):
        self._timesteps = _checks.whole(timesteps, "timesteps")
        self._x, self._y = x, y
        self._layer = layer
        self._networks = {p: convert(model, x_cal, threshold=Percentile(p)) for p in percentiles}
        self._runs: dict[float, dict[str, Any]] = {}
        first = self._networks[percentiles[0]]
        self._ann = 100 * analog(first, x).accuracy(y)
        self._neurons = int(np.prod(first.shape(layer)))
        start = 99.9 if 99.9 in percentiles else percentiles[-1]
        controls = {
            "steps": widgets.IntSlider(
                min(8, timesteps), min=1, max=timesteps, description="steps T"
            ),
            "percentile": widgets.SelectionSlider(
                options=list(percentiles), value=start, description="percentile p"
            ),
        }
        picture = self._picture()
        self._panel = Panel(controls, self._update, picture)
        self.controls = self._panel.controls

    def compute(self, steps: int, percentile: float) -> dict[str, Any]:
        """Return accuracy after each step in percent, spikes per image, and the raster."""
        if percentile not in self._runs:
            net = self._networks[percentile]
            record = simulate(net, self._x, self._timesteps)
            one = simulate(net, self._x[:1], self._timesteps, spikes=[self._layer])
            trains = one.spikes(self._layer).reshape(self._timesteps, -1)
            counts = sum(record.counts(name).sum(dtype=np.int64) for name in record.layers)
            self._runs[percentile] = {
                "accuracy": 100 * record.accuracy(self._y),
                "spikes": counts / len(self._x) / self._timesteps,
                "raster": np.nonzero(trains),
            }
        run = self._runs[percentile]
        step, neuron = run["raster"]
        return run | {
            "steps": steps,
            "now": run["accuracy"][steps - 1],
            "raster": (step[step < steps] + 1, neuron[step < steps]),
        }

    def draw(self, data: dict[str, Any]) -> None:
        """Move the curve, the ring and the spikes."""
        self._curve.set_ydata(data["accuracy"])
        self._ring.set_data([data["steps"]], [data["now"]])
        self._spikes.set_data(*data["raster"])

    def describe(self, data: dict[str, Any], steps: int, percentile: float) -> str:
        """Say in words what the picture shows."""
        gap = data["now"] - self._ann
        side = "the same as" if abs(gap) < 0.005 else "below" if gap < 0 else "above"
        by = "" if side == "the same as" else f"{abs(gap):.2f} points "
        best = int(data["accuracy"].argmax()) + 1
        return (
            f"Percentile {percentile:g}, {steps} steps: {data['now']:.2f} % right, {by}{side} the "
            f"ANN ({self._ann:.2f} %). The best accuracy up to {self._timesteps} steps is "
            f"{data['accuracy'].max():.2f} %, first at step {best}. {data['spikes']:.0f} spikes "
            f"per image and step."
        )

    def _update(self, steps: int, percentile: float) -> str:
        data = self.compute(steps, percentile)
        self.draw(data)
        return self.describe(data, steps, percentile)

    def _picture(self) -> Picture:
        figure = Figure(figsize=(9, 3.4), dpi=90, layout="constrained")
        left, right = figure.subplots(1, 2)
        steps = np.arange(1, self._timesteps + 1)
        left.axhline(self._ann, color=_style.ORANGE, linestyle="--", label="ANN")
        (self._curve,) = left.plot(steps, steps, ".-", color=_style.BLUE, label="SNN")
        (self._ring,) = left.plot([], [], "o", color=_style.BLACK, fillstyle="none", markersize=12)
        left.set_xscale("log", base=2)
        left.xaxis.set_major_formatter("{x:g}")
        left.set(ylim=(0, 102), xlabel="steps", ylabel="accuracy (%)", title="Accuracy over time")
        left.legend(loc="lower right")
        left.grid(alpha=0.3)
        size = _style.mark_size(self._neurons)
        (self._spikes,) = right.plot([], [], "|", color=_style.BLACK, markersize=size)
        right.set(
            xlim=(0, self._timesteps + 1),
            ylim=(-1, self._neurons),
            xlabel="step",
            ylabel="neuron",
            title="Spikes of one layer, one image",
        )
        return Picture(figure, [self._curve, self._ring, self._spikes])

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return self._panel._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return self._panel.description
