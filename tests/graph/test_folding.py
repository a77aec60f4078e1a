"""BatchNorm folded into the layer before it: the same numbers, and never where it would not be."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

import snnlab
from snnlab import fold_batchnorm, trace
from snnlab.graph import folding
from snnlab.graph.evaluation import evaluate
from snnlab.graph.folding import fold_affine

NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
SHAPES = {1: (4, 7), 2: (4, 6, 5), 3: (4, 5, 4, 3)}


def images(shape, number=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(number, *shape, generator=generator, dtype=torch.float64)


@torch.no_grad()
def trained(*layers, seed=1):
    """Return a float64 model with random weights and statistics: gammas of both signs and one 0."""
    model = nn.Sequential(*layers).double().eval()
    generator = torch.Generator().manual_seed(seed)

    def normal(like):
        return torch.randn(like.shape, generator=generator, dtype=torch.float64)

    for parameter in model.parameters():
        parameter.copy_(normal(parameter))
    for norm in model.modules():
        if isinstance(norm, tuple(NORMS.values())):
            norm.running_mean.copy_(3 * normal(norm.running_mean))
            norm.running_var.copy_(normal(norm.running_var) ** 2 + 1e-4)
            if norm.affine:
                norm.weight[0], norm.weight[1] = -norm.weight[0].abs(), 0.0
    return model


def norms(graph):
    return [m for m in graph.module.modules() if isinstance(m, tuple(NORMS.values()))]


def difference(model, graph, x):
    with torch.no_grad():
        expected = model(x)
        return ((evaluate(graph, x) - expected).abs().max() / expected.abs().max()).item()


def assert_folds(model, x, left=0):
    """Check that a fold takes all but `left` norms away and changes no number of the output."""
    graph = trace(model, x)
    before = len(norms(graph))
    folded = fold_batchnorm(graph)
    assert len(norms(folded)) == left < before
    assert difference(model, folded, x) <= 1e-12
    return folded


def assert_stays(model, x):
    graph = trace(model, x)
    folded = fold_batchnorm(graph)
    assert len(norms(folded)) == len(norms(graph)) > 0
    assert len(folded.nodes) == len(graph.nodes)
    assert difference(model, folded, x) <= 1e-12


def one(value):
    return torch.tensor([value], dtype=torch.float64)


# Oracle O12: w = 2, b = 1, mean 3, variance 3, eps 1, gamma 4, beta 1/2 give 4 and -3.5.
O12 = {
    "weight": one(2.0)[None],
    "bias": one(1.0),
    "mean": one(3.0),
    "variance": one(3.0),
    "gamma": one(4.0),
    "beta": one(0.5),
    "eps": 1.0,
}


def test_fold_affine_of_the_worked_example():
    weight, bias = fold_affine(**O12)
    assert weight.tolist() == [[4.0]]
    assert bias.tolist() == [-3.5]
    x = 2.0
    z = 2.0 * x + 1.0
    assert weight.item() * x + bias.item() == 4.0 * (z - 3.0) / (3.0 + 1.0) ** 0.5 + 0.5 == 4.5


def test_fold_affine_scales_output_channels():
    weight = torch.ones(2, 3, 1, dtype=torch.float64)
    zero, unit = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    gamma = torch.tensor([2.0, -4.0], dtype=torch.float64)
    folded, bias = fold_affine(weight, zero, unit, unit, gamma, zero, 0.0)
    assert folded.squeeze(-1).tolist() == [[2.0] * 3, [-4.0] * 3]
    assert bias.tolist() == [-2.0, 4.0]


LAYERS = {
    f"{kind}{d}d {what}": (d, getattr(nn, f"{kind}{d}d"), options)
    for kind in ("Conv", "ConvTranspose")
    for d in (1, 2, 3)
    for what, options in {
        "plain": {},
        "no bias": {"bias": False},
        "groups": {"groups": 2, "stride": 2, "padding": 1},
        "depthwise": {"groups": 4, "bias": False},
    }.items()
}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("d", "conv", "options"), LAYERS.values(), ids=LAYERS)
def test_batchnorm_folds_into_convolution(d, conv, options, affine):
    norm = NORMS[d](8, affine=affine, eps=0.1)
    model = trained(conv(4, 8, 2, **options), norm, nn.ReLU())
    folded = assert_folds(model, images(SHAPES[d]))
    assert [n.meta["kind"].value for n in folded.nodes] == ["input", "affine", "relu", "output"]


@pytest.mark.parametrize("bias", [True, False])
def test_batchnorm_folds_into_linear(bias):
    assert_folds(trained(nn.Linear(6, 5, bias=bias), nn.BatchNorm1d(5), nn.ReLU()), images((6,)))


def test_two_batchnorms_in_a_row_both_fold():
    assert_folds(
        trained(nn.Conv2d(4, 3, 2), nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.ReLU()),
        images(SHAPES[2]),
    )


def test_identity_or_dropout_in_between_does_not_hinder():
    layers = nn.Conv2d(4, 3, 2), nn.Identity(), nn.Dropout(), nn.BatchNorm2d(3), nn.ReLU()
    assert_folds(trained(*layers), images(SHAPES[2]))


def test_float32_fold_is_rounded_once():
    model = trained(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).float()
    x = images(SHAPES[2]).float()
    exact = fold_batchnorm(trace(copy.deepcopy(model).double(), x))
    single = fold_batchnorm(trace(model, x))
    for a, b in zip(exact.module.parameters(), single.module.parameters(), strict=True):
        assert b.dtype is torch.float32
        assert torch.equal(a.float(), b)


WRONG = {
    "no eps": lambda w, b, m, v, g, c, eps: fold_affine(w, b, m, v, g, c, 0.0),
    "sign of the bias": lambda w, b, m, v, g, c, eps: (
        fold_affine(w, b, m, v, g, c, eps)[0],
        g * (m - b) / torch.sqrt(v + eps) + c,
    ),
    "sign of beta": lambda w, b, m, v, g, c, eps: fold_affine(w, b, m, v, g, -c, eps),
    "sign of gamma": lambda w, b, m, v, g, c, eps: fold_affine(w, b, m, v, g.abs(), c, eps),
    "weight left": lambda w, b, m, v, g, c, eps: (w, fold_affine(w, b, m, v, g, c, eps)[1]),
    "variance for deviation": lambda w, b, m, v, g, c, eps: fold_affine(w, b, m, v**2, g, c, eps),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_formula_shows(monkeypatch, wrong):
    model, x = trained(nn.Conv2d(4, 3, 2), nn.BatchNorm2d(3), nn.ReLU()), images(SHAPES[2])
    assert difference(model, fold_batchnorm(trace(model, x)), x) <= 1e-12
    monkeypatch.setattr(folding, "fold_affine", wrong)
    assert difference(model, fold_batchnorm(trace(model, x)), x) > 1e-6
    with pytest.raises(snnlab.exceptions.VerificationError, match="folded graph against"):
        snnlab.convert(model, x, threshold=snnlab.Fixed(1.0))


def test_batchnorm_before_the_convolution_stays():
    assert_stays(
        trained(nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3, padding=1), nn.ReLU()), images(SHAPES[2])
    )


def test_batchnorm_behind_a_relu_stays():
    assert_stays(trained(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)), images(SHAPES[2]))


def test_batchnorm_behind_a_layer_used_twice_folds_into_one_of_its_calls():
    conv = nn.Conv2d(4, 4, 1)
    assert_folds(trained(conv, nn.BatchNorm2d(4), nn.ReLU(), conv), images(SHAPES[2]))


def test_batchnorm_behind_one_module_under_two_names_folds():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = nn.Conv2d(4, 4, 1)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            return torch.relu(self.norm(self.first(x)) + self.second(x))

    assert_folds(trained(Twice()), images(SHAPES[2]))


@pytest.mark.parametrize("has", [(True, False), (False, True), (True, True), (False, False)])
def test_batchnorm_of_functions_folds(has):
    """It may have a weight or a bias alone, or neither."""

    class Functions(nn.Conv2d):
        def __init__(self):
            super().__init__(4, 4, 3)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            n = self.norm
            x = F.conv2d(x, 2 * self.weight, bias=self.bias, padding=1)
            affine = [
                own if there else None for own, there in zip((n.weight, n.bias), has, strict=True)
            ]
            x = F.batch_norm(x, n.running_mean, n.running_var, *affine, eps=n.eps)
            return x.relu() + self.weight.sum()

    assert_folds(trained(Functions()), images(SHAPES[2]))


def test_weight_shared_between_two_layers_is_not_changed_for_both():
    first, second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
    model = trained(first, nn.BatchNorm2d(4), nn.ReLU(), second)
    second.weight = first.weight
    assert_folds(model, images(SHAPES[2]))


def test_batchnorm_behind_a_layer_with_another_reader_stays():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x):
            z = self.conv(x)
            return torch.relu(self.norm(z)) + z

    assert_stays(trained(Branch()), images(SHAPES[2]))


def test_batchnorm_along_another_dimension_than_linears_output_stays():
    assert_stays(trained(nn.Linear(7, 4), nn.BatchNorm1d(4), nn.ReLU()), images((4, 7)))


def test_batchnorm_behind_a_view_stays():
    model = trained(nn.Linear(6, 8), nn.Unflatten(1, (4, 2)), nn.BatchNorm1d(4), nn.ReLU())
    assert_stays(model, images((6,)))


def test_hooks_are_steps_like_others():
    def double(module, args, out):
        return 2 * out

    def halve(module, args):
        return (args[0] / 2,)

    def fresh():
        return trained(nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3), nn.ReLU())

    model, x = fresh(), images(SHAPES[2])
    model[0].register_forward_hook(double)
    assert_stays(model, x)
    model = fresh()
    model[0].register_forward_pre_hook(halve)
    model[1].register_forward_hook(double)
    assert_folds(model, x)


@pytest.mark.parametrize("parametrize", [parametrizations.weight_norm, parametrizations.orthogonal])
def test_batchnorm_behind_a_parametrized_layer_folds(parametrize):
    model = trained(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU())
    parametrize(model[0])
    assert_folds(model, images(SHAPES[2]))


def test_one_batchnorm_behind_two_layers_folds_into_both():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            return torch.relu(self.norm(self.a(x)) + self.norm(self.b(x)))

    assert_folds(trained(Shared()), images(SHAPES[2]))


def test_one_batchnorm_that_folds_once_and_stays_once():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x):
            return torch.relu(self.norm(self.conv(x))) + self.norm(x)

    model, x = trained(Shared()), images(SHAPES[2])
    graph = trace(model, x)
    folded = fold_batchnorm(graph)
    assert len(folded.nodes) == len(graph.nodes) - 1
    assert difference(model, folded, x) <= 1e-12


def test_folding_changes_neither_the_graph_nor_the_model():
    model, x = trained(nn.Conv2d(4, 3, 2), nn.BatchNorm2d(3), nn.ReLU()), images(SHAPES[2])
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    graph = trace(model, x)
    text, parameters = repr(graph), [p.clone() for p in graph.module.parameters()]
    folded = fold_batchnorm(graph)
    assert repr(graph) == text != repr(folded)
    for before, after in zip(parameters, graph.module.parameters(), strict=True):
        assert torch.equal(before, after)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert difference(model, graph, x) <= 1e-12


def test_folding_twice_changes_nothing_more():
    model, x = trained(nn.Conv2d(4, 3, 2), nn.BatchNorm2d(3), nn.ReLU()), images(SHAPES[2])
    once = fold_batchnorm(trace(model, x))
    twice = fold_batchnorm(once)
    assert repr(once) == repr(twice)
    for a, b in zip(once.module.parameters(), twice.module.parameters(), strict=True):
        assert torch.equal(a, b)
