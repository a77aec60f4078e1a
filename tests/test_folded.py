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
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_what_the_network_computes_with_relus(name):
    network = NETWORKS[name]()
    before = network.fingerprint
    found = network.folded()(X.to(network.graph.dtype)).detach().numpy()
    assert (found == sl.ann(network, X).outputs).all()
    assert np.abs(found).max() > 0
    assert network.fingerprint == before


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


@pytest.mark.parametrize("name", NETWORKS)
def test_what_its_relus_know_is_enough_to_fire_the_same_spikes(name):
    network = NETWORKS[name]()
    module = network.folded()
    neurons = {
        name: IntegrateAndFire(part)
        for name, part in module.named_modules()
        if isinstance(part, nn.ReLU | nn.Hardtanh)
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
    assert not module.training


def test_a_name_that_is_taken_gets_a_mark():
    network = NETWORKS["neurons without a ReLU"]()
    assert network.layers == ["2", "3", "6", "readout"]
    parts = dict(network.folded().named_modules())
    assert isinstance(parts["readout"], nn.ReLU)
    assert sum(isinstance(part, nn.ReLU) for part in parts.values()) == 4


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
def test_plain_torch_loads_it_where_snnlab_is_not_installed(tmp_path):
    network = NETWORKS["branches"]()
    files = [str(tmp_path / name) for name in ("module.pt", "images.npy", "answers.npy")]
    torch.save(network.folded(), files[0])
    np.save(files[1], X.numpy())
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *files], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (f"{[('subtract', 0.5)] * 2}\n", "")
    assert (np.load(files[2]) == sl.ann(network, X).outputs).all()
