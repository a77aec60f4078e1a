"""A pixel as a constant current, and as random spikes: how fast the rate comes near it."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab._text import counted
from snnlab.dynamics import soft_count
from snnlab.explorers.toolkit.controls import Control, Slider, Steps
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.explorers.toolkit.wording import number
from snnlab.plots._style import BLACK, BLUE, ORANGE

STEPS, RUNS, SHOWN = 128, 400, 4
# The same numbers for every pixel, so that noise does not move with the slider.
DRAWN = np.random.default_rng(0).random((STEPS, RUNS))
ERRORS = (1e-4, 1.0)
# On a logarithmic axis the later steps lie too close for each of them to be seen.
FEW = np.unique(np.geomspace(1, STEPS, 48).round().astype(int))


@functools.lru_cache(maxsize=16)
def rates(pixel: float) -> dict[str, Any]:
    """Return the rates after each step under both codings, and how far they are off.

    "steady" is the rate of a neuron that begins half full, with the pixel as its current; "random"
    are the rates of trains whose probability is the pixel. "spread" is the root mean square error
    of the random ones, "theory" the standard deviation of a mean of independent spikes.
    """
    t = np.arange(1, STEPS + 1)
    steady = np.array([soft_count(pixel, int(n), v_init=0.5) for n in t]) / t
    random = np.cumsum(pixel > DRAWN, axis=0) / t[:, None]
    return {
        "pixel": pixel,
        "steady": steady,
        "off": np.abs(steady - pixel),
        "random": random[:, :SHOWN],
        "spread": np.sqrt(np.mean((random - pixel) ** 2, axis=1)),
        "theory": np.sqrt(pixel * (1 - pixel) / t),
    }


def compute(pixel: float, steps: int) -> dict[str, Any]:
    """Return the rates that stand for a pixel, and the step that is looked at."""
    return rates(pixel) | {"steps": steps}


class InputCoding(PredictionExplorer):
    """The rate that stands for a pixel, over time: from a constant current or random spikes.

    `prediction` is how far off a learner expects random spikes to be.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "pixel": Slider("pixel x", "how bright it is, 0 to 1", 0.0, 1.0, 1 / 64, 0.5),
        "steps": Steps("steps T", "how long is counted", 1, STEPS, 1, 100),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the rates and of the errors, both over the steps."""
        left, right = figure.subplots(1, 2)
        t = np.arange(1, STEPS + 1)
        # One line for all trains, with a gap between each and the next.
        several = np.tile([*t, np.nan], SHOWN)
        (self._random,) = left.plot(
            several, several, "-.", color=ORANGE, lw=0.8, label=f"{SHOWN} random trains"
        )
        (self._steady,) = left.plot(t, t, color=BLUE, label="constant current")
        self._pixel = left.axhline(0, color=BLACK, linestyle=":", label="pixel")
        self._now = [ax.axvline(1, color=BLACK, lw=0.8, linestyle="--") for ax in (left, right)]
        left.set(xlim=(0, STEPS), ylim=(-0.03, 1.03))
        left.set(xlabel="step", ylabel="spikes per step so far")
        rates = [self._random, self._steady, self._pixel]
        finish(left, "Rate", 34, columns=3, at_ends=rates)
        places = {"spread": FEW, "theory": np.array([1, STEPS]), "off": t}
        (spread,) = right.plot(FEW, FEW, "-.", color=ORANGE, label="random spikes")
        ends = places["theory"]
        (theory,) = right.plot(ends, ends, "--", color=BLACK, lw=0.8, label="√(x(1 − x)/T)")
        # One line of short dashes: so many marks by themselves take a browser long.
        dots: dict[str, Any] = {"lw": 3, "solid_capstyle": "round", "label": "constant"}
        dashes = np.stack([0.99 * t, 1.01 * t, np.full(STEPS, np.nan)], 1).ravel()
        (off,) = right.plot(dashes, dashes, color=BLUE, **dots)
        self._errors = {"spread": spread, "theory": theory, "off": off}
        self._places = places
        right.plot(ends, 0.5 / ends, ":", color=BLACK, lw=0.8, label="1/(2T)")
        right.set(xscale="log", yscale="log", xlim=(1, STEPS), ylim=ERRORS)
        right.set(xlabel="steps T", ylabel="how far off")
        self.mark_prediction(right)
        finish(right, "Error", 22, columns=3, grid=True, at_ends=[*self._errors.values()])
        return [self._random, self._steady, self._pixel, *self._now, *self._errors.values()]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the rates, the errors and the marks of the steps."""
        gaps = np.full((1, SHOWN), np.nan)
        self._random.set_ydata(np.concatenate([data["random"], gaps]).T.ravel())
        self._steady.set_ydata(data["steady"])
        self._pixel.set_ydata([data["pixel"]] * 2)
        for line in self._now:
            line.set_xdata([data["steps"]] * 2)
        for name, line in self._errors.items():
            height = data[name][self._places[name] - 1]
            # 0 has no place on this axis, nor what is below it.
            height = np.where(height >= ERRORS[0], height, np.nan)
            line.set_ydata(np.repeat(height, 3) if name == "off" else height)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how far off both codings are, and how long the random one would take."""
        x, steps = values["pixel"], values["steps"]
        here = steps - 1
        enough = x * (1 - x) * (2 * steps) ** 2
        long = (
            f" To be off by half a spike in {counted(steps, 'step')}, the most with the constant "
            f"current, random spikes take {counted(np.ceil(enough), 'step')}."
            if enough > steps
            else ""
        )
        return (
            f"Pixel {x:.3g} over {counted(steps, 'step')}: the constant current gives the rate "
            f"{number(data['steady'][here])}, off by {number(data['off'][here])}. Random spikes "
            f"are off by {number(data['spread'][here])} (root mean square of {RUNS} trains; theory "
            f"{number(data['theory'][here])}).{long}"
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return both laws, filled in."""
        x, steps = values["pixel"], values["steps"]
        theory = data["theory"][steps - 1]
        return (
            r"<p>A <b>random</b> spike comes in each step with probability $x$. The variance of "
            r"one such spike is $x(1 - x)$, that of the mean of $T$ independent ones a $T$-th of "
            r"it. So the rate is off by</p>"
            r"$$\sqrt{\frac{x(1 - x)}{T}} = "
            rf"\sqrt{{\frac{{{x:g} \cdot {1 - x:g}}}{{{steps}}}}} = {theory:.4f}$$"
            r"<p>Four times the steps halve it.</p>"
            r"<p>Under a <b>constant</b> current a neuron that begins half full has fired "
            r"$N = \lfloor xT + \tfrac12 \rfloor$ times, which is $xT$ rounded. So the rate is off "
            r"by at most</p>"
            rf"$$\frac{{1}}{{2T}} = \frac{{1}}{{2 \cdot {steps}}} = {0.5 / steps:.4f}$$"
            r"<p>Twice the steps halve it.</p>"
        )
