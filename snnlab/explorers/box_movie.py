"""Boxes settle: one scene, what a detector of spikes finds in it, and the numbers of one box."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.detection import Found, boxes_of, find, overlap
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.controls import Choice, Control, Steps
from snnlab.explorers.toolkit.drawing import finish
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.toolkit.numbers import Texts
from snnlab.explorers.toolkit.wording import listed, number
from snnlab.network import Network
from snnlab.plots._style import BLACK, BLUE, GREEN, ORANGE
from snnlab.simulation import ann, simulate

# What is found with less certainty is not shown; so many things have a name.
LEAST, MOST = 0.3, 8
CLASSES = 10
# The four numbers of a box.
NUMBERS = {"to the right": (BLUE, "-"), "down": (ORANGE, "--"), "width": (GREEN, "-.")}
NUMBERS |= {"height": (BLACK, ":")}
MARKS = "osD^"  # what the ANN says of each


def settling(network: Network, scene: Any, timesteps: int) -> dict[str, Any]:
    """Return what a detector says of a scene after each step, and what its ANN says.

    "outputs" have shape (T, 14, 336), those of "ann" (1, 14, 336).
    """
    x = torch.as_tensor(scene)[None]
    return {
        "outputs": simulate(network, x, timesteps, counts=False).outputs[:, 0],
        "ann": ann(network, x, activations=False).outputs,
    }


def cut(outputs: np.ndarray) -> np.ndarray:
    """Return outputs, (T, 14, 336), without the negative numbers of their boxes."""
    outputs = outputs.copy()
    outputs[:, CLASSES:] = outputs[:, CLASSES:].clip(0)
    return outputs


def compute(run: dict[str, Any], steps: int, signed: bool) -> dict[str, Any]:
    """Return what is found after a number of steps, and the numbers of the ANN's first box.

    "found" and "right" are what the SNN and the ANN have found: classes, scores and boxes. "fit" is
    how far each box of the ANN coincides with one of its class, 0 if there is none. "numbers" are
    those of the place that is most certain in the ANN, after each step, (4, T), and "wanted" the
    ANN's.
    """
    outputs = run["outputs"] if signed else cut(run["outputs"])
    found, right = find(outputs[steps - 1 : steps], LEAST), find(run["ann"], LEAST)
    same = found.classes[0][None] == right.classes[0][:, None]
    fit = (overlap(right.boxes[0], found.boxes[0]) * same).max(1)[right.classes[0] >= 0]
    place = run["ann"][0, :CLASSES].max(0).argmax()
    return {
        "steps": steps,
        "found": found,
        "right": right,
        "fit": fit,
        "numbers": outputs[:, CLASSES:, place].T,
        "wanted": run["ann"][0, CLASSES:, place],
        "box": boxes_of(run["ann"][:, CLASSES:])[0, place],
    }


class BoxMovie(Explorer):
    """What a spiking detector finds in one scene, step by step, beside what its ANN finds.

    On the left the scene with the boxes; on the right the four numbers that tell the box of which
    the ANN is most certain, over the steps. The numbers of boxes are read as they are, or cut off
    at 0, as a neuron or a ReLU would.

    The network is simulated once, when the explorer opens.

    Parameters
    ----------
    detector : Network
        Of the model "mnist_detector", see `snnlab.data.load_network`.
    scene : array, shape (1, 64, 64)
        One scene, see `snnlab.data.load_scenes`.
    timesteps : int
        Number of steps T.

    Raises
    ------
    OptionError
        If `detector` is no network, or its ANN finds nothing in the scene.
    SNNLabError
        As `simulate` and `snnlab.detection.find`.
    """

    def __init__(self, detector: Network, scene: Any, *, timesteps: int = 32):
        checks.instance(detector, Network, "detector", "Write snnlab.convert(model, x_cal) first.")
        self._timesteps = checks.whole(timesteps, "timesteps")
        self._scene = np.asarray(torch.as_tensor(scene).detach().cpu(), np.float64)
        self._run = settling(detector, scene, self._timesteps)
        right = find(self._run["ann"], LEAST)
        if right.classes.max() < 0:
            raise OptionError(
                f"scene: the ANN finds nothing in it with a score of {LEAST:g}, expected at least "
                f"one thing. Take another scene of snnlab.data.load_scenes."
            )
        readings = {"as they are": True, "cut off at 0": False}
        self.declared: Mapping[str, Control] = {
            "steps": Steps("step", "how long it has run", 1, timesteps, 1, timesteps),
            "signed": Choice("numbers of boxes", "how they are read", readings, True),
        }
        super().__init__()

    def compute(self, steps: int, signed: bool) -> dict[str, Any]:
        """Return what is found after so many steps, and the numbers of one box."""
        return compute(self._run, steps, signed)

    def calls(self, **values: Any) -> str:
        """Return the lines that compute the data from what was given to the explorer."""
        return (
            f"run = settling(detector, scene, {self._timesteps})\n"
            f"data = compute(run, {values['steps']}, {values['signed']!r})"
        )

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the scene with room for boxes, and the axes of the numbers."""
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
        side = self._scene.shape[-1]
        edges = (0, side, side, 0)
        left.imshow(self._scene[0], "Greys", extent=edges, vmax=1.6, interpolation="none")
        given = find(self._run["ann"], LEAST)
        ends = given.boxes[0][given.classes[0] >= 0]
        left.plot(*_outlines(ends, 0.0), "--", color=ORANGE, lw=1.5, label="ANN")
        (self._boxes,) = left.plot([], [], color=BLUE, lw=2, label="SNN")
        left.set(xlim=(-1, side + 1), ylim=(side + 1, -1), xticks=[], yticks=[])
        finish(left, "The scene", 24, columns=2)
        self._names = Texts(left, [(0, 0)], left.transData)
        return [self._boxes, self._names.artist, *self._lay_out_numbers(right)]

    def _lay_out_numbers(self, ax: Axes) -> list[Artist]:
        """Draw the axes of the numbers of one box, and return what moves there."""
        data, steps = self.compute(self._timesteps, True), np.arange(1, self._timesteps + 1)
        self._lines = {}
        parts = zip(NUMBERS.items(), MARKS, data["wanted"], strict=True)
        for (name, (color, form)), mark, wanted in parts:
            ax.plot(self._timesteps, wanted, mark, color=color, ms=5, clip_on=False)
            (self._lines[name],) = ax.plot(steps, steps, form, color=color, label=name)
        ax.axhline(0, color=BLACK, lw=0.8)
        self._now = ax.axvline(1, color=BLACK, lw=1, ls=":")
        values = np.append(data["numbers"], data["wanted"][:, None], 1)
        low, high = min(values.min(), 0), max(values.max(), 0)
        room = 0.06 * max(high - low, 1e-6)
        ax.set(xlim=(1, max(self._timesteps, 2)), ylim=(low - room, high + room), xlabel="step")
        ax.set_ylabel("what the place says (ANN: marks)")
        (name, *_) = given_names(data["right"])
        finish(ax, f"The numbers of one box, {name}", 24, 4, at_ends=[*self._lines.values()])
        return [*self._lines.values(), self._now]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the boxes and their names, the numbers and the step."""
        found = data["found"]
        kept = (found.classes[0] >= 0).nonzero()[0][:MOST]
        ends = found.boxes[0][kept]
        self._boxes.set_data(*_outlines(ends, 0.4))
        self._names.artist.set_offsets(ends[:, :2] + (0.8, 2.5) if len(ends) else [(0, 0)])
        self._names.show(str(c) for c in found.classes[0][kept])
        for line, numbers in zip(self._lines.values(), data["numbers"], strict=True):
            line.set_ydata(numbers)
        self._now.set_xdata([data["steps"]] * 2)

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what is found, how far the boxes coincide, and what the numbers of one box are."""
        how = "" if values["signed"] else ", the numbers of boxes cut off at 0,"
        there, fit = given_names(data["right"]), data["fit"]
        found = given_names(data["found"])
        said = f"finds {listed(found)}" if found else "finds nothing"
        now = data["numbers"][:, values["steps"] - 1]
        numbers = listed(
            f"{name} {number(n)} ({number(w)})"
            for name, n, w in zip(NUMBERS, now, data["wanted"], strict=True)
        )
        return (
            f"After {values['steps']} of {counted(self._timesteps, 'step')}{how} the network "
            f"{said}; the ANN {listed(there)}. Of its boxes {(fit >= 0.5).sum()} of {len(fit)} are "
            f"met well enough, on average they coincide by {100 * fit.mean():.0f} %. Box of "
            f"{there[0]}, in brackets the ANN: {numbers}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return how numbers are read, and what they say of the box."""
        now = data["numbers"][:, values["steps"] - 1]
        x, y, w, h = (f"{value:.3g}" for value in now)
        return (
            r"<p>The last layer has no threshold: it adds up what arrives, positive and negative, "
            r"and is read as the mean over the steps so far:</p>"
            rf"$$d = \frac 1t \sum_{{\tau \le t}} z_\tau,\qquad t = {values['steps']}$$"
            r"<p>A place with its middle at $p$ and the stride $s$ tells the middle of a box and "
            r"its width and height:</p>"
            r"$$x = p_x + s\,d_x,\quad y = p_y + s\,d_y,\quad w = 3s\,e^{d_w},\quad "
            r"h = 3s\,e^{d_h}$$"
            rf"<p>Here $d_x = {x}$, $d_y = {y}$, $d_w = {w}$, $d_h = {h}$. Cut off at 0 a box "
            r"could go only to the right and down, and be no smaller than usual.</p>"
        )


def given_names(found: Found) -> list[str]:
    """Return what was found in the first scene, in words, the most certain first."""
    return [f"a {number}" for number in found.classes[0] if number >= 0]


def _outlines(ends: np.ndarray, inside: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of boxes, (N, 4), drawn a little inside, as one line with gaps."""
    x0, y0, x1, y1 = (ends + inside * np.array([1, 1, -1, -1])).T
    gap = np.full(len(ends), np.nan)
    x, y = np.stack([x0, x1, x1, x0, x0, gap], 1), np.stack([y0, y0, y1, y1, y0, gap], 1)
    return x.ravel(), y.ravel()
