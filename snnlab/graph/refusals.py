"""What an operation must satisfy to be part of a canonical graph; all else is refused by name."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.canonical import apply, source_of
from snnlab.graph.layout import FIRST, Layout, layouts_of
from snnlab.graph.operations import OF_NEURONS, OperationRule, assigned
from snnlab.graph.probe import Probe

# How far the same images of two batches may differ by rounding, relative to the largest value.
_ROUNDING = 1e-3
_OTHERS = "mixes the images of a batch: others change what two of them give."
_TODO = "Keep the first dimension for the images in every step."
_MASK = "Where a mask chooses, write torch.where(mask, a, b): it keeps the shape."
# What cuts or turns at a place along a dimension, and the name of that argument.
_CUTTING = {"split": "dim", "unsafe_split": "dim", "tensor_split": "dim", "roll": "dims"}
_PRODUCT = (
    "combines two values that both depend on the input; a product or quotient of two signals is "
    "not affine.",
    "Squeeze-excite, gating and attention cannot be converted; take them out.",
)


class NotAffineError(UnsupportedLayerError):
    """A step is not affine; at the very end of a model it may stay."""


def checked_rule(node: fx.Node, probe: Probe) -> OperationRule:
    """Return the rule of an operation on the input's values, or refuse it by name and line."""
    rule = probe.rule(node)
    attention = node.meta["own"] == "MultiheadAttention"
    if rule is None or attention:
        todo = operations.advice("multiheadattention") if attention else ""
        why = "cannot be converted to spikes; it is not among the known operations."
        probe.refuse(node, why, todo, NotAffineError)
    _refuse_options(node, probe)
    _refuse_picking(node, probe)
    if rule is not OperationRule.RESHAPE:
        refuse_counts(node, probe)
    refuse_types(node, probe)
    refuse_mixing(node, probe)
    _refuse_products(node, probe, rule)
    if rule is OperationRule.MEASURED and not _keeps_middle(node, probe):
        one = "is not affine with these arguments.", ""
        alone = len(probe.moving(node)) == 1
        probe.refuse(node, *(one if alone else _PRODUCT), NotAffineError)
    return rule


def refuse_counts(node: fx.Node, probe: Probe) -> None:
    """Refuse constants that are others for another batch."""
    if any(n.op == "get_attr" and n not in probe.constants for n in node.all_input_nodes):
        probe.refuse_changing(node)


def _refuse_options(node: fx.Node, probe: Probe) -> None:
    """Refuse options that make a known operation another one."""
    name, options = probe.name(node), node.kwargs
    training = options.get("training", options.get("train"))
    if name == "batch_norm" and ((len(node.args) > 5 and node.args[5]) or training):
        probe.refuse(node, "uses the statistics of the batch.", "Write model.eval() first.")
    if name == "embedding" and options.get("max_norm") is not None:
        probe.refuse(node, "rescales its weight when it is read.", "Leave `max_norm=` away.")
    if "dropout" in name:
        active = node.args[2] if len(node.args) > 2 else True if training is None else training
        if active:
            probe.refuse(node, "drops values at inference too.", "Write training=self.training.")


def _refuse_picking(node: fx.Node, probe: Probe) -> None:
    """Refuse what takes images by their place in the batch, however large that is."""
    source, name = source_of(node), probe.name(node)
    if not probe.is_tensor(source) or not probe.moves(source):
        return
    dim, ndim = probe.layout(source).dim, probe.two[source].ndim
    if name == "getitem" or node.target is assigned:
        if _picks(node.args[1], dim, ndim, probe):
            todo = "Begin the index with a colon." if dim == 0 else "Take all images."
            probe.refuse(node, "picks images out of the batch.", todo)
    elif name in _CUTTING:
        given = node.args[2] if len(node.args) > 2 else node.kwargs.get(_CUTTING[name], 0)
        along = given if isinstance(given, (tuple, list)) else (given,)
        if any(isinstance(d, int) and d % ndim == dim for d in along):
            probe.refuse(node, "picks images out of the batch.", _TODO)
    elif name in ("tril", "triu") and dim >= ndim - 2:
        probe.refuse(node, "picks images out of the batch.", _TODO)


def _picks(index: Any, dim: int, ndim: int, probe: Probe) -> bool:
    """Return whether an index takes a part of one dimension."""
    index = index if isinstance(index, tuple) else (index,)
    widths = [_width(part, probe) for part in index]
    rest = ndim - sum(width for width in widths if width is not None)
    at = 0
    for part, width in zip(index, widths, strict=True):
        if width is None:
            at += rest
        elif at <= dim < at + width:
            return not (isinstance(part, slice) and part == slice(None))
        else:
            at += width
        if at > dim:
            return False
    return False


def _width(part: Any, probe: Probe) -> int | None:
    """Return over how many dimensions a part of an index goes, None for an ellipsis."""
    if part is Ellipsis:
        return None
    if isinstance(part, fx.Node) and probe.two[part].dtype is torch.bool:
        return int(probe.two[part].ndim)
    return 0 if part is None else 1


def refuse_types(node: fx.Node, probe: Probe) -> None:
    """Refuse values that are no floats of one type."""
    for a, _ in _values(node, probe):
        if not isinstance(a, torch.Tensor):
            probe.refuse(node, f"returns {type(a).__name__}, expected a tensor.")
        # Whole numbers may be rearranged before they are looked up, but they are no currents.
        floats = probe.holds_floats or a.is_floating_point() or probe.rule(node) in OF_NEURONS
        if floats and a.dtype not in (torch.float32, torch.float64):
            probe.refuse(node, f"returns {a.dtype}, expected float32 or float64.")
        if a.dtype is torch.float32 and probe.dtype is torch.float64:
            why = f"returns {a.dtype} in a model of {probe.dtype}, expected one type."
            probe.refuse(node, why, "Write model.float(), or compute in float64 all through.")


def refuse_mixing(node: fx.Node, probe: Probe) -> None:
    """Find out how the images lie in a value; refuse it if one image changes another."""
    layouts = [_layout(a, b, node, probe) for a, b in _values(node, probe)]
    if probe.is_tensor(node):
        (probe.layouts[node],) = layouts
        if layouts[0] != FIRST:
            probe.shapes[node] = layouts[0].of_image(tuple(probe.two[node].shape))
    else:
        probe.layouts[node] = layouts
    vanishes = probe.rule(node) is OperationRule.VANISH
    if not vanishes and not _keeps_apart(node, layouts, probe):
        probe.refuse(node, _OTHERS, _TODO)


def _keeps_apart(node: fx.Node, layouts: list[Layout], probe: Probe) -> bool:
    """Return whether an image is none of the other's business, where recorded values hide it.

    That is where all images are the same to a step, behind a silent ReLU.
    """
    sources = [n for n in probe.moving(node) if probe.is_tensor(n)]
    images = {n: probe.layout(n).front(probe.two[n]) for n in sources}
    if all((x[0] != x[1]).any() or not x.is_floating_point() for x in images.values()):
        return True
    generator = torch.Generator().manual_seed(0)
    noise = {n: torch.randn(3, *x.shape[1:], generator=generator) for n, x in images.items()}

    def found(chosen: list[int]) -> list[torch.Tensor]:
        values = {n: probe.two[n] for n in node.all_input_nodes}
        for n in sources:
            values[n] = probe.layout(n).back(noise[n][chosen].to(probe.two[n]))
        result = apply(node, nn.Module(), values)
        parts = [result] if isinstance(result, torch.Tensor) else result
        return [layout.front(part) for layout, part in zip(layouts, parts, strict=True)]

    first, other_second, other_first = found([0, 1]), found([0, 2]), found([2, 1])
    return all(
        _same(a[0], b[0]) and _same(a[1], c[1])
        for a, b, c in zip(first, other_second, other_first, strict=True)
    )


def refuse_elsewhere(node: fx.Node, probe: Probe) -> None:
    """Refuse an output in which the images are not first."""
    layout, two = probe.layout(node), probe.two[node]
    if layout != FIRST:
        back = f".movedim({layout.dim}, 0)" if layout.rows == 1 else ".view(x.size(0), ...)"
        why = (
            f"has the images elsewhere in the output of the model: 2 of them give shape "
            f"{tuple(two.shape)}; expected their number first."
        )
        probe.refuse(node, why, f"Bring them to the front: {back}, for example.")


def _values(node: fx.Node, probe: Probe) -> list[tuple[Any, Any]]:
    two, five = probe.two[node], probe.five[node]
    several = isinstance(two, (tuple, list))
    return list(zip(two, five, strict=False)) if several else [(two, five)]


def _layout(a: torch.Tensor, b: torch.Tensor, node: fx.Node, probe: Probe) -> Layout:
    found = layouts_of(a, b, _same) or layouts_of(a, b, _alike(node, probe))
    if len(found) > 1:  # of silent values
        before = {probe.layout(n) for n in node.all_input_nodes if probe.is_tensor(n)}
        found = [layout for layout in found if layout in before] or found
    if len(found) == 1:
        return found[0]
    if found:
        why = "joins the images of a batch with other dimensions, in an order that does not show."
    elif (a.shape[:1], b.shape[:1]) == ((2,), (5,)) and a.shape[1:] == b.shape[1:]:
        why = _OTHERS
    else:
        why = (
            f"mixes the images of a batch: 2 images give shape {tuple(a.shape)}, 5 give "
            f"{tuple(b.shape)}; expected the number of images first and the rest equal."
        )
    chosen = any(probe.two[n].dtype is torch.bool for n in probe.moving(node) if probe.is_tensor(n))
    probe.refuse(node, why, _MASK if chosen else _TODO)


def _same(a: torch.Tensor, b: torch.Tensor, within: float = 0.0) -> bool:
    """Return whether two values differ by rounding at most, or by as much as is said."""
    if torch.equal(a, b):
        return True
    within = max(within, float(_ROUNDING * b.abs().max())) if b.dtype is not torch.bool else 0.0
    return torch.allclose(a.double(), b.double(), rtol=0, atol=within, equal_nan=True)


def _alike(node: fx.Node, probe: Probe) -> Callable[[torch.Tensor, torch.Tensor], bool]:
    """Return a comparison for what is left where values cancel: the rounding of those before."""
    before = itertools.takewhile(lambda n: n is not node, node.graph.nodes)
    values = (probe.two[n] for n in before if probe.moves(n) and probe.is_tensor(n))
    floats = (float(v.abs().max()) for v in values if v.is_floating_point() and v.numel())
    largest = max(floats, default=0.0)
    return functools.partial(_same, within=torch.finfo(torch.float32).eps * largest)


def _refuse_products(node: fx.Node, probe: Probe, rule: OperationRule) -> None:
    arguments = [*node.args, *node.kwargs.values()]
    moving = [i for i, argument in enumerate(arguments) if probe.moves(argument)]
    if rule is OperationRule.NUMERATOR and moving == [1]:
        why = "divides by a value that depends on the input; that is not affine."
        probe.refuse(node, why, operations.advice("reciprocal"), NotAffineError)
    first_only = rule in (OperationRule.FIRST, OperationRule.NUMERATOR, OperationRule.LOOKUP)
    if (first_only and moving != [0]) or (rule is OperationRule.ONE and len(moving) != 1):
        probe.refuse(node, *_PRODUCT, NotAffineError)


def _keeps_middle(node: fx.Node, probe: Probe) -> bool:
    """Return whether the middle of two inputs gives the middle of the two outputs."""
    p = {n: _in_double(probe.two[n]) for n in node.all_input_nodes}
    q = p | {n: 0.1 - 1.5 * p[n].flip(0) for n in p if probe.moves(n)}
    middle = p | {n: (p[n] + q[n]) / 2 for n in p if probe.moves(n)}
    try:
        a, b, found = (apply(node, nn.Module(), values) for values in (p, q, middle))
    except RuntimeError:  # not everything works in float64
        return False
    expected = (a + b) / 2
    return torch.allclose(found, expected, rtol=0, atol=1e-9 * float(expected.abs().max()))


def _in_double(value: Any) -> Any:
    floating = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.double() if floating else value


def is_relu(node: fx.Node, probe: Probe) -> tuple[bool, float | None]:
    """Return whether an operation that clamps is a ReLU, and its cap, None if it has none."""
    lower, upper = (_number(b, probe) for b in operations.bounds(node))
    plain = lower == 0 and (upper is None or upper > 0)
    return plain, upper if plain else None


def _number(bound: Any, probe: Probe) -> float | None:
    """Return a bound as a number, None if there is none, NaN if it is not one number."""
    if isinstance(bound, fx.Node):
        bound = probe.constants.get(bound, torch.zeros(0))
    if isinstance(bound, torch.Tensor) and bound.numel() != 1:
        return math.nan
    return None if bound is None else float(bound)
