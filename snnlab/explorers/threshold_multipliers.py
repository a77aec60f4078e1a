"""What a network loses and gains when the thresholds of its layers are multiplied."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.controls import Control, Scale, Steps
from snnlab.explorers.toolkit.drawing import LOOKS, finish, ring
from snnlab.explorers.toolkit.network_explorer import NetworkExplorer
from snnlab.network import Network
from snnlab.plots import _style
from snnlab.plots._style import BLACK, BLUE, GREY
from snnlab.simulation import simulate

MULTIPLIERS = tuple(2.0**k for k in range(-3, 4))
NEAR = 1.0  # points below the ANN that count as having arrived


def accuracy_and_spikes(
    network: Network, x: Any, y: Any, timesteps: int, multipliers: Sequence[float]
) -> dict[str, Any]:
    """Return what the network does in time, with the threshold of each layer multiplied.

    The accuracy after each step in percent, shape (T,); and for each layer the spikes per image up
    to each step, shape (L, T).
    """
    for layer, multiplier in zip(network.layers, multipliers, strict=True):
        network = network.replace(layer, scale=multiplier)
    steps = range(1, timesteps + 1)
    record = simulate(network, x, timesteps, at=steps[:-1])
    spikes = [[record.sent(name, t).sum() for t in steps] for name in record.layers]
    return {"accuracy": 100 * record.accuracy(y), "spikes": np.array(spikes) / len(x)}


def compute(run: dict[str, Any], ann: float, neurons: np.ndarray, steps: int) -> dict[str, Any]:
    """Return what was simulated, read after some of its steps.

    `neurons` is how many each layer has. "firing" is the percentage of them that fires in each
    step, shape (L, T). "arrived" is the step from which on the accuracy is at most a point below
    that of the ANN, 0 if there is none.
    """
    far = np.flatnonzero(run["accuracy"] < ann - NEAR)
    arrived = int(far[-1]) + 2 if len(far) else 1
    return run | {
        "steps": steps,
        "now": run["accuracy"][steps - 1],
        "arrived": arrived if arrived <= len(run["accuracy"]) else 0,
        "firing": 100 * np.diff(run["spikes"], prepend=0) / neurons[:, None],
        "in_all": run["spikes"][:, steps - 1].sum(),
    }


class ThresholdMultipliers(NetworkExplorer):
    """Accuracy, latency and spikes of a network whose thresholds are multiplied, layer by layer.

    Each setting is simulated at its first visit. Those in which a single layer is changed are
    simulated when the explorer opens, as far as that takes no more than some seconds.

    Parameters
    ----------
    network : Network
        With at most six spiking layers. Its own thresholds are those times 1.
    x : array, shape (B, ...)
        Images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    timesteps : int
        Largest number of steps.

    Raises
    ------
    OptionError
        If the network has more than six spiking layers.
    SNNLabError
        As `simulate`.
    """

    def __init__(self, network: Network, x: Any, y: Any, *, timesteps: int = 32):
        checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
        if len(network.layers) > len(LOOKS):
            raise OptionError(
                f"network: has {len(network.layers)} spiking layers, expected at most "
                f"{len(LOOKS)}, since each has a slider. For deeper ones make a table: "
                f"snnlab.sweep(network, {{'scale': [0.5, 1, 2]}}, x, y)."
            )
        self._timesteps = checks.whole(timesteps, "timesteps")
        self._neurons = np.array([np.prod(network.shape(name)) for name in network.layers])
        self._ones = (1.0,) * len(network.layers)
        single = [
            (*self._ones[:i], multiplier, *self._ones[i + 1 :])
            for multiplier in sorted(MULTIPLIERS, key=lambda m: abs(np.log(m)))
            for i in range(len(self._ones))
        ]
        options = {f"{multiplier:g}": multiplier for multiplier in MULTIPLIERS}
        controls: dict[str, Control] = {
            f"times{i}": Scale(f"θ of {name} times", "1 leaves it as it is", options, 1.0)
            for i, name in enumerate(network.layers, 1)
        }
        steps = Steps("steps T", "how long it may run", 1, timesteps, 1, min(16, timesteps))
        super().__init__(network, x, y, {**controls, "steps": steps}, list(dict.fromkeys(single)))

    def _simulated(self, multipliers: tuple[float, ...]) -> dict[str, Any]:
        return accuracy_and_spikes(self._network, self._x, self._y, self._timesteps, multipliers)

    def compute(self, steps: int, **times: float) -> dict[str, Any]:
        """Return accuracy in percent and spikes per image over the steps, and both at `steps`."""
        return compute(self.simulations[tuple(times.values())], self._ann, self._neurons, steps)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        *times, steps = values.values()
        return (
            f"run = accuracy_and_spikes(network, x, y, {self._timesteps}, {times})\n"
            f"ann = 100 * ann(network, x).accuracy(y)\n"
            f"neurons = np.array([np.prod(network.shape(name)) for name in network.layers])\n"
            f"data = compute(run, ann, neurons, {steps})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the accuracy and of the layers."""
        left, right = figure.subplots(1, 2)
        self._usual = self.simulations[self._ones]["accuracy"]
        steps = np.arange(1, self._timesteps + 1)
        ann = _style.ann_line(left, self._ann)
        # Wide, to be seen where the other one lies on it.
        (usual,) = left.plot(steps, self._usual, ":", color=GREY, lw=4, label="all times 1")
        (self._curve,) = left.plot(steps, steps, ".-", color=BLUE, label="as chosen")
        self._ring = ring(left)
        left.set(ylim=(-3, 103), xlabel="step", ylabel="accuracy (%)")
        at_ends = [self._curve, usual, ann]
        finish(left, "What is read", 34, columns=3, grid=True, at_ends=at_ends)
        every = max(1, self._timesteps // 8)
        self._layers = [
            right.plot(steps, steps, form, color=color, ms=4, markevery=every, label=name)[0]
            for name, (color, form) in zip(self._network.layers, LOOKS, strict=False)
        ]
        self._now = right.axvline(1, color=BLACK, lw=0.8)
        right.set(xlim=(0, self._timesteps + 1), ylim=(-3, 103))
        right.set(xlabel="step", ylabel="neurons that fire (%)")
        finish(right, "Who fires in each step", 34, 3, grid=True, at_ends=self._layers)
        return [self._curve, self._ring, *self._layers, self._now]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the curves, the ring and the mark of the step."""
        self._curve.set_ydata(data["accuracy"])
        self._ring.set_data([data["steps"]], [data["now"]])
        for line, share in zip(self._layers, data["firing"], strict=True):
            line.set_ydata(share)
        self._now.set_xdata([data["steps"]] * 2)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how much is right, since when, and how many spikes that took."""
        *times, steps = values.values()
        chosen = ", ".join(
            f"{name} times {value:g}"
            for name, value in zip(self._network.layers, times, strict=True)
        )
        gap = data["now"] - self._usual[steps - 1]
        more = "more" if gap > 0 else "less"
        side = "as" if abs(gap) < 0.005 else f"{abs(gap):.2f} points {more} than"
        since = (
            f"From step {data['arrived']} on it is at most"
            if data["arrived"]
            else f"Even after {counted(self._timesteps, 'step')} it is more than"
        )
        return (
            f"{chosen}; {counted(steps, 'step')}: {data['now']:.2f} % right, {side} with all times "
            f"1, and {counted(round(data['in_all']), 'spike')} per image. {since} {NEAR:g} point "
            f"below the ANN ({self._ann:.2f} %). Firing in step {steps}, "
            f"layer by layer: {', '.join(f'{n:.3g}' for n in data['firing'][:, steps - 1])} % of "
            f"the neurons."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return what a multiplied threshold does to the smallest and the largest value."""
        *times, steps = values.values()
        rows = "".join(
            rf"<li>{name}: $\theta = {value:g}\,\theta_0$. Finest value "
            rf"${value / steps:.3g}\,\theta_0$, largest ${value:g}\,\theta_0$.</li>"
            for name, value in zip(self._network.layers, times, strict=True)
        )
        return (
            r"<p>After $T$ steps with $N$ spikes a neuron has passed on $\theta\,N/T$, with $N$ "
            r"from 0 to $T$. So a threshold of $m$ times the usual one, $\theta_0$, makes the "
            r"finest value coarser and the largest value larger, both by $m$:</p>"
            rf"$$\frac{{\theta}}{{T}} = \frac{{m\,\theta_0}}{{{steps}}}, \qquad "
            r"\theta = m\,\theta_0$$"
            rf"<ul>{rows}</ul>"
            r"<p>What is above the largest value is cut off. What is below the finest one has to "
            r"wait for more steps. And a spike is worth $\theta$: half the threshold, twice the "
            r"spikes for the same value.</p>"
        )
