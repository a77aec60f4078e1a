"""The width of a surrogate, and what it makes of gradients on their way through many layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab.explorers.toolkit.controls import Control, Slider
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.explorers.toolkit.wording import number
from snnlab.gallery.surrogate_gradients import growth
from snnlab.plots._style import BLACK, BLUE, ORANGE

LAYERS, NEURONS, IMAGES = 24, 64, 64
GRID = np.linspace(-3.5, 5.5, 181)
NORMS = (1e-8, 1e10)
_RNG = np.random.default_rng(0)
WEIGHTS = _RNG.standard_normal((LAYERS, NEURONS, NEURONS))
INPUTS = _RNG.standard_normal((IMAGES, NEURONS))
ERRORS = _RNG.standard_normal((IMAGES, NEURONS))


def compute(width: float, depth: int) -> dict[str, Any]:
    """Return the norms of the gradient from the first layer to the last, which has 1.

    One step of layers with random weights and BatchNorm. "growth" is what theory says that a layer
    multiplies the squared norm by, "under" the share of currents that the bump reaches.
    """
    currents, spreads = [INPUTS], [np.ones(NEURONS)]
    for weights in WEIGHTS[1:depth]:
        a = (currents[-1] >= 1) @ weights
        spreads.append(a.std(0))
        currents.append((a - a.mean(0)) / spreads[-1])
    bump = np.maximum(0, 1 - np.abs(np.array(currents) - 1) / width) / width
    gradient, norms = ERRORS, [np.linalg.norm(ERRORS)]
    for layer in range(depth - 1, 0, -1):
        z = currents[layer]
        # Back through BatchNorm, whose mean and variance depend on the currents too.
        g = (gradient - gradient.mean(0) - z * (gradient * z).mean(0)) / spreads[layer]
        gradient = (g @ WEIGHTS[layer].T) * bump[layer - 1]
        norms.append(np.linalg.norm(gradient))
    distance = np.arange(depth - 1, -1, -1)
    return {
        "norms": np.array(norms[::-1]) / norms[0],
        "predicted": growth(width) ** (distance / 2),
        "growth": growth(width),
        "bump": np.maximum(0, 1 - np.abs(GRID - 1) / width) / width,
        "under": float((bump > 0).mean()),
    }


class SurrogateWidth(PredictionExplorer):
    """The bump that stands for a spike's derivative, and gradients through many layers.

    Take hold of the width and the number of layers.

    `prediction` is how many times as large as in the last layer a learner expects the gradient to
    be in the first.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "width": Slider("width w / θ", "half of the base of the bump", 0.25, 4.0, 0.125, 0.5),
        "depth": Slider("layers", "how many the gradient passes", 2, LAYERS, 1, 12),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the bump and of the gradients."""
        left, right = figure.subplots(1, 2)
        normal = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi)
        left.plot(GRID, normal, "--", color=BLACK, label="currents")
        left.axvline(1, color=BLACK, lw=0.8, ls=":", label="threshold")
        (self._bump,) = left.plot(GRID, GRID, color=ORANGE, label="surrogate")
        left.set(xlim=(-3.5, 5.5), ylim=(0, 4.2), xlabel="current z", ylabel="height")
        finish(left, "What stands for the derivative of a spike", 24, columns=3)
        (self._norms,) = right.plot([], [], "o-", color=BLUE, ms=4, label="measured")
        (self._law,) = right.plot([], [], "--", color=ORANGE, label="predicted")
        right.set(yscale="log", xlim=(0.5, LAYERS + 0.5), ylim=NORMS)
        right.set(xlabel="layer", ylabel="norm, in the last layer 1")
        self.mark_prediction(right)
        finish(right, "Gradient by the currents of each layer", 24, columns=3, grid=True)
        return [self._bump, self._norms, self._law]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the bump and both curves."""
        self._bump.set_ydata(data["bump"])
        layers = np.arange(1, len(data["norms"]) + 1)
        self._norms.set_data(layers, data["norms"])
        self._law.set_data(layers, data["predicted"])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what the bump reaches, and what a layer and all layers do to the gradient."""
        first, layers = data["norms"][0], values["depth"]
        by_layer = first ** (1 / (layers - 1))
        way = "explode" if by_layer > 1.1 else "vanish" if by_layer < 1 / 1.1 else "keep their size"
        return (
            f"Width {number(values['width'])}, {layers} layers: the bump reaches "
            f"{100 * data['under']:.0f} % of the currents. On the way back a layer multiplies the "
            f"gradient by {by_layer:.3g} on average (predicted: {data['growth'] ** 0.5:.3g}), so "
            f"gradients {way}: in the first layer it is {first:.3g} times that in the last."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the law of the growth, filled in."""
        distance = values["depth"] - 1
        return (
            r"<p>In place of the derivative of a spike stands a triangle of area 1, with the width "
            r"$w$ to both sides of the threshold $\theta$:</p>"
            r"$$h(z) = \frac1w \max\left(0, 1 - \frac{|z - \theta|}{w}\right)$$"
            r"<p>On its way back through a layer a gradient is multiplied by $h$ and by weights. "
            r"BatchNorm has divided these by the spread of the currents that the layer before "
            r"gives. A share $p$ of the neurons fires, so that spread goes with $p\,(1 - p)$. So a "
            r"layer multiplies the squared norm by</p>"
            r"$$\chi = \frac{\mathbb E[h(z)^2]}{p\,(1 - p)} = "
            rf"{data['growth']:.3g} \quad\text{{at }} w = {values['width']:g}$$"
            rf"<p>and {distance} layers multiply the norm by $\chi^{{{distance}/2}} = "
            rf"{data['predicted'][0]:.3g}$. A narrow bump is high: few neurons get a gradient, but "
            r"a large one. A wide bump is low: all get one, and it fades.</p>"
        )
