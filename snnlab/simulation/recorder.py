"""The arrays of a Record while a simulation fills them."""

from types import MappingProxyType

import numpy as np
import torch

from snnlab import _text
from snnlab._arguments import checks
from snnlab._arguments.images import checksums
from snnlab.dynamics.neuron import Neuron
from snnlab.exceptions import MemoryBudgetError
from snnlab.network import Network
from snnlab.simulation.options import RunOptions
from snnlab.simulation.record import Arrays, Record

# Shape and type of an array by layer.
Plan = dict[str, tuple[tuple[int, ...], np.dtype]]


# What to do if the largest array is one of these.
_SMALLER = {
    "outputs": "Simulate fewer images at a time, or fewer steps",
    "spikes": "Record the spikes of fewer layers, or of fewer images",
    "potentials": "Record the potentials of fewer layers, or of fewer images",
    "counts": "If the outputs are enough, write counts=False; else name the layers that are "
    "needed, as counts=['...'], simulate fewer images at a time",
    "pooled": "If the outputs are enough, write counts=False; else simulate fewer images at a time",
}


class Recorder:
    """The arrays of a Record, filled block by block; B images and T steps in all.

    The network is the one that runs, with the settings of the run. If other recorders take other
    images, `first` is the number of those before, and `taken` the bytes of their arrays.

    Attributes
    ----------
    outputs : dict from "output" to array, shape (T, B, ...)
        Accumulated output.
    spikes, potentials : dict from layer to array, shape (T, B, ...)
        Of the layers that are recorded.
    counts, crossings, pooled : dict from step to (dict from layer to array, shape (B, ...))
        Spike counts, of signed neurons also how many spikes that took, and what gates have passed
        on, after each recorded step.
    size : int
        Bytes of all of them.

    Raises
    ------
    OptionError
        If a layer to be recorded is unknown.
    MemoryBudgetError
        If the arrays are larger than `options.memory`.
    """

    def __init__(
        self,
        network: Network,
        images: int,
        options: RunOptions,
        first: int | None = None,
        taken: int = 0,
    ):
        self.network, self.options, self.first = network, options, first or 0
        graph, T, layers = network.graph, options.timesteps, network.layers
        real = torch.empty(0, dtype=graph.dtype).numpy().dtype
        shapes = {name: (images, *node.meta["shape"]) for name, node in graph.layers.items()}
        steps, neurons = options.recorded_steps, network.neurons
        summed = layers
        if options.input != "analog":
            shapes = {"input": (images, *graph.input_shape)} | shapes
            summed = [*layers, "input"]
        trains = [*layers, "input"] if options.spiking_input else layers
        spikes = checks.layers(options.spikes, trains, "spikes")
        wanted = checks.layers(options.counts, summed, "counts")
        counted = [name for name in shapes if name in wanted]
        potentials = checks.layers(options.potentials, layers, "potentials")
        gates = graph.pools if network.max_pool != "exact" and counted else {}
        plans: dict[str, Plan] = {
            "outputs": {"output": ((T, images, *graph.nodes[-1].meta["shape"]), real)},
            "spikes": {name: ((T, *shapes[name]), _whole(neurons.get(name), 1)) for name in spikes},
            "potentials": {name: ((T, *shapes[name]), real) for name in potentials},
        }
        counts: dict[int, Plan] = {
            t: {name: (shapes[name], _whole(neurons.get(name), t)) for name in counted}
            for t in steps
        }
        if options.input == "frames" and "input" in counted:
            for plan in counts.values():  # frames are any numbers, and so are their sums
                plan["input"] = shapes["input"], real
        signed = [name for name in counted if name in neurons and neurons[name].signed]
        crossings: dict[int, Plan] = {
            t: {name: (shapes[name], _whole(neurons[name], t)) for name in signed} for t in steps
        }
        pooled: dict[int, Plan] = {
            t: {name: ((images, *node.meta["shape"]), real) for name, node in gates.items()}
            for t in steps
        }
        plans |= {f"counts after {t} steps": plan for t, plan in counts.items()}
        plans |= {f"counts of spikes sent after {t} steps": p for t, p in crossings.items()}
        plans |= {f"pooled sums after {t} steps": plan for t, plan in pooled.items()}
        self.size = _size(plans, options.memory, images, first, taken)
        self.checksums = np.zeros(images, np.uint32)
        self.outputs = _empty(plans["outputs"])
        self.spikes, self.potentials = _empty(plans["spikes"]), _empty(plans["potentials"])
        self.counts = {t: _empty(plan) for t, plan in counts.items()}
        self.crossings = {t: _empty(plan) for t, plan in crossings.items()}
        self.pooled = {t: _empty(plan) for t, plan in pooled.items()}
        # The max poolings that are gates in time; others read a constant, or are not read.
        self.gates: set[str] = set()

    def put_sums(
        self,
        step: int,
        first: int,
        counts: Arrays,
        pooled: Arrays = MappingProxyType({}),
        crossings: Arrays = MappingProxyType({}),
    ) -> None:
        """Keep spike counts and the sums of gates, shape (b, ...), from image `first` on."""
        self.gates |= set(pooled)
        first -= self.first
        kept = self.counts[step], self.pooled[step], self.crossings[step]
        for arrays, sums in zip(kept, (counts, pooled, crossings), strict=True):
            for layer, block in sums.items():
                if layer in arrays:
                    arrays[layer][first : first + len(block)] = block

    def put(self, arrays: Arrays, layer: str, block: np.ndarray, begin: int, first: int) -> None:
        """Keep a block, shape (t, b, ...), from step `begin` and image `first` on, if wanted."""
        if layer in arrays:
            t, b = block.shape[:2]
            first -= self.first
            arrays[layer][begin : begin + t, first : first + b] = block

    def put_images(self, images: torch.Tensor, first: int) -> None:
        """Note which images are simulated."""
        first -= self.first
        self.checksums[first : first + len(images)] = checksums(images)

    def record(self) -> Record:
        """Return what was kept."""
        T = self.options.timesteps
        pooled = {
            step: {layer: sums for layer, sums in arrays.items() if layer in self.gates}
            for step, arrays in self.pooled.items()
        }
        return Record(
            timesteps=T,
            neurons=dict(self.network.neurons),
            fingerprint=self.network.graph.fingerprint,
            input=self.options.input,
            totals=self.counts[T],
            output_sums=self.outputs["output"],
            at={step: self.counts[step] for step in self.options.at},
            pooled={step: sums for step, sums in pooled.items() if sums},
            crossings={step: sums for step, sums in self.crossings.items() if sums},
            recorded_spikes=self.spikes,
            recorded_potentials=self.potentials,
            checksums=self.checksums,
            head=self.network.graph.head,
        )


def _whole(neuron: Neuron | None, steps: int) -> np.dtype:
    """Return the smallest type for what neurons send in so many steps; pixels have no neuron."""
    most = steps * (1 if neuron is None else neuron.max_spikes)
    return np.min_scalar_type(-most - 1 if neuron is not None and neuron.signed else most)


def _empty(plan: Plan) -> dict[str, np.ndarray]:
    return {name: np.empty(shape, kind) for name, (shape, kind) in plan.items()}


def _size(plans: dict[str, Plan], memory: int, images: int, first: int | None, taken: int) -> int:
    """Return the bytes of all arrays; refuse them if they do not fit."""
    sizes = {
        (what, layer): int(np.prod(shape, dtype=float)) * kind.itemsize
        for what, plan in plans.items()
        for layer, (shape, kind) in plan.items()
    }
    size = sum(sizes.values())
    if taken + size > memory:
        what, layer = max(sizes, key=lambda key: sizes[key])
        share = sizes[what, layer] / size
        so_far = "" if first is None else f"of the first {first + images:,} images "
        raise MemoryBudgetError(
            f"simulate: recording {so_far}needs {_text.size(taken + size)}, {share:.0%} of it "
            f"for the {what} of {layer!r}; memory allows {_text.size(memory)}. "
            f"{_SMALLER[what.split()[0]]}, or allow memory={taken + size}."
        )
    return size
