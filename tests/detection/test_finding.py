"""What is found, against a plain loop over the places."""

import math

import numpy as np
import pytest
import torch

from snnlab import detection
from snnlab.exceptions import OptionError, ShapeError


def said(seed, scenes=3):
    """Return outputs with clusters of places that tell nearly the same box."""
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(scenes, 14, 336))
    outputs[:, :10] = 2 * outputs[:, :10] - 5
    outputs[:, 10:] *= 0.3
    return outputs


def iou(one, other):
    width = max(min(one[2], other[2]) - max(one[0], other[0]), 0)
    height = max(min(one[3], other[3]) - max(one[1], other[1]), 0)
    area = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)) - width * height
    return width * height / area if area else 0.0


def by_hand(outputs, least, most=60):
    """Return classes, scores and boxes of one scene."""
    boxes = detection.boxes_of(outputs[None, 10:])[0]
    places = sorted(range(336), key=lambda p: -outputs[:10, p].max())[:most]
    kept = []
    for place in places:
        score = 1 / (1 + math.exp(-outputs[:10, place].max()))
        near = [k for k in kept if iou(boxes[place], k[2]) > 0.3]
        if score > least and not near:
            kept.append((outputs[:10, place].argmax(), score, boxes[place].tolist()))
    return kept


@pytest.mark.parametrize("least", [0.02, 0.05, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_each_thing_is_found_once_by_the_place_that_is_most_certain(seed, least):
    outputs = said(seed)
    found, several = detection.find(outputs, least), 0
    for scene, own in enumerate(outputs):
        expected = by_hand(own, least)
        count = (found.classes[scene] >= 0).sum()
        assert count == len(expected)
        for place, (number, score, box) in enumerate(expected):
            assert found.classes[scene, place] == number
            assert found.scores[scene, place] == pytest.approx(score, rel=1e-12)
            assert found.boxes[scene, place] == pytest.approx(box)
        assert (found.scores[scene, count:] == 0).all()
        several += count
    assert several > 3


def test_tensors_and_lists_are_read_like_arrays():
    outputs = said(0, 1).astype(np.float32)
    expected = detection.find(outputs)
    for given in (torch.from_numpy(outputs).requires_grad_(), outputs.tolist()):
        found = detection.find(given)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_where_nothing_is_found_a_row_stands_for_nothing():
    found = detection.find(np.full((2, 14, 336), -1e9))
    assert found.classes.tolist() == [[-1], [-1]]
    assert found.scores.tolist() == [[0], [0]]
    assert found.boxes.shape == (2, 1, 4)


def test_a_score_of_just_the_least_is_not_enough():
    """Outputs cut off at 0 have a score of 1/2 everywhere, and find nothing."""
    assert detection.find(np.zeros((1, 14, 336)), 0.5).classes.max() == -1
    assert detection.find(np.zeros((1, 14, 336)), 0.49).classes.max() == 0


@pytest.mark.parametrize("shape", [(14, 336), (1, 14, 335), (1, 13, 336), (2, 1, 14, 336), (0,)])
def test_other_outputs_are_refused(shape):
    with pytest.raises(ShapeError, match=r"outputs: shape .*expected \(B, 14, 336\).*mnist_detec"):
        detection.find(np.zeros(shape))


@pytest.mark.parametrize("least", [-0.1, 1.1, "0.5", None, float("nan")])
def test_a_least_score_outside_0_to_1_is_refused(least):
    with pytest.raises(OptionError, match=r"least = .*expected a number from 0 to 1"):
        detection.find(np.zeros((1, 14, 336)), least)
