"""What the converter knows of each torch operation: the table behind `trace`.

Between two spiking layers everything must be affine in the input: then it commutes with averaging
over time, and torch itself evaluates it on spikes. An operation that is in no set here is refused.
"""

from enum import Enum
from typing import Any

import torch
from torch import fx, nn

from snnlab.exceptions import ShapeError


class Kind(Enum):
    """What a node of the canonical graph is to the simulator."""

    INPUT = "input"
    CONSTANT = "constant"
    AFFINE = "affine"
    RELU = "relu"
    MAX_POOL = "max pool"
    RECTIFIER = "rectifier"
    OUTPUT = "output"


class OperationRule(Enum):
    """Which arguments of an operation may depend on the input, and what becomes of it."""

    FIRST = "affine in its first argument, the others constant"
    ANY = "affine in all arguments together: sums and concatenations"
    ONE = "affine in one factor: at most one argument depends on the input"
    NUMERATOR = "affine in the numerator: the divisor is constant"
    MEASURED = "affine with some arguments, as the middle of two inputs shows"
    RESHAPE = "a change of shape, rewritten with a concrete shape"
    FILL = "makes a constant as large as the batch"
    VANISH = "the identity at inference"
    RELU = "becomes spiking neurons"
    POINTWISE = "bends each value alone: by itself or with its neighbours a sum of ReLUs"
    MAX_POOL = "maximum over space, exact in time"
    MAXIMUM = "maximum or minimum: of two signals, or over a dimension"
    LOOKUP = "looks up the whole numbers that an image holds"


_DIMENSIONS = ("1d", "2d", "3d")


def _each(*stems: str) -> set[str]:
    return {stem + d for stem in stems for d in _DIMENSIONS}


RANDOM = {"rand", "randn", "randint", "randperm", "normal", "rand_like", "randn_like"}
RANDOM |= {"randint_like", "bernoulli", "multinomial", "poisson", "uniform", "exponential"}
RANDOM |= {"random", "cauchy", "geometric", "log_normal"}

# Functions and methods share their names; in-place forms ("relu_", "iadd") are looked up by the
# name of the form that is not in place.
_NAMES: dict[OperationRule, set[str]] = {
    OperationRule.FIRST: _each("avg_pool", "adaptive_avg_pool")
    | {"mean", "nanmean", "sum", "nansum", "neg", "negative", "cumsum", "batch_norm"}
    | {"permute", "transpose", "t", "swapaxes", "swapdims", "movedim", "moveaxis", "mT", "mH"}
    | {"adjoint", "fft_fftshift", "fft_ifftshift", "linalg_diagonal", "slice"}
    | {"chunk", "split", "tensor_split", "hsplit", "vsplit", "dsplit", "split_with_sizes"}
    | {"unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "unbind", "getitem", "narrow"}
    | {"select", "index_select", "take_along_dim", "gather", "diagonal", "diag_embed"}
    | {"repeat", "tile", "repeat_interleave", "pad", "constant_pad_nd", "flip", "fliplr", "rot90"}
    | {"roll", "tril", "triu", "unfold", "fold", "pixel_shuffle", "pixel_unshuffle"}
    | {"channel_shuffle", "native_channel_shuffle", "interpolate", "upsample"}
    | {"upsample_bilinear", "upsample_nearest", "deg2rad", "rad2deg", "trapezoid", "trapz"}
    | {"cumulative_trapezoid"},
    OperationRule.ANY: {"add", "radd", "sub", "rsub", "subtract", "cat", "concat", "concatenate"}
    | {"stack", "hstack", "dstack", "column_stack", "broadcast_tensors", "diff"},
    OperationRule.ONE: {"mul", "rmul", "multiply", "matmul", "mm", "bmm", "einsum"}
    | {"linear", "bilinear", "inner", "kron", "tensordot", "mv", "spmm", "dsmm", "multi_dot"}
    | {"vecdot", "linalg_vecdot", "linalg_multi_dot", "linalg_matmul", "cross", "linalg_cross"}
    | _each("conv", "conv_transpose"),
    OperationRule.NUMERATOR: {"truediv", "div", "divide", "true_divide"},
    OperationRule.MEASURED: {"where", "masked_fill", "lerp", "addmm"}
    | {"baddbmm", "addmv", "addr", "addcmul", "addcdiv", "index_add", "index_copy", "index_fill"}
    | {"index_put", "scatter", "scatter_add", "select_scatter", "slice_scatter", "grid_sample"}
    | {"diagonal_scatter", "ldexp", "xlogy", "special_xlogy"}
    | {"special_xlog1py", "cholesky_solve", "fft_irfft", "fft_irfft2", "fft_irfftn", "fft_hfft"}
    | {"fft_hfft2", "fft_hfftn", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"}
    | _each("lp_pool", "max_unpool"),
    OperationRule.RESHAPE: {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"}
    | {"view_as", "reshape_as", "expand", "expand_as", "broadcast_to"}
    | {"atleast_1d", "atleast_2d", "atleast_3d"},
    OperationRule.FILL: {"zeros_like", "ones_like", "full_like", "empty_like"}
    | {"new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"},
    OperationRule.VANISH: {"contiguous", "clone", "detach", "float", "double", "to", "type_as"}
    | {"cpu", "cuda", "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"}
    | {"positive", "conj", "conj_physical", "resolve_conj", "resolve_neg", "real", "type"}
    | {"alias", "to_dense", "long", "int"}
    | {"nan_to_num", "requires_grad", "data"}
    | _each("dropout"),
    OperationRule.RELU: {"relu", "relu6", "hardtanh", "clamp", "clamp_min", "clamp_max", "clip"}
    | {"threshold"},
    OperationRule.POINTWISE: {"leaky_relu", "prelu", "rrelu", "hardsigmoid", "softshrink", "abs"}
    | {"absolute", "floor", "ceil", "round", "trunc", "fix", "frac", "sign", "sgn", "heaviside"}
    | {"fake_quantize_per_tensor_affine", "gt", "ge", "lt", "le", "greater", "greater_equal"}
    | {"less", "less_equal", "signbit", "floor_divide", "floordiv", "remainder", "fmod", "mod"},
    OperationRule.MAX_POOL: _each("max_pool", "adaptive_max_pool"),
    OperationRule.MAXIMUM: {"max", "min", "amax", "amin", "maximum", "minimum", "fmax", "fmin"},
    OperationRule.LOOKUP: {"embedding"},
}
# Operations that become neurons.
OF_NEURONS = (OperationRule.RELU, OperationRule.MAX_POOL)
_RULE_OF_NAME = {name: rule for rule, names in _NAMES.items() for name in names}
KNOWN = {*_RULE_OF_NAME, "assigned"}

# Operations that act on each value alone, if all else that they read is constant.
ELEMENTWISE = _NAMES[OperationRule.RELU] | _NAMES[OperationRule.POINTWISE]
ELEMENTWISE |= {"rectify", "staircase", "add", "radd", "sub", "rsub", "subtract", "neg", "negative"}
ELEMENTWISE |= {"mul", "rmul", "multiply", "truediv", "div", "divide", "true_divide"}
ELEMENTWISE |= {"where", "masked_fill", "addcmul", "addcdiv", "lerp", "maximum"}
ELEMENTWISE |= {"minimum", "fmax", "fmin", "max", "min", "to", "type", "type_as", "float", "double"}
ELEMENTWISE |= {"detach", "clone", "contiguous", "bool", "logical_not", "logical_and", "logical_or"}
ELEMENTWISE |= {"logical_xor", "bitwise_not", "bitwise_and", "bitwise_or", "bitwise_xor", "invert"}
ELEMENTWISE |= {"and", "or", "xor", "int", "long", "byte", "half"}


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

_RELU = "A spiking neuron computes ReLU; train the model with ReLU in its place"
_DIVISION = "Divide by a constant. At the very end of a model any function of the logits may stand."
_KINDS: dict[str, set[str]] = {
    f"{_RELU}, or with Hardsigmoid. At the very end of a model it may stay.": {"sigmoid", "expit"}
    | {"logsigmoid", "log_sigmoid", "special_expit"},
    f"{_RELU}, or with Hardtanh. At the very end of a model it may stay.": {"tanh", "softsign"},
    f"{_RELU}, or with LeakyReLU.": {"silu", "gelu", "elu", "selu", "celu", "mish", "softplus"}
    | {"hardswish", "glu", "erf", "sin", "cos"},
    "It jumps, and no rate can. Train with Softshrink in its place.": {"hardshrink"},
    "It normalizes with statistics of the image itself. Train with BatchNorm in its place.": {
        *("layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm"),
        *("layernorm", "groupnorm", "rmsnorm", "localresponsenorm"),
        *_each("instancenorm"),
    },
    "Attention multiplies two signals. Only products with a constant can be converted.": {
        *("scaled_dot_product_attention", "multi_head_attention_forward", "multiheadattention"),
    },
    "A recurrence of ReLUs converts if it is written out: h = relu(W x[:, t] + U h + b) in a loop "
    "over the steps t. Gates multiply two signals and cannot be converted.": {
        *("lstm", "gru", "rnn_tanh", "rnn_relu", "rnn", "lstm_cell", "gru_cell"),
        *("rnn_tanh_cell", "rnn_relu_cell", "lstmcell", "grucell", "rnncell"),
    },
    "The order of values has no rate. For a maximum use amax or max pooling; return the logits, "
    "and sort or choose afterwards.": {"sort", "argsort", "msort", "topk", "kthvalue", "median"}
    | {"mode", "quantile", "nanmedian", "argmax", "argmin", "cummax", "cummin", "aminmax"},
    "A softmax divides by a signal. At the very end of a model it may stay; inside, train with "
    "ReLU in its place.": {"softmax", "log_softmax", "softmin", "gumbel_softmax", "softmax2d"}
    | {"logsoftmax", "logsumexp", "logaddexp", "logcumsumexp"},
    f"It divides by a signal. {_DIVISION}": {"normalize", "reciprocal", "cosine_similarity"},
    f"Only sums, and products with a constant, keep means. {_RELU}, or take that branch out.": {
        *("pow", "square", "sqrt", "rsqrt", "float_power", "exp", "exp2", "expm1", "log", "log2"),
        *("log10", "log1p", "std", "var", "std_mean", "var_mean", "norm", "linalg_norm", "prod"),
        *("linalg_vector_norm", "cumprod", "cdist", "pairwise_distance", "dist", "hypot"),
    },
    "What jumps has no rate. x * (x > 0) does not, and a staircase of two or more equal steps "
    "converts.": {
        *("gt", "ge", "lt", "le", "eq", "ne", "greater", "less", "greater_equal", "less_equal"),
        *("sign", "sgn", "heaviside", "round", "floor", "ceil", "trunc", "fix", "frac", "signbit"),
        *("floor_divide", "floordiv", "remainder", "fmod", "mod", "div", "divide"),
    },
    "Complex values have no rate. Write the transform as a matrix, or take it out of the model.": {
        *("stft", "istft", "complex", "view_as_complex", "fft_fft", "fft_rfft", "fft_fft2"),
        *("fft_rfft2", "fft_ifft", "fft_fftn", "fft_rfftn", "fft_ifft2", "fft_ifftn"),
    },
    "It joins the images of a batch. Write torch.flatten(x, 1), or torch.cat(..., dim=1).": {
        *("ravel", "vstack", "row_stack", "block_diag", "take", "masked_select"),
    },
    "Leave `return_indices=True` away; unpooling is not known.": {
        f"max_pool{d}_with_indices" for d in _DIMENSIONS
    },
    "A value of the data cannot steer the computation: it would differ at every step.": {"item"},
}
_ADVICE = {name: todo for todo, names in _KINDS.items() for name in names}


def advice(name: str) -> str:
    """Return what to do about an operation that is refused."""
    known = _ADVICE.get(name.lower())
    return known or "docs/what_converts.md lists what converts. Write the step with those."


def name_of(target: Any) -> str:
    """Return the name of a function or method, without the marks of its in-place form.

    >>> name_of(torch.relu_), name_of(torch.Tensor.add_), name_of("add_")
    ('relu', 'add', 'add')
    """
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    return name.strip("_")


def rule_of(target: Any) -> OperationRule | None:
    """Return the rule of a method by its name or of a function, None if unknown."""
    if target in (assigned, overwritten):
        return OperationRule.ANY
    module = getattr(target, "__module__", None) or ""
    own = module.startswith(("torch", "_operator")) or target in _BUILTINS
    name = name_of(target)
    # torch has some operations a second time, with a copy in place of a view.
    rule = _RULE_OF_NAME.get(name) or _RULE_OF_NAME.get(name.removesuffix("_copy"))
    return rule if own or isinstance(target, str) else None


# torch.relu and its like are builtins whose `__module__` is None.
_BUILTINS = {getattr(torch, name) for name in _RULE_OF_NAME if callable(getattr(torch, name, None))}


def is_in_place(name: str) -> bool:
    """Return whether a function or method writes into its first argument by its very name."""
    return name == "__setitem__" or (name.endswith("_") and not name.startswith("_"))


def out_of_place(target: Any) -> Any:
    """Return the form of an in-place function or method that returns a new tensor."""
    if isinstance(target, str):
        return target.rstrip("_")
    name = name_of(target)
    return getattr(torch, name, None) or getattr(nn.functional, name, target)


def assigned(base: torch.Tensor, index: Any, value: Any) -> torch.Tensor:
    """Return a copy of a tensor after `base[index] = value`.

    >>> assigned(torch.zeros(3), slice(1, None), 2.0).tolist()
    [0.0, 2.0, 2.0]
    """
    result = base.clone()
    result[index] = value
    return result


def overwritten(
    old: torch.Tensor, new: torch.Tensor, old_layout: tuple, new_layout: tuple, size: int
) -> torch.Tensor:
    """Return what a view of memory shows after another view of it was overwritten.

    A layout is the view's shape, strides and first place within the memory of one image, which has
    `size` places.

    >>> pair, second = ((2,), (1,), 0), ((1,), (1,), 1)
    >>> overwritten(torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0]]), pair, second, 2).tolist()
    [[1.0, 5.0]]
    """
    images = old.size(0)
    memory = old.new_zeros(images, size)

    def view(layout: tuple) -> torch.Tensor:
        shape, strides, first = layout
        return memory.as_strided((images, *shape), (size, *strides), first)

    view(old_layout).copy_(old)
    view(new_layout).copy_(new)
    return view(old_layout)


def rectify(x: torch.Tensor, cap: float | None = None) -> torch.Tensor:
    r"""Return the ANN's activation :math:`R(z) = \min(\max(z, 0), c)`, without a cap by default.

    >>> rectify(torch.tensor([-1.0, 0.5, 9.0]), 6.0).tolist()
    [0.0, 0.5, 6.0]
    """
    return x.clamp(0, cap)


def looked_up(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the rows of an embedding at the whole numbers in `x`, which may be of any type.

    >>> looked_up(torch.tensor([[1.0, 0.0]]), torch.tensor([[5.0], [7.0]])).tolist()
    [[[7.0], [5.0]]]
    """
    other = x[(x != x.round()) | (x < 0) | (x >= len(weight))]
    if len(other):
        raise ShapeError(
            f"x: holds {other[0]:g}, expected whole numbers from 0 to {len(weight) - 1}: the "
            f"network looks them up in an embedding. Look at how the data are numbered."
        )
    return nn.functional.embedding(x.long(), weight)


# Names of the positional arguments after the first, for the operations that clamp.
PARAMETERS = {
    "clamp": ("min", "max"),
    "clip": ("min", "max"),
    "clamp_min": ("min",),
    "clamp_max": ("max",),
    "hardtanh": ("min_val", "max_val"),
    "threshold": ("threshold", "value"),
}


def bounds(node: fx.Node) -> tuple[Any, Any]:
    """Return (lower, upper) of an operation that clamps, None where there is no bound."""
    name, arguments = name_of(node.target), dict(node.kwargs)
    arguments.update(zip(PARAMETERS.get(name, ()), node.args[1:], strict=False))
    if name == "relu":
        return 0, None
    if name == "relu6":
        return 0, 6.0
    if name == "hardtanh":
        return arguments.get("min_val", -1.0), arguments.get("max_val", 1.0)
    if name == "threshold":
        at_zero = arguments.get("threshold") == 0 and arguments.get("value") == 0
        return (0, None) if at_zero else (None, None)
    return arguments.get("min"), arguments.get("max")
