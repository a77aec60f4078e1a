"""Where the bars of a stack begin and end."""

from collections.abc import Mapping

import numpy as np


def stacked(shares: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return where the bar of each part begins and ends; negative ones lie left of 0.

    >>> bars = stacked({"a": np.array([1.25]), "b": np.array([-0.5]), "c": np.array([0.25])})
    >>> {part: (float(start[0]), float(end[0])) for part, (start, end) in bars.items()}
    {'a': (0.0, 1.25), 'b': (0.0, -0.5), 'c': (1.25, 1.5)}
    """
    high = low = np.zeros(len(next(iter(shares.values()))))
    bars = {}
    for part, share in shares.items():
        start = np.where(share < 0, low, high)
        bars[part] = start, start + share
        high, low = high + np.maximum(share, 0), low + np.minimum(share, 0)
    return bars
