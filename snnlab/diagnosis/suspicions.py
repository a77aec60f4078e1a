"""What is unusual about a network's settings, and how each would be repaired."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch

from snnlab import _text
from snnlab._text import counted
from snnlab.conversion import LayerStatistics, Percentile, activation_statistics
from snnlab.diagnosis.report import LayerScale
from snnlab.exceptions import CalibrationError
from snnlab.network import Network

# A threshold so many times off is suspicious; all of them off by a like factor sooner, and that of
# a layer that is to blame.
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


def settings(network: Network, x: torch.Tensor) -> dict[str, LayerScale]:
    """Return each layer's threshold beside its activations on `x`."""
    statistics = activation_statistics(network.graph, x)
    channels: Mapping = {}
    if any(np.ndim(theta) for theta in network.thresholds.values()):
        with suppress(CalibrationError):  # a layer is silent as a whole
            channels = Percentile(99.9, per_channel=True).thresholds(network.graph, x)
    return {
        name: _setting(theta, statistics[name], channels.get(name))
        for name, theta in network.thresholds.items()
    }


def _setting(
    theta: float | np.ndarray, layer: LayerStatistics, by_channel: np.ndarray | None
) -> LayerScale:
    maximum: float | np.ndarray = float(layer.maximum.max())
    if maximum == 0:  # no scale to compare with
        return LayerScale(np.nan, np.nan, np.nan, theta)
    percentile: float | np.ndarray = layer.percentile(99.9) or maximum
    # Outliers among few images are more than a thousandth of the activations, but less than 1 % of
    # those above 0.
    tail = float(percentile / layer.percentile(99.0, nonzero=True))
    odd: tuple[int, ...] = ()
    if np.ndim(theta) and by_channel is not None:
        far = np.abs(np.log(theta / by_channel)) > np.log(_OFF)
        odd = tuple(np.flatnonzero(far & (layer.maximum > 0)).tolist())
        percentile, maximum = by_channel, np.where(layer.maximum > 0, layer.maximum, by_channel)
    usual = percentile / tail if tail > _OFF else percentile
    return LayerScale(
        _geometric_mean(theta / percentile),
        _geometric_mean(theta / maximum),
        _geometric_mean(theta / usual),
        usual,
        odd,
    )


def suspicions(
    network: Network, found: Mapping[str, LayerScale], blamed: str | None
) -> list[Suspicion]:
    """Return what is unusual about the thresholds, the reset and the initial potential.

    Of the layer that is blamed the threshold is looked at more strictly.
    """
    usual = {name: setting.usual for name, setting in found.items()}
    found = {name: s for name, s in found.items() if not np.isnan(s.over_usual)}
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
            f"{_in_layers(hard, network)} a spike resets the potential to zero: what exceeds the "
            f"threshold is thrown away, and time does not bring it back."
        )
        doubts.append(
            Suspicion("reset to zero", hard, words, lambda n: n.replace(reset="subtract"))
        )
    low, high = _USUAL_START
    # Arrays are corrections, which nobody set by mistake.
    starts_of = {n: m.v_init for n, m in network.neurons.items() if isinstance(m.v_init, float)}
    odd = tuple(name for name, start in starts_of.items() if not low <= start <= high)
    if odd:
        starts = [starts_of[name] for name in odd]
        words = (
            f"{_in_layers(odd, network)} the neurons start at {_span(starts)} θ: {_bias(starts)} "
            f"Half a threshold has no such bias."
        )
        doubts.append(Suspicion("initial potential", odd, words, lambda n: n.replace(v_init=0.5)))
    return doubts


def _all_alike(found: Mapping[str, LayerScale]) -> str | None:
    """Say so if the thresholds of all layers, two or more, are off by a like factor."""
    ratios = np.array([setting.over_usual for setting in found.values()])
    if len(ratios) < 2 or ratios.max() > _ALIKE * ratios.min():
        return None
    over_maximum = np.array([setting.over_maximum for setting in found.values()])
    by_outliers = _nearer_the_maximum(_geometric_mean(ratios), _geometric_mean(over_maximum))
    low, high = ratios.max() < 1 / _ALL_OFF, ratios.min() > _ALL_OFF and not by_outliers
    if not low and not high:
        return None
    or_else = "the percentile was a low one" if low else "held outliers that set the maximum"
    return (
        f"All thresholds are {_span(ratios)} times {_scale(found.values())} of the activations on "
        f"these images. The calibration data had another scale than these images, or {or_else}."
    )


def _outliers(found: Mapping[str, LayerScale]) -> list[Suspicion]:
    """Say so if a few large activations have set thresholds; they do so in several layers."""
    layers = {name: setting for name, setting in found.items() if _set_by_outliers(setting)}
    if not layers:
        return []
    ratios = _span([setting.over_usual for setting in layers.values()])
    maxima = _span([setting.over_maximum for setting in layers.values()])
    words = (
        f"In {_named(layers)} the threshold is {ratios} times {_scale(layers.values())} of the "
        f"activations, but {maxima} times their maximum: outliers set the scale for all others."
    )
    repair = _rethreshold({name: setting.usual for name, setting in layers.items()})
    return [Suspicion("outliers", tuple(layers), words, repair)]


def _set_by_outliers(setting: LayerScale) -> bool:
    near = _nearer_the_maximum(setting.over_usual, setting.over_maximum)
    return setting.over_usual > _OFF and near


def _nearer_the_maximum(over_usual: float, over_maximum: float) -> bool:
    """Return whether a high threshold is fewer times the maximum than this is times the usual."""
    return over_maximum < over_usual / over_maximum


def _doubtful(name: str, setting: LayerScale, off: float) -> list[tuple[str, str]]:
    """Return kind and words if the threshold of a layer is more than `off` times off."""
    ratio = f"{setting.over_usual:.3g} times {_scale([setting])} of its activations"
    if setting.over_usual < 1 / off:
        words = f"The threshold of layer {name!r} is {ratio}: what is above it is cut off."
        return [("low threshold", words)]
    near = _nearer_the_maximum(setting.over_usual, setting.over_maximum)
    if setting.over_usual > off and not near:
        words = (
            f"The threshold of layer {name!r} is {ratio}, and {setting.over_maximum:.3g} times "
            f"their maximum: its neurons fire too rarely."
        )
        return [("high threshold", words)]
    if setting.channels:
        words = (
            f"Layer {name!r} has {counted(len(setting.channels), 'channel')} whose threshold is "
            f"more than {_OFF:g} times off the 99.9th percentile: {list(setting.channels)[:8]}"
            f"{' and more' if len(setting.channels) > 8 else ''}."
        )
        return [("odd channels", words)]
    return []


def _scale(settings: Iterable[LayerScale]) -> str:
    """Say what is usual: the 99.9th percentile, unless outliers reach it somewhere."""
    reached = any(setting.over_usual != setting.over_percentile for setting in settings)
    return "the usual scale (outliers left out)" if reached else "the 99.9th percentile"


def _bias(starts: list[float]) -> str:
    if min(starts) < _USUAL_START[0] and max(starts) > _USUAL_START[1]:
        return "some answer too low at first, others too high."
    return f"they answer too {'low' if max(starts) < _USUAL_START[0] else 'high'} at first."


def _span(ratios: Iterable[float]) -> str:
    """Return one number or the smallest and the largest, as precise as anybody reads them."""
    return _text.span(float(f"{ratio:.3g}") for ratio in ratios)


def _rethreshold(thresholds: Mapping[str, float | np.ndarray]) -> Callable[[Network], Network]:
    return lambda network: network.replace(threshold=thresholds)


def _in_layers(layers: tuple[str, ...], network: Network) -> str:
    return "In all layers" if len(layers) == len(network.layers) else f"In {_named(layers)}"


def _named(layers: Collection[str]) -> str:
    return f"layer{'' if len(layers) == 1 else 's'} {', '.join(map(repr, layers))}"


def _geometric_mean(ratio: float | np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(ratio))))
