"""What a diagnosis says, in words and tables."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snnlab import _text
from snnlab._text import counted


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
        Accuracy of the network with this alone repaired, in [0, 1]; None where that was not tried.
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
        With this change alone, in [0, 1].
    cost : float
        Time of a run, in multiples of the time before.
    """

    words: str
    accuracy: float
    cost: float


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """What costs a network its accuracy. A cell shows it as text and tables.

    Parameters
    ----------
    timesteps, images : int
    snn, ann : float
        Accuracy of the network after all steps, and with ReLUs for neurons, in [0, 1].
    findings : tuple of Finding
        The causes first.
    exact : mapping from layer name to float
        Accuracy when this layer alone makes no error of its own, all others as they are; empty if
        nothing is lost.
    layer : str or None
        The layer to blame; None if the loss is spread over all layers.
    part : str or None
        The part of the error to blame: "clipping", "quantization", "deviation", or "timing", which
        is the unevenness of the layer's spikes for the layers that listen.
    gains : mapping from part to float
        For the layer to blame, the accuracy gained by taking away this part of its error after
        those before it (timing, deviation, quantization, clipping). Else each part's share in the
        mean squares of the own errors of all layers.
    settings : mapping from layer name to LayerScale
    remedies : tuple of Remedy
        Those that cost no time first, among them the best first.
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

    @property
    def causes(self) -> tuple[Finding, ...]:
        """The findings that cost accuracy."""
        return tuple(finding for finding in self.findings if finding.is_cause)

    @property
    def sentences(self) -> list[str]:
        """The diagnosis in words: what is lost, why, where, and what helps."""
        lost = 100 * (self.ann - self.snn)
        steps, images = counted(self.timesteps, "step"), counted(self.images, "image")
        head = f"SNN {self.snn:.2%} after {steps}, ANN {self.ann:.2%}, on {images}"
        said = [f"{head}: {_points(lost)}."]
        for finding in self.findings:
            if finding.is_cause:
                said.append(f"Cause: {finding.words}")
                if finding.repaired is not None:
                    said[-1] += f" With this alone repaired: {finding.repaired:.2%}."
            else:
                about_setting = finding.kind != "other model"
                head = "Unusual, but without cost here: " if about_setting else "Besides: "
                said.append(f"{head}{finding.words}")
        if not self.exact:
            no_more = "accuracy" if lost < 0.005 else "more than that"
            return said if self.causes else [*said, f"Nothing is wrong that costs {no_more}."]
        if not self.causes:
            said.append("Nothing unusual was found that explains the loss.")
        return [*said, self._where(), self._what_helps()]

    def _what_helps(self) -> str:
        best = max(self.remedies, key=lambda remedy: remedy.accuracy)
        if best.accuracy <= self.snn:
            return "None of the remedies helps."
        enough = [r for r in self.remedies if r.accuracy >= (self.snn + self.ann) / 2]
        if not enough:
            words = f"The best remedy, {best.words}, reaches {best.accuracy:.2%}"
            return f"{words}: less than half of what is lost comes back."
        first = enough[0]
        also = (
            f" Best: {best.words}, {best.accuracy:.2%}." if best.accuracy > first.accuracy else ""
        )
        words = "Cheapest remedy that brings back at least half"
        return f"{words}: {first.words}, {first.accuracy:.2%}.{also}"

    def _where(self) -> str:
        if self.layer is None:
            shares = ", ".join(f"{part} {share:.0%}" for part, share in self.gains.items())
            return (
                f"The loss is spread over all layers: none brings most of it back. Of their own "
                f"errors (mean squares): {shares}."
            )
        gains = ", ".join(f"{part} {_signed(gain)}" for part, gain in self.gains.items())
        return (
            f"Most is lost in layer {self.layer!r}: without its own error "
            f"{self.exact[self.layer]:.2%} would be right. Points gained by taking the parts of "
            f"its error away, one after another: {gains}."
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
                f"{self.exact[name]:.2%}" if name in self.exact else "",
            ]
            for name, setting in self.settings.items()
        ]
        header = ["layer", "θ / 99.9th percentile", "θ / maximum", "right without its error"]
        found = [_text.Table("Layers", header, rows)]
        if self.remedies:
            remedies = [
                [r.words, f"{r.accuracy:.2%}", _signed(r.accuracy - self.snn), f"{r.cost:g}"]
                for r in self.remedies
            ]
            columns = ["remedy", "right", "points gained", "time"]
            found.append(_text.Table("Remedies, each alone, cheapest first", columns, remedies))
        return found

    def __repr__(self) -> str:
        return "\n\n".join(["\n".join(self.sentences), *map(repr, self.tables())])

    def _repr_html_(self) -> str:
        words = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences)
        return words + "".join(table._repr_html_() for table in self.tables())


def _signed(gain: float) -> str:
    """Return points with their sign; what is not a multiple of 1/100 is rounding, -0 too."""
    return f"{round(100 * gain, 2) + 0.0:+.2f}"


def _points(lost: float) -> str:
    if abs(lost) < 0.005:
        return "nothing is lost"
    return f"{abs(lost):.2f} points {'lost' if lost > 0 else 'gained'}"
