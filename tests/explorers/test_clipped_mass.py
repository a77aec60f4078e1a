"""The explorer of what a percentile cuts off: its numbers against a conversion with numpy."""

import re

import numpy as np
import pytest
import torch
from helpers.explorers import moving, ring
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers import clipped_mass
from snnlab.explorers.toolkit import network_explorer

PERCENTILES = (50.0, 90.0, 99.0, 100.0)


@pytest.fixture(scope="module")
def given():
    torch.manual_seed(0)
    x = np.random.default_rng(0).random((60, 6))
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    return model, x, x[10:], model(torch.tensor(x[10:]).float()).argmax(1).numpy()


@pytest.fixture(scope="module")
def explorer(given):
    return explorers.ClippedMass(*given, timesteps=16, layer="1", percentiles=PERCENTILES)


def relu_of(model, x):
    """Return the first layer's activations, without snnlab."""
    with torch.no_grad():
        return torch.relu(model[0](torch.tensor(x).float())).double().numpy()


@pytest.mark.slow
@pytest.mark.parametrize("percentile", PERCENTILES)
def test_the_numbers_are_those_of_numpy_and_of_a_conversion(explorer, given, percentile):
    model, x_cal, x, y = given
    a = relu_of(model, x_cal)
    theta = np.percentile(a, percentile)
    lost = sum(value - theta for value in a.ravel() if value > theta)
    net = sl.convert(model, x_cal, threshold=sl.Percentile(percentile))
    accuracy = 100 * sl.simulate(net, x, 16).accuracy(y)
    for steps in (1, 5, 16):
        data = explorer.compute(steps, percentile)
        assert data["threshold"] == pytest.approx(theta, rel=1e-6)
        assert data["largest"] == pytest.approx(a.max(), rel=1e-6)
        assert data["above"] == pytest.approx(100 * np.mean(a > theta * (1 + 1e-6)))
        assert data["mass"] == pytest.approx(100 * lost / a.sum(), abs=1e-4)
        assert (data["accuracy"] == accuracy).all()
        assert data["now"] == accuracy[steps - 1]


def test_the_mass_that_is_cut_off_is_that_of_a_few_exact_numbers():
    cut = clipped_mass.cut_off(np.array([0.0, 0.5, 1.5, 3.0], np.float32), 1.0)
    assert cut == {"threshold": 1.0, "largest": 3.0, "above": 50.0, "mass": 50.0}
    cut = clipped_mass.cut_off(np.array([1.0, 3.0], np.float32), 3.0)
    assert cut["above"] == cut["mass"] == 0  # equal to the threshold is not above it


@pytest.mark.slow
def test_less_is_cut_off_the_higher_the_percentile(explorer):
    data = [explorer.compute(1, p) for p in PERCENTILES]
    for name in ("above", "mass"):
        assert (np.diff([one[name] for one in data]) < 0).all()
        assert data[-1][name] == 0
    assert (np.diff([one["threshold"] for one in data]) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(("layer", "name"), [("3", "3"), (-1, "3"), (0, "1")])
def test_the_layer_is_taken_by_name_or_position(given, layer, name):
    explorer = explorers.ClippedMass(*given, timesteps=4, layer=layer, percentiles=(99.0, 100.0))
    net = sl.convert(given[0], given[1], threshold=sl.Percentile(99.0))
    assert explorer.compute(2, 99.0)["threshold"] == net.thresholds[name]
    assert f"the threshold of layer {name} is" in explorer.words


@pytest.mark.slow
@pytest.mark.parametrize("percentile", PERCENTILES)
def test_what_is_drawn_is_what_was_computed(explorer, given, percentile):
    explorer.move(steps=7, percentile=percentile)
    data = explorer.compute(7, percentile)
    a = relu_of(given[0], given[1])
    middles, shown = moving(explorer, "cut off").get_data()
    assert len(middles) == clipped_mass.BINS
    half = a.max() / clipped_mass.BINS / 2
    assert ((middles + half > data["threshold"]) == np.isfinite(shown)).all()
    for middle, height in zip(middles, shown, strict=True):
        share = 100 * np.mean((a >= middle - half * 0.999) & (a < middle + half * 1.001))
        if np.isfinite(height) and share:
            assert height == pytest.approx(share, rel=0.3)
    assert list(moving(explorer, "threshold").get_xdata()) == [data["threshold"]] * 2
    assert (moving(explorer, "SNN").get_ydata() == data["accuracy"]).all()
    assert ring(explorer).get_data() == ([7], [data["now"]])


def test_the_highest_percentile_and_the_ann_stay_for_comparison(explorer):
    right = explorer.picture.figure.axes[1]
    lines = {line.get_label(): line for line in right.lines}
    highest = explorer.compute(1, 100.0)["accuracy"]
    assert (lines["percentile 100"].get_ydata() == highest).all()
    assert set(lines["ANN"].get_ydata()) == {100.0}


def test_the_axis_of_the_accuracy_can_be_read_at_its_ticks(explorer):
    """Stretched upwards: from 99 to 100 there is more room than from 90 to 91."""
    accuracy = np.linspace(0, 100, 201)
    heights = clipped_mass._stretched(accuracy)
    assert (np.diff(heights) > 0).all()
    assert clipped_mass._pressed(heights) == pytest.approx(accuracy, abs=1e-9)
    assert heights[-1] - heights[-3] > 5 * (heights[182] - heights[180])
    right = explorer.picture.figure.axes[1]
    assert [int(tick.get_text()) for tick in right.get_yticklabels()] == list(right.get_yticks())


def test_the_words_tell_what_is_cut_off_and_what_is_read(explorer):
    for percentile in PERCENTILES:
        for steps in (1, 9):
            words = explorer.move(steps=steps, percentile=percentile)
            data = explorer.compute(steps, percentile)
            highest = explorer.compute(steps, 100.0)["now"]
            assert words.startswith(f"Percentile {percentile:g}: the threshold of layer 1 is ")
            if percentile == 100:
                assert "nothing is cut off" in words
            else:
                assert f"{data['above']:.3g} % of the activations" in words
                assert f"{data['mass']:.3g} % of the sum of all" in words
            assert f"After {steps} step{'s' * (steps > 1)} the network reads" in words
            assert f"reads {data['now']:.2f} % correctly, the ANN 100.00 %" in words
            beside = f", and the network at percentile 100 {highest:.2f} %. " in words
            assert beside is (percentile != 100)
            first = int(re.search(r"first at step (\d+)\.$", words)[1])
            assert data["accuracy"][first - 1] == data["accuracy"].max()
            assert (data["accuracy"][: first - 1] < data["accuracy"].max()).all()


@pytest.mark.slow
def test_every_percentile_is_simulated_once(given, monkeypatch):
    done = []
    simulate = clipped_mass.simulate
    monkeypatch.setattr(
        clipped_mass, "simulate", lambda net, *a: done.append(1) or simulate(net, *a)
    )
    explorer = explorers.ClippedMass(*given, timesteps=8, percentiles=PERCENTILES)
    for percentile in PERCENTILES:
        for steps in (1, 8):
            explorer.move(steps=steps, percentile=percentile)
    assert len(done) == len(PERCENTILES)


def test_it_opens_with_the_percentiles_of_its_sibling(given):
    explorer = explorers.ClippedMass(*given, timesteps=4)
    options = explorer.declared["percentile"].options.values()
    assert tuple(options) == network_explorer.PERCENTILES


def test_bad_input_is_refused_in_its_own_words(given):
    model, x_cal, x, y = given
    with pytest.raises(sl.OptionError, match="percentiles: is empty"):
        explorers.ClippedMass(model, x_cal, x, y, percentiles=())
    with pytest.raises(sl.OptionError, match="layer 'relu7'"):
        explorers.ClippedMass(model, x_cal, x, y, layer="relu7")
    with pytest.raises(sl.ShapeError, match="y: shape"):
        explorers.ClippedMass(model, x_cal, x, y[:5])
