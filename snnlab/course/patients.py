"""Networks damaged on purpose, for the learner to find out what is wrong."""

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.exceptions import OptionError
from snnlab.graph.canonical import layer_of
from snnlab.network import Network


def patient(network: Network, number: int) -> Network:
    """Return the network with one damage.

    The threshold of one layer is ten times too low: of which one, the number decides. It is never
    the first layer.

    Parameters
    ----------
    network : Network
        With two spiking layers or more. It stays as it is.
    number : int
        Which patient; the same number is always the same one.

    Returns
    -------
    Network

    Raises
    ------
    OptionError
        If the network has only one spiking layer, or `number` is not a whole number, 0 or more.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    >>> healthy = convert(model, [[1.0, 2.0]], threshold=Fixed(2.0))
    >>> sorted(patient(healthy, 1).thresholds.values())
    [0.2, 2.0]
    """
    _refuse_one_layer(network)
    rng = np.random.default_rng([checks.seed(number, "number"), 8])
    return network.replace(int(rng.integers(1, len(network.layers))), scale=0.1)


def mystery_patient(network: Network, number: int) -> Network:
    """Return the network with one of six damages, each of another kind.

    Parameters
    ----------
    network : Network
        With two spiking layers or more, several channels in the first, and biases other than 0. It
        stays as it is.
    number : int
        Which patient, from 1 on; the same number is always the same one. Six in a row, 1 to 6, 7 to
        12 and so on, have each damage once, in an order of their own. What each of them has is told
        by `diagnose`; for one of the six it has to know the model.

    Returns
    -------
    Network

    Raises
    ------
    OptionError
        If `number` is not a whole number, 1 or more, if the network is not as described, or if the
        damage would change nothing, because the network has it already.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    >>> healthy = convert(model, [[1.0, 2.0]], threshold=Fixed(2.0))
    >>> mystery_patient(healthy, 1).thresholds == healthy.thresholds
    False
    """
    _refuse_one_layer(network)
    return _DAMAGES[damage(checks.whole(number, "number"))](network)


def damage(number: int) -> int:
    """Return which of the six damages a mystery patient has, counted from 0."""
    ward, place = divmod(number - 1, len(_DAMAGES))
    order = np.random.default_rng([ward, 9]).permutation(len(_DAMAGES))
    return int(order[place]) if ward else place


def _refuse_one_layer(network: Network) -> None:
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    if len(network.layers) < 2:
        raise OptionError(
            f"network: has {counted(len(network.layers), 'spiking layer')}, expected two or more. "
            f"With fewer there is nothing to find out."
        )


def _changes_nothing(todo: str) -> OptionError:
    return OptionError(f"network: this patient's damage changes nothing; {todo}")


# The thresholds of channels are multiplied and divided by this factor, in turn.
_MIXED = 8.0


def _with_mixed_channels(network: Network) -> Network:
    """Raise the threshold of every other channel of the first layer, and lower those between."""
    name = network.layers[0]
    channels = network.shape(name)[0]
    if channels < 2:
        raise OptionError(
            f"network: its first spiking layer {name!r} has one channel, expected several. This "
            f"patient's channels are mixed up."
        )
    factors = np.where(np.arange(channels) % 2, 1 / _MIXED, _MIXED)
    return network.replace(name, threshold=network.thresholds[name] * factors)


def _with_flipped_bias(network: Network) -> Network:
    """Flip the sign of a bias: of the second layer that has one, or else of the only one."""
    graph = dataclasses.replace(network.graph, module=copy.deepcopy(network.graph.module))
    layers = [layer_of(node, graph) for node in graph.nodes]
    biased = [layer for layer in layers if layer is not None and layer.bias is not None]
    if not biased:
        raise OptionError(
            "network: none of its layers has a bias, expected one. This patient's bias has the "
            "wrong sign."
        )
    layer = biased[:2][-1]
    bias = torch.as_tensor(layer.bias)
    if not bias.any():
        raise _changes_nothing(
            "the bias whose sign it turns is 0, expected another number. Take a trained network."
        )
    layer.bias = nn.Parameter(-bias, requires_grad=False)
    return Network(graph, network.neurons, network.max_pool)


def _with_reset_to_zero(network: Network) -> Network:
    """Reset all neurons to zero after a spike, and let them start empty."""
    if all(n.reset == "zero" and n.v_init == 0 for n in network.neurons.values()):
        raise _changes_nothing(
            "all neurons are reset to zero and begin empty, expected neurons that subtract or "
            "begin half full. Write network.replace(reset='subtract', v_init=0.5) first."
        )
    return network.replace(reset="zero", v_init=0.0)


_DAMAGES: tuple[Callable[[Network], Network], ...] = (
    lambda network: network.replace(0, scale=10.0),
    lambda network: network.replace(scale=0.2),
    _with_flipped_bias,
    lambda network: network.replace(1, scale=0.1),
    _with_mixed_channels,
    _with_reset_to_zero,
)
