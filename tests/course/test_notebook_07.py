"""Notebook 07: the solutions of its exercises and its answers, beside torch and the engine."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab import data, explorers
from snnlab.course.exercises import notebook_07
from snnlab.dynamics.pooling import ExactMaxPool, GatedMaxPool

A, B = [1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 1]


def test_the_folded_bias_is_what_torch_gives_without_input(rng):
    for _ in range(20):
        layer, norm = nn.Linear(1, 1).double(), nn.BatchNorm1d(1, eps=rng.uniform(1e-5, 2)).double()
        norm.running_mean[:], norm.running_var[:] = rng.normal(), rng.uniform(0.1, 4)
        norm.weight.data[:], norm.bias.data[:] = rng.normal(), rng.normal()
        both = nn.Sequential(layer, norm).eval()
        parts = (layer.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        ours = notebook_07.folded_bias(*(part.item() for part in parts), norm.eps)
        assert ours == pytest.approx(both(torch.zeros(1, 1).double()).item(), rel=1e-12)


def test_the_folded_bias_is_that_of_a_converted_network():
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1, eps=1.0), nn.ReLU()).double().eval()
    for tensor, value in zip(
        (model[0].weight, model[0].bias, *model[1].parameters()), (2, 1, 4, 0.5), strict=True
    ):
        tensor.data[:] = value
    model[1].running_mean[:], model[1].running_var[:] = 3, 3
    folded = sl.fold_batchnorm(sl.trace(model, torch.ones(1, 1).double()))
    (bias,) = (b for name, b in folded.module.named_parameters() if "bias" in name)
    assert notebook_07.folded_bias(1, 3, 3, 4, 0.5, 1) == bias.item() == -3.5


def passed(*setting):
    """Return how many spikes each way of pooling passes on in the explorer."""
    trains = explorers.PoolingGates.compute(*setting)["passed"]
    return tuple(int(trains[way].sum()) for way in ("exact", "gate", "gate_recent"))


def test_what_the_explorer_is_asked_about_is_answered():
    assert passed(16, 16, 8, "random") == (16, 20, 23)
    assert passed(16, 0, 0, "random") == (16, 16, 16)
    assert passed(16, 16, 8, "regular") == (16, 16, 17)
    assert passed(12, 12, 12, "random") == (12, 17, 24)


@pytest.mark.slow
def test_the_network_takes_the_nine_of_the_movie_for_a_four_until_step_13():
    images, labels = data.load_mnist()
    net = sl.convert(data.load_network("mnist_convnet"), images[::10])
    outputs = sl.simulate(net, images[5::100][30:31], timesteps=32).output_sums
    assert labels[5::100][30] == 9
    assert outputs.argmax(2).ravel().tolist() == [4] * 13 + [9] * 19


def engine(pool, first, second):
    """Count what a pooling of the simulator passes on from two trains."""
    trains = torch.tensor([first, second], dtype=torch.float64).T[:, None]
    return int(pool.step(trains, len(first)).sum())


def gate():
    return GatedMaxPool(lambda e: F.max_pool1d(e, 2, return_indices=True)[1], 1.0)


def test_the_trains_of_theory():
    """O23: true 3, gate 4, any 5, exact 3."""
    assert max(sum(A), sum(B)) == 3
    assert notebook_07.gate_count(A, B) == engine(gate(), A, B) == 4
    assert sum(map(max, A, B)) == 5
    assert engine(ExactMaxPool(lambda charge: F.max_pool1d(charge, 2)), A, B) == 3


def test_the_gate_counts_as_the_engine_does(rng):
    every = itertools.product(itertools.product((0, 1), repeat=4), repeat=2)
    more = [rng.integers(0, 2, size=(2, steps)).tolist() for steps in (1, 7, 30) for _ in range(20)]
    for first, second in [*every, *more]:
        ours = notebook_07.gate_count(np.array(first), np.array(second))
        assert ours == engine(gate(), first, second)
        assert ours >= max(sum(first), sum(second))
