"""What is kept of a layer's activations: how many are silent, the maxima, a quick percentile."""

import numpy as np
import pytest
from helpers.activations import activations_of, by_channel, convnet, images, plain_percentile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

import snnlab as sl

SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)
RELU = nn.ReLU()


def test_statistics_count_the_silent_and_keep_the_maximum_of_each_channel():
    model, x = convnet(), images()
    statistics = sl.activation_statistics(sl.trace(model, x), x)
    for name, a in activations_of(model, x).items():
        layer = statistics[name]
        assert layer.histogram.sum() == a.size
        assert layer.silent == (a == 0).mean()
        assert np.array_equal(layer.maximum, by_channel(a).max(1))


@pytest.mark.parametrize("nonzero", [False, True])
def test_quick_percentile_is_within_eight_parts_in_a_thousand(nonzero):
    model, x = convnet(False), images(50, False)
    statistics = sl.activation_statistics(sl.trace(model, x), x)
    for name, a in activations_of(model, x).items():
        for percentile in (5, 50, 75, 90, 99, 99.9, 100):
            exact = plain_percentile(a, percentile, nonzero)
            found = statistics[name].percentile(percentile, nonzero)
            assert found == pytest.approx(exact, rel=0.008), (name, percentile)


@SETTINGS
@given(
    a=arrays.arrays(
        np.float32,
        st.integers(1, 30),
        elements=st.one_of(st.just(0.0), st.floats(np.float32(1e-20), np.float32(1e20), width=32)),
    ),
    percentile=st.floats(1.5, 100),
    nonzero=st.booleans(),
)
def test_quick_percentile_is_close_whatever_the_activations(a, percentile, nonzero):
    (layer,) = sl.activation_statistics(sl.trace(RELU, [[1.0]]), a[:, None]).values()
    exact = plain_percentile(a.astype(float), percentile, nonzero)
    assert layer.percentile(percentile, nonzero) == pytest.approx(exact, rel=0.008, abs=0)
    assert layer.percentile(percentile, nonzero) <= a.max()
