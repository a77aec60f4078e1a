"""Running a converted network in Brian2."""

import dataclasses
from collections.abc import Iterable
from itertools import repeat
from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab._text import GIB
from snnlab.brian import synapses
from snnlab.brian.engine import BrianEngine, Run
from snnlab.brian.isolation import isolated
from snnlab.dynamics.input_coding import coded_input
from snnlab.dynamics.neuron import Reset
from snnlab.exceptions import ShapeError
from snnlab.graph.evaluation import inference
from snnlab.network import Network
from snnlab.simulation.options import RunOptions, train_seeds, warn_of_other_steps
from snnlab.simulation.progress import progress_bar
from snnlab.simulation.record import Record
from snnlab.simulation.recorder import Recorder

SCHEDULES = ("layers", "brian")
# Read together.
_IMAGES = 64


def simulate(
    network: Network,
    x: Any,
    timesteps: int,
    *,
    reset: Reset | None = None,
    v_init: float | np.ndarray | None = None,
    input: str | np.ndarray = "analog",
    seed: int | np.random.Generator | None = None,
    spikes: bool | Iterable[str | int] = (),
    potentials: bool | Iterable[str | int] = (),
    counts: bool | Iterable[str | int] = True,
    at: Iterable[int] = (),
    schedule: str = "layers",
    target: str = "numpy",
    memory: int = GIB,
) -> Record:
    """Run a spiking network on images in Brian2, and record the same as `snnlab.simulate`.

    Each layer becomes a group of neurons, all that lies between two layers becomes synapses, and
    arithmetic is in float64. Compare with `snnlab.simulate(..., dtype=torch.float64)`: where all
    sums are exact the spike trains are equal; else a neuron that reaches its threshold to within
    rounding may differ.

    Parameters
    ----------
    network : Network
        From `convert`; without max pooling.
    x, timesteps, reset, v_init, spikes, potentials, counts, at
        As in `snnlab.simulate`.
    input : {"analog", "poisson", "regular", "frames"} or array of 0 and 1, shape (T, B, ...)
        The image as a constant current; or as random spikes, the same that `snnlab.simulate` draws
        from `seed`; or as regular spikes; or `x` itself as the currents of each step, as in
        `snnlab.simulate`; or recorded trains as spikes, as `record.spikes("input")`.
    seed : int or numpy.random.Generator
        For "poisson".
    schedule : {"layers", "brian"}
        Within a step, one layer after the other fires, sends and resets: the converter's order. Or
        Brian2's own: all layers fire, then all send, then all reset, so that every layer lags a
        step behind, and a reset to zero wipes out what has just arrived.
    target : {"numpy", "cython"}
        What Brian2 makes of the equations. "cython" compiles for up to a minute at its first use;
        that pays for large networks and many images.
    memory : int
        Ceiling on the memory for synapses in bytes, and on the size of what is recorded.

    Returns
    -------
    Record

    Raises
    ------
    UnsupportedLayerError
        If the network holds a max pooling, or neurons that are signed or fire in bursts.
    ShapeError
        If the images do not fit the network, or the trains do not fit the images.
    OptionError
        If an option is outside its range.
    MemoryBudgetError
        If the synapses, or what is to be recorded, do not fit.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> net = convert(nn.ReLU(), [[1.0, 1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> simulate(net, [[0.25, 0.5]], timesteps=4).counts("relu").tolist()
    [[1, 2]]
    """
    checks.option(schedule, "schedule", SCHEDULES)
    options = RunOptions(
        timesteps=timesteps,
        reset=reset,
        v_init=v_init,
        input=input if isinstance(input, str) else "poisson",
        spikes=spikes,
        potentials=potentials,
        counts=counts,
        at=at,
        dtype=torch.float64,
        memory=memory,
    )
    network, images = options.apply(network, x)
    warn_of_other_steps(network, options.timesteps)
    x = torch.cat(list(images.split(_IMAGES, network.graph.dtype)))
    recorder = Recorder(network, len(x), options)
    recorder.put_images(x, 0)
    T, spiking, frames = options.timesteps, options.spiking_input, options.input == "frames"
    trains = _trains(input, x, T, seed) if spiking else repeat(None)
    with inference(network.graph, 1), isolated(target), progress_bar(len(x), "images") as progress:
        engine = BrianEngine(network, spiking, schedule, options.memory)
        for b, (image, train) in enumerate(zip(x, trains, strict=False)):
            shown = torch.zeros_like(image) if spiking else image
            shown = shown if frames else shown[None]
            currents = synapses.currents_at_rest(engine.graph, shown.cpu())
            steady = {name: current.flatten(1).numpy() for name, current in currents.items()}
            run = engine.run(steady, train, T, recorder.potentials)
            _write(recorder, run, image.cpu().numpy() if frames else train, network, b)
            progress.update()
    return dataclasses.replace(recorder.record(), labels=images.labels)


def _trains(input: Any, x: torch.Tensor, timesteps: int, seed: Any) -> Iterable[np.ndarray]:
    """Return the spike trains of image after image, shape (T, ...): drawn, or as recorded."""
    if isinstance(input, str):
        images = zip(x, train_seeds(len(x), seed), strict=True)
        sources = (coded_input(input, image[None], [own]) for image, own in images)
        return (source.step(timesteps)[:, 0].cpu().numpy() for source in sources)
    trains, expected = np.asarray(input), (timesteps, *x.shape)
    if trains.shape != expected:
        raise ShapeError(
            f"input: found {type(input).__name__} of shape {trains.shape}, expected 'analog', "
            f"'poisson', or trains of shape {expected}, (T, B, ...). Pass record.spikes('input') "
            f"of the same images and steps."
        )
    if not np.isin(trains, (0, 1)).all():
        other = trains[~np.isin(trains, (0, 1))].flat[0]
        raise ShapeError(
            f"input: trains hold {other:g}, expected 0 or 1 everywhere. To let pixels spike at "
            f"random write input='poisson'."
        )
    return trains.astype(np.uint8).swapaxes(0, 1)


def _write(
    recorder: Recorder, run: Run, shown: np.ndarray | None, network: Network, b: int
) -> None:
    """Put the run of image `b`, which was `shown` as trains or frames, into the record."""
    T, stops = recorder.options.timesteps, recorder.options.recorded_steps
    for name, (steps, neurons) in run.spikes.items():
        shape = network.shape(name)
        size = int(np.prod(shape))
        for stop in stops:
            count = np.bincount(neurons[steps < stop], minlength=size)
            recorder.put_sums(stop, b, {name: count.reshape(1, *shape)})
        if name in recorder.spikes:
            trains = np.zeros((T, size), np.uint8)
            trains[steps, neurons] = 1
            recorder.put(recorder.spikes, name, trains.reshape(T, 1, *shape), 0, b)
        if name in run.potentials:
            potentials = run.potentials[name].reshape(T, 1, *shape)
            recorder.put(recorder.potentials, name, potentials, 0, b)
    if shown is not None:
        recorder.put(recorder.spikes, "input", shown[:, None], 0, b)
        for stop in stops:
            recorder.put_sums(stop, b, {"input": shown[None, :stop].sum(1, dtype=np.float64)})
    outputs = network.graph.nodes[-1].meta["shape"]
    sums = run.potentials["output"].reshape(T, 1, *outputs)
    recorder.put(recorder.outputs, "output", sums, 0, b)
