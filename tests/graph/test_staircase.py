"""Networks trained with the clip-floor-shift staircase (QCFS) convert with their own thresholds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.exceptions import OptionError, UnsupportedLayerError
from snnlab.graph.staircase import QCFS, staircase, stairs_of


class Floor(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.floor()

    @staticmethod
    def backward(ctx, g):
        return g


class Staircase(nn.Module):
    """As such networks are written, with θ = `up` and L = `levels`; `step` is the formula."""

    def __init__(self, step, up=2.0, levels=4):
        super().__init__()
        self.step, self.levels, self.up = step, levels, nn.Parameter(torch.as_tensor(up))

    def forward(self, x):
        return self.step(x, self.up, self.levels)


FORMULAS = {
    "custom floor": lambda x, up, n: up * torch.clamp(Floor.apply(x / up * n + 0.5) / n, 0, 1),
    "clipped first": lambda x, up, n: torch.floor(torch.clamp(x / up, 0, 1) * n + 0.5) / n * up,
    "straight through": lambda x, up, n: (
        (y := torch.clamp(x / up, 0, 1) * n),
        up * (y + (y.round() - y).detach()) / n,
    )[1],
    "round": lambda x, up, n: torch.clamp(torch.round(x * n / up), 0, n) * (up / n),
    "min and max": lambda x, up, n: (
        up / n * torch.minimum((x / up * n + 0.5).floor().relu(), torch.tensor(float(n)))
    ),
    "floor division": lambda x, up, n: (x + up / n / 2).clamp(0, up.item()) // (up / n) * (up / n),
    "rounded quotient": lambda x, up, n: (
        torch.div(x + up / n / 2, up / n, rounding_mode="floor").clamp(0, n) * (up / n)
    ),
    "remainder": lambda x, up, n: (
        (z := (x + up / n / 2).clamp(0, up.item())),
        z - z % (up / n),
    )[1],
    "fake quantization": lambda x, up, n: torch.fake_quantize_per_tensor_affine(x, 0.5, 0, 0, 4),
}


def images(dtype=torch.float32):
    x = 2 * torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    return x.to(dtype)


def network_of(make):
    torch.manual_seed(0)
    layers = nn.Linear(8, 16), make(), nn.Linear(16, 16), make(), nn.Linear(16, 3)
    return nn.Sequential(*layers)


def assert_equals_after_its_levels(model, levels):
    network, x = sl.convert(model, images()), images()
    expected = model(x).detach().numpy()
    assert sl.ann(network, x).outputs == pytest.approx(expected, abs=1e-6)
    assert sl.quantized(network, x, levels).outputs == pytest.approx(expected, abs=1e-6)
    assert np.abs(sl.quantized(network, x, levels + 1).outputs - expected).max() > 0.01
    return network


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_quantized_equals_the_trained_network(formula):
    network = assert_equals_after_its_levels(network_of(lambda: Staircase(formula)), 4)
    assert list(network.thresholds.values()) == [2.0, 2.0]
    assert [n.v_init for n in network.neurons.values()] == pytest.approx([0.5, 0.5], abs=1e-6)
    assert "staircase of 4 levels" in repr(network)


def test_own_module_converts_and_trains():
    model = network_of(lambda: sl.QCFS(levels=8, threshold=1.5))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    before = model[1].threshold.item()
    for _ in range(3):
        loss = (model(images()) - images()[:, :3]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert model[1].threshold.item() != before
    network = assert_equals_after_its_levels(model, 8)
    assert (
        network.thresholds["1"] == pytest.approx(model[1].threshold.item(), rel=1e-6)
        if "1" in network.thresholds
        else True
    )
    assert "levels=8" in repr(model[1])


def test_threshold_per_channel():
    def make():
        return Staircase(FORMULAS["custom floor"], torch.linspace(0.5, 3, 16), 8)

    network = assert_equals_after_its_levels(network_of(make), 8)
    sl.verify(network_of(make), sl.normalize_weights(network), images())


def test_thresholds_that_are_asked_for_are_taken():
    model = network_of(lambda: Staircase(FORMULAS["round"]))
    network = sl.convert(model, images(), threshold=sl.Fixed(1.0), v_init=0.25)
    assert list(network.thresholds.values()) == [1.0, 1.0]
    assert {n.v_init for n in network.neurons.values()} == {0.25}


def test_staircases_beside_relus():
    model = nn.Sequential(
        network_of(nn.ReLU), network_of(lambda: QCFS(4))[1:3][:0], nn.Linear(3, 5), QCFS(4)
    )
    network = sl.convert(model, images())
    assert len(network.layers) == 3
    assert list(network.thresholds.values())[2] == 1.0


def test_after_its_levels_nothing_is_lost_by_quantization():
    network = sl.convert(network_of(lambda: Staircase(FORMULAS["round"])), images())
    report = sl.decompose(network, images(), sl.simulate(network, images(), 4))
    first = network.layers[0]
    assert np.abs(report.part(first, "quantization")).max() == 0
    assert np.abs(report.part(first, "clipping")).max() == 0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 300), st.integers(1, 400), st.integers(0, 15), st.integers(-8, 8), st.booleans()
)
def test_any_staircase_is_recognized(levels, cap, shift, low, falls):
    """The parameters come back from the function's values alone."""
    cap, shift, gain = cap / 16, shift / 16, (-0.5 if falls else 2.0)

    def function(z):
        steps = np.clip(np.floor(z * (levels / cap) + shift), 0, levels)
        return low + gain * (cap / levels) * steps

    stairs = stairs_of(function)
    assert (stairs.levels, stairs.low.item()) == (levels, low)
    assert stairs.cap.item() == pytest.approx(cap, rel=1e-9)
    assert stairs.gain.item() == pytest.approx(gain, rel=1e-9)
    assert stairs.shift == pytest.approx(shift, abs=1e-6)


def test_a_start_just_below_0_is_0():
    stairs = stairs_of(lambda z: np.clip(np.floor(z - 1e-8), 0, 4))
    assert (stairs.levels, stairs.shift) == (4, 0.0)


OTHERS = {
    "one step": lambda z: (z > 1) * 1.0,
    "steps of other widths": lambda z: (z > 1) * 1.0 + (z > 2) + (z > 4),
    "steps of other heights": lambda z: (z > 1) * 1.0 + 2 * (z > 2),
    "floor without an end": np.floor,
    "a ReLU": lambda z: np.maximum(z, 0),
    "a ReLU with a cap": lambda z: np.clip(z, 0, 1),
    "a constant": lambda z: 0 * z,
    "a staircase beside a constant": lambda z: np.where(
        [True, False], np.clip(np.floor(z), 0, 4), 1.0
    ),
    "up and down": lambda z: np.floor(np.clip(4 - np.abs(z), 0, 3)),
    "minus infinity": lambda z: np.where(z > 0, 0, np.where(z > -1, -1.0, -np.inf)),
    "a converter of 11 bits": lambda z: np.clip(np.floor(z), 0, 2047),
}


@pytest.mark.parametrize("function", OTHERS.values(), ids=OTHERS)
def test_other_functions_are_no_staircases(function):
    assert stairs_of(function) is None


@pytest.mark.parametrize("shift", [-0.25, 1.75])
def test_what_is_no_start_of_a_neuron_moves_the_staircase(shift):
    def function(z):
        return 2 * np.clip(np.floor(2 * z + shift) / 4, 0, 1)

    stairs = stairs_of(function)
    assert (stairs.levels, stairs.shift) == (4, 0.5)
    assert stairs.start == pytest.approx([(0.5 - shift) / 2])
    z = np.linspace(-2, 4, 301)[:, None] + 0.003
    assert stairs(z) == pytest.approx(function(z))


def test_a_staircase_of_other_steps_is_refused():
    def make():
        return Staircase(lambda x, up, n: (x > 1).float() + (x > 2).float() + (x > 4).float())

    with pytest.raises(UnsupportedLayerError, match="a staircase of two or more equal"):
        sl.convert(network_of(make), images())


def test_equation():
    z = torch.linspace(-1, 3, 81, dtype=torch.float64)
    expected = 2 / 4 * np.clip(np.floor(z.numpy() * 4 / 2 + 0.25), 0, 4)
    assert np.array_equal(staircase(z, 2.0, 4, 0.25).numpy(), expected)
    with torch.no_grad():
        assert np.allclose(QCFS(4, 2.0, 0.25)(z).numpy(), expected)


def test_the_gradient_is_that_of_a_clipped_line_but_for_the_steps():
    """Straight through the floor: dQ/dz is 1 between 0 and θ, and dQ/dθ is (Q(z) - z) / θ there."""
    layer = QCFS(levels=4, threshold=2.0, shift=0.5).double()
    z = torch.tensor([-1.0, 0.125, 0.375, 1.125, 5.0], dtype=torch.float64, requires_grad=True)
    layer(z).sum().backward()
    assert z.grad.tolist() == [0, 1, 1, 1, 0]
    q = staircase(z.detach(), 2.0, 4, 0.5)
    inside = ((q - z.detach()) / 2)[1:4].sum().item()
    assert layer.threshold.grad.item() == inside + 1  # the last is at its cap, which is θ


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((0,), "levels"), ((4, -1.0), "threshold"), ((4, 1.0, 1.0), "v_init")],
)
def test_parameters_outside_their_range_are_refused(arguments, expected):
    with pytest.raises(OptionError, match=expected):
        QCFS(*arguments)
