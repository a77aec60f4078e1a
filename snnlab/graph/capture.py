"""The plain torch.fx graph of a model, with the line of the model's source at every node."""

import copy
import functools
import inspect
import linecache
import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import fx, nn
from torch.nn.parameter import is_lazy

from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph import operations

_LIBRARIES = (str(Path(torch.__file__).parent), __file__)


def check_model(model: nn.Module) -> None:
    """Refuse what no tracing can mend: weights that are not finite, BatchNorm of the batch."""
    if not isinstance(model, nn.Module):
        raise UnsupportedLayerError(
            f"model: found {type(model).__name__}, expected a torch.nn.Module. Wrap a function in "
            f"a module with the function as its forward."
        )
    _check_weights(model)
    _check_form(model)
    _check_batchnorm(model)


def _check_weights(model: nn.Module) -> None:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise UnsupportedLayerError(
                f"model: {name!r} has no values yet, expected a trained network. Run the model "
                f"once, and train it."
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise UnsupportedLayerError(
                f"model: {name!r} holds NaN or infinite values, expected finite weights. Look at "
                f"the training: a smaller learning rate often helps."
            )
        if tensor.dtype in (torch.float16, torch.bfloat16):
            raise UnsupportedLayerError(
                f"model: {name!r} is of type {tensor.dtype}, expected float32 or float64. Write "
                f"model.float() first."
            )


def _check_form(model: nn.Module) -> None:
    if "forward" in vars(model):
        raise UnsupportedLayerError(
            "model: its forward was replaced on this one object, and a copy would still call the "
            "original's layers. Expected the forward of a class. Write a subclass."
        )
    own = set(vars(model)) - set(vars(nn.Module()))
    own |= {*model._modules, *model._parameters, *model._buffers}
    taken = sorted(name for name in own if hasattr(fx.GraphModule, name))
    if taken:
        raise UnsupportedLayerError(
            f"model: has a part named {taken[0]!r}, a name that torch needs itself. Expected "
            f"another name; rename it."
        )
    if model._forward_hooks or model._forward_pre_hooks:
        raise UnsupportedLayerError(
            "model: has a forward hook, which may change its output and is not part of the "
            "graph. Expected none; remove it, or wrap the model in a module."
        )


def _check_batchnorm(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, operations.BATCH_NORMS) and module.running_mean is None:
            raise UnsupportedLayerError(
                f"layer {name!r} ({type(module).__name__}): has no running statistics, so its "
                f"output depends on the other images of the batch. Expected "
                f"track_running_stats=True; train with it."
            )
        if isinstance(module, operations.BATCH_NORMS) and module.training:
            raise UnsupportedLayerError(
                f"layer {name!r} ({type(module).__name__}): is in training mode, so its output "
                f"depends on the other images of the batch. Expected a trained network at "
                f"inference: write model.eval() first."
            )


def copied(model: nn.Module) -> nn.Module:
    """Return a copy of a model, in eval mode, whatever results with gradients it may hold."""
    kept = [t for m in model.modules() for t in vars(m).values() if isinstance(t, torch.Tensor)]
    memo = {id(t): t.detach().clone() for t in kept if not t.is_leaf}
    return copy.deepcopy(model, memo).eval()


def capture(model: nn.Module) -> tuple[fx.Graph, nn.Module]:
    """Return the plain torch.fx graph of a model with one input, and the module that owns it.

    The class of `model` is changed, so hand in a copy.
    """
    parameters = list(inspect.signature(model.forward).parameters.values())
    given = [p for p in parameters if p.default is inspect.Parameter.empty]
    if len(given) != 1 or given[0].kind in (given[0].VAR_POSITIONAL, given[0].VAR_KEYWORD):
        raise UnsupportedLayerError(
            f"model: forward takes {[str(p) for p in given]}, expected exactly one input without "
            f"a default. Wrap the model in a module with one input."
        )
    tracer = _Tracer()
    try:
        with _recorded_factories(tracer):
            return tracer.trace(_with_one_input(model, given[0])), model
    except Exception as error:
        raise UnsupportedLayerError(_why_untraceable(error)) from error


def _with_one_input(model: nn.Module, parameter: inspect.Parameter) -> nn.Module:
    """Give a model a forward of one argument, so that torch.fx leaves the defaults alone."""
    original = functools.partial(type(model).forward, model)
    by_name = parameter.kind is parameter.KEYWORD_ONLY

    def forward(self: nn.Module, input: Any) -> Any:
        return original(**{parameter.name: input}) if by_name else original(input)

    model.__class__ = type(type(model).__name__, (type(model),), {"forward": forward})
    return model


@contextmanager
def _recorded_factories(tracer: "_Tracer") -> Iterator[None]:
    """Let torch.zeros and its like take sizes of the input, and be seen when they draw numbers."""
    originals = {name: getattr(torch, name) for name in operations.FACTORIES}

    def recorded(original: Any) -> Any:
        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            return tracer.create_proxy("call_function", original, args, kwargs)

        return call

    try:
        for name, original in originals.items():
            setattr(torch, name, recorded(original))
        yield
    finally:
        for name, original in originals.items():
            setattr(torch, name, original)


def _in_place(operation: Callable) -> Callable:
    def method(self: fx.Proxy, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operation, (self, other), {})

    return method


class _Proxy(fx.Proxy):
    """A proxy that also sees `+=`, which torch.fx would record as `+`, and assignment to parts."""

    # A numpy number on the left leaves the operation to the proxy.
    __array_ufunc__ = None

    __iadd__, __isub__ = _in_place(operator.iadd), _in_place(operator.isub)
    __imul__, __itruediv__ = _in_place(operator.imul), _in_place(operator.itruediv)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("assignment to a part of a tensor; build it with torch.cat or F.pad")


class _Tracer(fx.Tracer):
    """torch.fx's tracer, which also notes the module and the line that each node comes from."""

    proxy_buffer_attributes = True

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def create_arg(self, a: Any) -> Any:
        return super().create_arg(a.item() if isinstance(a, np.generic) else a)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        # A user's subclass of a torch layer is that layer if it keeps the layer's forward.
        inherited = type(m).forward.__module__.startswith("torch.nn.modules")
        container = isinstance(m, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
        return super().is_leaf_module(m, module_qualified_name) or (inherited and not container)

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        node.meta["scope"] = self.scope.module_path
        node.meta["line"] = _line(_users_frame(sys._getframe()))
        return node


def _is_users(frame: FrameType) -> bool:
    return not frame.f_code.co_filename.startswith(_LIBRARIES)


def _users_frame(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame of the user's model, None if a library calls it directly."""
    while frame is not None and frame.f_code.co_name != "trace":
        if _is_users(frame):
            return frame
        frame = frame.f_back
    return None


def _line(frame: FrameType | None, number: int | None = None) -> str:
    """Return ', line 12 of model.py (`x = sigmoid(x)`)', or ''."""
    if frame is None:
        return ""
    file, number = frame.f_code.co_filename, number or frame.f_lineno
    source = linecache.getline(file, number).strip()
    return f", line {number} of {Path(file).name}" + (f" (`{source}`)" if source else "")


# What torch.fx says, and what it means to the author of the model; the first that fits counts.
_REASONS = {
    "iterated": "it iterates over a tensor or a shape of unknown length",
    "control flow": "it branches on values or shapes of the input",
    "interpreted as an integer": "it turns a shape or a value into a Python number",
    "argument must be a string": "it turns a shape or a value into a Python number",
    "__round__": "it turns a shape or a value into a Python number",
    "indices must be": "it turns a shape or a value into a Python number",
    "__array_struct__": "it makes a new array or tensor from values or shapes",
    "__cuda_array_interface__": "it makes a new array or tensor from values or shapes",
    "Proxy": "it does something with the input that cannot be written down as steps",
    "'len'": "it takes the length of a tensor",
}


def _why_untraceable(error: Exception) -> str:
    """Say at which line of the user's model the tracing stopped."""
    place, step = "", error.__traceback__
    while step is not None:
        if _is_users(step.tb_frame) and step.tb_frame.f_code.co_name != "trace":
            place = _line(step.tb_frame, step.tb_lineno)
        step = step.tb_next
    plain = str(error).partition("\n")[0]
    reason = next((r for key, r in _REASONS.items() if key in str(error)), plain)
    if isinstance(error, AssertionError):
        reason = "it asserts what does not hold while the model is only written down"
    return (
        f"model{place}: cannot be traced: {reason}. Expected a forward that does the same steps "
        f"for every input. Take the decision out of the forward, or convert the parts apart; use "
        f"x.size(0) for the batch size."
    )
