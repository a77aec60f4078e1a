"""Shortcuts that carry real numbers: exact in the ANN and in time, refused where there are none."""

import copy
import pickle

import numpy as np
import pytest
import torch
from helpers import oracles, zoo
from helpers.networks import assert_same_run
from helpers.saved import assert_comes_back
from torch import nn

import snnlab as sl
from snnlab.conversion import verification
from snnlab.data import resnet
from snnlab.exceptions import OptionError, UnsupportedLayerError
from snnlab.graph.evaluation import currents_of
from snnlab.graph.operations import Kind
from snnlab.graph.shortcuts import analog_shortcuts


def has_shortcut(steps):
    """Tell whether a sum reads a ReLU."""
    return any(
        step.name == "add" and any(steps[j - 1].name == "relu" for j in step.sources)
        for step in steps
    )


SEEDS = [seed for seed in range(60) if has_shortcut(oracles.random_steps(seed))][:12]
BLOCKS = ["post", "before_addition", "pre"]


def random_network(seed, **options):
    steps, x = oracles.random_steps(seed), oracles.images(seed, 3)
    rule = sl.Fixed(oracles.thresholds(steps))
    options = {"threshold": rule, "shortcut": "analog"} | options
    return steps, x, sl.convert(oracles.Torch(steps), x, **options)


def small_resnet(block="post", depth=8, seed=0, **options):
    """A residual network whose branches do something, in eval mode, and images for it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = resnet(depth, width=4, block=block, **options)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.2, 0.2)
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
    x = np.random.default_rng(seed).random((6, model.stem.conv.in_channels, 8, 8), np.float32)
    return model.eval(), x


def analog_nodes(network):
    return [n for n in network.graph.nodes if n.meta["kind"] is Kind.RECTIFIER]


# --- in time ---------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_is_that_of_a_plain_loop_bit_for_bit(seed, reset):
    steps, x, net = random_network(seed, reset=reset)
    assert analog_nodes(net)
    record = sl.simulate(net, x, 24, spikes=True, potentials=True)
    x_t = np.broadcast_to(x, (24, *x.shape))
    expected = oracles.plain_loop(steps, x_t, reset, 0.5, analog=True)
    assert_same_run(record, expected)


def test_blocks_of_steps_and_of_images_do_not_count():
    _, _, net = random_network(SEEDS[0])
    x = oracles.images(3, 9)
    whole = sl.simulate(net, x, 20)
    one = [sl.simulate(net, x[i : i + 1], 20, at=range(1, 20)) for i in range(9)]
    assert (whole.output_sums == np.concatenate([r.output_sums for r in one], 1)).all()


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_frames_and_trains_run_as_in_a_plain_loop(seed):
    steps, x, net = random_network(seed)
    frames = oracles.dyadic(np.random.default_rng(seed), (12, *x.shape), 0, 1)
    record = sl.simulate(net, frames, 12, input="frames", spikes=True, potentials=True)
    expected = oracles.plain_loop(steps, frames, "subtract", 0.5, analog=True)
    for name in net.layers:
        assert (record.spikes(name) == expected["spikes"][name]).all()
    assert (record.output_sums == expected["output_sums"]).all()


class OneBlock(nn.Module):
    """A block with an identity shortcut, whose output is its sum."""

    def __init__(self, shortcut=None):
        super().__init__()
        self.first, self.relu = nn.Linear(4, 4), nn.ReLU()
        self.branch = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
        self.shortcut = shortcut or nn.Identity()
        rng = np.random.default_rng(0)
        for parameter in self.parameters():
            value = oracles.dyadic(rng, parameter.shape, -1, 1)
            parameter.data = torch.tensor(value, dtype=torch.float32)

    def forward(self, x):
        x = self.relu(self.first(x))
        return self.shortcut(x) + self.branch(x)


X = oracles.dyadic(np.random.default_rng(1), (5, 4), -1, 1)


def test_what_the_shortcut_adds_is_the_relu_exactly():
    """Without its branch the block gives the ANN's own sum, at every step."""
    model = OneBlock()
    model.branch[2].weight.data.zero_()
    net = sl.convert(model, X, shortcut="analog", threshold=sl.Fixed(1.0))
    record = sl.simulate(net, X, 10)
    expected = np.arange(1, 11)[:, None, None] * sl.ann(net, X).outputs
    assert (record.output_sums == expected).all()


def test_a_transparent_neuron_on_an_identity_shortcut_gives_the_same_trains():
    """A spike of θ fills a neuron of threshold θ at once, however full it began."""
    plain = sl.convert(OneBlock(), X, threshold=sl.Fixed(0.75))
    model = OneBlock(nn.ReLU())
    net = sl.convert(model, X, threshold=sl.Fixed(0.75), v_init=0.5)
    assert len(net.layers) == len(plain.layers) + 1
    a, b = (sl.simulate(n, X, 30, spikes=True) for n in (plain, net))
    assert (a.output_sums == b.output_sums).all()
    assert (b.spikes("shortcut") == b.spikes("relu")).all()
    assert b.spikes("relu").any()


class TwoBlocks(nn.Module):
    """Two blocks whose branches give 0, so that all that reaches the output took the shortcuts."""

    def __init__(self):
        super().__init__()
        self.one, self.two = OneBlock(), OneBlock()
        for block in (self.one, self.two):
            nn.init.zeros_(block.branch[2].weight)

    def forward(self, x):
        return self.two(self.one(x))


def test_the_mean_output_is_the_anns_where_the_rest_is_analog(rng):
    """For currents that change at every step, also below 0."""
    frames = oracles.dyadic(rng, (32, 5, 4), -2, 2)
    net = sl.convert(TwoBlocks(), X, shortcut="analog", threshold=sl.Fixed(1.0))
    record = sl.simulate(net, frames, 32, input="frames")
    expected = sl.ann(net, frames.mean(0)).outputs
    assert np.array_equal(record.outputs[-1], expected)
    assert len(np.unique(expected)) > 4
    assert record.counts("two.relu").any()


@pytest.mark.parametrize("cap", [nn.ReLU6(), nn.Hardtanh(0.0, 0.5)])
def test_caps_hold_on_the_shortcut(cap):
    model = OneBlock()
    model.relu = cap
    model.branch[2].weight.data.zero_()
    x = 16 * X
    net = sl.convert(model, x, shortcut="analog")
    found = sl.simulate(net, x, 8).output_sums[-1] / 8
    assert np.array_equal(found, sl.ann(net, x).outputs)
    assert found.max() > 0


# --- the ANN, and what looks at it -----------------------------------------------------------


@pytest.mark.parametrize("block", BLOCKS)
def test_all_three_blocks_convert_verify_and_come_near_the_ann(block):
    model, x = small_resnet(block)
    net = sl.convert(model, x)
    sl.verify(model, net, x)
    with torch.no_grad():
        expected = model(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(sl.ann(net, x).outputs, expected, rtol=1e-4, atol=1e-4)
    sizes = []
    for timesteps in (8, 512):
        found = sl.simulate(net, x, timesteps).outputs[-1]
        sizes.append(np.abs(found - expected).max())
    assert sizes[1] < 0.25 * sizes[0]


@pytest.mark.parametrize("block", ["post", "before_addition"])
def test_analog_shortcuts_leave_the_ann_as_it_is(block):
    model, x = small_resnet(block)
    before = copy.deepcopy(model.state_dict()), x.copy()
    net = sl.convert(model, x, shortcut="analog")
    sl.verify(model, net, x)
    plain = sl.convert(model, x)
    assert (sl.ann(net, x).outputs == sl.ann(plain, x).outputs).all()
    assert net.thresholds == plain.thresholds
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before[0].items())
    assert np.array_equal(x, before[1])


def test_a_shortcut_is_verified_from_the_same_values_as_its_relu():
    """So that what rounding changes does not add up from block to block."""
    graph = sl.convert(TwoBlocks(), X, shortcut="analog", threshold=sl.Fixed(1.0)).graph
    given = {"two.relu": torch.tensor([[2.0, -2.0, 0.25, 0.0]])}
    emit = verification._giving(graph, given)
    found = currents_of(graph, torch.zeros(1, 4), emit)["output"]
    expected = given["two.relu"].clamp(min=0) + graph.module.get_submodule("two.branch.2").bias
    assert torch.equal(found, expected)


def test_quantized_and_decompose_know_the_shortcut():
    steps, x, net = random_network(SEEDS[0])
    T = 16
    record = sl.simulate(net, x, T)
    parts = sl.decompose(net, x, record)
    expected = oracles.plain_loop(
        steps, np.broadcast_to(x, (T, *x.shape)), "subtract", 0.5, analog=True
    )
    real = sl.ann(net, x)
    for name in net.layers:
        total = sum(parts.part(name, part) for part in parts.parts[name])
        theta = np.asarray(net.thresholds[name])
        theta = theta.reshape(-1, *[1] * (total.ndim - 2)) if theta.ndim else theta
        phi = theta * expected["spikes"][name].sum(0) / T
        np.testing.assert_allclose(total, phi - real.activations[name], atol=1e-6)
        # The mean current that a neuron received, which clipping and quantization start from.
        z = np.maximum(expected["currents"][name], 0)
        np.testing.assert_allclose(
            parts.part(name, "propagated"), z - real.activations[name], atol=1e-6
        )

    high = net.replace(scale=64.0)  # nothing is clipped
    found = [np.abs(sl.quantized(high, x, T).outputs - real.outputs).max() for T in (2**8, 2**16)]
    assert 0 < found[1] < found[0] / 32


def test_normalized_weights_fire_the_same_spikes():
    model, x = small_resnet()
    net = sl.convert(model, x, shortcut="analog", threshold=sl.Fixed(2.0))
    normalized = sl.normalize_weights(net)
    sl.verify(model, normalized, x)
    a, b = (sl.simulate(n, x, 16, dtype=torch.float64) for n in (net, normalized))
    assert all((a.counts(name) == b.counts(name)).all() for name in net.layers)


def test_the_table_says_that_real_numbers_flow():
    model, x = small_resnet()
    assert "shortcut" not in repr(sl.convert(model, x))
    assert "1 shortcut of real numbers, not of spikes" in repr(
        sl.convert(model, x, shortcut="analog")
    )
    model, x = small_resnet(depth=14)
    assert "4 shortcuts of real numbers" in repr(sl.convert(model, x, shortcut="analog"))


def test_it_is_saved_pickled_moved_and_folded(tmp_path):
    model, x = small_resnet(depth=14)
    net = sl.convert(model, x, shortcut="analog")
    assert net.fingerprint != sl.convert(model, x).fingerprint
    assert_comes_back(net, x)
    net.save(tmp_path / "net.safetensors")
    a = sl.simulate(net, x, 12)
    copies = [sl.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(net))]
    copies.append(net.to(torch.float64).to(torch.float32))
    for other in copies:
        assert other.fingerprint == net.fingerprint
        assert [n.meta for n in analog_nodes(other)] == [n.meta for n in analog_nodes(net)]
        assert (sl.simulate(other, x, 12).output_sums == a.output_sums).all()
    module = net.folded()
    names = {n.meta["layer"] for n in analog_nodes(net)}
    relus = {name: m for name, m in module.named_modules() if name in names}
    assert relus.keys() == names
    assert not any(hasattr(relu, "threshold") for relu in relus.values())
    with torch.no_grad():
        assert (module(torch.from_numpy(x)).numpy() == sl.ann(net, x).outputs).all()


def test_its_additions_are_counted_at_every_step_and_its_spikes_no_more():
    model, x = small_resnet(depth=20)
    plain, net = (sl.convert(model, x, shortcut=s) for s in ("spikes", "analog"))
    # Two shortcuts in each stage. A third in the first one carries a constant current, and such a
    # current is a part of the neurons' updates.
    sizes = 2 * 4 * 64 + 2 * 8 * 16 + 2 * 16 * 4
    found = sl.operations(net, sl.simulate(net, x, 12))
    assert (found.per_image("analog") == 12 * sizes).all()
    before = sl.operations(plain, sl.simulate(plain, x, 12))
    assert not before.per_image("analog").any()
    for name in {node.meta["of"] for node in analog_nodes(net)}:
        # The addition is one operation of a spike; the branch of a block is left.
        assert (found.fan_out(name) == before.fan_out(name) - 1).all()
    for name in set(net.layers) - {node.meta["of"] for node in analog_nodes(net)}:
        assert (found.fan_out(name) == before.fan_out(name)).all()
    for column in ("true", "nominal"):
        assert (found.per_image(column) == before.per_image(column)).all()


def test_averages_of_spikes_and_a_readout_stand_beside_it():
    model, x = small_resnet()
    net = sl.convert(
        model, x, shortcut="analog", average_pool="spikes", readout="spikes", max_pool="gate"
    )
    sl.verify(model, net, x)
    assert {"head.pool", "readout"} <= set(net.layers)
    sl.simulate(net, x, 4)


@pytest.mark.slow
def test_a_sweep_takes_both():
    model, x = small_resnet()
    grid = {"shortcut": ["spikes", "analog"]}
    y = np.zeros(len(x), int)
    table = sl.sweep({"net": model}, grid, x, y, timesteps=4, x_cal=x)
    assert sorted(table["shortcut"]) == ["analog", "spikes"]


# --- which shortcuts --------------------------------------------------------------------------


def test_projections_keep_spikes_and_every_identity_is_found():
    model, x = small_resnet(depth=20)
    net = sl.convert(model, x, shortcut="analog")
    names = [node.meta["of"] for node in analog_nodes(net)]
    # Three blocks in each stage; where a stage begins anew, its shortcut is a projection.
    stage = "stage{0}.{1}.relu"
    expected = ["stem.relu", stage.format(1, 0), stage.format(1, 1)]
    expected += [stage.format(s, b) for s in (2, 3) for b in (0, 1)]
    assert names == expected


def test_a_relu_before_the_addition_keeps_its_spikes():
    model, x = small_resnet("before_addition", depth=14)
    net = sl.convert(model, x, shortcut="analog")
    assert [node.meta["of"] for node in analog_nodes(net)] == ["stem.relu"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "first", "count"), [("resnet18", 1, 4), ("cifar_resnet20", 0, 7)])
def test_published_residual_networks_have_their_shortcuts_found(name, first, count):
    model, shape = zoo.ZOO[name]()
    x = np.random.default_rng(0).random((4, *shape), np.float32)
    net = sl.convert(model, x, shortcut="analog")
    sl.verify(model, net, x)
    names = [node.meta["of"] for node in analog_nodes(net)]
    assert len(names) == count
    # In ResNet-18 the shortcut of the first block begins at a max pooling.
    assert names[0] == ["relu", "layer1.0.relu#2"][first]


def test_three_paths_share_one_node():
    class Three(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.relu = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

        def forward(self, x):
            x = torch.relu(x)
            return torch.add(x, self.relu(self.a(x))) + torch.relu(self.b(x)).add(x)

    net = sl.convert(Three().eval(), X, shortcut="analog")
    assert [node.meta["of"] for node in analog_nodes(net)] == ["relu"]
    (node,) = analog_nodes(net)
    assert len(node.users) == 2


def test_the_graph_that_is_given_stays():
    graph = sl.trace(OneBlock(), X)
    before = repr(graph), graph.fingerprint
    analog_shortcuts(graph)
    assert (repr(graph), graph.fingerprint) == before


class Plain(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.fc, self.function = nn.Linear(4, 4), forward

    def forward(self, x):
        return self.function(self, torch.relu(x))


NONE = {
    "a chain": lambda m, x: torch.relu(m.fc(x)),
    "two branches": lambda m, x: torch.relu(m.fc(x)) + torch.relu(m.fc(-x)),
    "twice itself": lambda m, x: x + x,
    "of a sum": lambda m, x: (x + 1) + torch.relu(m.fc(x + 1)),
    "a projection": lambda m, x: m.fc(x) + torch.relu(m.fc(x)),
    "a concatenation": lambda m, x: torch.cat([x, torch.relu(m.fc(x))], 1),
}


@pytest.mark.parametrize("forward", NONE.values(), ids=NONE)
def test_a_model_without_identity_shortcuts_is_refused(forward):
    with pytest.raises(UnsupportedLayerError, match=r"^model: has no identity shortcut .*'spikes'"):
        sl.convert(Plain(forward), X, shortcut="analog")


def test_pre_activation_is_refused_since_it_carries_real_numbers_already():
    model, x = small_resnet("pre")
    with pytest.raises(UnsupportedLayerError, match="as in pre-activation blocks, carries real"):
        sl.convert(model, x, shortcut="analog")


def test_a_staircase_is_refused_by_name():
    model = OneBlock()
    model.relu = sl.QCFS(4)
    with pytest.raises(UnsupportedLayerError, match=r"^layer 'relu': a shortcut .* staircase"):
        sl.convert(model, X, shortcut="analog")


@pytest.mark.slow
@pytest.mark.brian
def test_brian_refuses_it_by_name():
    from snnlab import brian

    net = sl.convert(OneBlock(), X, shortcut="analog")
    with pytest.raises(UnsupportedLayerError, match=r"^layer 'relu': its shortcut carries real"):
        brian.simulate(net, X, 4)
    with pytest.raises(UnsupportedLayerError, match=r"^layer 'relu'"):
        brian.connections(net, "branch.1")


def test_nir_refuses_it_by_name():
    net = sl.convert(
        OneBlock(), X, shortcut="analog", reset="zero", v_init=0, threshold=sl.Fixed(1)
    )
    with pytest.raises(UnsupportedLayerError, match=r"^layer 'relu \(analog\)'.*shortcut='spikes'"):
        sl.nir.to_nir(net)


@pytest.mark.parametrize("other", ["analogue", None, True])
def test_another_word_is_refused(other):
    with pytest.raises(OptionError, match=r"^shortcut = .*expected 'spikes' or 'analog'"):
        sl.convert(OneBlock(), X, shortcut=other)
