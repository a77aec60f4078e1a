"""Thresholds from the ANN's activations on calibration data: percentiles and maxima."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion.rules import ThresholdRule, refuse_silent
from snnlab.conversion.statistics import (
    LayerStatistics,
    activation_statistics,
    between,
    bin_of,
    by_channel,
    for_each_activation,
    rank,
)
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import size

# What the largest values, kept for percentiles per channel, may take.
_KEPT_BYTES = 2**30


@dataclass(frozen=True)
class Percentile(ThresholdRule):
    """Threshold = a percentile of the activations: robust normalization.

    Exact, with numpy's linear rule, over all calibration images together, whatever their batches.
    Where more activations are 0 than the percentile says, it is 0, and no threshold: the largest
    activation takes its place (`nonzero=True` avoids that). A channel that is always 0 takes the
    threshold of its layer.

    Parameters
    ----------
    percentile : float
        In (1, 100]; 100 is the maximum. Values up to 1 are refused as a slip for 100 times as much.
    per_channel : bool
        One threshold per channel instead of one per layer.
    nonzero : bool
        Over the activations above 0 only. By default the zeros count.

    Source: Rueckauer et al. 2017 (percentile normalization).
    """

    percentile: float = 99.9
    per_channel: bool = False
    nonzero: bool = False

    def __post_init__(self) -> None:
        checks.percentile(self.percentile)

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer."""
        checks.instance(graph, Graph, "graph", "Write snnlab.trace(model, x) first.")
        x_cal = Images.of(x_cal, "x_cal", graph.input_shape, again=True)
        statistics = activation_statistics(graph, x_cal)
        largest = largest_activations(graph, statistics)
        refuse_silent({name: s for name, s in statistics.items() if not largest[name]})
        found = largest
        if self.percentile < 100:
            found = _exact_percentiles(graph, x_cal, statistics, self.percentile, self.nonzero)
        # A percentile of 0 is no scale: the maximum takes its place.
        per_layer: dict[str, float | np.ndarray] = {n: found[n] or largest[n] for n in found}
        if not self.per_channel:
            return per_layer
        maxima = {name: layer.maximum for name, layer in statistics.items()}
        per_channel = maxima
        if self.percentile < 100:
            per_channel = _channel_percentiles(graph, x_cal, self.percentile, self.nonzero)
        own = {name: np.where(v > 0, v, maxima[name]) for name, v in per_channel.items()}
        return {name: np.where(v > 0, v, per_layer[name]) for name, v in own.items()}


@dataclass(frozen=True)
class Maximum(ThresholdRule):
    """Threshold = the largest activation on the calibration data.

    Diehl et al. also look at the weights, see `DataBased`.

    Parameters
    ----------
    per_channel : bool
        One threshold per channel instead of one per layer.

    Source: Diehl et al. 2015 (data-based normalization).
    """

    per_channel: bool = False

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each layer."""
        return Percentile(100, self.per_channel).thresholds(graph, x_cal)


def largest_activations(
    graph: Graph, statistics: Mapping[str, LayerStatistics]
) -> dict[str, float]:
    """Return the largest activation of each layer; a silent part takes that of the other parts.

    Behind a ReLU a LeakyReLU has no values below 0, and its layer for them needs no scale.
    """
    largest = {name: float(layer.maximum.max()) for name, layer in statistics.items()}
    parts = [name for name, node in graph.layers.items() if "part" in node.meta]

    def whole(name: str) -> str:
        return name.partition("#")[0].removesuffix(".negative")

    return {
        name: own or max((largest[n] for n in parts if whole(n) == whole(name)), default=0.0)
        for name, own in largest.items()
    }


def _exact_percentiles(
    graph: Graph,
    x_cal: Images,
    statistics: Mapping[str, LayerStatistics],
    percentile: float,
    nonzero: bool,
) -> dict[str, float]:
    """Return exact percentiles by a second pass over the bins that the histograms point at."""
    ranks, wanted = {}, {}
    for name, layer in statistics.items():
        low, high, part = rank(percentile, layer.count(nonzero))
        cumulative = layer.cumulative(nonzero)
        first, last = np.searchsorted(cumulative, [low, high], side="right")
        before = int(cumulative[first - 1]) if first else 0
        ranks[name], wanted[name] = (low - before, high - before, part), (int(first), int(last))
    found: dict[str, list[torch.Tensor]] = {name: [] for name in statistics}

    def look(name: str, a: torch.Tensor) -> None:
        first, last = wanted[name]
        bins = bin_of(a)
        found[name].append(a[(bins >= first) & (bins <= last)].cpu())

    # All values in bin 0 are 0 but for what is too small to matter; they need no second look.
    open_layers = [name for name, (first, last) in wanted.items() if last > 0]
    if open_layers:
        for_each_activation(graph, x_cal, look, open_layers)
    result = dict.fromkeys(ranks, 0.0)
    for name in open_layers:
        low, high, part = ranks[name]
        values = np.sort(torch.cat(found[name]).double().numpy())
        result[name] = between(values[low], values[high], part)
    return result


def _channel_percentiles(
    graph: Graph, x_cal: Images, percentile: float, nonzero: bool
) -> dict[str, np.ndarray]:
    """Return exact percentiles per channel, from the largest values of each, kept over batches."""
    x_cal = _sample(graph, x_cal, percentile)
    images = x_cal.count or 0
    channels = {name: (*node.meta["shape"], 1)[0] for name, node in graph.layers.items()}
    per_image = {name: size(node) // channels[name] for name, node in graph.layers.items()}
    counts = {name: images * per_image[name] for name in graph.layers}
    keep = {name: n - rank(percentile, n)[0] for name, n in counts.items()}
    largest: dict[str, torch.Tensor] = {}
    positive: dict[str, torch.Tensor] = {}

    def look(name: str, a: torch.Tensor) -> None:
        values = by_channel(a)
        positive[name] = positive.get(name, 0) + (values > 0).sum(1)
        if name in largest:
            values = torch.cat([largest[name], values], 1)
        largest[name] = values.topk(min(keep[name], values.shape[1]), 1).values

    for_each_activation(graph, x_cal, look)
    result = {}
    for name, kept in largest.items():
        descending = kept.double().cpu().numpy()
        n = positive[name].clamp(min=1).tolist() if nonzero else [counts[name]] * len(kept)
        result[name] = np.array(
            [
                between(row[m - 1 - low], row[m - 1 - high], part)
                for row, m in zip(descending, n, strict=True)
                for low, high, part in [rank(percentile, m)]
            ]
        )
    return result


def _sample(graph: Graph, x_cal: Images, percentile: float) -> Images:
    """Return so many images that the values to keep fit; all if they do."""
    item = torch.finfo(graph.dtype).bits // 8
    share = 1 - percentile / 100
    values = sum(size(node) for node in graph.layers.values())
    fitting = max(1, int(_KEPT_BYTES / item / max(share * values, 1e-9)))
    if x_cal.count is None or fitting >= x_cal.count:
        return x_cal
    sample = x_cal.sample(fitting)
    warnings.warn(
        f"Percentile({percentile:g}, per_channel=True) uses {sample.count} of the {x_cal.count} "
        f"calibration images, chosen by what they hold, to stay within {_KEPT_BYTES / 2**30:g} "
        f"GiB.",
        stacklevel=2,
    )
    return sample
