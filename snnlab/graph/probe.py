"""A model recorded on several batches: what is the same in all of them is the network."""

from typing import Any, NoReturn

import torch
from torch import fx, nn

from snnlab.exceptions import SNNLabError, UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.capture import Recording, place, record
from snnlab.graph.models import Output
from snnlab.graph.operations import OperationRule, overwritten


class Probe:
    """A model recorded on 2 images, on 5 with the same two among them, and on another one.

    Attributes
    ----------
    graph : torch.fx.Graph
        What it did to the 2 images.
    two, five : dict from node to value
        `five` has the nodes of `graph` too. Later operations in place may have changed a value.
    shapes : dict from node to tuple or None
        Of one image, None for what is not one tensor.
    constants : dict from node to tensor
        What does not depend on the images; the shape is (1, ...) where every image has a copy.
    """

    def __init__(self, model: nn.Module, image: torch.Tensor, output: Output = None):
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(6, *image.shape[1:], generator=generator, dtype=image.dtype)
        spread = image.abs().max().clamp(min=1e-3)
        images = image + spread * noise.to(image.device)
        two = record(model, images[:2], output)
        # In other places, so that what depends on the place shows.
        five = record(model, images[[2, 0, 1, 3, 4]], output)
        self.graph, self.two, self.shapes = two.graph, two.values, two.shapes
        self.constants: dict[fx.Node, torch.Tensor] = {}
        self.every_image: set[fx.Node] = set()
        self._differing: dict[fx.Node, str] = {}
        self.five = self._follow(five)
        try:
            one = self._follow(record(model, images[5:], output))
        except SNNLabError:  # a model's squeeze() may have taken away the batch
            one = self._follow(record(model, images[4:], output))
        for node in [n for n in self.graph.nodes if n.op == "get_attr"]:
            self._note_constant(node, one.get(node))

    def _follow(self, other: Recording) -> dict[fx.Node, Any]:
        """Return the values of another recording, by node; note where that does something else."""
        values: dict[fx.Node, Any] = {}
        for own, its in zip(self.graph.nodes, other.graph.nodes, strict=False):
            if (own.op, own.target) != (its.op, its.target):
                self._differing[own] = (
                    "is reached for some batches only: the forward branches on the batch size or "
                    "on values."
                )
                break
            # How the memory of one image lies may depend on the number of images.
            free = self.rule(own) is OperationRule.RESHAPE or own.target is overwritten
            if not free and repr((own.args, own.kwargs)) != repr((its.args, its.kwargs)):
                self._differing[own] = "reads the batch size and computes with it."
            values[own] = other.values.get(its)
        return values

    def _note_constant(self, node: fx.Node, one: torch.Tensor | None) -> None:
        """Keep the value of a constant if it is the same for every image of every batch."""
        two, five = self.two[node], self.five.get(node)
        if five is None:
            return
        rows = (two.shape[:1], five.shape[:1]) == ((2,), (5,)) and two.shape[1:] == five.shape[1:]
        value = two[:1] if rows else two
        # A model's squeeze() may have changed the shape of what one image reads.
        read = [t.flatten() for t in (two, five, value if one is None else one)]
        parts = [part for t in read for part in t.split(max(value.numel(), 1))]
        same = all(torch.equal(part, value.flatten()) for part in parts)
        if same and (rows or two.shape == five.shape):
            self.constants[node] = value
            self.every_image |= {node} if rows else set()

    def check(self, node: fx.Node) -> None:
        """Refuse a node that is another one for another batch."""
        if node in self._differing:
            todo = "Use the batch size only in view, reshape and expand."
            self.refuse(node, self._differing[node], todo)

    def is_tensor(self, node: fx.Node) -> bool:
        """Return whether the value of a node is one tensor."""
        return isinstance(self.two.get(node), torch.Tensor)

    def moves(self, argument: Any) -> bool:
        """Return whether an argument of a node depends on the values of the input."""
        return any(n.op != "get_attr" for n in nodes_in(argument))

    def rule(self, node: fx.Node) -> OperationRule | None:
        """Return what is known of the operation of a node, None if nothing."""
        return operations.rule_of(_target(node))

    def name(self, node: fx.Node) -> str:
        """Return the name of the operation, without the marks of its in-place form."""
        return operations.name_of(_target(node))

    def refuse(self, node: fx.Node, why: str, todo: str = "") -> NoReturn:
        """Raise, naming the operation and its line."""
        todo = todo or operations.advice(self.name(node))
        raise UnsupportedLayerError(f"{place(node.meta, self.name(node))}: {why} {todo}")


def _target(node: fx.Node) -> Any:
    return node.args[1] if node.target is getattr else node.target


def nodes_in(argument: Any) -> list[fx.Node]:
    """Return the nodes within an argument, however deep in lists and tuples."""
    found: list[fx.Node] = []
    fx.node.map_arg(argument, found.append)
    return found
