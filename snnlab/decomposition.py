"""The error of every neuron, split into the parts that make it up."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import fx

from snnlab import _checks
from snnlab.evaluation import activation, cap, evaluate, full_precision, size
from snnlab.exceptions import OptionError, ShapeError
from snnlab.graph import Graph
from snnlab.network import Network
from snnlab.neuron import Neuron, constant_count, per_neuron
from snnlab.operations import Kind
from snnlab.record import Record
from snnlab.report import ErrorParts, ErrorsOverTime

Current = Literal["received", "ann"]
CURRENTS = ("received", "ann")
# The values of one layer, in double precision, that are worked on together.
_BATCH_BYTES = 2**20


def decompose(
    network: Network,
    x: Any,
    record: Record,
    *,
    step: int | None = None,
    current: Current = "received",
) -> ErrorParts:
    r"""Split the error of every neuron of a simulation.

    .. math::
        \text{propagated} &= R(\bar z) - R(\bar z_{ANN}) \\
        \text{clipping} &= C(R(\bar z)) - R(\bar z) \\
        \text{quantization} &= Q(\bar z) - C(R(\bar z)) \\
        \text{deviation} &= \varphi - Q(\bar z)

    z̄ is the mean current that the neuron received, z̄_ANN that of the ANN, R the ReLU with its cap,
    C(u) = min(u, θ), Q the output under a constant current z̄, and φ = θN/T. The parts sum to
    φ - R(z̄_ANN), for every neuron. Clipping and quantization together are the quantization error,
    deviation is the deviation error.

    Parameters
    ----------
    network : Network
        The network that was simulated.
    x : array, shape (B, ...)
        The images that were simulated.
    record : Record
        Of `simulate`; its neuron settings count.
    step : int, optional
        After how many steps; by default all. Others must have been recorded, with `at`.
    current : {"received", "ann"}
        The mean current at which is clipped and quantized: the one that the neuron received, as
        above, or the ANN's. With "ann" the propagated part is Q(z̄) - Q(z̄_ANN); the deviation is
        the same, and so is the sum.

    Returns
    -------
    ErrorParts

    Raises
    ------
    OptionError
        If the record is of another network, or has no counts after `step`.
    ShapeError
        If `x` is not the images of the record.

    Source: the abstract of Meng et al. 2022 names the two errors; the definitions are ours.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> record = simulate(net, [[0.375], [1.5]], timesteps=4)
    >>> parts = decompose(net, [[0.375], [1.5]], record)
    >>> parts.part("relu", "quantization").tolist(), parts.part("relu", "clipping").tolist()
    ([[-0.125], [0.0]], [[0.0], [-0.5]])
    """
    _checks.option(current, "current", CURRENTS)
    network = _network_that_ran(network, record)
    graph = network.graph
    x = _checks.images(x, "x", graph.input_shape, graph.dtype)
    if len(x) != record.output_sums.shape[1]:
        raise ShapeError(
            f"x: {len(x)} images, expected the {record.output_sums.shape[1]} that were simulated."
        )
    steps = record.timesteps if step is None else step
    counts = {name: record.counts(name, steps) for name in network.layers}
    neurons = {name: _as_simulated(record.neurons[name], graph.dtype) for name in network.layers}
    seen = x
    if record.input == "poisson":
        seen = torch.from_numpy(record.rates("input", steps)).to(graph.dtype)
    arrays = _Arrays(len(x), record.output_sums.dtype)
    for here in _batches(graph, len(x)):
        emitted = _emitted(neurons, counts, here, steps)
        ann = _currents(graph, x[here])
        snn = _currents(graph, seen[here], emitted)
        if record.input == "poisson":
            arrays.put("input", {"input": (seen[here] - x[here]).numpy()}, x[here].numpy(), here)
        for name, node in graph.layers.items():
            z, z_ann, neuron = snn[name], ann[name], neurons[name]
            parts = split(z, z_ann, emitted[name], steps, neuron, cap(node), current)
            arrays.put(name, parts, np.clip(z_ann, 0, cap(node)), here)
        propagated = snn["output"] - ann["output"]
        arrays.put("output", {"propagated": propagated}, ann["output"], here)
    return ErrorParts(steps, arrays.parts, arrays.activations, counts)


def decompose_over_time(network: Network, x: Any, record: Record) -> ErrorsOverTime:
    """Split the error after each number of steps that was recorded, and keep the sizes.

    Parameters
    ----------
    network : Network
        The network that was simulated.
    x : array, shape (B, ...)
        The images that were simulated.
    record : Record
        Of `simulate` with `at`, the chosen steps; the last step is always among them.

    Returns
    -------
    ErrorsOverTime

    Raises
    ------
    OptionError, ShapeError
        As `decompose`.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> record = simulate(net, [[0.1875]], timesteps=8, at=(2, 4))
    >>> decompose_over_time(net, [[0.1875]], record).rms["relu"]["quantization"].tolist()
    [0.1875, 0.1875, 0.0625]
    """
    steps = tuple(sorted({*record.at, record.timesteps}))
    found = [decompose(network, x, record, step=step).rms() for step in steps]
    rms = {
        name: {part: np.array([one[name][part] for one in found]) for part in parts}
        for name, parts in found[0].items()
    }
    return ErrorsOverTime(steps, rms)


def mean_currents(network: Network, x: torch.Tensor, record: Record) -> dict[str, np.ndarray]:
    """Return the mean current z̄ that every neuron received, float64, shape (B, C, ...).

    The record is one of analog input, of this network and of these images.
    """
    neurons = {name: _as_simulated(n, network.graph.dtype) for name, n in record.neurons.items()}
    found: dict[str, list[np.ndarray]] = {name: [] for name in neurons}
    for here in _batches(network.graph, len(x)):
        emitted = _emitted(neurons, record.totals, here, record.timesteps)
        currents = _currents(network.graph, x[here], emitted)
        for name in neurons:
            found[name].append(currents[name])
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def split(
    z: np.ndarray,
    z_ann: np.ndarray,
    emitted: np.ndarray,
    timesteps: int,
    neuron: Neuron,
    upper: float | None = None,
    current: Current = "received",
) -> dict[str, np.ndarray]:
    """Return the four parts for the neurons of one layer; the equations are those of `decompose`.

    Parameters
    ----------
    z, z_ann, emitted : arrays of float64, shape (B, C, ...)
        z̄, z̄_ANN and φ.
    timesteps : int
        T.
    neuron : Neuron
    upper : float, optional
        Cap of the activation R.
    current : {"received", "ann"}
        The current at which is clipped and quantized, z̄ or z̄_ANN.
    """
    theta = per_neuron(neuron.v_threshold, z.ndim)
    rectified, rectified_ann = np.clip(z, 0, upper), np.clip(z_ann, 0, upper)
    quantized = theta * constant_count(z, timesteps, neuron) / timesteps
    if current == "ann":
        clipped = np.minimum(rectified_ann, theta)
        at_ann = theta * constant_count(z_ann, timesteps, neuron) / timesteps
        return {
            "propagated": quantized - at_ann,
            "clipping": clipped - rectified_ann,
            "quantization": at_ann - clipped,
            "deviation": emitted - quantized,
        }
    clipped = np.minimum(rectified, theta)
    return {
        "propagated": rectified - rectified_ann,
        "clipping": clipped - rectified,
        "quantization": quantized - clipped,
        "deviation": emitted - quantized,
    }


def _network_that_ran(network: Network, record: Record) -> Network:
    if network.graph.fingerprint != record.fingerprint:
        raise OptionError(
            "record: is of another network. Expected the record of a simulation of this network "
            "(its thresholds, reset and v_init may have been replaced). Simulate this network."
        )
    dtype = {4: torch.float32, 8: torch.float64}[record.output_sums.dtype.itemsize]
    return network if dtype == network.graph.dtype else network.to(dtype)


def _as_simulated(neuron: Neuron, dtype: torch.dtype) -> Neuron:
    """Return the neuron with its threshold as rounded for the simulation."""
    theta = torch.tensor(neuron.v_threshold, dtype=dtype).double().numpy()
    return Neuron(theta, neuron.reset, neuron.v_init)


def _batches(graph: Graph, images: int) -> Iterator[slice]:
    """Yield slices of so many images that a layer's values stay in the caches."""
    batch = max(1, _BATCH_BYTES // (8 * max(size(node) for node in graph.layers.values())))
    for first in range(0, images, batch):
        yield slice(first, first + batch)


def _emitted(
    neurons: Mapping[str, Neuron], counts: Mapping[str, np.ndarray], here: slice, steps: int
) -> dict[str, np.ndarray]:
    """Return φ = θN/T of some images, float64, shape (b, C, ...)."""
    return {
        name: per_neuron(neuron.v_threshold, counts[name].ndim) * counts[name][here] / steps
        for name, neuron in neurons.items()
    }


def _currents(
    graph: Graph, images: torch.Tensor, emitted: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return the current of every ReLU, and the output, when the ReLUs pass on `emitted`.

    Between two neurons all is affine or an exact pool, so the mean current follows from the mean
    of what is passed on, in one evaluation. By default they pass on the ANN's own activation.
    """
    found: dict[str, np.ndarray] = {}

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if node.meta["kind"] is not Kind.RELU:
            return None
        name = node.meta["layer"]
        found[name] = current.double().cpu().numpy()
        if emitted is None:
            return activation(node, current)
        return torch.from_numpy(emitted[name]).to(graph.device, graph.dtype)

    with full_precision():
        output = evaluate(graph, images.to(graph.device), emit)
    found["output"] = output.double().cpu().numpy()
    return found


class _Arrays:
    """Parts and activations of all layers, filled batch by batch in the network's precision."""

    def __init__(self, images: int, dtype: np.dtype):
        self.images, self.dtype = images, dtype
        self.parts: dict[str, dict[str, np.ndarray]] = {}
        self.activations: dict[str, np.ndarray] = {}

    def put(
        self, layer: str, parts: Mapping[str, np.ndarray], activation: np.ndarray, here: slice
    ) -> None:
        """Keep the parts of some images of a layer, and what the ANN passes on there."""
        kept = self.parts.setdefault(layer, {})
        for part, values in parts.items():
            self._put(kept, part, values, here)
        self._put(self.activations, layer, activation, here)

    def _put(self, kept: dict[str, np.ndarray], key: str, values: np.ndarray, here: slice) -> None:
        if key not in kept:
            kept[key] = np.empty((self.images, *values.shape[1:]), self.dtype)
        kept[key][here] = values
