"""Weight normalization: the same spikes from thresholds 1; what becomes of weights and nodes."""

import copy

import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.seeds import seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab.graph.operations import Kind

STEPS = 24


class Modules(oracles.Torch):
    """A random network whose convolutions and linear layers are modules, as users write them."""

    def __init__(self, steps):
        super().__init__(steps)
        self.own = nn.ModuleDict()
        for i, step in enumerate(steps):
            if step.weight is None:
                continue
            out, into = step.weight.shape[:2]
            conv = step.name == "conv"
            layer = nn.Conv2d(into, out, 3, padding=1) if conv else nn.Linear(into, out)
            layer.weight = nn.Parameter(getattr(self, f"weight{i}").clone())
            layer.bias = None if step.bias is None else nn.Parameter(getattr(self, f"bias{i}"))
            self.own[str(i)] = layer

    def run(self, i, name, inputs, weight, bias):
        if name in ("conv", "linear"):
            return self.own[str(i)](inputs[0])
        return super().run(i, name, inputs, weight, bias)


def powers(theta):
    """The power of 2 below a threshold, or below each of them."""
    return 2.0 ** np.floor(np.log2(theta))


def converted(seed, model_class=Modules, **options):
    steps = oracles.random_steps(seed)
    x = oracles.images(seed)
    theta = {name: powers(value) for name, value in oracles.thresholds(steps).items()}
    model = model_class(steps).eval()
    return model, x, sl.convert(model, x, threshold=sl.Fixed(theta), **options)


def exact(model, seed=0):
    """Give a model weights that are multiples of 1/16, and BatchNorm without roots."""
    rng = np.random.default_rng(seed)
    for parameter in model.parameters():
        values = oracles.dyadic(rng, parameter.shape, -0.5, 0.75)
        parameter.data = torch.tensor(values, dtype=torch.float32)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eps = 0.25
            module.running_var[:] = torch.tensor([0.75, 3.75, 15.75] * 9)[: module.num_features]
            module.running_mean[:] = torch.arange(module.num_features) / 8
    return model.eval()


def pixels(*shape, seed=0):
    return oracles.dyadic(np.random.default_rng(seed), shape, 0, 1)


def assert_same_spikes(network, normalized, x, **options):
    ours, theirs = (
        sl.simulate(net, x, STEPS, spikes=True, **options) for net in (network, normalized)
    )
    for name in network.layers:
        assert (ours.spikes(name) == theirs.spikes(name)).all(), name
    assert (ours.output_sums == theirs.output_sums).all()
    assert sum(record.counts(name).sum() for record in (ours,) for name in network.layers) > 0
    return ours, theirs


def added(network):
    """Names of the nodes that multiply by a threshold or divide by it."""
    return [n.meta["layer"] for n in network.graph.nodes if "θ" in n.meta["layer"]]


def layers(network):
    return dict(network.graph.module.named_children())


# The same spikes


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", seeds(16, fast=3))
def test_o8_trains_and_outputs_are_those_of_threshold_balancing(seed, reset):
    options = {
        "v_init": [0, 0.25, 0.5][seed % 3],
        "max_pool": ["exact", "gate", "gate_recent"][seed // 2 % 3],
        "readout": ["potential", "spikes"][seed % 2],
        "average_pool": ["affine", "spikes"][seed // 3 % 2],
    }
    steps = oracles.random_steps(seed)
    theta = oracles.thresholds(steps) | {"readout": 0.25, "avg_pool2d": 0.5, "avg_pool2d_1": 0.5}
    x = oracles.images(seed)
    model = (oracles.Torch if seed % 4 == 3 else Modules)(steps).eval()
    names = sl.convert(model, x, threshold=sl.Fixed(1.0), **options).layers
    fixed = sl.Fixed({name: powers(theta[name]) for name in names})
    network = sl.convert(model, x, threshold=fixed, reset=reset, **options)
    normalized = sl.normalize_weights(network)
    assert_same_spikes(network, normalized, x)
    assert_same_spikes(network, normalized, x, input="poisson", seed=seed)


@pytest.mark.slow
def test_the_random_networks_are_active_and_of_every_kind():
    kinds, pools, rates, per_channel = set(), set(), [], 0
    for seed in range(16):
        kinds |= {step.name for step in oracles.random_steps(seed)}
        _, x, network = converted(seed)
        record = sl.simulate(network, x, STEPS)
        rates += [record.rates(name).mean() for name in record.layers]
        per_channel += sum(np.ndim(theta) for theta in network.thresholds.values())
        pools |= set(network.graph.pools)
    assert kinds == {"conv", "relu", "add", "cat", "avg_pool", "max_pool", "linear", "flatten"}
    assert pools
    assert per_channel > 10
    assert 0.2 < np.mean(rates) < 0.8


class Shortcut(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(n, 3, 3, padding=1) for n in (2, 3, 3))
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        x = F.relu(self.a(x))
        x = F.relu(self.c(F.relu(self.b(x))) + x)
        return self.head(F.avg_pool2d(x, 2).flatten(1))


class TwoReaders(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        current = self.b(F.relu(self.a(x)))
        return F.relu(current) + current


class CatThenPool(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 3, 3, padding=1)
        self.c = nn.Conv2d(5, 3, 1)

    def forward(self, x):
        joined = torch.cat([F.relu(self.a(x)), F.relu(self.b(x))], 1)
        return self.c(F.max_pool2d(joined, 2))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return F.relu(self.a(F.relu(self.a(F.relu(self.b(x))))))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4))
        self.b = nn.Linear(4, 3)

    def forward(self, x):
        return self.b(F.relu(F.linear(x, self.weight, self.bias)))


class WeightOfTwo(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(F.relu(self.a(x)))


class NormBehindReLU(nn.Sequential):
    def __init__(self):
        conv, norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)
        super().__init__(conv, nn.ReLU(), norm, nn.ReLU(), nn.Conv2d(3, 2, 3))


class Largest(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv1d(2, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.b(F.relu(self.a(x)).amax(1))


CHAIN = [nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3)]
FLATTEN = [nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 4), nn.ReLU()]
POOLS = [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.MaxPool2d(2)]
POOLS += [nn.Flatten(), nn.Linear(4, 4)]
GROUPED = [nn.Conv2d(2, 4, 3, groups=2), nn.ReLU(), nn.Conv2d(4, 4, 1, groups=2), nn.ReLU()]
TRANSPOSED = [nn.ConvTranspose2d(2, 4, 2, stride=2, groups=2), nn.ReLU(), nn.Conv2d(4, 4, 1)]
TRANSPOSED += [nn.ReLU(), nn.ConvTranspose2d(4, 2, 3, groups=2), nn.ReLU(), nn.Conv2d(2, 2, 1)]
ONE = [nn.Conv1d(2, 4, 3, stride=2, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 4, 1)]
THREE = [nn.Conv3d(2, 4, 2), nn.ReLU(), nn.AvgPool3d(2), nn.Conv3d(4, 2, 1), nn.ReLU()]
ALONG = [nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)]

# Name, model, shape of an image, the nodes added with one threshold per layer, and per channel.
CASES = {
    "chain": (nn.Sequential(*CHAIN), (4,), [], []),
    "flatten": (nn.Sequential(*FLATTEN), (2, 4, 4), ["4 · θ"], ["4 · θ"]),
    "pools": (nn.Sequential(*POOLS), (2, 4, 4), [], []),
    "grouped": (nn.Sequential(*GROUPED), (2, 4, 4), ["3 · θ"], ["1 · θ", "3 · θ"]),
    "transposed": (
        nn.Sequential(*TRANSPOSED),
        (2, 2, 2),
        [],
        ["1 / θ", "3 · θ", "5 / θ"],
    ),
    "1d": (nn.Sequential(*ONE), (2, 8), [], []),
    "3d": (nn.Sequential(*THREE), (2, 4, 4, 4), ["4 · θ"], ["4 · θ"]),
    "a linear layer along the last dimension": (
        nn.Sequential(*ALONG),
        (2, 4),
        [],
        ["1 / θ", "1 · θ", "3 / θ"],
    ),
    "identity shortcut": (
        Shortcut(),
        (2, 4, 4),
        ["relu · θ", "relu#3 / θ"],
        ["relu · θ", "relu#3 / θ"],
    ),
    "two readers": (
        TwoReaders(),
        (4,),
        ["relu#2 / θ", "relu#2 · θ"],
        ["relu#2 / θ", "relu#2 · θ"],
    ),
    "concatenation before pooling": (
        CatThenPool(),
        (2, 4, 4),
        ["relu · θ", "relu#2 · θ"],
        ["relu · θ", "relu#2 · θ"],
    ),
    "layer called twice": (
        Twice(),
        (4,),
        ["relu#3 · θ"],
        ["relu#3 · θ"],
    ),
    "functional": (Functional(), (4,), [], []),
    "one weight for two layers": (WeightOfTwo(), (4,), [], []),
    "BatchNorm that is not folded": (
        NormBehindReLU(),
        (2, 4, 4),
        ["1 · θ", "3 / θ"],
        ["1 · θ", "3 / θ"],
    ),
    "no layer before it": (
        nn.Sequential(nn.ReLU(), nn.Linear(4, 3)),
        (4,),
        ["0 / θ"],
        ["0 / θ"],
    ),
    "maximum over the channels": (Largest(), (2, 6), [], ["relu · θ"]),
}


def fitting(network, many):
    """Powers of 2 for a network, never 1: one for each layer or for each channel."""
    rng = np.random.default_rng(1)
    sizes = {name: network.shape(name)[0] if many else () for name in network.layers}
    return {name: 2.0 ** rng.choice([-2, -1, 1, 2], size) for name, size in sizes.items()}


def case(name, many, **options):
    model, shape, *nodes = CASES[name]
    model, x = exact(copy.deepcopy(model)), pixels(3, *shape)
    theta = fitting(sl.convert(model, x, threshold=sl.Fixed(1.0)), many)
    network = sl.convert(model, x, threshold=sl.Fixed(theta), **options)
    return model, x, network, nodes[many]


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_scales_stay_as_nodes_only_where_no_layer_takes_them_in(name, many):
    model, x, network, nodes = case(name, many)
    normalized = sl.normalize_weights(network)
    assert added(normalized) == nodes
    assert len(normalized.graph.nodes) == len(network.graph.nodes) + 2 * len(nodes)
    for reset in ("subtract", "zero"):
        for v_init in (0, 0.25, 0.5):
            assert_same_spikes(network, normalized, x, reset=reset, v_init=v_init)
    sl.verify(model, normalized, x)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("name", ["pools", "1d", "concatenation before pooling"])
def test_gates_choose_the_same_inputs(name, many):
    model, x, network, _ = case(name, many, max_pool="gate")
    normalized = sl.normalize_weights(network)
    assert normalized.max_pool == "gate"
    ours, _ = assert_same_spikes(network, normalized, x)
    recent = network.replace(max_pool="gate_recent")
    assert_same_spikes(recent, sl.normalize_weights(recent), x)
    if not many and name != "1d":  # with these numbers gates are not exact
        exactly = sl.simulate(network.replace(max_pool="exact"), x, STEPS)
        assert (exactly.output_sums != ours.output_sums).any()
    sl.verify(model, normalized, x)


def test_caps_are_divided():
    layers = [nn.Linear(4, 4), nn.ReLU6(), nn.Linear(4, 4), nn.Hardtanh(0, 2), nn.Linear(4, 3)]
    model, x = exact(nn.Sequential(*layers)), 4 * pixels(6, 4)
    for theta in (0.5, 2.0, {"1": 4.0, "3": 0.25}):
        network = sl.convert(model, x, threshold=sl.Fixed(theta))
        normalized = sl.normalize_weights(network)
        assert added(normalized) == []
        found = [node.args[1] for node in normalized.graph.layers.values()]
        assert found == [6 / network.thresholds["1"], 2 / network.thresholds["3"]]
        assert [node.args[1] for node in network.graph.layers.values()] == [6, 2]
        assert_same_spikes(network, normalized, x)
        sl.verify(model, normalized, x)
        ours, theirs = sl.ann(network, x), sl.ann(normalized, x)
        assert (ours.outputs == theirs.outputs).all()
        for name, theta_l in network.thresholds.items():
            assert (ours.activations[name] == theta_l * theirs.activations[name]).all()


def test_a_cap_with_a_threshold_per_channel_is_refused():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU6())
    network = sl.convert(model, [[1.0, 1.0]], threshold=sl.Fixed([1.0, 2.0]))
    words = r"layer '1': has one threshold per channel and a cap at 6, .* Choose one threshold"
    with pytest.raises(sl.UnsupportedLayerError, match=words):
        sl.normalize_weights(network)


def test_something_else_than_a_network_is_refused():
    with pytest.raises(sl.OptionError, match=r"network: found Sequential, expected a Network"):
        sl.normalize_weights(nn.Sequential(nn.ReLU()))


@pytest.mark.slow
@pytest.mark.parametrize("rule", [sl.Percentile(99), sl.Percentile(99, per_channel=True)])
def test_other_thresholds_move_less_than_one_count_in_ten_thousand(rule):
    """Rounding decides ties only; the weights are no round numbers here."""
    different = places = 0
    for seed in range(8):
        steps = oracles.random_steps(seed)
        model = Modules(steps).eval()
        generator = torch.Generator().manual_seed(seed)
        for parameter in model.parameters():
            parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
        x = np.random.default_rng(seed).random((40, 2, 4, 4))
        network = sl.convert(model, x, threshold=rule)
        normalized = sl.normalize_weights(network)
        ours, theirs = sl.simulate(network, x, 32), sl.simulate(normalized, x, 32)
        for name in network.layers:
            different += (ours.counts(name) != theirs.counts(name)).sum()
            places += ours.counts(name).size
        sl.verify(model, normalized, x[:4])
    assert places > 40_000
    assert different / places < 1e-4


# What becomes of the network


@pytest.mark.parametrize("seed", range(6))
def test_thresholds_are_1_and_all_else_is_as_before(seed):
    _, _, network = converted(seed, reset="zero", v_init=0.25, max_pool="gate")
    normalized = sl.normalize_weights(network)
    assert normalized.thresholds == dict.fromkeys(network.layers, 1.0)
    assert {(n.reset, n.v_init) for n in normalized.neurons.values()} == {("zero", 0.25)}
    assert normalized.max_pool == "gate"
    assert normalized.layers == network.layers
    assert normalized.graph.input_shape == network.graph.input_shape


@pytest.mark.parametrize("name", CASES)
def test_the_given_network_is_not_changed(name):
    _, x, network, _ = case(name, many=True)
    before = copy.deepcopy(network)
    described, spikes = repr(network.graph), sl.simulate(network, x, STEPS)
    sl.normalize_weights(network)
    assert repr(network.graph) == described
    assert [node.meta.get("scale") for node in network.graph.nodes if "scale" in node.meta] == []
    weights = zip(
        network.graph.module.state_dict().items(),
        before.graph.module.state_dict().items(),
        strict=True,
    )
    assert all(a == b and torch.equal(v, w) for (a, v), (b, w) in weights)
    for layer, theta in before.thresholds.items():
        assert (theta == network.thresholds[layer]).all()
    again = sl.simulate(network, x, STEPS)
    assert (again.output_sums == spikes.output_sums).all()


def test_o9_weights_and_biases_are_those_of_a_loop_by_hand():
    """W λ' / λ and b / λ; a bias times λ' / λ is the classic slip."""
    model, x = exact(nn.Sequential(*copy.deepcopy(CHAIN))), pixels(5, 4)
    network = sl.convert(model, x, threshold=sl.Fixed({"1": 2.0, "3": 8.0}))
    found = layers(sl.normalize_weights(network))
    before = 1.0
    for name, scale in [("0", 2.0), ("2", 8.0), ("4", 1.0)]:
        weight, bias = (
            p.detach().numpy() for p in (model[int(name)].weight, model[int(name)].bias)
        )
        assert (found[name].weight.detach().numpy() == weight * before / scale).all()
        assert (found[name].bias.detach().numpy() == bias / scale).all()
        before = scale


def test_o9_weights_with_a_scale_for_each_channel():
    """Rows are divided by their own θ, columns multiplied by that of the channel they read."""
    model = exact(nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)))
    theta = np.array([0.5, 4.0])
    network = sl.convert(model, pixels(2, 1, 2, 2), threshold=sl.Fixed(theta))
    found = layers(sl.normalize_weights(network))
    conv, linear = (model[i].weight.detach().numpy() for i in (0, 3))
    assert (found["0"].weight.numpy()[:, 0, 0, 0] == conv[:, 0, 0, 0] / theta).all()
    assert (found["0"].bias.numpy() == model[0].bias.detach().numpy() / theta).all()
    assert (found["3"].weight.numpy() == linear * ([0.5] * 4 + [4.0] * 4)).all()
    assert torch.equal(found["3"].bias, model[3].bias)


@pytest.mark.parametrize("seed", range(8))
def test_o9_activations_are_those_of_the_ann_divided_by_the_threshold(seed):
    steps = oracles.random_steps(seed)
    _, x, network = converted(seed)
    found = sl.ann(sl.normalize_weights(network.to(torch.float64)), x)
    currents, output = oracles.ann(steps, x)
    assert (found.outputs == output).all()
    for name, theta in network.thresholds.items():
        theta = np.reshape(theta, (-1,) + (1,) * (currents[name].ndim - 2))
        assert (found.currents[name] == currents[name] / theta).all()
        assert (found.activations[name] == np.maximum(currents[name], 0) / theta).all()


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_o9_after_max_normalization_the_largest_activation_is_1(seed, per_channel):
    model = Modules(oracles.random_steps(seed)).eval()
    x = oracles.images(seed, 20)
    network = sl.convert(model, x, threshold=sl.Maximum(per_channel)).to(torch.float64)
    found = sl.ann(sl.normalize_weights(network), x)
    for a in found.activations.values():
        # In float32 the thresholds were found, so that is how far they are from float64's maximum.
        largest = a.max((0, *range(2, a.ndim))) if per_channel else a.max()
        alive = largest > 0
        np.testing.assert_allclose(np.extract(alive, largest), 1, rtol=1e-6)
        assert alive.any()
    with torch.no_grad():
        answers = model(torch.tensor(x, dtype=torch.float32)).argmax(1)
    assert (found.outputs.argmax(1) == answers.numpy()).all()


@pytest.mark.parametrize("name", CASES)
def test_float64_networks(name):
    _, x, network, _ = case(name, many=True)
    normalized = sl.normalize_weights(network.to(torch.float64))
    assert normalized.graph.dtype == torch.float64
    ours, _ = assert_same_spikes(network.to(torch.float64), normalized, x)
    assert ours.output_sums.dtype == np.float64
    assert_same_spikes(network, sl.normalize_weights(network).to(torch.float64), x)


@pytest.mark.parametrize("name", ["pools", "identity shortcut", "transposed"])
def test_verify_notices_a_changed_weight(name):
    model, x, network, _ = case(name, many=False)
    normalized = sl.normalize_weights(network)
    sl.verify(model, normalized, x)
    layer = next(m for m in normalized.graph.module.modules() if hasattr(m, "weight"))
    layer.weight.data.flatten()[0] += 0.5
    with pytest.raises(sl.VerificationError, match="differ by"):
        sl.verify(model, normalized, x)


def test_verify_notices_a_changed_scale():
    model, x, network, _ = case("identity shortcut", many=True)
    normalized = sl.normalize_weights(network)
    first = next(n for n in normalized.graph.nodes if n.op == "get_attr")
    getattr(normalized.graph.module, first.target).mul_(2)
    with pytest.raises(sl.VerificationError, match="differ by"):
        sl.verify(model, normalized, x)


def test_verify_reads_currents_in_the_units_of_the_model():
    """A scale that is noted wrongly fails the comparison, though the output is right."""
    model, x, network, _ = case("pools", many=False)
    normalized = sl.normalize_weights(network)
    scales = {n.meta["layer"]: float(n.meta["scale"]) for n in normalized.graph.nodes
              if n.meta["kind"] in (Kind.RELU, Kind.MAX_POOL)}  # fmt: skip
    assert scales == {"1": network.thresholds["1"], "3": network.thresholds["1"]}
    normalized.graph.pools["3"].meta["scale"] = 1.0
    with pytest.raises(sl.VerificationError, match="layer '3'"):
        sl.verify(model, normalized, x)


@pytest.mark.parametrize("name", CASES)
def test_normalizing_twice_fires_the_same_spikes(name):
    _, x, network, _ = case(name, many=True)
    once = sl.normalize_weights(network)
    twice = sl.normalize_weights(once)
    assert twice.thresholds == once.thresholds
    assert_same_spikes(once, twice, x)
    for kind, layer in layers(once).items():
        for key, value in layer.named_parameters(recurse=False):
            assert torch.equal(value, getattr(layers(twice)[kind], key))


@pytest.mark.parametrize("name", ["chain", "identity shortcut", "concatenation before pooling"])
def test_a_copy_of_the_result_fires_the_same_spikes(name):
    model, x, network, nodes = case(name, many=True)
    normalized = sl.normalize_weights(network)
    other = copy.deepcopy(normalized)
    assert added(other) == nodes
    assert other.graph.fingerprint == normalized.graph.fingerprint
    assert_same_spikes(network, other, x)
    sl.verify(model, other, x)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    seed=st.integers(0, 15),
    reset=st.sampled_from(["subtract", "zero"]),
    gated=st.booleans(),
    poisson=st.booleans(),
)
def test_errors_are_those_of_the_balanced_network_divided_by_the_threshold(
    seed, reset, gated, poisson
):
    """16 steps: a mean over a power of two is exact."""
    pool = "gate" if gated else "exact"
    _, x, network = converted(seed, reset=reset, max_pool=pool)
    network = network.to(torch.float64)
    normalized = sl.normalize_weights(network)
    options = {"input": "poisson", "seed": 3} if poisson else {}
    ours, theirs = (
        sl.decompose(net, x, sl.simulate(net, x, 16, **options)) for net in (network, normalized)
    )
    for name in network.layers:
        theta = network.thresholds[name]
        theta = np.reshape(theta, (-1,) + (1,) * (ours.total(name).ndim - 2))
        for part in ours.parts[name]:
            assert (theirs.part(name, part) == ours.part(name, part) / theta).all(), (name, part)
    assert (theirs.total("output") == ours.total("output")).all()


@settings(max_examples=25)
@given(
    seed=st.integers(0, 30),
    c=st.sampled_from([0.125, 0.5, 2.0, 8.0]),
    reset=st.sampled_from(["subtract", "zero"]),
    v_init=st.sampled_from([0, 0.25, 0.5]),
)
def test_o7_weights_bias_and_threshold_times_c_leave_the_train_unchanged(seed, c, reset, v_init):
    model, x = exact(nn.Sequential(nn.Linear(4, 6), nn.ReLU()), seed), pixels(3, 4, seed=seed)
    scaled = copy.deepcopy(model)
    for parameter in scaled.parameters():
        parameter.data *= c
    ours, theirs = (
        sl.convert(m, x, threshold=sl.Fixed(theta), reset=reset, v_init=v_init)
        for m, theta in [(model, 0.5), (scaled, 0.5 * c)]
    )
    trains = [sl.simulate(net, x, 64, spikes=True).spikes("1") for net in (ours, theirs)]
    assert (trains[0] == trains[1]).all()
    found = [layers(sl.normalize_weights(net))["0"] for net in (ours, theirs)]
    assert torch.equal(found[0].weight, found[1].weight)
    assert torch.equal(found[0].bias, found[1].bias)


def test_o8_two_layers_by_hand():
    """λ = (2, 4): the normalized loop with binary spikes, the balanced one with PSPs."""
    w1, w2 = np.array([[2.0, 1.0], [0.5, -1.0]]), np.array([[1.5, -0.5], [2.0, 1.0]])
    model = nn.Sequential(nn.Linear(2, 2, False), nn.ReLU(), nn.Linear(2, 2, False), nn.ReLU())
    model[0].weight.data, model[2].weight.data = (torch.tensor(w).float() for w in (w1, w2))
    x = np.array([[0.75, 0.625]])
    network = sl.convert(model, x, threshold=sl.Fixed({"1": 2.0, "3": 4.0}), v_init=0.0)
    record = sl.simulate(sl.normalize_weights(network), x, 64, spikes=True)
    u, v = np.zeros(2), np.zeros(2)
    for t in range(64):
        u = u + w1 / 2 @ x[0]
        first = u >= 1
        u = u - first
        v = v + w2 * 2 / 4 @ first
        second = v >= 1
        v = v - second
        assert (record.spikes("1")[t, 0] == first).all()
        assert (record.spikes("3")[t, 0] == second).all()
    assert record.counts("1").sum() > 30


# --- what must not be mistaken ---------------------------------------------------------------


FEATURES = np.random.default_rng(0).integers(0, 17, (3, 4)) / 16


class Named(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.a, self.b, self.name = nn.Linear(4, 4), nn.Linear(4, 4), name
        self.register_buffer(name, torch.tensor(0.5))

    def forward(self, x):
        h = F.relu(self.a(x))
        return F.relu(self.b(h) + h * getattr(self, self.name))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x):
        return F.linear(F.relu(self.a(x)), self.a.weight)


def assert_normalized(model, theta, x=FEATURES):
    network = sl.convert(model, x, threshold=sl.Fixed(theta))
    normalized = sl.normalize_weights(network)
    ours, theirs = (sl.simulate(net, x, 16) for net in (network, normalized))
    np.testing.assert_allclose(ours.output_sums, theirs.output_sums, atol=1e-4)


@pytest.mark.parametrize("name", ["scale_0", "scale_1", "scale_2"])
def test_a_buffer_of_the_model_with_the_name_of_a_scale(name):
    torch.manual_seed(0)
    assert_normalized(Named(name), 2.0)


def test_a_parameter_of_the_model_with_the_name_of_a_scale():
    model = Named("scale_0")
    del model.scale_0
    model.scale_0 = nn.Parameter(torch.tensor(0.5))
    assert_normalized(model, 2.0)


def test_a_weight_that_is_read_elsewhere_too_is_left_alone():
    torch.manual_seed(0)
    assert_normalized(Tied(), 2.0)


@pytest.mark.parametrize("pool", [nn.MaxPool1d(2), nn.AvgPool1d(2), nn.AvgPool1d(3, 1, 1)])
def test_pooling_over_features_hands_on_no_threshold_per_feature(pool):
    torch.manual_seed(0)
    out = pool(torch.zeros(1, 4)).shape[1]
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), pool, nn.Linear(out, 2))
    assert_normalized(model, np.array([0.5, 1, 2, 4]))


@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1)])
def test_pooling_over_images_without_channels(pool):
    torch.manual_seed(0)
    layers = [nn.Linear(4, 4), nn.ReLU(), pool, nn.Flatten(), nn.Linear(16, 2)]
    x = np.random.default_rng(0).integers(0, 17, (3, 4, 4)) / 16
    assert_normalized(nn.Sequential(*layers), np.array([0.5, 1, 2, 4]), x)


def test_verify_of_a_network_that_is_normalized_twice():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    network = sl.convert(model, FEATURES, threshold=sl.Fixed(2.0))
    twice = sl.normalize_weights(sl.normalize_weights(network))
    sl.verify(model, twice, FEATURES)


def test_normalizing_twice_adds_no_nodes():
    network = sl.convert(nn.Sequential(nn.ReLU()), FEATURES, threshold=sl.Fixed(2.0))
    once = sl.normalize_weights(network)
    assert len(sl.normalize_weights(once).graph.nodes) == len(once.graph.nodes)
