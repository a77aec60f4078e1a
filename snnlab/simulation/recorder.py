"""The arrays of a Record while a simulation fills them."""

from typing import Any

import numpy as np
import torch

from snnlab.exceptions import MemoryBudgetError
from snnlab.network import Network
from snnlab.simulation.record import Record

GIB = 2**30


class Recorder:
    """The arrays of a Record, filled block by block."""

    def __init__(
        self,
        network: Network,
        images: int,
        timesteps: int,
        *,
        stops: list[int],
        spikes: list[str],
        potentials: list[str],
        input: str,
    ):
        graph = network.graph
        self.network, self.timesteps, self.input = network, timesteps, input
        self.stops = sorted({*stops, timesteps})
        self.kept = stops
        # The max poolings that are gates in time; others read a constant, or nobody reads them.
        self.gates: set[str] = set()
        shapes = {name: node.meta["shape"] for name, node in graph.layers.items()}
        if self.spiking_input:
            shapes = {"input": graph.input_shape} | shapes
        real = torch.empty(0, dtype=graph.dtype).numpy().dtype
        # The keys are (array, layer), the values (shape, type).
        self.plan: dict[tuple[Any, str], tuple[tuple[int, ...], np.dtype]] = {
            ("outputs", ""): ((timesteps, images, *graph.nodes[-1].meta["shape"]), real)
        }
        for name, shape in shapes.items():
            for stop in self.stops:
                self.plan[stop, name] = ((images, *shape), np.min_scalar_type(stop))
            if name in spikes:
                self.plan["spikes", name] = ((timesteps, images, *shape), np.dtype(np.uint8))
            if name in potentials:
                self.plan["potentials", name] = ((timesteps, images, *shape), real)

        for name, node in graph.pools.items() if network.max_pool != "exact" else ():
            for stop in self.stops:
                self.plan[("pooled", stop), name] = ((images, *node.meta["shape"]), real)

    @property
    def spiking_input(self) -> bool:
        """Whether the pixels spike."""
        return self.input != "analog"

    def allocate(self, memory: int) -> None:
        """Make the arrays, or refuse with the figure if they are larger than `memory`."""
        sizes = {
            key: int(np.prod(s, dtype=float)) * t.itemsize for key, (s, t) in self.plan.items()
        }
        if sum(sizes.values()) > memory:
            largest = max(sizes, key=lambda key: sizes[key])
            what = " of layer ".join(repr(part) for part in largest if part != "")
            raise MemoryBudgetError(
                f"simulate: recording needs {sum(sizes.values()) / GIB:.3g} GiB, most of it "
                f"({sizes[largest] / GIB:.3g} GiB) for {what}; memory allows {memory / GIB:.3g} "
                f"GiB. Record fewer layers, images or steps, or allow memory="
                f"{sum(sizes.values())}."
            )
        self.arrays = {key: np.empty(shape, kind) for key, (shape, kind) in self.plan.items()}

    def wants(self, name: str, *what: str) -> bool:
        """Tell whether "spikes" or "potentials" of a layer are to be recorded, one of `what`."""
        return any((kind, name) in self.plan for kind in what)

    def _put(self, key: tuple, block: np.ndarray, begin: int, first: int) -> None:
        if key in self.plan:
            t, b = block.shape[:2]
            self.arrays[key][begin : begin + t, first : first + b] = block

    def spikes(self, name: str, block: np.ndarray, begin: int, first: int) -> None:
        """Keep a block of trains, shape (t, b, ...), from step `begin` and image `first` on."""
        self._put(("spikes", name), block, begin, first)

    def potentials(self, name: str, block: np.ndarray, begin: int, first: int) -> None:
        """Keep a block of potentials, likewise."""
        self._put(("potentials", name), block, begin, first)

    def outputs(self, block: np.ndarray, begin: int, first: int) -> None:
        """Keep a block of accumulated outputs, likewise."""
        self._put(("outputs", ""), block, begin, first)

    def counts(self, layers: dict[str, np.ndarray], step: int, first: int) -> None:
        """Keep the spike counts of all layers, shape (b, ...), after `step` steps."""
        for name, block in layers.items():
            self.arrays[step, name][first : first + len(block)] = block

    def pooled(self, layers: dict[str, np.ndarray], step: int, first: int) -> None:
        """Keep what gates have passed on, shape (b, ...), after `step` steps."""
        self.gates |= set(layers)
        for name, block in layers.items():
            self.arrays[("pooled", step), name][first : first + len(block)] = block

    def _of_gates(self, step: int) -> dict[str, np.ndarray]:
        kept = {n: a for (kind, n), a in self.arrays.items() if kind == ("pooled", step)}
        return {name: array for name, array in kept.items() if name in self.gates}

    def record(self, fingerprint: str) -> Record:
        """Return what was kept."""

        def of(what: Any) -> dict[str, np.ndarray]:
            return {name: a for (kind, name), a in self.arrays.items() if kind == what}

        return Record(
            timesteps=self.timesteps,
            neurons=dict(self.network.neurons),
            fingerprint=fingerprint,
            input=self.input,
            totals=of(self.timesteps),
            output_sums=self.arrays["outputs", ""],
            at={step: of(step) for step in self.kept},
            pooled={step: gates for step in self.stops if (gates := self._of_gates(step))},
            recorded_spikes=of("spikes"),
            recorded_potentials=of("potentials"),
        )
