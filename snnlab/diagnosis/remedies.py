"""What might help, each tried alone on the same images."""

from collections.abc import Iterator

import numpy as np
import torch

from snnlab._text import counted
from snnlab.conversion import Maximum, Percentile, ThresholdRule
from snnlab.diagnosis.report import Remedy
from snnlab.diagnosis.trials import Trials
from snnlab.exceptions import CalibrationError
from snnlab.network import Network

_RULES: dict[str, ThresholdRule] = {
    "thresholds at the 99th percentile of the activations": Percentile(99.0),
    "thresholds at the 99.9th percentile of the activations": Percentile(99.9),
    "thresholds at the maximum of the activations": Maximum(),
    "one threshold per channel, at the 99.9th percentile": Percentile(99.9, per_channel=True),
}
# More steps that are tried, as factors.
_LONGER = (2, 4)
MOST_REMEDIES = len(_RULES) + 3


def remedies(network: Network, timesteps: int, trials: Trials) -> tuple[Remedy, ...]:
    """Return the remedies with what they reach, cheapest first, among them the best first."""
    tried = [
        Remedy(words, float(trials.reached(changed, timesteps)[-1]), 1.0)
        for words, changed in _changes(network, trials.x)
    ]
    longest = trials.reached(network, timesteps * max(_LONGER))
    tried += [
        Remedy(counted(factor * timesteps, "step"), float(longest[factor * timesteps - 1]), factor)
        for factor in _LONGER
    ]
    scale = trials.measure.scale
    return tuple(sorted(tried, key=lambda r: (r.cost, -scale.gain(0, r.accuracy))))


def _changes(network: Network, x: torch.Tensor) -> Iterator[tuple[str, Network]]:
    """Yield what can be changed without taking more time."""
    neurons = network.neurons.values()
    if any(isinstance(n.v_init, float) and n.v_init != 0.5 for n in neurons):
        yield "neurons that start half full", network.replace(v_init=0.5)
    if any(neuron.reset == "zero" for neuron in neurons):
        yield "reset by subtraction", network.replace(reset="subtract")
    for words, rule in _RULES.items():
        try:
            thresholds = rule.thresholds(network.graph, x)
        except CalibrationError:  # a layer is silent on these images
            return
        changed = network.replace(threshold=thresholds)
        before, after = network.thresholds, changed.thresholds
        if not all(np.array_equal(after[name], theta) for name, theta in before.items()):
            yield words, changed
