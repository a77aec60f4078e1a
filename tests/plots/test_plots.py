import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest
from helpers import oracles
from matplotlib import pyplot as plt
from torch import nn

import snnlab as sl
from snnlab import plots
from snnlab.analysis.parts import BY_NAME
from snnlab.plots._style import styled

PARTS = ("propagated", "clipping", "quantization", "deviation")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def run():
    steps = oracles.random_steps(4)
    x = oracles.images(4, batch=6)
    net = sl.convert(oracles.Torch(steps), x, threshold=sl.Fixed(oracles.thresholds(steps)))
    return net, x, sl.simulate(net, x, 20, spikes=True)


def spikes_of(ax):
    """Return the (step, row) of each mark of a raster, and how high it is."""
    (marks,) = ax.collections
    ends = np.array(marks.get_segments())
    assert (ends[:, 0, 0] == ends[:, 1, 0]).all()
    return ends[:, 0, 0].astype(int), ends[:, :, 1].mean(1), np.diff(ends[:, :, 1])


def test_raster_marks_every_spike_once(run):
    _, _, record = run
    name = record.layers[0]
    ax = plots.raster(record, name, image=2)
    steps, neurons, heights = spikes_of(ax)
    trains = record.spikes(name)[:, 2].reshape(20, -1)
    assert len(steps) == trains.sum() > 0
    drawn = np.zeros_like(trains)
    drawn[steps - 1, neurons.round().astype(int)] = 1
    assert (drawn == trains).all()
    assert (heights < 0.8).all()  # neighbours do not touch
    assert name in ax.get_title()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "neuron")


@pytest.mark.parametrize("neurons", [64, 65, 200])
def test_raster_of_many_neurons_is_sorted_and_tells_the_silent_ones(neurons):
    """Neuron n receives n/64 (modulo 1) in each of 8 steps; below 1/8 it never fires."""
    net = sl.convert(nn.ReLU(), np.ones((1, neurons)), threshold=sl.Fixed(1.0), v_init=0.0)
    x = (np.arange(neurons) % 64 / 64)[None]
    record = sl.simulate(net, x, 8, spikes=True)
    ax = plots.raster(record, 0)
    steps, rows, _ = spikes_of(ax)
    trains = record.spikes(0)[:, 0].reshape(8, -1)
    counts = trains.sum(0).astype(int)
    order = np.argsort(-counts, kind="stable") if neurons > 64 else np.arange(neurons)
    drawn = np.zeros_like(trains)
    drawn[steps - 1, rows.round().astype(int)] = 1
    assert (drawn == trains[:, order]).all()
    silent = int((counts == 0).sum())
    assert silent == sum(n % 64 < 8 for n in range(neurons))
    if neurons == 64:
        assert len(ax.patches) == len(ax.texts) == 0
        return
    (band,) = ax.patches
    assert (band.get_y(), band.get_height()) == (neurons - silent - 0.5, silent)
    share = round(100 * silent / neurons)
    assert ax.texts[0].get_text() == f"{silent} of {neurons} neurons are silent ({share}%)"
    assert ax.get_ylabel() == "neurons, most active first"
    ax.figure.draw_without_rendering()


def test_raster_takes_a_position_for_the_layer(run):
    record = run[2]
    assert record.layers[-1] in plots.raster(record, -1).get_title()


def test_accuracy_over_time_takes_the_labels_that_came_along():
    net = sl.convert(nn.ReLU(), [[1.0, 1.0]], threshold=sl.Fixed(1.0))
    x = np.array([[0.25, 1.0], [0.5, 0.75]])
    record = sl.simulate(net, (x, np.array([1, 0])), 8)
    curve = plots.accuracy_over_time(record).lines[0].get_ydata()
    assert (curve == 100 * record.accuracy([1, 0])).all()


def test_accuracy_over_time_shows_the_record_and_the_ann(run):
    _, _, record = run
    y = np.arange(6) % 3
    given = plt.subplots()[1]
    ax = plots.accuracy_over_time(record, y, ann=0.5, label="soft", ax=given)
    assert ax is given
    steps, accuracy = ax.lines[0].get_data()
    assert (steps == np.arange(1, 21)).all()
    assert (accuracy == 100 * record.accuracy(y)).all()
    assert set(ax.lines[1].get_ydata()) == {50.0}
    assert [text.get_text() for text in ax.texts] == ["soft", "ANN"]  # at the curves
    assert ax.get_legend() is None
    assert (ax.get_title(), ax.get_ylabel()) == ("Accuracy over time", "accuracy (%)")


@pytest.mark.parametrize(
    ("metric", "factor", "title", "label"),
    [
        ("top2", 100, "Top-2 accuracy over time", "top-2 accuracy (%)"),
        ("rmse", 1, "RMS error over time", "RMS error"),
        (lambda outputs, y: outputs.max(), 1, "Metric over time", "metric"),
    ],
)
def test_another_metric_over_time(run, metric, factor, title, label):
    record = run[2]
    y = record.outputs[0] + 0.5 if metric == "rmse" else np.arange(6) % 3
    ax = plots.accuracy_over_time(record, y, metric=metric, ann=0.5)
    assert (ax.lines[0].get_ydata() == factor * record.accuracy(y, metric=metric)).all()
    assert set(ax.lines[1].get_ydata()) == {factor * 0.5}
    assert (ax.get_title(), ax.get_ylabel()) == (title, label)


@pytest.mark.parametrize("poisson", [False, True])
def test_error_parts_divides_the_error_by_the_shares_of_its_mean_square(run, poisson):
    net, x, record = run
    if poisson:
        record = sl.simulate(net, x, 20, input="poisson", seed=0)
    report = sl.decompose(net, x, record)
    ax = plots.error_parts(report)
    assert [t.get_text() for t in ax.get_yticklabels()] == report.layers
    labels = [bars.get_label() for bars in ax.containers]
    assert labels == (["input"] if poisson else []) + list(PARTS)
    widths = np.array([[bar.get_width() for bar in bars] for bars in ax.containers])
    for row, name in enumerate(report.layers):
        parts = {part: report.part(name, part).astype(np.float64) for part in report.parts[name]}
        total = sum(parts.values())
        for bars, label in zip(widths, labels, strict=True):
            share = (parts[label] * total).sum() / (total**2).sum() if label in parts else 0
            assert bars[row] == pytest.approx(share * np.sqrt((total**2).mean()), abs=1e-6)
        number = float(ax.texts[row].get_text())
        assert number == pytest.approx(np.sqrt((total**2).mean()), rel=1e-2)
    sizes = [np.sqrt((report.total(name) ** 2).mean()) for name in report.layers]
    np.testing.assert_allclose(widths.sum(0), sizes, rtol=0, atol=1e-6)
    assert (widths < 0).any()
    assert_stacked(ax)


def assert_stacked(ax):
    """The bars of a row touch: outwards from 0 on both sides, and lie within the axes."""
    for row in range(len(ax.get_yticks())):
        bars = [container[row] for container in ax.containers]
        assert {bar.get_y() + bar.get_height() / 2 for bar in bars} == {row}
        for sign in (-1, 1):
            end = 0.0
            for bar in bars:
                if np.sign(bar.get_width()) == sign:
                    assert bar.get_x() == pytest.approx(end, abs=1e-12)
                    end = bar.get_x() + bar.get_width()
            assert ax.get_xlim()[0] <= end <= ax.get_xlim()[1]


def report_of(activations=None, **parts):
    """A report of one layer "a", and an output, with parts as given and the others 0."""
    shape = np.shape(next(iter(parts.values())))
    arrays = {part: np.array(parts.get(part, np.zeros(shape)), float) for part in PARTS}
    a = np.zeros(shape) if activations is None else np.array(activations, float)
    output = {"propagated": np.full((shape[0], 1), 0.5)}
    return sl.ErrorParts(8, {"a": arrays, "output": output}, {"a": a}, {"a": np.zeros(shape, int)})


def test_error_parts_draws_a_part_that_works_against_the_others_left_of_zero():
    """Errors 1, -1/2, -1/4 and 1/4 sum to 1/2: shares 2, -1, -1/2 and 1/2 of that."""
    report = report_of(
        propagated=[[1.0]], clipping=[[-0.5]], quantization=[[-0.25]], deviation=[[0.25]]
    )
    given = plt.subplots()[1]
    ax = plots.error_parts(report, ax=given)
    assert ax is given
    bars = [(bars[0].get_x(), bars[0].get_width()) for bars in ax.containers]
    assert bars == [(0, 1), (0, -0.5), (-0.5, -0.25), (1, 0.25)]
    assert [bars[1].get_width() for bars in ax.containers] == [0.5, 0, 0, 0]
    assert [(text.get_text(), text.xy) for text in ax.texts] == [
        ("0.5", (1.25, 0)),
        ("0.5", (0.5, 1)),
    ]
    assert_stacked(ax)
    ax.figure.draw_without_rendering()


def test_error_parts_of_a_layer_without_error_are_empty_bars():
    ax = plots.error_parts(report_of(propagated=[[0.0]]))
    assert {bars[0].get_width() for bars in ax.containers} == {0}
    ax.figure.draw_without_rendering()


def test_bars_of_two_reports_with_a_common_axis_can_be_compared():
    """The limits of both follow from the longer bar, and its number lies within the axes."""
    axes = plt.subplots(2, 1, sharex=True, layout="constrained")[1]
    for ax, error in zip(axes, (8.0, 0.5), strict=True):
        plots.error_parts(report_of(quantization=[[error]]), ax=ax)
    axes[0].figure.draw_without_rendering()
    (low, high), (box, *_) = axes[1].get_xlim(), [t.get_window_extent() for t in axes[0].texts]
    assert low == 0
    assert 8 < high < 10
    assert box.x1 <= axes[0].get_window_extent().x1


# The parts over time

GUIDES = ("1/T", "1/√T")


def named(ax):
    """Return the lines that have a name, but for guides."""
    lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    return {label: line for label, line in lines.items() if label not in GUIDES}


@pytest.mark.parametrize("layer", [0, -1, "output", "input"])
def test_errors_over_time_draws_the_sizes(run, layer):
    net, x, _ = run
    record = sl.simulate(net, x, 32, at=(4, 8, 16), input="poisson", seed=1)
    errors = sl.decompose_over_time(net, x, record)
    given = plt.subplots()[1]
    ax = plots.errors_over_time(errors, layer, ax=given)
    assert ax is given
    name = net.layers[layer] if isinstance(layer, int) else layer
    lines = named(ax)
    assert list(lines) == [p for p, values in errors.rms[name].items() if values.any()]
    for part, line in lines.items():
        values = errors.rms[name][part]
        assert (line.get_xdata() == np.array([4, 8, 16, 32])[values > 0]).all()
        assert (line.get_ydata() == values[values > 0]).all()
        assert line.get_marker() == BY_NAME[part].marker
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert name in ax.get_title()
    assert sorted(names_in(ax)) == sorted([*lines, *GUIDES])
    ax.figure.draw_without_rendering()


def names_in(ax):
    """Return what is written at curves, and what the legend says of those without a place."""
    legend = ax.get_legend()
    return [t.get_text() for t in [*ax.texts, *(legend.get_texts() if legend else [])]]


def over_time(**parts):
    return sl.ErrorsOverTime((4, 8, 32), {"a": {p: np.array(v) for p, v in parts.items()}})


def test_errors_over_time_leaves_out_what_has_no_logarithm():
    errors = over_time(
        propagated=[0.0, 0.0, 0.0], deviation=[0.5, 0.0, 0.25], total=[0.5, 0.0, 0.25]
    )
    lines = named(plots.errors_over_time(errors, "a"))
    assert list(lines) == ["deviation", "total"]
    assert lines["deviation"].get_xdata().tolist() == [4, 32]
    assert lines["deviation"].get_ydata().tolist() == [0.5, 0.25]


@pytest.mark.parametrize("first", [0, 1])
def test_the_guides_of_errors_over_time_have_their_slopes(first):
    """From the first error above 0 on, and named at their ends."""
    total = [0.5, 0.25, 0.125]
    total[:first] = [0.0] * first
    ax = plots.errors_over_time(over_time(total=total), "a")
    guides = [line for line in ax.lines if line.get_label() in GUIDES]
    assert [guide.get_label() for guide in guides] == list(GUIDES)
    for guide, power in zip(guides, (-1, -0.5), strict=True):
        steps, sizes = guide.get_data()
        assert steps.tolist() == [4, 8, 32][first:]
        assert sizes[0] == total[first]
        slopes = np.diff(np.log(sizes)) / np.diff(np.log(steps))
        np.testing.assert_allclose(slopes, power, rtol=1e-12)
        assert guide.get_label() in names_in(ax)
    ax.figure.draw_without_rendering()


def test_errors_over_time_of_a_layer_without_error_is_empty():
    ax = plots.errors_over_time(over_time(propagated=[0.0] * 3, total=[0.0] * 3), "a")
    assert len(ax.lines) == 0
    ax.figure.draw_without_rendering()


def test_errors_over_time_refuses_an_unknown_layer():
    with pytest.raises(sl.OptionError, match=r"layer 'b': not among the rows.*\['a'\]"):
        plots.errors_over_time(over_time(total=[1.0, 1.0, 1.0]), "b")


# What neurons pass on


def drawn(ax):
    """Return the points of each kind of mark, as a sorted list of pairs."""
    return {
        marks.get_label().removeprefix("_"): sorted(map(tuple, marks.get_offsets().tolist()))
        for marks in ax.collections
    }


@pytest.mark.parametrize("layer", [0, -1])
def test_activation_against_rate_draws_every_neuron_once(run, layer):
    """In the group of its largest part; those without any error have a group of their own."""
    net, x, record = run
    report = sl.decompose(net, x, record)
    name = net.layers[layer]
    given = plt.subplots()[1]
    ax = plots.activation_against_rate(report, layer, ax=given)
    assert ax is given
    expected = {label: [] for label in [*(f"most of it {part}" for part in PARTS), "no error"]}
    channels = record.counts(name).shape[1]
    theta = np.broadcast_to(net.thresholds[name], channels)
    for index, a in np.ndenumerate(report.activations[name]):
        sizes = {part: abs(report.part(name, part)[index]) for part in PARTS}
        largest = max(sizes, key=sizes.get)
        label = f"most of it {largest}" if sizes[largest] > 0 else "no error"
        expected[label].append((a, theta[index[1]] * record.counts(name)[index] / 20))
    found = drawn(ax)
    assert list(found) == list(expected)
    assert sum(map(len, found.values())) == report.activations[name].size
    for label, points in expected.items():
        np.testing.assert_allclose(
            np.reshape(found[label], (-1, 2)), np.reshape(sorted(points), (-1, 2)), atol=1e-6
        )
    assert all(expected[label] for label in ("most of it quantization", "no error"))
    assert name in ax.get_title()


def test_activation_against_rate_by_hand():
    """Two parts that cancel are an error; the larger of two counts by its size, not its sign."""
    report = report_of(
        activations=[[0.0, 1.0, 0.5], [2.0, 0.25, 0.75]],
        propagated=[[0.0, 0.0, 0.25], [0.0, 0.0, 0.0]],
        clipping=[[0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]],
        quantization=[[0.0, 0.125, 0.0], [0.25, 0.0, -0.25]],
        deviation=[[0.5, 0.0, -0.25], [0.0, 0.0, 0.5]],
    )
    ax = plots.activation_against_rate(report, "a")
    assert drawn(ax) == {
        "most of it propagated": [(0.5, 0.5)],
        "most of it clipping": [(2.0, 1.25)],
        "most of it quantization": [(1.0, 1.125)],
        "most of it deviation": [(0.0, 0.5), (0.75, 1.0)],
        "no error": [(0.25, 0.25)],
    }
    diagonal = named(ax)["ANN"].get_data()
    assert np.array(diagonal).tolist() == [[0, 2], [0, 2]]
    forms = [line.get_marker() for line in named(ax).values()]
    assert len(set(forms)) == len(forms)
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("neurons", [3000, 3001])
def test_many_neurons_are_counted_in_cells(neurons):
    """Each 16th ReLU is silent; those of level 3 are wrong by deviation, the others exact."""
    a = (np.arange(neurons) % 16 / 4)[None]
    wrong = np.where((np.arange(neurons) % 16 == 0) & (np.arange(neurons) % 32 > 0), 0.75, 0.0)
    ax = plots.activation_against_rate(report_of(activations=a, deviation=wrong[None]), 0)
    points = drawn(ax)
    if neurons == 3000:
        assert sum(map(len, points.values())) == neurons
        return
    assert points["most of it deviation"] == [(0, 0.75)]
    assert points["no error"] == [(n / 4, n / 4) for n in range(16)]
    (silent,) = [m for m in ax.collections if m.get_label() == "_most of it deviation"]
    (exact,) = [m for m in ax.collections if m.get_label() == "_no error"]
    areas = dict(zip([x for x, _ in points["no error"]], exact.get_sizes(), strict=True))
    assert 10**2 > areas[0.25] > areas[0] == silent.get_sizes()[0] > 2**2  # for 188, 94 and 94


def test_the_title_says_how_many_silent_relus_fire():
    report = sl.ErrorParts(
        8,
        {"a": {part: np.zeros((1, 5)) for part in PARTS}},
        {"a": np.array([[0.0, 0.0, 0.0, 0.0, 1.0]])},
        {"a": np.array([[0, 1, 0, 0, 8]])},
    )
    title = plots.activation_against_rate(report, "a").get_title()
    assert title == "Layer a after 8 steps: 25.0% of the silent ReLUs fire"


def test_activation_against_rate_refuses_what_does_not_spike():
    report = report_of(deviation=[[0.5]])
    for name in ("b", "output"):
        with pytest.raises(sl.OptionError, match=rf"layer '{name}': not among the spiking layers"):
            plots.activation_against_rate(report, name)


@pytest.mark.parametrize("plot", [plots.error_parts, plots.activation_against_rate])
def test_plots_of_parts_refuse_what_is_no_report(plot):
    given = ("mine",) if plot is plots.error_parts else ("mine", 0)
    with pytest.raises(sl.OptionError, match=r"report: found str, expected a ErrorParts"):
        plot(*given)


def test_errors_over_time_refuse_the_parts_after_one_step():
    with pytest.raises(sl.OptionError, match=r"errors: found ErrorParts.*decompose_over_time"):
        plots.errors_over_time(report_of(deviation=[[0.5]]), 0)


# The map


def test_error_map_draws_the_errors_and_the_best_thresholds():
    thresholds, spreads = np.geomspace(0.25, 4, 9), np.array([0.125, 0.25, 0.5, 1.0])
    errors = np.random.default_rng(6).random((4, 9)) + 0.25
    given = plt.subplots()[1]
    for ax in (
        plots.error_map(thresholds, spreads, errors, ax=given),
        plots.error_map(thresholds.tolist(), spreads.tolist(), errors.tolist()),
    ):
        (cells,) = ax.collections
        assert (cells.get_array() == errors).all()
        corners = cells.get_coordinates()
        assert corners.shape == (5, 10, 2)
        assert (corners[:4, :9, 0] < thresholds).all()
        assert (corners[1:, 1:, 0] > thresholds).all()
        assert (corners[:4, :9, 1] < spreads[:, None]).all()
        assert (corners[1:, 1:, 1] > spreads[:, None]).all()
        assert (cells.norm.vmin, cells.norm.vmax) == (errors.min(), errors.max())
        assert cells.colorbar.ax.get_ylabel() == "root mean square error"
        best, rows = named(ax)["smallest"].get_data()
        assert best.tolist() == [
            min(zip(row, thresholds, strict=True))[1] for row in errors.tolist()
        ]
        assert (rows == spreads).all()
        assert ax.get_xscale() == "log"
        ax.figure.draw_without_rendering()
    assert plots.error_map(thresholds, spreads, errors, ax=given) is given


@pytest.mark.parametrize("shape", [(9, 4), (4, 8), (3, 9), (36,), ()])
def test_error_map_refuses_sizes_that_do_not_fit(shape):
    with pytest.raises(
        sl.ShapeError, match=r"errors: shape \(.*expected \(4, 9\): a row for each spread, a col"
    ):
        plots.error_map(np.geomspace(0.25, 4, 9), np.arange(1, 5), np.ones(shape))


def test_error_map_cells_lie_around_their_points():
    thresholds = np.array([0.25, 1.0, 4.0])
    ax = plots.error_map(thresholds, [1.0], np.ones((1, 3)))
    edges = ax.collections[0].get_coordinates()
    np.testing.assert_allclose(edges[0, :, 0], [0.125, 0.5, 2.0, 8.0])
    assert edges[:, 0, 1].tolist() == [0.5, 1.5]


@pytest.mark.parametrize(("name", "value"), [("thresholds", 0.0), ("errors", -1.0)])
def test_error_map_refuses_what_a_logarithmic_scale_cannot_show(name, value):
    given = {"thresholds": [1.0], "spreads": [1.0], "errors": [[1.0]]}
    given[name] = np.full_like(given[name], value)
    with pytest.raises(sl.OptionError, match=f"{name}: found {value:g}, expected numbers above 0"):
        plots.error_map(**given)


def test_operations_draws_what_was_counted(run):
    net, _, record = run
    counted = sl.operations(net, record)
    ax = plots.operations(counted)
    bars = {c.get_label(): [bar.get_width() for bar in c] for c in ax.containers}
    rows = [
        row for row in counted.rows if row["layer"] in {t.get_text() for t in ax.get_yticklabels()}
    ]
    assert bars["ANN: multiply-accumulates"] == [row["true"] for row in rows]
    columns = ("synaptic", "additions", "pooling", "analog")
    assert bars["SNN: additions"] == [sum(row[c] for c in columns) for row in rows]
    assert bars["SNN: multiply-accumulates"] == [row["multiplications"] for row in rows]
    assert sum(bars["ANN: multiply-accumulates"]) == counted.totals["true"]
    starts = [bar.get_x() for bar in ax.containers[2]]
    assert starts == bars["SNN: additions"]
    with pytest.raises(sl.OptionError, match="counted: found Record, expected a Operations"):
        plots.operations(record)


def test_what_a_first_figure_turns_on_in_a_notebook_stays_on():
    before = matplotlib.is_interactive()
    try:
        assert styled(lambda: matplotlib.interactive(not before))() is None
        assert matplotlib.is_interactive() is not before
    finally:
        matplotlib.interactive(before)
