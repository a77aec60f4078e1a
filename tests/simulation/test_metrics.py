"""Each metric against a plain loop and against scikit-learn."""

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torch import nn

import snnlab as sl
from snnlab.simulation.metrics import measure
from snnlab.simulation.user_metrics import bound

T, B, C = 3, 12, 6


def drawn(seed, *shape):
    """Outputs in steps of 1/4, so that some are equal."""
    return np.random.default_rng(seed).integers(-8, 9, (T, B, *shape)) / 4


def record(sums, head=None):
    neurons = {"relu": sl.Neuron(1.0)}
    return sl.Record(len(sums), neurons, "", "analog", {}, sums, head=head)


def labels(seed, high, *shape):
    return np.random.default_rng(seed + 1000).integers(0, high, (B, *shape))


seeds = st.integers(0, 10_000)


@given(seeds)
def test_classes(seed):
    sums, y = drawn(seed, C), labels(seed, C)
    found = record(sums).accuracy(y)
    for t in range(T):
        right = sum(int(max(range(C), key=lambda c: sums[t, b, c]) == y[b]) for b in range(B))
        assert found[t] == right / B == metrics.accuracy_score(y, sums[t].argmax(1))
    assert np.array_equal(found, record(sums).accuracy(y, metric="accuracy"))
    assert np.array_equal(found, record(sums).accuracy(y, metric="exact"))
    assert sl.Activations({}, {}, sums[0]).accuracy(y) == found[0]


@given(seeds, st.sampled_from([(), (1,)]), st.sampled_from([(), (1,)]))
def test_one_logit(seed, outputs, column):
    sums, y = drawn(seed, *outputs), labels(seed, 2)
    if len(outputs) < len(column):
        column = ()
    found = record(sums).accuracy(y.reshape(B, *column))
    for t in range(T):
        right = sum((sums[t, b].item() > 0) == bool(y[b]) for b in range(B))
        assert found[t] == right / B == metrics.accuracy_score(y, sums[t].ravel() > 0)


@settings(max_examples=25)
@given(seeds)
def test_several_labels_for_an_image(seed):
    sums, y = drawn(seed, C), labels(seed, 2, C)
    y[0, :2] = 1  # not one-hot
    share, exact = record(sums).accuracy(y), record(sums).accuracy(y, metric="exact")
    for t in range(T):
        right = [[(sums[t, b, c] > 0) == bool(y[b, c]) for c in range(C)] for b in range(B)]
        assert share[t] == pytest.approx(sum(map(sum, right)) / (B * C), abs=1e-15)
        assert share[t] == pytest.approx(1 - metrics.hamming_loss(y, sums[t] > 0))
        assert exact[t] == sum(map(all, right)) / B == metrics.accuracy_score(y, sums[t] > 0)
    for name in ("accuracy", "multilabel"):
        assert np.array_equal(record(sums).accuracy(y * 1.0, metric=name), share)
    one_hot = np.eye(C, dtype=int)[labels(seed, C)]
    found = record(sums).accuracy(one_hot, metric="multilabel")
    assert found == pytest.approx([((s > 0) == one_hot).mean() for s in sums])


@settings(max_examples=25)
@given(seeds, st.integers(1, C - 1))
def test_the_right_class_among_the_highest(seed, k):
    sums, y = drawn(seed, C), labels(seed, C)
    found = record(sums).accuracy(y, metric=f"top{k}")
    for t in range(T):
        right = 0
        for b in range(B):
            ranked = sorted(range(C), key=lambda c: (-sums[t, b, c], c))
            right += y[b] in ranked[:k]
        assert found[t] == right / B
    # Of equal scores scikit-learn takes any.
    distinct = sums + np.random.default_rng(seed).permuted(np.arange(C) / 100.0)
    found = record(distinct).accuracy(y, metric=f"top{k}")
    for t in range(T):
        theirs = metrics.top_k_accuracy_score(y, distinct[t], k=k, labels=range(C))
        assert found[t] == pytest.approx(theirs)
    assert np.array_equal(record(sums).accuracy(y, metric="top1"), record(sums).accuracy(y))


@settings(max_examples=25)
@given(seeds)
def test_classes_and_logits_of_pixels(seed):
    sums, y = drawn(seed, 3, 2, 4), labels(seed, 3, 2, 4)
    found, exact = record(sums).accuracy(y), record(sums).accuracy(y, metric="exact")
    second = record(sums).accuracy(y, metric="top2")
    for t in range(T):
        right = sums[t].argmax(1) == y
        assert found[t] == pytest.approx(
            metrics.accuracy_score(y.ravel(), sums[t].argmax(1).ravel())
        )
        assert exact[t] == sum(right[b].all() for b in range(B)) / B
        ranks = np.argsort(-sums[t], axis=1, kind="stable")[:, :2]
        assert second[t] == pytest.approx((ranks == y[:, None]).any(1).mean())
    logits = drawn(seed, 1, 2, 4)
    for shape in ((B, 2, 4), (B, 1, 2, 4)):
        mask = labels(seed, 2, 2, 4).reshape(shape)
        expected = [((s > 0) == mask.reshape(B, 1, 2, 4)).mean() for s in logits]
        assert record(logits).accuracy(mask).tolist() == pytest.approx(expected)


class UNet(nn.Module):
    """Classes for each pixel, or one logit, with a skip and bilinear upsampling."""

    def __init__(self, outputs):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.out = nn.Conv2d(8, outputs, 1)

    def forward(self, x):
        a = torch.relu(self.a(x))
        low = self.up(torch.relu(self.b(F.max_pool2d(a, 2))))
        dy, dx = a.size()[2] - low.size()[2], a.size()[3] - low.size()[3]
        return self.out(
            torch.cat([a, F.pad(low, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], 1)
        )


@pytest.mark.parametrize("outputs", [2, 1])
def test_pixels_of_a_u_net_in_accuracy_sweep_and_diagnosis(outputs):
    model, x = UNet(outputs).eval(), torch.rand(6, 1, 7, 7)
    with torch.no_grad():
        logits = model(x).numpy()

    def pick(o):
        return o.argmax(1) if outputs == 2 else o[:, 0] > 0

    mask = pick(logits) ^ (np.random.default_rng(0).random((6, 7, 7)) < 0.1)
    net = sl.convert(model, x)
    found = sl.simulate(net, x, 64)
    own, reached = (np.mean(pick(o) == mask) for o in (logits, found.outputs[-1]))
    assert sl.ann(net, x).accuracy(mask) == pytest.approx(own)
    assert found.accuracy(mask)[-1] == pytest.approx(reached)
    assert np.abs(found.outputs[-1] - logits).max() < 0.05
    row = sl.sweep(net, {}, x, mask, timesteps=64).iloc[0]
    assert (row.accuracy, row.ann) == pytest.approx((reached, own))
    diagnosis = sl.diagnose(net, x, mask, 64)
    assert (diagnosis.snn, diagnosis.ann) == pytest.approx((reached, own))


@given(seeds)
def test_targets_of_a_regression(seed):
    sums = drawn(seed, 2)
    y = np.random.default_rng(seed).normal(size=(B, 2))
    found = record(sums).accuracy(y)
    for t in range(T):
        outputs = sums[t] / (t + 1)
        squares = [(outputs[b, i] - y[b, i]) ** 2 for b in range(B) for i in range(2)]
        assert found[t] == pytest.approx(math.sqrt(sum(squares) / (2 * B)))
        assert found[t] == pytest.approx(
            metrics.root_mean_squared_error(y.ravel(), outputs.ravel())
        )
    assert sl.Activations({}, {}, sums[0]).accuracy(y) == found[0]
    # One target for each image is no matrix of differences.
    one = record(sums[:, :, :1])
    assert np.array_equal(one.accuracy(y[:, 0]), one.accuracy(y[:, :1]))
    assert one.accuracy(y[:, 0])[0] == pytest.approx(
        np.sqrt(((sums[0, :, 0] - y[:, 0]) ** 2).mean())
    )
    whole = np.rint(3 * y).astype(int)
    assert np.array_equal(record(sums).accuracy(whole, metric="rmse"), record(sums).accuracy(
        whole + 0.0, metric="rmse"))  # fmt: skip


TARGETS = np.array([[0.0, 10.0], [2.0, 14.0], [4.0, 18.0]])
GUESSES = {
    "classes": (None, [0, 3, 1], (3, 4), 1 / 4, 3),
    "pixels": (None, np.zeros((3, 2, 2), int), (3, 5, 2, 2), 1 / 5, 12),
    "one logit": (None, [0, 1, 1], (3, 1), 1 / 2, 3),
    "labels": ("multilabel", np.ones((3, 4), int), (3, 4), 1 / 2, 12),
    "all labels": ("exact", np.ones((3, 4), int), (3, 4), None, 3),
    "top3": ("top3", [0, 3, 1], (3, 4), 3 / 4, 3),
    # By the mean of the targets of each output: errors of 2, 0, 2 and 4, 0, 4.
    "regression": (None, TARGETS + 0.5, (3, 2), math.sqrt((4 + 4 + 16 + 16) / 6), 6),
    "a function": (lambda outputs, y: 0.0, [0, 3, 1], (3, 4), None, 3),
}


@pytest.mark.parametrize(("metric", "y", "shape", "guess", "count"), GUESSES.values(), ids=GUESSES)
def test_what_guessing_would_give_and_how_much_is_judged(metric, y, shape, guess, count):
    bound = measure(y, shape, metric)
    assert bound.guess == (None if guess is None else pytest.approx(guess))
    assert bound.count == count


def test_a_sigmoid_at_the_end_counts_for_values_and_not_for_what_is_right():
    sums, y = drawn(0, 1), labels(0, 2)
    squashed = record(sums, head=torch.sigmoid)
    assert np.array_equal(squashed.accuracy(y), record(sums).accuracy(y))
    targets = np.random.default_rng(0).random((B, 1))
    for t, found in enumerate(squashed.accuracy(targets)):
        outputs = 1 / (1 + np.exp(-sums[t] / (t + 1)))
        assert found == pytest.approx(np.sqrt(((outputs - targets) ** 2).mean()))
    loss = squashed.accuracy(targets, metric=F.binary_cross_entropy)
    logit_loss = record(sums).accuracy(targets, metric=F.binary_cross_entropy_with_logits)
    assert loss == pytest.approx(logit_loss)
    assert sl.Activations({}, {}, sums[0], head=torch.tanh).accuracy(targets) == pytest.approx(
        np.sqrt(((np.tanh(sums[0]) - targets) ** 2).mean())
    )


def test_a_squeeze_at_the_end_gives_the_shape():
    sums, y = drawn(0, 3, 1, 1), labels(0, 3)
    squeezed = functools.partial(torch.flatten, start_dim=1)
    assert np.array_equal(record(sums, squeezed).accuracy(y), record(sums[..., 0, 0]).accuracy(y))
    one = drawn(0, 1)
    binary = record(one, functools.partial(torch.squeeze, dim=1))
    assert np.array_equal(binary.accuracy(y > 1), record(one).accuracy(y > 1))


def test_a_record_has_the_softmax_of_its_model():
    x = np.random.default_rng(0).random((B, 4), np.float32)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(1))
    net, y = sl.convert(model, x), labels(0, 3)
    targets = torch.rand(B, 3)
    run, ann = sl.simulate(net, x, 64), sl.ann(net, x)
    with torch.no_grad():
        outputs = model(torch.from_numpy(x))
    expected = (outputs - targets).square().mean().sqrt().item()
    assert ann.accuracy(targets) == pytest.approx(expected, rel=1e-5)
    assert run.accuracy(targets)[-1] == pytest.approx(expected, abs=0.01)
    assert ann.accuracy(y) == metrics.accuracy_score(y, outputs.argmax(1))
    joined = sl.Record.join([sl.simulate(net, x[:5], 64), sl.simulate(net, x[5:], 64)])
    assert np.array_equal(joined.accuracy(targets), run.accuracy(targets))


# --- metrics of the user's -------------------------------------------------------------------


class Collected:
    """As the metrics of torchmetrics: it is shown batches, and computes in the end."""

    higher_is_better = True

    def __init__(self):
        self.reset()

    def reset(self):
        self.right = self.seen = 0

    def update(self, preds, target):
        assert isinstance(preds, torch.Tensor)
        assert target.dtype == torch.int64
        self.right += (preds.argmax(1) == target).sum()
        self.seen += len(target)

    def compute(self):
        return self.right / self.seen


class Called:
    def __call__(self, preds, target):
        return (preds.argmax(dim=1) == target).float().mean()


def in_torch(outputs, y):
    return F.cross_entropy(outputs, y)


@pytest.mark.parametrize(
    "metric",
    [
        Collected(),
        Called(),
        lambda outputs, y: (outputs.argmax(1) == y).mean(),
        lambda outputs, y: metrics.accuracy_score(y, outputs.argmax(1)),
        lambda outputs, y: [(outputs.argmax(-1) == y).mean()],
        functools.partial(lambda scale, outputs, y: ((scale * outputs).argmax(1) == y).mean(), 2.0),
    ],
    ids=["collects", "is called", "numpy", "scikit-learn", "one in a list", "partial"],
)
@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32, list, torch.Tensor])
def test_a_metric_of_the_users(metric, kind):
    sums, y = drawn(0, C), labels(0, C)
    given = {list: y.tolist, torch.Tensor: lambda: torch.from_numpy(y)}
    found = record(sums).accuracy(given[kind]() if kind in given else y.astype(kind), metric=metric)
    assert found == pytest.approx(record(sums).accuracy(y))
    assert sl.Activations({}, {}, sums[0]).accuracy(y, metric=metric) == pytest.approx(found[0])


@pytest.mark.parametrize("metric", [F.cross_entropy, nn.CrossEntropyLoss(), in_torch])
def test_losses_of_torch(metric):
    sums, y = drawn(0, C), labels(0, C)
    found = record(sums).accuracy(y, metric=metric)
    for t in range(T):
        assert found[t] == pytest.approx(metrics.log_loss(
            y, torch.softmax(torch.from_numpy(sums[t] / (t + 1)), 1), labels=range(C)
        ))  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "better"),
    [(nn.CrossEntropyLoss(), False), (Collected(), True), (Called(), None), (in_torch, None)],
)
def test_which_way_a_metric_of_the_users_is_better(metric, better):
    assert bound(metric, labels(0, C), (B, C), lambda s, _: s).scale.higher_is_better is better
    partial = functools.partial(metric) if callable(metric) else metric
    assert bound(partial, labels(0, C), (B, C), lambda s, _: s).scale.higher_is_better is better


def test_what_a_metric_has_seen_stays_as_it_was():
    metric = Collected()
    metric.update(torch.eye(3), torch.tensor([0, 1, 1]))
    found = record(drawn(0, C)).accuracy(labels(0, C), metric=metric)
    assert metric.compute() == pytest.approx(2 / 3)
    fresh = record(drawn(0, C)).accuracy(labels(0, C), metric=Collected())
    assert np.array_equal(found, fresh)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("f1", r"metric = 'f1': expected one of \['accuracy', 'top5', .*or a function"),
        ("acuracy", r"metric = 'acuracy': .*Did you mean 'accuracy'\?"),
        ("top-5", r"metric = 'top-5': .*Did you mean 'top5'\?"),
        ("top6", r"metric = 'top6': the network gives 6 scores, expected a number from 1 to 5"),
        ("top0", r"metric = 'top0'"),
        (5, r"metric: found int, expected a name"),
        ({}, r"metric: found dict, expected a name"),
        (
            lambda outputs, y: outputs,
            r"metric: metric returned shape \(12, 6\), expected one number",
        ),
        (lambda outputs, y: {"a": 1}, r"metric: metric returned dict, expected one number"),
        (lambda outputs, y: None, r"metric: metric returned NoneType, expected one number"),
        (lambda outputs, y: 1 / 0, r"metric: metric fails for outputs of shape \(12, 6\).*by zero"),
        (in_torch, r"^metric: in_torch fails for outputs of shape \(12, 6\) and labels"),
    ],
)
def test_refusals(metric, message):
    y = labels(0, C) + (100 if metric is in_torch else 0)
    for measured in (record(drawn(0, C)), sl.Activations({}, {}, drawn(0, C)[0])):
        with pytest.raises(sl.OptionError, match=message):
            measured.accuracy(y, metric=metric)


def test_labels_of_other_images_are_refused_for_a_metric_of_the_users_too():
    for y in (labels(0, C)[:5], np.zeros((5, B))):
        with pytest.raises(sl.ShapeError, match=r"y: shape .*expected \(12,\)"):
            record(drawn(0, C)).accuracy(y, metric=Called())


@pytest.mark.parametrize("name", ["accuracy", "exact", "multilabel"])
def test_real_numbers_are_no_labels(name):
    for shape in ((), (C,)):
        y = np.full((B, *shape), 0.5)
        with pytest.raises(sl.ShapeError, match=f"y: .*not whole.*metric='{name}'.*='rmse'"):
            record(drawn(0, C)).accuracy(y, metric=name)
