"""What the error of every layer of a converted network is made of, after a few numbers of steps."""

import html
import itertools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import nn

from snnlab._arguments import checks
from snnlab.analysis import LAYER_PARTS, TOTAL, decompose
from snnlab.conversion import Percentile, convert
from snnlab.explorers.toolkit.controls import RESET, Choice, StepScale
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.network_explorer import PERCENTILE, NetworkExplorer
from snnlab.explorers.toolkit.stacked_bars import StackedBars, short
from snnlab.explorers.toolkit.wording import listed, several
from snnlab.network import Network
from snnlab.plots import _style
from snnlab.plots._style import BLACK
from snnlab.simulation import simulate

STARTS = {0.0: "empty", 0.5: "half full"}


def errors_by_layer(network: Network, x: Any, y: Any, steps: Sequence[int]) -> dict[str, Any]:
    """Return how large each part of the error is in every layer, after each number of steps.

    The rows of the arrays are the steps, the columns the layers; the last layer is the output. A
    share is E[part · total] / E[total²]. With them the accuracy in percent, the spikes per image,
    and how many of those come from neurons whose ANN activation is 0.
    """
    record = simulate(network, x, max(steps), at=steps)
    layers = (*network.layers, "output")
    found, spikes, spurious = [], [], []
    for step in steps:
        report = decompose(network, x, record, step=step)
        found.append([report.statistics(layer) for layer in layers])
        spikes.append(sum(n.sum() for n in report.counts.values()) / len(x))
        spurious.append(sum(report.spurious(n).sum() for n in report.counts) / len(x))

    def numbers(part: str, kind: str) -> np.ndarray:
        return np.array([[n[part][kind] if part in n else 0.0 for n in row] for row in found])

    parts = list(report.parts[network.layers[0]])
    return {
        "steps": tuple(steps),
        "layers": layers,
        "accuracy": 100 * record.accuracy(y)[np.array(steps) - 1],
        "spikes": np.array(spikes),
        "spurious": np.array(spurious),
        "rms": {part: numbers(part, "rms") for part in [*parts, "total"]},
        "shares": {part: numbers(part, "share") for part in parts},
    }


def compute(run: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return what was simulated, after one of its numbers of steps.

    "parts" are the shares by layer, and "total" is their sum: 1 where there is an error.
    "over_time" has the root mean squares of the last spiking layer after every number of steps.
    """
    row = run["steps"].index(steps)
    parts = {part: shares[row] for part, shares in run["shares"].items()}
    return {
        "steps": steps,
        "layers": run["layers"],
        "accuracy": run["accuracy"][row],
        "spikes": run["spikes"][row],
        "spurious": run["spurious"][row],
        "rms": {part: rms[row] for part, rms in run["rms"].items()},
        "parts": parts,
        "total": sum(parts.values()),
        "over_time": {part: rms[:, -2] for part, rms in run["rms"].items()},
    }


class NetworkError(NetworkExplorer):
    """The error of every layer of a whole network, as bars of its four parts.

    A bar that is longer than the axes is cut off there, and a part that is 0 has no place on the
    right, where the axes are logarithmic. Which part is the largest is told by the shares.

    Each choice of reset, start and percentile is simulated once; after that a slider only moves the
    picture. All of them are simulated when the explorer opens, as far as that takes no more than
    some seconds. The others follow at their first visit; if that takes long, give fewer images or
    fewer steps.

    Parameters
    ----------
    model : torch.nn.Module
        The trained ANN.
    x_cal, x : arrays, shape (B, ...)
        Calibration images, and images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image of `x`.
    steps : sequence of int
        Numbers of steps T to choose from.
    percentiles : sequence of float
        Percentiles of the thresholds to choose from, each in (1, 100].
    v_inits : sequence of float
        First potentials to choose from, each in [0, 1), in units of the threshold.

    Raises
    ------
    SNNLabError
        As `convert` and `simulate`.
    """

    def __init__(
        self,
        model: nn.Module,
        x_cal: Any,
        x: Any,
        y: Any,
        *,
        steps: Sequence[int] = (4, 16, 64, 256),
        percentiles: Sequence[float] = (99.0, 100.0),
        v_inits: Sequence[float] = (0.0, 0.5),
    ):
        whole = several(steps, "steps", lambda t: checks.whole(t, "steps"))
        shown = several(percentiles, "percentiles", checks.percentile)
        starts = several(v_inits, "v_inits", checks.fraction_of_threshold)
        self._steps, self._x_cal = tuple(sorted(whole)), x_cal
        v_init = 0.5 if 0.5 in starts else starts[-1]
        percentile = 100.0 if 100.0 in shown else shown[-1]
        network = convert(model, x_cal, threshold=Percentile(percentile))
        self._thresholds = {percentile: network.thresholds}
        self._first = ("subtract", v_init, percentile)
        times, middle = {f"{t}": t for t in self._steps}, self._steps[(len(whole) - 1) // 2]
        held = {f"{STARTS[v]} ({v:g})" if v in STARTS else f"{v:g}": v for v in starts}
        cuts = {f"{p:g} (maximum)" if p == 100 else f"{p:g}": p for p in shown}
        declared = {
            "steps": StepScale("steps T", "how long it may run", times, middle),
            "reset": RESET,
            "v_init": Choice(
                "start v₀ / θ", "what a neuron holds before the first step", held, v_init
            ),
            "percentile": Choice(*PERCENTILE, cuts, percentile),
        }
        settings = itertools.product(RESET.options.values(), starts, shown)
        # First those that are few moves of a control away.
        nearest = sorted(settings, key=lambda s: sum(map(operator.ne, s, self._first)))
        super().__init__(network, x, y, declared, nearest)

    def _simulated(self, setting: tuple[Any, float, float]) -> dict[str, Any]:
        reset, v_init, percentile = setting
        if percentile not in self._thresholds:
            rule = Percentile(percentile)
            self._thresholds[percentile] = rule.thresholds(self._network.graph, self._x_cal)
        thresholds = self._thresholds[percentile]
        net = self._network.replace(threshold=thresholds, reset=reset, v_init=v_init)
        return errors_by_layer(net, self._x, self._y, self._steps)

    def compute(self, steps: int, reset: str, v_init: float, percentile: float) -> dict[str, Any]:
        """Return the shares and sizes of the parts in every layer, accuracy and spikes."""
        return compute(self.simulations[reset, v_init, percentile], steps)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"rule = Percentile({values['percentile']!r})\n"
            f"network = convert(model, x_cal, threshold=rule)\n"
            f"network = network.replace(reset={values['reset']!r}, v_init={values['v_init']!r})\n"
            f"run = errors_by_layer(network, x, y, {self._steps!r})\n"
            f"data = compute(run, {values['steps']!r})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the bars and of the sizes over the steps."""
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        # Limits that also hold parts and settings of other sizes than this total.
        top = self.simulations[self._first]["rms"]["total"][:, -2].max() or 1.0
        layers, steps = [*self._network.layers, "output"], self._steps
        self.bars = StackedBars(left, layers)
        self._lines = {
            name: right.plot(steps, steps, label=name, ms=5, **_style.part_look(name))[0]
            for name in (part.name for part in (*LAYER_PARTS, TOTAL))
        }
        (self._later,) = right.plot([], [], ":", color=BLACK, lw=0.8)
        self._now = right.axvline(1, color=BLACK, lw=0.8, linestyle="--")
        right.set(xscale="log", yscale="log", ylim=(top / 500, top * 5))
        ends = (0.8 * steps[0], 1.25 * steps[-1])
        right.set(xlim=ends, xlabel="steps T", ylabel="root mean square")
        right.set_xticks(steps, [f"{t}" for t in steps])
        right.set_xticks([], minor=True)
        handles = [self._lines[TOTAL.name]]  # the others have the colors of the bars
        finish(right, f"The last spiking layer, {short(layers[-2])}", 34, 1, True, handles=handles)
        return [*self.bars.artists, self._later, *self._lines.values(), self._now]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the bars and numbers, and let the lines grow up to the mark of the steps."""
        self.bars.move(data["parts"], data["rms"]["total"])
        rows = self._steps.index(data["steps"]) + 1
        later: list[Any] = []
        for part, line in self._lines.items():
            rms = data["over_time"][part]
            rms = np.where(rms > 0, rms, np.nan)  # 0 has no place on this axis
            line.set_data(self._steps[:rows], rms[:rows])
            later += [*rms[rows - 1 :], np.nan]
        steps = [*self._steps[rows - 1 :], np.nan]
        self._later.set_data(steps * len(self._lines), later)
        self._now.set_xdata([data["steps"]] * 2)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what is right, which part is the largest in each layer, and how large the error."""
        steps, v_init = values["steps"], values["v_init"]
        start = STARTS.get(v_init, f"at {v_init:g} θ")
        accuracy, spikes, spurious = data["accuracy"], data["spikes"], data["spurious"]
        silent = f", {_count(spurious)} of them from neurons whose ANN activation is 0"
        groups = largest(data)
        said = (
            f"{steps} step{'' if steps == 1 else 's'}, reset {RESET.shown(values['reset'])}, "
            f"starting {start}, percentile {values['percentile']:g}: {accuracy:.2f} % right "
            f"(ANN {self._ann:.2f} %), {_count(spikes)} "
            f"spike{'' if _count(spikes) == '1' else 's'} per image{silent if spurious else ''}."
        )
        if not groups:
            return f"{said} No spiking layer has an error."
        layers, error = data["layers"][:-1], data["rms"]["total"][-2]
        mean = {part: shares[:-1].mean() for part, shares in data["parts"].items()}
        first = max(mean, key=lambda part: mean[part])
        named = ", ".join(
            f"{part} in {_layers([layers[row] for row in rows], len(layers))}"
            for part, rows in groups.items()
        )
        over = f"Over the {len(layers)} spiking layers" if len(layers) > 1 else "In this layer"
        return (
            f"{said} Largest part of the error: {named}. {over} {first} has "
            f"{100 * mean[first]:.0f} % of the mean square error"
            f"{' on average' if len(layers) > 1 else ''}; the root mean square error of layer "
            f"{layers[-1]} is {error:.3g}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the four parts, and their shares in the last spiking layer."""
        last = data["layers"][-2]
        percent = {part: round(100 * share[-2], 1) for part, share in data["parts"].items()}
        filled = " ".join(
            rf"{'-' if share < 0 else '+'} \underset{{\text{{{part}}}}}{{{abs(share):.1f}\,\%}}"
            for part, share in percent.items()
        )
        thrown = (
            ", and the reset to zero throws away what exceeds the threshold, which more steps do "
            "not cure"
        )
        hard = {"quantization": thrown} if values["reset"] == "zero" else {}
        meanings = " ".join(
            f"<b>{part.name}</b>: {part.meaning}{hard.get(part.name, '')}." for part in LAYER_PARTS
        )
        return (
            r"<p>A neuron passes on $\varphi = \theta N/T$, where the ANN passes on "
            r"$R(\bar z_{ANN})$ with its ReLU $R$. The neuron receives the mean current $\bar z$; "
            r"$C(u) = \min(u, \theta)$ cuts off at the threshold, and $Q(\bar z)$ is what the "
            r"neuron passes on if $\bar z$ flows steadily. The error is the sum of four parts:</p>"
            r"$$\varphi - R(\bar z_{ANN}) = "
            r"\underset{\text{propagated}}{R(\bar z) - R(\bar z_{ANN})} + "
            r"\underset{\text{clipping}}{C(R(\bar z)) - R(\bar z)}$$"
            r"$$+\ \underset{\text{quantization}}{Q(\bar z) - C(R(\bar z))} + "
            r"\underset{\text{deviation}}{\varphi - Q(\bar z)}$$"
            rf"<p>{meanings}</p>"
            r"<p>The share of a part is $E[\text{part} \cdot \text{total}] / E[\text{total}^2]$, "
            r"over all neurons and images. The shares sum to 100 %; that of a part which works "
            r"against the others is negative. In the last spiking layer, "
            rf"{html.escape(last)}, after {values['steps']} steps:</p>"
            rf"$${filled.removeprefix('+ ')} = {100 * data['total'][-2]:.1f}\,\%$$"
            r"<p>There the root mean square of the total is "
            rf"$\sqrt{{E[\text{{total}}^2]}} = {data['rms']['total'][-2]:.4f}$.</p>"
        )


def largest(data: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the parts that have the largest share of a spiking layer's error, and those layers.

    >>> a, b = np.array([0.75, 0.25, 0.0]), np.array([0.25, 0.75, 1.0])
    >>> largest({"parts": {"a": a, "b": b}, "rms": {"total": np.ones(3)}})
    {'a': [0], 'b': [1]}
    """
    parts = list(data["parts"])
    winners = np.argmax(list(data["parts"].values()), axis=0)
    found: dict[str, list[int]] = {}
    for row, error in enumerate(data["rms"]["total"][:-1]):
        if error > 0:
            found.setdefault(parts[winners[row]], []).append(row)
    return found


def _count(number: float) -> str:
    """Return a number of spikes per image, with decimals where it is small.

    >>> _count(2647.4), _count(0.25)
    ('2,647', '0.25')
    """
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _layers(names: Sequence[str], of: int) -> str:
    """Return which of some layers these are, in words.

    >>> _layers(["2"], 3), _layers(["2", "6", "10"], 7)
    ('layer 2', 'layers 2, 6 and 10')
    """
    if len(names) == of > 1:
        return "every layer"
    if len(names) > 4:
        return f"{len(names)} layers"
    return f"layer{'s' if len(names) > 1 else ''} {listed(names)}"
