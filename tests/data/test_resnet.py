"""Residual networks: their size, their three blocks, how they start."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from snnlab import data
from snnlab.data import resnet
from snnlab.exceptions import OptionError

BLOCKS = ["post", "before_addition", "pre"]


def seeded(*args, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return resnet(*args, **options)


def lively(model):
    """Give BatchNorm and last convolutions values other than those of the start; in eval mode."""
    generator = torch.Generator().manual_seed(1)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(0.3 * torch.rand(tensor.shape, generator=generator) + 0.1)
    return model.eval()


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("depth", "thousands"), [(20, 0.27), (32, 0.46), (56, 0.85), (110, 1.7)])
def test_sizes_are_those_of_the_paper(block, depth, thousands):
    """He et al. 2015, table 6: 0.27, 0.46, 0.85 and 1.7 million parameters."""
    model = resnet(depth, channels=3, block=block)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert millions == pytest.approx(thousands, abs=0.05 if depth == 110 else 0.01)
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    projections = [m for m in layers if getattr(m, "kernel_size", None) == (1, 1)]
    assert len(layers) - len(projections) == depth
    assert len(projections) == 2


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("side", "channels"), [(8, 1), (32, 3)])
def test_it_takes_digits_and_images_of_cifar(block, side, channels):
    model = seeded(8, width=4, channels=channels, classes=7, block=block).eval()
    shapes = {}

    def note(name):
        return lambda module, given, result: shapes.update({name: tuple(result.shape[1:])})

    for name in ("stem", "stage1", "stage2", "stage3"):
        model.get_submodule(name).register_forward_hook(note(name))
    assert model(torch.rand(2, channels, side, side)).shape == (2, 7)
    assert list(shapes.values()) == [
        (4, side, side),
        (4, side, side),
        (8, side // 2, side // 2),
        (16, side // 4, side // 4),
    ]


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_its_equation(block, stage):
    """Written out in functions of torch, by the names of the weights."""
    model = lively(seeded(14, width=4, block=block))
    weights = dict(model.get_submodule(f"{stage}.0").state_dict())
    x = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(2))

    def normalized(x, name):
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(weights[f"{name}.{n}"] for n in names))

    def convolved(x, name, stride=1):
        return F.conv2d(x, weights[f"{name}.weight"], None, stride, 1)

    stride = 1 if stage == "stage1" else 2
    if block == "pre":
        inside = convolved(normalized(x, "branch.bn1").relu(), "branch.conv1", stride)
        branch = convolved(normalized(inside, "branch.bn2").relu(), "branch.conv2")
    else:
        inside = normalized(convolved(x, "branch.conv1", stride), "branch.bn1").relu()
        branch = normalized(convolved(inside, "branch.conv2"), "branch.bn2")
    shortcut = x
    if stride == 2:
        shortcut = F.conv2d(x, weights["shortcut.0.weight"], None, 2)
        shortcut = normalized(shortcut, "shortcut.1")
    expected = {
        "post": (shortcut + branch).relu(),
        "before_addition": shortcut + branch.relu(),
        "pre": shortcut + branch,
    }[block]
    with torch.no_grad():
        found = model.get_submodule(f"{stage}.0")(x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("block", ["post", "pre"])
def test_blocks_start_as_the_identity_and_can_still_learn(block):
    model = seeded(14, width=4, block=block)
    block_of_first_stage = model.stage1[0]
    x = torch.rand(4, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block_of_first_stage(x), x)
    loss = (block_of_first_stage(x) - 1).square().sum()
    loss.backward()
    last = block_of_first_stage.branch[-1].weight
    assert last.grad.abs().max() > 0
    assert not last.any()


def test_a_relu_before_the_addition_starts_alive():
    """A branch that gave 0 through a ReLU would have no gradient and would stay 0 for ever."""
    model = seeded(8, width=4, block="before_addition")
    model(torch.rand(4, 1, 8, 8)).square().sum().backward()
    for parameter in model.parameters():
        assert parameter.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": 18}, r"^depth = 18: expected 6n \+ 2.*Write 20, for instance"),
        ({"depth": 2}, r"^depth = 2: .*Write 8, for instance"),
        ({"depth": 111}, r"^depth = 111: .*Write 110, for instance"),
        ({"depth": 20.5}, r"^depth"),
        ({"depth": 20, "width": 0}, r"^width"),
        ({"depth": 20, "channels": 0}, r"^channels"),
        ({"depth": 20, "classes": None}, r"^classes"),
        ({"depth": 20, "block": "pst"}, r"^block = 'pst'.*'post'"),
    ],
)
def test_what_makes_no_network_is_refused(given, message):
    with pytest.raises(OptionError, match=message):
        resnet(**given)


def test_the_seed_of_torch_decides_its_weights():
    one, other = (seeded(8).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_learns_the_digits(block):
    digits = data.load_digits()
    model = seeded(14, width=8, block=block)
    trained = data.train(model, digits.x_train, digits.y_train, epochs=6)
    with torch.no_grad():
        right = trained(torch.from_numpy(digits.x_test)).argmax(1).numpy() == digits.y_test
    assert right.mean() > 0.9
