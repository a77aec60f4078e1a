"""What notebook 09 says in words, beside the engine; and the game of its end."""

import itertools
import re

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import course, data
from snnlab.course.exercises import notebook_09

DIGITS = data.load_digits()
X_CAL, FEW = DIGITS.x_train[:256], DIGITS.x_train[:48]
X, Y = DIGITS.x_test[:60], DIGITS.y_test[:60]


def test_a_chain_is_a_geometric_series():
    for layers, own, gain in itertools.product((1, 5, 109), (0.05, 0.5), (0.5, 0.99, 1.01)):
        closed = own * (1 - gain**layers) / (1 - gain)
        assert notebook_09.error_after(layers, own, gain) == pytest.approx(closed, rel=1e-9)
    assert notebook_09.error_after(109, 0.25, 1) == 109 * 0.25


def test_the_offset_is_that_of_the_correction(rng):
    """In the second layer too, which is measured when the first one is corrected."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5), nn.ReLU()).double().eval()
    x = rng.random((20, 3))
    net = sl.convert(model, x, threshold=sl.Fixed(1.0))
    corrected, steps = sl.correct_bias(net, x, 6), 6
    given = net
    for layer in net.layers:
        parts = sl.decompose(given, x, record := sl.simulate(given, x, timesteps=steps))
        phi = record.counts(layer) / steps
        ann = parts.activations[layer]  # the ReLU of it, which a second ReLU leaves as it is
        z = np.zeros_like(ann)
        ours = [notebook_09.offset(ann, z, phi, channel) for channel in range(ann.shape[1])]
        found = corrected.neurons[layer].i_offset
        assert ours == pytest.approx(found, abs=1e-12)
        given = given.replace(layer, i_offset=found)


@pytest.fixture(scope="module")
def deep():
    """ResNet-110 as the notebook converts it."""
    return sl.convert(data.load_network("digits_resnet110"), X_CAL)


@pytest.fixture(scope="module")
def uncorrected(deep):
    return sl.simulate(deep, X, timesteps=32)


def errors(network):
    """Return the own and the whole error of each layer after 16 steps, over its activation."""
    record = sl.simulate(network, X[:30], timesteps=16)
    parts, own, total = sl.decompose(network, X[:30], record), [], []
    for layer in network.layers:
        size = np.sqrt(np.mean(parts.activations[layer] ** 2))
        whole = parts.total(layer)
        mine = whole - parts.part(layer, "propagated")
        own.append(np.sqrt(np.mean(mine**2)) / size)
        total.append(np.sqrt(np.mean(whole**2)) / size)
    return np.array(own), np.array(total)


@pytest.mark.slow
def test_own_errors_do_not_grow_with_depth_and_the_whole_does(deep):
    own, total = errors(deep)
    assert own[-36:].mean() < 1.3 * own[:36].mean()
    assert total[-1] > 8 * total[0]


@pytest.mark.slow
@pytest.mark.parametrize("other", ["real numbers", "pre-activation"])
def test_what_passes_by_the_neurons_keeps_the_error_small(deep, other):
    if other == "real numbers":
        network = sl.convert(data.load_network("digits_resnet110"), X_CAL, shortcut="analog")
    else:
        network = sl.convert(data.load_network("digits_resnet110_pre"), X_CAL)
    (own, total), (of_spikes, before) = errors(network), errors(deep)
    assert 0.6 < own.mean() / of_spikes.mean() < 1.6
    assert total[-1] < before[-1] / 2


def test_there_are_54_blocks():
    blocks = [m for m in data.resnet(110).modules() if type(m).__name__ == "ResidualBlock"]
    assert len(blocks) == 54


@pytest.mark.slow
def test_the_last_layer_fires_in_the_first_steps(deep):
    last = deep.layers[-1]
    assert sl.simulate(deep, X[:20], timesteps=1).counts(last).any()


@pytest.mark.slow
def test_all_layers_at_once_is_worse_than_none_and_one_after_the_other_better(deep, uncorrected):
    parts = sl.decompose(deep, FEW, sl.simulate(deep, FEW, timesteps=16))
    at_once = deep
    for layer in deep.layers:
        at_once = at_once.replace(layer, i_offset=-parts.total(layer).mean((0, 2, 3)))
    in_turn = sl.correct_bias(deep, FEW, 16)
    before = uncorrected.accuracy(Y)[15]
    reads = [sl.simulate(net, X, timesteps=16).accuracy(Y)[-1] for net in (at_once, in_turn)]
    assert reads[0] < before - 0.2
    assert reads[1] > before + 0.1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:simulate. the")
def test_an_offset_spoils_what_comes_later_and_a_charge_does_not(deep, uncorrected):
    late = {}
    for correct in (sl.correct_bias, sl.correct_potential):
        late[correct] = sl.simulate(correct(deep, FEW, 16), X, timesteps=32).accuracy(Y)
    assert late[sl.correct_bias][31] < late[sl.correct_bias][15] - 0.05
    assert late[sl.correct_bias][31] < uncorrected.accuracy(Y)[31]
    assert late[sl.correct_potential][31] > late[sl.correct_bias][31] + 0.1


# --- the game --------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch):
    """Take the score of a few images, which is faster."""
    x, y = notebook_09.held_out(notebook_09.IMAGES)
    assert len(x) == 200
    monkeypatch.setattr(notebook_09, "held_out", lambda images: (x[:24], y[:24]))


def said(entry):
    feedback = course.check("9.7", entry)
    assert not feedback.right
    assert "?" in feedback.words or "Write (network, steps)" in feedback.words
    assert not re.search("expected|assert|test", feedback.words, re.I)
    return feedback.words


def test_what_is_no_entry_has_its_own_words(deep):
    small = sl.convert(data.load_network("digits_resnet20"), FEW)
    other = sl.convert(nn.Sequential(nn.Flatten(), nn.ReLU()), torch.ones(1, 2))
    heard = {
        "This is a network. After how many steps": [deep],
        "This is the number 8.": [8],
        "This is a list.": [[deep, 8, 1]],
        "There is no network yet": [(None, 8), (..., 8)],
        "The first of the two is a Sequential": [(data.load_network("digits_resnet110"), 8)],
        "Is it a whole number above 0?": [(deep, 0), (deep, 2.5), (deep, "8"), (deep, True)],
        "its 19 layers of neurons": [(small, 8)],
        "its 1 layer of neurons": [(other, 8)],
    }
    for words, entries in heard.items():
        for entry in entries:
            found = said(entry)
            assert [w for w in heard if w in found] == [words], found
    for blank in (None, ...):
        words = course.check("9.7", blank).words
        assert words == "There is nothing here yet. Write entry = (network, steps)."


def entries(deep):
    """Yield entries that fall short, after what is asked of them."""
    analog = sl.convert(data.load_network("digits_resnet110"), X_CAL, shortcut="analog")
    yield "Which mean could be put right?", (deep, 4)
    yield "It was corrected for 2 steps. Whose errors", (sl.correct_bias(deep, FEW, 2), 16)
    yield "Can it get through without that?", (sl.correct_potential(deep, FEW, 4), 4)
    yield "could take it back?", (sl.correct_potential(analog, FEW, 1), 1)
    signed = sl.correct_potential(analog.replace(signed=True), FEW, 1)
    yield "to tell more in one step?", (signed, 1)
    yield "What would it read in half of them?", (sl.correct_potential(analog, FEW, 16), 16)
    bursts = {"max_spikes": 4, "scale": 1 / 4}
    signed = analog.replace(signed=True, **bursts)
    yield "is paid twice", (sl.correct_potential(signed, FEW, 4), 4)
    yield (
        "one step more or more spikes",
        (sl.correct_potential(analog.replace(**bursts), FEW, 4), 4),
    )


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_an_entry_that_falls_short_is_asked_what_it_lacks(deep):
    questions = []
    for question, entry in entries(deep):
        heard = said(entry)
        assert question in heard, heard
        assert re.match(r"After \d+ steps? your network reads \d+ of 24 new images, the ANN", heard)
        assert ("Par is" in heard) == (int(re.search(r"reads (\d+)", heard)[1]) == 24)
        questions.append(question)
    assert len(set(questions)) == len(questions)


@pytest.mark.slow
def test_the_score_is_what_simulation_and_count_say(deep):
    x, y = notebook_09.held_out(notebook_09.IMAGES)
    shown = DIGITS.x_test[:100]
    assert not any((image == other).all() for image in x for other in shown)
    rule, model = sl.Percentile(99.9, per_channel=True), data.load_network("digits_resnet110")
    network = sl.recipes.deep(model, X_CAL, 3, threshold=rule)
    record = sl.simulate(network, x, timesteps=3)
    right = int((record.output_sums[-1].argmax(1) == y).sum())
    totals = sl.operations(network, record).totals
    millions = sum(totals[c] for c in ("synaptic", "additions", "pooling", "analog")) / 1e6
    heard = course.check("9.7", (network, 3)).words
    assert f"reads {right} of 200 new images" in heard
    assert f"takes {millions:.1f} million additions" in heard
    assert 0.9 * notebook_09.PAR < millions < notebook_09.PAR
