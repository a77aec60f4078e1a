"""Few bits: rounding beside a loop, and many bits beside the converted network itself."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.exceptions import OptionError, UnsupportedLayerError
from snnlab.gallery import tiny

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.integers(2, 8))
def test_rounding_is_that_of_a_search_among_all_numbers(seed, bits):
    x = np.random.default_rng(seed).normal(0, 1, 20)
    held = [k / 2 ** (bits - 1) * 1.5 for k in range(-(2 ** (bits - 1)), 2 ** (bits - 1))]
    found = tiny.fixed_point(x, bits, 1.5)
    for one, rounded in zip(x, found, strict=True):
        assert abs(one - rounded) == pytest.approx(min(abs(one - h) for h in held), abs=1e-12)
        assert min(abs(rounded - h) for h in held) < 1e-12
    assert (tiny.fixed_point(found, bits, 1.5) == found).all()


def mlp(seed):
    """Return a network whose weights are multiples of 1/64, so that sums are exact."""
    random = torch.Generator().manual_seed(seed)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)
    )
    for parameter in model.parameters():
        drawn = torch.randint(-64, 65, parameter.shape, generator=random)
        parameter.data.copy_(drawn / 64)
    x = torch.randint(0, 17, (5, 1, 2, 4), generator=random) / 16
    thresholds = {"2": 1.5, "4": 2.0}
    return model, x, thresholds


@pytest.mark.parametrize("seed", range(5))
def test_without_rounding_it_is_the_converted_network(seed):
    model, x, _ = mlp(seed)
    network = sl.convert(model, x, threshold=sl.Fixed(1.0))
    small = tiny.read(model, network)
    flat = x.flatten(1).double().numpy()
    for timesteps in (1, 8):
        expected = sl.simulate(network, x, timesteps, dtype=torch.float64).outputs[-1]
        assert (small.run(flat, timesteps) == expected).all()
    # 1/64 at a largest weight of 1, and potentials in halves of it, fit into so many bits.
    if all(abs(w).max() < 1 for w in small.weights):
        assert (small.run(flat, 8, states=24) == expected).all()


def test_potentials_saturate_at_four_thresholds():
    small = tiny.Tiny(
        [-np.ones((1, 1)), np.ones((1, 1))], [np.zeros(1), np.zeros(1)], [np.ones(1)], 0.5
    )
    x = np.array([[1.0]])
    assert small.run(x, 100, states=8).item() == 0
    # After ten steps down the saturated neuron is at -4, the other at -9.5.
    up = small._replace(weights=[np.ones((1, 1)), np.ones((1, 1))])
    assert up.run(x, 10, states=8).item() == up.run(x, 10).item() == 1


def test_memory_is_counted_by_hand():
    small = tiny.Tiny(
        [np.zeros((5, 4)), np.zeros((3, 5))], [np.zeros(5), np.zeros(3)], [np.ones(5)], 0.5
    )
    assert small.memory(8, 8) == 20 + 15 + 5 + 3 + 5
    assert small.memory(4, 6) == (43 * 4 + 5 * 6 + 7) // 8


@given(SEEDS)
def test_the_smallest_is_that_of_a_search(seed):
    rng = np.random.default_rng(seed)
    small = tiny.Tiny(
        [np.zeros((5, 4)), np.zeros((3, 5))], [np.zeros(5), np.zeros(3)], [np.ones(5)], 0.5
    )
    found = {bits: rng.integers(80, 100) / 100 for bits in itertools.product((2, 4, 8), repeat=2)}
    bits = tiny.smallest(small, found, loss=0.05)
    assert found[bits] >= max(found.values()) - 0.05
    for other, accuracy in found.items():
        if small.memory(*other) < small.memory(*bits):
            assert accuracy < max(found.values()) - 0.05


def test_a_table_counts_right_answers():
    model, x, _ = mlp(0)
    small = tiny.read(model, sl.convert(model, x, threshold=sl.Fixed(1.0)))
    flat = x.flatten(1).double().numpy()
    y = small.run(flat, 4).argmax(1)
    found = tiny.table(small, flat, y, 4, weights=[4, 16], states=[16])
    assert list(found) == [(4, 16), (16, 16)]
    assert found[16, 16] == 1
    answers = small.run(flat, 4, weights=4, states=16).argmax(1)
    assert found[4, 16] == (answers == y).mean()


def test_what_is_refused():
    with pytest.raises(OptionError, match="bits = 1"):
        tiny.fixed_point(np.ones(2), 1, 1.0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    network = sl.convert(model, torch.rand(2, 1, 4, 4), threshold=sl.Fixed(1.0))
    with pytest.raises(UnsupportedLayerError, match="'Conv2d'"):
        tiny.read(model, network)
    with pytest.raises(OptionError, match="timesteps"):
        tiny.Tiny([], [np.zeros(1)], [], 0.5).run(np.ones((1, 1)), 0)
