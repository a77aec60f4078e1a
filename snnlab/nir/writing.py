"""From a network to a graph of NIR."""

import warnings
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import fx, nn

from snnlab import _text
from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion import normalize_weights
from snnlab.dynamics.neuron import Neuron, settings
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.canonical import apply, source_of
from snnlab.graph.operations import Kind, name_of
from snnlab.network import Network
from snnlab.nir.neurons import COMMON, is_common, library
from snnlab.simulation import simulate

# Arguments of a pooling, after its input. The norm of `lp_pool2d` is 1, else it does not convert.
_POOLING = {
    "avg_pool2d": (
        *("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
        "divisor_override",
    ),
    "lp_pool2d": ("norm_type", "kernel_size", "stride", "ceil_mode"),
}


def to_nir(network: Network, *, approximate: Any = None, timesteps: int = 64) -> Any:
    """Return a network as a graph of NIR, for other simulators and for chips.

    NIR has linear layers, convolutions, average and sum pooling, sums of layers, and neurons with
    threshold 1 that start empty and are reset to zero. All else is refused. Where only the neurons
    are others, `approximate` puts NIR's in their place and measures what that costs.

    Parameters
    ----------
    network : Network
        From `normalize_weights`, with reset="zero" and v_init=0.
    approximate : array, shape (B, ...), or DataLoader, Dataset, iterable of batches, optional
        Images, kept as one array. With them a network with other neurons is taken too: its weights
        are normalized and its neurons replaced, and a warning says how much the answers on these
        images change.
    timesteps : int
        Number of steps of that comparison.

    Returns
    -------
    nir.NIRGraph
        To be written with `nir.write(file, graph)`. One step is one unit of NIR's time; the output
        is the current of the logits.

    Raises
    ------
    UnsupportedLayerError
        If NIR has no node for a layer or for the neurons.

    Source: Pedersen et al. 2024 (NIR).

    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> net = convert(model, [[0.5, 1.0]], threshold=Fixed(1.0), reset="zero", v_init=0.0)
    >>> to_nir(net).edges
    [('input', '0'), ('0', '1'), ('1', '2'), ('2', 'output')]
    """
    nir = library("to_nir")
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    others = [name for name, neuron in network.neurons.items() if not is_common(neuron)]
    if not others:
        return _Export(network, nir).graph({})
    if approximate is None:
        neuron = network.neurons[others[0]]
        raise UnsupportedLayerError(
            f"layer {others[0]!r}: NIR has no neuron with {_named(neuron)}, expected threshold 1, "
            f"reset 'zero', v_init 0, and one spike at most. Write snnlab.normalize_weights("
            f"network.replace(reset='zero', v_init=0)); or give some images, approximate=x, on "
            f"which the difference is measured."
        )
    common = {name: value for name, value in settings(COMMON).items() if name != "v_threshold"}
    replaced = normalize_weights(network.replace(**common))
    graph = _Export(replaced, nir)
    sentence = _cost(network, replaced, approximate, timesteps)
    warnings.warn(f"to_nir: {sentence}", stacklevel=2)
    return graph.graph({"approximation": sentence})


def _named(neuron: Neuron) -> str:
    """Return the settings of a neuron in words; of the rarer ones those that it has."""
    named = [
        f"threshold {_text.span(np.ravel(neuron.v_threshold))}",
        f"reset {neuron.reset!r}",
        f"v_init {_text.span(np.ravel(neuron.v_init))}",
    ]
    if np.any(neuron.i_offset):
        named.append(f"i_offset {_text.span(np.ravel(neuron.i_offset))}")
    if neuron.max_spikes > 1:
        named.append(f"max_spikes {neuron.max_spikes}")
    if neuron.signed:
        named.append("signed spikes")
    return f"{', '.join(named[:-1])} and {named[-1]}"


def _cost(network: Network, replaced: Network, x: Any, timesteps: int) -> str:
    """Say how far the answers of two networks are from each other, on images."""
    x = Images(x, "approximate", network.graph.input_shape).whole()
    a, b = (simulate(net, x, timesteps).outputs[-1] for net in (network, replaced))
    # The class, or of one logit its sign.
    one, two = (out > 0 if out.shape[1] == 1 else out.argmax(1) for out in (a, b))
    same = (one == two).mean()
    difference = np.abs(a - b).max() / (np.abs(a).max() or 1.0)
    return (
        f"the neurons of NIR have threshold 1, start empty and are reset to zero, so spikes are "
        f"others. On {_text.counted(len(a), 'image')}, after {_text.counted(timesteps, 'step')}, "
        f"{same:.2%} of the answers stay the same, and outputs differ by up to {difference:.2g} of "
        f"the largest."
    )


class _Export:
    """The nodes of NIR for a network, and the edges between them."""

    def __init__(self, network: Network, nir: ModuleType):
        self.network, self.module, self.nir = network, network.graph.module, nir
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        # The nodes of NIR whose values together are the value of a node.
        self.sources: dict[fx.Node, list[str]] = {}
        for node in network.graph.nodes:
            if node.meta["kind"] is not Kind.CONSTANT:
                self._export(node)

    def graph(self, metadata: dict[str, str]) -> Any:
        """Return the graph of NIR."""
        try:
            return self.nir.NIRGraph(self.nodes, self.edges, metadata)
        except ValueError as error:  # it knows no edge that counts twice, as in x + x
            raise UnsupportedLayerError(
                f"network: nir {self.nir.__version__} does not accept its graph ({error}). "
                f"Expected layers whose shapes it can compute. Keep the network with network.save."
            ) from error

    def _export(self, node: fx.Node) -> None:
        nir, kind, shape = self.nir, node.meta["kind"], node.meta["shape"]
        if kind is Kind.INPUT:
            self._add(node, nir.Input({"input": np.array(shape)}), "input")
        elif kind is Kind.OUTPUT:
            self._add(node, nir.Output({"output": np.array(shape)}), "output")
        elif kind is Kind.RELU:
            one = np.ones(shape, self._constant(1.0).dtype)
            self._add(node, nir.IF(r=one, v_threshold=one.copy(), v_reset=0 * one))
        elif kind is Kind.RECTIFIER:
            self._refuse(node, "Convert with shortcut='spikes'.")
        elif kind is Kind.MAX_POOL:
            self._refuse(node, "Train the model with average pooling in its place.")
        else:
            self._export_affine(node)

    def _export_affine(self, node: fx.Node) -> None:
        layer = self._layer(node)
        name = name_of(node.target) if layer is None else type(layer).__name__
        shape, before = node.meta["shape"], source_of(node).meta["shape"] or ()
        if isinstance(layer, nn.Linear) and len(before) == 1:
            self._add(node, self._linear(layer))
        elif isinstance(layer, nn.Conv1d | nn.Conv2d):
            self._add(node, self._convolution(layer, before))
        elif name == "reshape" and len(shape) == 1:
            self._add(node, self._flatten(before))
        elif name == "add" and self._reads_signals(node, 2):
            # NIR adds up what reaches a node.
            both: Any = node.args
            self.sources[node] = self.sources[both[0]] + self.sources[both[1]]
        elif name == "mul" and self._reads_signals(node, 1):
            self._scale(node)
        elif name in _POOLING and len(before) == 3:
            self._pool(node, name)
        elif name == "adaptive_avg_pool2d" and len(before) == 3:
            self._adaptive_pool(node)
        elif name == "mean" and len(before) == 3:
            self._mean(node)
        else:
            self._refuse(node)

    def _linear(self, layer: nn.Linear) -> Any:
        weight = _array(layer.weight)
        if layer.bias is None:
            return self.nir.Linear(weight)
        return self.nir.Affine(weight, _array(layer.bias))

    def _convolution(self, layer: Any, before: tuple[int, ...]) -> Any:
        bias = np.zeros(layer.out_channels, _array(layer.weight).dtype)
        kind = self.nir.Conv1d if isinstance(layer, nn.Conv1d) else self.nir.Conv2d
        one = isinstance(layer, nn.Conv1d)

        def size(value: Any) -> Any:
            return value[0] if one and not isinstance(value, str) else value

        return kind(
            input_shape=before[1] if one else before[1:],
            weight=_without_groups(layer),
            stride=size(layer.stride),
            padding=size(layer.padding),
            dilation=size(layer.dilation),
            groups=1,
            bias=bias if layer.bias is None else _array(layer.bias),
        )

    def _scale(self, node: fx.Node) -> None:
        (factor,) = [part for part in node.args if not self._is_signal(part)]
        value = self._constant(factor)
        scale = np.broadcast_to(value, (1, *node.meta["shape"]))[0].copy()
        self._add(node, self.nir.Scale(scale))

    def _pool(self, node: fx.Node, name: str) -> None:
        """Export an average pooling, or a sum: an average whose divisor is 1."""
        given = dict(zip(_POOLING[name], node.args[1:], strict=False)) | node.kwargs
        kernel, padding = _pair(given["kernel_size"]), _pair(given.get("padding", 0))
        stride = _pair(given.get("stride") or kernel)
        divisor = 1 if name == "lp_pool2d" else given.get("divisor_override")
        counted = given.get("count_include_pad", True) or not padding.any()
        windows = (np.array(source_of(node).meta["shape"][1:]) + 2 * padding - kernel) // stride + 1
        whole = tuple(windows) == node.meta["shape"][1:]
        if divisor not in (None, 1) or not counted or not whole:
            self._refuse(node, "It knows averages over whole windows, and sums.")
        kind = self.nir.AvgPool2d if divisor is None else self.nir.SumPool2d
        self._add(node, kind(kernel, stride, padding))

    def _adaptive_pool(self, node: fx.Node) -> None:
        before, after = source_of(node).meta["shape"][1:], node.meta["shape"][1:]
        if any(n % m for n, m in zip(before, after, strict=True)):
            self._refuse(node, "It knows windows of one size.")
        kernel = np.array(before) // np.array(after)
        self._add(node, self.nir.AvgPool2d(kernel, kernel.copy(), 0 * kernel))

    def _mean(self, node: fx.Node) -> None:
        """Export a mean over height and width as an average pooling, flattened if they go."""
        before = source_of(node).meta["shape"]
        dims: Any = node.kwargs.get("dim", (*node.args, None)[1])
        if {d % 4 for d in np.ravel(dims) if d is not None} != {2, 3}:
            self._refuse(node, "It knows the mean over height and width.")
        kernel = np.array(before[1:])
        self._add(node, self.nir.AvgPool2d(kernel, kernel.copy(), 0 * kernel))
        if len(node.meta["shape"]) == 1:
            self._add(node, self._flatten((before[0], 1, 1)), sources=self.sources[node])

    def _flatten(self, before: tuple[int, ...]) -> Any:
        return self.nir.Flatten({"input": np.array(before)}, start_dim=0, end_dim=-1)

    def _add(
        self, node: fx.Node, value: Any, name: str = "", sources: list[str] | None = None
    ) -> None:
        """Add a node of NIR behind those that hold what a node reads, and let it hold its value."""
        name = name or node.meta["layer"].replace("/", "_")  # which would be a folder in a file
        number, free = 2, name
        while free in self.nodes:
            number, free = number + 1, f"{name}#{number}"
        read = [s for source in node.all_input_nodes for s in self.sources.get(source, ())]
        self.nodes[free] = value
        self.edges += [(source, free) for source in (read if sources is None else sources)]
        self.sources[node] = [free]

    def _layer(self, node: fx.Node) -> nn.Module | None:
        return self.module.get_submodule(str(node.target)) if node.op == "call_module" else None

    def _is_signal(self, value: Any) -> bool:
        return isinstance(value, fx.Node) and value.meta["kind"] is not Kind.CONSTANT

    def _reads_signals(self, node: fx.Node, count: int) -> bool:
        """Return whether an operation has two arguments, so many of which depend on the input."""
        return (
            len(node.args) == 2
            and not node.kwargs
            and sum(map(self._is_signal, node.args)) == count
        )

    def _constant(self, value: Any) -> np.ndarray:
        """Return a number, or the value of a constant node, in the floating type of the network."""
        tensor = (
            apply(value, self.module, {}) if isinstance(value, fx.Node) else torch.tensor(value)
        )
        return _array(tensor.to(self.network.graph.dtype))

    def _refuse(self, node: fx.Node, todo: str = "Keep the network with network.save.") -> NoReturn:
        layer = self._layer(node)
        name = name_of(node.target) if layer is None else type(layer).__name__
        raise UnsupportedLayerError(
            f"layer {node.meta['layer']!r}: NIR has no node for {name} as it is here, expected "
            f"linear layers, convolutions padded with zeros, average pooling and sums. {todo}"
        )


def _without_groups(layer: Any) -> np.ndarray:
    """Return the weight of a convolution, 0 for channels of other groups: nir misreads groups."""
    own, groups = _array(layer.weight), layer.groups
    weight = np.zeros((len(own), layer.in_channels, *own.shape[2:]), own.dtype)
    parts = zip(np.split(weight, groups), np.split(own, groups), strict=True)
    for group, (part, values) in enumerate(parts):
        part[:, group * own.shape[1] :][:, : own.shape[1]] = values
    return weight


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().contiguous().numpy().copy()


def _pair(value: Any) -> np.ndarray:
    return np.broadcast_to(np.array(value), 2).copy()
