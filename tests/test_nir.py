"""Networks as graphs of NIR and back, against a simulator of NIR written as plain loops."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl

nir = pytest.importorskip("nir")


def fill(model, seed=0):
    """Give a model weights that are multiples of 1/64, so that sums are exact."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data = torch.randint(-32, 33, parameter.shape, generator=generator) / 64
    return model.eval()


def images(*shape):
    return torch.randint(0, 17, shape, generator=torch.Generator().manual_seed(1)) / 16


class Shortcut(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, (3, 3), padding="same")
        self.relu, self.fc = nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x):
        first = torch.relu(self.a(x))
        x = self.relu(self.b(first) + first)
        return self.fc(x.mean((-2, -1)))


MODELS = {
    "chain": (
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.ReLU()),
            nn.AvgPool2d(2, count_include_pad=False),
            *(nn.Flatten(), nn.Linear(16, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)),
        ),
        (2, 8, 8),
    ),
    "one dimension": (
        lambda: nn.Sequential(
            *(nn.Conv1d(2, 4, 3, dilation=2, bias=False), nn.ReLU(), nn.Conv1d(4, 3, 2, stride=2)),
            *(nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)),
        ),
        (2, 11),
    ),
    "sums": (
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2, divisor_override=1)),
            *(nn.LPPool2d(1, 2), nn.Flatten(), nn.Linear(2, 2), nn.ReLU()),
        ),
        (1, 6, 6),
    ),
    "shortcut": (Shortcut, (2, 4, 4)),
    "groups": (
        lambda: nn.Sequential(
            *(nn.Conv2d(4, 6, 3, groups=2), nn.ReLU(), nn.Conv2d(6, 12, 2, groups=6), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(48, 2)),
        ),
        (4, 5, 5),
    ),
}


def exported(name, **options):
    """Return a model's network with NIR's neurons, and images."""
    build, shape = MODELS[name]
    x = images(4, *shape)
    net = sl.convert(fill(build()), x, threshold=sl.Fixed(2.0), reset="zero", v_init=0.0, **options)
    return sl.normalize_weights(net), x


# --- an independent simulator of NIR ---------------------------------------------------------


def windows(x, kernel, stride, padding, dilation=(1, 1)):
    """Yield the place in the output and the window of each, for one image (C, H, W)."""
    (top, left) = padding
    x = np.pad(x, ((0, 0), (top, top), (left, left)))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    for i, row in enumerate(range(0, x.shape[1] - reach[0] + 1, stride[0])):
        for j, column in enumerate(range(0, x.shape[2] - reach[1] + 1, stride[1])):
            yield (
                (i, j),
                x[
                    :,
                    row : row + reach[0] : dilation[0],
                    column : column + reach[1] : dilation[1],
                ],
            )


def two(value):
    return [int(n) for n in np.broadcast_to(value, 2)]


def convolved(node, x):
    weight, bias = node.weight.astype(float), node.bias
    kernel = weight.shape[2:]
    dilation, stride = two(node.dilation), two(node.stride)
    padding = [k // 2 for k in kernel] if isinstance(node.padding, str) else two(node.padding)
    found = {
        place: np.tensordot(weight, window, 3)
        for place, window in windows(x, kernel, stride, padding, dilation)
    }
    return assembled(found) + bias[:, None, None]


def pooled(node, x, how):
    found = windows(x, *map(two, (node.kernel_size, node.stride, node.padding)))
    return assembled({place: how(window, axis=(1, 2)) for place, window in found})


def assembled(found):
    rows, columns = (max(place[d] for place in found) + 1 for d in (0, 1))
    return np.array([[found[i, j] for j in range(columns)] for i in range(rows)]).transpose(2, 0, 1)


def value_of(node, x, potentials, name):
    """Return what a node of NIR makes of its input in one step of length 1."""
    if isinstance(node, nir.Affine):
        return node.weight @ x + node.bias
    if isinstance(node, nir.Linear):
        return node.weight @ x
    if isinstance(node, nir.Scale):
        return node.scale * x
    if isinstance(node, nir.Flatten):
        return x.reshape(-1)
    if isinstance(node, nir.Conv2d):
        return convolved(node, x)
    if isinstance(node, nir.Conv1d):
        padding = node.padding if isinstance(node.padding, str) else [0, int(node.padding)]
        wide = nir.Conv2d(
            *(None, node.weight[:, :, None], (1, int(node.stride)), padding),
            *((1, int(node.dilation)), node.groups, node.bias),
        )
        return convolved(wide, x[:, None])[:, 0]
    if isinstance(node, nir.AvgPool2d):
        return pooled(node, x, np.mean)
    if isinstance(node, nir.SumPool2d):
        return pooled(node, x, np.sum)
    if isinstance(node, nir.IF):
        v = potentials.get(name, 0.0) + node.r * x
        fires = v >= node.v_threshold
        potentials[name] = np.where(fires, node.v_reset, v)
        return fires.astype(float)
    assert isinstance(node, nir.Output)
    return x


def simulated(graph, image, timesteps):
    """Return spike counts of each IF node, and the mean output, for one image."""
    waiting, order = set(graph.nodes), []
    while waiting:
        ready = [n for n in waiting if not any(b == n and a in waiting for a, b in graph.edges)]
        order += sorted(ready)
        waiting -= set(ready)
    counts, potentials, output = {}, {}, 0.0
    for _ in range(timesteps):
        values = {}
        for name in order:
            node = graph.nodes[name]
            if isinstance(node, nir.Input):
                values[name] = image
                continue
            x = sum(values[a] for a, b in graph.edges if b == name)
            values[name] = value_of(node, x, potentials, name)
            if isinstance(node, nir.IF):
                counts[name] = counts.get(name, 0) + values[name]
            if isinstance(node, nir.Output):
                output = output + values[name] / timesteps
    return counts, output


# --- to and from -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_graph_simulated_by_loops_fires_the_same_spikes(name):
    network, x = exported(name)
    graph = sl.to_nir(network)
    record = sl.simulate(network, x, 8)
    for image, i in zip(x.double().numpy(), range(len(x)), strict=True):
        counts, output = simulated(graph, image, 8)
        assert sorted(counts) == sorted(network.layers)
        for layer in network.layers:
            assert (counts[layer] == record.counts(layer)[i]).all()
        assert np.allclose(output, record.outputs[-1][i], rtol=1e-12, atol=0)
    assert sum(record.counts(network.layers[-1]).ravel()) > 0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_and_back_it_is_the_same_network(name, dtype, tmp_path):
    network, x = exported(name)
    network = network.to(dtype)
    graph = sl.to_nir(network)
    nir.write(tmp_path / "network.nir", graph)
    for back in (sl.from_nir(graph), sl.from_nir(nir.read(tmp_path / "network.nir"))):
        assert back.layers == network.layers
        assert back.graph.dtype == dtype
        a, b = (sl.simulate(net, x, 8, spikes=True) for net in (network, back))
        for layer in network.layers:
            assert (a.spikes(layer) == b.spikes(layer)).all()
        assert (a.outputs == b.outputs).all()
        again = sl.to_nir(back)
        assert [*map(type, again.nodes.values())] == [*map(type, graph.nodes.values())]


def test_a_scaling_that_normalized_weights_leave_is_a_node():
    model = fill(nn.Sequential(nn.ReLU(), nn.Linear(3, 3), nn.ReLU()))
    x = images(5, 3)
    net = sl.convert(model, x, threshold=sl.Fixed(0.5), reset="zero", v_init=0.0)
    network = sl.normalize_weights(net)
    graph = sl.to_nir(network)
    assert [type(n).__name__ for n in graph.nodes.values()].count("Scale") == 2
    back = sl.from_nir(graph)
    for layer in net.layers:
        assert (sl.simulate(back, x, 9).counts(layer) == sl.simulate(net, x, 9).counts(layer)).all()


def test_thresholds_and_resistances_of_others_scale_the_current():
    r, theta = np.array([1.0, 2.0, 0.5]), np.array([0.5, 1.0, 2.0])
    graph = nir.NIRGraph.from_list(nir.Linear(np.eye(3)), nir.IF(r=r, v_threshold=theta))
    network, image = sl.from_nir(graph), np.array([0.25, 0.375, 1.0])
    counts, output = simulated(graph, image, 16)
    record = sl.simulate(network, image[None], 16)
    assert network.layers == ["if"]
    assert (record.counts("if")[0] == counts["if"]).all()
    assert (counts["if"] == [8, 8, 4]).all()
    assert (record.outputs[-1][0] == output).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"reset": "subtract"}, "'1': .*reset 'subtract'.*normalize_weights"),
        ({"v_init": 0.5}, "'1': .*v_init 0.5"),
        ({"threshold": 0.25}, "'1': .*threshold 0.25"),
        ({"layer": "5", "threshold": np.full(8, 2.0)}, "'5': .*threshold 2"),
    ],
)
def test_other_neurons_are_refused(changed, message):
    network, _ = exported("chain")
    with pytest.raises(sl.UnsupportedLayerError, match=message):
        sl.to_nir(network.replace(**changed))


REFUSED = {
    "max pooling": (
        nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU(), nn.MaxPool2d(2)),
        "max_pool2d",
    ),
    "circular padding": (
        nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), nn.ReLU()),
        "pad",
    ),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(2, 2, 3), nn.ReLU()), "ConvTranspose2d"),
    "a pool that leaves its padding out": (
        nn.Sequential(nn.ReLU(), nn.AvgPool2d(2, padding=1, count_include_pad=False)),
        "whole windows",
    ),
    "a change of shape": (nn.Sequential(nn.ReLU(), nn.Flatten(2)), "no node for reshape"),
    "windows that are cut off": (
        nn.Sequential(nn.ReLU(), nn.AvgPool2d(3, ceil_mode=True)),
        "whole windows",
    ),
    "windows of two sizes": (nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(3)), "one size"),
    "a linear layer over a dimension": (nn.Sequential(nn.ReLU(), nn.Linear(8, 3)), "Linear"),
}


class Mean(nn.Module):
    def forward(self, x):
        return torch.relu(x).mean((1, 2))


class Weighted(nn.Module):
    def forward(self, x):
        return torch.add(torch.relu(x), x, alpha=2)


REFUSED["a weighted sum"] = Weighted(), "no node for add"
REFUSED["a mean over channels"] = Mean(), "mean over height and width"


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused_by_name(name):
    model, message = REFUSED[name]
    net = sl.convert(model.eval(), images(2, 2, 8, 8), reset="zero", v_init=0.0)
    with pytest.raises(sl.UnsupportedLayerError, match=message):
        sl.to_nir(sl.normalize_weights(net))


def test_names_that_would_be_folders_in_a_file_are_changed(tmp_path):
    model = nn.Sequential()
    for name in ("a/b", "a_b"):
        model.add_module(name, nn.Linear(2, 2))
        model.add_module(f"relu{name}", nn.ReLU())
    x = images(3, 2)
    net = sl.convert(fill(model), x, threshold=sl.Fixed(1.0), reset="zero", v_init=0.0)
    graph = sl.to_nir(net)
    assert list(graph.nodes) == ["input", "a_b", "relua_b", "a_b#2", "relua_b#2", "output"]
    nir.write(tmp_path / "network.nir", graph)
    back = sl.from_nir(nir.read(tmp_path / "network.nir"))
    assert (sl.simulate(back, x, 4).outputs == sl.simulate(net, x, 4).outputs).all()


def test_grouped_convolutions_of_others_are_read():
    weight = np.arange(4.0).reshape(4, 1, 1, 1)
    nodes = {
        "input": nir.Input({"input": np.array([2, 3, 3])}),
        "conv": nir.Conv2d((3, 3), weight, 1, 0, 1, 2, np.zeros(4)),
        "if": nir.IF(np.ones((4, 3, 3)), np.ones((4, 3, 3))),
        "output": nir.Output({"output": np.array([4, 3, 3])}),
    }
    edges = [("input", "conv"), ("conv", "if"), ("if", "output")]
    network = sl.from_nir(nir.NIRGraph(nodes, edges, type_check=False))
    record = sl.simulate(network, torch.full((1, 2, 3, 3), 0.5, dtype=torch.float64), 4)
    assert record.counts("if")[0].mean((1, 2)).tolist() == [0, 2, 4, 4]


def test_a_value_that_counts_twice_is_refused():
    class Twice(nn.Module):
        def forward(self, x):
            x = torch.relu(x)
            return x + x

    net = sl.convert(Twice(), [[1.0, 0.5]], threshold=sl.Fixed(1.0), reset="zero", v_init=0.0)
    with pytest.raises(sl.UnsupportedLayerError, match="Duplicate edge"):
        sl.to_nir(net)


def test_on_request_it_says_what_other_neurons_cost():
    build, shape = MODELS["chain"]
    x = images(40, *shape)
    net = sl.convert(fill(build()), x, threshold=sl.Percentile(99))
    with pytest.warns(UserWarning, match=r"On 40 images, after 4 steps, \d") as told:
        graph = sl.to_nir(net, approximate=x, timesteps=4)
    other = sl.from_nir(graph)
    a, b = (sl.simulate(n, x, 4).outputs[-1] for n in (net, other))
    same = (a.argmax(1) == b.argmax(1)).mean()
    difference = np.abs(a - b).max() / np.abs(a).max()
    sentence = str(told[0].message)
    assert same < 1
    assert f"{same:.2%} of the answers" in sentence
    assert f"up to {difference:.2g} of the largest" in sentence
    assert graph.metadata["approximation"] in sentence
    assert told[0].filename == __file__


def test_of_one_logit_the_sign_is_the_answer():
    model = fill(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)))
    x = images(60, 4)
    net = sl.convert(model, x)
    with pytest.warns(UserWarning, match="of the answers") as told:
        graph = sl.to_nir(net, approximate=iter(x.split(7)), timesteps=2)
    a, b = (sl.simulate(n, x, 2).outputs[-1] > 0 for n in (net, sl.from_nir(graph)))
    assert 0 < (a == b).mean() < 1
    assert f"{(a == b).mean():.2%} of the answers" in str(told[0].message)


def test_images_are_not_needed_where_nothing_is_approximated():
    network, x = exported("chain")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sl.to_nir(network, approximate=x).metadata == {}


def of(*nodes, edges=None):
    named = {str(i): node for i, node in enumerate(nodes)}
    return nir.NIRGraph(named, edges, type_check=False)


def ones(n=2):
    return np.ones(n)


GRAPHS = {
    "leaky neurons": (
        lambda: nir.NIRGraph.from_list(
            nir.Linear(np.eye(2)), nir.LIF(ones(), ones(), ones(), ones())
        ),
        "'lif': LIF",
    ),
    "another reset": (
        lambda: nir.NIRGraph.from_list(
            nir.Linear(np.eye(2)), nir.IF(ones(), ones(), v_reset=-ones())
        ),
        "'if': IF",
    ),
    "a loop": (
        lambda: of(
            nir.Input({"input": ones(1)}),
            nir.IF(ones(), ones()),
            nir.Output({"output": ones(1)}),
            edges=[("0", "1"), ("1", "1"), ("1", "2")],
        ),
        "loop",
    ),
    "two inputs": (
        lambda: of(
            nir.Input({"input": ones(1)}),
            nir.Input({"input": ones(1)}),
            nir.IF(ones(), ones()),
            nir.Output({"output": ones(1)}),
            edges=[("0", "2"), ("1", "2"), ("2", "3")],
        ),
        "2 nodes of type Input",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_cannot_be_simulated_are_refused(name):
    build, message = GRAPHS[name]
    with pytest.raises(sl.UnsupportedLayerError, match=message):
        sl.from_nir(build())


def test_other_things_than_a_network_or_a_graph_are_refused():
    with pytest.raises(sl.OptionError, match=r"network: .*snnlab\.convert"):
        sl.to_nir(nn.ReLU())
    with pytest.raises(sl.OptionError, match=r"graph: .*nir\.read"):
        sl.from_nir("network.nir")
