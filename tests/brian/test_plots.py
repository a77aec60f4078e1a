"""Figures of neurons and of connections: what is drawn is what is recorded."""

import matplotlib

matplotlib.use("agg")

import subprocess
import sys

import numpy as np
import pytest
from brian2 import ms, mV, nA, nF
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from scipy import sparse
from torch import nn

import snnlab as sl
from snnlab import brian, plots
from snnlab.plots.connections import strongest


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def lines(ax):
    return {line.get_label(): line.get_data() for line in ax.lines}


def test_potential_threshold_and_spikes_are_those_of_the_record():
    record = brian.simulate_neuron("adaptive_threshold", [[3, 6]] * nA, 60 * ms, 1 * ms)
    given_ax = plt.subplots()[1]
    assert plots.potential(record, 1, ax=given_ax) is given_ax
    drawn = lines(given_ax)
    assert np.array_equal(drawn["potential"], [record.time_ms, record.v_mV[:, 1]])
    assert np.array_equal(drawn["threshold"][1], record.states["v_threshold"][:, 1] / mV)
    assert np.array_equal(drawn["spikes"][0], record.spike_times_ms[1])
    assert len(drawn["spikes"][0]) > 3
    assert drawn["spikes"][1].min() > drawn["threshold"][1].max()


def test_a_constant_threshold_is_a_level_line_and_a_nameless_one_is_left_out():
    ax = plots.potential(brian.simulate_neuron("if", 4 * nA, 10 * ms, 1 * ms))
    assert set(lines(ax)["threshold"][1]) == {10.0}
    own = brian.Model("dv/dt = I/C : volt", "v >= 5*mV", "v = 0*mV", parameters={"C": 1 * nF})
    ax = plots.potential(brian.simulate_neuron(own, 4 * nA, 10 * ms, 1 * ms))
    assert set(lines(ax)) == {"potential", "spikes"}


@pytest.mark.parametrize("neuron", [2, -3, 0.5, "0"])
def test_an_unknown_neuron_is_refused(neuron):
    record = brian.simulate_neuron("if", [[3, 6]] * nA, 10 * ms, 1 * ms)
    with pytest.raises(
        sl.OptionError, match="expected a position from -2 to 1: the record holds 2"
    ):
        plots.potential(record, neuron)


def test_the_fi_curve_is_rate_over_current():
    currents = np.linspace(-2, 12, 15)
    record = brian.simulate_neuron("if_zero", currents[None] * nA, 100 * ms, 1 * ms)
    ax = plots.fi_curve(record, label="hard", color="red")
    drawn = lines(ax)["hard"]
    np.testing.assert_allclose(drawn, [currents, record.rate_hz], atol=1e-9)
    assert ax.lines[0].get_color() == "red"
    with pytest.raises(sl.ShapeError, match=r"current\[None\]"):
        plots.fi_curve(brian.simulate_neuron("if", 4 * nA, 10 * ms, 1 * ms))


@pytest.fixture(scope="module")
def net():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    return sl.convert(model, np.ones((1, 4)), threshold=sl.Fixed(1.0))


def test_connections_are_drawn_cell_by_cell(net):
    wires = brian.connections(net, "output")
    ax = plots.connections(wires)
    (image,) = ax.images
    assert np.array_equal(image.get_array(), wires.matrices["1"].toarray())
    low, high = image.get_clim()
    assert low == -high == -np.abs(wires.matrices["1"]).max()
    assert ax.get_xlabel() == "neuron of 1"
    assert ax.get_ylabel() == "neuron of output"
    assert "15 synapses" in ax.get_title()


def test_sources_by_name_and_position(net):
    wires = brian.connections(net, 0)
    for source in ("input", 0, -1):
        assert plots.connections(wires, source).get_xlabel() == "neuron of input"
    with pytest.raises(sl.OptionError, match="not among the sources of this layer"):
        plots.connections(wires, "1")


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 10), st.integers(0, 99))
def test_a_coarse_picture_shows_the_strongest_of_each_cell(rows, columns, cells, seed):
    rng = np.random.default_rng(seed)
    dense = rng.permutation(rows * columns).reshape(rows, columns) - rows * columns // 2
    dense = np.where(rng.random(dense.shape) < 0.5, dense, 0)
    found = strongest(sparse.csc_array(dense), cells)
    assert found.shape == (min(rows, cells), min(columns, cells))
    row = np.arange(rows) * found.shape[0] // rows
    column = np.arange(columns) * found.shape[1] // columns
    for r in range(found.shape[0]):
        for c in range(found.shape[1]):
            block = dense[row == r][:, column == c]
            assert abs(found[r, c]) == np.abs(block).max()
            assert found[r, c] in block


@pytest.mark.slow
def test_plots_need_no_brian():
    code = (
        "import sys; sys.modules['brian2'] = None; from snnlab import plots; print(plots.__all__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "potential" in done.stdout
