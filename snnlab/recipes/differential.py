"""Huang et al. 2025: differential coding for training-free conversion (DCGS)."""

from typing import Any

import torch

from snnlab.dynamics.all_steps import Received
from snnlab.network import Network
from snnlab.recipes.requirements import refuse_other_neurons
from snnlab.simulation.layer_after_layer import layer_after_layer
from snnlab.simulation.record import Record


def differential(network: Network, x: Any, timesteps: int) -> Record:
    r"""Run a network in which a spike changes a value that lasts, by less the later it comes.

    .. math::
        m_t &= v_{t-1} + d_t + e^\text{in}_{t-1} - e^\text{out}_{t-1} \\
        s_t &= [m_t \ge \theta] - [m_t < 0 \text{ and } e^\text{out}_{t-1} \ge \theta / t] \\
        v_t &= m_t - \theta s_t, \qquad
        e^\text{out}_t = e^\text{out}_{t-1} + \frac{\theta s_t}{t}, \qquad
        e^\text{in}_t = e^\text{in}_{t-1} + \frac{d_t}{t}

    with d the current beyond that at rest, where no neuron spikes, and :math:`e^\text{in}_0` the
    current at rest. So :math:`v_t = v_0 + t\,(e^\text{in}_t - e^\text{out}_t)`: a neuron sends what
    the value of its output lacks, and is silent when it is right. What reaches the next layer is
    :math:`e^\text{out}`; the network's output is :math:`e^\text{in}` there.

    The recurrences are summed up here in that identity. The authors' code takes a spike back at
    :math:`m_t = 0` too, so that a neuron that stands at 0 may send -1 and 1 by turns. What it asks
    besides, that a running sum is at least θ, is the same as here, for the sum is
    :math:`t\,e^\text{out}_{t-1}`.

    Parameters
    ----------
    network : Network
        Max pooling and analog shortcuts work on the values, as in the ANN.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images, as a constant current.
    timesteps : int
        T.

    Returns
    -------
    Record
        Its neurons are signed: they send spikes of -1 too. A count alone does not tell the value,
        which depends on when the spikes came.

    Raises
    ------
    SNNLabError
        As `simulate`; and if a layer is reset to zero or bursts, or max pooling is not exact.

    Source: Huang et al. 2025 (differential coding).

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0))
    >>> record = differential(net, [[0.75]], timesteps=4)
    >>> [round(value, 3) for value in record.outputs.ravel().tolist()]
    [1.0, 1.0, 0.667, 0.667]
    >>> record.counts("relu").item(), record.sent("relu").item()  # 1 at the start, -1 at step 3
    (0, 2)
    """
    refuse_other_neurons(network, "differential", bursts=False)
    signed = network.replace(signed=True)
    return layer_after_layer(signed, x, timesteps, correct_the_value, differential=True)


def correct_the_value(layer: Received) -> torch.Tensor:
    """Return the spikes of a layer that sees values e_in, shape (T, B, ...)."""
    theta = layer.setting(layer.neuron.v_threshold)
    offset, v_0 = layer.setting(layer.neuron.i_offset), layer.setting(layer.neuron.v_init) * theta
    e_out = torch.zeros_like(layer.currents[0], dtype=torch.float64)
    spikes = torch.zeros_like(layer.currents)
    for t, value in enumerate(layer.currents.double(), start=1):
        m = v_0 + t * (value + offset - e_out)
        s = 1.0 * (m >= theta) - 1.0 * ((m < 0) & (e_out >= theta / t))
        e_out += theta * s / t
        spikes[t - 1] = s
    return spikes
