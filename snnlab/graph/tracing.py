"""From a torch model to the canonical graph that the simulator can run step by step.

The simulator folds time into the batch. A plain torch.fx trace would then go wrong without a word:
where an operation works in place, where a reshape reads the batch size, where images of a batch are
mixed. `trace` rewrites all of that on a copy, or refuses it by name and line.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from snnlab import _checks
from snnlab._threads import threads_for
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.canonical import REFERENCE, Graph, expand_to_batch, source_of, tensors
from snnlab.graph.capture import check_model, copied
from snnlab.graph.operations import Kind, OperationRule
from snnlab.graph.probe import Depends, Probe
from snnlab.graph.refusals import cap_of, checked_rule, refuse_randomness


def trace(model: nn.Module, x: Any) -> Graph:
    """Write a model as the canonical graph that is folded, calibrated and simulated.

    Parameters
    ----------
    model : torch.nn.Module
        A trained network of one input and one output. It is copied, never changed.
    x : array, shape (B, ...)
        Images of the shape that the network will get; one is enough.

    Returns
    -------
    Graph

    Raises
    ------
    UnsupportedLayerError
        If the model holds something that cannot be converted, with its name and line.
    ShapeError
        If `x` does not fit the model.

    Derived here.

    >>> trace(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), [[0.0, 1.0]])
    Graph of 4 nodes, input (2,)
      input     input                          2
      affine    0                              3
      relu      1                              3
      output    output                         3
    """
    check_model(model)
    image = _checks.images(x, "x")[:1]
    model_copy = copied(model)
    parameter = next((t for t in tensors(model_copy) if t.is_floating_point()), None)
    image = image.to(torch.get_default_dtype() if parameter is None else parameter)
    # One thread, since what it would have to compute is not known before; it is five images in all.
    with torch.no_grad(), threads_for(0):
        probe = Probe(model_copy, image)
        make_functional(probe)
        return _Rewriting(probe).graph(image)


def make_functional(probe: Probe) -> None:
    """Let every in-place operation return a new tensor, read by all later readers of the old.

    Refused are operations in place on constants, and on memory that a later reader sees through
    another view.
    """
    for node in list(probe.graph.nodes):
        if not _writes_in_place(node, probe):
            continue
        if probe.depends[node.args[0]] is not Depends.VALUES:
            probe.refuse(node, "changes a constant in place.", "Return a new tensor instead.")
        now = probe.order[node]
        target = probe.two[node.args[0]]
        for other in [n for n, at in probe.order.items() if at < now]:
            later = [user for user in other.users if probe.order[user] > now]
            if not later or not _shares_memory(probe.two[other], target):
                continue
            if other is not node.args[0] and not _is_same_view(probe, other, node.args[0]):
                title = other.target if other.op == "call_module" else probe.name(other)
                probe.refuse(
                    node,
                    f"works in place, and {title!r}, another view of the same memory, is read "
                    f"afterwards.",
                    "Write it out of place (without `inplace=True` or the trailing underscore).",
                )
            for user in later:
                user.replace_input_with(other, node)
        node.kwargs = {key: value for key, value in node.kwargs.items() if key != "inplace"}
        if node.op != "call_module" and operations.is_in_place(node.target):
            node.target = operations.out_of_place(node.target)


def _writes_in_place(node: fx.Node, probe: Probe) -> bool:
    if probe.rule(node) is OperationRule.VANISH or not node.op.startswith("call"):
        return False
    if node.op == "call_module":
        return getattr(probe.module(node), "inplace", False)
    by_name = operations.is_in_place(node.target) and probe.is_tensor(node)
    by_position = probe.name(node) in ("relu", "relu6") and True in node.args[1:]
    return by_name or by_position or node.kwargs.get("inplace") is True


def _shares_memory(a: Any, b: torch.Tensor) -> bool:
    parts = a if isinstance(a, (tuple, list)) else [a]
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    memory = b.untyped_storage().data_ptr()
    return any(part.untyped_storage().data_ptr() == memory for part in tensors)


def _is_same_view(probe: Probe, a: fx.Node, b: fx.Node) -> bool:
    """Return whether two values are one tensor under two names, as after Dropout."""
    x, y = probe.two[a], probe.two[b]
    same_shape = probe.shapes[a] == probe.shapes[b] and probe.shapes[a] is not None
    return same_shape and x.data_ptr() == y.data_ptr() and x.stride() == y.stride()


class _Rewriting:
    """The rewriting of a captured model, node by node, in the order of evaluation."""

    def __init__(self, probe: Probe):
        self.probe = probe
        self.raw, self.root = probe.graph, probe.root
        # Taken already: the two ends of the network.
        self.names = {"input": 1, "output": 1}
        self.softmax: Callable | None = None

    def graph(self, image: torch.Tensor) -> Graph:
        for node in list(self.raw.nodes):
            refuse_randomness(node, self.probe)
            if node.op == "output":
                self._check_output(node)
            elif node.op != "placeholder" and self.probe.depends[node] is Depends.VALUES:
                self._rewrite(node)
        for node in list(self.raw.nodes):
            if node.op.startswith("call") and self.probe.depends[node] is not Depends.VALUES:
                self._fix(node)
        self.raw.eliminate_dead_code(lambda n: n.op in ("placeholder", "output"))
        for node in self.raw.nodes:
            self._label(node)
        self.raw.lint()
        module = fx.GraphModule(self.root, self.raw)
        module.delete_all_unused_submodules()
        # No attribute can have this name, so it cannot clash with one of the model's.
        module.register_buffer(REFERENCE, image.new_empty(0))
        return Graph(module, self.softmax)

    def _rewrite(self, node: fx.Node) -> None:
        """Bring one node whose values depend on the input into canonical form, or refuse it."""
        rule = checked_rule(node, self.probe)
        source, shape = source_of(node), self.probe.shapes[node]
        if rule is OperationRule.VANISH:
            node.replace_all_uses_with(source)
        elif rule is OperationRule.SOFTMAX:
            self._drop_softmax(node, source)
        elif rule is OperationRule.RELU:
            self._become(node, operations.rectify, source, cap_of(node, self.probe))
        elif self.probe.name(node) in ("expand", "expand_as"):
            self._become(node, torch.Tensor.expand, source, -1, *shape)
        elif rule is OperationRule.RESHAPE:
            self._become(node, torch.reshape, source, (-1, *shape))
        kinds = {OperationRule.RELU: Kind.RELU, OperationRule.MAX_POOL: Kind.MAX_POOL}
        node.meta["kind"] = kinds.get(rule, Kind.AFFINE)

    def _become(self, node: fx.Node, function: Callable, *args: Any) -> None:
        node.meta["path"] = node.target if node.op == "call_module" else ""
        node.op, node.target, node.args, node.kwargs = "call_function", function, args, {}

    def _drop_softmax(self, node: fx.Node, source: fx.Node) -> None:
        if [user.op for user in node.users] != ["output"]:
            self.probe.refuse(node, "a softmax inside the network cannot be converted.")
        module, name = self.probe.module(node), self.probe.name(node)
        dim: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        dim = getattr(module, "dim", -3) if module is not None else dim
        function = torch.log_softmax if "log" in name.lower() else torch.softmax
        self.softmax = functools.partial(function, dim=1 if dim is None else dim)
        node.replace_all_uses_with(source)

    def _check_output(self, node: fx.Node) -> None:
        result: Any = node.args[0]
        value = self.probe.two[result] if isinstance(result, fx.Node) else result
        if not isinstance(value, torch.Tensor):
            plain = next((t for t in (list, dict) if isinstance(value, t)), type(value))
            raise UnsupportedLayerError(
                f"model: returns {plain.__name__}, expected one tensor. Wrap the model in a "
                f"module that returns the one output to convert."
            )
        if self.probe.depends[result] is not Depends.VALUES:
            raise UnsupportedLayerError(
                "model: its output does not depend on its input. Expected a trained network."
            )

    def _fix(self, node: fx.Node) -> None:
        """Replace a value that does not depend on the images by what it is."""
        two, three = self.probe.two[node], self.probe.three[node]
        readers = [u for u in node.users if self.probe.depends[u] is Depends.VALUES]
        if not readers:
            return
        if self.probe.depends[node] is Depends.NOTHING:
            if isinstance(two, torch.Tensor):
                node.replace_all_uses_with(self._buffer(node, two))
            else:
                for reader in readers:
                    _substitute(reader, node, two)
        elif isinstance(two, torch.Tensor):
            with self.raw.inserting_before(node):
                image = next(iter(self.raw.nodes))
                constant = self._buffer(node, three[:1])
                expanded = self.raw.call_function(expand_to_batch, (constant, image))
            expanded.meta |= node.meta | {"kind": Kind.AFFINE}
            self.probe.shapes[expanded] = self.probe.shapes[node]
            self.probe.depends[expanded] = Depends.VALUES
            node.replace_all_uses_with(expanded)

    def _buffer(self, node: fx.Node, value: torch.Tensor) -> fx.Node:
        name = f"constant_{node.name}"
        while hasattr(self.root, name):
            name += "_"
        self.root.register_buffer(name, value.detach().clone())
        with self.raw.inserting_before(node):
            constant = self.raw.get_attr(name)
        constant.meta |= node.meta
        self.probe.shapes[constant], self.probe.depends[constant] = None, Depends.NOTHING
        return constant

    def _label(self, node: fx.Node) -> None:
        """Write kind, shape and layer name into the meta data of a node that stays."""
        by_op = {"placeholder": Kind.INPUT, "get_attr": Kind.CONSTANT, "output": Kind.OUTPUT}
        kind = node.meta["kind"] = by_op.get(node.op) or node.meta["kind"]
        node.meta["shape"] = None if kind is Kind.CONSTANT else self.probe.shapes[node]
        stems = {Kind.RELU: "relu", Kind.MAX_POOL: "max_pool"}
        if kind in stems:
            node.meta["layer"] = self._layer_name(node, stems[kind])
        else:
            path = node.target if isinstance(node.target, str) else node.name
            node.meta["layer"] = "input" if kind is Kind.INPUT else path

    def _layer_name(self, node: fx.Node, stem: str) -> str:
        """Return the path of the module called, or of the one whose forward calls, plus 'relu'."""
        scope = node.meta["scope"]
        path = node.target if node.op == "call_module" else node.meta.get("path")
        name = str(path or (f"{scope}.{stem}" if scope else stem))
        self.names[name] = self.names.get(name, 0) + 1
        return name if self.names[name] == 1 else f"{name}#{self.names[name]}"


def _substitute(reader: fx.Node, node: fx.Node, value: Any) -> None:
    reader.args = fx.node.map_arg(reader.args, lambda n: value if n is node else n)
    reader.kwargs = fx.node.map_arg(reader.kwargs, lambda n: value if n is node else n)
