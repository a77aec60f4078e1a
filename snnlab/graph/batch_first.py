"""Steps of a model that have the images elsewhere, rewritten so that they have them first."""

import math

import torch
from torch import fx

from snnlab.graph.layout import FIRST, Layout, laid_out, name_in_home
from snnlab.graph.operations import OperationRule
from snnlab.graph.pointwise import is_pointwise
from snnlab.graph.probe import Probe

_EXPAND = ("expand", "expand_as", "broadcast_to")


def bring_to_front(node: fx.Node, probe: Probe, rows: dict[fx.Node, fx.Node]) -> None:
    """Let an affine step read and return values whose images come first.

    `rows` holds values that were rows before, and is added to.
    """
    layouts = _layouts_around(node, probe)
    reshapes = probe.rule(node) is OperationRule.RESHAPE
    in_rows = all(layout.dim == 0 and layout.outer == 1 for layout in layouts)
    if reshapes and in_rows:
        give_shape(node, (-1, *probe.shapes[node]), probe)
    elif layouts == {FIRST} or _acts_on_each(node, layouts, probe):
        return
    elif in_rows:
        _give_rows(node, probe, rows)
    else:
        if reshapes:
            give_shape(node, shape_in_model(node, probe), probe)
        _lay_out(node, probe)


def give_shape(node: fx.Node, shape: tuple[int, ...], probe: Probe) -> None:
    """Write a change of shape with a concrete shape, -1 for the images."""
    source = node.all_input_nodes[0]
    if probe.name(node) in _EXPAND:
        node.op, node.target, node.args = "call_method", "expand", (source, *shape)
    else:
        node.op, node.target, node.args = "call_function", torch.reshape, (source, shape)
    node.kwargs = {}


def shape_in_model(node: fx.Node, probe: Probe) -> tuple[int, ...]:
    """Return the shape that a value has in the model, -1 where the images are."""
    layout = probe.layout(node)
    if layout == FIRST:
        return -1, *probe.shapes[node]
    shape = tuple(probe.two[node].shape)
    return *shape[: layout.dim], -1, *shape[layout.dim + 1 :]


def pool_planes(node: fx.Node, windows: int, probe: Probe) -> None:
    """Let a pooling over so many dimensions see (B, C, ...), where C are all others."""
    source = node.all_input_nodes[0]
    layout, shape, after = probe.layout(source), probe.shapes[source], probe.shapes[node]
    if layout == FIRST:
        return
    if layout.dim >= probe.two[source].ndim - windows:
        why = "pools over the images of a batch."
        probe.refuse(node, why, "Keep the first dimension for the images in every step.")
    planes = math.prod(shape[:-windows])
    merged = probe.write(node, torch.reshape, source, (-1, planes, *shape[-windows:]), like=source)
    probe.shapes[merged] = (planes, *shape[-windows:])
    node.replace_input_with(source, merged)
    probe.shapes[node] = (planes, *after[-windows:])
    _put_behind(node, (-1, *after), probe)


def _layouts_around(node: fx.Node, probe: Probe) -> set[Layout]:
    """Return how the images lie in what a step reads and returns."""
    known = [probe.layouts.get(n, FIRST) for n in (*_of_images(node, probe), node)]
    return {part for one in known for part in (one if isinstance(one, list) else [one])}


def _of_images(node: fx.Node, probe: Probe) -> list[fx.Node]:
    """Return what a step reads that has an entry for each image."""
    return [n for n in node.all_input_nodes if probe.moves(n) or n in probe.every_image]


def _acts_on_each(node: fx.Node, layouts: set[Layout], probe: Probe) -> bool:
    """Return whether a step does the same to values whose images come first."""
    read = _of_images(node, probe)
    if any(not probe.is_tensor(n) for n in read):
        return read[0].target is laid_out  # a part of what that returns
    if not probe.is_tensor(node) or len(layouts) > 1:
        return False
    (layout,) = layouts
    constants = [n for n in node.all_input_nodes if n not in read]
    if probe.name(node) == "linear":  # the last dimension is not that of the images
        return all(probe.two[n].ndim <= 2 for n in constants)
    return is_pointwise(node, probe) and (layout.dim == 0 or not constants)


def _give_rows(node: fx.Node, probe: Probe, rows: dict[fx.Node, fx.Node]) -> None:
    """Let a step work on rows, which follow each other image by image as in the model."""
    for source in _of_images(node, probe):
        if probe.is_tensor(source) and probe.layout(source) != FIRST:
            if source not in rows:
                shape = (-1, *probe.two[source].shape[1:])
                rows[source] = probe.write(node, torch.reshape, source, shape, like=source)
            node.replace_input_with(source, rows[source])
    if probe.is_tensor(node) and probe.layout(node) != FIRST:
        back = _put_behind(node, (-1, *probe.shapes[node]), probe)
        rows[back] = node


def _put_behind(node: fx.Node, shape: tuple[int, ...], probe: Probe) -> fx.Node:
    """Let all readers of a node read it in another shape."""
    back = probe.write(node.next, torch.reshape, node, shape, like=node)
    probe.shapes[back] = shape[1:]
    node.replace_all_uses_with(back, lambda reader: reader is not back)
    return back


def _lay_out(node: fx.Node, probe: Probe) -> None:
    """Let a step be evaluated as in the model, between two moves of the images."""
    name, layouts, read = name_in_home(node.target), [], _of_images(node, probe)
    if name is None or name == "snnlab.overwritten":
        why = "works on values in which the images are not first."
        probe.refuse(node, why, "Keep the first dimension for the images in this step.")

    def noted(source: fx.Node) -> fx.Node:
        layouts.append(tuple(probe.layout(source)) if source in read else None)
        return source

    args, kwargs = fx.node.map_arg((node.args, node.kwargs), noted)
    own = probe.layouts[node]
    result = [tuple(part) for part in own] if isinstance(own, list) else tuple(own)
    node.op, node.target = "call_function", laid_out
    node.args, node.kwargs = (name, args, kwargs, layouts, result), {}
