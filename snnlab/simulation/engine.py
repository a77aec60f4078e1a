"""One run of a network, in blocks of images and of steps.

Within a block the network is walked layer by layer, with time folded into the batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import fx

from snnlab.dynamics.input_coding import PoissonInput, RegularInput
from snnlab.dynamics.layer import IFLayer
from snnlab.dynamics.pooling import ExactMaxPool, GatedMaxPool, max_pool
from snnlab.exceptions import MemoryBudgetError
from snnlab.graph.canonical import apply, source_of
from snnlab.graph.evaluation import full_precision, last_uses, peak_live_size, size
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.progress import Progress
from snnlab.simulation.recorder import GIB, Recorder

# The largest value of a block takes about this much; caches are used best so.
_BLOCK_BYTES = 4 * 2**20
# With many images this many steps go together.
_BLOCK_STEPS = 8


@dataclass(frozen=True)
class Blocks:
    """How many images and how many steps are worked on together."""

    images: int
    steps: int


def run(
    network: Network,
    x: torch.Tensor,
    recorder: Recorder,
    memory: int,
    *,
    seeds: Sequence[int | None] | None = None,
    overridden: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Simulate all images, and fill the recorder.

    Parameters
    ----------
    network : Network
    x : torch.Tensor, shape (B, ...)
    recorder : Recorder
    memory : int
        Ceiling on the working memory in bytes.
    seeds : sequence of int, length B, optional
        Of the images' Poisson trains.
    overridden : mapping from layer name to tensor, shape (B, ...), optional
        What these layers pass on at every step, in place of spikes. What nobody reads then is not
        simulated, nor recorded.
    """
    engine = Engine(network, recorder.input, overridden)
    timesteps, count = recorder.timesteps, len(x)
    blocks = engine.blocks(count, timesteps, memory)
    seeds = [None] * count if seeds is None else seeds
    with full_precision(), Progress(count * timesteps, "image steps") as progress:
        for first in range(0, count, blocks.images):
            chosen = slice(first, first + blocks.images)
            engine.start(x[chosen].to(network.graph.device), seeds[chosen])
            for begin, end in _spans(timesteps, blocks.steps, recorder.stops):
                engine.advance(begin, end, recorder, first)
                progress.add(engine.images * (end - begin))


def _spans(timesteps: int, block: int, stops: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the steps block by block, so that a block ends at each stop.

    >>> list(_spans(10, 4, [5]))
    [(0, 4), (4, 5), (5, 9), (9, 10)]
    """
    begin = 0
    while begin < timesteps:
        end = min([begin + block, timesteps, *(stop for stop in stops if stop > begin)])
        yield begin, end
        begin = end


class Engine:
    """One simulation: which nodes move, and the states of a block of images."""

    def __init__(
        self, network: Network, input: str, overridden: Mapping[str, torch.Tensor] | None = None
    ):
        self.coding = input
        self.network, self.graph, self.overridden = network, network.graph, overridden or {}
        self.read = self._read() if self.overridden else set(self.graph.nodes)
        self.moving: set[fx.Node] = set()
        for node in self.graph.nodes:
            if node not in self.read:
                continue
            kind = node.meta["kind"]
            starts = kind is Kind.RELU or (kind is Kind.INPUT and input != "analog")
            if starts or any(source in self.moving for source in node.all_input_nodes):
                self.moving.add(node)
        self.released = last_uses(self.graph)

    def _read(self) -> set[fx.Node]:
        """Return the nodes that the output depends on when some layers are overridden."""
        read, open_nodes = set(), [self.graph.nodes[-1]]
        while open_nodes:
            node = open_nodes.pop()
            if node not in read:
                read.add(node)
                open_nodes += [] if self._overrides(node) else node.all_input_nodes
        return read

    def _overrides(self, node: fx.Node) -> bool:
        return node.meta["kind"] is Kind.RELU and node.meta["layer"] in self.overridden

    def blocks(self, images: int, timesteps: int, memory: int) -> Blocks:
        """Return how many images and how many steps go together."""
        item = torch.finfo(self.graph.dtype).bits // 8
        moving = [node for node in self.graph.nodes if node in self.moving]
        largest = max(size(node) for node in moving) * item
        # A block in flight: what is alive at once, and as much again for torch's own work space.
        flight = 2 * peak_live_size(moving, self.released) * item
        # Carried along for each image: potentials, counts, and what does not change in time.
        carried = item * (3 * sum(size(node) for node in self.graph.nodes if node.op != "get_attr"))
        if flight + carried > memory:
            raise MemoryBudgetError(
                f"simulate: one image and one step need {(flight + carried) / GIB:.3g} GiB, memory "
                f"allows {memory / GIB:.3g} GiB. Allow more, as memory={flight + carried}."
            )
        fitting = max(1, _BLOCK_BYTES // largest)
        steps = min(timesteps, max(_BLOCK_STEPS, fitting // images))
        steps = min(steps, max(1, (memory - carried) // flight))
        together = max(1, min(images, fitting // steps))
        return Blocks(max(1, min(together, memory // (flight * steps + carried))), steps)

    def start(self, images: torch.Tensor, seeds: Sequence[int | None]) -> None:
        """Evaluate what does not change in time, and set the neurons to their initial state.

        `seeds` holds a seed for the Poisson train of each image, else None.
        """
        self.images = len(images)
        self.input = self._trains(images, seeds)
        self.constants: dict[fx.Node, torch.Tensor] = {}
        self.neurons: dict[fx.Node, IFLayer] = {}
        self.pools: dict[fx.Node, ExactMaxPool | GatedMaxPool] = {}
        self.sum: torch.Tensor | float = 0.0
        for node in self.graph.nodes:
            if node in self.moving or node not in self.read:
                continue
            kind = node.meta["kind"]
            value = images if kind is Kind.INPUT else apply(node, self.graph.module, self.constants)
            self.constants[node] = value
            for done in self.released.get(node, ()):
                # A node that moves may have read it before, and needs it at every step.
                if not any(reader in self.moving for reader in done.users):
                    del self.constants[done]

    def _trains(
        self, images: torch.Tensor, seeds: Sequence[int | None]
    ) -> PoissonInput | RegularInput | None:
        if self.coding == "poisson":
            return PoissonInput(images, [seed for seed in seeds if seed is not None])
        return RegularInput(images) if self.coding == "regular" else None

    def advance(self, begin: int, end: int, recorder: Recorder, first: int) -> None:
        """Run the steps from `begin` to `end` through the whole network, layer by layer."""
        steps = end - begin
        values: dict[fx.Node, torch.Tensor] = {}
        for node in self.graph.nodes:
            if node not in self.moving:
                continue
            kind = node.meta["kind"]
            if kind is Kind.INPUT and self.input is not None:
                trains = self.input.step(steps)
                recorder.spikes("input", trains.cpu().numpy(), begin, first)
                values[node] = trains.flatten(0, 1).to(self.graph.dtype)
            elif self._overrides(node):
                overridden = self.overridden[node.meta["layer"]][first : first + self.images]
                values[node] = overridden.repeat(steps, *[1] * (overridden.ndim - 1))
            elif kind is Kind.RELU:
                values[node] = self._fire(node, values, steps, recorder, begin, first)
            elif kind is Kind.MAX_POOL:
                values[node] = self._pool(node, values[source_of(node)], steps)
            else:
                values[node] = apply(node, self.graph.module, self._repeated(node, values, steps))
            if kind is Kind.OUTPUT:
                recorder.outputs(self._accumulate(values[node], steps).cpu().numpy(), begin, first)
            for done in self.released.get(node, ()):
                values.pop(done, None)
        if end in recorder.stops:
            counts = {
                node.meta["layer"]: state.counts.cpu().numpy()
                for node, state in self.neurons.items()
            }
            if self.input is not None:
                counts["input"] = self.input.counts.cpu().numpy()
            recorder.counts(counts, end, first)
            pooled = {
                node.meta["layer"]: torch.as_tensor(state.sum).cpu().numpy()
                for node, state in self.pools.items()
                if isinstance(state, GatedMaxPool)
            }
            recorder.pooled(pooled, end, first)

    def _repeated(self, node: fx.Node, values: dict, steps: int) -> dict:
        """Return the inputs of a node, with what is constant in time repeated for each step."""
        inputs = {}
        for source in node.all_input_nodes:
            value = self._value(source, values)
            if source not in self.moving and source.meta["shape"] is not None:
                value = value.repeat(steps, *[1] * (value.ndim - 1))
            inputs[source] = value
        return inputs

    def _value(self, node: fx.Node, values: dict[fx.Node, torch.Tensor]) -> torch.Tensor:
        return values[node] if node in values else self.constants[node]

    def _fire(
        self,
        node: fx.Node,
        values: dict[fx.Node, torch.Tensor],
        steps: int,
        recorder: Recorder,
        begin: int,
        first: int,
    ) -> torch.Tensor:
        source, name = source_of(node), node.meta["layer"]
        current = self._value(source, values)
        if node not in self.neurons:
            self.neurons[node] = IFLayer(self.network.neurons[name], self.images, current)
        emitted, trains, potentials = self.neurons[node].step(
            current,
            steps,
            self._may_overwrite(source, node, current, values),
            recorder.wants(name, "spikes", "potentials"),
        )
        if trains is not None and potentials is not None:
            recorder.spikes(name, trains.cpu().numpy(), begin, first)
            recorder.potentials(name, potentials.cpu().numpy(), begin, first)
        return emitted

    def _may_overwrite(
        self, source: fx.Node, node: fx.Node, current: torch.Tensor, values: dict
    ) -> bool:
        """Tell whether nobody else reads the memory of a current, directly or through a view."""
        if source not in self.moving or source not in self.released.get(node, ()):
            return False
        memory = current.untyped_storage().data_ptr()
        others = (v for n, v in (*values.items(), *self.constants.items()) if n is not source)
        tensors = (t for v in others for t in (v if isinstance(v, (tuple, list)) else (v,)))
        return all(t.untyped_storage().data_ptr() != memory for t in tensors)

    def _pool(self, node: fx.Node, x: torch.Tensor, steps: int) -> torch.Tensor:
        if node not in self.pools:
            self.pools[node] = max_pool(node, self.graph, self.network.max_pool)
        return self.pools[node].step(x, steps)

    def _accumulate(self, output: torch.Tensor, steps: int) -> torch.Tensor:
        """Return the accumulated output after each step, in float64, shape (t, b, ...)."""
        sums = output.unflatten(0, (steps, -1)).double().cumsum(0).add_(self.sum)
        self.sum = sums[-1]
        return sums
