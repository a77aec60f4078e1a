"""Seeds for tests of random networks: few for `make check`, 20 for `make test`, then the rest."""

import pytest


def seeds(count, fast=20):
    """Return 0 to count - 1; those from `fast` on are slow, those from 20 on long."""

    def marks(seed):
        return pytest.mark.long if seed >= 20 else pytest.mark.slow if seed >= fast else ()

    return [pytest.param(seed, marks=marks(seed)) for seed in range(count)]
