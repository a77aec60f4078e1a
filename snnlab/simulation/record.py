"""What a simulation leaves behind: numpy arrays, whichever simulator ran."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snnlab import _text
from snnlab._arguments import checks, labels
from snnlab.dynamics.neuron import Neuron
from snnlab.exceptions import OptionError
from snnlab.simulation.joining import joined
from snnlab.simulation.metrics import Head, Metric, measure
from snnlab.simulation.widening import Widened

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class Record(_text.ShownAsTable):
    """The spikes of a network over T steps for B images. Sums are stored, means computed.

    Counts are kept in as few bytes as they need, and read as int64, trains as int32: so they can be
    subtracted and multiplied.

    Parameters
    ----------
    timesteps : int
        T.
    neurons : mapping from layer name to Neuron
        The settings that ran.
    fingerprint : str
        Tells the graph that ran from others.
    input : {"analog", "poisson", "regular", "frames"}
    totals : mapping from layer name to array of int64, shape (B, ...)
        Spike counts after T steps, of signed neurons less what they took back; unless the input is
        analog also those of "input", which for frames are sums of real numbers.
    output_sums : array, shape (T, B, ...)
        Accumulated current of the output after each step.
    at : mapping from step to (mapping from layer name to array of int64, shape (B, ...))
        Spike counts after chosen steps.
    recorded_spikes : mapping from layer name to array of int32, shape (T, B, ...)
    recorded_potentials : mapping from layer name to array, shape (T, B, ...)
        What was asked for; potentials are taken after the reset.
    pooled : mapping from step to (mapping from max pooling to array, shape (B, ...))
        What gates in place of max pooling have passed on, after T and after chosen steps.
    crossings : mapping from step to (mapping from layer name to array of int64, shape (B, ...))
        Of signed neurons, the spikes sent and taken back together, after T and after chosen steps.
    labels : array, shape (B, ...), optional
        What came along with the images.
    checksums : array of uint32, shape (B,), optional
        Tell the images that were simulated from others.
    head : callable or None
        What the model does to its logits in the end, on tensors of shape (B, ...).
    """

    timesteps: int
    neurons: Mapping[str, Neuron]
    fingerprint: str
    input: str
    totals: Arrays
    output_sums: np.ndarray
    at: Mapping[int, Arrays] = field(default_factory=dict)
    recorded_spikes: Arrays = field(default_factory=dict)
    recorded_potentials: Arrays = field(default_factory=dict)
    pooled: Mapping[int, Arrays] = field(default_factory=dict)
    crossings: Mapping[int, Arrays] = field(default_factory=dict)
    labels: np.ndarray | None = None
    checksums: np.ndarray | None = None
    head: Head | None = None

    @staticmethod
    def join(records: Iterable["Record"]) -> "Record":
        """Return the record of the images of several simulations, one after the other.

        A simulation of all images at once gives the same. With Poisson input it does if all calls
        got one and the same generator as `seed`, for an image's train depends on its position.

        Parameters
        ----------
        records : Records
            Of the same network, with the same options, in the order of their images.

        Raises
        ------
        OptionError
            If they are none, or differ in more than their images.

        >>> from torch import nn
        >>> from snnlab import Fixed, convert, simulate
        >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
        >>> parts = [simulate(net, [[current]], timesteps=4) for current in (0.25, 0.5)]
        >>> Record.join(parts).counts("relu").tolist()
        [[1], [2]]
        """
        records = [records] if isinstance(records, Record) else list(records)
        if not records:
            raise OptionError("records: is empty, expected at least one Record of `simulate`.")
        for record in records:
            checks.instance(record, Record, "records", "Pass what `simulate` returned.")
        return joined(records)

    def __post_init__(self) -> None:
        for name in ("at", "crossings"):
            arrays = {t: Widened(sums, np.int64) for t, sums in getattr(self, name).items()}
            object.__setattr__(self, name, arrays)
        object.__setattr__(self, "totals", Widened(self.totals, np.int64))
        object.__setattr__(self, "recorded_spikes", Widened(self.recorded_spikes, np.int32))

    @property
    def layers(self) -> list[str]:
        """Names of the spiking layers, in the order of evaluation."""
        return list(self.neurons)

    @property
    def outputs(self) -> np.ndarray:
        """Logits after each step, shape (T, B, ...): accumulated current over the steps so far."""
        steps = np.arange(1, self.timesteps + 1, dtype=self.output_sums.dtype)
        return self.output_sums / steps.reshape(-1, *[1] * (self.output_sums.ndim - 1))

    def counts(
        self, layer: str | int, step: int | None = None, *, images: Any = slice(None)
    ) -> np.ndarray:
        """Return the spike counts of a layer, int64, shape (B, ...).

        A spike that a signed neuron takes back counts as -1: the count is what has arrived.

        Parameters
        ----------
        layer : str or int
        step : int, optional
            After so many steps; by default all T.
        images : slice or positions
            Of these images only.

        Raises
        ------
        OptionError
            If the layer is unknown or the counts after `step` were not recorded.
        """
        name = self._name(layer)
        step = self.timesteps if step is None else checks.whole(step, "step")
        if name not in self.totals:
            raise OptionError(
                f"layer {name!r}: its counts were not kept, those of {list(self.totals)} were. "
                f"Simulate with counts=[{name!r}], or counts=True for all."
            )
        if step != self.timesteps and step not in self.at:
            raise OptionError(
                f"step = {step!r}: counts were recorded after the steps "
                f"{[*self.at, self.timesteps]}. Simulate with at=({step!r},) for others."
            )
        kept = self.totals if step == self.timesteps else self.at[step]
        return Widened(kept, np.int64).part(name, images)

    def sent(
        self, layer: str | int, step: int | None = None, *, images: Any = slice(None)
    ) -> np.ndarray:
        """Return how many spikes of a layer went over its wires, int64, shape (B, ...).

        These are the spike counts, except that a spike of a signed neuron counts as 1 when it is
        sent and again when it is taken back. Arguments and errors as in `counts`.
        """
        counts = self.counts(layer, step, images=images)
        kept = self.crossings.get(self.timesteps if step is None else step, {})
        name = self._name(layer)
        return Widened(kept, np.int64).part(name, images) if name in kept else counts

    def rates(self, layer: str | int, step: int | None = None) -> np.ndarray:
        """Return spikes per step, in [0, Γ], shape (B, ...); arguments as in `counts`."""
        return self.counts(layer, step) / (self.timesteps if step is None else step)

    def spikes(self, layer: str | int, *, images: Any = slice(None)) -> np.ndarray:
        """Return the spike trains of a layer in int32, shape (T, B, ...).

        They are 0 or 1; several spikes in a step are their number, and -1 is one taken back.

        Parameters
        ----------
        layer : str or int
        images : slice or positions
            Of these images only.

        Raises
        ------
        OptionError
            If they were not recorded.
        """
        name = self._recorded(self.recorded_spikes, layer, "spikes")
        return Widened(self.recorded_spikes, np.int32).part(name, np.s_[:, images])

    def potentials(self, layer: str | int) -> np.ndarray:
        """Return the potentials after the reset, shape (T, B, ...), in units of the activation.

        Raises
        ------
        OptionError
            If they were not recorded.
        """
        name = self._recorded(self.recorded_potentials, layer, "potentials")
        return self.recorded_potentials[name]

    def accuracy(self, y: Any = None, *, metric: Metric = None) -> np.ndarray:
        """Return how well the outputs fit labels after each step, shape (T,).

        By default that is the share of right classes, in [0, 1]: the highest output along dimension
        1, or for one logit whether it is above 0. With a label for each output it is the share of
        right labels, and with real numbers for labels the RMS error of a regression.

        Parameters
        ----------
        y : array, shape (B,) or (B, ...), optional
            Right class of each image, or of each place in it, counted from 0; 0 or 1 for each
            logit; or targets of the shape of the outputs. By default what came with the images.
        metric : str or callable, optional
            "accuracy", "top5" (or another number), "multilabel" (share of right labels), "exact"
            (images with all labels right), "rmse"; or a function of the model's outputs and labels
            that returns a number, or an object with `update` and `compute` as in torchmetrics.

        Raises
        ------
        ShapeError
            If the labels do not fit the outputs.
        OptionError
            If there is no such metric, or it fails.
        """
        y = labels.given_or_own(y, self.labels)
        bound = measure(y, self.output_sums.shape[1:], metric, self.head)
        return bound.over(self.output_sums, range(1, self.timesteps + 1))

    def _name(self, layer: str | int) -> str:
        if layer == "input" and self.input != "analog":
            return "input"
        return checks.layer(layer, self.layers)

    def _recorded(self, arrays: Arrays, layer: str | int, what: str) -> str:
        """Return the name of a layer of which something was recorded."""
        name = self._name(layer)
        if name not in arrays:
            raise OptionError(
                f"layer {name!r}: its {what} were not recorded. Simulate with {what}=[{name!r}]."
            )
        return name

    def _table(self) -> _text.Table:
        images = self.output_sums.shape[1]
        title = (
            f"Record of {_text.counted(images, 'image')} over "
            f"{_text.counted(self.timesteps, 'step')}, {self.input} input"
        )
        header = ["layer", "shape", "spikes per image", "mean rate", "silent neurons"]
        rows = [
            [
                name,
                _text.shape(counts.shape[1:]),
                f"{sent.sum() / images:,.1f}",
                f"{counts.mean() / self.timesteps:.4f}",
                f"{(sent == 0).mean():.1%}",
            ]
            for name, counts in self.totals.items()
            for sent in [self.sent(name)]
        ]
        return _text.Table(title, header, rows)


@dataclass(frozen=True, eq=False)
class Activations:
    """The same network with its own ReLUs: what the spikes are measured against.

    Parameters
    ----------
    currents : mapping from layer name to array, shape (B, ...)
        What enters each ReLU.
    activations : mapping from layer name to array, shape (B, ...)
        What leaves it.
    outputs : array, shape (B, ...)
        The logits.
    labels : array, shape (B, ...), optional
        What came along with the images.
    head : callable or None
        What the model does to its logits in the end.
    """

    currents: Arrays
    activations: Arrays
    outputs: np.ndarray
    labels: np.ndarray | None = None
    head: Head | None = None

    def accuracy(self, y: Any = None, *, metric: Metric = None) -> float:
        """Return how well the outputs fit labels; as `Record.accuracy`."""
        y = labels.given_or_own(y, self.labels)
        return measure(y, self.outputs.shape, metric, self.head).at(self.outputs, 1)
