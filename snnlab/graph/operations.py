"""What the converter knows of each torch operation: the table behind `trace`.

Between two spiking layers everything must be affine in the input: then it commutes with averaging
over time, and torch itself evaluates it on spikes. An operation that is in no set here is refused.
"""

from enum import Enum
from typing import Any

import torch
from torch import nn

from snnlab.exceptions import ShapeError


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
    FILL = "makes a constant as large as the batch"
    VANISH = "the identity at inference"
    RELU = "becomes spiking neurons"
    MAX_POOL = "maximum over space, exact in time"
    SOFTMAX = "dropped when it is last"
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
    OperationRule.FILL: {"zeros_like", "ones_like", "full_like", "empty_like"}
    | {"new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"},
    OperationRule.VANISH: {"contiguous", "clone", "detach", "float", "double", "to", "type_as"}
    | {"cpu", "cuda", "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"}
    | {"data", "requires_grad", "type", "long", "int"}
    | _each("dropout"),
    OperationRule.RELU: {"relu", "relu6", "hardtanh", "clamp", "clamp_min", "clip", "threshold"},
    OperationRule.MAX_POOL: _each("max_pool", "adaptive_max_pool") | {"amax"},
    OperationRule.SOFTMAX: {"softmax", "log_softmax"},
    OperationRule.LOOKUP: {"embedding"},
}
_RULE_OF_NAME = {name: rule for rule, names in _NAMES.items() for name in names}


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

_SMOOTH = {"sigmoid", "silu", "gelu", "tanh", "elu", "selu", "celu", "mish", "softplus", "glu"}
_SMOOTH |= {"hardswish", "hardsigmoid", "logsigmoid", "softsign"}
_SMOOTH |= {"leaky_relu", "leakyrelu", "prelu", "rrelu"}
_NORMS = {"layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm"}
_NORMS |= {"layernorm", "groupnorm", "rmsnorm", "localresponsenorm", *_each("instancenorm")}
_ATTENTION = ["scaled_dot_product_attention", "multi_head_attention_forward", "multiheadattention"]
_RECURRENT = {"gru", "lstm", "rnn_tanh", "rnn_relu"}
_RECURRENT |= {f"{name}_cell" for name in _RECURRENT}
_ADVICE = {
    **dict.fromkeys(
        _RECURRENT,
        "A recurrence of ReLUs converts if it is written out: h = relu(W x[:, t] + U h + b) in a "
        "loop over the steps t. Gates multiply two signals and cannot be converted.",
    ),
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

    >>> name_of(torch.relu_), name_of(operator.add), name_of("add_")
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
    return _RULE_OF_NAME.get(name_of(target)) if own or isinstance(target, str) else None


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
    memory = old.new_zeros(len(old), size)

    def view(layout: tuple) -> torch.Tensor:
        shape, strides, first = layout
        return memory.as_strided((len(old), *shape), (size, *strides), first)

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
