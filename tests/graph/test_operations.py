"""The table of operations knows every function of torch that is affine in the images."""

import functools
import itertools
import re

import pytest
import torch
from torch import nn
from torch.overrides import get_overridable_functions

from snnlab import trace
from snnlab.graph import operations
from snnlab.graph.evaluation import evaluate
from snnlab.graph.operations import Kind

DOUBLE = torch.float64
_GENERATOR = torch.Generator().manual_seed(0)


def const(*shape):
    return torch.randn(*shape, generator=_GENERATOR, dtype=DOUBLE)


SHAPES = [(4, 6, 6), (6,), (4, 6)]
# What follows the images in a call. Names stand for constants that fit the shape of the images.
ARGUMENTS = [
    *[
        (),
        (0,),
        (1,),
        (2,),
        (-1,),
        (1, 2),
        (2, 2),
        (1, 1),
        (0.5,),
        (1, 0, 1),
        (2, 0, 1),
        (-1, 4, 6),
    ],
    *[((1,),), ((2, 3),), ((1, 2),), ((2, 2),), ((0, 2, 1),), ((0, 3, 1, 2),), (1, [2, 2], 1)],
    *[("same",), ("same", "same"), ("same", "same", 0.5), ("square",), ("row",), ("mask", "same")],
    *[
        ("mask", 0.5),
        (1, "index"),
        ("index", 1),
        (1, "index", "images"),
        ("shape",),
        (DOUBLE,),
    ],
]
# Calls with arguments of their own, of images of shape (B, 4, 6, 6).
CALLS = {
    "addmm": lambda f, x: f(W6, x[:, 0, 0], W266[0]),
    "baddbmm": lambda f, x: f(x[:, 0], W6[None, :, None].expand(len(x), -1, -1), x[:, 0, :1]),
    "batch_norm": lambda f, x: f(x, W4, W4**2, None, None, False, 0.1, 1e-5),
    "bilinear": lambda f, x: f(x, IMAGE.expand(len(x), -1, -1, -1), W266),
    "addmv": lambda f, x: f(x[:, 0, 0, 0], x[:, 0, 0], W6),
    "addr": lambda f, x: f(x[:, 0, 0], x[:, 0, 0, 0], W6),
    "grid_sampler": lambda f, x: f(x, GRID.expand(len(x), -1, -1, -1), 0, 0, True),
    "grid_sampler_2d": lambda f, x: f(x, GRID.expand(len(x), -1, -1, -1), 0, 0, True),
    "concat": lambda f, x: f((x, 2 * x), 1),
    "concatenate": lambda f, x: f((x, 2 * x), 1),
    "cross": lambda f, x: f(x[:, :3], IMAGE[:, :3], dim=1),
    "index_fill": lambda f, x: f(x, 1, PICKED, 0.5),
    "index_select": lambda f, x: f(x, 1, PICKED),
    "masked_fill": lambda f, x: f(x, IMAGE > 0, 0.5),
    "where": lambda f, x: f(IMAGE > 0, x, 2 * x),
    "unsafe_split_with_sizes": lambda f, x: f(x, [1, 3], 1),
    **dict.fromkeys(("view_as", "reshape_as", "expand_as"), lambda f, x: f(2 * x, x)),
    "cumsum": lambda f, x: f(x, 1),
    "bmm": lambda f, x: f(x[:, 0], W266[:1].expand(len(x), -1, -1)),
    "broadcast_tensors": lambda f, x: f(x, 2 * x),
    "cat": lambda f, x: f((x, 2 * x), 1),
    "column_stack": lambda f, x: f((x, 2 * x)),
    "conv1d": lambda f, x: f(x[:, 0], W263),
    "conv2d": lambda f, x: f(x, W2433),
    "conv3d": lambda f, x: f(x[:, None], W2433[:, None, :1, :2]),
    "conv_transpose1d": lambda f, x: f(x[:, 0], W263.movedim(1, 0)),
    "conv_transpose2d": lambda f, x: f(x, W2433.movedim(1, 0)),
    "conv_transpose3d": lambda f, x: f(x[:, None], W2433[:1, :, None]),
    "diagonal_scatter": lambda f, x: f(x, 2 * x[:, :, 0], 0, 2, 3),
    "dstack": lambda f, x: f((x, 2 * x)),
    "roll": lambda f, x: f(x, 1, 1),
    "t": lambda f, x: f(f(x[:, 0, 0])),
    "einsum": lambda f, x: f("bchw,dc->bdhw", x, W266[0, :3, :4]),
    "fold": lambda f, x: f(x[:, 0, :4, :4], (3, 3), (2, 2)),
    "grid_sample": lambda f, x: f(x, GRID.expand(len(x), -1, -1, -1), align_corners=True),
    "hstack": lambda f, x: f((x, 2 * x)),
    "index_add": lambda f, x: f(x, 1, PICKED, 2 * x[:, :2]),
    "index_copy": lambda f, x: f(x, 1, PICKED, 2 * x[:, :2]),
    "linalg_cross": lambda f, x: f(x[:, :3], IMAGE[:, :3], dim=1),
    "linalg_multi_dot": lambda f, x: f((x[:, 0, 0], W266[0], W266[1])),
    "scatter": lambda f, x: f(x, 1, torch.zeros(len(x), 1, 6, 6, dtype=torch.long), 2 * x),
    "select_scatter": lambda f, x: f(x, 2 * x[:, 0], 1, 1),
    "slice_scatter": lambda f, x: f(x, 2 * x[:, :2], 1, 0, 2),
    "split_with_sizes": lambda f, x: f(x, [1, 3], 1),
    "stack": lambda f, x: f((x, 2 * x), 1),
    "tensor_split": lambda f, x: f(x, 2, 1),
    "unflatten": lambda f, x: f(x, 1, (2, 2)),
}
W4, W6, W266, W263, W2433 = const(4), const(6), const(2, 6, 6), const(2, 6, 3), const(2, 4, 3, 3)
IMAGE, PICKED, GRID = const(1, 4, 6, 6), torch.tensor([1, 0]), const(1, 3, 3, 2).tanh()

# Affine with some arguments only, or for reasons that make them useless here.
LINEAR_FOR_ONE_SETTING = {"float_power", "pow", "matrix_power", "linalg_matrix_power"}
EXCEPTIONS = {
    **dict.fromkeys(LINEAR_FOR_ONE_SETTING, "a power; affine for the exponent 1"),
    "normalize": "divides by a norm; affine for p = 0",
    "local_response_norm": "divides by a norm; affine for alpha = 0",
    "hardshrink": "not continuous; the identity for lambda 0",
    "nextafter": "changes the last bit",
    "hinge_embedding_loss": "a loss",
    "kl_div": "a loss",
    "fractional_max_pool2d": "draws random numbers; the identity for windows of 1",
    "fractional_max_pool3d": "draws random numbers; the identity for windows of 1",
    "embedding_bag": "takes images for its table",
    "take": "numbers the values through the whole batch",
    "chain_matmul": "deprecated; linalg_multi_dot is known",
    "conv_tbc": "has the batch in the second dimension",
    "dequantize": "the identity, in another floating type",
    "diag": "of vectors only, and of a batch of them the diagonal",
    "block_diag": "joins the batch",
    "sum_to_size": "takes the batch size as an argument",
    "resize_as": "takes the batch size as an argument",
    "slice_inverse": "takes the batch size as an argument",
    "index": "not of torch's public functions",
    "sym_sum": "of numbers, not of tensors",
    "view_copy": "known as view",
    "__rmatmul__": "recorded as matmul",
}


def functions():
    """Return torch's functions and methods by name, without in-place forms and private ones."""
    found = {}
    for space, members in get_overridable_functions().items():
        for function in members:
            name = getattr(function, "__name__", "")
            private = name.startswith("_") and not name.startswith("__")
            if (
                (name.endswith("_") and not name.endswith("__"))
                or private
                or name.startswith(("__get_", "__i"))
            ):
                continue
            # torch.nn.functional first: a function there may have the name of another one in torch.
            first = space is torch.nn.functional
            if first or name not in found:
                found[name] = function
    return found


NOT_FUNCTIONS_OF_IMAGES = re.compile(
    r"^(is_|empty|miopen|fbgemm|quantize|q_|special_|sparse|lobpcg|pca_lowrank|svd_lowrank|retain|dim_order"
    r"|register|share_memory|record_stream|pin_memory|requires_grad|detach|__dlpack|__reduce|__setstate|to_sparse|storage"
    r"|backward|batch_norm_|cudnn|mkldnn|gru|lstm|rnn|numpy|item|tolist|data_ptr)"
)


def arguments_of(x, names):
    shape = x.shape[1:]
    known = {
        "same": IMAGE[0, :, :, :].flatten()[: shape.numel()].reshape(shape),
        "square": W266[0],
        "row": W6,
        "mask": (IMAGE[0].flatten()[: shape.numel()] > 0).reshape(shape),
        "index": torch.ones_like(x, dtype=torch.long),
        "images": x,
        "shape": x.shape,
    }
    return [known[n] if isinstance(n, str) else n for n in names]


def keeps_middle(call, shape):
    """Return whether a call is affine in a batch of images, each by itself."""
    generator = torch.Generator().manual_seed(2)
    p, q = torch.randn(2, 3, *shape, generator=generator, dtype=DOUBLE)
    try:
        found = [call(p)]
        if not isinstance(found[0], (torch.Tensor, tuple, list)):
            return False
        found += [call(q), call((p + q) / 2), call(p[[1, 0]])]
        if isinstance(found[0], torch.Tensor):
            found = [[value] for value in found]
        return all(itertools.starmap(_is_middle, zip(*found, strict=True)))
    except Exception:  # not a call that torch knows
        return False


def _is_middle(a, b, middle, two):
    batch_first = a.shape[:1] == (3,) and two.shape == (2, *a.shape[1:])
    if not (a.is_floating_point() and batch_first and torch.allclose(a[[1, 0]], two)):
        return False
    changes = not torch.equal(a, b)
    return bool(changes and torch.isfinite(a).all() and torch.allclose((a + b) / 2, middle))


def affine_call(name, function):
    """Return a call of a function that keeps the middle, and the shape of an image; or None."""
    if name in CALLS:
        calls = [(functools.partial(CALLS[name], function), SHAPES[0])]
    else:
        calls = [
            (lambda x, a=arguments: function(x, *arguments_of(x, a)), shape)
            for shape in SHAPES
            for arguments in ARGUMENTS
        ]
    return next((call for call in calls if keeps_middle(*call)), None)


FUNCTIONS = functions()
AFFINE = {
    operations.OperationRule[name] for name in ("FIRST", "ANY", "ONE", "MEASURED", "NUMERATOR")
}
AFFINE |= {operations.OperationRule.RESHAPE, operations.OperationRule.VANISH}
# Of these an affine call would need arguments that are not tried here.
UNTRIED = {
    "cuda",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
    "index_put",
    "float",
    "grid_sampler_3d",
    "int",
    "long",
}
UNTRIED |= {name for name in operations._RULE_OF_NAME if "dropout" in name}
TABLE = sorted(
    name
    for name, rule in operations._RULE_OF_NAME.items()
    if rule in AFFINE and name in FUNCTIONS and name not in UNTRIED
)


@pytest.mark.slow
def test_every_affine_function_of_torch_is_known_or_named_here():
    """Which functions keep the middle of two batches is measured, so none is forgotten."""
    unknown = [
        name
        for name, function in FUNCTIONS.items()
        if not operations.rule_of(name.strip("_"))
        and name not in EXCEPTIONS
        and not NOT_FUNCTIONS_OF_IMAGES.search(name)
        and affine_call(name, function)
    ]
    assert sorted(unknown) == []


class Calling(nn.Module):
    """A model that makes one call, and keeps the last of several results."""

    def __init__(self, call):
        super().__init__()
        self.call = call
        self.weight = nn.Parameter(torch.zeros(1, dtype=DOUBLE))

    def forward(self, x):
        result = self.call(x + self.weight)
        return result if isinstance(result, torch.Tensor) else result[-1]


@pytest.mark.parametrize("name", TABLE)
def test_affine_function_of_the_table_is_traced(name):
    call, shape = affine_call(name, FUNCTIONS[name])
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(3), dtype=DOUBLE)
    model = Calling(call)
    graph = trace(model, x)
    assert {node.meta["kind"] for node in graph.nodes} <= {Kind[n] for n in KINDS}
    assert graph.head is None
    assert torch.allclose(evaluate(graph, x), model(x), rtol=1e-12)


KINDS = ("INPUT", "CONSTANT", "AFFINE", "OUTPUT")


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_exception_is_not_in_the_table(name):
    assert name in FUNCTIONS
    assert name.strip("_") not in operations._RULE_OF_NAME


# Advice


ADVISED = {
    "sigmoid": "or with Hardsigmoid. At the very end",
    "tanh": "or with Hardtanh",
    "silu": "or with LeakyReLU",
    "hardswish": "or with LeakyReLU",
    "hardshrink": "Softshrink",
    "LayerNorm": "Train with BatchNorm",
    "scaled_dot_product_attention": "Attention multiplies two signals",
    "lstm": "written out",
    "gru_cell": "written out",
    "topk": "sort or choose afterwards",
    "argmax": "sort or choose afterwards",
    "softmax": "divides by a signal",
    "normalize": "Divide by a constant",
    "pow": "products with a constant",
    "exp": "products with a constant",
    "round": "a staircase of two or more equal steps",
    "fft_rfft": "Complex values",
    "ravel": "torch.flatten(x, 1)",
}


@pytest.mark.parametrize(("name", "todo"), ADVISED.items())
def test_advice_fits_what_is_refused(name, todo):
    assert todo in operations.advice(name)


def test_advice_is_one_for_each_name_and_made_of_sentences():
    names = [name for names in operations._KINDS.values() for name in names]
    assert sorted(names) == sorted(set(names))
    assert all(todo.endswith(".") for todo in operations._KINDS)
    assert "docs/what_converts.md" in operations.advice("no_such_function")
