import matplotlib

matplotlib.use("agg")

import numpy as np
import oracles
import pytest
from matplotlib import pyplot as plt

import snnlab as sl
from snnlab import plots
from snnlab.plots import _style


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


def test_raster_marks_every_spike_once(run):
    _, _, record = run
    name = record.layers[0]
    ax = plots.raster(record, name, image=2)
    steps, neurons = ax.lines[0].get_data()
    trains = record.spikes(name)[:, 2].reshape(20, -1)
    assert len(steps) == trains.sum() > 0
    drawn = np.zeros_like(trains)
    drawn[steps - 1, neurons] = 1
    assert (drawn == trains).all()
    assert name in ax.get_title()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "neuron")


def test_raster_takes_a_position_for_the_layer(run):
    record = run[2]
    assert record.layers[-1] in plots.raster(record, -1).get_title()


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
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["soft", "ANN"]


@pytest.mark.parametrize("poisson", [False, True])
def test_error_parts_draws_the_share_of_each_mean_square(run, poisson):
    net, x, record = run
    if poisson:
        record = sl.simulate(net, x, 20, input="poisson", seed=0)
    report = sl.decompose(net, x, record)
    ax = plots.error_parts(report)
    assert [t.get_text() for t in ax.get_yticklabels()] == report.layers
    squares = np.array(
        [
            [row.get(bars.get_label(), 0.0) ** 2 for row in report.rms().values()]
            for bars in ax.containers
        ]
    )
    widths = np.array([[bar.get_width() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(widths, squares / squares.sum(0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(widths.sum(0), 1)
    assert ("input" in [bars.get_label() for bars in ax.containers]) == poisson
    numbers = [float(text.get_text()) for text in ax.texts]
    totals = [row["total"] for row in report.rms().values()]
    np.testing.assert_allclose(numbers, totals, rtol=1e-2)


def test_parts_differ_by_hatch_as_well_as_by_color():
    assert len(set(_style.PART_COLORS.values())) == len(_style.PART_COLORS)
    assert len(set(_style.PART_HATCHES.values())) == len(_style.PART_HATCHES)
    assert _style.PART_COLORS.keys() == _style.PART_HATCHES.keys()
