"""A graph as data for JSON and tensors, and back."""

import keyword
from typing import Any

import torch
from torch import fx, nn

from snnlab.exceptions import DataError
from snnlab.graph.canonical import META, Graph, own_meta
from snnlab.graph.head import Head
from snnlab.graph.layout import function_named, laid_out
from snnlab.saving.values import (
    PROPERTIES,
    decoded,
    encoded,
    functions,
    is_method,
    name_of_function,
)

Data = dict[str, Any]
Tensors = dict[str, torch.Tensor]

# Before the names of the tensors of the head.
_HEAD = "(head)."
_CONVOLUTION = (
    *("in_channels", "out_channels", "kernel_size", "stride", "padding"),
    *("dilation", "groups", "bias", "padding_mode"),
)
_OF_EACH_DIMENSION = {
    "Conv": _CONVOLUTION,
    "ConvTranspose": (*_CONVOLUTION, "output_padding"),
    "BatchNorm": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
}
# The layers that a network may hold, and the arguments that make them.
_LAYERS = {"Linear": ("in_features", "out_features", "bias")} | {
    f"{kind}{d}d": names for kind, names in _OF_EACH_DIMENSION.items() for d in (1, 2, 3)
}


def taken_apart(graph: Graph) -> tuple[Data, Tensors]:
    """Return a graph as data for JSON, and its tensors by name."""
    data, tensors = _steps(graph.module)
    head, of_the_head = (None, {}) if graph.head is None else taken_apart(graph.head.steps)
    rest = {
        "head": head,
        "added": list(graph.added),
        "logits": graph.logits,
        "output": graph.output,
    }
    return data | rest, tensors | {_HEAD + name: t for name, t in of_the_head.items()}


def put_together(data: Data, tensors: Tensors) -> Graph:
    """Return the graph that `taken_apart` has made data of."""
    of_the_head = {n.removeprefix(_HEAD): t for n, t in tensors.items() if n.startswith(_HEAD)}
    head = data["head"] and Head(put_together(data["head"], of_the_head))
    module = _module_of(data, tensors)
    return Graph(module, head, tuple(data["added"]), data["logits"], data["output"])


def _steps(module: fx.GraphModule) -> tuple[Data, Tensors]:
    parameters = dict(module.named_parameters(remove_duplicate=False))
    buffers = dict(module.named_buffers(remove_duplicate=False))
    data = {
        "modules": [[path, *_described(m)] for path, m in module.named_modules() if path],
        "parameters": {name: _strides(tensor) for name, tensor in parameters.items()},
        "buffers": {name: _strides(tensor) for name, tensor in buffers.items()},
        "nodes": [_as_data(node) for node in module.graph.nodes],
    }
    tensors = {
        # In memory of its own, since a file holds no views.
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in (parameters | buffers).items()
    }
    return data, tensors


def _module_of(data: Data, tensors: Tensors) -> fx.GraphModule:
    """Return the module that `_steps` has made data of.

    Nothing of the file becomes code but names, and these are checked: torch writes the forward of a
    GraphModule as source.
    """
    root = nn.Module()
    for path, kind, arguments in data["modules"]:
        parent, name = _owner(root, path)
        parent.add_module(name, _layer(kind, arguments))
    for path, strides in data["parameters"].items():
        owner, name = _owner(root, path)
        parameter = nn.Parameter(_tensor(path, strides, owner, tensors), requires_grad=False)
        owner.register_parameter(name, parameter)
    for path, strides in data["buffers"].items():
        owner, name = _owner(root, path)
        owner.register_buffer(name, _tensor(path, strides, owner, tensors))
    _refuse_missing(root)
    graph = fx.Graph()
    made: dict[str, fx.Node] = {}
    for entry in data["nodes"]:
        made[entry["name"]] = _node(graph, entry, made, data)
    module = fx.GraphModule(root, graph)
    for part in ("_modules", "_parameters", "_buffers"):
        vars(module)[part] = vars(root)[part]  # all of them, in their order
    return module


# --- modules and tensors ---------------------------------------------------------------------


def _described(module: nn.Module) -> tuple[str, Any]:
    """Return the class of a layer and the arguments that make it."""
    kind = type(module).__name__
    if type(module) is nn.Module:
        return kind, encoded({})
    if type(module) is not getattr(nn, kind, None) or kind not in _LAYERS:
        raise DataError(
            f"network.save: the network holds a {kind}, which has no form in a file. Expected "
            f"{', '.join(_LAYERS)}. Convert the model anew with this snnlab."
        )
    arguments = {name: getattr(module, name) for name in _LAYERS[kind]}
    if "bias" in arguments:
        arguments["bias"] = module.bias is not None
    return kind, encoded(arguments)


def _layer(kind: str, arguments: Any) -> nn.Module:
    """Return a layer without values, which neither takes memory nor draws random numbers."""
    if kind == "Module":
        return nn.Module()
    given, expected = decoded(arguments, {}), _LAYERS[kind]
    if set(given) != set(expected):
        raise DataError(f"{kind} has arguments {list(given)}, expected {expected}.")
    with torch.device("meta"):
        return getattr(nn, kind)(**given).eval()


def _owner(root: nn.Module, path: str) -> tuple[nn.Module, str]:
    """Return the module that a path leads to, but for its last name, and that name."""
    parent, _, name = path.rpartition(".")
    if not name.isprintable() or {'"', "\\"} & set(name):
        raise DataError(f"{path!r} is no name of a layer, expected one without quotation marks.")
    return root.get_submodule(parent), name


def _strides(tensor: torch.Tensor) -> list[int] | None:
    """Return how a tensor lies in memory, None if in the order of its dimensions.

    Torch chooses by it in which order a convolution adds up.
    """
    gaps = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    usual = torch.empty(tensor.shape, device="meta").stride()
    dense = tensor.numel() == gaps + 1
    return list(tensor.stride()) if dense and tensor.stride() != usual else None


def _tensor(path: str, strides: Any, owner: nn.Module, tensors: Tensors) -> torch.Tensor:
    """Return a tensor of the file, if it has the shape that its layer wants."""
    if path not in tensors:
        raise DataError(
            f"the tensor {path!r} is missing. Expected one for each name in the header."
        )
    tensor, name = tensors[path], path.rpartition(".")[2]
    wanted = (owner._parameters | owner._buffers).get(name)
    if wanted is not None and wanted.shape != tensor.shape:
        raise DataError(
            f"the tensor {path!r} has shape {tuple(tensor.shape)}, expected {tuple(wanted.shape)}."
        )
    if strides is None:
        return tensor
    laid = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device="meta")
    if _strides(laid) != strides:
        raise DataError(f"the tensor {path!r} has strides {strides}, expected those of its shape.")
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)


def _refuse_missing(root: nn.Module) -> None:
    for path, tensor in (*root.named_parameters(), *root.named_buffers()):
        if tensor.is_meta:
            raise DataError(f"the tensor {path!r} is missing, expected one for each weight.")


# --- nodes -----------------------------------------------------------------------------------


def _as_data(node: fx.Node) -> Data:
    target = node.target if isinstance(node.target, str) else name_of_function(node.target)
    return {
        "name": node.name,
        "op": node.op,
        "target": target,
        "args": encoded(node.args),
        "kwargs": encoded(node.kwargs),
        "meta": encoded(own_meta(node)),
    }


def _node(graph: fx.Graph, entry: Data, made: dict[str, fx.Node], data: Data) -> fx.Node:
    """Add a node to a graph."""
    args, kwargs = decoded(entry["args"], made), decoded(entry["kwargs"], made)
    op, target = entry["op"], entry["target"]
    _check_target(op, target, data)
    if not all(map(_is_identifier, kwargs)):
        raise DataError(f"{list(kwargs)} are no names of arguments. Expected words.")
    called = functions()[target] if op == "call_function" else target
    if called is getattr and args[1] not in PROPERTIES:
        raise DataError(f"{args[1]!r} is no property that a network reads, expected {PROPERTIES}.")
    if called is laid_out:
        function_named(args[0])  # which it calls in a run
    node = graph.create_node(op, called, args, kwargs, entry["name"])
    if node.name != entry["name"]:
        raise DataError(f"{entry['name']!r} is no name of a node. Expected another one for each.")
    meta = decoded(entry["meta"], {})
    if not set(meta) <= set(META):
        raise DataError(f"{list(meta)} is nothing that a node has. Expected {META}.")
    node.meta |= meta
    return node


def _check_target(op: str, target: Any, data: Data) -> None:
    """Refuse what a graph never calls or reads."""
    known = {
        "placeholder": _is_identifier(target),
        "get_attr": target in data["parameters"] or target in data["buffers"],
        "call_module": any(path == target for path, *_ in data["modules"]),
        "call_function": target in functions(),
        "call_method": is_method(target),
        "output": target == "output",
    }
    if not known.get(op, False):
        raise DataError(
            f"{target!r} ({op}) is nothing that a network calls or reads. Expected functions of "
            f"torch that convert, and the layers and tensors of the file. Do not trust this file."
        )


def _is_identifier(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
