"""Average precision: worked by hand, as a plain loop, and as COCO's own program has it."""

import contextlib
import io

import numpy as np
import pytest

import snnlab as sl
from snnlab import detection
from snnlab.detection import Found
from snnlab.detection.loss import targets
from snnlab.exceptions import ShapeError


def found_of(*things):
    """Return what was found in one scene: (class, score, left, upper, right, lower)."""
    things = np.array(things, float).reshape(1, -1, 6)
    return Found(things[..., 0].astype(int), things[..., 1], things[..., 2:])


BOX, OTHER, FAR = (0, 0, 10, 10), (30, 30, 40, 40), (50, 50, 60, 60)
TRUTH = np.array([[[3, *BOX], [3, *OTHER], [-1] * 5]], float)


@pytest.mark.parametrize(
    ("things", "expected"),
    [
        ([(3, 0.9, *BOX), (3, 0.8, *OTHER)], 1.0),
        ([(3, 0.9, *BOX)], 51 / 101),  # recalls 0 to 0.50 are reached
        ([(3, 0.9, *FAR), (3, 0.8, *BOX), (3, 0.7, *OTHER)], 2 / 3),
        ([(3, 0.9, *BOX), (3, 0.8, *FAR), (3, 0.7, *OTHER)], (51 + 50 * 2 / 3) / 101),
        ([(3, 0.9, *BOX), (3, 0.8, *BOX), (3, 0.7, *OTHER)], (51 + 50 * 2 / 3) / 101),  # twice
        ([(4, 0.9, *BOX), (3, 0.8, *OTHER)], 51 / 101),  # another class
        ([(3, 0.9, 0, 0, 10, 5), (3, 0.8, *OTHER)], 1.0),  # just half
        ([(3, 0.9, 0, 0, 10, 4.9), (3, 0.8, *OTHER)], 51 / 101 / 2),
        ([(-1, 0, *BOX)], 0.0),
    ],
)
def test_average_precision_worked_by_hand(things, expected):
    precision = detection.average_precision(found_of(*things), TRUTH)
    assert precision[3] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(np.delete(precision, 3)).all()


def random_case(seed, scenes=12):
    """Return things found at random around true ones, and these."""
    rng = np.random.default_rng(seed)
    y = np.full((scenes, 5, 5), -1.0)
    things = np.zeros((scenes, 14, 6))
    things[..., 0] = -1
    for scene in range(scenes):
        for n in range(rng.integers(0, 6)):
            corner, side = rng.integers(0, 40, 2), rng.integers(6, 20, 2)
            y[scene, n] = rng.integers(4), *corner, *(corner + side)
        for n in range(rng.integers(0, 15)):
            if (y[scene, :, 0] >= 0).any() and rng.random() < 0.8:
                number, *ends = y[scene, rng.integers((y[scene, :, 0] >= 0).sum())]
                ends = np.array(ends) + rng.normal(0, 2, 4)
            else:
                number, ends = rng.integers(4), rng.uniform(0, 30, 4)
            number = rng.integers(4) if rng.random() < 0.2 else number
            ends = [*np.minimum(ends[:2], ends[2:]), *np.maximum(ends[:2], ends[2:])]
            things[scene, n] = number, rng.random(), *ends
        order = np.argsort(-np.where(things[scene, :, 0] >= 0, things[scene, :, 1], -1))
        things[scene] = things[scene, order]
    return Found(things[..., 0].astype(int), things[..., 1], things[..., 2:]), y


def by_loop(found, y, number):
    """Return the average precision of a class, thing by thing."""
    things = sorted(
        (
            (found.scores[scene, n], -scene, -n)
            for scene, n in np.ndindex(found.classes.shape)
            if found.classes[scene, n] == number
        ),
        reverse=True,
    )
    true = [(s, n) for s, n in np.ndindex(y.shape[:2]) if y[s, n, 0] == number]
    taken, curve, right = set(), [], 0
    for seen, (_, scene, n) in enumerate(things, 1):
        box = found.boxes[-scene, -n]
        fits = {
            (s, m): detection.overlap(box[None], y[s, m, None, 1:]).item()
            for s, m in true
            if s == -scene and (s, m) not in taken
        }
        best = max(fits, key=fits.get, default=None)
        if best is not None and fits[best] >= 0.5:
            taken.add(best)
            right += 1
        curve.append((right / len(true), right / seen))
    at = [max([p for r, p in curve if r >= k * 0.01], default=0) for k in range(101)]
    return sum(at) / 101


@pytest.mark.parametrize("seed", range(8))
def test_average_precision_is_that_of_a_loop(seed):
    found, y = random_case(seed)
    precision = detection.average_precision(found, y)
    for number in range(4):
        assert precision[number] == pytest.approx(by_loop(found, y, number), abs=1e-12)
    assert 0.05 < np.nanmean(precision) < 0.95


@pytest.mark.parametrize("seed", range(8))
def test_average_precision_is_that_of_coco(seed):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")

    found, y = random_case(seed, scenes=40)

    def entry(number, scene, ends, **more):
        x0, y0, x1, y1 = map(float, ends)
        box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
        return box | {"image_id": scene, "category_id": int(number), "iscrowd": 0} | more

    truth = [entry(y[s, n, 0], s, y[s, n, 1:]) for s, n in np.ndindex(40, 5) if y[s, n, 0] >= 0]
    told = [
        entry(found.classes[s, n], s, found.boxes[s, n], score=float(found.scores[s, n]))
        for s, n in np.ndindex(found.classes.shape)
        if found.classes[s, n] >= 0
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        data = coco.COCO()
        data.dataset = {
            "images": [{"id": scene} for scene in range(40)],
            "annotations": [a | {"id": n} for n, a in enumerate(truth, 1)],
            "categories": [{"id": number} for number in range(10)],
        }
        data.createIndex()
        run = cocoeval.COCOeval(data, data.loadRes(told), "bbox")
        run.params.iouThrs = np.array([0.5])
        run.evaluate()
        run.accumulate()
    theirs = run.eval["precision"][0, :, :, 0, -1].mean(0)  # (recalls, classes), all sizes
    theirs = np.where(theirs < 0, np.nan, theirs)
    np.testing.assert_allclose(detection.average_precision(found, y), theirs, atol=1e-12)


def perfect(y):
    """Return outputs that say just what is there."""
    classes, numbers = targets(y)
    outputs = np.full((len(y), 14, 336), -9.0)
    outputs[:, 10:] = numbers.numpy()
    for scene, place in np.argwhere(classes.numpy() >= 0):
        outputs[scene, classes[scene, place], place] = 9
    return outputs


def test_what_a_detector_is_trained_for_is_found_and_right():
    _, y = sl.data.load_scenes(40)
    outputs = perfect(y)
    assert detection.mean_average_precision(outputs, y) > 0.99  # two may share a place
    found = detection.find(outputs, 0.5)
    assert abs((found.classes >= 0).sum() - (y[..., 0] >= 0).sum()) <= 2
    outputs[:, 10:] += 0.5  # half a stride to the right and down, and larger by two thirds
    assert detection.mean_average_precision(outputs, y) < 0.3


def test_the_mean_is_over_the_classes_that_are_there():
    found, y = random_case(0)
    y[y[..., 0] == 2] = -1
    precision = detection.average_precision(found, y)
    assert np.isnan(precision).tolist() == [number not in (0, 1, 3) for number in range(10)]


def test_it_is_a_metric_of_which_more_is_better():
    assert detection.mean_average_precision.higher_is_better is True


def test_truth_of_another_shape_is_refused():
    outputs = np.full((2, 14, 336), -9.0)
    with pytest.raises(ShapeError, match=r"y: shape \(2, 5\), expected \(2, M, 5\)"):
        detection.mean_average_precision(outputs, np.zeros((2, 5)))
    with pytest.raises(ShapeError, match=r"y: shape \(2, 5, 4\), expected \(2, M, 5\)"):
        detection.mean_average_precision(outputs, np.zeros((2, 5, 4)))
    with pytest.raises(ShapeError, match="y: there is no thing in any scene"):
        detection.mean_average_precision(outputs, np.full((2, 5, 5), -1.0))
    with pytest.raises(ShapeError, match="y: "):
        detection.mean_average_precision(outputs, np.zeros((3, 5, 5)))
