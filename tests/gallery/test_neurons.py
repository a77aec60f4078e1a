"""The spiking layer that can be trained, against the other engine, a loop and a closed form."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.gallery import neurons, training
from snnlab.gallery.neurons import Neurons, SpikingNetwork

T = 12


def dyadic(*shape, seed=0, most=64):
    """Return multiples of 1/64, so that sums are exact."""
    whole = np.random.default_rng(seed).integers(-most, most + 1, shape)
    return torch.from_numpy(whole / 64).float()


def layers_of(neuron):
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), neuron(), nn.Conv2d(3, 4, 3, stride=2, padding=1), neuron(),
        nn.Flatten(), nn.Linear(16, 5, bias=False),
    )  # fmt: skip
    for seed, parameter in enumerate(model.parameters()):
        parameter.data = dyadic(*parameter.shape, seed=seed, most=24)
    return model.eval()


def trains(currents, leak=1.0, v_init=0.0):
    """Return the spikes of neurons as a plain loop gives them, shape (T, ...)."""
    v, fired = np.full(currents.shape[1:], v_init), []
    for z in currents:
        m = leak * v + z
        fired.append((m >= 1) * 1.0)
        v = m - fired[-1]
    return np.array(fired)


@pytest.mark.parametrize("v_init", [0.0, 0.5])
def test_a_network_of_trained_neurons_is_the_converted_one_with_thresholds_1(v_init):
    x = dyadic(6, 1, 4, 4, seed=9).abs()
    network = SpikingNetwork(layers_of(lambda: Neurons(v_init=v_init)), T)
    converted = sl.convert(layers_of(nn.ReLU), x, threshold=sl.Fixed(1.0), v_init=v_init)
    record = sl.simulate(converted, x, T)
    outputs = network.outputs(x).detach().numpy().cumsum(0)
    assert outputs[-1].std() > 0.1
    assert (outputs == record.output_sums).all()
    counted = sl.operations(converted, record)
    assert training.additions(network, x) == counted.totals["synaptic"] > 100
    assert training.spikes(network, x) == counted.totals["spikes"] > 10


def test_it_runs_for_another_number_of_steps_after_training():
    x = dyadic(6, 1, 4, 4, seed=9).abs()
    network = SpikingNetwork(layers_of(Neurons), T)
    by_step = network.outputs(x)
    network.timesteps = 5
    assert torch.equal(network.outputs(x), by_step[:5])
    assert torch.allclose(network(x), by_step[:5].mean(0))


@given(st.integers(0, 10**6), st.sampled_from([0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.5]))
@settings(max_examples=30, deadline=None)
def test_trains_are_those_of_a_loop(seed, leak, v_init):
    currents = dyadic(T, 3, 4, seed=seed)
    layer = Neurons(leak, v_init=v_init, timesteps=T)
    found = layer(currents.flatten(0, 1)).unflatten(0, (T, 3))
    assert (found.numpy() == trains(currents.numpy().astype(float), leak, v_init)).all()


def test_a_step_is_that_of_the_other_engine():
    v, z = dyadic(50, seed=1), dyadic(50, seed=2)
    v_next, s = neurons.step(v, z)
    expected = sl.dynamics.if_step(v.numpy(), z.numpy())
    assert (v_next.numpy() == expected[0]).all()
    assert (s.numpy() == expected[1]).all()
    assert 0 < s.mean() < 1


def test_snntorch_has_the_same_neuron():
    snntorch = pytest.importorskip("snntorch")
    # No multiple of 1/64 meets the threshold, where that library decides otherwise.
    currents = dyadic(T, 40, seed=3) + 1 / 1024
    leaky = snntorch.Leaky(beta=0.5, reset_mechanism="subtract", reset_delay=False)
    memory, theirs = torch.zeros(40), []
    for current in currents:
        spikes, memory = leaky(current, memory)
        theirs.append(spikes)
    ours = Neurons(0.5, timesteps=T)(currents.flatten()[:, None]).unflatten(0, (T, 40))[..., 0]
    assert torch.equal(ours, torch.stack(theirs))
    assert 0.05 < ours.mean() < 0.95


@pytest.mark.parametrize("width", [0.25, 1.0, 3.0])
def test_the_surrogate_is_a_triangle_of_area_1(width):
    v = torch.linspace(-4, 6, 4001, dtype=torch.float64, requires_grad=True)
    neurons.spikes(v, width).sum().backward()
    triangle = np.interp(v.detach(), [1 - width, 1, 1 + width], [0, 1 / width, 0])
    assert v.grad.numpy() == pytest.approx(triangle)
    assert np.trapezoid(v.grad.numpy(), v.detach().numpy()) == pytest.approx(1, abs=1e-4)


def test_the_gradient_through_time_is_that_of_a_loop():
    leak, width, currents = 0.5, 2.0, dyadic(T, 5, seed=4).double()
    currents.requires_grad_()
    weights = torch.arange(1.0, T + 1)[:, None]
    fired = Neurons(leak, width, timesteps=T)(currents.flatten()[:, None]).reshape(T, 5)
    (weights * fired).sum().backward()
    z = currents.detach().numpy()
    v, potentials = np.zeros(5), []
    for current in z:
        potentials.append(leak * v + current)
        v = potentials[-1] - (potentials[-1] >= 1)
    slope = np.interp(potentials, [1 - width, 1, 1 + width], [0, 1 / width, 0])
    expected = [sum((t + 1) * slope[t] * leak ** (t - k) for t in range(k, T)) for k in range(T)]
    assert currents.grad.numpy() == pytest.approx(np.array(expected))


def test_without_a_memory_each_step_stands_alone():
    currents = dyadic(T, 7, seed=5)
    short = Neurons(2.0**-40, timesteps=T)(currents.flatten()[:, None]).reshape(T, 7)
    # What is left of a step is too small to reach the threshold that was missed.
    assert torch.equal(short, (currents >= 1).float()) or (short - (currents >= 1)).abs().sum() < 2


def test_the_model_that_is_counted_stays_as_it_is():
    network = SpikingNetwork(layers_of(Neurons), T)
    before = copy.deepcopy(network.state_dict())
    training.additions(network, torch.ones(2, 1, 4, 4))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not any(layer._forward_hooks for layer in network.modules())


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"leak": 0.0}, "leak = 0.0: expected a number in"),
        ({"leak": 1.5}, "leak = 1.5"),
        ({"width": 0.0}, "width = 0.0: expected a finite number above 0"),
        ({"v_init": 1.0}, "v_init = 1.0"),
        ({"timesteps": 0}, "timesteps = 0: expected a whole number, 1 or more"),
    ],
)
def test_impossible_neurons_are_refused(options, found):
    with pytest.raises(sl.OptionError, match=found):
        Neurons(**options)


def test_a_network_runs_at_least_one_step():
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        SpikingNetwork(Neurons(), 0)
