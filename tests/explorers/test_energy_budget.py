"""The energy of a network beside its ANN: what the explorer computes, shows and says."""

import numpy as np
import pytest
from helpers.explorers import given, moving, near, ring, said
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers.energy_budget import MOST, SHARES

PRICES = {"mac": 3.25, "ac": 0.5, "update": 1.75}


def budget(**options):
    """Return the explorer of a network with 12 neurons, which answers like its labels."""
    network, x, y = shallow()
    return explorers.EnergyBudget(network, x, y, **options)


def shallow():
    return given()["networks"]["shallow"], given()["x"], given()["y"]


@pytest.fixture(scope="module")
def explorer():
    return budget()


@pytest.fixture(autouse=True)
def _from_the_beginning(explorer):
    explorer.reset()


def energy_after(T, **prices):
    """Return the estimate of a simulation of its own, of so many steps."""
    network, x, _ = shallow()
    return sl.energy(sl.operations(network, sl.simulate(network, x, T)), **prices)


def test_it_computes_what_energy_says_of_a_simulation_of_its_own(explorer):
    data = explorer.compute(steps=8, **PRICES)
    assert list(data["steps"]) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
    for n, T in enumerate(data["steps"]):
        bill = energy_after(int(T), **PRICES)
        assert data["snn"][n] == pytest.approx(bill.snn, rel=1e-12)
        assert data["ann"] == pytest.approx(bill.ann, rel=1e-12)
    assert data["steps"][data["here"]] == 8


def test_the_accuracy_is_that_of_the_record(explorer):
    network, x, y = shallow()
    data = explorer.compute(steps=1, **PRICES)
    curve = 100 * sl.simulate(network, x, 32).accuracy(y)
    np.testing.assert_array_equal(data["accuracy"], curve[data["steps"] - 1])
    assert ", the ANN 100.0 %" in explorer.words


def test_each_part_is_what_its_price_pays(explorer):
    zero = {"mac": 3.25, "ac": 0.5, "update": 0.0}
    priced, free = explorer.compute(steps=8, **PRICES), explorer.compute(steps=8, **zero)
    np.testing.assert_allclose(priced["snn"] - free["snn"], priced["parts"]["neuron updates"])
    # 12 neurons
    np.testing.assert_allclose(priced["parts"]["neuron updates"], 1.75 * 12 * priced["steps"])
    # The image is multiplied once, by 6 x 12 weights.
    np.testing.assert_allclose(priced["parts"]["MACs"], 3.25 * 72)
    np.testing.assert_allclose(sum(priced["parts"].values()), priced["snn"])


def test_with_what_a_connection_can_pay_for_both_take_the_same(explorer):
    prices = {"mac": 5.0, "ac": 0.5, "update": 0.25}
    data = explorer.compute(steps=4, **prices)
    totals = energy_after(4).operations.totals
    spikes = data["affordable"] * totals["true"]
    assert 5.0 * totals["multiplications"] + 0.5 * spikes + 0.25 * totals["updates"] == (
        pytest.approx(data["ann"], rel=1e-12)
    )
    assert data["arrived"] == totals["synaptic"] / totals["true"]


@pytest.mark.parametrize("update", [0.1, 0.5, 2.0])
def test_the_break_even_lies_where_the_energies_cross(explorer, update):
    data = explorer.compute(steps=1, mac=4.6, ac=0.9, update=update)
    between = np.interp(data["break_even"], data["steps"], data["snn"])
    assert between == pytest.approx(data["ann"], rel=1e-9)
    assert all(data["snn"][data["steps"] < data["break_even"]] < data["ann"])
    assert all(data["snn"][data["steps"] > data["break_even"]] > data["ann"])


def test_the_words_tell_the_break_even_or_that_there_is_none(explorer):
    explorer.move(update=0.5)
    (step,) = said(r"as much as the ANN after about (\d+) steps\.", explorer.words)
    assert near(explorer.compute(**explorer.values)["break_even"], step, 0)
    assert "it takes more than the ANN from the first step on." in explorer.move(update=50.0)
    assert "it takes less even after 32 steps." in explorer.move(update=0.0, ac=0.01)


def test_the_words_say_the_numbers_that_were_computed(explorer):
    words = explorer.move(steps=12, mac=4.0, ac=0.5, update=0.25)
    data = explorer.compute(**explorer.values)
    total = data["snn"][data["here"]]
    assert words.startswith("12 steps; a MAC costs 4 pJ, an addition 0.5, a neuron update 0.25: ")
    ann, snn, share = said(r"takes ([\d.]+) pJ per image, the SNN ([\d.]+) pJ, ([\d.]+) %", words)
    assert near(data["ann"], ann, 0)
    assert near(total, snn, 0)
    assert near(100 * total / data["ann"], share, 1)
    shares = said(r"\((\d+) % MACs, (\d+) % additions, (\d+) % neuron updates\)", words)
    for part, shown in zip(data["parts"].values(), shares, strict=True):
        assert near(100 * part[data["here"]] / total, shown, 0)
    arrived, affordable = said(r"came ([\d.]+) spikes, and it could pay for ([\d.]+)", words)
    assert near(data["arrived"], arrived, 2)
    assert near(data["affordable"], affordable, 2)


def test_the_bar_is_made_of_the_parts_one_behind_the_other(explorer):
    explorer.move(steps=24)
    data = explorer.compute(**explorer.values)
    end = 0.0
    for name, part in data["parts"].items():
        bar = moving(explorer, name)
        assert bar.get_x() == pytest.approx(end)
        assert bar.get_width() == pytest.approx(100 * part[data["here"]] / data["ann"])
        end += bar.get_width()
    assert end == pytest.approx(100 * data["snn"][data["here"]] / data["ann"])


def test_a_bar_without_room_is_told_and_the_point_stands_at_the_edge(explorer):
    words = explorer.move(steps=32, update=50.0, mac=0.01)
    data = explorer.compute(**explorer.values)
    assert 100 * data["snn"][data["here"]] / data["ann"] > MOST
    assert "more than the bar has room for" in words
    assert ring(explorer).get_xdata()[0] == SHARES[1]
    assert "room" not in explorer.move(update=0.0, mac=5.0)
    (x,), (y,) = ring(explorer).get_data()
    data = explorer.compute(**explorer.values)
    assert x == pytest.approx(100 * data["snn"][data["here"]] / data["ann"])
    assert y == data["accuracy"][data["here"]]


def test_the_words_say_just_where_the_bar_ends(explorer):
    seen = set()
    for update in (4.0, 4.5):
        words = explorer.move(steps=16, update=update)
        data = explorer.compute(**explorer.values)
        longer = 100 * data["snn"][data["here"]] / data["ann"] > MOST
        assert ("more than the bar has room for" in words) == longer
        seen.add(longer)
    assert seen == {False, True}


def test_any_number_of_steps_can_be_the_last():
    three = budget(timesteps=5)
    assert list(three.compute(steps=5, **PRICES)["steps"]) == [1, 2, 3, 4, 5]
    assert three.values["steps"] == 5
    one = budget(timesteps=1)
    assert one.words.startswith("1 step; ")


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(sl.OptionError, match=r"network: .*sl|network: .*snnlab.convert"):
        explorers.EnergyBudget(nn.Linear(6, 3), given()["x"], given()["y"])
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    bare = sl.convert(nn.Sequential(nn.ReLU()), x)
    with pytest.raises(sl.OptionError, match="network: its ANN has no multiply-accumulates"):
        explorers.EnergyBudget(bare, x, [0, 1])
