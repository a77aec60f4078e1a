"""What explorers of converted networks share: the network, and simulations that are kept."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from snnlab._arguments import checks
from snnlab.conversion import Percentile, convert
from snnlab.explorers.toolkit.controls import Control, Scale, Steps
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.toolkit.simulation_cache import SimulationCache
from snnlab.explorers.toolkit.wording import several
from snnlab.network import Network
from snnlab.simulation import ann

PERCENTILE = ("percentile p", "p % of the activations do not exceed the threshold")
PERCENTILES = (50.0, 80.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 100.0)


class NetworkExplorer(Explorer):
    """An explorer that simulates a network once for each setting, and looks it up after that.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...)
        Images to classify.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    declared : mapping from name to Control
    settings : sequence
        What is simulated when the explorer opens, as far as that takes no more than some seconds.
    unit : str
        What a setting is, in the plural.
    """

    def __init__(
        self,
        network: Network,
        x: Any,
        y: Any,
        declared: Mapping[str, Control],
        settings: Sequence[Any],
        unit: str = "settings",
    ):
        self.declared = declared
        self._network, self._x, self._y = network, x, y
        self._ann = 100 * ann(network, x).accuracy(y, metric="accuracy")
        self.simulations = SimulationCache(self._simulated)
        self.simulations.prepare(settings, unit)
        super().__init__()

    @abstractmethod
    def _simulated(self, setting: Any) -> dict[str, Any]:
        """Return what is kept of the simulation of a setting."""


class PercentileExplorer(NetworkExplorer):
    """An explorer of the percentile that sets the thresholds, and of the number of steps."""

    def __init__(
        self,
        model: nn.Module,
        x_cal: Any,
        x: Any,
        y: Any,
        *,
        timesteps: int = 64,
        layer: str | int = -1,
        percentiles: Sequence[float] = PERCENTILES,
    ):
        """Convert the model, and simulate it at each percentile.

        Each is simulated once; after that a slider only moves the picture. All are simulated when
        the explorer opens, as far as that takes no more than some seconds. The others follow at
        their first visit; if that takes long, give fewer images or fewer steps.

        Parameters
        ----------
        model : torch.nn.Module
            The trained ANN.
        x_cal, x : arrays, shape (B, ...)
            Calibration images, and images to classify.
        y : array of whole numbers, shape (B,)
            Right class of each image of `x`.
        timesteps : int
            Largest number of steps.
        layer : str or int
            Layer of which more is shown.
        percentiles : sequence of float
            The choices, each in (1, 100].

        Raises
        ------
        SNNLabError
            As `convert` and `simulate`.
        """
        self._timesteps = checks.whole(timesteps, "timesteps")
        percentiles = several(percentiles, "percentiles", checks.percentile)
        start = 99.9 if 99.9 in percentiles else percentiles[-1]
        network = convert(model, x_cal, threshold=Percentile(start))
        self._x_cal, self._layer = x_cal, layer
        self._name = checks.layer(layer, network.layers)
        self._percentiles = percentiles
        declared: dict[str, Control] = {
            "steps": Steps("steps T", "how long it may run", 1, timesteps, 1, min(8, timesteps)),
            "percentile": Scale(*PERCENTILE, {f"{p:g}": p for p in percentiles}, start),
        }
        nearest = sorted(percentiles, key=lambda p: abs(p - start))
        super().__init__(network, x, y, declared, nearest, "percentiles")

    def law(self, percentile: float, threshold: str = "") -> str:
        """Return in words and signs how a percentile sets the threshold."""
        return (
            r"<p>The threshold $\theta$ of a layer is the value that $p$ percent of its "
            r"activations $a$ on the calibration images do not exceed:</p>"
            rf"$$\theta = \text{{percentile}}_p(a){threshold},\qquad p = {percentile:g}$$"
        )
