"""`verify` proves that a network computes what its model does, and catches one that does not."""

import copy

import pytest
import torch
from helpers.convnets import converted, images, small
from torch import nn

from snnlab import Network, trace, verify
from snnlab.conversion.verification import check_equivalence
from snnlab.exceptions import UnsupportedLayerError, VerificationError
from snnlab.graph import operations
from snnlab.graph.evaluation import evaluate
from snnlab.graph.operations import OperationRule

DTYPES = [torch.float32, torch.float64]


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


def test_verify_notices_nan():
    model = small()
    network = converted(model)
    with pytest.raises(VerificationError, match=r"^layer '2': .*differ by nan"):
        verify(model, altered(network, "0.weight", lambda w: float("nan")), images())


class Log(nn.Module):
    def forward(self, x):
        return torch.log(x)


def test_what_is_infinite_in_both_is_no_difference():
    """The logarithm of a silent output."""
    model, x = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), Log()), torch.randn(8, 4)
    assert model(x).isneginf().any()
    verify(model, converted(model, x), x)
    with pytest.raises(VerificationError, match=r"^layer 'output': network against the model"):
        verify(nn.Sequential(*model[:2], nn.Softplus()), converted(model, x), x)


def test_verify_notices_that_the_model_has_changed():
    model = small()
    network = converted(model)
    with torch.no_grad():
        model[4].weight.mul_(1.01)
    with pytest.raises(VerificationError, match=r"^layer '5': .*Is this the model that was conv"):
        verify(model, network, images())


def test_verify_refuses_another_model_of_the_same_shape():
    with pytest.raises(VerificationError, match=r"^layer '2': .*expected at most 1.*e-05"):
        verify(small(2), converted(small(1)), images())


def test_verify_refuses_a_model_with_other_relus():
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
    other = nn.Sequential(nn.Linear(6, 4), nn.Identity(), nn.ReLU())
    x = images(shape=(6,))
    message = r"has the ReLUs and max pools \['2'\], the network has \['1'\]"
    with pytest.raises(VerificationError, match=message):
        verify(other, converted(model, x), x)


def test_verify_refuses_a_model_of_another_width():
    def model(width):
        return nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 2))

    x = images(shape=(6,))
    with pytest.raises(
        VerificationError, match=r"layer '1': .*\(5,\) in the model and \(4,\) in the"
    ):
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
    "max_pool2d": nn.MaxPool2d(2),
    "sigmoid": nn.Sigmoid(),
    "leaky_relu": nn.LeakyReLU(),
    "layer_norm": nn.LayerNorm(6),
}


@pytest.mark.parametrize("place", ["first", "after a ReLU"])
@pytest.mark.parametrize(("operation", "module"), SMUGGLED.items(), ids=SMUGGLED)
def test_means_catch_what_is_not_affine(monkeypatch, operation, module, place):
    monkeypatch.setitem(operations._RULE_OF_NAME, operation, OperationRule.FIRST)
    before = [nn.ReLU(), nn.Conv2d(4, 4, 1)] if place == "after a ReLU" else []
    model = nn.Sequential(Scale(), *before, module, nn.ReLU())
    name = str(len(model) - 1)
    with pytest.raises(VerificationError, match=rf"^layer '{name}': the test of means: the step "):
        converted(model)


def test_means_look_at_both_signs_of_the_input(monkeypatch):
    monkeypatch.setitem(operations._RULE_OF_NAME, "abs", OperationRule.FIRST)

    class Absolute(nn.Module):
        def forward(self, x):
            return torch.relu(x.abs() - 1)

    with pytest.raises(VerificationError, match=r"^layer 'relu': the test of means"):
        converted(Absolute())


class Turned(nn.Module):
    """A model whose step along `dim` can be moved to the batch after it was traced."""

    def __init__(self):
        super().__init__()
        self.dim = 1

    def forward(self, x):
        return torch.relu(x.flip(self.dim))


def test_the_model_keeps_its_type_beside_a_network_of_another():
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.rand(5, 3)
    traced, network = trace(model, x), converted(model, x).to(torch.float64)
    for _ in range(2):
        check_equivalence(traced, model, network, x)
        assert {tensor.dtype for tensor in model.parameters()} == {torch.float32}


def test_verify_catches_a_step_that_mixes_images(monkeypatch):
    model = Turned()
    network = converted(model)
    verify(model, network, images())
    model.dim = 0
    for node in network.graph.nodes:
        if node.target == "flip":
            node.args = (node.args[0], 0)
    monkeypatch.setattr(
        "snnlab.conversion.verification.traced_copy", lambda *_, **__: network.graph
    )
    with pytest.raises(VerificationError, match="layer 'relu': half of a batch against all of it"):
        verify(model, network, images())


class Random(nn.Module):
    def forward(self, x):
        return torch.relu(x + torch.randn(6))


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


def test_random_numbers_in_the_forward_are_caught():
    with pytest.raises((VerificationError, UnsupportedLayerError)):
        converted(Random())


def after_some_training(model, x):
    """Return a model in eval mode whose BatchNorms have the statistics of these images."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = None
    with torch.no_grad():
        for part in x.chunk(3):
            model.train()(part)
    return model.eval()


def chain(depth, dtype=torch.float32, width=16):
    """Return a chain of Linear, BatchNorm and ReLU, and images for it."""
    torch.manual_seed(0)
    layers = [nn.Linear(3, width), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(width, 4)).to(dtype)
    x = images(60, shape=(3,)).to(dtype)
    return after_some_training(model, x), x[:4]


class Bottleneck(nn.Module):
    """A block of a residual network (He et al. 2016), or one whose sum has no ReLU behind it."""

    def __init__(self, width, preactivated=False):
        super().__init__()
        parts = [nn.Conv2d(width, 4, 1), nn.BatchNorm2d(4), nn.ReLU()]
        parts += [nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()]
        parts += [nn.Conv2d(4, width, 1), nn.BatchNorm2d(width)]
        self.parts = nn.Sequential(*parts)
        self.relu = nn.Identity() if preactivated else nn.ReLU()
        self.first = nn.ReLU() if preactivated else nn.Identity()

    def forward(self, x):
        return self.relu(x + self.parts(self.first(x)))


def residual(depth, preactivated):
    """Return a residual network of so many blocks, and images for it."""
    torch.manual_seed(1)
    blocks = [Bottleneck(12, preactivated) for _ in range(depth)]
    model = nn.Sequential(nn.Conv2d(3, 12, 3), *blocks, nn.ReLU(), nn.Flatten(), nn.Linear(192, 5))
    x = images(24, shape=(3, 6, 6))
    return after_some_training(model, x), x[:4]


DEEP = {
    "chain": (lambda: chain(400), ["2", "602"]),
    "chain in float64": (lambda: chain(100, torch.float64), ["152", "299"]),
    "residual": (lambda: residual(34, False), ["0", "17.parts.3", "34.parts.6"]),
    "preactivated": (lambda: residual(34, True), ["0", "17.parts.3", "34.parts.0"]),
}


@pytest.mark.slow
@pytest.mark.parametrize(("build", "layers"), DEEP.values(), ids=DEEP)
def test_a_deep_network_verifies_and_a_fault_of_a_thousandth_in_it_does_not(build, layers):
    model, x = build()
    network, traced = converted(model, x), trace(model, x)
    for layer in layers:
        graph = network.graph.to(network.graph.dtype)
        with torch.no_grad():
            graph.module.get_parameter(f"{layer}.weight").mul_(1.001)
        with pytest.raises(VerificationError, match=r"^layer '[\w.]+': folded graph against"):
            check_equivalence(traced, model, with_neurons_of(network, graph), x)


def far_from_zero(mean, dtype=torch.float32, seed=0):
    """Return a model whose BatchNorm takes away nearly all of what enters it, and images."""
    torch.manual_seed(seed)
    x = mean + torch.randn(64, 8, dtype=dtype)
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    return after_some_training(model.to(dtype), x), x


CANCELLATIONS = [(torch.float32, mean) for mean in (1e3, 1e4, 1e5)] + [(torch.float64, 1e7)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("dtype", "mean"), CANCELLATIONS)
def test_rounding_that_cancellation_leaves_is_no_fault(dtype, mean, seed):
    model, x = far_from_zero(mean, dtype, seed)
    network = converted(model, x)
    with pytest.raises(VerificationError, match=r"^layer '2': folded graph against"):
        verify(model, altered(network, "0.weight", lambda w: 1.001 * w), x)


@pytest.mark.slow
def test_a_chaotic_model_verifies_though_its_float64_versions_differ_by_more_than_rounding():
    """Each layer makes differences larger: Hardtanh is written as two ReLUs, the rest differs."""
    torch.manual_seed(0)
    layers = []
    for _ in range(55):
        layers += [nn.Linear(16, 16), nn.Hardtanh()]
        nn.init.normal_(layers[-2].weight, std=3 / 4)
    model, x = nn.Sequential(*layers, nn.Linear(16, 3)).eval(), torch.randn(8, 16)
    before = trace(model, x).to("cpu", torch.float64)
    with torch.no_grad():
        difference = evaluate(before, x.double()) - copy.deepcopy(model).double()(x.double())
    assert difference.abs().max() > 1e-9
    converted(model, x)


@pytest.mark.parametrize("mean", [1e3, 1e5])
def test_a_network_in_float64_of_a_model_in_float32_verifies(mean):
    """Its weights were folded in float32."""
    model, x = far_from_zero(mean)
    network = converted(model, x).to(torch.float64)
    verify(model, network, x)
    verify(model, network, x.double())
    with pytest.raises(VerificationError, match=r"^layer '2': folded graph against"):
        verify(model, altered(network, "0.weight", lambda w: 1.001 * w), x)


def test_what_rounding_may_change_is_said():
    model, x = far_from_zero(1e4)
    network = altered(converted(model, x), "0.weight", lambda w: 1.001 * w)
    with pytest.raises(VerificationError, match=r"expected at most 0\.00\d"):
        verify(model, network, x)


class Written(nn.Module):
    """A model that cannot be evaluated in float64."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.to(torch.float32))


def test_a_model_that_has_float32_written_into_it_verifies():
    model, x = far_from_zero(1e4)
    converted(Written(model).eval(), x)


def test_a_model_that_has_float32_written_into_it_is_judged_in_float32(monkeypatch):
    monkeypatch.setattr(operations, "rectify", lambda x, cap=None: x.clamp(0.1, cap))
    model = Written(nn.Sequential(Scale(), nn.ReLU(), nn.Linear(6, 2)))
    with pytest.raises(VerificationError, match=r"the model itself: .*at most 1e-05\."):
        converted(model)


def test_minus_infinity_before_a_max_pool_is_no_difference():
    class Padded(nn.Module):
        def forward(self, x):
            x = nn.functional.pad(torch.relu(x), (0, 1, 0, 1), value=float("-inf"))
            return torch.relu(nn.functional.max_pool2d(x, 3, 2) - 1)

    verify(Padded(), converted(Padded()), images())


def test_a_conversion_takes_few_passes(monkeypatch):
    """Counted in images that pass the first layer, for a conversion with two images."""
    passed = []
    linear = nn.functional.linear

    def counting(x, *rest):
        passed.append(len(x))
        return linear(x, *rest)

    model, x = nn.Sequential(nn.Linear(6, 4), nn.ReLU()), images(2, shape=(6,))
    monkeypatch.setattr(nn.functional, "linear", counting)
    converted(model, x)
    assert sum(passed) <= 40
