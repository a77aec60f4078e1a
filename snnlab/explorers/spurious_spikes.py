"""Neurons that should be silent: how often uneven currents make them fire all the same."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab.analysis.deviation import expected_deviation
from snnlab.dynamics import if_step
from snnlab.explorers.toolkit.controls import Control, Slider
from snnlab.explorers.toolkit.drawing import finish, none_at_zero, ring
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.explorers.toolkit.wording import number
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE

STEPS, NEURONS = 256, 1000
THRESHOLDS = np.arange(4, 33) / 8
RANKS = (10, 100, 500)
FLOOR = 1e-4
SPIKES = (-2e-5, 10.0)
NOISE = np.random.default_rng(0).standard_normal((STEPS, NEURONS))


def compute(threshold: float, mean: float, spread: float) -> dict[str, Any]:
    """Return how often 1,000 neurons fire that start empty, and the number predicted.

    The charges are those of the neurons with the 10th, 100th and 500th highest water mark. The
    prediction is given for many thresholds; the last is the chosen one.
    """
    charge = v = counts = np.zeros(NEURONS)
    highest = np.full(NEURONS, -np.inf)
    for noise in NOISE:
        z = mean + spread * noise
        v, spikes = if_step(v, z, threshold)
        counts = counts + spikes
        charge = charge + z
        highest = np.maximum(highest, charge)
    ranked = np.argsort(-highest)[[rank - 1 for rank in RANKS]]
    charges = np.cumsum(mean + spread * NOISE[:, ranked], axis=0)
    expected = [  # the deviation error, in spikes
        STEPS / theta * expected_deviation(STEPS, mean, spread**2, theta, v_init=0.0)
        for theta in (*THRESHOLDS, threshold)
    ]
    return {
        "charges": np.concatenate([np.zeros((1, len(RANKS))), charges]),
        "spikes": counts.mean(),
        "firing": int((counts > 0).sum()),
        "expected": np.array(expected),
        "threshold": threshold,
    }


class SpuriousSpikes(PredictionExplorer):
    """The charge of neurons that should be silent, and how often they fire over the threshold.

    Take hold of the threshold, and of the mean and the spread (the standard deviation) of the
    currents. The mean is below 0, so each spike is one too many.

    `prediction` is how many spikes of each neuron a learner expects, on average.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "threshold": Slider("threshold θ", "one spike is worth this", 0.5, 4.0, 0.125, 1.0),
        "mean": Slider("mean μ", "average of the currents", -0.5, -0.0625, 0.0625, -0.125),
        "spread": Slider("spread σ", "how much they differ", 0.125, 0.5, 0.0625, 0.375),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the charge and of the number of spikes."""
        left, right = figure.subplots(1, 2)
        labels = [f"{rank}th" for rank in RANKS]
        labels[-1] += f" of {NEURONS:,}"
        forms = [(ORANGE, "--"), (BLUE, "-"), (GREEN, "-.")]
        self._charges = [
            left.plot([], [], style, color=color, lw=1, label=label)[0]
            for label, (color, style) in zip(labels, forms, strict=True)
        ]
        (self._levels,) = left.plot([], [], ":", color=BLACK, label="θ and 2 θ")
        left.set(xlim=(0, STEPS), ylim=(-6, 10), xlabel="step", ylabel="sum since the start")
        left.set(xticks=range(0, STEPS + 1, 64), yticks=range(-6, 11, 2))
        finish(left, "The charges of three neurons, by their peaks", 24, columns=4)
        (self._law,) = right.plot(THRESHOLDS, THRESHOLDS, "--", color=ORANGE, label="predicted")
        self._ring = ring(right, label="simulated")
        right.set_yscale("symlog", linthresh=FLOOR)  # logarithmic, but with a place for 0
        none_at_zero(right)
        right.set(xlim=(0.4, 4.1), ylim=SPIKES, xlabel="threshold θ", ylabel="spikes of a neuron")
        self.mark_prediction(right)
        finish(right, f"{NEURONS:,} neurons, {STEPS} steps", 24, columns=3, grid=True)
        return [self._levels, *self._charges, self._law, self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the charges, the levels, the predicted numbers and the ring."""
        for line, charge in zip(self._charges, data["charges"].T, strict=True):
            line.set_data(range(STEPS + 1), charge)
        theta = data["threshold"]
        self._levels.set_data([0, STEPS, np.nan] * 2, np.repeat([theta, 2 * theta], 3))
        self._law.set_ydata(data["expected"][:-1])
        self._ring.set_data([theta], [data["spikes"]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how often the neurons fire, how often they should by the law, and its exponent."""
        firing, expected = data["firing"], data["expected"][-1]
        happens = (
            f"fire {number(data['spikes'])} times each on average, in {STEPS} steps; {firing} of "
            f"them {'fires' if firing == 1 else 'fire'} at all"
            if firing
            else f"are silent, in {STEPS} steps"
        )
        law = f"{expected:.2g}" if expected >= FLOOR else f"less than {FLOOR:g}"
        return (
            f"Mean {values['mean']:g}, spread {values['spread']:g}, threshold "
            f"{values['threshold']:g}: {NEURONS:,} neurons that should be silent {happens}. "
            f"Predicted: {law}. The exponent 2|μ|θ/σ² is {_exponent(**values):.3g}; twice the "
            f"threshold doubles it."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the law of the climbs, filled in, and what the steps change about it."""
        exponent, jump = _exponent(**values), 1.166 * abs(values["mean"]) / values["spread"]
        climbs = math.exp(-exponent)
        smooth = climbs / (1 - climbs)
        return (
            r"<p>The charge sinks by $|\mu|$ per step on average, but by chance it climbs. $\rho$ "
            r"is the probability that it <b>ever</b> climbs one threshold $\theta$ higher:</p>"
            rf"$$\rho = e^{{-2|\mu|\theta/\sigma^2}} = e^{{-{exponent:.3g}}} {_is(climbs)}$$"
            r"<p>Each spike needs such a climb again, so $n$ spikes or more come with probability "
            r"$\rho^n$. That makes $N$ spikes on average:</p>"
            rf"$$N = \rho + \rho^2 + \dots = \frac{{\rho}}{{1 - \rho}} {_is(smooth)}$$"
            r"<p>That would be right for a charge that moves smoothly. But it moves in steps, and "
            r"a step overshoots the level, by about $0.583\,\sigma$. So the first climb is as hard "
            r"as one of $\theta + 0.583\,\sigma$. The later ones are not: what was over is still "
            r"in the neuron. This makes the number lower:</p>"
            r"$$N \approx e^{-2|\mu| \cdot 0.583\,\sigma/\sigma^2} \cdot \frac{\rho}{1 - \rho} = "
            rf"e^{{-{jump:.3g}}} \cdot \frac{{\rho}}{{1 - \rho}} "
            rf"{_is(math.exp(-jump) * smooth)}$$"
            f"<p>The predicted number also knows that the time ends after {STEPS} steps: "
            rf"$N {_is(data['expected'][-1])}$. Simulated: {number(data['spikes'])}.</p>"
            r"<p>Twice the threshold makes $\rho^2$ of $\rho$. No threshold makes it 0.</p>"
        )


def _exponent(threshold: float, mean: float, spread: float) -> float:
    return 2 * abs(mean) * threshold / spread**2


def _is(value: float) -> str:
    """Return what comes after a term with this value."""
    return f"= {value:.3g}" if value >= FLOOR else rf"\lt {FLOOR:g}"
