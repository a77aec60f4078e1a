"""The explorer of multiplied thresholds: its numbers, and when it simulates."""

import itertools
import re

import numpy as np
import pytest
import torch
from helpers.explorers import moving, ring
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers import threshold_multipliers
from snnlab.explorers.toolkit import simulation_cache

T = 12


@pytest.fixture(scope="module")
def given():
    torch.manual_seed(0)
    x = np.random.default_rng(0).random((60, 6))
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    y = model(torch.tensor(x).float()).argmax(1).numpy()
    return sl.convert(model, x), x, y


@pytest.fixture(scope="module")
def explorer(given):
    return explorers.ThresholdMultipliers(*given, timesteps=T)


@pytest.mark.parametrize("times", [(1.0, 1.0), (0.125, 4.0), (8.0, 0.5)])
def test_the_numbers_are_those_of_a_network_with_these_thresholds(explorer, given, times):
    net, x, y = given
    thresholds = {n: m * net.thresholds[n] for n, m in zip(net.layers, times, strict=True)}
    record = sl.simulate(net.replace(threshold=thresholds), x, T, spikes=True)
    trains = [record.spikes(name).reshape(T, -1) for name in net.layers]
    assert all(train.any() for train in trains)
    for steps in range(1, T + 1):
        data = explorer.compute(steps=steps, times1=times[0], times2=times[1])
        assert (data["accuracy"] == 100 * record.accuracy(y)).all()
        assert data["now"] == 100 * record.accuracy(y)[steps - 1]
        so_far = sum(train[:steps].sum() for train in trains) / 60
        assert data["in_all"] == pytest.approx(so_far)
    firing = [100 * train.mean(1) for train in trains]
    explorer.move(times1=times[0], times2=times[1], steps=5)
    np.testing.assert_allclose(data["firing"], firing)
    for name, share in zip(net.layers, firing, strict=True):
        np.testing.assert_allclose(moving(explorer, name).get_ydata(), share, atol=1e-9)
    assert (moving(explorer, "as chosen").get_ydata() == 100 * record.accuracy(y)).all()
    assert ring(explorer).get_data() == ([5], [100 * record.accuracy(y)[4]])
    assert explorer.picture.moving[-1].get_xdata() == [5, 5]


@pytest.mark.parametrize(
    ("accuracy", "arrived"),
    [
        ([94, 94, 94], 1),
        ([50, 94, 94], 2),
        ([94, 92.9, 93], 3),
        ([94, 94, 92], 0),
        ([10, 20, 30], 0),
        ([10, 96, 93], 2),
    ],
)
def test_it_has_arrived_when_it_no_longer_leaves(accuracy, arrived):
    run = {"accuracy": np.array(accuracy, float), "spikes": np.ones((2, 3))}
    assert threshold_multipliers.compute(run, 94.0, np.ones(2), 1)["arrived"] == arrived


def test_the_words_say_what_was_measured(explorer, given):
    net = given[0]
    usual = explorer.compute(steps=1, times1=1.0, times2=1.0)["accuracy"]
    seen = set()
    for one, two, steps in itertools.product((0.125, 1.0, 8.0), (1.0, 4.0), (1, 7, T)):
        words = explorer.move(times1=one, times2=two, steps=steps)
        data = explorer.compute(steps=steps, times1=one, times2=two)
        begin = f"{net.layers[0]} times {one:g}, {net.layers[1]} times {two:g}; {steps} step"
        assert words.startswith(begin)
        assert f"{data['now']:.2f} % right" in words
        assert f"{data['in_all']:,.0f} spikes per image" in words
        gap = data["now"] - usual[steps - 1]
        said = re.search(r"right, (as|[\d.]+ points (more|less) than) with all times 1", words)
        sign = {None: 0, "more": 1, "less": -1}[said[2]]
        seen.add(sign)
        assert np.sign(round(gap, 2)) == sign
        assert sign == 0 or f"{abs(gap):.2f} points" in said[1]
        shares = ", ".join(f"{share:.3g}" for share in data["firing"][:, steps - 1])
        firing = f"Firing in step {steps}, layer by layer: {shares} % of the neurons."
        assert words.endswith(firing)
        if data["arrived"]:
            assert f"From step {data['arrived']} on it is at most 1 point below" in words
        else:
            assert f"Even after {T} steps it is more than 1 point below" in words
    assert seen == {-1, 0, 1}


def test_settings_of_one_layer_are_simulated_when_it_opens_and_no_setting_twice(given, monkeypatch):
    done = []
    slow = threshold_multipliers.accuracy_and_spikes
    monkeypatch.setattr(
        threshold_multipliers, "accuracy_and_spikes", lambda *a: done.append(a[-1]) or slow(*a)
    )
    explorer = explorers.ThresholdMultipliers(*given, timesteps=4)
    assert done[0] == (1.0, 1.0)
    assert sorted(done) == sorted(
        {(m, 1.0) for m in threshold_multipliers.MULTIPLIERS}
        | {(1.0, m) for m in threshold_multipliers.MULTIPLIERS}
    )
    for steps in (1, 4):
        explorer.move(times1=2.0, times2=1.0, steps=steps)
    assert len(done) == 13
    for steps in (1, 4):
        explorer.move(times1=2.0, times2=4.0, steps=steps)
    assert done[13:] == [(2.0, 4.0)]


def test_what_takes_too_long_waits_for_its_first_visit(given, monkeypatch):
    monkeypatch.setattr(simulation_cache, "PREPARATION_SECONDS", -1.0)
    explorer = explorers.ThresholdMultipliers(*given, timesteps=4)
    assert list(explorer.simulations) == [(1.0, 1.0)]


def test_the_network_stays_as_it_is(given):
    before = dict(given[0].thresholds)
    explorers.ThresholdMultipliers(*given, timesteps=4).move(times1=8.0)
    assert given[0].thresholds == before


def test_bad_input_is_refused_in_its_own_words(given):
    net, x, y = given
    with pytest.raises(sl.OptionError, match=r"network: .*snnlab\.convert"):
        explorers.ThresholdMultipliers(nn.ReLU(), x, y)
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        explorers.ThresholdMultipliers(net, x, y, timesteps=0)
    with pytest.raises(sl.ShapeError, match="y: shape"):
        explorers.ThresholdMultipliers(net, x, y[:5])
    deep = nn.Sequential(*[nn.ReLU() for _ in range(7)])
    seven = sl.convert(deep, x, threshold=sl.Fixed(1.0))
    with pytest.raises(sl.OptionError, match="has 7 spiking layers, expected at most 6"):
        explorers.ThresholdMultipliers(seven, x, y)
    six = sl.convert(deep[:6], x, threshold=sl.Fixed(1.0))
    explorer = explorers.ThresholdMultipliers(six, x[:, :1].repeat(6, 1), y, timesteps=2)
    looks = {(line.get_color(), line.get_linestyle()) for line in explorer.picture.moving[2:8]}
    assert len(looks) == 6
