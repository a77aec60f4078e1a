"""What a simulation cost in operations, layer by layer, and what the ANN costs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from snnlab import _text
from snnlab._arguments import checks
from snnlab.analysis.wiring import Wiring, maxima, wiring
from snnlab.exceptions import OptionError
from snnlab.graph.evaluation import size
from snnlab.network import Network
from snnlab.simulation.record import Record

# What is done for an image, by the name in `Operations` and the heading in the table.
ANN_COLUMNS = {"nominal": "ANN: MACs, nominal", "true": "ANN: MACs"}
SNN_COLUMNS = {
    "synaptic": "synaptic operations",
    "additions": "additions",
    "pooling": "pooling",
    "analog": "analog additions",
    "multiplications": "MACs",
    "updates": "neuron updates",
}
ARRIVALS = ("synaptic", "additions", "pooling")


@dataclass(frozen=True, eq=False, repr=False)
class Operations(_text.ShownAsTable):
    """How many operations a simulation took, per image, and how many the ANN takes.

    A row tells what it takes to compute a layer, and what the layer then sends. The columns of
    `rows`, `totals` and `per_image`:

    ================= ===========================================================================
    nominal           multiply-accumulates (MACs) of the ANN, as papers count them: every tap of a
                      kernel, also where it lies on padding
    true              the same without those of padding
    synaptic          spikes that arrived over a weight: one addition each
    additions         spikes that arrived without a weight, as over an identity shortcut
    pooling           spikes that arrived at a pooling and go no further than to neurons
    analog            real numbers that were added at a step, whatever the spikes
    multiplications   MACs of the SNN: of a constant input once, of what else is a real number at
                      each step
    updates           neuron updates, one for each neuron and step
    spikes            spikes sent; one that is taken back counts twice
    fan_out           operations that a spike sets off, mean over the neurons
    ================= ===========================================================================

    Parameters
    ----------
    timesteps : int
        The steps that are counted, T.
    images : int
        B.
    arrived : mapping from row to (mapping from column to array of int64, shape (B,))
        Each column but the last two.
    sent : mapping from row to array of int64, shape (B,)
        Spikes of the layers, of the pixels if they spike ("input"), and of max poolings.
    fan_outs : mapping from row to array of int64, shape (C, ...)
        What `fan_out` returns.
    """

    timesteps: int
    images: int
    arrived: Mapping[str, Mapping[str, np.ndarray]]
    sent: Mapping[str, np.ndarray]
    fan_outs: Mapping[str, np.ndarray]

    @property
    def layers(self) -> list[str]:
        """Names of the rows: what sends spikes in the order of evaluation, and the output."""
        return list(self.arrived)

    @property
    def rows(self) -> list[dict[str, str | float]]:
        """The table as numbers, means over the images: a dict for each row."""
        return [
            {"layer": row}
            | {column: float(values.mean()) for column, values in columns.items()}
            | {
                "spikes": float(self.sent[row].mean()) if row in self.sent else 0.0,
                "fan_out": float(self.fan_outs[row].mean()) if row in self.fan_outs else 0.0,
            }
            for row, columns in self.arrived.items()
        ]

    @property
    def totals(self) -> dict[str, float]:
        """The sum of each column over the layers, a mean over the images; none of `fan_out`."""
        columns = (*ANN_COLUMNS, *SNN_COLUMNS, "spikes")
        return {column: float(self.per_image(column).mean()) for column in columns}

    def per_image(self, column: str) -> np.ndarray:
        """Return the sum of a column over the layers, int64, shape (B,)."""
        columns = (*ANN_COLUMNS, *SNN_COLUMNS, "spikes")
        if checks.option(column, "column", columns) == "spikes":
            return np.sum(list(self.sent.values()), axis=0)
        return np.sum([values[column] for values in self.arrived.values()], axis=0)

    def fan_out(self, layer: str | int) -> np.ndarray:
        """Return how many operations each spike of a neuron sets off, int64, shape (C, ...).

        It depends on the place: a neuron at the border reaches fewer others. A weight that happens
        to be 0 counts.

        Parameters
        ----------
        layer : str or int
            One of the rows, or a position among them.

        Raises
        ------
        OptionError
            If there is no such row, or it sends no spikes.
        """
        return self.fan_outs[checks.layer(layer, list(self.fan_outs), "rows that send spikes")]

    def _table(self) -> _text.Table:
        totals = self.totals
        columns = ANN_COLUMNS | SNN_COLUMNS
        shown = [c for c in columns if totals[c] or c in (*ANN_COLUMNS, "synaptic", "updates")]
        images = _text.counted(self.images, "image")
        title = f"Operations per image, {self.timesteps} steps, mean over {images}"
        header = ["layer", *(columns[c] for c in shown), "spikes sent", "operations per spike"]
        rows = [
            [
                str(row["layer"]),
                *(_number(row[c]) for c in shown),
                _number(row["spikes"]),
                f"{row['fan_out']:,.1f}" if row["layer"] in self.fan_outs else "",
            ]
            for row in self.rows
        ]
        last = ["total", *(_number(totals[c]) for c in shown), _number(totals["spikes"]), ""]
        return _text.Table(title, header, [*rows, last])


def operations(network: Network, record: Record, *, step: int | None = None) -> Operations:
    r"""Count what a simulation took, and what the ANN takes.

    .. math:: \text{SOP}_l = \sum_i N_i \, c_{i,l}

    over all neurons i that send to layer l: N spikes over c synapses each. Synapses are counted by
    position, without padding and where strides pass over; their weights do not matter.

    A spike travels through sums and poolings to the next weights, or to the next neurons. Where two
    ways lead from one neuron to another, both count. What comes out of a layer with weights is a
    real number: where it enters a second one with no neurons between them, as in a linear
    bottleneck, that one takes MACs at each step. An image as a constant current is multiplied once;
    that its current is then added at each step is part of the neurons' updates. Frames are
    multiplied at each step. Max pooling passes spikes on where those of one size compete, else real
    numbers. A softmax, spiking or not, comes after the network and is not counted.

    Parameters
    ----------
    network : Network
        The network that was simulated.
    record : Record
        Of `simulate`, with the counts of all layers.
    step : int, optional
        After how many steps; by default all. Others must have been recorded, with `at`.

    Returns
    -------
    Operations

    Raises
    ------
    OptionError
        If the record is of another network, or lacks counts.

    Source: Rueckauer et al. 2017 (spikes times fan-out); by position is ours.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> model = nn.Sequential(nn.ReLU(), nn.Conv1d(1, 2, 3, padding=1), nn.ReLU())
    >>> net = convert(model, [[[1.0, 1.0, 1.0]]], threshold=Fixed(1.0), v_init=0.0)
    >>> counted = operations(net, simulate(net, [[[1.0, 0.5, 0.0]]], timesteps=4))
    >>> counted.fan_out("0").tolist()  # 2 channels × 2 neurons at the border, 3 inside
    [[4, 6, 4]]
    >>> counted.rows[1]["synaptic"]  # 4 spikes of the first neuron, 2 of the second
    28.0
    >>> counted.rows[1]["nominal"], counted.rows[1]["true"]
    (18.0, 14.0)
    """
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    todo = "Write snnlab.simulate(network, x, timesteps) first."
    checks.instance(record, Record, "record", todo)
    if network.graph.fingerprint != record.fingerprint:
        raise OptionError(
            "record: is of another network. Expected the record of a simulation of this network. "
            "Simulate this network."
        )
    T = record.timesteps if step is None else checks.whole(step, "step")
    wires = wiring(network.graph, record.neurons, record.input)
    spikes = _spikes(record, wires, T)
    images = record.output_sums.shape[1]
    arrived = {
        row: {column: np.zeros(images, np.int64) for column in (*ANN_COLUMNS, *SNN_COLUMNS)}
        for row in wires.rows
    }
    for row, (nominal, true) in wires.multiplications.items():
        arrived[row]["nominal"] += nominal
        arrived[row]["true"] += true
    for cost in wires.costs:
        column = arrived[cost.row][cost.column]
        column += cost.once + T * cost.by_step
        for source, ways in cost.by_spike.items():
            column += _weighted(spikes[source], ways)
    for name, node in network.graph.layers.items():
        arrived[name]["updates"] += T * size(node)
    sent = {name: _weighted(s, np.ones(s.shape[1:], np.int64)) for name, s in spikes.items()}
    fan_out = {name: wires.fan_out(name, ARRIVALS) for name in wires.sources}
    return Operations(T, images, arrived, sent, fan_out)


def _spikes(record: Record, wires: Wiring, step: int) -> dict[str, np.ndarray]:
    """Return how many spikes each source has sent, shape (B, ...), in the order of evaluation."""
    found: dict[str, np.ndarray] = {}
    for name in wires.sources:
        pool = wires.units.graph.pools.get(name)
        if pool is None:
            found[name] = record.sent(name, step)
        elif name in record.pooled.get(step, {}):  # a gate
            sums = torch.from_numpy(record.pooled[step][name]).double()
            found[name] = (sums / wires.thresholds[name]).round().long().numpy()
        else:
            given = {source: torch.from_numpy(s).double() for source, s in found.items()}
            found[name] = maxima(pool, wires.units, given).long().numpy()
    return found


def _weighted(spikes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted sum of spikes for each image, int64, shape (B,).

    In float64, where such sums are exact below 2^53.

    >>> _weighted(np.array([[1, 2], [0, 3]]), np.array([10, 1])).tolist()
    [12, 3]
    """
    flat = spikes.reshape(len(spikes), -1).astype(np.float64)
    return (flat @ weights.ravel().astype(np.float64)).round().astype(np.int64)


def _number(value: str | float) -> str:
    return f"{value:,.1f}".removesuffix(".0") if value else ""
