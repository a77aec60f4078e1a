"""A curve for each method, and the front that none of them passes."""

import matplotlib

matplotlib.use("agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import snnlab as sl
from snnlab import plots

ROWS = [("a", 1e6, 0.5), ("a", 2e6, 0.7), ("b", 1e6, 0.4), ("b", 3e6, 0.9), ("c", 4e6, 0.6)]


@pytest.fixture
def table():
    yield pd.DataFrame(ROWS, columns=["method", "additions", "accuracy"]).assign(ann=0.95)
    plt.close("all")


def test_each_method_has_its_curve_and_those_on_the_front_a_name(table):
    ax = plots.accuracy_over_additions(table)
    drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert drawn["a"] == [[1, 50], [2, 70]]
    assert drawn["b"] == [[1, 40], [3, 90]]
    assert [[4, 60]] in drawn.values()
    assert "c" not in drawn
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[1, 50], [2, 70], [3, 90]])
    assert drawn["ANN"][0][1] == 95


def test_another_metric_has_its_own_axis(table):
    ax = plots.accuracy_over_additions(table.assign(score=3 * table.accuracy), metric="score")
    assert ax.get_ylabel() == "score"
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([1.5, 2.1])
    with pytest.raises(sl.OptionError, match=r"^table: found columns"):
        plots.accuracy_over_additions(table, metric="f1")
