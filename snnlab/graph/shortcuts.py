"""Shortcuts of residual blocks that carry real numbers in place of spikes."""

import copy
import dataclasses

from torch import fx

from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.canonical import Graph
from snnlab.graph.operations import Kind, name_of, rectify


def analog_shortcuts(graph: Graph) -> Graph:
    """Let every identity shortcut carry what its ReLU computes, not the spikes of its neurons.

    An identity shortcut is an addition that reads a ReLU directly, beside a branch that begins at
    the same ReLU. In its place the addition reads a second ReLU of the same current, which passes
    on real numbers (see `AnalogReLU`); the neurons still drive the branch. The ANN stays what it
    is. What a convolution or a pooling changes on its way, as a projection, stays spikes.

    Parameters
    ----------
    graph : Graph
        From `trace`. It is not changed.

    Returns
    -------
    Graph
        With a node more for every ReLU at which an identity shortcut begins.

    Raises
    ------
    UnsupportedLayerError
        If there is no such shortcut, or if one begins at a staircase.

    >>> from torch import nn
    >>> from snnlab import trace
    >>> class Block(nn.Module):
    ...     def forward(self, x):
    ...         x = x.relu()
    ...         return x + (2 * x).relu()
    >>> analog_shortcuts(trace(Block(), [[1.0]]))
    Graph of 7 nodes, input (1,)
      input     input                          1
      rectifier relu (analog)                  1
      relu      relu                           1
      affine    mul                            1
      relu      relu#2                         1
      affine    add                            1
      output    output                         1
    """
    module = copy.deepcopy(graph.module)
    analog: dict[fx.Node, fx.Node] = {}
    for addition in list(module.graph.nodes):
        if name_of(addition.target) in ("add", "radd"):
            for relu in _shortcuts(addition):
                analog[relu] = analog.get(relu) or _analog(relu)
                addition.replace_input_with(relu, analog[relu])
    if not analog:
        raise UnsupportedLayerError(
            "model: has no identity shortcut with spikes on it, expected an addition that reads a "
            "ReLU directly, beside a branch that begins at the same ReLU. A shortcut that begins "
            "at a sum, as in pre-activation blocks, carries real numbers already, and a projection "
            "stays spikes. Write shortcut='spikes'."
        )
    module.recompile()
    return dataclasses.replace(graph, module=module)


def _shortcuts(addition: fx.Node) -> list[fx.Node]:
    """Return the ReLUs that an addition reads directly, and with a branch behind them too."""
    read = addition.all_input_nodes
    return [
        relu
        for relu in read
        if relu.meta["kind"] is Kind.RELU
        and any(_depends(other, relu) for other in read if other is not relu)
    ]


def _depends(node: fx.Node, source: fx.Node) -> bool:
    """Return whether a node is computed from another one."""
    seen, open_nodes = {node}, [node]
    while open_nodes:
        read = set(open_nodes.pop().all_input_nodes) - seen
        if source in read:
            return True
        seen |= read
        open_nodes += read
    return False


def _analog(relu: fx.Node) -> fx.Node:
    """Return a new ReLU of the same current, which passes on real numbers."""
    name = relu.meta["layer"]
    if relu.target is not rectify:
        raise UnsupportedLayerError(
            f"layer {name!r}: a shortcut begins at a staircase, expected a ReLU: the mean of real "
            f"numbers has no steps. Write shortcut='spikes'."
        )
    with relu.graph.inserting_before(relu):
        node = relu.graph.call_function(rectify, relu.args)
    node.meta |= {"kind": Kind.RECTIFIER, "shape": relu.meta["shape"]}
    node.meta |= {"layer": f"{name} (analog)", "of": name}
    return node
