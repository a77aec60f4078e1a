"""What explorers of several networks share: the accuracy of each, and which one is looked at."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from snnlab._arguments import checks
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.controls import Choice, Control
from snnlab.explorers.toolkit.drawing import LOOKS, crop, finish, ring
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.toolkit.neighbours import together
from snnlab.network import Network
from snnlab.plots import _style
from snnlab.plots._style import BLACK
from snnlab.simulation.progress import progress_bar

# In letters: longer names stand in a legend.
LONGEST = 16
# Of the first images more is kept than the answers: what every neuron did.
LOOKED_AT = 16


class NetworksExplorer(Explorer):
    """An explorer that simulates several networks when it opens, and compares them.

    Parameters
    ----------
    networks : mapping from str to Network
        At most six, by the name under which each is shown.
    x : array, shape (B, ...)
        Images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    timesteps : int
        Largest number of steps.
    steps : Control
        Which steps can be chosen.
    """

    def __init__(
        self, networks: Mapping[str, Network], x: Any, y: Any, timesteps: int, steps: Control
    ):
        self._networks = checked_networks(networks)
        self._x, self._y, self._timesteps = x, y, checks.whole(timesteps, "timesteps")
        names = {str(name): name for name in self._networks}
        self.declared = {
            "network": Choice(
                "network", "which one is looked at", names, next(iter(self._networks))
            ),
            "steps": steps,
        }
        self.layers = max(len(network.layers) for network in self._networks.values())
        self.per = together(self.layers)
        self.runs = {}
        with progress_bar(len(names), "networks") as progress:
            for name, network in self._networks.items():
                self.runs[name] = self._simulated(network)
                progress.update()
        super().__init__()

    @abstractmethod
    def _simulated(self, network: Network) -> dict[str, Any]:
        """Return what is kept of a network; in percent "accuracy", (T,), and that of the "ann"."""

    def lay_out_accuracy(self, ax: Axes) -> list[Artist]:
        """Draw the accuracy of all networks, and return what marks the one that is looked at."""
        steps = np.arange(1, self._timesteps + 1)
        doubled = [2**k - 1 for k in range(self._timesteps.bit_length())]
        look: dict[str, Any] = {"lw": 1.2, "ms": 4, "markevery": doubled}
        self._curves = {
            name: ax.plot(steps, run["accuracy"], form, color=color, label=name, **look)[0]
            for (name, run), (color, form) in zip(self.runs.items(), LOOKS, strict=False)
        }
        self._ann = ax.axhline(0, color=BLACK, lw=1, linestyle="--", label="ANN")
        (self._chosen,) = ax.plot(steps, steps)
        self._ring = ring(ax)
        _style.log2_axis(ax)
        crop(ax, *([*run["accuracy"], run["ann"]] for run in self.runs.values()))
        ax.set(xlabel="step", ylabel="accuracy (%)")
        at_ends = [*self._curves.values(), self._ann] if self._short else []
        finish(ax, "Accuracy over time", self.pad, columns=2, grid=True, at_ends=at_ends)
        return [self._ann, self._chosen, self._ring]

    @property
    def _short(self) -> bool:
        """Whether the names of the networks can stand where their curves end."""
        return max(map(len, map(str, self.runs))) <= LONGEST

    @property
    def pad(self) -> int:
        """Room above the axes for a legend, in points; one that names the networks needs more."""
        return 24 if self._short else 10 + 12 * (len(self.runs) // 2 + 1)

    def draw_accuracy(self, data: Mapping[str, Any]) -> None:
        """Make the curve of a network bold up to the step, and mark its ANN and the step."""
        self._ann.set_ydata([data["ann"]] * 2)
        bold(self._chosen, self._curves[data["network"]])
        step, accuracy = self._chosen.get_data()
        self._chosen.set_ydata(np.where(step <= data["steps"], accuracy, np.nan))
        self._ring.set_data([data["steps"]], [data["now"]])


def bold(line: Line2D, like: Line2D) -> None:
    """Let a line that moves look like one that does not, only bolder, and lie on it."""
    line.update_from(like)
    line.set(label="_chosen", lw=2.5, ms=7, markevery=like.get_markevery())
    line.set_data(*like.get_data())


def checked_networks(networks: Any) -> dict[str, Network]:
    """Return networks by name, refused if they are none, too many, or something else."""
    if not isinstance(networks, Mapping) or not 0 < len(networks) <= len(LOOKS):
        found = f"{len(networks)}" if isinstance(networks, Mapping) else type(networks).__name__
        raise OptionError(
            f"networks: found {found}, expected one to {len(LOOKS)} networks by name, since each "
            f"has a line of its own. Write networks={{'20 layers': network}}."
        )
    for name, network in networks.items():
        todo = "Write snnlab.convert(model, x_cal) first."
        checks.instance(network, Network, f"networks[{name!r}]", todo)
    return dict(networks)
