"""The proof that a converted network computes what the model computes."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import torch
from torch import fx, nn

from snnlab._arguments.images import Images
from snnlab.exceptions import VerificationError
from snnlab.graph.canonical import Graph, apply, source_of
from snnlab.graph.evaluation import Emit, currents_of, evaluate, inference
from snnlab.graph.models import checked_copy, copied, run, selected
from snnlab.graph.tracing import traced_copy
from snnlab.network import Network

Currents = dict[str, torch.Tensor]

_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
# Weights are rounded once more where BatchNorm is folded into them: how much more that may change
# than all other rounding of the same piece does.
_FOLDING = 4
# So many images are evaluated together.
TOGETHER = 8
# The relative spacing of float64 to that of float32.
_FINER = 2.0**-29


def verify(model: nn.Module, network: Network, x: Any) -> None:
    r"""Raise unless a network computes, with ReLUs for neurons, what the model computes.

    Four tests. (1) The graph before folding has the output of the model itself, with the network's
    head if it has one: a final softmax or sigmoid. (2) Every piece between ReLUs and max pools
    gives the currents that the same piece gave before folding, from the same values. (3) A batch
    gives what parts of it give. (4) Every piece is affine: the mean of three inputs gives the mean
    of three outputs.

    Differences count relative to the layer's largest absolute value: 1e-5 in float32, 1e-10 in
    float64. Rounding does not add up over layers, since all but (1) look at one piece at a time.
    Where a difference is larger, the test is made again in float64, and only a difference that
    stays is one of the network. With :math:`r` the change of a piece of the model between float64
    and float32, it may be :math:`10^{-5} + 4 r` for a network in float32, whose folded weights were
    rounded, and :math:`10^{-10} + 4 r / 2^{29}` for one in float64.

    Parameters
    ----------
    model : torch.nn.Module
        The model that was converted. It is not changed.
    network : Network
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images; each is evaluated several times, eight of them together.

    Raises
    ------
    VerificationError
        With the layer, the test and the largest difference.

    Derived here.

    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> verify(model, convert(model, [[1.0, 0.0]], threshold=Fixed(1.0)), [[1.0, 0.0]])
    """
    images = Images(x, "x", network.graph.input_shape)
    own = checked_copy(model)
    traced = traced_copy(own, images.first(1), network.graph.output)
    for part in images.split(TOGETHER):
        check_equivalence(traced, own, network, part)


def check_equivalence(traced: Graph, model: nn.Module, network: Network, x: torch.Tensor) -> None:
    """Raise unless a network computes what the traced model and the model itself compute.

    The model is run as it is: pass a copy, in which nothing is lost.
    """
    graph = network.graph
    _check_same_steps(traced, graph)
    # A model's squeeze() would take away the batch too if it were one image.
    x = x.repeat(2, *[1] * (x.ndim - 1)) if len(x) == 1 else x
    # A network in float64 of a model in float32 was folded in float32.
    folded = torch.float32 if torch.float32 in (graph.dtype, traced.dtype) else torch.float64
    least = _Tolerance(_TOLERANCE[folded])
    with inference(graph, len(x)):
        given = x.to(graph.device, graph.dtype)
        before, own = _in_type_of(graph, traced, model, given)
        for test in (_test_model, _test_pieces):
            try:
                test(before, own, graph, given, least)
            except VerificationError as error:
                precise, x64 = graph.to("cpu", torch.float64), x.to("cpu", torch.float64)
                exact, own64 = _in_type_of(precise, traced, model, x64)
                measured = _measured(least, exact, traced, x64, folded)
                try:
                    test(exact, own64, precise, x64, measured)
                except RuntimeError:
                    # The model cannot be evaluated in float64: float32 is written into it.
                    raise error from None


def _check_same_steps(traced: Graph, graph: Graph) -> None:
    """Refuse another model: what enters ReLUs and max pools could not be exchanged."""
    theirs, own = ({**g.layers, **g.pools} for g in (traced, graph))
    names = [name for name in own if name not in graph.added]
    if list(theirs) != names:
        raise VerificationError(
            f"model: has the ReLUs and max pools {list(theirs)}, the network has {names}. Expected "
            f"the model that this network was converted from; verify with that one."
        )
    for name in names:
        found, expected = theirs[name].meta["shape"], own[name].meta["shape"]
        if found != expected:
            raise VerificationError(
                f"layer {name!r}: has the shape {found} in the model and {expected} in the "
                f"network. Expected the model that this network was converted from; verify with "
                f"that one."
            )


@dataclasses.dataclass(frozen=True)
class _Tolerance:
    """What rounding may change, relative to the largest value: of each piece, and of the whole."""

    least: float
    pieces: Mapping[str, float] = dataclasses.field(default_factory=dict)
    whole: float = 0.0

    def of_piece(self, name: str) -> float:
        return self.least + self.pieces.get(name, 0.0)

    def of_whole(self, _: str) -> float:
        return self.least + self.whole


def _measured(
    tolerance: _Tolerance, exact: Currents, traced: Graph, x: torch.Tensor, folded: torch.dtype
) -> _Tolerance:
    """Return the tolerance with what float32 changes in the model, `exact` being float64."""
    rounded = traced.to("cpu", torch.float32)
    inputs = {name: current.float() for name, current in exact.items()}
    found = _currents(rounded, x.float(), _giving(rounded, inputs))
    pieces = {name: _difference(found[name], exact[name]) for name in exact}
    whole = _difference(evaluate(rounded, x.float()), exact["output"])
    unit = 1.0 if folded is torch.float32 else _FINER
    return dataclasses.replace(
        tolerance,
        pieces={name: _FOLDING * unit * change for name, change in pieces.items()},
        whole=_FOLDING * _FINER * whole,
    )


def _in_type_of(
    graph: Graph, traced: Graph, model: nn.Module, x: torch.Tensor
) -> tuple[Currents, nn.Module]:
    """Return the currents before folding, and the model, where a graph is and in its type."""
    kind = graph.device, graph.dtype
    if (traced.device, traced.dtype) == kind:  # parts of the model may be of another type
        return _currents(traced, x), model
    return _currents(traced.to(*kind), x), copied(model).to(*kind)


def _test_model(
    before: Currents, model: nn.Module, graph: Graph, x: torch.Tensor, tolerance: _Tolerance
) -> None:
    """Compare the output before folding with that of the model itself."""
    head = graph.head or (lambda logits: logits)
    found = {"output": head(before["output"])}
    given = x.long() if graph.looks_up else x.clone()
    expected = {"output": selected(run(model, given), graph.output)}
    _agree("network against the model itself", found, expected, tolerance.of_whole)


def _test_pieces(
    before: Currents, _: nn.Module, graph: Graph, x: torch.Tensor, tolerance: _Tolerance
) -> None:
    """Make the tests of the pieces between ReLUs and max pools."""
    own = _currents(graph, x, _giving(graph, before))
    folded = {name: own[name] for name in before} | {"output": own[graph.logits]}
    test = "folded graph against the graph before folding"
    _agree(test, folded, before, tolerance.of_piece)
    for part in (slice(0, None, 2), slice(1, None, 2)):
        given = {name: current[part] for name, current in before.items()}
        found = _currents(graph, x[part], _giving(graph, given))
        expected = {name: current[part] for name, current in own.items()}
        _agree("half of a batch against all of it", found, expected, tolerance.of_piece)
    _test_mean(graph, x, own, tolerance)


def _currents(graph: Graph, x: torch.Tensor, emit: Emit | None = None) -> Currents:
    """Return the currents in the units of the model, also where weights are normalized."""
    currents = currents_of(graph, x, emit)
    for name, node in [*graph.layers.items(), *graph.pools.items()]:
        if "scale" in node.meta:
            currents[name] = currents[name] * _scale(node, currents[name])
    return currents


def _scale(node: fx.Node, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(node.meta.get("scale", 1.0)).to(like)


def _giving(graph: Graph, currents: Currents) -> Emit:
    """Let every ReLU and max pool see these currents, in the units of the model."""

    def emit(node: fx.Node, own: torch.Tensor) -> torch.Tensor | None:
        given = currents.get(node.meta.get("of", node.meta["layer"]))
        if given is None:
            return None
        return apply(node, graph.module, {source_of(node): given / _scale(node, own)})

    return emit


def _test_mean(graph: Graph, x: torch.Tensor, own: Currents, tolerance: _Tolerance) -> None:
    """Check f((p + q + r) / 3) = (f(p) + f(q) + f(r)) / 3 for random values at every piece."""
    generator = torch.Generator().manual_seed(0)

    def points_and_mean(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
        """Return random p, q, r and their mean, as large as an example."""
        unit = 2 * torch.rand(3, *shape, generator=generator, dtype=graph.dtype) - 1
        points = unit.to(graph.device) * max(_largest(like), 1e-3)
        return torch.cat([points, points.mean(0, keepdim=True)])

    def emit(node: fx.Node, _: torch.Tensor) -> torch.Tensor:
        return points_and_mean(node.meta["shape"], own[node.meta["layer"]])

    # What is looked up has no mean, and stays.
    images = torch.cat([x[:1]] * 4) if graph.looks_up else points_and_mean(x.shape[1:], x)
    found = _currents(graph, images, emit)
    of_mean = {name: current[3:] for name, current in found.items()}
    mean = {name: current[:3].mean(0, keepdim=True) for name, current in found.items()}
    test = "the test of means: the step before it is not affine"
    _agree(test, of_mean, mean, tolerance.of_piece)


def _largest(values: torch.Tensor) -> float:
    """Return the largest absolute value; infinite is only what pads for a max pool."""
    largest = values.abs().max().item()
    finite = math.isfinite(largest)
    return largest if finite else values.masked_fill(values.isinf(), 0).abs().max().item()


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest difference, relative to the largest absolute value if there is one."""
    apart = found.to(expected) - expected
    largest = apart.abs().max().item()
    if math.isnan(largest):  # of two infinite values
        largest = apart.masked_fill(found == expected, 0).abs().max().item()
    return largest / (_largest(expected) or 1.0)


def _agree(
    test: str, found: Currents, expected: Currents, tolerance: Callable[[str], float]
) -> None:
    """Raise at the first layer whose values differ by more than the tolerance."""
    for name, a in found.items():
        b = expected[name]
        if a.shape != b.shape:
            raise VerificationError(
                f"layer {name!r}: {test}: shapes {tuple(a.shape)} and {tuple(b.shape)}, expected "
                f"the same. This is a gap in the converter. {_please()}"
            )
        difference = _difference(a, b)
        if not difference <= tolerance(name):
            raise VerificationError(
                f"layer {name!r}: {test}: differ by {difference:.2g} of the largest value "
                f"{_largest(b):.4g}, expected at most {tolerance(name):.2g}. Is this the model "
                f"that was converted, with its weights unchanged? If so, it holds a step that the "
                f"converter misreads. {_please()}"
            )


def _please() -> str:
    """Ask for a report, at the address in the package's metadata."""
    try:
        urls = metadata.metadata("snnlab-course").get_all("Project-URL", [])
    except metadata.PackageNotFoundError:  # run from its sources
        urls = []
    address = dict(url.split(", ", 1) for url in urls).get("Issues")
    return f"Please report it{f' at {address}' if address else ''}, with the model."
