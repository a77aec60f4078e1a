"""The methods that can be compared, by name, each as its paper describes it."""

import warnings
from collections.abc import Callable
from typing import Any

from snnlab.comparison.method import Given, Method
from snnlab.conversion import Percentile, convert
from snnlab.conversion.correction import correct_bias, correct_potential, tune_thresholds
from snnlab.network import Network

# Images for thresholds and for corrections: more do not change them much, and take longer.
CALIBRATION, CORRECTED = 512, 128


def _converted(given: Given, percentile: float = 99.9, per_channel: bool = False, **options: Any):
    rule = Percentile(percentile, per_channel=per_channel)
    return convert(given.model, given.x_cal[:CALIBRATION], threshold=rule, **options)


def _corrected(given: Given, correct: Callable, network: Network, **options: Any) -> Network:
    """Return what a correction makes of a network, with as many images as fit."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="x: .* of the images are used")
        x = given.x_cal[:CORRECTED]
        return correct(network, x, given.timesteps, memory=given.memory, **options)


def _usual(given: Given) -> Network:
    return _converted(given)


def _per_channel(given: Given) -> Network:
    return _converted(given, per_channel=True)


def _maximum(given: Given) -> Network:
    return _converted(given, 100)


def _bias(given: Given) -> Network:
    return _corrected(given, correct_bias, _per_channel(given))


def _potential(given: Given) -> Network:
    return _corrected(given, correct_potential, _per_channel(given))


def _tuned(given: Given) -> Network:
    return _corrected(given, tune_thresholds, _usual(given), per_channel=True)


def _signed(given: Given) -> Network:
    return _usual(given).replace(signed=True)


def _signed_and_bias(given: Given) -> Network:
    return _corrected(given, correct_bias, _per_channel(given).replace(signed=True))


def _analog(given: Given) -> Network:
    return _converted(given, shortcut="analog")


def _analog_and_potential(given: Given) -> Network:
    network = _converted(given, per_channel=True, shortcut="analog")
    return _corrected(given, correct_potential, network)


def _mixture(given: Given) -> Network:
    network = _converted(given, per_channel=True, shortcut="analog").replace(signed=True)
    return _corrected(given, correct_bias, network)


_ALL = (
    Method("maximum", _maximum),
    Method("99.9 %", _usual),
    Method("99.9 % per channel", _per_channel),
    Method("tuned per channel", _tuned, for_each=True),
    Method("per channel, bias corrected", _bias, for_each=True),
    Method("per channel, potential corrected", _potential, for_each=True),
    Method("signed", _signed),
    Method("signed, per channel, bias corrected", _signed_and_bias, for_each=True),
    Method("analog shortcut", _analog, real=True),
    Method(
        "analog shortcut, per channel, potential corrected",
        _analog_and_potential,
        for_each=True,
        real=True,
    ),
    Method(
        "analog shortcut, signed, per channel, bias corrected", _mixture, for_each=True, real=True
    ),
)
METHODS = {method.name: method for method in _ALL}
