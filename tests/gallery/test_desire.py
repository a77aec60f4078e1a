"""Desire backpropagation, beside a loop over single neurons, images and steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnlab import data
from snnlab.exceptions import OptionError
from snnlab.gallery import desire

SEEDS = st.integers(0, 10_000)


def dyadic(rng, *shape):
    return rng.integers(-64, 65, shape) / 64


def loop(weights, image, timesteps):
    """Return the spikes of each layer and the traces in front of each, neuron by neuron."""
    sizes = [len(image), *(len(w) for w in weights)]
    v = [[0.0] * n for n in sizes]
    spikes = [[] for _ in sizes]
    traces = [[] for _ in weights]
    for _ in range(timesteps):
        before = None
        for layer, size in enumerate(sizes):
            fired = []
            for i in range(size):
                if layer == 0:
                    v[0][i] += image[i]
                else:
                    v[layer][i] += sum(weights[layer - 1][i][j] * s for j, s in enumerate(before))
                fires = v[layer][i] >= 1
                if fires:
                    v[layer][i] -= 1
                elif layer:
                    v[layer][i] *= 0.75
                fired.append(float(fires))
            if layer:
                last = traces[layer - 1][-1] if traces[layer - 1] else [0.0] * len(before)
                traces[layer - 1].append([0.75 * p + s for p, s in zip(last, before, strict=True)])
            spikes[layer].append(fired)
            before = fired
    return spikes, traces


def changes_by_hand(weights, image, label, timesteps):
    """Return by how much one image changes each weight, without arrays."""
    spikes, traces = loop(weights, image, timesteps)
    rate = [
        [sum(s[i] for s in layer) / timesteps for i in range(len(layer[0]))] for layer in spikes
    ]
    d = []
    for i, r in enumerate(rate[-1]):
        error = 1 - r if i == label else r
        d.append(0 if error <= 0.3 else 1 if i == label else -1)
    found = []
    for layer in reversed(range(len(weights))):
        w, post, pre = weights[layer], spikes[layer + 1], traces[layer]
        found.append(
            [
                [
                    sum(d[i] * post[t][i] * pre[t][j] for t in range(timesteps)) / timesteps
                    for j in range(w.shape[1])
                ]
                for i in range(w.shape[0])
            ]
        )
        told = []
        for j in range(w.shape[1]):
            total = 0.0
            for i in range(w.shape[0]):
                wanted = 1 if d[i] > 0 else 0
                total += w[i][j] * d[i] * abs(wanted - rate[layer + 1][i])
            told.append(0 if abs(total) < 0.05 else 1 if total > 0 else -1)
        d = told
    return found[::-1]


@given(SEEDS)
def test_a_run_is_that_of_single_neurons(seed):
    rng = np.random.default_rng(seed)
    weights = [dyadic(rng, 4, 5), dyadic(rng, 3, 4)]
    x = rng.integers(0, 17, (2, 5)) / 16
    trains = desire.DesireNetwork(weights, 8).run(x)
    for n, image in enumerate(x):
        spikes, traces = loop(weights, image, 8)
        for layer, by_hand in zip(trains, spikes, strict=True):
            assert layer[:, n].tolist() == by_hand
        for layer, by_hand in zip(trains[:-1], traces, strict=True):
            assert desire.traces(layer)[:, n].tolist() == by_hand


@pytest.mark.parametrize("seed", range(8))
def test_what_an_image_changes_is_that_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    weights = [dyadic(rng, 6, 5), dyadic(rng, 5, 6), dyadic(rng, 3, 5)]
    network = desire.DesireNetwork(weights, 8)
    x, y = rng.integers(0, 17, (4, 5)) / 16, rng.integers(0, 3, 4)
    one_by_one = [changes_by_hand(weights, image, k, 8) for image, k in zip(x, y, strict=True)]
    for layer, change in enumerate(desire._changes(network, x, y)):
        by_hand = np.mean([np.array(one[layer]) for one in one_by_one], 0)
        assert change == pytest.approx(by_hand, abs=1e-12)
    assert any(np.any(one[0]) for one in one_by_one)


def test_who_is_nearly_right_hears_nothing():
    rates = np.array([[0.75, 0.25, 0.0]])
    assert not desire.output_desires(rates, np.array([0])).any()
    assert desire.output_desires(rates, np.array([2])).tolist() == [[-1, 0, 1]]


def test_a_silent_neuron_learns_nothing_and_a_desire_of_0_neither():
    ones = np.ones((4, 1, 2))
    assert not desire.weight_change(np.array([[1.0, 1.0]]), 0 * ones, ones).any()
    assert not desire.weight_change(np.array([[0.0, 0.0]]), ones, ones).any()


def test_a_neuron_comes_nearer_to_what_is_desired():
    rng = np.random.default_rng(0)
    w, x = rng.random((6, 20)) / 16, rng.random((1, 20))
    for wanted in (1.0, -1.0):
        input_train, fired = desire.DesireNetwork([w], 20).run(x)
        change = desire.weight_change(np.full((1, 6), wanted), fired, desire.traces(input_train))
        after = desire.DesireNetwork([w + 0.05 * change], 20).run(x)[-1]
        moved = wanted * (after.sum((0, 1)) - fired.sum((0, 1)))
        assert (moved >= 0).all()
        assert moved.any()


def test_it_learns_digits_and_the_same_from_the_same_seed():
    digits = data.load_digits()
    first, second = (
        desire.train(digits.x_train[:600], digits.y_train[:600], (64, 32), epochs=4, timesteps=12)
        for _ in range(2)
    )
    assert all((a == b).all() for a, b in zip(first.weights, second.weights, strict=True))
    x, y = digits.x_train[600:900], digits.y_train[600:900]
    assert (first.predict(x) == y).mean() > 0.6


@pytest.mark.parametrize(
    ("option", "value"),
    [("epochs", 0), ("timesteps", 1.5), ("learning_rate", 0), ("hidden", [8, 0]), ("seed", -1)],
)
def test_what_is_refused(option, value):
    with pytest.raises(OptionError, match=option):
        desire.train(np.ones((2, 3)), np.array([0, 1]), **{option: value})
