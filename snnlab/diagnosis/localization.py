"""Which layer, and which part of its error, costs most."""

from collections.abc import Mapping

import numpy as np

from snnlab.analysis import ErrorParts
from snnlab.diagnosis.trials import Trials
from snnlab.dynamics import constant_output, passed_on
from snnlab.dynamics.neuron import as_simulated, per_neuron
from snnlab.graph.evaluation import rectified
from snnlab.network import Network
from snnlab.simulation.measures import ACCURACY, Scale

# Of differences between values of a metric.
_ROUNDING = 1e-9


def without_own_error(
    network: Network, currents: Mapping[str, np.ndarray], timesteps: int, trials: Trials
) -> dict[str, float]:
    """Return the metric when each layer alone passes on R(z̄) of the mean current it received.

    Nothing before the layer changes, and what comes after it is simulated.
    """
    return {
        name: float(trials.reached(network, timesteps, {name: _rectified(network, name, z)})[-1])
        for name, z in currents.items()
    }


def blamed(
    exact: Mapping[str, float], snn: float, ann: float, scale: Scale = ACCURACY
) -> str | None:
    """Return the layer that alone regains half of the loss, and twice what the second does."""
    gains = {name: scale.gain(snn, reached) for name, reached in exact.items()}
    first, *others = sorted(gains, key=lambda name: gains[name], reverse=True)
    second = gains[others[0]] if others else 0.0
    needed = max(scale.gain(snn, ann) / 2, 2 * second)
    return first if gains[first] >= needed - _ROUNDING else None


def values_by_part(
    network: Network, layer: str, z: np.ndarray, counts: np.ndarray, timesteps: int
) -> dict[str, np.ndarray]:
    """Return what a layer passes on when the parts of its error are taken away, one by one.

    Evenly at every step, first its own φ = θN/T, then Q(z̄), then C(R(z̄)). The first takes away the
    "timing": as many spikes, but no longer unevenly for the layers that listen.
    """
    neuron = as_simulated(network.neurons[layer], z.dtype)
    highest = per_neuron(neuron.highest, z.ndim)
    return {
        "timing": passed_on(counts, timesteps, neuron),
        "deviation": constant_output(z, timesteps, neuron),
        "quantization": np.minimum(_rectified(network, layer, z), highest),
    }


def shares_of_own_errors(report: ErrorParts) -> dict[str, float]:
    """Return each part's share in the mean squares of the layers' own errors.

    Each layer counts relative to the mean square of its activations.
    """
    parts = ("deviation", "quantization", "clipping")
    sums = dict.fromkeys(parts, 0.0)
    for name in report.counts:
        scale = np.mean(np.square(report.activations[name]), dtype=np.float64)
        for part in parts:
            square = np.mean(np.square(report.part(name, part)), dtype=np.float64)
            sums[part] += square / scale if scale else 0.0
    whole = sum(sums.values()) or 1.0
    return {part: value / whole for part, value in sums.items()}


def _rectified(network: Network, layer: str, z: np.ndarray) -> np.ndarray:
    return rectified(z, network.graph.layers[layer])
