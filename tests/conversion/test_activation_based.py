"""Thresholds read off activations: exact, whatever the batches, refused where there is no scale."""

import zlib

import numpy as np
import pytest
import torch
from helpers.activations import (
    activations_of,
    assert_same,
    by_channel,
    convnet,
    images,
    plain_percentile,
    thresholds,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

import snnlab as sl
from snnlab.conversion import activation_based, statistics

SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)
RELU = nn.ReLU()
RULES = [
    {"per_channel": False, "nonzero": False},
    {"per_channel": False, "nonzero": True},
    {"per_channel": True, "nonzero": False},
    {"per_channel": True, "nonzero": True},
]


def expected_threshold(a, percentile, per_channel=False, nonzero=False):
    """Return what conventions 7 and 12 say, in numpy's own words; `a` is not negative."""
    layer = plain_percentile(a, percentile, nonzero) or a.max()
    if not per_channel:
        return layer
    own = [plain_percentile(c, percentile, nonzero) or c.max() or layer for c in by_channel(a)]
    return np.array(own)


def relu_threshold(x, rule):
    """Return the threshold for activations that are max(x, 0) themselves."""
    (value,) = thresholds(RELU, x, rule).values()
    return value


# --- percentiles are exact -------------------------------------------------------------------


@pytest.mark.parametrize("options", RULES, ids=str)
@pytest.mark.parametrize("percentile", [1.5, 37, 50, 90, 99, 99.9, 100])
def test_percentile_is_numpys_on_dyadic_numbers(percentile, options):
    model, x = convnet(), images()
    found = thresholds(model, x, sl.Percentile(percentile, **options))
    assert_same(
        found,
        {
            name: expected_threshold(a, percentile, **options)
            for name, a in activations_of(model, x).items()
        },
    )


@pytest.mark.parametrize("options", RULES, ids=str)
def test_percentile_is_numpys_in_a_float64_model(options):
    model, x = convnet(False, torch.float64), images(6, False, torch.float64)
    found = thresholds(model, x, sl.Percentile(97.5, **options))
    for name, a in activations_of(model, x).items():
        # One image more or less in a batch changes the last bit of a convolution.
        assert found[name] == pytest.approx(expected_threshold(a, 97.5, **options), rel=1e-12)


@SETTINGS
@given(
    x=arrays.arrays(
        np.int64,
        arrays.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=4),
        elements=st.one_of(
            st.integers(-300, 0), st.sampled_from([0, 1, 1, 64]), st.integers(1, 300)
        ),
    ),
    percentile=st.one_of(st.sampled_from([1.5, 25, 50, 75, 99.9, 100]), st.floats(1.5, 100)),
    options=st.sampled_from(RULES),
)
def test_percentile_is_numpys_whatever_the_activations(x, percentile, options):
    x = x / 64
    a = np.maximum(x, 0)
    rule = sl.Percentile(percentile, **options)
    if a.max() == 0:
        with pytest.raises(sl.CalibrationError, match=r"all .* calibration activations are 0"):
            relu_threshold(x, rule)
        return
    found = relu_threshold(x, rule)
    assert np.array_equal(found, expected_threshold(a, percentile, **options))


@SETTINGS
@given(
    x=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9)),
        elements=st.floats(np.float32(1e-30), np.float32(1e30), width=32),
    ),
    percentile=st.floats(1.5, 100),
    per_channel=st.booleans(),
)
def test_percentile_is_numpys_over_sixty_orders_of_magnitude(x, percentile, per_channel):
    found = relu_threshold(x, sl.Percentile(percentile, per_channel=per_channel))
    assert np.array_equal(found, expected_threshold(x.astype(float), percentile, per_channel))


def test_percentile_over_all_values_differs_from_that_over_values_above_0():
    # O40: 900 zeros and 100 values spread over (0, 1].
    x = np.concatenate([np.zeros(900), np.arange(1, 101) / 100]).reshape(-1, 1)
    over_all = relu_threshold(x, sl.Percentile(99))
    over_positive = relu_threshold(x, sl.Percentile(99, nonzero=True))
    assert over_all == np.percentile(np.float32(x).astype(float), 99)
    assert over_positive == np.percentile(np.float32(x[900:]).astype(float), 99)
    assert over_all == pytest.approx(0.900, abs=1e-3)
    assert over_positive == pytest.approx(0.990, abs=1e-3)


class Negative(nn.Module):
    def forward(self, x):
        return torch.relu(-x)


def test_minus_zero_is_a_zero():
    # torch's clamp lets -0.0 through, and an inverted image is full of them.
    x = [[0.0], [0.0], [-2.0]]
    assert thresholds(Negative(), x, sl.Percentile(75)) == {"relu": 1.0}
    assert thresholds(Negative(), x, sl.Percentile(75, nonzero=True)) == {"relu": 2.0}
    (layer,) = sl.activation_statistics(sl.trace(Negative(), x), x).values()
    assert layer.silent == 2 / 3


def test_a_single_activation_is_every_percentile():
    for percentile in (1.5, 50, 100):
        assert relu_threshold([[0.375]], sl.Percentile(percentile)) == 0.375


def test_a_relu_on_one_number_per_image_can_be_calibrated_per_channel():
    class Scalar(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(x.squeeze(1))

    x = [[0.5], [1.0], [2.0]]
    assert thresholds(Scalar(), x, sl.Percentile(50)) == {"relu": 1.0}
    found = thresholds(Scalar(), x, sl.Percentile(50, per_channel=True))
    assert np.array_equal(found["relu"], [1.0])


# --- batches do not matter -------------------------------------------------------------------


@pytest.mark.parametrize("options", RULES, ids=str)
@pytest.mark.parametrize("batch_bytes", [1, 4096, 20000])
def test_batches_change_nothing_on_dyadic_numbers(monkeypatch, batch_bytes, options):
    model, x, rule = convnet(), images(), sl.Percentile(98.6, **options)
    whole = thresholds(model, x, rule)
    sizes = counted_batches(monkeypatch)
    monkeypatch.setattr(statistics, "_BATCH_BYTES", batch_bytes)
    assert_same(thresholds(model, x, rule), whole)
    assert max(sizes) < len(x)


@pytest.mark.parametrize("options", RULES, ids=str)
def test_batches_change_a_random_network_by_rounding_only(monkeypatch, options):
    model, x, rule = convnet(False), images(33, False), sl.Percentile(98.6, **options)
    whole = thresholds(model, x, rule)
    monkeypatch.setattr(statistics, "_BATCH_BYTES", 15000)
    for name, theta in thresholds(model, x, rule).items():
        assert theta == pytest.approx(whole[name], rel=1e-6)


@pytest.mark.parametrize("batch_bytes", [1, 5000, 2**26])
def test_maximum_is_the_100th_percentile_and_the_true_maximum(monkeypatch, batch_bytes):
    monkeypatch.setattr(statistics, "_BATCH_BYTES", batch_bytes)
    model, x = convnet(), images()
    activations = activations_of(model, x)
    expected = {name: a.max() for name, a in activations.items()}
    per_channel = {name: expected_threshold(a, 100, True) for name, a in activations.items()}
    for rule in (sl.Maximum(), sl.Percentile(100), sl.Percentile(100, nonzero=True)):
        assert_same(thresholds(model, x, rule), expected)
    for rule in (sl.Maximum(per_channel=True), sl.Percentile(100, per_channel=True)):
        assert_same(thresholds(model, x, rule), per_channel)


def counted_batches(monkeypatch):
    """Return a list that receives the number of images of each evaluation of the ANN."""
    sizes, evaluate = [], statistics.evaluate

    def counting(graph, batch, *args):
        sizes.append(len(batch))
        return evaluate(graph, batch, *args)

    monkeypatch.setattr(statistics, "evaluate", counting)
    return sizes


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (sl.Fixed(1.0), 0),
        (sl.Maximum(), 1),
        (sl.Maximum(per_channel=True), 1),
        (sl.Percentile(100), 1),
        (sl.Percentile(99.9), 2),
        (sl.Percentile(50, nonzero=True), 2),
        (sl.Percentile(99.9, per_channel=True), 3),
        (sl.Percentile(50, per_channel=True, nonzero=True), 3),
    ],
    ids=str,
)
def test_the_ann_is_evaluated_at_most_three_times(monkeypatch, rule, passes):
    sizes = counted_batches(monkeypatch)
    monkeypatch.setattr(statistics, "_BATCH_BYTES", 10000)
    thresholds(convnet(), images(), rule)
    assert sum(sizes) <= passes * 20
    assert (passes == 0) == (sizes == [])


# --- conventions 11 and 12 -------------------------------------------------------------------


def test_channel_with_percentile_0_takes_its_own_maximum():
    # Channel 0 is dense, channel 1 fires once in ten, channel 2 is dead.
    x = np.zeros((10, 3))
    x[:, 0], x[3, 1] = np.arange(1, 11) / 4, 0.75
    found = relu_threshold(x, sl.Percentile(50, per_channel=True))
    layer = np.percentile(x, 50) or x.max()
    assert np.array_equal(found, [1.375, 0.75, layer])


def test_dead_channel_takes_the_threshold_of_its_layer():
    x = np.stack([np.arange(1, 9) / 8, np.zeros(8)], 1)
    found = relu_threshold(x, sl.Percentile(75, per_channel=True))
    assert np.array_equal(found, [np.percentile(x[:, 0], 75), np.percentile(x, 75)])
    assert np.array_equal(relu_threshold(x, sl.Maximum(per_channel=True)), [1.0, 1.0])


def test_layer_with_percentile_0_takes_its_maximum():
    x = np.zeros((10, 2))
    x[4, 1] = 0.625
    assert relu_threshold(x, sl.Percentile(90)) == 0.625


def dead_second_layer():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU())
    model[0].bias.data[:] = 1.0
    model[2].bias.data[:] = -99.0
    return model


@pytest.mark.parametrize(
    "rule", [sl.Percentile(), sl.Percentile(100), sl.Maximum(), sl.Maximum(True)], ids=str
)
def test_layer_silent_as_a_whole_is_refused_by_name(rule):
    with pytest.raises(sl.CalibrationError, match=r"layer '3': all 4 .* 0.* Use more or other"):
        sl.convert(dead_second_layer(), [[0.0, 1.0], [1.0, 0.0]], threshold=rule)


def test_layer_silent_as_a_whole_is_not_refused_by_fixed():
    net = sl.convert(dead_second_layer(), [[0.0, 1.0]], threshold=sl.Fixed(0.5))
    assert net.thresholds == {"1": 0.5, "3": 0.5}


@pytest.mark.parametrize("options", RULES, ids=str)
def test_layer_whose_activations_overflow_is_refused_by_name(options):
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU())
    model[0].weight.data[:] = 1e30
    with pytest.raises(sl.CalibrationError, match=r"layer '1'.*(inf|NaN|overflow|finite)"):
        sl.convert(model, [[1e30], [1.0]], threshold=sl.Percentile(50, **options))


class Clamp(nn.Module):
    def forward(self, x):
        return x.clamp(0, 1.5)


@pytest.mark.parametrize(("model", "cap"), [(nn.ReLU6(), 6.0), (Clamp(), 1.5)])
def test_threshold_above_the_cap_is_set_to_the_cap(model, cap):
    x = [[0.5, 9.0], [1.0, 7.0]]
    for theta, expected in ((2 * cap, cap), (cap, cap), (cap / 2, cap / 2)):
        net = sl.convert(model, x, threshold=sl.Fixed(theta))
        assert list(net.thresholds.values()) == [expected]
        assert f"{expected:.4g}" in repr(net)
    (found,) = thresholds(model, x, sl.Fixed([cap / 4, 3 * cap])).values()
    assert np.array_equal(found, [cap / 4, cap])
    assert list(thresholds(model, x, sl.Maximum()).values()) == [cap]


# --- per channel beyond the budget -----------------------------------------------------------


def checksums(x):
    return np.array([zlib.crc32(image.astype(np.float64).tobytes()) for image in x])


def test_per_channel_beyond_the_budget_samples_by_content_and_says_so(monkeypatch):
    x = np.random.default_rng(0).integers(1, 640, (21, 2, 8)) / 64
    exact = relu_threshold(x, sl.Percentile(50, per_channel=True))
    # Half of 16 values of 4 bytes are to be kept for each image: 32 bytes.
    monkeypatch.setattr(activation_based, "_KEPT_BYTES", 5 * 32)
    with pytest.warns(UserWarning, match="uses 5 of the 21 calibration images, chosen by"):
        found = relu_threshold(x, sl.Percentile(50, per_channel=True))
    sampled = expected_threshold(x[np.argsort(checksums(x))[:5]], 50, per_channel=True)
    assert np.array_equal(found, sampled)
    assert not np.array_equal(found, exact)
    with pytest.warns(UserWarning, match="chosen by"):
        assert np.array_equal(relu_threshold(x[::-1], sl.Percentile(50, per_channel=True)), found)


def test_per_channel_within_the_budget_uses_every_image_and_is_silent(monkeypatch, recwarn):
    x = np.random.default_rng(0).integers(1, 640, (21, 2, 8)) / 64
    monkeypatch.setattr(activation_based, "_KEPT_BYTES", 21 * 32)
    found = relu_threshold(x, sl.Percentile(50, per_channel=True))
    assert np.array_equal(found, expected_threshold(x, 50, per_channel=True))
    assert not recwarn.list


def test_channel_silent_in_the_sample_takes_its_maximum_over_all_images(monkeypatch):
    x = np.ones((21, 2, 8))
    x[:, 1], x[1, 1, 0] = 0, 0.25
    while checksums(x)[1] < checksums(x)[0]:  # so that the five are among the twenty equal ones
        x[1, 0, 0] /= 2
    monkeypatch.setattr(activation_based, "_KEPT_BYTES", 5 * 32)
    with pytest.warns(UserWarning, match="5 of the 21"):
        found = relu_threshold(x, sl.Percentile(50, per_channel=True))
    assert np.array_equal(found, [1.0, 0.25])


# --- types of images -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float16, np.float32, float])
def test_images_of_every_number_type_calibrate_alike(dtype):
    x = np.random.default_rng(1).integers(0, 200, (9, 1, 8, 8))
    given_x = x.astype(dtype)
    found = thresholds(convnet(), given_x, sl.Percentile(90, per_channel=True))
    assert_same(found, thresholds(convnet(), x.astype(np.float32), sl.Percentile(90, True)))
    assert given_x.dtype == dtype
    assert np.array_equal(given_x, x)


def test_whole_numbers_are_not_rounded():
    assert relu_threshold(np.array([[4097], [3]]), sl.Maximum()) == 4097.0


def test_calibration_of_a_float64_model_is_in_float64():
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU()).double()
    model[0].weight.data[:] = 1.0
    third = 1 / 3
    assert thresholds(model, [[third], [third / 2]], sl.Maximum()) == {"1": third}
    single = {"1": float(np.float32(third))}
    assert thresholds(model.float(), [[third], [third / 2]], sl.Maximum()) == single
