"""Seeds for tests of random networks."""

import pytest

USUAL = 20


def seeds(count):
    """Return 0 to count - 1; those from 20 on are left to `make test-long`."""
    long = [pytest.param(seed, marks=pytest.mark.long) for seed in range(USUAL, count)]
    return [*range(USUAL), *long]
