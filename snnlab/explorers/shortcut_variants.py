"""Networks of the same depth with other blocks: how the error grows from layer to layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.analysis import decompose
from snnlab.explorers.toolkit.controls import StepScale
from snnlab.explorers.toolkit.drawing import LOOKS, finish
from snnlab.explorers.toolkit.neighbours import averaged, axis_label, neighbours
from snnlab.explorers.toolkit.networks_explorer import LOOKED_AT, NetworksExplorer, bold
from snnlab.explorers.toolkit.wording import several
from snnlab.network import Network
from snnlab.plots._style import BLACK
from snnlab.simulation import ann, simulate


def accuracy_and_errors(
    network: Network, x: Any, y: Any, steps: Sequence[int], few: int
) -> dict[str, Any]:
    """Return what a network answers in time, and how large the error of every layer is.

    The accuracy after each step and that of the ANN, in percent; and of the first `few` images the
    error of each layer in all, and what the layer makes of it itself, after each of `steps`, shape
    (K, L): root mean squares in percent of that of the activation, 0 where the ANN is silent.
    """
    record = simulate(network, x, max(steps), counts=False)
    seen = simulate(network, x[:few], max(steps), at=steps)
    total, own = [], []
    for step in steps:
        report = decompose(network, x[:few], seen, step=step)
        for layer in network.layers:
            activation, error = rms(report.activations[layer]), report.total(layer)
            percent = 100 / activation if activation else 0.0
            total.append(percent * rms(error))
            own.append(percent * rms(error - report.part(layer, "propagated")))
    shape = (len(steps), len(network.layers))
    return {
        "accuracy": 100 * record.accuracy(y, metric="accuracy"),
        "ann": 100 * ann(network, x, activations=False).accuracy(y, metric="accuracy"),
        "total": np.reshape(total, shape),
        "own": np.reshape(own, shape),
    }


def rms(values: np.ndarray) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(values), dtype=np.float64)))


def compute(
    runs: Mapping[str, Any], possible: Sequence[int], network: str, steps: int
) -> dict[str, Any]:
    """Return what was simulated of a network, after one of the `possible` numbers of steps.

    "total" and "own" are the errors of its layers, shape (L,); "totals" those of all networks.
    """
    row, run = list(possible).index(steps), runs[network]
    return {
        "network": network,
        "steps": steps,
        "accuracy": run["accuracy"],
        "ann": run["ann"],
        "now": run["accuracy"][steps - 1],
        "total": run["total"][row],
        "own": run["own"][row],
        "totals": {name: other["total"][row] for name, other in runs.items()},
    }


class ShortcutVariants(NetworksExplorer):
    """Accuracy over the steps for several networks, and their errors from layer to layer.

    A layer's error in all is what it makes itself and what the layers before it hand on. A network
    is simulated once, when the explorer opens. Errors are those of the first 16 images. In a deep
    network neighbouring layers are shown together, by their mean.

    Parameters
    ----------
    networks : mapping from str to Network
        At most six, by the name under which each is shown: {"spikes on the shortcut": ...,
        "real numbers on the shortcut": ...}.
    x : array, shape (B, ...)
        Images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    steps : sequence of int
        Numbers of steps T to choose from.

    Raises
    ------
    OptionError
        If `networks` is no mapping, or holds something else or too many.
    SNNLabError
        As `simulate`.
    """

    def __init__(
        self,
        networks: Mapping[str, Network],
        x: Any,
        y: Any,
        *,
        steps: Sequence[int] = (4, 8, 16, 32),
    ):
        self._steps = sorted(several(steps, "steps", lambda t: checks.whole(t, "steps")))
        times, middle = {f"{t}": t for t in self._steps}, self._steps[(len(self._steps) - 1) // 2]
        control = StepScale("steps T", "how long it has run", times, middle)
        super().__init__(networks, x, y, self._steps[-1], control)

    def _simulated(self, network: Network) -> dict[str, Any]:
        return accuracy_and_errors(network, self._x, self._y, self._steps, LOOKED_AT)

    def compute(self, network: str, steps: int) -> dict[str, Any]:
        """Return accuracy in percent, and the errors of the layers after `steps`."""
        return compute(self.runs, self._steps, network, steps)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"steps = {self._steps}\n"
            f"runs = {{\n"
            f"    name: accuracy_and_errors(network, x, y, steps, {LOOKED_AT})\n"
            f"    for name, network in networks.items()\n"
            f"}}\n"
            f"data = compute(runs, steps, {values['network']!r}, {values['steps']})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the accuracy and of the errors."""
        left, right = figure.subplots(1, 2)
        marks = self.lay_out_accuracy(left)
        errors = np.concatenate(
            [np.ravel(r[k]) for r in self.runs.values() for k in ("total", "own")]
        )
        self._groups, self._totals = {}, {}
        for (name, run), (color, form) in zip(self.runs.items(), LOOKS, strict=False):
            groups = neighbours(run["total"].shape[1], self.per)
            places = averaged(np.arange(run["total"].shape[1]) + 1, groups)
            look: dict[str, Any] = {"color": color, "lw": 1.2, "ms": 4}
            look["markevery"] = max(1, len(groups) // 7)
            (line,) = right.plot(places, places, form, label=name, **look)
            self._groups[name], self._totals[name] = groups, line
        (self._bold,) = right.plot([], [])
        (self._own,) = right.plot([], [], "+", color=BLACK, label="made by the layer itself")
        right.set(yscale="log", xlim=(0, self.layers + 1))
        right.set_ylim(errors[errors > 0].min(initial=100.0) / 1.5, 1.5 * errors.max(initial=1.0))
        right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        right.yaxis.set_major_formatter("{x:g}")
        right.yaxis.set_minor_formatter("")
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        right.set(xlabel=axis_label(self.per), ylabel="relative error (%)")
        handles = [self._own]  # the others look as on the left
        finish(right, "Error of the layers, in all", self.pad, 1, grid=True, handles=handles)
        return [*marks, *self._totals.values(), self._bold, self._own]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the mark of the network, and the errors of the layers."""
        self.draw_accuracy(data)
        for name, line in self._totals.items():
            line.set_ydata(_seen(averaged(data["totals"][name], self._groups[name])))
        chosen = self._totals[data["network"]]
        bold(self._bold, chosen)
        own = averaged(data["own"], self._groups[data["network"]])
        self._own.set_data(chosen.get_xdata(), _seen(own))

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say how much is right, how the error grows, and what the layers make themselves."""
        total, own = data["total"], data["own"]
        return (
            f"{values['network']}, {counted(values['steps'], 'step')}: {data['now']:.2f} % right "
            f"(ANN {data['ann']:.2f} %). The error of a layer, in all, is {total[0]:.3g} % of its "
            f"activation in the first layer and {total[-1]:.3g} % in the last. On average over "
            f"{counted(len(total), 'layer')} it is {total.mean():.3g} %, and the layers themselves "
            f"make {own.mean():.3g} %."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the two parts of a layer's error, filled in for the last layer."""
        return (
            r"<p>A layer passes on $\varphi = \theta N/T$, where the ANN passes on $a = "
            r"R(\bar z_{ANN})$. The neurons receive the mean current $\bar z$, which is not that "
            r"of the ANN, since the layers before err too:</p>"
            r"$$\varphi - a = \underset{\text{handed on}}{[R(\bar z) - R(\bar z_{ANN})]} + "
            r"\underset{\text{made by the layer itself}}{[\varphi - R(\bar z)]}$$"
            r"<p>The relative error of a layer, in all, and what it makes itself are</p>"
            r"$$\sqrt{\frac{E[(\varphi - a)^2]}{E[a^2]}} = "
            rf"{data['total'][-1]:.2f}\,\%, \qquad "
            r"\sqrt{\frac{E[(\varphi - R(\bar z))^2]}{E[a^2]}} = "
            rf"{data['own'][-1]:.2f}\,\%$$"
            rf"<p>in the last of {len(data['total'])} layers, after {values['steps']} steps. "
            r"The difference has come through the layers before it. How much of an error a block "
            r"hands on, and how much it adds, depends on what its shortcut carries.</p>"
        )


def _seen(errors: np.ndarray) -> np.ndarray:
    """Return errors for a logarithmic axis, where 0 has no place."""
    return np.where(errors > 0, errors, np.nan)
