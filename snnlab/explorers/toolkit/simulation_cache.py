"""Simulations that an explorer keeps, so that a slider only looks them up."""

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from snnlab.simulation.progress import progress_bar

PREPARATION_SECONDS = 4.0


class SimulationCache(dict[Any, dict[str, Any]]):
    """What was simulated, by setting; a setting that is not there is simulated when asked for.

    Parameters
    ----------
    simulate : callable
        Takes a setting, returns what is kept of its simulation.

    >>> cache = SimulationCache(lambda percentile: {"accuracy": percentile})
    >>> cache[99.0], list(cache)
    ({'accuracy': 99.0}, [99.0])
    """

    def __init__(self, simulate: Callable[[Any], dict[str, Any]]):
        super().__init__()
        self._simulate = simulate

    def __missing__(self, setting: Hashable) -> dict[str, Any]:
        self[setting] = self._simulate(setting)
        return self[setting]

    def prepare(self, settings: Sequence[Any], unit: str) -> None:
        """Simulate settings, the first one first, as long as there is time for one more."""
        begin = time.monotonic()
        with progress_bar(len(settings), unit) as progress:
            for done, setting in enumerate(settings, 1):
                self[setting]  # looked up, and so simulated
                progress.update()
                if (time.monotonic() - begin) * (done + 1) / done > PREPARATION_SECONDS:
                    return
