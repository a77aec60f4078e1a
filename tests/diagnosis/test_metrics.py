"""A diagnosis by other metrics than accuracy."""

import re

import numpy as np
import pytest
import torch
from helpers.trained import X, Y, converted
from torch import nn

import snnlab as sl
from snnlab import plots
from snnlab.diagnosis import diagnose
from snnlab.diagnosis.localization import blamed
from snnlab.simulation.measures import Scale

ERROR = Scale("rmse", "RMS error", False, False)


def share(outputs, y):
    return (outputs.argmax(1) == y).mean()


def error_rate(outputs, y):
    return (outputs.argmax(1) != y).mean()


share.higher_is_better, error_rate.higher_is_better = True, False


def built(*weights):
    """A network of two layers on one input each."""
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, len(weights[2])))
    for parameter, value in zip(model.parameters(), weights, strict=True):
        parameter.data = torch.tensor(value)
    return model


SIGN = built([[1.0], [-1.0]], [0.0, 0.0], [[1.0, -1.0]], [-0.5])
LINE = np.linspace(-2, 2, 41, dtype=np.float32)[:, None]
ABOVE = (LINE[:, 0] > 0.5).astype(int)


def test_the_same_numbers_by_another_name_give_the_same_diagnosis():
    net = converted("mlp").replace(2, scale=20.0)
    usual = diagnose(net, X, Y, 8)
    assert usual.causes
    assert usual.remedies
    for metric, sign in ((share, 1), (error_rate, -1)):
        found = diagnose(net, X, Y, 8, metric=metric)
        offset = 0 if sign == 1 else 1
        assert found.snn == pytest.approx(offset + sign * usual.snn)
        assert found.ann == pytest.approx(offset + sign * usual.ann)
        assert [f.kind for f in found.causes] == [f.kind for f in usual.causes]
        assert (found.layer, found.part) == (usual.layer, usual.part)
        for name, value in usual.exact.items():
            assert found.exact[name] == pytest.approx(offset + sign * value)
        assert found.gains == pytest.approx(usual.gains)
        assert [r.words for r in found.remedies] == [r.words for r in usual.remedies]
        said, words = found.sentences, metric.__name__
        assert said[0].startswith(f"{words}: SNN {found.snn:.4g} after 8 steps, ANN ")
        assert said[0].endswith(" worse.")
        helps, usually = said[-1], usual.sentences[-1]
        assert re.sub(r"[\d.]+%?", "", helps) == re.sub(r"[\d.]+%?", "", usually)
        assert "%" not in " ".join(said).replace("99.9th percentile", "")
        layers, remedies = (table.header for table in found.tables())
        assert layers[-1] == f"{words} without its error"
        assert remedies == ["remedy", words, "gained", "time", "needs"]


def test_one_logit():
    net = sl.convert(SIGN, LINE)
    assert diagnose(net, LINE, ABOVE, 64, model=SIGN).sentences == [
        "SNN 100.00% after 64 steps, ANN 100.00%, on 41 images: nothing is lost.",
        "Nothing is wrong that costs accuracy.",
    ]
    found = diagnose(net.replace(scale=64.0), LINE, ABOVE[:, None], 16, model=SIGN)
    assert found.ann == 1.0
    assert found.snn == sl.simulate(net.replace(scale=64.0), LINE, 16).accuracy(ABOVE)[-1] < 0.8
    assert [cause.kind for cause in found.causes] == ["high threshold"]
    assert found.causes[0].repaired == sl.simulate(net, LINE, 16).accuracy(ABOVE)[-1]
    poor = diagnose(net, LINE, 1 - ABOVE, 64)
    assert "reads 0.00% correctly, and guessing would give 50.00%." in poor.sentences[1]


def test_a_regression():
    net = sl.convert(SIGN, LINE)
    y = sl.ann(net, LINE).outputs + 0.01
    fine = diagnose(net, LINE, y, 4096)
    assert fine.sentences[0].endswith(" nothing is lost.")
    assert fine.sentences[1:] == ["Nothing is wrong that costs anything."]
    slow = net.replace(scale=64.0)
    found = diagnose(slow, LINE, y, 16)
    assert found.snn == sl.simulate(slow, LINE, 16).accuracy(y)[-1]
    assert found.ann == pytest.approx(0.01, rel=1e-3) == sl.ann(net, LINE).accuracy(y)
    assert found.sentences[0] == (
        f"RMS error: SNN {found.snn:.4g} after 16 steps, ANN 0.01, on 41 images: "
        f"{found.snn - found.ann:.3g} worse."
    )
    (cause,) = found.causes
    assert cause.kind == "high threshold"
    assert (
        cause.repaired
        == diagnose(net.replace(threshold=found.settings["1"].usual), LINE, y, 16).snn
    )
    assert sum(found.gains.values()) == pytest.approx(found.snn - found.exact["1"])
    assert all(found.exact[layer] < found.snn for layer in found.exact)
    values = [(bool(r.needs), r.accuracy) for r in found.remedies if r.cost == 1]
    assert values == sorted(values)
    assert f"the RMS error would be {found.exact['1']:.4g}" in found.sentences[-2]
    ax = plots.diagnosis(found)
    drawn = [bar.get_x() + bar.get_width() for bar in ax.patches]
    assert drawn == pytest.approx([*found.exact.values(), *(r.accuracy for r in found.remedies)])
    assert ax.get_xlabel() == "RMS error"
    assert ax.get_xlim()[1] > max(drawn)
    assert {line.get_xdata()[0] for line in ax.lines} == {found.ann, found.snn}


def test_a_regression_no_better_than_the_mean_is_said_to_be_poor():
    net = sl.convert(SIGN, LINE)
    y = -sl.ann(net, LINE).outputs
    found = diagnose(net, LINE, y, 1024)
    (poor,) = found.causes
    assert poor.kind == "poor ANN"
    assert f"has RMS error {found.ann:.4g}, and the mean of the targets would give" in poor.words
    assert f"would give {y.std():.4g}." in poor.words


@pytest.mark.parametrize(
    ("exact", "snn", "ann", "layer"),
    [
        ({"a": 0.25, "b": 0.375, "c": 0.5}, 0.5, 0.0, "a"),  # just half, just twice
        ({"a": 0.25, "b": 0.3125}, 0.5, 0.0, None),
        ({"a": 0.3125, "b": 0.5}, 0.5, 0.0, None),
        ({"a": 0.5, "b": 0.0}, 0.5, 0.0, "b"),
    ],
)
def test_of_an_error_less_is_better(exact, snn, ann, layer):
    assert blamed(exact, snn, ann, ERROR) == layer


def test_places_in_images_count_and_whole_images_are_not_called_poor():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()
    x = np.random.default_rng(0).random((10, 1, 3, 3), np.float32)
    net = sl.convert(model, x)
    y = sl.ann(net, x).outputs.argmax(1)
    y[:, 0, 0] = 1 - y[:, 0, 0]  # one of nine is wrong everywhere
    found = diagnose(net, x, y, 256)
    assert found.ann == pytest.approx(8 / 9)
    assert found.snn == sl.simulate(net, x, 256).accuracy(y)[-1]
    exact = diagnose(net, x, y, 256, metric="exact")
    assert exact.ann == 0.0
    assert exact.sentences[0].startswith("share of images with all labels right: SNN 0.00%")
    assert [finding.kind for finding in exact.findings] == []


def test_the_model_itself_is_read_by_the_same_metric():
    """What it does to its logits in the end moves no logit to the other side."""
    net = sl.convert(SIGN, LINE)
    other = built([[1.0], [-1.0]], [0.0, 0.0], [[1.0, -1.0]], [-0.75])
    found = diagnose(net, LINE, ABOVE, 64, model=other)
    own = ((other(torch.from_numpy(LINE))[:, 0] > 0).numpy() == ABOVE).mean()
    assert f"The model reads {own:.2%} correctly." in found.sentences[1]
    targets = np.float32(LINE - 0.75)
    found = diagnose(net, LINE, targets, 64, model=other)
    assert "The model has RMS error " in " ".join(found.sentences)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"metric": lambda o, y: 0.0}, sl.OptionError, "no attribute higher_is_better.*Set it to"),
        ({"metric": "top2"}, sl.OptionError, "metric = 'top2': the network gives 1 score"),
        ({"y": ABOVE + 1}, sl.ShapeError, r"y: .*write y - 1"),
    ],
)
def test_refusals(given, error, message):
    with pytest.raises(error, match=message):
        diagnose(sl.convert(SIGN, LINE), **{"x": LINE, "y": ABOVE, "timesteps": 4} | given)


def test_a_metric_that_is_no_number_is_refused():
    def undefined(outputs, y):
        return np.nan

    undefined.higher_is_better = True
    with pytest.raises(sl.OptionError, match=r"undefined is nan for the SNN.*finite numbers"):
        diagnose(sl.convert(SIGN, LINE), LINE, ABOVE, 4, metric=undefined)
