"""What every engine does before it runs a network: checks, settings, room for the record."""

from typing import Any

import numpy as np
import torch

from snnlab import _checks
from snnlab.exceptions import OptionError
from snnlab.network import Network
from snnlab.simulation.recorder import GIB, Recorder

INPUTS = ("analog", "poisson", "regular")


def prepare(
    network: Network,
    x: Any,
    timesteps: Any,
    *,
    reset: Any = None,
    v_init: Any = None,
    input: Any = "analog",
    spikes: Any = (),
    potentials: Any = (),
    at: Any = (),
    dtype: Any = None,
    memory: Any = GIB,
) -> tuple[Network, torch.Tensor, Recorder]:
    """Return the network with the settings of a run, its images, and the arrays of its record.

    The arguments and what is raised are those of `simulate`.
    """
    _checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    timesteps, memory = _checks.whole(timesteps, "timesteps"), _checks.whole(memory, "memory")
    _checks.option(input, "input", INPUTS)
    if reset is not None or v_init is not None:
        network = network.replace(reset=reset, v_init=v_init)
    if dtype is not None and dtype != network.graph.dtype:
        network = network.to(_checked_dtype(dtype))
    graph = network.graph
    x = _checks.images(x, "x", graph.input_shape, graph.dtype)
    names = network.layers + (["input"] if input != "analog" else [])
    recorder = Recorder(
        network,
        len(x),
        timesteps,
        stops=_checks.chosen_steps(at, timesteps),
        spikes=_checks.layers(spikes, names, "spikes"),
        potentials=_checks.layers(potentials, network.layers, "potentials"),
        input=input,
    )
    recorder.allocate(memory)
    return network, x, recorder


def train_seeds(x: torch.Tensor, seed: int | np.random.Generator | None) -> list[int]:
    """Draw a seed for the Poisson train of each image."""
    return _checks.generator(seed).integers(2**63, size=len(x)).tolist()


def refuse_outside_unit(x: torch.Tensor) -> None:
    """Refuse images that no spike trains can stand for: a pixel is a rate, in [0, 1]."""
    if x.min() < 0 or x.max() > 1:
        raise OptionError(
            f"x: values from {x.min():g} to {x.max():g}, expected [0, 1]: in a spike train a "
            f"pixel is a probability. Rescale the images, and convert a network that was trained "
            f"on them, or use input='analog'."
        )


def _checked_dtype(dtype: Any) -> torch.dtype:
    if dtype not in (torch.float32, torch.float64):
        raise OptionError(f"dtype = {dtype!r}: expected torch.float32 or torch.float64.")
    return dtype
