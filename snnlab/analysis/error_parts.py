"""What a decomposition found: the parts of the error, their sizes, and how they shrink."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from snnlab import _text
from snnlab._arguments import checks
from snnlab.analysis.parts import PARTS, ROW_PARTS, TOTAL, Part

_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False, repr=False)
class ErrorParts(_text.ShownAsTable):
    """The error φ - a of every neuron after T steps, as a sum of parts.

    Parameters
    ----------
    timesteps : int
        T.
    parts : mapping from layer name to (mapping from part to array, shape (B, ...))
        For spiking layers "propagated", "clipping", "quantization" and "deviation", and "offset" if
        the neurons have one; for "output" the propagated part; with Poisson input, for "input", the
        part "input"; for a max pooling by gates the part "pooling". `snnlab.analysis.parts`
        describes each.
    activations : mapping from layer name to array, shape (B, ...)
        What the ANN passes on there, a.
    counts : mapping from spiking layer to array of whole numbers, shape (B, ...)
        How often the neurons fired, N.
    """

    timesteps: int
    parts: Mapping[str, Mapping[str, np.ndarray]]
    activations: Mapping[str, np.ndarray]
    counts: Mapping[str, np.ndarray]

    @property
    def layers(self) -> list[str]:
        """Names of the rows: Poisson input, max poolings by gates, spiking layers, the output.

        A position, where one may stand for a name, counts the spiking layers only.
        """
        return list(self.parts)

    @property
    def kinds(self) -> list[Part]:
        """The parts that occur in some row."""
        return [p for p in PARTS if any(p.name in parts for parts in self.parts.values())]

    def part(self, layer: str | int, part: str) -> np.ndarray:
        """Return one part of one layer, shape (B, ...), in units of the activation."""
        name = self._name(layer)
        return self.parts[name][checks.option(part, "part", self.parts[name])]

    def total(self, layer: str | int) -> np.ndarray:
        """Return the sum of the parts: what the SNN passes on minus what the ANN does."""
        return np.sum(list(self.parts[self._name(layer)].values()), axis=0)

    def spurious(self, layer: str | int) -> np.ndarray:
        """Return the spikes of neurons whose ANN activation is 0, shape (B, ...), 0 for others.

        Source: Li, Zhao and Zeng 2022 (spikes of inactivated neurons).
        """
        name = checks.layer(layer, list(self.counts))
        return np.where(self.activations[name] == 0, self.counts[name], 0)

    def statistics(
        self, layer: str | int, *, per_neuron: bool = False
    ) -> dict[str, dict[str, np.ndarray]]:
        """Describe each part of one layer, and the total, by five numbers.

        Parameters
        ----------
        layer : str or int
        per_neuron : bool
            Over the images, for each neuron; by default over all neurons and images together.

        Returns
        -------
        dict from part to dict
            "mean" and "rms" in units of the activation; "negative" and "positive", the shares of
            neurons and images where the part has this sign; and "share", the part's share of the
            total's mean square, E[part · total] / E[total²]. The shares of the parts sum to 1; that
            of a part which works against the others is negative. All are arrays, shape () or (...).

        Raises
        ------
        OptionError
            If there is no such row.
        """
        name = self._name(layer)
        total = self.total(name).astype(np.float64)
        over = 0 if per_neuron else None
        square = np.maximum(np.mean(total**2, axis=over), _TINY)
        found = {}
        for part, values in [*self.parts[name].items(), (TOTAL.name, total)]:
            error = values.astype(np.float64)
            found[part] = {
                "mean": np.mean(error, axis=over),
                "rms": np.sqrt(np.mean(error**2, axis=over)),
                "negative": np.mean(error < 0, axis=over),
                "positive": np.mean(error > 0, axis=over),
                "share": np.mean(error * total, axis=over) / square,
            }
        return found

    def rms(self) -> dict[str, dict[str, float]]:
        """Return the root mean square of each part and of the total, by layer."""
        return {
            name: {part: _rms(values) for part, values in parts.items()}
            | {TOTAL.name: _rms(self.total(name))}
            for name, parts in self.parts.items()
        }

    def shares(self) -> dict[str, dict[str, float]]:
        """Return each part's share of the total's mean square, by layer; as in `statistics`."""
        numbers = {name: self.statistics(name) for name in self.parts}
        return {
            name: {part: float(numbers[name][part]["share"]) for part in parts}
            for name, parts in self.parts.items()
        }

    def table(self, layer: str | int) -> _text.Table:
        """Return the numbers of `statistics` as a table that shows itself in a cell."""
        name = self._name(layer)
        header = ["part", "mean", "root mean square", "too low", "too high", "share"]
        form = "{mean:+.4g} {rms:.4g} {negative:.1%} {positive:.1%} {share:.1%}"
        rows = [[part, *form.format(**n).split()] for part, n in self.statistics(name).items()]
        return _text.Table(f"Error of {name} after {self.timesteps} steps", header, rows)

    def _name(self, layer: str | int) -> str:
        return row(layer, self.parts)

    def _table(self) -> _text.Table:
        columns = [part.name for part in (*self.kinds, TOTAL)]
        title = f"Error after {_text.counted(self.timesteps, 'step')}, root mean square by part"
        spurious = {n: f"{self.spurious(n).sum() / len(c):,.1f}" for n, c in self.counts.items()}
        rows = [
            [
                name,
                *(f"{rms[part]:.4g}" if part in rms else "" for part in columns),
                spurious.get(name, ""),
            ]
            for name, rms in self.rms().items()
        ]
        header = ["layer", *columns, "spurious spikes per image"]
        return _text.Table(title, header, rows)


@dataclass(frozen=True, eq=False, repr=False)
class ErrorsOverTime(_text.ShownAsTable):
    """How large each part of the error is after several numbers of steps.

    Parameters
    ----------
    steps : tuple of int
        K numbers of steps, rising.
    rms : mapping from layer name to (mapping from part to array of float64, shape (K,))
        Root mean square of each part and of the "total", in units of the activation.
    """

    steps: tuple[int, ...]
    rms: Mapping[str, Mapping[str, np.ndarray]]

    @property
    def layers(self) -> list[str]:
        """Names of the rows."""
        return list(self.rms)

    def exponent(self, layer: str | int, part: str) -> float:
        r"""Return p of the law RMS ∝ T^p that fits best; NaN where the part is 0 somewhere.

        -1 means that twice the steps halve the part, -1/2 that it takes four times the steps, 0
        that time does not help. Least squares on logarithmic axes.
        """
        name = row(layer, self.rms)
        values = self.rms[name][checks.option(part, "part", self.rms[name])]
        if len(self.steps) < 2 or not values.all():
            return float("nan")
        return float(np.polyfit(np.log(self.steps), np.log(values), 1)[0])

    def _table(self) -> _text.Table:
        header = ["layer", "part", *(f"T = {step}" for step in self.steps), "exponent"]
        rows = [
            [name, part, *(f"{v:.3g}" for v in values), f"{self.exponent(name, part):+.2f}"]
            for name, parts in self.rms.items()
            for part, values in parts.items()
        ]
        return _text.Table("Root mean square error by part over the steps T", header, rows)


def row(layer: str | int, rows: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """Return the name of a row given by name, or by its position among the spiking layers."""
    if isinstance(layer, Integral):
        others = [name for name in rows if any(part.name in rows[name] for part in ROW_PARTS)]
        return checks.layer(layer, [name for name in rows if name not in ("output", *others)])
    return checks.layer(layer, list(rows), "rows of this decomposition")


def _rms(values: np.ndarray) -> float:
    # In double precision, but without a copy of all values.
    return float(np.sqrt(np.mean(np.square(values), dtype=np.float64)))
