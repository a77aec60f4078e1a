"""The solutions of notebook 11 beside the engine, its game, and what its prose claims."""

import itertools
import re
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import course, data
from snnlab.analysis import ADDITIONS
from snnlab.course.exercises import notebook_11
from snnlab.dynamics import if_step

DIGITS = data.load_digits()
X_CAL = DIGITS.x_train[:256]
X, Y = DIGITS.x_test[:200], DIGITS.y_test[:200]


def run(currents, start=0.0, reset="subtract"):
    """Count the spikes of the engine's neuron with threshold 1."""
    v, count = start, 0
    for current in currents:
        v, spike = if_step(v, current, 1.0, reset)
        count += spike
    return count


def right(record, step=-1):
    return 100 * record.accuracy(Y[: record.output_sums.shape[1]])[step]


def millions(network, *records):
    totals = [sl.operations(network, record).totals for record in records]
    return sum(found[name] for found in totals for name in ADDITIONS) / 1e6


# --- the solutions ---------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 2, 4, 7])
def test_the_slope_is_what_autograd_finds(levels):
    """Where it is defined: not at an edge, where the clipping begins or ends."""
    for theta in (0.5, 1.0, 3.0):
        for share in np.linspace(-1.0, 2.0, 61) + 0.003:
            layer, z = sl.QCFS(levels, theta), share * theta
            layer(torch.tensor([z])).sum().backward()
            ours = notebook_11.slope(z, theta, levels)
            assert ours == pytest.approx(layer.threshold.grad.item(), abs=1e-5)


def test_with_one_more_the_neuron_fires_once_more_and_with_less_it_does_not(rng):
    cases = [case for group in notebook_11._one_more.groups for case in group]
    for length in (1, 2, 5, 12):
        some = rng.integers(-96, 40, size=(40, length)) / 64
        cases += [(tuple(currents), rng.integers(0, 64) / 64) for currents in some]
    tried = 0
    for currents, start in cases:
        now, lowest = run(currents, start), notebook_11.one_more(currents, start)
        highest = int(np.argmax(np.cumsum(currents)))
        if now == highest + 1:  # it fires at every step as it is
            continue
        tried += 1
        assert run(currents, lowest) == now + 1
        assert run(currents, lowest - 1 / 64) == now
    assert tried > 100


def test_a_group_sends_what_a_burst_neuron_does(rng):
    for members, theta in itertools.product((1, 2, 4, 8), (0.5, 1.0, 4.0)):
        for potential in theta * rng.integers(-64, 256, size=50) / 64:
            _, sent = if_step(potential, 0.0, theta / members, max_spikes=members)
            assert notebook_11.how_many(potential, theta, members) == sent


@pytest.mark.parametrize("current", [-0.5, 0.0, 0.25, 0.375, 0.625, 1.0, 1.5])
def test_both_resets_are_those_of_the_engine(current):
    for steps in (1, 7, 20):
        assert notebook_11.spikes(current, steps, True) == run([current] * steps)
        assert notebook_11.spikes(current, steps, False) == run([current] * steps, reset="zero")


# --- the chips -------------------------------------------------------------------------------


@cache
def usual():
    return sl.convert(data.load_network("digits_resnet20"), X_CAL)


@cache
def corrected(steps):
    rule = sl.Percentile(99.9, per_channel=True)
    network = sl.convert(data.load_network("digits_resnet20"), X_CAL, threshold=rule)
    return sl.correct_potential(network, X_CAL[:64], steps)


@pytest.fixture
def few(monkeypatch):
    """Take the score of a few images, which is faster."""
    x, y = notebook_11.held_out(notebook_11.IMAGES)
    monkeypatch.setattr(notebook_11, "held_out", lambda images: (x[:32], y[:32]))
    monkeypatch.setattr(notebook_11, "IMAGES", 32)
    monkeypatch.setattr(notebook_11, "PAR", {"plain": 30, "hurried": 30})


def said(answer):
    feedback = course.check("11.8", answer)
    assert not feedback.right
    assert (
        "?" in feedback.words or "Write mine = {" in feedback.words or "Write (" in feedback.words
    )
    assert not re.search("expected|assert|test", feedback.words, re.I)
    return feedback.words


def test_what_is_no_choice_has_its_own_words():
    bursts = usual().replace(max_spikes=4, scale=1 / 4)
    plain, signed = (corrected(4), 4), usual().replace(signed=True)
    heard = {
        "There is nothing here yet.": [None, ...],
        "This is a list, and two choices": [[1, 2]],
        "There is no chip 'fast'.": [{"plain": plain, "fast": plain}],
        "The plain chip has no network yet.": [{}, {"plain": None}, {"hurried": (bursts, 1)}],
        "The plain chip. This is a network.": [{"plain": usual()}],
        "The plain chip. Its neurons send up to 4 spikes": [{"plain": (bursts, 4)}],
        "The plain chip. Its neurons take spikes back": [{"plain": (signed, 4)}],
    }  # fmt: skip
    for words, answers in heard.items():
        for answer in answers:
            found = said(answer)
            assert [w for w in heard if w in found] == [words], found


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_what_a_chip_cannot_do_or_pay_for_is_told():
    model = data.load_network("digits_resnet20")
    analog = sl.convert(model, X_CAL, shortcut="analog")
    assert "Its shortcuts carry real numbers" in said({"plain": (analog, 4)})
    wide = usual().replace(max_spikes=16, scale=1 / 16)
    good = {"plain": (corrected(4), 4)}
    assert "wanted after 2" in said(good | {"hurried": (usual(), 4)})
    assert "Do more than 8 fit in?" in said(good | {"hurried": (wide, 1)})
    assert "The hurried chip has no network yet." in said(good)
    heard = said({"plain": (usual(), 8)})
    assert re.search(r"reads \d+ of 32 new images with 1\.\d\d million", heard)
    assert "There are 1.5. What can you do without" in heard
    assert "Par is 30. Which thresholds are made for so few steps" in said({"plain": (usual(), 4)})
    assert "It was corrected for 8 steps." in said({"plain": (corrected(8), 2)})
    one = usual().replace(max_spikes=2, scale=1 / 2)
    assert "Are there enough levels" in said(good | {"hurried": (one, 1)})


def test_the_score_is_taken_on_images_that_are_not_shown():
    x, y = notebook_11.held_out(notebook_11.IMAGES)
    assert len(x) == len(y) == 160
    assert not any((image == other).all() for image in x for other in X)


@pytest.mark.slow
def test_waiting_alone_is_not_enough_for_either_chip():
    x, y = notebook_11.held_out(notebook_11.IMAGES)
    record = sl.simulate(usual(), x, 6)
    assert 160 * record.accuracy(y)[-1] < notebook_11.PAR["plain"] - 8
    assert millions(usual(), record) == pytest.approx(1.5, abs=0.06)
    ann = 160 * sl.ann(usual(), x).accuracy(y)
    assert max(notebook_11.PAR.values()) < ann


# --- what the prose claims -------------------------------------------------------------------


@cache
def trained(depth):
    """Return the network with staircases of 4 levels that the notebook trains."""
    model = data.load_network(f"digits_resnet{depth}")
    stairs = sl.trainable_clipping(model, X_CAL, levels=4)
    stairs = data.train(stairs, DIGITS.x_train, DIGITS.y_train, epochs=3, learning_rate=1e-3)
    return sl.convert(stairs, X_CAL, threshold=sl.Trained())


@pytest.mark.slow
def test_within_the_budget_training_wins_before_bursts_and_waiting():
    burst = usual().replace(max_spikes=4, scale=1 / 4)
    runs = [(usual(), 6), (burst, 1), (trained(20), 4)]
    records = [sl.simulate(network, X, steps) for network, steps in runs]
    wait, bursts, train = map(right, records)
    assert wait + 4 < bursts < train - 1
    assert all(millions(net, record) < 1.5 for (net, _), record in zip(runs, records, strict=True))


@pytest.mark.slow
def test_a_trained_network_is_its_staircase_and_loses_to_deviation_what_it_loses():
    network = trained(20)
    own = sl.ann(network, X, activations=False).outputs
    steady = sl.quantized(network, X, timesteps=4).outputs
    np.testing.assert_allclose(steady, own, atol=1e-3)
    first = sl.simulate(network, X, 1).outputs[0]
    np.testing.assert_allclose(first, sl.quantized(network, X, timesteps=1).outputs, atol=1e-3)
    outputs = sl.simulate(network, X, 4).outputs[-1]
    assert 0.2 < np.sqrt(np.square(outputs - own).mean() / np.square(own).mean()) < 0.7
    changed = (outputs.argmax(1) != own.argmax(1)).sum()
    assert 0 < changed < 10


@pytest.mark.slow
def test_at_depth_the_staircase_reads_95_percent_and_the_simulation_92():
    network = trained(110)
    steady = 100 * sl.quantized(network, X, timesteps=4).accuracy(Y)
    simulated = right(sl.simulate(network, X, 4))
    assert steady == pytest.approx(95, abs=1.5)
    assert simulated == pytest.approx(92, abs=2)
    assert simulated < steady


@pytest.mark.slow
def test_counted_with_its_first_stage_cos_gains_and_srp_hardly_does():
    waiting = sl.simulate(usual(), X, 6)
    srp, cos = (method(usual(), X, 2, first=4) for method in (sl.recipes.srp, sl.recipes.cos))
    assert right(cos.second) > right(waiting) + 3
    assert abs(right(srp.second) - right(waiting)) < 3
    for both in (srp, cos):
        assert millions(usual(), both.first, both.second) < millions(usual(), waiting)


@cache
def deep():
    return sl.convert(data.load_network("digits_resnet110"), X_CAL[:128])


@pytest.mark.slow
def test_at_depth_a_short_first_stage_gains_nothing():
    x = X[:60]
    waiting = sl.simulate(deep(), x, 12)
    assert right(waiting, 3) < 55
    for method in (sl.recipes.srp, sl.recipes.cos):
        assert right(method(deep(), x, 8, first=4).second) < right(waiting)


@pytest.mark.slow
def test_towards_the_end_silence_tells_less():
    """How many more are silenced of those that should rest than of those that should speak."""
    early, own = sl.simulate(deep(), X[:60], 4, potentials=True), sl.ann(deep(), X[:60])
    told = []
    for layer in [name for name in deep().layers if name.endswith("relu1")]:
        silent = early.potentials(layer)[-1] <= 1e-3 * deep().thresholds[layer]
        speaks = own.activations[layer] > 0
        told.append(silent[~speaks].mean() - silent[speaks].mean())
    thirds = [np.mean(part) for part in np.array_split(told, 3)]
    assert thirds[0] > thirds[1] + 0.05 > thirds[2] + 0.1


@pytest.mark.slow
def test_one_step_of_eight_spikes_is_the_staircase_and_beats_eight_steps():
    at_once = usual().replace(max_spikes=8, scale=1 / 8)
    one, eight = sl.simulate(at_once, X, 1), sl.simulate(usual(), X, 8)
    steady = sl.quantized(usual(), X, timesteps=8).outputs
    np.testing.assert_allclose(one.outputs[0], steady, atol=1e-3)
    assert right(one) > right(eight) + 5
    assert millions(at_once, one) < millions(usual(), eight)


@pytest.mark.slow
def test_thresholds_from_noise_are_lower_and_no_worse():
    noise = np.random.default_rng(0).random((256, *X.shape[1:])).astype(np.float32)
    blind = sl.convert(data.load_network("digits_resnet20"), noise)
    ratios = [blind.thresholds[name] / usual().thresholds[name] for name in usual().layers]
    assert 0.8 < np.median(ratios) < 1
    assert right(sl.simulate(blind, X, 8)) > right(sl.simulate(usual(), X, 8)) - 1.5
    lower = [right(sl.simulate(usual().replace(scale=s), X, 4)) for s in (0.6, 1.0, 1.4)]
    assert lower[0] > lower[1] + 8 > lower[2] + 8
    assert right(sl.simulate(usual().replace(scale=0.3), X, 4)) < 60


@pytest.mark.slow
def test_half_full_bit_by_bit_reads_more_for_less():
    network = sl.recipes.rts(data.load_network("digits_resnet20"), X_CAL, 6)
    slow, at_once = sl.simulate(network, X, 6), sl.simulate(usual(), X, 6)
    assert right(slow) > right(at_once) + 8
    assert millions(network, slow) < millions(usual(), at_once)
    model, x_cal, few = data.load_network("digits_resnet110"), X_CAL[:128], X[:60]
    deep, slowly = sl.convert(model, x_cal), sl.recipes.rts(model, x_cal, 8)
    assert right(sl.simulate(slowly, few, 8)) < right(sl.simulate(deep, few, 8))


@pytest.mark.slow
def test_differential_coding_reads_more_at_the_thresholds_that_suit_it():
    rule = sl.Gaussian(3, per_channel=True)
    made = sl.convert(data.load_network("digits_resnet20"), X_CAL, threshold=rule)
    signed = made.replace(signed=True)
    rates = [right(sl.simulate(network, X, 3)) for network in (made, signed)]
    coded = sl.recipes.differential(made, X, 3)
    assert right(coded) > max(rates) + 10
    assert millions(signed, coded) < 1.5


def test_a_steady_current_of_differential_coding_reaches_the_sum_and_is_hardly_ever_silent():
    """The recipe, not the notebook's five lines."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    strong = sl.recipes.differential(net, [[9.0]], 4)
    assert strong.outputs[-1].item() == pytest.approx(1 + 1 / 2 + 1 / 3 + 1 / 4)
    weak = sl.recipes.differential(net, [[0.3]], 64)
    assert weak.sent("relu").item() > 2 * sl.simulate(net, [[0.3]], 64).counts("relu").item()
