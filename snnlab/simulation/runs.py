"""Running a converted network step by step, in blocks of images and of steps."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab import _text
from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab._text import GIB
from snnlab.conversion.statistics import image_batches
from snnlab.dynamics.closed_forms import constant_output
from snnlab.dynamics.neuron import Reset, as_simulated
from snnlab.dynamics.start import Start
from snnlab.exceptions import MemoryBudgetError
from snnlab.graph.evaluation import activation, currents_of, inference
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.engine import run
from snnlab.simulation.options import RunOptions, warn_of_other_steps
from snnlab.simulation.record import Activations, Record


def simulate(
    network: Network,
    x: Any,
    timesteps: int,
    *,
    reset: Reset | None = None,
    v_init: float | np.ndarray | None = None,
    start: Mapping[str, Start] | None = None,
    input: str = "analog",
    seed: int | np.random.Generator | None = None,
    spikes: bool | Iterable[str | int] = (),
    potentials: bool | Iterable[str | int] = (),
    counts: bool | Iterable[str | int] = True,
    at: Iterable[int] = (),
    dtype: torch.dtype | None = None,
    memory: int = GIB,
) -> Record:
    """Run a spiking network on images and record its spikes.

    In one step a layer adds its current, compares `v >= v_threshold`, emits, resets and records; a
    spike reaches the next layer in the same step. The output does not spike, it accumulates. If the
    network was corrected for another number of steps, a warning says so.

    Sums are rounded, and a current such as 0.1 is no float. So a neuron that reaches its threshold
    to within rounding may fire a step later than by exact arithmetic. With multiples of 1/64 all is
    exact.

    Parameters
    ----------
    network : Network
        From `convert`.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images of the network's input shape. Of a loader, a data set or an iterable only some
        batches are held at a time. Batches may be pairs of images and labels; the labels come along
        in the record.
    timesteps : int
        Number of steps T.
    reset, v_init
        Other neuron settings for this run, as in `Network.replace`.
    start : mapping from layer to Start, optional
        What the neurons of some layers start with where it differs from image to image. It takes
        the place of `v_init`; the record keeps the neurons as they are in the network.
    input : {"analog", "poisson", "regular", "frames"}
        The image as a constant current, or as random spikes with the pixel as their probability, or
        as spikes at even distances. With "frames" `x` (or each batch) has the shape (T, B, ...) and
        holds the input of each step: event frames, or trains that were recorded, of any numbers.
    seed : int or numpy.random.Generator
        For Poisson input. An image's train does not depend on the images beside it but on its
        position. With one generator for several calls, later images go on where earlier ones ended.
    spikes, potentials : bool or layers
        Layers whose trains or potentials are kept, shape (T, B, ...); True for all. "input" is
        among the names of `spikes` where the pixels spike.
    counts : bool or layers
        Layers whose spike counts are kept; False if the outputs are enough. "input" is among the
        names unless the input is analog; for frames it is their sum.
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
        start=start,
        input=input,
        seed=seed,
        spikes=spikes,
        potentials=potentials,
        counts=counts,
        at=at,
        dtype=dtype,
        memory=memory,
    )
    network, images = options.apply(network, x)
    warn_of_other_steps(network, options.timesteps)
    return run(network, images, options)


def ann(
    network: Network,
    x: Any,
    *,
    activations: bool | Iterable[str | int] = True,
    memory: int = GIB,
) -> Activations:
    """Run the same network with its own ReLUs in place of the neurons.

    The outputs are the logits. What the model makes of them at the very end, a softmax or sigmoid,
    `network.head` gives.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        As in `simulate`.
    activations : bool or layers
        Layers whose currents and activations are kept; False if the outputs are enough.
    memory : int
        Ceiling on the size of what is kept, in bytes.

    Returns
    -------
    Activations

    Raises
    ------
    ShapeError, OptionError
        If the images do not fit the network, or it is none.
    MemoryBudgetError
        If what is to be kept does not fit.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0))
    >>> ann(net, [[-0.5], [0.5]]).activations["relu"].tolist()
    [[0.0], [0.5]]
    """
    return _without_time(network, x, activation, activations, memory, "ann")


def quantized(
    network: Network,
    x: Any,
    timesteps: int,
    *,
    activations: bool | Iterable[str | int] = True,
    memory: int = GIB,
) -> Activations:
    r"""Run the network as if every neuron received its mean current at each step.

    A layer passes on :math:`\theta N / T`, N being the spike count of a constant current, to which
    an offset comes. So it has the quantization error, clipping included, and no deviation error. No
    step is simulated.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        As in `simulate`.
    timesteps : int
        T.
    activations, memory
        As in `ann`.

    Returns
    -------
    Activations

    Raises
    ------
    ShapeError, OptionError
        If the images do not fit the network, or `timesteps` is no whole number above 0.
    MemoryBudgetError
        If what is to be kept does not fit.

    Derived here.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> quantized(net, [[0.3], [1.5]], timesteps=4).activations["relu"].tolist()
    [[0.25], [1.0]]
    """
    timesteps = checks.whole(timesteps, "timesteps")

    def stairs(node: fx.Node, current: torch.Tensor) -> torch.Tensor:
        z = current.double().cpu().numpy()
        neuron = as_simulated(network.neurons[node.meta["layer"]], current.cpu().numpy().dtype)
        return torch.from_numpy(constant_output(z, timesteps, neuron)).to(current)

    return _without_time(network, x, stairs, activations, memory, "quantized")


def _without_time(
    network: Network,
    x: Any,
    pass_on: Callable[[fx.Node, torch.Tensor], torch.Tensor],
    kept: bool | Iterable[str | int],
    memory: int,
    call: str,
) -> Activations:
    """Evaluate the network once, each layer passing on what `pass_on` makes of its current."""
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    layers = checks.layers(kept, network.layers, "activations")
    memory = checks.whole(memory, "memory")
    images = Images(x, "x", network.graph.input_shape)
    currents: dict[str, list[torch.Tensor]] = {name: [] for name in [*layers, "output"]}
    passed: dict[str, list[torch.Tensor]] = {name: [] for name in layers}

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if node.meta["kind"] is not Kind.RELU:
            return None
        a = pass_on(node, current)
        if node.meta["layer"] in passed:
            passed[node.meta["layer"]].append(a.cpu())
        return a

    done = 0
    for part in image_batches(network.graph, images, "x"):
        with inference(network.graph, len(part)):
            found = currents_of(network.graph, part, emit)
        for name, values in currents.items():
            values.append(found[name].cpu())
        done += len(part)
        size = sum(t.nbytes for values in (*currents.values(), *passed.values()) for t in values)
        _check_memory(size, done, images.count or done, memory, call)
    return Activations(
        {name: torch.cat(currents[name]).numpy() for name in layers},
        {name: torch.cat(values).numpy() for name, values in passed.items()},
        torch.cat(currents["output"]).numpy(),
        images.labels,
        network.graph.head,
    )


def _check_memory(size: int, done: int, images: int, memory: int, call: str) -> None:
    """Refuse what does not fit, given the size of what is kept of so many images."""
    needed = size * images // done
    if needed > memory:
        raise MemoryBudgetError(
            f"{call}: the currents and activations of {images:,} images need "
            f"{_text.size(needed)}; memory allows {_text.size(memory)}. If the outputs are "
            f"enough, write activations=False; else name the layers that are needed, as "
            f"activations=['...'], take fewer images, or allow memory={needed}."
        )
