"""Spikes cross a whole network: one image, every layer's neurons, and the outputs as they race."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.explorers.toolkit.controls import Steps
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.toolkit.neuron_map import NeuronMap
from snnlab.explorers.toolkit.numbers import Texts
from snnlab.explorers.toolkit.stacked_bars import short
from snnlab.explorers.toolkit.wording import listed
from snnlab.network import Network
from snnlab.plots._style import BLACK, BLUE, ORANGE
from snnlab.simulation import ann, simulate

# So many maps stand side by side, and so many outputs above each other.
LAYERS, OUTPUTS = 5, 10
GREY = "#E9EDF2"
SILENT, TOLD, NOW = (np.array(to_rgb(color)) for color in (GREY, BLUE, ORANGE))
# A neuron that has fired at all is told from one that never has.
AT_ALL = 0.3


def crossing(network: Network, image: Any, timesteps: int, layers: Sequence[str]) -> dict[str, Any]:
    """Return what the layers of a network send in each step for one image, and its outputs.

    "spikes" and "counts", the sums so far, have shape (T, ...) by layer; "outputs" are the mean
    currents so far, shape (T, classes), and "ann" the ANN's outputs, shape (classes,).
    """
    x = torch.as_tensor(image)[None]
    record = simulate(network, x, timesteps, spikes=layers, counts=False)
    spikes = {name: np.abs(record.spikes(name)[:, 0]) for name in layers}
    return {
        "spikes": spikes,
        "counts": {name: trains.cumsum(0) for name, trains in spikes.items()},
        "outputs": record.outputs[:, 0].reshape(timesteps, -1),
        "ann": ann(network, x, activations=False).outputs[0].ravel(),
    }


def compute(run: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return what was simulated, as it is at one of its steps.

    "now" are the spikes of this step and "rates" the spikes per step so far, by layer. "answer" is
    the class with the largest output; "stays" is the step from which it is the one in the end.
    """
    answers = [answer(outputs) for outputs in run["outputs"]]
    others = [step for step, said in enumerate(answers, 1) if said != answers[-1]]
    return {
        "steps": steps,
        "now": {name: spikes[steps - 1] for name, spikes in run["spikes"].items()},
        "rates": {name: counts[steps - 1] / steps for name, counts in run["counts"].items()},
        "outputs": run["outputs"][steps - 1],
        "ann": run["ann"],
        "answer": answers[steps - 1],
        "ann_answer": answer(run["ann"]),
        "last_answer": answers[-1],
        "stays": max(others, default=0) + 1,
    }


def answer(outputs: np.ndarray) -> int:
    """Return the class with the largest output; a single one says no or yes, 0 or 1."""
    return int(outputs.argmax()) if len(outputs) > 1 else int(outputs[0] > 0)


class SpikeMovie(Explorer):
    """The spikes of a network for one image, step by step, and its outputs beside the ANN's.

    Each map has a cell for every neuron of a layer: orange if it fires in this step, the bluer the
    more often it has fired so far. The channels of a convolution stand side by side. Of a network
    with more than five spiking layers five are shown, and of large layers some channels, or means
    of neighbours; the words say which. Of more than ten outputs the ten are shown that are largest
    in the ANN.

    The network is simulated once, when the explorer opens.

    Parameters
    ----------
    network : Network
    image : array, shape (...)
        One image, without a dimension for the batch.
    timesteps : int
        Number of steps T.

    Raises
    ------
    SNNLabError
        As `simulate`.

    >>> import torch
    >>> from torch import nn
    >>> import snnlab as sl
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> x = torch.rand(8, 1, 2, 2)
    >>> movie = sl.explorers.SpikeMovie(sl.convert(model, x), x[0], timesteps=8)
    >>> movie.move(steps=8).startswith("After 8 of 8 steps the network says ")
    True
    """

    def __init__(self, network: Network, image: Any, *, timesteps: int = 32):
        checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
        self._timesteps = checks.whole(timesteps, "timesteps")
        self._image = np.asarray(torch.as_tensor(image).detach().cpu(), np.float64)
        every = network.layers
        picked = np.linspace(0, len(every) - 1, min(LAYERS, len(every))).round().astype(int)
        self._layers, self._of = [every[place] for place in picked], len(every)
        self._maps = {name: NeuronMap(network.shape(name)) for name in self._layers}
        self._run = crossing(network, image, self._timesteps, self._layers)
        # What decided the answer; if it was there at once, the end.
        stays = compute(self._run, 1)["stays"]
        first = stays if stays > 1 else timesteps
        self.declared = {"steps": Steps("step", "how long it has run", 1, timesteps, 1, first)}
        super().__init__()

    def compute(self, steps: int) -> dict[str, Any]:
        """Return the spikes of a step, the rates so far, and the outputs beside the ANN's."""
        return compute(self._run, steps)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"run = crossing(network, image, {self._timesteps}, {self._layers!r})\n"
            f"data = compute(run, {values['steps']})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the image, a map for each layer, and the axes of the outputs."""
        shown = len(self._layers)
        axes = figure.subplots(1, shown + 2, width_ratios=[0.8, *[1] * shown, 1.6])
        look: dict[str, Any] = {"interpolation": "none"}
        # Three channels are colors, of which here the brightness is shown.
        shape = self._image.shape
        pixels = self._image.mean(0) if len(shape) == 3 and shape[0] == 3 else self._image
        axes[0].imshow(NeuronMap(pixels.shape).cells(pixels), "Greys", **look)
        axes[0].set_title("image", fontsize=9)
        axes[0].axis("off")
        self._pictures, self._firing = {}, {}
        for ax, (name, neurons) in zip(axes[1:-1], self._maps.items(), strict=True):
            blank = painted(*[neurons.cells(np.zeros(self._run["spikes"][name][0].shape))] * 2)
            self._pictures[name] = ax.imshow(blank, ListedColormap([BLUE, ORANGE]), **look)
            self._firing[name] = Texts(ax, [(0, -0.08)], ax.transAxes)
            note = neurons.note.replace(", ", "\n")
            ax.text(0, -0.16, note, transform=ax.transAxes, fontsize=7, va="top")
            ax.set_title(f"layer {short(name)}", fontsize=9)
            ax.axis("off")
        meanings = {ORANGE: "fires in this step", BLUE: "often so far", GREY: "never so far"}
        keys = [Patch(color=color, label=meaning) for color, meaning in meanings.items()]
        figure.legend(handles=keys, loc="upper left", ncols=3, fontsize=8, frameon=False)
        texts = [firing.artist for firing in self._firing.values()]
        return [*self._pictures.values(), *texts, *self._lay_out_outputs(axes[-1])]

    def _lay_out_outputs(self, ax: Axes) -> list[Artist]:
        """Draw the axes of the outputs, and return their bars."""
        ends, outputs = self._run["ann"], self._run["outputs"]
        self._shown = np.sort(np.argsort(-ends, kind="stable")[:OUTPUTS])
        rows = np.arange(len(self._shown))
        (self._bars,) = ax.plot([], [], color=BLUE, lw=7, solid_capstyle="butt", label="SNN")
        (self._leads,) = ax.plot(
            [],
            [],
            color=ORANGE,
            lw=7,
            solid_capstyle="butt",
            marker="D",
            ms=8,
            markevery=[1],
            label="leads",
        )
        ax.plot(ends[self._shown], rows, "|", color=BLACK, ms=11, mew=2, label="ANN")
        ax.axvline(0, color=BLACK, lw=0.8)
        values = np.concatenate([ends[None], outputs])[:, self._shown]
        room = 0.06 * max(np.ptp(values), 1e-6)
        ax.set(xlim=(min(values.min(), 0) - room, max(values.max(), 0) + room))
        ax.set(ylim=(len(rows) - 0.4, -0.6), xlabel="mean current so far")
        ax.set_yticks(rows, [f"{place}" for place in self._shown])
        some = f"{len(rows)} of {len(ends)} outputs" if len(rows) < len(ends) else "outputs"
        finish(ax, some, 24, columns=3)
        return [self._bars, self._leads]

    def draw(self, data: dict[str, Any]) -> None:
        """Paint the maps, and move the bars."""
        for name, neurons in self._maps.items():
            now, rates = data["now"][name], data["rates"][name]
            self._pictures[name].set_data(painted(neurons.cells(now > 0), neurons.cells(rates)))
            self._firing[name].show([f"{np.count_nonzero(now):,} fire"])
        outputs = data["outputs"]
        leads = self._shown == (data["answer"] if len(outputs) > 1 else 0)
        for line, which in ((self._bars, ~leads), (self._leads, leads)):
            rows = np.flatnonzero(which)
            ends = outputs[self._shown[rows]]
            line.set_data(np.stack([0 * ends, ends, np.nan * ends], 1).ravel(), np.repeat(rows, 3))

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what the network answers, who fires, and since when the answer stays."""
        said, right = data["answer"], data["ann_answer"]
        side = "as the ANN does" if said == right else f"while the ANN says {right}"
        firing = listed(
            f"layer {name} {np.count_nonzero(now):,} of {now.size:,}"
            for name, now in data["now"].items()
        )
        total = sum(counts[values["steps"] - 1].sum() for counts in self._run["counts"].values())
        stays, last = data["stays"], data["last_answer"]
        notes = [
            f"layer {name} ({picture.note})" for name, picture in self._maps.items() if picture.note
        ]
        notes = (
            [f"{len(self._layers)} of {self._of} layers"] if len(self._layers) < self._of else []
        ) + notes
        return (
            f"After {values['steps']} of {counted(self._timesteps, 'step')} the network says "
            f"{said}, {side}. Firing in this step: {firing}. So far "
            f"{counted(total, 'spike')} in these layers; from step {stays} on the answer is {last}."
            + (f" Shown in part: {listed(notes)}." if notes else "")
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return what a step does in a layer, and what the outputs are."""
        steps, leads = values["steps"], data["answer"]
        place = leads if len(data["outputs"]) > 1 else 0
        return (
            r"<p>In each step every layer adds the spikes $s$ of the layer before it, weighted, to "
            r"its potentials $v$. Where the threshold $\theta$ is reached, a neuron fires, and its "
            r"spike reaches the next layer in the same step:</p>"
            r"$$v \leftarrow v + W\,\theta' s' + b,\qquad s = [v \ge \theta]$$"
            r"<p>($\theta'$ and $s'$ are those of the layer before.) The outputs have no "
            r"threshold: they add up what arrives, and say its mean over the steps so far. The "
            r"largest is the answer:</p>"
            rf"$$o = \frac 1t \sum_{{\tau \le t}} (W\,\theta' s'_\tau + b),\qquad t = {steps},"
            rf"\qquad o_{{{place}}} = {data['outputs'][place]:.3g}$$"
            rf"<p>The ANN says {data['ann'][place]:.3g} there.</p>"
        )


def painted(now: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Return the colors of cells, bytes of shape (H, W, 4).

    Parameters
    ----------
    now, rates : arrays, shape (H, W)
        The share of the neurons of a cell that fire, and their spikes per step so far; NaN where
        there is no cell.
    """
    none = np.isnan(rates)
    now, rates = np.where(none, 0, now)[..., None], np.where(none, 0, rates)[..., None]
    before = np.where(rates > 0, AT_ALL + (1 - AT_ALL) * np.minimum(rates, 1), 0)
    colors = SILENT + before * (TOLD - SILENT)
    colors = colors + now * (NOW - colors)
    return np.concatenate([255 * colors, np.where(none, 0, 255)[..., None]], 2).astype(np.uint8)
