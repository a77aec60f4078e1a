"""The recipe for deep networks: its parts, and what it reaches on the digits."""

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import data, recipes


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(1)
    model = data.resnet(8, width=2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # a branch starts at 0
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return model.eval(), torch.rand(12, 1, 8, 8)


def assert_same(found, expected):
    assert found.graph.fingerprint == expected.graph.fingerprint
    assert found.corrections == expected.corrections
    for name, neuron in expected.neurons.items():
        for setting, value in vars(neuron).items():
            np.testing.assert_array_equal(getattr(found.neurons[name], setting), value)


def test_it_is_a_conversion_its_neurons_and_a_correction(small):
    model, x = small
    net = sl.convert(model, x, threshold=sl.MMSE(6, per_channel=True), shortcut="analog")
    expected = sl.correct_potential(net.replace(signed=True), x, 6)
    assert_same(recipes.deep(model, x, 6), expected)


def test_every_choice_can_be_changed(small):
    model, x = small
    net = sl.convert(model, x, threshold=sl.Maximum())
    expected = sl.correct_potential(net.replace(max_spikes=3, scale=1 / 3), x, 4)
    options = {"threshold": sl.Maximum(), "shortcut": "spikes", "signed": False, "max_spikes": 3}
    assert_same(recipes.deep(model, x, 4, **options), expected)


def test_images_that_can_be_read_only_once_are_enough(small):
    model, x = small
    assert_same(recipes.deep(model, iter(x.split(5)), 4), recipes.deep(model, x, 4))


def test_thresholds_of_bursts_are_those_of_as_many_levels(small):
    model, x = small
    single, bursts = recipes.deep(model, x, 6), recipes.deep(model, x, 2, max_spikes=3)
    for name, theta in single.thresholds.items():
        np.testing.assert_allclose(bursts.thresholds[name], np.divide(theta, 3), rtol=1e-12)


def test_what_it_cannot_do_is_refused(small):
    model, x = small
    for name, value in (("timesteps", 0), ("max_spikes", 1.5), ("signed", "yes")):
        options = {"timesteps": 4, name: value}
        with pytest.raises(sl.OptionError, match=f"^{name}"):
            recipes.deep(model, x, **options)
    chain = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(sl.UnsupportedLayerError, match="shortcut='spikes'"):
        recipes.deep(chain, x, 4)
    assert recipes.deep(chain, x, 4, shortcut="spikes").corrections == {"potential": 4}


@pytest.mark.slow
def test_110_layers_in_four_steps_read_digits_within_a_point_of_the_ann():
    model, digits = data.load_network("digits_resnet110"), data.load_digits()
    x, y = digits.x_test[:200], digits.y_test[:200]
    net = recipes.deep(model, digits.x_train[:64], 4, max_spikes=4)
    found = sl.simulate(net, x, 4, counts=False).accuracy(y)[-1]
    assert found >= sl.ann(net, x).accuracy(y) - 0.01
