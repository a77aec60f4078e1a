"""What the converter knows of each torch operation: the table behind `trace`.

Between two spiking layers everything must be affine in the input: then it commutes with averaging
over time, and torch itself evaluates it on spikes. An operation that is in no set here is refused.
"""

import operator
from collections.abc import Callable
from enum import Enum
from typing import Any

import torch
from torch import nn


class Kind(Enum):
    """What a node of the canonical graph is to the simulator."""

    INPUT = "input"
    CONSTANT = "constant"
    AFFINE = "affine"
    RELU = "relu"
    MAX_POOL = "max pool"
    OUTPUT = "output"


class OperationRule(Enum):
    """Which arguments of an operation may depend on the input, and what becomes of it."""

    FIRST = "affine in its first argument, the others constant"
    ANY = "affine in all arguments together: sums and concatenations"
    ONE = "affine in one factor: at most one argument depends on the input"
    NUMERATOR = "affine in the numerator: the divisor is constant"
    RESHAPE = "a change of shape, rewritten with a concrete shape"
    SIZE = "reads a shape, not a value"
    FILL = "makes a constant as large as the batch"
    VANISH = "the identity at inference"
    RELU = "becomes spiking neurons"
    MAX_POOL = "maximum over space, exact in time"
    SOFTMAX = "dropped when it is last"


_DIMENSIONS = ("1d", "2d", "3d")


def _each(*stems: str) -> set[str]:
    return {stem + d for stem in stems for d in _DIMENSIONS}


_DRAWING = {"rand", "randn", "randint", "randperm", "normal"}
# Functions that make a tensor from sizes alone.
FACTORIES = _DRAWING | {"zeros", "ones", "full", "empty", "arange", "eye", "linspace"}
RANDOM = _DRAWING | {"bernoulli", "multinomial", "poisson", "uniform", "exponential", "random"}
RANDOM |= {"rand_like", "randn_like", "randint_like"}

# Functions and methods share their names; in-place forms ("relu_", "iadd") are looked up by the
# name of the form that is not in place.
_NAMES: dict[OperationRule, set[str]] = {
    OperationRule.FIRST: _each("avg_pool", "adaptive_avg_pool")
    | {"mean", "sum", "neg", "permute", "transpose", "swapaxes", "swapdims", "movedim", "mT"}
    | {"chunk", "split", "tensor_split", "unbind", "getitem", "narrow", "select", "index_select"}
    | {"repeat", "tile", "repeat_interleave", "pad", "flip", "pixel_shuffle", "pixel_unshuffle"}
    | {"channel_shuffle", "interpolate", "upsample", "batch_norm"},
    OperationRule.ANY: {"add", "sub", "rsub", "subtract", "cat", "concat", "concatenate", "stack"},
    OperationRule.ONE: {"mul", "multiply", "matmul", "mm", "bmm", "einsum", "linear"}
    | _each("conv", "conv_transpose"),
    OperationRule.NUMERATOR: {"truediv", "div", "divide", "true_divide"},
    OperationRule.RESHAPE: {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"}
    | {"view_as", "reshape_as", "expand", "expand_as", "ravel"},
    OperationRule.SIZE: {"size", "shape", "dim", "ndim", "ndimension", "numel", "dtype", "device"},
    OperationRule.FILL: {"zeros_like", "ones_like", "full_like"}
    | {"new_zeros", "new_ones", "new_full"},
    OperationRule.VANISH: {"contiguous", "clone", "detach", "float", "double", "to", "type_as"}
    | {"cpu", "cuda", "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"}
    | _each("dropout"),
    OperationRule.RELU: {"relu", "relu6", "hardtanh", "clamp", "clamp_min", "clip", "threshold"},
    OperationRule.MAX_POOL: _each("max_pool", "adaptive_max_pool") | {"amax"},
    OperationRule.SOFTMAX: {"softmax", "log_softmax"},
}
_RULE_OF_NAME = {name: rule for rule, names in _NAMES.items() for name in names}


def _classes(*names: str) -> tuple[type, ...]:
    return tuple(getattr(nn, name) for name in names)


_PADS = [f"{how}Pad" for how in ("Zero", "Constant", "Reflection", "Replication", "Circular")]

_MODULES: dict[OperationRule, tuple[type, ...]] = {
    OperationRule.FIRST: (
        *_classes("Linear", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle", "Upsample"),
        *_classes(*_each("Conv", "ConvTranspose", "AvgPool", "AdaptiveAvgPool", "BatchNorm")),
        *_classes(*_each(*_PADS)),
    ),
    OperationRule.RESHAPE: (nn.Flatten, nn.Unflatten),
    OperationRule.VANISH: _classes(
        "Identity", "Dropout", *_each("Dropout"), "AlphaDropout", "FeatureAlphaDropout"
    ),
    OperationRule.RELU: (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Threshold),
    OperationRule.MAX_POOL: _classes(*_each("MaxPool", "AdaptiveMaxPool")),
    OperationRule.SOFTMAX: (nn.Softmax, nn.LogSoftmax, nn.Softmax2d),
}

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

_IN_PLACE_OPERATORS = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}

_SMOOTH = {"sigmoid", "silu", "gelu", "tanh", "elu", "selu", "celu", "mish", "softplus", "glu"}
_SMOOTH |= {"hardswish", "hardsigmoid", "logsigmoid", "softsign"}
_SMOOTH |= {"leaky_relu", "leakyrelu", "prelu", "rrelu"}
_NORMS = {"layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm"}
_NORMS |= {"layernorm", "groupnorm", "rmsnorm", "localresponsenorm", *_each("instancenorm")}
_ATTENTION = ["scaled_dot_product_attention", "multi_head_attention_forward", "multiheadattention"]
_ADVICE = {
    **dict.fromkeys(
        _SMOOTH,
        "A spiking neuron computes ReLU; train the model with ReLU in its place, or take that "
        "branch out of the model.",
    ),
    **dict.fromkeys(
        _NORMS,
        "It normalizes with statistics of the image itself. Train with BatchNorm in its place.",
    ),
    **dict.fromkeys(
        _ATTENTION,
        "Attention multiplies two signals. Only products with a constant can be converted.",
    ),
    "max": "For a maximum over dimensions write x.amax(dim=...), or use max pooling.",
    **{
        f"max_pool{d}_with_indices": "Leave `return_indices=True` away; unpooling is not known."
        for d in _DIMENSIONS
    },
    "item": "A value of the data cannot steer the computation: it would differ at every step.",
}


def advice(name: str) -> str:
    """Return what to do about an operation that is refused."""
    known = _ADVICE.get(name.lower())
    return known or "docs/what_converts.md lists what converts. Write the step with those."


def name_of(target: Any) -> str:
    """Return the name of a function or method, without the marks of its in-place form.

    >>> name_of(torch.relu_), name_of(operator.iadd), name_of("add_")
    ('relu', 'add', 'add')
    """
    target = _IN_PLACE_OPERATORS.get(target, target) if callable(target) else target
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    return name.strip("_")


def rule_of_function(target: Callable) -> OperationRule | None:
    """Return the rule of a function of torch or of Python's operators, None if unknown."""
    module = getattr(target, "__module__", None) or ""
    own = module.startswith(("torch", "_operator")) or target in _BUILTINS
    return _RULE_OF_NAME.get(name_of(target)) if own else None


# torch.relu and its like are builtins whose `__module__` is None.
_BUILTINS = {
    getattr(torch, name) for name in _RULE_OF_NAME if callable(getattr(torch, name, None))
} | {getattr(torch, name + "_") for name in _RULE_OF_NAME if hasattr(torch, name + "_")}


def rule_of_method(name: str) -> OperationRule | None:
    """Return the rule of a tensor method, None if unknown."""
    return _RULE_OF_NAME.get(name_of(name))


def rule_of_module(module: nn.Module) -> OperationRule | None:
    """Return the rule of a module of torch.nn, None if unknown."""
    return next((rule for rule, known in _MODULES.items() if isinstance(module, known)), None)


def is_in_place(target: Any) -> bool:
    """Return whether a function or method writes into its first argument by its very name."""
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    return target in _IN_PLACE_OPERATORS or (name.endswith("_") and not name.startswith("_"))


def out_of_place(target: Any) -> Any:
    """Return the form of an in-place function or method that returns a new tensor."""
    if isinstance(target, str):
        return target.rstrip("_")
    if target in _IN_PLACE_OPERATORS:
        return _IN_PLACE_OPERATORS[target]
    name = name_of(target)
    return getattr(torch, name, None) or getattr(nn.functional, name, target)


def rectify(x: torch.Tensor, cap: float | None = None) -> torch.Tensor:
    r"""Return the ANN's activation :math:`R(z) = \min(\max(z, 0), c)`, without a cap by default.

    >>> rectify(torch.tensor([-1.0, 0.5, 9.0]), 6.0).tolist()
    [0.0, 0.5, 6.0]
    """
    return x.clamp(0, cap)


# Names of the positional arguments after the first, for the operations that clamp.
PARAMETERS = {
    "clamp": ("min", "max"),
    "clip": ("min", "max"),
    "clamp_min": ("min",),
    "hardtanh": ("min_val", "max_val"),
    "threshold": ("threshold", "value"),
}


def bounds(name: str, arguments: dict[str, Any]) -> tuple[Any, Any]:
    """Return (lower, upper) of a clamping operation, None where there is no bound.

    `arguments` holds the operation's arguments by name.
    """
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
