"""Training for one step with noise, and the run for many steps."""

import math

import numpy as np
import pytest
import torch
from helpers.digits import CHANCE, some, unseen
from torch import nn

import snnlab as sl
from snnlab.gallery import single_step, training
from snnlab.gallery.single_step import NoisyStep


def test_noise_has_mean_and_spread_of_what_is_left_of_a_potential():
    left = (np.arange(4096) + 0.5) / 4096
    assert pytest.approx(left.mean()) == single_step.MEAN
    assert pytest.approx(left.std(), rel=1e-6) == single_step.SPREAD


def test_a_spike_is_as_probable_as_the_error_function_says():
    z = np.linspace(-1, 2, 31)
    expected = [math.erfc(-(v - 0.5) * math.sqrt(12) / math.sqrt(2)) / 2 for v in z]
    assert single_step.probability(torch.from_numpy(z)).numpy() == pytest.approx(expected)


def test_the_share_of_spikes_is_that_probability():
    z = torch.tensor([-0.25, 0.25, 0.5, 0.9])
    with training.seeded(0):
        drawn = NoisyStep().train()(z.expand(40_000, 4))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    expected = single_step.probability(z).numpy()
    assert drawn.mean(0).numpy() == pytest.approx(expected, abs=0.01)


def test_the_gradient_is_the_slope_of_the_probability():
    z = torch.linspace(-1, 2, 13, dtype=torch.float64, requires_grad=True)
    single_step.noisy_spikes(z, torch.zeros_like(z)).sum().backward()
    beside = [single_step.probability(z.detach() + d).numpy() for d in (-1e-5, 1e-5)]
    assert z.grad.numpy() == pytest.approx((beside[1] - beside[0]) / 2e-5, rel=1e-6)


def test_a_long_run_passes_on_the_clipped_current():
    model = nn.Sequential(nn.Linear(1, 3), NoisyStep()).eval()
    model[0].weight.data[:] = torch.tensor([[0.625], [-1.0], [2.0]])
    model[0].bias.data.zero_()
    network = single_step.spiking(model, [[1.0]])
    assert sl.simulate(network, [[1.0]], 64).outputs[-1].tolist() == [[0.625, 0.0, 1.0]]
    # The mean of the noisy step is close to that, if noise and potential are alike.
    assert model(torch.ones(1, 1))[0].tolist() == pytest.approx([0.625, 0, 1], abs=0.06)


def test_the_network_has_neurons_that_begin_half_full_and_the_model_is_unchanged():
    model = nn.Sequential(nn.Linear(2, 2), NoisyStep(), nn.Linear(2, 2), NoisyStep()).eval()
    network = single_step.spiking(model, [[1.0, 1.0]])
    assert [neuron.v_threshold for neuron in network.neurons.values()] == [1.0, 1.0]
    assert {neuron.v_init for neuron in network.neurons.values()} == {0.5}
    assert isinstance(model[1], NoisyStep)


def test_it_learns_at_one_step_and_runs_at_eight():
    with training.seeded(0):
        model = training.convnet(NoisyStep)
    trained = training.fit(model, *some(), epochs=4)
    x, y = unseen()
    network = single_step.spiking(trained, some(50)[0])
    assert sl.simulate(network, x, 8).accuracy(y)[-1] > 0.7 > 5 * CHANCE


def test_a_model_without_noisy_steps_is_refused():
    with pytest.raises(sl.UnsupportedLayerError, match="found no NoisyStep"):
        single_step.spiking(nn.Sequential(nn.Linear(1, 1), nn.ReLU()), [[1.0]])
