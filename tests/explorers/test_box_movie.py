"""The movie of boxes, against a simulation and what is found in it."""

import functools
import re

import numpy as np
import pytest
import torch
from helpers.explorers import given, near, said
from torch import nn

import snnlab as sl
from snnlab import detection, explorers
from snnlab.explorers import box_movie

T = 8


@functools.cache
def movie():
    return explorers.BoxMovie(given()["detector"], given()["scene"], timesteps=T)


@functools.cache
def outputs():
    """Return what the network and its ANN say of the scene."""
    network, x = given()["detector"], torch.as_tensor(given()["scene"])[None]
    return sl.simulate(network, x, T).outputs[:, 0], sl.ann(network, x).outputs


def read(values, signed):
    """Return outputs of one step, the negative numbers of boxes cut off or not."""
    return values if signed else np.array([*values[:10], *(np.maximum(v, 0) for v in values[10:])])


@pytest.mark.parametrize("signed", [True, False])
def test_every_step_is_that_of_a_simulation(signed):
    run, ann = outputs()
    right = detection.find(ann, 0.3)
    place = int(np.unravel_index(ann[0, :10].argmax(), (10, 336))[1])
    for step in range(1, T + 1):
        data = movie().compute(step, signed)
        found = detection.find(read(run[step - 1], signed)[None], 0.3)
        for one, other in zip((*data["found"], *data["right"]), (*found, *right), strict=True):
            assert np.array_equal(one, other)
        expected = np.array([read(values, signed)[10:, place] for values in run]).T
        assert np.array_equal(data["numbers"], expected)
        assert np.array_equal(data["wanted"], ann[0, 10:, place])
        fits = [
            max(
                (
                    detection.overlap(box[None], other[None]).item()
                    for c, other in zip(found.classes[0], found.boxes[0], strict=True)
                    if c == number
                ),
                default=0.0,
            )
            for number, box in zip(right.classes[0], right.boxes[0], strict=True)
        ]
        assert data["fit"] == pytest.approx(fits)


def test_boxes_and_names_are_drawn_where_they_were_found():
    for signed in (True, False):
        for step in (1, T):
            movie().move(steps=step, signed=signed)
            found = movie().compute(step, signed)["found"]
            classes, boxes = (part[0][found.classes[0] >= 0][:8] for part in (found[0], found[2]))
            x, y = (values.reshape(-1, 6)[:, :5] for values in movie()._boxes.get_data())
            assert movie()._names.texts == [str(number) for number in classes]
            np.testing.assert_allclose(x.min(1), boxes[:, 0] + 0.4)
            np.testing.assert_allclose(x.max(1), boxes[:, 2] - 0.4)
            np.testing.assert_allclose(y.min(1), boxes[:, 1] + 0.4)
            np.testing.assert_allclose(y.max(1), boxes[:, 3] - 0.4)


def test_the_lines_are_the_numbers_of_the_box_and_never_leave_their_axes():
    for step in range(1, T + 1):
        data = movie().compute(step, True)
        movie().draw(data)
        for line, numbers in zip(movie()._lines.values(), data["numbers"], strict=True):
            low, high = line.axes.get_ylim()
            assert (line.get_ydata() == numbers).all()
            assert low < min(numbers) <= max(numbers) < high
        assert list(movie()._now.get_xdata()) == [step, step]


def test_the_words_are_those_of_the_picture():
    for signed, how in ((True, ""), (False, ", the numbers of boxes cut off at 0,")):
        for step in (1, T):
            words, data = movie().move(steps=step, signed=signed), movie().compute(step, signed)
            steps = "1 of 8 steps" if step == 1 else "8 of 8 steps"
            assert words.startswith(f"After {steps}{how} the network finds ")
            well, of = said(r"Of its boxes (\d+) of (\d+) are", words)
            assert (well, of) == ((data["fit"] >= 0.5).sum(), len(data["fit"]))
            assert near(100 * data["fit"].mean(), *said(r"coincide by (\d+) %", words), 0)
            pairs = re.findall(r"(?:right|down|width|height) (-?[\d.]+) \((-?[\d.]+)\)", words)
            assert len(pairs) == 4
            for (now, wanted), number, right in zip(
                pairs, data["numbers"][:, step - 1], data["wanted"], strict=True
            ):
                assert near(number, float(now), 3)
                assert near(right, float(wanted), 3)


def test_the_formula_has_the_numbers_of_the_step():
    movie().move(steps=3, signed=True)
    data = movie().compute(3, True)
    formula = movie().formula(data, steps=3, signed=True)
    assert "t = 3" in formula
    assert f"$d_x = {data['numbers'][0, 2]:.3g}$" in formula


def test_cutting_leaves_what_was_given_alone():
    run, _ = outputs()
    before = run.copy()
    assert (box_movie.cut(run)[:, 10:] >= 0).all()
    assert (box_movie.cut(run)[:, :10] == before[:, :10]).all()
    assert (run == before).all()


def test_other_things_are_refused():
    network, scene = given()["detector"], given()["scene"]
    with pytest.raises(sl.OptionError, match="detector: found Linear, expected a Network"):
        explorers.BoxMovie(nn.Linear(3, 2), scene)
    with pytest.raises(sl.OptionError, match="scene: the ANN finds nothing in it"):
        explorers.BoxMovie(network, np.zeros_like(scene))
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        explorers.BoxMovie(network, scene, timesteps=0)
    with pytest.raises(sl.ShapeError, match=r"outputs: shape .*expected \(B, 14, 336\)"):
        explorers.BoxMovie(given()["network"], given()["image"])
