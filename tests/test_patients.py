"""Networks that are damaged on purpose."""

import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import course


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
    with pytest.raises(sl.OptionError, match="there is nothing to find out"):
        course.patient(network(1), 0)
    with pytest.raises(sl.OptionError, match=r"seed = 1.5|number"):
        course.patient(network(2), 1.5)
    with pytest.raises(sl.OptionError, match=r"network: found str"):
        course.patient("mine", 1)
