"""A whole layer counts: the quantization and the clipping of real activations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from snnlab._text import counted
from snnlab.dynamics import soft_count
from snnlab.exceptions import ShapeError
from snnlab.explorers.toolkit.controls import START, Control, Slider, StepScale
from snnlab.explorers.toolkit.drawing import finish, none_at_zero, part_line, ring
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.plots._style import BLACK, BLUE, ORANGE

KEPT = 4096
SHARES = np.arange(1, 81) / 64
STEPS = {f"{2**k}": 2**k for k in range(9)}
BINS, MOST, MARKS, VALUES = 50, 1000, 300, 33


def in_order(activations: Any) -> np.ndarray:
    """Return all activations, shape (N,), the smallest first."""
    array = activations.detach().cpu() if hasattr(activations, "detach") else activations
    return np.sort(np.asarray(array, np.float64), axis=None)


def compute(
    activations: np.ndarray, timesteps: int, threshold: float, v_init: float
) -> dict[str, Any]:
    """Return the root mean square errors of a layer at many thresholds, the last the chosen one.

    `activations` come from `in_order`, `threshold` is a share of the largest. The current is steady
    and as large as the activation. Of many activations 4,096 are looked at, evenly spaced in order.
    """
    n, largest = len(activations), activations[-1]
    few = min(n, KEPT)
    a = activations[((np.arange(few) + 0.5) * n / few).astype(int)]
    thetas = largest * np.append(SHARES, threshold)
    squares = np.empty((3, len(thetas)))
    for k, theta in enumerate(thetas):  # one by one: small arrays stay in the processor's cache
        passed_on = theta * soft_count(a, timesteps, theta, v_init) / timesteps
        clipped = np.minimum(a, theta)
        for part, error in enumerate((clipped - a, passed_on - clipped, passed_on - a)):
            squares[part, k] = error @ error
    parts = ("clipping", "quantization", "total")
    return {
        "threshold": thetas[-1],
        "rms": dict(zip(parts, np.sqrt(squares / few), strict=True)),
        "rule": thetas / (np.sqrt(12) * timesteps),
        "best": thetas[squares[2, :-1].argmin()],
        "values": thetas[-1] * np.arange(timesteps + 1) / timesteps,
        "cut": 100 * (1 - np.searchsorted(activations, thetas[-1], "right") / n),
    }


class LayerQuantization(PredictionExplorer):
    """How the activations of a layer are spread, and how well neurons can say them.

    Take hold of the threshold, of the number of steps, and of the potential the neurons start from.
    The currents are steady and the reset by subtraction, so nothing but counting goes wrong.

    Parameters
    ----------
    activations : array of any shape
        Activations of one layer of the ANN, 0 or more. If there are more than 4,096, the errors are
        those of 4,096 of them: the midmost of each of as many equal groups, in order of size.
        Histogram, largest value and share cut off are those of all.
    prediction : float, optional
        The threshold at which a learner expects the smallest error, in units of the activation.

    Raises
    ------
    ShapeError
        If there are no activations, if one is negative or not finite, or if all are 0.
    OptionError
        If the prediction is not a finite number.
    """

    declared: Mapping[str, Control] = {
        "threshold": Slider(
            "threshold θ / largest", "share of the largest activation", 1 / 64, 1.25, 1 / 64, 0.5
        ),
        "timesteps": StepScale("steps T", "how long they may count", STEPS, 8),
        "v_init": replace(START, meaning="share of the threshold they hold at first", default=0.5),
    }

    def __init__(self, activations: Any, *, prediction: float | None = None):
        self._activations = checked_activations(activations)
        self._zeros = 100 * np.mean(self._activations == 0)
        super().__init__(prediction)

    def compute(self, timesteps: int, threshold: float, v_init: float) -> dict[str, Any]:
        """Return the root mean square errors at many thresholds, the last the chosen one."""
        return compute(self._activations, timesteps, threshold, v_init)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        given = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"data = compute(in_order(activations), {given})"

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the histogram, and the axes of the errors."""
        left, right = figure.subplots(1, 2)
        a, largest = self._activations, self._activations[-1]
        counts, edges = np.histogram(a, BINS, (0, 1.25 * largest))
        lowest = np.clip(np.floor(np.log10(50 / len(a))), -4, -1)  # so that a single one is seen
        least = 10.0**lowest
        shares = np.maximum(100 * counts / len(a), least)
        left.stairs(shares, edges, baseline=least, fill=True, color=BLUE, label="layer")
        ends = [1.1 * least, 0.9 * MOST]
        (self._line,) = left.plot([0, 0], ends, "--", color=ORANGE, label="threshold")
        (self._values,) = left.plot([], [], "|", color=BLACK, ms=9, label="values of a neuron")
        left.set(yscale="log", xlim=(-0.02 * largest, 1.27 * largest), ylim=(least, MOST))
        left.set(xlabel="activation a", ylabel="share of activations (%)")
        ticks = 10.0 ** np.arange(lowest, 3)
        left.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        finish(left, "How the activations are spread", 36, columns=3)
        thetas = largest * SHARES
        self._errors = {
            part: right.plot(thetas, thetas, **part_line(part, start, 12))[0]
            for start, part in zip((0, 4, 8), ("total", "quantization", "clipping"), strict=True)
        }
        rule: dict[str, Any] = {"color": BLUE, "lw": 1, "label": "if spread evenly"}
        (self._errors["if spread evenly"],) = right.plot(thetas, thetas, "--", **rule)
        self._ring = ring(right)
        linear = 10 ** np.floor(np.log10(1e-4 * largest))
        right.set_xscale("log")
        right.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        right.xaxis.set_major_formatter("{x:g}")
        right.set_yscale("symlog", linthresh=linear)  # logarithmic, but with a place for 0
        none_at_zero(right)
        right.set(xlim=(0.8 * thetas[0], 1.25 * thetas[-1]), ylim=(-0.2 * linear, 1.5 * largest))
        right.set(xlabel="threshold θ", ylabel="root mean square error")
        self.mark_prediction(right, "x")
        at_ends = list(self._errors.values())
        finish(right, "Error of the layer", 36, columns=3, grid=True, at_ends=at_ends)
        return [self._line, self._values, *self._errors.values(), self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the threshold, the values a neuron has, the curves and the ring."""
        self._line.set_xdata([data["threshold"]] * 2)
        values = data["values"] if len(data["values"]) <= VALUES else []
        self._values.set_data(values, np.full(len(values), MARKS))
        curves = data["rms"] | {"if spread evenly": data["rule"]}
        for label, line in self._errors.items():
            line.set_ydata(curves[label][:-1])
        self._ring.set_data([data["threshold"]], [data["rms"]["total"][-1]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say which values a neuron has, how far off the layer is, and what the rule says."""
        theta, steps, rule = data["threshold"], values["timesteps"], data["rule"][-1]
        error = {part: errors[-1] for part, errors in data["rms"].items()}
        ratio = rule / error["quantization"] if error["quantization"] else np.inf
        verdict = "about right" if 0.95 < ratio < 1.05 else "too high" if ratio > 1 else "too low"
        cut = f"{error['clipping']:.3g} ({data['cut']:.3g} % are cut off)" if data["cut"] else "0"
        return (
            f"{counted(steps, 'step')}, threshold {theta:.3g} ({values['threshold']:.3g} of the "
            f"largest activation), starting at {values['v_init']:g} θ: a neuron has {steps + 1} "
            f"values, {theta / steps:.3g} apart, and {self._zeros:.3g} % of the activations are 0. "
            f"Root mean square error {error['total']:.3g}: quantization "
            f"{error['quantization']:.3g} (if spread evenly it would be {rule:.3g}: that rule is "
            f"{verdict} here), clipping {cut}. The error is smallest near threshold "
            f"{data['best']:.3g}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the two parts of the error and the uniform rule, filled in."""
        theta, steps = data["threshold"], values["timesteps"]
        error = {part: errors[-1] for part, errors in data["rms"].items()}
        return (
            r"<p>An activation $a$ below the threshold $\theta$ falls between two values that are "
            r"$\theta/T$ apart: <b>quantization</b>. Above, the neuron says $\theta$ and no more: "
            r"<b>clipping</b>. No activation has both, so the mean squares add up:</p>"
            r"$$\sqrt{\text{quantization}^2 + \text{clipping}^2} = "
            rf"\sqrt{{{_tex(error['quantization'])}^2 + {_tex(error['clipping'])}^2}} = "
            rf"{_tex(error['total'])}$$"
            r"<p>If activations lay anywhere between two values, and the neuron started half full, "
            r"the root mean square of the quantization would be</p>"
            rf"$$\frac{{\theta}}{{\sqrt{{12}}\,T}} = "
            rf"\frac{{{_tex(theta)}}}{{\sqrt{{12}} \cdot {steps}}} = {_tex(data['rule'][-1])}$$"
            rf"<p>Here it is ${_tex(error['quantization'])}$ with $v_0 = {values['v_init']:g}\,"
            rf"\theta$. An activation of exactly 0 has no error at all, and there are "
            rf"{self._zeros:.3g} % of them.</p>"
        )


def _tex(value: float) -> str:
    """Return a number with three digits, a power of ten as it is written by hand."""
    digits, _, power = f"{value:.3g}".partition("e")
    return rf"({digits} \cdot 10^{{{int(power)}}})" if power else digits


def checked_activations(activations: Any) -> np.ndarray:
    """Return the activations of a layer in order, refused where they can be none."""
    try:
        a = in_order(activations)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ShapeError(
            f"activations: cannot be read as an array of numbers ({error}). Expected the "
            f"activations of one layer, an array of any shape."
        ) from error
    if not len(a):
        raise ShapeError(
            "activations: is empty, expected at least one number. Give the activations of one "
            "layer for some images."
        )
    if not np.isfinite(a).all():
        raise ShapeError(
            "activations: holds NaN or infinite values, expected finite numbers. Look at the "
            "loading and scaling of the data."
        )
    if a[0] < 0:
        raise ShapeError(
            f"activations: found {a[0]:g}, expected 0 or more. Give what comes out of the ReLU, "
            f"not what goes in."
        )
    if a[-1] == 0:
        raise ShapeError(
            "activations: all are 0, expected some above 0. A layer that is always silent needs "
            "no threshold; choose another."
        )
    return a
