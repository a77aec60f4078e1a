"""Hao et al. 2023 (AAAI): reducing conversion error by residual membrane potential (SRP)."""

from typing import Any

import numpy as np

from snnlab._arguments.images import Images
from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.dynamics.start import Start
from snnlab.network import Network
from snnlab.recipes.requirements import refuse_other_neurons
from snnlab.recipes.two_stages import TwoRecords, steps_of_first
from snnlab.simulation.runs import simulate

# In units of the threshold; as in the authors' code.
_LEAST = 1e-3


def srp(network: Network, x: Any, timesteps: int, *, first: int = 4) -> TwoRecords:
    r"""Run a network twice, the second time without the neurons that fired too often.

    .. math:: \text{silent} = [v_\tau \le 10^{-3}\,\theta]

    after a first stage of τ steps. Then all neurons start again, and the silent ones only
    integrate. A neuron that should not fire at all, but did, has :math:`v_\tau < 0`; but so have
    others that fired once too often, and they are silenced too. The first stage counts towards the
    cost: τ + T steps in all.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images. They are read once and kept.
    timesteps : int
        T, the steps of the second stage.
    first : int
        τ, the steps of the first one; with 0 it is left out, and the second is `simulate`.

    Returns
    -------
    TwoRecords

    Raises
    ------
    SNNLabError
        As `simulate`; and if a layer is reset to zero.

    Source: Hao et al. 2023 (AAAI, SRP).

    >>> import torch
    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False), nn.ReLU())
    >>> model[1].weight.data = torch.tensor([[3.0, -2.0]])
    >>> net = convert(model, [[1.0, 1.0]], threshold=Fixed(1.0))
    >>> x = [[0.375, 0.625]]  # 3 × 0.375 - 2 × 0.625 is below 0, so the last neuron should rest
    >>> simulate(net, x, timesteps=4).counts("2").item()
    1
    >>> srp(net, x, timesteps=4, first=4).second.counts("2").item()
    0
    """
    refuse_other_neurons(network, "srp")
    first = steps_of_first(first)
    if not first:
        return TwoRecords(None, simulate(network, x, timesteps))
    images = Images(x, "x", network.graph.input_shape)
    whole = images.whole(network.graph.dtype)
    given = whole if images.labels is None else (whole, images.labels)
    early = simulate(network, given, first, potentials=True)
    start = {n: _restart(neuron, early.potentials(n)[-1]) for n, neuron in network.neurons.items()}
    return TwoRecords(early, simulate(network, given, timesteps, start=start))


def _restart(neuron: Neuron, v: np.ndarray) -> Start:
    """Return what neurons start again with that have the potential `v`, shape (B, ...)."""
    silent = v <= _LEAST * np.asarray(per_neuron(neuron.v_threshold, v.ndim))
    return Start(np.broadcast_to(per_neuron(neuron.v_init, v.ndim), v.shape), silent)
