"""What a threshold rule is, and the one whose thresholds are given by hand."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnlab.conversion.statistics import LayerStatistics
from snnlab.dynamics.neuron import checked_threshold
from snnlab.exceptions import CalibrationError, OptionError
from snnlab.graph.canonical import Graph
from snnlab.network import Thresholds, thresholds_by_layer


class ThresholdRule(ABC):
    """What chooses thresholds."""

    @abstractmethod
    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer of a folded graph."""


@dataclass(frozen=True, eq=False)
class Fixed(ThresholdRule):
    """Thresholds given by hand.

    Parameters
    ----------
    value : float, array of shape (C,), or dict from layer name to one of them
        In units of the activation.
    """

    value: Thresholds

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer; the data are not looked at."""
        layers = list(graph.layers)
        given = thresholds_by_layer(self.value, layers, layers)
        missing = [name for name in layers if name not in given]
        if missing:
            raise OptionError(
                f"threshold: Fixed gives none for the layers {missing}. Expected a number, or a "
                f"dict with every spiking layer: {layers}."
            )
        return {n: checked_threshold(v, f"threshold of layer {n!r}") for n, v in given.items()}


def refuse_silent(statistics: Mapping[str, LayerStatistics]) -> None:
    """Refuse a layer that is 0 on all calibration data."""
    for name, layer in statistics.items():
        if layer.maximum.max() == 0:
            raise CalibrationError(
                f"layer {name!r}: all {layer.histogram.sum():,} calibration activations are 0, "
                f"so it has no scale. Use more or other calibration data, or check that the "
                f"layer is not dead."
            )
