"""From a trained torch model to a spiking network, and the check that both compute the same."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import fx, nn

from snnlab import _checks
from snnlab.calibration import Percentile, Rule
from snnlab.capture import copied
from snnlab.evaluation import evaluate, full_precision
from snnlab.exceptions import OptionError, UnsupportedLayerError, VerificationError
from snnlab.folding import fold_batchnorm
from snnlab.graph import Graph
from snnlab.insertion import spiking_average_pooling, spiking_readout
from snnlab.network import Network
from snnlab.neuron import Neuron, Reset, checked_threshold
from snnlab.operations import Kind
from snnlab.pooling import MaxPooling
from snnlab.tracing import trace

Readout = Literal["potential", "spikes"]
AveragePool = Literal["affine", "spikes"]
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}


def convert(
    model: nn.Module,
    x_cal: Any,
    *,
    threshold: Rule | None = None,
    reset: Reset = "subtract",
    v_init: float = 0.5,
    readout: Readout = "potential",
    average_pool: AveragePool = "affine",
    max_pool: MaxPooling = "exact",
) -> Network:
    """Convert a trained network into a spiking one.

    Traces the model, folds BatchNorm, sets a threshold for every ReLU, and verifies the result on
    up to 8 of the calibration images.

    Parameters
    ----------
    model : torch.nn.Module
        Trained, in eval mode. It is not changed.
    x_cal : array, shape (B, ...)
        Calibration images, like those the network will get.
    threshold : Percentile, Maximum, Fixed, DataBased or ModelBased
        How thresholds are chosen; by default Percentile(99.9).
    reset : {"subtract", "zero"}
        What a spike does to the potential.
    v_init : float
        Initial potential in units of the threshold, in [0, 1).
    readout : {"potential", "spikes"}
        How the answer is read: from the accumulated current of the last layer, which does not
        spike; or from the spikes of neurons behind it, the layer "readout", whose threshold is
        chosen like all others. A model that ends in a ReLU is read from its spikes in any case.
    average_pool : {"affine", "spikes"}
        An average pooling passes on the average of the spikes, a real number; or it becomes a layer
        of neurons with a threshold of its own, named like it.
    max_pool : {"exact", "gate", "gate_recent"}
        How spikes are max pooled, see `Network`.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedLayerError
        If the model holds something that cannot be converted, or no ReLU at all.
    CalibrationError
        If a layer is silent on all of `x_cal`.
    ShapeError, OptionError
        If `x_cal` or an option is not as described.
    VerificationError
        If the result does not compute what the model computes.

    Source: Diehl et al. 2015; Rueckauer et al. 2017.

    >>> model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
    >>> model[0].weight.data = torch.tensor([[1.0, -1.0], [0.5, 0.5]])
    >>> convert(model, [[1.0, 0.0], [1.0, 1.0]], threshold=Percentile(100))
    Spiking network of 1 layers, 2 neurons; input 2
    layer  shape  neurons  threshold θ     reset  v_init
    1          2        2            1  subtract   0.5 θ
    """
    threshold = Percentile() if threshold is None else threshold
    if not isinstance(threshold, Rule):
        raise OptionError(
            f"threshold = {threshold!r}: expected Percentile(p), Maximum(), Fixed(value), "
            f"DataBased() or ModelBased(). For a percentile write snnlab.Percentile(99.9), for a "
            f"number snnlab.Fixed(1.0)."
        )
    Neuron(1.0, reset, v_init)
    _checks.option(readout, "readout", ("potential", "spikes"))
    _checks.option(average_pool, "average_pool", ("affine", "spikes"))
    x_cal = _checks.images(x_cal, "x_cal")
    traced = trace(model, x_cal)
    if not traced.layers:
        raise UnsupportedLayerError(
            "model: found no ReLU that depends on the input, expected at least one: neurons "
            "replace ReLUs. Train the model with ReLU activations."
        )
    graph = fold_batchnorm(traced)
    if average_pool == "spikes":
        graph = spiking_average_pooling(graph)
    if readout == "spikes":
        graph = spiking_readout(graph)
    thresholds = threshold.thresholds(graph, x_cal)
    neurons = {
        name: Neuron(checked_threshold(theta, f"threshold of layer {name!r}"), reset, v_init)
        for name, theta in thresholds.items()
    }
    network = Network(graph, neurons, max_pool)
    _compare(traced, model, network, x_cal[:8])
    return network


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

    >>> from snnlab import Fixed
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> verify(model, convert(model, [[1.0, 0.0]], threshold=Fixed(1.0)), [[1.0, 0.0]])
    """
    x = _checks.images(x, "x", network.graph.input_shape)
    _compare(trace(model, x), model, network, x)


def _compare(traced: Graph, model: nn.Module, network: Network, x: torch.Tensor) -> None:
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
    with full_precision():
        own = _currents(graph, x)
        logits = own[graph.logits]
        before = _currents(traced, x)
        own_before = {name: own[name] for name in before} | {"output": logits}
        _agree("folded graph against the graph before folding", own_before, before, tolerance)
        # With one image a model's squeeze() would take away the batch too, so there are two.
        several = x.repeat(2, *[1] * (x.ndim - 1))
        found, expected = softmax(logits), original(several)[: len(x)]
        test = "network against the model itself"
        _agree(test, {"output": found}, {"output": expected}, tolerance)
        _test_midpoint(graph, x, own, tolerance)
        singly = [_currents(graph, image) for image in x.split(1)]
        joined = {name: torch.cat([one[name] for one in singly]) for name in own}
        _agree("a batch against its images one by one", own, joined, tolerance)


def _currents(
    graph: Graph, x: torch.Tensor, emit: Callable[[fx.Node], torch.Tensor | None] = lambda _: None
) -> dict[str, torch.Tensor]:
    """Return what enters every ReLU and max pool, and the output."""
    currents: dict[str, torch.Tensor] = {}

    def note(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        # In the units of the model, also where weights are normalized.
        scale = torch.as_tensor(node.meta.get("scale", 1.0)).to(current)
        currents[node.meta["layer"]] = current * scale
        return emit(node)

    output = evaluate(graph, x, note)
    return currents | {"output": output}


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
        return _currents(graph, values["input"], values.__getitem__)

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
    test: str,
    found: dict[str, torch.Tensor],
    expected: dict[str, torch.Tensor],
    tolerance: float,
) -> None:
    """Raise at the first layer whose values differ by more than the tolerance."""
    for name, a in found.items():
        b = expected[name]
        if a.shape != b.shape:
            raise VerificationError(
                f"layer {name!r}: {test}: shapes {tuple(a.shape)} and {tuple(b.shape)}, expected "
                f"the same. This is a gap in the converter; please report it with the model."
            )
        scale = b.abs().max().item() or 1.0
        difference = (a - b).abs().max().item() / scale
        if not difference <= tolerance:
            raise VerificationError(
                f"layer {name!r}: {test}: differ by {difference:.2g} of the largest value "
                f"{scale:.4g}, expected at most {tolerance:g}. Is this the model that was "
                f"converted, with its weights unchanged? If so, it holds a step that the "
                f"converter misreads; please report it."
            )
