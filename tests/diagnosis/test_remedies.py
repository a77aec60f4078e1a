"""What would help, and at which cost."""

import sys
import warnings

import numpy as np
import pytest
import torch
from helpers.progress import watch
from helpers.trained import DATA, X, Y, converted, trained
from torch import nn

import snnlab as sl
from snnlab import data
from snnlab.diagnosis import diagnose
from snnlab.diagnosis.remedies import MOST_REMEDIES

CHANGES = {
    "thresholds at the 99th percentile of the activations": sl.Percentile(99.0),
    "thresholds at the 99.9th percentile of the activations": sl.Percentile(99.9),
    "thresholds at the maximum of the activations": sl.Maximum(),
    "one threshold per channel, at the 99.9th percentile": sl.Percentile(99.9, per_channel=True),
}


SIGNED, ANALOG = "neurons that may take a spike back", "real numbers on the shortcuts"
START = "each neuron's start corrected for {}, on other images"
DEEP = "all that snnlab.recipes.deep does, on other images"


def unseen(fit, x, y, timesteps):
    """Accuracy of networks that are fitted to every other image, on the images between."""
    right = 0.0
    for first in (0, 1):
        seen, other = slice(first, None, 2), slice(1 - first, None, 2)
        found = sl.simulate(fit(x[seen]), x[other], timesteps).accuracy(y[other])[-1]
        right += found * len(y[other])
    return pytest.approx(right / len(y))


def test_remedies_are_those_of_simulate_cheapest_first():
    model, net = trained("mlp"), converted("mlp").replace(reset="zero", v_init=0.0)
    found = diagnose(net, X, Y, 8)
    changed = {
        words: net.replace(threshold=rule.thresholds(net.graph, X))
        for words, rule in CHANGES.items()
    }
    changed["neurons that start half full"] = net.replace(v_init=0.5)
    changed["reset by subtraction"] = net.replace(reset="subtract")
    expected = {w: (sl.simulate(n, X, 8).accuracy(Y)[-1], 1) for w, n in changed.items()}
    expected[DEEP] = (unseen(lambda x: sl.recipes.deep(model, x, 8, shortcut="spikes"), X, Y, 8), 1)
    for factor in (2, 4):
        accuracy = sl.simulate(net, X, factor * 8).accuracy(Y)[-1]
        expected[f"{factor * 8} steps"] = (accuracy, factor)
    assert {r.words: (r.accuracy, r.cost) for r in found.remedies} == expected
    order = [(remedy.cost, bool(remedy.needs), -remedy.accuracy) for remedy in found.remedies]
    assert order == sorted(order)


def test_a_change_that_changes_nothing_is_not_a_remedy():
    rule = sl.Percentile(99.0)
    found = diagnose(converted("mlp", x_cal=X, threshold=rule), X, Y, 1)
    words = [remedy.words for remedy in found.remedies]
    left_out = {
        "thresholds at the 99th percentile of the activations",
        "neurons that start half full",
        "reset by subtraction",
    }
    assert not left_out & set(words)
    assert len(words) == 8


class BesideASilentLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.silent = nn.ReLU(), nn.ReLU()

    def forward(self, x):
        fired = self.first(x)
        return fired + self.silent(-fired - 1)


def test_a_silent_layer_leaves_the_remedies_that_need_no_scale():
    """After 1 step with θ = 1 both neurons have fired, a tie."""
    net = sl.convert(BesideASilentLayer(), [[1.0, 1.0]], threshold=sl.Fixed(1.0), v_init=0.25)
    x = np.tile([[0.9, 0.8], [0.8, 0.9]], (10, 1))
    found = diagnose(net, x, np.tile([0, 1], 10), 1)
    assert (found.ann, found.snn) == (1.0, 0.5)
    assert np.isnan(found.settings["silent"].over_usual)
    words = {remedy.words for remedy in found.remedies}
    assert words == {
        "neurons that start half full",
        SIGNED,
        ANALOG,
        START.format("1 step"),
        "2 steps",
        "4 steps",
    }


@pytest.fixture(scope="module")
def residual():
    """A residual network with shortcuts, and images that it labels itself."""
    torch.manual_seed(0)
    model, x = data.resnet(8, width=4).eval(), X[:40]
    with torch.no_grad():  # an untrained network answers the same to all, unless it is balanced
        *_, last = (m for m in model.modules() if isinstance(m, nn.Linear))
        last.bias -= model(torch.from_numpy(x)).mean(0)
        y = model(torch.from_numpy(x)).argmax(1).numpy()
    return model, sl.convert(model, x), x, y


def test_what_needs_other_hardware_is_what_convert_and_replace_make(residual):
    model, net, x, y = residual
    found = {r.words: r for r in diagnose(net, x, y, 2).remedies}
    changed = {
        SIGNED: net.replace(signed=True),
        ANALOG: sl.convert(model, x, shortcut="analog"),
    }
    for words, network in changed.items():
        assert found[words].accuracy == sl.simulate(network, x, 2).accuracy(y)[-1]
        assert found[words].cost == 1
    correct = {
        START.format("2 steps"): lambda seen: sl.correct_potential(net, seen, 2),
        DEEP: lambda seen: sl.recipes.deep(model, seen, 2),
    }
    for words, fit in correct.items():
        assert found[words].accuracy == unseen(fit, x, y, 2)
    assert found[SIGNED].needs == "negative spikes, and more of them"
    assert found[ANALOG].needs == "real numbers on the shortcuts"
    assert found[DEEP].needs == f"{found[SIGNED].needs}; {found[ANALOG].needs}"
    assert {w for w, r in found.items() if r.needs} == {SIGNED, ANALOG, DEEP}


def test_signed_spikes_and_analog_shortcuts_send_and_need_what_is_said(residual):
    _, net, x, _ = residual
    record = sl.simulate(net.replace(signed=True), x, 8)
    before = sl.simulate(net, x, 8)
    sent, usual = (sum(r.sent(n).sum() for n in net.layers) for r in (record, before))
    assert sent > usual
    assert any((record.sent(n) > record.counts(n)).any() for n in net.layers)  # some are negative


def test_what_a_network_has_already_is_not_tried(residual):
    model, net, x, y = residual
    analog = sl.convert(model, x, shortcut="analog").replace(signed=True)
    words = {r.words for r in diagnose(analog, x, y, 1).remedies}
    assert not {SIGNED, ANALOG} & words
    assert {START.format("1 step"), DEEP} <= words
    hard = {r.words for r in diagnose(net.replace(reset="zero"), x, y, 2).remedies}
    assert not {SIGNED, START.format("2 steps")} & hard
    assert {ANALOG, DEEP} <= hard
    one = {r.words for r in diagnose(net, x[:1], 9 - y[:1], 2).remedies}
    assert DEEP not in one


def test_a_corrected_start_is_worth_on_new_images_what_is_said():
    """What is fitted to the images that judge it would promise more."""
    net, new = converted("mlp", v_init=0.0), (DATA.x_test[200:], DATA.y_test[200:])
    found = diagnose(net, X[:40], Y[:40], 4)
    (said,) = [r.accuracy for r in found.remedies if r.words == START.format("4 steps")]
    corrected = sl.correct_potential(net, X[:20], 4)
    new_images = sl.simulate(corrected, new[0], 4).accuracy(new[1])[-1]
    assert new_images > found.snn + 0.2
    assert abs(said - new_images) < 0.1
    same = sl.simulate(sl.correct_potential(net, X[:40], 4), X[:40], 4).accuracy(Y[:40])[-1]
    assert same > said


def test_images_that_do_not_fit_into_the_memory_make_no_warning(monkeypatch, residual):
    """A warning would be an error here."""
    _, net, x, y = residual

    def few(images, *_):
        warnings.warn("x: 4 of the images are used", stacklevel=2)
        return torch.as_tensor(images[:4])

    module = sys.modules["snnlab.conversion.correction.layer_by_layer"]
    monkeypatch.setattr(module, "_images_that_fit", few)
    assert START.format("2 steps") in {r.words for r in diagnose(net, x, y, 2).remedies}


def test_progress_counts_every_remedy(monkeypatch, residual):
    _, net, x, y = residual
    bars = watch(monkeypatch)
    found = diagnose(net.replace(v_init=0.25, scale=1.1), x, y, 2)
    assert len(found.remedies) - 1 == MOST_REMEDIES  # both numbers of steps are one simulation
    (bar,) = [bar for bar in bars if bar.unit == "simulations"]
    assert len(found.exact) + MOST_REMEDIES <= bar.n <= bar.planned
