"""A model recorded on several batches: what is the same in all of them is the network."""

from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import fx, nn

from snnlab.exceptions import SNNLabError, UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.capture import Recording, record
from snnlab.graph.layout import FIRST, Layout, layouts_of
from snnlab.graph.models import Output
from snnlab.graph.operations import Kind, OperationRule, overwritten
from snnlab.graph.places import place

_COMPUTES = "has another argument for another batch: it computes with"


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
    layouts : dict from node to Layout
        Where the images lie in its value, once that was looked at; a list if it is a tuple.
    constants : dict from node to tensor
        What does not depend on the images; the shape is (1, ...) where every image has a copy.
    dtype : torch.dtype
        Of the graph's floats.
    holds_floats : bool
        Whether the images are of floats, not of whole numbers.
    """

    def __init__(
        self, model: nn.Module, image: torch.Tensor, dtype: torch.dtype, output: Output = None
    ):
        generator = torch.Generator().manual_seed(0)
        self.holds_floats, images = image.is_floating_point(), _varied(image, generator)
        self.dtype = dtype
        self._record = lambda chosen: record(model, images[chosen], output)
        two = self._record([0, 1])
        # In other places, so that what depends on the place shows.
        five = self._record([2, 0, 1, 3, 4])
        self.graph, self.two, self.shapes = two.graph, two.values, two.shapes
        self._nodes, self._steps = list(two.graph.nodes), _steps(two)
        self.layouts: dict[fx.Node, Any] = {}
        self.constants: dict[fx.Node, torch.Tensor] = {}
        self.every_image: set[fx.Node] = set()
        self._differing: dict[fx.Node, str] = {}
        self.five = self._follow(five)
        one = self._follow(self._other())
        for node in [n for n in self.graph.nodes if n.op == "get_attr"]:
            self._note_constant(node, one.get(node))

    def _other(self) -> Recording:
        """Return a recording of another image.

        It is of two, if the model reads one alone in another way but makes the same of it: a
        squeeze() may take the batch away, and the next step bring it back.
        """
        try:
            one, end = self._record([5]), self._nodes[-1]
            if [step[:2] for step in _steps(one)] == [step[:2] for step in self._steps]:
                return one
            alone = [self._record([0]), self._record([1])]
        except SNNLabError:
            return self._record([4, 5])
        known = self.two[end].flatten()
        found = torch.cat([r.values[list(r.graph.nodes)[-1]].flatten() for r in alone])
        # Of zeros it cannot be told.
        same = known.any() and found.shape == known.shape and torch.allclose(found, known, 1e-3)
        return self._record([4, 5]) if same else one

    def _follow(self, other: Recording) -> dict[fx.Node, Any]:
        """Return the values of another recording, by node; note where that does something else."""
        values: dict[fx.Node, Any] = {}
        its = zip(other.graph.nodes, _steps(other), strict=True)
        for node, step, (its_node, its_step) in zip(self._nodes, self._steps, its, strict=False):
            if step[:2] != its_step[:2]:
                self._differing[node] = "is a step for some batches only: the forward branches on"
                if not node.meta["steps"]:  # an output, a constant
                    node.meta |= its_node.meta  # the line of the step in its place
                break
            if step != its_step:
                self._differing[node] = _COMPUTES
            values[node] = other.values.get(its_node)
        return values

    def _note_constant(self, node: fx.Node, one: torch.Tensor | None) -> None:
        """Keep the value of a constant if it is the same for every image of every batch."""
        two, five = self.two[node], self.five.get(node)
        if five is None:
            return
        if len({_place(t) for t in (two, five, one) if t is not None}) == 1:
            self.constants[node] = two  # one parameter, which is large and need not be compared
            return
        known = [t for t in (two, five, one) if t is not None]
        for layout in layouts_of(two, five, torch.equal):
            value = layout.front(two)[:1]
            # A model's squeeze() may have changed the shape of what one image reads.
            fronts = (layout.front(t) if t.ndim == two.ndim else t for t in known)
            if all(_repeats(t, value) for t in fronts):
                self.constants[node] = value
                self.every_image.add(node)
                self.layouts[node], self.shapes[node] = layout, tuple(value.shape[1:])
                return
        if two.shape == five.shape and all(_repeats(t, two) for t in known):
            self.constants[node] = two

    def check(self, node: fx.Node) -> None:
        """Refuse a node that is another one for another batch."""
        if node in self._differing:
            self.refuse_changing(node, self._differing[node])

    def refuse_changing(self, node: fx.Node, what: str = _COMPUTES) -> NoReturn:
        """Raise because of what is not the same for every batch, and say what it depends on."""
        again, end = self._record([3, 4]), self._nodes.index(node) + 1
        values = dict(zip(self._nodes, map(again.values.get, again.graph.nodes), strict=False))
        read = [n for n in node.all_input_nodes if n.op == "get_attr"]
        same = _steps(again)[:end] == self._steps[:end] and all(
            torch.equal(self.two[n], values[n]) for n in read
        )
        if same:
            todo = "Use the batch size only in view, reshape and expand."
            self.refuse(node, f"{what} the batch size.", todo)
        self.refuse(
            node,
            f"{what} values that torch's functions do not show, random numbers, or what an "
            f"earlier run left behind.",
            "Expected the same steps for every image: compute with torch alone, and keep no state.",
        )

    def value(self, argument: Any) -> Any:
        """Return the tensor that a constant stands for, dense, in the model's type; else it."""
        if not isinstance(argument, fx.Node):
            return argument
        tensor = self.constants[argument]
        tensor = tensor if tensor.layout is torch.strided else tensor.to_dense()
        floats = tensor.is_floating_point() and self.dtype.is_floating_point
        return tensor.to(self.dtype) if floats else tensor

    def layout(self, node: fx.Node) -> Layout:
        """Return how the images lie in the value of a node that was looked at."""
        return self.layouts.get(node, FIRST)

    def write(
        self, before: fx.Node, function: Callable | str, *args: Any, like: fx.Node
    ) -> fx.Node:
        """Write a call before a node; its value is, in the model, that of the node `like`."""
        with before.graph.inserting_before(before):
            op = "call_method" if isinstance(function, str) else "call_function"
            new = before.graph.create_node(op, function, args)
        new.meta |= like.meta | {"kind": Kind.AFFINE, "own": None}
        for known in (self.two, self.five, self.shapes, self.layouts):
            if like in known:
                known[new] = known[like]
        return new

    def is_tensor(self, node: fx.Node) -> bool:
        """Return whether the value of a node is one tensor."""
        return isinstance(self.two.get(node), torch.Tensor)

    def moves(self, argument: Any) -> bool:
        """Return whether an argument of a node depends on the values of the input."""
        return any(n.op != "get_attr" for n in nodes_in(argument))

    def moving(self, node: fx.Node) -> list[fx.Node]:
        """Return what a node reads that depends on the values of the input."""
        return [n for n in node.all_input_nodes if self.moves(n)]

    def rule(self, node: fx.Node) -> OperationRule | None:
        """Return what is known of the operation of a node, None if nothing."""
        return operations.rule_of(_target(node))

    def name(self, node: fx.Node) -> str:
        """Return the name of the operation, without the marks of its in-place form."""
        return operations.name_of(_target(node))

    def refuse(
        self,
        node: fx.Node,
        why: str,
        todo: str = "",
        error: type[UnsupportedLayerError] = UnsupportedLayerError,
    ) -> NoReturn:
        """Raise, naming the operation and its line."""
        todo = todo or operations.advice(self.name(node))
        raise error(f"{place(node.meta, self.name(node))}: {why} {todo}")


def _varied(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return six images like one; of whole numbers none is smaller or larger."""
    shape = (6, *image.shape[1:])
    if not image.is_floating_point():
        low, high = int(image.min()), int(image.max()) + 1
        return torch.randint(low, high, shape, generator=generator).to(image.device)
    noise = torch.randn(shape, generator=generator, dtype=image.dtype)
    return image + image.abs().max().clamp(min=1e-3) * noise.to(image.device)


def _steps(recording: Recording) -> list[tuple[str, Any, str]]:
    """Return what a recording called and with what, but for what depends on the batch rightly.

    That is the sizes that reshapes were given, and how the memory of one image lies.
    """

    def told(node: fx.Node) -> str:
        reshapes = operations.rule_of(_target(node)) is OperationRule.RESHAPE
        free = reshapes or node.target is overwritten
        return "" if free else repr((node.args, node.kwargs))

    return [(n.op, n.target, told(n)) for n in recording.graph.nodes]


def _repeats(tensor: torch.Tensor, value: torch.Tensor) -> bool:
    """Return whether a tensor holds a value again and again."""
    parts = tensor.flatten().split(max(value.numel(), 1))
    return all(torch.equal(part, value.flatten()) for part in parts)


def _place(tensor: torch.Tensor) -> Any:
    if tensor.layout is not torch.strided:
        return id(tensor)
    return tensor.data_ptr(), tensor.shape, tensor.stride()


def _target(node: fx.Node) -> Any:
    return node.args[1] if node.target is getattr else node.target


def nodes_in(argument: Any) -> list[fx.Node]:
    """Return the nodes within an argument, however deep in lists and tuples."""
    found: list[fx.Node] = []
    fx.node.map_arg(argument, found.append)
    return found
