"""The network without time: every neuron puts its staircase in the place of its ReLU."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from helpers import oracles
from torch import nn

import snnlab as sl


def staircase(z, theta, timesteps, reset, v_init):
    """Count the spikes of neurons under constant currents, in a plain loop."""
    v, count = np.broadcast_to(v_init * theta, z.shape).copy(), np.zeros(z.shape)
    for _ in range(timesteps):
        v = v + z
        fired = v >= theta
        v = np.where(fired, v - theta if reset == "subtract" else 0.0, v)
        count += fired
    return theta * count / timesteps


def plain(steps, x, timesteps, reset, v_init):
    """Evaluate a network of the oracles once, with staircases; return what enters each neuron."""
    values, currents = [x], {}
    for i, step in enumerate(steps):
        a = values[step.sources[0]]
        if step.name == "relu":
            theta = np.reshape(step.threshold, (-1,) + (1,) * (a.ndim - 2))
            currents[f"relus.{i}"] = a
            values.append(staircase(a, theta, timesteps, reset, v_init))
        elif step.name == "max_pool":
            values.append(oracles._pool(a, np.max))
        else:
            values.append(oracles._affine(step, a, [values[j] for j in step.sources]))
    return currents, values[-1]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", range(12))
def test_every_layer_sees_the_stairs_of_those_before(seed, reset):
    steps, x = oracles.random_steps(seed), oracles.images(seed)
    rule = sl.Fixed(oracles.thresholds(steps))
    net = sl.convert(oracles.Torch(steps), x, threshold=rule, reset=reset, v_init=0.25)
    found = sl.quantized(net.to(torch.float64), x, 8)
    currents, output = plain(steps, x, 8, reset, 0.25)
    assert list(found.currents) == list(currents)
    for name, z in currents.items():
        assert (found.currents[name] == z).all()
    assert (found.outputs == output).all()


def test_one_layer_with_analog_input_is_the_simulation_itself():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    x = np.arange(-16, 33)[:, None] / 16
    record = sl.simulate(net, x, 8)
    assert (sl.quantized(net, x, 8).activations["relu"] == record.counts("relu") / 8).all()


def fired(current, timesteps):
    """Count the spikes of a neuron with threshold 1 in rational numbers."""
    v, count = Fraction(0), 0
    for _ in range(timesteps):
        v += current
        if v >= 1:
            v, count = v - 1, count + 1
    return count


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_costs_a_spike_at_most_and_none_with_multiples_of_1_64(dtype):
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0).to(dtype)
    late = 0
    for current in (*map(Fraction, ("0.02", "0.05", "0.1", "0.7", "0.9")), Fraction(45, 64)):
        for timesteps in (10, 50, 100):
            x = torch.tensor([[float(current)]], dtype=dtype)
            exact = fired(current, timesteps)
            for count in (
                sl.simulate(net, x, timesteps).counts("relu").item(),
                round(sl.quantized(net, x, timesteps).activations["relu"].item() * timesteps),
            ):
                assert exact - count in ((0,) if current.denominator == 64 else (0, 1))
                late += exact - count
    assert late > 0


def test_many_steps_come_close_to_the_ann():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    x = np.random.default_rng(0).random((50, 6))
    net = sl.convert(model, x, threshold=sl.Maximum())
    ann = sl.ann(net, x).outputs
    off = [np.abs(sl.quantized(net, x, t).outputs - ann).max() for t in (4, 64, 4096)]
    assert off[1] < off[0] / 8
    assert off[2] < off[1] / 30


def test_what_is_no_network_and_no_number_of_steps_is_refused():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    with pytest.raises(sl.OptionError, match="timesteps = 0: expected a whole number, 1 or more"):
        sl.quantized(net, [[1.0]], 0)
    with pytest.raises(sl.OptionError, match=r"network: found ReLU.*convert\(model, x_cal\) first"):
        sl.quantized(nn.ReLU(), [[1.0]], 4)


@pytest.mark.parametrize("theta", [0.7, 0.9, 1.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_threshold_is_the_rounded_one_that_is_simulated(theta, dtype):
    """A current that is a whole part of the threshold stands at the edge of a stair."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(theta), v_init=0.0).to(dtype)
    x = np.array([[theta], [theta / 2], [theta / 4]])
    simulated = sl.simulate(net, x, 8)
    stairs = sl.quantized(net, x, 8).activations["relu"] / theta * 8
    np.testing.assert_allclose(stairs, simulated.counts("relu"), rtol=1e-6)
