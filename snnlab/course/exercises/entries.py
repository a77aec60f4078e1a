"""What the games share: a converted network with its number of steps, as a learner's answer."""

from functools import cache
from typing import Any

import numpy as np
import torch

from snnlab import data
from snnlab._arguments import checks
from snnlab._text import counted
from snnlab.comparison import answer
from snnlab.course.wording import kind
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation import ann


def held_out(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the last test images of the digits, with labels; the notebook shows none of them."""
    digits = data.load_digits()
    return digits.x_test[-images:], digits.y_test[-images:]


def additions(network: Network, record: Any) -> float:
    """Return how many additions an image takes: spikes over synapses, and real numbers."""
    return answer(network, record, record.timesteps).additions


def not_an_entry(entry: Any, model: str) -> str:
    """Return what is wrong with an entry that cannot be measured, else ''.

    `model` is the name of the bundled network that has to be converted.
    """
    if isinstance(entry, Network):
        return "This is a network. After how many steps is it to be read? Write (network, steps)."
    if not isinstance(entry, (tuple, list)) or len(entry) != 2:
        return (
            f"This is {kind(entry)}. Two things are needed, the network and the number of its "
            f"steps. Write (network, steps)."
        )
    network, timesteps = entry
    if network is None or network is ...:
        return "There is no network yet. Which one do you convert, and how?"
    if not isinstance(network, Network):
        return (
            f"The first of the two is {kind(network)}, and a converted network is asked for. Has "
            f"it gone through sl.convert?"
        )
    if not checks.is_number(timesteps) or timesteps < 1 or timesteps % 1:
        return "The second of the two is the number of steps. Is it a whole number above 0?"
    x, outputs = _of(model)
    shape = tuple(x.shape[1:])
    same = network.graph.input_shape == shape and np.allclose(
        ann(network, x, activations=False).outputs, outputs, atol=1e-3
    )
    if not same:
        return (
            f"With ReLUs in place of its {counted(len(network.layers), 'layer')} of neurons this "
            f"network gives other answers than {model}. Which model was converted?"
        )
    return ""


def analog(network: Network) -> bool:
    """Return whether some shortcut carries real numbers."""
    return any(node.meta["kind"] is Kind.RECTIFIER for node in network.graph.nodes)


@cache
def _of(model: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two images, and what a bundled network makes of them."""
    x = torch.from_numpy(held_out(2)[0])
    with torch.no_grad():
        return x, data.load_network(model)(x)
