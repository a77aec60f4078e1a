"""Scenes: boxes end where the ink ends, and no digit stands in two parts."""

import itertools

import numpy as np
import pytest
import torch

from snnlab import data
from snnlab.data import scenes as module
from snnlab.data.mnist import Labelled
from snnlab.exceptions import OptionError


@pytest.fixture(scope="module")
def scenes():
    return data.load_scenes(120, "train", seed=3)


def boxes(digits):
    """Return class and whole-numbered ends of the digits of one scene."""
    assert (digits == np.rint(digits)).all()
    return [tuple(map(int, row)) for row in digits if row[0] >= 0]


def test_scenes_have_the_documented_shapes_and_values(scenes):
    x, y = scenes
    assert (x.shape, x.dtype) == ((120, 1, 64, 64), np.float32)
    assert (y.shape, y.dtype) == ((120, 5, 5), np.float32)
    assert 0 <= x.min() < 0.01
    assert 0.9 < x.max() <= 1
    counts = (y[..., 0] >= 0).sum(1)
    assert set(counts) == {1, 2, 3, 4, 5}  # one of two may find no place
    assert set(y[..., 0].ravel()) == {-1, *range(10)}
    assert (y[y[..., 0] < 0] == -1).all()


def test_what_is_missing_stands_behind_what_is_there(scenes):
    for digits in scenes.y:
        assert (np.diff((digits[:, 0] >= 0).astype(int)) <= 0).all()


def test_a_box_ends_where_the_ink_ends(scenes):
    alone = 0
    for canvas, digits in zip(scenes.x[:, 0], scenes.y, strict=True):
        outside = canvas.copy()
        for _, x0, y0, x1, y1 in boxes(digits):
            assert 0 <= x0 < x1 <= 64
            assert 0 <= y0 < y1 <= 64
            outside[y0:y1, x0:x1] = 0
        assert not outside.any()
        for number, (_, x0, y0, x1, y1) in enumerate(boxes(digits)):
            others = canvas.copy()
            for other, (_, a0, b0, a1, b1) in enumerate(boxes(digits)):
                if other != number:
                    others[b0:b1, a0:a1] = 0
            if others[y0:y1, x0:x1].sum() < canvas[y0:y1, x0:x1].sum():
                continue  # another digit reaches into it
            alone += 1
            ink = canvas[y0:y1, x0:x1]
            assert all(edge.any() for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert alone > 100


def test_digits_have_all_sizes_and_cover_hardly_anything_of_each_other(scenes):
    longer, thinner = [], []
    for digits in scenes.y:
        for _, x0, y0, x1, y1 in boxes(digits):
            longer.append(max(x1 - x0, y1 - y0))
            thinner.append(min(x1 - x0, y1 - y0))
        for (_, x0, y0, x1, y1), (_, a0, b0, a1, b1) in itertools.combinations(boxes(digits), 2):
            shared = max(min(x1, a1) - max(x0, a0), 0) * max(min(y1, b1) - max(y0, b0), 0)
            assert shared <= 0.1 * min((x1 - x0) * (y1 - y0), (a1 - a0) * (b1 - b0))
    assert (min(longer), max(longer)) == (12, 40)
    assert min(thinner) == 4
    assert np.median(longer) == pytest.approx(np.sqrt(12 * 40), rel=0.15)


def test_a_seed_always_gives_the_same_scenes_and_fewer_are_the_first_of_more(scenes):
    fewer = data.load_scenes(7, "train", seed=3)
    assert all(np.array_equal(a, b[:7]) for a, b in zip(fewer, scenes, strict=True))
    for other in (data.load_scenes(7, "train"), data.load_scenes(7, "test", seed=3)):
        assert not np.array_equal(other.x, fewer.x)
    assert len({canvas.tobytes() for canvas in scenes.x}) == 120


@pytest.mark.parametrize(
    ("part", "begin", "end"),
    [("train", 0, 7_500), ("validation", 7_500, 8_000), ("test", 8_000, 10_000)],
)
def test_no_digit_stands_in_scenes_of_two_parts(monkeypatch, part, begin, end):
    ink = np.linspace(0.5, 1, 10_000, dtype=np.float32)  # each image has a tone of its own
    images = np.broadcast_to(ink[:, None, None, None], (10_000, 1, 28, 28)).copy()
    monkeypatch.setattr(module, "load_mnist", lambda: Labelled(images, np.zeros(10_000, int)))
    x, _ = data.load_scenes(200, part)
    tones = x[x > 0]
    assert ink[begin] - 1e-6 <= tones.min() < tones.max() <= ink[end - 1] + 1e-6
    assert np.ptp(tones) > 0.9 * (ink[end - 1] - ink[begin])


def test_scenes_leave_the_random_states_alone():
    before = torch.get_rng_state().tolist(), repr(np.random.get_state())  # noqa: NPY002
    data.load_scenes(2)
    assert (torch.get_rng_state().tolist(), repr(np.random.get_state())) == before  # noqa: NPY002


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 0}, "count = 0"),
        ({"count": 1.5}, "count = 1.5"),
        ({"count": 1, "part": "tests"}, "part = 'tests': .*Did you mean 'test'"),
        ({"count": 1, "seed": -1}, "seed = -1"),
    ],
)
def test_what_is_no_number_or_part_is_refused(given, message):
    with pytest.raises(OptionError, match=message):
        data.load_scenes(**given)
