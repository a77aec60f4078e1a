"""Li, Zhao and Zeng 2022: bistable neurons (BSNN), as we read the abstract."""

from typing import Any

import torch

from snnlab.dynamics.all_steps import Received
from snnlab.network import Network
from snnlab.recipes.requirements import refuse_other_neurons
from snnlab.simulation.layer_after_layer import layer_after_layer, times
from snnlab.simulation.record import Record


def bsnn(network: Network, x: Any, timesteps: int) -> Record:
    r"""Run a network whose layers gather for a whole cycle and fire in the next one.

    .. math::
        N &= \operatorname{clip}\left(\left\lfloor
             \frac{\sum_{t \le T} z_t + v_0}{\theta}\right\rfloor, 0, \Gamma T\right) \\
        s_t &= \left\lfloor\frac{N t}{T}\right\rfloor - \left\lfloor\frac{N (t - 1)}{T}\right\rfloor

    A neuron that has seen all its currents does not care for their order: no spike is premature,
    and the means are those of `quantized`. The price is time. A cycle has T steps, and with D
    layers one after the other the output is complete after (D + 1) T steps; a shortcut has to wait
    for the branch beside it. In the record each layer counts its steps from its own cycle on.

    This is our reading of an abstract, the only part of the paper that we have seen. To see how
    often neurons fire that should not, in this record or in that of `simulate`, write
    `decompose(network, x, record).spurious(layer)`.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images, as a constant current.
    timesteps : int
        T, the steps of a cycle.

    Returns
    -------
    Record

    Raises
    ------
    SNNLabError
        As `simulate`; and if a layer is reset to zero, or max pooling is not exact.

    Source: Li, Zhao and Zeng 2022 (BSNN), the abstract; the equations are ours.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False), nn.ReLU())
    >>> model[1].weight.data = torch.tensor([[3.0, -2.0]])
    >>> net = convert(model, [[1.0, 1.0]], threshold=Fixed(1.0))
    >>> x = [[0.375, 0.625]]  # 3 × 0.375 - 2 × 0.625 is below 0, so the last neuron should rest
    >>> bsnn(net, x, timesteps=8).counts("2").item()
    0
    """
    refuse_other_neurons(network, "bsnn")
    return layer_after_layer(network, x, timesteps, gather_and_release)


def gather_and_release(layer: Received) -> torch.Tensor:
    """Return the spikes of a layer after it has seen all its currents, shape (T, B, ...)."""
    neuron, T = layer.neuron, len(layer.currents)
    theta = layer.setting(neuron.v_threshold)
    charge = layer.currents.double().sum(0) + T * layer.setting(neuron.i_offset)
    count = ((charge + layer.setting(neuron.v_init) * theta) / theta).floor()
    count = count.clamp(0, neuron.max_spikes * T)
    sent = (count * times(layer.currents.double())).div(T, rounding_mode="floor")
    return sent.diff(dim=0, prepend=torch.zeros_like(sent[:1]))
