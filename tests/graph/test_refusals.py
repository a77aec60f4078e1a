"""What cannot be converted is refused by name and line, in words that say what to do."""

import functools
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.steps import Step
from torch import nn

from snnlab import QCFS, Fixed, ann, convert, trace, verify
from snnlab.exceptions import (
    MemoryBudgetError,
    OptionError,
    ShapeError,
    SNNLabError,
    UnsupportedLayerError,
    VerificationError,
)
from snnlab.graph import operations

IMAGE = (4, 6, 6)

# Words of torch.fx and of Python that tell a learner nothing.
JARGON = re.compile(
    r"proxy|torch\.fx|\bfx\b|traceback|placeholder|call_function|call_module|get_attr|symbolic"
    r"|__\w+__|immutable_|nodetype|aten::|specialized|0x[0-9a-f]{6}|object at",
    re.IGNORECASE,
)


def images(number=3, shape=IMAGE):
    return torch.randn(number, *shape, generator=torch.Generator().manual_seed(0))


def message_of(error, call, *args, **kwargs):
    """Return the message of the error that a call raises; check that a learner can read it."""
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    assert type(caught.value) is error
    message = str(caught.value)
    assert not JARGON.search(message), message
    assert message.endswith((".", "?")), message
    assert not re.search(r"  |\n|\.\.(?!\.)|: \.|\(\)\.$| ,", message.replace("...", "")), message
    return message


def assert_refused(model, *parts, error=UnsupportedLayerError, source="", x=None):
    """Check that `convert` refuses a model, quotes the line `source`, and says all `parts`."""
    message = message_of(error, convert, model, images() if x is None else x, threshold=Fixed(1.0))
    quoted = re.search(r" \(`.*`\)", message)
    own_words = message.replace(quoted[0], "") if quoted else message
    assert source in (quoted[0] if quoted else "")
    for part in parts:
        assert part in own_words, f"{part!r} is not in: {own_words}"


# Operations


SMOOTH = ["A spiking neuron computes ReLU; train the model with ReLU in its place"]
NORM = ["It normalizes with statistics of the image itself. Train with BatchNorm in its place."]
PRODUCT = ["combines two values that both depend on the input", "not affine", "Squeeze-excite"]
READS = ["hands values of the images to Python", "cannot steer the computation"]
UNKNOWN = ["cannot be converted to spikes; it is not among the known operations."]

MODULES = {
    "SiLU": (nn.SiLU(), SMOOTH),
    "Sigmoid": (nn.Sigmoid(), SMOOTH),
    "GELU": (nn.GELU(), SMOOTH),
    "Tanh": (nn.Tanh(), SMOOTH),
    "ELU": (nn.ELU(), SMOOTH),
    "Softplus": (nn.Softplus(), SMOOTH),
    "Hardswish": (nn.Hardswish(), SMOOTH),
    "LayerNorm": (nn.LayerNorm(6), NORM),
    "GroupNorm": (nn.GroupNorm(2, 4), NORM),
    "InstanceNorm2d": (nn.InstanceNorm2d(4), NORM),
    "LocalResponseNorm": (nn.LocalResponseNorm(2), NORM),
}


@pytest.mark.parametrize(("module", "parts"), MODULES.values(), ids=MODULES)
def test_unknown_module_is_refused_by_path_and_name(module, parts):
    model = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Conv2d(4, 4, 1), module), nn.ReLU())
    place = f"layer '1.1' ({type(module).__name__}): cannot be converted to spikes"
    assert_refused(model, place, *UNKNOWN, *parts)


def squeeze_excite(m, x):
    gate = torch.relu(m.fc(x.mean((2, 3)))).clamp(0, 1)
    return x * gate[:, :, None, None]


def times_itself(m, x):
    x = 1 * x
    x *= x
    return x


def own_attention(m, x):
    q = torch.relu(x.flatten(2))
    return q @ q.transpose(1, 2)


FUNCTIONS = {
    "torch.sigmoid": (lambda m, x: torch.sigmoid(x), ["(sigmoid)", *UNKNOWN, *SMOOTH]),
    "x.sigmoid": (lambda m, x: x.sigmoid(), ["(sigmoid)", *SMOOTH]),
    "x.sigmoid_": (lambda m, x: (1 * x).sigmoid_(), ["(sigmoid)", *SMOOTH]),
    "F.silu": (lambda m, x: F.silu(x), ["(silu)", *SMOOTH]),
    "F.gelu": (lambda m, x: F.gelu(x), ["(gelu)", *SMOOTH]),
    "torch.tanh": (lambda m, x: torch.tanh(x), ["(tanh)", *SMOOTH]),
    "F.layer_norm": (lambda m, x: F.layer_norm(x, (6,)), ["(layer_norm)", *NORM]),
    "F.group_norm": (lambda m, x: F.group_norm(x, 2), ["(group_norm)", *NORM]),
    "F.normalize": (lambda m, x: F.normalize(x), ["(normalize)", *UNKNOWN]),
    "F.scaled_dot_product_attention": (
        lambda m, x: F.scaled_dot_product_attention(x, x, x),
        ["Attention multiplies two signals."],
    ),
    "softmax inside": (
        lambda m, x: torch.softmax(x, 1) + x,
        ["(softmax)", "A softmax divides by a signal."],
    ),
    "softmax, then a linear layer": (
        lambda m, x: m.last(x.softmax(-1)),
        ["(softmax)", "A softmax divides by a signal."],
    ),
    "x * x": (lambda m, x: x * x, ["(mul)", *PRODUCT]),
    "x *= x": (times_itself, ["(mul)", *PRODUCT]),
    "torch.mul": (lambda m, x: torch.mul(x, 2 * x), ["(mul)", *PRODUCT]),
    "x / x": (lambda m, x: x / (x + 5), ["(div)", *PRODUCT]),
    "1 / x": (lambda m, x: 1 / x, ["(truediv)", "divides by a value that depends on the input"]),
    "x @ x": (lambda m, x: x @ x, ["(matmul)", *PRODUCT]),
    "einsum": (lambda m, x: torch.einsum("bchw,bchw->bc", x, x), ["(einsum)", *PRODUCT]),
    "rounded quotient": (
        lambda m, x: torch.div(x, 2, rounding_mode="floor"),
        ["(div)", "What jumps has no rate."],
    ),
    "x ** 2": (lambda m, x: x**2, ["(pow)", *UNKNOWN]),
    "torch.exp": (lambda m, x: torch.exp(x), ["(exp)", *UNKNOWN]),
    "comparison": (lambda m, x: x * (m.w > 0) + (x > 0), ["(gt)"]),
    "x.topk": (lambda m, x: x.topk(2)[0], ["(topk)"]),
    "x.std": (lambda m, x: x.std(1), ["(std)"]),
    "x.argmax": (lambda m, x: x.argmax(1), ["(argmax)"]),
    "x.round": (lambda m, x: x.round(), ["(round)"]),
    "squeeze-excite": (squeeze_excite, ["(mul)", *PRODUCT]),
    "attention": (own_attention, ["(matmul)", *PRODUCT]),
    "random like the input": (lambda m, x: x + torch.randn_like(x), ["(randn_like)"]),
    "F.threshold": (
        lambda m, x: F.threshold(x, 0.5, 0),
        ["(threshold)", "is no piecewise linear function"],
    ),
    "F.dropout": (
        lambda m, x: F.dropout(x),
        ["(dropout)", "drops values at inference too", "Write training=self.training."],
    ),
    "F.dropout2d": (lambda m, x: F.dropout2d(x, 0.5), ["(dropout2d)", "drops values at inference"]),
    "F.dropout(training=True)": (
        lambda m, x: F.dropout(x, 0.5, True),
        ["(dropout)", "drops values"],
    ),
    "F.batch_norm(training=True)": (
        lambda m, x: F.batch_norm(x, m.zeros, m.ones, training=True),
        ["(batch_norm)", "uses the statistics of the batch", "Write model.eval() first."],
    ),
    "F.batch_norm by position": (
        lambda m, x: F.batch_norm(x, m.zeros, m.ones, None, None, True),
        ["(batch_norm)", "uses the statistics of the batch"],
    ),
    "out=": (
        lambda m, x: torch.add(x, 1, out=2 * x),
        ["(add)", "writes into a given tensor", "Leave `out=` away."],
    ),
    "indices of max pooling": (
        lambda m, x: F.max_pool2d(x, 2, return_indices=True)[0],
        ["max_pool2d", "return_indices"],
    ),
    "x.half": (lambda m, x: x.half(), ["(half)"]),
    "x.to(float16)": (lambda m, x: x.to(torch.float16), ["(to)", "expected float32 or float64"]),
    "x.item": (lambda m, x: x * x.mean().item(), ["(item)", *READS]),
    "x.numpy": (lambda m, x: x.numpy(), ["(numpy)", *READS]),
    "x.tolist": (lambda m, x: x + x.tolist()[0][0][0][0], ["(tolist)", *READS]),
    "torch.equal": (lambda m, x: x if torch.equal(x, 2 * x) else -x, ["(equal)", *READS]),
    "in": (lambda m, x: x + (1.0 in x), ["(contains)", *READS]),
}


def parts():
    return {
        "w": torch.linspace(-1, 1, 6),
        "zero": torch.zeros(()),
        "zeros": torch.zeros(4),
        "ones": torch.ones(4),
        "fc": nn.Linear(4, 4),
        "last": nn.Linear(6, 6),
    }


@pytest.mark.parametrize(("step", "expected"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_operation_is_refused_with_its_line(step, expected):
    # At the very end of a model any function of the logits may stand.
    model = Step(lambda m, x: torch.relu(1 * m.after(x.relu())), after=Step(step, **parts())).eval()
    line = step.__code__.co_firstlineno
    name = step.__name__
    place = f"line {line} of test_refusals.py" if name == "<lambda>" else " of test_refusals.py"
    assert_refused(model, *expected, "layer 'after", place, source=SOURCES.get(name, "lambda"))


SOURCES = {
    "squeeze_excite": "return x * gate[:, :, None, None]",
    "own_attention": "return q @ q.transpose(1, 2)",
    "times_itself": "x *= x",
}


def test_message_shows_the_line_and_its_text():
    model = nn.Sequential(nn.ReLU(), Step(lambda m, x: x * x + 12345), nn.ReLU())
    line = model[1].step.__code__.co_firstlineno
    assert message_of(UnsupportedLayerError, trace, model, images()).startswith(
        f"layer '1' (mul), line {line} of test_refusals.py (`model = nn.Sequential(nn.ReLU(), "
        f"Step(lambda m, x: x * x + 12345), nn.ReLU())`): combines two "
    )


def test_message_names_the_cell_of_a_notebook():
    names = {}
    exec(compile("step = lambda m, x: x * x", "/tmp/ipykernel_7/3976477352.py", "exec"), names)
    model = nn.Sequential(Step(names["step"]), nn.ReLU())
    assert ", line 1 of the cell: " in message_of(UnsupportedLayerError, trace, model, images())


def test_message_at_the_top_names_the_operation_only():
    assert_refused(Step(lambda m, x: torch.relu(x.tanh())), "'tanh', line ")


def test_message_in_a_block_names_the_path_of_the_block():
    block = nn.Sequential(nn.ReLU(), Step(lambda m, x: F.silu(x)))
    assert_refused(nn.Sequential(nn.Identity(), block, nn.ReLU()), "layer '1.1' (silu), line ")


# Forms of a model


def branches_on_values(m, x):
    if x.sum() > 0:
        return torch.relu(x)
    return x


def branches_on_the_batch(m, x):
    if x.shape[0] > 1:
        x = x - 1
    return torch.relu(x)


def another_output_for_one_image(m, x):
    return 2 * x if len(x) == 1 else x


def another_output_behind_a_silent_relu(m, x):
    x = torch.relu(x - 100)
    return 2 * x if len(x) == 1 else x


def loops_over_the_batch(m, x):
    for _ in range(x.size(0)):
        x = torch.relu(x - 1)
    return x


def another_step_before_weights(m, x):
    x = 2 * x if len(x) == 1 else x
    return F.conv2d(x, torch.ones(2, 4, 1, 1))


def turns_into_bool(m, x):
    return torch.relu(x) if bool(x.any()) else x


def makes_an_array(m, x):
    return torch.relu(x) + torch.from_numpy(np.asarray(x))


def asserts_a_size(m, x):
    assert x.shape[1] == 3
    return torch.relu(x)


def is_broken(m, x):
    return torch.relu(m.no_such_layer(x))


UNTRACEABLE = {
    branches_on_values: ("if x.sum() > 0:", "'bool'", *READS),
    branches_on_the_batch: ("x = x - 1", "branches on the batch size"),
    loops_over_the_batch: ("x = torch.relu(x - 1)", "branches on the batch size"),
    another_output_for_one_image: ("2 * x if len(x) == 1 else x", "branches on the batch size"),
    another_output_behind_a_silent_relu: ("2 * x if len(x) == 1", "branches on the batch size"),
    another_step_before_weights: ("x = 2 * x if len(x) == 1", "branches on the batch size"),
    turns_into_bool: ("bool(x.any())", "'bool'", *READS),
    makes_an_array: ("np.asarray(x)", "'array'", *READS),
    is_broken: ("m.no_such_layer(x)", "model, line ", "has no attribute 'no_such_layer'"),
}


@pytest.mark.parametrize(
    ("step", "expected"), UNTRACEABLE.items(), ids=lambda s: getattr(s, "__name__", "")
)
def test_forward_that_cannot_be_followed_is_refused_with_its_line(step, expected):
    line, *parts = expected
    assert_refused(Step(step), " of test_refusals.py: ", *parts, source=line)


def test_assertion_that_the_images_fail_is_shown():
    assert_refused(
        Step(asserts_a_size),
        "model, line ",
        "fails for a batch of 2 images of shape (4, 6, 6): AssertionError",
        error=ShapeError,
        source="assert x.shape[1] == 3",
    )


def test_forward_with_two_inputs_is_refused():
    class Two(nn.Module):
        def forward(self, x, mask):
            return torch.relu(x * mask)

    assert_refused(
        Two(),
        "model: forward takes ['x', 'mask'], expected exactly one input without a default",
        "Give the others one value for all images: `model.forward = functools.partial("
        "model.forward, mask=mask)`.",
    )


def test_the_advice_for_a_second_input_helps():
    class Two(nn.Module):
        def forward(self, x, mask):
            return torch.relu(x * mask)

    model = Two()
    model.forward = functools.partial(model.forward, mask=torch.ones(6))
    assert convert(model, images(), threshold=Fixed(1.0)).layers == ["relu"]


def test_forward_without_input_is_refused():
    class Zero(nn.Module):
        def forward(self):
            return torch.zeros(1)

    assert_refused(Zero(), "model: forward takes [], expected exactly one input")


@pytest.mark.parametrize(
    ("wrap", "kind", "todo"),
    [
        (lambda y: (y, y), "tuple", "Choose one of [0, 1]: output=0."),
        (lambda y: [y], "list", "Choose one of [0]: output=0."),
        (lambda y: {"n": 1, "out": y, "aux": y}, "dict", "of ['out', 'aux']: output='out'."),
        (lambda y: y.chunk(2, 1), "tuple", "Choose one of [0, 1]: output=0."),
        (lambda y: None, "NoneType", "Wrap the model in a module that returns the one output"),
    ],
)
def test_output_that_is_no_tensor_is_refused(wrap, kind, todo):
    model = Step(lambda m, x: wrap(torch.relu(x)))
    assert_refused(model, f"model: returns {kind}, expected one tensor", todo)


def test_output_that_does_not_depend_on_the_input_is_refused():
    assert_refused(Step(lambda m, x: torch.zeros_like(x)), "output does not depend on its input")


def batchnorm(training=False, **options):
    model = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, **options), nn.ReLU())
    return model.train(training)


def test_batchnorm_in_training_mode_is_refused():
    assert_refused(
        batchnorm(training=True),
        "layer '1' (BatchNorm2d): is in training mode",
        "depends on the other images of the batch",
        "write model.eval() first",
    )


def test_batchnorm_without_running_statistics_is_refused():
    assert_refused(
        batchnorm(track_running_stats=False),
        "layer '1' (BatchNorm2d): has no running statistics",
        "Expected track_running_stats=True; train with it.",
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(value):
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU())
    with torch.no_grad():
        model[0].weight[0, 0] = value
    assert_refused(model, "model: '0.weight' holds NaN or infinite values, expected finite weights")


def test_statistics_that_are_not_finite_are_refused():
    model = batchnorm()
    model[1].running_var[0] = float("nan")
    assert_refused(model, "model: '1.running_var' holds NaN or infinite values")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_model_is_refused(dtype):
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU()).to(dtype)
    assert_refused(
        model, f"model: '0.weight' is of type {dtype}, expected float32", "Write model.float()"
    )


def test_model_without_weights_yet_is_refused():
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU())
    assert_refused(model, "model: '0.weight' has no values yet, expected a trained network")


@pytest.mark.parametrize("device", ["meta"])
def test_model_whose_weights_were_not_loaded_is_refused(device):
    model = nn.Sequential(nn.Linear(6, 3, device=device), nn.ReLU())
    assert_refused(model, "model: '0.weight' has no values yet", "Load its weights")


NO_MODULES = [
    (torch.relu, "Wrap the function in a module"),
    (nn.ReLU, "This is a class: make a model of it"),
    ("resnet18.pt", "model.load_state_dict(torch.load(file))."),
    (Path("resnet18.pt"), "model.load_state_dict(torch.load(file))."),
    ({"0.weight": 1}, "model.load_state_dict(weights)."),
    (None, "The model comes first"),
    (torch.zeros(2, 3), "The model comes first"),
]


@pytest.mark.parametrize(("model", "todo"), NO_MODULES)
def test_what_is_no_module_is_refused(model, todo):
    assert_refused(model, f"model: found {type(model).__name__}, expected a torch.nn.Module", todo)


@pytest.mark.parametrize(
    "step",
    [
        lambda m, x: torch.vmap(lambda w: x * w)(m.w[None]).relu()[0],
        lambda m, x: torch.vmap(torch.relu)(x),
    ],
)
def test_vmap_is_refused_with_advice(step):
    model = Step(step, w=torch.ones(4, 6, 6))
    assert_refused(model, "model, line", "within torch.vmap", "Write it without vmap")


def test_model_without_relu_is_refused():
    assert_refused(
        nn.Sequential(nn.Linear(6, 6), nn.MaxPool2d(2)),
        "model: found no ReLU that depends on the input, expected at least one",
        "Train the model with ReLU activations.",
    )


def test_model_whose_only_bend_is_a_maximum_over_a_dimension_is_shown_the_way():
    linear, last = nn.Linear(6, 8), nn.Linear(4, 2)
    x = images(shape=(6,))

    def maxout(m, x):
        return last(linear(x).view(-1, 4, 2).amax(2))

    def by_two(m, x):
        a, b = linear(x).view(-1, 4, 2).unbind(2)
        return last(torch.maximum(a, b))

    with pytest.raises(UnsupportedLayerError, match=r"only maxima.*torch\.maximum\(a, b\)"):
        convert(Step(maxout, linear=linear, last=last), x)
    network = convert(Step(by_two, linear=linear, last=last), x)
    assert ann(network, x).outputs == pytest.approx(maxout(None, x).detach().numpy(), abs=1e-6)


def test_staircase_of_one_step_is_refused():
    assert_refused(
        nn.Sequential(nn.Linear(6, 6), QCFS(1), nn.ReLU()),
        "layer '1' (QCFS)",
        "a staircase of two or more equal steps converts.",
    )


def test_model_whose_only_relu_is_on_a_constant_is_refused():
    assert_refused(Step(lambda m, x: x + torch.relu(m.w), w=torch.ones(6)), "found no ReLU")


# The batch


def test_hard_coded_batch_size_is_refused():
    assert_refused(
        Step(lambda m, x: torch.relu(x).view(64, -1)),
        "'view', line ",
        "fails for a batch of 2 images of shape (4, 6, 6)",
        "Expected a model that takes any number of images of this shape",
        "use x.size(0) or torch.flatten(x, 1)",
        error=ShapeError,
        x=images(64),
    )


def test_hard_coded_batch_size_that_fits_is_refused():
    assert_refused(
        Step(lambda m, x: torch.relu(x).view(2, -1)),
        "'view', line ",
        "mixes the images of a batch: 2 images give shape (2, 144), 5 give (2, 360)",
        "expected the number of images first and the rest equal",
        "Keep the first dimension for the images in every step.",
    )


def test_mixing_of_images_is_refused():
    assert_refused(
        Step(lambda m, x: torch.relu(x - x.mean(0))),
        "'mean', line ",
        "mixes the images of a batch",
        "Keep the first dimension for the images",
    )


def test_turning_the_batch_is_refused():
    assert_refused(Step(lambda m, x: torch.relu(x).flip(0)), "'flip', line ", "mixes the images")


def test_picking_of_images_is_refused():
    assert_refused(
        Step(lambda m, x: torch.relu(x[:3])),
        "'getitem', line ",
        "picks images out of the batch",
        "Begin the index with a colon.",
    )


def test_computing_with_the_batch_size_is_refused():
    assert_refused(
        Step(lambda m, x: torch.relu(x) / x.size(0)),
        "line ",
        "computes with the batch size",
        "Use the batch size only in view, reshape and expand.",
    )


def test_in_place_on_a_constant_is_refused():
    assert_refused(
        Step(lambda m, x: torch.relu(x) + m.w.add_(1), w=torch.zeros(6)),
        "'add', line ",
        "changes a constant in place",
        "Return a new tensor instead.",
    )


def test_random_numbers_in_the_forward_are_refused_by_name():
    assert_refused(Step(lambda m, x: torch.relu(x) + torch.randn(6)), "'randn', line ", "random")


def test_random_numbers_as_many_as_images_are_refused():
    message = message_of(
        UnsupportedLayerError,
        trace,
        Step(lambda m, x: torch.relu(x) + torch.rand((x.size(0), 1, 1, 1))),
        images(),
    )
    assert message.startswith("'rand', line ")


# Images


def model():
    return nn.Sequential(nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))


BAD_IMAGES = {
    "no images": (torch.zeros(0, *IMAGE), "shape (0, 4, 6, 6), expected (B, ...) with at least"),
    "an empty list": ([], "shape (0,), expected (B, ...) with at least one image"),
    "one number": (np.float64(1.0), "shape (), expected (B, ...) with at least one image"),
    "images without values": (torch.zeros(2, 0, 6), "0, 6), expected"),
    "one vector": (torch.zeros(6), "shape (6,), expected (B, ...) with at least one image"),
    "NaN": (images() * float("nan"), "holds NaN or infinite values, first in image 0, "),
    "infinite": (np.full((2, *IMAGE), np.inf), "holds NaN or infinite values"),
    "a string": ("images", "found str, expected an array, a tensor or a nested list"),
    "strings": ([["a", "b"]], "cannot be read as an array of numbers"),
    "objects": (np.array([[object()]]), "cannot be read as an array of numbers"),
    "ragged": ([[1.0, 2.0], [1.0]], "cannot be read as an array of numbers"),
    "complex numbers": (images().numpy() * 1j, "cannot be read as an array of numbers"),
    "complex tensor": (images() * 1j, "cannot be read as an array of numbers"),
    "None": (None, "found NoneType"),
    "a dict": ({"x": images()}, "found dict, expected an array"),
}


@pytest.mark.parametrize(("x", "expected"), BAD_IMAGES.values(), ids=BAD_IMAGES)
@pytest.mark.parametrize("call", [convert, trace, lambda m, x: verify(m, NETWORK, x)])
def test_images_that_are_none_are_refused(call, x, expected):
    with pytest.raises(ShapeError) as caught:
        call(model(), x)
    message = str(caught.value)
    assert re.match(r"x(_cal)?: ", message)
    assert expected in message
    assert message.endswith(".")


NETWORK = convert(model(), images(), threshold=Fixed(1.0))


@pytest.mark.parametrize(
    ("shape", "line"), [((3, 6, 6), "layer '0' (Conv2d)"), ((4, 9, 9), "layer '3' (Linear)")]
)
def test_images_of_a_shape_that_does_not_fit_the_model_are_refused(shape, line):
    message = message_of(ShapeError, convert, model(), images(2, shape))
    assert f"{line}: fails for a batch of 2 images of shape {shape}" in message
    assert "Look at the shape of x" in message


def test_a_model_that_finds_no_memory_is_no_matter_of_its_shape():
    class Huge(nn.Module):
        def forward(self, x):
            return torch.relu(x).expand(-1, -1, 1 << 44).clone()

    message = message_of(MemoryBudgetError, convert, Huge(), torch.rand(2, 1, 1))
    assert re.match(r"'clone', line \d+ of test_refusals.py .*: there is no memory left", message)
    assert "batch of 2 images of shape (1, 1)" in message
    assert message.endswith("Convert with smaller images, or where there is more memory.")


def test_one_image_without_batch_is_refused():
    message = message_of(ShapeError, convert, model(), images()[0])
    assert "fails for a batch of 2 images of shape (6, 6)" in message


def test_verify_refuses_images_of_another_shape():
    message = message_of(ShapeError, verify, model(), NETWORK, images(2, (4, 7, 7)))
    assert "x: images of shape (4, 7, 7), expected (4, 6, 6), the shape this network was" in message


# Options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"threshold": 1.0}, "threshold = 1.0: expected Percentile(p), Maximum(), MMSE(timesteps)"),
        ({"reset": "soft"}, "reset = 'soft': expected 'subtract' or 'zero'"),
        ({"reset": "substract"}, "Did you mean 'subtract'?"),
        ({"v_init": 1.0}, "v_init = 1.0: expected a number in [0, 1), in units of the threshold"),
        ({"threshold": Fixed({"2": 1.0})}, "layer '2': not among the spiking layers"),
        ({"threshold": Fixed({})}, "Fixed gives none for the layers ['1']"),
    ],
)
def test_option_of_convert_is_refused(options, expected):
    assert expected in message_of(OptionError, convert, model(), images(), **options)


def test_every_error_is_a_value_error_of_the_package():
    for error in (UnsupportedLayerError, ShapeError, OptionError, VerificationError):
        assert issubclass(error, SNNLabError)
        assert issubclass(error, ValueError)


# The page for learners


PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "what_converts.md"


def names_in_table(heading, column):
    """Return the names in backticks of one column of the table under a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")]
    return re.findall(r"`([^`]+)`", " ".join(row[column] for row in rows[1:]))


def test_page_lists_the_functions_that_convert_and_no_others():
    listed = names_in_table("Operations that convert", 2)
    assert len(listed) == len(set(listed))
    assert set(listed) == set(operations._RULE_OF_NAME)


def test_page_calls_nothing_refused_that_converts():
    refused = names_in_table("What is refused, and what to do", 0)
    plain = [name for name in refused if re.fullmatch(r"\w+", name) and name != "softmax"]
    assert len(plain) > 20
    assert [name for name in plain if operations.rule_of(name)] == []
