"""What a neuron can pass on when it may only count: a staircase in place of the ReLU."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab.dynamics import soft_count
from snnlab.explorers.toolkit.controls import START, Control, Slider, Steps
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.plots._style import BLACK, BLUE

ACTIVATIONS = (np.arange(512) + 0.5) / 512
# Larger errors are counted at the edges.
EDGES = np.linspace(-0.75, 0.75, 31)
TICKS = (0, 5, 20, 50, 100)


def compute(timesteps: int, threshold: float, v_init: float) -> dict[str, Any]:
    """Return what the neuron passes on for activations spread evenly from 0 to 1, and its error.

    The current is steady, and as large as the activation. In units of the activation.
    """
    a, theta = ACTIVATIONS, threshold
    passed_on = theta * soft_count(a, timesteps, theta, v_init) / timesteps
    clipped = np.minimum(a, theta)
    error = passed_on - a
    return {
        "passed_on": passed_on,
        "total": error,
        "parts": {"clipping": clipped - a, "quantization": passed_on - clipped},
        "shares": 100 * np.histogram(np.clip(error, EDGES[0], EDGES[-1]), EDGES)[0] / len(a),
        "mean": error.mean(),
        "rms": np.sqrt(np.mean(error**2)),
    }


class QuantizationError(Explorer):
    """What a neuron passes on for each activation, and how its errors are spread.

    Take hold of the number of steps, the threshold, and the potential it starts from. The current
    is steady and the reset by subtraction, so nothing but counting goes wrong.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "timesteps": Steps("steps T", "how long it may count", 1, 32, 1, 4),
        "threshold": Slider("threshold θ", "one spike is worth this", 0.25, 1.5, 0.125, 1.0),
        "v_init": START,
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the staircase and of the histogram."""
        left, right = figure.subplots(1, 2)
        a = ACTIVATIONS
        (relu,) = left.plot([0, 1], [0, 1], "--", color=BLACK, label="ANN (ReLU)")
        (self._stairs,) = left.plot(a, a, color=BLUE, label="SNN (neuron)")
        left.set(xlim=(0, 1), ylim=(-0.05, 1.55), xlabel="activation a", ylabel="passed on")
        at_ends = [relu, self._stairs]
        finish(left, "What the neuron passes on", 24, columns=2, grid=True, at_ends=at_ends)
        self._bars = right.stairs(np.zeros(len(EDGES) - 1), EDGES, fill=True, color=BLUE)
        (self._mean,) = right.plot([0, 0], [0, 100], "--", color=BLACK, label="mean error")
        right.axvline(0, color=BLACK, lw=0.8)
        # Square roots, so that errors of many sizes have bars that can be seen.
        right.set_yscale("function", functions=(_root, np.square))
        right.set_yticks(TICKS, [f"{tick}" for tick in TICKS])
        right.set_xticks([-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75])
        right.set(
            xlim=(-0.8, 0.8), ylim=(0, 105), xlabel="error", ylabel="share of activations (%)"
        )
        finish(right, "How the errors are spread", 24, columns=1)
        return [self._stairs, self._bars, self._mean]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the staircase, the bars and the line of the mean."""
        self._stairs.set_ydata(data["passed_on"])
        self._bars.set_data(data["shares"])
        self._mean.set_xdata([data["mean"]] * 2)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say which values the neuron has, and how far off they are."""
        timesteps, threshold = values["timesteps"], values["threshold"]
        rms = {part: np.sqrt(np.mean(error**2)) for part, error in data["parts"].items()}
        cut = 100 * np.mean(data["parts"]["clipping"] < 0)
        clipping = f"clipping {rms['clipping']:.3f} ({cut:.3g} % of the activations are cut off)"
        largest = np.abs(data["total"]).max()
        beyond = (
            f" (beyond {EDGES[-1]:g} they are drawn at the edge)" if largest > EDGES[-1] else ""
        )
        return (
            f"{timesteps} steps, threshold {threshold:g}, starting at {values['v_init']:g} θ: "
            f"the neuron has {timesteps + 1} values, {threshold / timesteps:.3g} apart, up "
            f"to {threshold:g}. Its error is {round(data['mean'], 3) + 0.0:+.3f} on average and "
            f"{data['rms']:.3f} root mean square: quantization {rms['quantization']:.3f}, "
            f"{clipping if cut else 'clipping 0'}. The largest error is "
            f"{largest:.3f}{beyond}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the staircase, and one of its steps worked out."""
        timesteps, threshold, start = values["timesteps"], values["threshold"], values["v_init"]
        a, held = 0.3, start * threshold
        count = soft_count(a, timesteps, threshold, start)
        return (
            r"<p>In $T$ steps the current $a$ brings $a\,T$ into a neuron that holds $v_0$ "
            r"already. As often as the threshold $\theta$ fits into that, it fires, but at most "
            r"once per step. Each spike passes $\theta$ on, spread over all steps:</p>"
            r"$$\text{passed on} = \frac{\theta}{T}\,\mathrm{clip}\left(\left\lfloor"
            r"\frac{a\,T + v_0}{\theta}\right\rfloor,\ 0,\ T\right)$$"
            rf"<p>For example, at $a = {a:g}$:</p>"
            rf"$$\frac{{{threshold:g}}}{{{timesteps}}}\,\mathrm{{clip}}\left(\left\lfloor"
            rf"\frac{{{a:g} \cdot {timesteps} + {held:g}}}{{{threshold:g}}}\right\rfloor,"
            rf"\ 0,\ {timesteps}\right) = \frac{{{threshold:g}}}{{{timesteps}}} \cdot {count:.0f} ="
            rf" {threshold * count / timesteps:.3g}$$"
            r"<p>What is missing or too much is the error. Below the threshold it is "
            r"<b>quantization</b>: the value falls between two stairs. Above, it is "
            r"<b>clipping</b>: the staircase ends at $\theta$.</p>"
        )


def _root(share: Any) -> Any:
    return np.sqrt(np.maximum(share, 0))
