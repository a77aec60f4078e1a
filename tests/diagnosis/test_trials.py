"""Simulations that a diagnosis tries: each setting once."""

from types import SimpleNamespace

import numpy as np
import torch
from helpers.trained import X, Y, converted

import snnlab as sl
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


def test_every_image_is_answered_by_what_is_fitted_to_the_other_half():
    done, seen, x = [], [], torch.tensor(X)
    trials = Trials(x, measure(Y, (len(X), 10)), SimpleNamespace(update=lambda: done.append(1)))
    net = converted("mlp")
    poor = net.replace(1, scale=50.0)

    def fit(images):
        seen.append(images)
        return poor if len(seen) == 1 else net

    reached = trials.reached_unseen(fit, 8)
    assert all((a == b).all() for a, b in zip(seen, (x[0::2], x[1::2]), strict=True))
    right = np.empty((8, len(X)))
    for network, judged in ((poor, slice(1, None, 2)), (net, slice(0, None, 2))):
        sums = sl.simulate(network, X[judged], 8).output_sums
        right[:, judged] = sums.argmax(-1) == Y[judged]
    assert (reached == right.mean(1)).all()
    assert done == [1]
