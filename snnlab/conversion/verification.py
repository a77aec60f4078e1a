"""The proof that a converted network computes what the model computes."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import torch
from torch import fx, nn

from snnlab import _checks
from snnlab.exceptions import VerificationError
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import currents_of, inference
from snnlab.graph.models import copied, run, selected
from snnlab.graph.operations import Kind
from snnlab.graph.tracing import trace
from snnlab.network import Network

_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}


def verify(model: nn.Module, network: Network, x: Any) -> None:
    """Raise unless a network computes, with ReLUs for neurons, what the model computes.

    Three tests. (1) The output, and the current at every ReLU, agree with those of the model before
    folding. (2) Every piece between ReLUs and max pools is affine: the middle of two inputs gives
    the middle of two outputs. (3) A batch gives what its images give one by one. Differences count
    relative to the layer's largest absolute value: 1e-4 in float32, 1e-10 in float64. A final
    softmax of the model is applied to the network's output for the comparison.

    Parameters
    ----------
    model : torch.nn.Module
        The model that was converted. It is not changed.
    network : Network
    x : array, shape (B, ...)
        Images; each is evaluated several times.

    Raises
    ------
    VerificationError
        With the layer, the test and the largest difference.

    Derived here.

    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> verify(model, convert(model, [[1.0, 0.0]], threshold=Fixed(1.0)), [[1.0, 0.0]])
    """
    x = _checks.images(x, "x", network.graph.input_shape)
    check_equivalence(trace(model, x, output=network.graph.output), model, network, x)


def check_equivalence(traced: Graph, model: nn.Module, network: Network, x: torch.Tensor) -> None:
    """Raise unless a network computes what the traced model and the model itself compute."""
    graph = network.graph
    layers = [name for name in graph.layers if name not in graph.added]
    if list(traced.layers) != layers:
        raise VerificationError(
            f"model: has the ReLUs {list(traced.layers)}, the network has {layers}. "
            f"Expected the model that this network was converted from."
        )
    # A network in float64 of a model in float32 was folded in float32.
    tolerance = max(_TOLERANCE[graph.dtype], _TOLERANCE[traced.dtype])
    x = x.to(graph.device, graph.dtype)
    traced = traced.to(graph.device, graph.dtype)
    original = copied(model).to(graph.device, graph.dtype)
    softmax = traced.softmax or (lambda logits: logits)
    with inference(graph, len(x)):
        own = _currents(graph, x)
        logits = own[graph.logits]
        before = _currents(traced, x)
        own_before = {name: own[name] for name in before} | {"output": logits}
        _agree("folded graph against the graph before folding", own_before, before, tolerance)
        # With one image a model's squeeze() would take away the batch too, so there are two.
        several = x.repeat(2, *[1] * (x.ndim - 1))
        expected = selected(run(original, several), graph.output)[: len(x)]
        found = softmax(logits)
        test = "network against the model itself"
        _agree(test, {"output": found}, {"output": expected}, tolerance)
        _test_midpoint(graph, x, own, tolerance)
        singly = [_currents(graph, image) for image in x.split(1)]
        joined = {name: torch.cat([one[name] for one in singly]) for name in own}
        _agree("a batch against its images one by one", own, joined, tolerance)


def _currents(
    graph: Graph, x: torch.Tensor, values: Mapping[fx.Node, torch.Tensor] | None = None
) -> dict[str, torch.Tensor]:
    """Return the currents in the units of the model, also where weights are normalized.

    `values` are what ReLUs and max pools pass on, by default the ANN's own.
    """
    emit = None if values is None else lambda node, _: values[node]
    currents = currents_of(graph, x, emit)
    for name, node in [*graph.layers.items(), *graph.pools.items()]:
        scale = torch.as_tensor(node.meta.get("scale", 1.0))
        currents[name] = currents[name] * scale.to(currents[name])
    return currents


def _test_midpoint(
    graph: Graph, x: torch.Tensor, own: dict[str, torch.Tensor], tolerance: float
) -> None:
    """Check f((p + q) / 2) = (f(p) + f(q)) / 2 with random values at input, ReLUs and max pools."""
    generator = torch.Generator().manual_seed(0)
    stepping = [n for n in graph.nodes if n.meta["kind"] in (Kind.RELU, Kind.MAX_POOL)]

    def random(shape: tuple[int, ...], largest: torch.Tensor) -> torch.Tensor:
        unit = 2 * torch.rand(2, *shape, generator=generator, dtype=graph.dtype) - 1
        return unit.to(graph.device) * largest.clamp(min=1e-3)

    def at(values: dict[Any, torch.Tensor]) -> dict[str, torch.Tensor]:
        return _currents(graph, values["input"], values)

    p, q = (
        {"input": random(x.shape[1:], x.abs().max())}
        | {
            node: random(node.meta["shape"], own[node.meta["layer"]].abs().max())
            for node in stepping
        }
        for _ in range(2)
    )
    middle = at({key: (p[key] + q[key]) / 2 for key in p})
    ends = at(p), at(q)
    expected = {name: (ends[0][name] + ends[1][name]) / 2 for name in middle}
    _agree("the midpoint test: the step before it is not affine", middle, expected, tolerance)


def _agree(
    test: str, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float
) -> None:
    """Raise at the first layer whose values differ by more than the tolerance."""
    for name, a in found.items():
        b = expected[name]
        if a.shape != b.shape:
            raise VerificationError(
                f"layer {name!r}: {test}: shapes {tuple(a.shape)} and {tuple(b.shape)}, expected "
                f"the same. This is a gap in the converter. {_please()}"
            )
        scale = b.abs().max().item() or 1.0
        difference = (a - b).abs().max().item() / scale
        if not difference <= tolerance:
            raise VerificationError(
                f"layer {name!r}: {test}: differ by {difference:.2g} of the largest value "
                f"{scale:.4g}, expected at most {tolerance:g}. Is this the model that was "
                f"converted, with its weights unchanged? If so, it holds a step that the "
                f"converter misreads. {_please()}"
            )


def _please() -> str:
    """Ask for a report, at the address in the package's metadata."""
    try:
        urls = metadata.metadata("snnlab").get_all("Project-URL", [])
    except metadata.PackageNotFoundError:  # run from its sources
        urls = []
    address = dict(url.split(", ", 1) for url in urls).get("Issues")
    return f"Please report it{f' at {address}' if address else ''}, with the model."
