"""A converted network: the folded ANN, and a neuron setting for every ReLU."""

import dataclasses
from collections.abc import Collection, Mapping
from os import PathLike
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import fx

from snnlab import _text, saving
from snnlab._arguments import checks
from snnlab.dynamics.neuron import Neuron, Reset, checked_threshold, settings
from snnlab.dynamics.pooling import MAX_POOLINGS, MaxPooling, check_gates
from snnlab.exceptions import DataError, OptionError
from snnlab.graph.canonical import Graph, tensors
from snnlab.graph.evaluation import cap, size
from snnlab.graph.fingerprint import fingerprint
from snnlab.graph.operations import Kind

Thresholds = float | np.ndarray | Mapping[str, Any]
# What a correction changes.
_CORRECTED = ("bias", "potential", "thresholds")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Network(_text.ShownAsTable):
    """A spiking network. It never changes: `replace` and `to` return another.

    The weights are the ANN's own. A neuron passes on θ·s, its threshold times its spike, which is
    threshold balancing. If it can pass on more in a step than the cap of its activation (ReLU6),
    its threshold is lowered to that.

    Parameters
    ----------
    graph : Graph
        The ANN, traced and folded.
    neurons : mapping from layer name to Neuron
        One for every ReLU of the graph.
    max_pool : {"exact", "gate", "gate_recent"}
        How spikes are pooled: exactly (see `ExactMaxPool`), or by a gate that passes on the input
        with the highest rate, estimated since the first step, or over the last ones (see
        `GatedMaxPool`).
    corrections : mapping from "bias", "potential" or "thresholds" to int
        What was corrected, and for how many steps; see `correct_bias`.

    Raises
    ------
    OptionError
        If a layer has no neuron, or a setting does not have the shape of its layer.

    Source: Diehl et al. 2015 (threshold balancing); Rueckauer et al. 2017.
    """

    graph: Graph
    neurons: Mapping[str, Neuron]
    max_pool: MaxPooling = "exact"
    corrections: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, steps in self.corrections.items():
            checks.whole(steps, f"corrections: {checks.option(what, 'corrections', _CORRECTED)}")
        object.__setattr__(self, "corrections", MappingProxyType(dict(self.corrections)))
        if checks.option(self.max_pool, "max_pool", MAX_POOLINGS) != "exact":
            check_gates(self.graph)
        layers = self.graph.layers
        for name, neuron in self.neurons.items():
            checks.layer(name, list(layers))
            todo = "Write snnlab.Neuron(v_threshold)."
            checks.instance(neuron, Neuron, f"neuron of layer {name!r}", todo)
        missing = [name for name in layers if name not in self.neurons]
        if missing:
            raise OptionError(
                f"neurons: none for the layers {missing}. Expected one for every spiking layer."
            )
        fitted = {
            name: _fit(name, self.neurons[name], node, self.graph) for name, node in layers.items()
        }
        object.__setattr__(self, "neurons", MappingProxyType(fitted))

    def __reduce__(self) -> tuple:
        # A read-only mapping cannot be copied or sent to another process; a dict can.
        parts = self.graph, dict(self.neurons), self.max_pool, dict(self.corrections)
        return Network, parts

    @property
    def layers(self) -> list[str]:
        """Names of the spiking layers, in the order of evaluation."""
        return list(self.graph.layers)

    @property
    def thresholds(self) -> dict[str, float | np.ndarray]:
        """Threshold of each layer, a number or an array of shape (C,)."""
        return {name: neuron.v_threshold for name, neuron in self.neurons.items()}

    @property
    def fingerprint(self) -> str:
        """The sha256 of all that decides what it computes, the exact parameters included."""
        neurons = {name: settings(neuron) for name, neuron in self.neurons.items()}
        exact = tensors(self.graph.module)
        return fingerprint(self.graph.fingerprint, neurons, self.max_pool, *exact)

    def shape(self, layer: str | int) -> tuple[int, ...]:
        """Return the shape of a spiking layer for one image."""
        return self.graph.layers[checks.layer(layer, self.layers)].meta["shape"]

    def head(self, logits: Any) -> Any:
        """Return what the model makes of its logits at the very end, like `logits`: (B, ...).

        A final softmax or sigmoid, say; the logits themselves if the model ends with them. No
        neuron computes it: `simulate` and `ann` give the logits.

        >>> from torch import nn
        >>> from snnlab import Fixed, convert
        >>> net = convert(nn.Sequential(nn.ReLU(), nn.Sigmoid()), [[1.0]], threshold=Fixed(1.0))
        >>> net.head(np.array([[0.0]]))
        array([[0.5]], dtype=float32)
        """
        with torch.no_grad():
            given = torch.as_tensor(logits, dtype=self.graph.dtype, device=self.graph.device)
            found = given if self.graph.head is None else self.graph.head(given)
        return found if isinstance(logits, torch.Tensor) else found.cpu().numpy()

    def replace(
        self,
        layer: str | int | None = None,
        *,
        threshold: Thresholds | None = None,
        scale: float | None = None,
        reset: Reset | None = None,
        v_init: float | np.ndarray | None = None,
        i_offset: float | np.ndarray | None = None,
        max_spikes: int | None = None,
        signed: bool | None = None,
        max_pool: MaxPooling | None = None,
    ) -> "Network":
        """Return the network with other neuron settings.

        Parameters
        ----------
        layer : str or int, optional
            The layer to change, by name or position; by default all.
        threshold : float, array of shape (C,), or dict from layer to one of them
            New thresholds, in units of the activation.
        scale : float
            Factor on the thresholds, after `threshold`.
        reset, v_init, i_offset, max_spikes, signed
            As in `Neuron`.
        max_pool : {"exact", "gate", "gate_recent"}
            Of all max poolings.

        Raises
        ------
        OptionError
            If a layer is unknown or a value outside its range.

        >>> from torch import nn
        >>> from snnlab import Fixed, convert
        >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(2.0))
        >>> net.replace("relu", scale=0.25, reset="zero").neurons["relu"]
        Neuron(v_threshold=0.5, reset='zero', v_init=0.5)
        """
        chosen = self.layers if layer is None else [checks.layer(layer, self.layers)]
        given = thresholds_by_layer(threshold, chosen, self.layers)
        changes: dict[str, Any] = {
            "reset": reset,
            "v_init": v_init,
            "i_offset": i_offset,
            "max_spikes": max_spikes,
            "signed": signed,
        }
        changes = {key: value for key, value in changes.items() if value is not None}
        factor = checked_threshold(1.0 if scale is None else scale, "scale")
        neurons = dict(self.neurons)
        for name in chosen:
            theta = _scaled(name, given.get(name, neurons[name].v_threshold), factor)
            neurons[name] = dataclasses.replace(neurons[name], v_threshold=theta, **changes)
        pooling = self.max_pool if max_pool is None else max_pool
        # A setting that is given anew for all layers is no longer the corrected one.
        given_anew = {
            "bias": i_offset is not None,
            "potential": v_init is not None,
            "thresholds": threshold is not None or scale is not None,
        }
        kept = {
            what: steps
            for what, steps in self.corrections.items()
            if layer is not None or not given_anew[what]
        }
        return Network(self.graph, neurons, pooling, kept)

    def corrected_for(self, **steps: int) -> "Network":
        """Return the network with a note of what was corrected for how many steps: `bias=16`."""
        return dataclasses.replace(self, corrections={**self.corrections, **steps})

    def to(self, *device_or_dtype: Any) -> "Network":
        """Return a copy on another device or in another floating type, as `torch.nn.Module.to`."""
        return dataclasses.replace(self, graph=self.graph.to(*device_or_dtype))

    def save(self, path: str | PathLike) -> None:
        """Write the network to one file, which `snnlab.load` reads.

        It is a safetensors file: the weights, and a header in JSON with all else and the sha256 of
        the whole. It holds no code, and the model's own classes are not needed to read it.

        Parameters
        ----------
        path : str or path
            A file that is there already is replaced, once the new one is complete.

        Raises
        ------
        DataError
            If the file cannot be written, or the network holds something that has no form in it.
        """
        saving.write(path, self.graph, self.neurons, self.max_pool, self.corrections)

    def folded(self) -> fx.GraphModule:
        """Return the network as a module of torch: folded layers, and ReLUs that know their neuron.

        Returns
        -------
        torch.fx.GraphModule
            Computes what `snnlab.ann` gives as outputs. In place of each layer of neurons stands a
            `ReLU`, a `Hardtanh` where there is a cap, or a `GraphModule` that is a trained
            staircase. It has the buffer `threshold`, which broadcasts over (B, C, ...), and all
            else that `Neuron` has as attributes, arrays as tensors that broadcast likewise. It is a
            copy: a neuron of one's own can be put in the place of each, with `set_submodule`. Max
            pooling stays what it is, and pools spikes step by step then. It calls functions of
            torch alone, so that its pickle can be read without snnlab; not so where the model has
            images along another dimension for some steps, and where it writes to listed positions
            (`x[:, [0, 2]] = 1`) torch cannot unpickle it.

        >>> from torch import nn
        >>> from snnlab import Fixed, convert
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU()).eval()
        >>> module = convert(model, [[0.0, 1.0]], threshold=Fixed(2.0)).folded()
        >>> dict(module.named_children())
        {'0': Linear(in_features=2, out_features=3, bias=True), '2': ReLU()}
        >>> module.get_submodule("2").threshold, module.get_submodule("2").reset
        (tensor(2.), 'subtract')
        """
        return saving.as_modules(self.graph, self.neurons)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Say what to call in its place."""
        raise OptionError(
            "network(x): a network is no torch module, since its answer depends on the number of "
            "steps. Expected a function of snnlab. Write snnlab.simulate(network, x, timesteps=64) "
            "for its spikes, snnlab.ann(network, x).outputs for what it computes with ReLUs; "
            "network.folded() is a torch module."
        )

    def _table(self) -> _text.Table:
        neurons = sum(size(node) for node in self.graph.layers.values())
        title = (
            f"Spiking network of {_text.counted(len(self.layers), 'layer')}, "
            f"{_text.counted(neurons, 'neuron')}; "
            f"input {_text.shape(self.graph.input_shape)}"
        )
        for what, steps in self.corrections.items():
            title += f"; {what} corrected for {_text.counted(steps, 'step')}"
        analog = sum(node.meta["kind"] is Kind.RECTIFIER for node in self.graph.nodes)
        if analog:
            title += f"; {_text.counted(analog, 'shortcut')} of real numbers, not of spikes"
        parts = [node.meta.get("part", "") for node in self.graph.layers.values()]
        others = _columns_of_others(self.neurons.values())
        header = ["layer", "shape", "neurons", "threshold θ", "reset", "v_init", *others]
        rows = [
            [
                name,
                _text.shape(node.meta["shape"]),
                f"{size(node):,}",
                _text.span(np.ravel(self.neurons[name].v_threshold)),
                self.neurons[name].reset,
                f"{_number_or_span(self.neurons[name].v_init)} θ",
                *(column[row] for column in others.values()),
            ]
            for row, (name, node) in enumerate(self.graph.layers.items())
        ]
        if any(parts):  # a layer of the model that is several of neurons
            header = [*header, "part of the model's layer"]
            rows = [[*row, part] for row, part in zip(rows, parts, strict=True)]
        return _text.Table(title, header, rows)


def load(path: str | PathLike) -> Network:
    """Return the network that `Network.save` has written to a file.

    Nothing of the file is run, so it may come from anybody. The network fires the same spikes as
    the one that was saved.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Network
        On the CPU, in the floating type in which it was saved.

    Raises
    ------
    DataError
        If the file is missing, damaged or none that `Network.save` has written, or if a newer
        snnlab has.

    >>> import tempfile
    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     convert(nn.ReLU(), [[1.0]], threshold=Fixed(2.0)).save(f"{folder}/network.safetensors")
    ...     load(f"{folder}/network.safetensors").thresholds
    {'relu': 2.0}
    """
    parts = saving.read(path)
    try:
        return Network(*parts)
    except Exception as error:  # what other content leads to cannot be foreseen
        raise DataError(
            f"{path}: holds no network ({error!r}). Expected a file that network.save has written. "
            f"Save the network anew."
        ) from error


def thresholds_by_layer(
    threshold: Thresholds | None, chosen: list[str], layers: list[str]
) -> dict[str, Any]:
    """Return the thresholds that a number, an array or a dict gives to each layer of `chosen`."""
    if threshold is None:
        return {}
    if isinstance(threshold, Mapping):
        names = [checks.layer(name, layers) for name in threshold]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise OptionError(
                f"threshold: given twice for {twice}, by name and by position. Expected one each."
            )
        named = dict(zip(names, threshold.values(), strict=True))
        outside = [name for name in named if name not in chosen]
        if outside:
            raise OptionError(
                f"threshold: given for {outside}, but only {chosen} is to be changed. Leave "
                f"`layer` away to change several layers at once."
            )
        return named
    return dict.fromkeys(chosen, threshold)


def _scaled(name: str, theta: Any, factor: float | np.ndarray) -> float | np.ndarray:
    """Return θ times a factor; both may be one number or one for each channel."""
    theta = checked_threshold(theta, f"threshold of layer {name!r}")
    if np.ndim(theta) and np.ndim(factor) and np.size(theta) != np.size(factor):
        raise OptionError(
            f"scale of layer {name!r}: array of {np.size(factor)} numbers, expected one number, "
            f"or {np.size(theta)}, one for each channel."
        )
    return theta * factor


def _columns_of_others(neurons: Collection[Neuron]) -> dict[str, list[str]]:
    """Return the settings in which some neuron is not the usual one, as columns of a table."""
    columns = {
        "i_offset": [_number_or_span(neuron.i_offset) for neuron in neurons],
        "max_spikes": [str(neuron.max_spikes) for neuron in neurons],
        "signed": ["yes" if neuron.signed else "no" for neuron in neurons],
    }
    usual = {"i_offset": "0", "max_spikes": "1", "signed": "no"}
    return {name: cells for name, cells in columns.items() if set(cells) != {usual[name]}}


def _number_or_span(value: float | np.ndarray) -> str:
    return _text.span(np.ravel(value)) if np.ndim(value) else f"{value:g}"


def _fit(name: str, neuron: Neuron, node: Any, graph: Graph) -> Neuron:
    """Return the neuron with its settings checked against channels, cap and arithmetic."""
    theta, shape, upper = neuron.v_threshold, tuple(node.meta["shape"]), cap(node)
    channels = (*shape, 1)[0]
    for what, values in (("threshold", theta), ("i_offset", neuron.i_offset)):
        if np.ndim(values) and np.size(values) != channels:
            raise OptionError(
                f"{what} of layer {name!r}: array of {np.size(values)} numbers, expected one "
                f"number, or {channels}, one for each channel."
            )
    if np.shape(neuron.v_init) not in ((), (channels,), shape):
        raise OptionError(
            f"v_init of layer {name!r}: array of shape {np.shape(neuron.v_init)}, expected one "
            f"number, one for each channel, ({channels},), or one for each neuron, {shape}."
        )
    theta = np.minimum(theta, np.inf if upper is None else upper / neuron.max_spikes)
    limits = torch.finfo(graph.dtype)
    if np.min(theta) < limits.tiny or np.max(theta) > limits.max:
        raise OptionError(
            f"threshold of layer {name!r}: {_text.span(np.ravel(theta))} does not fit into "
            f"{graph.dtype}, expected {limits.tiny:.2g} to {limits.max:.2g}. Look at the scale of "
            f"the data."
        )
    start = float(np.max(np.abs(neuron.v_init))) * float(np.max(theta))
    largest = max(start, float(np.max(np.abs(neuron.i_offset))))
    if largest > limits.max:
        raise OptionError(
            f"layer {name!r}: its v_init or i_offset, {largest:.2g}, does not fit into "
            f"{graph.dtype}, expected up to {limits.max:.2g}. Look at the data that it comes from."
        )
    return dataclasses.replace(neuron, v_threshold=theta)
