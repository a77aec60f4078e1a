"""Spiking input: regular and random trains of the pixels."""

import numpy as np
import pytest
from helpers import oracles
from helpers.networks import converted
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.simulation import engine


@pytest.mark.slow
@given(seed=st.integers(0, 30), timesteps=st.integers(1, 40))
def test_regular_input_counts_like_neurons_that_begin_half_full(seed, timesteps):
    _, x, net = converted(seed)
    record = sl.simulate(net, x, timesteps, input="regular", spikes=["input"])
    trains = record.spikes("input")
    steps = np.arange(1, timesteps + 1).reshape(-1, *[1] * x.ndim)
    assert (trains.cumsum(0) == np.floor(x * steps + 0.5)).all()
    assert (np.abs(trains.cumsum(0) - x * steps) <= 0.5).all()
    layer = sl.convert(nn.Sequential(nn.Flatten(), nn.ReLU()), x, threshold=sl.Fixed(1.0))
    fired = sl.simulate(layer, x, timesteps, spikes=True).spikes("1")
    assert (trains.reshape(fired.shape) == fired).all()
    assert (record.counts("input") == trains.sum(0)).all()


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", range(4))
def test_equals_a_plain_loop_under_regular_input_in_blocks_of_any_size(seed, reset, monkeypatch):
    steps, x, net = converted(seed, reset=reset)
    trains = np.floor(x * np.arange(21).reshape(-1, *[1] * x.ndim) + 0.5)
    loop = oracles.plain_loop(steps, np.diff(trains, axis=0), reset, 0.5)
    for block_steps, block_bytes in [(8, 2**22), (3, 1), (1, 1)]:
        monkeypatch.setattr(engine, "_BLOCK_STEPS", block_steps)
        monkeypatch.setattr(engine, "_BLOCK_BYTES", block_bytes)
        record = sl.simulate(net, x, 20, input="regular", spikes=True, at=[7])
        for name in net.layers:
            assert (record.spikes(name) == loop["spikes"][name]).all()
        assert (record.output_sums == loop["output_sums"]).all()
        assert (record.counts("input", 7) == trains[7]).all()


def test_regular_input_needs_pixels_from_0_to_1():
    net = sl.convert(nn.ReLU(), [[0.5]], threshold=sl.Fixed(1.0))
    with pytest.raises(sl.OptionError, match=r"values from 1.5 to 1.5, expected \[0, 1\]"):
        sl.simulate(net, [[1.5]], 4, input="regular")


def test_poisson_trains_belong_to_the_image_not_to_its_neighbours():
    _, x, net = converted(1)
    together = sl.simulate(net, x, 8, input="poisson", seed=3, spikes=["input"]).spikes("input")
    alone = sl.simulate(net, x[:1], 8, input="poisson", seed=3, spikes=["input"]).spikes("input")
    assert (together[:, :1] == alone).all()


def test_poisson_input_fires_with_the_pixel_as_probability():
    """O27: mean a, standard deviation sqrt(a (1 - a) / T); 0 never fires, 1 always."""
    net = sl.convert(nn.ReLU(), [[0.5] * 3], threshold=sl.Fixed(1.0))
    x = np.tile([0.0, 0.3, 1.0], (4000, 1))
    rates = sl.simulate(net, x, 100, input="poisson", seed=0).rates("input")
    assert (rates[:, 0] == 0).all()
    assert (rates[:, 2] == 1).all()
    assert abs(rates[:, 1].mean() - 0.3) < 0.003
    assert abs(rates[:, 1].std() - np.sqrt(0.3 * 0.7 / 100)) < 0.002


def test_seeds_and_generators_draw_the_same_again():
    _, x, net = converted(1)
    runs = [
        sl.simulate(net, x, 8, input="poisson", seed=seed).counts("input")
        for seed in (7, 7, np.random.default_rng(7), 8)
    ]
    assert (runs[0] == runs[1]).all()
    assert (runs[0] == runs[2]).all()
    assert (runs[0] != runs[3]).any()
