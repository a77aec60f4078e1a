"""What an operation must satisfy to be part of a canonical graph; all else is refused by name."""

import math
from typing import Any

import torch
from torch import fx, nn

from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph import operations
from snnlab.graph.canonical import apply, source_of
from snnlab.graph.operations import OperationRule, assigned
from snnlab.graph.probe import Probe

# How far the same images of two batches may differ by rounding, relative to the largest value.
_ROUNDING = 1e-3
# Whole numbers may be rearranged before they are looked up, but they are no currents.
_OF_NEURONS = (OperationRule.RELU, OperationRule.MAX_POOL)
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
    refuse_mixing(node, probe)
    _refuse_products(node, probe, rule)
    if rule is OperationRule.MEASURED and not _keeps_middle(node, probe):
        one = "is not affine with these arguments.", ""
        moving = [n for n in node.all_input_nodes if probe.moves(n)]
        probe.refuse(node, *(one if len(moving) == 1 else _PRODUCT), NotAffineError)
    return rule


def refuse_counts(node: fx.Node, probe: Probe) -> None:
    """Refuse constants that are others for another batch."""
    if any(n.op == "get_attr" and n not in probe.constants for n in node.all_input_nodes):
        probe.refuse_changing(node)


def _refuse_options(node: fx.Node, probe: Probe) -> None:
    """Refuse options that make a known operation another one."""
    name, options = probe.name(node), node.kwargs
    if options.get("rounding_mode") is not None:
        probe.refuse(
            node, "rounds its result, which is not affine.", "Leave `rounding_mode=` away."
        )
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
    indexes = probe.name(node) == "getitem" or node.target is assigned
    if not indexes or not probe.is_tensor(source_of(node)):
        return
    index = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
    if index[0] is not Ellipsis and index[0] != slice(None):
        probe.refuse(node, "picks images out of the batch.", "Begin the index with a colon.")


def refuse_mixing(node: fx.Node, probe: Probe) -> None:
    """Refuse what does not have the batch first, or lets one image change another."""
    two, five = probe.two[node], probe.five[node]
    pairs = zip(two, five, strict=False) if isinstance(two, (tuple, list)) else [(two, five)]
    todo = "Keep the first dimension for the images in every step."
    for a, b in pairs:
        if not isinstance(a, torch.Tensor):
            probe.refuse(node, f"returns {type(a).__name__}, expected a tensor.")
        whole = not (probe.holds_floats or a.is_floating_point() or probe.rule(node) in _OF_NEURONS)
        if a.dtype not in (torch.float32, torch.float64) and not whole:
            probe.refuse(node, f"returns {a.dtype}, expected float32 or float64.")
        if a.dtype is torch.float32 and probe.dtype is torch.float64:
            why = f"returns {a.dtype} in a model of {probe.dtype}, expected one type."
            probe.refuse(node, why, "Write model.float(), or compute in float64 all through.")
        if (a.shape[:1], b.shape[:1]) != ((2,), (5,)) or a.shape[1:] != b.shape[1:]:
            why = (
                f"mixes the images of a batch: 2 images give shape {tuple(a.shape)}, 5 give "
                f"{tuple(b.shape)}; expected the number of images first and the rest equal."
            )
            probe.refuse(node, why, todo)
        b = b[1:3]
        if not torch.equal(a, b) and not torch.allclose(
            a, b, rtol=0, atol=float(_ROUNDING * b.abs().max()), equal_nan=True
        ):
            why = "mixes the images of a batch: others change what two of them give."
            probe.refuse(node, why, todo)


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
    name, arguments = probe.name(node), dict(node.kwargs)
    names = operations.PARAMETERS.get(name, ())
    arguments.update(zip(names, node.args[1:], strict=False))
    lower, upper = (_number(b, probe) for b in operations.bounds(name, arguments))
    plain = lower == 0 and (upper is None or upper > 0)
    return plain, upper if plain else None


def _number(bound: Any, probe: Probe) -> float | None:
    """Return a bound as a number, None if there is none, NaN if it is not one number."""
    if isinstance(bound, fx.Node):
        bound = probe.constants.get(bound, torch.zeros(0))
    if isinstance(bound, torch.Tensor) and bound.numel() != 1:
        return math.nan
    return None if bound is None else float(bound)
