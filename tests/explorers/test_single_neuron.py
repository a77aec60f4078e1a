"""The explorer of one neuron, against closed forms and against Brian2."""

import math

import numpy as np
import pytest
from brian2 import ms, mV, nA
from helpers.explorers import moving, ring, shared

from snnlab import brian, explorers
from snnlab.dynamics import closed_forms

DEFAULT = dict(current=4.0, threshold=10.0, reset="subtract", leak=math.inf, v_init=0.0)
ENDS = dict(
    current=(-0.5, 0.0, 9.75, 12.0),
    threshold=(5.0, 20.0),
    reset=("subtract", "zero"),
    leak=(math.inf, 50.0, 5.0),
    v_init=(0.0, 0.875),
)
SETTINGS = [DEFAULT | {name: value} for name, values in ENDS.items() for value in values]


@pytest.fixture(scope="module")
def explorer():
    return shared(explorers.SingleNeuron)


def show(explorer, setting):
    for name, value in setting.items():
        explorer.controls[name].value = value


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("threshold", [5.0, 8.0, 16.0])
@pytest.mark.parametrize("v_init", [0.0, 0.5])
def test_without_leak_the_rates_are_the_closed_forms(explorer, reset, threshold, v_init):
    data = explorer.compute(3.0, threshold, reset, math.inf, v_init)
    currents = np.arange(-0.5, 12.25, 0.25)
    count = {"subtract": closed_forms.soft_count, "zero": closed_forms.hard_count}[reset]
    assert (data["rates"] == 10 * count(currents, 100, threshold, v_init)).all()
    assert data["rate"] == 10 * count(3.0, 100, threshold, v_init)


@pytest.mark.parametrize("leak", [50.0, 20.0, 5.0])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_with_a_leak_it_does_what_brian_does(explorer, leak, reset):
    data = explorer.compute(7.0, 10.0, reset, leak, 0.3)
    model = brian.models["lif"].replace(
        tau=leak * ms,
        v_threshold=10 * mV,
        v_init=0.3,
        reset={"subtract": "v -= v_threshold", "zero": "v = 0*volt"}[reset],
    )
    record = brian.simulate_neuron(model, 7 * nA, 100 * ms, 1 * ms)
    assert record.counts > 5
    np.testing.assert_allclose(data["potential"], record.v_mV[:40], atol=1e-9)
    assert data["rate"] == record.rate_hz
    assert data["spikes"].tolist() == record.spike_times_ms[record.spike_times_ms <= 40].tolist()


def test_the_words_tell_the_neuron_from_the_relu(explorer):
    show(explorer, DEFAULT)
    assert "first spike after 3 ms, 400 spikes per second over 100 ms, as the ReLU says" in repr(
        explorer
    )
    show(explorer, DEFAULT | {"current": 9.75, "reset": "zero"})
    assert "500 spikes per second over 100 ms, 475 Hz below the ReLU (975 Hz)" in repr(explorer)
    show(explorer, DEFAULT | {"current": -0.5})
    assert "no spike, 0 spikes per second over 100 ms, as the ReLU says" in repr(explorer)
    assert "the potential is -20.00 mV" in repr(explorer)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_what_is_drawn_is_what_was_computed(explorer, setting):
    show(explorer, setting)
    data = explorer.compute(**setting)
    assert np.array_equal(moving(explorer, "potential").get_ydata(), data["potential"])
    assert set(moving(explorer, "threshold").get_ydata()) == {setting["threshold"]}
    assert np.array_equal(moving(explorer, "spike").get_xdata(), data["spikes"])
    assert np.array_equal(moving(explorer, "neuron").get_ydata(), data["rates"])
    relu = 1000 * np.maximum(moving(explorer, "ReLU").get_xdata(), 0) / setting["threshold"]
    np.testing.assert_allclose(moving(explorer, "ReLU").get_ydata(), relu)
    assert ring(explorer).get_data() == ([setting["current"]], [data["rate"]])
