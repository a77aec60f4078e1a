"""Hoyer's measure, its extremum as threshold, and a network of one step."""

import numpy as np
import pytest
import torch
from helpers.digits import assert_learns, some
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.gallery import hoyer, training
from snnlab.gallery.hoyer import HoyerStep

VALUES = st.lists(st.integers(0, 64), min_size=3, max_size=12).filter(lambda z: sum(z) > 0)


def numbers(values):
    return torch.tensor(values, dtype=torch.float64) / 64


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_measure_and_extremum_are_those_of_numpy(values):
    z = numbers(values)
    one, two = np.linalg.norm(z, 1), np.linalg.norm(z)
    assert hoyer.hoyer(z).item() == pytest.approx(one**2 / two**2)
    assert hoyer.extremum(z).item() == pytest.approx(two**2 / one)
    assert 1 - 1e-9 <= hoyer.hoyer(z).item() <= len(z) + 1e-9
    assert hoyer.extremum(z).item() <= z.max().item() + 1e-12


@given(VALUES, st.integers(1, 64))
@settings(max_examples=50, deadline=None)
def test_the_measure_is_still_at_its_extremum_and_falls_on_both_sides(values, entry):
    """By finite differences: growing an entry above it, or shrinking one below, makes H small."""
    z = torch.cat([numbers(values), numbers([entry])])
    extremum, step = hoyer.extremum(z).item(), 1e-6
    beside = [hoyer.hoyer(torch.cat([z[:-1], z[-1:] + d])).item() for d in (-step, step)]
    slope = (beside[1] - beside[0]) / (2 * step)
    one, two = z.sum().item(), (z**2).sum().item()
    assert slope == pytest.approx(2 * one / two**2 * (two - one * z[-1].item()), abs=1e-4)
    assert slope * (extremum - z[-1].item()) >= -1e-6


@given(VALUES)
@settings(max_examples=30, deadline=None)
def test_the_measure_knows_no_scale_and_the_extremum_follows_it(values):
    z = numbers(values)
    assert hoyer.hoyer(8 * z).item() == pytest.approx(hoyer.hoyer(z).item())
    assert hoyer.extremum(8 * z).item() == pytest.approx(8 * hoyer.extremum(z).item())


def test_spikes_are_those_above_the_extremum_of_the_clipped_potentials():
    layer = HoyerStep().train()
    layer.threshold.data.fill_(2.0)
    u = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)) * 2
    z = np.clip(u.numpy() / 2, 0, 1)
    extremum = (z**2).sum() / z.sum()
    assert torch.equal(layer(u), torch.from_numpy((u.numpy() / 2 >= extremum) * 1).float())
    assert layer.extremum.item() == pytest.approx(0.9 + 0.1 * extremum)
    # In eval mode the running mean decides.
    assert torch.equal(layer.eval()(u), (u / 2 >= layer.extremum).float())


def test_the_surrogate_is_a_half_from_0_to_2_thresholds():
    layer = HoyerStep().eval()
    layer.threshold.data.fill_(0.5)
    u = torch.tensor([-0.1, 0.1, 0.5, 0.9, 1.1], requires_grad=True)
    layer(u).sum().backward()
    assert u.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]  # a half, divided by θ


def test_the_loss_adds_the_penalties_of_all_layers():
    with training.seeded(0):
        model = hoyer.network().train()
    x, y = (torch.from_numpy(part) for part in some(20))
    plain = training.cross_entropy(model, x, y).item()
    layers = [layer for layer in model if isinstance(layer, HoyerStep)]
    penalties = [
        layer.clipped.sum().item() ** 2 / (layer.clipped**2).sum().item() / layer.clipped.numel()
        for layer in layers
    ]
    found = hoyer.penalized(2.0)(model, x, y).item()
    assert len(penalties) == 3
    assert found == pytest.approx(plain + 2 * sum(penalties), rel=1e-5)


def test_the_penalty_makes_spikes_rarer():
    x, y = some()
    with training.seeded(0):
        model = hoyer.network()
    free, pressed = (training.fit(model, x, y, hoyer.penalized(w), epochs=3) for w in (0.0, 3.0))
    assert training.spikes(pressed, x) < 0.9 * training.spikes(free, x)


def test_a_network_of_one_step_learns():
    with training.seeded(0):
        model = hoyer.network()
    trained = assert_learns(model, hoyer.penalized(0.1), epochs=4)
    assert all(0 < layer.extremum < 1 for layer in trained if isinstance(layer, HoyerStep))


def test_silence_is_no_division_by_0():
    zeros = torch.zeros(3, requires_grad=True)
    hoyer.hoyer(zeros).backward()
    assert hoyer.extremum(zeros).item() == 0
    assert zeros.grad.tolist() == [0.0, 0.0, 0.0]


def test_a_negative_weight_is_refused():
    with pytest.raises(sl.OptionError, match="weight = -1: expected a number, 0 or more"):
        hoyer.penalized(-1)
    assert isinstance(hoyer.network(), nn.Sequential)
