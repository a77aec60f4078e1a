"""Every part of every kind of report, drawn by every plot that takes one."""

import inspect
import itertools

import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest
import torch
from helpers.style import assert_apart, contrast_with_white
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from torch import nn

import snnlab as sl
from snnlab import plots
from snnlab.analysis.parts import LAYER_PARTS, OFFSET, PARTS, ROW_PARTS, TOTAL

# Every input with every pooling; the resets take turns, so that each occurs with each of them.
COMBINATIONS = itertools.product(("analog", "poisson", "regular"), ("exact", "gate", "gate_recent"))
KINDS = {
    ", ".join(kind): kind
    for kind in (
        (reset, *rest)
        for reset, rest in zip(itertools.cycle(("subtract", "zero")), COMBINATIONS, strict=False)
    )
}
NAMES = {part.name for part in PARTS}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trained():
    """A network with a max pooling in the middle, and images whose error has every part."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(36, 10), nn.ReLU(), nn.Linear(10, 3)),
    )
    with torch.no_grad():
        for layer in (model[4], model[6]):
            layer.weight *= 4  # some currents are negative, so that they come in an uneven order
    return model, np.random.default_rng(0).random((8, 1, 8, 8), np.float32)


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def reports(request, trained):
    """The report after 12 steps, and that over several numbers of steps."""
    reset, input, max_pool = request.param
    model, x = trained
    net = sl.convert(model, x, threshold=sl.Percentile(95), reset=reset, max_pool=max_pool)
    record = sl.simulate(net, x, 12, input=input, seed=1 if input == "poisson" else None, at=(3, 6))
    report = sl.decompose(net, x, record)
    expected = ["input"] * (input != "analog") + ["1"] + ["2"] * (max_pool != "exact")
    assert report.layers == [*expected, "5", "output"]
    return report, sl.decompose_over_time(net, x, record)


def plots_of(kind):
    """Return the plots whose first parameter is a report of this kind."""
    return [
        plot
        for plot in filter(callable, (getattr(plots, name) for name in plots.__all__))
        if [p.annotation for p in inspect.signature(plot).parameters.values()][:1] == [kind]
    ]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def assert_seen(color):
    assert to_rgba(color)[3] > 0
    assert contrast_with_white(color) > 1.5


def test_the_plots_that_take_a_report_are_found():
    assert plots_of(sl.ErrorParts) == [plots.activation_against_rate, plots.error_parts]
    assert plots_of(sl.ErrorsOverTime) == [plots.errors_over_time]


def test_error_parts_draws_every_part(reports):
    report, _ = reports
    ax = plots.error_parts(report)
    bars = {container.get_label(): container for container in ax.containers}
    occurring = {part for parts in report.parts.values() for part in parts}
    assert set(bars) == set(legend(ax)) == occurring
    assert len(bars) == len(ax.containers)
    drawn = set()
    sizes = {layer: parts["total"] for layer, parts in report.rms().items()}
    for row, (layer, shares) in enumerate(report.shares().items()):
        assert ax.get_yticklabels()[row].get_text() == layer
        for part, share in shares.items():
            assert bars[part][row].get_width() == pytest.approx(sizes[layer] * share)
            if share:
                assert_seen(bars[part][row].get_facecolor())
                drawn.add(part)
    assert drawn == occurring
    ax.figure.draw_without_rendering()
    frame, box = ax.figure.bbox, ax.get_legend().get_window_extent()
    assert frame.x0 <= box.x0 < box.x1 <= frame.x1
    assert box.y1 <= ax.title.get_window_extent().y0 + 1


def test_errors_over_time_draws_every_part_of_every_row(reports):
    report, errors = reports
    spiking = list(report.counts)
    for layer in [*errors.layers, -1]:
        ax = plots.errors_over_time(errors, layer)
        name = spiking[layer] if isinstance(layer, int) else layer
        assert name in ax.get_title()
        sizes = {part: rms for part, rms in errors.rms[name].items() if rms.any()}
        lines = {line.get_label(): line for line in ax.lines if line.get_label()[0] != "_"}
        guides = [label for label in lines if label in ("1/T", "1/√T")]
        assert list(lines) == [*sizes, *guides]
        written = [text.get_text() for text in ax.texts] + (legend(ax) if ax.get_legend() else [])
        assert sorted(written) == sorted(lines)
        assert set(sizes) <= NAMES | {"total"}
        for line in lines.values():
            assert line.get_visible()
            assert_seen(line.get_color())


def test_activation_against_rate_has_a_mark_for_every_part_of_every_layer(reports):
    report, _ = reports
    for layer in report.counts:
        ax = plots.activation_against_rate(report, layer)
        marks = {line.get_label(): line for line in ax.lines}
        assert set(legend(ax)) == set(marks)
        for part in report.parts[layer]:
            assert_seen(marks[f"most of it {part}"].get_color())
        points = sum(len(marks.get_offsets()) for marks in ax.collections)
        assert points == report.counts[layer].size


def test_words_and_tables_name_every_part(reports):
    report, errors = reports
    header, *rows = [line.split() for line in repr(report).splitlines()[1:]]
    over_time = [tuple(line.split()[:2]) for line in repr(errors).splitlines()[2:]]
    for row, (layer, parts) in zip(rows, report.rms().items(), strict=True):
        assert row[0] == layer
        assert set(parts) <= set(header)
        table = repr(report.table(layer)).splitlines()[2:]
        assert [line.split()[0] for line in table] == list(parts)
        assert {(layer, part) for part in parts} <= set(over_time)


def test_parts_differ_by_form_as_well_as_by_color():
    for looks in (
        [part.color for part in (*PARTS, TOTAL)],
        [part.hatch for part in PARTS],
        [(part.line, part.marker) for part in (*PARTS, TOTAL)],
    ):
        assert len(set(looks)) == len(looks)


def test_the_colours_of_parts_can_be_seen_by_everyone():
    assert_apart([part.color for part in (*LAYER_PARTS, OFFSET, TOTAL)])
    for part in ROW_PARTS:
        assert_apart([part.color, TOTAL.color])
    for part in (*PARTS, TOTAL):
        assert contrast_with_white(part.color) >= 4.5
