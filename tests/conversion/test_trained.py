"""Layers to train with in place of ReLUs, and the thresholds that they give."""

import copy

import numpy as np
import pytest
import torch
from helpers import oracles
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab import data
from snnlab.exceptions import CalibrationError, OptionError, UnsupportedLayerError

RNG = np.random.default_rng(0)


def dyadic(*shape, low=-1.0, high=2.0, parts=16):
    return torch.tensor(oracles.dyadic(RNG, shape, low, high, parts), dtype=torch.float32)


def gradients(layer, z):
    """Return the gradients of the sum of a layer's outputs, by its inputs and by its θ."""
    z = z.clone().requires_grad_()
    layer(z).sum().backward()
    return z.grad.tolist(), layer.threshold.grad.item()


# --- the layers ------------------------------------------------------------------------------


def test_clipping_and_its_gradients_by_hand():
    z = [-2.0, -0.25, 0.25, 1.0, 1.5, 1.75, 8.0]
    layer = sl.TCL(1.5)
    assert layer(torch.tensor(z)).tolist() == [0, 0, 0.25, 1.0, 1.5, 1.5, 1.5]
    assert gradients(layer, torch.tensor(z)) == ([0, 0, 1, 1, 0, 0, 0], 3.0)
    assert repr(layer) == "TCL(threshold=1.5)"


def staircase_by_hand(z, theta, levels, shift):
    """Return Q, dQ/dz and dQ/dθ of one number, with 1 for the gradient of the floor."""
    steps = np.floor(z * levels / theta + shift)
    if steps < 0:
        return 0.0, 0.0, 0.0
    if steps > levels:
        return theta, 0.0, 1.0
    # d(θ·steps/L)/dθ, the product rule: steps/L + θ/L · (-zL/θ²).
    return theta * steps / levels, 1.0, steps / levels - z / theta


@given(st.integers(-32, 64), st.sampled_from([1, 2, 4, 8]), st.sampled_from([0.0, 0.25, 0.5]))
def test_gradients_of_the_staircase_by_hand(sixteenths, levels, shift):
    z, theta = sixteenths / 16, 2.0
    layer = sl.QCFS(levels, theta, shift)
    value, by_z, by_theta = staircase_by_hand(z, theta, levels, shift)
    assert layer(torch.tensor([z])).tolist() == [value]
    assert gradients(layer, torch.tensor([z])) == ([by_z], by_theta)


@pytest.mark.parametrize("levels", [16, 1 << 10, 1 << 16])
def test_with_many_levels_a_staircase_is_clipping(levels):
    z = torch.linspace(-1, 4, 1001, dtype=torch.float64)
    error = (sl.QCFS(levels, 1.5)(z) - sl.TCL(1.5)(z)).abs().max().item()
    assert 0.4 * 1.5 / levels < error <= 0.5001 * 1.5 / levels


@pytest.mark.parametrize("levels", [1, 4])
def test_the_mean_over_random_shifts_is_clipping(levels):
    layer, z = sl.QCFS(levels, 2.0, "random"), torch.linspace(-1, 3, 17)
    expected = sl.TCL(2.0)(z).detach()
    torch.manual_seed(0)
    drawn = layer(z.expand(20_000, -1)).detach()
    assert {*(drawn * levels / 2).unique().tolist()} == {*range(levels + 1)}
    assert drawn.mean(0).numpy() == pytest.approx(expected.numpy(), abs=0.03)
    assert len(layer(torch.full((64,), 0.3)).unique()) == 2  # each value has its own
    assert layer.eval()(z).tolist() == expected.tolist()


def test_random_shifts_follow_the_seed_and_have_the_gradient_of_their_mean():
    z, drawn = dyadic(200), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(sl.QCFS(4, 1.5, "random")(z).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert gradients(sl.QCFS(4, 1.5, "random"), z) == gradients(sl.TCL(1.5), z)
    assert "shift=random" in repr(sl.QCFS(4, 1.5, "random"))


@pytest.mark.parametrize("threshold", [0.0, -1.0, np.nan, "1"])
def test_thresholds_outside_their_range_are_refused(threshold):
    with pytest.raises(OptionError, match=r"^threshold"):
        sl.TCL(threshold)


# --- put in the place of ReLUs ---------------------------------------------------------------


class Shared(nn.Module):
    """One ReLU at two places, under two names, beside another one and BatchNorm."""

    def __init__(self, gain=3.0):
        super().__init__()
        self.gain = gain
        self.first, self.bn, self.second = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 6)
        self.relu, self.other, self.last = nn.ReLU(inplace=True), nn.ReLU6(), nn.Linear(6, 3)
        self.again = nn.Sequential(self.relu)

    def forward(self, x):
        a = self.relu(self.bn(self.first(x)))
        return self.last(self.other(self.again(self.gain * self.second(a)) - 0.1))


def shared(gain=3.0):
    torch.manual_seed(0)
    model = Shared(gain)
    model(torch.randn(64, 4))  # so that BatchNorm has seen something
    return model


def activations_of(model, x):
    """Return what each ReLU gives, over all places where it is called, by name."""
    found, model = {}, copy.deepcopy(model).eval()
    for name, module in model.named_modules():
        if isinstance(module, (nn.ReLU, nn.ReLU6)):
            module.register_forward_hook(
                lambda _, __, a, name=name: found.setdefault(name, []).append(a.clone())
            )
    with torch.no_grad():
        model(x)
    return found


@pytest.mark.parametrize("gain", [0.5, 3.0])  # the second place has the smaller or larger values
@pytest.mark.parametrize(("levels", "percentile"), [(4, 99), (None, 99.9)])
def test_thresholds_start_at_a_percentile(levels, percentile, gain):
    model, x = shared(gain), torch.randn(300, 4)
    found = sl.trainable_clipping(model, x, levels)
    activations = activations_of(model, x)
    assert {name: len(places) for name, places in activations.items()} == {"relu": 2, "other": 1}
    for name, places in activations.items():
        layer = found.get_submodule(name)
        expected = max(np.percentile(a.numpy().astype(float), percentile) for a in places)
        assert layer.threshold.item() == pytest.approx(expected, rel=1e-6)
        assert isinstance(layer, sl.TCL if levels is None else sl.QCFS)
    assert found.again[0] is found.relu
    assert levels is None or found.relu.levels == levels


@pytest.mark.parametrize("training", [True, False])
def test_all_else_stays_as_it_is(training):
    model, x = shared().train(training), torch.randn(300, 4)
    model.other.train(not training)
    before = copy.deepcopy(model)
    found = sl.trainable_clipping(model, x, 4)
    assert repr(model) == repr(before)
    for one in (model, found):
        assert [m.training for m in one.modules()] == [m.training for m in before.modules()]
        for name, tensor in before.state_dict().items():
            assert torch.equal(one.state_dict()[name], tensor)
    assert {*found.state_dict()} - {*model.state_dict()} >= {"relu.threshold", "other.threshold"}
    found.first.weight.data.zero_()
    assert model.first.weight.any()


def test_images_may_come_in_batches_and_once():
    model, x = shared(), torch.randn(300, 4)
    expected = sl.trainable_clipping(model, x, 4).relu.threshold.item()
    for images in (torch.utils.data.DataLoader(x, 64), iter(x.split(50))):
        found = sl.trainable_clipping(model, images, 4).relu.threshold.item()
        assert found == pytest.approx(expected, rel=1e-6)


def test_a_relu_alone_and_a_model_of_float64():
    assert isinstance(sl.trainable_clipping(nn.ReLU(), [[1.0]], None), sl.TCL)
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU()).double()
    model[0].bias.data[:] = 5
    found = sl.trainable_clipping(model, [[0.25, 0.5]], 4, shift=0.25)
    assert found[1].threshold.dtype == torch.float64
    assert found[1].shift == 0.25


class Written(nn.Module):
    """A model with a ReLU written in its forward."""

    def __init__(self, relu):
        super().__init__()
        self.layer, self.relu, self.written = nn.Linear(4, 4), nn.ReLU(), relu

    def forward(self, x):
        return self.written(self.layer(self.relu(x)))


FUNCTIONS = {
    "F.relu": F.relu,
    "torch.relu": torch.relu,
    "clamp": lambda x: x.clamp(min=0),
    "maximum": lambda x: torch.maximum(x, torch.zeros(())),
}


@pytest.mark.parametrize("relu", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_is_no_module_is_refused(relu):
    with pytest.raises(UnsupportedLayerError, match=r"^layer .*a function.*self\.relu = nn\.ReLU"):
        sl.trainable_clipping(Written(relu), torch.randn(8, 4), 4)


def test_what_else_cannot_be_replaced_is_refused():
    x = torch.randn(8, 4)
    with pytest.raises(UnsupportedLayerError, match=r"^layer 'written': is LeakyReLU, expected"):
        sl.trainable_clipping(Written(nn.LeakyReLU()), x, 4)
    with pytest.raises(UnsupportedLayerError, match=r"^layer 'written': is QCFS, expected"):
        sl.trainable_clipping(Written(sl.QCFS(4)), x, 4)
    with pytest.raises(UnsupportedLayerError, match=r"^model: found no ReLU"):
        sl.trainable_clipping(nn.Linear(4, 2), x, 4)
    with pytest.raises(CalibrationError, match=r"^layer 'relu'"):
        sl.trainable_clipping(Written(nn.ReLU()), -x.abs(), 4)
    with pytest.raises(OptionError, match=r"^model: found function"):
        sl.trainable_clipping(lambda x: x, x, 4)
    for options in ({"levels": 0}, {"levels": 2.5}, {"levels": 4, "shift": 1.0}):
        with pytest.raises(OptionError):
            sl.trainable_clipping(shared(), x, **options)


# --- the rule --------------------------------------------------------------------------------


def test_the_rule_reads_all_upper_bounds():
    torch.manual_seed(0)
    bounded = [sl.QCFS(4, 1.5), sl.TCL(0.75), nn.ReLU6(), nn.Hardtanh(0, 2.5)]
    model = nn.Sequential(*(part for layer in bounded for part in (nn.Linear(5, 5), layer)))
    network = sl.convert(model, torch.randn(8, 5), threshold=sl.Trained())
    assert list(network.thresholds.values()) == [1.5, 0.75, 6.0, 2.5]
    stairs = nn.Sequential(nn.Linear(5, 5), sl.QCFS(4, 1.5, 0.25))
    for rule in (None, sl.Trained()):  # for staircases it is the usual one
        (neuron,) = sl.convert(stairs, torch.randn(8, 5), threshold=rule).neurons.values()
        assert (neuron.v_threshold, neuron.v_init) == (1.5, 0.25)


def test_a_layer_without_an_upper_bound_is_refused():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), sl.TCL())
    with pytest.raises(OptionError, match=r"for the layers \['1'\].*trainable_clipping\(model"):
        sl.convert(model, torch.randn(8, 4), threshold=sl.Trained())


# --- trained, converted ----------------------------------------------------------------------


def dyadic_net(levels):
    """Return a network of staircases in which nothing is rounded."""
    model = nn.Sequential(
        *(nn.Conv2d(1, 3, 3, padding=1), sl.QCFS(levels, 2.0), nn.AvgPool2d(2)),
        *(nn.Conv2d(3, 4, 3), sl.QCFS(levels, 4.0, 0.25), nn.Flatten(), nn.Linear(16, 3)),
    )
    for name, parameter in model.named_parameters():
        if "threshold" not in name:
            parameter.data = dyadic(*parameter.shape, low=-0.5, high=0.75, parts=8)
    return model


@pytest.mark.parametrize("levels", [2, 4, 8])
def test_quantized_is_the_trained_network_to_the_last_bit(levels):
    model, x = dyadic_net(levels), dyadic(20, 1, 8, 8, low=0.0, high=1.0)
    network = sl.convert(model, x, threshold=sl.Trained())
    expected = model(x).detach().numpy()
    assert np.array_equal(sl.quantized(network, x, levels).outputs, expected)
    assert not np.array_equal(sl.quantized(network, x, 2 * levels).outputs, expected)
    assert list(network.thresholds.values()) == [2.0, 4.0]


def trained_on_points(levels, **options):
    """Return a small network that tells two halves of a square apart, trained further."""
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > x[:, 1]).int()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
    model = data.train(nn.Sequential(model, nn.Linear(16, 2)), x, y, epochs=4, learning_rate=0.02)
    layers = sl.trainable_clipping(model, x, levels, **options)
    return layers, data.train(layers, x, y, epochs=4, learning_rate=0.02), x, y


@pytest.mark.parametrize(
    ("levels", "shift", "timesteps"), [(4, 0.5, 4), (None, 0.5, 256), (1, "random", 256)]
)
def test_what_is_trained_is_what_the_network_computes(levels, shift, timesteps):
    start, model, x, y = trained_on_points(levels, shift=shift)
    network = sl.convert(model, x, threshold=sl.Trained())
    pairs = zip(start[0].children(), model[0].children(), strict=True)
    moved = [(a.threshold.item(), b.threshold.item()) for a, b in pairs if hasattr(a, "threshold")]
    assert all(a != b for a, b in moved)
    assert list(network.thresholds.values()) == pytest.approx([b for _, b in moved], rel=1e-6)
    scores = model(x).detach().numpy()
    assert (scores.argmax(1) == y.numpy()).mean() > 0.85
    found = sl.quantized(network, x, timesteps).outputs
    assert found == pytest.approx(scores, abs=1e-4 if levels == 4 else 0.2)


def test_training_with_random_shifts_follows_its_seed():
    first, second = (trained_on_points(1, shift="random")[1] for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_one_level_without_noise_is_refused():
    with pytest.raises(sl.OptionError, match=r"levels = 1 with shift = 0\.5: .*shift='random'"):
        sl.trainable_clipping(nn.ReLU(), [[1.0]], levels=1)
