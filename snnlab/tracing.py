"""From a torch model to the canonical graph that the simulator can run step by step.

The simulator folds time into the batch. A plain torch.fx trace would then go wrong without a word:
where an operation works in place, where a reshape reads the batch size, where images of a batch are
mixed. `trace` rewrites all of that on a copy, or refuses it by name and line.
"""

import copy
import functools
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import fx, nn

from snnlab import _checks, operations
from snnlab.capture import capture, check_model
from snnlab.exceptions import ShapeError, UnsupportedLayerError
from snnlab.graph import Graph, apply, floating, for_each_image
from snnlab.operations import Kind, Rule


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

    Derived here; the problem is shown in Rueckauer et al. 2017, section 2.2.

    >>> trace(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), [[0.0, 1.0]])
    Graph of 4 nodes, input (2,)
      input     input                          2
      affine    0                              3
      relu      1                              3
      output    output                         3
    """
    check_model(model)
    model_copy = copy.deepcopy(model).eval()
    image = _checks.images(x, "x")[:1]
    parameter = next(floating(model_copy), None)
    image = image.to(parameter) if parameter is not None else image
    with torch.no_grad():
        return _Canonical(model_copy, image).graph()


class _Canonical:
    """The rewriting of one traced model, node by node, in the order of evaluation."""

    def __init__(self, model: nn.Module, image: torch.Tensor):
        self.model = model
        self.raw, self.root = capture(model)
        self.order = {node: i for i, node in enumerate(self.raw.nodes)}
        # Batches of 2 and of 3 tell what depends on the batch size. Storage shared between values
        # tells what an in-place operation overwrites besides its argument.
        self.two = self._run(image.repeat(2, *[1] * (image.ndim - 1)))
        self.three = self._run(image.repeat(3, *[1] * (image.ndim - 1)))
        self.depends: dict[fx.Node, str] = {}  # "nothing", "shape" or "values" of the input
        self.names: dict[str, int] = {}
        self.softmax: Callable | None = None

    def _run(self, images: torch.Tensor) -> dict[fx.Node, Any]:
        values: dict[fx.Node, Any] = {}
        for node in self.raw.nodes:
            try:
                values[node] = images if node.op == "placeholder" else apply(
                    node, self.root, values
                )  # fmt: skip
            except Exception as error:
                raise ShapeError(
                    f"{_where(node)}: fails for a batch of {len(images)} images of shape "
                    f"{tuple(images.shape[1:])}: {error}. Expected a model that takes any number "
                    f"of images of this shape. Look at the shape of x, and for a batch size "
                    f"written into the model: use x.size(0) or torch.flatten(x, 1)."
                ) from error
        return values

    def graph(self) -> Graph:
        for node in list(self.raw.nodes):
            self.depends[node] = self._dependence(node)
            if self._is_in_place(node) and self.depends[node.args[0]] != "values":
                self._refuse(node, "changes a constant in place.", "Return a new tensor instead.")
            if node.op == "output":
                self._finish(node)
            elif self.depends[node] == "values" and node.op != "placeholder":
                self._rewrite(node)
        self._fix_constants()
        self.raw.eliminate_dead_code(lambda n: n.op in ("placeholder", "output"))
        for node in self.raw.nodes:
            self._label(node)
        self.raw.lint()
        module = fx.GraphModule(self.root, self.raw)
        module.delete_all_unused_submodules()
        return Graph(module, self.softmax)

    def _dependence(self, node: fx.Node) -> str:
        if node.op == "placeholder":
            return "values"
        levels = {self.depends[n] for n in node.all_input_nodes}
        if "values" in levels:
            return "shape" if self._rule(node) in (Rule.SIZE, Rule.FILL) else "values"
        return "shape" if "shape" in levels else "nothing"

    def _rule(self, node: fx.Node) -> Rule | None:
        if node.op == "call_module":
            return operations.rule_of_module(self.root.get_submodule(node.target))
        if node.op == "call_method":
            return operations.rule_of_method(node.target)
        if node.target is getattr:
            return operations.rule_of_method(node.args[1])
        return operations.rule_of_function(node.target)

    def _name(self, node: fx.Node) -> str:
        """Return the name of the operation, as the learner knows it."""
        if node.op == "call_module":
            return type(self.root.get_submodule(node.target)).__name__
        return operations.name_of(node.args[1] if node.target is getattr else node.target)

    def _refuse(self, node: fx.Node, why: str, todo: str = "") -> NoReturn:
        todo = todo or operations.advice(self._name(node))
        raise UnsupportedLayerError(f"{_where(node, self._name(node))}: {why} {todo}")

    def _rewrite(self, node: fx.Node) -> None:
        """Bring one node whose values depend on the input into canonical form, or refuse it."""
        rule = self._rule(node)
        if rule is None:
            self._refuse(node, "cannot be converted to spikes; it is not affine and not a ReLU.")
        if "out" in node.kwargs:
            self._refuse(node, "writes into a given tensor.", "Leave `out=` away.")
        self._make_functional(node)
        self._check_batch_first(node)
        source = node.args[0] if node.args else node.kwargs.get("input")
        self._check_arguments(node, rule)
        shape = _shape(self.two[node])
        if rule is Rule.VANISH:
            self._vanish(node, source)
        elif rule is Rule.SOFTMAX:
            self._drop_softmax(node, source)
        elif rule is Rule.RELU:
            self._become(node, operations.rectify, (source, self._cap(node)))
        elif rule is Rule.RESHAPE and self._name(node) in ("expand", "expand_as"):
            self._become(node, torch.Tensor.expand, (source, -1, *shape))
        elif rule is Rule.RESHAPE:
            self._become(node, torch.reshape, (source, (-1, *shape)))
        kinds = {Rule.RELU: Kind.RELU, Rule.MAX_POOL: Kind.MAX_POOL}
        node.meta["kind"] = kinds.get(rule, Kind.AFFINE)

    def _become(self, node: fx.Node, function: Callable, args: tuple) -> None:
        if node.op != "call_module":
            node.meta["label"] = self._name(node)
        else:
            node.meta["path"] = node.target
        node.op, node.target, node.args, node.kwargs = "call_function", function, args, {}

    def _make_functional(self, node: fx.Node) -> None:
        """Let an in-place operation return a new tensor, read by all later readers of the old."""
        if not self._is_in_place(node):
            return
        target = node.args[0]
        for other in self.order:
            later = any(self.order[user] > self.order[node] for user in other.users)
            earlier = self.order[other] < self.order[node] and other is not target
            if earlier and later and _share_storage(self.two[other], self.two[target]):
                self._refuse(
                    node,
                    f"works in place, and {other.name!r}, another view of the same memory, is "
                    f"read afterwards.",
                    "Write it out of place (without `inplace=True` or the trailing underscore).",
                )
        target.replace_all_uses_with(
            node, delete_user_cb=lambda user: self.order[user] > self.order[node]
        )
        node.kwargs = {k: v for k, v in node.kwargs.items() if k != "inplace"}
        if node.op != "call_module" and operations.is_in_place(node.target):
            node.target = operations.out_of_place(node.target)

    def _is_in_place(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return getattr(self.root.get_submodule(node.target), "inplace", False)
        by_name = node.op.startswith("call") and operations.is_in_place(node.target)
        tensor = by_name and isinstance(self.two[node], torch.Tensor)
        return tensor or node.kwargs.get("inplace") is True

    def _check_batch_first(self, node: fx.Node) -> None:
        two, three = self.two[node], self.three[node]
        pairs = zip(two, three, strict=False) if isinstance(two, (tuple, list)) else [(two, three)]
        for a, b in pairs:
            if not isinstance(a, torch.Tensor):
                self._refuse(node, f"returns {type(a).__name__}, expected a tensor.")
            if a.dtype not in (torch.float32, torch.float64):
                self._refuse(node, f"returns {a.dtype}, expected float32 or float64.")
            first = (a.shape[:1], b.shape[:1]) == ((2,), (3,))
            if not first or a.shape[1:] != b.shape[1:]:
                self._refuse(
                    node,
                    f"mixes the images of a batch: 2 images give shape {tuple(a.shape)}, 3 give "
                    f"{tuple(b.shape)}; expected the number of images first and the rest equal.",
                    "Keep the first dimension for the images in every step.",
                )

    def _check_arguments(self, node: fx.Node, rule: Rule) -> None:
        """Refuse a product of two signals and its like."""
        arguments = [*node.args, *node.kwargs.values()]
        moving = [i for i, argument in enumerate(arguments) if self._moves(argument)]
        allowed = {
            Rule.FIRST: moving == [0],
            Rule.ONE: len(moving) == 1,
            Rule.NUMERATOR: moving == [0],
        }
        if not allowed.get(rule, True):
            self._refuse(
                node,
                "combines two values that both depend on the input; a product or quotient of two "
                "signals is not affine.",
                "Squeeze-excite, gating and attention cannot be converted; take them out.",
            )
        name = self._name(node)
        training = node.kwargs.get("training", node.kwargs.get("train"))
        if name == "batch_norm" and ((len(node.args) > 5 and node.args[5]) or training):
            self._refuse(node, "uses the statistics of the batch.", "Write model.eval() first.")
        if "dropout" in name and node.op == "call_function":
            active = node.args[2] if len(node.args) > 2 else True if training is None else training
            if active:
                self._refuse(
                    node, "drops values at inference too.", "Write training=self.training."
                )
        if name == "getitem" and isinstance(self.two[node.args[0]], torch.Tensor):
            index = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
            if index[0] is not Ellipsis and index[0] != slice(None):
                self._refuse(
                    node, "picks images out of the batch.", "Begin the index with a colon."
                )

    def _moves(self, argument: Any) -> bool:
        found: list[fx.Node] = []
        fx.node.map_arg(argument, found.append)
        return any(self.depends[n] == "values" for n in found)

    def _cap(self, node: fx.Node) -> float | None:
        """Return the upper bound of a ReLU, None if it has none; refuse other bounds."""
        name, arguments = self._name(node), dict(node.kwargs)
        if node.op == "call_module":
            module = self.root.get_submodule(node.target)
            name = {nn.ReLU: "relu", nn.Threshold: "threshold"}.get(type(module), "hardtanh")
            arguments = vars(module)
        arguments |= zip(operations.PARAMETERS.get(name, ()), node.args[1:], strict=False)
        lower, upper = (self._number(b) for b in operations.bounds(name, arguments))
        if lower != 0 or (upper is not None and not upper > 0):
            self._refuse(
                node,
                f"clamps to [{lower}, {upper}], expected a ReLU: a lower bound 0, and above it an "
                f"upper bound or none.",
                "Write clamp(min=0) or clamp(0, c).",
            )
        return upper

    def _number(self, bound: Any) -> float | None:
        bound = self.two[bound] if isinstance(bound, fx.Node) else bound
        if isinstance(bound, torch.Tensor):
            return float(bound) if bound.numel() == 1 else float("nan")
        return bound if bound is None else float(bound)

    def _vanish(self, node: fx.Node, source: fx.Node) -> None:
        node.replace_all_uses_with(source)

    def _drop_softmax(self, node: fx.Node, source: fx.Node) -> None:
        if [user.op for user in node.users] != ["output"]:
            self._refuse(node, "a softmax inside the network cannot be converted.")
        module = self.root.get_submodule(node.target) if node.op == "call_module" else None
        name = operations.name_of(node.target) if module is None else None
        logarithmic = name == "log_softmax" or isinstance(module, nn.LogSoftmax)
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        dim = getattr(module, "dim", -3) if module is not None else dim
        self.softmax = functools.partial(
            torch.log_softmax if logarithmic else torch.softmax, dim=1 if dim is None else dim
        )
        self._vanish(node, source)

    def _finish(self, node: fx.Node) -> None:
        result = node.args[0]
        if not isinstance(result, fx.Node) or not isinstance(self.two[result], torch.Tensor):
            raise UnsupportedLayerError(
                f"model: returns {type(_plain(result, self.two)).__name__}, expected one tensor. "
                f"Wrap the model in a module that returns the one output to convert."
            )
        if self.depends[result] != "values":
            raise UnsupportedLayerError(
                "model: its output does not depend on its input. Expected a trained network."
            )

    def _fix_constants(self) -> None:
        """Replace what does not depend on values by its value, evaluated once."""
        for node in list(self.raw.nodes):
            used = [u for u in node.users if self.depends[u] == "values"]
            if self.depends[node] == "values" or node.op in ("get_attr", "output") or not used:
                continue
            two, three = self.two[node], self.three[node]
            if not isinstance(two, torch.Tensor):
                if two == three:
                    for user in used:
                        _substitute(user, node, two)
            elif self.depends[node] == "nothing" or two.shape == three.shape:
                node.replace_all_uses_with(self._buffer(node, two))
            elif two.shape[1:] == three.shape[1:] and torch.equal(two[:1], three[2:]):
                with self.raw.inserting_before(node):
                    image = next(iter(self.raw.nodes))
                    expanded = self.raw.call_function(
                        for_each_image, (self._buffer(node, two[:1]), image)
                    )
                expanded.meta |= node.meta | {"kind": Kind.AFFINE}
                self.two[expanded], self.depends[expanded] = two, "values"
                node.replace_all_uses_with(expanded)

    def _buffer(self, node: fx.Node, value: torch.Tensor) -> fx.Node:
        name = f"constant_{node.name}"
        self.root.register_buffer(name, value.detach().clone())
        with self.raw.inserting_before(node):
            constant = self.raw.get_attr(name)
        constant.meta |= node.meta
        self.two[constant], self.depends[constant] = value, "nothing"
        return constant

    def _label(self, node: fx.Node) -> None:
        """Write kind, shape and layer name into the meta data of a node that stays."""
        by_op = {"placeholder": Kind.INPUT, "get_attr": Kind.CONSTANT, "output": Kind.OUTPUT}
        kind = by_op.get(node.op) or node.meta.get("kind")
        if kind is None:
            self._refuse(
                node,
                "reads the batch size and computes with it.",
                "Use the batch size only in view, reshape and expand.",
            )
        value = self.two[node]
        node.meta["kind"] = kind
        constant = kind is Kind.CONSTANT or not isinstance(value, torch.Tensor)
        node.meta["shape"] = None if constant else _shape(value)
        if kind in (Kind.RELU, Kind.MAX_POOL):
            node.meta["layer"] = self._layer_name(node, kind)
        else:
            plain = {Kind.INPUT: "input", Kind.OUTPUT: "output"}
            path = node.target if isinstance(node.target, str) else node.name
            node.meta["layer"] = plain.get(kind, path)

    def _layer_name(self, node: fx.Node, kind: Kind) -> str:
        stem = {Kind.RELU: "relu", Kind.MAX_POOL: "max_pool"}[kind]
        path = node.target if node.op == "call_module" else node.meta.get("path")
        scope = node.meta["scope"]
        name = path or (f"{scope}.{stem}" if scope else stem)
        self.names[name] = self.names.get(name, 0) + 1
        return name if self.names[name] == 1 else f"{name}#{self.names[name]}"


def _where(node: fx.Node, name: str = "") -> str:
    """Return 'layer 'conv1' (Conv2d), line 3 of model.py (`...`)'."""
    path = node.target if node.op == "call_module" else node.meta.get("scope", "")
    name = name or operations.name_of(node.target)
    layer = f"layer {path!r} ({name})" if path else f"{name!r}"
    return layer + node.meta.get("line", "")


def _share_storage(a: Any, b: Any) -> bool:
    parts = a if isinstance(a, (tuple, list)) else [a]
    return any(
        isinstance(part, torch.Tensor)
        and part.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
        for part in parts
    )


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape[1:]) if isinstance(value, torch.Tensor) else ()


def _plain(result: Any, values: dict[fx.Node, Any]) -> Any:
    return values[result] if isinstance(result, fx.Node) else result


def _substitute(user: fx.Node, node: fx.Node, value: Any) -> None:
    user.args = fx.node.map_arg(user.args, lambda n: value if n is node else n)
    user.kwargs = fx.node.map_arg(user.kwargs, lambda n: value if n is node else n)
