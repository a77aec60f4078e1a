"""Threshold tuning: what it shows is what `tune_thresholds` weighs, and what a simulation gives."""

import numpy as np
import pytest
import torch
from helpers import deep
from helpers.explorers import assert_inside, moving, ring, said
from helpers.networks import converted
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.conversion.correction import FACTORS
from snnlab.explorers.threshold_tuning import compute, errors_by_threshold

T = 6


@pytest.fixture(scope="module")
def given():
    model, x, _ = deep.mlp([12, 10, 10])
    return sl.convert(model, x), x


@pytest.fixture(scope="module")
def explorer(given):
    return explorers.ThresholdTuning(*given, T)


@pytest.mark.parametrize("seed", [*range(6), 14])
def test_the_best_threshold_is_the_one_that_tuning_chooses(seed):
    _, x, net = converted(seed, images=6)
    tuned = sl.tune_thresholds(net, x, 5).thresholds
    run = errors_by_threshold(net, x, 5)
    assert len(run["largest"]) == len(net.layers)
    for number, layer in enumerate(net.layers, 1):
        share, error = compute(run, number, 1.0)["tuned"]
        assert share * run["largest"][number - 1] == pytest.approx(np.mean(tuned[layer]))
        assert error == run["measured"][number - 1].min()


def test_errors_are_those_of_a_simulation_with_this_threshold(explorer, given):
    net, x = given
    tuned = sl.tune_thresholds(net, x, T).thresholds
    for number, layer in enumerate(net.layers, 1):
        before = net.replace(threshold={n: tuned[n] for n in net.layers[: number - 1]})
        a = sl.ann(net, x).activations[layer]
        for share in (*FACTORS[::5], net.thresholds[layer] / a.max()):
            one = before.replace(layer, threshold=share * a.max())
            report = sl.decompose(one, x, sl.simulate(one, x, T))
            parts = {name: report.part(layer, name) for name in report.parts[layer]}
            errors = {
                "steady": parts["clipping"] + parts["quantization"],
                "deviation": parts["deviation"],
                "measured": report.total(layer) - parts["propagated"],
            }
            percent = {k: 100 * np.mean(e**2) / np.mean(a**2) for k, e in errors.items()}
            found = explorer.compute(layer=number, threshold=share)
            if share in FACTORS:
                assert found["at"] == pytest.approx(percent, rel=1e-9, abs=1e-12)
                assert found["share"] == pytest.approx(share)
            else:
                assert found["present"] == pytest.approx((share, percent["measured"]))


def test_a_steady_current_has_no_deviation(explorer):
    found = explorer.compute(layer=1, threshold=1.0)["curves"]
    assert not found["deviation"].any()
    assert (found["measured"] == found["steady"]).all()
    later = explorer.compute(layer=3, threshold=1.0)["curves"]
    assert later["deviation"].min() > 0


def test_a_cap_bounds_what_is_tried_and_channels_have_a_mean():
    x = np.array([[[9.0], [4.0]], [[6.0], [2.0]], [[5.0], [1.0]]])
    capped = sl.convert(nn.ReLU6(), x, threshold=sl.Fixed([0.5, 1.0]))
    run = errors_by_threshold(capped, x, 4)
    assert run["shares"][0, 0] == 0.75 / 6
    assert (run["shares"][0, 1:] == np.minimum(FACTORS, 1)).all()


def test_the_picture_shows_the_curves_and_marks_three_thresholds(explorer, given):
    for layer in (1, 2, 3):
        for share in (2.0, 0.5, 0.0625):
            explorer.move(layer=layer, threshold=share)
            data = explorer.compute(layer=layer, threshold=share)
            names = {"measured": "measured", "deviation": "order of the currents"}
            for kind, label in (names | {"steady": "steady current"}).items():
                x, y = moving(explorer, label).get_data()
                errors = data["curves"][kind]
                np.testing.assert_allclose(x, FACTORS)
                assert (np.isnan(y) == (errors == 0)).all()
                assert (y[errors > 0] == errors[errors > 0]).all()
            assert ring(explorer).get_data() == ([data["share"]], [data["at"]["measured"]])
            assert moving(explorer, "as it stands").get_xdata() == [data["present"][0]] * 2
            assert moving(explorer, "tuned").get_data() == tuple([v] for v in data["tuned"])
            everywhere = [
                explorer.compute(layer=n, threshold=share)["at"]["measured"] for n in (1, 2, 3)
            ]
            assert moving(explorer, "at θ / largest").get_ydata().tolist() == everywhere
            assert explorer.picture.moving[-1].get_xdata() == [layer] * 2
            for label in ("measured", "tuned", "at θ / largest"):
                assert_inside(moving(explorer, label))
    still = {line.get_label(): line for line in explorer.picture.figure.axes[1].lines}
    for label, kind in (("as it stands", "present"), ("tuned", "tuned")):
        errors = [explorer.compute(layer=n, threshold=1.0)[kind][1] for n in (1, 2, 3)]
        assert still[label].get_ydata().tolist() == errors


def test_the_words_and_the_formula_say_what_was_measured(explorer, given):
    net = given[0]
    for layer in (1, 2, 3):
        for share in (1.0, 0.25):
            words = explorer.move(layer=layer, threshold=share)
            data = explorer.compute(layer=layer, threshold=share)
            assert words.startswith(f"Layer {layer} of 3, {net.layers[layer - 1]}, {T} steps, ")
            at, largest = data["at"], data["largest"]
            told = said(
                r"threshold ([\d.]+) \(([\d.]+) times .* error is ([\d.]+) % of .* would "
                r"give ([\d.]+) %, .* alone ([\d.]+) %\. "
                r".* stands is ([\d.]+) \(([\d.]+) times\) with ([\d.]+) %; "
                r".* chooses, is ([\d.]+) \(([\d.]+) times\) with ([\d.]+) %\.$",
                words,
            )
            expected = [share * largest, share, at["measured"], at["steady"], at["deviation"]]
            for kind in ("present", "tuned"):
                expected += [data[kind][0] * largest, *data[kind]]
            np.testing.assert_allclose(told, expected, rtol=0.006, atol=1e-9)
            formula = explorer.formula(data, layer=layer, threshold=share)
            whole, steady, deviation, both = said(
                r"measured\}\}\{([\d.]+)\} = .*steady\}\}\{([\d.]+)\} .*deviation\}\}\{([\d.]+)\} "
                r".*\}\]\}\{([\d.]+)\}",
                formula,
            )
            sign = -1 if "-\\ \\underset{2" in formula or "- \\underset{2" in formula else 1
            assert whole == pytest.approx(steady + deviation + sign * both, abs=2e-4)
            assert whole == pytest.approx(at["measured"], abs=5.1e-5)


def test_of_a_hundred_layers_neighbours_are_shown_together():
    model, x, _ = deep.mlp([10] * 60)
    explorer = explorers.ThresholdTuning(sl.convert(model, x), x, 3)
    everywhere = explorer.compute(layer=1, threshold=1.0)["all"]
    places, errors = moving(explorer, "at θ / largest").get_data()
    assert places.tolist() == [2 + 3 * k for k in range(20)]
    np.testing.assert_allclose(errors, everywhere.reshape(20, 3).mean(1))


def test_the_network_stays_as_it_is(explorer, given):
    net, x = given
    before = net.fingerprint
    explorers.ThresholdTuning(net, x, 2)
    assert net.fingerprint == before


def test_bad_input_is_refused_in_its_own_words(given):
    net, x = given
    with pytest.raises(sl.OptionError, match=r"network: .*snnlab\.convert"):
        explorers.ThresholdTuning(nn.ReLU(), x)
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        explorers.ThresholdTuning(net, x, 0)
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2))
    with torch.no_grad():
        model[0].weight[:], model[0].bias[:] = 1, 0
    silent = sl.convert(model, [[1.0]])
    with pytest.raises(sl.CalibrationError, match="x: layer '1' is silent on all 2 images"):
        explorers.ThresholdTuning(silent, [[-1.0], [-2.0]])
