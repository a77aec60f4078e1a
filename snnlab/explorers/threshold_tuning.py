"""The threshold of one layer of a real network: what too low and too high a one costs."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snnlab._text import counted
from snnlab.conversion.correction import FACTORS, Received, candidates, layer_by_layer
from snnlab.dynamics import Neuron, constant_output
from snnlab.exceptions import CalibrationError
from snnlab.explorers.toolkit.controls import Scale, Slider
from snnlab.explorers.toolkit.drawing import finish, ring
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.toolkit.neighbours import averaged, axis_label, neighbours, together
from snnlab.network import Network
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE

LABELS = {
    "measured": "measured",
    "deviation": "order of the currents",
    "steady": "steady current",
}


def errors_of(layer: Received) -> dict[str, np.ndarray]:
    """Return the mean square errors of a layer at each threshold that is tried, shape (22,).

    "steady" is the error under a steady current of the same mean, "deviation" what the order of the
    currents that really come changes, "measured" the error in all; in percent of the mean square of
    what the ANN passes on. "shares" are the thresholds in units of the largest activation; where
    each channel has one, their mean. The first is the threshold that there is.
    """
    if not layer.activation.any():
        raise CalibrationError(
            f"x: layer {layer.name!r} is silent on all {len(layer.activation)} images, expected "
            f"some activation in every layer. Pass more images, like those of the training."
        )
    tried, right, steps = candidates(layer), layer.right, len(layer.currents)
    mean, squares = layer.currents.double().mean(0).cpu().numpy(), []
    for theta in tried:
        neuron = dataclasses.replace(layer.neuron, v_threshold=theta)
        steady = torch.from_numpy(constant_output(mean, steps, neuron)).to(right)
        passed_on = layer.passed_on(neuron)
        errors = steady - right, passed_on - steady, passed_on - right
        squares.append([float(error.square().mean()) for error in errors])
    percent = 100 * np.array(squares).T / float(layer.activation.double().square().mean())
    largest = float(layer.activation.max())
    shares = np.array([np.mean(theta) / largest for theta in tried])
    return dict(zip(("steady", "deviation", "measured"), percent, strict=True)) | {
        "shares": shares,
        "largest": largest,
    }


def errors_by_threshold(network: Network, x: Any, timesteps: int) -> dict[str, Any]:
    """Return what `errors_of` finds in each layer when those before it are tuned.

    All arrays begin with the layer, shape (L, 22) and for the largest activation (L,).
    """
    found: list[dict[str, Any]] = []

    def change(layer: Received) -> Neuron:
        found.append(errors_of(layer))
        best = candidates(layer)[found[-1]["measured"].argmin()]
        return dataclasses.replace(layer.neuron, v_threshold=best)

    layer_by_layer(network, x, timesteps, change)
    return {name: np.array([errors[name] for errors in found]) for name in found[0]}


def compute(run: dict[str, Any], layer: int, threshold: float) -> dict[str, Any]:
    """Return the curves of a layer, counted from 1, and the errors of all at a share θ / largest.

    In each row of "curves" are the 21 thresholds that are tried beside the present one, the highest
    first. "at" are the error and its parts at `threshold`, "present" and "tuned" the share and the
    error of the threshold that there is and of the best one.
    """
    row, column = layer - 1, 1 + int(np.abs(FACTORS - threshold).argmin())
    best, measured = run["measured"][row].argmin(), run["measured"]
    return {
        "layer": layer,
        "largest": run["largest"][row],
        "share": run["shares"][row, column],
        "shares": run["shares"][row, 1:],
        "curves": {kind: run[kind][row, 1:] for kind in LABELS},
        "at": {kind: run[kind][row, column] for kind in LABELS},
        "present": (run["shares"][row, 0], measured[row, 0]),
        "tuned": (run["shares"][row, best], measured[row, best]),
        "all": measured[:, column],
    }


class ThresholdTuning(Explorer):
    """The error that one layer of a network makes itself, over its threshold.

    The layer receives what it gets when `tune_thresholds` comes to it: the spikes of the layers
    before it, which are tuned already. So the lowest point is what that function chooses. All
    layers are simulated once, when the explorer opens. In a deep network neighbouring layers are
    shown together, by their mean.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...)
        Images like those the network will get; some twenty are enough for a look.
    timesteps : int
        T, the number of steps to tune for.

    Raises
    ------
    CalibrationError
        If a layer of the ANN is silent on all images.
    SNNLabError
        As `tune_thresholds`.
    """

    def __init__(self, network: Network, x: Any, timesteps: int = 16):
        self._run = errors_by_threshold(network, x, timesteps)
        self._layers, self._timesteps = network.layers, timesteps
        count = len(self._layers)
        shares = {f"{factor:.3g}": factor for factor in FACTORS[::-1].tolist()}
        self.declared = {
            "layer": Slider("layer", "which one, from the image on", 1, count, 1, -(-count // 2)),
            "threshold": Scale("threshold θ / largest", "in every layer", shares, 1.0),
        }
        super().__init__()

    def compute(self, layer: int, threshold: float) -> dict[str, Any]:
        """Return the errors of a layer over its threshold, and those of all at a chosen one."""
        return compute(self._run, layer, threshold)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"run = errors_by_threshold(network, x, {self._timesteps})\n"
            f"data = compute(run, layer={values['layer']}, threshold={values['threshold']!r})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of one layer over its threshold, and of all layers."""
        left, right = figure.subplots(1, 2, sharey=True)
        measured, best = self._run["measured"], self._run["measured"].min(1)
        lines = [("-", BLACK, 1.5), ("--", ORANGE, 1.5), (":", BLUE, 2)]
        self._curves = {
            kind: left.plot(FACTORS, FACTORS, style, color=color, lw=lw, label=LABELS[kind])[0]
            for (style, color, lw), kind in zip(lines, LABELS, strict=True)
        }
        self._present = left.axvline(1, linestyle="-.", color=GREEN, lw=1, label="as it stands")
        (self._tuned,) = left.plot([], [], "*", color=GREEN, ms=11, label="tuned")
        self._ring = ring(left)
        left.set(xscale="log", yscale="log", xlim=(0.05, 2.5))
        left.set_ylim(best[best > 0].min(initial=1.0) / 3, 2 * measured.max())
        ticks = FACTORS[::4]
        left.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
        left.set_xticks([], minor=True)
        left.yaxis.set_major_formatter("{x:g}")
        left.yaxis.set_minor_formatter("")
        left.set(xlabel="threshold θ / largest activation", ylabel="mean square error (%)")
        at_ends = list(self._curves.values())
        finish(left, "One layer", 22, columns=3, grid=True, at_ends=at_ends)
        per = together(len(self._layers))
        self._groups = neighbours(len(self._layers), per)
        places = averaged(np.arange(1, len(self._layers) + 1), self._groups)
        right.plot(
            places, averaged(measured[:, 0], self._groups), "-.", color=GREEN, label="as it stands"
        )
        right.plot(places, averaged(best, self._groups), "*", color=GREEN, ms=7, label="tuned")
        (self._all,) = right.plot(places, places, "s-", color=BLACK, ms=3, label="at θ / largest")
        self._layer = right.axvline(1, color=BLACK, lw=0.8, linestyle="--")
        right.set(xlabel=axis_label(per))
        right.set_xlim(0, len(self._layers) + 1)
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(right, "All layers", 22, columns=3, grid=True)
        return [
            *self._curves.values(),
            self._present,
            self._tuned,
            self._ring,
            self._all,
            self._layer,
        ]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the curves, the marks of three thresholds, and the errors of all layers."""
        for kind, line in self._curves.items():
            errors = data["curves"][kind]
            line.set_data(data["shares"], np.where(errors > 0, errors, np.nan))
        self._present.set_xdata([data["present"][0]] * 2)
        self._tuned.set_data(*[[value] for value in data["tuned"]])
        self._ring.set_data([data["share"]], [data["at"]["measured"]])
        self._all.set_ydata(averaged(data["all"], self._groups))
        self._layer.set_xdata([data["layer"]] * 2)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what the chosen threshold costs and why, and what the best and the present one do."""
        at, largest = data["at"], data["largest"]
        (now, error_now), (best, least) = data["present"], data["tuned"]
        return (
            f"Layer {data['layer']} of {len(self._layers)}, {self._layers[data['layer'] - 1]}, "
            f"{counted(self._timesteps, 'step')}, threshold {data['share'] * largest:.3g} "
            f"({data['share']:.3g} times the largest activation): the mean square error is "
            f"{at['measured']:.3g} % of the mean square activation; a steady current alone would "
            f"give {at['steady']:.3g} %, the order of the currents alone {at['deviation']:.3g} %. "
            f"The threshold as it stands is {now * largest:.3g} ({now:.3g} times) with "
            f"{error_now:.3g} %; the best, which tune_thresholds chooses, is {best * largest:.3g} "
            f"({best:.3g} times) with {least:.3g} %."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the two parts of the error and how their squares add, filled in."""
        at = data["at"]
        both = at["measured"] - at["steady"] - at["deviation"]
        return (
            r"<p>The mean current $\bar z$ of a neuron asks for the activation $R(\bar z)$; the "
            r"neuron passes on $\varphi = \theta N/T$. Between them stands what a steady current "
            r"$\bar z$ would give, $Q(\bar z)$:</p>"
            r"$$\varphi - R(\bar z) = \underset{\text{steady}}{[Q(\bar z) - R(\bar z)]} + "
            r"\underset{\text{deviation}}{[\varphi - Q(\bar z)]}$$"
            r"<p>A low threshold clips, since no neuron says more than $\theta$; a high one has "
            r"coarse steps, $\theta/T$ apart. The order of the currents adds the deviation. Over "
            r"all neurons and images, in percent of $E[a^2]$:</p>"
            rf"$$\underset{{\text{{measured}}}}{{{at['measured']:.4f}}} = "
            rf"\underset{{\text{{steady}}}}{{{at['steady']:.4f}}} + "
            rf"\underset{{\text{{deviation}}}}{{{at['deviation']:.4f}}} "
            rf"{'-' if both < 0 else '+'} \underset{{2\,E[\text{{steady}} \cdot "
            rf"\text{{deviation}}]}}{{{abs(both):.4f}}}$$"
            r"<p>The last number is 0 where the two have nothing to do with each other. "
            r"<code>tune_thresholds</code> tries these 21 thresholds and the present one, and "
            r"takes the least sum.</p>"
        )
