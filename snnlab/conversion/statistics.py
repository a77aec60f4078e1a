"""What the ANN's activations look like on calibration data: histograms and maxima."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.exceptions import CalibrationError
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import activation, evaluate, inference, last_uses, peak_live_size
from snnlab.graph.operations import Kind

# The upper 16 bits of a float32 that is not negative: 8 bits of exponent, 7 of mantissa.
_BINS = 1 << 15
# Activations of this many bytes are looked at together.
_BATCH_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """Distribution of the activations of one layer over the calibration data.

    Parameters
    ----------
    histogram : array of int64, shape (32768,)
        Number of activations by the upper 16 bits of their float32; bin 0 holds the zeros.
    maximum : array of float64, shape (C,)
        Largest activation of each channel.
    """

    histogram: np.ndarray
    maximum: np.ndarray

    @property
    def silent(self) -> float:
        """Share of activations that are 0, in [0, 1]."""
        return float(self.histogram[0] / self.histogram.sum())

    def percentile(self, percentile: float, nonzero: bool = False) -> float:
        """Return a percentile of all activations (or of those above 0), 0.8 % exact, at once.

        The thresholds of `convert` are exact; this is for sliders.

        >>> histogram = np.bincount([bin_of(1.0), bin_of(2.0), bin_of(3.0)], minlength=1 << 15)
        >>> LayerStatistics(histogram, np.array([3.0])).percentile(50)
        2.0
        """
        checks.percentile(percentile)
        low, high, part = rank(percentile, self.count(nonzero))
        bins = np.searchsorted(self.cumulative(nonzero), [low, high], side="right")
        low_edge, high_edge = _lower_edge(bins)
        return min(between(low_edge, high_edge, part), float(self.maximum.max()))

    def count(self, nonzero: bool) -> int:
        """Return the number of activations, or of those above 0."""
        return int(self.histogram[1 if nonzero else 0 :].sum())

    def cumulative(self, nonzero: bool) -> np.ndarray:
        """Return how many activations (or of those above 0) lie in each bin or below it."""
        counts = self.histogram.copy()
        counts[0] = 0 if nonzero else counts[0]
        return counts.cumsum()


def activation_statistics(graph: Graph, x_cal: Any) -> dict[str, LayerStatistics]:
    """Run the ANN over calibration data and describe the activations of every ReLU.

    Parameters
    ----------
    graph : Graph
        From `trace`, folded or not.
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images like those the network will get.

    Returns
    -------
    dict from layer name to LayerStatistics
        It does not depend on how the images are batched.

    Raises
    ------
    ShapeError
        If `x_cal` is empty, not finite, or of another shape than the graph's input.

    >>> from torch import nn
    >>> from snnlab import trace
    >>> activation_statistics(trace(nn.ReLU(), [[0.0]]), [[-1.0], [0.5], [2.0]])["relu"].maximum
    array([2.])
    """
    checks.instance(graph, Graph, "graph", "Write snnlab.trace(model, x) first.")
    histograms = {name: torch.zeros(_BINS, dtype=torch.int64) for name in graph.layers}
    maxima: dict[str, torch.Tensor] = {}

    def look(name: str, a: torch.Tensor) -> None:
        if not torch.isfinite(a).all():
            raise CalibrationError(
                f"layer {name!r}: its activations on the calibration data overflow to infinity or "
                f"NaN, expected finite numbers. Look at the scale of the images and the weights."
            )
        histograms[name] += torch.bincount(bin_of(a).flatten(), minlength=_BINS).cpu()
        largest = by_channel(a).amax(1)
        maxima[name] = torch.maximum(largest, maxima.get(name, largest))

    for_each_activation(graph, x_cal, look)
    return {
        name: LayerStatistics(histograms[name].numpy(), maxima[name].double().cpu().numpy())
        for name in graph.layers
    }


def for_each_activation(
    graph: Graph,
    x_cal: Any,
    look: Callable[[str, torch.Tensor], None],
    layers: list[str] | None = None,
) -> None:
    """Show `look` the activations, shape (b, C, ...), of every (given) ReLU, batch after batch."""

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if node.meta["kind"] is not Kind.RELU:
            return None
        a = activation(node, current)
        if layers is None or node.meta["layer"] in layers:
            look(node.meta["layer"], a)
        return a

    for images in image_batches(graph, x_cal):
        with inference(graph, len(images)):
            evaluate(graph, images, emit)


def activations_of(graph: Graph, x_cal: Any, layer: str) -> np.ndarray:
    """Return all activations of a layer on the calibration images, shape (N,)."""
    found: list[torch.Tensor] = []
    for_each_activation(graph, x_cal, lambda _, a: found.append(a.flatten().cpu()), [layer])
    return torch.cat(found).numpy()


def cut_off(activations: np.ndarray, threshold: float) -> dict[str, float]:
    """Return how many activations are above a threshold, and how much of them is, in percent.

    "mass" is the sum of what is above the threshold, beside the sum of all activations.

    >>> cut = cut_off(np.array([0.0, 1.0, 3.0]), 2.0)
    >>> round(cut["above"], 1), cut["mass"]
    (33.3, 25.0)
    """
    above = activations[activations > threshold].astype(np.float64)
    return {
        "threshold": float(threshold),
        "largest": float(activations.max()),
        "above": 100 * len(above) / len(activations),
        "mass": 100 * float((above - threshold).sum() / activations.sum(dtype=np.float64)),
    }


def image_batches(graph: Graph, x: Any, name: str = "x_cal") -> Iterator[torch.Tensor]:
    """Yield the images in batches whose values stay within a few dozen MiB."""
    checks.instance(graph, Graph, "graph", "Write snnlab.trace(model, x) first.")
    item = torch.finfo(graph.dtype).bits // 8
    step = max(1, _BATCH_BYTES // (item * peak_live_size(graph.nodes, last_uses(graph))))
    for images in Images.of(x, name, graph.input_shape).split(step, graph.dtype):
        yield images.to(graph.device)


def bin_of(a: Any) -> Any:
    """Return the histogram bin of activations: the upper half of the bits of their float32."""
    # The sign is masked: an activation may be -0.
    bits = (torch.as_tensor(a, dtype=torch.float32).view(torch.int32) & 0x7FFFFFFF) >> 16
    return bits if isinstance(a, torch.Tensor) else int(bits)


def _lower_edge(bins: np.ndarray) -> np.ndarray:
    """Return the smallest value of a bin."""
    return (np.asarray(bins, np.int32) << 16).view(np.float32).astype(np.float64)


def rank(percentile: float, count: int) -> tuple[int, int, float]:
    """Return the two neighbouring ranks and the part between them: numpy's linear rule.

    >>> rank(50, 4)
    (1, 2, 0.5)
    """
    position = (count - 1) * (percentile / 100)
    low = min(math.floor(position), count - 1)
    return low, min(low + 1, count - 1), position - low


def between(a: float, b: float, part: float) -> float:
    """Return a + (b - a)·part, rounded as numpy does it, so that the result is the same number."""
    return float(a + (b - a) * part if part < 0.5 else b - (b - a) * (1 - part))


def by_channel(a: torch.Tensor) -> torch.Tensor:
    """Return activations of shape (B, C, ...) as (C, B · ...); (B,) counts as one channel."""
    a = a[:, None] if a.ndim == 1 else a
    return a.transpose(0, 1).flatten(1)
