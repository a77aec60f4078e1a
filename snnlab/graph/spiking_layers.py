"""Neurons where the model has no ReLU: behind its output, and behind average pooling."""

import copy
import dataclasses

from torch import fx, nn

from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.canonical import Graph, source_of
from snnlab.graph.operations import Kind, name_of, rectify

READOUT = "readout"
_AVERAGE_POOLS = (
    *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
)


def spiking_readout(graph: Graph) -> Graph:
    """Put a ReLU behind the output, so that neurons take its place whose spikes are counted.

    A network that ends in a ReLU has such a layer already and is returned as it is.

    Parameters
    ----------
    graph : Graph
        From `trace`. It is not changed.

    Returns
    -------
    Graph
        With one layer more, named "readout", and the positive part of the logits as output.

    Source: Diehl et al. 2015 (the class is the output neuron with most spikes).

    >>> from snnlab import trace
    >>> spiking_readout(trace(nn.Sequential(nn.Linear(2, 3)), [[0.0, 1.0]]))
    Graph of 4 nodes, input (2,)
      input     input                          2
      affine    0                              3
      relu      readout                        3
      output    output                         3
    """
    if source_of(graph.nodes[-1]).meta["kind"] is Kind.RELU:
        return graph
    module = copy.deepcopy(graph.module)
    logits = source_of(list(module.graph.nodes)[-1])
    added = _insert(module, logits, READOUT, _taken(graph))
    return dataclasses.replace(graph, module=module, added=(*graph.added, added), logits=added)


def spiking_average_pooling(graph: Graph) -> Graph:
    """Put a ReLU behind every average pooling, so that neurons take its place.

    The ANN stays what it is, because what is pooled is never below 0. A pooling that is written as
    `mean` stays affine.

    Parameters
    ----------
    graph : Graph
        From `trace`. It is not changed.

    Returns
    -------
    Graph
        With a layer more for every average pooling, named like it.

    Raises
    ------
    UnsupportedLayerError
        If a value below 0 may enter an average pooling.

    Source: Diehl et al. 2015 (subsampling layers are layers of neurons).

    >>> from snnlab import trace
    >>> model = nn.Sequential(nn.ReLU(), nn.AvgPool1d(2))
    >>> list(spiking_average_pooling(trace(model, [[[0.0, 1.0]]])).layers)
    ['0', '1']
    """
    module, added = copy.deepcopy(graph.module), [*graph.added]
    for node in list(module.graph.nodes):
        if not is_average_pool(node, module):
            continue
        name = node.meta["layer"]
        if not _is_positive(source_of(node)):
            raise UnsupportedLayerError(
                f"layer {name!r}: averages values that may be below 0, which neurons cannot pass "
                f"on. Put a ReLU before it, or leave it as it is: average_pool='affine'."
            )
        added.append(_insert(module, node, name, [*_taken(graph), *added]))
    return dataclasses.replace(graph, module=module, added=tuple(added))


def _insert(module: fx.GraphModule, source: fx.Node, name: str, taken: list[str]) -> str:
    """Let a ReLU stand between a node and all its readers; return its name, which is new."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}#{number}"
    with module.graph.inserting_after(source):
        relu = module.graph.call_function(rectify, (source, None))
    relu.meta |= {"kind": Kind.RELU, "shape": source.meta["shape"], "layer": free}
    source.replace_all_uses_with(relu, lambda reader: reader is not relu)
    module.recompile()
    return free


def _taken(graph: Graph) -> list[str]:
    return ["input", "output", *graph.layers, *graph.pools]


def is_average_pool(node: fx.Node, module: fx.GraphModule) -> bool:
    """Return whether a node is an average pooling; one with a divisor of its own is no average."""
    if node.op == "call_module":
        pool = module.get_submodule(str(node.target))
        own_divisor = getattr(pool, "divisor_override", None)
        return isinstance(pool, _AVERAGE_POOLS) and own_divisor is None
    own_divisor = node.kwargs.get("divisor_override", (*node.args, *[None] * 7)[6])
    return node.op == "call_function" and "avg_pool" in name_of(node.target) and own_divisor is None


def _is_positive(node: fx.Node) -> bool:
    """Return whether no value of a node can be negative: a ReLU, also max pooled or reshaped."""
    if node.meta["kind"] is Kind.RELU:
        return True
    reshaped = node.op == "call_function" and name_of(node.target) == "reshape"
    through = node.meta["kind"] is Kind.MAX_POOL or reshaped
    return through and _is_positive(source_of(node))
