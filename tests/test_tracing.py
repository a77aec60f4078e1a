"""The canonical graph computes what the model computes, for every operation that converts."""

import copy
import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations
from zoo import ZOO

import snnlab
from snnlab import Fixed, convert, operations, trace, verify
from snnlab.evaluation import evaluate
from snnlab.exceptions import SNNLabError, UnsupportedLayerError
from snnlab.operations import Kind
from snnlab.recording import record

VECTOR, SERIES, IMAGE, VOLUME = (6,), (4, 6), (4, 6, 6), (4, 3, 4, 4)

_GENERATOR = torch.Generator().manual_seed(1)


def const(*shape):
    return torch.randn(shape, generator=_GENERATOR)


class Step(nn.Module):
    """A model whose forward is `step(model, x)`; `parts` become its modules, weights and buffers."""

    def __init__(self, step, **parts):
        super().__init__()
        self.step = step
        for name, part in parts.items():
            tensor = isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter)
            self.register_buffer(name, part) if tensor else setattr(self, name, part)

    def forward(self, x):
        return self.step(self, x)


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


def built(step, parts, before=nn.Identity):
    """Return a fresh model: `before`, then the step."""
    step = copy.deepcopy(step) if isinstance(step, nn.Module) else Step(step, **parts)
    return randomized(nn.Sequential(before(), step))


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
    x = images(shape, 5)
    double = copy.deepcopy(model).double()
    graph = trace(double, x.double())
    assert_evaluates_as(double, graph, x.double())
    network = convert(model, x, threshold=Fixed(1.0))
    verify(model, network, x)
    verify(model, network.to(torch.float64), x)
    return graph


def kinds(graph):
    return [node.meta["kind"] for node in graph.nodes]


def shapes_of_pad(name):
    """Return the shapes that padding modules of 1, 2 and 3 dimensions get."""
    return zip(("1d", "2d", "3d"), (SERIES, IMAGE, VOLUME), strict=True)


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
    first, *_, last = x.unbind(2)
    return first - last


def standardized(m, x):
    w = m.w - m.w.mean(dim=(1, 2, 3), keepdim=True)
    std = w.view(w.size(0), -1).std(dim=1).view(-1, 1, 1, 1)
    return F.conv2d(x, w / (std + 1e-5), m.b, padding=1)


def with_class_token(m, x):
    token = m.token.expand(x.shape[0], -1, -1)
    return torch.cat((token, x), dim=1) + m.position


CONVOLUTIONS = [
    case(f"{kind} {what}", shape, getattr(nn, kind)(4, 4, size, **options))
    for kind, shape, size in (
        ("Conv1d", SERIES, 3),
        ("Conv2d", IMAGE, (3, 2)),
        ("Conv3d", VOLUME, (2, 2, 3)),
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
    if not (shape is VOLUME and what == "dilated" and "Transpose" not in kind)
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
        "F.avg_pool": lambda m, x, f=getattr(F, f"avg_pool{d}"): f(x, 2),
        "F.adaptive_avg_pool": lambda m, x, f=getattr(F, f"adaptive_avg_pool{d}"): f(x, 3),
    }.items()
]

AFFINE = [
    *CONVOLUTIONS,
    *PADDINGS,
    *POOLINGS,
    # a matrix
    case("nn.Linear", VECTOR, nn.Linear(6, 3)),
    case("nn.Linear without bias", VECTOR, nn.Linear(6, 3, bias=False)),
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
        "F.conv_transpose3d", VOLUME, lambda m, x: F.conv_transpose3d(x, m.w), w=const(4, 2, 2, 2, 2)
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
    case("x.reshape(len of shape)", IMAGE, lambda m, x: x.reshape(*x.shape[:2], -1)),
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
    case("x.ravel of a view", (1,), lambda m, x: x.ravel().view(-1, 1)),
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
    case(
        "x.index_select", IMAGE, lambda m, x: x.index_select(1, m.i), i=torch.tensor([2, 1, 1])
    ),
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
    case("nn.Upsample aligned", IMAGE, nn.Upsample(scale_factor=2, mode="bicubic", align_corners=True)),
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
    case("torch.zeros(b, ...)", IMAGE, lambda m, x: torch.cat([x, torch.zeros(x.size(0), 1, 6, 6)], 1)),
    case("torch.zeros((b, ...))", IMAGE, lambda m, x: x + torch.zeros((x.shape[0], 4, 6, 6))),
    case("torch.ones(b, ...)", IMAGE, lambda m, x: x + torch.ones(x.shape[0], 1, 1, 1)),
    case("torch.full((b, ...), c)", IMAGE, lambda m, x: x + torch.full((x.shape[0], 1, 1, 1), 2.0)),
    case("torch.zeros(x.shape)", IMAGE, lambda m, x: x + 1 + torch.zeros(x.shape)),
    case("x.new_zeros(b, ...)", IMAGE, lambda m, x: torch.cat([x, x.new_zeros(x.size(0), 1, 6, 6)], 1)),
    case("x.new_zeros(x.shape)", IMAGE, lambda m, x: torch.stack([x, x.new_zeros(x.shape)], 1)),
    case("x.new_ones", IMAGE, lambda m, x: x - x.new_ones((x.size(0), 4, 1, 1))),
    case("x.new_full", IMAGE, lambda m, x: x - x.new_full((x.size(0), 4, 1, 1), 0.5)),
    case("torch.zeros_like", IMAGE, lambda m, x: torch.cat([x, torch.zeros_like(x)], 1)),
    case("torch.ones_like", IMAGE, lambda m, x: x + torch.ones_like(x)),
    case("torch.full_like", IMAGE, lambda m, x: x + torch.full_like(x, 0.5)),
    case("zeros of device and type", IMAGE, lambda m, x: x + torch.ones(4, 1, 1, device=x.device, dtype=x.dtype)),
    case("expanded parameter", SERIES, with_class_token, token=nn.Parameter(const(1, 1, 6)), position=nn.Parameter(const(1, 5, 6))),
    case("repeated parameter", SERIES, lambda m, x: torch.cat((m.t.repeat(x.size(0), 1, 1), x), 1), t=const(1, 1, 6)),
    case("constant branch", IMAGE, lambda m, x: x + m.conv(m.image), conv=nn.Conv2d(2, 4, 3, padding=1), image=const(1, 2, 6, 6)),
    case("constant ReLU", IMAGE, lambda m, x: x * torch.relu(m.g) + m.g.clamp(-1, 1), g=const(4, 1, 1)),
]  # fmt: skip

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
    case("x.to(dtype)", IMAGE, lambda m, x: x.to(x.dtype)),
    case("x.to(device)", IMAGE, lambda m, x: x.to(x.device)),
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
    case("x.clamp of buffers", IMAGE, lambda m, x: x.clamp(m.a, m.b), a=torch.tensor(0.0), b=torch.tensor(6.0)),
    case("torch.clamp", IMAGE, lambda m, x: torch.clamp(x, 0, 6)),
    case("x.clip(0, c)", IMAGE, lambda m, x: x.clip(0, 6)),
    case("x.clip_", IMAGE, lambda m, x: (1 * x).clip_(0, 6)),
]  # fmt: skip

MAX_POOLINGS = [
    case(f"{name} {d}", shape, step)
    for d, shape in (("1d", SERIES), ("2d", IMAGE), ("3d", VOLUME))
    for name, step in {
        "nn.MaxPool": getattr(nn, f"MaxPool{d}")(2, stride=1),
        "nn.MaxPool padded": getattr(nn, f"MaxPool{d}")(3, 2, padding=1),
        "nn.MaxPool ceil_mode": getattr(nn, f"MaxPool{d}")(2, 2, ceil_mode=True),
        "nn.MaxPool dilated": getattr(nn, f"MaxPool{d}")(2, 1, dilation=2),
        "nn.AdaptiveMaxPool": getattr(nn, f"AdaptiveMaxPool{d}")(2),
        "F.max_pool": lambda m, x, f=getattr(F, f"max_pool{d}"): f(x, 2),
        "F.max_pool named": lambda m, x, f=getattr(F, f"max_pool{d}"): f(input=x, kernel_size=2),
        "F.adaptive_max_pool": lambda m, x, f=getattr(F, f"adaptive_max_pool{d}"): f(x, 2),
        "torch.max_pool": lambda m, x, f=getattr(torch, f"max_pool{d}"): f(x, 2, 2),
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
