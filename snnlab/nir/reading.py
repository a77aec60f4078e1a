"""From a graph of NIR to a network."""

import functools
import graphlib
import operator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.tracing import trace
from snnlab.network import Network
from snnlab.nir.neurons import COMMON, library

_WINDOW = ("kernel_size", "stride", "padding")


def from_nir(graph: Any) -> Network:
    """Return the network that a graph of NIR describes.

    Parameters
    ----------
    graph : nir.NIRGraph
        From `nir.read(file)`: one input, one output, no loop, and nodes as `to_nir` writes them.

    Returns
    -------
    Network
        One unit of NIR's time is one step. Where a threshold or a resistance is not 1, a scaling of
        the current stands before the neuron.

    Raises
    ------
    UnsupportedLayerError
        If a node is of another kind, or a neuron is not reset to zero, or there is a loop.

    Source: Pedersen et al. 2024 (NIR).

    >>> import nir
    >>> one = np.ones(3)
    >>> graph = nir.NIRGraph.from_list(nir.Linear(np.ones((3, 2))), nir.IF(r=one, v_threshold=one))
    >>> from_nir(graph)
    Spiking network of 1 layer, 3 neurons; input 2
    layer  shape  neurons  threshold θ  reset  v_init
    if         3        3            1   zero     0 θ
    """
    nir = library("from_nir")
    checks.instance(graph, nir.NIRGraph, "graph", "Write nir.read(file) first.")
    model = _Model(graph, nir)
    traced = trace(model, torch.zeros(1, *model.input_shape, dtype=model.dtype))
    for node in traced.nodes:
        prefix, _, number = node.meta["layer"].partition(".")
        if prefix == "parts":
            node.meta["layer"] = model.names[int(number.partition(".")[0])]
    return Network(traced, dict.fromkeys(traced.layers, COMMON))


class _Model(nn.Module):
    """A graph of NIR as a module of torch, with ReLUs in place of its neurons."""

    def __init__(self, graph: Any, nir: ModuleType):
        super().__init__()
        self.first, self.last = (_only(graph, kind) for kind in (nir.Input, nir.Output))
        self.input_shape = tuple(int(n) for n in graph.nodes[self.first].input_type["input"])
        weights = [node.weight.dtype for node in graph.nodes.values() if hasattr(node, "weight")]
        self.dtype = torch.from_numpy(np.zeros(0, np.result_type(np.float32, *weights))).dtype
        self.names = [name for name in _ordered(graph) if name not in (self.first, self.last)]
        self.read = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
        parts = [_part(name, graph.nodes[name], nir) for name in self.names]
        self.parts = nn.ModuleList(parts).to(self.dtype).eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for images, shape (B, ...)."""
        values = {self.first: x}
        for name, part in zip(self.names, self.parts, strict=True):
            values[name] = part(self._sum(name, values))
        return self._sum(self.last, values)

    def _sum(self, name: str, values: dict[str, torch.Tensor]) -> torch.Tensor:
        return functools.reduce(operator.add, [values[source] for source in self.read[name]])


class _Scale(nn.Module):
    factor: torch.Tensor

    def __init__(self, factor: np.ndarray):
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


def _only(graph: Any, kind: type) -> str:
    """Return the name of the one node of a kind."""
    names = [name for name, node in graph.nodes.items() if isinstance(node, kind)]
    if len(names) != 1:
        raise UnsupportedLayerError(
            f"graph: has {len(names)} nodes of type {kind.__name__}, expected one. Take the part "
            f"with one input and one output out of it."
        )
    return names[0]


def _ordered(graph: Any) -> list[str]:
    """Return the names of all nodes, each behind those that it reads."""
    sorter = graphlib.TopologicalSorter({name: [] for name in graph.nodes})
    for source, reader in graph.edges:
        sorter.add(reader, source)
    try:
        return list(sorter.static_order())
    except graphlib.CycleError as error:
        raise UnsupportedLayerError(
            f"graph: has a loop through {error.args[1]}, expected none: a spike reaches the next "
            f"layers in the same step. Take the loop out."
        ) from error


def _part(name: str, node: Any, nir: ModuleType) -> nn.Module:
    """Return a node as a module."""
    if isinstance(node, nir.Linear | nir.Affine) and node.weight.ndim == 2:
        return _weighted(nn.Linear, node, *node.weight.shape[::-1])
    if isinstance(node, nir.Conv1d | nir.Conv2d):
        return _convolution(node, nn.Conv1d if isinstance(node, nir.Conv1d) else nn.Conv2d)
    if isinstance(node, nir.AvgPool2d | nir.SumPool2d):
        window = {name: _numbers(getattr(node, name)) for name in _WINDOW}
        # A sum is an average whose divisor is 1.
        divisor = 1 if isinstance(node, nir.SumPool2d) else None
        return nn.AvgPool2d(**window, divisor_override=divisor)
    if isinstance(node, nir.Flatten):
        # NIR's shapes are those of one image; the batch stands before them.
        return nn.Flatten(*(int(d) + (d >= 0) for d in (node.start_dim, node.end_dim)))
    if isinstance(node, nir.Scale):
        return _Scale(node.scale)
    if isinstance(node, nir.IF) and not node.v_reset.any():
        factor = node.r / node.v_threshold
        return nn.ReLU() if (factor == 1).all() else nn.Sequential(_Scale(factor), nn.ReLU())
    raise UnsupportedLayerError(
        f"node {name!r}: {type(node).__name__} cannot be simulated as it is here, expected Affine "
        f"and Linear of vectors, Conv1d, Conv2d, AvgPool2d, SumPool2d, Flatten, Scale, and IF that "
        f"is reset to 0. Replace it in the graph."
    )


def _convolution(node: Any, kind: type) -> nn.Module:
    return _weighted(
        kind,
        node,
        node.weight.shape[1] * int(node.groups),
        node.weight.shape[0],
        kernel_size=node.weight.shape[2:],
        **{name: _numbers(getattr(node, name)) for name in ("stride", "padding", "dilation")},
        groups=int(node.groups),
    )


def _weighted(kind: type, node: Any, *arguments: Any, **options: Any) -> nn.Module:
    """Return a layer with the weight and the bias of a node."""
    bias = getattr(node, "bias", None)
    state = {"weight": torch.tensor(node.weight)}
    if bias is not None:
        state["bias"] = torch.tensor(bias)
    with torch.device("meta"):
        layer = kind(*arguments, bias=bias is not None, **options)
    layer.load_state_dict(state, assign=True)
    return layer


def _numbers(value: Any) -> Any:
    """Return sizes of NIR, numbers or arrays, as torch takes them."""
    if isinstance(value, str):
        return value
    return tuple(int(n) for n in np.ravel(value))
