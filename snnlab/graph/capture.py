"""What a model does to a batch: the functions of torch it calls, as nodes of a torch.fx graph.

A network is bound to one image shape. So the model is run, and what reaches torch is written down;
sizes, loops, branches and asserts of its forward are plain Python, and over by then.
"""

import linecache
import operator
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode

from snnlab.exceptions import ShapeError, SNNLabError, UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.canonical import tensors
from snnlab.graph.models import Output, run, selected
from snnlab.graph.operations import OperationRule, assigned, overwritten

_TORCH = str(Path(torch.__file__).parent) + os.sep
_HERE = str(Path(__file__).parent) + os.sep
_INSTALLED = ("site-packages", "dist-packages")
_EINOPS = f"{os.sep}einops{os.sep}"
_GENERATED = "<eval_with_key>"  # the code of an fx.GraphModule
_CALL = nn.Module._call_impl.__code__

_READS = {"item", "tolist", "numpy", "equal", "allclose", "is_nonzero", "__bool__", "__int__"}
_READS |= {"__float__", "__index__", "__complex__", "__array__", "__contains__", "__dlpack__"}
_OPERATORS = {"__getitem__": operator.getitem, "__setitem__": assigned}
_SWAPPED = {"__rsub__": operator.sub, "__rmatmul__": operator.matmul, "__rpow__": operator.pow}
_SWAPPED |= {"__rdiv__": operator.truediv, "__rtruediv__": operator.truediv}
_PROPERTIES: dict[str, tuple] = {
    "data": ("detach",),
    "mT": ("transpose", -1, -2),
    "T": ("t",),
}
# Of the second tensor these read shape and type alone.
_LIKE = {"expand_as", "view_as", "reshape_as", "type_as", "to"}
# In-place methods that leave nothing of the old values.
_ASSIGNING = ("copy_", "fill_", "zero_")


@dataclass(eq=False)
class _View:
    """A tensor that was seen, and the node that it stands for."""

    tensor: torch.Tensor
    node: fx.Node
    # Another node, if that wrote into its memory in a way that cannot be followed.
    lost: fx.Node | None = None


class LooksUpError(Exception):
    """The images are read as whole numbers; `error` says so if they are none."""

    def __init__(self, error: SNNLabError):
        super().__init__(str(error))
        self.error = error


class Recording(TorchFunctionMode):
    """The functions that were called on a batch and what depends on it, while this mode was on.

    Traced are the images and what is made of them; other tensors are constants. A tensor is known
    by the memory it looks at.
    """

    def __init__(self, model: nn.Module, images: torch.Tensor):
        super().__init__()
        self.graph = fx.Graph()
        self.values: dict[fx.Node, Any] = {}
        # Of one image, None for what is not one tensor; a later `unsqueeze_` would change them.
        self.shapes: dict[fx.Node, Any] = {}
        self._failed: tuple[Exception, str] | None = None
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._names = {id(t): name for name, t in _named_tensors(model)}
        self._state = {_memory(t) for t in tensors(model)}
        self._views: dict[int, list[_View]] = {}
        self._constants: dict[tuple[int, int], tuple[torch.Tensor, fx.Node]] = {}
        self._learn(self.graph.placeholder("input"), images)

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name, given = _name(function), list(_tensors_in((args, kwargs)))
        traced = any(map(self._view, given[:1] if name in _LIKE else given))
        if name == "softmin" and traced:
            # Of its logits the smallest wins; of these the largest.
            turned = self.__torch_function__(torch.neg, types, args[:1])
            options = kwargs | dict(zip(("dim", "_stacklevel", "dtype"), args[1:], strict=False))
            return self.__torch_function__(nn.functional.softmax, types, (turned,), options)
        in_place = operations.is_in_place(name)
        self._check(name, kwargs, given, traced)
        if traced and (in_place or kwargs.get("inplace")):
            self._prepare_to_write(given[0])
        nodes = self._spelled(function, name, args, kwargs) if traced else None
        before = [(tensor, _version(tensor), _layout(tensor)) for tensor in given]
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            self._failed = error, self.place(name)
            raise
        if name.startswith(("empty", "new_empty")) and isinstance(result, torch.Tensor):
            result.zero_()  # what lies in that memory is no part of the model
        if nodes is None or operations.rule_of(name) is OperationRule.FILL:
            return result
        if isinstance(result, torch.Tensor):
            self._check_numbers(name, given[0], result)
        written = [old for old in before if _version(old[0]) != old[1]] or before[:in_place]
        if len({_memory(old[0]) for old in written}) > 1 and self._view(written[0][0]):
            self._refuse(name, "writes into several tensors.", "Write into one after the other.")
        if written and self._view(written[0][0]):
            tensor, _, layout = written[0]
            node = self._node(*_out_of_place(*nodes, name))
            self._hold(node, tensor)
            self._overwrite(tensor, layout, node)
        elif list(_tensors_in(result)):
            self._learn(self._node(*nodes), result)
        return result

    def _check(self, name: str, kwargs: dict, given: list[torch.Tensor], traced: bool) -> None:
        """Refuse at once what the recording would get wrong."""
        if operations.name_of(name) in operations.RANDOM:
            todo = "Expected a trained network at inference; take the noise out of the forward."
            self._refuse(name, "draws random numbers, so two runs differ.", todo)
        if operations.is_in_place(name) and given and _memory(given[0]) in self._state:
            self._refuse(name, "changes a constant in place.", "Return a new tensor instead.")
        rule = operations.rule_of(name)
        if len(given) > 1 and (rule is OperationRule.LOOKUP or name == "__getitem__"):
            index = given[-1] if name == "__getitem__" else given[0]
            if index.is_floating_point() and self._view(index):
                raise LooksUpError(
                    ShapeError(
                        f"{self.place(operations.name_of(name))}: looks up values of the images, "
                        f"which are floats, expected whole numbers. Look at how the data are "
                        f"numbered."
                    )
                )
        if traced and name in _READS:
            why = "hands values of the images to Python."
            self._refuse(name, why, operations.advice("item"))
        if traced and kwargs.get("out") is not None:
            self._refuse(name, "writes into a given tensor.", "Leave `out=` away.")

    def _check_numbers(self, name: str, source: torch.Tensor, result: torch.Tensor) -> None:
        """Refuse what cuts off floats, unless it is to look them up."""
        cut = source.is_floating_point() and not (result.is_floating_point() or result.is_complex())
        if cut and operations.rule_of(name) is OperationRule.VANISH:
            name = operations.name_of(name)
            why = f"returns {result.dtype}, expected float32 or float64."
            raise LooksUpError(
                UnsupportedLayerError(f"{self.place(name)}: {why} {operations.advice(name)}")
            )

    def finish(self, result: torch.Tensor) -> None:
        """Note what the model returned."""
        view = self._view(result)
        if view is None:
            raise UnsupportedLayerError(
                "model: its output does not depend on its input, or by steps that torch does not "
                "show (a TorchScript function, an extension). Expected a trained network of torch "
                "functions. Call what TorchScript was made from."
            )
        self._hold(self._node("output", "output", (self._node_of(result),), {}), result)

    def failure(self, error: Exception, images: torch.Tensor) -> SNNLabError:
        """Return what to say of an error in the model's forward."""
        shape, why = tuple(images.shape[1:]), str(error).partition("\n")[0].rstrip(".")
        kind: type[SNNLabError] = UnsupportedLayerError
        if self._failed and self._failed[0] is error:
            kind, place = ShapeError, self._failed[1]
        else:
            steps = [
                (step.filename, step.lineno or 0)
                for step in reversed(traceback.extract_tb(error.__traceback__))
                if not step.filename.startswith((_TORCH, _HERE, _GENERATED))
            ]
            place = f"model{_line(steps)}"
            why = f"{type(error).__name__}: {why}" if why else type(error).__name__
            kind = ShapeError if isinstance(error, AssertionError) else kind
        return kind(
            f"{place}: fails for a batch of {len(images)} images of shape {shape}: {why}. Expected "
            f"a model that takes any number of images of this shape. Look at the shape of x, and "
            f"for a batch size written into the model: use x.size(0) or torch.flatten(x, 1)."
        )

    def place(self, name: str) -> str:
        """Return what 'layer 'block.conv1' (Conv2d), line 3 of model.py (`...`)' runs now."""
        return place(self._origin(), name)

    def _refuse(self, name: str, why: str, todo: str) -> NoReturn:
        raise UnsupportedLayerError(f"{self.place(operations.name_of(name))}: {why} {todo}")

    def _view(self, tensor: torch.Tensor) -> _View | None:
        """Return what is known of a traced tensor, None if it is not traced."""
        for view in self._views.get(_memory(tensor), ()):
            if view.tensor is tensor or _layout(view.tensor) == _layout(tensor):
                return view
        return None

    def _node_of(self, value: Any) -> Any:
        """Return the node of a tensor, traced or constant, and anything else as it is."""
        if isinstance(value, np.generic):
            return value.item()
        if not isinstance(value, torch.Tensor):
            return value
        view = self._view(value)
        if view is None:
            return self._constant(value)
        if view.lost:
            raise UnsupportedLayerError(
                f"{place(view.lost.meta, operations.name_of(view.lost.target))}: works in place, "
                f"and {view.node.name!r}, another view of the same memory, is read afterwards. "
                f"Write it out of place (without `inplace=True` or the trailing underscore)."
            )
        return view.node

    def _constant(self, tensor: torch.Tensor) -> fx.Node:
        key = id(tensor), _version(tensor)
        if key not in self._constants:
            name = self._names.get(id(tensor), "constant").replace(".", "_")
            node = self._node("get_attr", name, (), {})
            known = _memory(tensor) in self._state
            self._hold(node, tensor if known else tensor.clone())
            self._constants[key] = tensor, node  # kept, so that the id stays its own
        return self._constants[key][1]

    def _prepare_to_write(self, tensor: torch.Tensor) -> None:
        """Keep what is about to be overwritten, for the comparison of batches; trace constants."""
        if self._view(tensor) is None:
            for constant in (tensor, tensor._base):
                if constant is not None:
                    self._learn(self._constant(constant), constant)
        for view in self._views[_memory(tensor)]:
            if self.values[view.node] is view.tensor:
                self.values[view.node] = view.tensor.clone()

    def _learn(self, node: fx.Node, value: Any) -> None:
        """Note that a value, or each tensor in it, stands for a node."""
        if node not in self.values:
            self._hold(node, value)
        if isinstance(value, torch.Tensor):
            known = self._view(value)
            if known:
                known.node = node
            else:
                self._views.setdefault(_memory(value), []).append(_View(value, node))
        elif isinstance(value, (tuple, list)):
            for i, part in enumerate(value):
                if list(_tensors_in(part)):
                    self._learn(self._node("call_function", operator.getitem, (node, i), {}), part)

    def _hold(self, node: fx.Node, value: Any) -> None:
        self.values[node] = value
        self.shapes[node] = tuple(value.shape[1:]) if isinstance(value, torch.Tensor) else None

    def _overwrite(self, tensor: torch.Tensor, layout: tuple, node: fx.Node) -> None:
        """Let all tensors that look at the memory of one see what a node wrote into it."""
        reshaped = _layout(tensor) != layout
        for view in self._views[_memory(tensor)]:
            if view.tensor is tensor or (not reshaped and _layout(view.tensor) == layout):
                view.node = node
            elif not reshaped:
                self._rewrite(view, tensor, node)

    def _rewrite(self, view: _View, tensor: torch.Tensor, node: fx.Node) -> None:
        old, new = _within(view.tensor), _within(tensor)
        if old is None or new is None or old[-1] != new[-1]:
            view.lost = node
        elif not (old[3] < new[2] or new[3] < old[2]):
            args = view.node, node, (*old[:2], old[2]), (*new[:2], new[2]), old[-1]
            view.node = self._node("call_function", overwritten, args, {})
            self._hold(view.node, view.tensor)

    def _spelled(
        self, function: Any, name: str, args: tuple, kwargs: dict
    ) -> tuple[str, Any, tuple, dict]:
        """Return operation, target, arguments and keywords of a node; methods by their names."""
        if name == "__getitem__" and isinstance(args[1], torch.Tensor):
            table, index = args
            if table.ndim == 2 and not self._view(table) and index.dtype is torch.int64:
                function, name, args = nn.functional.embedding, "embedding", (index, table)
        args, kwargs = fx.node.map_aggregate((args, kwargs), self._node_of)
        first = next((key for key in ("input", "tensors", "self") if key in kwargs), None)
        if first and not args:
            args = (kwargs[first],)
            kwargs = {key: value for key, value in kwargs.items() if key != first}
        if name == "__get__":
            name = function.__self__.__name__
            if name in _PROPERTIES:
                return "call_method", _PROPERTIES[name][0], (args[0], *_PROPERTIES[name][1:]), {}
            return "call_function", getattr, (args[0], name), {}
        if name in _SWAPPED:
            return "call_function", _SWAPPED[name], args[::-1], {}
        if name in _OPERATORS:
            return "call_function", _OPERATORS[name], args, kwargs
        if isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
            homes = (torch, nn.functional, torch.Tensor)
            function = next((getattr(h, name) for h in homes if hasattr(h, name)), function)
        own = getattr(function, "__qualname__", "").startswith("TensorBase.")
        if own or getattr(torch.Tensor, name, None) == function:
            return "call_method", name, args, kwargs
        return "call_function", function, args, kwargs

    def _node(self, op: str, target: Any, args: tuple, kwargs: dict) -> fx.Node:
        constant: dict[str, Any] = {"scope": "", "own": None, "steps": []}
        origin = constant if op == "get_attr" else self._origin()
        name = origin["scope"] if origin["own"] else None
        node = self.graph.create_node(op, target, args, kwargs, name or None)
        node.meta |= origin
        return node

    def _origin(self) -> dict[str, Any]:
        """Return the path of the module that runs, its class if torch's own, and the lines."""
        scope, own, ours, steps = None, None, True, []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not record.__code__:
            file = frame.f_code.co_filename
            if frame.f_code is _CALL:
                module = frame.f_locals["self"]
                path = self._paths.get(id(module))
                own = type(module).__name__ if ours and path is not None else own
                scope, ours = path if scope is None else scope, False
            elif file.startswith(_GENERATED):
                ours = False
            elif not file.startswith((_TORCH, _HERE)):
                ours = False
                steps.append((file, frame.f_lineno))
            frame = frame.f_back
        return {"scope": scope or "", "own": own, "steps": steps}


def record(model: nn.Module, images: torch.Tensor, output: Output = None) -> Recording:
    """Run a model on a batch and return what it did; of several outputs, follow one."""
    images = images.clone()  # the model may work in place
    recording = Recording(model, images)
    try:
        with torch.random.fork_rng(devices=[]), recording:
            result = run(model, images)
    except (SNNLabError, LooksUpError):
        raise
    except Exception as error:
        raise recording.failure(error, images) from error
    recording.finish(selected(result, output))
    return recording


def place(origin: dict[str, Any], name: str) -> str:
    """Return 'layer 'block.conv1' (Conv2d), line 3 of model.py (`...`)'."""
    name = origin["own"] or operations.name_of(name)
    layer = f"layer {origin['scope']!r} ({name})" if origin["scope"] else f"{name!r}"
    return layer + _line(origin["steps"])


def _line(steps: list[tuple[str, int]]) -> str:
    """Return ', line 12 of model.py (`x = sigmoid(x)`)', or ''; the innermost step comes first.

    It is the innermost line of the user's own, else that of an installed model.
    """
    steps = [step for step in steps if _EINOPS not in step[0]]
    users = [step for step in steps if not any(folder in step[0] for folder in _INSTALLED)]
    found = users or steps
    if not found:
        return ""
    file, number = found[0]
    source = linecache.getline(file, number).strip()
    return f", line {number} of {Path(file).name}" + (f" (`{source}`)" if source else "")


def _out_of_place(op: str, target: Any, args: tuple, kwargs: dict, name: str) -> tuple:
    """Return an in-place operation as one that returns a new tensor."""
    if name in _ASSIGNING:
        value = next(iter((*args[1:], *kwargs.values())), 0.0)
        return "call_function", assigned, (args[0], Ellipsis, value), {}
    kwargs = {key: value for key, value in kwargs.items() if key != "inplace"}
    return op, operations.out_of_place(target), args, kwargs


def _named_tensors(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors within a value, however deep in lists, tuples, dicts and slices."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors_in(part)
    elif isinstance(value, dict):
        yield from _tensors_in(list(value.values()))


def _name(function: Any) -> str:
    """Return the name of a function, of the overload of an operator without what overloads it."""
    name = getattr(function, "__name__", str(function))
    return name.partition(".")[0] if isinstance(function, torch._ops.OpOverload) else name


def _memory(tensor: torch.Tensor) -> int:
    """Return where the memory begins that a tensor looks at."""
    if tensor.layout is not torch.strided:
        return -id(tensor)
    return tensor.untyped_storage().data_ptr()


def _layout(tensor: torch.Tensor) -> tuple:
    if tensor.layout is not torch.strided:
        return ()
    return tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype


def _version(tensor: torch.Tensor) -> int:
    """Return how often a tensor was written into."""
    return -1 if tensor.is_inference() else tensor._version


def _within(tensor: torch.Tensor) -> tuple | None:
    """Return shape, strides, first and last place within the memory of one image, and its size.

    None if the images do not lie one behind the other.
    """
    if tensor.ndim == 0 or tensor.numel() == 0:
        return None
    shape, strides, first = tuple(tensor.shape[1:]), tensor.stride()[1:], tensor.storage_offset()
    last = first + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    size = tensor.stride(0)
    return (shape, strides, first, last, size) if last < size else None
