"""Recipes for few time steps: what they consist of, against plain loops."""

import copy

import numpy as np
import pytest
import torch
from helpers import oracles
from torch import nn

import snnlab as sl
from snnlab import recipes
from snnlab.exceptions import OptionError, UnsupportedLayerError
from snnlab.recipes.privatesnn import likeness

RNG = np.random.default_rng(0)
X = oracles.dyadic(RNG, (8, 4), 0, 1, 64).astype(np.float32)
WEIGHTS = [oracles.dyadic(RNG, shape, -1, 1, 8) for shape in ((6, 4), (5, 6), (3, 5))]


def net_of(make=nn.ReLU):
    """Return a network with two hidden layers in which nothing is rounded."""
    layers = [nn.Linear(*w.shape[::-1], bias=False) for w in WEIGHTS]
    for layer, weight in zip(layers, WEIGHTS, strict=True):
        layer.weight.data = torch.tensor(weight, dtype=torch.float32)
    return nn.Sequential(layers[0], make(), layers[1], make(), layers[2])


def run_by_hand(step, timesteps):
    """Return counts of both layers and the sum of outputs; `step` maps layer and current to φ."""
    counts, outputs = [0, 0], 0
    for _ in range(timesteps):
        a = X.astype(float)
        for layer in range(2):
            passed_on, spikes = step(layer, a @ WEIGHTS[layer].T)
            counts[layer] = counts[layer] + spikes
            a = passed_on
        outputs = outputs + a @ WEIGHTS[2].T
    return counts, outputs


def assert_runs_as(network, step, timesteps=6):
    record = sl.simulate(network, X, timesteps)
    counts, outputs = run_by_hand(step, timesteps)
    for name, expected in zip(network.layers, counts, strict=True):
        assert np.array_equal(record.counts(name), expected)
        assert expected.any()
    assert np.array_equal(record.output_sums[-1], outputs)


def assert_same_network(found, expected):
    assert dict(found.corrections) == dict(expected.corrections)
    for name, neuron in expected.neurons.items():
        for setting, value in vars(neuron).items():
            assert np.array_equal(getattr(found.neurons[name], setting), value), setting


THETA = sl.Fixed({0: 2.0, 1: 4.0})


# --- groups and bursts -----------------------------------------------------------------------


class Group:
    """Lv et al. 2024: m members with thresholds θ/m, 2θ/m, ..., each with its own potential."""

    def __init__(self, theta, members):
        self.part, self.members = theta / members, members
        self.v = None

    def step(self, current):
        if self.v is None:
            self.v = [np.full(current.shape, self.part / 2) for _ in range(self.members)]
        spikes = np.zeros(current.shape)
        for k in range(self.members):
            self.v[k] = self.v[k] + current
            spikes += self.v[k] >= (k + 1) * self.part
        for k in range(self.members):
            self.v[k] = self.v[k] - spikes * self.part
        return spikes * self.part, spikes


@pytest.mark.parametrize("members", [1, 2, 4, 8])
def test_a_group_is_a_burst_neuron(members):
    groups = [Group(2.0, members), Group(4.0, members)]
    network = recipes.group(net_of(), X, members, threshold=THETA)
    assert_runs_as(network, lambda layer, z: groups[layer].step(z))
    halves = recipes.burst(net_of(), X, members, threshold=THETA, v_init=0.5)
    assert_same_network(network, halves)


def test_a_group_of_one_is_one_neuron():
    expected = sl.convert(net_of(), X, threshold=THETA)
    assert_same_network(recipes.group(net_of(), X, 1, threshold=THETA), expected)
    assert_same_network(recipes.burst(net_of(), X, 1, threshold=THETA, v_init=0.5), expected)


def test_a_burst_against_a_plain_loop():
    potentials = [0.0, 0.0]

    def step(layer, current):
        theta = (2.0, 4.0)[layer] / 4
        potentials[layer] = potentials[layer] + current
        spikes = np.clip(np.floor(potentials[layer] / theta), 0, 4)
        potentials[layer] = potentials[layer] - spikes * theta
        return spikes * theta, spikes

    assert_runs_as(recipes.burst(net_of(), X, 4, threshold=THETA), step)


def test_groups_of_staircases_keep_their_own_thresholds():
    network = recipes.group(net_of(lambda: sl.QCFS(4, 3.0)), X, 4)
    assert network.thresholds == {"1": 0.75, "3": 0.75}
    assert {n.max_spikes for n in network.neurons.values()} == {4}


@pytest.mark.parametrize("levels", [2, 4, 8])
def test_a_group_per_level_is_the_trained_network_in_one_step_to_the_last_bit(levels):
    model = net_of(lambda: sl.QCFS(levels, 2.0))
    network = recipes.group(model, X, levels)
    outputs = sl.simulate(network, X, 1).outputs[-1]
    assert np.array_equal(outputs, model(torch.from_numpy(X)).detach().numpy())
    assert outputs.any()


# --- conversions with other settings ---------------------------------------------------------


def test_half_full_neurons():
    expected = sl.convert(net_of(), X, threshold=sl.Maximum(), v_init=0.5)
    assert_same_network(recipes.opi(net_of(), X), expected)
    assert_same_network(
        recipes.opi(net_of(), X, threshold=THETA), sl.convert(net_of(), X, threshold=THETA)
    )


def test_a_shift_against_a_plain_loop():
    T, theta = 8, 0.5
    network = recipes.rts(net_of(), X, T, threshold=sl.Fixed(theta))
    record = sl.simulate(network, X, T)
    v = [np.zeros((len(X), n)) for n in (6, 5)]

    def step(layer, current):
        v[layer] += current + theta / (2 * T)
        spikes = v[layer] >= theta
        v[layer] -= theta * spikes
        return theta * spikes, spikes

    counts, outputs = run_by_hand(step, T)
    for layer, name in enumerate(network.layers):
        assert (record.counts(name) == counts[layer]).all()
    assert (record.output_sums[-1] == outputs).all()
    # A steady current, as the first layer has it, is counted as from a start of one half.
    half_full = sl.simulate(sl.convert(net_of(), X, threshold=sl.Fixed(theta)), X, T)
    first, second = network.layers
    assert (record.counts(first) == half_full.counts(first)).all()
    assert (record.counts(second) != half_full.counts(second)).any()
    with pytest.warns(UserWarning, match="for 8 steps, and this run has 4"):
        sl.simulate(network, X, 4)


def test_signed_neurons_against_a_plain_loop():
    potentials, counts = [1.0, 2.0], [0.0, 0.0]

    def step(layer, current):
        theta = (2.0, 4.0)[layer]
        v = potentials[layer] + current
        back = -1.0 * ((v < 0) & (counts[layer] > 0))
        spikes = np.where(v >= theta, 1.0, back)
        potentials[layer], counts[layer] = v - theta * spikes, counts[layer] + spikes
        return spikes * theta, spikes

    network = recipes.signed(net_of(), X, threshold=THETA)
    assert_runs_as(network, step)
    record = sl.simulate(network, X, 6)
    assert (record.sent(1) > record.counts(1)).any()
    own = recipes.signed(net_of(lambda: sl.QCFS(4, 3.0, 0.25)), X).neurons["1"]
    assert (own.v_threshold, own.v_init, own.signed) == (3.0, 0.25, True)


@pytest.mark.parametrize("correct", ["bias", "potential"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_calibration_is_its_three_parts(correct, per_channel):
    network = sl.convert(net_of(), X, threshold=sl.MMSE(4, per_channel))
    expected = getattr(sl, f"correct_{correct}")(network, X, 4)
    options = {"correct": correct, "per_channel": per_channel}
    found = recipes.calibration(net_of(), X, 4, **options)
    assert_same_network(found, expected)
    assert_same_network(recipes.calibration(net_of(), iter([X[:5], X[5:]]), 4, **options), expected)


def test_calibration_refuses_other_corrections():
    with pytest.raises(OptionError, match=r"^correct = 'weights'"):
        recipes.calibration(net_of(), X, 4, correct="weights")


# --- trained networks ------------------------------------------------------------------------


def test_trained_networks():
    stairs, clipped = net_of(lambda: sl.QCFS(4, 3.0, 0.25)), net_of(lambda: sl.TCL(3.0))
    for network, start in ((recipes.qcfs(stairs, X), 0.25), (recipes.tcl(clipped, X), 0.5)):
        assert network.thresholds == {"1": 3.0, "3": 3.0}
        assert {n.v_init for n in network.neurons.values()} == {start}
    with pytest.raises(UnsupportedLayerError, match=r"^layer '1': is no staircase.*recipes\.tcl"):
        recipes.qcfs(clipped, X)
    for recipe in (recipes.qcfs, recipes.tcl):
        with pytest.raises(OptionError, match="trainable_clipping"):
            recipe(net_of(), X)


# --- without data ----------------------------------------------------------------------------


def classifier():
    torch.manual_seed(0)
    layers = nn.Flatten(), nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4)
    model = nn.Sequential(*layers)
    model(torch.randn(64, 16))
    return model


def test_likeness_by_hand():
    weights = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])
    # Cosines: (1, 0, -1), (0, 1, 0), (-1, 0, 1); each row scaled to [0, 1].
    expected = [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0]]
    assert likeness(weights).tolist() == expected


def test_images_are_taken_for_their_classes():
    model = classifier()
    before, state = copy.deepcopy(model), torch.get_rng_state()
    images = recipes.class_impressions(model, (1, 4, 4), 40, updates=30, learning_rate=0.03)
    assert torch.equal(torch.get_rng_state(), state)
    assert images.shape == (40, 1, 4, 4)
    assert 0 <= images.min() < images.max() <= 1
    assert not images.requires_grad
    for name, tensor in before.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    noise = recipes.class_impressions(model, (1, 4, 4), 40, updates=1)
    own, own_of_noise = (
        model.eval()(x).softmax(1)[range(40), torch.arange(40) % 4].mean() for x in (images, noise)
    )
    assert own > own_of_noise + 0.02


def test_images_follow_the_seed():
    first, again, other = (
        recipes.class_impressions(classifier(), (1, 4, 4), 8, updates=3, seed=seed)
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    inferring = recipes.class_impressions(classifier().eval(), (1, 4, 4), 8, updates=3)
    assert torch.equal(first, inferring)


def test_a_network_without_data():
    model = classifier().eval()
    images = recipes.class_impressions(model, (1, 4, 4), seed=3)
    expected = sl.convert(model, images, threshold=sl.Maximum())
    assert_same_network(recipes.privatesnn(model, (1, 4, 4), seed=3), expected)
    found = recipes.privatesnn(model, (1, 4, 4), threshold=sl.Fixed(2.0))
    assert found.thresholds == {"3": 2.0}


def test_what_cannot_be_made_is_refused():
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten())
    with pytest.raises(UnsupportedLayerError, match=r"^model: has no nn\.Linear with 18 outputs"):
        recipes.class_impressions(model, (1, 4, 4))
    for options in ({"images": 0}, {"updates": 0}, {"learning_rate": -1.0}, {"seed": 0.5}):
        with pytest.raises(OptionError, match=f"^{next(iter(options))}"):
            recipes.class_impressions(classifier(), (1, 4, 4), **options)
    with pytest.raises(OptionError, match=r"^shape"):
        recipes.class_impressions(classifier(), (1, 4.5, 4))


@pytest.mark.parametrize("name", ["burst", "group"])
def test_numbers_of_spikes_that_are_none_are_refused(name):
    with pytest.raises(OptionError, match=r"^(max_spikes|members) = 0"):
        getattr(recipes, name)(net_of(), X, 0)
