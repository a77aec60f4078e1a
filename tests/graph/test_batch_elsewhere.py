"""Steps in which the images are not first: they convert if they come first again."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.saved import assert_comes_back
from helpers.steps import Step
from torch import nn

import snnlab as sl
from snnlab import brian
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.layout import FIRST, Layout, laid_out, layouts_of


def parts():
    generator = torch.Generator().manual_seed(0)
    return {
        "inner": nn.Linear(4, 4),
        "first": nn.Linear(4, 5),
        "again": nn.Linear(5, 5),
        "conv": nn.Conv1d(1, 3, 2, bias=False),
        "norm": nn.BatchNorm1d(3),
        "act": nn.PReLU(3),
        "w": torch.randn(4, 4, generator=generator),
        "t": torch.rand(4, generator=generator),
        "steps": torch.rand(3, 1, 4, generator=generator),
        "last": nn.LazyLinear(2),
    }


def both(m, x):
    """Return two branches, shape (2, B, ...)."""
    return torch.stack([x, m.inner(x)])


def recurrence(m, x):
    x = x.transpose(0, 1)
    h, states = torch.zeros(x.size(1), 5, dtype=x.dtype), []
    for step in x:
        h = torch.relu(m.first(step) + m.again(h))
        states.append(h)
    return torch.stack(states).mean(0)


def residual(m, x):
    h = x.transpose(0, 1)
    h = h + torch.relu(m.inner(h))
    h = h * m.t.view(4, 1, 1)[: len(h)] + torch.relu(m.inner(h))
    return h.transpose(0, 1)


def frames(m, x):
    b, t = x.shape[:2]
    y = m.act(m.norm(m.conv(x.reshape(b * t, 1, 4))))
    y = F.avg_pool1d(F.max_pool1d(y, 2).relu(), 1)
    return y.reshape(b, t, -1).mean(1)


def joined_frames(m, x):
    y = m.conv(x.reshape(-1, 1, 4))
    y = torch.cat([y, torch.relu(y - 0.1)], 1)
    return y.relu().view(len(x), 3, -1)


def shared_by_two(m, x):
    a, b = m.act(m.norm(m.conv(torch.cat([x, -x])[:, None]))).chunk(2)
    return a - 2 * b


def written_by_rows(m, x):
    z = torch.zeros(3, x.size(0), 4, dtype=x.dtype)
    for t in range(3):
        z[t] = torch.relu(x[:, t])
    return z.sum(0)


def written_in_seconds(m, x):
    z = torch.zeros(2, x.size(0), 4, dtype=x.dtype)
    z[0], z[1] = x, x.relu()
    return torch.maximum(z, torch.zeros_like(z) + m.t).sum(0)


VECTOR, SERIES, IMAGE = (4,), (3, 4), (3, 4, 4)
CASES = {
    "mean of branches": (VECTOR, lambda m, x: both(m, x).mean(0).relu()),
    "sum of a list": (VECTOR, lambda m, x: torch.stack([x.relu(), m.inner(x), x]).sum(0)),
    "ReLU of branches": (VECTOR, lambda m, x: both(m, x).relu().sum(0)),
    "LeakyReLU of branches": (VECTOR, lambda m, x: F.leaky_relu(both(m, x)).sum(0)),
    "a signal added to branches": (VECTOR, lambda m, x: (both(m, x) + 2 * x).relu().sum(0)),
    "maximum of branches": (VECTOR, lambda m, x: both(m, x.relu()).amax(0)),
    "maximum of branches, values": (VECTOR, lambda m, x: both(m, x.relu()).max(0)[0]),
    "maximum of branches, kept": (VECTOR, lambda m, x: both(m, x.relu()).amax((0, -1), True)[0]),
    "minimum of branches": (VECTOR, lambda m, x: both(m, x.relu()).min(dim=0).values),
    "threshold for each feature": (
        VECTOR,
        lambda m, x: (lambda s: torch.where(s > m.t, s - m.t, 0.0))(both(m, x)).sum(0),
    ),
    "threshold for each branch and feature": (
        VECTOR,
        lambda m, x: (lambda s, t: torch.where(s > t, s - t, 0.0))(
            both(m, x), torch.zeros_like(both(m, x)) + m.w[:2, None]
        ).sum(0),
    ),
    "slope for each step, images in halves": (
        SERIES,
        lambda m, x: (
            (lambda h: torch.where(h > 0, h, m.steps[..., :1] * h))(
                x.transpose(0, 1).reshape(3, -1, 2)
            )
            .reshape(3, -1, 4)
            .transpose(0, 1)
        ),
    ),
    "two signals": (
        VECTOR,
        lambda m, x: torch.maximum(both(m, x), 2 * both(m, x)[[1, 0]]).mean(0),
    ),
    "a dimension before": (VECTOR, lambda m, x: torch.relu(x.unsqueeze(0)).squeeze(0)),
    "None before": (VECTOR, lambda m, x: torch.relu(x[None])[0]),
    "x.T": (VECTOR, lambda m, x: (m.w @ x.T).relu().T),
    "x.t()": (VECTOR, lambda m, x: x.t().relu().t()),
    "transpose": (SERIES, lambda m, x: torch.relu(m.inner(x.transpose(0, 1))).transpose(0, 1)),
    "a bias for each step": (
        SERIES,
        lambda m, x: torch.relu(F.linear(x.transpose(0, 1), m.w, m.steps)).transpose(0, 1),
    ),
    "movedim": (SERIES, lambda m, x: torch.relu(m.inner(x.movedim(0, 1))).movedim(1, 0)),
    "unbind": (SERIES, lambda m, x: sum(p.relu() for p in x.transpose(0, 1).unbind(0))),
    "permute": (IMAGE, lambda m, x: torch.relu(x.permute(1, 0, 2, 3)).permute(1, 0, 2, 3)),
    "max pooling": (
        IMAGE,
        lambda m, x: F.max_pool2d(x.permute(1, 0, 2, 3).relu(), 2).permute(1, 0, 2, 3),
    ),
    "average pooling": (
        IMAGE,
        lambda m, x: F.avg_pool2d(x.permute(1, 0, 2, 3).relu(), 2).permute(1, 0, 2, 3),
    ),
    "last": (SERIES, lambda m, x: torch.relu(2 * x.permute(1, 2, 0)).permute(2, 0, 1)),
    "flat in between": (
        SERIES,
        lambda m, x: x.transpose(0, 1).flatten(1).relu().view(3, -1, 4).transpose(0, 1),
    ),
    "recurrence": (SERIES, recurrence),
    "residual": (SERIES, residual),
    "frames": (SERIES, frames),
    "frames, joined": (SERIES, joined_frames),
    "rows, in parts": (
        SERIES,
        lambda m, x: sum(p.relu() for p in x.view(-1, 4).chunk(2, 1)).view(-1, 3, 2),
    ),
    "frames and their places": (
        SERIES,
        lambda m, x: (x.reshape(-1, 4) * m.w[:3].repeat(len(x), 1)).relu().view(-1, 3, 4),
    ),
    "frames and a state": (
        SERIES,
        lambda m, x: torch.maximum(x.view(-1, 4), x.new_zeros(3 * len(x), 4)).view(-1, 3, 4),
    ),
    "two halves of a batch": (VECTOR, shared_by_two),
    "repeated": (VECTOR, lambda m, x: x.repeat(2, 1).relu().view(2, -1, 4).sum(0)),
    "repeat_interleave": (
        VECTOR,
        lambda m, x: (x.repeat_interleave(3, 0) * m.t).relu().view(x.size(0), 3, 4).sum(1),
    ),
    "written by rows": (SERIES, written_by_rows),
    "written, with a constant": (VECTOR, written_in_seconds),
    "state before": (SERIES, lambda m, x: (x.new_zeros(2, len(x), 4)[0] + x[:, 0]).relu()),
}


@torch.no_grad()
def built(step):
    torch.manual_seed(0)
    model = Step(lambda m, x: m.last(torch.relu(step(m, x)).flatten(1)), **parts())
    model(torch.rand(3, *next(shape for shape, own in CASES.values() if own is step)))
    for name, buffer in model.norm.named_buffers():
        if buffer.is_floating_point():
            buffer.copy_(0.5 + torch.rand(3) if "var" in name else torch.randn(3))
    return model.double().eval()


def images(shape, number=6):
    generator = torch.Generator().manual_seed(number)
    return torch.randn(number, *shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", CASES)
def test_images_that_come_first_again(name):
    shape, step = CASES[name]
    model = built(step)
    network = sl.convert(copy.deepcopy(model), images(shape), threshold=sl.Maximum())
    for number in (1, 2, 3, 7):
        x = images(shape, number)
        with torch.no_grad():
            expected = model(x)
        found = sl.ann(network, x).outputs
        assert found == pytest.approx(expected.numpy(), rel=1e-10, abs=1e-10)
    x = images(shape, 3)
    together = sl.simulate(network, x, 24).output_sums
    singly = [sl.simulate(network, image, 24).output_sums for image in x.split(1)]
    assert np.concatenate(singly, 1) == pytest.approx(together, abs=1e-9)
    assert_comes_back(network, x)


@pytest.mark.parametrize("name", ["frames", "two halves of a batch", "residual"])
def test_spikes_come_near_to_the_network(name):
    shape, step = CASES[name]
    network = sl.convert(built(step).float(), images(shape).float(), threshold=sl.Maximum())
    x = images(shape).float()
    exact = sl.ann(network, x).outputs
    error = [np.abs(sl.simulate(network, x, T).outputs[-1] - exact).max() for T in (64, 512)]
    assert error[1] < error[0] / 3


@pytest.mark.parametrize("name", ["frames, joined", "residual"])
def test_synapses_are_those_of_the_images(name):
    shape, step = CASES[name]
    network = sl.convert(built(step), images(shape), threshold=sl.Maximum())
    x = images(shape, 2)
    theirs = brian.simulate(network, x, 6)
    assert theirs.output_sums == pytest.approx(sl.simulate(network, x, 6).output_sums, abs=1e-6)


def test_layers_of_frames_are_folded_and_pooled_like_those_of_images():
    model = built(frames).float()
    network = sl.convert(model, images(SERIES).float(), average_pool="spikes")
    assert network.layers == ["act", "act.negative", "relu", "avg_pool1d", "relu#2"]
    assert not any(isinstance(m, nn.BatchNorm1d) for m in network.graph.module.modules())
    assert network.graph.layers["act"].meta["shape"] == (3, 3, 3)
    sl.verify(model, network, images(SERIES).float())


MIXED = {
    "mean behind a stack": lambda m, x: torch.stack([x, x]).mean(1),
    "ends elsewhere": lambda m, x: x.relu().transpose(0, 1),
    "rows of another image": lambda m, x: x.repeat(2, 1).view(x.size(0), 2, 4).relu(),
    "one image of a stack": lambda m, x: torch.stack([x, x])[:, :1].expand(2, len(x), 4)[0],
    "a slice of many images": lambda m, x: x.t()[:, :100].t().relu(),
    "parts of many images": lambda m, x: torch.cat([p.relu() for p in x.split(100)]),
    "parts at a place": lambda m, x: x.tensor_split([100])[0].relu(),
    "rolled by 10": lambda m, x: x.roll(10, 0).relu(),
    "a triangle of images": lambda m, x: x.triu(-100).relu(),
    "every second row": lambda m, x: x.repeat_interleave(2, 0)[::2].relu(),
    "behind a silent ReLU": lambda m, x: (x + (x - 100).relu().flip(0)).relu(),
    "behind a silent ReLU, mean": lambda m, x: (x + (x - 100).relu().mean(0)).relu(),
    "a head of columns": lambda m, x: x.relu().t().softmax(1),
}


@pytest.mark.parametrize("step", MIXED.values(), ids=MIXED)
def test_images_that_are_mixed_are_refused(step):
    model = Step(step, w=torch.zeros(1))
    with pytest.raises(UnsupportedLayerError, match=r"mixes|images elsewhere|picks") as caught:
        sl.trace(model, images(VECTOR).float())
    assert ", line " in str(caught.value)
    assert str(caught.value).endswith(".")


def overwritten_elsewhere(m, x):
    y = x.transpose(0, 1).contiguous()
    y[..., :2].mul_(2)
    return y.transpose(0, 1).relu()


def for_each_frame(m, x):
    rows, t = x.reshape(-1, 4), torch.tensor([[0.0], [1.0], [2.0]]).repeat(len(x), 1)
    return torch.where(rows > t, rows - t, 0.0).view(x.shape).relu()


def some_branches(m, x):
    h = x.transpose(0, 1)
    mask = (h > 0).float()
    mask[torch.tensor([0])] = 1.0
    return (h * mask).transpose(0, 1).relu()


ELSEWHERE = {
    "a threshold for each frame": (for_each_frame, "is no piecewise linear function"),
    "a mask filled at places": (some_branches, "is no piecewise linear function"),
    "pooling of images": (
        lambda m, x: F.max_pool1d(x.permute(1, 2, 0), 1).permute(2, 0, 1),
        "pools over the images of a batch. Keep the first dimension for the images",
    ),
    "an overwritten view": (
        overwritten_elsewhere,
        "works on values in which the images are not first. Keep the first dimension",
    ),
}


@pytest.mark.parametrize(("step", "expected"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_steps_that_cannot_have_the_images_elsewhere_are_refused(step, expected):
    with pytest.raises(UnsupportedLayerError) as caught:
        sl.trace(Step(step, w=torch.zeros(1)), images(SERIES).float())
    assert expected in str(caught.value)


def test_order_of_rows_that_are_all_the_same_is_not_guessed():
    def step(m, x):
        ones = torch.ones(x.size(0), 4) + (x - 100).relu()
        return torch.relu(ones.repeat(2, 1).view(2, -1, 4).sum(0) + x)

    with pytest.raises(UnsupportedLayerError, match="in an order that does not show"):
        sl.trace(Step(step, w=torch.zeros(1)), images(VECTOR).float())


# The layouts themselves


def test_layout_brings_images_to_the_front_and_back():
    for dim, outer, inner in [(0, 1, 1), (1, 1, 1), (0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 1, 2)]:
        layout = Layout(dim, outer, inner)
        shape = [4, 2, 3]
        shape[dim] = 5 * outer * inner
        value = torch.arange(np.prod(shape)).reshape(shape)
        front = layout.front(value)
        assert front.shape == (5, *layout.of_image(value.shape))
        assert torch.equal(layout.back(front), value)
        # One image is what is left if its rows are picked.
        places = torch.arange(shape[dim]).reshape(outer, 5, inner)[:, 2].flatten()
        one = value.index_select(dim, places)
        assert torch.equal(layout.front(one)[0], front[2])


def test_layout_is_found_in_what_two_batches_give():
    five = torch.arange(5 * 12.0).reshape(5, 3, 4)
    for layout in (FIRST, Layout(1), Layout(2)):
        found = layouts_of(layout.back(five[1:3]), layout.back(five), torch.equal)
        assert found == [layout]
    rows = torch.arange(5 * 24.0).reshape(5, 6, 4)
    for layout in (Layout(0, 1, 6), Layout(0, 2, 3), Layout(0, 6, 1)):
        assert layouts_of(layout.back(rows[1:3]), layout.back(rows), torch.equal) == [layout]
    assert layouts_of(five[:2], five, torch.equal) == []
    assert layouts_of(five[1:3], five[:3], torch.equal) == []
    assert layouts_of(five[1:3, 0], five, torch.equal) == []


@pytest.mark.parametrize("function", ["torch.load", "Tensor.add_", "operator.eval", "os.system"])
def test_only_operations_of_the_table_are_called_by_name(function):
    with pytest.raises((KeyError, AttributeError)):
        laid_out(function, ("file",), {}, [], FIRST)
