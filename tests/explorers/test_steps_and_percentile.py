"""The explorer of a converted network: its numbers, and when it simulates."""

import numpy as np
import pytest
import torch
from helpers.explorers import moving, ring
from helpers.progress import watch
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers import steps_and_percentile
from snnlab.explorers.toolkit import network_explorer, simulation_cache


def network(x):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3))
    return model, model(torch.tensor(x).float()).argmax(1).numpy()


@pytest.fixture(scope="module")
def given():
    x = np.random.default_rng(0).random((60, 6))
    model, y = network(x)
    return model, x, x, y


@pytest.fixture(scope="module")
def explorer(given):
    return explorers.StepsAndPercentile(*given, timesteps=16, percentiles=(50.0, 99.0, 100.0))


@pytest.mark.parametrize("percentile", [50.0, 99.0, 100.0])
def test_the_numbers_are_those_of_a_conversion_with_this_percentile(explorer, given, percentile):
    model, x_cal, x, y = given
    net = sl.convert(model, x_cal, threshold=sl.Percentile(percentile))
    record = sl.simulate(net, x, 16, spikes=["1"])
    accuracy = 100 * record.accuracy(y)
    assert record.spikes("1").any()
    for steps in range(1, 17):
        data = explorer.compute(steps, percentile)
        assert (data["accuracy"] == accuracy).all()
        assert data["now"] == accuracy[steps - 1]
        step, neuron = data["raster"]
        raster = np.zeros((16, 12))
        raster[step - 1, neuron] = 1
        shown = record.spikes("1")[:, 0] * (np.arange(1, 17) <= steps)[:, None]
        assert (raster == shown).all()
    assert data["spikes"] == pytest.approx(record.spikes("1").sum() / 60 / 16)


def test_the_words_say_what_was_measured(explorer):
    data = explorer.compute(5, 99.0)
    words = explorer.move(steps=5, percentile=99.0)
    assert f"Percentile 99, 5 steps: {data['now']:.2f} % right" in words
    assert "ANN (100.00 %)" in words
    assert f"is {data['accuracy'].max():.2f} %, first at step" in words
    first = int(words.split("first at step ")[1].split(";")[0])
    assert data["accuracy"][first - 1] == data["accuracy"].max()
    assert (data["accuracy"][: first - 1] < data["accuracy"].max()).all()


def rows_of(explorer, neurons):
    """Return the row of each neuron: those that fire often in the first run come first."""
    _, fired = next(iter(explorer.simulations.values()))["raster"]
    order = sorted(range(neurons), key=lambda neuron: -list(fired).count(neuron))
    return np.array([order.index(neuron) for neuron in range(neurons)])


def test_what_is_drawn_is_what_was_computed(explorer):
    explorer.move(steps=7, percentile=50.0)
    data = explorer.compute(7, 50.0)
    step = data["steps"]
    curve, later = moving(explorer, "SNN"), explorer.picture.moving[0]
    assert curve.get_xdata().tolist() == list(range(1, step + 1))
    assert (curve.get_ydata() == data["accuracy"][:step]).all()
    assert (later.get_ydata() == data["accuracy"]).all()
    assert ring(explorer).get_data() == ([7], [data["now"]])
    marks = explorer.picture.moving[-1].get_array()
    assert marks.shape == (12, 48)
    neuron, column = np.nonzero(marks)
    shown = sorted(zip(column // 3 + 1, neuron, strict=True))
    rows = rows_of(explorer, 12)
    step, neuron = data["raster"]
    assert shown == sorted(zip(step, rows[neuron], strict=True))
    assert len(shown) > 5
    assert set(column % 3) == {1}


def test_many_neurons_share_rows_and_no_spike_is_lost(given, monkeypatch):
    monkeypatch.setattr(steps_and_percentile, "ROWS", 5)
    explorer = explorers.StepsAndPercentile(*given, timesteps=8, percentiles=(99.0,))
    explorer.move(steps=8)
    step, neuron = explorer.compute(8, 99.0)["raster"]
    row, column = np.nonzero(explorer.picture.moving[-1].get_array())
    assert explorer.picture.moving[-1].get_array().shape == (4, 24)
    places = rows_of(explorer, 12)[neuron] // 3
    assert set(zip(column // 3 + 1, row, strict=True)) == set(zip(step, places, strict=True))
    assert explorer.picture.moving[-1].get_extent() == [0.5, 8.5, -0.5, 11.5]


@pytest.mark.slow
def test_every_percentile_is_simulated_when_it_opens_and_never_again(given, monkeypatch):
    done = []
    slow = steps_and_percentile.accuracy_and_raster
    monkeypatch.setattr(
        steps_and_percentile, "accuracy_and_raster", lambda *a: done.append(a[-1]) or slow(*a)
    )
    explorer = explorers.StepsAndPercentile(*given, percentiles=(50.0, 99.0, 99.9, 100.0))
    assert done == [99.9, 100.0, 99.0, 50.0]
    for percentile in (50.0, 99.0, 99.9, 100.0):
        for steps in (1, 64):
            explorer.move(steps=steps, percentile=percentile)
    assert len(done) == 4


def test_what_takes_too_long_is_simulated_at_its_first_visit(given, monkeypatch):
    monkeypatch.setattr(simulation_cache, "PREPARATION_SECONDS", -1.0)
    explorer = explorers.StepsAndPercentile(*given)
    assert list(explorer.simulations) == [99.9]
    explorer.move(percentile=50.0)
    assert list(explorer.simulations) == [99.9, 50.0]


@pytest.mark.slow
def test_the_preparation_counts_its_work(given, monkeypatch):
    bars = watch(monkeypatch)
    explorers.StepsAndPercentile(*given)
    (bar,) = [bar for bar in bars if bar.unit == "percentiles"]
    assert (bar.planned, bar.closed) == (len(network_explorer.PERCENTILES), True)
    assert bar.n >= 1


def test_it_begins_at_the_last_percentile_where_there_is_no_99_9(given):
    explorer = explorers.StepsAndPercentile(*given, timesteps=4, percentiles=(90.0, 95.0))
    assert explorer.values == {"steps": 4, "percentile": 95.0}


def test_the_model_stays_as_it_is(given):
    model = given[0].train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explorers.StepsAndPercentile(*given, timesteps=4)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_the_words_do_not_mix_the_steps_chosen_with_all_steps(explorer):
    spikes = [explorer.move(steps=t, percentile=100.0).split("in that time ")[1] for t in (1, 16)]
    assert spikes[0] == spikes[1]
    assert spikes[0] == f"{explorer.compute(1, 100.0)['spikes']:.0f} spikes per image and step."


def test_bad_input_is_refused_in_its_own_words(given):
    model, x_cal, x, y = given
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        explorers.StepsAndPercentile(model, x_cal, x, y, timesteps=0)
    with pytest.raises(sl.OptionError, match=r"percentile = 0\.5"):
        explorers.StepsAndPercentile(model, x_cal, x, y, percentiles=(0.5, 99.9))
    with pytest.raises(sl.OptionError, match="percentiles: is empty"):
        explorers.StepsAndPercentile(model, x_cal, x, y, percentiles=())
    with pytest.raises(sl.ShapeError, match="y: shape"):
        explorers.StepsAndPercentile(model, x_cal, x, y[:5])
    with pytest.raises(sl.OptionError, match="layer 'relu7'"):
        explorers.StepsAndPercentile(model, x_cal, x, y, layer="relu7")
