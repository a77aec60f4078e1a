"""What operations would cost in energy: an estimate, by a price for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snnlab import _text
from snnlab._arguments import checks

if TYPE_CHECKING:
    from snnlab.analysis.operation_counts import Operations

# In pJ, of 45 nm and 32-bit floats: a multiplication 3.7, an addition 0.9 (Horowitz 2014).
ADDITION, MULTIPLICATION = 0.9, 3.7
ADDITIONS = ("synaptic", "additions", "pooling", "analog")


@dataclass(frozen=True, eq=False, repr=False)
class Energy(_text.ShownAsTable):
    """An estimate of the energy of a simulation, per image and in pJ, and of the ANN's.

    Parameters
    ----------
    operations : Operations
    mac, ac, update : float
        Prices in pJ.
    """

    operations: Operations
    mac: float
    ac: float
    update: float

    @property
    def rows(self) -> list[dict[str, str | float]]:
        """A dict for each layer: "layer", "ann_nominal", "ann" and "snn", in pJ per image."""
        return [
            {
                "layer": row,
                "ann_nominal": float(self.mac * counts["nominal"].mean()),
                "ann": float(self.mac * counts["true"].mean()),
                "snn": float(self._price(counts).mean()),
            }
            for row, counts in self.operations.arrived.items()
        ]

    @property
    def ann_nominal(self) -> float:
        """The ANN's, with its multiply-accumulates as papers count them."""
        return self.mac * self.operations.totals["nominal"]

    @property
    def ann(self) -> float:
        """The ANN's, without those of padding."""
        return self.mac * self.operations.totals["true"]

    @property
    def snn(self) -> float:
        """The simulation's, a mean over the images."""
        return float(self.per_image().mean())

    def per_image(self) -> np.ndarray:
        """Return the simulation's energy in pJ for each image, float64, shape (B,)."""
        return np.sum([self._price(c) for c in self.operations.arrived.values()], axis=0)

    def _price(self, counts: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return what the operations of a row cost for each image, shape (B,)."""
        additions = sum(counts[column] for column in ADDITIONS)
        products = self.mac * counts["multiplications"]
        return products + self.ac * additions + self.update * counts["updates"]

    def _table(self) -> _text.Table:
        title = (
            f"Energy per image in nJ, estimated: {self.mac:g} pJ for a multiply-accumulate, "
            f"{self.ac:g} for an addition, {self.update:g} for a neuron update; "
            f"{_text.counted(self.operations.timesteps, 'step')}"
        )
        names = ("ann_nominal", "ann", "snn")
        rows = [[str(row["layer"]), *(_nano(row[name]) for name in names)] for row in self.rows]
        total = ["total", *(_nano(getattr(self, name)) for name in names)]
        return _text.Table(title, ["layer", "ANN, nominal", "ANN", "SNN"], [*rows, total])


def energy(
    operations: Operations,
    mac: float = MULTIPLICATION + ADDITION,
    ac: float = ADDITION,
    update: float = ADDITION,
) -> Energy:
    r"""Estimate the energy that operations would take, from a price for each.

    .. math:: E = e_{MAC}\,n_{MAC} + e_{AC}\,n_{AC} + e_{update}\,n_{update}

    The ANN has multiply-accumulates only. The SNN has additions, one for each synaptic operation,
    addition, pooling and analog addition; multiply-accumulates where it multiplies real numbers;
    and neuron updates, which many papers leave out (`update=0`). The usual prices are those of
    arithmetic in 45 nm with 32-bit floats. Left out is the memory, which dominates on real chips,
    and the routing of spikes. No chip was measured.

    Parameters
    ----------
    operations : Operations
        From `operations`.
    mac : float
        Price of a multiply-accumulate in pJ.
    ac : float
        Price of an addition.
    update : float
        Price of a neuron update; by default one addition.

    Returns
    -------
    Energy

    Raises
    ------
    OptionError
        If a price is no finite number, 0 or more.

    Source: Horowitz 2014 (3.7 pJ for a multiplication, 0.9 for an addition).

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, operations, simulate
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 5))
    >>> net = convert(model, [[1.0, 1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> counted = operations(net, simulate(net, [[1.0, 0.5]], timesteps=4))
    >>> energy(counted, mac=4.0, ac=1.0, update=0.5).snn  # 6 spikes × 5 synapses, 4 steps × 2
    34.0
    >>> energy(counted, mac=4.0).ann
    40.0
    """
    from snnlab.analysis.operation_counts import Operations

    todo = "Write snnlab.operations(network, record) first."
    checks.instance(operations, Operations, "operations", todo)
    prices = {
        name: checks.number(value, name, 0, expected="a price in pJ, a finite number, 0 or more.")
        for name, value in (("mac", mac), ("ac", ac), ("update", update))
    }
    return Energy(operations, **prices)


def _nano(pico: str | float) -> str:
    return f"{float(pico) / 1000:,.3g}" if pico else ""
