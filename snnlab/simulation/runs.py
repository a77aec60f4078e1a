"""Running a converted network step by step, in blocks of images and of steps."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab import _checks
from snnlab.conversion.statistics import image_batches
from snnlab.dynamics.neuron import Reset, as_simulated, constant_output
from snnlab.graph.evaluation import activation, currents_of, inference
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.engine import run
from snnlab.simulation.options import GIB, RunOptions, refuse_outside_unit
from snnlab.simulation.record import Activations, Record
from snnlab.simulation.recorder import Recorder


def simulate(
    network: Network,
    x: Any,
    timesteps: int,
    *,
    reset: Reset | None = None,
    v_init: float | None = None,
    input: str = "analog",
    seed: int | np.random.Generator | None = None,
    spikes: bool | Iterable[str | int] = (),
    potentials: bool | Iterable[str | int] = (),
    at: Iterable[int] = (),
    dtype: torch.dtype | None = None,
    memory: int = GIB,
) -> Record:
    """Run a spiking network on images and record its spikes.

    In one step a layer adds its current, compares `v >= v_threshold`, emits, resets and records; a
    spike reaches the next layer in the same step. The output does not spike, it accumulates.

    Parameters
    ----------
    network : Network
        From `convert`.
    x : array, shape (B, ...)
        Images of the network's input shape.
    timesteps : int
        Number of steps T.
    reset, v_init
        Other neuron settings for this run, as in `Network.replace`.
    input : {"analog", "poisson", "regular"}
        The image as a constant current, or as random spikes with the pixel as their probability, or
        as spikes at even distances.
    seed : int or numpy.random.Generator
        For Poisson input. An image's train does not depend on the images beside it but on its
        position.
    spikes, potentials : bool or layers
        Layers whose trains or potentials are kept, shape (T, B, ...); True for all. "input" is
        among the names of `spikes` where the pixels spike.
    at : ints
        Steps after which spike counts are kept as well.
    dtype : torch.float32 or torch.float64, optional
        Arithmetic of this run; by default the network's own.
    memory : int
        Ceiling on the working memory in bytes, and on the size of what is recorded.

    Returns
    -------
    Record

    Raises
    ------
    ShapeError
        If the images have another shape than the network's input, or are no finite numbers.
    OptionError
        If an option is outside its range; for spiking input also if pixels leave [0, 1].
    MemoryBudgetError
        If one image and one step, or what is to be recorded, do not fit.

    Source: Rueckauer et al. 2017 (analog input, both resets); Diehl et al. 2015
    (Poisson input).

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0, 1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> simulate(net, [[0.25, 0.5]], timesteps=4).counts("relu").tolist()
    [[1, 2]]
    """
    options = RunOptions(
        timesteps=timesteps,
        reset=reset,
        v_init=v_init,
        input=input,
        seed=seed,
        spikes=spikes,
        potentials=potentials,
        at=at,
        dtype=dtype,
        memory=memory,
    )
    network, x = options.apply(network, x)
    recorder = Recorder(network, len(x), options)
    if options.spiking_input:
        refuse_outside_unit(x)
    run(network, x, recorder)
    return recorder.record()


def ann(network: Network, x: Any) -> Activations:
    """Run the same network with its own ReLUs in place of the neurons.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...)

    Returns
    -------
    Activations

    Raises
    ------
    ShapeError, OptionError
        If the images do not fit the network, or it is none.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0))
    >>> ann(net, [[-0.5], [0.5]]).activations["relu"].tolist()
    [[0.0], [0.5]]
    """
    return _without_time(network, x, activation)


def quantized(network: Network, x: Any, timesteps: int) -> Activations:
    r"""Run the network as if every neuron received its mean current at each step.

    A layer passes on :math:`\theta N / T`, N being the spike count of a constant current. So it has
    the quantization error, clipping included, and no deviation error. No step is simulated.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...)
    timesteps : int
        T.

    Returns
    -------
    Activations

    Raises
    ------
    ShapeError, OptionError
        If the images do not fit the network, or `timesteps` is no whole number above 0.

    Derived here.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> quantized(net, [[0.3], [1.5]], timesteps=4).activations["relu"].tolist()
    [[0.25], [1.0]]
    """
    timesteps = _checks.whole(timesteps, "timesteps")

    def stairs(node: fx.Node, current: torch.Tensor) -> torch.Tensor:
        z = current.double().cpu().numpy()
        neuron = as_simulated(network.neurons[node.meta["layer"]], current.cpu().numpy().dtype)
        return torch.from_numpy(constant_output(z, timesteps, neuron)).to(current)

    return _without_time(network, x, stairs)


def _without_time(
    network: Network, x: Any, pass_on: Callable[[fx.Node, torch.Tensor], torch.Tensor]
) -> Activations:
    """Evaluate the network once, each layer passing on what `pass_on` makes of its current."""
    _checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    currents: list[dict[str, torch.Tensor]] = []
    passed: dict[str, list[torch.Tensor]] = {name: [] for name in network.layers}

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if node.meta["kind"] is not Kind.RELU:
            return None
        a = pass_on(node, current)
        passed[node.meta["layer"]].append(a.cpu())
        return a

    for images in image_batches(network.graph, x, "x"):
        with inference(network.graph, len(images)):
            found = currents_of(network.graph, images, emit)
        currents.append({name: current.cpu() for name, current in found.items()})
    return Activations(
        {name: torch.cat([c[name] for c in currents]).numpy() for name in network.layers},
        {name: torch.cat(parts).numpy() for name, parts in passed.items()},
        torch.cat([c["output"] for c in currents]).numpy(),
        network.graph.softmax,
    )
