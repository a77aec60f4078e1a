"""Seeds for tests of random networks: few for `make check`, more for `make test`, then the rest."""

import pytest


def seeds(count, fast=20, usual=20):
    """Return 0 to count - 1; those from `fast` on are slow, those from `usual` on long."""

    def marks(seed):
        return pytest.mark.long if seed >= usual else pytest.mark.slow if seed >= fast else ()

    return [pytest.param(seed, marks=marks(seed)) for seed in range(count)]
