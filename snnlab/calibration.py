"""What the ANN's activations look like on calibration data, and the thresholds read off them."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab import _checks
from snnlab.evaluation import activation, elements_alive, evaluate, full_precision, size
from snnlab.exceptions import CalibrationError, OptionError
from snnlab.graph import Graph
from snnlab.network import Thresholds, thresholds_by_layer
from snnlab.neuron import checked_threshold
from snnlab.operations import Kind

# The upper 16 bits of a float32 that is not negative: 8 bits of exponent, 7 of mantissa.
_BINS = 1 << 15
# Activations of this many bytes are looked at together.
_BATCH_BYTES = 64 * 2**20
# What the largest values, kept for percentiles per channel, may take.
_KEPT_BYTES = 2**30


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

        >>> histogram = np.bincount([_bin(1.0), _bin(2.0), _bin(3.0)], minlength=1 << 15)
        >>> LayerStatistics(histogram, np.array([3.0])).percentile(50)
        2.0
        """
        _checks.percentile(percentile)
        low, high, part = _rank(percentile, self._count(nonzero))
        bins = np.searchsorted(self._cumulative(nonzero), [low, high], side="right")
        low_edge, high_edge = _lower_edge(bins)
        return min(_between(low_edge, high_edge, part), float(self.maximum.max()))

    def _count(self, nonzero: bool) -> int:
        return int(self.histogram[1 if nonzero else 0 :].sum())

    def _cumulative(self, nonzero: bool) -> np.ndarray:
        counts = self.histogram.copy()
        counts[0] = 0 if nonzero else counts[0]
        return counts.cumsum()


def record_activations(graph: Graph, x_cal: Any) -> dict[str, LayerStatistics]:
    """Run the ANN over calibration data and describe the activations of every ReLU.

    Parameters
    ----------
    graph : Graph
        From `trace`, folded or not.
    x_cal : array, shape (B, ...)
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
    >>> record_activations(trace(nn.ReLU(), [[0.0]]), [[-1.0], [0.5], [2.0]])["relu"].maximum
    array([2.])
    """
    histograms = {name: torch.zeros(_BINS, dtype=torch.int64) for name in graph.layers}
    maxima: dict[str, torch.Tensor] = {}

    def look(name: str, a: torch.Tensor) -> None:
        histograms[name] += torch.bincount(_bin(a).flatten(), minlength=_BINS).cpu()
        largest = a.flatten(2).amax((0, 2)) if a.ndim > 2 else a.amax(0)
        maxima[name] = torch.maximum(largest, maxima.get(name, largest))

    _for_each_activation(graph, x_cal, look)
    return {
        name: LayerStatistics(
            histograms[name].numpy(), maxima[name].double().cpu().numpy().reshape(-1)
        )
        for name in graph.layers
    }


@dataclass(frozen=True)
class Percentile:
    """Threshold = a percentile of the activations: robust normalization.

    Exact, with numpy's linear rule, over all calibration images together, whatever their batches.

    Parameters
    ----------
    percentile : float
        In (0, 100]; 100 is the maximum. Values up to 1 are refused as a slip for 100 times as much.
    per_channel : bool
        One threshold per channel instead of one per layer.
    nonzero : bool
        Over the activations above 0 only. By default the zeros count.

    Source: Rueckauer et al. 2017, section 2.2.4.
    """

    percentile: float = 99.9
    per_channel: bool = False
    nonzero: bool = False

    def __post_init__(self) -> None:
        _checks.percentile(self.percentile)

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer."""
        statistics = record_activations(graph, x_cal)
        for name, layer in statistics.items():
            if layer.maximum.max() == 0:
                raise CalibrationError(
                    f"layer {name!r}: all {layer.histogram.sum():,} calibration activations are 0, "
                    f"so it has no scale. Use more or other calibration data, or check that the "
                    f"layer is not dead."
                )
        if self.percentile == 100:
            per_layer = {name: float(layer.maximum.max()) for name, layer in statistics.items()}
        else:
            per_layer = _exact_percentiles(graph, x_cal, statistics, self.percentile, self.nonzero)
        # A percentile of 0 is no scale: the maximum stands in.
        per_layer = {
            name: theta or float(statistics[name].maximum.max())
            for name, theta in per_layer.items()
        }
        if not self.per_channel:
            return per_layer
        maxima = {name: layer.maximum for name, layer in statistics.items()}
        per_channel = (
            maxima
            if self.percentile == 100
            else _channel_percentiles(graph, x_cal, self.percentile, self.nonzero)
        )
        own = {name: np.where(v > 0, v, maxima[name]) for name, v in per_channel.items()}
        return {name: np.where(v > 0, v, per_layer[name]) for name, v in own.items()}


@dataclass(frozen=True)
class Maximum:
    """Threshold = the largest activation on the calibration data: data-based normalization.

    Parameters
    ----------
    per_channel : bool
        One threshold per channel instead of one per layer.

    Source: Diehl et al. 2015, section III-B.
    """

    per_channel: bool = False

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer."""
        return Percentile(100, self.per_channel).thresholds(graph, x_cal)


@dataclass(frozen=True, eq=False)
class Fixed:
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


Rule = Percentile | Maximum | Fixed


def _exact_percentiles(
    graph: Graph,
    x_cal: Any,
    statistics: Mapping[str, LayerStatistics],
    percentile: float,
    nonzero: bool,
) -> dict[str, float]:
    """Return exact percentiles by a second pass over the bins that the histograms point at."""
    ranks, wanted = {}, {}
    for name, layer in statistics.items():
        low, high, part = _rank(percentile, layer._count(nonzero))
        cumulative = layer._cumulative(nonzero)
        first, last = np.searchsorted(cumulative, [low, high], side="right")
        before = int(cumulative[first - 1]) if first else 0
        ranks[name], wanted[name] = (low - before, high - before, part), (int(first), int(last))
    found: dict[str, list[torch.Tensor]] = {name: [] for name in statistics}

    def look(name: str, a: torch.Tensor) -> None:
        first, last = wanted[name]
        bins = _bin(a)
        found[name].append(a[(bins >= first) & (bins <= last)].cpu())

    # All values in bin 0 are 0 but for what is too small to matter; they need no second look.
    open_layers = [name for name, (first, last) in wanted.items() if last > 0]
    if open_layers:
        _for_each_activation(graph, x_cal, look, open_layers)
    result = {}
    for name, (low, high, part) in ranks.items():
        if not found[name]:
            result[name] = 0.0
            continue
        values = np.sort(torch.cat(found[name]).double().numpy())
        result[name] = _between(values[low], values[high], part)
    return result


def _channel_percentiles(
    graph: Graph, x_cal: Any, percentile: float, nonzero: bool
) -> dict[str, np.ndarray]:
    """Return exact percentiles per channel, from the largest values of each, kept over batches."""
    x_cal = _checks.images(x_cal, "x_cal", graph.input_shape)
    x_cal = _sample(graph, x_cal, percentile)
    per_image = {n: size(node) // node.meta["shape"][0] for n, node in graph.layers.items()}
    counts = {name: len(x_cal) * per_image[name] for name in graph.layers}
    keep = {name: n - _rank(percentile, n)[0] for name, n in counts.items()}
    largest: dict[str, torch.Tensor] = {}
    positive: dict[str, torch.Tensor] = {}

    def look(name: str, a: torch.Tensor) -> None:
        values = a.transpose(0, 1).flatten(1)
        positive[name] = positive.get(name, 0) + (values > 0).sum(1)
        if name in largest:
            values = torch.cat([largest[name], values], 1)
        largest[name] = values.topk(min(keep[name], values.shape[1]), 1).values

    _for_each_activation(graph, x_cal, look)
    result = {}
    for name, kept in largest.items():
        descending = kept.double().cpu().numpy()
        n = positive[name].cpu().numpy() if nonzero else np.full(len(kept), counts[name])
        ranks = [_rank(percentile, int(max(m, 1))) for m in n]
        result[name] = np.array(
            [
                _between(row[int(max(m, 1)) - 1 - low], row[int(max(m, 1)) - 1 - high], part)
                for row, m, (low, high, part) in zip(descending, n, ranks, strict=True)
            ]
        )
    return result


def _sample(graph: Graph, x_cal: torch.Tensor, percentile: float) -> torch.Tensor:
    """Return evenly spaced images, so many that the values to keep fit; all if they do."""
    item = torch.finfo(graph.dtype).bits // 8
    share = 1 - percentile / 100
    values = sum(size(node) for node in graph.layers.values())
    fitting = int(_KEPT_BYTES / item / max(share * values, 1e-9))
    if fitting >= len(x_cal):
        return x_cal
    warnings.warn(
        f"Percentile({percentile:g}, per_channel=True) uses {max(fitting, 1)} of the "
        f"{len(x_cal)} calibration images, evenly spaced, to stay within "
        f"{_KEPT_BYTES / 2**30:g} GiB.",
        stacklevel=2,
    )
    return x_cal[np.linspace(0, len(x_cal) - 1, max(fitting, 1)).round().astype(int)]


def _for_each_activation(
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

    with full_precision():
        for images in batches(graph, x_cal):
            evaluate(graph, images, emit)


def batches(graph: Graph, x: Any, name: str = "x_cal") -> Iterator[torch.Tensor]:
    """Yield the images in batches whose values stay within a few dozen MiB."""
    x = _checks.images(x, name, graph.input_shape)
    item = torch.finfo(graph.dtype).bits // 8
    step = max(1, _BATCH_BYTES // (item * elements_alive(graph)[1]))
    for images in x.split(step):
        yield images.to(graph.device, graph.dtype)


def _bin(a: Any) -> Any:
    """Return the histogram bin of activations: the upper half of the bits of their float32."""
    bits = torch.as_tensor(a, dtype=torch.float32).view(torch.int32) >> 16
    return bits if isinstance(a, torch.Tensor) else int(bits)


def _lower_edge(bins: np.ndarray) -> np.ndarray:
    """Return the smallest value of a bin."""
    return (np.asarray(bins, np.int32) << 16).view(np.float32).astype(np.float64)


def _rank(percentile: float, count: int) -> tuple[int, int, float]:
    """Return the two neighbouring ranks and the part between them: numpy's linear rule.

    >>> _rank(50, 4)
    (1, 2, 0.5)
    """
    position = (count - 1) * (percentile / 100)
    low = min(math.floor(position), count - 1)
    return low, min(low + 1, count - 1), position - low


def _between(a: float, b: float, part: float) -> float:
    """Return a + (b - a)·part, rounded as numpy does it, so that the result is the same number."""
    return float(a + (b - a) * part if part < 0.5 else b - (b - a) * (1 - part))
