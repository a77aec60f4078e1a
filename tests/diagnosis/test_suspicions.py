"""What is unusual about the settings: thresholds against activations."""

import numpy as np
import pytest
import torch
from helpers.trained import CONV, X, Y, converted, mlp, trained
from torch import nn

import snnlab as sl
from snnlab.diagnosis import LayerScale, diagnose
from snnlab.diagnosis.suspicions import suspicions


@pytest.mark.parametrize("kind", ["mlp", CONV])
def test_ratios_are_those_of_numpy(kind):
    net = converted(kind).replace(1, scale=2.5)
    found = diagnose(net, X, Y, 32)
    for layer, a in sl.ann(net, X).activations.items():
        setting, theta = found.settings[layer], net.thresholds[layer]
        ratio = theta / np.percentile(a.astype(float), 99.9)
        assert setting.over_percentile == pytest.approx(ratio, rel=0.008)
        assert setting.over_maximum == pytest.approx(theta / a.max(), rel=1e-6)
        assert setting.over_usual == setting.over_percentile
        assert setting.channels == ()


@pytest.mark.slow
def test_ratios_per_channel_are_those_of_numpy():
    net = converted("conv", threshold=sl.Percentile(99.9, per_channel=True))
    found = diagnose(net, X, Y, 32)
    for layer, a in sl.ann(net, X).activations.items():
        per_channel = np.moveaxis(a.astype(float), 1, 0).reshape(a.shape[1], -1)
        percentile = np.percentile(per_channel, 99.9, axis=1)
        fires, maximum = per_channel.max(1) > 0, per_channel.max(1)
        ratios = (net.thresholds[layer] / np.where(fires, percentile, 1))[fires]
        setting = found.settings[layer]
        if fires.all():
            expected = np.exp(np.log(ratios).mean())
            assert setting.over_percentile == pytest.approx(expected, rel=1e-5)
            expected = np.exp(np.log(net.thresholds[layer] / maximum).mean())
            assert setting.over_maximum == pytest.approx(expected, rel=1e-5)
        odd = np.flatnonzero(fires)[np.abs(np.log(ratios)) > np.log(3)]
        assert setting.channels == tuple(odd)


def test_a_channel_that_is_silent_on_these_images_is_not_odd():
    net = sl.convert(nn.ReLU(), [[1.0, 1.0]], threshold=sl.Fixed([1.0, 100.0]))
    found = diagnose(net, [[1.0, -1.0], [0.5, 0.0]], [0, 0], 8)
    assert found.settings["relu"].channels == ()
    found = diagnose(net, [[1.0, -1.0], [0.5, 0.25]], [0, 0], 8)
    assert found.settings["relu"].channels == (1,)


def test_a_silent_layer_does_not_hide_another_scale():
    net = converted("mlp")
    high = LayerScale(10.0, 9.0, 10.0, 0.5)
    silent = LayerScale(np.nan, np.nan, np.nan, 5.0)
    found = dict.fromkeys(net.layers, high) | {net.layers[2]: silent}
    assert [doubt.kind for doubt in suspicions(net, found, None)] == ["other scale"]
    found = dict.fromkeys(net.layers, silent)
    assert suspicions(net, found, net.layers[0]) == []


def test_usual_is_robust_to_outliers():
    """99.9th percentile 32, above 3 times 2, the 99th of the activations above 0."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(2.0))
    x = np.full((1000, 1), 2.0)
    x[:2] = 32
    setting = diagnose(net, x, np.zeros(1000, int), 4).settings["relu"]
    assert (setting.over_percentile, setting.over_maximum) == (1 / 16, 1 / 16)
    assert (setting.over_usual, setting.usual) == (1.0, 2.0)


def dead_layer():
    """A network whose second layer never fires."""
    model = mlp()
    model.load_state_dict(trained("mlp").state_dict())
    with torch.no_grad():
        model[3].weight[:] = 0
        model[3].bias[:] = -1
    thresholds = dict.fromkeys(["2", "4", "6", "8", "10"], 1.0)
    return sl.convert(model.eval(), X, threshold=sl.Fixed(thresholds))


def test_a_silent_layer_has_no_ratio():
    net = dead_layer()
    found = diagnose(net, X, Y, 16)
    assert np.isnan(found.settings["4"].over_percentile)
    assert "silent" in repr(found)
    assert "poor ANN" in [finding.kind for finding in found.causes]
    assert "nan" not in repr(found)
