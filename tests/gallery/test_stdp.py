"""STDP beside a sum over all pairs of spikes and beside Brian2, and what a reward adds to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnlab import data
from snnlab.exceptions import OptionError
from snnlab.gallery import stdp

SEEDS = st.integers(0, 10_000)


def trains(seed, *shape):
    return (np.random.default_rng(seed).random(shape) < 0.3).astype(float)


@given(SEEDS)
def test_traces_give_the_sum_over_all_pairs(seed):
    pre, post = trains(seed, 12, 3), trains(seed + 1, 12, 2)
    found = stdp.pair_changes(pre, post, a_plus=0.75, a_minus=0.5, tau=3.0)
    for i in range(2):
        for j in range(3):
            pairs = [
                float(stdp.window(np.array(after - before), 0.75, 0.5, 3.0))
                for after in np.flatnonzero(post[:, i])
                for before in np.flatnonzero(pre[:, j])
            ]
            assert found[i, j] == pytest.approx(sum(pairs), abs=1e-12)


def test_the_window_at_its_ends():
    assert stdp.window(np.array([0, 1e9, -1e9])).tolist() == [1, 0, 0]
    assert stdp.window(np.array([4.0, -4.0]), a_plus=2.0) == pytest.approx([2 / np.e, -1 / np.e])


@pytest.mark.brian
def test_brian_changes_the_weight_alike():
    brian2 = pytest.importorskip("brian2")
    isolation = pytest.importorskip("snnlab.brian.isolation")
    ms = brian2.ms
    rng = np.random.default_rng(3)
    # Never at once, for which Brian2 has an order of its own.
    steps = rng.permutation(60)[:24]
    times = [np.sort(steps[:12]), np.sort(steps[12:])]
    clock = brian2.Clock(dt=1 * ms)
    first, second = (
        brian2.SpikeGeneratorGroup(1, np.zeros(12, dtype=int), at * ms, clock=clock) for at in times
    )
    synapses = brian2.Synapses(
        first,
        second,
        """
        w : 1
        dx/dt = -x/(4*ms) : 1 (event-driven)
        dy/dt = -y/(4*ms) : 1 (event-driven)
        """,
        on_pre="x += 1; w -= 0.5*y",
        on_post="y += 1; w += 0.75*x",
        clock=clock,
    )
    synapses.connect()
    with isolation.isolated():
        brian2.Network(first, second, synapses).run(60 * ms)
    pre, post = np.zeros((60, 1)), np.zeros((60, 1))
    pre[times[0]], post[times[1]] = 1, 1
    found = stdp.pair_changes(pre, post, a_plus=0.75, a_minus=0.5, tau=4.0)
    assert float(synapses.w[0]) == pytest.approx(found.item(), abs=1e-9)


@given(SEEDS)
def test_a_code_fires_as_often_as_the_pixel_says(seed):
    x = np.random.default_rng(seed).integers(0, 17, (3, 5)) / 16
    coded = stdp.coded(x, timesteps=8)
    assert coded.shape == (3, 8, 5)
    for n, j in np.ndindex(x.shape):
        v, expected = 0.0, []
        for _ in range(8):
            v += x[n, j]
            expected.append(float(v >= 1))
            v -= v >= 1
        assert coded[n, :, j].tolist() == expected


@given(SEEDS)
def test_the_first_neuron_is_that_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    w, theta = rng.integers(0, 65, (4, 5)) / 64, rng.integers(2, 12, 4) / 2
    net = stdp.Competition(w, theta, np.arange(4))
    train = trains(seed, 10, 5)
    v = np.zeros(4)
    for spikes in train:
        v += w @ spikes
        if (v >= theta).any():
            break
    t = next((n for n, z in enumerate(np.cumsum(train @ w.T, 0)) if (z >= theta).any()), 9)
    assert net.first(train) == (int((v - theta).argmax()), t)
    assert net.predict(train[None]).tolist() == [int((v - theta).argmax())]


@given(SEEDS)
def test_a_reward_pulls_and_a_punishment_pushes(seed):
    rng = np.random.default_rng(seed)
    w, x = rng.random(8), rng.random(8)
    distance = np.linalg.norm(w - x)
    near, far = (w + 0.25 * stdp.spike_change(w, x, r) for r in (1.0, -1.0))
    assert np.linalg.norm(near - x) == pytest.approx(0.75 * distance)
    assert np.linalg.norm(far - x) == pytest.approx(1.25 * distance)
    assert not stdp.spike_change(w, x, 0).any()


def test_it_finds_digits_alone_and_more_of_them_with_a_reward():
    digits = data.load_digits()
    trains = stdp.coded(digits.x_train[:900].reshape(900, 64))
    y = digits.y_train[:900]
    alone, rewarded = stdp.train(trains[:600], y[:600], neurons=40, epochs=2, rewarded=3)
    assert np.linalg.norm(rewarded.w, axis=1) == pytest.approx(1)
    before, after = ((net.predict(trains[600:]) == y[600:]).mean() for net in (alone, rewarded))
    assert before > 0.6
    assert after > before
    again, _ = stdp.train(trains[:600], y[:600], neurons=40, epochs=2, rewarded=3)
    assert (again.w == alone.w).all()


@pytest.mark.parametrize(
    ("option", "value"),
    [("neurons", 0), ("epochs", 0), ("rewarded", 0.5), ("rate", 0), ("seed", -1)],
)
def test_what_is_refused(option, value):
    with pytest.raises(OptionError, match=option):
        stdp.train(np.ones((2, 4, 3)), np.array([0, 1]), **{option: value})
