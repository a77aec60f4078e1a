"""A network as plain modules of torch: they compute the same, and know their neurons."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.zoo import ZOO
from torch import nn

import snnlab as sl

ROOT = Path(sl.__file__).parent.parent
X = torch.randint(0, 17, (4, 2, 8, 8), generator=torch.Generator().manual_seed(0)) / 16


class Branches(nn.Module):
    """A cap, a constant for each image, a slice, a shortcut."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.fc = nn.Linear(3 * 32 + 1, 4)

    def forward(self, x):
        a = torch.relu(self.bn(self.conv(x)))
        a = nn.functional.relu6(8 * (a + self.conv(x)))[:, :, ::2]
        ones = x.new_ones(x.shape[0], 1)
        return self.fc(torch.cat([a.flatten(1), ones], 1))


class Written(nn.Module):
    """Writes into parts and views, and pads with minus infinity."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 3, padding=1), nn.Linear(3 * 64, 4)

    def forward(self, x):
        a = torch.relu(self.conv(x))
        a[:, 0] = 0.5 * x[:, 1]
        a[:, :, ::2] += 1
        a[:, [0, 2]] = 0.25 * x
        a.flatten(2)[:, 1].mul_(2)
        a = nn.functional.pad(a, (0, 1, 0, 1), value=float("-inf"))
        a = nn.functional.max_pool2d(a, 2, 1)
        return self.fc(torch.relu(a - 0.5).flatten(1))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.look, self.fc = nn.Embedding(17, 3), nn.Linear(4, 4)

    def forward(self, x):
        looked_up = torch.cat([self.look(x).mean(1), torch.ones(x.size(0), 1)], 1)
        return self.fc(torch.relu(looked_up))


def staircases():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), sl.QCFS(4, 0.75), nn.Flatten(), nn.Linear(144, 8)),
        *(sl.QCFS(8, 0.5, shift=0.25), nn.Linear(8, 3)),
    )


def chain():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3)),
    ).eval()


PER_CHANNEL = sl.Fixed({"2": [0.25, 0.5, 0.75, 2.0], "6": 0.3})
NETWORKS = {
    "chain": lambda: sl.convert(chain(), X, threshold=PER_CHANNEL),
    "branches": lambda: sl.convert(Branches().eval(), X),
    "reset to zero": lambda: sl.convert(chain(), X, reset="zero", v_init=0.25),
    "neurons without a ReLU": lambda: sl.convert(
        chain(), X, readout="spikes", average_pool="spikes"
    ),
    "normalized weights": lambda: sl.normalize_weights(
        sl.convert(chain(), X, threshold=PER_CHANNEL)
    ),
    "float64": lambda: sl.convert(chain(), X).to(torch.float64),
    "written parts": lambda: sl.convert(Written(), X),
    "staircases": lambda: sl.convert(staircases(), X),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_what_the_network_computes_with_relus(name):
    network = NETWORKS[name]()
    before = network.fingerprint
    found = network.folded()(X.to(network.graph.dtype)).detach().numpy()
    assert (found == sl.ann(network, X).outputs).all()
    assert np.abs(found).max() > 0
    assert network.fingerprint == before


@pytest.mark.parametrize("name", NETWORKS)
def test_it_calls_functions_of_torch_alone(name):
    module = NETWORKS[name]().folded()
    graphs = [part.graph for part in module.modules() if hasattr(part, "graph")]
    called = [node.target for graph in graphs for node in graph.nodes if callable(node.target)]
    assert [f for f in called if f.__module__.startswith("snnlab")] == []
    assert {type(part).__module__.partition(".")[0] for part in module.modules()} == {"torch"}


def test_whole_numbers_are_looked_up():
    x = torch.randint(0, 17, (5, 7), generator=torch.Generator().manual_seed(0))
    network = sl.convert(Words(), x)
    module = network.folded()
    for tokens in (x, x.double()):
        assert (module(tokens).detach().numpy() == sl.ann(network, x).outputs).all()
    assert all(not str(node.target).startswith("<function looked") for node in module.graph.nodes)


def test_a_staircase_is_the_trained_one():
    model = staircases()
    assert torch.allclose(sl.convert(model, X).folded()(X), model(X), rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "googlenet", "shufflenet_v2"])
def test_it_computes_what_a_large_network_computes(name):
    model, shape = ZOO[name]()
    x = torch.rand(2, *shape)
    graph = sl.fold_batchnorm(sl.trace(model, x))
    network = sl.Network(graph, {layer: sl.Neuron(0.3) for layer in graph.layers})
    assert (network.folded()(x).detach().numpy() == sl.ann(network, x).outputs).all()


class IntegrateAndFire(nn.Module):
    """What somebody else may put in the place of a ReLU: its setting is all it knows."""

    def __init__(self, relu):
        super().__init__()
        self.relu, self.v, self.counts = relu, None, 0

    def forward(self, z):
        theta = self.relu.threshold
        m = (self.relu.v_init * theta if self.v is None else self.v) + z
        spikes = (m >= theta).to(z.dtype)
        self.v = m - theta * spikes if self.relu.reset == "subtract" else m * (1 - spikes)
        self.counts = self.counts + spikes
        return theta * spikes


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "written parts"])
def test_what_its_relus_know_is_enough_to_fire_the_same_spikes(name):
    network = NETWORKS[name]()
    module = network.folded()
    neurons = {
        name: IntegrateAndFire(part)
        for name, part in module.named_modules()
        if hasattr(part, "threshold")
    }
    for path, neuron in neurons.items():
        module.set_submodule(path, neuron)
    assert len(neurons) == len(network.layers)
    with torch.inference_mode():
        total = sum(module(X.to(network.graph.dtype)) for _ in range(10))
    record = sl.simulate(network, X, 10)
    for layer, neuron in zip(network.layers, neurons.values(), strict=True):
        assert (neuron.counts.numpy() == record.counts(layer)).all()
    assert np.allclose(total.numpy() / 10, record.outputs[-1], rtol=1e-5, atol=1e-6)


def test_its_layers_are_folded_and_its_relus_have_the_names_of_the_layers():
    network = NETWORKS["chain"]()
    module = network.folded()
    kinds = {name: type(part) for name, part in module.named_children()}
    assert kinds["0"] is nn.Conv2d
    assert kinds["2"] is kinds["6"] is nn.ReLU
    assert nn.BatchNorm2d not in kinds.values()
    assert module.get_submodule("2").threshold.shape == (4, 1, 1)
    assert (
        module.get_submodule("2").threshold.flatten() == torch.tensor([0.25, 0.5, 0.75, 2])
    ).all()
    assert module.state_dict()["6.threshold"] == torch.tensor(0.3)
    assert not any(part.training for part in module.modules())
    assert set(module.state_dict()) == {
        *("0.weight", "0.bias", "5.weight", "5.bias", "7.weight", "7.bias"),
        *("2.threshold", "6.threshold"),
    }


class Misnamed(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.Linear(3, 3)

    def forward(self, x):
        return self.relu(torch.relu(x))


def test_a_name_that_is_taken_gets_a_mark():
    network = sl.convert(Misnamed(), X[:, 0, 0, :3])
    assert network.layers == ["relu"]
    parts = {name: type(part) for name, part in network.folded().named_children()}
    assert parts == {"relu": nn.Linear, "relu_": nn.ReLU}


def test_a_name_of_torchs_own_gets_a_mark():
    model = nn.Sequential()
    model.add_module("code", nn.ReLU())
    network = sl.convert(model, X[:, 0, 0])
    module = network.folded()
    assert network.layers == ["code"]
    assert [name for name, _ in module.named_children()] == ["code_"]
    assert (module(X[:, 0, 0]).numpy() == sl.ann(network, X[:, 0, 0]).outputs).all()


ELSEWHERE = """
import sys
sys.modules["snnlab"] = None  # whoever loads it has no such package
import numpy as np, torch
file, images, answers = sys.argv[1:]
module, x = torch.load(file, weights_only=False), torch.from_numpy(np.load(images))
np.save(answers, module(x).detach().numpy())
print([(part.reset, part.v_init) for part in module.modules() if hasattr(part, "threshold")])
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["branches", "written parts", "staircases"])
def test_plain_torch_loads_it_where_snnlab_is_not_installed(name, tmp_path):
    network = NETWORKS[name]()
    files = [str(tmp_path / name) for name in ("module.pt", "images.npy", "answers.npy")]
    torch.save(network.folded(), files[0])
    np.save(files[1], X.numpy())
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *files], cwd=ROOT, capture_output=True, text=True
    )
    settings = [(neuron.reset, neuron.v_init) for neuron in network.neurons.values()]
    assert (done.stdout, done.stderr) == (f"{settings}\n", "")
    assert (np.load(files[2]) == sl.ann(network, X).outputs).all()
