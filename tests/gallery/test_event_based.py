"""Spike times in closed form, beside numerical integration and finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from snnlab import data
from snnlab.exceptions import OptionError
from snnlab.gallery import event_based, training

INF = float("inf")
SEEDS = st.integers(0, 10_000)


def drawn(seed, inputs=6, trains=2, neurons=3):
    """Return input spike times (1, in, K) and weights (out, in) that make several spikes."""
    random = torch.Generator().manual_seed(seed)
    t = 3 * torch.rand((1, inputs, trains), generator=random, dtype=torch.float64)
    t[:, 0, -1] = INF
    w = 2.5 * torch.randn((neurons, inputs), generator=random, dtype=torch.float64) + 1.5
    return t, w


def integrated(times, weights, theta=1.0, tau=1.0, until=15.0):
    """Return when one neuron fires, by Runge-Kutta from event to event."""

    def slope(_, state):
        v, current = state
        return [(current - v) / (2 * tau), -current / tau]

    def reaches(_, state):
        return state[0] - theta

    reaches.terminal, reaches.direction = True, 1
    state, now, found = [0.0, 0.0], 0.0, []
    arrivals = sorted(zip(times, weights, strict=True))
    for arrival, weight in [*arrivals, (until, 0.0)]:
        while now < arrival:
            # Short steps, since between them the solver only interpolates.
            done = solve_ivp(
                slope,
                (now, arrival),
                state,
                events=reaches,
                method="DOP853",
                rtol=1e-13,
                atol=1e-13,
                max_step=0.1,
            )
            now, state = done.t[-1], list(done.y[:, -1])
            if done.status == 1:
                found.append(now)
                state[0] -= theta
        state[1] += weight
    return found


@pytest.mark.parametrize("seed", [2, 5])
def test_spike_times_are_those_of_numerical_integration(seed):
    t, w = drawn(seed)
    found = event_based.spike_times(t, w, spikes=40)[0].numpy()
    there = t[0].isfinite()
    times = t[0][there].tolist()
    count = 0
    for i, row in enumerate(found):
        weights = w[i][:, None].expand(t.shape[1:])[there].tolist()
        expected = integrated(times, weights)
        mine = row[np.isfinite(row)]
        assert len(mine) == len(expected)
        assert mine == pytest.approx(expected, abs=1e-9, rel=0)
        count += len(expected)
    assert count > 1


def test_other_time_constants_and_thresholds_too():
    t, w = drawn(1)
    found = event_based.spike_times(t, w, theta=0.75, tau=0.5, spikes=40)[0]
    there = t[0].isfinite()
    for i, row in enumerate(found):
        weights = w[i][:, None].expand(t.shape[1:])[there].tolist()
        expected = integrated(t[0][there].tolist(), weights, 0.75, 0.5)
        assert row[row.isfinite()].tolist() == pytest.approx(expected, abs=1e-9, rel=0)
        assert len(expected) > 1


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_gradients_are_those_of_finite_differences(seed):
    t, w = drawn(seed)
    t.requires_grad_(), w.requires_grad_()

    def summed(t, w):
        times = event_based.spike_times(t, w, spikes=5)
        return torch.where(times.isfinite(), times, 0.0).sin().sum(), times.isfinite().sum()

    total, count = summed(t, w)
    gradients = torch.autograd.grad(total, (t, w))
    h = 1e-6
    with torch.no_grad():
        for which, gradient in enumerate(gradients):
            assert gradient.isfinite().all()
            for place in torch.cartesian_prod(*[torch.arange(n) for n in gradient.shape]):
                ends = []
                for sign in (1, -1):
                    moved = [t.clone(), w.clone()]
                    moved[which][tuple(place)] += sign * h
                    value, same = summed(*moved)
                    if same != count:
                        return  # a spike comes or goes here: no derivative
                    ends.append(value)
                slope = (ends[0] - ends[1]) / (2 * h)
                # Where a potential only just reaches the threshold, slopes are steep and curved.
                if abs(gradient).max() < 100:
                    assert gradient[tuple(place)] == pytest.approx(float(slope), rel=1e-4, abs=1e-6)


def potential(at, times, weights, own):
    """Return the potential at a moment, as a sum over all spikes so far."""
    v = sum(
        weight * (np.exp(-(at - t) / 2) - np.exp(-(at - t)))
        for t, weight in zip(times, weights, strict=True)
        if t <= at
    )
    return v - sum(np.exp(-(at - t) / 2) for t in own if t < at)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_at_each_spike_the_potential_is_the_threshold(seed):
    t, w = drawn(seed)
    there = t[0].isfinite()
    for i, row in enumerate(event_based.spike_times(t, w, spikes=20)[0]):
        own = row[row.isfinite()].tolist()
        assert own == sorted(own)
        weights = w[i][:, None].expand(t.shape[1:])[there].tolist()
        for at in own:
            assert potential(at, t[0][there].tolist(), weights, own) == pytest.approx(1, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_later_input_moves_all_spikes_and_its_order_moves_none(seed):
    t, w = drawn(seed)
    found = event_based.spike_times(t, w)
    assert event_based.spike_times(t + 0.5, w) - 0.5 == pytest.approx(found, abs=1e-9)
    places = torch.from_numpy(np.random.default_rng(seed).permutation(t.shape[1]))
    assert event_based.spike_times(t[:, places], w[:, places]) == pytest.approx(found, abs=1e-9)


def test_a_batch_is_its_images():
    t = torch.cat([drawn(seed)[0] for seed in range(4)])
    t[3] = INF
    _, w = drawn(0)
    found = event_based.spike_times(t, w)
    for n in range(4):
        assert torch.equal(event_based.spike_times(t[n : n + 1], w)[0], found[n])
    assert found[3].isinf().all()


def test_a_single_input_needs_four_thresholds_to_make_a_spike():
    """The potential's peak is a quarter of the weight, at 2 ln 2."""
    at = torch.zeros(1, 1, 1, dtype=torch.float64)
    for weight, fires in ((-5.0, False), (0.0, False), (3.999, False), (4.0, True), (4.001, True)):
        found = event_based.spike_times(at, torch.tensor([[weight]], dtype=torch.float64), spikes=1)
        assert bool(found.isfinite()) == fires
    touch = event_based.spike_times(at, torch.tensor([[4.0]], dtype=torch.float64), spikes=1)
    assert float(touch) == pytest.approx(2 * np.log(2))


def test_a_neuron_stops_at_its_last_spike():
    t, w = drawn(1)
    many = event_based.spike_times(t, w, spikes=12)
    assert torch.equal(event_based.spike_times(t, w, spikes=3), many[..., :3])


def test_brighter_pixels_fire_earlier_and_black_ones_never():
    network = event_based.EventNetwork([3, 4, 2])
    times = network.times(torch.tensor([[0.0, 0.5, 1.0]]))
    assert times[0][0, :, 0].tolist() == [INF, 1.0, 0.0]
    assert [tuple(part.shape) for part in times] == [(1, 3, 1), (1, 4, 2), (1, 2, 2)]


def test_the_gradients_of_a_network_are_those_of_finite_differences():
    digits = data.load_digits()
    network = event_based.EventNetwork([64, 12, 10], spikes=4, seed=1).eval()
    x, y = torch.from_numpy(digits.x_train[:8]), torch.from_numpy(digits.y_train[:8])
    training.cross_entropy(network, x, y).backward()
    assert all(w.grad.isfinite().all() and w.grad.any() for w in network.weights)
    h, rng, checked = 1e-6, np.random.default_rng(0), 0
    with torch.no_grad():
        count = [part.isfinite().sum() for part in network.times(x)]
        for w in network.weights:
            for _ in range(12):
                place = tuple(rng.integers(0, n) for n in w.shape)
                ends, was, same = [], float(w[place]), True
                for sign in (1, -1):
                    w[place] = was + sign * h
                    ends.append(float(training.cross_entropy(network, x, y)))
                    same &= [part.isfinite().sum() for part in network.times(x)] == count
                w[place] = was
                slope = (ends[0] - ends[1]) / (2 * h)
                if same:
                    assert float(w.grad[place]) == pytest.approx(slope, rel=1e-4, abs=1e-7)
                    checked += slope != 0
    assert checked > 12


def test_a_silent_neuron_of_the_right_class_is_woken():
    network = event_based.EventNetwork([4, 3], seed=0)
    network.weights[0].data.zero_()
    x, y = torch.ones(2, 4), torch.tensor([1, 1])
    event_based.loss(network.eval(), x, y).backward()
    assert network.weights[0].grad.tolist() == [[0] * 4, [-1] * 4, [0] * 4]
    network.weights[0].data.fill_(5.0)  # all fire: cross-entropy alone
    assert event_based.loss(network, x, y) == training.cross_entropy(network, x, y)


def test_in_training_the_gradient_of_a_layer_is_never_longer_than_a_half():
    network = event_based.EventNetwork([64, 12, 10], seed=1)
    digits, found = data.load_digits(), []
    x, y = torch.from_numpy(digits.x_train[:8]), torch.from_numpy(digits.y_train[:8])
    for mode in (False, True):
        network.zero_grad()
        training.cross_entropy(network.train(mode), x, y).backward()
        found.append([w.grad.clone() for w in network.weights])
    for free, held in zip(*found, strict=True):
        assert torch.allclose(held, free / max(1, 2 * float(free.norm())))
        assert held.norm() <= 0.5 + 1e-12


def test_it_learns_digits():
    digits = data.load_digits()
    network = event_based.EventNetwork([64, 32, 10])
    network = training.fit(
        network,
        digits.x_train[:400],
        digits.y_train[:400],
        event_based.loss,
        epochs=3,
        batch=32,
        learning_rate=0.01,
    )
    assert training.accuracy(network, digits.x_train[400:600], digits.y_train[400:600]) > 0.6


@pytest.mark.parametrize("given", [{"sizes": [4, 0]}, {"sizes": [4, 2], "spikes": 0}])
def test_what_is_refused(given):
    with pytest.raises(OptionError, match=list(given)[-1]):
        event_based.EventNetwork(**given)
