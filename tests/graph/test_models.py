"""Models as training scripts leave them are taken by what they hold, or told what to do."""

import collections
import copy
import dataclasses
import functools
import threading
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.steps import Step
from torch import nn
from torch.nn.utils import parametrizations

import snnlab as sl
from snnlab.exceptions import OptionError, SNNLabError, UnsupportedLayerError
from snnlab.graph import operations

IMAGE = (4, 6, 6)


def images(number=6, shape=IMAGE, seed=0):
    return torch.randn(number, *shape, generator=torch.Generator().manual_seed(seed))


def plain():
    torch.manual_seed(1)
    conv, norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
    return nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()


def converted(model, x=None, **options):
    return sl.convert(model, images() if x is None else x, threshold=sl.Fixed(1.0), **options)


def assert_computes(model, expected, x=None, layers=None, **options):
    """Check that a model converts, and that the network computes `expected`, another callable."""
    x = images() if x is None else x
    kept = copy.deepcopy(model.state_dict()) if isinstance(model, nn.Module) else {}
    network = converted(model, x, **options)
    with torch.no_grad():
        right = expected(x.clone()).numpy()
    found = sl.ann(network, x).outputs
    assert np.abs(found - right).max() <= 1e-5 * np.abs(right).max()
    assert layers is None or network.layers == layers
    for name, value in kept.items():
        assert torch.equal(model.state_dict()[name], value)
    return network


# What holds the network


class Average(nn.Module):
    """As timm's ModelEma: it only keeps the model."""

    def __init__(self, model):
        super().__init__()
        self.module = model


def with_compiled_part(model):
    model[0] = torch.compile(model[0])
    return model


def symbolic(model):
    return torch.fx.symbolic_trace(model)


WRAPPERS = {
    "torch.compile": torch.compile,
    "a compiled part": with_compiled_part,
    "DataParallel": nn.DataParallel,
    "AveragedModel": torch.optim.swa_utils.AveragedModel,
    "both": lambda model: nn.DataParallel(torch.optim.swa_utils.AveragedModel(model)),
    "an average of another kind": Average,
    "fx.GraphModule": symbolic,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own, by torch.compile
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrapper_is_taken_by_what_it_holds(wrap):
    network = assert_computes(wrap(plain()), plain(), layers=["2"])
    names = [node.meta["layer"] for node in network.graph.nodes]
    assert names == ["input", "0", "2", "_3", "4", "output"]
    sl.verify(wrap(plain()), network, images())


def test_graph_module_within_a_module():
    model = nn.Sequential(nn.Identity(), symbolic(plain()))
    assert_computes(model, plain(), layers=["1.2"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_forward():
    model = plain()
    model.forward = torch.compile(model.forward)
    assert_computes(model, plain())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_exported_program():
    batch = torch.export.Dim("batch", min=1, max=1024)
    exported = torch.export.export(plain(), (images(),), dynamic_shapes={"input": {0: batch}})
    assert_computes(exported, plain(), layers=["relu"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_program_exported_for_one_batch_size_says_how_to_export_it():
    fixed = torch.export.export(plain(), (images(),))
    for form in (fixed, fixed.module(), nn.Sequential(fixed.module())):
        with pytest.raises(UnsupportedLayerError, match="exported for batches of size") as caught:
            converted(form)
    model, x = plain(), images()  # as the message has them
    todo = str(caught.value).partition("dynamic batch: ")[2].rstrip(".")
    assert_computes(eval(todo, {"torch": torch, "model": model, "x": x}), plain())


def traced_by_torch(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(model, images())


def scripted_by_torch(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(model)


@pytest.mark.parametrize("compiled", [traced_by_torch, scripted_by_torch])
def test_torchscript_is_refused_with_the_cure(compiled):
    cure = "pass the model that torch.jit.trace or torch.jit.script was given."
    for model, place in (
        (compiled(plain()), "model: is a TorchScript module"),
        (nn.Sequential(compiled(plain()), nn.ReLU()), "layer '0' "),
    ):
        with pytest.raises(UnsupportedLayerError) as caught:
            converted(model)
        assert str(caught.value).startswith(place)
        assert str(caught.value).endswith(cure)


def test_function_of_torchscript_is_refused():
    hidden = scripted_by_torch(_twice)
    with pytest.raises(UnsupportedLayerError, match="steps that torch does not show"):
        converted(Step(lambda m, x: F.relu(hidden(x))))
    with pytest.raises(UnsupportedLayerError, match="values that torch's functions do not show"):
        converted(Step(lambda m, x: F.relu(x) + hidden(x)))


def _twice(x: torch.Tensor):
    return 2 * x


class Quantized(nn.Linear):
    __module__ = "torch.ao.nn.quantized.dynamic.modules.linear"


def test_quantized_model_is_refused_by_name():
    with pytest.raises(UnsupportedLayerError, match=r"layer '1' \(Quantized\): is quantized by to"):
        converted(nn.Sequential(nn.Flatten(), Quantized(144, 3), nn.ReLU()))


class FakeQuantized(nn.Linear):
    def forward(self, x):
        weight = torch.fake_quantize_per_tensor_affine(self.weight, 0.1, 0, -8, 7)
        return F.linear(x, weight, self.bias)


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        return w.sign()


class Binary(nn.Linear):
    def forward(self, x):
        return F.linear(x, Sign.apply(self.weight), self.bias)


@pytest.mark.parametrize("kind", [FakeQuantized, Binary])
def test_weights_that_the_forward_quantizes(kind):
    model = nn.Sequential(nn.Flatten(), kind(144, 8), nn.ReLU(), kind(8, 3)).eval()
    assert_computes(model, model, layers=["2"])


# Outputs


@dataclasses.dataclass
class Outputs:
    logits: torch.Tensor
    hidden: torch.Tensor
    loss: float = 0.0


class ModelOutput(collections.OrderedDict):
    pass


Pair = collections.namedtuple("Pair", "logits hidden")

OUTPUTS = {
    "tuple": (lambda y, h: (h, y), [0, 1], 1),
    "list": (lambda y, h: [y, h], [0, 1], 0),
    "dict": (lambda y, h: {"aux": h, "out": y, "n": 3}, ["aux", "out"], "out"),
    "ModelOutput": (lambda y, h: ModelOutput(logits=y, hidden=h), ["logits", "hidden"], "logits"),
    "dataclass": (Outputs, ["logits", "hidden"], "logits"),
    "named tuple": (Pair, ["logits", "hidden"], "logits"),
}


@pytest.mark.parametrize(("join", "names", "name"), OUTPUTS.values(), ids=OUTPUTS)
def test_one_of_several_outputs(join, names, name):
    """The other one could not be converted."""

    def step(m, x):
        y = m.net(x)
        return join(y, torch.sigmoid(y) * y)

    model, x = Step(step, net=plain()), images()
    network = assert_computes(model, plain(), output=name, layers=["net.2"])
    sl.verify(model, network, x)
    sl.verify(model, network.to(torch.float64), x)
    assert copy.deepcopy(network).graph.output == name
    with pytest.raises(UnsupportedLayerError) as caught:
        converted(model)
    assert f"Choose one of {names}: output={names[0]!r}." in str(caught.value)
    with pytest.raises(OptionError, match=r"output = 'other': the model returns"):
        converted(model, output="other")


def test_output_of_a_model_with_one():
    with pytest.raises(OptionError, match="output = 0: the model returns Tensor with"):
        converted(plain(), output=0)


# What a model may be beside its forward


def test_hooks_are_part_of_the_model():
    model = plain()
    model.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    model[2].register_forward_hook(lambda module, args, out: out - 0.5)
    model.register_forward_hook(lambda module, args, out: 2 * out)
    body = plain()
    assert_computes(model, lambda x: 2 * body[4](body[3](body[2](body[1](body[0](x + 1))) - 0.5)))


def test_forward_whose_input_is_a_keyword():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = plain()

        def forward(self, *, pixels, scale=2):
            return self.net(pixels) * scale

    model = Named()
    assert_computes(model, lambda x: 2 * model.net(x))


def test_forward_put_on_a_part():
    class Fused(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.forward = plain(), self.fused

        def fused(self, x):
            return F.relu(self.net(x))

    model = nn.Sequential(Fused(), nn.Identity())
    model[1].forward = lambda x: 3 * x
    assert_computes(model, lambda x: 3 * F.relu(plain()(x)), layers=["0.net.2", "0.relu"])


def test_layers_in_a_plain_list():
    class Lists(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.out = [nn.Linear(6, 6) for _ in "ab"], nn.Linear(6, 3)

        def forward(self, x):
            for layer in self.layers:
                x = torch.relu(layer(x))
            return self.out(x)

    model = Lists().eval()
    assert_computes(model, model, layers=["relu", "relu#2"])


def test_parts_of_two_floating_types():
    first, second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 3, 1).double()
    wide = Step(lambda m, x: m.b(F.relu(m.a(x)).double()).float(), a=first, b=second)
    assert_computes(wide, wide)
    narrow = Step(
        lambda m, x: m.b(F.relu(m.a(x)).float()), a=copy.deepcopy(first).double(), b=first
    )
    with pytest.raises(UnsupportedLayerError, match=r"'float', line .*float32 in a model of torch"):
        converted(narrow)


@pytest.mark.parametrize("name", ["graph", "code", "training_step", "meta", "(reference)"])
def test_part_may_have_any_name(name):
    model = Step(lambda m, x: getattr(m, name)(x).relu())
    model.add_module(name, nn.Linear(6, 3))
    weight = Step(lambda m, x: (x + getattr(m, name)).relu())
    weight.register_parameter(name, nn.Parameter(torch.ones(6)))
    for own in (model, weight):
        assert_computes(own, own)


def test_shared_and_parametrized_weights_are_layers_of_their_own():
    torch.manual_seed(0)
    conv = parametrizations.weight_norm(nn.Conv2d(4, 4, 1))
    model = Step(lambda m, x: m.c(F.relu(m.c(F.conv2d(x, m.c.weight)))), c=conv).eval()
    network = assert_computes(model, model)
    called = [n.target for n in network.graph.nodes if n.op == "call_module"]
    assert called == ["conv2d", "c", "c#2"]


@pytest.mark.parametrize("product", [torch.sparse.mm, torch.matmul])
def test_sparse_matrix_of_a_model(product, tmp_path):
    def step(m, x):
        return product(m.edges, F.relu(x).transpose(0, 1)).transpose(0, 1)

    edges = torch.tensor([[0.0, 2.0], [-1.0, 0.0], [0.5, 0.0]]).to_sparse()
    model, x = nn.Sequential(nn.Linear(6, 2), Step(step, edges=edges)), images(shape=(6,))
    network = converted(model, x)
    with torch.no_grad():
        assert sl.ann(network, x).outputs == pytest.approx(model(x).numpy(), abs=1e-5)
    network.save(tmp_path / "network.safetensors")
    assert sl.load(tmp_path / "network.safetensors").fingerprint == network.fingerprint
    model[1].edges = edges * float("inf")
    with pytest.raises(UnsupportedLayerError, match=r"'1\.edges' holds NaN or infinite values"):
        converted(model, images(shape=(6,)))


def test_model_that_cannot_be_copied_is_refused():
    model = plain()
    model.lock = threading.Lock()
    with pytest.raises(UnsupportedLayerError, match="model: cannot be copied"):
        converted(model)


def with_random_numbers(m, x):
    return F.relu(x) + np.random.default_rng().random()


def counting(m, x):
    m.calls = getattr(m, "calls", 0) + 1
    return F.relu(x) * m.calls


def averaging(m, x):
    m.mean = 0.9 * getattr(m, "mean", 0.0) + 0.1 * x[:, :1]
    return F.relu(x - m.mean[:1].mean((1, 2, 3), keepdim=True))


@pytest.mark.parametrize("step", [with_random_numbers, counting])
def test_what_differs_from_run_to_run_is_refused(step):
    with pytest.raises(UnsupportedLayerError, match="what an earlier run left behind"):
        converted(Step(step))


def test_signal_kept_from_run_to_run_is_refused():
    with pytest.raises(SNNLabError, match=r"line \d+ of test_models.py \(`m.mean = "):
        converted(Step(averaging))


def test_count_that_changes_nothing_is_no_hindrance():
    def step(m, x):
        m.calls = getattr(m, "calls", 0) + 1
        return F.relu(x)

    model = Step(step)
    assert_computes(model, F.relu)


@pytest.mark.parametrize(
    "step",
    [
        lambda m, x: F.relu(x + x.size(0) // 2),
        lambda m, x: F.relu(x) + min(x.size(0), 2),
        lambda m, x: F.relu(x) if x.size(0) % 2 else 2 * F.relu(x),
        lambda m, x: F.relu(x) + torch.full((x.size(0), 1, 1, 1), 1.0 * x.size(0)),
        lambda m, x: F.interpolate(F.relu(x), size=(x.size(0), 6)),
    ],
)
def test_batch_size_that_steers_is_refused(step):
    with pytest.raises(UnsupportedLayerError, match=r"(with|branches on) the batch size"):
        converted(Step(step))


def writes_to_one_image(m, x):
    y = F.relu(x)
    y[0] = 0
    return y


@pytest.mark.parametrize(
    "step",
    [writes_to_one_image, lambda m, x: F.relu(x).cumsum(0), lambda m, x: F.relu(x).roll(1, 0)],
)
def test_place_in_the_batch_that_counts_is_refused(step, monkeypatch):
    for name in ("cumsum", "roll"):
        monkeypatch.setitem(operations._RULE_OF_NAME, name, operations.OperationRule.FIRST)
    with pytest.raises(UnsupportedLayerError, match=r"(mixes the images|picks images out)"):
        converted(Step(step))


def test_batch_of_one_that_is_mended():
    def step(m, x):
        y = m.conv(x).relu().mean((2, 3), keepdim=True).squeeze()
        return m.fc(y.unsqueeze(0) if y.dim() == 1 else y)

    model = Step(step, conv=nn.Conv2d(4, 4, 1), fc=nn.Linear(4, 3))
    assert_computes(model, model)


def test_several_tensors_written_at_once_are_refused():
    def step(m, x):
        a, b = F.relu(x), 2 * x
        torch._foreach_add_([a, b], 1.0)
        return a + b

    with pytest.raises(UnsupportedLayerError, match="writes into several tensors"):
        converted(Step(step))


RECURRENT = [nn.GRU, nn.LSTM, functools.partial(nn.RNN, nonlinearity="relu")]


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_module_is_refused_with_advice(kind):
    model = Step(lambda m, x: F.relu(m.r(x)[0]), r=kind(6, 5, batch_first=True))
    with pytest.raises(
        UnsupportedLayerError, match=r"^layer 'r' \((GRU|LSTM|RNN)\), .*written out"
    ):
        converted(model, images(shape=(5, 6)))


def test_recurrence_written_out():
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.f = nn.Linear(4, 8), nn.Linear(8, 8, bias=False), nn.Linear(8, 3)

        def forward(self, x):
            h = torch.zeros(x.size(0), 8)
            for t in range(x.shape[1]):
                h = torch.relu(self.a(x[:, t]) + self.b(h))
            return self.f(h)

    model = Cell().eval()
    assert_computes(
        model, model, images(shape=(5, 4)), ["relu", "relu#2", "relu#3", "relu#4", "relu#5"]
    )


def test_attention_is_refused_with_advice():
    model = Step(
        lambda m, x: F.relu(m.a(x, x, x)[0]), a=nn.MultiheadAttention(6, 2, batch_first=True)
    )
    with pytest.raises(
        UnsupportedLayerError, match=r"layer 'a' .*Attention multiplies two signals"
    ):
        converted(model, images(shape=(5, 6)))


def test_the_random_state_and_the_grad_mode_stay():
    model = plain()
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    dropping = Step(lambda m, x: F.relu(F.dropout(x)))
    with torch.enable_grad():
        converted(model)
        with pytest.raises(UnsupportedLayerError, match="drops values"):
            converted(dropping)
        assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_einops():
    einops = pytest.importorskip("einops")
    layers = pytest.importorskip("einops.layers.torch")
    torch.manual_seed(0)
    f, g, x = nn.Linear(48, 16), nn.Linear(64, 3), images(shape=(3, 8, 8))
    pattern = "b c (h p) (w q) -> b (h w) (c p q)"

    def step(m, x):
        y = torch.relu(m.f(einops.rearrange(x, pattern, p=4, q=4)))
        return m.g(einops.rearrange(y, "b n d -> b (n d)"))

    def right(x):
        x = x.reshape(x.size(0), 3, 2, 4, 2, 4).permute(0, 2, 4, 1, 3, 5).reshape(x.size(0), 4, 48)
        return g(torch.relu(f(x)).flatten(1))

    assert_computes(Step(step, f=f, g=g), right, x, ["relu"])
    rearrange = layers.Rearrange(pattern, p=4, q=4)
    flat = layers.Rearrange("b n d -> b (n d)")
    assert_computes(nn.Sequential(rearrange, f, nn.ReLU(), flat, g), right, x, ["2"])
    mixing = Step(lambda m, x: einops.reduce(torch.relu(x), "b c h w -> c h w", "mean"))
    with pytest.raises(
        UnsupportedLayerError, match=r"line \d+ of test_models.py .*mixes the images"
    ):
        converted(mixing, x)


def test_preprocessing_as_torchvision_does_it():
    """As its Normalize: checks of the image, and constants made from lists at each call."""

    class Normalize(nn.Module):
        def __init__(self, mean, std):
            super().__init__()
            self.mean, self.std = mean, std

        def forward(self, tensor):
            if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
                raise TypeError("not a float image")
            if tensor.ndim < 3:
                raise ValueError(f"expected an image, got {tensor.size()}")
            mean = torch.as_tensor(self.mean, dtype=tensor.dtype, device=tensor.device)
            std = torch.as_tensor(self.std, dtype=tensor.dtype, device=tensor.device)
            if (std == 0).any():
                raise ValueError("a std of 0")
            return tensor.clone().sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))

    model = nn.Sequential(Normalize([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]), plain())
    mean, std = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.5, 0.6, 0.7, 0.8])
    body = plain()
    assert_computes(
        model, lambda x: body((x - mean[:, None, None]) / std[:, None, None]), layers=["1.2"]
    )
