"""Boxes and their numbers, against loops and against pixels that are counted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnlab import detection

MIDDLES, STRIDES = detection.places()


def test_the_places_are_the_cells_of_three_levels_row_by_row():
    expected = [
        (column * stride + stride / 2, row * stride + stride / 2, stride)
        for stride in (4, 8, 16)
        for row in range(64 // stride)
        for column in range(64 // stride)
    ]
    assert [(*middle, s) for middle, s in zip(MIDDLES.T, STRIDES, strict=True)] == expected


def test_a_box_is_told_from_the_middle_of_its_place():
    """Dyadic numbers, so that all but the exponential is exact."""
    rng = np.random.default_rng(0)
    numbers = np.zeros((3, 4, 336))
    numbers[:, :2] = rng.integers(-64, 65, (3, 2, 336)) / 64
    boxes = detection.boxes_of(numbers)
    for scene in range(3):
        for place in (0, 17, 255, 256, 300, 320, 335):
            (px, py), s = MIDDLES[:, place], STRIDES[place]
            x, y = px + s * numbers[scene, 0, place], py + s * numbers[scene, 1, place]
            half = 3 * s / 2
            ends = [x - half, y - half, x + half, y + half]
            assert boxes[scene, place].tolist() == [min(max(end, 0), 64) for end in ends]


@pytest.mark.parametrize(("d", "factor"), [(0.0, 1), (math.log(2), 2), (-math.log(2), 1 / 2)])
def test_a_negative_size_is_smaller_than_usual(d, factor):
    numbers = np.zeros((1, 4, 336))
    numbers[0, 2], numbers[0, 3] = d, -d
    x0, y0, x1, y1 = detection.boxes_of(numbers)[0, 256 + 36]  # in the middle of the scene
    assert (x1 - x0, y1 - y0) == (pytest.approx(24 * factor), pytest.approx(24 / factor))


@given(st.integers(0, 10**6))
def test_numbers_and_boxes_are_each_others_reverse(seed):
    rng = np.random.default_rng(seed)
    middle, half = rng.uniform(16, 48, (2, 1, 2)), rng.uniform(2, 16, (2, 1, 2))
    boxes = np.concatenate([middle - half, middle + half], 2)
    numbers = detection.numbers_of(boxes)
    assert numbers.shape == (2, 4, 336)
    every = np.broadcast_to(boxes, (2, 336, 4))
    np.testing.assert_allclose(detection.boxes_of(numbers), every, atol=1e-9)


def test_no_number_is_so_large_that_a_box_is_not_finite():
    for value in (1e30, -1e30):
        boxes = detection.boxes_of(np.full((1, 4, 336), value))
        assert np.isfinite(boxes).all()
        assert boxes.min() >= 0
        assert boxes.max() <= 64


def test_overlap_is_what_pixels_say():
    rng = np.random.default_rng(0)
    ends = np.sort(rng.integers(0, 21, (2, 12, 2, 2)), 2)  # left and upper, right and lower
    boxes, others = ends.reshape(2, 12, 4)
    found = detection.overlap(boxes, others)

    def pixels(box):
        x0, y0, x1, y1 = box
        return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}

    for i, j in np.ndindex(12, 12):
        one, other = pixels(boxes[i]), pixels(others[j])
        assert found[i, j] == (len(one & other) / len(one | other) if one | other else 0)
    assert found.max() > 0.3
    assert (detection.overlap(boxes, others) == detection.overlap(others, boxes).T).all()
