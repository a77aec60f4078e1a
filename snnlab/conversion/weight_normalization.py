"""Weight normalization: the same spikes from neurons whose thresholds are all 1."""

import copy
import dataclasses
import operator

import numpy as np
import torch
from torch import fx, nn

from snnlab._arguments import checks
from snnlab.dynamics.pooling import pools_by_channel
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.canonical import TRANSPOSED, Graph, layer_of
from snnlab.graph.evaluation import cap
from snnlab.graph.operations import Kind
from snnlab.graph.spiking_layers import is_average_pool
from snnlab.network import Network


def normalize_weights(network: Network) -> Network:
    r"""Return the network with thresholds 1 and rescaled weights, which fires the same spikes.

    .. math:: \hat W^l = W^l \frac{\theta^{l-1}}{\theta^l}, \qquad \hat b^l = \frac{b^l}{\theta^l}

    Before each neuron stands a division by its θ, behind it a multiplication by θ. Both are taken
    into the weights of the layer beside it where there is one and only one; elsewhere they stay as
    nodes of their own (see `Graph`): at a shortcut, at a current with two readers, at a
    concatenation. Caps and offsets are divided too.

    Parameters
    ----------
    network : Network
        It is not changed.

    Returns
    -------
    Network
        With the same trains if the thresholds are powers of two, else but for rounding at ties.

    Raises
    ------
    UnsupportedLayerError
        If a layer has a cap and one threshold per channel.

    Source: Diehl et al. 2015 (weight normalization); Rueckauer et al. 2017 (with biases).

    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1, bias=False))
    >>> model[0].weight.data[:], model[0].bias.data[:], model[2].weight.data[:] = 4.0, 2.0, 1.0
    >>> balanced = convert(model, [[1.0]], threshold=Fixed(8.0))
    >>> normalized = normalize_weights(balanced)
    >>> layers = dict(normalized.graph.module.named_children())
    >>> layers["0"].weight.item(), layers["0"].bias.item(), layers["2"].weight.item()
    (0.5, 0.25, 8.0)
    >>> normalized.thresholds
    {'1': 1.0}
    """
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    graph = dataclasses.replace(network.graph, module=copy.deepcopy(network.graph.module))
    for name, node in graph.layers.items():
        theta = np.asarray(network.neurons[name].v_threshold, np.float64)
        if (theta == 1).all():
            continue
        upper = cap(node)
        if upper is not None:
            if theta.ndim:
                raise UnsupportedLayerError(
                    f"layer {name!r}: has one threshold per channel and a cap at {upper:g}, "
                    f"which would become one cap per channel. Choose one threshold for the layer."
                )
            node.args = (node.args[0], upper / float(theta), *node.args[2:])
        _divide(node, theta, graph)
        _multiply(node, theta, graph)
    graph.module.graph.lint()
    graph.module.recompile()
    neurons = {
        name: dataclasses.replace(n, v_threshold=1.0, i_offset=n.i_offset / n.v_threshold)
        for name, n in network.neurons.items()
    }
    return dataclasses.replace(network, graph=graph, neurons=neurons)


def _divide(node: fx.Node, theta: np.ndarray, graph: Graph) -> None:
    """Divide the current of a ReLU by θ: in the layer before it, or by a node of its own."""
    source = node.all_input_nodes[0]
    layer = layer_of(source, graph)
    _note(node, theta)
    if layer is None or len(source.users) > 1 or not _has_channels(layer, source, theta):
        scaling = _scaling(source, 1 / theta, graph, f"{node.meta['layer']} / θ")
        node.replace_input_with(source, scaling)
        return
    _put(layer, "weight", layer.weight.double() / _along(theta, 0, layer.weight))
    if layer.bias is not None:
        _put(layer, "bias", layer.bias.double() / _along(theta, 0, layer.bias))


def _multiply(node: fx.Node, theta: np.ndarray, graph: Graph) -> None:
    """Multiply what a ReLU passes on by θ: in the layer that reads it, or by a node of its own.

    Pooling and reshaping may lie between: they hand a factor on.
    """
    last, scale = node, theta
    between: list[tuple[fx.Node, np.ndarray]] = []
    while len(last.users) == 1:
        reader = next(iter(last.users))
        layer = layer_of(reader, graph)
        if layer is not None:
            grouped = scale.ndim and getattr(layer, "groups", 1) > 1
            if grouped or not _has_channels(layer, last, scale):
                break
            _put(layer, "weight", layer.weight.double() * _along(scale, 1, layer.weight))
            for pool, factor in between:
                _note(pool, factor)
            return
        if not _hands_on(reader, graph, scale):
            break
        between.append((reader, scale))
        last, scale = reader, _behind(reader, scale)
    scaling = _scaling(node, theta, graph, f"{node.meta['layer']} · θ")
    node.replace_all_uses_with(scaling, lambda user: user is not scaling)


def _note(node: fx.Node, scale: np.ndarray) -> None:
    """Keep by how much what enters a node is now too small, for `verify`."""
    before = node.meta.get("scale", 1.0)
    node.meta["scale"] = before * _broadcast(scale, node.all_input_nodes[0])


def _scaling(source: fx.Node, factor: np.ndarray, graph: Graph, name: str) -> fx.Node:
    """Return a new node behind `source` that multiplies it by a constant."""
    module = graph.module
    # No attribute of the model can have this name.
    buffer = f"(scale {sum(n.op == 'get_attr' for n in graph.nodes)})"
    value = torch.tensor(_broadcast(factor, source), dtype=graph.dtype, device=graph.device)
    module.register_buffer(buffer, value)
    with module.graph.inserting_after(source):
        constant = module.graph.get_attr(buffer)
    constant.meta |= {"kind": Kind.CONSTANT, "shape": None, "layer": buffer}
    with module.graph.inserting_after(constant):
        scaling = module.graph.call_function(operator.mul, (source, constant))
    scaling.meta |= {"kind": Kind.AFFINE, "shape": source.meta["shape"], "layer": name}
    return scaling


def _has_channels(layer: nn.Module, node: fx.Node, scale: np.ndarray) -> bool:
    """Return whether a scale per channel can be taken in: where a layer's channels come first.

    Linear works along the last dimension; a transposed convolution keeps its weight by groups.
    """
    last = isinstance(layer, nn.Linear) and len(node.meta["shape"]) > 1
    return not scale.ndim or not (isinstance(layer, TRANSPOSED) or last)


def _hands_on(node: fx.Node, graph: Graph, scale: np.ndarray) -> bool:
    """Return whether a node's output is scaled when its input is."""
    if is_average_pool(node, graph.module) or node.meta["kind"] is Kind.MAX_POOL:
        return not scale.ndim or pools_by_channel(node, graph)
    reshapes = node.op == "call_function" and node.target is torch.reshape
    return reshapes and (not scale.ndim or len(node.meta["shape"]) == 1)


def _behind(node: fx.Node, scale: np.ndarray) -> np.ndarray:
    """Return the scale behind a node: a flattened one has as many numbers as the features."""
    if not scale.ndim or node.target is not torch.reshape:
        return scale
    return np.repeat(scale, node.meta["shape"][0] // len(scale))


def _along(scale: np.ndarray, dim: int, weight: torch.Tensor) -> torch.Tensor:
    """Return the scale so that it broadcasts along one dimension of a weight."""
    shape = [1] * weight.ndim
    if scale.ndim:
        shape[dim] = -1
    return torch.tensor(scale, device=weight.device).reshape(shape)


def _put(layer: nn.Module, name: str, value: torch.Tensor) -> None:
    old = getattr(layer, name)
    setattr(layer, name, nn.Parameter(value.to(old.dtype), requires_grad=False))


def _broadcast(scale: np.ndarray, node: fx.Node) -> np.ndarray:
    """Return the scale so that it broadcasts over a node's values, shape (B, C, ...)."""
    return np.reshape(scale, (-1, *[1] * (len(node.meta["shape"]) - 1)) if scale.ndim else ())
