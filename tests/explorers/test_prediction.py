"""What every explorer does with a prediction; a new one is found without being listed."""

import math

import numpy as np
import pytest
from helpers.explorers import FOUND, all_values, made, shared
from helpers.style import drawn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers.toolkit.prediction import PredictionExplorer

KINDS = {name: kind for name, kind in FOUND.items() if issubclass(kind, PredictionExplorer)}
ALONG_X = {"DeviationError", "LayerQuantization"}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def test_these_take_a_prediction():
    assert {"Counting", "FourCurrents", "InputCoding", "PoolingGates", *ALONG_X} < set(KINDS)
    with pytest.raises(TypeError, match="prediction"):
        explorers.QuantizationError(prediction=1)


@each_kind
def test_it_stays_in_picture_and_words_whatever_is_moved(kind):
    plain, explorer = shared(kind), made(kind, prediction=0.75)
    plain.reset()
    right = explorer.picture.figure.axes[1]
    (mark,) = [line for line in right.lines if line.get_label() == "your prediction"]
    assert mark not in explorer.picture.moving
    assert [text.get_text() for text in right.get_legend().get_texts()][-1] == "your prediction"
    for name, control in explorer.declared.items():
        words = explorer.move(**{name: all_values(control)[-1]})
        assert words == plain.move(**{name: all_values(control)[-1]}) + " You predicted 0.75."
        assert explorer.picture.svg() == plain.picture.svg()
        across = mark.get_xdata() if kind.__name__ in ALONG_X else mark.get_ydata()
        assert list(across) == [0.75, 0.75]
    assert explorer.picture.background != plain.picture.background
    forms = [form for _, form in drawn(right)]
    assert len(set(forms)) == len(forms) > 2


@pytest.mark.slow
@each_kind
def test_it_may_lie_outside_of_the_picture(kind):
    words = made(kind, prediction=1e12).words
    assert words.endswith(" You predicted 1e+12, which is outside the picture.")


@pytest.mark.parametrize(("prediction", "outside"), [(10, False), (np.float32(10.5), True)])
def test_the_ends_of_the_axis_are_inside(prediction, outside):
    told = ", which is outside the picture" if outside else ""
    words = explorers.SpuriousSpikes(prediction=prediction).words
    assert words.endswith(f"doubles it. You predicted {prediction:g}{told}.")


@each_kind
@pytest.mark.parametrize("prediction", ["0.3", math.nan, math.inf, True, [0.3]])
def test_what_is_no_number_is_refused(kind, prediction):
    with pytest.raises(sl.OptionError, match=r"prediction = .*: expected a finite number, or None"):
        made(kind, prediction=prediction)
