"""Networks that nobody here wrote: what converts of timm and torchvision, and how long it takes.

    pip install --no-deps timm torchvision huggingface_hub safetensors pyyaml
    python -m benchmarks zoo                   all of them, an hour
    python -m benchmarks zoo timm              one source
    python -m benchmarks zoo timm:resnet50@1   some networks; @1 is the seed

The networks are named in `zoo.txt`. Prints a line for each: result, what it computes that no sum of
ReLUs is, CPU seconds of `convert`, the same in forward passes of the model on the two images,
nodes, ReLUs, difference between the ANN in the network and the model, message.
A network is built, converted and verified in a process of its own, on one thread. What is done is
kept in `build/zoo.jsonl` and not done again.
"""

import json
import multiprocessing
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

import snnlab as sl

NAMES = Path(__file__).parent / "zoo.txt"
RESULTS = Path(__file__).parent.parent / "build" / "zoo.jsonl"
SECONDS, BYTES = 600, 14 * 2**30
COLUMNS = ("result", "smooth", "seconds", "passes", "nodes", "relus", "difference", "message")

SMOOTH = """
    sigmoid tanh silu gelu hardswish mish elu selu celu softplus softmax layer_norm group_norm
    instance_norm local_response_norm normalize scaled_dot_product_attention
"""
SIDES = {
    **dict.fromkeys(["inception_v3", "inception_v4", "inception_resnet_v2"], 96),
    **dict.fromkeys(["maxvit_t", "vit_b_16", "s3d", "mvit_v1_b", "bat_resnext26ts"], 224),
    **{"halonet26t": 256, "ssd300_vgg16": 300},
}


def measure(*wanted: str) -> None:
    """Convert what is not converted yet and print a line for each network, and a count."""
    torch.set_num_threads(1)
    timm_model("test_resnet")  # imported once, for all processes
    names = NAMES.read_text().split()
    sources = {name.partition(":")[0] for name in names}
    named = [name for name in wanted if name not in sources]
    named += [n for n in names if not wanted or n.partition(":")[0] in wanted]
    done = results()
    for name in named:
        if name not in done:
            done[name] = in_a_process(*name.split(":", 1))
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps({"name": name} | done[name]) + "\n")
        print(" | ".join([name, *(str(done[name].get(c, "")) for c in COLUMNS)]), flush=True)
    print(f"{len(named)} networks, {dict(Counter(done[name]['result'] for name in named))}")


def results() -> dict[str, dict]:
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return {(row := json.loads(line)).pop("name"): row for line in lines}


def in_a_process(corpus: str, name: str) -> dict:
    """Return what `convert` makes of a network, within the limits of time and memory."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=send_row, args=(theirs, corpus, name))
    process.start()
    theirs.close()
    try:
        if not ours.poll(SECONDS):
            return {"result": "failed", "message": f"takes longer than {SECONDS} s"}
        return ours.recv()
    except EOFError:
        return {"result": "failed", "message": "the process ended without a word"}
    finally:
        process.kill()
        process.join()


def send_row(connection, corpus: str, name: str) -> None:
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    path, _, seed = name.partition("@")
    try:
        torch.manual_seed(int(seed or 0))
        model, shape = {"timm": timm_model, "torchvision": torchvision_model}[corpus](path)
        generator = torch.Generator().manual_seed(int(seed or 0))
        x = torch.randn(2, *shape, generator=generator)
        model = WRAPPERS.get(path, lambda model, _: model)(as_if_trained(model, x, generator), x)
        connection.send(row(model, x, "out" if path.startswith("dict:") else None))
    except Exception as error:
        connection.send({"result": "failed", "message": f"not built: {error!r}"[:300]})


def row(model: nn.Module, x: torch.Tensor, output: str | None) -> dict:
    """Return result, times and sizes of one conversion."""
    with torch.no_grad():
        model(x)
        forward = min(cpu_seconds(lambda: model(x)) for _ in range(3))
    smooth = {"smooth": " ".join(smooth_functions(model, x))}
    begin = time.process_time()
    try:
        network = sl.convert(model, x, output=output)
    except Exception as error:
        result = "refused" if isinstance(error, sl.SNNLabError) else "failed"
        seconds = time.process_time() - begin
        message = f"{type(error).__name__}: {error}".replace("\n", " ")
        return smooth | {"result": result, "seconds": round(seconds, 2), "message": message}
    seconds = time.process_time() - begin
    with torch.no_grad():
        expected = (model(x) if output is None else model(x)[output]).numpy()
    apart = abs(sl.ann(network, x).outputs - expected).max() / (abs(expected).max() or 1.0)
    return smooth | {
        "result": "converted",
        "seconds": round(seconds, 2),
        "passes": round(seconds / forward),
        "nodes": len(network.graph.nodes),
        "relus": len(network.layers),
        "difference": f"{apart:.1e}",
    }


class Called(TorchFunctionMode):
    """Notes the names of the functions that are called."""

    def __init__(self):
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.names.add(getattr(function, "__name__", "").strip("_"))
        return function(*args, **(kwargs or {}))


def smooth_functions(model: nn.Module, x: torch.Tensor) -> list[str]:
    """Return the names of what a model calls and spikes cannot compute."""
    try:
        with torch.no_grad(), Called() as called:
            model(x)
    except Exception:  # a compiled or scripted model
        return []
    return sorted(called.names & set(SMOOTH.split()))


def cpu_seconds(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


@torch.no_grad()
def as_if_trained(
    model: nn.Module, x: torch.Tensor, generator: torch.Generator, passes: int = 1
) -> nn.Module:
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


if __name__ == "__main__":
    measure(*sys.argv[1:])
