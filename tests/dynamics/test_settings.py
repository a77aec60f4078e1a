"""Neurons that burst, take back, have an offset, or start anywhere: one setting.

Against a neuron that fires its spikes one after the other. All numbers are dyadic, so exactly.
"""

import itertools

import numpy as np
import pytest
import torch
from helpers.oracles import fired
from hypothesis import given
from hypothesis import strategies as st

import snnlab as sl
from snnlab.dynamics import Neuron, constant_count, if_step, soft_count, soft_count_from_any_start
from snnlab.dynamics.layer import IFLayer


def dyadic(low, high):
    return st.integers(16 * low, 16 * high).map(lambda n: n / 16)


trains = st.lists(dyadic(-4, 4), min_size=1, max_size=30)
thresholds = st.sampled_from([0.5, 0.75, 1.0, 1.25])
gammas = st.integers(1, 4)


def run(currents, neuron):
    """Spikes and potentials of one neuron, step by step, by `if_step`."""
    v, count, spikes, after = neuron.v_init * neuron.v_threshold, 0, [], []
    for z in currents:
        v, s = if_step(
            *(v, z + neuron.i_offset, neuron.v_threshold, neuron.reset),
            max_spikes=neuron.max_spikes,
            count=count if neuron.signed else None,
        )
        count += s
        spikes.append(s)
        after.append(v)
    return np.array(spikes), np.array(after)


@given(trains, thresholds, dyadic(-3, 3), gammas, st.booleans())
def test_a_step_is_that_of_spikes_one_after_the_other(z, theta, v0, most, signed):
    spikes, after = run(z, Neuron(theta, v_init=[v0], max_spikes=most, signed=signed))
    v, count = v0 * theta, 0
    for t, current in enumerate(z):
        v, s = fired(v + current, theta, count, "subtract", most, signed)
        count += s
        assert (spikes[t], after[t]) == (s, v)


@given(trains, thresholds, dyadic(-3, 3), dyadic(-1, 1), gammas, st.booleans())
def test_charge_is_conserved_and_nothing_is_taken_back_twice(z, theta, v0, i, most, signed):
    neuron = Neuron(theta, v_init=[v0], i_offset=i, max_spikes=most, signed=signed)
    spikes, after = run(z, neuron)
    running = np.cumsum(spikes, axis=0)
    assert (running >= 0).all()
    assert (np.abs(spikes) <= most).all()
    assert (spikes >= 0).all() or signed
    assert (after[-1] + theta * running[-1] == v0 * theta + sum(z) + i * len(z)).all()


@given(trains, thresholds, dyadic(-3, 3), dyadic(-1, 1), gammas, st.booleans())
def test_a_layer_in_place_is_the_step(z, theta, v0, i, most, signed):
    neuron = Neuron(theta, v_init=[v0], i_offset=i, max_spikes=most, signed=signed)
    spikes, after = run(z, neuron)
    currents = torch.tensor(z, dtype=torch.float64)[:, None]
    layer = IFLayer(neuron, 1, currents[:1], record=True)
    passed_on = layer.step(currents, len(z))
    assert (layer.trains.numpy().ravel() == spikes.ravel()).all()
    assert (layer.potentials.numpy().ravel() == after.ravel()).all()
    assert (passed_on.numpy().ravel() == theta * spikes.ravel()).all()
    assert layer.counts.item() == spikes.sum()
    assert layer.sent.item() == np.abs(spikes).sum()


@given(trains, dyadic(0, 1).filter(lambda v: v < 1), gammas)
def test_o25_with_silence_a_signed_neuron_forgets_the_order(z, v0, most):
    silent = [0.0] * (4 * len(z) + 4)
    spikes, _ = run(z + silent, Neuron(1.0, v_init=v0, max_spikes=most, signed=True))
    assert spikes.sum() == max(0, np.floor(sum(z) + v0))


def test_o25_worked_example():
    neuron = Neuron(1.0, v_init=0.0, signed=True)
    assert run([1, 1, -1, -1], neuron)[0].tolist() == [1, 1, -1, -1]


def test_a_signed_neuron_at_0_is_silent():
    """With `v <= 0` it would send -1 and +1 for ever."""
    spikes, _ = run([1, 0, 0, 0], Neuron(1.0, v_init=0.0, signed=True))
    assert spikes.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("timesteps", [2, 4, 8, 16])
def test_o14_an_offset_of_half_a_threshold_over_the_steps(timesteps):
    z = np.arange(-32, 64) / 64
    for theta in (0.5, 1.0, 2.0):
        spread = Neuron(theta, v_init=0.0, i_offset=theta / (2 * timesteps))
        half = Neuron(theta, v_init=0.5)
        counts = constant_count(z, timesteps, spread)
        assert (counts == constant_count(z, timesteps, half)).all()
        assert counts.tolist() == [run([v] * timesteps, spread)[0].sum() for v in z]


@pytest.mark.parametrize(("members", "timesteps"), [(2, 8), (4, 2), (4, 5), (8, 1)])
def test_o33_a_burst_neuron_is_many_steps_of_a_plain_one(members, timesteps):
    z = np.arange(-32, 160) / 64
    burst, plain = Neuron(1 / members, max_spikes=members), Neuron(1.0)
    counts = constant_count(z, timesteps, burst)
    assert (counts == constant_count(z, members * timesteps, plain)).all()
    assert counts.tolist() == [run([v] * timesteps, burst)[0].sum() for v in z]
    assert counts.max() == members * timesteps


@pytest.mark.parametrize("i", [0.0, -0.25, 0.5])
@pytest.mark.parametrize(
    ("reset", "most", "signed"),
    [("zero", 1, False), *(("subtract", g, s) for g in (1, 2, 3) for s in (False, True))],
)
def test_the_count_of_a_constant_current_from_any_start(reset, most, signed, i):
    z = np.arange(-40, 41)[None] / 16
    for v0, theta in itertools.product(np.arange(-8, 9) / 2, (0.75, 1.0)):
        neuron = Neuron(theta, reset, np.full(81, v0), i, most, signed)
        spikes, _ = run([z] * 20, neuron)
        for timesteps in (1, 2, 7, 20):
            expected = spikes[:timesteps].sum(0)
            assert (constant_count(z, timesteps, neuron) == expected).all(), (v0, theta)


@given(dyadic(-4, 4), thresholds, dyadic(0, 1).filter(lambda v: v < 1), gammas)
def test_under_a_constant_current_a_signed_neuron_takes_nothing_back(z, theta, v0, most):
    spikes, _ = run([z] * 20, Neuron(theta, v_init=v0, max_spikes=most, signed=True))
    assert (spikes >= 0).all()
    args = (z, 20, theta, v0, most)
    assert soft_count(*args) == spikes.sum()
    assert soft_count_from_any_start(*args, True) == soft_count_from_any_start(*args, False)
    assert soft_count_from_any_start(*args, True) == soft_count(*args)


def test_settings_for_channels_and_for_neurons_broadcast():
    rng = np.random.default_rng(0)
    z = rng.integers(-16, 33, (2, 3, 4, 4)) / 16
    channels, whole = rng.integers(-16, 33, 3) / 16, rng.integers(-16, 33, (3, 4, 4)) / 16
    for start in (channels, whole):
        neuron = Neuron(np.array([0.5, 1.0, 2.0]), v_init=start, i_offset=channels / 4)
        counts = constant_count(z, 5, neuron)
        starts = start.reshape(3, 1, 1) if start.ndim == 1 else start
        starts = np.broadcast_to(starts, (3, 4, 4))
        for index in np.ndindex(z.shape):
            c = index[1]
            one = Neuron([0.5, 1.0, 2.0][c], v_init=[starts[index[1:]]], i_offset=channels[c] / 4)
            assert counts[index] == run([z[index]] * 5, one)[0].sum()


# --- what a neuron takes, and what it refuses ------------------------------------------------


def test_arrays_are_copied_and_cannot_be_written():
    start, offset = np.array([[0.5, -3.0]]), [1, 2]
    neuron = Neuron(1.0, v_init=start, i_offset=torch.tensor(offset))
    start[0] = 9
    assert neuron.v_init.tolist() == [[0.5, -3.0]]
    assert neuron.i_offset.tolist() == [1.0, 2.0]
    for values in (neuron.v_init, neuron.i_offset):
        assert values.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"v_init": [0.5, np.nan]}, r"v_init: found nan, expected finite numbers"),
        ({"v_init": []}, r"v_init = \[\]: expected a number, or an array"),
        ({"v_init": [[1.0], [1.0, 2.0]]}, r"v_init = .*expected a number, or an array"),
        ({"v_init": ["a"]}, r"v_init = \['a'\]: expected a number, or an array"),
        ({"v_init": np.array(1.0)}, r"v_init = 1.0: expected a number in \[0, 1\)"),
        ({"i_offset": np.inf}, r"i_offset: found inf, expected finite numbers"),
        ({"i_offset": "a"}, r"i_offset = 'a': expected a number, or an array"),
        ({"i_offset": True}, r"i_offset = True: expected a number, or an array"),
        ({"i_offset": None}, r"i_offset = None: expected a number, or an array"),
        ({"i_offset": np.ones((2, 3))}, r"i_offset: array of shape \(2, 3\).*\(C,\).*v_init"),
        ({"max_spikes": 0}, r"max_spikes = 0: expected a whole number, 1 or more"),
        ({"max_spikes": 1.5}, r"max_spikes = 1.5: expected a whole number"),
        ({"signed": 1}, r"signed = 1: expected True or False"),
        ({"signed": "yes"}, r"signed = 'yes': expected True or False"),
        (
            {"reset": "zero", "max_spikes": 2},
            r"reset = 'zero' with max_spikes=2: expected reset='subtract'.*throws away.*leave",
        ),
        ({"reset": "zero", "signed": True}, r"reset = 'zero' with signed=True: expected reset="),
    ],
    ids=str,
)
def test_neuron_refuses(arguments, message):
    with pytest.raises(sl.OptionError, match=message):
        sl.Neuron(1.0, **arguments)


@pytest.mark.parametrize("given", [{"max_spikes": 2}, {"count": 0}])
def test_if_step_refuses_the_hard_reset_of_bursts_and_signed_neurons(given):
    with pytest.raises(sl.OptionError, match=r"reset = 'zero' with .*expected reset='subtract'"):
        if_step(0.0, 1.0, reset="zero", **given)


def test_a_neuron_shows_what_is_not_usual():
    assert repr(sl.Neuron(2)) == "Neuron(v_threshold=2.0, reset='subtract', v_init=0.5)"
    shown = repr(sl.Neuron(2, i_offset=[0.5, 1.0], max_spikes=3, signed=True))
    assert shown.endswith("v_init=0.5, i_offset=array([0.5, 1. ]), max_spikes=3, signed=True)")
