"""What is known of a captured model before it is rewritten: values, shapes, dependences."""

from enum import Enum
from typing import Any, NoReturn

import torch
from torch import fx, nn

from snnlab.exceptions import ShapeError, UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.canonical import apply, source_of
from snnlab.graph.capture import capture
from snnlab.graph.operations import OperationRule


class Depends(Enum):
    """What a value depends on."""

    NOTHING = "neither the images nor how many they are"
    BATCH = "how many images there are"
    VALUES = "the images"


class Probe:
    """A captured model, evaluated on batches of 2 and of 3 images.

    The two batches tell what depends on their size, and whether images are mixed: the first two
    images are the same in both.
    """

    def __init__(self, model: nn.Module, image: torch.Tensor):
        self.graph, self.root = capture(model)
        for node in self.graph.nodes:
            _put_input_first(node)
        self.order = {node: i for i, node in enumerate(self.graph.nodes)}
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(3, *image.shape[1:], generator=generator, dtype=image.dtype)
        spread = image.abs().max().clamp(min=1e-3)
        images = image + spread * noise.to(image.device)
        # Of one image, None for what is not one tensor. They are noted at once: a later
        # `unsqueeze_` would change them in the stored value.
        self.shapes: dict[fx.Node, Any] = {}
        self.two = self._run(images[:2].clone())
        self.three = self._run(images)
        self.depends: dict[fx.Node, Depends] = {}
        for node in self.graph.nodes:
            self.depends[node] = self._dependence(node)

    def _run(self, images: torch.Tensor) -> dict[fx.Node, Any]:
        values: dict[fx.Node, Any] = {}
        for node in self.graph.nodes:
            try:
                first = node.op == "placeholder"
                values[node] = images if first else apply(node, self.root, values)
            except Exception as error:
                raise ShapeError(
                    f"{self.place(node)}: fails for a batch of {len(images)} images of shape "
                    f"{tuple(images.shape[1:])}: {error}. Expected a model that takes any number "
                    f"of images of this shape. Look at the shape of x, and for a batch size "
                    f"written into the model: use x.size(0) or torch.flatten(x, 1)."
                ) from error
            value = values[node]
            self.shapes[node] = tuple(value.shape[1:]) if isinstance(value, torch.Tensor) else None
        return values

    def _dependence(self, node: fx.Node) -> Depends:
        if node.op == "placeholder":
            return Depends.VALUES
        levels = {self.depends[source] for source in node.all_input_nodes}
        reads_size = self.rule(node) in (OperationRule.SIZE, OperationRule.FILL)
        if Depends.VALUES in levels and not reads_size:
            return Depends.VALUES
        if levels <= {Depends.NOTHING}:
            return Depends.NOTHING
        # One entry of a shape may be the same for any batch; what is computed with a batch size
        # may be so by chance.
        picked = self.name(node) == "getitem" and not self.is_tensor(source_of(node))
        plain = picked or Depends.BATCH not in levels
        same = plain and _equal(self.two[node], self.three[node])
        return Depends.NOTHING if same else Depends.BATCH

    def is_tensor(self, node: fx.Node) -> bool:
        """Return whether the value of a node is one tensor."""
        return isinstance(self.two.get(node), torch.Tensor)

    def is_one_for_all(self, node: fx.Node) -> bool:
        """Return whether a value that depends on the batch size is one constant for each image."""
        equal = _is_one_row(self.two[node], self.three[node])
        return equal and all(map(self._is_plain_size, node.all_input_nodes))

    def _is_plain_size(self, node: fx.Node) -> bool:
        """Return whether a node holds the number of images itself, not something made of it."""
        if self.depends[node] is not Depends.BATCH:
            return True
        two, three = self.two[node], self.three[node]
        if isinstance(two, torch.Size):
            return all(a == b or (a, b) == (2, 3) for a, b in zip(two, three, strict=True))
        if isinstance(two, (tuple, list)):
            return all(map(_is_one_row, two, three))
        if isinstance(two, torch.Tensor):
            return self.is_one_for_all(node)
        return isinstance(two, int) and (two, three) == (2, 3)

    def moves(self, argument: Any) -> bool:
        """Return whether an argument of a node depends on the values of the input."""
        return any(self.depends[n] is Depends.VALUES for n in nodes_in(argument))

    def module(self, node: fx.Node) -> nn.Module | None:
        """Return the module that a node calls, None if it calls none."""
        return self.root.get_submodule(str(node.target)) if node.op == "call_module" else None

    def rule(self, node: fx.Node) -> OperationRule | None:
        """Return what is known of the operation of a node, None if nothing."""
        module = self.module(node)
        if module is not None:
            return operations.rule_of_module(module)
        target: Any = node.target
        if node.op == "call_method":
            return operations.rule_of_method(target)
        if target is getattr:
            return operations.rule_of_method(str(node.args[1]))
        return operations.rule_of_function(target)

    def name(self, node: fx.Node) -> str:
        """Return the name of the operation, as the user knows it."""
        module = self.module(node)
        if module is not None:
            return type(module).__name__
        return operations.name_of(node.args[1] if node.target is getattr else node.target)

    def place(self, node: fx.Node) -> str:
        """Return 'layer 'block.conv1' (Conv2d), line 3 of model.py (`...`)'."""
        path = node.target if node.op == "call_module" else node.meta.get("scope", "")
        name = self.name(node)
        layer = f"layer {path!r} ({name})" if path else f"{name!r}"
        return layer + node.meta.get("line", "")

    def refuse(self, node: fx.Node, why: str, todo: str = "") -> NoReturn:
        """Raise, naming the operation and its line."""
        todo = todo or operations.advice(self.name(node))
        raise UnsupportedLayerError(f"{self.place(node)}: {why} {todo}")


def nodes_in(argument: Any) -> list[fx.Node]:
    """Return the nodes within an argument, however deep in lists and tuples."""
    found: list[fx.Node] = []
    fx.node.map_arg(argument, found.append)
    return found


def _put_input_first(node: fx.Node) -> None:
    """Let an operation called as f(input=x) read as f(x)."""
    if node.op.startswith("call") and not node.args and "input" in node.kwargs:
        node.args = (node.kwargs["input"],)
        node.kwargs = {key: value for key, value in node.kwargs.items() if key != "input"}


def _is_one_row(two: Any, three: Any) -> bool:
    """Return whether all images of both batches have the same row."""
    if not isinstance(two, torch.Tensor) or (two.shape[:1], three.shape[:1]) != ((2,), (3,)):
        return False
    same_shape = two.shape[1:] == three.shape[1:]
    return same_shape and all(torch.equal(row, two[0]) for row in (*two, *three))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.shape == b.shape and torch.equal(a, b)
    return type(a) is type(b) and bool(a == b)
