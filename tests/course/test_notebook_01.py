"""What the prose of notebook 01 claims."""

import math

import numpy as np
import pytest
from brian2 import ms, nA

from snnlab import brian, explorers
from snnlab.dynamics import if_step


def fires_at(currents, floor=-math.inf):
    """Return when a neuron of threshold 1 fires; it never holds less than a floor."""
    held, steps = 0.0, []
    for step, current in enumerate(currents, 1):
        held = max(held + current, floor)
        if held >= 1:
            held -= 1
            steps.append(step)
    return steps


def test_a_debt_is_paid_first_and_a_real_bucket_has_none():
    """Try 1.1: six steps of -0.5, and then 0.75."""
    currents = [-0.5] * 6 + [0.75] * 6
    assert fires_at(currents)[0] == 12
    assert fires_at(currents, floor=0.0)[0] == 8
    bucket = explorers.BucketFilling()
    bucket.move(current=-0.5, later=0.75, time=12.0)
    shown = bucket.compute(-0.5, 0.75, 0.0, "subtract", 12.0)
    assert shown["spikes"].tolist() == [12]


def test_both_resets_fire_equally_often_at_first():
    """4 mV per step and a threshold of 10 mV, in exact numbers."""
    counts = {}
    for reset in ("subtract", "zero"):
        v, fired = 0.0, []
        for _ in range(60):
            v, spike = if_step(v, 4.0, 10.0, reset)
            fired.append(bool(spike))
        counts[reset] = sum(fired[:12]), sum(fired), v
    assert counts == {"subtract": (4, 24, 0.0), "zero": (4, 20, 0.0)}


def test_the_answers_to_try_1_3():
    neuron = explorers.SingleNeuron()
    for current in (10, 5, 2.5, 2, 1):
        data = neuron.compute(current, 10, "zero", math.inf, 0)
        assert data["rate"] == data["relu_here"] == 100 * current
    once, twice = (neuron.compute(4, theta, "subtract", math.inf, 0) for theta in (10, 20))
    assert twice["rate"] == once["rate"] / 2
    assert max(twice["rates"]) < max(once["rates"]) == 1000
    assert neuron.compute(12, 5, "subtract", math.inf, 0)["rate"] == 1000
    empty, half = (neuron.compute(3, 10, "subtract", math.inf, start) for start in (0, 0.5))
    assert (empty["first"], half["first"]) == (4, 2)
    assert empty["rate"] == half["rate"] == 300


@pytest.mark.slow
def test_the_hard_reset_halves_a_rate_and_short_steps_heal_it():
    coarse, fine = (
        brian.simulate_neuron("if_zero", 9.9 * nA, 1000 * ms, dt).rate_hz
        for dt in (1 * ms, 0.1 * ms)
    )
    assert (coarse, round(fine)) == (500, 909)


@pytest.mark.slow
def test_a_leak_silences_weak_currents_and_costs_spikes_at_all_others():
    leaky = brian.models["lif"].replace(reset="v -= v_threshold")
    currents = np.array([0.45, 0.5, 0.55, 1.0, 3.0])
    rates = brian.simulate_neuron(leaky, currents[None] * nA, 1000 * ms).rate_hz
    assert rates[:2].tolist() == [0, 0]
    assert all(rates[2:] > 0)
    assert all(rates < 100 * currents)


@pytest.mark.slow
def test_the_three_neurons_do_what_is_said_of_them():
    names = ("if", "if_refractory", "adaptive_threshold", "exponential_synapse")
    counts = {}
    for name in names:
        run = brian.simulate_neuron(name, np.array([[2.0, 6.0]]) * nA, 1000 * ms, 0.5 * ms)
        counts[name] = run.counts
    plain = counts["if"]
    for name in ("if_refractory", "adaptive_threshold"):
        lost = 1 - counts[name] / plain
        assert lost[1] > lost[0] > 0  # the stronger current loses the larger share
    assert all(abs(counts["exponential_synapse"] - plain) <= 4)
