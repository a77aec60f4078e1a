"""What each spike of a network sets off, and what each step costs: counted along its graph.

The graph is evaluated once with all weights 1, piece by piece between the places where a signal
changes its kind. The derivative of a piece's sum by what enters it is the number of operations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.graph.canonical import Graph, apply, source_of
from snnlab.graph.evaluation import size
from snnlab.graph.operations import Kind
from snnlab.graph.unit_weights import UnitWeights


class Signal(Enum):
    """What a value is in time."""

    CONSTANT = "the same at every step"
    SPIKES = "a sum of spikes"
    CURRENT = "another real number at every step"


@dataclass(frozen=True, eq=False)
class Cost:
    """What one node of the graph costs.

    Parameters
    ----------
    row : str
        The layer that it leads to.
    column : str
        What is done, one of those of `Operations`.
    by_spike : mapping from source to array of int64, shape (C, ...)
        How often it is done for each spike that a neuron of a source sends.
    by_step, once : int
        How often it is done at each step, and how often for an image, whatever the spikes.
    """

    row: str
    column: str
    by_spike: Mapping[str, np.ndarray] = field(default_factory=dict)
    by_step: int = 0
    once: int = 0


@dataclass(frozen=True, eq=False)
class Wiring:
    """All costs of a network.

    Parameters
    ----------
    sources : mapping from name to shape
        What sends spikes, in the order of evaluation: the pixels as "input", spiking layers, and
        max poolings that pass spikes on.
    rows : list of str
        The sources, and the output.
    costs : list of Cost
    multiplications : mapping from row to (int, int)
        Those of the ANN for an image, as papers count them and without those of padding.
    units : UnitWeights
        The graph with unit weights.
    thresholds : mapping from source to tensor, shape (1, C, ...)
        The size of a spike, where none is taken back.
    """

    sources: dict[str, tuple[int, ...]]
    rows: list[str]
    costs: list[Cost]
    multiplications: dict[str, tuple[int, int]]
    units: UnitWeights
    thresholds: dict[str, torch.Tensor]

    def fan_out(self, source: str, columns: tuple[str, ...]) -> np.ndarray:
        """Return how often each spike of a source is dealt with, int64, shape (C, ...)."""
        total = np.zeros(self.sources[source], np.int64)
        for cost in self.costs:
            if cost.column in columns and source in cost.by_spike:
                total += cost.by_spike[source]
        return total


def wiring(graph: Graph, neurons: Mapping[str, Neuron], input: str) -> Wiring:
    """Return what the spikes of neurons set off, for images as constants, spikes or frames."""
    with torch.inference_mode(False), torch.enable_grad():
        return _Walk(graph, neurons, input).wiring()


@dataclass(frozen=True, eq=False)
class _Leaf:
    """Where a piece of the graph begins."""

    value: torch.Tensor
    signal: Signal
    source: str


class _Walk:
    """One evaluation of a graph with unit weights, node by node."""

    def __init__(self, graph: Graph, neurons: Mapping[str, Neuron], input: str):
        self.graph, self.units = graph, UnitWeights(graph)
        self.input = {"analog": Signal.CONSTANT, "frames": Signal.CURRENT}.get(input, Signal.SPIKES)
        self.values: dict[fx.Node, Any] = {}
        self.leaves: list[_Leaf] = []
        self.signals: dict[fx.Node, set[Signal]] = {}
        self.pooled: set[fx.Node] = set()
        self.row_of = _rows(self.graph)
        self.costs: list[Cost] = []
        self.multiplications: dict[str, tuple[int, int]] = {}
        self.sources: dict[str, tuple[int, ...]] = {}
        self.thresholds = _thresholds(graph, neurons)

    def wiring(self) -> Wiring:
        for node in self.graph.nodes:
            self._visit(node)
        rows = [*self.sources, "output"]
        found = self.sources, rows, self.costs, self.multiplications
        return Wiring(*found, self.units, self.thresholds)

    def _visit(self, node: fx.Node) -> None:
        kind = node.meta["kind"]
        if kind is Kind.INPUT:
            self._begin(node, self.input)
        elif node not in self.units.moving:
            self.values[node] = self.units.evaluate(node, self.values)
        elif kind in (Kind.RELU, Kind.OUTPUT):
            self._arrive(source_of(node), node)
            if kind is Kind.RELU:
                self._begin(node, Signal.SPIKES)
        elif kind is Kind.MAX_POOL:
            self._pool(node)
        elif kind is Kind.RECTIFIER:
            self._accumulate(node, size(node))
        elif self.units.has_weights(node):
            self._multiply(node)
        else:
            self._pass_on(node)

    def _begin(self, node: fx.Node, signal: Signal) -> None:
        """Let a piece of the graph begin at a node."""
        value = torch.ones(1, *node.meta["shape"], dtype=torch.float64, requires_grad=True)
        self.values[node], self.signals[node] = value, {signal}
        self.leaves.append(_Leaf(value, signal, node.meta["layer"]))
        if signal is Signal.SPIKES:
            self.sources[node.meta["layer"]] = node.meta["shape"]

    def _arrive(self, source: fx.Node, node: fx.Node) -> None:
        """Count the spikes in a value as additions where a node reads it."""
        if Signal.SPIKES in self.signals[source]:
            column = "pooling" if source in self.pooled else "additions"
            spikes = self._ways(self.values[source])[Signal.SPIKES]
            self.costs.append(Cost(self.row_of[node], column, spikes))

    def _pool(self, node: fx.Node) -> None:
        """Let a max pooling pass on spikes, or real numbers."""
        source = source_of(node)
        if self.signals[source] != {Signal.CONSTANT} and self._passes_spikes(node):
            spikes = self._ways(self.values[source])[Signal.SPIKES]
            self.costs.append(Cost(self.row_of[node], "pooling", spikes))
            self._begin(node, Signal.SPIKES)
        else:
            self._accumulate(node, size(source))

    def _accumulate(self, node: fx.Node, additions: int) -> None:
        """Let a node pass on how much its output grows at a step, which takes so many additions."""
        if self.signals[source_of(node)] == {Signal.CONSTANT}:
            self._begin(node, Signal.CONSTANT)
        else:
            self.costs.append(Cost(self.row_of[node], "analog", by_step=additions))
            self._begin(node, Signal.CURRENT)

    def _passes_spikes(self, pool: fx.Node) -> bool:
        """Return whether spikes compete in a max pooling that are of equal size in each window."""
        sending = {n: theta for n, theta in self.thresholds.items() if n in self.sources}
        highest = maxima(pool, self.units, sending)
        if highest is None:
            return False
        self.thresholds[pool.meta["layer"]] = highest
        lowest = -maxima(pool, self.units, {name: -theta for name, theta in sending.items()})
        return bool((highest == lowest).all())

    def _multiply(self, node: fx.Node) -> None:
        """Count what a layer with weights does with spikes, currents and constants."""
        source = next(n for n in node.all_input_nodes if n in self.units.moving)
        x = self.values[source].detach().requires_grad_()
        y = self.units.evaluate(node, self.values | {source: x})
        (fan_out,) = torch.autograd.grad(y.sum(), x)
        true = round(float(fan_out[x != 0].sum()))
        nominal = self.units.multiplications(node)
        row = self.row_of[node]
        before = self.multiplications.get(row, (0, 0))
        nominal = true if nominal is None else nominal
        self.multiplications[row] = (before[0] + nominal, before[1] + true)
        ways = self._ways(self.values[source], fan_out)
        if ways[Signal.SPIKES]:
            self.costs.append(Cost(row, "synaptic", ways[Signal.SPIKES]))
        # The sum of several signals is multiplied once.
        by_step, once = (
            min(true, sum(int(w.sum()) for w in ways[signal].values()))
            for signal in (Signal.CURRENT, Signal.CONSTANT)
        )
        self.costs.append(Cost(row, "multiplications", by_step=by_step, once=once))
        constant = self.signals[source] == {Signal.CONSTANT}
        self._begin(node, Signal.CONSTANT if constant else Signal.CURRENT)

    def _pass_on(self, node: fx.Node) -> None:
        """Follow sums, averages, and values that are put elsewhere."""
        read = [n for n in node.all_input_nodes if n in self.units.moving]
        self.values[node] = y = self.units.evaluate(node, self.values)
        self.signals[node] = set().union(*(self.signals[n] for n in read))
        pools = self.units.pools(node)
        if pools or any(n in self.pooled for n in read):
            self.pooled.add(node)
        currents = [n for n in read if Signal.CURRENT in self.signals[n]]
        additions = 0
        if pools and currents:
            x = self.values[currents[0]].detach().requires_grad_()
            z = self.units.evaluate(node, self.values | {currents[0]: x})
            additions = round(float(torch.autograd.grad(z.sum(), x)[0].sum())) - y.numel()
        elif self.units.adds(node) and len(read) > 1 and any(len(n.users) > 1 for n in currents):
            additions = y.numel()
        if additions > 0:
            self.costs.append(Cost(self.row_of[node], "analog", by_step=additions))
        if self.units.adds(node) and currents and self.signals[node] != {Signal.CURRENT}:
            # What is added to a current is part of it from here on.
            self._arrive(node, node)
            self._begin(node, Signal.CURRENT)

    def _ways(
        self, value: torch.Tensor, weights: torch.Tensor | None = None
    ) -> dict[Signal, dict[str, np.ndarray]]:
        """Return the ways from each leaf to a value, shape (C, ...), by signal and source."""
        weights = torch.ones_like(value) if weights is None else weights
        leaves = [leaf.value for leaf in self.leaves]
        found = torch.autograd.grad(value, leaves, weights, retain_graph=True, allow_unused=True)
        ways: dict[Signal, dict[str, np.ndarray]] = {signal: {} for signal in Signal}
        for leaf, ways_from in zip(self.leaves, found, strict=True):
            if ways_from is not None:
                ways[leaf.signal][leaf.source] = ways_from[0].round().long().numpy()
        return ways


def maxima(pool: fx.Node, units: UnitWeights, given: Mapping[str, torch.Tensor]) -> Any:
    """Return what a max pooling makes of what its sources pass on, shape (B, ...).

    None if sums or multiples of that compete in it, or what is not `given`.
    """
    values: dict[fx.Node, Any] = {}

    def value(node: fx.Node) -> Any:
        kind = node.meta["kind"]
        if node is not pool and kind in (Kind.INPUT, Kind.RELU, Kind.MAX_POOL):
            return given.get(node.meta["layer"])
        if node is not pool and node in units.moving and not units.moves(node):
            return None
        for source in node.all_input_nodes:
            if source not in values:
                values[source] = value(source)
            if values[source] is None:
                return None
        return apply(node, units.graph.module, values)

    return value(pool)


def _thresholds(graph: Graph, neurons: Mapping[str, Neuron]) -> dict[str, torch.Tensor]:
    """Return the size of a spike, shape (1, C, ...), where none is taken back."""
    found = {"input": torch.ones(1, *graph.input_shape, dtype=torch.float64)}
    for name, neuron in neurons.items():
        shape = (1, *graph.layers[name].meta["shape"])
        theta = torch.tensor(per_neuron(neuron.v_threshold, len(shape)), dtype=torch.float64)
        if not neuron.signed:
            found[name] = theta.expand(shape)
    return found


def _rows(graph: Graph) -> dict[fx.Node, str]:
    """Return for each node the first spiking layer, or the output, that it leads to or is."""
    places = {node: i for i, node in enumerate(graph.nodes)}
    ends: dict[fx.Node, fx.Node] = {}
    for node in reversed(graph.nodes):
        own = node.meta["kind"] in (Kind.RELU, Kind.OUTPUT)
        ends[node] = node if own else min((ends[n] for n in node.users), key=places.__getitem__)
    return {node: end.meta["layer"] for node, end in ends.items()}
