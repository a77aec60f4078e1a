"""`convert` and `verify`: what they accept, what they prove, and that a wrong network is caught."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnlab import Fixed, Maximum, Network, Percentile, convert, fold_batchnorm, trace, verify
from snnlab.exceptions import OptionError, UnsupportedLayerError, VerificationError
from snnlab.graph import operations
from snnlab.graph.evaluation import evaluate
from snnlab.graph.operations import OperationRule

DTYPES = [torch.float32, torch.float64]


def images(number=6, seed=0, shape=(4, 6, 6)):
    return torch.randn(number, *shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def small(seed=1, *end):
    """Return a convolutional network with BatchNorm and max pooling, randomly weighted."""
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(20, 3),
        *end,
    ).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    model[1].running_mean.copy_(torch.randn(6, generator=generator))
    model[1].running_var.copy_(0.5 + torch.rand(6, generator=generator))
    return model


def converted(model, x=None, **options):
    return convert(model, images() if x is None else x, threshold=Fixed(1.0), **options)


def with_neurons_of(network, graph):
    return Network(graph, network.neurons)


@torch.no_grad()
def altered(network, name, change):
    """Return the network with one entry of one parameter changed."""
    graph = network.graph.to(network.graph.dtype)
    flat = graph.module.get_parameter(name).view(-1)
    largest = flat.abs().argmax()
    flat[largest] = change(flat[largest])
    return with_neurons_of(network, graph)


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


# verify


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "layer"), [("0.weight", "2"), ("0.bias", "2"), ("4.weight", "5"), ("8.bias", "output")]
)
def test_verify_names_the_layer_whose_weight_has_changed(name, layer, dtype):
    model, x = small().to(dtype), images().to(dtype)
    network = converted(model, x)
    verify(model, network, x)
    with pytest.raises(
        VerificationError, match=rf"^layer '{layer}': folded graph against the graph before folding"
    ):
        verify(model, altered(network, name, lambda w: 1.05 * w), x)


def test_verify_notices_one_part_in_a_thousand():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x = images(shape=(6,))
    with pytest.raises(VerificationError, match=r"^layer '1': .*differ by [\de.-]+ of the largest"):
        verify(model, altered(converted(model, x), "0.weight", lambda w: 1.001 * w), x)


def test_verify_notices_a_part_in_a_thousand_million_in_float64():
    model, x = small().double(), images().double()
    with pytest.raises(VerificationError, match=r"^layer '2': .*expected at most 1e-10"):
        verify(model, altered(converted(model, x), "0.weight", lambda w: (1 + 1e-8) * w), x)


def test_verify_notices_that_the_model_has_changed():
    model = small()
    network = converted(model)
    with torch.no_grad():
        model[4].weight.mul_(1.01)
    with pytest.raises(VerificationError, match=r"^layer '5': .*Is this the model that was conv"):
        verify(model, network, images())


def test_verify_refuses_another_model_of_the_same_shape():
    with pytest.raises(VerificationError, match=r"^layer '2': .*expected at most 0.0001"):
        verify(small(2), converted(small(1)), images())


def test_verify_refuses_a_model_with_other_relus():
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
    other = nn.Sequential(nn.Linear(6, 4), nn.Identity(), nn.ReLU())
    x = images(shape=(6,))
    with pytest.raises(VerificationError, match=r"has the ReLUs \['2'\], the network has \['1'\]"):
        verify(other, converted(model, x), x)


def test_verify_refuses_a_model_of_another_width():
    def model(width):
        return nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 2))

    x = images(shape=(6,))
    with pytest.raises(VerificationError, match=r"layer '1': .*\(6, 4\) and \(6, 5\)"):
        verify(model(5), converted(model(4), x), x)


def test_verify_notices_a_capped_relu_taken_for_an_uncapped_one():
    capped, plain = nn.Sequential(Scale(), nn.ReLU6()), nn.Sequential(Scale(), nn.ReLU())
    x = images()
    verify(capped, converted(capped, x), x)
    with pytest.raises(VerificationError, match="layer 'output'"):
        verify(capped, with_neurons_of(converted(plain, x), trace(plain, x)), x)


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(10.0))

    def forward(self, x):
        return self.factor * x


SMUGGLED = {
    "max pooling": nn.MaxPool2d(2),
    "a sigmoid": nn.Sigmoid(),
    "a leaky ReLU": nn.LeakyReLU(),
    "layer norm": nn.LayerNorm(6),
}


@pytest.mark.parametrize("place", ["first", "after a ReLU"])
@pytest.mark.parametrize("module", SMUGGLED.values(), ids=SMUGGLED)
def test_midpoint_test_catches_what_is_not_affine(monkeypatch, module, place):
    known = operations.rule_of_module
    monkeypatch.setattr(
        operations,
        "rule_of_module",
        lambda m: OperationRule.FIRST if type(m) is type(module) else known(m),
    )
    before = [nn.ReLU(), nn.Conv2d(4, 4, 1)] if place == "after a ReLU" else []
    model = nn.Sequential(Scale(), *before, module, nn.ReLU())
    name = str(len(model) - 1)
    with pytest.raises(VerificationError, match=rf"^layer '{name}': the midpoint test: the step "):
        converted(model)


def test_midpoint_test_looks_at_both_signs_of_the_input(monkeypatch):
    monkeypatch.setitem(operations._RULE_OF_NAME, "abs", OperationRule.FIRST)
    monkeypatch.setattr(operations, "_BUILTINS", operations._BUILTINS | {torch.abs})

    class Absolute(nn.Module):
        def forward(self, x):
            return torch.relu(x.abs() - 1)

    with pytest.raises(VerificationError, match=r"^layer 'relu': the midpoint test"):
        converted(Absolute())


class Turned(nn.Module):
    """A model whose step along `dim` can be moved to the batch after it was traced."""

    def __init__(self):
        super().__init__()
        self.dim = 1

    def forward(self, x):
        return torch.relu(x.flip(self.dim))


def test_verify_catches_a_step_that_mixes_images(monkeypatch):
    model = Turned()
    network = converted(model)
    verify(model, network, images())
    model.dim = 0
    for node in network.graph.nodes:
        if node.target == "flip":
            node.args = (node.args[0], 0)
    monkeypatch.setattr("snnlab.conversion.verification.trace", lambda model, x: network.graph)
    with pytest.raises(VerificationError, match="layer 'relu': a batch against its images one by"):
        verify(model, network, images())


class Random(nn.Module):
    def forward(self, x):
        return torch.relu(x + torch.randn(6))


def test_random_numbers_in_the_forward_are_caught():
    with pytest.raises((VerificationError, UnsupportedLayerError)):
        converted(Random())


def test_convert_verifies_on_its_own(monkeypatch):
    monkeypatch.setattr(
        "snnlab.conversion.pipeline.fold_batchnorm", lambda graph: altered_graph(graph)
    )
    with pytest.raises(VerificationError, match="layer '2': folded graph against"):
        converted(small())


@torch.no_grad()
def altered_graph(graph):
    graph = graph.to(graph.dtype)
    graph.module.get_parameter("0.weight").mul_(1.01)
    return graph


def test_convert_without_any_image_that_excites_a_layer_still_verifies():
    model = small()
    with torch.no_grad():
        model[4].bias.fill_(-1000)
    verify(model, converted(model), images())


def test_verification_compares_with_the_model_itself(monkeypatch):
    """A fault of the tracer, the same in both graphs, shows against the model's own output."""
    monkeypatch.setattr(operations, "rectify", lambda x, cap=None: x.clamp(0.1, cap))
    with pytest.raises(VerificationError, match=r"^layer 'output': network against the model itse"):
        converted(nn.Sequential(Scale(), nn.ReLU(), nn.Linear(6, 2)))


@pytest.mark.parametrize("rule", [99.9, "max", None.__class__, {"2": 1.0}])
def test_threshold_that_is_no_rule_is_refused(rule):
    with pytest.raises(OptionError, match=r"expected Percentile\(p\), Maximum\(\), Fixed"):
        convert(small(), images(), threshold=rule)
