"""Spikes that vanish with depth, the normalization against it, and a network that balances."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from snnlab.exceptions import OptionError
from snnlab.gallery import cart_pole, spiking_dqn
from snnlab.gallery.spiking_dqn import PotentialNorm, network, rates

SEEDS = st.integers(0, 10_000)


@given(SEEDS)
def test_currents_are_normalized_as_torch_normalizes_layers(seed):
    random = torch.Generator().manual_seed(seed)
    norm = PotentialNorm(6)
    norm.gamma.data, norm.beta.data = torch.randn(2, 6, generator=random)
    x = 3 * torch.randn((4, 6), generator=random) + 1
    expected = F.layer_norm(x, (6,), norm.gamma, norm.beta, 1e-5)
    assert torch.allclose(norm(x), expected, atol=1e-5)
    # Where currents are all larger, or all higher, nothing changes.
    assert torch.allclose(norm(4 * x + 2), norm(x), atol=1e-3)


def test_it_begins_with_the_threshold_as_spread():
    x = torch.randn((5, 100), generator=torch.Generator().manual_seed(0))
    found = PotentialNorm(100)(0.01 * x)
    assert found.mean(1).tolist() == pytest.approx([0] * 5, abs=1e-5)
    assert found.std(1, correction=0).tolist() == pytest.approx([1] * 5, abs=0.1)


def test_spikes_vanish_with_depth_only_without_the_normalization():
    x = torch.rand((50, 32), generator=torch.Generator().manual_seed(0))
    sizes = [32, *[64] * 8, 2]
    for seed in range(3):
        bare = rates(network(sizes, norm=False, timesteps=8, seed=seed), x)
        normed = rates(network(sizes, norm=True, timesteps=8, seed=seed), x)
        assert len(bare) == len(normed) == 8
        assert bare[2:] == [0] * 6
        assert min(normed) > 0.1
        assert max(normed) < 1.5 * min(normed)


def test_rates_are_counted_spikes():
    model = network([3, 4, 5, 2], timesteps=3, seed=1)
    x = torch.randn((6, 3), generator=torch.Generator().manual_seed(0))
    layers, found = model.layers, []
    with torch.no_grad():
        z = layers[1](layers[0](x))
        for layer in (layers[3], None):
            v, trains = torch.zeros_like(z), []
            for t in range(3):
                v = 0.5 * v + (z if layer else z[t])
                trains.append((v >= 1).float())
                v = v - trains[-1]
            found.append(float(torch.stack(trains).mean()))
            if layer:
                z = torch.stack([layers[4](layer(s)) for s in trains])
    assert rates(model, x) == pytest.approx(found)
    assert 0 < found[0] < 1


def test_learning_leaves_the_network_as_it_was_and_follows_the_seed():
    model = network([4, 8, 2], timesteps=2)
    before = [p.clone() for p in model.parameters()]
    (one, curve), (other, same) = (spiking_dqn.learn(model, 12, every=6) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not torch.equal(one.layers[0].weight, model.layers[0].weight)
    assert curve == same
    assert [step for step, _ in curve] == [6, 12]
    best = cart_pole.lengths(lambda state: spiking_dqn.chosen(one, state)).mean()
    assert best == max(up for _, up in curve)


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (lambda: PotentialNorm(0), "neurons"),
        (lambda: network([4, 2], timesteps=0), "timesteps"),
        (lambda: spiking_dqn.learn(network([4, 8, 2]), steps=0), "steps"),
        (lambda: spiking_dqn.learn(network([4, 8, 2]), every=0), "every"),
    ],
)
def test_what_is_refused(use, named):
    with pytest.raises(OptionError, match=named):
        use()
