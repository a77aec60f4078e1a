"""The plain torch.fx graph of a model, with the line of the model's source at every node."""

import inspect
import linecache
import operator
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import torch
from torch import fx, nn

from snnlab import operations
from snnlab.exceptions import UnsupportedLayerError

_LIBRARIES = (str(Path(torch.__file__).parent), __file__)


def check_model(model: nn.Module) -> None:
    """Refuse what no tracing can mend: weights that are not finite, BatchNorm of the batch."""
    if not isinstance(model, nn.Module):
        raise UnsupportedLayerError(
            f"model: found {type(model).__name__}, expected a torch.nn.Module. Wrap a function in "
            f"a module with the function as its forward."
        )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
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


class _Proxy(fx.Proxy):
    """A proxy that also sees `+=`, which torch.fx would record as `+`, and assignment to parts."""

    def __iadd__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.iadd, (self, other), {})

    def __isub__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.isub, (self, other), {})

    def __imul__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.imul, (self, other), {})

    def __itruediv__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.itruediv, (self, other), {})

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("assignment to a part of a tensor; build it with torch.cat or F.pad")


class _Tracer(fx.Tracer):
    """torch.fx's tracer, which also notes the module and the line that each node comes from."""

    proxy_buffer_attributes = True

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

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


def capture(model: nn.Module) -> tuple[fx.Graph, nn.Module]:
    """Return the plain torch.fx graph of a model with one input."""
    parameters = list(inspect.signature(model.forward).parameters.values())
    given = [p for p in parameters if p.default is inspect.Parameter.empty]
    if len(given) != 1 or given[0].kind in (given[0].VAR_POSITIONAL, given[0].VAR_KEYWORD):
        raise UnsupportedLayerError(
            f"model: forward takes {[str(p) for p in given]}, expected exactly one input without "
            f"a default. Wrap the model in a module with one input."
        )
    defaults = {p.name: p.default for p in parameters if p is not given[0]}
    tracer = _Tracer()
    try:
        graph = tracer.trace(model, concrete_args=defaults)
    except Exception as error:
        raise UnsupportedLayerError(_why_untraceable(error)) from error
    for extra in [n for n in graph.nodes if n.op == "placeholder"][1:]:
        for user in list(extra.users):
            graph.erase_node(user)
        graph.erase_node(extra)
    return graph, tracer.root


def _why_untraceable(error: Exception) -> str:
    """Say at which line of the user's model the tracing stopped."""
    place, step = "", error.__traceback__
    while step is not None:
        if _is_users(step.tb_frame) and step.tb_frame.f_code.co_name != "trace":
            place = _line(step.tb_frame, step.tb_lineno)
        step = step.tb_next
    reasons = {
        "control flow": "it branches on values or shapes of the input",
        "iterated": "it iterates over a tensor or a shape of unknown length",
        "interpreted as an integer": "it turns a shape or a value into a Python number",
        "len": "it takes the length of a tensor",
    }
    reason = next((r for key, r in reasons.items() if key in str(error)), str(error))
    return (
        f"model{place}: cannot be traced: {reason}. Expected a forward that does the same steps "
        f"for every input. Take the decision out of the forward, or convert the parts apart; use "
        f"x.size(0) for the batch size."
    )
