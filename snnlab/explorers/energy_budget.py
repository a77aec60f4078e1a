"""What a network would cost in energy beside its ANN, at prices that can be changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.analysis import ADDITIONS, operations
from snnlab.analysis.energy_estimate import ADDITION, MULTIPLICATION
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.controls import Control, Slider, StepScale
from snnlab.explorers.toolkit.drawing import crop, finish, ring
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.network import Network
from snnlab.plots import _style
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE
from snnlab.simulation import ann, simulate

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
MAC = round(MULTIPLICATION + ADDITION, 2)  # a place of its slider
SHARES = (1.0, 1000.0)  # of the ANN's energy, in percent: what the right half has room for
MOST = 250.0  # and the left one
# Color and hatch of each part; nothing is told by color alone.
_PARTS = {
    "MACs": (GREEN, "xx"),
    "additions": (BLUE, ""),
    "neuron updates": (BLACK, "--"),
}


def counts_over_time(network: Network, x: Any, y: Any, timesteps: int) -> dict[str, Any]:
    """Return what a simulation took, and what was read, after some numbers of steps.

    "totals" are the operations per image after each of "steps", "accuracy" is in percent.
    """
    steps = sorted({timesteps, *(T for T in STEPS if timesteps > T)})
    record = simulate(network, x, timesteps, at=steps[:-1])
    accuracy = 100 * record.accuracy(y, metric="accuracy")
    return {
        "steps": np.array(steps),
        "accuracy": accuracy[np.array(steps) - 1],
        "totals": [operations(network, record, step=T).totals for T in steps],
    }


def compute(
    counts: dict[str, Any], steps: int, mac: float, ac: float, update: float
) -> dict[str, Any]:
    """Return what the ANN takes in pJ per image, and the SNN after each number of steps, by parts.

    Prices are in pJ. "arrived" are the spikes that come over a connection, as a mean, and
    "affordable" is how many of them would make the SNN as expensive as the ANN after `steps`.
    "break_even" is the number of steps at which it is, 0 if it is so from the first step on, or
    past the last one if never.
    """
    n = {name: np.array([t[name] for t in counts["totals"]]) for name in counts["totals"][0]}
    here = list(counts["steps"]).index(steps)
    parts = {
        "MACs": mac * n["multiplications"],
        "additions": ac * np.sum([n[name] for name in ADDITIONS], axis=0),
        "neuron updates": update * n["updates"],
    }
    ann, snn = mac * n["true"][0], np.sum(list(parts.values()), axis=0)
    beside = snn[here] - ac * n["synaptic"][here]  # all that is no synaptic operation
    past = counts["steps"][-1] + 1
    return {
        "steps": counts["steps"],
        "accuracy": counts["accuracy"],
        "parts": parts,
        "ann": ann,
        "snn": snn,
        "here": here,
        "arrived": n["synaptic"][here] / n["true"][0],
        "affordable": max(0.0, ann - beside) / (ac * n["true"][0]),
        "break_even": np.interp(ann, snn, counts["steps"], left=0, right=past),
    }


class EnergyBudget(Explorer):
    """The estimated energy of a network and of its ANN, side by side and over accuracy.

    Take hold of the number of steps and of the prices. The network is simulated once, when the
    explorer opens.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...)
        Images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    timesteps : int
        Largest number of steps.

    Raises
    ------
    OptionError
        If the ANN has no multiply-accumulates, so that there is nothing to compare with.
    SNNLabError
        As `simulate`.
    """

    def __init__(self, network: Network, x: Any, y: Any, *, timesteps: int = 32):
        checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
        self._timesteps = checks.whole(timesteps, "timesteps")
        self._counts = counts_over_time(network, x, y, self._timesteps)
        self._ann = 100 * ann(network, x).accuracy(y, metric="accuracy")
        first = self._counts["totals"][0]
        if not first["true"]:
            raise OptionError(
                "network: its ANN has no multiply-accumulates, and so nothing to be compared with. "
                "Expected a network with weights."
            )
        self._nominal = 100 * first["nominal"] / first["true"]
        options = {str(T): int(T) for T in self._counts["steps"]}
        default = max(T for T in options.values() if T <= 16)
        self.declared: Mapping[str, Control] = {
            "steps": StepScale("steps T", "after how many it is read", options, default),
            "mac": Slider("MAC (pJ)", "multiply and add", 0.01, 5.0, 0.01, MAC),
            "ac": Slider(
                "addition (pJ)", "one for each spike that arrives", 0.01, 3.0, 0.01, ADDITION
            ),
            "update": Slider(
                "neuron update (pJ)", "each neuron, each step", 0.0, 50.0, 0.1, ADDITION
            ),
        }
        super().__init__()

    def compute(self, **values: Any) -> dict[str, Any]:
        """Return what the ANN and the SNN take in pJ per image."""
        return compute(self._counts, **values)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        given = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return (
            f"counts = counts_over_time(network, x, y, {self._timesteps})\n"
            f"data = compute(counts, {given})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the bars, and of accuracy over energy."""
        left, right = figure.subplots(1, 2)
        left.barh(0, self._nominal, 0.6, fc="none", ec=ORANGE, ls="--", label="ANN with padding")
        left.barh(0, 100, 0.6, color=ORANGE, hatch="//", ec="white", label="ANN")
        self._bars = {
            name: Rectangle((0, 0.7), 0, 0.6, fc=color, hatch=hatch, ec="white", label=name)
            for name, (color, hatch) in _PARTS.items()
        }
        for bar in self._bars.values():
            left.add_patch(bar)
        left.axvline(100, color=ORANGE, ls="--", lw=1)
        left.set(xlim=(0, MOST), ylim=(1.5, -0.5), xlabel="share of the ANN's energy (%)")
        left.set_yticks([0, 1], ["ANN", "SNN"])
        finish(left, "What it takes", 34, columns=3)
        (self._path,) = right.plot([1], [1], ".-", color=BLUE, label="SNN, step by step")
        self._ring = ring(right)
        right.axvline(100, color=ORANGE, ls=":", lw=1, label="as expensive as the ANN")
        _style.ann_line(right, self._ann)
        right.set(xscale="log", xlim=SHARES)
        crop(right, self._counts["accuracy"], self._ann)
        ticks = [1, 10, 100, 1000]
        right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        right.set(xlabel="share of the ANN's energy (%)", ylabel="accuracy (%)")
        finish(right, "What it brings", 34, columns=2, grid=True)
        return [*self._bars.values(), self._path, self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the parts of the SNN's bar, the path and the ring."""
        start = 0.0
        for name, bar in self._bars.items():
            share = 100 * data["parts"][name][data["here"]] / data["ann"]
            bar.set(x=start, width=share)
            start += share
        shares = np.clip(100 * data["snn"] / data["ann"], *SHARES)  # what is outside, at the edge
        self._path.set_data(shares, data["accuracy"])
        self._ring.set_data([shares[data["here"]]], [data["accuracy"][data["here"]]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what both take, what is read, and where they take the same."""
        here, total = data["here"], data["snn"][data["here"]]
        parts = ", ".join(
            f"{100 * part[here] / total:.0f} % {name}" for name, part in data["parts"].items()
        )
        share = 100 * total / data["ann"]
        percent = f"{share:.3g}" if share < 1000 else f"{share:,.0f}"
        outside = ", more than the bar has room for" if share > MOST else ""
        return (
            f"{counted(values['steps'], 'step')}; a MAC costs {values['mac']:g} pJ, an addition "
            f"{values['ac']:g}, a neuron update {values['update']:g}: the ANN takes "
            f"{joules(data['ann'])} per image, the SNN {joules(total)}, {percent} % of that"
            f"{outside} ({parts}). It reads {data['accuracy'][here]:.1f} % rightly, the ANN "
            f"{self._ann:.1f} %. Over each connection came {data['arrived']:.2f} spikes, and it "
            f"could pay for {data['affordable']:.2f}; {self._crossing(data['break_even'])}."
        )

    def _crossing(self, break_even: float) -> str:
        """Say from which step on the SNN takes more than the ANN."""
        if not break_even:
            return "it takes more than the ANN from the first step on"
        if break_even > self._timesteps:
            return f"it takes less even after {counted(self._timesteps, 'step')}"
        return f"it takes as much as the ANN after about {counted(round(break_even), 'step')}"

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return both sums and the break-even, filled in."""
        here, mac, ac = data["here"], values["mac"], values["ac"]
        parts = " + ".join(f"{part[here]:,.0f}" for part in data["parts"].values())
        return (
            r"<p>Each operation has a price $e$ in pJ, and $n$ counts how many there are for an "
            r"image. The ANN multiplies and adds:</p>"
            rf"$$E_{{ANN}} = e_{{MAC}}\,n_{{MAC}} = {data['ann']:,.0f}\ \mathrm{{pJ}}$$"
            r"<p>The SNN multiplies where real numbers come in, adds a weight for each spike that "
            r"arrives, and updates each neuron in each step:</p>"
            r"$$E_{SNN} = e_{MAC}\,m_{MAC} + e_{AC}\,n_{AC} + e_{update}\,n_{update}$$"
            rf"$$= {parts} = {data['snn'][here]:,.0f}\ \mathrm{{pJ}}$$"
            r"<p>If nothing but spikes counted, it would win as long as a connection carries fewer "
            rf"spikes than $e_{{MAC}} / e_{{AC}} = {mac:g} / {ac:g} = {mac / ac:.2f}$. What else "
            rf"it does leaves {data['affordable']:.2f}; {data['arrived']:.2f} came.</p>"
        )


def joules(pico: float) -> str:
    """Return an energy given in pJ, with three digits.

    >>> joules(0), joules(34), joules(48190), joules(4.819e7)
    ('0 pJ', '34 pJ', '48.2 nJ', '48.2 µJ')
    """
    for size, unit in ((1e6, "µJ"), (1e3, "nJ")):
        if pico >= size:
            return f"{pico / size:.3g} {unit}"
    return f"{pico:.3g} pJ"
