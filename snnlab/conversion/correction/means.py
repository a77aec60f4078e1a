r"""Corrections of the mean error: a current for each channel, or a charge for each neuron.

The letters: a what the ANN passes on, φ what the neurons do, i offset, v₀ initial potential, T
number of steps. Both follow the error that a layer makes when all before it are corrected.
"""

import dataclasses
from typing import Any

import numpy as np

from snnlab._arguments import checks
from snnlab._text import GIB
from snnlab.conversion.correction.layer_by_layer import Received, layer_by_layer
from snnlab.conversion.statistics import by_channel
from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.exceptions import OptionError
from snnlab.network import Network


def correct_bias(network: Network, x: Any, timesteps: int, *, memory: int = GIB) -> Network:
    r"""Return the network with offsets that cancel the mean error of each channel.

    .. math:: i_c \leftarrow i_c + \operatorname{mean}_{B, \text{space}}(a - \varphi)

    A correction belongs to its number of steps: with more of them the error shrinks and the offset
    stays, so that the network may get worse than it was. It knows its number, and `simulate` warns
    when it is run for another. See `correct_potential` for a correction that fades by itself.

    Parameters
    ----------
    network : Network
        It is not changed; the weights of the ANN stay, and `verify` still holds.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images like those the network will get, a hundred or two; no labels are needed.
    timesteps : int
        T, for which the network is meant.
    memory : int
        Ceiling on the working memory in bytes; if need be fewer images are used, with a warning.

    Returns
    -------
    Network

    Raises
    ------
    ShapeError, OptionError, MemoryBudgetError
        As `layer_by_layer`.

    Source: Li et al. 2021 (bias correction, "light").

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> correct_bias(net, [[0.375], [0.625]], timesteps=4).neurons["relu"].i_offset
    array([0.125])
    """

    def change(layer: Received) -> Neuron:
        missing = layer.activation.double() - layer.passed_on(layer.neuron)
        i_offset = layer.neuron.i_offset + by_channel(missing).mean(1).cpu().numpy()
        return dataclasses.replace(layer.neuron, i_offset=i_offset)

    corrected = layer_by_layer(network, x, timesteps, change, memory=memory)
    return corrected.corrected_for(bias=timesteps)


def correct_potential(network: Network, x: Any, timesteps: int, *, memory: int = GIB) -> Network:
    r"""Return the network with initial potentials that cancel the mean error of each neuron.

    .. math:: v_0 \leftarrow v_0 + T \operatorname{mean}_B(a - \varphi)

    With more steps the charge of the start counts less, just as the error that it cancels does. So
    a network that was corrected may also be run longer; `simulate` does not warn.

    Parameters
    ----------
    network, x, timesteps, memory
        As in `correct_bias`. What neurons start with is part of an image's size: images of another
        shape need a new correction.

    Returns
    -------
    Network

    Raises
    ------
    OptionError
        If a layer is reset to zero, which forgets the start at the first spike; else as
        `layer_by_layer`.
    ShapeError, MemoryBudgetError
        As `layer_by_layer`.

    Source: Li et al. 2021 (potential correction).

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(2.0), v_init=0.0)
    >>> correct_potential(net, [[0.375], [0.625]], timesteps=4).neurons["relu"].v_init
    array([0.5])
    """
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    hard = [name for name, neuron in network.neurons.items() if neuron.reset == "zero"]
    if hard:
        raise OptionError(
            f"layer {hard[0]!r}: is reset to zero, so the first spike wipes out what its neurons "
            f"started with. Expected reset='subtract'. Write network.replace(reset='subtract'), or "
            f"use snnlab.correct_bias."
        )

    def change(layer: Received) -> Neuron:
        neuron, ndim = layer.neuron, layer.activation.ndim
        missing = (layer.activation.double() - layer.passed_on(neuron)).mean(0, keepdim=True)
        charge = timesteps * missing.cpu().numpy() / per_neuron(neuron.v_threshold, ndim)
        v_init = (per_neuron(neuron.v_init, ndim) + charge)[0]
        return dataclasses.replace(neuron, v_init=np.atleast_1d(v_init))

    corrected = layer_by_layer(network, x, timesteps, change, memory=memory)
    return corrected.corrected_for(potential=timesteps)
