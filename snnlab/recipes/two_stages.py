"""What methods of two stages return: a first look at the images, and the run that uses it."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnlab._arguments import checks
from snnlab.simulation.metrics import Metric
from snnlab.simulation.record import Record


@dataclass(frozen=True, eq=False)
class TwoRecords:
    """The records of both stages, so that both can be counted: `operations` takes either.

    Parameters
    ----------
    first : Record or None
        None if there was no first stage.
    second : Record
        Its outputs are the answer.
    """

    first: Record | None
    second: Record

    def accuracy(self, y: Any = None, *, metric: Metric = None) -> np.ndarray:
        """Return how well the second stage fits labels after each of its steps, shape (T,).

        Arguments and errors as in `Record.accuracy`.
        """
        return self.second.accuracy(y, metric=metric)


def steps_of_first(first: Any) -> int:
    """Return the number of steps of a first stage, 0 or more."""
    expected = "a whole number, 0 or more; 0 is no first stage."
    return checks.number(first, "first", 0, whole=True, expected=expected)


def after(record: Record, step: int) -> Record:
    """Return the record of the first steps of a run that kept counts after them, in `at`."""
    return dataclasses.replace(
        record,
        timesteps=step,
        totals=record.at[step],
        output_sums=record.output_sums[:step],
        at={},
        crossings={t: sent for t, sent in record.crossings.items() if t == step},
    )
