"""A network as plain modules of torch, for code that knows nothing of snnlab."""

import copy
import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn

from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.graph.canonical import REFERENCE, Graph, expand_to_batch
from snnlab.graph.evaluation import cap
from snnlab.graph.operations import Kind


def as_modules(graph: Graph, neurons: Mapping[str, Neuron]) -> fx.GraphModule:
    """Return the graph with a module in place of each ReLU, see `Network.folded`."""
    module = copy.deepcopy(graph.module)
    for node in list(module.graph.nodes):
        if node.meta["kind"] in (Kind.RELU, Kind.RECTIFIER):
            relu = _relu(node, neurons.get(node.meta["layer"]), graph.dtype)
            node.op, node.target, node.args = "call_module", _free(module, node), node.args[:1]
            module.add_submodule(node.target, relu)
        elif node.target is expand_to_batch:
            _expand(node, module)
    delattr(module, REFERENCE)
    module.graph.lint()
    module.recompile()
    return module.eval().to(graph.device)


def _relu(node: fx.Node, neuron: Neuron | None, dtype: torch.dtype) -> nn.Module:
    """Return a ReLU that carries the setting of its neurons, if it has neurons."""
    upper = cap(node)
    relu = nn.ReLU() if upper is None else nn.Hardtanh(0.0, upper)
    if neuron is None:
        return relu
    theta = per_neuron(neuron.v_threshold, 1 + len(node.meta["shape"]))
    relu.register_buffer("threshold", torch.tensor(theta, dtype=dtype))
    relu.reset, relu.v_init = neuron.reset, neuron.v_init  # type: ignore[assignment]
    return relu


def _free(module: fx.GraphModule, node: fx.Node) -> str:
    """Return the name of a layer, changed where a module has it already."""
    name = node.meta["layer"]
    taken = {path for path, _ in (*module.named_modules(), *module.named_buffers())}
    while name in taken or hasattr(fx.GraphModule, name):
        name += "_"
    return name


def _expand(node: fx.Node, module: fx.GraphModule) -> None:
    """Repeat a constant for each image by a sum with zeros, which torch can trace again."""
    arguments: Any = node.args
    constant, images = arguments
    dtype = operator.attrgetter(constant.target)(module).dtype
    graph = node.graph
    with graph.inserting_before(node):
        rows = graph.call_method("flatten", (images, 1))
        one_each = graph.call_function(operator.getitem, (rows, (slice(None), 0)))
        zeros = graph.call_function(torch.zeros_like, (one_each,), {"dtype": dtype})
        zeros = graph.call_method("reshape", (zeros, -1, *[1] * len(node.meta["shape"])))
    node.target, node.args = operator.add, (zeros, constant)
