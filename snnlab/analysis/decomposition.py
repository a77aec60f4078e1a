"""The error of every neuron, split into the parts that make it up."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch

from snnlab import _checks
from snnlab.analysis.error_parts import ErrorParts, ErrorsOverTime
from snnlab.analysis.mean_currents import batches, mean_pooled, neurons_that_ran
from snnlab.dynamics.neuron import Neuron, constant_output, passed_on, per_neuron
from snnlab.exceptions import OptionError, ShapeError
from snnlab.graph.evaluation import cap, currents_of
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.record import Record

Reference = Literal["received", "ann"]
REFERENCES = ("received", "ann")


def decompose(
    network: Network,
    x: Any,
    record: Record,
    *,
    step: int | None = None,
    reference: Reference = "received",
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
    deviation is the deviation error. A max pooling by gates has a row of its own with the part
    "pooling", its mean output minus the maximum of its mean inputs.

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
    reference : {"received", "ann"}
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
        If `x` holds another number of images than the record, or images of another shape.

    Source: the abstract of Meng et al. 2022 names the two errors; the definitions are ours.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> record = simulate(net, [[0.375], [1.5]], timesteps=4)
    >>> parts = decompose(net, [[0.375], [1.5]], record)
    >>> parts.part("relu", "quantization").tolist(), parts.part("relu", "clipping").tolist()
    ([[-0.125], [0.0]], [[0.0], [-0.5]])
    """
    _checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    _checks.instance(
        record, Record, "record", "Write snnlab.simulate(network, x, timesteps) first."
    )
    _checks.option(reference, "reference", REFERENCES)
    network = _network_that_ran(network, record)
    graph = network.graph
    x = _checks.images(x, "x", graph.input_shape, graph.dtype).cpu()
    if len(x) != record.output_sums.shape[1]:
        raise ShapeError(
            f"x: {len(x)} images, expected the {record.output_sums.shape[1]} that were simulated."
        )
    steps = record.timesteps if step is None else step
    counts = {name: record.counts(name, steps) for name in network.layers}
    neurons = neurons_that_ran(record)
    seen = x
    if record.input != "analog":
        seen = torch.from_numpy(record.rates("input", steps)).to(graph.dtype)
    arrays = _Arrays(len(x), record.output_sums.dtype)
    for here in batches(graph, len(x)):
        phi = {name: passed_on(counts[name][here], steps, n) for name, n in neurons.items()}
        gated = mean_pooled(record, steps, here)
        ann, snn = currents_of(graph, x[here]), currents_of(graph, seen[here], phi, gated)
        if record.input != "analog":
            arrays.put("input", {"input": (seen[here] - x[here]).numpy()}, x[here].numpy(), here)
        for node in graph.nodes:
            name = node.meta["layer"]
            if name in gated:
                arrays.put(name, {"pooling": gated[name] - snn[name]}, ann[name], here)
            elif node.meta["kind"] is Kind.RELU:
                given = snn[name], ann[name], phi[name], steps, neurons[name], cap(node), reference
                arrays.put(name, split(*given), np.clip(ann[name], 0, cap(node)), here)
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
        As `decompose`; or if the record has counts after the last step only.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> record = simulate(net, [[0.1875]], timesteps=8, at=(2, 4))
    >>> decompose_over_time(net, [[0.1875]], record).rms["relu"]["quantization"].tolist()
    [0.1875, 0.1875, 0.0625]
    """
    _checks.instance(
        record, Record, "record", "Write snnlab.simulate(network, x, timesteps) first."
    )
    if not record.at:
        raise OptionError(
            f"record: has counts after {record.timesteps} steps only, expected those after several "
            f"numbers of steps. Simulate with at=(4, 16, 64), for example."
        )
    steps = tuple(sorted({*record.at, record.timesteps}))
    found = [decompose(network, x, record, step=step).rms() for step in steps]
    rms = {
        name: {part: np.array([one[name][part] for one in found]) for part in parts}
        for name, parts in found[0].items()
    }
    return ErrorsOverTime(steps, rms)


def split(
    z: np.ndarray,
    z_ann: np.ndarray,
    phi: np.ndarray,
    timesteps: int,
    neuron: Neuron,
    upper: float | None = None,
    reference: Reference = "received",
) -> dict[str, np.ndarray]:
    """Return the four parts for the neurons of one layer; the equations are those of `decompose`.

    Parameters
    ----------
    z, z_ann, phi : arrays of float64, shape (B, C, ...)
        z̄, z̄_ANN and φ.
    timesteps : int
        T.
    neuron : Neuron
    upper : float, optional
        Cap of the activation R.
    reference : {"received", "ann"}
        The current at which is clipped and quantized, z̄ or z̄_ANN.
    """
    theta = per_neuron(neuron.v_threshold, z.ndim)
    rectified, rectified_ann = np.clip(z, 0, upper), np.clip(z_ann, 0, upper)
    quantized = constant_output(z, timesteps, neuron)
    if reference == "ann":
        clipped = np.minimum(rectified_ann, theta)
        at_ann = constant_output(z_ann, timesteps, neuron)
        return {
            "propagated": quantized - at_ann,
            "clipping": clipped - rectified_ann,
            "quantization": at_ann - clipped,
            "deviation": phi - quantized,
        }
    clipped = np.minimum(rectified, theta)
    return {
        "propagated": rectified - rectified_ann,
        "clipping": clipped - rectified,
        "quantization": quantized - clipped,
        "deviation": phi - quantized,
    }


def _network_that_ran(network: Network, record: Record) -> Network:
    if network.graph.fingerprint != record.fingerprint:
        raise OptionError(
            "record: is of another network. Expected the record of a simulation of this network "
            "(its thresholds, reset and v_init may have been replaced). Simulate this network."
        )
    dtype = {4: torch.float32, 8: torch.float64}[record.output_sums.dtype.itemsize]
    return network if dtype == network.graph.dtype else network.to(dtype)


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
