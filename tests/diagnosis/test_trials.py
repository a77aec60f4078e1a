"""Simulations that a diagnosis tries: each setting once."""

from types import SimpleNamespace

import torch
from helpers.trained import X, Y, converted

from snnlab.diagnosis.trials import Trials
from snnlab.simulation.metrics import measure


def test_equal_settings_are_simulated_once():
    done = []
    trials = Trials(
        torch.tensor(X), measure(Y, (len(X), 10)), SimpleNamespace(update=lambda: done.append(1))
    )
    net = converted("mlp")
    first = trials.reached(net.replace(v_init=0.25), 4)
    assert (trials.reached(net.replace(v_init=0.25), 4) == first).all()
    assert done == [1]
    for other, steps in ((net, 4), (net.replace(v_init=0.25), 5), (net.replace(reset="zero"), 4)):
        trials.reached(other, steps)
    assert done == [1] * 4
