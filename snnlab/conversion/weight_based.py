"""The rules of Diehl et al. 2015: thresholds from the weights alone, or from weights and data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab._arguments.images import Images
from snnlab.conversion.rules import ThresholdRule, refuse_silent
from snnlab.conversion.statistics import activation_statistics
from snnlab.exceptions import CalibrationError, OptionError, UnsupportedLayerError
from snnlab.graph.canonical import TRANSPOSED, Graph, layer_of
from snnlab.graph.operations import Kind
from snnlab.graph.spiking_layers import is_average_pool

# Looked at together.
_IMAGES = 64


@dataclass(frozen=True)
class ModelBased(ThresholdRule):
    r"""Thresholds from the weights alone, so that no step brings a neuron more than its threshold.

    .. math:: p^l = \max_j \sum_i \max(0, w^l_{ji}), \qquad \theta^l = p^l\,\theta^{l-1}

    with :math:`\theta^0 = 1`, for images in [0, 1] and without biases. Of the calibration images
    only their range is looked at.

    Parameters
    ----------
    strong : bool
        Also lower the threshold where :math:`p^l < 1`; by default it only rises.

    Raises
    ------
    OptionError
        The calibration images leave [0, 1].
    CalibrationError
        No weight of a layer is above 0, with `strong`.
    UnsupportedLayerError
        There are biases, or the layers form no chain.

    Source: Diehl et al. 2015 (model-based normalization).
    """

    strong: bool = False

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer."""
        x = Images.of(x_cal, "x_cal", graph.input_shape)
        ranges = [(float(part.min()), float(part.max())) for part in x.split(_IMAGES, graph.dtype)]
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        if low < 0 or high > 1:
            raise OptionError(
                f"x_cal: values from {low:g} to {high:g}, expected [0, 1]: ModelBased bounds what "
                f"pixels up to 1 can add up to. Rescale the images and train on them so, or take "
                f"Percentile(99.9)."
            )
        found: dict[str, float | np.ndarray] = {}
        for name, node in graph.layers.items():
            layer, before = weighted(node, graph)
            p = 1.0 if layer is None else positive_sum(layer)
            if self.strong and p == 0:
                raise CalibrationError(
                    f"layer {name!r}: none of its weights is above 0, so it can never fire and "
                    f"has no scale. Train the model anew, or take ModelBased(strong=False)."
                )
            bound = float(found[before]) if before else 1.0
            found[name] = bound * (p if self.strong else max(p, 1.0))
        return found


@dataclass(frozen=True)
class DataBased(ThresholdRule):
    r"""Thresholds from weights and data: the largest activation, or the largest weight if above it.

    .. math:: \theta^l = \lambda^l = \max\left(\max_{ij} w^l_{ij},\ \max_i a^l_i\right)

    A layer of neurons for an average pooling takes the threshold of the layer before it.

    Raises
    ------
    CalibrationError
        A layer has neither an activation nor a weight above 0.
    UnsupportedLayerError
        There are biases, or the layers form no chain.

    Source: Diehl et al. 2015 (data-based normalization).
    """

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer."""
        statistics = activation_statistics(graph, x_cal)
        found: dict[str, float | np.ndarray] = {}
        for name, node in graph.layers.items():
            layer, before = weighted(node, graph)
            if layer is None and before:
                found[name] = found[before]
                continue
            largest = float(statistics[name].maximum.max())
            weight = 0.0 if layer is None else float(layer.detach().max())
            if max(weight, largest) <= 0:
                refuse_silent({name: statistics[name]})
            found[name] = max(weight, largest)
        return found


def positive_sum(weight: torch.Tensor) -> float:
    r"""Return :math:`\max_j \sum_i \max(0, w_{ji})`, the most that spikes of size 1 can add up to.

    Parameters
    ----------
    weight : torch.Tensor, shape (out, ...)

    Source: Diehl et al. 2015 (model-based normalization).

    >>> positive_sum(torch.tensor([[0.75, 0.75, -2.0]]))
    1.5
    """
    return float(weight.detach().double().clamp(min=0).flatten(1).sum(1).max())


def _hindrance(source: fx.Node, layer: Any, weight: torch.Tensor | None) -> str:
    """Return in words what a step has that these rules do not know, nothing if they know it."""
    if layer is None:
        return f"is a step of the kind '{source.meta['kind'].value}' without weights of its own"
    if layer.bias is not None and layer.bias.any():
        return "has a bias (recipes.rueckauer2017 knows biases)"
    if isinstance(layer, TRANSPOSED):  # its weight lists inputs first: their sum is no bound
        return "is a transposed convolution"
    return "" if weight is None else "is a second layer with weights and no ReLU between them"


def weighted(node: fx.Node, graph: Graph) -> tuple[torch.Tensor | None, str | None]:
    """Return the weight between a layer and the spiking layer before it, and that layer's name.

    None stands for no weight (only pooling lies between) and for the input.
    """
    weight, source = None, node.all_input_nodes[0]
    while source.meta["kind"] not in (Kind.INPUT, Kind.RELU):
        layer = layer_of(source, graph)
        reshapes = source.op == "call_function" and source.target is torch.reshape
        if not (reshapes or is_average_pool(source, graph.module)):
            if hindrance := _hindrance(source, layer, weight):
                raise UnsupportedLayerError(
                    f"layer {node.meta['layer']!r}: {source.meta['layer']!r} lies before it, and "
                    f"{hindrance}. The rules of Diehl et al. 2015 know chains of linear layers or "
                    f"convolutions without biases, one for each ReLU, and average pooling. Take "
                    f"Percentile(99.9) instead."
                )
            weight = None if layer is None else layer.weight
        source = source.all_input_nodes[0]
    return weight, None if source.meta["kind"] is Kind.INPUT else source.meta["layer"]
