"""Networks that are damaged on purpose."""

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import course, data


def network(layers):
    torch.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(layers) for m in (nn.Linear(3, 3), nn.ReLU())))
    return sl.convert(model, [[0.1, 0.2, 0.3]], threshold=sl.Fixed(2.0))


def test_one_layer_after_the_first_is_ten_times_too_low():
    net, damaged = network(4), set()
    for number in range(40):
        thresholds = course.patient(net, number).thresholds
        changed = [name for name, theta in thresholds.items() if theta != 2.0]
        assert [thresholds[name] for name in changed] == [0.2]
        damaged |= set(changed)
    assert damaged == set(net.layers[1:])  # each of them in some patient
    assert set(net.thresholds.values()) == {2.0}


def test_a_patient_is_always_the_same():
    net = network(6)
    for number in (0, 3):
        assert course.patient(net, number).thresholds == course.patient(net, number).thresholds


def test_what_is_no_network_of_several_layers_is_refused():
    with pytest.raises(sl.OptionError, match=r"has 1 spiking layer, .* nothing to find out"):
        course.patient(network(1), 0)
    for number in (1.5, -1, "1", True, None):
        with pytest.raises(sl.OptionError, match=rf"^number = {number!r}: expected"):
            course.patient(network(2), number)
    assert course.patient(network(2), np.int64(1)).thresholds["3"] == 0.2
    with pytest.raises(sl.OptionError, match=r"network: found str"):
        course.patient("mine", 1)


# --- the six of notebook 08 ------------------------------------------------------------------

ALL = ("2", "6", "10", "15")
FOUND = {
    1: {("high threshold", ("2",))},
    2: {("other scale", ())},
    3: {("other model", ())},
    4: {("low threshold", ("6",))},
    5: {("odd channels", ("2",))},
    6: {("reset to zero", ALL), ("initial potential", ALL)},
}


@pytest.fixture(scope="module")
def mnist():
    """The model, its network, and the 50 images on which the notebook examines the patients."""
    x, y = data.load_mnist()
    model = data.load_network("mnist_convnet")
    return model, sl.convert(model, x[::10]), x[5::20][5::10], y[5::20][5::10]


@pytest.mark.slow
@pytest.mark.parametrize("number", FOUND)
def test_what_each_patient_has_is_found_on_the_network_of_the_notebook(mnist, number):
    model, net, x, y = mnist
    healthy = sl.simulate(net, x, timesteps=8).accuracy(y)[-1]
    found = sl.diagnose(course.mystery_patient(net, number), x, y, timesteps=8, model=model)
    assert healthy - found.snn > 0.1
    assert {(cause.kind, cause.layers) for cause in found.causes} == FOUND[number]
    assert all(cause.repaired > found.snn for cause in found.causes if cause.repaired is not None)


def test_nothing_is_found_in_the_healthy_one(mnist):
    model, net, x, y = mnist
    assert not sl.diagnose(net, x, y, timesteps=8, model=model).causes


def settings(net):
    return {name: (n.v_threshold, n.reset, n.v_init) for name, n in net.neurons.items()}


def biases(net):
    return [value.clone() for name, value in net.graph.module.named_parameters() if "bias" in name]


def test_each_patient_has_another_damage_and_the_network_none():
    net = network(3)
    before, bias = settings(net), biases(net)
    expected = {
        1: {"1": (20.0, "subtract", 0.5)},
        2: {name: (0.4, "subtract", 0.5) for name in net.layers},
        3: {},
        4: {"3": (0.2, "subtract", 0.5)},
        5: {"1": ([16.0, 0.25, 16.0], "subtract", 0.5)},
        6: {name: (2.0, "zero", 0.0) for name in net.layers},
    }
    for number, changed in expected.items():
        damaged = course.mystery_patient(net, number)
        for name, (threshold, *others) in settings(damaged).items():
            right = changed.get(name, before[name])
            np.testing.assert_allclose(threshold, right[0], rtol=1e-12)
            assert tuple(others) == right[1:]
        signs = [-1 if number == 3 and i == 1 else 1 for i in range(3)]
        for found, sign, own in zip(biases(damaged), signs, bias, strict=True):
            assert (found == sign * own).all()
    assert settings(net) == before
    assert all((one == other).all() for one, other in zip(biases(net), bias, strict=True))


def test_a_single_bias_is_the_one_that_is_turned():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    net = sl.convert(model, [[1.0, 2.0]], threshold=sl.Fixed(1.0))
    (bias,) = biases(course.mystery_patient(net, 3))
    assert (bias == -model[2].bias).all()


def test_who_cannot_be_a_patient_is_refused():
    for number in (0, -1, 1.5, "1", True):
        with pytest.raises(sl.OptionError, match=r"number = .*: expected"):
            course.mystery_patient(network(2), number)
    with pytest.raises(sl.OptionError, match="nothing to find out"):
        course.mystery_patient(network(1), 1)
    with pytest.raises(sl.OptionError, match="network: found str"):
        course.mystery_patient("mine", 1)
    bare = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False))
    bare = nn.Sequential(bare, nn.ReLU())
    for weight in bare.parameters():
        weight.data[:] = 1.0
    net = sl.convert(bare, [[1.0]], threshold=sl.Fixed(1.0))
    with pytest.raises(sl.OptionError, match="none of its layers has a bias"):
        course.mystery_patient(net, 3)
    with pytest.raises(sl.OptionError, match="has one channel"):
        course.mystery_patient(net, 5)


def test_a_damage_that_changes_nothing_is_refused():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    nn.init.zeros_(model[2].bias)
    net = sl.convert(model, [[1.0, 2.0]], threshold=sl.Fixed(1.0))
    with pytest.raises(sl.OptionError, match="damage changes nothing; the bias"):
        course.mystery_patient(net, 3)
    with pytest.raises(sl.OptionError, match=r"damage changes nothing; .* reset to zero"):
        course.mystery_patient(net.replace(reset="zero", v_init=0.0), 6)
    for half in ({"reset": "zero"}, {"v_init": 0.0}, {"layer": 1, "reset": "zero", "v_init": 0.0}):
        damaged = course.mystery_patient(net.replace(half.pop("layer", None), **half), 6)
        assert {(n.reset, n.v_init) for n in damaged.neurons.values()} == {("zero", 0.0)}
