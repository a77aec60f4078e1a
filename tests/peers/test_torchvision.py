"""Parts of torchvision's detectors convert: its pyramid, RetinaNet's heads, the RPN's.

Skipped without torchvision. No weights are read: they are drawn here.
"""

import functools

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from benchmarks.zoo_models import import_torchvision

try:
    import_torchvision()
except ImportError:
    pytest.skip("torchvision is not installed", allow_module_level=True)

from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import feature_pyramid_network as fpn

WIDTH, ANCHORS, CLASSES = 12, 2, 3


class Detector(nn.Module):
    """Three layers as a backbone, torchvision's pyramid, and one of its heads."""

    def __init__(self, head=None, extra=None, norm_layer=None):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 10, 3, stride=2, padding=1)
        self.pyramid = fpn.FeaturePyramidNetwork([8, 10], WIDTH, extra, norm_layer)
        self.head = head

    def forward(self, x):
        x = torch.relu(self.first(x))
        levels = self.pyramid({"fine": x, "coarse": torch.relu(self.second(x))})
        return levels if self.head is None else self.head([*levels.values()])


class Joined(nn.Module):
    """What the RPN says of all levels in one tensor, as torchvision itself joins it."""

    def __init__(self, model, number):
        super().__init__()
        self.model, self.number = model, number

    def forward(self, x):
        return torch.cat([level.flatten(1) for level in self.model(x)[self.number]], 1)


def weighted(model):
    """Give weights of a usual size: torchvision's heads begin with hardly any."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            nn.init.normal_(parameter, std=0.2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def x():
    return torch.rand(6, 3, 32, 32)


def assert_converted(model, x, output=None):
    """Check a network against its model, and that time brings it nearer; return both."""
    net = sl.convert(model, x, output=output)
    sl.verify(model, net, x)
    with torch.no_grad():
        own = model(x)
    own = (own if output is None else own[output]).numpy()
    np.testing.assert_allclose(sl.ann(net, x).outputs, own, rtol=1e-4, atol=1e-4 * abs(own).max())
    record = sl.simulate(net, x, 64)
    errors = [np.sqrt(np.mean((record.outputs[t - 1] - own) ** 2)) for t in (4, 16, 64)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1 * own.std()
    return net, record


@pytest.mark.parametrize("norm_layer", [None, nn.BatchNorm2d])
def test_both_outputs_of_retinanet_convert_and_boxes_keep_their_signs(x, norm_layer):
    head = RetinaNetHead(WIDTH, ANCHORS, CLASSES, norm_layer)
    model = weighted(Detector(head, fpn.LastLevelP6P7(WIDTH, WIDTH), norm_layer))
    places = ANCHORS * sum(side**2 for side in (16, 8, 4, 2))
    found = {}
    for output, numbers in (("cls_logits", CLASSES), ("bbox_regression", 4)):
        net, record = assert_converted(model, x, output)
        assert record.outputs.shape[1:] == (len(x), places, numbers)
        found[output] = record
        # Four convolutions at each of four levels, two before, and one of the pyramid's own.
        assert len(net.layers) == 4 * 4 + 3
    boxes, right = found["bbox_regression"].outputs[-1], sl.ann(net, x).outputs
    large = np.abs(right) > 0.1 * right.std()
    assert 0.1 < (right[large] < 0).mean() < 0.9
    assert (np.sign(boxes) == np.sign(right))[large].mean() > 0.97
    # Up to where they part, both networks fire the same spikes.
    shared = [name for name in net.layers if "head" not in name]
    assert len(shared) == 3
    for name in shared:
        one, other = (record.counts(name) for record in found.values())
        assert np.array_equal(one, other)


@pytest.mark.parametrize("number", [0, 1], ids=["objectness", "boxes"])
@pytest.mark.parametrize("depth", [1, 2])
def test_both_outputs_of_the_rpn_convert(x, number, depth):
    model = weighted(Detector(RPNHead(WIDTH, ANCHORS, depth), fpn.LastLevelMaxPool()))
    with pytest.raises(sl.UnsupportedLayerError, match="Wrap the model in a module that returns"):
        sl.convert(model, x)
    net, _ = assert_converted(Joined(model, number), x)
    assert len(net.layers) == 2 + 3 * depth


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        (None, ["fine", "coarse"]),
        (fpn.LastLevelMaxPool, ["fine", "coarse", "pool"]),
        (functools.partial(fpn.LastLevelP6P7, WIDTH, WIDTH), ["fine", "coarse", "p6", "p7"]),
    ],
)
def test_every_level_of_the_pyramid_converts_by_its_name(x, extra, names):
    model = weighted(Detector(extra=extra and extra()))
    with pytest.raises(sl.UnsupportedLayerError, match=f"Choose one of .*output={names[0]!r}"):
        sl.convert(model, x)
    for name in names:
        assert_converted(model, x, name)
