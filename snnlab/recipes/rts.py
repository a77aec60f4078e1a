"""Deng and Gu 2021: optimal conversion by threshold and shift (RTS)."""

import dataclasses
from typing import Any

import numpy as np
from torch import nn

from snnlab._arguments import checks
from snnlab.conversion import ThresholdRule, convert
from snnlab.network import Network


def rts(
    model: nn.Module, x_cal: Any, timesteps: int, *, threshold: ThresholdRule | None = None
) -> Network:
    r"""Convert a network for T steps, with half a threshold spread over them.

    .. math:: v_0 = 0, \qquad i = \frac{\theta}{2T}

    With a steady current it counts as a neuron does that begins half full (`opi`): the charge after
    T steps is the same. But before, it is less, and in a network that matters, for what is sent too
    early cannot be taken back. With 20 layers the shift is far better, with 110 worse, since a
    hundred layers that begin empty answer late: ResNet-20 and -110 of `load_network` read 97 % and
    54 % of the digits after 8 steps, half full 90 % and 60 %.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    timesteps : int
        T. The network remembers it, and `simulate` warns when it runs for another.
    threshold
        By default `Percentile(99.9)`.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert`.

    Source: Deng and Gu 2021, by the code of others (yhhhli/SNN_Calibration), whose neurons have
    this shift; the paper also clips activations in training, see `tcl`.

    >>> rts(nn.ReLU(), [[2.0]], timesteps=4).neurons["relu"]
    Neuron(v_threshold=2.0, reset='subtract', v_init=0.0, i_offset=0.25)
    """
    T = checks.whole(timesteps, "timesteps")
    network = convert(model, x_cal, threshold=threshold, v_init=0.0)
    neurons = {
        name: dataclasses.replace(neuron, i_offset=np.asarray(neuron.v_threshold) / (2 * T))
        for name, neuron in network.neurons.items()
    }
    return dataclasses.replace(network, neurons=neurons).corrected_for(bias=T)
