"""Fan-out by brute force: the matrix of every step of a network, and their products."""

import numpy as np
import torch

from snnlab.graph.canonical import Graph, apply, expand_to_batch, source_of
from snnlab.graph.operations import Kind

SUMS = ("add", "radd", "sub", "rsub", "lerp", "addcmul", "addcdiv")
WEIGHTED = ("linear", "conv", "matmul", "mm", "einsum", "tensordot", "addmm", "mv")


def brute_force(network, input, sources):
    """Return how many operations each spike sets off, by source.

    The derivative of each step is computed at a random place, as a matrix; what is not 0 in it is
    set to 1. A product of such matrices counts the ways. They end at a layer with weights, where a
    real number is added to, and at neurons.
    """
    graph: Graph = network.graph.to(torch.float64)
    generator = torch.Generator().manual_seed(0)
    values, ways, moving, currents = {}, {}, set(), set()
    found = {source: 0 for source in sources}

    def positive(shape):
        return torch.rand(shape, dtype=torch.float64, generator=generator) + 0.5

    def arrive(by_source):
        for source, matrix in by_source.items():
            found[source] = found[source] + matrix.sum(0)

    for node in graph.nodes:
        kind, read = node.meta["kind"], [n for n in node.all_input_nodes if n in moving]
        if kind is Kind.CONSTANT:
            value = apply(node, graph.module, values)
            # A weight that happens to be 0 is a synapse as well.
            values[node] = value.masked_fill(value == 0, 1) if value.is_floating_point() else value
            continue
        if kind is not Kind.INPUT and (node.target is expand_to_batch or not read):
            values[node] = apply(node, graph.module, values)
            continue
        moving.add(node)
        ways[node] = {}
        if kind is Kind.AFFINE:
            values[node] = apply(node, graph.module, values)
            matrices = {n: _matrix(node, n, graph, values) for n in read}
            for n, matrix in matrices.items():
                for source, before in ways[n].items():
                    ways[node][source] = ways[node].get(source, 0) + matrix @ before
            joined = _name(node, graph) in SUMS and any(n in currents for n in read)
            if _has_weights(node, graph) or joined:
                arrive(ways[node])
                ways[node] = {}
                real = any(ways[n] or n in currents for n in read)
                currents |= {node} if real or joined else set()
            elif any(n in currents for n in read):
                currents.add(node)
            continue
        if kind is not Kind.INPUT and (kind is not Kind.MAX_POOL or node.meta["layer"] in sources):
            arrive(ways[source_of(node)])
        if kind is Kind.OUTPUT:
            continue
        values[node] = positive((1, *node.meta["shape"]))
        if node.meta["layer"] in sources:
            ways[node] = {node.meta["layer"]: np.eye(values[node].numel())}
        elif kind is Kind.MAX_POOL or input == "frames":
            before = [ways[n] or n in currents for n in read]
            currents |= {node} if input == "frames" or any(before) else set()
    return {
        s: np.broadcast_to(n, int(np.prod(sources[s]))).reshape(sources[s])
        for s, n in found.items()
    }


def _matrix(node, source, graph, values):
    """Return which outputs of a node depend on which values of a source, 0 or 1."""
    if isinstance(values[source], (tuple, list)):  # the parts of a value, of which one is taken
        sizes = [part.numel() for part in values[source]]
        first = sum(sizes[: node.args[1]])
        return np.eye(sum(sizes))[first : first + sizes[node.args[1]]]

    def result(x):
        y = apply(node, graph.module, values | {source: x.reshape(values[source].shape)})
        parts = y if isinstance(y, (tuple, list)) else (y,)
        return torch.cat([part.flatten() for part in parts])

    if not result(values[source]).numel():
        return np.zeros((0, values[source].numel()))
    jacobian = torch.autograd.functional.jacobian(result, values[source].flatten())
    return (jacobian.abs() > 1e-12).double().numpy()


def _has_weights(node, graph):
    return any(_name(node, graph).startswith(word) for word in WEIGHTED)


def _name(node, graph):
    if node.op == "call_module":
        return type(graph.module.get_submodule(node.target)).__name__.lower()
    name = getattr(node.target, "__name__", str(node.target))
    name = node.args[0].partition(".")[2] if name == "laid_out" else name
    return name.strip("_")
