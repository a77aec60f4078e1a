"""Labels are read in any type, and checked against the outputs that they belong to."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import snnlab as sl
from snnlab._arguments import labels

RNG = np.random.default_rng(0)
OUTPUTS = {"classes": RNG.normal(size=(3, 8, 10)), "two": RNG.normal(size=(3, 8, 2))}
OUTPUTS |= {"one": RNG.normal(size=(3, 8, 1)), "flat": RNG.normal(size=(3, 8))}
OUTPUTS |= {"pixels": RNG.normal(size=(3, 8, 4, 5, 5)), "logits": RNG.normal(size=(3, 8, 1, 5, 5))}
Y = np.array([0, 9, 3, 4, 1, 2, 3, 8])
ONE = np.array([0, 1, 1, 0, 1, 0, 1, 1])
MASK = RNG.integers(0, 4, (8, 5, 5))
WHOLE = [f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)]


def record(kind, **options):
    outputs = OUTPUTS[kind]
    return sl.Record(len(outputs), {"relu": sl.Neuron(1.0)}, "", "analog", {}, outputs, **options)


@given(
    st.sampled_from(WHOLE),
    st.sampled_from(
        ["array", "big endian", "list", "tuple", "tensor", "series", "read-only", "objects"]
    ),
)
def test_any_whole_numbers_in_any_container_are_labels(kind, container):
    for name, y in (("classes", Y), ("one", ONE), ("pixels", MASK)):
        expected = record(name).accuracy(y)
        array = y.astype(kind)
        if container == "big endian":
            array = array.astype(array.dtype.newbyteorder(">"))
        elif container == "list":
            array = array.tolist()
        elif container == "tuple":
            array = tuple(array.tolist())
        elif container == "tensor":
            array = torch.from_numpy(array)
        elif container == "series" and y.ndim == 1:
            array = pd.Series(array)
        elif container == "objects":
            array = array.astype(object)
        elif container == "read-only":
            array.flags.writeable = False
        assert np.array_equal(record(name).accuracy(array), expected)


@given(st.lists(st.integers(0, 9), min_size=8, max_size=8), st.integers(-300, 300))
def test_labels_are_classes_or_refused(y, shift):
    labels = np.array(y) + shift
    if labels.min() >= 0 and labels.max() <= 9:
        assert record("classes").accuracy(labels).shape == (3,)
    else:
        with pytest.raises(sl.ShapeError, match=r"^y: (holds the )?labels .*expected 0 to 9"):
            record("classes").accuracy(labels)


@pytest.mark.parametrize(
    "y",
    [
        *(ONE, ONE[:, None], ONE == 1, (ONE == 1)[:, None], ONE * 1.0, ONE.astype(np.float16)),
        *(torch.from_numpy(ONE).bfloat16(), torch.from_numpy(ONE)[:, None].float()),
    ],
)
def test_labels_of_one_logit_may_be_bools_and_floats_and_columns(y):
    expected = [((step[:, 0] > 0) == ONE).mean() for step in OUTPUTS["one"]]
    assert record("one").accuracy(y).tolist() == expected
    if y.ndim == 1:
        expected = [((step > 0) == ONE).mean() for step in OUTPUTS["flat"]]
        assert record("flat").accuracy(y).tolist() == expected


def test_bools_are_classes_where_there_are_two():
    expected = record("two").accuracy(ONE)
    assert np.array_equal(record("two").accuracy(ONE == 1), expected)


IGNORED = MASK.copy()
IGNORED[0, 0] = 255
REFUSED = [
    # counted from 1, as the files of SVHN and EMNIST letters count
    ("classes", Y + 1, r"labels from 1 to 10, expected 0 to 9: .* 10 scores\. .*write y - 1\."),
    ("pixels", MASK + 1, r"holds the labels 1, 2, 3, 4, expected 0 to 3.*write y - 1\."),
    ("one", ONE + 1, r"holds the labels 1, 2, expected 0 and 1.*write y - 1\."),
    # two classes in another code
    ("one", 2 * ONE - 1, r"holds the labels -1, 1, expected 0 and 1.*Write y > 0\."),
    ("two", 2 * ONE - 1, r"holds the labels -1, 1, expected 0 to 1.*Write y > 0\."),
    ("one", (255 * ONE).astype(np.uint8), r"holds the labels 0, 255.*Write y > 0\."),
    ("two", 255 * ONE, r"holds the labels 0, 255.*Write y > 0\."),
    ("one", Y, r"labels from 0 to 9, expected 0 and 1.*metric='rmse'"),
    # something is not to be counted
    ("pixels", IGNORED, r"labels from 0 to 255.*If 255 marks.*argmax\(1\) == y\)\[y != 255\]"),
    ("classes", np.where(Y == 9, -1, Y), r"If -1 marks what is not to be counted, write metric="),
    ("logits", np.where(IGNORED == 255, 255, IGNORED // 2), r"outputs\[:, 0\] > 0\) == y\)\[y"),
    # other classes than the network's
    ("classes", Y + 2, r"labels from 2 to 11, expected 0 to 9.*Count the classes from 0"),
    ("classes", np.minimum(Y, 8) * 2**40, r"expected 0 to 9"),
    ("classes", np.full(8, 2**64 - 1, np.uint64), r"expected 0 to 9"),
    # other shapes
    ("classes", Y[:, None], r"shape \(8, 1\), expected \(8,\): one label for each image\. Write y"),
    ("flat", ONE[:, None], r"shape \(8, 1\), expected \(8,\).*Write y\[:, 0\]\."),
    ("pixels", MASK[:, None], r"shape \(8, 1, 5, 5\), expected \(8, 5, 5\).*Write y\[:, 0\]\."),
    ("classes", np.eye(10)[Y], r"shape \(8, 10\), expected \(8,\).*one-hot: write y\.argmax\(1\)"),
    ("classes", np.eye(10, dtype=bool)[Y], r"one-hot: write y\.argmax\(1\)"),
    ("classes", np.eye(4, dtype=int)[Y % 4], r"shape \(8, 4\).*one-hot: write y\.argmax\(1\)"),
    ("pixels", np.moveaxis(np.eye(4)[MASK], -1, 1), r"expected \(8, 5, 5\).*one-hot: write y\.arg"),
    ("classes", np.ones((8, 4), int), r"shape \(8, 4\), expected \(8,\).*With 10 scores a label"),
    ("classes", Y[:5], r"shape \(5,\), expected \(8,\).*Pass the labels of just these images"),
    ("pixels", Y % 4, r"shape \(8,\), expected \(8, 5, 5\): one label for each place"),
    ("classes", [], r"shape \(0,\), expected \(8,\)"),
    ("classes", 3, r"shape \(\), expected \(8,\)"),
    ("classes", [[0], [1, 2]], r"cannot be read as an array .*expected \(8,\): one label for each"),
    # other types
    ("classes", Y * 1.0, r"type float64, expected whole numbers.*Write np\.asarray\(y\)\.astype"),
    ("classes", Y + 0.5, r"type float64, shape \(8,\), expected \(8, 10\): a target for each"),
    ("classes", Y > 3, r"type bool, expected whole numbers"),
    ("classes", [str(y) for y in Y], r"type <U1, expected whole numbers.*Number the classes"),
    ("classes", np.array([None, *Y[1:]]), r"type object, expected whole numbers"),
    ("classes", Y + 0.5 * (Y > 5), r"type float64, shape \(8,\), expected \(8, 10\): a target for"),
    ("classes", Y * 1j, r"type complex128, expected whole numbers"),
    ("one", np.where(ONE, np.nan, 1.0), r"holds NaN or infinite values"),
    ("classes", RNG.integers(0, 2, (8, 10)) * 1.0, r"all 0 or 1.*'multilabel' or metric='rmse'"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "y", "message"), REFUSED)
def test_other_labels_are_refused_with_what_to_write(kind, y, message):
    with pytest.raises(sl.ShapeError, match=f"^y: .*{message}"):
        record(kind).accuracy(y)
    with pytest.raises(sl.ShapeError, match=f"^y: .*{message}"):
        sl.Activations({}, {}, OUTPUTS[kind][0]).accuracy(y)


@pytest.mark.parametrize(
    ("kind", "y", "written"),
    [
        *(("classes", Y + 1, "y - 1"), ("one", 2 * ONE - 1, "y > 0"), ("two", 255 * ONE, "y > 0")),
        *(("pixels", MASK[:, None], "y[:, 0]"), ("classes", np.eye(10)[Y], "y.argmax(1)")),
        ("classes", np.eye(10, dtype=int)[Y], "y.argmax(1)"),
        ("classes", Y * 1.0, "np.asarray(y).astype(int)"),
    ],
)
def test_what_the_messages_say_to_write_is_right(kind, y, written):
    right = {"classes": Y, "one": ONE, "two": ONE, "pixels": MASK}[kind]
    for same in (y, torch.from_numpy(y)):
        with pytest.raises(sl.ShapeError) as refused:
            record(kind).accuracy(same)
        assert written in str(refused.value)
        found = record(kind).accuracy(eval(written, {"y": same, "np": np}))
        assert np.array_equal(found, record(kind).accuracy(right))


@pytest.mark.parametrize("code", [255, -1, -100])
def test_the_metric_that_leaves_out_some_labels_is_right(code):
    y = np.where(IGNORED == 255, code, IGNORED)
    with pytest.raises(sl.ShapeError) as refused:
        record("pixels").accuracy(y)
    written = str(refused.value).partition("metric=")[2].removesuffix(".")
    found = record("pixels").accuracy(y, metric=eval(written))
    counted = y != code
    expected = [(step.argmax(1) == y)[counted].mean() for step in OUTPUTS["pixels"]]
    # The mean outputs are rounded, but no order changes here.
    assert found.tolist() == expected


def test_labels_that_are_given_count_and_not_those_that_came_along():
    given = record("classes", labels=Y)
    assert np.array_equal(given.accuracy(), record("classes").accuracy(Y))
    assert np.array_equal(given.accuracy(Y[::-1]), record("classes").accuracy(Y[::-1]))
    assert not np.array_equal(given.accuracy(Y[::-1]), given.accuracy())


def test_labels_that_are_given_are_not_changed():
    for y in (Y.astype(np.uint8), torch.from_numpy(Y)):
        before = y.copy() if isinstance(y, np.ndarray) else y.clone()
        assert labels.classes(y, (8,), 10) is not y
        assert (y == before).all()
