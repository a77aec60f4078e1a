"""The error of a whole network: its parts, its bars, and when it simulates."""

import io
import itertools
import re

import matplotlib as mpl
import numpy as np
import pytest
import torch
from helpers.explorers import moving
from helpers.progress import watch
from helpers.style import contrast_with_white
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from PIL import Image
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.analysis.parts import BY_NAME, LAYER_PARTS
from snnlab.explorers import network_error
from snnlab.explorers.toolkit import numbers, simulation_cache

STEPS, RESETS, STARTS, PERCENTILES = (2, 5, 12, 32), ("subtract", "zero"), (0.0, 0.5), (90.0, 100.0)
CHOICES = list(itertools.product(RESETS, STARTS, PERCENTILES))
SETTINGS = [
    {"steps": t, "reset": reset, "v_init": v, "percentile": p}
    for t, (reset, v, p) in itertools.product(STEPS, CHOICES)
]
OPTIONS = {"steps": STEPS, "percentiles": PERCENTILES, "v_inits": STARTS}


def network(widths, dtype=torch.float64):
    """Return a random network and images. In float64 no spike depends on the order of a sum."""
    torch.manual_seed(1)
    layers = []
    for n, m in itertools.pairwise([6, *widths]):
        layers += [nn.Linear(n, m), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 4)).to(dtype)
    x = 2 * np.random.default_rng(0).random((40, 6))
    images = torch.tensor(x).to(dtype)
    with torch.no_grad():
        model[-1].bias -= model(images).mean(0)  # so that every class occurs
        return model, x, x, model(images).argmax(1).numpy()


@pytest.fixture(scope="module")
def given():
    return network([12, 10, 8])


@pytest.fixture(scope="module")
def explorer(given):
    return explorers.NetworkError(*given, **OPTIONS)


@pytest.fixture(scope="module")
def apart(given):
    """Return what every setting should give, each from a conversion and simulation of its own."""
    model, x_cal, x, y = given
    found = []
    for setting in SETTINGS:
        rule = sl.Percentile(setting["percentile"])
        neuron = {"reset": setting["reset"], "v_init": setting["v_init"]}
        net = sl.convert(model, x_cal, threshold=rule, **neuron)
        record = sl.simulate(net, x, setting["steps"])
        found.append((setting, record, sl.decompose(net, x, record), record.accuracy(y)[-1]))
    return found


def bars_of(explorer):
    """Return the layer, begin and end of every bar that is drawn, shape (N, 3)."""
    drawn = []
    for bars in explorer.bars.bars.values():
        for path in bars.get_paths():
            for corners in path.vertices.reshape(-1, 5, 2):
                assert corners[0, 0] != corners[1, 0]
                row = (corners[0, 1] + corners[2, 1]) / 2
                drawn.append((row, corners[0, 0], corners[1, 0]))
    return np.array(drawn)


# --- numbers ---------------------------------------------------------------------------------


def test_every_setting_is_what_a_simulation_of_its_own_gives(explorer, apart):
    assert len(apart) == 32
    for setting, record, report, accuracy in apart:
        data = explorer.compute(**setting)
        assert list(data["layers"]) == report.layers == ["1", "3", "5", "output"]
        rms, shares = report.rms(), report.shares()
        for column, layer in enumerate(data["layers"]):
            for part in ("propagated", "clipping", "quantization", "deviation"):
                size = rms[layer].get(part, 0)
                assert data["rms"][part][column] == pytest.approx(size, rel=1e-9, abs=1e-12)
                share = shares[layer].get(part, 0)
                assert data["parts"][part][column] == pytest.approx(share, rel=1e-9, abs=1e-12)
            total = rms[layer]["total"]
            assert data["rms"]["total"][column] == pytest.approx(total, rel=1e-9, abs=1e-12)
        assert data["accuracy"] == pytest.approx(100 * accuracy)
        counts = [record.counts(layer) for layer in record.layers]
        assert data["spikes"] == pytest.approx(sum(c.sum() for c in counts) / 40)
        spurious = sum(report.spurious(layer).sum() for layer in record.layers) / 40
        assert data["spurious"] == pytest.approx(spurious)


def test_the_settings_differ_and_every_part_occurs(explorer):
    found = [explorer.compute(**setting) for setting in SETTINGS]
    assert len({tuple(data["rms"]["total"]) for data in found}) >= 30
    assert len({data["accuracy"] for data in found}) > 5
    assert any(data["spurious"] > 0 for data in found)
    for part in ("propagated", "clipping", "quantization", "deviation"):
        assert max(data["parts"][part].max() for data in found) > 0.1, part
        assert min(data["parts"][part].min() for data in found) <= 0, part


def test_over_time_shows_the_last_spiking_layer(explorer, apart):
    for setting, _, report, _ in apart:
        rows = explorer.compute(**setting)["over_time"]
        row = STEPS.index(setting["steps"])
        for part, size in report.rms()["5"].items():
            assert rows[part].shape == (4,)
            assert rows[part][row] == pytest.approx(size, rel=1e-9, abs=1e-12)


# --- the picture -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shares_and_drawn_bars_close_at_every_position(dtype):
    explorer = explorers.NetworkError(*network([12, 10, 8], dtype), **OPTIONS)
    negative = 0
    for setting in SETTINGS:
        explorer.move(**setting)
        data = explorer.compute(**setting)
        np.testing.assert_allclose(data["total"], 1, rtol=0, atol=1e-6)
        bars = bars_of(explorer)
        assert set(bars[:, 0]) == {0, 1, 2, 3}
        for row in range(4):
            start, end = bars[bars[:, 0] == row, 1:].T
            assert (end - start).sum() == pytest.approx(1, abs=1e-6)
            for sign in (-1, 1):  # one after the other from 0 on, without gap or overlap
                side = np.sign(end - start) == sign
                ends = np.sort(np.abs([0, *end[side]]))
                np.testing.assert_allclose(np.sort(np.abs(start[side])), ends[:-1], atol=1e-12)
                negative += (sign < 0) * side.sum()
    assert negative > 0


def test_each_part_has_its_own_bars_numbers_and_line(explorer):
    for setting in SETTINGS:
        explorer.move(**setting)
        data = explorer.compute(**setting)
        for part, bars in explorer.bars.bars.items():
            wide = [np.ptp(p.vertices.reshape(-1, 5, 2)[:, :, 0], axis=1) for p in bars.get_paths()]
            share = np.abs(data["parts"][part])
            seen = [width for width in np.concatenate([*wide, []]) if width > 1e-12]
            np.testing.assert_allclose(seen, share[share > 1e-12], rtol=0, atol=1e-12)
        shown = [float(text) for text in explorer.bars.sizes.texts]
        np.testing.assert_allclose(shown, data["rms"]["total"], rtol=0.05)
        for part, rms in data["over_time"].items():
            steps, drawn = moving(explorer, part).get_data()
            grown = [step for step in STEPS if step <= setting["steps"]]
            assert list(steps) == grown
            rms = rms[: len(grown)]
            assert (np.isnan(drawn) == (rms == 0)).all()
            assert (drawn[rms > 0] == rms[rms > 0]).all()
        assert explorer.picture.moving[-1].get_xdata() == [setting["steps"]] * 2


def test_the_sizes_fit_their_axis(explorer):
    low, high = explorer.picture.figure.axes[1].get_ylim()
    total = [explorer.compute(**setting)["over_time"]["total"] for setting in SETTINGS]
    assert low < np.min(total) < np.max(total) < high


def test_bars_can_be_told_apart_without_colour():
    """The fill has contrast, and white edges and hatches make the difference."""
    explorer = explorers.NetworkError(*network([5]), steps=(2, 4))
    bars = explorer.bars.bars
    assert list(bars) == ["propagated", "clipping", "quantization", "deviation"]
    assert len({b.get_hatch() for b in bars.values()}) == 4
    for part, bar in bars.items():
        assert contrast_with_white(bar.get_facecolor()[0]) >= 4.5
        assert contrast_with_white(bar.get_edgecolor()[0]) == 1
        assert tuple(bar.get_facecolor()[0]) == to_rgba(BY_NAME[part].color)


@pytest.mark.slow
def test_of_many_layers_some_are_named_and_the_output_always():
    model, x, _, y = network([6] * 15)
    with torch.no_grad():
        for layer in model[::2]:
            layer.weight *= 3  # else the last activations are all but the same
    explorer = explorers.NetworkError(model, x, x, y, steps=(2, 4), v_inits=[0.5])
    axes = explorer.picture.figure.axes[0]
    named = [label.get_text() for label in axes.get_yticklabels()]
    assert set(named) == {"output", *(str(k) for k in range(3, 30, 4))}
    sizes = explorer.bars.sizes
    np.testing.assert_array_equal(sizes.artist.get_offsets()[:, 1], axes.get_yticks())
    total = explorer.compute(**explorer.values)["rms"]["total"]
    shown = [float(text) for text in sizes.texts]
    np.testing.assert_allclose(shown, total[axes.get_yticks().astype(int)], rtol=0.05)


# --- the numbers beside the bars -------------------------------------------------------------


@pytest.mark.parametrize("number", ["0.35", "1.2e-05", "117", "0", "1e+03"])
def test_a_number_has_the_outline_that_matplotlib_gives_its_text(number):
    wanted, found = TextPath((0, 0), number, size=numbers.SIZE), numbers.outline(number)
    np.testing.assert_allclose(found.vertices, wanted.vertices, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.codes, wanted.codes)


@pytest.mark.parametrize("dpi", [72, 200])
def test_numbers_stand_where_matplotlib_would_write_them(dpi):
    def ink(writes):
        figure = Figure(figsize=(8.4, 3.4))
        ax = figure.subplots()
        figure.subplots_adjust(right=0.7)
        ax.set(ylim=(3.5, -0.5), xticks=[])
        writes(ax)
        out = io.BytesIO()
        figure.savefig(out, dpi=dpi)
        beside = np.asarray(Image.open(out).convert("L"))[:, int(0.71 * 8.4 * dpi) :]
        rows, columns = np.nonzero(beside < 128)
        return rows.min(), rows.max(), columns.min(), columns.max()

    def ours(ax):
        numbers.Numbers(ax, [0, 3]).show([0.81, 0.35])

    def theirs(ax):
        for row, text in [(0, "0.81"), (3, "0.35")]:
            ax.text(1.02, row, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8)

    np.testing.assert_allclose(ink(ours), ink(theirs), rtol=0, atol=dpi / 72)


def test_numbers_keep_their_font_whatever_the_user_has_set():
    numbers._letter.cache_clear()
    usual = numbers.outline("0.35").vertices
    numbers._letter.cache_clear()
    with mpl.rc_context({"font.family": "monospace"}):
        np.testing.assert_array_equal(numbers.outline("0.35").vertices, usual)


# --- words -----------------------------------------------------------------------------------


def test_the_words_name_the_largest_part_of_every_layer(explorer, apart):
    seen = set()
    for setting, _, report, _ in apart:
        words = explorer.move(**setting)
        told = {}
        said = re.search(r"Largest part of the error: (.*?)\. Over", words)[1]
        listed = r"(\w+) in (every layer|layers? \d+(?:(?:, | and )\d+)*)"
        for part, rest in re.findall(listed, said):
            names = ["1", "3", "5"] if rest == "every layer" else re.findall(r"\d+", rest)
            told |= dict.fromkeys(names, part)
        shares = report.shares()
        assert told == {name: max(shares[name], key=shares[name].get) for name in ("1", "3", "5")}
        seen |= set(told.values())
        mean = {p: np.mean([shares[name][p] for name in ("1", "3", "5")]) for p in shares["1"]}
        first = max(mean, key=mean.get)
        assert f"3 spiking layers {first} has {100 * mean[first]:.0f} % of the mean square" in words
    assert len(seen) >= 3


def test_the_words_say_what_was_measured(explorer, given, apart):
    model, _, x, y = given
    ann = 100 * (model(torch.tensor(x)).argmax(1).numpy() == y).mean()
    for setting, _, report, accuracy in apart:
        words = explorer.move(**setting)
        reset = {"subtract": "by subtraction", "zero": "to zero"}[setting["reset"]]
        start = {0.0: "empty", 0.5: "half full"}[setting["v_init"]]
        assert words.startswith(
            f"{setting['steps']} steps, reset {reset}, starting {start}, percentile "
            f"{setting['percentile']:g}: {100 * accuracy:.2f} % right (ANN {ann:.2f} %), "
        )
        spurious = sum(report.spurious(layer).sum() for layer in ("1", "3", "5")) / 40
        assert ("of them from neurons whose ANN activation is 0" in words) == (spurious > 0)
        size = report.rms()["5"]["total"]
        assert words.endswith(f"the root mean square error of layer 5 is {size:.3g}.")
        assert words.count(". ") == 2


def described(explorer, shares, **changes):
    """Return the words for shares of the parts by layer, the output left away."""
    names = tuple(f"relu{k}" for k in range(1, len(shares) + 1))
    parts = np.array([*shares, (1, 0, 0, 0)], float).T
    data = {
        "layers": (*names, "output"),
        "accuracy": 50.0,
        "spikes": 1.0,
        "spurious": 0.0,
        "rms": {"total": np.ones(len(shares) + 1)},
        "parts": {part.name: row for part, row in zip(LAYER_PARTS, parts, strict=True)},
    } | changes
    setting = {"steps": 1, "reset": "zero", "v_init": 0.25, "percentile": 99.9}
    return explorer.describe(data, **setting)


def test_layers_with_the_same_largest_part_are_told_together(explorer):
    a, b = (1, 0, 0, 0), (0, 0, 1, 0)
    words = described(explorer, [b, b, a, b, a, b])
    assert "quantization in layers relu1, relu2, relu4 and relu6, propagated in layers" in words
    assert "Largest part of the error: quantization in every layer. Over" in described(
        explorer, [b] * 6
    )
    assert "propagated in 5 layers, quantization in layer relu6." in described(
        explorer, [a] * 5 + [b]
    )
    words = described(explorer, [b])
    assert "quantization in layer relu1. In this layer quantization has 100 % of the mean" in words
    assert "square error; the root mean square error of layer relu1 is 1." in words


def test_one_is_not_many_and_nothing_is_no_error(explorer):
    words = described(explorer, [(0, 0, 1, 0)])
    assert words.startswith("1 step, reset to zero, starting at 0.25 θ, percentile 99.9: 50.00 %")
    assert "1 spike per image. " in words
    words = described(explorer, [(0, 0, 0, 0)] * 2, rms={"total": np.zeros(3)}, spurious=0.5)
    assert "1 spike per image, 0.5 of them from neurons" in words
    assert words.endswith("No spiking layer has an error.")


def test_the_formula_fills_in_the_last_spiking_layer(explorer, apart):
    for setting, _, report, _ in apart:
        text = explorer.formula(explorer.compute(**setting), **setting)
        filled = re.findall(r"([+-]?) ?\\underset\{\\text\{(\w+)\}\}\{([\d.]+)\\,\\%\}", text)
        told = {part: float(number) * (-1) ** (sign == "-") for sign, part, number in filled}
        shares = report.shares()["5"]
        assert told == {part: pytest.approx(100 * s, abs=0.051) for part, s in shares.items()}
        assert r"= 100.0\,\%$$" in text
        assert ("reset to zero throws away" in text) == (setting["reset"] == "zero")


def test_the_code_shown_gives_the_same(explorer, given):
    for setting in SETTINGS[::7]:
        explorer.move(**setting)
        names = dict(zip(("model", "x_cal", "x", "y"), given, strict=True))
        exec(compile(explorer.code(), "<code>", "exec"), names)
        data = explorer.compute(**setting)
        assert names["data"].keys() == data.keys()
        for key in ("parts", "rms", "over_time"):
            for part, values in data[key].items():
                np.testing.assert_array_equal(names["data"][key][part], values)
        assert names["data"]["accuracy"] == data["accuracy"]


# --- when it simulates -----------------------------------------------------------------------


@pytest.fixture
def simulations(monkeypatch):
    done, slow = [], network_error.simulate

    def counted(net, *given, **options):
        neuron = net.neurons[net.layers[0]]
        done.append((neuron.reset, neuron.v_init))
        return slow(net, *given, **options)

    monkeypatch.setattr(network_error, "simulate", counted)
    return done


def test_everything_is_simulated_when_it_opens_and_never_again(given, simulations):
    explorer = explorers.NetworkError(*given, **OPTIONS)
    assert len(simulations) == len(explorer.simulations) == 8
    for setting in SETTINGS:
        explorer.move(**setting)
    assert len(simulations) == 8


def test_the_likeliest_settings_come_first(explorer):
    runs = list(explorer.simulations)
    assert runs[0] == ("subtract", 0.5, 100.0)
    assert set(runs[1:4]) == {
        ("zero", 0.5, 100.0), ("subtract", 0.0, 100.0), ("subtract", 0.5, 90.0)
    }  # fmt: skip
    assert runs[-1] == ("zero", 0.0, 90.0)


def test_what_takes_too_long_is_simulated_at_its_first_visit(given, simulations, monkeypatch):
    monkeypatch.setattr(simulation_cache, "PREPARATION_SECONDS", -1.0)
    explorer = explorers.NetworkError(*given, **OPTIONS)
    assert simulations == [("subtract", 0.5)]
    explorer.move(reset="zero", v_init=0.0)
    assert simulations == [("subtract", 0.5), ("zero", 0.0)]
    explorer.move(steps=32)
    assert len(simulations) == 2


def test_the_preparation_counts_its_work(given, monkeypatch):
    bars = watch(monkeypatch)
    explorers.NetworkError(*given, **OPTIONS)
    (bar,) = [bar for bar in bars if bar.unit == "settings"]
    assert (bar.planned, bar.n, bar.closed) == (8, 8, True)


# --- options ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_begins_in_the_middle_half_full_at_the_maximum(given):
    half = {"reset": "subtract", "v_init": 0.5, "percentile": 100.0}
    assert explorers.NetworkError(*given).values == {"steps": 16, **half}
    one = explorers.NetworkError(*given, steps=(8, 2, 2), percentiles=[99, 80], v_inits=[0.25, 0])
    assert one.values == {"steps": 2, "reset": "subtract", "v_init": 0.0, "percentile": 80.0}
    assert list(one.declared["steps"].options) == ["2", "8"]
    assert list(one.declared["v_init"].options) == ["0.25", "empty (0)"]


def test_the_model_stays_as_it_is(given):
    model = given[0].train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explorers.NetworkError(*given, steps=[4])
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": ()}, "steps: is empty, expected at least one number."),
        ({"percentiles": []}, "percentiles: is empty, expected at least one number."),
        ({"v_inits": np.array([])}, "v_inits: is empty, expected at least one number."),
        ({"steps": 16}, "steps = 16: expected a list, as steps=[16]."),
        ({"steps": "16"}, "steps = '16': expected a list"),
        ({"steps": (4, 0)}, "steps = 0: expected a whole number, 1 or more."),
        ({"steps": (4, 2.5)}, "steps = 2.5: expected a whole number, 1 or more."),
        ({"percentiles": (0.5, 99)}, "percentile = 0.5: expected a number in (1, 100]"),
        ({"v_inits": (0.5, 1.0)}, "v_init = 1.0: expected a number in [0, 1)"),
    ],
)
def test_bad_options_are_refused_before_anything_is_simulated(given, simulations, options, message):
    with pytest.raises(sl.OptionError, match=re.escape(message)):
        explorers.NetworkError(*given, **options)
    assert simulations == []


def test_bad_labels_are_refused_before_anything_is_simulated(given, simulations):
    model, x_cal, x, y = given
    with pytest.raises(sl.ShapeError, match="y: shape"):
        explorers.NetworkError(model, x_cal, x, y[:5])
    assert simulations == []
