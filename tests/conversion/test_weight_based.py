"""Diehl's rules: thresholds from the weights, or from weights and data."""

import itertools

import numpy as np
import pytest
import torch
from helpers import oracles
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab.conversion.weight_based import positive_sum
from snnlab.graph.canonical import apply


def chain(*weights):
    """Linear layers without biases, a ReLU behind each."""
    layers = []
    for weight in weights:
        weight = torch.tensor(np.array(weight), dtype=torch.float32)
        linear = nn.Linear(*weight.shape[::-1], bias=False)
        linear.weight = nn.Parameter(weight)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers)


def random_chain(seed):
    """Three layers of random width, weights in multiples of 1/8."""
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 7, 4)
    weights = [
        oracles.dyadic(rng, (n, m), -1, float(rng.choice([0.25, 1, 2])), parts=8)
        for m, n in itertools.pairwise(widths)
    ]
    return weights, oracles.dyadic(rng, (4, widths[0]), 0, 1)


def conv_chain(seed, bias=False):
    """Convolutions with stride, padding and groups, and average poolings."""
    rng = np.random.default_rng(seed)
    layers = [
        nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=bias),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 6, 3, padding=2, groups=2, bias=bias),
        nn.ReLU(),
        nn.Conv2d(6, 2, (1, 3), dilation=(1, 2), padding=(0, 2), bias=bias),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32, 5, bias=bias),
        nn.ReLU(),
    ]
    model = nn.Sequential(*layers)
    for parameter in model.parameters():
        values = oracles.dyadic(rng, parameter.shape, -0.75, 0.75)
        parameter.data = torch.tensor(values, dtype=torch.float32)
    return model, oracles.dyadic(rng, (3, 2, 8, 8), 0, 1)


def largest_positive_sum(weight):
    """The positive sum of the weights of each output, one after the other."""
    largest = 0.0
    for row in weight:
        total = 0.0
        for value in row.ravel():
            if value > 0:
                total += value
        largest = max(largest, total)
    return largest


def by_hand(weights, strong):
    """Thresholds of the model-based rule."""
    thresholds, before = [], 1.0
    for weight in weights:
        p = largest_positive_sum(np.array(weight))
        before = before * (p if strong or p > 1 else 1.0)
        thresholds.append(before)
    return thresholds


def weights_of(model):
    return [m.weight.detach().double().numpy() for m in model if hasattr(m, "weight")]


def strongest_currents(network, x, timesteps, **options):
    """The largest current of each layer in any step, in a network that ran, from its trains."""
    record = sl.simulate(network, x, timesteps, spikes=True, **options)
    graph = network.graph
    shown = record.spikes("input") if "input" in record.totals else [x] * timesteps
    largest = dict.fromkeys(network.layers, 0.0)
    for t in range(timesteps):
        values = {}
        for node in graph.nodes:
            name, sources = node.meta["layer"], [values[s] for s in node.all_input_nodes]
            if node.op == "placeholder":
                values[node] = torch.tensor(np.asarray(shown[t]), dtype=torch.float32)
            elif name in network.layers and node is graph.layers[name]:
                largest[name] = max(largest[name], sources[0].max().item())
                spikes = torch.tensor(record.spikes(name)[t], dtype=torch.float32)
                values[node] = float(network.thresholds[name]) * spikes
            elif node.op.startswith("call"):
                values[node] = apply(node, graph.module, values)
    return largest


# From the weights alone


def test_o11_no_pattern_of_spikes_exceeds_the_threshold():
    weight = np.array([0.75, 0.75, -2.0])
    assert positive_sum(torch.tensor(weight)[None]) == 1.5
    patterns = np.array(list(itertools.product([0, 1], repeat=3)))
    assert (patterns @ weight).max() == 1.5
    assert (patterns @ (weight / 1.5)).max() == 1.0
    network = sl.convert(chain([weight]), patterns, threshold=sl.ModelBased())
    assert network.thresholds == {"1": 1.5}
    normalized = sl.normalize_weights(network)
    assert sl.ann(normalized, patterns).currents["1"].max() == 1.0


def test_positive_sum_of_a_convolution_is_over_channels_and_places():
    weight = torch.tensor([[[1.0, -2.0], [0.5, 0.25]], [[-1.0, -1.0], [1.5, -4.0]]])
    assert positive_sum(weight) == 1.75
    assert positive_sum(-torch.ones(2, 3)) == 0.0


@given(seed=st.integers(0, 10_000), strong=st.booleans())
def test_thresholds_from_weights_are_those_of_a_loop_by_hand(seed, strong):
    weights, x = random_chain(seed)
    expected = by_hand(weights, strong)
    assume(0 not in expected)
    network = sl.convert(chain(*weights), x, threshold=sl.ModelBased(strong=strong))
    assert list(network.thresholds.values()) == expected


def test_strong_also_lowers_the_threshold():
    model = chain([[0.25, 0.25]], [[4.0]], [[0.5]])
    x = [[1.0, 1.0]]
    rising = sl.convert(model, x, threshold=sl.ModelBased()).thresholds
    assert rising == {"1": 1.0, "3": 4.0, "5": 4.0}
    strong = sl.convert(model, x, threshold=sl.ModelBased(strong=True)).thresholds
    assert strong == {"1": 0.5, "3": 2.0, "5": 1.0}


def test_of_the_images_only_their_range_matters_to_the_model_based_rule():
    model, x = conv_chain(0)
    x = x / x.max()
    networks = [sl.convert(model, c * x, threshold=sl.ModelBased()) for c in (1, 0, 0.5)]
    assert networks[0].thresholds == networks[1].thresholds == networks[2].thresholds
    for wrong in (7 * x, x - 0.5, -x):
        with pytest.raises(sl.OptionError, match=r"x_cal: values from .*expected \[0, 1\]"):
            sl.convert(model, wrong, threshold=sl.ModelBased())


@pytest.mark.parametrize("rule", [sl.ModelBased(), sl.DataBased()])
def test_a_bias_of_zeros_is_none(rule):
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    plain = nn.Sequential(
        nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False), nn.ReLU()
    )
    for one, other in zip(model, plain, strict=True):
        if isinstance(one, nn.Linear):
            one.weight.data = one.weight.data.abs()
            one.bias.data.zero_()
            other.weight = one.weight
    x = [[0.5, 1.0]]
    found = [sl.convert(m, x, threshold=rule).thresholds for m in (model, plain)]
    assert found[0] == found[1]
    assert sl.recipes.diehl2015(model, x, threshold=rule).thresholds.keys() == {"1", "3"}


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    strong=st.booleans(),
    poisson=st.booleans(),
    reset=st.sampled_from(["subtract", "zero"]),
    data=st.data(),
)
def test_o11_no_current_of_any_step_exceeds_its_threshold(seed, strong, poisson, reset, data):
    weights, _ = random_chain(seed)
    assume(0 not in by_hand(weights, strong))
    pixels = st.integers(0, 16).map(lambda n: n / 16)
    width = weights[0].shape[1]
    x = data.draw(st.lists(st.lists(pixels, min_size=width, max_size=width), min_size=1))
    rule = sl.ModelBased(strong=strong)
    network = sl.convert(chain(*weights), x, threshold=rule, reset=reset)
    options = {"input": "poisson", "seed": seed} if poisson else {}
    for name, current in strongest_currents(network, x, 12, **options).items():
        assert current <= network.thresholds[name], name


@pytest.mark.parametrize("average_pool", ["affine", "spikes"])
@pytest.mark.parametrize("seed", range(6))
def test_o11_holds_for_convolutions_and_poolings(seed, average_pool):
    model, x = conv_chain(seed)
    ones = np.ones_like(x[:1])
    network = sl.convert(model, x, threshold=sl.ModelBased(), average_pool=average_pool)
    for images, options in [(x, {}), (ones, {}), (x, {"input": "poisson", "seed": 1})]:
        currents = strongest_currents(network, images, 8, **options)
        for name, current in currents.items():
            assert current <= network.thresholds[name], name
    assert currents["1"] > 0.25 * network.thresholds["1"]
    expected = by_hand(weights_of(model), strong=False)
    layers = ["1", "4", "6", "9"]
    assert [network.thresholds[name] for name in layers] == expected
    assert ("2" in network.thresholds) == (average_pool == "spikes")
    if average_pool == "spikes":
        assert network.thresholds["2"] == network.thresholds["1"]


def test_the_bound_is_reached():
    model = chain([[1.0, 0.5], [-1.0, 2.0]], [[1.5, 0.5]])
    network = sl.convert(model, [[1.0, 1.0]], threshold=sl.ModelBased())
    assert network.thresholds == {"1": 2.0, "3": 4.0}
    assert strongest_currents(network, np.array([[0.0, 1.0], [1.0, 1.0]]), 16) == {
        "1": 2.0,
        "3": 4.0,
    }


# From weights and data


@given(seed=st.integers(0, 10_000))
def test_thresholds_from_data_are_the_largest_weight_or_activation(seed):
    weights, x = random_chain(seed)
    expected, a = [], x
    for weight in weights:
        a = np.maximum(a @ weight.T, 0)
        expected.append(max(weight.max(), a.max()))
    assume(min(expected) > 0)
    network = sl.convert(chain(*weights), x, threshold=sl.DataBased())
    assert list(network.thresholds.values()) == expected


def test_each_of_weight_and_activation_may_be_the_larger():
    by_weight = sl.convert(chain([[3.0, -3.0]]), [[0.5, 0.0]], threshold=sl.DataBased())
    by_activation = sl.convert(chain([[3.0, 2.0]]), [[1.0, 1.0]], threshold=sl.DataBased())
    negative = sl.convert(chain([[-3.0, 0.5]]), [[0.0, 1.0]], threshold=sl.DataBased())
    found = [network.thresholds["1"] for network in (by_weight, by_activation, negative)]
    assert found == [3.0, 5.0, 0.5]


@pytest.mark.parametrize("seed", range(6))
def test_thresholds_from_data_of_convolutions_and_poolings(seed):
    """The activations are those of the model, layer by layer; a pool has the layer before."""
    model, x = conv_chain(seed)
    expected, a, weight = {}, torch.tensor(x, dtype=torch.float32), np.zeros(0)
    for name, layer in model.named_children():
        a = layer(a).detach()
        if isinstance(layer, nn.ReLU):
            expected[name] = max(weight.max(), a.max().item())
        if hasattr(layer, "weight"):
            weight = layer.weight.detach().numpy()
        if isinstance(layer, nn.AvgPool2d):
            expected[name] = expected["1"]
    found = sl.convert(model, x, threshold=sl.DataBased(), average_pool="spikes").thresholds
    assert found == expected
    del expected["2"]
    assert sl.convert(model, x, threshold=sl.DataBased()).thresholds == expected


def ratios(scales, carry_the_ratio=False):
    """Factors that each layer is divided by; the slip carries the ratio, not the scale."""
    applied, previous = [], 1.0
    for scale in scales:
        applied.append(scale / previous)
        previous = applied[-1] if carry_the_ratio else scale
    return applied


def test_o10_applied_factors_multiply_to_the_scale_of_the_layer():
    model = chain([[2.0]], [[2.0]], [[2.0]])
    network = sl.convert(model, [[1.0]], threshold=sl.DataBased())
    assert list(network.thresholds.values()) == [2.0, 4.0, 8.0]
    normalized = sl.normalize_weights(network)
    layers = dict(normalized.graph.module.named_children())
    applied = [2.0 / layers[name].weight.item() for name in ("0", "2", "4")]
    assert applied == ratios([2.0, 4.0, 8.0]) == [2.0, 2.0, 2.0]
    assert np.cumprod(applied).tolist() == [2.0, 4.0, 8.0]
    assert sl.ann(normalized, [[1.0]]).activations["5"].item() == 1.0

    slip = ratios([2.0, 4.0, 8.0], carry_the_ratio=True)
    assert slip == [2.0, 2.0, 4.0]
    assert np.cumprod(slip).tolist() == [2.0, 4.0, 16.0]
    a = 1.0
    for factor in slip:
        a = a * 2.0 / factor
    assert a == 0.5


@pytest.mark.slow
@given(seed=st.integers(0, 10_000))
def test_o10_for_random_networks(seed):
    weights, x = random_chain(seed)
    assume(min(weight.max() for weight in weights) > 0)
    model = chain(*weights).double()
    network = sl.convert(model, x, threshold=sl.DataBased())
    normalized = sl.normalize_weights(network)
    product = 1.0
    for i, theta in enumerate(network.thresholds.values()):
        scaled = normalized.graph.module.get_submodule(str(2 * i)).weight.detach().numpy()
        where = np.unravel_index(weights[i].argmax(), weights[i].shape)
        product *= weights[i][where] / scaled[where]
        np.testing.assert_allclose(product, theta, rtol=1e-12)
        assert sl.ann(normalized, x).activations[str(2 * i + 1)].max() <= 1 + 1e-12


# What the rules refuse


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)

    def forward(self, x):
        x = F.relu(self.a(x))
        return F.relu(self.b(x) + x)


class Joined(Residual):
    def __init__(self):
        super().__init__()
        self.c = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        return F.relu(self.c(torch.cat([F.relu(self.a(x)), F.relu(self.b(x))], 1)))


def plain(*layers):
    return nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), *layers, nn.ReLU()).eval()


def shifted():
    norm = nn.BatchNorm1d(2)
    norm.bias.data[:] = 0.5
    return norm


REFUSED = {
    "bias": (
        plain(nn.Linear(2, 2)),
        r"layer '3': '2' lies before it, and has a bias \(recipes\.rueckauer2017",
    ),
    "BatchNorm": (plain(nn.Linear(2, 2, bias=False), shifted()), "layer '4': '2' lies before it"),
    "BatchNorm that is not folded": (plain(shifted()), "layer '3': '2' lies before it"),
    "two in a row": (
        plain(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)),
        "layer '4': '2' lies before it, and is a second layer with weights",
    ),
    "residual": (Residual(), "layer 'relu#2': 'add' lies before it, and is a step"),
    "concatenation": (Joined(), "layer 'relu#3': 'cat' lies before it, and is a step"),
    "max pooling": (
        nn.Sequential(
            nn.Flatten(1), nn.Unflatten(1, (1, 2)), nn.ReLU(), nn.MaxPool1d(2), nn.ReLU()
        ),
        "layer '4': '3' lies before it, and is a step of the kind 'max pool' without weights",
    ),
}


@pytest.mark.parametrize("rule", [sl.ModelBased(), sl.ModelBased(strong=True), sl.DataBased()])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chain_without_biases_is_refused(name, rule):
    model, words = REFUSED[name]
    with pytest.raises(sl.UnsupportedLayerError, match=words) as refusal:
        sl.convert(model, [[0.5, 1.0], [1.0, 0.25]], threshold=rule)
    assert "Take Percentile(99.9) instead." in str(refusal.value)
    sl.convert(model, [[0.5, 1.0], [1.0, 0.25]], threshold=sl.Fixed(1.0))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2, bias=False)

    def forward(self, x):
        return F.relu(self.a(F.relu(self.a(x))))


@pytest.mark.parametrize("strong", [True, False])
def test_a_layer_called_twice_counts_twice(strong):
    model, x = Twice(), [[0.5, 1.0], [1.0, 0.25]]
    net = sl.convert(model, x, threshold=sl.ModelBased(strong=strong))
    weight = model.a.weight.detach().double().numpy()
    assert list(net.thresholds.values()) == by_hand([weight, weight], strong)


def test_a_bias_of_the_output_that_does_not_spike_is_no_hindrance():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2))
    for rule in (sl.ModelBased(), sl.DataBased()):
        assert list(sl.convert(model, [[1.0, 1.0]], threshold=rule).thresholds) == ["1"]
        with pytest.raises(sl.UnsupportedLayerError, match="layer 'readout': '2' lies before it"):
            sl.convert(model, [[1.0, 1.0]], threshold=rule, readout="spikes")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (sl.ModelBased(strong=True), "layer '1': none of its weights is above 0, so it can never"),
        (sl.DataBased(), "layer '1': all 2 calibration activations are 0, so it has no scale"),
    ],
)
def test_a_layer_that_can_never_fire_has_no_scale(rule, words):
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
    with torch.no_grad():
        model[0].weight[:] = torch.tensor([[-1.0, -0.5], [-0.25, 0.0]])
    with pytest.raises(sl.CalibrationError, match=words):
        sl.convert(model, [[1.0, 1.0]], threshold=rule)
    assert sl.convert(model, [[1.0, 1.0]], threshold=sl.ModelBased()).thresholds == {"1": 1.0}


def test_a_silent_layer_keeps_the_scale_of_its_weights():
    model = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU())
    with torch.no_grad():
        model[0].weight[:] = torch.tensor([[-1.0, 0.75]])
    assert sl.convert(model, [[1.0, 0.0]], threshold=sl.DataBased()).thresholds == {"1": 0.75}


def test_rules_are_equal_if_their_options_are():
    assert sl.ModelBased() == sl.ModelBased(strong=False) != sl.ModelBased(strong=True)
    assert sl.DataBased() == sl.DataBased()


def test_a_transposed_convolution_is_refused():
    """Its weight lists inputs first: their sum would be no bound."""
    model = nn.Sequential(nn.ConvTranspose1d(2, 1, 1, bias=False), nn.ReLU())
    with pytest.raises(sl.UnsupportedLayerError, match=r"^layer '1': '0' lies before it"):
        sl.convert(model, np.ones((1, 2, 3)), threshold=sl.ModelBased())


def test_an_average_pooling_with_a_divisor_of_its_own_is_refused():
    pool = nn.AvgPool2d(2, divisor_override=1)
    model = nn.Sequential(nn.ReLU(), pool, nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    with pytest.raises(sl.UnsupportedLayerError, match=r"^layer '3': '1' lies before it"):
        sl.convert(model, np.ones((1, 1, 2, 2)), threshold=sl.ModelBased())
    net = sl.convert(model, np.ones((1, 1, 2, 2)), average_pool="spikes", threshold=sl.Fixed(1.0))
    assert net.layers == ["0", "3"]


@pytest.mark.parametrize("rule", [sl.ModelBased(strong=True), sl.DataBased()])
def test_a_threshold_of_0_names_the_layer(rule):
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
    model[0].weight.data[:] = -1.0
    with pytest.raises(sl.SNNLabError, match="layer '1'"):
        sl.convert(model, [[1.0, 1.0]], threshold=rule)
