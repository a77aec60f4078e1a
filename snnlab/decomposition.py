"""The error of every neuron, split into the parts that make it up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab import _checks, _tables
from snnlab.activations import batches
from snnlab.evaluation import activation, cap, evaluate, full_precision
from snnlab.exceptions import OptionError, ShapeError
from snnlab.network import Network
from snnlab.neuron import Neuron, constant_count, per_neuron
from snnlab.operations import Kind
from snnlab.record import Record

PARTS = ("propagated", "clipping", "quantization", "deviation")


@dataclass(frozen=True, eq=False, repr=False)
class ErrorParts:
    """The error φ - a of every neuron after T steps, as a sum of four parts.

    Parameters
    ----------
    timesteps : int
        T.
    parts : mapping from layer name to (mapping from part to array of float64, shape (B, ...))
        For spiking layers "propagated", "clipping", "quantization" and "deviation"; for "output"
        the propagated part; with Poisson input, for "input", the part "input".
    """

    timesteps: int
    parts: Mapping[str, Mapping[str, np.ndarray]]

    @property
    def layers(self) -> list[str]:
        """Names of the rows: the input with Poisson input, the spiking layers, the output."""
        return list(self.parts)

    def part(self, layer: str | int, part: str) -> np.ndarray:
        """Return one part of one layer, shape (B, ...), in units of the activation."""
        name = _checks.layer(layer, self.layers, "rows of this decomposition")
        return self.parts[name][_checks.option(part, "part", self.parts[name])]

    def total(self, layer: str | int) -> np.ndarray:
        """Return the sum of the parts: what the SNN passes on minus what the ANN does."""
        name = _checks.layer(layer, self.layers, "rows of this decomposition")
        return np.sum(list(self.parts[name].values()), axis=0)

    def rms(self) -> dict[str, dict[str, float]]:
        """Return the root mean square of each part and of the total, by layer."""
        return {
            name: {part: _rms(values) for part, values in parts.items()}
            | {"total": _rms(self.total(name))}
            for name, parts in self.parts.items()
        }

    def _table(self) -> tuple[str, list[str], list[list[str]]]:
        columns = [*PARTS, "total"]
        if "input" in self.parts:
            columns.insert(0, "input")
        title = f"Error after {self.timesteps} steps, root mean square by part"
        rows = [
            [name, *(f"{rms[part]:.4g}" if part in rms else "" for part in columns)]
            for name, rms in self.rms().items()
        ]
        return title, ["layer", *columns], rows

    def __repr__(self) -> str:
        return _tables.text(*self._table())

    def _repr_html_(self) -> str:
        return _tables.to_html(*self._table())


def decompose(network: Network, x: Any, record: Record) -> ErrorParts:
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

    Returns
    -------
    ErrorParts

    Raises
    ------
    OptionError
        If the record is of another network.
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
    network = _network_that_ran(network, record)
    graph = network.graph
    x = _checks.images(x, "x", graph.input_shape)
    if len(x) != record.output_sums.shape[1]:
        raise ShapeError(
            f"x: {len(x)} images, expected the {record.output_sums.shape[1]} that were simulated."
        )
    emitted = {name: _emitted(network, name, record) for name in network.layers}
    poisson = record.input == "poisson"
    seen = record.rates("input") if poisson else x
    ann, snn = _mean_currents(network, x, None), _mean_currents(network, seen, emitted)
    parts: dict[str, dict[str, np.ndarray]] = {}
    if poisson:
        parts["input"] = {"input": np.asarray(seen, np.float64) - x.double().cpu().numpy()}
    for name, node in graph.layers.items():
        z, z_ann = snn[name], ann[name]
        neuron = _as_simulated(record.neurons[name], graph.dtype)
        parts[name] = split(z, z_ann, emitted[name], record.timesteps, neuron, upper=cap(node))
    parts["output"] = {"propagated": snn["output"] - ann["output"]}
    return ErrorParts(record.timesteps, parts)


def split(
    z: np.ndarray,
    z_ann: np.ndarray,
    emitted: np.ndarray,
    timesteps: int,
    neuron: Neuron,
    upper: float | None = None,
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
    """
    theta = per_neuron(neuron.v_threshold, z.ndim)
    rectified, rectified_ann = np.clip(z, 0, upper), np.clip(z_ann, 0, upper)
    clipped = np.minimum(rectified, theta)
    quantized = theta * constant_count(z, timesteps, neuron) / timesteps
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


def _emitted(network: Network, name: str, record: Record) -> np.ndarray:
    """Return φ = θN/T, float64, shape (B, C, ...)."""
    counts = record.counts(name)
    theta = _as_simulated(record.neurons[name], network.graph.dtype).v_threshold
    return per_neuron(theta, counts.ndim) * counts / record.timesteps


def _mean_currents(
    network: Network, images: Any, emitted: Mapping[str, np.ndarray] | None
) -> dict[str, np.ndarray]:
    """Return the current of every ReLU, and the output, when the ReLUs pass on `emitted`.

    Between two neurons all is affine or an exact pool, so the mean current follows from the mean
    of what is passed on, in one evaluation.
    """
    graph = network.graph
    found: dict[str, list[np.ndarray]] = {name: [] for name in [*network.layers, "output"]}
    done = 0

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if node.meta["kind"] is not Kind.RELU:
            return None
        name = node.meta["layer"]
        found[name].append(current.double().cpu().numpy())
        if emitted is None:
            return activation(node, current)
        passed = torch.from_numpy(emitted[name][done : done + len(current)])
        return passed.to(graph.device, graph.dtype)

    with full_precision():
        for batch in batches(graph, images, "x"):
            found["output"].append(evaluate(graph, batch, emit).double().cpu().numpy())
            done += len(batch)
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
