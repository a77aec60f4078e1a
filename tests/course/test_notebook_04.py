"""The exercises of notebook 04 beside the engine, and what its prose claims."""

import functools
from collections import OrderedDict

import numpy as np
import pytest
import torch
from helpers import wrong_04
from torch import nn

import snnlab as sl
from snnlab import course, data
from snnlab.course.exercises import notebook_04
from snnlab.dynamics import if_step

NEURON = {
    "should": notebook_04.SHOULD,
    "currents": notebook_04.CURRENTS,
    "threshold": notebook_04.THRESHOLD,
    "start": notebook_04.START,
}


def said(number, answer):
    feedback = course.check(number, answer)
    assert isinstance(feedback, course.Feedback)
    assert not feedback.right
    assert feedback.words.endswith((".", "?"))
    return feedback.words


def solution(number):
    names = {}
    exec(course.exercise(number).solution, names)
    (answer,) = (names[name] for name in names if name != "__builtins__")
    return answer


# --- one neuron ------------------------------------------------------------------------------


def one_neuron(should, currents, threshold, start):
    """Return the parts of a network's neuron that is shown these currents as frames.

    The ANN sees their mean; so the propagated part is added here, from what it should have seen.
    """
    wire = nn.Linear(1, 1, bias=False)
    wire.weight.data[:] = 1
    model = nn.Sequential(wire, nn.ReLU())
    net = sl.convert(model, [[threshold]], threshold=sl.Fixed(threshold), v_init=start)
    frames = torch.tensor(currents).reshape(-1, 1, 1)
    record = sl.simulate(net, frames, timesteps=len(currents), input="frames")
    report = sl.decompose(net, frames, record)
    found = {part: report.part(0, part).item() for part in notebook_04.PARTS}
    assert found["propagated"] == 0
    return found | {"propagated": max(0.0, float(np.mean(currents))) - should}


def test_the_parts_are_those_of_decompose():
    assert solution("4.1") == list(one_neuron(**NEURON).values())
    assert course.check("4.1", solution("4.1")).right


def test_the_parts_cancel_though_only_clipping_is_0():
    parts = solution("4.1")
    assert sum(parts) == 0
    assert [part == 0 for part in parts] == [False, True, False, False]


def test_it_fires_as_the_package_says_and_every_number_is_exact():
    theta, v, fired = NEURON["threshold"], NEURON["start"] * NEURON["threshold"], 0
    for current in NEURON["currents"]:
        v, spike = if_step(v, current, theta)
        fired += spike
    assert fired == notebook_04._FIRED
    for value in (NEURON["should"], *NEURON["currents"], theta, *solution("4.1")):
        assert value * 64 % 1 == 0


@pytest.mark.parametrize("words", wrong_04.PARTS)
def test_typical_wrong_parts_get_their_own_words(words):
    for answer in wrong_04.PARTS[words]:
        heard = said("4.1", answer)
        assert [w for w in wrong_04.PARTS if w in heard] == [words], heard


def test_every_mistake_is_told_and_none_is_the_right_number():
    for part, mistakes in notebook_04._MISTAKES.items():
        numbers = [value for values in mistakes.values() for value in values]
        assert len(set(numbers)) == len(numbers)
        assert notebook_04._RIGHT[part] not in numbers
    told = [words for mistakes in notebook_04._MISTAKES.values() for words in mistakes]
    heard = [said("4.1", a) for answers in wrong_04.PARTS.values() for a in answers]
    assert all(any(words in one for one in heard) for words in told)


def test_numbers_of_every_kind_are_taken():
    right = solution("4.1")
    for answer in (tuple(right), np.array(right), [np.float32(part) for part in right]):
        assert course.check("4.1", answer).right
    assert "Not all in the list are numbers" in said("4.1", [*right[:3], 10**400])


# --- the culprit -----------------------------------------------------------------------------


@functools.cache
def deep_net():
    """Return the digits, the network of the notebook, and its model."""
    torch.manual_seed(0)
    digits = data.load_digits()
    width, modules = 64, OrderedDict(flat=nn.Flatten())
    for number in range(1, 7):
        modules[f"linear{number}"] = nn.Linear(width, 96)
        modules[f"relu{number}"] = nn.ReLU()
        width = 96
    modules["linear7"] = nn.Linear(width, 10)
    model = data.train(nn.Sequential(modules), digits.x_train, digits.y_train)
    return digits, sl.convert(model, digits.x_train, threshold=sl.Maximum()), model


def test_the_culprit_is_what_the_bars_show():
    digits, net, _ = deep_net()
    sick = course.patient(net, notebook_04._PATIENT)
    assert list(net.layers) == [f"relu{n}" for n in range(1, notebook_04._LAYERS + 1)]
    x = digits.x_test[:100]
    shares = sl.decompose(sick, x, sl.simulate(sick, x, timesteps=64)).shares()
    layer, part = solution("4.4")
    assert shares[layer][part] > 0.95
    before, after = list(shares)[: list(shares).index(layer)], list(shares)[-4:]
    assert all(shares[name].get("clipping", 0) < 0.01 for name in (*before, *after))
    assert all(shares[name]["propagated"] > 0.95 for name in after)
    feedback = course.check("4.4", (layer, part))
    assert feedback.right
    assert f"It is {layer}, and it clips" in feedback.words
    assert course.check("4.4", [layer, part]).right


@pytest.mark.parametrize("words", wrong_04.CULPRIT)
def test_wrong_culprits_get_their_own_words(words):
    for answer in wrong_04.CULPRIT[words]:
        heard = said("4.4", answer)
        assert [w for w in wrong_04.CULPRIT if w in heard] == [words], heard


def test_a_network_is_no_culprit():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    assert "This is a network." in said("4.4", net)


# --- the prose -------------------------------------------------------------------------------


@functools.cache
def simulated():
    digits, net, _ = deep_net()
    x = digits.x_test
    return net, x, sl.simulate(net, x, timesteps=256, at=(1, 4, 16, 64, 128))


def test_after_one_step_only_the_deviation_is_0_everywhere():
    net, x, run = simulated()
    report = sl.decompose(net, x, run, step=1)
    parts = notebook_04.PARTS
    always = [p for p in parts if not any(report.part(name, p).any() for name in net.layers)]
    assert always == ["deviation"]


def test_a_share_is_what_the_formula_says():
    net, x, run = simulated()
    report = sl.decompose(net, x, run, step=16)
    for layer, shares in report.shares().items():
        whole = report.total(layer).astype(float)
        for part, share in shares.items():
            mean = np.mean(report.part(layer, part) * whole) / np.mean(whole * whole)
            assert share == pytest.approx(mean, abs=1e-6)
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)


def test_with_the_maximum_clipping_is_the_overshoot_of_others_and_goes_away():
    net, x, run = simulated()
    cut = {}
    for step in (4, 64):
        report = sl.decompose(net, x, run, step=step)
        clipped = report.part("relu6", "clipping") < 0
        cut[step] = clipped.sum()
        assert not (report.activations["relu6"][clipped] > net.thresholds["relu6"]).any()
    assert cut[64] < cut[4]


def test_at_the_99th_percentile_the_error_stays_and_with_the_maximum_it_is_halved():
    net, x, run = simulated()
    falls = sl.decompose_over_time(net, x, run).rms["relu6"]["total"]
    assert falls[-2] / falls[-1] == pytest.approx(2, rel=0.1)
    digits, _, model = deep_net()
    low = sl.convert(model, digits.x_train, threshold=sl.Percentile(99))
    record = sl.simulate(low, x, timesteps=256, at=(128,))
    stays = sl.decompose_over_time(low, x, record).rms["relu6"]
    for part in ("total", "clipping", "propagated"):
        assert stays[part][0] / stays[part][1] == pytest.approx(1, abs=0.03)


def test_from_the_third_layer_on_empty_neurons_hand_their_error_on():
    net, x, _ = simulated()
    empty = net.replace(v_init=0.0)
    shares = sl.decompose(empty, x, sl.simulate(empty, x, timesteps=64)).shares()
    largest = [max(shares[name], key=shares[name].get) for name in net.layers]
    assert largest == ["quantization"] * 2 + ["propagated"] * 4


def test_in_the_other_order_two_parts_grow_against_each_other():
    net, x, run = simulated()
    ours, other = (sl.decompose(net, x, run, step=16, reference=r) for r in ("received", "ann"))
    assert np.allclose(ours.total("relu6"), other.total("relu6"), atol=1e-5)
    assert np.array_equal(ours.part("relu6", "deviation"), other.part("relu6", "deviation"))
    together = [
        np.corrcoef(*(r.part("relu6", p).ravel() for p in ("propagated", "quantization")))[0, 1]
        for r in (ours, other)
    ]
    assert abs(together[0]) < 0.2
    assert together[1] < -0.3
    assert other.rms()["relu6"]["propagated"] > 1.5 * ours.rms()["relu6"]["propagated"]
