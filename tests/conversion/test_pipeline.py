"""`convert`: what it accepts, and what it gives."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.convnets import converted, images, small
from torch import nn

from snnlab import Fixed, Maximum, Percentile, convert, fold_batchnorm, trace, verify
from snnlab.exceptions import OptionError
from snnlab.graph.evaluation import evaluate

DTYPES = [torch.float32, torch.float64]


# convert


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "rule", [None, Percentile(99), Maximum(), Fixed(2.0), Fixed({"2": 1, "5": 2})]
)
def test_convert_gives_the_folded_graph_and_a_neuron_for_every_relu(rule, dtype):
    model, x = small().to(dtype), images().to(dtype)
    network = convert(model, x, threshold=rule, reset="zero", v_init=0.25)
    assert network.layers == ["2", "5"]
    assert network.graph.dtype is dtype
    assert {(n.reset, n.v_init) for n in network.neurons.values()} == {("zero", 0.25)}
    assert repr(network.graph) == repr(fold_batchnorm(trace(model, x)))
    with torch.no_grad():
        assert torch.allclose(evaluate(network.graph, x), model(x), rtol=0, atol=1e-4)
    verify(model, network, x)


def test_convert_takes_arrays_tensors_and_lists():
    model, x = small(), images(3)
    expected = converted(model, x).graph.fingerprint
    for given in (x.numpy(), x.double(), x.numpy().astype(np.float16), x.tolist()):
        assert converted(model, given).graph.fingerprint == expected


def test_convert_takes_whole_numbers_as_images():
    x = (images() * 10).round()
    for kind in (np.int64, np.uint8):
        assert converted(small(), x.abs().numpy().astype(kind)).layers == ["2", "5"]
    assert converted(small(), x.abs().to(torch.uint8)).layers == ["2", "5"]


def test_convert_takes_arrays_that_are_read_only_or_turned():
    x = images().numpy()
    x.flags.writeable = False
    assert converted(small(), x).layers == ["2", "5"]
    assert converted(small(), x[:, ::-1, :, ::-1]).layers == ["2", "5"]


@pytest.mark.parametrize("number", [1, 2, 20])
def test_convert_takes_any_number_of_images(number):
    assert converted(small(), images(number)).layers == ["2", "5"]


def test_convert_and_verify_run_without_gradients_left_behind():
    model, x = small(), images().requires_grad_()
    network = converted(model, x)
    verify(model, network, x)
    assert x.grad is None
    assert all(p.grad is None for p in model.parameters())


def test_model_in_training_mode_converts_when_only_dropout_minds():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.9), nn.Linear(8, 2)).train()
    x = images(shape=(6,))
    network = converted(model, x)
    verify(model, network, x)
    assert all(module.training for module in model.modules())
    with torch.no_grad():
        assert torch.allclose(evaluate(network.graph, x), copy.deepcopy(model).eval()(x))


def test_functional_dropout_of_a_model_in_training_mode():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 8)

        def forward(self, x):
            return F.dropout(torch.relu(self.fc(x)), 0.9, self.training)

    model, x = Model().train(), images(shape=(6,))
    verify(model, converted(model, x), x)
    assert model.training


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("end", [nn.Softmax(dim=1), nn.LogSoftmax(dim=-1)])
def test_model_with_a_final_softmax(end, dtype):
    model, x = small(1, end).to(dtype), images().to(dtype)
    network = converted(model, x)
    with torch.no_grad():
        assert torch.allclose(evaluate(network.graph, x), model[:-1](x), rtol=0, atol=1e-4)
        assert not torch.allclose(evaluate(network.graph, x), model(x), atol=0.1)
    verify(model, network, x)


def test_model_of_float64_with_images_of_float32():
    model, x = small().double(), images()
    network = converted(model, x)
    assert network.graph.dtype is torch.float64
    verify(model, network, x)


def test_network_on_request_in_another_type():
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
    x = images(shape=(6,))
    network = converted(model, x).to(torch.float64)
    assert network.graph.dtype is torch.float64
    verify(model, network, x)


def test_network_of_a_model_without_weights_in_another_type():
    network = converted(nn.ReLU(), images()).to(torch.float64)
    assert network.graph.dtype is torch.float64


def test_network_with_folded_batchnorm_verifies_in_another_type():
    model = small()
    verify(model, converted(model).to(torch.float64), images())


@pytest.mark.parametrize("rule", [99.9, "max", None.__class__, {"2": 1.0}])
def test_threshold_that_is_no_rule_is_refused(rule):
    with pytest.raises(OptionError, match=r"expected Percentile\(p\), Maximum\(\)"):
        convert(small(), images(), threshold=rule)
