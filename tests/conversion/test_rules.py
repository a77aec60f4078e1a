"""Thresholds that are given: numbers, arrays, a dict by layer."""

import numpy as np
import pytest
import torch
from helpers.activations import assert_same, convnet, images, thresholds
from torch import nn

import snnlab as sl


def two_layers():
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU())


X = [[0.25, 1.0], [1.0, 0.5]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, {"1": 2.0, "3": 2.0}),
        (np.float32(0.5), {"1": 0.5, "3": 0.5}),
        ({"3": 0.25, "1": 2}, {"1": 2.0, "3": 0.25}),
        ({0: 1.0, -1: 4.0}, {"1": 1.0, "3": 4.0}),
        ({"1": [1.0, 2.0, 3.0], 1: 0.5}, {"1": np.array([1.0, 2.0, 3.0]), "3": 0.5}),
        ({"1": np.array(2.0), "3": torch.tensor([0.5, 1.0])}, {"1": 2.0, "3": np.array([0.5, 1])}),
    ],
    ids=str,
)
def test_fixed_takes_numbers_arrays_and_dicts(value, expected):
    assert_same(thresholds(two_layers(), X, sl.Fixed(value)), expected)


def test_fixed_rebuilds_a_network_from_its_thresholds():
    first = sl.convert(convnet(), images(), threshold=sl.Percentile(99, per_channel=True))
    again = sl.convert(convnet(), images(), threshold=sl.Fixed(first.thresholds))
    assert_same(again.thresholds, first.thresholds)


def test_fixed_does_not_keep_the_users_array():
    theta = np.array([1.0, 2.0, 3.0])
    net = sl.convert(two_layers(), X, threshold=sl.Fixed({"1": theta, "3": 1}))
    theta[:] = 7
    assert np.array_equal(net.thresholds["1"], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"1": 1.0}, r"none for the layers \['3'\].*number.*dict.*\['1', '3'\]"),
        ({}, r"none for the layers \['1', '3'\]"),
        ({"1": 1, "3": 1, "33": 1}, r"'33'.*Did you mean '3'\?.*\['1', '3'\]"),
        ({0: 1, 2: 1}, r"layer 2.*from -2 to 1"),
        ([1.0, 2.0], r"layer '1'.*2 numbers.*one number.* 3, one for each channel"),
        ({"1": 1, "3": [1.0, 2.0, 3.0]}, r"layer '3'.*3 numbers.* 2, one for each channel"),
        (np.ones((3, 1)), r"layer '1'.*\(3, 1\).*one per channel"),
        ([], r"layer '1'"),
        (0, r"layer '1'.*0.*above 0"),
        (-0.5, r"layer '1'.*-0\.5.*above 0"),
        (float("nan"), r"layer '1'.*nan.*finite"),
        (float("inf"), r"layer '1'.*inf.*finite"),
        ({"1": [1.0, 0.0, 2.0], "3": 1}, r"layer '1'.*0.*above 0"),
        ("high", r"layer '1'.*'high'.*a number"),
        ("1.0", r"layer '1'.*'1\.0'.*a number"),
        (True, r"layer '1'.*True.*a number"),
        (None, r"number"),
    ],
    ids=str,
)
def test_fixed_refuses(value, message):
    with pytest.raises(sl.OptionError, match=message):
        sl.convert(two_layers(), X, threshold=sl.Fixed(value))


def test_fixed_refuses_one_layer_given_twice():
    with pytest.raises(sl.OptionError, match="'1'"):
        sl.convert(two_layers(), X, threshold=sl.Fixed({"1": 1.0, 0: 2.0, "3": 1.0}))


def test_fixed_takes_parameters_that_were_trained():
    theta = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    net = sl.convert(two_layers(), X, threshold=sl.Fixed({"1": theta, "3": 1.0}))
    assert np.array_equal(net.thresholds["1"], [1.0, 2.0, 3.0])
