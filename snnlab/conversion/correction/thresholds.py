r"""Thresholds chosen by the error that a layer makes of the spikes that it receives."""

import dataclasses
from typing import Any, Literal

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab._text import GIB
from snnlab.conversion.correction.layer_by_layer import Received, layer_by_layer
from snnlab.conversion.statistics import by_channel
from snnlab.dynamics.neuron import Neuron
from snnlab.graph.evaluation import cap
from snnlab.network import Network

ERRORS = ("own", "total")
FACTORS = 2.0 ** (1 - np.arange(21) / 4)  # four to an octave


def tune_thresholds(
    network: Network,
    x: Any,
    timesteps: int,
    *,
    error: Literal["own", "total"] = "own",
    per_channel: bool = False,
    memory: int = GIB,
) -> Network:
    r"""Return the network with thresholds of the least mean square error, as measured.

    .. math:: \theta = \arg\min_\theta \operatorname{mean}(\varphi_\theta - r)^2, \qquad
              r = R(\bar z) \text{ (own)} \quad\text{or}\quad r = a \text{ (total)}

    A low threshold clips, a high one has coarse steps, and the uneven order of the currents is
    worse for a low one. All of it is measured, on the currents that a layer receives from the
    layers before it, which are tuned already. Tried are the threshold that there is and 21 others,
    from 2 to 1/16 times the largest activation.

    Parameters
    ----------
    network, x, timesteps
        As in `correct_bias`.
    error : {"own", "total"}
        Against what would be right for the currents that a layer receives, R(z̄); or against the
        ANN, so that a layer may make up for those before it.
    per_channel : bool
        One threshold per channel instead of one per layer.
    memory : int
        As in `correct_bias`.

    Returns
    -------
    Network

    Raises
    ------
    ShapeError, OptionError, MemoryBudgetError
        As `layer_by_layer`.

    Source: Meng et al. 2022 name such a tuning in their abstract; this one is ours. Derived here.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(16.0))
    >>> tune_thresholds(net, [[0.0], [0.5], [1.0]], timesteps=2).thresholds
    {'relu': 1.0}
    """
    checks.option(error, "error", ERRORS)

    def change(layer: Received) -> Neuron:
        right = layer.right if error == "own" else layer.activation.double()
        return _best(layer, right, per_channel)

    tuned = layer_by_layer(network, x, timesteps, change, memory=memory)
    return tuned.corrected_for(thresholds=timesteps)


def candidates(layer: Received, *, per_channel: bool = False) -> list[Any]:
    """Return the thresholds that `tune_thresholds` tries for a layer.

    Parameters
    ----------
    layer : Received
    per_channel : bool
        One threshold per channel instead of one per layer.

    Returns
    -------
    list of float or array, shape (C,)
        The threshold that there is, and `FACTORS` times the largest activation, from high to low;
        none above a cap. A channel that is always silent keeps its threshold.

    Source: ours, as `tune_thresholds`.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> from snnlab.conversion.correction import layer_by_layer
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(16.0))
    >>> def shown(layer):
    ...     print([float(candidates(layer)[position]) for position in (0, 1, 5, 21)])
    ...     return layer.neuron
    >>> _ = layer_by_layer(net, [[0.0], [0.5], [1.0]], 2, shown)
    [16.0, 2.0, 1.0, 0.0625]
    """
    channels = by_channel(layer.activation).amax(1).double().cpu().numpy()
    largest = channels if per_channel else channels.max(keepdims=True)
    present = np.asarray(layer.neuron.v_threshold)
    if per_channel:
        present = np.broadcast_to(present, channels.shape)
    upper = cap(layer.node)
    highest = np.inf if upper is None else upper / layer.neuron.max_spikes
    tried = [np.minimum(np.where(largest > 0, f * largest, present), highest) for f in FACTORS]
    return [present, *(theta if per_channel else theta[0] for theta in tried)]


def _best(layer: Received, right: torch.Tensor, per_channel: bool) -> Neuron:
    """Return the neuron with the threshold that comes nearest to what is right, (B, C, ...)."""
    tried, errors = candidates(layer, per_channel=per_channel), []
    for theta in tried:
        neuron = dataclasses.replace(layer.neuron, v_threshold=theta)
        square = by_channel((layer.passed_on(neuron) - right) ** 2).mean(1).cpu().numpy()
        errors.append(square if per_channel else square.mean())
    best = np.argmin(errors, axis=0)
    theta = np.choose(best, tried) if per_channel else tried[best]
    return dataclasses.replace(layer.neuron, v_threshold=theta)
