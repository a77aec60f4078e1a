"""Shortcut variants: the error of every layer against a plain calculation, picture and words."""

import numpy as np
import pytest
import torch
from helpers import deep
from helpers.explorers import moving, near, ring, said
from torch import nn

import snnlab as sl
from snnlab import data, explorers
from snnlab.explorers.toolkit.networks_explorer import LOOKED_AT

STEPS = (3, 8, 20)


def rms(errors):
    return np.sqrt(np.mean(np.square(errors)))


@pytest.fixture(scope="module")
def given():
    model, x, y = deep.mlp([10] * 4)
    net = sl.convert(model, x)
    return model, {"as it is": net, "low": net.replace(scale=0.5)}, x, y


@pytest.fixture(scope="module")
def explorer(given):
    return explorers.ShortcutVariants(*given[1:], steps=STEPS)


def apart(model, net, x, steps):
    """Return the errors of all layers, in all and their own, from the counts and the weights."""
    record = sl.simulate(net, x, steps)
    passed_on = [record.counts(n) * net.thresholds[n] / steps for n in net.layers]
    activations = [np.maximum(z, 0) for z in deep.received(model, x, None)]
    right = [np.maximum(z, 0) for z in deep.received(model, x, passed_on)]
    sizes = [rms(a) for a in activations]
    total = [rms(p - a) for p, a in zip(passed_on, activations, strict=True)]
    own = [rms(p - r) for p, r in zip(passed_on, right, strict=True)]
    return [100 * np.array(errors) / sizes for errors in (total, own)]


def test_the_errors_are_those_of_counts_and_weights(explorer, given):
    model, nets, x, _ = given
    for steps in STEPS:
        found = {name: explorer.compute(network=name, steps=steps) for name in nets}
        for name, net in nets.items():
            total, own = apart(model, net, x[:LOOKED_AT], steps)
            np.testing.assert_allclose(found[name]["total"], total, rtol=1e-9)
            np.testing.assert_allclose(found[name]["own"], own, rtol=1e-9)
            assert total[0] == pytest.approx(own[0])
            assert not np.allclose(total[1:], own[1:], rtol=0.01)
            for other in found.values():
                assert (other["totals"][name] == found[name]["total"]).all()


def test_accuracies_are_those_of_the_networks(explorer, given):
    _, nets, x, y = given
    for name, net in nets.items():
        accuracy = 100 * sl.simulate(net, x, max(STEPS)).accuracy(y)
        for steps in STEPS:
            data = explorer.compute(network=name, steps=steps)
            assert (data["accuracy"] == accuracy).all()
            assert data["now"] == accuracy[steps - 1]
            assert data["ann"] == 100


def test_the_picture_shows_all_networks_and_makes_one_bold(explorer, given):
    right = explorer.picture.figure.axes[1]
    for name in given[1]:
        for steps in STEPS:
            explorer.move(network=name, steps=steps)
            data = explorer.compute(network=name, steps=steps)
            lines = {line.get_label(): line for line in right.lines}
            for other, errors in data["totals"].items():
                assert (lines[other].get_ydata() == errors).all()
                assert list(lines[other].get_xdata()) == [1, 2, 3, 4]
            assert (lines["_chosen"].get_ydata() == data["total"]).all()
            assert lines["_chosen"].get_color() == lines[name].get_color()
            assert (lines["made by the layer itself"].get_ydata() == data["own"]).all()
            low, high = right.get_ylim()
            for line in lines.values():
                assert low < min(line.get_ydata()) <= max(line.get_ydata()) < high
            assert ring(explorer).get_data() == ([steps], [data["now"]])


def test_the_words_say_what_was_measured(explorer, given):
    for name in given[1]:
        for steps in STEPS:
            words = explorer.move(network=name, steps=steps)
            data = explorer.compute(network=name, steps=steps)
            right, ann = said(rf"^{name}, {steps} steps: ([\d.]+) % right \(ANN ([\d.]+) %", words)
            assert near(data["now"], right, 2)
            assert near(data["ann"], ann, 2)
            told = said(
                r"is ([\d.]+) % of its activation in the first layer and ([\d.]+) % in the last\. "
                r"On average over 4 layers it is ([\d.]+) %, and the layers .* make ([\d.]+) %",
                words,
            )
            total, own = data["total"], data["own"]
            expected = total[0], total[-1], total.mean(), own.mean()
            np.testing.assert_allclose(told, expected, rtol=0.006)
            formula = explorer.formula(data, network=name, steps=steps)
            last = said(r"= ([\d.]+)\\,\\%, .* = ([\d.]+)\\,\\%", formula)
            assert near(total[-1], last[0], 2)
            assert near(own[-1], last[1], 2)


@pytest.mark.slow
def test_real_numbers_on_the_shortcut_keep_the_error_small():
    """In a residual network with random weights too: each block hands on less."""
    torch.manual_seed(0)
    model = data.resnet(20, width=4)
    for block in (*model.stage1, *model.stage2, *model.stage3):
        nn.init.constant_(block.branch.bn2.weight, 0.5)
    x = np.random.default_rng(0).random((24, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        model(torch.tensor(x))  # so that BatchNorm knows what comes
    model.eval()
    y = model(torch.tensor(x)).argmax(1).numpy()
    nets = {kind: sl.convert(model, x, shortcut=kind) for kind in ("spikes", "analog")}
    explorer = explorers.ShortcutVariants(nets, x, y, steps=(8,))
    spikes, analog = (explorer.compute(network=kind, steps=8) for kind in nets)
    assert analog["total"][-1] < 0.8 * spikes["total"][-1]


def test_a_silent_layer_has_no_relative_error_and_no_place(given):
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2))
    with torch.no_grad():
        model[0].weight[:], model[0].bias[:] = 1, 0
    # What it starts with makes the neuron fire all the same.
    net = sl.convert(model, [[1.0]]).replace(v_init=np.array([3.5]))
    assert sl.simulate(net, [[-1.0]], 4).counts(0) > 0
    explorer = explorers.ShortcutVariants({"silent": net}, [[-1.0]] * 2, [0, 1], steps=(4,))
    found = explorer.compute(network="silent", steps=4)
    assert (found["total"].tolist(), found["own"].tolist()) == ([0.0], [0.0])
    assert np.isnan(moving(explorer, "made by the layer itself").get_ydata()).all()


def test_of_a_hundred_layers_neighbours_are_shown_together():
    nets, x, y = deep.networks(2, 60)
    explorer = explorers.ShortcutVariants(nets, x, y, steps=(4,))
    explorer.move(network="60 deep")
    found = explorer.compute(network="60 deep", steps=4)
    own = moving(explorer, "made by the layer itself")
    assert own.get_xdata().tolist() == [2 + 3 * k for k in range(20)]
    np.testing.assert_allclose(own.get_ydata(), found["own"].reshape(20, 3).mean(1))
    (bold,) = [a for a in explorer.picture.figure.axes[1].lines if a.get_label() == "_chosen"]
    np.testing.assert_allclose(bold.get_ydata(), found["total"].reshape(20, 3).mean(1))


def test_bad_steps_are_refused(given):
    _, nets, x, y = given
    with pytest.raises(sl.OptionError, match="steps = 0"):
        explorers.ShortcutVariants(nets, x, y, steps=(0, 4))
    with pytest.raises(sl.OptionError, match=r"steps = 8: expected a list, as steps=\[8\]"):
        explorers.ShortcutVariants(nets, x, y, steps=8)
    with pytest.raises(sl.OptionError, match="networks: found list"):
        explorers.ShortcutVariants(list(nets.values()), x, y)
