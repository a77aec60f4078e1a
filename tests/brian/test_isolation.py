"""What the notebook sets in Brian2 does not change a result, and stopping a run stops it."""

import os
import signal
import threading

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, nA, second
from helpers import oracles
from helpers.progress import watch

import snnlab as sl
from snnlab import brian
from snnlab.brian.isolation import explanation, isolated

OTHERS = {
    "core.default_float_dtype": np.float32,
    "core.network.default_schedule": [
        "start", "thresholds", "groups", "synapses", "resets", "end",
    ],
    "legacy.refractory_timing": True,
    "codegen.target": "cython",
}  # fmt: skip


def results():
    steps, x = oracles.random_steps(3, max_pool=False), oracles.images(3)
    theta = oracles.thresholds(steps)
    net = sl.convert(oracles.Torch(steps).eval(), x, threshold=sl.Fixed(theta))
    runs = [brian.simulate(net, x + 0.1, 12, schedule=s).output_sums for s in ("layers", "brian")]
    runs += [
        brian.simulate_neuron(model, 4.3 * nA, 60 * ms, 1 * ms).v_mV
        for model in ("if", "if_refractory", "adaptive_threshold")
    ]
    return runs


@pytest.fixture
def of_the_user():
    """Set preferences as a user may have, and put them back."""
    before = {name: b2.prefs[name] for name in OTHERS}
    yield
    for name, value in before.items():
        b2.prefs[name] = value


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_preferences_of_the_user_change_no_result_and_stay(name, of_the_user):
    expected = results()
    b2.prefs[name] = OTHERS[name]
    for ours, theirs in zip(expected, results(), strict=True):
        assert theirs.dtype == np.float64
        assert np.array_equal(ours, theirs)
    assert b2.prefs[name] == OTHERS[name]


@pytest.mark.slow
def test_stopping_a_run_stops_it_and_leaves_everything_as_it_was():
    before = b2.prefs.as_file
    expected = brian.simulate_neuron("if", 4 * nA, 10 * ms, 1 * ms).v_mV
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        brian.simulate_neuron("lif", 4 * nA, 100 * second, 0.1 * ms)
    assert b2.prefs.as_file == before
    again = brian.simulate_neuron("if", 4 * nA, 10 * ms, 1 * ms).v_mV
    assert np.array_equal(again, expected)


def test_lists_that_grow_in_place_are_put_back():
    """Brian2 adds to its include path each time it looks for a compiler."""
    before = b2.prefs.as_file
    with isolated():
        b2.prefs["codegen.cpp.include_dirs"].append("somewhere")
        assert b2.prefs.as_file != before
    assert b2.prefs.as_file == before


def test_progress_is_shown_while_synapses_are_found_and_images_run(monkeypatch):
    bars = watch(monkeypatch)
    monkeypatch.setattr("snnlab.brian.synapses._BLOCK_BYTES", 1)
    steps, x = oracles.random_steps(3, max_pool=False), oracles.images(3, 3)
    theta = oracles.thresholds(steps)
    net = sl.convert(oracles.Torch(steps).eval(), x, threshold=sl.Fixed(theta))
    brian.simulate(net, x, 4)
    neurons = sum(int(np.prod(net.shape(name))) for name in net.layers)
    counted = [(bar.unit, bar.planned, bar.n, bar.closed) for bar in bars]
    assert counted == [("images", 3, 3, True), ("neurons wired", neurons, neurons, True)]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("Error: 'vlot' is not a base unit.", None),  # as Brian2 2.9 words it
        ("Error", ValueError("'vlot' is not a base unit.")),  # 2.10 and later
        ("Error: 'vlot' is not a base unit.", TypeError("'vlot' is not a base unit.")),
        ("Error: 'vlot' is not a base unit.", KeyError("all else")),
    ],
)
def test_an_explanation_has_what_stands_in_the_cause_only(message, cause):
    error = SyntaxError(message)
    error.__cause__ = cause
    assert explanation(error) == "Error: 'vlot' is not a base unit"
