"""Threads of torch: as many as pay, and afterwards as the user has set them."""

import joblib
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import data
from snnlab.graph import threads as module

MODEL = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
X = torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 3


@pytest.fixture(autouse=True)
def _three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("work", "processors", "waiting", "threads"),
    [
        (0, 8, "PASSIVE", 1),
        (1.5, 8, "PASSIVE", 1),
        (2, 8, "passive", 2),
        (1e6, 8, "ACTIVE", 3),
        (1e6, 2, "PASSIVE", 2),
        (1e6, 2, "ACTIVE", 1),
        (1e6, 3, "", 2),
        (1e6, 1, "", 1),
        (1e6, 1, "PASSIVE", 1),
    ],
)
def test_threads_that_pay_within_the_users_setting_and_the_quota(
    monkeypatch, work, processors, waiting, threads
):
    monkeypatch.setattr(joblib, "cpu_count", lambda: processors)
    monkeypatch.setenv("OMP_WAIT_POLICY", waiting)
    with module.threads_for(work * module._WORK_OF_A_THREAD):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 3


def test_an_error_leaves_the_users_setting():
    with pytest.raises(KeyError), module.threads_for(0):
        raise KeyError
    assert torch.get_num_threads() == 3


def test_multiplications_are_those_of_the_definition():
    assert module.multiplications(MODEL, X[:5]) == 5 * (4 * 36 * 9 + 144 * 3)
    grouped = nn.Conv1d(4, 6, 2, groups=2)
    assert module.multiplications(grouped, torch.ones(1, 4, 8)) == 6 * 7 * 2 * 2
    assert not any(layer._forward_hooks for layer in MODEL.modules())
    assert sl.trace(MODEL, X).multiplications == 4 * 36 * 9 + 144 * 3


class Frames(nn.Module):
    """A convolution over frames that were folded into the batch, and a layer on each of them."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv1d(3, 2, 3), nn.Linear(8, 5)

    def forward(self, x):
        x = torch.relu(self.conv(x.flatten(0, 1)))
        return self.linear(x.view(-1, 6, 2, 4).flatten(2)).movedim(1, 2)


COUNTED = {
    "frames": (Frames(), torch.rand(2, 6, 3, 6)),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(4, 6, 3, 2, groups=2)), torch.rand(2, 4, 3, 3)),
    "shared": (nn.Sequential(*[nn.Linear(4, 4)] * 2, nn.ReLU()), torch.rand(2, 7, 4)),
}


@pytest.mark.parametrize("name", COUNTED)
def test_multiplications_of_a_graph_are_those_of_an_evaluation(name):
    model, x = COUNTED[name]
    graph = sl.trace(model, x)
    assert graph.multiplications == module.multiplications(graph.module, x[:1])


CALLS = {
    "train": lambda net: data.train(MODEL, X, Y, epochs=1),
    "convert": lambda net: sl.convert(MODEL, X),
    "simulate": lambda net: sl.simulate(net, X, 4),
    "ann": lambda net: sl.ann(net, X),
    "quantized": lambda net: sl.quantized(net, X, 4),
    "decompose": lambda net: sl.decompose(net, X, sl.simulate(net, X, 4)),
    "diagnose": lambda net: sl.diagnose(net, X, Y, 4, model=MODEL),
}


@pytest.mark.parametrize("call", CALLS)
def test_small_networks_are_computed_by_one_thread(monkeypatch, call):
    """Asked at every convolution, wherever it is called from."""
    net, seen, conv2d = sl.convert(MODEL, X), [], nn.Conv2d.forward

    def forward(layer, x):
        seen.append(torch.get_num_threads())
        return conv2d(layer, x)

    monkeypatch.setattr(nn.Conv2d, "forward", forward)
    CALLS[call](net)
    assert set(seen) == {1}
    assert torch.get_num_threads() == 3
