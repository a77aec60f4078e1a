"""Small, seeded versions of well-known image classifiers, used as test subjects.

Each model keeps the structure and the usual spelling of the published one, with its width and
depth as parameters.  ``ZOO`` maps a name to a function that builds a small one in eval mode.
"""

from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv1x1(cin: int, cout: int, stride: int = 1) -> nn.Conv2d:
    """Return a 1x1 convolution without bias."""
    return nn.Conv2d(cin, cout, kernel_size=1, stride=stride, bias=False)


def conv3x3(cin: int, cout: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a padded 3x3 convolution without bias."""
    return nn.Conv2d(cin, cout, 3, stride=stride, padding=1, groups=groups, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, cin: int, planes: int, stride: int, downsample: nn.Module | None):
        super().__init__()
        self.conv1 = conv3x3(cin, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)
        out = self.conv2(out)
        out = self.bn2(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        out = self.relu(out)
        return out


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut (ResNet-50 and deeper)."""

    expansion = 4

    def __init__(self, cin: int, planes: int, stride: int, downsample: nn.Module | None):
        super().__init__()
        self.conv1, self.bn1 = conv1x1(cin, planes), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv3x3(planes, planes, stride), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = conv1x1(planes, planes * 4), nn.BatchNorm2d(planes * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        residual = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.downsample is not None:
            residual = self.downsample(x)
        out += residual
        return self.relu(out)


class ResNet(nn.Module):
    """ImageNet-style ResNet of either block."""

    def __init__(self, block, layers=(2, 2, 2, 2), width: int = 64, num_classes: int = 10):
        super().__init__()
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, width, layers[0], 1)
        self.layer2 = self._make_layer(block, width * 2, layers[1], 2)
        self.layer3 = self._make_layer(block, width * 4, layers[2], 2)
        self.layer4 = self._make_layer(block, width * 8, layers[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width * 8 * block.expansion, num_classes)

    def _make_layer(self, block, planes: int, blocks: int, stride: int) -> nn.Sequential:
        cin, cout = self.inplanes, planes * block.expansion
        downsample = None
        if stride != 1 or cin != cout:
            downsample = nn.Sequential(conv1x1(cin, cout, stride), nn.BatchNorm2d(cout))
        self.inplanes = cout
        rest = [block(cout, planes, 1, None) for _ in range(1, blocks)]
        return nn.Sequential(block(cin, planes, stride, downsample), *rest)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        x = self.layer4(self.layer3(x))
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.fc(x)


class CifarBlock(nn.Module):
    """Basic block whose shortcut has no parameters (option A: subsample, then pad channels)."""

    def __init__(self, cin: int, planes: int, stride: int = 1):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(cin, planes, stride), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv3x3(planes, planes), nn.BatchNorm2d(planes)
        self.shrinks, self.pad = stride != 1, (planes - cin) // 2

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.shrinks:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad), "constant", 0)
        out = out + x
        return F.relu(out)


class CifarResNet(nn.Module):
    """ResNet of 6n+2 layers for 32x32 images."""

    def __init__(self, n: int = 3, width: int = 16, num_classes: int = 10):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(3, width), nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(*[CifarBlock(width, width) for _ in range(n)])
        self.layer2 = self._make_layer(width, width * 2, n)
        self.layer3 = self._make_layer(width * 2, width * 4, n)
        self.linear = nn.Linear(width * 4, num_classes)

    @staticmethod
    def _make_layer(cin: int, planes: int, n: int) -> nn.Sequential:
        rest = [CifarBlock(planes, planes) for _ in range(n - 1)]
        return nn.Sequential(CifarBlock(cin, planes, 2), *rest)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer3(self.layer2(self.layer1(out)))
        out = F.avg_pool2d(out, out.size()[3])
        out = out.view(out.size(0), -1)
        return self.linear(out)


VGG11 = (1, "M", 2, "M", 4, 4, "M", 8, 8, "M", 8, 8, "M")  # in units of the width


class VGG(nn.Module):
    """VGG with batch normalisation; ``size`` is the side of the last feature map."""

    def __init__(self, cfg=VGG11, width=64, hidden=4096, size=7, num_classes=10):
        super().__init__()
        layers, cin = [], 3
        for v in cfg:
            if v == "M":
                layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
            else:
                layers += [nn.Conv2d(cin, v * width, kernel_size=3, padding=1)]
                layers += [nn.BatchNorm2d(v * width), nn.ReLU(inplace=True)]
                cin = v * width
        self.features = nn.Sequential(*layers)
        head = [nn.Linear(cin * size * size, hidden), nn.ReLU(True), nn.Dropout()]
        head += [nn.Linear(hidden, hidden), nn.ReLU(True), nn.Dropout()]
        self.classifier = nn.Sequential(*head, nn.Linear(hidden, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = x.view(x.size(0), -1)
        x = self.classifier(x)
        return x


class DenseLayer(nn.Module):
    """BN-ReLU-conv1x1-BN-ReLU-conv3x3 on the concatenation of all earlier features."""

    def __init__(self, cin: int, growth: int, bn_size: int):
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(cin), nn.ReLU(inplace=True)
        self.conv1 = conv1x1(cin, bn_size * growth)
        self.norm2, self.relu2 = nn.BatchNorm2d(bn_size * growth), nn.ReLU(inplace=True)
        self.conv2 = conv3x3(bn_size * growth, growth)

    def forward(self, features: list[Tensor]) -> Tensor:
        out = self.conv1(self.relu1(self.norm1(torch.cat(features, 1))))
        return self.conv2(self.relu2(self.norm2(out)))


class DenseBlock(nn.ModuleDict):
    """Layers each of which sees the outputs of all layers before it."""

    def __init__(self, n: int, cin: int, growth: int, bn_size: int):
        super().__init__()
        for i in range(n):
            self.add_module(f"denselayer{i + 1}", DenseLayer(cin + i * growth, growth, bn_size))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.values():
            features.append(layer(features))
        return torch.cat(features, 1)


class Transition(nn.Sequential):
    """BN-ReLU-conv1x1 and average pooling between two dense blocks."""

    def __init__(self, cin: int, cout: int):
        super().__init__()
        self.add_module("norm", nn.BatchNorm2d(cin))
        self.add_module("relu", nn.ReLU(inplace=True))
        self.add_module("conv", conv1x1(cin, cout))
        self.add_module("pool", nn.AvgPool2d(kernel_size=2, stride=2))


class DenseNet(nn.Module):
    """DenseNet-BC."""

    def __init__(self, growth=32, blocks=(6, 12, 24, 16), bn_size=4, num_classes=10):
        super().__init__()
        c = 2 * growth
        stem = OrderedDict(conv0=nn.Conv2d(3, c, 7, stride=2, padding=3, bias=False))
        stem.update(norm0=nn.BatchNorm2d(c), relu0=nn.ReLU(inplace=True))
        self.features = nn.Sequential(stem)
        self.features.add_module("pool0", nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
        for i, n in enumerate(blocks, 1):
            self.features.add_module(f"denseblock{i}", DenseBlock(n, c, growth, bn_size))
            c += n * growth
            if i < len(blocks):
                self.features.add_module(f"transition{i}", Transition(c, c // 2))
                c //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(c))
        self.classifier = nn.Linear(c, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        out = F.relu(features, inplace=True)
        out = F.adaptive_avg_pool2d(out, (1, 1))
        out = torch.flatten(out, 1)
        return self.classifier(out)


class BasicConv2d(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, cin: int, cout: int, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(cout, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = self.bn(x)
        return F.relu(x, inplace=True)


class Inception(nn.Module):
    """Four parallel branches, concatenated."""

    def __init__(self, cin: int, c1: int, r3: int, c3: int, r5: int, c5: int, pool: int):
        super().__init__()
        self.cout = c1 + c3 + c5 + pool
        self.branch1 = BasicConv2d(cin, c1, kernel_size=1)
        conv = BasicConv2d(r3, c3, kernel_size=3, padding=1)
        self.branch2 = nn.Sequential(BasicConv2d(cin, r3, kernel_size=1), conv)
        conv = BasicConv2d(r5, c5, kernel_size=5, padding=2)
        self.branch3 = nn.Sequential(BasicConv2d(cin, r5, kernel_size=1), conv)
        maxpool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True)
        self.branch4 = nn.Sequential(maxpool, BasicConv2d(cin, pool, kernel_size=1))

    def forward(self, x: Tensor) -> Tensor:
        outputs = [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)]
        return torch.cat(outputs, 1)


class InceptionAux(nn.Module):
    """Auxiliary classifier, used in training only."""

    def __init__(self, cin: int, c: int, hidden: int, num_classes: int):
        super().__init__()
        self.conv = BasicConv2d(cin, c, kernel_size=1)
        self.fc1 = nn.Linear(c * 16, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4)))
        x = F.relu(self.fc1(torch.flatten(x, 1)), inplace=True)
        return self.fc2(F.dropout(x, 0.7, training=self.training))


class GoogLeNet(nn.Module):
    """GoogLeNet with batch normalisation; all widths are divided by ``shrink``."""

    def __init__(self, shrink: int = 1, num_classes: int = 10):
        super().__init__()
        c = 64 // shrink
        cin = 3 * c

        def inception(*widths: int) -> Inception:
            nonlocal cin
            module = Inception(cin, *(max(4, w // shrink) for w in widths))
            cin = module.cout
            return module

        self.conv1 = BasicConv2d(3, c, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv2d(c, c, kernel_size=1)
        self.conv3 = BasicConv2d(c, 3 * c, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = inception(64, 96, 128, 16, 32, 32)
        self.inception3b = inception(128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception(192, 96, 208, 16, 48, 64)
        self.aux1 = InceptionAux(cin, 2 * c, 16 * c, num_classes)
        self.inception4b = inception(160, 112, 224, 24, 64, 64)
        self.inception4c = inception(128, 128, 256, 24, 64, 64)
        self.inception4d = inception(112, 144, 288, 32, 64, 64)
        self.aux2 = InceptionAux(cin, 2 * c, 16 * c, num_classes)
        self.inception4e = inception(256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = inception(256, 160, 320, 32, 128, 128)
        self.inception5b = inception(384, 192, 384, 48, 128, 128)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(cin, num_classes)

    def forward(self, x: Tensor):
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        if self.training:
            aux1 = self.aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        if self.training:
            aux2 = self.aux2(x)
        x = self.maxpool4(self.inception4e(x))
        x = self.avgpool(self.inception5b(self.inception5a(x)))
        x = self.fc(self.dropout(torch.flatten(x, 1)))
        if self.training:
            return x, aux2, aux1
        return x


class ConvBNReLU(nn.Sequential):
    """Convolution, batch normalisation, ReLU6."""

    def __init__(self, cin: int, cout: int, kernel: int = 3, stride: int = 1, groups: int = 1):
        conv = nn.Conv2d(cin, cout, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(cout), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and linear projection, with a shortcut where it fits."""

    def __init__(self, cin: int, cout: int, stride: int, expand: int):
        super().__init__()
        hidden = cin * expand
        self.use_res_connect = stride == 1 and cin == cout
        layers = [ConvBNReLU(cin, hidden, kernel=1)] if expand != 1 else []
        layers += [ConvBNReLU(hidden, hidden, stride=stride, groups=hidden)]
        layers += [conv1x1(hidden, cout), nn.BatchNorm2d(cout)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        if self.use_res_connect:
            return x + self.conv(x)
        else:
            return self.conv(x)


MOBILE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2))  # expand, c, blocks, stride
MOBILE += ((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class MobileNetV2(nn.Module):
    """MobileNetV2; channels are multiplied by ``width`` and rounded to multiples of 4."""

    def __init__(self, width: float = 1.0, settings=MOBILE, num_classes: int = 10):
        super().__init__()
        cin, last = (max(4, round(c * width / 4) * 4) for c in (32, 1280))
        features = [ConvBNReLU(3, cin, stride=2)]
        for t, c, n, s in settings:
            cout = max(4, round(c * width / 4) * 4)
            for i in range(n):
                features.append(InvertedResidual(cin, cout, s if i == 0 else 1, expand=t))
                cin = cout
        self.features = nn.Sequential(*features, ConvBNReLU(cin, last, kernel=1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = x.mean(3).mean(2)
        return self.classifier(x)


class Fire(nn.Module):
    """A 1x1 squeeze, then 1x1 and 3x3 expansions side by side."""

    def __init__(self, cin: int, squeeze: int, expand: int):
        super().__init__()
        self.squeeze = nn.Conv2d(cin, squeeze, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze, expand, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze, expand, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        left = self.expand1x1_activation(self.expand1x1(x))
        return torch.cat([left, self.expand3x3_activation(self.expand3x3(x))], dim=1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1, whose logits come after a ReLU; ``width`` is 16 in the published one."""

    def __init__(self, width: int = 16, num_classes: int = 10):
        super().__init__()
        w = width
        layers = [nn.Conv2d(3, 4 * w, kernel_size=3, stride=2), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)]
        layers += [Fire(4 * w, w, 4 * w), Fire(8 * w, w, 4 * w)]
        layers += [nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)]
        layers += [Fire(8 * w, 2 * w, 8 * w), Fire(16 * w, 2 * w, 8 * w)]
        layers += [nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)]
        layers += [Fire(16 * w, 3 * w, 12 * w), Fire(24 * w, 3 * w, 12 * w)]
        layers += [Fire(24 * w, 4 * w, 16 * w), Fire(32 * w, 4 * w, 16 * w)]
        self.features = nn.Sequential(*layers)
        head = [nn.Dropout(p=0.5), nn.Conv2d(32 * w, num_classes, kernel_size=1)]
        head += [nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))]
        self.classifier = nn.Sequential(*head)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.classifier(x)
        return torch.flatten(x, 1)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave the channels of ``groups`` equal groups."""
    b, c, h, w = x.size()
    x = x.view(b, groups, c // groups, h, w)
    x = torch.transpose(x, 1, 2).contiguous()
    return x.view(b, -1, h, w)


def conv_bn_relu(cin: int, cout: int) -> list[nn.Module]:
    """Return a 1x1 convolution, batch normalisation and ReLU."""
    return [conv1x1(cin, cout), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]


class ShuffleUnit(nn.Module):
    """ShuffleNetV2 unit: splits its channels at stride 1, uses all of them twice at stride 2."""

    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        self.stride, half = stride, cout // 2
        self.branch1 = nn.Sequential()
        if stride > 1:
            depthwise = conv3x3(cin, cin, stride, groups=cin)
            layers = [depthwise, nn.BatchNorm2d(cin), *conv_bn_relu(cin, half)]
            self.branch1 = nn.Sequential(*layers)
        layers = conv_bn_relu(cin if stride > 1 else half, half)
        layers += [conv3x3(half, half, stride, groups=half), nn.BatchNorm2d(half)]
        self.branch2 = nn.Sequential(*layers, *conv_bn_relu(half, half))

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            x1, x2 = x.chunk(2, dim=1)
            out = torch.cat((x1, self.branch2(x2)), dim=1)
        else:
            out = torch.cat((self.branch1(x), self.branch2(x)), dim=1)
        return channel_shuffle(out, 2)


class ShuffleNetV2(nn.Module):
    """ShuffleNetV2; ``channels`` are those of the stem, the three stages and the last layer."""

    def __init__(self, repeats=(4, 8, 4), channels=(24, 116, 232, 464, 1024), num_classes=10):
        super().__init__()
        stem, c2, c3, c4, last = channels
        layers = [conv3x3(3, stem, 2), nn.BatchNorm2d(stem), nn.ReLU(inplace=True)]
        self.conv1 = nn.Sequential(*layers)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage2 = self._make_stage(stem, c2, repeats[0])
        self.stage3 = self._make_stage(c2, c3, repeats[1])
        self.stage4 = self._make_stage(c3, c4, repeats[2])
        self.conv5 = nn.Sequential(*conv_bn_relu(c4, last))
        self.fc = nn.Linear(last, num_classes)

    @staticmethod
    def _make_stage(cin: int, cout: int, n: int) -> nn.Sequential:
        rest = [ShuffleUnit(cout, cout, 1) for _ in range(n - 1)]
        return nn.Sequential(ShuffleUnit(cin, cout, 2), *rest)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))
        x = self.stage4(self.stage3(self.stage2(x)))
        x = self.conv5(x)
        x = x.mean([2, 3])
        return self.fc(x)


@torch.no_grad()
def randomize_(model: nn.Module, seed: int, shape: tuple[int, ...] = (3, 32, 32)) -> nn.Module:
    """Give every layer random weights of sane size, set the model to eval mode and return it.

    Weights are He-scaled, biases non-zero; batch normalisation has some negative scales and one
    that is exactly zero, and its statistics are near (not at) those of random images of `shape`.
    Layers with a bias are roughly centred on such images, so that the answer depends on the image.
    """
    gen = torch.Generator().manual_seed(seed)

    def normal(n: int) -> Tensor:
        return 0.3 * torch.randn(n, generator=gen)

    def uniform(n: int, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=gen)

    def set_statistics(bn: nn.Module, args: tuple[Tensor, ...]) -> None:
        var, mean = torch.var_mean(args[0], dim=(0, 2, 3))
        var = var.clamp_min(0.1 * var.mean().item())  # dead channels must not be blown up
        bn.running_var.copy_(var * uniform(len(var), 0.6, 1.6))
        bn.running_mean.copy_(mean + var.sqrt() * normal(len(var)))

    def centre(layer: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Tensor:
        std, mean = torch.std_mean(out.transpose(0, 1).flatten(1), dim=1)
        layer.weight /= std.mean()
        layer.bias.copy_((layer.bias - mean) / std.mean() + normal(len(mean)))
        return layer.forward(args[0])

    hooks = []
    for m in model.modules():
        if isinstance(m, nn.Conv2d | nn.Linear):
            m.weight.normal_(0, (2 / m.weight[0].numel()) ** 0.5, generator=gen)
            if m.bias is not None:
                m.bias.copy_(normal(len(m.bias)))
                hooks.append(m.register_forward_hook(centre))
        elif isinstance(m, nn.BatchNorm2d):
            c = m.num_features
            order = torch.randperm(c, generator=gen)
            m.weight.copy_(uniform(c, 0.6, 1.4))
            m.weight[order[0]] = 0
            m.weight[order[1 : 1 + max(1, c // 6)]] *= -1
            m.bias.copy_(normal(c))
            m.running_mean.copy_(normal(c))  # these two stay where the pass below does not come by
            m.running_var.copy_(uniform(c, 0.6, 1.6))
            hooks.append(m.register_forward_pre_hook(set_statistics))
    model.eval()(torch.randn(16, *shape, generator=gen))
    for hook in hooks:
        hook.remove()
    return model


def _entry(build: Callable[[], nn.Module], size: int, seed: int):
    shape = (3, size, size)
    return lambda: (randomize_(build(), seed, shape), shape)


ZOO: dict[str, Callable[[], tuple[nn.Module, tuple[int, ...]]]] = {
    "resnet18": _entry(lambda: ResNet(BasicBlock, (2, 2, 2, 2), width=8), 64, 1),
    "resnet50": _entry(lambda: ResNet(Bottleneck, (3, 4, 6, 3), width=8), 64, 2),
    "cifar_resnet20": _entry(lambda: CifarResNet(n=3, width=8), 32, 3),
    "vgg11_bn": _entry(lambda: VGG(VGG11, width=8, hidden=64, size=2), 64, 4),
    "densenet": _entry(lambda: DenseNet(growth=8, blocks=(3, 4, 6, 4)), 64, 5),
    "googlenet": _entry(lambda: GoogLeNet(shrink=8), 64, 6),
    "mobilenet_v2": _entry(lambda: MobileNetV2(width=0.25), 64, 7),
    "squeezenet": _entry(lambda: SqueezeNet(width=4), 66, 8),  # where ceil_mode matters
    "shufflenet_v2": _entry(lambda: ShuffleNetV2((4, 8, 4), (8, 24, 48, 96, 192)), 64, 9),
}
