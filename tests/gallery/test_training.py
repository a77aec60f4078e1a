"""The training loop of the gallery, and what is counted."""

import numpy as np
import pytest
import torch
from helpers.digits import some
from torch import nn

import snnlab as sl
from snnlab.gallery import training


def small():
    with training.seeded(3):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def test_training_follows_its_seed_and_leaves_model_and_random_state_alone():
    model, (x, y) = small(), some(100)
    before = [parameter.clone() for parameter in model.parameters()]
    state = torch.get_rng_state()
    one, same = (training.fit(model, x, y, epochs=2, seed=1) for _ in range(2))
    other = training.fit(model, x, y, epochs=2, seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    assert torch.equal(one[1].weight, same[1].weight)
    assert not torch.equal(one[1].weight, other[1].weight)


def test_one_step_is_adams_first():
    """It goes against the gradient by the learning rate, whatever the size of the gradient."""
    model, (x, y) = small(), some(32)
    trained = training.fit(model, x, y, epochs=1, batch=32, learning_rate=0.25)
    training.cross_entropy(model, torch.from_numpy(x), torch.from_numpy(y)).backward()
    gradient = model[1].weight.grad
    moved = (trained[1].weight - model[1].weight).detach()
    large = gradient.abs() > 1e-4
    assert large.float().mean() > 0.5
    assert moved[large].numpy() == pytest.approx(-0.25 * gradient.sign()[large].numpy(), abs=1e-3)


def test_any_loss_may_be_given():
    called = []

    def loss(model, x, y):
        called.append((x.shape, y.dtype))
        return model(x).square().mean()

    trained = training.fit(small(), *some(64), loss, epochs=60, batch=32)
    assert set(called) == {((32, 1, 8, 8), torch.int64)}
    assert len(called) == 120
    assert trained(torch.from_numpy(some(64)[0])).abs().mean() < 0.05


@pytest.mark.parametrize(
    ("options", "error", "found"),
    [
        ({"epochs": 0}, sl.OptionError, "epochs = 0"),
        ({"batch": 2.5}, sl.OptionError, "batch = 2.5"),
        ({"learning_rate": 0}, sl.OptionError, "learning_rate = 0"),
        ({"seed": -1}, sl.OptionError, "seed = -1"),
        ({"y": np.zeros(3, int)}, sl.ShapeError, "y: shape"),
        ({"y": np.zeros(20)}, sl.ShapeError, "y: type float64"),
        ({"x": np.full((20, 1, 8, 8), np.nan)}, sl.ShapeError, "x: holds NaN"),
    ],
)
def test_impossible_trainings_are_refused(options, error, found):
    x, y = some(20)
    with pytest.raises(error, match=found):
        training.fit(small(), **({"x": x, "y": y} | options))


def test_additions_are_those_of_a_loop_over_positions():
    """A kernel of 3x3 with stride 2 and padding 1: how many places read each pixel."""
    layers = nn.Sequential(nn.Identity(), nn.Conv2d(1, 1, 1), nn.Conv2d(1, 5, 3, 2, padding=1))
    layers[1].weight.data.fill_(1)
    layers[1].bias.data.zero_()
    x = torch.bernoulli(torch.full((4, 1, 8, 8), 0.5), generator=torch.Generator().manual_seed(0))
    reads = np.zeros((8, 8))
    for i in range(0, 8, 2):
        for j in range(0, 8, 2):
            for di in (-1, 0, 1):
                for dj in (-1, 0, 1):
                    if i + di >= 0 and j + dj >= 0:
                        reads[i + di, j + dj] += 5
    expected = (x[:, 0].numpy() * reads).sum() / 4
    assert training.additions(layers, x) == expected > 100


def test_accuracy_is_the_share_that_is_right():
    x, y = some(50)
    scores = small()(torch.from_numpy(x)).argmax(1).numpy()
    assert training.accuracy(small(), x, y) == pytest.approx(np.mean(scores == y))
