"""What is unusual about a network's settings, and how each would be repaired."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from snnlab import _tables
from snnlab.activations import LayerStatistics, record_activations
from snnlab.calibration import Percentile
from snnlab.diagnosis.verdict import Setting
from snnlab.exceptions import CalibrationError
from snnlab.network import Network

# A threshold so many times off is suspicious; all thresholds off by a like factor sooner.
_OFF, _ALL_OFF, _ALIKE = 3.0, 1.5, 4.0
# Starting between these, in thresholds, is usual.
_USUAL_START = (0.25, 0.75)


@dataclass(frozen=True)
class Suspicion:
    """Something unusual about the settings; arguments as for `Finding`, and how to repair it."""

    kind: str
    layers: tuple[str, ...]
    words: str
    repair: Callable[[Network], Network]


def settings(network: Network, x: torch.Tensor) -> dict[str, Setting]:
    """Return each layer's threshold beside its activations on `x`.

    A layer that is silent on these images has no scale; its own threshold stands in.
    """
    statistics = record_activations(network.graph, x)
    channels: Mapping = {}
    if any(np.ndim(theta) for theta in network.thresholds.values()):
        try:
            channels = Percentile(99.9, per_channel=True).thresholds(network.graph, x)
        except CalibrationError:  # a layer is silent as a whole
            channels = {}
    return {
        name: _setting(theta, statistics[name], channels.get(name))
        for name, theta in network.thresholds.items()
    }


def _setting(
    theta: float | np.ndarray, layer: LayerStatistics, by_channel: np.ndarray | None
) -> Setting:
    maximum = float(layer.maximum.max())
    if maximum == 0:
        return Setting(1.0, 1.0, 1.0, theta)
    percentile: float | np.ndarray = layer.percentile(99.9) or maximum
    # Outliers among few images are more than a thousandth of the activations, but less than 1 % of
    # those above 0.
    tail = float(percentile / layer.percentile(99.0, nonzero=True))
    odd: tuple[int, ...] = ()
    if np.ndim(theta) and by_channel is not None:
        odd = tuple(np.flatnonzero(np.abs(np.log(theta / by_channel)) > np.log(_OFF)).tolist())
        percentile = by_channel
    return Setting(
        _geometric_mean(theta / percentile),
        _geometric_mean(theta / np.maximum(maximum, percentile)),
        max(tail, 1.0),
        percentile / tail if tail > _OFF else percentile,
        odd,
    )


def suspicions(
    network: Network, found: Mapping[str, Setting], blamed: str | None
) -> list[Suspicion]:
    """Return what is unusual about the thresholds, the reset and the initial potential.

    Of the layer that is blamed the threshold is looked at more strictly.
    """
    usual = {name: setting.usual for name, setting in found.items()}
    every = _all_alike(found)
    if every is not None:
        doubts = [Suspicion("other scale", (), every, _rethreshold(usual))]
    else:
        doubts = [
            Suspicion(kind, (name,), words, _rethreshold({name: usual[name]}))
            for name, setting in found.items()
            for kind, words in _doubtful(name, setting, _ALL_OFF if name == blamed else _OFF)
        ]
        doubts += _outliers(found)
    hard = tuple(name for name, neuron in network.neurons.items() if neuron.reset == "zero")
    if hard:
        words = (
            f"{_in_layers(hard, network)} a spike resets to zero: what exceeds the threshold is "
            f"thrown away, and time does not bring it back."
        )
        doubts.append(
            Suspicion("reset to zero", hard, words, lambda n: n.replace(reset="subtract"))
        )
    low, high = _USUAL_START
    odd = tuple(n for n, neuron in network.neurons.items() if not low <= neuron.v_init <= high)
    if odd:
        starts = [network.neurons[name].v_init for name in odd]
        words = (
            f"{_in_layers(odd, network)} the neurons start at {_tables.span(starts)} θ: they "
            f"answer too {'low' if max(starts) < low else 'high'} at first. Half a threshold has "
            f"no such bias."
        )
        doubts.append(Suspicion("initial potential", odd, words, lambda n: n.replace(v_init=0.5)))
    return doubts


def _all_alike(found: Mapping[str, Setting]) -> str | None:
    """Say so if the thresholds of all layers, two or more, are off by a like factor."""
    logs = np.log([setting.over_percentile for setting in found.values()])
    over_maximum = np.exp(np.mean(np.log([s.over_maximum for s in found.values()])))
    alike = len(logs) > 1 and np.ptp(logs) <= np.log(_ALIKE)
    high = logs.min() > np.log(_ALL_OFF) and over_maximum > _ALL_OFF
    low = logs.max() < -np.log(_ALL_OFF)
    if not alike or not (high or low):
        return None
    or_else = "the percentile was a low one" if low else "held outliers that set the maximum"
    return (
        f"all thresholds are {_tables.span(np.round(np.exp(logs), 2))} times the 99.9th percentile "
        f"of the activations on these images. The calibration data had another scale than these "
        f"images, or {or_else}."
    )


def _outliers(found: Mapping[str, Setting]) -> list[Suspicion]:
    """Say so if a few large activations have set thresholds; they do so in several layers."""
    layers = {
        name: setting
        for name, setting in found.items()
        if setting.over_percentile > 1 / _ALL_OFF
        and (_as_large_as_outliers(setting) or setting.tail > _OFF)
    }
    if not layers:
        return []
    ratios = _tables.span([setting.over_percentile for setting in layers.values()])
    tails = _tables.span([setting.tail for setting in layers.values()])
    words = (
        f"in layers {list(layers)} the threshold is {ratios} times the 99.9th percentile of the "
        f"activations, and that {tails} times the 99th of those above 0: outliers set the scale "
        f"for all others."
    )
    repair = _rethreshold({name: setting.usual for name, setting in layers.items()})
    return [Suspicion("outliers", tuple(layers), words, repair)]


def _as_large_as_outliers(setting: Setting) -> bool:
    return setting.over_percentile > _OFF and setting.over_maximum <= _ALL_OFF


def _doubtful(name: str, setting: Setting, off: float) -> list[tuple[str, str]]:
    """Return kind and words if the threshold of a layer is more than `off` times off."""
    ratio = f"{setting.over_percentile:.3g} times the 99.9th percentile of its activations"
    if setting.over_percentile < 1 / off:
        words = f"the threshold of layer {name!r} is {ratio}: what is above it is cut off."
        return [("low threshold", words)]
    if setting.over_percentile > off and setting.over_maximum > _ALL_OFF:
        words = (
            f"the threshold of layer {name!r} is {ratio}, and {setting.over_maximum:.3g} times "
            f"their maximum: its neurons fire too rarely."
        )
        return [("high threshold", words)]
    if setting.channels:
        words = (
            f"layer {name!r} has {len(setting.channels)} channels whose threshold is more than "
            f"{_OFF:g} times off the 99.9th percentile: {list(setting.channels)[:8]}."
        )
        return [("odd channels", words)]
    return []


def _rethreshold(thresholds: Mapping[str, float | np.ndarray]) -> Callable[[Network], Network]:
    return lambda network: network.replace(threshold=thresholds)


def _in_layers(layers: tuple[str, ...], network: Network) -> str:
    return "in all layers" if len(layers) == len(network.layers) else f"in layers {list(layers)}"


def _geometric_mean(ratio: float | np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(ratio))))
