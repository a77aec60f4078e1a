"""A layer steps through a block of currents, in their place only where nobody else reads them."""

import numpy as np
import torch
from helpers import oracles
from torch import nn
from torch.nn import functional as F

import snnlab as sl


class TwoReaders(nn.Module):
    """A current that a ReLU reads first and a sum reads later, directly and through views."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = nn.Linear(4, 4, bias=False)
        generator = torch.Generator().manual_seed(0)
        for layer in (self.first, self.second):
            weight = torch.randint(-8, 9, (4, 4), generator=generator) / 16
            layer.weight = nn.Parameter(weight)

    def forward(self, x):
        x = F.relu(self.first(x))
        current = self.second(x)
        left, right = current.chunk(2, 1)
        view = current.view(-1, 2, 2)
        return F.relu(current) + current + F.relu(view).flatten(1) + torch.cat(
            [F.relu(right), left], 1
        )  # fmt: skip


def test_the_scan_never_writes_into_a_current_with_another_reader():
    """Design, section 1 (iv): seen to be up to half wrong when it does."""
    x = oracles.dyadic(np.random.default_rng(0), (5, 4), 0, 1)
    net = sl.convert(TwoReaders(), x, threshold=sl.Fixed(0.5))
    record = sl.simulate(net, x, 16, spikes=True)
    emitted = 0.5 * record.spikes("relu")
    current = emitted @ TwoReaders().second.weight.detach().numpy().T
    assert (emitted > 0).any()
    again = {
        "relu#2": current,
        "relu#3": current.reshape(16, 5, 2, 2),
        "relu#4": current[..., 2:],
    }
    expected = current.copy()
    for name, z in again.items():
        v, spikes = np.full(z.shape[1:], 0.25), []
        for z_t in z:
            v = v + z_t
            spikes.append(v >= 0.5)
            v = v - 0.5 * spikes[-1]
        assert (record.spikes(name) == np.array(spikes)).all(), name
        part = 0.5 * np.array(spikes)
        part = np.concatenate([part, current[..., :2]], -1) if name == "relu#4" else part
        expected += part.reshape(16, 5, 4)
    assert (record.output_sums == expected.cumsum(0)).all()


class ReadAgain(nn.Module):
    """A current that a ReLU reads first and a sum reads later, without a view between them."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4, bias=False)
        weight = oracles.dyadic(np.random.default_rng(1), (4, 4), -1, 1)
        self.fc.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float32))

    def forward(self, x):
        current = self.fc(F.relu(x))
        return F.relu(current) + current


def test_the_scan_leaves_a_current_that_is_read_again():
    x = oracles.dyadic(np.random.default_rng(0), (5, 4), 0, 1)
    net = sl.convert(ReadAgain(), x, threshold=sl.Fixed(0.5))
    record = sl.simulate(net, x, 16, spikes=True)
    current = 0.5 * record.spikes("relu") @ ReadAgain().fc.weight.detach().numpy().T
    assert record.spikes("relu#2").any()
    expected = (0.5 * record.spikes("relu#2") + current).cumsum(0)
    assert (record.output_sums == expected).all()
