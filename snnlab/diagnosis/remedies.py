"""What might help, each tried alone on the same images."""

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch

from snnlab._text import counted
from snnlab.conversion import MMSE, Maximum, Percentile, ThresholdRule
from snnlab.conversion.correction import correct_potential
from snnlab.diagnosis.report import Remedy
from snnlab.diagnosis.trials import Trials
from snnlab.exceptions import CalibrationError, MemoryBudgetError, UnsupportedLayerError
from snnlab.graph.shortcuts import analog_shortcuts
from snnlab.network import Network

_RULES: dict[str, ThresholdRule] = {
    "thresholds at the 99th percentile of the activations": Percentile(99.0),
    "thresholds at the 99.9th percentile of the activations": Percentile(99.9),
    "thresholds at the maximum of the activations": Maximum(),
    "one threshold per channel, at the 99.9th percentile": Percentile(99.9, per_channel=True),
}
_SIGNED = "negative spikes, and more of them"
_ANALOG = "real numbers on the shortcuts"
# More steps that are tried, as factors.
_LONGER = (2, 4)
# The rules, start, reset or signed, shortcuts, the two that are fitted, and more steps.
MOST_REMEDIES = len(_RULES) + 1 + 1 + 1 + 2 + 1


class _Change(NamedTuple):
    """Another network, and what it needs of the hardware."""

    words: str
    network: Network
    needs: str = ""


class _Fit(NamedTuple):
    """What makes another network of images, and what that needs of the hardware."""

    words: str
    fit: Callable[[torch.Tensor], Network]
    needs: str = ""


def remedies(network: Network, timesteps: int, trials: Trials) -> tuple[Remedy, ...]:
    """Return the remedies with what they reach, cheapest first, among them the best first.

    Of those that take the same time, those that need nothing new come first.
    """
    analog = _with_analog_shortcuts(network)
    tried = [
        Remedy(words, float(trials.reached(changed, timesteps)[-1]), 1.0, needs)
        for words, changed, needs in _changes(network, analog, trials.x)
    ]
    for words, fit, needs in _fits(network, analog, timesteps) if len(trials.x) > 1 else ():
        with suppress(CalibrationError, MemoryBudgetError), warnings.catch_warnings():
            # If only some images fit into the memory, what they make of it is measured like all.
            warnings.simplefilter("ignore", UserWarning)
            reached = float(trials.reached_unseen(fit, timesteps)[-1])
            tried.append(Remedy(words, reached, 1.0, needs))
    longest = trials.reached(network, timesteps * max(_LONGER))
    tried += [
        Remedy(counted(factor * timesteps, "step"), float(longest[factor * timesteps - 1]), factor)
        for factor in _LONGER
    ]
    scale = trials.measure.scale
    return tuple(sorted(tried, key=lambda r: (r.cost, bool(r.needs), -scale.gain(0, r.accuracy))))


def _changes(network: Network, analog: Network, x: torch.Tensor) -> Iterator[_Change]:
    """Yield what can be changed without taking more time."""
    neurons = network.neurons.values()
    if any(isinstance(n.v_init, float) and n.v_init != 0.5 for n in neurons):
        yield _Change("neurons that start half full", network.replace(v_init=0.5))
    if any(neuron.reset == "zero" for neuron in neurons):
        yield _Change("reset by subtraction", network.replace(reset="subtract"))
    elif not all(neuron.signed for neuron in neurons):
        signed = network.replace(signed=True)
        yield _Change("neurons that may take a spike back", signed, _SIGNED)
    if analog is not network:
        yield _Change("real numbers on the shortcuts", analog, _ANALOG)
    for words, rule in _RULES.items():
        try:
            thresholds = rule.thresholds(network.graph, x)
        except CalibrationError:  # a layer is silent on these images
            return
        changed = network.replace(threshold=thresholds)
        before, after = network.thresholds, changed.thresholds
        if not all(np.array_equal(after[name], theta) for name, theta in before.items()):
            yield _Change(words, changed)


def _fits(network: Network, analog: Network, timesteps: int) -> Iterator[_Fit]:
    """Yield what is fitted neuron by neuron, so that it has to be judged on other images."""
    steps = counted(timesteps, "step")
    if all(neuron.reset == "subtract" for neuron in network.neurons.values()):
        yield _Fit(
            f"each neuron's start corrected for {steps}, on other images",
            lambda x: correct_potential(network, x, timesteps),
        )
    needs = _SIGNED if analog is network else f"{_SIGNED}; {_ANALOG}"
    rule = MMSE(timesteps, per_channel=True)

    def deep(x: torch.Tensor) -> Network:
        usual = analog.replace(
            threshold=rule.thresholds(analog.graph, x),
            reset="subtract",
            v_init=0.5,
            i_offset=0.0,
            max_spikes=1,
            signed=True,
        )
        return correct_potential(usual, x, timesteps)

    yield _Fit("all that snnlab.recipes.deep does, on other images", deep, needs)


def _with_analog_shortcuts(network: Network) -> Network:
    """Return the network with real numbers on its identity shortcuts; itself if it has none."""
    try:
        return dataclasses.replace(network, graph=analog_shortcuts(network.graph))
    except UnsupportedLayerError:
        return network
