"""The exercise of notebook 00, and what its prose claims of the network that it trains."""

import json
import re
from collections import OrderedDict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import nn

import snnlab as sl
from snnlab import course, data, explorers
from snnlab.course.exercises import notebook_00

NOTEBOOK = Path(__file__).parent.parent.parent / "notebooks" / "00_start_here.ipynb"
DIGITS = data.load_digits()
X, Y = DIGITS.x_test, DIGITS.y_test


def said(answer):
    """Return the feedback on a wrong answer, whose words are those of the house."""
    feedback = course.check("0.6", answer)
    assert not feedback.right
    assert not re.search("expected|assert|test", feedback.words, re.I)
    return feedback.words


def untrained(inputs=64):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 10), nn.ReLU(), nn.Linear(10, 10))


def test_what_is_no_network_of_the_digits_has_its_own_words():
    other = sl.convert(untrained(100), torch.rand(4, 1, 10, 10))
    heard = {
        "There is nothing here yet.": [None, ...],
        "This is a rule for thresholds.": [sl.Percentile(97)],
        "This is the ANN.": [untrained()],
        "and a converted network is asked for.": [97, "97", [1, 2]],
        "It takes images of 1×10×10 pixels": [other],
        "reads only": [sl.convert(untrained(), DIGITS.x_train[:50])],
    }
    for words, answers in heard.items():
        for answer in answers:
            found = said(answer)
            assert [w for w in heard if w in found] == [words], found
            assert "?" in found or "Write mine = sl.convert(" in found


def test_the_answers_to_the_bucket():
    """Try 0.2, where it starts half full."""
    bucket = explorers.BucketFilling()
    for current, spikes in ((0.5, 6), (1.0, 12)):
        data = bucket.compute(current, current, 0.5, "subtract", 12.0)
        assert len(data["spikes"]) == spikes
    assert bucket.compute(-0.25, -0.25, 0.5, "subtract", 12.0)["level"] == -2.5
    assert bucket.compute(-0.25, 0.75, 0.5, "subtract", 12.0)["spikes"][0] == 9


# --- what the prose claims, of the notebook's own network ----------------------------------------


@cache
def trained():
    """Return the network that the notebook trains, by its own cell."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    (cell,) = [c for c in cells if "model = data.train(" in "".join(c["source"])]
    names = {"OrderedDict": OrderedDict, "nn": nn, "torch": torch, "data": data, "digits": DIGITS}
    exec("".join(cell["source"]), names)
    return names["model"]


@cache
def simulated():
    net = sl.convert(trained(), DIGITS.x_train)
    return net, sl.simulate(net, X, 64, at=range(1, 65))


def right(percentile, steps):
    net = sl.convert(trained(), DIGITS.x_train, threshold=sl.Percentile(percentile))
    return 100 * sl.simulate(net, X, steps).accuracy(Y)


@pytest.mark.slow
def test_too_high_and_too_low_thresholds_get_their_own_question():
    names = {"sl": sl, "model": trained(), "digits": DIGITS}
    exec(course.exercise("0.6").solution, names)
    feedback = course.check("0.6", names["mine"])
    assert feedback.right
    assert re.search(r"After 2 steps it reads 9\d\.\d % .* After 64 steps", feedback.words)
    questions = {99.9: "says the right thing, and late", 85.0: "time does not help"}
    for percentile, words in questions.items():
        rule = sl.Percentile(percentile)
        assert words in said(sl.convert(trained(), DIGITS.x_train, threshold=rule))


@pytest.mark.slow
def test_the_task_is_neither_done_already_nor_a_matter_of_luck():
    goal = 100 * sl.ann(simulated()[0], X).accuracy(Y)
    assert right(99.9, 2)[-1] < goal - 3
    assert all(right(p, 2)[-1] >= goal - notebook_00.MARGIN for p in (95.0, 97.0, 98.0))


@pytest.mark.slow
def test_it_is_cheaper_at_first_and_dearer_in_the_end():
    net, record = simulated()
    goal, curve = sl.ann(net, X).accuracy(Y), record.accuracy(Y)
    within = int(np.argmax(curve >= goal - 0.01)) + 1
    share = {
        T: (b := sl.energy(sl.operations(net, record, step=T))).snn / b.ann for T in (within, 64)
    }
    assert within <= 4
    assert share[within] < 0.6
    assert share[64] > 4
    assert abs(curve[-1] - goal) <= 0.005


@pytest.mark.slow
def test_a_low_percentile_begins_better_and_never_arrives():
    net, record = simulated()
    goal, low = 100 * sl.ann(net, X).accuracy(Y), right(90.0, 64)
    assert low.max() < goal - 1
    assert low[0] > 100 * record.accuracy(Y)[0] + 20
    rule = sl.Percentile(90.0)
    record = sl.simulate(sl.convert(trained(), DIGITS.x_train, threshold=rule), X, 64)
    read = record.outputs[-1].argmax(1) == Y
    should = sl.ann(net, X).outputs.argmax(1) == Y
    lost, won = (should & ~read).sum(), (read & ~should).sum()
    assert binomtest(int(lost), int(lost + won)).pvalue < 0.05  # more than chance


@pytest.mark.slow
def test_about_half_of_the_neurons_are_silent_and_some_fire_though_they_should_not():
    net, record = simulated()
    silent = np.concatenate([record.counts(name).ravel() == 0 for name in net.layers])
    assert 0.4 < silent.mean() < 0.55
    zero = sl.ann(net, X).activations["relu2"] == 0
    assert 0 < (record.counts("relu2")[zero] > 0).mean() < 0.1


@pytest.mark.slow
def test_clipping_stays_and_the_rest_melts_away():
    net, _ = simulated()
    few, many = (sl.decompose(net, X, sl.simulate(net, X, T)).rms() for T in (4, 64))
    for part in ("quantization", "deviation", "propagated"):
        assert many["relu2"][part] < few["relu2"][part] / 8
    assert many["relu2"]["clipping"] > few["relu2"]["clipping"] / 2
    assert many["relu1"]["clipping"] == pytest.approx(few["relu1"]["clipping"], rel=1e-5)
    assert few["relu1"]["propagated"] == many["relu1"]["propagated"] == 0
    assert max(few["relu1"]["deviation"], many["relu1"]["deviation"]) < 5e-4


@pytest.mark.slow
def test_the_image_of_the_movie_is_a_close_race():
    net, _ = simulated()
    movie = explorers.SpikeMovie(net, X[21], timesteps=32)
    assert Y[21] == 9
    said = [movie.compute(steps)["answer"] for steps in range(1, 33)]
    assert {1, 9} <= set(said[1:])
    assert said[-1] == 9
    assert movie.compute(1)["stays"] > 4
