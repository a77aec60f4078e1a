"""Depth and steps: who fires first and when, and whether picture and words say so."""

import numpy as np
import pytest
import torch
from helpers import deep
from helpers.explorers import moving, near, ring, said

import snnlab as sl
from snnlab import explorers
from snnlab.explorers.toolkit.networks_explorer import LOOKED_AT

T = 24


@pytest.fixture(scope="module")
def given():
    return deep.networks(2, 5)


@pytest.fixture(scope="module")
def explorer(given):
    return explorers.DepthAndSteps(*given, timesteps=T)


def fired_by(net, x, layer):
    """Return what percent of the neurons that fire has fired by each step, from the counts."""
    record = sl.simulate(net, x, T, at=range(1, T))
    counts = [record.counts(layer, step) > 0 for step in range(1, T + 1)]
    return np.array([100 * some.sum() / counts[-1].sum() for some in counts])


def test_the_shares_are_those_of_the_counts_after_every_step(explorer, given):
    nets, x, _ = given
    for name, net in nets.items():
        fired = explorer.compute(network=name, steps=3)["fired"]
        assert fired.shape == (len(net.layers), T)
        for row, layer in enumerate(net.layers):
            np.testing.assert_allclose(fired[row], fired_by(net, x[:LOOKED_AT], layer))


def test_the_first_layer_fires_when_its_constant_current_has_filled_it(explorer, given):
    nets, x, _ = given
    for name, net in nets.items():
        neuron = net.neurons[net.layers[0]]
        z = sl.ann(net, x[:LOOKED_AT]).currents[net.layers[0]]
        wait = np.ceil((1 - neuron.v_init) * neuron.v_threshold / np.where(z > 0, z, np.inf))
        begin = np.maximum(1, wait)[z > 0]
        expected = np.bincount(begin[begin <= T].astype(int), minlength=T + 1)[1:]
        assert (explorer.compute(network=name, steps=1)["first"][0] == expected).all()
        assert np.count_nonzero(expected) > 5


def test_accuracies_are_those_of_the_networks(explorer, given):
    nets, x, y = given
    for name, net in nets.items():
        record = sl.simulate(net, x, T)
        ann = 100 * (net.folded()(torch.tensor(x)).argmax(1).numpy() == y).mean()
        for steps in (1, 7, T):
            data = explorer.compute(network=name, steps=steps)
            assert (data["accuracy"] == 100 * record.accuracy(y)).all()
            assert data["now"] == 100 * record.accuracy(y)[steps - 1]
            assert data["ann"] == pytest.approx(ann)
    assert len({explorer.runs[name]["ann"] for name in nets}) == 2


def test_the_picture_marks_the_network_its_ann_and_the_step(explorer, given):
    curves = explorer.picture.figure.axes[0].lines
    for name in given[0]:
        explorer.move(network=name, steps=7)
        data = explorer.compute(network=name, steps=7)
        (curve,) = [line for line in curves if line.get_label() == name]
        bold = moving(explorer, "_chosen")
        assert (bold.get_ydata()[:7] == data["accuracy"][:7]).all()
        assert np.isnan(bold.get_ydata()[7:]).all()
        assert bold.get_linewidth() > curve.get_linewidth()
        for look in ("get_color", "get_linestyle", "get_marker", "get_markevery"):
            assert getattr(bold, look)() == getattr(curve, look)()
        assert moving(explorer, "ANN").get_ydata() == [data["ann"]] * 2
        assert ring(explorer).get_data() == ([7], [data["now"]])
        assert moving(explorer, "now").get_ydata() == [np.log2(7)] * 2


def painted(explorer):
    """Return where each row of the image stands, as a step, and the image."""
    (image,) = explorer.picture.figure.axes[1].images
    low, high = image.get_extent()[2:]
    rows = image.get_array()
    middles = low + (np.arange(len(rows)) + 0.5) * (high - low) / len(rows)
    return 2**middles, np.asarray(rows)


def test_the_past_is_painted_and_the_future_is_not(explorer, given):
    for name, net in given[0].items():
        for steps in (1, 5, T):
            explorer.move(network=name, steps=steps)
            fired = explorer.compute(network=name, steps=steps)["fired"]
            step, rows = painted(explorer)
            depth = len(net.layers)
            for row, at in zip(rows, step, strict=True):
                nearest = min(max(round(at), 1), T)
                expected = fired[:, nearest - 1] if nearest <= steps else np.zeros(depth)
                np.testing.assert_allclose(row[:depth], expected)
                assert not row[depth:].any()
            assert 0.7 < step[0] < 1
            assert step[-1] > T


def test_lines_stand_where_shares_are_reached_for_the_first_time(explorer, given):
    explorer.move(network="5 deep", steps=4)
    fired = explorer.compute(network="5 deep", steps=4)["fired"]
    for label, share in [("a tenth", 10), ("half", 50), ("nine tenths", 90)]:
        places, logarithms = moving(explorer, label).get_data()
        assert list(places) == [1, 2, 3, 4, 5]
        expected = [next(t for t, f in enumerate(row, 1) if f >= share) for row in fired]
        np.testing.assert_allclose(2**logarithms, expected)
    assert expected != [1] * 5


def test_the_words_say_what_was_measured(explorer, given):
    for name, net in given[0].items():
        for steps in (1, 6, T):
            words = explorer.move(network=name, steps=steps)
            data = explorer.compute(network=name, steps=steps)
            fired = data["fired"]
            assert words.startswith(f"{name}, {steps} step{'s' if steps > 1 else ''}: ")
            right, ann = said(r"([\d.]+) % right \(ANN ([\d.]+) %\)", words)
            assert near(data["now"], right, 2)
            assert near(data["ann"], ann, 2)
            by_now = said(r"([\d.]+) % have .* first layer, ([\d.]+) % .* last, ([\d.]+) %", words)
            expected = fired[0, steps - 1], fired[-1, steps - 1], fired[:, steps - 1].mean()
            assert all(near(*pair, 1) for pair in zip(expected, by_now, strict=True))
            begin, half = said(r"begins to fire at step (\d+), and from step (\d+) on", words)
            assert fired[-1, int(begin) - 1] > 0
            assert begin == 1 or fired[-1, int(begin) - 2] == 0
            assert fired[:, int(half) - 1].min() >= 50 > fired[:, int(half) - 2].min()
            assert f"over {len(net.layers)} layers" in words


def test_layers_in_which_nobody_fires_are_told(given):
    nets, x, y = given
    silent = nets["5 deep"].replace(-1, threshold=1e9).replace(-2, threshold=1e9)
    explorer = explorers.DepthAndSteps({"some": silent}, x, y, timesteps=4)
    assert explorer.words.endswith(
        " 0.0 % in the last, 60.0 % on average over 5 layers. In 2 layers no neuron fires."
    )
    assert np.isnan(moving(explorer, "half").get_ydata()).tolist() == [False] * 3 + [True] * 2


def test_of_a_hundred_layers_neighbours_are_shown_together():
    nets, x, y = deep.networks(2, 60)
    explorer = explorers.DepthAndSteps(nets, x, y, timesteps=8)
    explorer.move(network="60 deep", steps=8)
    fired = explorer.compute(network="60 deep", steps=8)["fired"]
    places = moving(explorer, "half").get_xdata()
    assert places.tolist() == [2 + 3 * k for k in range(20)]
    _, rows = painted(explorer)
    assert rows.shape[1] == 60
    for k in range(20):
        share = fired[3 * k : 3 * k + 3, -1].mean()
        np.testing.assert_allclose(rows[-1, 3 * k : 3 * k + 3], share)
    explorer.move(network="2 deep")
    assert moving(explorer, "half").get_xdata().tolist() == [1.5]


def test_the_formula_says_how_many_have_fired(explorer):
    for steps in (1, 6, T):
        data = explorer.compute(network="5 deep", steps=steps)
        formula = explorer.formula(data, network="5 deep", steps=steps)
        (share,) = said(rf"within {T} steps ([\d.]+) % have fired by now", formula)
        assert near(data["fired"][:, steps - 1].mean(), share, 1)
        assert rf"\theta - v_0}}{{{steps}}}" in formula


def test_what_is_no_mapping_of_networks_is_refused(given):
    nets, x, y = given
    net = nets["2 deep"]
    with pytest.raises(sl.OptionError, match="networks: found Network, expected one to 6 networks"):
        explorers.DepthAndSteps(net, x, y)
    with pytest.raises(sl.OptionError, match="networks: found 0, expected one to 6"):
        explorers.DepthAndSteps({}, x, y)
    with pytest.raises(sl.OptionError, match="networks: found 7, expected one to 6"):
        explorers.DepthAndSteps(dict.fromkeys("abcdefg", net), x, y)
    with pytest.raises(sl.OptionError, match=r"networks\['model'\]: .*snnlab\.convert"):
        explorers.DepthAndSteps({"model": torch.nn.ReLU()}, x, y)
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        explorers.DepthAndSteps(nets, x, y, timesteps=0)
    with pytest.raises(sl.ShapeError, match="y: shape"):
        explorers.DepthAndSteps(nets, x, y[:5], timesteps=4)
