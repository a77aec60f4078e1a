"""A network as plain modules of torch, for code that knows nothing of snnlab."""

import copy
import dataclasses
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional as F

from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.graph.canonical import REFERENCE, Graph, expand_to_batch
from snnlab.graph.evaluation import cap
from snnlab.graph.operations import Kind, assigned, looked_up, overwritten
from snnlab.graph.padding import padded_max_pool
from snnlab.graph.staircase import staircase


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
        elif node.target in (assigned, looked_up, overwritten, padded_max_pool):
            _write_out(node)
    delattr(module, REFERENCE)
    module.graph.lint()
    module.recompile()
    return module.eval().to(graph.device)


def _relu(node: fx.Node, neuron: Neuron | None, dtype: torch.dtype) -> nn.Module:
    """Return a ReLU with the setting of its neurons, if any, or a staircase in its place."""
    upper = cap(node)
    relu: Any = nn.ReLU() if upper is None else nn.Hardtanh(0.0, upper)
    if node.target is staircase:
        steps = fx.Graph()
        steps.output(staircase(fx.Proxy(steps.placeholder("z")), *node.args[1:]).node)
        relu = fx.GraphModule(nn.Module(), steps, "Staircase")
    if neuron is None:
        return relu
    for field in dataclasses.fields(neuron):
        value = getattr(neuron, field.name)
        name = "threshold" if field.name == "v_threshold" else field.name
        if name == "threshold" or np.ndim(value):
            laid = per_neuron(value, 1 + len(node.meta["shape"]))
            relu.register_buffer(name, torch.tensor(laid, dtype=dtype))
        else:
            setattr(relu, name, value)
    return relu


def _free(module: fx.GraphModule, node: fx.Node) -> str:
    """Return the name of a layer, changed where a module has it already."""
    name = node.meta["layer"]
    taken = {path for path, _ in (*module.named_modules(), *module.named_buffers())}
    while name in taken or hasattr(fx.GraphModule, name):
        name += "_"
    return name


def _write_out(node: fx.Node) -> None:
    """Replace a function of snnlab by the functions of torch that it calls."""
    function: Any = node.target
    proxy: Any = fx.Proxy
    graph, arguments = node.graph, node.args
    with graph.inserting_before(node):
        if function is assigned:
            base, index, value = arguments
            new = graph.call_method("clone", (base,))
            # By its name, so that torch can trace it again, as it does when it unpickles.
            graph.call_method("__setitem__", (new, index, value))
        elif function is looked_up:
            indices = graph.call_method("long", (node.args[0],))
            new = graph.call_function(F.embedding, (indices, node.args[1]))
        else:
            new = function(*fx.node.map_arg(node.args, proxy)).node
    node.replace_all_uses_with(new)
    graph.erase_node(node)


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
