"""A converted network as Brian2 objects: a group for each layer, synapses between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import brian2 as b2
import numpy as np
from scipy import sparse

from snnlab import _text
from snnlab.brian import synapses
from snnlab.dynamics.neuron import per_neuron
from snnlab.exceptions import MemoryBudgetError, UnsupportedLayerError
from snnlab.network import Network
from snnlab.simulation.progress import progress_bar
from snnlab.simulation.record import Arrays

# One step of the network. How long it is makes no difference: the current is given for each step.
DT = 1 * b2.ms

# A layer of neurons. The output is one too, without threshold and reset.
LAYER = """
dv/dt = (current + i_offset)/dt : 1
current : 1 (constant)
i_offset : 1 (constant)
v_threshold : 1 (constant)
"""
FIRE = "v >= v_threshold"
RESETS = {"subtract": "v -= v_threshold", "zero": "v = 0"}
# What a spike does at the other end of a synapse. The weight w includes the threshold of its
# source, because that is what a spike passes on.
SEND = "v_post += w"

# Two indices, a weight, their queue, and the matrix they come from, with its copies.
BYTES_PER_SYNAPSE = 80


@dataclass(frozen=True)
class Run:
    """What one image left behind.

    Parameters
    ----------
    spikes : mapping from layer to two arrays
        Step (from 0) and neuron of each spike.
    potentials : mapping from layer to array, shape (T, n)
        After the reset; those of "output" are its accumulated current.
    """

    spikes: Mapping[str, tuple[np.ndarray, np.ndarray]]
    potentials: Arrays


class BrianEngine:
    """The groups and synapses of a network, built once and run for one image after the other.

    With `spiking_input` the pixels spike; if not they are part of the constant currents. `schedule`
    is "layers", where one layer after the other fires, sends and resets within a step, so that a
    spike goes through the whole network in it; or "brian", where all layers fire, then all send,
    then all reset. `memory` is a ceiling in bytes.
    """

    def __init__(self, network: Network, spiking_input: bool, schedule: str, memory: int):
        _check_neurons(network)
        self.graph = synapses.affine_graph(network)
        self.neurons = network.neurons
        self.clock = b2.Clock(DT, name="steps")
        # For names that are the same each time, so that compiled code is found again.
        self.label = {name: k for k, name in enumerate([*synapses.sources(self.graph), "output"])}
        sources = [*(["input"] if spiking_input else []), *network.layers]
        _check_memory({name: synapses.count_synapses(self.graph, name) for name in sources}, memory)
        self.groups = {name: self._neurons(name) for name in network.layers}
        self.spiking = dict(self.groups)
        self.groups["output"] = b2.NeuronGroup(
            self._size("output"), LAYER, method="euler", clock=self.clock, name="neurons_output"
        )
        if spiking_input:
            self.spiking["input"] = b2.SpikeGeneratorGroup(
                self._size("input"), [], [] * b2.ms, clock=self.clock, name="neurons_input"
            )
        self.synapses = {}
        with progress_bar(sum(map(self._size, sources)), "neurons wired") as progress:
            for source in sources:
                matrices = synapses.matrices_from(self.graph, source, progress.update)
                for target, matrix in matrices.items():
                    if matrix.nnz:
                        self.synapses[source, target] = self._synapses(source, target, matrix)
        objects = [*self.groups.values(), *self.synapses.values()]
        self.network = b2.Network(*objects, *([self.spiking["input"]] if spiking_input else []))
        if schedule == "layers":
            self._schedule(sources)

    def run(
        self, currents: Arrays, trains: np.ndarray | None, timesteps: int, potentials: Iterable[str]
    ) -> Run:
        """Simulate one image.

        `currents` holds the current of each layer, shape (1, n) if it is constant and (T, n) if
        not; `trains` the spikes of the pixels, 0 or 1, shape (T, ...). The output's potentials are
        kept, and those of `potentials`.
        """
        begin = round(self.network.t / DT)
        for name, group in self.groups.items():
            group.current = currents[name][0]
            start = self._flat(name, self.neurons[name].v_init) if name in self.neurons else 0
            group.v = start * np.asarray(group.v_threshold)
        if trains is not None:
            steps, pixels = np.nonzero(trains.reshape(timesteps, -1))
            self.spiking["input"].set_spikes(pixels, (begin + steps) * DT)
        spikes = {
            name: b2.SpikeMonitor(self.groups[name], name=f"spikes{self.label[name]}")
            for name in self.neurons
        }
        at_end = {"record": True, "when": "end", "clock": self.clock}
        states = {
            n: b2.StateMonitor(self.groups[n], "v", name=f"states{self.label[n]}", **at_end)
            for n in {*potentials, "output"}
        }
        passing = [*spikes.values(), *states.values()]
        if len(currents["output"]) > 1:
            passing.append(self._frames(currents, begin))
        self.network.add(*passing)
        self.network.run(timesteps * DT, namespace={})
        self.network.remove(*passing)
        fired = {
            name: (np.rint(np.asarray(m.t / DT)).astype(int) - begin, np.asarray(m.i))
            for name, m in spikes.items()
        }
        return Run(fired, {name: np.asarray(monitor.v).T for name, monitor in states.items()})

    def _frames(self, currents: Arrays, begin: int) -> b2.NetworkOperation:
        """Return what sets the currents of each step, shape (T, n), when it begins."""

        def show(t: b2.Quantity) -> None:
            step = round(t / DT) - begin
            for name, group in self.groups.items():
                group.current = currents[name][step]

        return b2.NetworkOperation(show, when="start", clock=self.clock, name="frames")

    def _size(self, name: str) -> int:
        nodes = synapses.sources(self.graph) | {"output": self.graph.nodes[-1]}
        return int(np.prod(nodes[name].meta["shape"]))

    def _neurons(self, name: str) -> b2.NeuronGroup:
        neuron = self.neurons[name]
        group = b2.NeuronGroup(
            self._size(name),
            LAYER,
            threshold=FIRE,
            reset=RESETS[neuron.reset],
            method="euler",
            clock=self.clock,
            name=f"neurons{self.label[name]}",
        )
        group.v_threshold = self._flat(name, neuron.v_threshold)
        group.i_offset = self._flat(name, neuron.i_offset)
        return group

    def _flat(self, name: str, setting: float | np.ndarray) -> np.ndarray:
        """Return a setting for each neuron of a layer, in memory order."""
        shape = self.graph.layers[name].meta["shape"]
        return np.broadcast_to(per_neuron(setting, len(shape) + 1), shape).ravel()

    def _synapses(self, source: str, target: str, matrix: sparse.csc_array) -> b2.Synapses:
        entries = matrix.tocoo()
        weights = entries.data
        if source in self.neurons:
            weights = weights * np.asarray(self.groups[source].v_threshold)[entries.col]
        synapses = b2.Synapses(
            self.spiking[source],
            self.groups[target],
            "w : 1 (constant)",
            on_pre=SEND,
            delay=0 * b2.ms,
            clock=self.clock,
            name=f"synapses{self.label[source]}_{self.label[target]}",
        )
        synapses.connect(i=entries.col, j=entries.row)
        synapses.w = weights
        return synapses

    def _schedule(self, sources: list[str]) -> None:
        """Let one layer after the other fire, send and reset, in each step."""
        slots = []
        for k, name in enumerate(sources):
            fire, send, reset = f"thresholds{k}", f"synapses{k}", f"resets{k}"
            slots += [fire, send, reset]
            if name == "input":
                self.spiking[name].when = fire
            else:
                self.spiking[name].thresholder["spike"].when = fire
                self.spiking[name].resetter["spike"].when = reset
            for (source, _), outgoing in self.synapses.items():
                if source == name:
                    outgoing.pre.when = send
        # Brian2 requires its own slots too; these three stay empty.
        unused = ["thresholds", "synapses", "resets"]
        self.network.schedule = ["start", "groups", *slots, *unused, "end"]


def _check_neurons(network: Network) -> None:
    """Refuse neurons that Brian2's threshold cannot say."""
    for name, neuron in network.neurons.items():
        found = f"max_spikes={neuron.max_spikes}" if neuron.max_spikes > 1 else "signed=True"
        if neuron.max_spikes > 1 or neuron.signed:
            raise UnsupportedLayerError(
                f"layer {name!r}: its neurons have {found}. Brian2 knows neurons that send at most "
                f"one spike per step, and every spike is worth the same. Use snnlab.simulate, or "
                f"write network.replace(max_spikes=1, signed=False)."
            )


def _check_memory(synapses: Mapping[str, int], memory: int) -> None:
    total = sum(synapses.values())
    needed = total * BYTES_PER_SYNAPSE
    if needed > memory:
        most = max(synapses, key=lambda name: synapses[name])
        raise MemoryBudgetError(
            f"brian.simulate: about {total:,} synapses, {synapses[most]:,} of them from {most!r}, "
            f"need {_text.size(needed)}; memory allows {_text.size(memory)}. Use "
            f"snnlab.simulate, which needs no synapses, or a smaller network or image, or allow "
            f"memory={needed}."
        )
