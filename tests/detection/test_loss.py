"""What a detector is trained for, place by place."""

import math

import numpy as np
import torch

from snnlab import data, detection
from snnlab.detection.loss import targets


def by_loop(things, places, strides):
    """Return class and box for each place that has to tell one, by what stands nearest."""
    told = {}
    for number, x0, y0, x1, y1 in things:
        if number < 0:
            continue
        longer = max(x1 - x0, y1 - y0)
        stride = min((4, 8, 16), key=lambda s: abs(math.log(longer / (3 * s))))
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        for place, ((px, py), s) in enumerate(zip(places.T, strides, strict=True)):
            away = max(abs(x - px), abs(y - py)) / s
            if s == stride and away < 0.75 and away < told.get(place, (math.inf,))[0]:
                told[place] = away, number, (x0, y0, x1, y1)
    return told


def test_each_thing_is_told_by_the_places_near_its_middle():
    _, y = data.load_scenes(30, "train")
    classes, numbers = targets(y)
    boxes = detection.boxes_of(numbers.numpy())
    for scene, things in enumerate(y):
        told = by_loop(things, *detection.places())
        assert set(told) == set(np.flatnonzero(classes[scene] >= 0))
        for place, (_, number, box) in told.items():
            assert classes[scene, place] == number
            np.testing.assert_allclose(boxes[scene, place], box, atol=1e-4)
        assert len(told) >= (things[:, 0] >= 0).sum() - 1


def test_the_loss_is_the_sum_over_the_places_that_it_says(rng):
    _, y = data.load_scenes(2, "train")
    outputs = torch.from_numpy(rng.normal(size=(2, 14, 336)))
    classes, numbers = targets(y)
    total, told = 0.0, int((classes >= 0).sum())
    for scene, place in np.ndindex(2, 336):
        said, right = outputs[scene, :, place].tolist(), int(classes[scene, place])
        for number in range(10):
            p = 1 / (1 + math.exp(-said[number]))
            q, weight = (p, 0.25) if number == right else (1 - p, 0.75)
            total -= weight * (1 - q) ** 2 * math.log(q)
        if right >= 0:
            for one, wanted in zip(said[10:], numbers[scene, :, place].tolist(), strict=True):
                off = abs(one - wanted)
                total += off - 0.05 if off > 0.1 else off**2 / 0.2
    found = detection.detection_loss(outputs, y).item()
    assert math.isclose(found, total / told, rel_tol=1e-5)


def test_the_loss_leads_to_the_right_boxes():
    _, y = data.load_scenes(2, "train")
    outputs = torch.zeros(2, 14, 336, requires_grad=True)
    optimizer = torch.optim.Adam([outputs], 0.3)
    first = detection.detection_loss(outputs, y).item()
    for _ in range(40):
        optimizer.zero_grad()
        loss = detection.detection_loss(outputs, y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02 * first
    assert detection.mean_average_precision(outputs, y) > 0.99


def test_without_a_thing_there_is_still_a_loss():
    empty = np.full((1, 5, 5), -1, np.float32)
    loss = detection.detection_loss(torch.zeros(1, 14, 336), empty)
    assert math.isclose(loss.item(), 3360 * 0.75 * 0.25 * math.log(2), rel_tol=1e-5)
