"""What a model does to its logits at the very end: a softmax, a sigmoid, a norm of 1."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from snnlab.graph.canonical import Graph, graph_module
from snnlab.graph.evaluation import evaluate
from snnlab.graph.layout import FIRST
from snnlab.graph.operations import OF_NEURONS, PARAMETERS, Kind
from snnlab.graph.probe import Probe

# Behind these the network goes on.
_WEIGHTS = {"matmul", "rmatmul", "mm", "bmm", "einsum", "linear", "bilinear", "tensordot"}
_WEIGHTS |= {"embedding", "lstm", "gru"}


@dataclass(frozen=True, eq=False)
class Head:
    """The last steps of a model, which no neuron computes.

    Parameters
    ----------
    steps : Graph
        From the logits to the output of the model.
    """

    steps: Graph

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """Return what the model makes of logits, shape (B, ...)."""
        return evaluate(self.steps, logits)

    def to(self, *device_or_dtype: Any) -> "Head":
        """Return a copy on another device or in another floating type."""
        return Head(self.steps.to(*device_or_dtype))


def logits_before(first: fx.Node, probe: Probe) -> fx.Node | None:
    """Return the signal of which alone the output is made, by `first` and others.

    None if a ReLU, pooling or weights stand behind it.
    """
    nodes = list(first.graph.nodes)
    before = _ancestors(nodes[-1], probe)
    # The last such signal; the images are one.
    logits = next(
        node
        for node in reversed(nodes[: nodes.index(first)])
        if node in before and _is_alone(node, before - _ancestors(node, probe), probe)
    )
    logits = _before_shift(logits, probe)
    behind = before - _ancestors(logits, probe)
    return None if any(_goes_on(node, probe) for node in behind) else logits


def _before_shift(logits: fx.Node, probe: Probe) -> fx.Node:
    """Return x of a value x - max(x), with which a softmax by hand begins; else the value."""
    for source in probe.moving(logits) if probe.name(logits) == "sub" else ():
        between = _ancestors(logits, probe) - _ancestors(source, probe) - {logits}
        if between and all(node.target is torch.amax for node in between):
            return source
    return logits


def _ancestors(node: fx.Node, probe: Probe) -> set[fx.Node]:
    """Return a node and all before it that depend on the images."""
    found, new = set(), [node]
    while new:
        node = new.pop()
        found.add(node)
        new += [n for n in probe.moving(node) if n not in found]
    return found


def _goes_on(node: fx.Node, probe: Probe) -> bool:
    """Return whether a step belongs inside a network: a ReLU, a pooling, a layer with weights."""
    name = probe.name(node)
    weighted = name in _WEIGHTS or name.startswith("conv")
    bounded = name in PARAMETERS  # between any numbers
    return weighted or (probe.rule(node) in OF_NEURONS and not bounded)


def _is_alone(logits: fx.Node, behind: set[fx.Node], probe: Probe) -> bool:
    """Return whether what stands behind a signal, images first, reads no other signal."""
    allowed = behind | {logits}
    reads = all(n in allowed for node in behind for n in probe.moving(node))
    return reads and probe.is_tensor(logits) and probe.layout(logits) == FIRST


def steps_behind(logits: fx.Node, probe: Probe) -> list[fx.Node]:
    """Return the steps from the logits to the output, in their order."""
    nodes = list(logits.graph.nodes)
    behind = _ancestors(nodes[-1], probe) - _ancestors(logits, probe)
    return [node for node in nodes[:-1] if node in behind]


def head_of(logits: fx.Node, probe: Probe) -> Head:
    """Return the steps from the logits to the output, as a graph of their own."""
    graph, parts = fx.Graph(), {}
    made = {logits: _noted(graph.placeholder("logits"), Kind.INPUT)}
    shapes = {made[logits]: probe.shapes[logits]}

    def copied(node: fx.Node) -> fx.Node:
        if node not in made:
            name = f"constant_{len(made)}"
            parts[name] = probe.constants[node]
            made[node] = _noted(graph.get_attr(name), Kind.CONSTANT)
        return made[node]

    for node in steps_behind(logits, probe):
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), copied)
        made[node] = graph.create_node(node.op, node.target, args, kwargs)
        shapes[_noted(made[node], Kind.AFFINE)] = probe.shapes[node]
    (result,) = list(logits.graph.nodes)[-1].all_input_nodes
    shapes[_noted(graph.output(made[result]), Kind.OUTPUT)] = probe.shapes[result]
    for node in graph.nodes:
        node.meta["shape"] = shapes.get(node)
    return Head(Graph(graph_module(parts, graph, probe.two[logits])))


def _noted(node: fx.Node, kind: Kind) -> fx.Node:
    node.meta |= {"kind": kind, "layer": node.name}
    return node
