"""Numbers that a user gets add, subtract and multiply as numbers do."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

import snnlab as sl
from snnlab.dynamics import PoissonInput, RegularInput
from snnlab.simulation.widening import Widened


@pytest.fixture(scope="module")
def two_settings():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5))
        x = torch.rand(50, 20)
    net = sl.convert(model, x)
    return sl.simulate(net.replace(scale=1.5), x, 64), sl.simulate(net, x, 64, spikes=["1"], at=[8])


def test_counts_and_trains_subtract_and_multiply(two_settings):
    few, many = two_settings
    a, b = few.counts("1"), many.counts("1")
    assert (a - b).mean() == pytest.approx(-2.6186666666666665)
    assert (b * 5).sum() == 59145 == 5 * int(b.sum())
    assert np.diff(many.spikes("1")[:, 0], axis=0).max() == 1
    assert np.diff(many.spikes("1")[:, 0], axis=0).min() == -1
    assert (many.counts("1", 8) - b).max() <= 0
    assert (few.totals["1"] - many.totals["1"]).mean() == (a - b).mean()
    assert (many.at[8]["1"] - b).min() < 0
    assert (-many.recorded_spikes["1"]).min() == -1


numbers = st.sampled_from([np.uint8, np.uint16, np.int32]).flatmap(
    lambda kind: hnp.arrays(kind, (4,), elements=st.integers(0, np.iinfo(kind).max))
)


@given(numbers, numbers, st.integers(0, 2**31 - 1))
def test_arithmetic_is_that_of_python(few, many, factor):
    record = sl.Record(
        2**31, {"a": sl.Neuron(1.0), "b": sl.Neuron(1.0)}, "", "analog",
        {"a": few, "b": many}, np.zeros((1, 4, 2)),
    )  # fmt: skip
    a, b = record.counts("a"), record.counts("b")
    pairs = list(zip(few.tolist(), many.tolist(), strict=True))
    assert (a - b).tolist() == [i - j for i, j in pairs]
    assert (a + b).tolist() == [i + j for i, j in pairs]
    assert (a * factor).tolist() == [i * factor for i, _ in pairs]
    assert (a * b).tolist() == [i * j for i, j in pairs]
    assert np.diff(a).tolist() == np.diff(few.astype(object)).tolist()


def test_a_part_of_the_images_is_that_part_of_all(two_settings):
    _, many = two_settings
    for images in (slice(3, 7), [4, 0], 5, slice(None)):
        assert np.array_equal(many.counts("1", images=images), many.counts("1")[images])
        assert np.array_equal(many.counts("1", 8, images=images), many.counts("1", 8)[images])
        assert np.array_equal(many.spikes("1", images=images), many.spikes("1")[:, images])


def test_what_is_read_is_a_copy_and_what_is_kept_is_small(two_settings):
    _, many = two_settings
    many.counts("1")[:] = -1
    many.spikes("1")[:] = -1
    assert many.counts("1").min() >= 0
    assert many.spikes("1").min() >= 0
    kept = (many.totals, many.at[8], many.recorded_spikes)
    assert [arrays.kept["1"].itemsize for arrays in kept] == [1, 1, 1]
    again = dataclasses.replace(many)
    assert again.totals.kept is many.totals.kept


def test_widened_arrays_are_a_mapping():
    arrays = {"a": np.array([250, 3], np.uint8), "b": np.array([[1]], np.uint16)}
    wide = Widened(arrays, np.int32)
    assert list(wide) == ["a", "b"]
    assert len(wide) == 2
    assert "c" not in wide
    assert {name: array.dtype for name, array in wide.items()} == {"a": "i4", "b": "i4"}


def arrays_in(thing, name=""):
    """Yield every array that a user can reach, with its path."""
    if isinstance(thing, torch.Tensor):
        thing = thing.numpy()
    if isinstance(thing, np.ndarray):
        yield name, thing
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from arrays_in(getattr(thing, field.name), f"{name}.{field.name}")
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from arrays_in(value, f"{name}[{key!r}]")
    elif isinstance(thing, (list, tuple)):
        for i, value in enumerate(thing):
            yield from arrays_in(value, f"{name}[{i}]")


def test_no_number_that_the_package_hands_out_is_narrow(two_settings):
    x = np.random.default_rng(0).random((6, 1, 4, 4), np.float32)
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    model.append(nn.Linear(8, 3))
    net = sl.convert(model, x, max_pool="gate", threshold=sl.Fixed(0.5))
    options = {"spikes": True, "potentials": True, "at": (2,)}
    record = sl.simulate(net, x, 6, input="poisson", seed=0, **options)
    report = sl.decompose(net, x, record)
    images = torch.from_numpy(x)
    found = {
        "record": record,
        "parts": report,
        "spurious": report.spurious(0),
        "over time": sl.decompose_over_time(net, x, record),
        "ann": sl.ann(net, x),
        "quantized": sl.quantized(net, x, 6),
        "softmax": sl.softmax_spikes(record, seed=0),
        "clock": sl.softmax_spikes(record, "clock", seed=0),
        "poisson": PoissonInput(images, range(6)).step(4),
        "regular": RegularInput(images).step(4),
        "digits": sl.data.load_digits(),
        "statistics": sl.activation_statistics(net.graph, x),
        "sweep": sl.sweep(net, {"v_init": [0.0]}, x, [0] * 6).to_numpy(object).tolist(),
    }
    seen = list(arrays_in(found))
    assert len(seen) > 30
    narrow = {name: a.dtype for name, a in seen if a.dtype.itemsize < 4 and a.dtype != bool}
    assert narrow == {}
