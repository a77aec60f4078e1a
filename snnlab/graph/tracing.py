"""From a torch model to the canonical graph that the simulator can run step by step.

The simulator folds time into the batch. A plain torch.fx trace would then go wrong without a word:
where an operation works in place, where a reshape reads the batch size, where images of a batch are
mixed. `trace` rewrites all of that on a copy, or refuses it by name and line.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from snnlab._arguments.images import Images
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph import canonical, operations
from snnlab.graph.batch_first import bring_to_front, give_shape, pool_planes, shape_in_model
from snnlab.graph.bends import Bends
from snnlab.graph.canonical import REFERENCE, Graph, expand_to_batch, source_of, tensors
from snnlab.graph.capture import LooksUpError
from snnlab.graph.head import Head, head_of, logits_before, steps_behind
from snnlab.graph.maxima import is_of_two, over_dimensions
from snnlab.graph.models import Output, checked_copy
from snnlab.graph.operations import Kind, OperationRule
from snnlab.graph.padding import padded_max_pool, pads_with_infinity, with_padding
from snnlab.graph.probe import Probe
from snnlab.graph.refusals import (
    NotAffineError,
    checked_rule,
    is_relu,
    refuse_counts,
    refuse_elsewhere,
    refuse_mixing,
    refuse_types,
)
from snnlab.graph.threads import threads_for
from snnlab.graph.weights import as_module

# Names that a part of a graph cannot have.
_TAKEN = {REFERENCE, *dir(fx.GraphModule(nn.Module(), fx.Graph()))}


def trace(model: nn.Module, x: Any, *, output: Output = None) -> Graph:
    """Write a model as the canonical graph that is folded, calibrated and simulated.

    Parameters
    ----------
    model : torch.nn.Module
        A trained network of one input. It is copied, never changed.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images of the shape that the network will get; the first one is looked at.
    output : str or int, optional
        Which output to follow, of a model that returns a dict, a tuple or a list.

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
    return traced_copy(checked_copy(model), x, output)


def traced_copy(model: nn.Module, x: Any, output: Output) -> Graph:
    """Return the graph of a model that nobody else changes; the two share their parameters."""
    parameter = next((t for t in tensors(model) if t.is_floating_point()), None)
    image = Images(x, "x").first(1)
    image = image.to(torch.get_default_dtype() if parameter is None else parameter)
    # One thread, since what it would have to compute is not known before; it is few images in all.
    with torch.no_grad(), threads_for(0):
        for given in (image, image.long()):
            try:
                probe = Probe(model, given, image.dtype, output)
                return _Rewriting(probe).graph(image, output)
            except LooksUpError as wish:
                refusal = wish.error
                if (image != image.round()).any():
                    break
        raise refusal


class _Rewriting:
    """The rewriting of a recorded model, node by node, in the order of evaluation."""

    def __init__(self, probe: Probe):
        self.probe, self.raw = probe, probe.graph
        # What the nodes of the new graph refer to, by name.
        self.parts: dict[str, Any] = {}
        # Taken already: the two ends of the network.
        self.names = {"input": 1, "output": 1}
        self.head: Head | None = None
        self.bends = Bends(probe, self._rewrite)
        # Steps that stay as they are but for weights and for where the images lie.
        self.affine: set[fx.Node] = set()

    def graph(self, image: torch.Tensor, output: Output) -> Graph:
        needed = _needed(self.raw)
        for node in list(self.raw.nodes):
            self.probe.check(node)
            try:
                if node.op == "output":
                    result: Any = node.args[0]
                    self.bends.settle(result)
                    refuse_elsewhere(result, self.probe)
                if node.op.startswith("call") and node in needed:
                    self._rewrite(node)
            except NotAffineError as refusal:
                self._begin_head(node, refusal)
                break
        self._remove_unread()
        rows: dict[fx.Node, fx.Node] = {}
        for node in list(self.raw.nodes):
            if node in self.affine:
                bring_to_front(node, self.probe, rows)
                self._give_weights(node)
        self._remove_unread()
        for node in list(self.raw.nodes):
            if node.op == "get_attr":
                self._fix(node)
            elif node.target in (torch.pixel_shuffle, torch.pixel_unshuffle):
                self._lay_in_order(node)
        for node in self.raw.nodes:
            self._label(node)
        self.raw.lint()
        # How torch multiplies, and so rounds, may depend on whether a gradient is wanted.
        module = canonical.graph_module(self.parts, self.raw, image).eval().requires_grad_(False)
        return Graph(module, self.head, output=output)

    def _remove_unread(self) -> None:
        self.raw.eliminate_dead_code(lambda n: n.op in ("placeholder", "output"))

    def _rewrite(self, node: fx.Node) -> None:
        """Bring one node whose values depend on the input into canonical form, or refuse it."""
        rule = self.probe.rule(node)
        relu, cap = is_relu(node, self.probe) if rule is OperationRule.RELU else (False, None)
        bends = rule is OperationRule.POINTWISE or (rule is OperationRule.RELU and not relu)
        bends = bends or node.kwargs.get("rounding_mode") is not None
        bends = bends or (rule is OperationRule.MAXIMUM and is_of_two(node, self.probe))
        if self.bends.replace(node, bends):
            return
        if rule is OperationRule.MAXIMUM:
            over_dimensions(node, self.probe)
            return
        rule = checked_rule(node, self.probe)
        pads_with_infinity(node, self.probe)
        source = source_of(node)
        kinds = {OperationRule.RELU: Kind.RELU, OperationRule.MAX_POOL: Kind.MAX_POOL}
        node.meta["kind"] = kinds.get(rule, Kind.AFFINE)
        if rule is OperationRule.VANISH:
            node.replace_all_uses_with(source)
        elif rule is OperationRule.LOOKUP:
            _become(node, operations.looked_up, *node.args[:2])
        elif rule is OperationRule.RELU:
            _become(node, operations.rectify, source, cap)
        elif "_pool" in self.probe.name(node):
            windows = int(self.probe.name(node)[-2])
            if pads_with_infinity(source, self.probe):
                _become(node, padded_max_pool, *with_padding(node, source))
            pool_planes(node, windows, self.probe)
        elif not pads_with_infinity(node, self.probe):
            self.affine.add(node)

    def _give_weights(self, node: fx.Node) -> None:
        """Let a linear layer, a convolution or BatchNorm call a module of its own."""
        value = self.probe.two[source_of(node)]
        if not isinstance(value, torch.Tensor) or not self.probe.moves(node.args[:1]):
            return
        module = as_module(node, value.ndim, self.probe.value)
        if module is not None:
            node.meta["layer"] = _path(node, self.probe.name(node))
            node.op, node.target = "call_module", self._free(node.meta["layer"])
            node.args, node.kwargs = (source_of(node),), {}
            self.parts[node.target] = module

    def _lay_in_order(self, node: fx.Node) -> None:
        """Let a shuffle of pixels read what lies in order; volumes with channels last it cannot."""
        source = source_of(node)
        ordered = self.probe.write(node, "contiguous", source, like=source)
        node.replace_input_with(source, ordered)

    def _free(self, name: str) -> str:
        """Return a name like the given one that no part of the graph has."""
        first = name.partition(".")[0]
        stem = f"({first}){name[len(first) :]}" if first in _TAKEN else name
        number, name = 1, stem
        while name in self.parts:
            number += 1
            name = f"{stem}#{number}"
        return name

    def _begin_head(self, node: fx.Node, refusal: NotAffineError) -> None:
        """Leave out the steps from here to the end, if they are a function of the logits alone."""
        output = list(self.raw.nodes)[-1]
        result: Any = output.args[0]
        logits = logits_before(self.bends.refused or node, self.probe)
        if logits is None:
            raise UnsupportedLayerError(str(refusal)) from None
        refuse_types(result, self.probe)
        refuse_mixing(result, self.probe)
        refuse_elsewhere(result, self.probe)
        for step in steps_behind(logits, self.probe):
            self.probe.check(step)
            refuse_counts(step, self.probe)
            if self.probe.rule(step) is OperationRule.RESHAPE and self.probe.is_tensor(step):
                refuse_mixing(step, self.probe)
                give_shape(step, shape_in_model(step, self.probe), self.probe)
        self.head = head_of(logits, self.probe)
        output.args = (logits,)

    def _fix(self, node: fx.Node) -> None:
        """Write down a constant; where it has a copy for every image, they are made of one."""
        node.target = self._free(str(node.target))
        self.parts[node.target] = self.probe.value(node)
        if node in self.probe.every_image:
            first = next(iter(self.raw.nodes))
            expanded = self.probe.write(node.next, expand_to_batch, node, first, like=node)
            node.replace_all_uses_with(expanded, lambda reader: reader is not expanded)

    def _label(self, node: fx.Node) -> None:
        """Write kind, shape and layer name into the meta data of a node that stays."""
        by_op = {"placeholder": Kind.INPUT, "get_attr": Kind.CONSTANT, "output": Kind.OUTPUT}
        kind = node.meta["kind"] = by_op.get(node.op) or node.meta["kind"]
        node.meta["shape"] = None if kind is Kind.CONSTANT else self.probe.shapes.get(node)
        if kind in (Kind.RELU, Kind.MAX_POOL):
            negative = ".negative" if node.meta.get("negative") else ""
            path = _path(node, kind.value.replace(" ", "_")) + negative
            node.meta["layer"] = self._numbered(path)
        elif kind in (Kind.INPUT, Kind.OUTPUT):
            node.meta["layer"] = kind.value
            if kind is Kind.OUTPUT:  # of the logits, not of what the head makes of them
                node.meta["shape"] = source_of(node).meta["shape"]
        elif node.op != "call_module":
            own = node.meta["own"] and node.target is not torch.reshape
            node.meta["layer"] = node.meta["scope"] if own else node.name

    def _numbered(self, name: str) -> str:
        self.names[name] = self.names.get(name, 0) + 1
        return name if self.names[name] == 1 else f"{name}#{self.names[name]}"


def _path(node: fx.Node, stem: str) -> str:
    """Return the path of the module of torch's that a node is, else of the one around it."""
    scope = node.meta["scope"]
    return scope if scope and node.meta["own"] else f"{scope}.{stem}".strip(".")


def _become(node: fx.Node, target: Callable | str, *args: Any) -> None:
    node.op = "call_method" if isinstance(target, str) else "call_function"
    node.target, node.args, node.kwargs = target, args, {}


def _needed(graph: fx.Graph) -> set[fx.Node]:
    """Return the nodes that the output depends on."""
    needed: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        if node.op == "output" or any(user in needed for user in node.users):
            needed.add(node)
    return needed
