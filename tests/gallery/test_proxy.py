"""Proxy learning: outputs of the spiking network, gradients of the ANN."""

import copy

import numpy as np
import pytest
import torch
from helpers.digits import assert_learns
from torch import nn

import snnlab as sl
from snnlab.gallery import proxy, training
from snnlab.gallery.proxy import ProxyNetwork

T = 8


def mlp(seed=0):
    with training.seeded(seed):
        return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).double()


def spiking_outputs(x, model):
    """Return the mean outputs over T steps, by a plain loop."""
    w1, b1, w2, b2 = (parameter.detach().numpy() for parameter in model.parameters())
    v, total = np.full((len(x), 5), 0.5), 0.0
    for _ in range(T):
        v = v + x @ w1.T + b1
        s = v >= 1
        v = v - s
        total = total + s @ w2.T + b2
    return total / T


def test_the_gradient_is_that_of_the_ann_at_the_outputs_of_the_spiking_network():
    model, x, y = mlp(), np.random.default_rng(0).random((7, 6)), np.arange(7) % 3
    network = ProxyNetwork(model, T).train()
    nn.functional.cross_entropy(network(torch.from_numpy(x)), torch.from_numpy(y)).backward()
    scores = spiking_outputs(x, model)
    share = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    by_scores = (share - np.eye(3)[y]) / 7
    w1, b1, w2, _ = (parameter.detach().numpy() for parameter in model.parameters())
    z = x @ w1.T + b1
    by_hidden = by_scores @ w2 * (z > 0)
    expected = [by_hidden.T @ x, by_hidden.sum(0), by_scores.T @ np.maximum(z, 0), by_scores.sum(0)]
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert parameter.grad.numpy() == pytest.approx(gradient)
    # The ANN's own gradient is another one.
    assert np.abs(scores - model(torch.from_numpy(x)).detach().numpy()).max() > 0.01


def test_outputs_are_those_of_a_loop_in_training_and_after():
    model, x = mlp(1), np.random.default_rng(1).random((7, 6))
    network = ProxyNetwork(model, T)
    for mode in (True, False):
        found = network.train(mode)(torch.from_numpy(x)).detach().numpy()
        assert found == pytest.approx(spiking_outputs(x, model))


def test_where_both_say_the_same_it_is_ordinary_backpropagation():
    """Activations that are multiples of 1/T, at most 1, are counted exactly."""
    layers = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False))
    layers[0].weight.data = torch.tensor([[0.5, 0.25, 0.0], [0.0, -1.0, 0.5], [0.25, 0.25, 0.25]])
    x, y = torch.tensor([[1.0, 0.5, 1.0], [0.5, 0.0, 0.5]]), torch.tensor([0, 1])
    network = ProxyNetwork(layers, T).train()
    assert torch.allclose(network(x), layers(x))
    for model in (network, layers):
        layers.zero_grad()
        training.cross_entropy(model, x, y).backward()
        gradients = [parameter.grad.clone() for parameter in layers.parameters()]
        if model is network:
            by_proxy = gradients
    assert all(torch.allclose(one, two) for one, two in zip(by_proxy, gradients, strict=True))


def test_weights_are_shared_and_statistics_are_not():
    with training.seeded(0):
        network = ProxyNetwork(training.convnet(nn.ReLU), T)
    ann, snn = network.ann, network.snn.layers
    assert len(list(network.parameters())) == len(list(ann.parameters())) == 11
    network.train()(torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    trained = copy.deepcopy(network)  # as `fit` does
    for one, two in ((ann, snn), (trained.ann, trained.snn.layers)):
        assert one[3] is two[3]
        assert one[4].weight is two[4].weight
        assert one[4].bias is two[4].bias
        assert not torch.allclose(one[4].running_var, two[4].running_var)


def test_it_learns():
    with training.seeded(0):
        layers = training.convnet(nn.ReLU)
    assert_learns(ProxyNetwork(layers), epochs=4)


def test_a_network_without_relus_is_refused():
    with pytest.raises(sl.UnsupportedLayerError, match=r"found \['Linear'\], expected at least"):
        ProxyNetwork(nn.Sequential(nn.Linear(2, 2)))


def test_other_things_than_a_sequence_are_refused():
    with pytest.raises(sl.OptionError, match="layers: found Linear, expected a Sequential"):
        ProxyNetwork(nn.Linear(2, 2))
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        ProxyNetwork(nn.Sequential(nn.ReLU()), 0)


def test_the_equation_of_the_exchange():
    ann = torch.tensor([1.0, 2.0], requires_grad=True)
    out = proxy.exchanged(ann, torch.tensor([3.0, 5.0], requires_grad=True))
    (out**2).sum().backward()
    assert out.tolist() == [3.0, 5.0]
    assert ann.grad.tolist() == [6.0, 10.0]
