"""The canonical graph: what `trace` makes of a model and everything else works on."""

import copy
import dataclasses
import functools
import math
import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules.conv import _ConvNd

from snnlab.exceptions import OptionError
from snnlab.graph.fingerprint import fingerprint
from snnlab.graph.models import Output
from snnlab.graph.operations import Kind, looked_up

# An empty buffer that moves along with the parameters and so holds their type and device.
REFERENCE = "(reference)"
# What `tracing` and what rewrites a graph afterwards write into a node's `meta`.
META = ("kind", "shape", "layer", "scale", "part", "of")
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)
Weighted = nn.Linear | _ConvNd


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """A model in canonical form: affine pieces, ReLUs, max pools; the batch first in every value.

    Parameters
    ----------
    module : torch.fx.GraphModule
        Owns the parameters (copies) and the nodes. Each node's `meta` holds its `kind`, its `shape`
        without the batch, and `layer`, the name a user sees.
    head : callable or None
        What the model does to its logits at the very end, a softmax or sigmoid; it is left out of
        the nodes.
    added : tuple of str
        Names of the layers where the model has no ReLU, see `spiking_layers`.
    logits : str
        Where the model's own output is: "output", or the added layer whose current it is.
    output : str, int or None
        Which of several outputs of the model this is, None if it has only one.
    """

    module: fx.GraphModule
    head: Any = None
    added: tuple[str, ...] = ()
    logits: str = "output"
    output: Output = None

    @property
    def nodes(self) -> list[fx.Node]:
        """The nodes in the order of evaluation."""
        return list(self.module.graph.nodes)

    @functools.cached_property
    def layers(self) -> dict[str, fx.Node]:
        """The spiking layers (every ReLU) by name, in the order of evaluation."""
        return {n.meta["layer"]: n for n in self.nodes if n.meta["kind"] is Kind.RELU}

    @functools.cached_property
    def pools(self) -> dict[str, fx.Node]:
        """The max poolings by name, in the order of evaluation."""
        return {n.meta["layer"]: n for n in self.nodes if n.meta["kind"] is Kind.MAX_POOL}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.nodes[0].meta["shape"]

    @property
    def reference(self) -> torch.Tensor:
        """An empty tensor of the type and on the device of the parameters."""
        return getattr(self.module, REFERENCE)

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the parameters."""
        return self.reference.dtype

    @property
    def device(self) -> torch.device:
        """Where the parameters lie."""
        return self.reference.device

    @functools.cached_property
    def looks_up(self) -> bool:
        """Whether images hold whole numbers, which an embedding looks up."""
        return any(node.target is looked_up for node in self.nodes)

    @functools.cached_property
    def fingerprint(self) -> str:
        """The sha256 of structure and parameters: the same for the same graph in another type."""
        layers = dict(self.module.named_children())
        calls = [n.format_node() for n in self.nodes[1:]]
        # Parameters of float32 are the same numbers in float64; so all are compared as float32.
        parameters = [t.float() if t.is_floating_point() else t for t in tensors(self.module)]
        return fingerprint(self, layers, calls, *parameters)

    @functools.cached_property
    def multiplications(self) -> int:
        """How many multiplications linear layers and convolutions need for one image."""
        layers = ((node, layer_of(node, self)) for node in self.nodes)
        return sum(math.prod(n.meta["shape"]) * m.weight[0].numel() for n, m in layers if m)

    def to(self, *device_or_dtype: Any) -> "Graph":
        """Return a copy on another device or in another floating type, as `torch.nn.Module.to`."""
        module = copy.deepcopy(self.module).to(*device_or_dtype)
        head = self.head and self.head.to(*device_or_dtype)
        graph = dataclasses.replace(self, module=module, head=head)
        if graph.dtype not in (torch.float32, torch.float64):
            raise OptionError(
                f"dtype = {graph.dtype}: expected torch.float32 or torch.float64. Half precision "
                f"cannot hold the sums of a simulation."
            )
        return graph

    def __reduce__(self) -> tuple:
        # A GraphModule would be traced anew where it arrives, and lose its meta data.
        nodes = [(n.name, n.op, _reference(n.target), *_named(n), own_meta(n)) for n in self.nodes]
        parts = {key: vars(self.module)[key] for key in ("_modules", "_parameters", "_buffers")}
        return _rebuilt, (parts, nodes, self.head, self.added, self.logits, self.output)

    def __repr__(self) -> str:
        lines = [f"Graph of {len(self.nodes)} nodes, input {self.input_shape}"]
        for node in self.nodes:
            shape = "×".join(map(str, node.meta["shape"] or ()))
            lines.append(f"  {node.meta['kind'].value:9} {node.meta['layer']:30} {shape}")
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class _Name:
    """Stands for a node, or for a function of `torch.nn.functional` that cannot be pickled."""

    name: str


def _named(node: fx.Node) -> Any:
    """Return arguments and keywords with names in the place of nodes."""
    named: Any = lambda source: _Name(source.name)  # noqa: E731
    return fx.node.map_arg((node.args, node.kwargs), named)


def own_meta(node: fx.Node) -> dict[str, Any]:
    """Return what a network needs of a node's meta data."""
    return {key: node.meta[key] for key in META if key in node.meta}


def _reference(target: Any) -> Any:
    # Pooling functions are closures; only their name finds them.
    name = getattr(target, "__name__", "")
    own = callable(target) and getattr(nn.functional, name, None) is target
    return _Name(name) if own else target


def _rebuilt(parts: dict[str, Any], nodes: list[tuple], head: Any, *rest: Any) -> Graph:
    """Return a graph from what `Graph.__reduce__` took apart."""
    root = nn.Module()
    vars(root).update(parts)
    graph = fx.Graph()
    made: dict[str, fx.Node] = {}

    def node_of(value: Any) -> Any:
        return made[value.name] if isinstance(value, _Name) else value

    for name, op, target, args, kwargs, meta in nodes:
        function = getattr(nn.functional, target.name) if isinstance(target, _Name) else target
        args, kwargs = fx.node.map_aggregate((args, kwargs), node_of)
        made[name] = graph.create_node(op, function, args, kwargs, name)
        made[name].meta |= meta
    module = fx.GraphModule(root, graph)
    vars(module).update(parts)  # all of them, in their order
    return Graph(module, head, *rest)


def tensors(module: nn.Module) -> list[torch.Tensor]:
    """Return the parameters and buffers of a module."""
    return [*module.parameters(), *module.buffers()]


def graph_module(parts: dict[str, Any], steps: fx.Graph, reference: torch.Tensor) -> fx.GraphModule:
    """Return the module of a canonical graph, whose floats are like those of `reference`."""
    module = fx.GraphModule(parts, steps)
    # No attribute can have this name, so it cannot clash with one of the model's.
    module.register_buffer(REFERENCE, reference.new_empty(0))
    return module


def source_of(node: fx.Node) -> fx.Node:
    """Return the first node that a node reads."""
    return node.all_input_nodes[0]


def apply(node: fx.Node, module: nn.Module, values: dict[fx.Node, Any]) -> Any:
    """Evaluate one node of a graph whose inputs are in `values`."""
    target: Any = node.target
    if node.op == "get_attr":
        return operator.attrgetter(target)(module)
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
    if node.op == "call_module":
        return module.get_submodule(target)(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], target)(*args[1:], **kwargs)
    if node.op == "output":
        return args[0]
    return target(*args, **kwargs)


def expand_to_batch(constant: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Repeat a constant of shape (1, ...) for each image, without copying it."""
    return constant.expand(len(images), *constant.shape[1:])


def layer_of(node: fx.Node, graph: Graph) -> Weighted | None:
    """Return the linear layer or convolution that a node calls; no other node calls it."""
    if node.op != "call_module":
        return None
    layer: Any = graph.module.get_submodule(str(node.target))
    return layer if isinstance(layer, WEIGHTED) else None
