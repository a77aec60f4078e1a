"""One record of the images of several, one after the other."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from snnlab.dynamics.neuron import settings
from snnlab.exceptions import OptionError
from snnlab.simulation.widening import Widened


def joined(records: Sequence[Any]) -> Any:
    """Return the record of the images of all; refuse those that do not fit together."""
    first = records[0]
    for record in records[1:]:
        for what, value in _common(record).items():
            if value != _common(first)[what]:
                raise OptionError(
                    f"records: differ in {what}: {value}, expected {_common(first)[what]} as in "
                    f"the first one. Join simulations of the same network with the same options."
                )
    return dataclasses.replace(
        first,
        totals=_by_layer(record.totals for record in records),
        output_sums=np.concatenate([record.output_sums for record in records], 1),
        at={t: _by_layer(record.at[t] for record in records) for t in first.at},
        recorded_spikes=_by_layer((record.recorded_spikes for record in records), 1),
        recorded_potentials=_by_layer((record.recorded_potentials for record in records), 1),
        pooled={t: _by_layer(record.pooled[t] for record in records) for t in first.pooled},
        crossings={t: _by_layer(r.crossings[t] for r in records) for t in first.crossings},
        labels=_if_all(record.labels for record in records),
        checksums=_if_all(record.checksums for record in records),
    )


def _by_layer(arrays: Iterable[Mapping[str, np.ndarray]], axis: int = 0) -> dict[str, np.ndarray]:
    several = [one.kept if isinstance(one, Widened) else one for one in arrays]
    return {name: np.concatenate([one[name] for one in several], axis) for name in several[0]}


def _if_all(arrays: Iterable[np.ndarray | None]) -> np.ndarray | None:
    several = list(arrays)
    known = [array for array in several if array is not None]
    return np.concatenate(known) if len(known) == len(several) else None


def _common(record: Any) -> dict[str, Any]:
    """Return in words what records of the same network and options have in common."""
    return {
        "their network": record.fingerprint[:12],
        "the settings of its neurons": {n: settings(own) for n, own in record.neurons.items()},
        "timesteps": record.timesteps,
        "input": record.input,
        "the type of their numbers": str(record.output_sums.dtype),
        "counts": list(record.totals),
        "at": list(record.at),
        "spikes": list(record.recorded_spikes),
        "potentials": list(record.recorded_potentials),
        "max_pool": [list(arrays) for arrays in record.pooled.values()],
    }
