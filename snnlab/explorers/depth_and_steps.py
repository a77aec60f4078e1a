"""Networks of different depth over time: what they answer, and when their layers begin to fire."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snnlab._text import counted
from snnlab.explorers.toolkit.controls import Steps
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.neighbours import averaged, axis_label, neighbours
from snnlab.explorers.toolkit.networks_explorer import LOOKED_AT, NetworksExplorer
from snnlab.network import Network
from snnlab.plots._style import BLACK, BLUE
from snnlab.simulation import ann, simulate

ROWS = 96
SHARES = {10: "a tenth", 50: "half", 90: "nine tenths"}


def accuracy_and_first_spikes(
    network: Network, x: Any, y: Any, timesteps: int, few: int
) -> dict[str, Any]:
    """Return what a network answers in time, and when its neurons fire for the first time.

    The accuracy after each step and that of the ANN, in percent; and of the first `few` images how
    many neurons of each layer fire for the first time at each step, shape (L, T).
    """
    record = simulate(network, x, timesteps, counts=False)
    seen, first = simulate(network, x[:few], timesteps, spikes=True), []
    for layer in seen.layers:
        spikes = seen.spikes(layer).reshape(timesteps, -1) != 0
        first.append(np.bincount(spikes.argmax(0)[spikes.any(0)], minlength=timesteps))
    return {
        "accuracy": 100 * record.accuracy(y, metric="accuracy"),
        "ann": 100 * ann(network, x, activations=False).accuracy(y, metric="accuracy"),
        "first": np.array(first),
    }


def compute(runs: Mapping[str, Any], network: str, steps: int) -> dict[str, Any]:
    """Return what was simulated of a network, read after some of its steps.

    "fired" is the percentage of the neurons that have fired up to each step, of those that do so at
    all, shape (L, T).
    """
    run = runs[network]
    firing = np.maximum(run["first"].sum(1, keepdims=True), 1)
    return run | {
        "network": network,
        "steps": steps,
        "now": run["accuracy"][steps - 1],
        "fired": 100 * run["first"].cumsum(1) / firing,
    }


class DepthAndSteps(NetworksExplorer):
    """Accuracy over the steps for several networks, and how spikes travel through one of them.

    A network is simulated once, when the explorer opens. First spikes are those of the first 16
    images. In a deep network neighbouring layers are shown together, by their mean.

    Parameters
    ----------
    networks : mapping from str to Network
        At most six, by the name under which each is shown: {"20 layers": ..., "110 layers": ...}.
    x : array, shape (B, ...)
        Images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    timesteps : int
        Largest number of steps.

    Raises
    ------
    OptionError
        If `networks` is no mapping, or holds something else or too many.
    SNNLabError
        As `simulate`.
    """

    def __init__(self, networks: Mapping[str, Network], x: Any, y: Any, *, timesteps: int = 64):
        steps = Steps("steps T", "how long it has run", 1, timesteps, 1, min(8, timesteps))
        super().__init__(networks, x, y, timesteps, steps)

    def _simulated(self, network: Network) -> dict[str, Any]:
        return accuracy_and_first_spikes(network, self._x, self._y, self._timesteps, LOOKED_AT)

    def compute(self, network: str, steps: int) -> dict[str, Any]:
        """Return accuracy in percent, and who has fired by `steps`, layer by layer."""
        return compute(self.runs, network, steps)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"runs = {{\n"
            f"    name: accuracy_and_first_spikes(network, x, y, {self._timesteps}, {LOOKED_AT})\n"
            f"    for name, network in networks.items()\n"
            f"}}\n"
            f"data = compute(runs, {values['network']!r}, {values['steps']})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the accuracy and of the first spikes."""
        left, right = figure.subplots(1, 2)
        marks = self.lay_out_accuracy(left)
        steps, layers = self._timesteps, self.layers
        colors = LinearSegmentedColormap.from_list("fired", ["white", BLUE])
        # Steps stand at their logarithms, as on the left. An image cannot have such an axis itself.
        low, high = -0.5, np.log2(steps) + 0.5
        middles = low + (np.arange(ROWS) + 0.5) * (high - low) / ROWS
        self._steps = np.clip(np.rint(2**middles), 1, steps).astype(int)
        look: dict[str, Any] = {"interpolation": "none", "origin": "lower", "aspect": "auto"}
        look |= {"vmin": 0, "vmax": 100, "extent": (0.5, layers + 0.5, low, high)}
        self._fired = right.imshow(np.zeros((ROWS, layers)), colors, **look)
        forms = (":", 1.5), ("-", 2), ("--", 1.5)
        self._reached = {
            share: right.plot([], [], form, color=BLACK, lw=lw, label=label)[0]
            for (share, label), (form, lw) in zip(SHARES.items(), forms, strict=True)
        }
        self._now = right.axhline(0, color=BLACK, lw=1, linestyle="-.", label="now")
        doubled = 2 ** np.arange(steps.bit_length())
        right.set_yticks(np.log2(doubled), [f"{step}" for step in doubled])
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        right.set(xlabel=axis_label(self.per), ylabel="step")
        finish(right, "Who has fired, of those that will", self.pad, columns=4)
        return [*marks, self._fired, *self._reached.values(), self._now]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the mark of the network, what is painted, and the steps of three shares."""
        self.draw_accuracy(data)
        layers = len(data["fired"])
        groups = neighbours(layers, self.per)
        fired, places = averaged(data["fired"], groups), averaged(np.arange(layers) + 1, groups)
        painted, past = np.zeros((ROWS, self.layers)), self._steps <= data["steps"]
        for group, shares in zip(groups, fired, strict=True):
            painted[:, group] = np.where(past, shares[self._steps - 1], 0)[:, None]
        self._fired.set_data(painted)
        for share, line in self._reached.items():
            step = (fired < share).sum(1) + 1.0
            line.set_marker("None" if len(groups) > 1 else ".")  # a line needs two points
            line.set_data(places, np.where(step > self._timesteps, np.nan, np.log2(step)))
        self._now.set_ydata([np.log2(data["steps"])] * 2)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how much is right, when the last layer begins, and who has fired."""
        first, fired, steps = data["first"], data["fired"], values["steps"]
        layers, in_all = counted(len(first), "layer"), counted(self._timesteps, "step")
        said = (
            f"{values['network']}, {counted(steps, 'step')}: {data['now']:.2f} % right (ANN "
            f"{data['ann']:.2f} %). Of the neurons that fire within {in_all}, "
            f"{fired[0, steps - 1]:.1f} % have done so by now in the first layer, "
            f"{fired[-1, steps - 1]:.1f} % in the last, {fired[:, steps - 1].mean():.1f} % on "
            f"average over {layers}."
        )
        silent = len(first) - int(first.any(1).sum())
        if silent:
            return f"{said} In {counted(silent, 'layer')} no neuron fires."
        begin, half = first[-1].nonzero()[0][0] + 1, (fired < 50).sum(1) + 1
        return (
            f"{said} The last layer begins to fire at step {begin}, and from step {half.max()} on "
            f"at least half of them have fired in every layer."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return when a neuron fires for the first time, and which have by now."""
        steps = values["steps"]
        return (
            r"<p>A spike reaches the next layer in the same step, so spikes can cross all layers "
            r"in one step. But a neuron that starts with $v_0$ and receives the steady current $z$ "
            r"fires for the first time when its charge has grown to the threshold $\theta$:</p>"
            r"$$t_1 = \max\left(1, \left\lceil\frac{\theta - v_0}{z}\right\rceil\right)$$"
            r"<p>So by now those have fired that receive at least</p>"
            rf"$$z = \frac{{\theta - v_0}}{{T}} = \frac{{\theta - v_0}}{{{steps}}},$$"
            r"<p>and neurons with a small current come late, in whichever layer they are. Of those "
            rf"that fire within {self._timesteps} steps "
            rf"{data['fired'][:, steps - 1].mean():.1f} % have fired by now, on average over the "
            r"layers.</p>"
        )
