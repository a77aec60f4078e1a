"""The canonical graph computes what the model computes, for every operation that converts."""

import copy
import functools
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.saved import assert_comes_back
from helpers.steps import Step
from helpers.zoo import ZOO
from torch import nn
from torch.nn.utils import parametrizations
from torch.overrides import TorchFunctionMode

from snnlab import Fixed, ann, convert, simulate, trace, verify
from snnlab.exceptions import SNNLabError, UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.evaluation import cap, evaluate
from snnlab.graph.operations import Kind, OperationRule, overwritten


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Small tensors gain nothing from threads, and lose much where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


VECTOR, SERIES, IMAGE, VOLUME = (6,), (4, 6), (4, 6, 6), (4, 3, 4, 4)

_GENERATOR = torch.Generator().manual_seed(1)


def const(*shape):
    return torch.randn(shape, generator=_GENERATOR)


def images(shape, number, seed=0):
    return torch.randn(number, *shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def randomized(model, seed=2):
    """Give a model seeded weights; BatchNorm gets statistics that are not 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn(buffer.shape, generator=generator))
        elif name.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    return model.eval()


def case(name, shape, step, **parts):
    return pytest.param(shape, step, parts, id=name)


class Shift(nn.Module):
    """The first step of every model: it has a weight, so that the model has a floating type."""

    def __init__(self, factor=1):
        super().__init__()
        self.factor, self.shift = factor, nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.factor * x + self.shift


def built(step, parts, *before):
    """Return a fresh model: a shift, the modules `before`, then the step."""
    step, parts = copy.deepcopy((step, parts))
    step = step if isinstance(step, nn.Module) else Step(step, **parts)
    return randomized(nn.Sequential(*(before or [Shift()]), step))


def after_relu(step, parts):
    return built(step, parts, Shift(), nn.ReLU())


def close(a, b, tolerance):
    return a.shape == b.shape and (a - b).abs().max() <= tolerance * b.abs().max()


def assert_evaluates_as(model, graph, x):
    """Check the graph against the model on 5 images, and on three batches of 2 folded into one."""
    with torch.no_grad():
        expected = model(x.clone())
        assert expected.abs().max() > 0
        assert close(evaluate(graph, x), expected, 1e-12)
        batches = [images(x.shape[1:], 2, seed).to(x) for seed in (11, 12, 13)]
        expected = torch.cat([model(batch.clone()) for batch in batches])
        assert close(evaluate(graph, torch.cat(batches)), expected, 1e-12)


def assert_traces_and_converts(model, shape):
    """Check trace, convert and verify, in both precisions; return the graph."""
    x, double = images(shape, 5), copy.deepcopy(model).double()
    graph = trace(double, x.double())
    assert_evaluates_as(double, graph, x.double())
    for own, images_of_its_type in ((model, x), (double, x.double())):
        network = convert(own, images_of_its_type, threshold=Fixed(1.0))
        assert network.graph.dtype is images_of_its_type.dtype
        verify(own, network, images_of_its_type)
        assert_comes_back(network, images_of_its_type)
    return graph


def kinds(graph):
    return [node.meta["kind"] for node in graph.nodes]


# input, factor times input, shift, sum, ReLU
KINDS_BEFORE = [Kind.INPUT, Kind.AFFINE, Kind.CONSTANT, Kind.AFFINE, Kind.RELU]


def with_arguments(function, *args):
    return lambda m, x: function(x, *args)


def with_name(function, **kwargs):
    return lambda m, x: function(input=x, **kwargs)


def residual(m, x):
    y = m.conv(x)
    y += x
    return y


def halved(m, x):
    y = x * 2
    y -= 0.25
    y *= 3
    y /= 4
    return y


def channels_shuffled(m, x):
    b, c, h, w = x.shape
    x = x.view(b, 2, c // 2, h, w)
    return x.transpose(1, 2).contiguous().view(b, -1, h, w)


def split_and_rejoined(m, x):
    a, b = x.chunk(2, dim=1)
    return torch.cat((b, 2 * a), 1)


def with_unbound_columns(m, x):
    a, b, c, d, e, f = x.unbind(2)
    return torch.stack((a - b, c + d, e - 2 * f), 1)


def standardized(m, x):
    w = m.w - m.w.mean(dim=(1, 2, 3), keepdim=True)
    std = w.view(w.size(0), -1).std(dim=1).view(-1, 1, 1, 1)
    return F.conv2d(x, w / (std + 1e-5), m.b, padding=1)


def sum_with_part_of_zeros(m, x):
    a, b = torch.ones(x.size(0), 4, 12).chunk(2, 2)
    return x + a - 2 * b


def with_class_token(m, x):
    token = m.token.expand(x.shape[0], -1, -1)
    return torch.cat((token, x), dim=1) + m.position


CONVOLUTIONS = [
    case(f"{kind} {what}", shape, getattr(nn, kind)(4, 4, size, **options))
    for kind, shape, size in (
        ("Conv1d", SERIES, 3),
        ("Conv2d", IMAGE, (3, 1)),
        ("Conv3d", VOLUME, (3, 1, 3)),
        ("ConvTranspose1d", SERIES, 3),
        ("ConvTranspose2d", IMAGE, (3, 2)),
        ("ConvTranspose3d", VOLUME, (2, 2, 3)),
    )
    for what, options in {
        "plain": {},
        "strided, padded, no bias": {"stride": 2, "padding": 1, "bias": False},
        "grouped": {"groups": 2},
        "depthwise": {"groups": 4},
        "dilated": {"dilation": 2, "padding": 2},
        **(
            {"output padding": {"stride": 2, "output_padding": 1}}
            if "Transpose" in kind
            else {
                "same": {"padding": "same"},
                "circular": {"padding": 1, "padding_mode": "circular"},
                "reflected": {"padding": 1, "padding_mode": "reflect"},
                "replicated": {"padding": 1, "padding_mode": "replicate"},
            }
        ),
    }.items()
]

PADDINGS = [
    case(f"nn.{how}Pad{d}", shape, getattr(nn, f"{how}Pad{d}")(1, *value))
    for how, value in {
        "Zero": (),
        "Constant": (0.5,),
        "Reflection": (),
        "Replication": (),
        "Circular": (),
    }.items()
    for d, shape in (("1d", SERIES), ("2d", IMAGE), ("3d", VOLUME))
]

POOLINGS = [
    case(f"{name} {d}", shape, step)
    for d, shape in (("1d", SERIES), ("2d", IMAGE), ("3d", VOLUME))
    for name, step in {
        "nn.AvgPool": getattr(nn, f"AvgPool{d}")(2, stride=1, padding=1),
        "nn.AvgPool ceil_mode": getattr(nn, f"AvgPool{d}")(2, 2, ceil_mode=True),
        "nn.AvgPool count_include_pad=False": getattr(nn, f"AvgPool{d}")(
            3, padding=1, count_include_pad=False
        ),
        "nn.AdaptiveAvgPool": getattr(nn, f"AdaptiveAvgPool{d}")(2),
        "nn.AdaptiveAvgPool global": getattr(nn, f"AdaptiveAvgPool{d}")(1),
        "F.avg_pool": with_arguments(getattr(F, f"avg_pool{d}"), 2),
        "F.adaptive_avg_pool": with_arguments(getattr(F, f"adaptive_avg_pool{d}"), 3),
    }.items()
]

AFFINE = [
    *CONVOLUTIONS,
    *PADDINGS,
    *POOLINGS,
    # a matrix
    case("nn.Linear", VECTOR, nn.Linear(6, 3)),
    case("nn.Linear without bias", VECTOR, nn.Linear(6, 3, bias=False)),
    case("difference of neighbours", SERIES, lambda m, x: x.diff(dim=1, prepend=x[:, :1])),
    case("nn.Linear on the last dimension", IMAGE, nn.Linear(6, 3)),
    case("F.linear", VECTOR, lambda m, x: F.linear(x, m.w, m.b), w=const(3, 6), b=const(3)),
    case("F.linear named", VECTOR, lambda m, x: F.linear(input=x, weight=m.w), w=const(3, 6)),
    case("x @ W", VECTOR, lambda m, x: x @ m.w, w=nn.Parameter(const(6, 3))),
    case("x @ W.T", VECTOR, lambda m, x: x @ m.w.T + m.b, w=const(3, 6), b=const(3)),
    case("W @ x", SERIES, lambda m, x: m.w @ x, w=const(3, 4)),
    case("torch.matmul", VECTOR, lambda m, x: torch.matmul(x, m.w), w=const(6, 3)),
    case("x.matmul", SERIES, lambda m, x: x.matmul(m.w), w=const(6, 3)),
    case("torch.mm", VECTOR, lambda m, x: torch.mm(x, m.w), w=const(6, 3)),
    case("x.mm", VECTOR, lambda m, x: x.mm(m.w), w=const(6, 3)),
    case(
        "torch.bmm",
        SERIES,
        lambda m, x: torch.bmm(x, m.w.expand(x.size(0), -1, -1)),
        w=const(1, 6, 3),
    ),
    case("torch.einsum", SERIES, lambda m, x: torch.einsum("bct,dc->bdt", x, m.w), w=const(3, 4)),
    # convolutions as functions
    case("F.conv1d", SERIES, lambda m, x: F.conv1d(x, m.w, m.b), w=const(2, 4, 3), b=const(2)),
    case("F.conv2d", IMAGE, lambda m, x: F.conv2d(x, m.w, padding=1), w=const(2, 4, 3, 3)),
    case("F.conv2d grouped", IMAGE, lambda m, x: F.conv2d(x, m.w, groups=2), w=const(2, 2, 3, 3)),
    case("F.conv3d", VOLUME, lambda m, x: F.conv3d(x, m.w, stride=2), w=const(2, 4, 2, 2, 2)),
    case("torch.conv2d", IMAGE, lambda m, x: torch.conv2d(x, m.w), w=const(2, 4, 3, 3)),
    case("F.conv_transpose1d", SERIES, lambda m, x: F.conv_transpose1d(x, m.w), w=const(4, 2, 3)),
    case(
        "F.conv_transpose2d",
        IMAGE,
        lambda m, x: F.conv_transpose2d(x, m.w, groups=2),
        w=const(4, 2, 3, 3),
    ),
    case(
        "F.conv_transpose3d",
        VOLUME,
        lambda m, x: F.conv_transpose3d(x, m.w),
        w=const(4, 2, 2, 2, 2),
    ),
    case("weight standardization", IMAGE, standardized, w=const(4, 4, 3, 3), b=const(4)),
    case("weight_norm", IMAGE, parametrizations.weight_norm(nn.Conv2d(4, 3, 3))),
    case("orthogonal", VECTOR, parametrizations.orthogonal(nn.Linear(6, 6))),
    case("spectral_norm", IMAGE, parametrizations.spectral_norm(nn.Conv2d(4, 3, 3)).eval()),
    # BatchNorm
    case("nn.BatchNorm1d", VECTOR, nn.BatchNorm1d(6)),
    case("nn.BatchNorm1d on series", SERIES, nn.BatchNorm1d(4)),
    case("nn.BatchNorm2d", IMAGE, nn.BatchNorm2d(4)),
    case("nn.BatchNorm2d affine=False", IMAGE, nn.BatchNorm2d(4, affine=False)),
    case("nn.BatchNorm3d", VOLUME, nn.BatchNorm3d(4)),
    case("nn.SyncBatchNorm", IMAGE, nn.SyncBatchNorm(4)),
    case(
        "F.batch_norm",
        IMAGE,
        lambda m, x: F.batch_norm(x, m.mean, m.var, m.gamma, m.beta, m.training),
        mean=const(4),
        var=const(4) ** 2,
        gamma=const(4),
        beta=const(4),
    ),
    case(
        "F.batch_norm named",
        IMAGE,
        lambda m, x: F.batch_norm(x, m.mean, m.var, training=m.training, eps=1e-3),
        mean=const(4),
        var=const(4) ** 2,
    ),
    # means and sums
    case("x.mean(1)", IMAGE, lambda m, x: x.mean(1)),
    case("x.mean of negative dims", IMAGE, lambda m, x: x.mean((-2, -1))),
    case("x.mean of a list, keepdim", IMAGE, lambda m, x: x.mean([2, 3], keepdim=True)),
    case("x.mean named", IMAGE, lambda m, x: x.mean(dim=-1, keepdim=True)),
    case("torch.mean", IMAGE, lambda m, x: torch.mean(x, dim=(2, 3))),
    case("x.sum(1)", IMAGE, lambda m, x: x.sum(1)),
    case("x.sum(-1, keepdim)", IMAGE, lambda m, x: x.sum(-1, keepdim=True)),
    case("torch.sum", IMAGE, lambda m, x: torch.sum(x, (1, 3))),
    # sums of branches
    case("x + y", IMAGE, lambda m, x: m.conv(x) + x, conv=nn.Conv2d(4, 4, 3, padding=1)),
    case("x += y", IMAGE, residual, conv=nn.Conv2d(4, 4, 3, padding=1)),
    case("torch.add", IMAGE, lambda m, x: torch.add(x, x, alpha=0.5)),
    case("x.add", IMAGE, lambda m, x: x.add(2 * x)),
    case("x.add_", IMAGE, lambda m, x: (2 * x).add_(x)),
    case("x - y", IMAGE, lambda m, x: x - 3 * x),
    case("1 - x", IMAGE, lambda m, x: 1 - x),
    case("x - 1", IMAGE, lambda m, x: x - 1),
    case("-x", IMAGE, lambda m, x: -x),
    case("torch.neg", IMAGE, lambda m, x: torch.neg(x)),
    case("torch.sub", IMAGE, lambda m, x: torch.sub(x, 3 * x)),
    case("x.sub", IMAGE, lambda m, x: x.sub(0.5)),
    case("x.sub_", IMAGE, lambda m, x: (2 * x).sub_(0.5)),
    case("torch.subtract", IMAGE, lambda m, x: torch.subtract(x, 0.5)),
    case("torch.rsub", IMAGE, lambda m, x: torch.rsub(x, 1)),
    case("sum of a list", IMAGE, lambda m, x: sum([x, 2 * x, 3 * x])),
    case("in-place operators", IMAGE, halved),
    # concatenations
    case("torch.cat", IMAGE, lambda m, x: torch.cat([x, 1 - x], dim=1)),
    case("torch.cat of negative dim", IMAGE, lambda m, x: torch.cat((x, 2 * x), -1)),
    case("torch.concat", IMAGE, lambda m, x: torch.concat((x, 2 * x), 2)),
    case("torch.concatenate", IMAGE, lambda m, x: torch.concatenate((x, 2 * x), 3)),
    case("torch.stack", IMAGE, lambda m, x: torch.stack((x, 1 - x), 1)),
    case("torch.stack last", IMAGE, lambda m, x: torch.stack((x, 1 - x), dim=-1)),
    # changes of shape
    case("nn.Unfold", IMAGE, nn.Unfold(2, stride=2)),
    case("nn.Fold", (16, 9), nn.Fold((6, 6), 2, stride=2)),
    case("nn.Flatten", IMAGE, nn.Flatten()),
    case("nn.Flatten(2)", IMAGE, nn.Flatten(2)),
    case("nn.Unflatten", VECTOR, nn.Unflatten(1, (2, 3))),
    case("torch.flatten", IMAGE, lambda m, x: torch.flatten(x, 1)),
    case("x.flatten", IMAGE, lambda m, x: x.flatten(start_dim=1)),
    case("x.flatten(2)", IMAGE, lambda m, x: x.flatten(2)),
    case("x.unflatten", VECTOR, lambda m, x: x.unflatten(1, (3, -1))),
    case("torch.unflatten", VECTOR, lambda m, x: torch.unflatten(x, 1, (3, 2))),
    case("x.view(-1, n)", IMAGE, lambda m, x: x.view(-1, 144)),
    case("x.view(x.size(0), -1)", IMAGE, lambda m, x: x.view(x.size(0), -1)),
    case("x.view(x.shape[0], -1)", IMAGE, lambda m, x: x.view(x.shape[0], -1)),
    case("x.view(x.size()[0], -1)", IMAGE, lambda m, x: x.view(x.size()[0], -1)),
    case("x.view((x.size(0), -1))", IMAGE, lambda m, x: x.view((x.size(0), -1))),
    case("x.reshape(b, c, -1)", IMAGE, lambda m, x: x.reshape(x.shape[0], x.shape[1], -1)),
    case("x.view(x.size())", IMAGE, lambda m, x: x.flatten(1).view(x.size())),
    case("x.view of a shape", VECTOR, lambda m, x: m.fc(x).view(x.shape), fc=nn.Linear(6, 6)),
    case("x.reshape(-1, n)", IMAGE, lambda m, x: x.reshape(-1, 4, 36)),
    case("torch.reshape", IMAGE, lambda m, x: torch.reshape(x, (x.shape[0], -1))),
    case("x.view_as", IMAGE, lambda m, x: x.flatten(1).view_as(x)),
    case("x.reshape_as", IMAGE, lambda m, x: x.flatten(1).reshape_as(x)),
    case("b, c, h, w = x.shape", IMAGE, channels_shuffled),
    case("arithmetic with a shape", IMAGE, lambda m, x: x / x.shape[1] ** 0.5),
    case("x.permute", IMAGE, lambda m, x: x.permute(0, 3, 1, 2)),
    case("torch.permute", IMAGE, lambda m, x: torch.permute(x, (0, 2, 3, 1))),
    case("x.transpose", IMAGE, lambda m, x: x.transpose(1, 2)),
    case("x.transpose of negative dims", IMAGE, lambda m, x: x.transpose(-1, -3)),
    case("x.transpose_", IMAGE, lambda m, x: (2 * x).transpose_(1, 2)),
    case("torch.transpose", IMAGE, lambda m, x: torch.transpose(x, 1, 3)),
    case("torch.swapaxes", IMAGE, lambda m, x: torch.swapaxes(x, 1, 2)),
    case("x.swapdims", IMAGE, lambda m, x: x.swapdims(1, 2)),
    case("torch.movedim", IMAGE, lambda m, x: torch.movedim(x, 1, -1)),
    case("x.mT", IMAGE, lambda m, x: x.mT),
    case("transposed, then reshaped", IMAGE, lambda m, x: x.transpose(1, 2).reshape(-1, 144)),
    case("x.squeeze()", (4, 1, 6), lambda m, x: x.squeeze()),
    case("x.squeeze(dim)", (4, 1, 6), lambda m, x: x.squeeze(2)),
    case("x.squeeze(-1).squeeze(-1)", (4, 1, 1), lambda m, x: x.squeeze(-1).squeeze(-1)),
    case("x.squeeze_", (4, 1, 6), lambda m, x: (2 * x).squeeze_(2)),
    case("torch.squeeze", (4, 1, 6), lambda m, x: torch.squeeze(x, dim=2)),
    case("x.unsqueeze", IMAGE, lambda m, x: x.unsqueeze(1)),
    case("x.unsqueeze(-1)", IMAGE, lambda m, x: x.unsqueeze(-1)),
    case("torch.unsqueeze", IMAGE, lambda m, x: torch.unsqueeze(x, 2)),
    case("x[:, None]", IMAGE, lambda m, x: x[:, None]),
    case("x.dim and x.numel of a weight", VECTOR, lambda m, x: x / m.w.numel(), w=const(6)),
    # parts
    case("x.chunk", IMAGE, split_and_rejoined),
    case("torch.chunk", IMAGE, lambda m, x: torch.chunk(x, 3, dim=2)[1]),
    case("x.split", IMAGE, lambda m, x: x.split([1, 3], dim=1)[1]),
    case("torch.split", IMAGE, lambda m, x: torch.split(x, 2, 1)[0]),
    case("torch.tensor_split", IMAGE, lambda m, x: torch.tensor_split(x, 2, dim=3)[1]),
    case("x.unbind", IMAGE, with_unbound_columns),
    case("torch.unbind", IMAGE, lambda m, x: torch.unbind(x, 1)[2]),
    case("torch.cat of a chunk", IMAGE, lambda m, x: torch.cat(x.chunk(2, 1)[::-1], 1)),
    case("x[:, i]", IMAGE, lambda m, x: x[:, 1]),
    case("x[:, -1]", IMAGE, lambda m, x: x[:, -1]),
    case("x[:, a:b]", IMAGE, lambda m, x: x[:, 1:3]),
    case("x[:, :, ::2, 1::2]", IMAGE, lambda m, x: x[:, :, ::2, 1::2]),
    case("x[..., i]", IMAGE, lambda m, x: x[..., 0]),
    case("x[:, list]", IMAGE, lambda m, x: x[:, [3, 0]]),
    case("x[:, buffer]", IMAGE, lambda m, x: x[:, m.i], i=torch.tensor([2, 1])),
    case("x[:, c // 2 :]", IMAGE, lambda m, x: x[:, x.shape[1] // 2 :]),
    case("x.narrow", IMAGE, lambda m, x: x.narrow(1, 1, 2)),
    case("torch.narrow", IMAGE, lambda m, x: torch.narrow(x, 2, 0, 3)),
    case("x.select", IMAGE, lambda m, x: x.select(1, 0)),
    case("torch.select", IMAGE, lambda m, x: torch.select(x, 3, 0)),
    case("x.index_select", IMAGE, lambda m, x: x.index_select(1, m.i), i=torch.tensor([2, 1, 1])),
    # copies
    case("x.repeat", IMAGE, lambda m, x: x.repeat(1, 2, 1, 3)),
    case("x.tile", IMAGE, lambda m, x: x.tile((1, 2, 1, 1))),
    case("torch.tile", IMAGE, lambda m, x: torch.tile(x, (2, 1))),
    case("x.repeat_interleave", IMAGE, lambda m, x: x.repeat_interleave(2, dim=1)),
    case("x.expand", (4, 1, 6), lambda m, x: x.expand(-1, -1, 5, -1)),
    case("x.expand with the batch", (4, 1, 6), lambda m, x: x.expand(x.size(0), 4, 5, 6)),
    case("x.expand_as", (4, 6, 6), lambda m, x: x.mean(2, True).expand_as(x) + x),
    case("x.flip", IMAGE, lambda m, x: x.flip(-1)),
    case("torch.flip", IMAGE, lambda m, x: torch.flip(x, (1, 2))),
    # padding
    case("F.pad", IMAGE, lambda m, x: F.pad(x, (1, 0, 2, 1))),
    case("F.pad constant", IMAGE, lambda m, x: F.pad(x, (1, 1), mode="constant", value=0.5)),
    case("F.pad channels", IMAGE, lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 1))),
    case("F.pad negative", IMAGE, lambda m, x: F.pad(x, (-1, 0))),
    case("F.pad reflect", IMAGE, lambda m, x: F.pad(x, (1, 1, 1, 1), mode="reflect")),
    case("F.pad replicate", IMAGE, lambda m, x: F.pad(x, (1, 1, 1, 1), "replicate")),
    case("F.pad circular", IMAGE, lambda m, x: F.pad(x, (1, 1, 1, 1), "circular")),
    # shuffles and upsampling
    case("nn.PixelShuffle", IMAGE, nn.PixelShuffle(2)),
    case("nn.PixelUnshuffle", IMAGE, nn.PixelUnshuffle(3)),
    case("nn.ChannelShuffle", IMAGE, nn.ChannelShuffle(2)),
    case("F.pixel_shuffle", IMAGE, lambda m, x: F.pixel_shuffle(x, 2)),
    case("F.pixel_unshuffle", IMAGE, lambda m, x: F.pixel_unshuffle(x, 2)),
    case("F.channel_shuffle", IMAGE, lambda m, x: F.channel_shuffle(x, 2)),
    case("nn.Upsample nearest", IMAGE, nn.Upsample(scale_factor=2)),
    case("nn.Upsample linear", SERIES, nn.Upsample(scale_factor=2, mode="linear")),
    case("nn.Upsample bilinear", IMAGE, nn.Upsample(size=(7, 9), mode="bilinear")),
    case(
        "nn.Upsample aligned",
        IMAGE,
        nn.Upsample(scale_factor=2, mode="bicubic", align_corners=True),
    ),
    case("nn.UpsamplingNearest2d", IMAGE, nn.UpsamplingNearest2d(scale_factor=2)),
    case("nn.UpsamplingBilinear2d", IMAGE, nn.UpsamplingBilinear2d(scale_factor=2)),
    case("F.interpolate nearest", IMAGE, lambda m, x: F.interpolate(x, scale_factor=2)),
    case(
        "F.interpolate bilinear",
        IMAGE,
        lambda m, x: F.interpolate(x, size=(9, 4), mode="bilinear", align_corners=False),
    ),
    case(
        "F.interpolate to a shape",
        IMAGE,
        lambda m, x: F.interpolate(x[:, :, ::2, ::2], size=x.shape[2:], mode="bilinear") + x,
    ),
    case("F.interpolate area", IMAGE, lambda m, x: F.interpolate(x, size=3, mode="area")),
    # products with a constant
    case("3 * x", IMAGE, lambda m, x: 3 * x),
    case("x * numpy number", IMAGE, lambda m, x: x * np.sqrt(2.0)),
    case("numpy number * x", IMAGE, lambda m, x: np.sqrt(2.0) * x),
    case("numpy whole number", IMAGE, lambda m, x: np.float32(0.5) * x + np.int64(2)),
    case("x * parameter", IMAGE, lambda m, x: x * m.g, g=nn.Parameter(const(4, 1, 1))),
    case("torch.mul", IMAGE, lambda m, x: torch.mul(x, m.g), g=const(6)),
    case("x.mul", IMAGE, lambda m, x: x.mul(-0.5)),
    case("x.mul_", IMAGE, lambda m, x: (x + 1).mul_(-0.5)),
    case("torch.multiply", IMAGE, lambda m, x: torch.multiply(x, 2)),
    case("x / 3", IMAGE, lambda m, x: x / 3),
    case("x / buffer", IMAGE, lambda m, x: x / m.g, g=const(4, 1, 1)),
    case("torch.div", IMAGE, lambda m, x: torch.div(x, 3)),
    case("x.div_", IMAGE, lambda m, x: (x + 1).div_(3)),
    case("torch.true_divide", IMAGE, lambda m, x: torch.true_divide(x, 3)),
    case("torch.divide", IMAGE, lambda m, x: torch.divide(x, 3)),
    case("x * sigmoid(parameter)", IMAGE, lambda m, x: x * torch.sigmoid(m.g), g=const(4, 1, 1)),
    case("normalized input", IMAGE, lambda m, x: (x - m.a) / m.b, a=const(4, 1, 1), b=const(1)),
    # constants as large as the batch
    case(
        "torch.zeros(b, ...)",
        IMAGE,
        lambda m, x: torch.cat([x, torch.zeros(x.size(0), 1, 6, 6)], 1),
    ),
    case("torch.zeros((b, ...))", IMAGE, lambda m, x: x + torch.zeros((x.shape[0], 4, 6, 6))),
    case("torch.ones(b, ...)", IMAGE, lambda m, x: x + torch.ones(x.shape[0], 1, 1, 1)),
    case("torch.full((b, ...), c)", IMAGE, lambda m, x: x + torch.full((x.shape[0], 1, 1, 1), 2.0)),
    case("torch.zeros(x.shape)", IMAGE, lambda m, x: x + 1 + torch.zeros(x.shape)),
    case(
        "x.new_zeros(b, ...)",
        IMAGE,
        lambda m, x: torch.cat([x, x.new_zeros(x.size(0), 1, 6, 6)], 1),
    ),
    case("x.new_zeros(x.shape)", IMAGE, lambda m, x: torch.stack([x, x.new_zeros(x.shape)], 1)),
    case("x.new_ones", IMAGE, lambda m, x: x - x.new_ones((x.size(0), 4, 1, 1))),
    case("x.new_full", IMAGE, lambda m, x: x - x.new_full((x.size(0), 4, 1, 1), 0.5)),
    case("part of torch.zeros(b, ...)", SERIES, sum_with_part_of_zeros),
    case("const.expand_as", IMAGE, lambda m, x: x * m.w.expand_as(x).sigmoid(), w=const(6)),
    case("const.to", IMAGE, lambda m, x: x * m.w.to(x).exp(), w=const(6)),
    case("const.type_as", IMAGE, lambda m, x: x * m.w.type_as(x) + m.w.to(x), w=const(6)),
    case("const.view_as", IMAGE, lambda m, x: x * m.w.view_as(x[0, 0, 0]).tanh(), w=const(6)),
    case("const.reshape_as", VECTOR, lambda m, x: x * m.w.reshape_as(x[0]) ** 2, w=const(6)),
    case("full_like, sqrt", IMAGE, lambda m, x: x / torch.full_like(x, 2.0).sqrt()),
    case("torch.zeros_like", IMAGE, lambda m, x: torch.cat([x, torch.zeros_like(x)], 1)),
    case("torch.ones_like", IMAGE, lambda m, x: x + torch.ones_like(x)),
    case("torch.full_like", IMAGE, lambda m, x: x + torch.full_like(x, 0.5)),
    case("x.new_tensor", IMAGE, lambda m, x: x + x.new_tensor([1.0, 2.0]).repeat(3)),
    case("torch.empty_like", IMAGE, lambda m, x: x + torch.empty_like(x).fill_(2)),
    case("x.new_empty", IMAGE, lambda m, x: x + x.new_empty(x.shape).zero_()),
    case(
        "zeros of device and type",
        IMAGE,
        lambda m, x: x + torch.ones(4, 1, 1, device=x.device, dtype=x.dtype),
    ),
    case(
        "expanded parameter",
        SERIES,
        with_class_token,
        token=nn.Parameter(const(1, 1, 6)),
        position=nn.Parameter(const(1, 5, 6)),
    ),
    case(
        "repeated parameter",
        SERIES,
        lambda m, x: torch.cat((m.t.repeat(x.size(0), 1, 1), x), 1),
        t=const(1, 1, 6),
    ),
    case(
        "constant branch",
        IMAGE,
        lambda m, x: x + m.conv(m.image),
        conv=nn.Conv2d(2, 4, 3, padding=1),
        image=const(1, 2, 6, 6),
    ),
    case(
        "constant ReLU",
        IMAGE,
        lambda m, x: x * torch.relu(m.g) + m.g.clamp(-1, 1),
        g=const(4, 1, 1),
    ),
]

VANISHING = [
    case("nn.Identity", IMAGE, nn.Identity()),
    case("nn.Dropout", IMAGE, nn.Dropout()),
    case("nn.Dropout in place", IMAGE, nn.Dropout(inplace=True)),
    case("nn.Dropout1d", SERIES, nn.Dropout1d()),
    case("nn.Dropout2d", IMAGE, nn.Dropout2d()),
    case("nn.Dropout3d", VOLUME, nn.Dropout3d()),
    case("nn.AlphaDropout", IMAGE, nn.AlphaDropout()),
    case("nn.FeatureAlphaDropout", IMAGE, nn.FeatureAlphaDropout()),
    case("F.dropout named", IMAGE, lambda m, x: F.dropout(x, 0.5, training=m.training)),
    case("F.dropout by position", IMAGE, lambda m, x: F.dropout(x, 0.5, m.training)),
    case("F.dropout in place", IMAGE, lambda m, x: F.dropout(x, training=m.training, inplace=True)),
    case("torch.dropout", IMAGE, lambda m, x: torch.dropout(x, 0.5, m.training)),
    case("F.dropout1d", SERIES, lambda m, x: F.dropout1d(x, training=m.training)),
    case("F.dropout2d", IMAGE, lambda m, x: F.dropout2d(x, training=m.training)),
    case("F.dropout3d", VOLUME, lambda m, x: F.dropout3d(x, training=m.training)),
    case("F.alpha_dropout", IMAGE, lambda m, x: F.alpha_dropout(x, training=m.training)),
    case("torch.feature_dropout", IMAGE, lambda m, x: torch.feature_dropout(x, 0.5, m.training)),
    case(
        "F.feature_alpha_dropout",
        IMAGE,
        lambda m, x: F.feature_alpha_dropout(x, training=m.training),
    ),
    case("x.contiguous", IMAGE, lambda m, x: x.contiguous()),
    case("x.clone", IMAGE, lambda m, x: x.clone()),
    case("torch.clone", IMAGE, lambda m, x: torch.clone(x)),
    case("x.detach", IMAGE, lambda m, x: x.detach()),
    case("x.data", IMAGE, lambda m, x: x.data),
    case("x.requires_grad_", IMAGE, lambda m, x: x.requires_grad_()),
    case("x.to(dtype)", IMAGE, lambda m, x: x.to(x.dtype)),
    case("x.to(device)", IMAGE, lambda m, x: x.to(x.device)),
    case("x.type", IMAGE, lambda m, x: x.type(x.dtype)),
    case("x.cpu", IMAGE, lambda m, x: x.cpu()),
    case("x.type_as", IMAGE, lambda m, x: x.type_as(m.w), w=const(1)),
]

RELUS = [
    case("nn.ReLU", IMAGE, nn.ReLU()),
    case("nn.ReLU(inplace=True)", IMAGE, nn.ReLU(inplace=True)),
    case("F.relu", IMAGE, lambda m, x: F.relu(x)),
    case("F.relu in place", IMAGE, lambda m, x: F.relu(1 * x, inplace=True)),
    case("F.relu in place by position", IMAGE, lambda m, x: F.relu(1 * x, True)),
    case("F.relu named", IMAGE, lambda m, x: F.relu(input=1 * x, inplace=True)),
    case("F.relu_", IMAGE, lambda m, x: F.relu_(1 * x)),
    case("torch.relu", IMAGE, lambda m, x: torch.relu(x)),
    case("torch.relu_", IMAGE, lambda m, x: torch.relu_(1 * x)),
    case("x.relu", IMAGE, lambda m, x: x.relu()),
    case("x.relu_", IMAGE, lambda m, x: (1 * x).relu_()),
    case("x.clamp(min=0)", IMAGE, lambda m, x: x.clamp(min=0)),
    case("x.clamp(0)", IMAGE, lambda m, x: x.clamp(0)),
    case("x.clamp_(min=0)", IMAGE, lambda m, x: (1 * x).clamp_(min=0)),
    case("x.clamp(0, None)", IMAGE, lambda m, x: x.clamp(0, None)),
    case("torch.clamp(min=0)", IMAGE, lambda m, x: torch.clamp(x, min=0.0)),
    case("torch.clamp_", IMAGE, lambda m, x: torch.clamp_(1 * x, min=0.0)),
    case("x.clamp_min(0)", IMAGE, lambda m, x: x.clamp_min(0)),
    case("x.clamp_min_", IMAGE, lambda m, x: (1 * x).clamp_min_(0)),
    case("torch.clamp_min", IMAGE, lambda m, x: torch.clamp_min(x, 0)),
    case("x.clip(0)", IMAGE, lambda m, x: x.clip(0)),
    case("torch.clip", IMAGE, lambda m, x: torch.clip(x, min=0)),
    case("F.threshold", IMAGE, lambda m, x: F.threshold(x, 0, 0)),
    case("F.threshold named", IMAGE, lambda m, x: F.threshold(x, threshold=0.0, value=0.0)),
    case("F.threshold_", IMAGE, lambda m, x: F.threshold_(1 * x, 0, 0)),
    case("nn.Threshold", IMAGE, nn.Threshold(0, 0)),
    case("a module of the user's", IMAGE, type("Own", (nn.ReLU,), {})()),
    case("after a view", IMAGE, lambda m, x: m.act(x.flatten(1)), act=nn.ReLU(inplace=True)),
]

CAPPED = [
    case("nn.ReLU6", IMAGE, nn.ReLU6()),
    case("nn.ReLU6(inplace=True)", IMAGE, nn.ReLU6(inplace=True)),
    case("F.relu6", IMAGE, lambda m, x: F.relu6(x)),
    case("F.relu6 in place", IMAGE, lambda m, x: F.relu6(1 * x, inplace=True)),
    case("nn.Hardtanh", IMAGE, nn.Hardtanh(0, 6)),
    case("nn.Hardtanh in place", IMAGE, nn.Hardtanh(0.0, 6.0, inplace=True)),
    case("F.hardtanh", IMAGE, lambda m, x: F.hardtanh(x, 0, 6)),
    case("F.hardtanh named", IMAGE, lambda m, x: F.hardtanh(x, min_val=0.0, max_val=6.0)),
    case("F.hardtanh_", IMAGE, lambda m, x: F.hardtanh_(1 * x, 0.0, 6.0)),
    case("x.clamp(0, c)", IMAGE, lambda m, x: x.clamp(0, 6)),
    case("x.clamp named", IMAGE, lambda m, x: x.clamp(max=6, min=0)),
    case(
        "x.clamp of buffers",
        IMAGE,
        lambda m, x: x.clamp(m.a, m.b),
        a=torch.tensor(0.0),
        b=torch.tensor(6.0),
    ),
    case("torch.clamp", IMAGE, lambda m, x: torch.clamp(x, 0, 6)),
    case("x.clip(0, c)", IMAGE, lambda m, x: x.clip(0, 6)),
    case("x.clip_", IMAGE, lambda m, x: (1 * x).clip_(0, 6)),
]

MAX_POOLINGS = [
    case(f"{name} {d}", shape, step)
    for d, shape in (("1d", SERIES), ("2d", IMAGE), ("3d", VOLUME))
    for name, step in {
        "nn.MaxPool": getattr(nn, f"MaxPool{d}")(2, stride=1),
        "nn.MaxPool padded": getattr(nn, f"MaxPool{d}")(3, 2, padding=1),
        "nn.MaxPool ceil_mode": getattr(nn, f"MaxPool{d}")(2, 2, ceil_mode=True),
        "nn.MaxPool dilated": getattr(nn, f"MaxPool{d}")(2, 1, dilation=2),
        "nn.AdaptiveMaxPool": getattr(nn, f"AdaptiveMaxPool{d}")(2),
        "F.max_pool": with_arguments(getattr(F, f"max_pool{d}"), 2),
        "F.max_pool named": with_name(getattr(F, f"max_pool{d}"), kernel_size=2),
        "F.adaptive_max_pool": with_arguments(getattr(F, f"adaptive_max_pool{d}"), 2),
        "torch.max_pool": with_arguments(getattr(torch, f"max_pool{d}"), 2, 2),
    }.items()
] + [
    case("x.amax", IMAGE, lambda m, x: x.amax((2, 3))),
    case("x.amax keepdim", IMAGE, lambda m, x: x.amax(dim=-1, keepdim=True)),
    case("torch.amax", IMAGE, lambda m, x: torch.amax(x, 1)),
    case("of a module called by name", IMAGE, lambda m, x: m.pool(input=x), pool=nn.MaxPool2d(2)),
]

SOFTMAXES = [
    case("nn.Softmax", VECTOR, nn.Softmax(dim=1)),
    case("nn.Softmax(-1)", SERIES, nn.Softmax(-1)),
    case("nn.LogSoftmax", VECTOR, nn.LogSoftmax(dim=-1)),
    case("nn.Softmax2d", IMAGE, nn.Softmax2d()),
    case("F.softmax", VECTOR, lambda m, x: F.softmax(x, dim=1)),
    case("F.softmax by position", SERIES, lambda m, x: F.softmax(x, -1)),
    case("F.log_softmax", VECTOR, lambda m, x: F.log_softmax(x, dim=-1)),
    case("torch.softmax", SERIES, lambda m, x: torch.softmax(x, 2)),
    case("torch.log_softmax", VECTOR, lambda m, x: torch.log_softmax(x, dim=1)),
    case("x.softmax", VECTOR, lambda m, x: x.softmax(1)),
    case("x.log_softmax", VECTOR, lambda m, x: x.log_softmax(dim=-1)),
]


@pytest.mark.parametrize(("shape", "step", "parts"), AFFINE)
def test_affine_operation(shape, step, parts):
    model = after_relu(step, parts)
    graph = assert_traces_and_converts(model, shape)
    assert list(graph.layers) == ["1"]
    assert Kind.MAX_POOL not in kinds(graph)


@pytest.mark.parametrize(("shape", "step", "parts"), VANISHING)
def test_operation_that_vanishes(shape, step, parts):
    graph = assert_traces_and_converts(after_relu(step, parts), shape)
    assert kinds(graph) == [*KINDS_BEFORE, Kind.OUTPUT]


@pytest.mark.parametrize(("shape", "step", "parts"), RELUS)
def test_spelling_of_relu(shape, step, parts):
    graph = assert_traces_and_converts(built(step, parts), shape)
    assert [cap(node) for node in graph.layers.values()] == [None]


@pytest.mark.parametrize(("shape", "step", "parts"), CAPPED)
def test_spelling_of_capped_relu(shape, step, parts):
    model = built(step, parts, Shift(4))
    assert model(images(shape, 5)).max() == 6
    graph = assert_traces_and_converts(model, shape)
    assert [cap(node) for node in graph.layers.values()] == [6]


@pytest.mark.parametrize(("shape", "step", "parts"), MAX_POOLINGS)
def test_spelling_of_max_pooling(shape, step, parts):
    graph = assert_traces_and_converts(after_relu(step, parts), shape)
    assert kinds(graph).count(Kind.MAX_POOL) == 1


@pytest.mark.parametrize(("shape", "step", "parts"), SOFTMAXES)
def test_final_softmax_is_dropped(shape, step, parts):
    model, x = after_relu(step, parts), images(shape, 5)
    graph = trace(model, x)
    assert kinds(graph) == [*KINDS_BEFORE, Kind.OUTPUT]
    logits = model[:2](x)
    assert torch.equal(evaluate(graph, x), logits)
    assert close(graph.head(logits), model(x), 1e-6)
    for own, images_of_its_type in ((model, x), (copy.deepcopy(model).double(), x.double())):
        verify(own, convert(own, images_of_its_type, threshold=Fixed(1.0)), images_of_its_type)


PIECEWISE_LINEAR = [
    case("nn.LeakyReLU", IMAGE, nn.LeakyReLU()),
    case("nn.LeakyReLU in place", IMAGE, nn.LeakyReLU(0.2, inplace=True)),
    case("nn.PReLU", IMAGE, nn.PReLU(4)),
    case("nn.RReLU", IMAGE, nn.RReLU()),
    case("nn.Hardsigmoid", IMAGE, nn.Hardsigmoid()),
    case("nn.Softshrink", IMAGE, nn.Softshrink()),
    case("nn.Hardtanh(-1, 1)", IMAGE, nn.Hardtanh()),
    case("x.clamp(max=b)", IMAGE, lambda m, x: x.clamp_max(0.5)),
]


@pytest.mark.parametrize(("shape", "step", "parts"), PIECEWISE_LINEAR)
def test_piecewise_linear_module(shape, step, parts):
    assert_traces_and_converts(built(step, parts), shape)


ALL_CASES = [*AFFINE, *VANISHING, *RELUS, *CAPPED, *MAX_POOLINGS, *SOFTMAXES, *PIECEWISE_LINEAR]


class Names(TorchFunctionMode):
    """Notes the names of all functions of torch that are called."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        self.names.add(operations.name_of(function.__self__ if name == "__get__" else function))
        return function(*args, **(kwargs or {}))


def test_every_operation_of_the_table_is_tried():
    tried = Names()
    for shape, step, parts in (case.values for case in ALL_CASES):
        model = built(step, parts)
        with tried:
            model(images(shape, 2))
    unneeded = {"cuda", "double", "float", "upsample"}
    # test_operations.py and test_piecewise_linear.py try the others.
    here = {OperationRule.RELU, OperationRule.MAX_POOL, OperationRule.FILL}
    names = {name for name, rule in operations._RULE_OF_NAME.items() if rule in here}
    assert names - tried.names - unneeded == set()


def test_every_module_of_the_page_is_tried():
    page = Path(__file__).parents[2] / "docs" / "what_converts.md"
    table = (
        page.read_text(encoding="utf-8").split("## Operations that convert")[1].split("\n## ")[0]
    )
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")]
    listed = set(re.findall(r"`nn\.(\w+)`", " ".join(row[2] for row in rows)))
    cases = (built(*case.values[1:]) for case in ALL_CASES)
    assert (
        listed - {"Embedding"} - {type(m).__name__ for model in cases for m in model.modules()}
        == set()
    )
    assert len(listed) > 50


# The three silent failures of a plain trace (docs/theory.md), each as a test of its own.


def relu_on_residual(m, x):
    identity = x
    out = m.relu(x)
    return out + identity  # reads the rectified values, as in torch


def read_after_relu(m, x):
    y = m.conv(x)
    a = y + 1
    F.relu(y, inplace=True)
    return torch.cat((a, y), 1)


def read_after_relu_by_position(m, x):
    y = m.conv(x)
    F.relu(y, True)
    return 2 * y


def sum_into_residual(m, x):
    out = m.conv(x)
    identity = out
    out += x
    return out - 0.5 * identity


def sum_into_by_method(m, x):
    out = m.conv(x)
    out.add_(x).mul_(2)
    return F.relu(out) + out


def in_place_twice(m, x):
    y = m.conv(x)
    y.relu_()
    y -= 1
    y.clamp_(0, 2)
    return y + x


def relu_into_kept_copy(m, x):
    identity = x.clone()
    return m.relu(x) - 0.5 * identity


def relu_into_permuted_copy(m, x):
    y = x.transpose(2, 3).contiguous()
    return y.relu_() - x


def relu_after_in_place_dropout(m, x):
    y = m.conv(x)
    z = m.drop(y)
    z.relu_()
    return y - x


def relu_of_the_input(m, x):
    y = m.conv(x.relu_())
    return y + x


def view_before_and_after(m, x):
    y = m.conv(x)
    mean = y.flatten(2).mean(2)
    y.relu_()
    return y.flatten(2).mean(2) - mean


IN_PLACE = [
    relu_on_residual,
    read_after_relu,
    read_after_relu_by_position,
    sum_into_residual,
    sum_into_by_method,
    in_place_twice,
    relu_into_kept_copy,
    relu_into_permuted_copy,
    relu_after_in_place_dropout,
    relu_of_the_input,
    view_before_and_after,
]


@pytest.mark.parametrize("step", IN_PLACE, ids=lambda step: step.__name__)
def test_later_readers_of_an_overwritten_value_read_the_result(step):
    parts = {
        "conv": nn.Conv2d(4, 4, 3, padding=1),
        "relu": nn.ReLU(inplace=True),
        "drop": nn.Dropout(inplace=True),
    }
    model = randomized(nn.Sequential(nn.Conv2d(4, 4, 1), Step(step, **parts), nn.ReLU()))
    graph = assert_traces_and_converts(model, IMAGE)
    assert not [n for n in graph.nodes if str(n.target).endswith("_")]


def relu_in_view(m, x):
    y = 2 * x
    y.view(x.size(0), -1).relu_()
    return y


def relu_in_part(m, x):
    y = 2 * x
    y[:, 0].clamp_(min=0)
    return y


def sum_into_chunk(m, x):
    y = 2 * x
    a, b = y.chunk(2, 1)
    a += b
    return y


def relu_under_view(m, x):
    y = 2 * x
    view = y.flatten(1)
    y.relu_()
    return view


def relu_in_turned_view(m, x):
    y = 2 * x
    y.transpose(1, 2)[:, 1:3].relu_()
    return y


def sum_into_slice(m, x):
    y = 2 * x
    y[:, 1:3, ::2] += x[:, :2, ::2]
    return y


def set_slice(m, x):
    y = 2 * x
    y[:, 0] = 0
    y[..., 1] = m.conv(x)[..., 0]
    return y


def filled_one_by_one(m, x):
    y = x.new_empty(x.size(0), 4, 6)
    for i in range(x.size(1)):
        y[:, i] = x[:, i].mean(1)
    y[:, 0] += 1
    return y


def filled_with_zeros(m, x):
    y = m.conv(x)
    y[:, :2].zero_()
    y[:, 2:3].fill_(value=2)
    y[:, 3:].copy_(x[:, :1])
    return y


def zeroed_where_one_image_lies_otherwise(m, x):
    y = x[:, :2].clone()
    y[:, :1].zero_()
    return y


SHARED = [relu_in_view, relu_in_part, sum_into_chunk, relu_under_view, relu_in_turned_view]
SHARED += [sum_into_slice, set_slice, filled_one_by_one, filled_with_zeros]
SHARED += [zeroed_where_one_image_lies_otherwise]


@pytest.mark.parametrize("step", SHARED, ids=lambda step: step.__name__)
def test_what_is_written_into_a_part_shows_in_all_that_look_at_it(step):
    model = Step(step, conv=nn.Conv2d(4, 4, 3, padding=1))
    assert_traces_and_converts(randomized(nn.Sequential(Shift(), nn.ReLU(), model)), IMAGE)


def relu_across_images(m, x):
    y = 2 * x
    y.view(-1, 6)[:, 0].relu_()
    return y


def test_in_place_across_images_is_refused():
    with pytest.raises(
        UnsupportedLayerError, match=r"(works in place, and '\w+'|mixes the images)"
    ):
        trace(Step(relu_across_images), images(IMAGE, 2))


def test_in_place_on_a_constant_is_refused():
    model = Step(lambda m, x: x + m.w.mul_(2), w=const(6))
    with pytest.raises(UnsupportedLayerError, match=r"changes a constant in place"):
        trace(model, images(IMAGE, 2))


HARD_CODED = {
    "view of 1": lambda m, x: x.view(1, -1),
    "view of 2": lambda m, x: x.view(2, -1),
    "view of 8": lambda m, x: x.view(8, -1),
    "reshape": lambda m, x: x.reshape(3, 4, 36),
    "expand": lambda m, x: x.mean(1, keepdim=True).expand(5, 4, 6, 6),
    "zeros": lambda m, x: torch.cat([x, torch.zeros(2, 1, 6, 6)], 1),
}


@pytest.mark.parametrize("step", HARD_CODED.values(), ids=HARD_CODED)
def test_hard_coded_batch_size_is_refused(step):
    with pytest.raises(SNNLabError, match=r"mixes|images elsewhere|fails for"):
        trace(Step(step), images(IMAGE, 8))


COMPUTED = {
    "factor": lambda m, x: x * x.size(0),
    "quotient": lambda m, x: x / x.shape[0],
    "hidden in a quotient": lambda m, x: x + x.size(0) // 4,
    "hidden in zeros": lambda m, x: x + (torch.zeros(x.size(0), 1, 1, 1) + x.size(0) // 4),
    "hidden in full": lambda m, x: x + torch.full((x.size(0), 1, 1, 1), x.size(0) // 4),
    "constant tensor": lambda m, x: x * torch.full((6,), 1.0 * x.size(0)),
    "cap": lambda m, x: x.clamp(0, x.size(0)),
    "count": lambda m, x: x * torch.arange(x.size(0)).view(-1, 1, 1, 1),
    "parity": lambda m, x: x * (1.0 + torch.arange(x.size(0)) % 2).view(-1, 1, 1, 1),
    "ramp": lambda m, x: x + x.new_ones(x.size(0), 1, 1, 1).cumsum(0),
}


@pytest.mark.parametrize("step", COMPUTED.values(), ids=COMPUTED)
def test_computing_with_the_batch_size_is_refused(step):
    with pytest.raises(UnsupportedLayerError, match="computes with the batch size"):
        trace(Step(step), images(IMAGE, 2))


MIXED = {
    "mean over the batch": lambda m, x: x.mean(0),
    "mean over everything": lambda m, x: x.mean(),
    "sum over the batch, keepdim": lambda m, x: x.sum(0, keepdim=True),
    "centered over the batch": lambda m, x: x - x.mean(0),
    "centered, negative dim": lambda m, x: x - x.mean(-4, keepdim=True),
    "cat along the batch": lambda m, x: torch.cat((x, x), 0),
    "stack in front": lambda m, x: torch.stack((x, x)),
    "first images": lambda m, x: x[:3],
    "every second image": lambda m, x: x[::2],
    "one image": lambda m, x: x[0],
    "turned batch, index": lambda m, x: x[torch.tensor([1, 0])],
    "turned batch, flip": lambda m, x: x.flip(0),
    "turned batch, torch.flip": lambda m, x: torch.flip(x, dims=(-4, 1)),
    "chunk of the batch": lambda m, x: x.chunk(2)[0],
    "split of the batch": lambda m, x: torch.cat(x.split(1)[::-1]),
    "select": lambda m, x: x.select(0, 1),
    "narrow": lambda m, x: x.narrow(0, 0, 1),
    "transpose": lambda m, x: x.transpose(0, 1),
    "permute": lambda m, x: x.permute(1, 0, 2, 3),
    "permute and reshape": lambda m, x: x.permute(1, 2, 3, 0).reshape(x.size(0), -1),
    "flatten all": lambda m, x: x.flatten(),
    "fold into the batch": lambda m, x: x.view(-1, 6),
    "unsqueeze in front": lambda m, x: x.unsqueeze(0),
    "repeat": lambda m, x: x.repeat(2, 1, 1, 1),
    "repeat_interleave": lambda m, x: x.repeat_interleave(2, 0),
    "maximum over the batch": lambda m, x: x.amax(0),
    "pad the batch": lambda m, x: F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1)),
    "softmax over the batch": lambda m, x: x.softmax(0),
}


@pytest.mark.parametrize("step", MIXED.values(), ids=MIXED)
@pytest.mark.parametrize("number", [1, 5])
def test_mixing_the_images_of_a_batch_is_refused(step, number):
    with pytest.raises(UnsupportedLayerError, match=r"mixes|images elsewhere|picks"):
        trace(Step(step), images(IMAGE, number))


def test_shape_that_looks_like_a_batch_is_not_taken_for_one():
    x = images((2, 3), 5)
    with pytest.raises(UnsupportedLayerError, match="images elsewhere in the output"):
        trace(Step(lambda m, x: x.transpose(0, 1)), x)
    with pytest.raises(UnsupportedLayerError, match="images elsewhere in the output"):
        trace(Step(lambda m, x: x.transpose(0, 2)), x)
    assert_traces_and_converts(randomized(nn.Sequential(nn.Linear(3, 2), nn.ReLU())), (2, 3))


# Names of layers: convention 8 of docs/architecture.md.


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.conv(x))
        out = self.conv(out)
        out += x
        return F.relu(self.relu(out) - 1)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(Block(), nn.MaxPool2d(2), Block())
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu(F.max_pool2d(self.layer1(x), 2))
        x = F.relu(self.layer1[2](x))
        return self.head(x.amax((2, 3)).clamp(min=0))


def test_layers_are_named_by_path_and_number():
    model = randomized(Nested())
    graph = trace(model, images((4, 8, 8), 2))
    assert list(graph.layers) == [
        "layer1.0.relu",
        "layer1.0.relu#2",
        "layer1.0.relu#3",
        "layer1.2.relu",
        "layer1.2.relu#2",
        "layer1.2.relu#3",
        "relu",
        "layer1.2.relu#4",
        "layer1.2.relu#5",
        "layer1.2.relu#6",
        "relu#2",
        "relu#3",
    ]
    pools = [n.meta["layer"] for n in graph.nodes if n.meta["kind"] is Kind.MAX_POOL]
    assert pools == ["layer1.1", "max_pool", "max_pool#2"]
    assert [graph.nodes[0].meta["layer"], graph.nodes[-1].meta["layer"]] == ["input", "output"]
    assert_traces_and_converts(model, (4, 8, 8))


def test_functional_relu_takes_the_path_of_its_module():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = Step(lambda m, x: m.conv(x).relu(), conv=nn.Conv2d(4, 4, 1))

        def forward(self, x):
            return F.relu6(self.conv1(x)).clamp(min=0)

    assert list(trace(Own(), images(IMAGE, 1)).layers) == ["conv1.relu", "relu", "relu#2"]


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (nn.ReLU(), ["relu"]),
        (nn.Sequential(nn.ReLU()), ["0"]),
        (nn.Sequential(*[nn.ReLU(inplace=True)] * 3), ["0", "0#2", "0#3"]),
        (Step(lambda m, x: x.relu().clamp(0, 1)), ["relu", "relu#2"]),
        (nn.Sequential(nn.Sequential(nn.ReLU6()), nn.Hardtanh(0, 1)), ["0.0", "1"]),
    ],
)
def test_names_of_relus(model, names):
    assert list(trace(model, images(IMAGE, 1)).layers) == names


def test_modules_called_input_and_output_do_not_hide_the_ends():
    model = nn.Module()
    model = Step(
        lambda m, x: m.fc(m.output(m.input(x) - 1)),
        input=nn.ReLU(),
        output=nn.ReLU(),
        fc=nn.Linear(6, 3),
    )
    graph = trace(randomized(model), images(VECTOR, 2))
    names = [*graph.layers, "input", "output"]
    assert len(set(names)) == 4


# Forms of a model.


class WithDefaults(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def forward(self, x, mask=None, twice=True, scale=2.0, times=3, how="mean", dims=(1,)):
        x = torch.relu(self.fc(x)) * scale * times
        x = x if mask is None else x * mask
        x = x + 1 if twice else x
        return x.sum(dims, keepdim=True) if how == "sum" else x


def test_forward_with_default_arguments():
    model = randomized(WithDefaults())
    assert_traces_and_converts(model, VECTOR)


@pytest.mark.parametrize(
    "default", ["None", "True", "False", "0", "1.5", "'a'", "(1, 2)", "[1]", "{}", "()"]
)
def test_each_kind_of_default_argument(default):
    space = {"nn": nn, "torch": torch}
    exec(f"class M(nn.Module):\n  def forward(self, x, a={default}): return torch.relu(x)", space)
    assert list(trace(space["M"](), images(VECTOR, 1)).layers) == ["relu"]


class OwnConv(nn.Conv2d):
    pass


class Standardized(nn.Conv2d):
    def forward(self, x):
        w = self.weight - self.weight.mean(dim=(1, 2, 3), keepdim=True)
        return F.conv2d(x, w, self.bias, self.stride, self.padding, self.dilation, self.groups)


class OwnNorm(nn.BatchNorm2d):
    pass


class OwnPool(nn.MaxPool2d):
    pass


def shared_trunk():
    trunk = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    return nn.Sequential(trunk, trunk, nn.Conv2d(4, 2, 1), trunk[2], nn.Flatten())


FORMS = {
    "subclass of Conv2d": lambda: nn.Sequential(OwnConv(4, 3, 3, padding=1), nn.ReLU()),
    "circular subclass": lambda: OwnConv(4, 3, 3, padding=1, padding_mode="circular"),
    "Conv2d with a forward of its own": lambda: Standardized(4, 3, 3, padding=1),
    "subclass of BatchNorm2d": lambda: nn.Sequential(nn.Conv2d(4, 3, 1), OwnNorm(3)),
    "subclass of MaxPool2d": lambda: OwnPool(2),
    "shared modules": shared_trunk,
    "ModuleList": lambda: Step(
        lambda m, x: sum(f(x) for f in m.fs), fs=nn.ModuleList(nn.Conv2d(4, 3, 1) for _ in "abc")
    ),
    "ModuleDict": lambda: Step(
        lambda m, x: m.f["a"](x), f=nn.ModuleDict({"a": nn.Conv2d(4, 3, 1), "b": nn.ReLU()})
    ),
    "ParameterList": lambda: Step(
        lambda m, x: x * m.p[0] + m.p[1], p=nn.ParameterList([torch.ones(6), torch.ones(4, 1, 1)])
    ),
    "module called by keyword": lambda: Step(lambda m, x: m.conv(input=x), conv=nn.Conv2d(4, 3, 1)),
    "unused modules": lambda: Step(lambda m, x: 2 * x, gate=nn.Sigmoid(), fc=nn.Linear(2, 2)),
}


@pytest.mark.parametrize("build", FORMS.values(), ids=FORMS)
def test_form_of_a_model(build):
    model = randomized(nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), build(), nn.ReLU()))
    assert_traces_and_converts(model, IMAGE)


def test_relu_called_by_keyword():
    model = Step(lambda m, x: m.relu(input=m.fc(x)), fc=nn.Linear(6, 3), relu=nn.ReLU(inplace=True))
    assert_traces_and_converts(randomized(model), VECTOR)


@pytest.mark.parametrize("name", ["reference", "constant_sigmoid", "x", "input"])
def test_names_of_a_models_own_parts_are_free(name):
    def step(m, x):
        return torch.sigmoid(getattr(m, name)) * x.relu() + getattr(m, name)

    weight, buffer = Step(step), Step(step, **{name: const(6)})
    setattr(weight, name, nn.Parameter(const(6)))
    layer = Step(lambda m, x: getattr(m, name)(x).relu())
    setattr(layer, name, nn.Linear(6, 3))
    for model in (weight, buffer, layer):
        assert_traces_and_converts(randomized(model), VECTOR)


def test_model_without_weights_is_float32_whatever_the_images():
    for x in (images(VECTOR, 2).double(), images(VECTOR, 2).double().numpy()):
        assert trace(nn.ReLU(), x).dtype is torch.float32


def test_forward_given_to_one_model_only():
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6))
    model[1].forward = lambda x: torch.relu(x - 1)
    assert_traces_and_converts(randomized(model), VECTOR)
    model.forward = lambda x: F.relu(model[1](x) + model[0](x))
    x = images(VECTOR, 5)
    verify(model, convert(model, x, threshold=Fixed(1.0)), x)


def test_unused_modules_and_results_leave_no_trace():
    model = Step(
        lambda m, x: (m.fc(x), torch.relu(x))[1], fc=nn.Linear(6, 3), unused=nn.Linear(6, 2)
    )
    graph = trace(model, images(VECTOR, 1))
    assert kinds(graph) == [Kind.INPUT, Kind.RELU, Kind.OUTPUT]
    assert list(graph.module.parameters()) == []


def test_shapes_of_the_layers():
    x = images(IMAGE, 1)

    def step(m, x):
        y = torch.relu(x)
        y.unsqueeze_(1)
        return F.max_pool2d(torch.relu(y.flatten(1, 2) - 1), 2)

    graph = trace(Step(step), x)
    assert graph.input_shape == IMAGE
    assert [node.meta["shape"] for node in graph.layers.values()] == [IMAGE, IMAGE]
    assert graph.nodes[-1].meta["shape"] == (4, 3, 3)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_trace_does_not_depend_on_the_number_of_images(number):
    model = randomized(nn.Sequential(nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten()))
    assert repr(trace(model, images(IMAGE, number))) == repr(trace(model, images(IMAGE, 3)))


def test_squeeze_of_everything_converts_with_one_image():
    model = randomized(
        Step(lambda m, x: m.conv(x).relu().mean((2, 3), True).squeeze(), conv=nn.Conv2d(4, 3, 1))
    )
    network = convert(model, images(IMAGE, 1), threshold=Fixed(1.0))
    verify(model, network, images(IMAGE, 5))


# Whole models.


@functools.cache
def zoo(name):
    return ZOO[name]()


def fingerprint(model):
    """Return all that a conversion might change in a model, as bytes and flags."""
    return (
        {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()},
        [(name, module.training) for name, module in model.named_modules()],
        [
            (len(m._forward_hooks), len(m._forward_pre_hooks), type(m), sorted(vars(m)))
            for m in model.modules()
        ],
        [(name, p.requires_grad, p.grad, p.dtype) for name, p in model.named_parameters()],
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_zoo_model_evaluates_converts_and_verifies(name):
    model, shape = zoo(name)
    x = images(shape, 3)
    before, kept = fingerprint(model), x.clone()
    double = copy.deepcopy(model).double()
    assert_evaluates_as(double, trace(double, x.double()), x.double())
    for own, images_of_its_type in ((model, x), (double, x.double())):
        network = convert(own, images_of_its_type, threshold=Fixed(1.0))
        verify(own, network, images_of_its_type)
        assert network.graph.dtype is images_of_its_type.dtype
    assert fingerprint(model) == before
    assert torch.equal(x, kept)


def test_model_with_hooks_and_gradients_is_untouched():
    model = randomized(nn.Sequential(nn.Linear(6, 4), nn.ReLU(inplace=True), nn.Linear(4, 2)))
    seen = []
    model[0].register_forward_hook(lambda module, args, out: seen.append(module))
    model(images(VECTOR, 2)).sum().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    x = images(VECTOR, 4).numpy()
    kept = x.copy()
    before = {k: v.numpy().tobytes() for k, v in model.state_dict().items()}
    verify(model, convert(model, x, threshold=Fixed(1.0)), x)
    assert (x == kept).all()
    assert {k: v.numpy().tobytes() for k, v in model.state_dict().items()} == before
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert len(model[0]._forward_hooks) == 1
    assert all(module is not None for module in seen)


def test_a_view_of_other_places_is_not_changed_by_writing():
    def step(m, x):
        first, second = (1 * x).chunk(2, 1)
        first.mul_(2)
        return torch.relu(first + second)

    model, x = Step(step, w=torch.zeros(1)), images(IMAGE, 3)
    graph = trace(model, x)
    assert_evaluates_as(model, graph, x)
    assert not any(node.target is overwritten for node in graph.nodes)


class Noting(nn.Module):
    """Notes what it did in containers that are empty before; two modules share one of them."""

    def __init__(self):
        super().__init__()
        self.linear, self.relu, self.last = nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)
        self.shapes, self.seen, self.order = {}, set(), OrderedDict()
        self.relu.order = self.order

    def forward(self, x):
        self.shapes["x"], self.order["x"] = x.shape, len(x)
        self.seen.add("x")
        return self.last(self.relu(self.linear(x)) * len(self.relu.order))


def test_empty_containers_of_a_model_stay_empty():
    model, x = randomized(Noting()), images(VECTOR, 4)
    verify(model, convert(model, x, threshold=Fixed(1.0)), x)
    assert (model.shapes, model.seen, model.order) == ({}, set(), {})
    assert not any(module._forward_hooks for module in model.modules())
    graph = trace(model, x)  # before the model has run itself
    assert_evaluates_as(model, graph, x)


class Keeping(nn.Module):
    """Keeps a result on itself, as models for Grad-CAM do; it cannot be copied just so."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        self.features = torch.relu(self.fc(x))
        return self.features - 1


def test_model_that_keeps_results_with_gradients():
    model = randomized(Keeping())
    model(images(VECTOR, 2))
    features = model.features
    assert features.requires_grad
    network = convert(model, images(VECTOR, 5), threshold=Fixed(1.0))
    verify(model, network, images(VECTOR, 5))
    assert model.features is features


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_old_weight_norm():
    model = nn.Sequential(nn.utils.weight_norm(nn.Linear(6, 4)), nn.BatchNorm1d(4), nn.ReLU())
    model(images(VECTOR, 2))
    x = images(VECTOR, 5)
    verify(model.eval(), convert(model, x, threshold=Fixed(1.0)), x)


def test_in_place_model_leaves_the_images_alone():
    x = images(VECTOR, 3)
    kept = x.clone()
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 2))
    network = convert(model, x, threshold=Fixed(1.0))
    verify(model, network, x)
    with torch.no_grad():
        evaluate(network.graph, x)
    assert torch.equal(x, kept)


def test_network_does_not_follow_later_changes_of_the_model():
    model = randomized(nn.Sequential(nn.Linear(6, 4), nn.ReLU()))
    x = images(VECTOR, 3)
    graph = trace(model, x)
    before = evaluate(graph, x)
    with torch.no_grad():
        model[0].weight.mul_(2)
    assert torch.equal(evaluate(graph, x), before)


@pytest.mark.parametrize("last", [lambda y: y.sigmoid().squeeze(-1), lambda y: y.tanh()[:, None]])
def test_outputs_have_the_shape_of_the_logits_whatever_the_head_makes_of_them(last):
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 1), Step(lambda m, x: last(x)))
    x = images(VECTOR, 3)
    network = convert(model, x, threshold=Fixed(1.0))
    outputs = simulate(network, x, 4).outputs
    assert outputs.shape == (4, 3, 1)
    assert network.head(outputs[-1]).shape == model(x).shape


def test_pixels_of_volumes_are_shuffled():
    # Neurons hand volumes on with the channels last in memory.
    x = images((3, 8, 2, 2), 3)
    model = nn.Sequential(nn.ReLU(), nn.PixelShuffle(2), nn.ReLU(), nn.PixelUnshuffle(2))
    network = convert(model, x, threshold=Fixed(4.0), v_init=0.5)
    found = simulate(network, x, 64).outputs[-1]
    assert np.abs(found - x.clamp(min=0).numpy()).max() <= 4 / 64
    assert_comes_back(network, x)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_where_values_cancel_is_no_sign_of_mixed_images(seed):
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Parameter(torch.randn(144)), nn.Parameter(torch.randn(144))

        def forward(self, x):
            # How sums of so many products round depends on how many images there are.
            x = torch.stack([x @ self.first, x.mv(self.second)], 1)
            x = x - x.mean(-1, keepdim=True)
            return torch.relu(x - x.mean(1).view(-1, 1))

    torch.manual_seed(seed)
    model, x = Centred(), torch.rand(4, 144)
    network = convert(model, x, threshold=Fixed(1.0))
    assert np.allclose(ann(network, x).outputs, model(x).detach(), atol=1e-4)
