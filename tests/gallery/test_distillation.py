"""The loss with two temperatures, and a student that learns from a teacher."""

import numpy as np
import pytest
import torch
from helpers.digits import CHANCE, some, unseen
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab.gallery import distillation, training

RNG = np.random.default_rng(0)
S, Z, Y = RNG.normal(size=(6, 4)), 3 * RNG.normal(size=(6, 4)), np.arange(6) % 4


def softmax(z):
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


def loss_of(student, **options):
    return distillation.loss(student, torch.from_numpy(Z), torch.from_numpy(Y), **options)


def test_the_loss_is_that_by_hand():
    p, q = softmax(Z / 5), softmax(S / 2)
    divergence = (p * np.log(p / q)).sum(1).mean()
    cross = -np.log(softmax(S)[np.arange(6), Y]).mean()
    found = loss_of(torch.from_numpy(S), tau_s=2.0, tau_t=5.0, alpha=0.75)
    assert found.item() == pytest.approx(0.25 * cross + 0.75 * 10 * divergence)


def test_the_gradient_compares_softened_answers():
    student = torch.from_numpy(S).requires_grad_()
    loss_of(student, tau_s=2.0, tau_t=5.0, alpha=1.0).backward()
    expected = 5 * (softmax(S / 2) - softmax(Z / 5)) / 6
    assert student.grad.numpy() == pytest.approx(expected)


def test_with_equal_temperatures_it_is_hintons():
    student, teacher = torch.from_numpy(S), torch.from_numpy(Z)
    hinton = 16 * F.kl_div(
        F.log_softmax(student / 4, 1), F.softmax(teacher / 4, 1), reduction="batchmean"
    )
    assert loss_of(student, tau_s=4.0, tau_t=4.0, alpha=1.0).item() == pytest.approx(hinton.item())


def test_without_a_teacher_it_is_cross_entropy():
    student = torch.from_numpy(S)
    found = loss_of(student, tau_s=2.0, tau_t=5.0, alpha=0.0)
    assert found.item() == F.cross_entropy(student, torch.from_numpy(Y)).item()


def test_the_best_student_has_scores_in_the_ratio_of_the_temperatures():
    student = torch.from_numpy(2 / 5 * Z).requires_grad_()
    loss = loss_of(student, tau_s=2.0, tau_t=5.0, alpha=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert student.grad.abs().max().item() < 1e-12


def test_a_student_learns_from_answers_alone():
    with training.seeded(0):
        teacher = training.convnet(nn.ReLU)
        student = distillation.student()
    x, y = some()
    teacher = training.fit(teacher, x, y, epochs=6)
    before = [parameter.clone() for parameter in teacher.parameters()]
    # The labels are wrong, and count for nothing.
    cool, alike = (
        distillation.distilled(student, teacher, x, 0 * y, tau_s, 4.0, alpha=1.0, epochs=15)
        for tau_s in (0.25, 4.0)
    )
    assert training.accuracy(cool, *unseen()) > 0.7 > 5 * CHANCE
    assert training.spikes(cool, x) < 0.7 * training.spikes(alike, x)
    assert all(torch.equal(p, q) for p, q in zip(teacher.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"tau_s": 0.0}, "tau_s = 0.0: expected a finite number above 0"),
        ({"tau_t": -1.0}, "tau_t = -1.0"),
        ({"alpha": 1.5}, "alpha = 1.5: expected a number from 0 to 1"),
    ],
)
def test_impossible_options_are_refused(options, found):
    with pytest.raises(sl.OptionError, match=found):
        loss_of(torch.from_numpy(S), **({"tau_s": 1.0, "tau_t": 1.0} | options))
