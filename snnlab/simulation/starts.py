"""What neurons start with, checked against the network and the images that run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab.dynamics.neuron import per_neuron
from snnlab.dynamics.start import Start
from snnlab.exceptions import OptionError
from snnlab.network import Network


def starts(given: Any, network: Network, images: int | None) -> dict[str, Start]:
    """Return what each layer starts with, by name; `images` is their number if it is known."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise OptionError(
            f"start: found {type(given).__name__}, expected a mapping from layers to Start, as "
            f"start={{'{network.layers[0]}': snnlab.Start(v_init)}}. For the same start of all "
            f"images write v_init=."
        )
    found: dict[str, Start] = {}
    for layer, start in given.items():
        name = checks.layer(layer, network.layers)
        if name in found:
            raise OptionError(f"start: given twice for layer {name!r}. Expected one Start each.")
        found[name] = _fitting(name, start, network, images)
    return found


def _fitting(name: str, start: Any, network: Network, images: int | None) -> Start:
    checks.instance(start, Start, f"start of layer {name!r}", "Write snnlab.Start(v_init).")
    if images is None:
        raise OptionError(
            f"start of layer {name!r}: holds {len(start.v_init):,} images, and how many x has is "
            f"not known before it is read. Expected an array. Write "
            f"torch.cat([images for images, _ in loader])."
        )
    expected = (images, *network.shape(name))
    if start.v_init.shape != expected:
        raise OptionError(
            f"start of layer {name!r}: v_init of shape {start.v_init.shape}, expected {expected}: "
            f"one number for each neuron of each image."
        )
    theta = per_neuron(network.neurons[name].v_threshold, len(expected))
    largest = float(np.max(np.abs(start.v_init) * theta))
    limits = torch.finfo(network.graph.dtype)
    if largest > limits.max:
        raise OptionError(
            f"start of layer {name!r}: a potential of {largest:.2g} does not fit into "
            f"{network.graph.dtype}, expected up to {limits.max:.2g}. v_init is in units of the "
            f"threshold."
        )
    return start
