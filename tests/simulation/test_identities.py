"""The identities of the theory page, O1 to O36, that concern a network: exact, all is dyadic."""

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl


class Mlp(nn.Module):
    """Two hidden layers with dyadic weights."""

    def __init__(self, seed=0, scale_1=1.0, scale_2=1.0):
        super().__init__()
        rng = np.random.default_rng(seed)
        sizes = [(4, 6), (6, 6), (6, 3)]
        scales = [(1, scale_1), (scale_1, scale_2), (scale_2, 1)]
        layers = []
        for (n, m), (before, after) in zip(sizes, scales, strict=True):
            layer = nn.Linear(n, m)
            weight, bias = rng.integers(-16, 17, (m, n)) / 16, rng.integers(-8, 9, m) / 16
            layer.weight = nn.Parameter(torch.tensor(weight * before / after).float())
            layer.bias = nn.Parameter(torch.tensor(bias / after).float())
            layers += [layer, nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x):
        return self.layers(x)


X = np.random.default_rng(3).integers(-16, 17, (20, 4)) / 16


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_o7_scaling_weights_and_threshold_together_leaves_the_trains(reset):
    net = sl.convert(Mlp(), X, threshold=sl.Fixed(1.0), reset=reset)
    model = Mlp()
    for i in (0, 2, 4):
        model.layers[i].bias.data *= 8
    model.layers[0].weight.data *= 8
    scaled = sl.convert(model, X, threshold=sl.Fixed(8.0), reset=reset)
    a, b = (sl.simulate(n, X, 64, spikes=True) for n in (net, scaled))
    for name in net.layers:
        assert (a.spikes(name) == b.spikes(name)).all()
        assert a.spikes(name).any()


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_o8_weight_normalization_is_threshold_balancing(reset):
    balanced = sl.convert(
        Mlp(), X, threshold=sl.Fixed({"layers.1": 2.0, "layers.3": 4.0}), reset=reset
    )
    normalized = sl.convert(Mlp(0, 2.0, 4.0), X, threshold=sl.Fixed(1.0), reset=reset)
    a, b = (sl.simulate(n, X, 64, spikes=True) for n in (balanced, normalized))
    for name in balanced.layers:
        assert a.spikes(name).any()
        assert (a.spikes(name) == b.spikes(name)).all()
    assert (a.output_sums == b.output_sums).all()


def test_o9_the_classic_bug_scales_the_bias_like_a_weight():
    """Form A divides the bias by λ of its own layer only; otherwise it is another function."""
    right, wrong = Mlp(0, 2.0, 4.0), Mlp(0, 2.0, 4.0)
    wrong.layers[2].bias.data *= 2.0
    x = torch.tensor(X).float()
    original = Mlp()(x)
    assert (right(x) == original).all()
    assert (wrong(x) != original).any()


@pytest.mark.parametrize("timesteps", [8, 64])
def test_o21_rates_layer_by_layer(timesteps):
    """θr = W θr' + b - (v_T - v_0) / T, exactly, for every neuron of a network."""
    net = sl.convert(Mlp(), X, threshold=sl.Fixed(1.0), v_init=0.0)
    record = sl.simulate(net, X, timesteps, potentials=True)
    model, r = Mlp().layers.double(), torch.tensor(X)
    for layer, name in ((model[0], "layers.1"), (model[2], "layers.3")):
        expected = layer(r) - torch.tensor(record.potentials(name)[-1] / timesteps)
        r = torch.tensor(record.rates(name))
        assert (r == expected).all()


def test_o21b_depth_punishes_the_hard_reset():
    """The error of the hard reset stays when time goes on, and is larger in the second layer."""
    net = sl.convert(Mlp(), X, threshold=sl.Maximum(), v_init=0.0)
    ann = sl.ann(net, X).activations
    errors = {}
    for reset in ("subtract", "zero"):
        record = sl.simulate(net, X, 1024, reset=reset)
        theta = net.thresholds
        errors[reset] = [np.abs(theta[n] * record.rates(n) - ann[n]).mean() for n in net.layers]
    assert errors["zero"][1] > 10 * errors["subtract"][1]
    assert errors["zero"][1] > errors["zero"][0]


@pytest.mark.parametrize(
    ("w", "first"), [(1, [4, 4, 4, 4]), (0.5, [4, 8, 16, 32]), (0.75, [4, 8, 12, 16])]
)
def test_o22_news_arrives_late_down_a_chain(w, first):
    layers = [nn.ReLU()]
    for _ in range(3):
        layers += [nn.Linear(1, 1, bias=False), nn.ReLU()]
        layers[-2].weight = nn.Parameter(torch.full((1, 1), float(w)))
    net = sl.convert(nn.Sequential(*layers), [[0.25]], threshold=sl.Fixed(1.0), v_init=0.0)
    record = sl.simulate(net, [[0.25]], 32, spikes=True)
    assert [record.spikes(i).ravel().argmax() + 1 for i in range(4)] == first


def test_permuting_hidden_units_changes_nothing():
    model, order = Mlp(), np.array([3, 0, 5, 1, 4, 2])
    permuted = Mlp()
    permuted.layers[0].weight.data = model.layers[0].weight.data[order]
    permuted.layers[0].bias.data = model.layers[0].bias.data[order]
    permuted.layers[2].weight.data = model.layers[2].weight.data[:, order]
    nets = [sl.convert(m, X, threshold=sl.Fixed(1.0)) for m in (model, permuted)]
    a, b = (sl.simulate(net, X, 32) for net in nets)
    assert (a.counts(0)[:, order] == b.counts(0)).all()
    assert (a.output_sums == b.output_sums).all()
