"""A metric bound to labels, and what its numbers mean."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """What the numbers of a metric mean.

    Parameters
    ----------
    name, words : str
    is_share : bool
        Whether they are shares of what could be right, in [0, 1].
    higher_is_better : bool or None
        None if it is not known.
    """

    name: str
    words: str
    is_share: bool = True
    higher_is_better: bool | None = True

    def gain(self, before: float, after: float) -> float:
        """Return by how much a value is better than another.

        >>> Scale("rmse", "RMS error", False, False).gain(0.5, 0.25)
        0.25
        """
        return before - after if self.higher_is_better is False else after - before


ACCURACY = Scale("accuracy", "accuracy")


@dataclass(frozen=True)
class Measure:
    """A metric, and the labels that it compares with.

    Parameters
    ----------
    scale : Scale
    at : callable
        Returns the metric for accumulated outputs, shape (B, ...), after so many steps.
    count : int
        How many labels it judges.
    guess : float or None
        What guessing would give, or for a regression the mean of the targets.
    answers : callable or None
        Returns what is answered for accumulated outputs, where answers are right or wrong.
    """

    scale: Scale
    at: Callable[[np.ndarray, int], float]
    count: int
    guess: float | None = None
    answers: Callable[[np.ndarray], np.ndarray] | None = None

    def over(self, sums: Iterable[np.ndarray], steps: Iterable[int]) -> np.ndarray:
        """Return the metric after K numbers of steps; outputs are accumulated, (K, B, ...)."""
        return np.array([self.at(s, t) for s, t in zip(sums, steps, strict=True)])
