"""Models as training scripts leave them: what holds the network, its one input and one output."""

import contextlib
import copy
import inspect
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from snnlab.exceptions import OptionError, UnsupportedLayerError

Output = str | int | None

# What keeps the network as `module`; so do averages that have no forward of their own.
_WRAPPERS = (
    nn.DataParallel,
    nn.parallel.DistributedDataParallel,
    torch.optim.swa_utils.AveragedModel,
)
# A module has a dozen of these, mostly empty, and `copy.deepcopy` is slow with them.
_CONTAINERS = (dict, OrderedDict, set)


def checked_copy(model: nn.Module) -> nn.Module:
    """Return a copy to be traced, or refuse: weights that are not finite, BatchNorm of the batch.

    No tracing can mend these.
    """
    model = unwrapped(model)
    if isinstance(model, torch.jit.ScriptFunction):
        _check_module("", model)
    if not isinstance(model, nn.Module):
        raise UnsupportedLayerError(
            f"model: found {type(model).__name__}, expected a torch.nn.Module. {_instead_of(model)}"
        )
    _check_weights(model)
    for name, module in model.named_modules():
        _check_module(name, module)
    return copied(model)


def _instead_of(found: Any) -> str:
    """Return what to pass in the place of what is no module."""
    if isinstance(found, type):
        return "This is a class: make a model of it, and pass that."
    if isinstance(found, Mapping):
        return "Make the model and fill it: model.load_state_dict(weights)."
    if isinstance(found, (str, PurePath)):
        return "Make the model and fill it: model.load_state_dict(torch.load(file))."
    if callable(found):
        return "Wrap the function in a module, as its forward."
    return "The model comes first, the images behind it."


def _check_weights(model: nn.Module) -> None:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor) or tensor.is_meta:
            raise UnsupportedLayerError(
                f"model: {name!r} has no values yet, expected a trained network. Load its weights, "
                f"or run the model once and train it."
            )
        tensor = tensor if tensor.layout is torch.strided else tensor.to_dense()
        bounds = tensor.aminmax() if tensor.is_floating_point() and tensor.numel() else ()
        if not all(torch.isfinite(bound) for bound in bounds):
            raise UnsupportedLayerError(
                f"model: {name!r} holds NaN or infinite values, expected finite weights. Look at "
                f"the training: a smaller learning rate often helps."
            )
        if tensor.dtype in (torch.float16, torch.bfloat16):
            raise UnsupportedLayerError(
                f"model: {name!r} is of type {tensor.dtype}, expected float32 or float64. Write "
                f"model.float() first."
            )


def _check_module(name: str, module: Any) -> None:
    layer = f"layer {name!r} ({type(module).__name__})" if name else "model"
    if isinstance(module, (torch.jit.ScriptModule, torch.jit.ScriptFunction)):
        raise UnsupportedLayerError(
            f"{layer}: is a TorchScript module, whose steps cannot be followed. Expected a plain "
            f"torch.nn.Module: pass the model that torch.jit.trace or torch.jit.script was given."
        )
    if (images := _exported_for(module)) is not None:
        raise UnsupportedLayerError(
            f"{layer}: was exported for batches of size {images} only, expected one for any number "
            f"of images. Export it with a dynamic batch: torch.export.export(model, (x,), "
            f"dynamic_shapes=({{0: torch.export.Dim.AUTO}},))."
        )
    if ".quantized" in type(module).__module__ or ".nn.qat" in type(module).__module__:
        raise UnsupportedLayerError(
            f"{layer}: is quantized by torch, expected a network that computes with floats. "
            f"Convert the model that it was made from."
        )
    if not isinstance(module, _BatchNorm):
        return
    if module.running_mean is None:
        raise UnsupportedLayerError(
            f"{layer}: has no running statistics, so its output depends on the other images of "
            f"the batch. Expected track_running_stats=True; train with it."
        )
    if module.training:
        raise UnsupportedLayerError(
            f"{layer}: is in training mode, so its output depends on the other images of the "
            f"batch. Expected a trained network at inference: write model.eval() first."
        )


def _exported_for(module: Any) -> int | None:
    """Return the one batch size that an exported program takes, None if it takes any."""
    if not (isinstance(module, fx.GraphModule) and hasattr(module, "_guards_fn")):
        return None
    inputs = [n.meta.get("val") for n in module.graph.nodes if n.op == "placeholder"]
    sizes = [v.shape[0] for v in inputs if isinstance(v, torch.Tensor) and v.ndim]
    return sizes[0] if sizes and isinstance(sizes[0], int) else None


def unwrapped(model: Any) -> Any:
    """Return the module that a wrapper holds: compiled, parallel, averaged or exported.

    >>> inner = nn.ReLU()
    >>> unwrapped(nn.DataParallel(inner)) is inner
    True
    """
    if isinstance(model, torch.export.ExportedProgram):
        return model.module()
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        return model
    without_forward = type(model).forward is nn.Module.forward
    for name, held in model.named_children():
        if name == "_orig_mod" or (
            name == "module" and (without_forward or isinstance(model, _WRAPPERS))
        ):
            return unwrapped(held)
    return model


def copied(model: nn.Module) -> nn.Module:
    """Return a copy of what a model holds, in eval mode, whatever results it may keep."""
    model = unwrapped(model)
    memo: dict[int, Any] = {}
    for value in (value for module in model.modules() for value in vars(module).values()):
        if isinstance(value, torch.Tensor) and not value.is_leaf:
            memo[id(value)] = value.detach().clone()
        elif type(value) in _CONTAINERS and not value:
            memo[id(value)] = type(value)()
    try:
        own = copy.deepcopy(model, memo)
    except (TypeError, RuntimeError) as error:
        raise UnsupportedLayerError(
            f"model: cannot be copied ({error}), expected a model that copy.deepcopy copies, so "
            f"that yours is left alone. Take off it what is no part of the network."
        ) from error
    for module in list(own.modules()):
        for name, child in list(module.named_children()):
            setattr(module, name, unwrapped(child))
    return own if isinstance(own, fx.GraphModule) else own.eval()


def run(model: nn.Module, images: torch.Tensor) -> Any:
    """Return what a model with one input makes of a batch, refusing one with several inputs."""
    parameters = list(inspect.signature(model.forward).parameters.values())
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind not in variable]
    if len(required) > 1 or not parameters:
        given, others = [str(p) for p in required], [p.name for p in required[1:]]
        fixed = ", ".join(f"{name}={name}" for name in others)
        todo = f"model.forward = functools.partial(model.forward, {fixed})"
        raise UnsupportedLayerError(
            f"model: forward takes {given}, expected exactly one input without a default. "
            + (f"Give the others one value for all images: `{todo}`." if fixed else "Add one.")
        )
    # Functions that torch.compile made run as they were written.
    compiled = "torch._dynamo" in sys.modules
    with torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext():
        if required and required[0].kind is inspect.Parameter.KEYWORD_ONLY:
            return model(**{required[0].name: images})
        return model(images)


def selected(result: Any, output: Output) -> torch.Tensor:
    """Return the one output to convert of all that a model returned."""
    if isinstance(result, torch.Tensor) and output is None:
        return result
    kind = next((t for t in (list, dict) if isinstance(result, t)), type(result)).__name__
    parts: dict[Any, Any] = {}
    if isinstance(result, Mapping):
        parts = dict(result)
    elif isinstance(result, (tuple, list)):
        named = getattr(result, "_asdict", None)
        parts = named() if named else dict(enumerate(result))
    elif not isinstance(result, torch.Tensor) and hasattr(result, "__dict__"):
        parts = dict(vars(result))
    names = [name for name, part in parts.items() if isinstance(part, torch.Tensor)]
    if output is None:
        todo = (
            f"Choose one of {names}: output={names[0]!r}."
            if names
            else ("Wrap the model in a module that returns the one output to convert.")
        )
        raise UnsupportedLayerError(f"model: returns {kind}, expected one tensor. {todo}")
    if output not in names:
        raise OptionError(
            f"output = {output!r}: the model returns {kind} with {names}. Expected one of them, "
            f"or None for a model that returns one tensor."
        )
    return parts[output]
