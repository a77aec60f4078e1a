"""What would help, and at which cost."""

import numpy as np
from helpers.trained import X, Y, converted
from torch import nn

import snnlab as sl
from snnlab.diagnosis import diagnose

CHANGES = {
    "thresholds at the 99th percentile of the activations": sl.Percentile(99.0),
    "thresholds at the 99.9th percentile of the activations": sl.Percentile(99.9),
    "thresholds at the maximum of the activations": sl.Maximum(),
    "one threshold per channel, at the 99.9th percentile": sl.Percentile(99.9, per_channel=True),
}


def test_remedies_are_those_of_simulate_cheapest_first():
    net = converted("mlp").replace(reset="zero", v_init=0.0)
    found = diagnose(net, X, Y, 8)
    changed = {
        words: net.replace(threshold=rule.thresholds(net.graph, X))
        for words, rule in CHANGES.items()
    }
    changed["neurons that start half full"] = net.replace(v_init=0.5)
    changed["reset by subtraction"] = net.replace(reset="subtract")
    expected = {w: (sl.simulate(n, X, 8).accuracy(Y)[-1], 1) for w, n in changed.items()}
    for factor in (2, 4):
        accuracy = sl.simulate(net, X, factor * 8).accuracy(Y)[-1]
        expected[f"{factor * 8} steps"] = (accuracy, factor)
    assert {r.words: (r.accuracy, r.cost) for r in found.remedies} == expected
    order = [(remedy.cost, -remedy.accuracy) for remedy in found.remedies]
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
    assert len(words) == 5


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
    assert words == {"neurons that start half full", "2 steps", "4 steps"}
