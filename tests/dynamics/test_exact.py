"""What passes on real numbers is exact in time."""

import numpy as np
import pytest
import torch
from helpers import oracles

from snnlab.dynamics import AnalogReLU


def trains(rng, steps=40):
    """Return currents that change at every step, multiples of 1/16, shape (steps, 3, 2, 4, 4)."""
    return torch.tensor(oracles.dyadic(rng, (steps, 3, 2, 4, 4), -2, 2))


def passed_on(currents, cap, block):
    """Return what a ReLU passes on, worked on in blocks of so many steps."""
    relu = AnalogReLU(cap)
    parts = [relu.step(part.flatten(0, 1), len(part)) for part in currents.split(block)]
    return relu, torch.cat([part.unflatten(0, (-1, 3)) for part in parts])


@pytest.mark.parametrize("cap", [None, 0.5, 6.0])
@pytest.mark.parametrize("block", [1, 7, 40])
def test_an_analog_relu_has_passed_on_the_relu_of_its_charge_after_every_step(rng, cap, block):
    currents = trains(rng)
    relu, found = passed_on(currents, cap, block)
    charges = currents.cumsum(0)
    for t in range(len(currents)):
        mean = charges[t] / (t + 1)
        expected = (t + 1) * mean.clamp(0, cap)
        if cap is None:
            assert (found[: t + 1].sum(0) == charges[t].clamp(min=0)).all()
        torch.testing.assert_close(found[: t + 1].sum(0), expected, rtol=1e-14, atol=1e-14)
    assert (relu.sum == found.sum(0)).all()


@pytest.mark.parametrize("cap", [None, 1.0])
def test_under_a_constant_current_it_passes_on_the_same_at_every_step(rng, cap):
    current = trains(rng, 1)
    _, found = passed_on(current.expand(8, *current.shape[1:]), cap, 3)
    assert (found == current.clamp(0, cap)).all()


def test_an_analog_relu_leaves_its_input_alone(rng):
    currents = trains(rng, 4)
    before = currents.clone()
    AnalogReLU(1.0).step(currents.flatten(0, 1), 4, writable=True)
    assert np.array_equal(currents, before)
