"""The picture of a diagnosis."""

import numpy as np
import pytest
from helpers.reports import report
from helpers.trained import X, Y, converted
from matplotlib import pyplot as plt

from snnlab import plots
from snnlab.diagnosis import diagnose


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_bars_are_the_layers_and_the_remedies(blamed_layer):
    _, found = blamed_layer
    ax = plots.diagnosis(found)
    accuracies = [*found.exact.values(), *(remedy.accuracy for remedy in found.remedies)]
    bars = sorted(ax.patches, key=lambda bar: bar.get_y())
    assert {bar.get_x() for bar in bars} == {100 * found.snn}
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    np.testing.assert_allclose(ends, 100 * np.array(accuracies))
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == [
        *(f"layer {name} without its error" for name in found.exact),
        *(remedy.words for remedy in found.remedies),
    ]
    assert [line.get_xdata()[0] for line in ax.lines] == [100 * found.ann, 100 * found.snn]
    numbers = [text.get_text() for text in ax.texts]
    assert numbers == [*(f"{100 * value:.1f}" for value in accuracies), "ANN", "SNN as it is"]
    assert ax.get_title() == "Diagnosis after 8 steps"
    assert len({bar.get_hatch() for bar in bars}) == 2
    assert ax.yaxis_inverted()


@pytest.mark.slow
def test_nothing_lost_leaves_two_lines():
    found = diagnose(converted("conv"), X, Y, 64)
    given = plt.subplots()[1]
    ax = plots.diagnosis(found, ax=given)
    assert ax is given
    assert len(ax.patches) == 0
    assert [line.get_xdata()[0] for line in ax.lines] == [100 * found.ann, 100 * found.snn]
    assert [text.get_text() for text in ax.texts] == ["ANN", "SNN as it is"]
    assert plots.diagnosis(report(timesteps=1)).get_title() == "Diagnosis after 1 step"
