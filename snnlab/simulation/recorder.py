"""The arrays of a Record while a simulation fills them."""

from types import MappingProxyType

import numpy as np
import torch

from snnlab import _checks
from snnlab.exceptions import MemoryBudgetError
from snnlab.network import Network
from snnlab.simulation.options import GIB, RunOptions
from snnlab.simulation.record import Arrays, Record

# Shape and type of an array by layer.
Plan = dict[str, tuple[tuple[int, ...], np.dtype]]


class Recorder:
    """The arrays of a Record, filled block by block; B images and T steps in all.

    The network is the one that runs, with the settings of the run.

    Attributes
    ----------
    outputs : dict from "output" to array, shape (T, B, ...)
        Accumulated output.
    spikes, potentials : dict from layer to array, shape (T, B, ...)
        Of the layers that are recorded.
    counts, pooled : dict from step to (dict from layer to array, shape (B, ...))
        Spike counts, and what gates have passed on, after each recorded step.

    Raises
    ------
    OptionError
        If a layer to be recorded is unknown.
    MemoryBudgetError
        If the arrays are larger than `options.memory`.
    """

    def __init__(self, network: Network, images: int, options: RunOptions):
        self.network, self.options = network, options
        graph, T, layers = network.graph, options.timesteps, network.layers
        real = torch.empty(0, dtype=graph.dtype).numpy().dtype
        shapes = {name: (images, *node.meta["shape"]) for name, node in graph.layers.items()}
        trains = layers
        if options.spiking_input:
            shapes = {"input": (images, *graph.input_shape)} | shapes
            trains = [*layers, "input"]
        spikes = _checks.layers(options.spikes, trains, "spikes")
        potentials = _checks.layers(options.potentials, layers, "potentials")
        gates = graph.pools if network.max_pool != "exact" else {}
        plans: dict[str, Plan] = {
            "outputs": {"output": ((T, images, *graph.nodes[-1].meta["shape"]), real)},
            "spikes": {name: ((T, *shapes[name]), np.dtype(np.uint8)) for name in spikes},
            "potentials": {name: ((T, *shapes[name]), real) for name in potentials},
        }
        counts: dict[int, Plan] = {
            t: {name: (shape, np.min_scalar_type(t)) for name, shape in shapes.items()}
            for t in options.recorded_steps
        }
        pooled: dict[int, Plan] = {
            t: {name: ((images, *node.meta["shape"]), real) for name, node in gates.items()}
            for t in options.recorded_steps
        }
        plans |= {f"counts after {t} steps": plan for t, plan in counts.items()}
        plans |= {f"pooled sums after {t} steps": plan for t, plan in pooled.items()}
        _refuse_too_large(plans, options.memory)
        self.outputs = _empty(plans["outputs"])
        self.spikes, self.potentials = _empty(plans["spikes"]), _empty(plans["potentials"])
        self.counts = {t: _empty(plan) for t, plan in counts.items()}
        self.pooled = {t: _empty(plan) for t, plan in pooled.items()}
        # The max poolings that are gates in time; others read a constant, or are not read.
        self.gates: set[str] = set()

    def put_sums(
        self, step: int, first: int, counts: Arrays, pooled: Arrays = MappingProxyType({})
    ) -> None:
        """Keep spike counts and the sums of gates, shape (b, ...), from image `first` on."""
        self.gates |= set(pooled)
        for arrays, sums in ((self.counts[step], counts), (self.pooled[step], pooled)):
            for layer, block in sums.items():
                arrays[layer][first : first + len(block)] = block

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
            recorded_spikes=self.spikes,
            recorded_potentials=self.potentials,
            head=self.network.graph.softmax,
        )


def put(array: np.ndarray, block: np.ndarray, begin: int, first: int) -> None:
    """Keep a block, shape (t, b, ...), from step `begin` and image `first` on."""
    t, b = block.shape[:2]
    array[begin : begin + t, first : first + b] = block


def _empty(plan: Plan) -> dict[str, np.ndarray]:
    return {name: np.empty(shape, kind) for name, (shape, kind) in plan.items()}


def _refuse_too_large(plans: dict[str, Plan], memory: int) -> None:
    sizes = {
        (what, layer): int(np.prod(shape, dtype=float)) * kind.itemsize
        for what, plan in plans.items()
        for layer, (shape, kind) in plan.items()
    }
    total = sum(sizes.values())
    if total > memory:
        what, layer = max(sizes, key=lambda key: sizes[key])
        raise MemoryBudgetError(
            f"simulate: recording needs {total / GIB:.3g} GiB, most of it "
            f"({sizes[what, layer] / GIB:.3g} GiB) for the {what} of {layer!r}; memory allows "
            f"{memory / GIB:.3g} GiB. Record fewer layers, images or steps, or allow "
            f"memory={total}."
        )
