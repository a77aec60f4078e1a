"""One run of a network, in blocks of images and of steps.

Within a block the network is walked layer by layer, with time folded into the batch.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import fx

from snnlab import _text
from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.dynamics.exact import AnalogReLU
from snnlab.dynamics.input_coding import coded_input
from snnlab.dynamics.layer import IFLayer
from snnlab.dynamics.pooling import GatedMaxPool, max_pool
from snnlab.dynamics.start import Start
from snnlab.dynamics.stepping import Stepping
from snnlab.exceptions import MemoryBudgetError
from snnlab.graph.canonical import apply, source_of
from snnlab.graph.evaluation import cap, inference, last_uses, peak_live_size, size
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.options import RunOptions, train_seeds
from snnlab.simulation.progress import progress_bar
from snnlab.simulation.record import Record
from snnlab.simulation.recorder import Recorder
from snnlab.simulation.starts import starts

# The largest value of a block takes about this much; caches are used best so.
_BLOCK_BYTES = 4 * 2**20
# With many images this many steps go together.
_BLOCK_STEPS = 8

Values = dict[fx.Node, torch.Tensor]


@dataclass(frozen=True)
class Blocks:
    """How many images and how many steps are worked on together."""

    images: int
    steps: int


def run(
    network: Network,
    x: Images,
    options: RunOptions,
    overridden: Mapping[str, torch.Tensor] | None = None,
) -> Record:
    """Simulate all images and return what is recorded.

    What the layers in `overridden` pass on at every step, shape (B, ...), takes the place of their
    spikes. What is not read then is neither simulated nor recorded.
    """
    graph, T = network.graph, options.timesteps
    engine = Engine(network, options.input, overridden, starts(options.start, network, x.count))
    count = x.count
    if count is None:
        count = x.count_up_to(engine.blocks(None, T, options.memory).images)
    blocks = engine.blocks(count, T, options.memory)
    generator = checks.generator(options.seed) if options.input == "poisson" else None
    whole = None if count is None else Recorder(network, count, options)
    records: list[Record] = []
    first = taken = 0
    with progress_bar(None if count is None else count * T, "image steps") as progress:
        # The user's own code, which reads the images, runs outside of `inference`.
        for images in x.split(blocks.images, graph.dtype):
            recorder = whole or Recorder(network, len(images), options, first, taken)
            recorder.put_images(images, first)
            seeds = [] if generator is None else train_seeds(len(images), generator)
            with inference(graph, blocks.images * blocks.steps):
                engine.start(images.to(graph.device), seeds, recorder, first)
                for begin, end in _spans(T, blocks.steps, options.recorded_steps):
                    engine.advance(begin, end)
                    progress.update(len(images) * (end - begin))
            first += len(images)
            if recorder is not whole:
                taken += recorder.size
                records.append(recorder.record())
    record = Record.join(records) if whole is None else whole.record()
    return record if x.labels is None else dataclasses.replace(record, labels=x.labels)


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
        self,
        network: Network,
        input: str,
        overridden: Mapping[str, torch.Tensor] | None = None,
        started: Mapping[str, Start] | None = None,
    ):
        self.coding, self.started = input, started or {}
        self.network, self.graph, self.overridden = network, network.graph, overridden or {}
        self.read = self._read() if self.overridden else set(self.graph.nodes)
        self.moving: set[fx.Node] = set()
        for node in self.graph.nodes:
            if node not in self.read:
                continue
            kind = node.meta["kind"]
            starts = kind is Kind.RELU or (kind is Kind.INPUT and self.coding != "analog")
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

    def blocks(self, images: int | None, timesteps: int, memory: int) -> Blocks:
        """Return how many images and how many steps go together; None stands for many images."""
        item = torch.finfo(self.graph.dtype).bits // 8
        moving = [node for node in self.graph.nodes if node in self.moving]
        largest = max(size(node) for node in moving) * item
        # A block in flight: what is alive at once, and as much again for torch's own work space.
        flight = 2 * peak_live_size(moving, self.released) * item
        # Carried along for each image: potentials, counts, and what does not change in time.
        carried = 3 * sum(size(node) for node in self.graph.nodes if node.op != "get_attr")
        if self.coding == "frames":
            carried += timesteps * size(self.graph.nodes[0])
        carried *= item
        if flight + carried > memory:
            raise MemoryBudgetError(
                f"simulate: one image and one step need {_text.size(flight + carried)}, memory "
                f"allows {_text.size(memory)}. Allow more, as memory={flight + carried}."
            )
        fitting = max(1, _BLOCK_BYTES // largest)

        def block(steps: int) -> Blocks:
            steps = min(timesteps, steps, max(1, (memory - carried) // flight))
            together = min(fitting // steps, memory // (flight * steps + carried))
            return Blocks(max(1, together), steps)

        full = block(_BLOCK_STEPS)
        if images is None or images > full.images:
            return full
        few = block(max(_BLOCK_STEPS, fitting // images))
        return Blocks(min(images, few.images), few.steps)

    def start(
        self, images: torch.Tensor, seeds: Sequence[int], recorder: Recorder, first: int
    ) -> None:
        """Evaluate what does not change in time, and set all states to their beginning.

        The images are recorded from number `first` on; `seeds` are those of their Poisson trains.
        """
        self.images, self.first, self.recorder = len(images), first, recorder
        if self.coding != "analog":
            self.input = coded_input(self.coding, images, seeds)
        self.constants: Values = {}
        self.states: dict[fx.Node, Stepping] = {}
        self.sum = torch.zeros(())
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

    def advance(self, begin: int, end: int) -> None:
        """Run the steps from `begin` to `end` through the whole network, layer by layer."""
        steps = end - begin
        values: Values = {}
        for node in self.graph.nodes:
            if node not in self.moving:
                continue
            kind = node.meta["kind"]
            if kind is Kind.INPUT:
                values[node] = self._encode(begin, steps)
            elif self._overrides(node):
                here = slice(self.first, self.first + self.images)
                values[node] = _repeated(self.overridden[node.meta["layer"]][here], steps)
            elif kind in (Kind.RELU, Kind.MAX_POOL, Kind.RECTIFIER):
                values[node] = self._step(node, values, begin, steps)
            else:
                values[node] = apply(node, self.graph.module, self._inputs(node, values, steps))
            if kind is Kind.OUTPUT:
                sums = self._accumulate(values[node], steps)
                self._put(self.recorder.outputs, "output", sums, begin)
            for done in self.released.get(node, ()):
                values.pop(done, None)
        if end in self.recorder.options.recorded_steps:
            self._put_sums(end)

    def _encode(self, begin: int, steps: int) -> torch.Tensor:
        """Return the spikes of the pixels, or the frames, shape (t·b, ...)."""
        trains = self.input.step(steps)
        self._put(self.recorder.spikes, "input", trains, begin)
        flat = trains.flatten(0, 1)
        # Neurons may write into what they receive, and frames are the caller's.
        return flat.clone() if self.coding == "frames" else flat

    def _step(self, node: fx.Node, values: Values, begin: int, steps: int) -> torch.Tensor:
        """Return what neurons, a max pooling or the ReLU of a shortcut make of a block."""
        source, name = source_of(node), node.meta["layer"]
        x = self._value(source, values)
        if node not in self.states:
            self.states[node] = self._new_state(node, x)
        state = self.states[node]
        output = state.step(x, steps, self._may_overwrite(source, node, x, values))
        if isinstance(state, IFLayer):
            self._put(self.recorder.spikes, name, state.trains, begin)
            self._put(self.recorder.potentials, name, state.potentials, begin)
        return output

    def _new_state(self, node: fx.Node, x: torch.Tensor) -> Stepping:
        name = node.meta["layer"]
        if node.meta["kind"] is Kind.MAX_POOL:
            return max_pool(node, self.graph, self.network.max_pool)
        if node.meta["kind"] is Kind.RECTIFIER:
            return AnalogReLU(cap(node))
        record = name in self.recorder.spikes or name in self.recorder.potentials
        start = self.started.get(name)
        if start is not None:
            start = start.of_images(slice(self.first, self.first + self.images))
        return IFLayer(self.network.neurons[name], self.images, x, record, start)

    def _inputs(self, node: fx.Node, values: Values, steps: int) -> Values:
        """Return the inputs of a node, with what is constant in time repeated for each step."""
        return {
            source: self._value(source, values)
            if source in self.moving or source.meta["shape"] is None
            else _repeated(self._value(source, values), steps)
            for source in node.all_input_nodes
        }

    def _value(self, node: fx.Node, values: Values) -> torch.Tensor:
        return values[node] if node in values else self.constants[node]

    def _may_overwrite(
        self, source: fx.Node, node: fx.Node, x: torch.Tensor, values: Values
    ) -> bool:
        """Return whether no other node reads the memory of an input, directly or through a view."""
        if source not in self.moving or source not in self.released.get(node, ()):
            return False
        memory = x.untyped_storage().data_ptr()
        others = (v for n, v in (*values.items(), *self.constants.items()) if n is not source)
        tensors = (t for v in others for t in (v if isinstance(v, (tuple, list)) else (v,)))
        return all(t.untyped_storage().data_ptr() != memory for t in tensors)

    def _accumulate(self, output: torch.Tensor, steps: int) -> torch.Tensor:
        """Return the accumulated output after each step, in float64, shape (t, b, ...)."""
        sums = output.unflatten(0, (steps, -1)).double().cumsum(0).add_(self.sum)
        self.sum = sums[-1]
        return sums

    def _put(
        self, arrays: dict[str, np.ndarray], layer: str, block: torch.Tensor | None, begin: int
    ) -> None:
        """Record a block, shape (t, b, ...), if it is wanted."""
        if layer in arrays and block is not None:
            self.recorder.put(arrays, layer, block.cpu().numpy(), begin, self.first)

    def _put_sums(self, step: int) -> None:
        """Record what neurons, pixels and gates have passed on so far."""
        states = {node.meta["layer"]: state for node, state in self.states.items()}
        neurons = {n: s for n, s in states.items() if isinstance(s, IFLayer)}
        counts = {n: s.counts.cpu().numpy() for n, s in neurons.items()}
        sent = {n: s.sent.cpu().numpy() for n, s in neurons.items() if s.neuron.signed}
        pooled = {n: s.sum.cpu().numpy() for n, s in states.items() if isinstance(s, GatedMaxPool)}
        if self.coding != "analog":
            counts["input"] = self.input.counts.cpu().numpy()
        self.recorder.put_sums(step, self.first, counts, pooled, sent)


def _repeated(x: torch.Tensor, steps: int) -> torch.Tensor:
    return x.repeat(steps, *[1] * (x.ndim - 1))
