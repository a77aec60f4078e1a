"""At the very end of a model any function of the logits may stand."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import snnlab as sl
from snnlab.exceptions import UnsupportedLayerError


class Model(nn.Module):
    """Two linear layers with a ReLU between them, and a step behind."""

    def __init__(self, step):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.gate = nn.Linear(6, 8), nn.Linear(8, 4), nn.Linear(8, 4)
        self.norm, self.last = nn.LayerNorm(4), nn.Linear(4, 2)
        self.step, self.scale = step, nn.Parameter(torch.rand(4))

    def forward(self, x):
        self.hidden = torch.relu(self.a(x))
        return self.step(self, self.b(self.hidden))


def softmax(x):
    return x.exp() / x.exp().sum(1, keepdim=True)


HEADS = {
    "sigmoid": lambda m, x: x.sigmoid(),
    "tanh": lambda m, x: torch.tanh(x),
    "softmax": lambda m, x: x.softmax(-1),
    "log_softmax": lambda m, x: F.log_softmax(x, dim=1),
    "F.normalize": lambda m, x: F.normalize(x),
    "norm by hand": lambda m, x: x / x.norm(dim=1, keepdim=True),
    "norm by hand, not below a number": lambda m, x: (
        x / x.norm(dim=1, keepdim=True).clamp_min(1e-6)
    ),
    "softmax by hand": lambda m, x: x.exp() / x.exp().sum(1, keepdim=True),
    "softmax by hand, shifted": lambda m, x: softmax(x - x.max(1, keepdim=True).values),
    "softmax by hand, shifted by amax": lambda m, x: softmax(x - x.amax(-1, True).detach()),
    "over columns": lambda m, x: x.t().softmax(0).t(),
    "in rows": lambda m, x: x.view(-1, 2).softmax(1).view(x.size(0), 4),
    "over a stack": lambda m, x: torch.stack([x, -x]).softmax(0)[0],
    "maximum of probabilities": lambda m, x: x.softmax(1).amax(1),
    "stable softmax": lambda m, x: (x - x.logsumexp(1, keepdim=True)).exp(),
    "one logit": lambda m, x: x[:, :1].sigmoid().squeeze(1),
    "one logit, squeeze()": lambda m, x: x[:, :1].sigmoid().squeeze(),
    "probabilities, then their logarithm": lambda m, x: x.sigmoid().clamp(1e-7, 1 - 1e-7).log(),
    "times a parameter": lambda m, x: 2 * x.sigmoid() * m.scale - 1,
    "in another shape": lambda m, x: x.sigmoid().view(x.size(0), 2, 2),
    "hardsigmoid": lambda m, x: F.hardsigmoid(x),
    "layer norm": lambda m, x: m.norm(x),
    "silu": lambda m, x: F.silu(x),
    "silu by hand": lambda m, x: x * x.sigmoid(),
    "square": lambda m, x: x**2,
    "decision": lambda m, x: (x > 0).float(),
    "in place": lambda m, x: x.sigmoid_(),
}


def images():
    return torch.randn(12, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("step", HEADS.values(), ids=HEADS)
def test_head_is_left_out_and_kept(step):
    model, x = Model(step).eval(), images()
    network = sl.convert(model, x)
    assert network.layers == ["relu"]
    with torch.no_grad():
        logits, expected = model.b(torch.relu(model.a(x))), model(x)
    outputs = sl.ann(network, x).outputs
    assert outputs.reshape(12, -1) == pytest.approx(
        logits.numpy()[:, : outputs.shape[-1]], abs=1e-6
    )
    for one in (network, copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert np.array_equal(one.head(outputs), network.head(outputs))
    assert network.head(outputs) == pytest.approx(expected.numpy(), abs=1e-6)
    assert network.head(torch.as_tensor(outputs)).shape == expected.shape
    sl.verify(model, network, x)


@pytest.mark.parametrize("step", ["times a parameter", "layer norm"])
def test_head_moves_to_another_type(step):
    network = sl.convert(Model(HEADS[step]), images()).to(torch.float64)
    assert network.head(sl.ann(network, images()).outputs).dtype == np.float64


def test_without_a_head_the_logits_are_the_output():
    network = sl.convert(Model(lambda m, x: x), images())
    assert network.graph.head is None
    assert network.head(np.array([[1.0, -2.0]])).tolist() == [[1.0, -2.0]]


@pytest.mark.parametrize(
    "step",
    [
        lambda m, x: F.softmin(x, 1),
        lambda m, x: F.softmin(x, dim=-1),
        lambda m, x: nn.Softmin(1)(x),
        lambda m, x: (-x).softmax(1),
    ],
)
def test_of_a_softmin_the_smallest_value_wins(step):
    model, x = Model(step).eval(), images()
    network = sl.convert(model, x)
    with torch.no_grad():
        expected, logits = model(x), -model.b(torch.relu(model.a(x)))
    answer = sl.ann(network, x)
    assert answer.outputs == pytest.approx(logits.numpy(), abs=1e-6)
    assert answer.accuracy(expected.argmax(1)) == 1
    assert network.head(answer.outputs) == pytest.approx(expected.numpy(), abs=1e-6)


def test_of_a_softmin_over_the_last_of_three_dimensions():
    model, x = Model(lambda m, x: F.softmin(x.view(-1, 2, 2), 2)).eval(), images()
    network = sl.convert(model, x)
    with torch.no_grad():
        expected = model(x).numpy()
    assert network.head(sl.ann(network, x).outputs) == pytest.approx(expected, abs=1e-6)


def test_what_a_softmax_subtracts_stays_in_the_network_unless_it_is_a_maximum():
    model, x = Model(lambda m, x: (x - torch.relu(x - 0.5)).softmax(1)).eval(), images()
    network = sl.convert(model, x)
    assert len(network.layers) == 2
    with torch.no_grad():
        logits = model.b(torch.relu(model.a(x)))
    expected = (logits - torch.relu(logits - 0.5)).numpy()
    assert sl.ann(network, x).outputs == pytest.approx(expected, abs=1e-6)


def test_maximum_over_space_before_a_head_stays_in_the_network():
    model = nn.Sequential(nn.Conv1d(1, 3, 2), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten())
    shifted = nn.Sequential(*model, nn.Softmax(1)).eval()
    network = sl.convert(shifted, images()[:, None])
    assert network.graph.nodes[-1].meta["shape"] == (3,)
    assert list(network.graph.pools) == ["2"]


def test_sigmoid_after_a_relu_is_a_head_of_it():
    network = sl.convert(nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Sigmoid()), images())
    assert network.layers == ["1"]
    assert network.head(np.zeros((1, 3))).tolist() == [[0.5] * 3]


def test_hardsigmoid_as_the_only_bend_becomes_neurons():
    network = sl.convert(nn.Sequential(nn.Linear(6, 3), nn.Hardsigmoid()), images())
    assert network.layers == ["1"]
    assert network.graph.head is None


def test_verification_sees_another_head():
    model = Model(HEADS["sigmoid"])
    network = sl.convert(model, images())
    for step in (HEADS["tanh"], lambda m, x: 2 * x):
        model.step = step
        with pytest.raises(sl.VerificationError, match="'output': network against the model"):
            sl.verify(model, network, images())


INSIDE = {
    "weights behind it": (lambda m, x: m.last(x.sigmoid()), "train the model with ReLU"),
    "a convolution behind it": (
        lambda m, x: F.conv1d(x.sigmoid()[:, None], m.last.weight[:1, None, :2]),
        "train the model with ReLU",
    ),
    "a ReLU behind it": (lambda m, x: (x.tanh() + x).relu(), "or with Hardtanh"),
    "a matrix behind it": (lambda m, x: F.normalize(x) @ m.last.weight.T, "divides by a signal"),
    "a pooling behind it": (lambda m, x: F.max_pool1d(x.softmax(1), 2), "A softmax divides"),
    "two signals": (lambda m, x: x * m.gate(m.hidden).sigmoid(), "(sigmoid)"),
    "two signals by a product": (lambda m, x: x * m.gate(m.hidden), "combines two values"),
    "over the batch": (lambda m, x: x.softmax(0), "mixes the images of a batch"),
    "the batch size": (lambda m, x: x.sigmoid() / len(x), "batch size"),
    "class": (lambda m, x: x.argmax(1), "return the logits, and sort or choose afterwards"),
}


@pytest.mark.parametrize(("step", "expected"), INSIDE.values(), ids=INSIDE)
def test_what_is_no_function_of_the_logits_alone_is_refused(step, expected):
    with pytest.raises(UnsupportedLayerError) as caught:
        sl.convert(Model(step), images())
    assert type(caught.value) is UnsupportedLayerError
    assert expected in str(caught.value)
