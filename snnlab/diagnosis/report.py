"""What a diagnosis says, in words and tables."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snnlab import _text
from snnlab._text import counted
from snnlab.diagnosis.wording import are_right, lost, shown, signed
from snnlab.simulation.measures import ACCURACY, Scale


@dataclass(frozen=True)
class Finding:
    """Something unusual about a network, and whether it costs accuracy.

    Parameters
    ----------
    kind : str
        "high threshold", "low threshold", "outliers", "odd channels", "other scale", "reset to
        zero", "initial potential", "few steps", "poor ANN" or "other model".
    layers : tuple of str
        Where; empty for the network as a whole.
    words : str
        What was found, in a sentence.
    is_cause : bool
        Whether accuracy comes back when it is repaired.
    repaired : float or None
        What the network reaches with this alone repaired; None where that was not tried.
    """

    kind: str
    layers: tuple[str, ...]
    words: str
    is_cause: bool
    repaired: float | None = None


@dataclass(frozen=True, eq=False)
class LayerScale:
    """A layer's threshold beside its activations on the images of the diagnosis.

    Parameters
    ----------
    over_percentile, over_maximum, over_usual : float
        Threshold over the 99.9th percentile of the activations, over their maximum, and over
        `usual`; with one threshold per channel the geometric mean of the channels. NaN for a layer
        that is silent on these images.
    usual : float or array, shape (C,)
        The usual threshold: the 99.9th percentile. If that is over 3 times the 99th percentile of
        the activations above 0 it is itself an outlier, and the latter is usual.
    channels : tuple of int
        Channels whose threshold is more than 3 times off, by the 99.9th percentile.
    """

    over_percentile: float
    over_maximum: float
    over_usual: float
    usual: float | np.ndarray
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Remedy:
    """A change that was tried on the same images.

    Parameters
    ----------
    words : str
    accuracy : float
        With this change alone, in [0, 1]; of another metric its value.
    cost : float
        Time of a run, in multiples of the time before.
    needs : str
        What the hardware has to be able to do; empty if nothing beyond what it does now.
    """

    words: str
    accuracy: float
    cost: float
    needs: str = ""


@dataclass(frozen=True, eq=False)
class Accumulation:
    """How the own errors of many layers come together at the output.

    All numbers are root mean squares, over that of what the ANN has at the same place.

    Parameters
    ----------
    own : mapping from layer name to float
        The layer's own error, φ - R(z̄), where it arises; NaN where the ANN is silent.
    arriving : mapping from layer name to float
        What arrives of it at the output if all other layers are exact.
    added : float
        The sum over all layers of what arrives, with its signs.
    measured : float
        The error of the output.

    Derived here.

    >>> found = Accumulation({"a": 0.1, "b": 0.1}, {"a": 0.2, "b": 0.05}, added=0.25, measured=0.5)
    >>> found.interplay, found.compounds
    (2.0, True)
    """

    own: Mapping[str, float]
    arriving: Mapping[str, float]
    added: float
    measured: float

    @property
    def interplay(self) -> float:
        """Measured over added: 1 if errors add, above it if one makes another larger."""
        if self.added:
            return self.measured / self.added
        return np.inf if self.measured else 1.0

    @property
    def gains(self) -> tuple[float, float]:
        """What arrives of an error of the first half of the layers, and of the second half.

        Over what it was where it arose: below 1 it fades on its way, above 1 it grows.
        """
        own, arriving = (np.array(list(v.values())) for v in (self.own, self.arriving))
        halves = slice(None, len(own) // 2), slice(len(own) // 2, None)
        squares = [
            (np.nansum(np.square(arriving[half])), np.nansum(np.square(own[half])))
            for half in halves
        ]
        first, second = (float(np.sqrt(a / o)) if o else 0.0 for a, o in squares)
        return first, second

    @property
    def grows(self) -> bool:
        """Whether errors grow on their way.

        Those of the first half arrive larger than they were, and twice as strongly as others.
        """
        first, second = self.gains
        return first > 1 and first >= 2 * second

    @property
    def compounds(self) -> bool:
        """Whether errors grow on their way, or make each other larger by half or more."""
        return self.grows or self.interplay >= 1.5


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """What costs a network its accuracy. A cell shows it as text and tables.

    Parameters
    ----------
    timesteps, images : int
    snn, ann : float
        Accuracy of the network after all steps, and with ReLUs for neurons, in [0, 1]; of another
        metric its value.
    findings : tuple of Finding
        The causes first.
    exact : mapping from layer name to float
        The same when this layer alone makes no error of its own, all others as they are; empty if
        nothing is lost.
    layer : str or None
        The layer to blame; None if the loss is spread over all layers.
    part : str or None
        The part of the error to blame: "clipping", "quantization", "deviation", or "timing", which
        is the unevenness of the layer's spikes for the layers that listen.
    gains : mapping from part to float
        For the layer to blame, what is gained by taking away this part of its error after
        those before it (timing, deviation, quantization, clipping). Else each part's share in the
        mean squares of the own errors of all layers.
    settings : mapping from layer name to LayerScale
    remedies : tuple of Remedy
        Those that cost no time first; among them those that need nothing new, the best first.
    scale : Scale
        What the numbers mean: `name` and `words` of the metric, and whether `higher_is_better`.
    accumulation : Accumulation or None
        How the errors of the layers come together; None if nothing is lost, or with less than 10
        spiking layers.
    """

    timesteps: int
    images: int
    snn: float
    ann: float
    findings: tuple[Finding, ...]
    exact: Mapping[str, float]
    layer: str | None
    part: str | None
    gains: Mapping[str, float]
    settings: Mapping[str, LayerScale]
    remedies: tuple[Remedy, ...]
    scale: Scale = ACCURACY
    accumulation: Accumulation | None = None

    @property
    def causes(self) -> tuple[Finding, ...]:
        """The findings that cost accuracy."""
        return tuple(finding for finding in self.findings if finding.is_cause)

    @property
    def sentences(self) -> list[str]:
        """The diagnosis in words: what is lost, why, where, and what helps."""
        steps, images = counted(self.timesteps, "step"), counted(self.images, "image")
        snn, ann = shown(self.snn, self.scale), shown(self.ann, self.scale)
        title = "" if self.scale == ACCURACY else f"{self.scale.words}: "
        loss = lost(self.snn, self.ann, self.scale)
        said = [f"{title}SNN {snn} after {steps}, ANN {ann}, on {images}: {loss}."]
        for finding in self.findings:
            if finding.is_cause:
                said.append(f"Cause: {finding.words}")
                if finding.repaired is not None:
                    said[-1] += f" With this alone repaired: {shown(finding.repaired, self.scale)}."
            else:
                about_setting = finding.kind != "other model"
                head = "Unusual, but without cost here: " if about_setting else "Besides: "
                said.append(f"{head}{finding.words}")
        if not self.exact:
            little = loss.startswith("nothing") or self.scale.gain(self.snn, self.ann) < 0
            what = "accuracy" if self.scale == ACCURACY else "anything"
            no_more = what if little else "more than that"
            return said if self.causes else [*said, f"Nothing is wrong that costs {no_more}."]
        if not self.causes:
            said.append("Nothing unusual was found that explains the loss.")
        together = [] if self.accumulation is None else [self._together(self.accumulation)]
        return [*said, self._where(), *together, self._what_helps()]

    def _what_helps(self) -> str:
        gain = self.scale.gain
        best = max(self.remedies, key=lambda remedy: gain(self.snn, remedy.accuracy))
        if gain(self.snn, best.accuracy) <= 0:
            return "None of the remedies helps."
        enough = [r for r in self.remedies if gain((self.snn + self.ann) / 2, r.accuracy) >= 0]
        if not enough:
            words = f"The best remedy, {best.words}, reaches {self._reaches(best)}"
            return f"{words}: less than half of what is lost comes back."
        first = enough[0]
        words = "Cheapest remedy that brings back at least half"
        words = f"{words}: {first.words}, {self._reaches(first)}."
        if gain(first.accuracy, best.accuracy) <= 0:
            return words
        return f"{words} Best: {best.words}, {self._reaches(best)}."

    def _reaches(self, remedy: Remedy) -> str:
        needs = f" (needs {remedy.needs})" if remedy.needs else ""
        return f"{shown(remedy.accuracy, self.scale)}{needs}"

    def _together(self, found: Accumulation) -> str:
        layers, what = f"The own errors of {counted(len(found.own), 'layer')}", "add"
        if found.compounds:
            what = "compound"
        grown = ""
        if found.grows:
            times = f"{found.gains[0]:.3g} times as large as they were"
            grown = f"those of the first half arrive at the output {times}, "
        return (
            f"{layers} {what}: {grown}passed on alone, each through exact layers, they would add "
            f"up to {found.added:.0%} of the output (root mean square). Together they make "
            f"{found.measured:.0%}."
        )

    def _signed(self, gain: float) -> str:
        return signed(gain, self.scale, self.ann - self.snn)

    def _where(self) -> str:
        if self.layer is None:
            shares = ", ".join(f"{part} {share:.0%}" for part, share in self.gains.items())
            return (
                f"The loss is spread over all layers: none brings most of it back. Of their own "
                f"errors (mean squares): {shares}."
            )
        gains = ", ".join(f"{part} {self._signed(gain)}" for part, gain in self.gains.items())
        points = "Points gained" if self.scale.is_share else "Gained"
        exact = are_right(self.exact[self.layer], self.scale, "would be")
        return (
            f"Most is lost in layer {self.layer!r}: without its own error {exact}. {points} by "
            f"taking the parts of its error away, one after another: {gains}."
        )

    def tables(self) -> list[_text.Table]:
        """Return the layers and the remedies as tables that show themselves in a cell."""
        rows = [
            [
                name,
                *(
                    "silent" if np.isnan(ratio) else f"{ratio:.3g}"
                    for ratio in (setting.over_percentile, setting.over_maximum)
                ),
                shown(self.exact[name], self.scale) if name in self.exact else "",
            ]
            for name, setting in self.settings.items()
        ]
        right = "right" if self.scale == ACCURACY else self.scale.words
        header = ["layer", "θ / 99.9th percentile", "θ / maximum", f"{right} without its error"]
        found = [_text.Table("Layers", header, rows)]
        if self.remedies:
            remedies = [
                [
                    r.words,
                    shown(r.accuracy, self.scale),
                    self._signed(self.scale.gain(self.snn, r.accuracy)),
                    f"{r.cost:g}",
                    r.needs,
                ]
                for r in self.remedies
            ]
            gained = "points gained" if self.scale.is_share else "gained"
            columns = ["remedy", right, gained, "time", "needs"]
            if not any(r.needs for r in self.remedies):
                columns, remedies = columns[:-1], [row[:-1] for row in remedies]
            found.append(_text.Table("Remedies, each alone, cheapest first", columns, remedies))
        return found

    def __repr__(self) -> str:
        return "\n\n".join(["\n".join(self.sentences), *map(repr, self.tables())])

    def _repr_html_(self) -> str:
        words = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences)
        return words + "".join(table._repr_html_() for table in self.tables())
