"""The neuron to be found out: it can be, it hides what it is, and wrong answers are told apart."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
from brian2 import mA, ms, mV, nA, nF

import snnlab as sl
from snnlab import course
from snnlab.course import mystery_neuron

NUMBERS = range(24)
FEW = range(6)  # among them all four kinds
EACH = [*FEW, *(pytest.param(n, marks=pytest.mark.long) for n in NUMBERS[6:])]
LEARNERS = (5, 4)  # of exercises 1.5 and 1.6, and of 1.7
NOTEBOOK = Path(__file__).parent.parent.parent / "notebooks" / "01_spiking_neurons.ipynb"


def truth(number):
    model = mystery_neuron._hidden(number)
    reset = "subtract" if "-=" in model.reset else "zero"
    return model.parameters["v_threshold"], reset, model.parameters.get("tau")


def test_there_are_neurons_of_every_kind():
    kinds = {(reset, tau is None) for _, reset, tau in map(truth, FEW)}
    assert len(kinds) == 4
    assert len({float(theta) for theta, _, _ in map(truth, NUMBERS)}) > 6


@pytest.mark.parametrize("number", EACH)
def test_the_truth_and_what_is_near_it_is_right(number):
    theta, reset, tau = truth(number)
    neuron = course.MysteryNeuron(number)
    neuron.stimulate(1 * nA, 5 * ms)
    near = neuron.check(v_threshold=1.04 * theta, reset=reset, tau=tau and 0.85 * tau)
    assert near.right
    assert f"neuron {number}. You needed 1 stimulus and 1 answer." in repr(near)
    assert near._repr_html_() == f"<p>{near!r}</p>"


@pytest.mark.slow
@pytest.mark.parametrize("number", EACH)
def test_each_wrong_answer_has_its_own_question(number):
    theta, reset, tau = truth(number)
    other = {"subtract": "zero", "zero": "subtract"}[reset]
    wrong = {
        "first spike only": (0.9 * theta, reset, tau),
        "beyond the threshold": (theta, other, tau),
    }
    if tau is None:
        wrong["Does it forget?"] = (theta, reset, 20 * ms)
    else:
        wrong["however long you wait?"] = (theta, reset, None)
        wrong["weakest current"] = (theta, reset, 1.5 * tau)
    neuron = course.MysteryNeuron(number)
    for question, (v_threshold, answered, leak) in wrong.items():
        feedback = neuron.check(v_threshold=v_threshold, reset=answered, tau=leak)
        assert not feedback.right
        assert repr(feedback).startswith("Not yet. At ")
        assert question in feedback.words
        theirs, its = (
            int(w.split()[0])
            for w in feedback.words.split(" times", 2)[:2]
            for w in [w.rsplit(" ", 1)[-1]]
        )
        assert theirs != its


def test_what_is_said_of_its_spikes_is_true():
    theta, reset, tau = truth(5)
    neuron = course.MysteryNeuron(5)
    words = neuron.check(v_threshold=2 * theta, reset=reset, tau=tau).words
    current, its = float(words.split()[1]), int(words.split("this one ")[1].split()[0])
    assert len(neuron.stimulate(current * nA, 200 * ms)) == its


def test_nothing_in_it_tells_what_it_is():
    neuron = course.MysteryNeuron(4)
    neuron.stimulate(10 * nA, 20 * ms)
    theta, *_ = truth(4)
    shown = f"{neuron!r} {neuron} {vars(neuron)} {neuron.__reduce_ex__(4)}"
    assert "4" in shown
    for told in (str(theta), repr(float(theta)), "mV", "mvolt", "subtract", "zero", "tau"):
        assert told not in shown
    assert set(vars(neuron)) == {"number", "stimuli", "answers"}


def test_it_is_always_the_same_and_counts_its_stimuli():
    first, again = (course.MysteryNeuron(9) for _ in range(2))
    one = first.stimulate(20 * nA, 50 * ms)
    assert len(one) > 3
    assert np.array_equal(one, again.stimulate(20 * nA, 50 * ms))
    first.check(v_threshold=10 * mV, reset="zero")
    first.stimulate("4*nA*int(t > 5*ms)", 10 * ms)
    first.stimulate(np.ones(10) * nA, 10 * ms)
    assert (first.stimuli, again.stimuli) == (3, 1)
    assert (first.answers, again.answers) == (1, 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: n.check(v_threshold=10, reset="zero"), "number without unit"),
        (lambda n: n.check(v_threshold=10 * ms, reset="zero"), "a quantity in s"),
        (lambda n: n.check(v_threshold=-10 * mV, reset="zero"), "above 0"),
        (lambda n: n.check(v_threshold=10 * mV, reset="hard"), "'subtract' or 'zero'"),
        (lambda n: n.check(v_threshold=10 * mV, reset="zero", tau=20), "number without unit"),
        (lambda n: n.stimulate(10 * mV, 5 * ms), "expected a quantity like"),
        (lambda n: n.stimulate(np.ones((1, 3)) * nA, 5 * ms), "only one mystery neuron"),
        (lambda n: course.MysteryNeuron(-1), "0 or more"),
    ],
)
def test_what_is_wrong_is_said_and_not_counted(call, words, capfd):
    neuron = course.MysteryNeuron(0)
    with pytest.raises(sl.SNNLabError, match=words):
        call(neuron)
    gc.collect()
    assert (neuron.stimuli, neuron.answers) == (0, 0)
    assert capfd.readouterr().err == ""


def test_a_strong_short_stimulus_gives_the_threshold():
    """The way that the hint suggests works: a leak has no time."""
    for number in FEW:
        first = course.MysteryNeuron(number).stimulate(1e-3 * mA, 0.1 * ms, dt=0.0001 * ms)[0]
        theta, _, _ = truth(number)
        assert abs(first * ms * 1e-3 * mA / (1 * nF) / theta - 1) < 0.02


def solution(exercise, name):
    """Return the function that a folded cell of the notebook holds."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    (cell,) = [c for c in cells if f"solution-{exercise}" in c["metadata"].get("tags", ())]
    assert cell["metadata"]["jupyter"]["source_hidden"]
    function = "".join(cell["source"]).split("\n\n\n")[0]
    names = {"np": np, "ms": ms, "mV": mV, "nA": nA, "nF": nF}
    exec(function, names)
    return names[name]


@pytest.mark.parametrize("number", EACH)
def test_the_solution_of_the_notebook_finds_every_neuron(number):
    neuron = course.MysteryNeuron(number)
    feedback = neuron.check(*solution("1.7", "find_out")(neuron))
    assert feedback.right, feedback
    assert (neuron.stimuli, neuron.answers) == (3 if truth(number)[2] is None else 4, 1)


@pytest.mark.parametrize("number", [n for n in NUMBERS if truth(n)[2] is None])
def test_two_stimuli_find_every_neuron_that_does_not_leak(number):
    neuron = course.MysteryNeuron(number)
    feedback = neuron.check(*solution("1.6", "threshold_and_reset")(neuron))
    assert feedback.right, feedback
    assert neuron.stimuli == 2


def test_a_guessed_reset_tells_that_the_threshold_is_right():
    """As exercise 1.5 says."""
    theta, reset, tau = truth(LEARNERS[0])
    assert tau is None
    neuron = course.MysteryNeuron(LEARNERS[0])
    other = {"subtract": "zero", "zero": "subtract"}[reset]
    assert "beyond the threshold" in neuron.check(v_threshold=theta, reset=other).words
    assert neuron.check(v_threshold=theta, reset=reset).right
    for wrong in (theta - 1 * mV, theta + 1 * mV):
        assert "first spike only" in neuron.check(v_threshold=wrong, reset=reset).words


@pytest.mark.parametrize("number", LEARNERS)
def test_the_notebook_does_not_give_away_the_neurons_of_the_learner(number):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    (mine,) = [c for c in code if f"MysteryNeuron({number})" in "".join(c["source"])]
    assert "stimuli=0" in json.dumps(mine["outputs"])
    shown = json.dumps([c["outputs"] for c in code])
    assert f"mystery neuron {number}" not in shown
    assert str(truth(number)[0]) not in shown
