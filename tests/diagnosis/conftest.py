"""Two diagnoses that several files look at."""

import pytest
from helpers.trained import X, Y, converted

from snnlab.diagnosis import diagnose


@pytest.fixture(scope="session")
def blamed_layer():
    net = converted("conv").replace(1, scale=10.0)
    return net, diagnose(net, X, Y, 8)


@pytest.fixture(scope="session")
def spread():
    net = converted("conv").replace(reset="zero")
    return net, diagnose(net, X, Y, 4)
