"""A graph in which every weight is 1, so that derivatives count ways.

Each output of a node is then the sum of the inputs that it reads, and the derivative of one value
by another is the number of ways that lead from this to that. Weights that happen to be 0 are 1 too:
a synapse is there whatever its weight.
"""

import copy
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from snnlab.graph.canonical import Graph, apply, expand_to_batch, layer_of
from snnlab.graph.layout import laid_out
from snnlab.graph.operations import BATCH_NORMS, Kind, OperationRule, name_of, rule_of

# Each value alone, whatever the factor.
_SCALES = {"mul", "rmul", "multiply", "neg", "negative", "batch_norm", "deg2rad", "rad2deg"}
_SCALES |= {"ldexp", "xlogy", "special_xlogy", "special_xlog1py"}
# Values at the same place.
_SUMS = {"add", "radd", "sub", "rsub", "subtract", "lerp", "addcmul", "addcdiv"}
# Several values become one, or one several; each with the factor 1 as torch computes them.
_PLAIN_SUMS = {"sum", "nansum", "cumsum", "fold"} | {f"lp_pool{d}d" for d in (1, 2, 3)}
_AVERAGES = {"mean", "nanmean"}
# Values that are put elsewhere, as torch does it.
_MOVES = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "mT", "mH"}
_MOVES |= {"adjoint", "fft_fftshift", "fft_ifftshift", "linalg_diagonal", "slice", "chunk", "split"}
_MOVES |= {"tensor_split", "hsplit", "vsplit", "dsplit", "split_with_sizes", "unsafe_chunk"}
_MOVES |= {"unsafe_split", "unsafe_split_with_sizes", "unbind", "getitem", "narrow", "select"}
_MOVES |= {"index_select", "take_along_dim", "gather", "diagonal", "diag_embed", "repeat", "tile"}
_MOVES |= {"repeat_interleave", "pad", "constant_pad_nd", "flip", "fliplr", "rot90", "roll", "tril"}
_MOVES |= {"triu", "unfold", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "where"}
_MOVES |= {"native_channel_shuffle", "cat", "concat", "concatenate", "stack", "hstack", "dstack"}
_MOVES |= {"column_stack", "broadcast_tensors", "assigned", "overwritten", "masked_fill", "scatter"}
_MOVES |= {"index_copy", "index_fill", "index_put", "select_scatter", "slice_scatter", "reshape"}
_MOVES |= {"diagonal_scatter", "expand"}
# Sums of products with constants.
_CONTRACTIONS = {"matmul", "rmatmul", "mm", "bmm", "einsum", "linear", "bilinear", "inner", "mv"}
_CONTRACTIONS |= {"tensordot", "vecdot", "linalg_vecdot", "linalg_matmul", "addmm", "baddbmm"}
_CONTRACTIONS |= {"addmv", "kron", "multi_dot", "linalg_multi_dot", "spmm", "dsmm"}
_CONTRACTIONS |= {f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)}
# These treat every channel alike, and the first also one dimension of space after the other.
_INTERPOLATIONS = {"interpolate", "upsample", "upsample_bilinear", "upsample_nearest"}
_BY_CHANNEL = {"grid_sample", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"}
_ROUNDING = 1e-9
_BLOCK = 2**22  # values at once, where inputs are tried one after the other


class UnitWeights:
    """The nodes of a graph with every weight 1.

    Parameters
    ----------
    graph : Graph
        On any device and in any floating type. Values are on the CPU and in float64, where sums of
        ones are exact.

    Attributes
    ----------
    moving : set of nodes
        Those whose values depend on the image.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self.moving: set[fx.Node] = set()
        for node in graph.nodes:
            read = any(source in self.moving for source in node.all_input_nodes)
            if node.meta["kind"] is Kind.INPUT or (read and node.target is not expand_to_batch):
                self.moving.add(node)

    def name(self, node: fx.Node) -> str:
        """Return the name of an operation, that of its function also where a module is called."""
        if node.target is laid_out:
            return str(node.args[0]).rpartition(".")[2]
        if node.op != "call_module":
            return name_of(node.target)
        part = self.graph.module.get_submodule(str(node.target))
        if isinstance(part, BATCH_NORMS):
            return "batch_norm"
        # AdaptiveAvgPool2d calls adaptive_avg_pool2d.
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(part).__name__).lower()

    def has_weights(self, node: fx.Node) -> bool:
        """Return whether a node is a linear layer, a convolution, or a product with a matrix."""
        return layer_of(node, self.graph) is not None or self.name(node) in _CONTRACTIONS

    def adds(self, node: fx.Node) -> bool:
        """Return whether a node adds signals, or subtracts one from another."""
        return self.name(node) in _SUMS

    def scales(self, node: fx.Node) -> bool:
        """Return whether a node treats each value alone."""
        name = self.name(node)
        return name in _SCALES or rule_of(name) in (OperationRule.VANISH, OperationRule.NUMERATOR)

    def moves(self, node: fx.Node) -> bool:
        """Return whether a node only puts values elsewhere."""
        name = self.name(node)
        return name in _MOVES or rule_of(name) is OperationRule.RESHAPE

    def pools(self, node: fx.Node) -> bool:
        """Return whether a node makes one value of several, or several of one, without weights."""
        single = self.scales(node) or self.adds(node) or self.moves(node)
        return not (single or self.has_weights(node))

    def multiplications(self, node: fx.Node) -> int | None:
        """Return those of a layer with weights as papers count them: as if none were of padding.

        None for a product of matrices, which has no padding.
        """
        layer = layer_of(node, self.graph)
        if layer is None:
            return None
        source = node.all_input_nodes[0]
        # A transposed convolution takes each value of its input to the whole kernel.
        places = source if isinstance(layer, nn.modules.conv._ConvTransposeNd) else node
        return int(torch.Size(places.meta["shape"]).numel()) * layer.weight[0].numel()

    def evaluate(self, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
        """Return the value of an affine node, shape (1, ...); `values` has those that it reads."""
        if node not in self.moving:
            value = apply(node, self.graph.module, values)
            if not isinstance(value, torch.Tensor):
                return value
            return value.cpu().double() if value.is_floating_point() else value.cpu()
        read = [source for source in node.all_input_nodes if source in self.moving]
        name, layer, x = self.name(node), layer_of(node, self.graph), values[read[0]]
        if layer is not None:
            return _sums(layer, x)
        if name in _CONTRACTIONS:
            return self._contraction(node, values)
        if self.moves(node) or name in _PLAIN_SUMS:
            return apply(node, self.graph.module, values)
        if name in _AVERAGES:
            y = apply(node, self.graph.module, values)
            return y * (x.numel() // y.numel())
        if node.target is laid_out:
            return self._tried(node, read, values)
        if self.scales(node):
            return x.expand(1, *node.meta["shape"])
        if self.adds(node):
            return sum(values[source] for source in read).expand(1, *node.meta["shape"])
        if name in _INTERPOLATIONS:
            return self._interpolated(node, x)
        if name.startswith("adaptive_avg_pool"):
            return _adaptive_sums(x, node.meta["shape"][-int(name[-2]) :])
        if name.startswith("avg_pool"):
            return self._sums_of_windows(node, x, int(name[-2]))
        return self._tried(node, read, values)

    def _contraction(self, node: fx.Node, values: dict[fx.Node, Any]) -> torch.Tensor:
        """Return a product with constants that are all 1."""

        def ones(source: fx.Node) -> Any:
            value = values[source]
            return value if source in self.moving else torch.ones_like(value)

        args, kwargs = fx.node.map_arg((node.args, node.kwargs), ones)
        target: Any = node.target
        kwargs = {key: value for key, value in kwargs.items() if key not in ("alpha", "beta")}
        if node.op == "call_method":
            return getattr(args[0], target)(*args[1:], **kwargs)
        return target(*args, **kwargs)

    def _sums_of_windows(self, node: fx.Node, x: torch.Tensor, dimensions: int) -> torch.Tensor:
        """Return the sums that an average pooling divides."""
        names = ("kernel_size", "stride", "padding", "ceil_mode")
        if node.op == "call_module":
            part = self.graph.module.get_submodule(str(node.target))
            given = {key: getattr(part, key) for key in names}
        else:
            given = dict(zip(names, node.args[1:], strict=False))
            given |= {key: value for key, value in node.kwargs.items() if key in names}
        if dimensions != 1:
            pool = F.avg_pool2d if dimensions == 2 else F.avg_pool3d
            return pool(x, **given, divisor_override=1)
        given["stride"] = given.get("stride") or given["kernel_size"]
        for key, beside in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
            length = given.get(key, 0)
            given[key] = (beside, length[0] if isinstance(length, (tuple, list)) else length)
        return F.avg_pool2d(x.unsqueeze(-2), **given, divisor_override=1).squeeze(-2)

    def _interpolated(self, node: fx.Node, x: torch.Tensor) -> torch.Tensor:
        """Return the sums of what an interpolation weighs."""
        (source,) = (n for n in node.all_input_nodes if n in self.moving)
        sums = x
        for dimension in range(2, x.ndim):
            size = x.shape[dimension]
            shape = [1 if d != dimension else size for d in range(2, x.ndim)]
            units = torch.eye(size, dtype=x.dtype).reshape(size, 1, *shape)
            y = apply(node, self.graph.module, {source: units.expand(size, 1, *x.shape[2:])})
            line = y.movedim(dimension, -1).reshape(size, -1, y.shape[dimension])[:, 0]
            read = (line.abs() > _ROUNDING).to(x)
            sums = (sums.movedim(dimension, -1) @ read).movedim(-1, dimension)
        return sums

    def _tried(
        self, node: fx.Node, read: list[fx.Node], values: dict[fx.Node, Any]
    ) -> torch.Tensor:
        """Return the value of any affine node; which inputs it reads is found one by one."""
        total: Any = 0
        zeros = {source: torch.zeros_like(values[source]) for source in read}
        for source in read:
            x = values[source]
            alike = self.name(node) in _BY_CHANNEL and node.target is not laid_out
            x = x.transpose(0, 1) if alike else x

            def result(tried: torch.Tensor, source: fx.Node = source) -> torch.Tensor:
                others = {n: (values | zeros)[n] for n in node.all_input_nodes}
                for n, v in others.items():
                    if n in self.moving or n.target is expand_to_batch:
                        others[n] = v.expand(len(tried), *v.shape[1:])
                return apply(node, self.graph.module, others | {source: tried})

            pattern, shape = _pattern(result, x.shape[1:])
            y = torch.sparse.mm(pattern, x.flatten(1).T).T.unflatten(1, shape)
            total = total + (y.transpose(0, 1) if alike else y)
        return total


def _sums(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """Return what a linear layer or convolution makes of values if all its weights are 1."""
    if isinstance(layer, nn.Linear):
        return x.sum(-1, keepdim=True).expand(*x.shape[:-1], layer.out_features)
    ones = copy.copy(layer)
    ones._parameters = {"weight": torch.ones(layer.weight.shape, dtype=x.dtype), "bias": None}
    return ones(x)


def _adaptive_sums(x: torch.Tensor, sizes: tuple[int, ...]) -> torch.Tensor:
    """Return the sums that an adaptive average pooling divides; `sizes` are those of its output."""
    for dimension, size in enumerate(sizes, x.ndim - len(sizes)):
        length = x.shape[dimension]
        place, window = torch.arange(length), torch.arange(size)[:, None]
        inside = (place >= window * length // size) & (place < -(-(window + 1) * length // size))
        x = (x.movedim(dimension, -1) @ inside.to(x).T).movedim(-1, dimension)
    return x


def _pattern(
    result: Callable[[torch.Tensor], torch.Tensor], shape: torch.Size
) -> tuple[torch.Tensor, torch.Size]:
    """Return which outputs read which inputs, sparse, shape (m, n), and the shape of the outputs.

    `shape` is that of the n inputs.
    """
    inputs = shape.numel()
    with torch.no_grad():
        rest = result(torch.zeros(1, *shape, dtype=torch.float64))
        step = max(1, _BLOCK // max(inputs, rest.numel()))
        places = []
        for first in range(0, inputs, step):
            count = min(step, inputs - first)
            units = torch.zeros(count, inputs, dtype=torch.float64)
            units[torch.arange(count), first + torch.arange(count)] = 1
            change = (result(units.unflatten(1, shape)) - rest).flatten(1)
            unit, output = (change.abs() > _ROUNDING).nonzero(as_tuple=True)
            places.append(torch.stack([output, unit + first]))
    index = torch.cat(places, 1)
    ones = torch.ones(index.shape[1], dtype=torch.float64)
    size = (rest[0].numel(), inputs)
    return torch.sparse_coo_tensor(index, ones, size, check_invariants=False), rest.shape[1:]
