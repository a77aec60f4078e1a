"""The error of every neuron, split into the parts that make it up."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab._arguments.images import Images, checksums
from snnlab.analysis.error_parts import ErrorParts, ErrorsOverTime
from snnlab.analysis.mean_currents import (
    images_together,
    mean_outputs,
    neurons_that_ran,
    received_currents,
)
from snnlab.dynamics.closed_forms import constant_output
from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.exceptions import OptionError, ShapeError
from snnlab.graph.evaluation import rectified
from snnlab.graph.operations import Kind
from snnlab.network import Network
from snnlab.simulation.record import Arrays, Record

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
        \text{offset} &= C(R(\bar z + i)) - C(R(\bar z)) \\
        \text{quantization} &= Q(\bar z) - C(R(\bar z + i)) \\
        \text{deviation} &= \varphi - Q(\bar z)

    z̄ is the mean current that the neuron received, z̄_ANN that of the ANN, R the ReLU with its cap
    (or the staircase that stands there), i the neuron's own offset, C(u) = min(u, Γθ), Q the output
    under a constant current z̄ beside the offset, and φ = θN/T. The parts sum to φ - R(z̄_ANN), for
    every neuron. Clipping and quantization together are the quantization error, deviation is the
    deviation error; there is an offset part only in layers with an offset. A max pooling by gates
    has a row of its own with the part "pooling", its mean output minus the maximum of its mean
    inputs.

    Parameters
    ----------
    network : Network
        The network that was simulated.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        The images that were simulated, in the same order. For frames what was simulated, shape
        (T, B, ...); their mean over the T steps is the ANN's image.
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
        If `x` does not hold the images that were simulated.

    Source: the abstract of Meng et al. 2022 names the two errors; the definitions are ours.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> record = simulate(net, [[0.375], [1.5]], timesteps=4)
    >>> parts = decompose(net, [[0.375], [1.5]], record)
    >>> parts.part("relu", "quantization").tolist(), parts.part("relu", "clipping").tolist()
    ([[-0.125], [0.0]], [[0.0], [-0.5]])
    """
    simulated = _Simulated(network, x, record)
    checks.option(reference, "reference", REFERENCES)
    step = record.timesteps if step is None else step
    counts = {name: record.counts(name, step) for name in network.layers}
    parts: dict[str, dict[str, np.ndarray]] = {}
    activations: dict[str, np.ndarray] = {}

    def put(kept: dict[str, np.ndarray], key: str, values: np.ndarray, here: slice) -> None:
        if key not in kept:
            shape = (simulated.images, *values.shape[1:])
            kept[key] = np.empty(shape, record.output_sums.dtype)
        kept[key][here] = values

    for here, shown, ann in simulated.batches():
        for row, errors, activation in simulated.rows(here, shown, ann, step, reference):
            for part, values in errors.items():
                put(parts.setdefault(row, {}), part, values, here)
            put(activations, row, activation, here)
    return ErrorParts(step, parts, activations, counts)


def decompose_over_time(network: Network, x: Any, record: Record) -> ErrorsOverTime:
    """Split the error after each number of steps that was recorded, and keep the sizes.

    Parameters
    ----------
    network, x
        As in `decompose`.
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
    simulated = _Simulated(network, x, record)
    if not record.at:
        raise OptionError(
            f"record: has counts after {record.timesteps} steps only, expected those after several "
            f"numbers of steps. Simulate with at=(4, 16, 64), for example."
        )
    steps = tuple(sorted({*record.at, record.timesteps}))
    squares: dict[str, dict[str, np.ndarray]] = {}
    for here, shown, ann in simulated.batches():
        for k, step in enumerate(steps):
            for row, parts, activation in simulated.rows(here, shown, ann, step):
                means = squares.setdefault(row, {})
                for part, values in {**parts, "total": sum(parts.values())}.items():
                    share = np.square(values).sum() / (simulated.images * activation[0].size)
                    means.setdefault(part, np.zeros(len(steps)))[k] += share
    rms = {row: {part: np.sqrt(m) for part, m in means.items()} for row, means in squares.items()}
    return ErrorsOverTime(steps, rms)


class _Simulated:
    """A network, the images that it was shown, and the record of that; checked to fit together."""

    def __init__(self, network: Network, x: Any, record: Record):
        checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
        checks.instance(
            record, Record, "record", "Write snnlab.simulate(network, x, timesteps) first."
        )
        if network.graph.fingerprint != record.fingerprint:
            raise OptionError(
                "record: is of another network. Expected the record of a simulation of this "
                "network (its thresholds, reset and v_init may have been replaced). Simulate this "
                "network."
            )
        dtype = {4: torch.float32, 8: torch.float64}[record.output_sums.dtype.itemsize]
        self.network = network if dtype == network.graph.dtype else network.to(dtype)
        T = record.timesteps if record.input == "frames" else None
        self.x = Images(x, "x", network.graph.input_shape, timesteps=T)
        self.images, self.dtype = record.output_sums.shape[1], dtype
        if self.x.count is not None:
            self._check_count(self.x.count)
        self.record, self.neurons = record, neurons_that_ran(record)

    def batches(self) -> Iterator[tuple[slice, torch.Tensor, dict[str, np.ndarray]]]:
        """Yield the images in batches, with the ANN's currents; of frames their mean."""
        graph, first = self.network.graph, 0
        for images in self.x.split(images_together(graph), self.dtype):
            here = slice(first, first + len(images))
            first += len(images)
            self._check_same(images, here)
            shown = images.cpu() if self.x.timesteps is None else images.cpu().mean(1)
            yield here, shown, received_currents(graph, shown)
        self._check_count(first)

    def _check_same(self, images: torch.Tensor, here: slice) -> None:
        """Refuse images that are not those at their places in the record."""
        known = self.record.checksums
        if known is None or np.array_equal(found := checksums(images), known[here]):
            return
        if here.stop > self.images:
            self._check_count(here.stop)
        image = here.start + int(np.flatnonzero(found != known[here])[0])
        raise ShapeError(
            f"x: image {image} is not the one that was simulated at its place, expected the same "
            f"images in the same order. Pass what was simulated; of a DataLoader that shuffles or "
            f"augments at random simulate one array: torch.cat([images for images, _ in loader])."
        )

    def _check_count(self, images: int) -> None:
        if images != self.images:
            raise ShapeError(f"x: {images} images, expected the {self.images} that were simulated.")

    def rows(
        self,
        here: slice,
        shown: torch.Tensor,
        ann: Arrays,
        step: int,
        reference: Reference = "received",
    ) -> Iterator[tuple[str, dict[str, np.ndarray], np.ndarray]]:
        """Yield each row's name, parts and activation in the ANN, for a batch after some steps."""
        graph = self.network.graph
        if self.record.input != "analog":
            rates = torch.from_numpy(self.record.counts("input", step, images=here) / step)
            yield "input", {"input": (rates.to(graph.dtype) - shown).numpy()}, shown.numpy()
            shown = rates.to(graph.dtype)
        phi = mean_outputs(self.record, self.neurons, step, here)
        snn = received_currents(graph, shown, phi)
        for node in graph.nodes:
            name = node.meta["layer"]
            if node.meta["kind"] is Kind.MAX_POOL and name in phi:
                yield name, {"pooling": phi[name] - snn[name]}, ann[name]
            elif node.meta["kind"] is Kind.RELU:
                z, z_ann = snn[name], ann[name]
                neuron = self.neurons[name]
                parts = split(z, z_ann, phi[name], step, neuron, node, reference)
                yield name, parts, rectified(z_ann, node)
        yield "output", {"propagated": snn["output"] - ann["output"]}, ann["output"]


def split(
    z: np.ndarray,
    z_ann: np.ndarray,
    phi: np.ndarray,
    timesteps: int,
    neuron: Neuron,
    node: Any = None,
    reference: Reference = "received",
) -> dict[str, np.ndarray]:
    """Return the parts for the neurons of one layer; the equations are those of `decompose`.

    z̄, z̄_ANN and φ are arrays of float64, shape (B, C, ...); R is the activation at `node`,
    by default a ReLU without a cap.
    Clipped and quantized is at the `reference`, z̄ ("received") or z̄_ANN ("ann").
    """
    output = constant_output(z, timesteps, neuron)
    at, quantized = z, output
    propagated = rectified(z, node) - rectified(z_ann, node)
    if reference == "ann":
        at, quantized = z_ann, constant_output(z_ann, timesteps, neuron)
        propagated = output - quantized
    highest = per_neuron(neuron.highest, z.ndim)
    clipped = shifted = np.minimum(rectified(at, node), highest)
    parts = {"propagated": propagated, "clipping": clipped - rectified(at, node)}
    if np.any(neuron.i_offset):
        offset = per_neuron(neuron.i_offset, z.ndim)
        shifted = np.minimum(rectified(at + offset, node), highest)
        parts["offset"] = shifted - clipped
    return parts | {"quantization": quantized - shifted, "deviation": phi - output}
