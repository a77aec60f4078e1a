"""Where the accuracy is lost: one layer, or all; and by which part of the error."""

import pytest
import torch
from helpers.trained import N, X, Y, trained
from torch import nn

import snnlab as sl
from snnlab.diagnosis.localization import blamed, shares_of_own_errors

PARTS = ["timing", "deviation", "quantization", "clipping"]


def held_accuracy(net, layer, given):
    """Accuracy of a sequential network whose neurons step in plain torch, a layer replaced.

    `given` maps the mean current that the layer received to what it passes on.
    """
    modules = list(folded(net))
    x, timesteps = torch.from_numpy(X), 8
    names = [str(i) for i, module in enumerate(modules) if isinstance(module, nn.ReLU)]

    def simulate(held):
        v, mean = {}, {}
        total = 0
        for _ in range(timesteps):
            a = x
            for i, module in enumerate(modules):
                if not isinstance(module, nn.ReLU):
                    a = module(a)
                    continue
                name = str(i)
                mean[name] = mean.get(name, 0) + a / timesteps
                if name in held:
                    a = held[name]
                    continue
                theta = net.thresholds[name]
                v[name] = v.get(name, theta / 2) + a
                spikes = (v[name] >= theta).float()
                v[name] = v[name] - theta * spikes
                a = theta * spikes
            total = total + a
        return mean, float((total.argmax(1).numpy() == Y).mean())

    assert names == net.layers
    mean, _ = simulate({})
    return simulate({layer: given(mean[layer])})[1]


def folded(net):
    """The trained convolutional network; its BatchNorm layers scale by themselves."""
    return trained("conv")


@torch.no_grad()
def test_accuracies_with_a_layer_held_are_those_of_a_second_simulation(blamed_layer):
    net, found = blamed_layer
    assert list(found.exact) == net.layers
    for layer in net.layers:
        # Folding rounds: an image on the edge may fall to the other side.
        assert abs(found.exact[layer] - held_accuracy(net, layer, nn.ReLU())) <= 1 / N
    assert found.layer == net.layers[1]
    theta = net.thresholds[found.layer]
    parts = {
        "deviation": lambda z: theta / 8 * torch.clamp(torch.floor(8 * z / theta + 0.5), 0, 8),
        "quantization": lambda z: torch.clamp(z, 0, theta),
        "clipping": nn.ReLU(),
    }
    reached = found.snn + found.gains["timing"]
    for part, given in parts.items():
        reached += found.gains[part]
        assert abs(reached - held_accuracy(net, found.layer, given)) <= 1 / N, part


def test_gains_sum_to_what_the_layer_regains(blamed_layer):
    _, found = blamed_layer
    assert list(found.gains) == PARTS
    regained = found.exact[found.layer] - found.snn
    assert sum(found.gains.values()) == pytest.approx(regained, abs=1e-12)
    assert found.part == max(found.gains, key=found.gains.get)


@pytest.mark.parametrize(
    ("exact", "snn", "ann", "layer"),
    [
        ({"a": 0.75, "b": 0.625, "c": 0.5}, 0.5, 1.0, "a"),  # just half, just twice
        ({"a": 0.625, "b": 0.75, "c": 0.5}, 0.5, 1.0, "b"),
        ({"a": 0.75, "b": 0.640625}, 0.5, 1.0, None),  # less than twice
        ({"a": 0.734375, "b": 0.5}, 0.5, 1.0, None),  # less than half
        ({"a": 1.0, "b": 1.0}, 0.5, 1.0, None),
        ({"a": 1.0}, 0.5, 1.0, "a"),
        ({"a": 0.625}, 0.5, 1.0, None),
        ({"a": 0.75, "b": 0.25}, 0.5, 1.0, "a"),  # the second only does harm
        ({"a": 0.5, "b": 0.5}, 0.5, 1.0, None),
    ],
)
def test_a_layer_is_blamed_for_half_and_twice_the_second(exact, snn, ann, layer):
    assert blamed(exact, snn, ann) == layer


def test_a_loss_that_is_spread_is_shared_among_the_parts(spread):
    net, found = spread
    assert found.layer is None
    report = sl.decompose(net, X, sl.simulate(net, X, 4))
    sums = dict.fromkeys(["deviation", "quantization", "clipping"], 0.0)
    for layer in net.layers:
        scale = (report.activations[layer].astype(float) ** 2).mean()
        for part in sums:
            sums[part] += (report.part(layer, part).astype(float) ** 2).mean() / scale
    assert list(found.gains) == list(sums)
    for part, share in found.gains.items():
        assert share == pytest.approx(sums[part] / sum(sums.values()), rel=1e-6)
    assert sum(found.gains.values()) == pytest.approx(1)
    assert found.part == max(sums, key=sums.get)


def test_shares_of_a_layer_without_activations_do_not_count():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    x = [[-1.0], [-2.0]]
    report = sl.decompose(net, x, sl.simulate(net, x, 4))
    assert shares_of_own_errors(report) == {"deviation": 0, "quantization": 0, "clipping": 0}
