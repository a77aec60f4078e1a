"""What a model does to a batch: the functions of torch it calls, as nodes of a torch.fx graph.

A network is bound to one image shape. So the model is run, and what reaches torch is written down;
sizes, loops, branches and asserts of its forward are plain Python, and over by then.
"""

import operator
from typing import Any, NoReturn

import numpy as np
import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode

from snnlab.exceptions import (
    MemoryBudgetError,
    ShapeError,
    SNNLabError,
    UnsupportedLayerError,
)
from snnlab.graph import operations
from snnlab.graph.canonical import tensors
from snnlab.graph.memory import View, memory_of, strides_of, version_of, within_image
from snnlab.graph.models import Output, run, selected
from snnlab.graph.operations import OperationRule, overwritten
from snnlab.graph.places import line_of_error, origin, place
from snnlab.graph.spelling import name_of_call, spelled, tensors_in, without_writing

_READS = {"item", "tolist", "numpy", "equal", "allclose", "is_nonzero", "__bool__", "__int__"}
_READS |= {"__float__", "__index__", "__complex__", "__array__", "__contains__", "__dlpack__"}
# These say of a tensor what is no value of it, and models ask for it at every step.
_ABOUT = {"dim", "ndim", "size", "shape", "dtype", "device"}
# Of so many images what a model makes is held while it is recorded: 2, 5 and 1.
_IMAGES = 8
# Of the second tensor these read shape and type alone.
_LIKE = {"expand_as", "view_as", "reshape_as", "type_as", "to"}


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
        self._names = {
            id(t): name for name, t in (*model.named_parameters(), *model.named_buffers())
        }
        self._state = {memory_of(t) for t in tensors(model)}
        self._views: dict[int, list[View]] = {}
        self._constants: dict[tuple[int, int], tuple[torch.Tensor, fx.Node]] = {}
        self._learn(self.graph.placeholder("input"), images)

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = name_of_call(function)
        if name in _ABOUT or (name == "__get__" and function.__self__.__name__ in _ABOUT):
            return function(*args, **kwargs)
        given = list(tensors_in((args, kwargs)))
        traced = any(map(self._view, given[:1] if name in _LIKE else given))
        if name == "softmin" and traced:
            # Of its logits the smallest wins; of these the largest.
            turned = self.__torch_function__(torch.neg, types, (given[0],))
            return self.__torch_function__(nn.functional.softmax, types, (turned,), kwargs)
        in_place = operations.is_in_place(name)
        self._check(name, kwargs, given, traced)
        if traced and (in_place or kwargs.get("inplace")):
            self._prepare_to_write(given[0])
        nodes = self._spelled(function, name, args, kwargs) if traced else None
        before = [(tensor, version_of(tensor), strides_of(tensor)) for tensor in given]
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
        written = [old for old in before if version_of(old[0]) != old[1]] or before[:in_place]
        if len({memory_of(old[0]) for old in written}) > 1 and self._view(written[0][0]):
            self._refuse(name, "writes into several tensors.", "Write into one after the other.")
        if written and self._view(written[0][0]):
            tensor, _, layout = written[0]
            node = self._node(*without_writing(*nodes, name))
            self._hold(node, tensor)
            self._overwrite(tensor, layout, node)
        elif list(tensors_in(result)):
            self._learn(self._node(*nodes), result)
        return result

    def _check(self, name: str, kwargs: dict, given: list[torch.Tensor], traced: bool) -> None:
        """Refuse at once what the recording would get wrong."""
        if operations.name_of(name) in operations.RANDOM:
            todo = "Expected a trained network at inference; take the noise out of the forward."
            self._refuse(name, "draws random numbers, so two runs differ.", todo)
        if operations.is_in_place(name) and given and memory_of(given[0]) in self._state:
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
            kind, where = ShapeError, self._failed[1]
        else:
            where = f"model{line_of_error(error)}"
            why = f"{type(error).__name__}: {why}" if why else type(error).__name__
            kind = ShapeError if isinstance(error, AssertionError) else kind
        if "BatchedTensor" in why:
            return UnsupportedLayerError(
                f"{where}: works within torch.vmap, whose steps cannot be followed. Expected a "
                f"forward for a whole batch. Write it without vmap, as x @ weights for each of "
                f"several weights."
            )
        full = isinstance(error, MemoryError) or "allocate memory" in why or "out of memory" in why
        if full:
            return MemoryBudgetError(
                f"{where}: there is no memory left for a batch of {len(images)} images of shape "
                f"{shape}: {why}. Expected room for {_IMAGES} images and all that the model makes "
                f"of them. Convert with smaller images, or where there is more memory."
            )
        return kind(
            f"{where}: fails for a batch of {len(images)} images of shape {shape}: {why}. Expected "
            f"a model that takes any number of images of this shape. Look at the shape of x (of a "
            f"list of batches pass torch.cat(batches)), and for a batch size written into the "
            f"model: use x.size(0) or torch.flatten(x, 1)."
        )

    def place(self, name: str) -> str:
        """Return what 'layer 'block.conv1' (Conv2d), line 3 of model.py (`...`)' runs now."""
        return place(origin(self._paths, record.__code__), name)

    def _refuse(self, name: str, why: str, todo: str) -> NoReturn:
        raise UnsupportedLayerError(f"{self.place(operations.name_of(name))}: {why} {todo}")

    def _view(self, tensor: torch.Tensor) -> View | None:
        """Return what is known of a traced tensor, None if it is not traced."""
        for view in self._views.get(memory_of(tensor), ()):
            if view.tensor is tensor or strides_of(view.tensor) == strides_of(tensor):
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
        key = id(tensor), version_of(tensor)
        if key not in self._constants:
            name = self._names.get(id(tensor), "constant").replace(".", "_")
            node = self._node("get_attr", name, (), {})
            known = memory_of(tensor) in self._state
            self._hold(node, tensor if known else tensor.clone())
            self._constants[key] = tensor, node  # kept, so that the id stays its own
        return self._constants[key][1]

    def _prepare_to_write(self, tensor: torch.Tensor) -> None:
        """Keep what is about to be overwritten, for the comparison of batches; trace constants."""
        if self._view(tensor) is None:
            for constant in (tensor, tensor._base):
                if constant is not None:
                    self._learn(self._constant(constant), constant)
        for view in self._views[memory_of(tensor)]:
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
                self._views.setdefault(memory_of(value), []).append(View(value, node))
        elif isinstance(value, (tuple, list)):
            for i, part in enumerate(value):
                if list(tensors_in(part)):
                    self._learn(self._node("call_function", operator.getitem, (node, i), {}), part)

    def _hold(self, node: fx.Node, value: Any) -> None:
        self.values[node] = value
        self.shapes[node] = tuple(value.shape[1:]) if isinstance(value, torch.Tensor) else None

    def _overwrite(self, tensor: torch.Tensor, layout: tuple, node: fx.Node) -> None:
        """Let all tensors that look at the memory of one see what a node wrote into it."""
        reshaped = strides_of(tensor) != layout
        for view in self._views[memory_of(tensor)]:
            if view.tensor is tensor or (not reshaped and strides_of(view.tensor) == layout):
                view.node = node
            elif not reshaped:
                self._rewrite(view, tensor, node)

    def _rewrite(self, view: View, tensor: torch.Tensor, node: fx.Node) -> None:
        old, new = within_image(view.tensor), within_image(tensor)
        if old is None or new is None or old[-1] != new[-1]:
            view.lost = node
        elif not (old[3] < new[2] or new[3] < old[2]):
            args = view.node, node, (*old[:2], old[2]), (*new[:2], new[2]), old[-1]
            view.node = self._node("call_function", overwritten, args, {})
            self._hold(view.node, view.tensor)

    def _spelled(
        self, function: Any, name: str, args: tuple, kwargs: dict
    ) -> tuple[str, Any, tuple, dict]:
        """Return operation, target, arguments and keywords of a node."""
        if name == "__getitem__" and isinstance(args[1], torch.Tensor):
            table, index = args
            if table.ndim == 2 and not self._view(table) and index.dtype is torch.int64:
                function, name, args = nn.functional.embedding, "embedding", (index, table)
        args, kwargs = fx.node.map_aggregate((args, kwargs), self._node_of)
        return spelled(function, name, args, kwargs)

    def _node(self, op: str, target: Any, args: tuple, kwargs: dict) -> fx.Node:
        constant: dict[str, Any] = {"scope": "", "own": None, "steps": []}
        where = constant if op == "get_attr" else origin(self._paths, record.__code__)
        name = target if op == "get_attr" else where["scope"] if where["own"] else None
        node = self.graph.create_node(op, target, args, kwargs, name or None)
        node.meta |= where
        return node


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
