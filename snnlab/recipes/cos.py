"""Hao et al. 2023 (ICLR): bridging ANNs and SNNs by calibrating offset spikes (COS)."""

from typing import Any

import torch

from snnlab.dynamics.all_steps import Received
from snnlab.dynamics.start import Start
from snnlab.network import Network
from snnlab.recipes.requirements import refuse_other_neurons
from snnlab.recipes.two_stages import TwoRecords, after, steps_of_first
from snnlab.simulation.layer_after_layer import layer_after_layer
from snnlab.simulation.options import RunOptions
from snnlab.simulation.runs import simulate


def cos(network: Network, x: Any, timesteps: int, *, first: int = 4) -> TwoRecords:
    r"""Run layer after layer, each twice: what it starts with adds or removes one spike.

    .. math::
        v_\rho < 0 < N &:\quad v_0 \leftarrow v_0
            - \max\left(\theta, \min_{t:\,s_t = 1} m_t - 0.999\,\theta\right) \\
        v_\rho \ge \theta &:\quad v_0 \leftarrow v_0
            + \max\left(\theta, 1.001\,\theta - \max_{t:\,s_t = 0} v_t\right)

    after a first stage of ρ steps with N spikes; m is the potential before the reset. Then the
    layer runs T steps. Where there was a spike at every step none can be added, and :math:`v_0`
    rises by θ. A layer sees the same in its first stage as later, the first ρ steps of what the
    layers before it send in their second one; those are replayed, as in the authors' code. So with
    layers one after the other an answer takes depth · ρ + T steps.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images, as a constant current.
    timesteps : int
        T.
    first : int
        ρ; with 0 there is no first stage, and the second is `simulate`. It may be more than T.

    Returns
    -------
    TwoRecords
        `first` has what is sent for the first stages of the layers, once more: the first ρ steps of
        every train. What neurons fire in their own first stage goes nowhere.

    Raises
    ------
    SNNLabError
        As `simulate`; and if a layer is reset to zero, bursts or is signed, or if max pooling is
        not exact.

    Source: Hao et al. 2023 (ICLR, COS).

    >>> import torch
    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False), nn.ReLU())
    >>> model[1].weight.data = torch.tensor([[3.0, -2.0]])
    >>> net = convert(model, [[1.0, 1.0]], threshold=Fixed(1.0))
    >>> x = [[0.375, 0.625]]  # 3 × 0.375 - 2 × 0.625 is below 0, so the last neuron should rest
    >>> simulate(net, x, timesteps=4).counts("2").item()
    1
    >>> cos(net, x, timesteps=4, first=4).second.counts("2").item()
    0
    """
    refuse_other_neurons(network, "cos", bursts=False, signed=False)
    T, first = RunOptions(timesteps=timesteps).timesteps, steps_of_first(first)
    if not first:
        return TwoRecords(None, simulate(network, x, T))

    def fire(layer: Received) -> torch.Tensor:
        return layer.run(shifted(layer, *layer.run(steps=first)))[0]

    record = layer_after_layer(network, x, max(first, T), fire, at={first, T})
    return TwoRecords(after(record, first), after(record, T))


def shifted(layer: Received, trains: torch.Tensor, potentials: torch.Tensor) -> Start:
    """Return what neurons start with after a first stage, in units of the threshold."""
    v = potentials.double() / layer.setting(layer.neuron.v_threshold)
    fired = trains > 0
    low = v.add(1).masked_fill(~fired, torch.inf).amin(0)
    high = v.masked_fill(fired, -torch.inf).amax(0)
    less = (v[-1] < 0) * (low - 0.999).clamp(min=1).masked_fill(~fired.any(0), 0)
    more = (v[-1] >= 1) * (1.001 - high).clamp(min=1).masked_fill(fired.all(0), 1)
    return Start((layer.setting(layer.neuron.v_init) - less + more).cpu().numpy())
