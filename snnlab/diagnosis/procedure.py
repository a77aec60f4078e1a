"""Examining a network that lost accuracy: what is unusual, what it costs, what helps."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab import _checks
from snnlab._text import counted
from snnlab.analysis import decompose
from snnlab.analysis.mean_currents import mean_currents
from snnlab.conversion import verify
from snnlab.diagnosis.localization import (
    blamed,
    shares_of_own_errors,
    values_by_part,
    without_own_error,
)
from snnlab.diagnosis.remedies import MOST_REMEDIES, remedies
from snnlab.diagnosis.report import Diagnosis, Finding, LayerScale, Remedy
from snnlab.diagnosis.suspicions import Suspicion, settings, suspicions
from snnlab.diagnosis.trials import Trials
from snnlab.exceptions import SNNLabError
from snnlab.graph import Graph
from snnlab.graph.evaluation import inference
from snnlab.graph.models import copied, run, selected
from snnlab.network import Network
from snnlab.simulation import ann, simulate
from snnlab.simulation.progress import progress_bar

_BATCH = 64
# Less than this is not worth a search, nor is a single image.
_TOLERATED = 0.02
_LONGER = 4
# Factors by which the images are tried on the ANN: they may have been divided by 255 or by the
# standard deviation in training only, or here only.
_SCALES = (1 / 255, 0.01, 0.03, 0.1, 0.3, 3.0, 10.0, 30.0, 100.0, 255.0)


def diagnose(
    network: Network, x: Any, y: Any, timesteps: int, model: nn.Module | None = None
) -> Diagnosis:
    """Find out what costs a converted network its accuracy, and what helps.

    What is unusual about the settings is repaired, all together and one by one: it is a cause only
    if accuracy comes back with it. Each spiking layer is freed of its own error alone, to see where
    the loss arises; in the layer to blame, part by part. Then the usual remedies are tried. All on
    the same images, with analog input.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...)
        Images; 100 to 500 are enough.
    y : array of whole numbers, shape (B,)
        Right class of each image.
    timesteps : int
        Number of steps at which accuracy is missed.
    model : torch.nn.Module, optional
        The trained model, to see whether the network still computes the same.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ShapeError, OptionError
        If an argument is not as described.

    Derived here.

    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU())
    >>> network = convert(model, [[1.0, 0.5]], threshold=Fixed(1.0))
    >>> diagnose(network, [[1.0, 0.5], [0.25, 1.0]], [0, 1], timesteps=8).sentences[-1]
    'Nothing is wrong that costs accuracy.'
    """
    _checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    timesteps = _checks.whole(timesteps, "timesteps")
    x = _checks.images(x, "x", network.graph.input_shape, network.graph.dtype)
    y = _checks.labels(y, len(x))
    if model is not None:
        _checks.instance(model, nn.Module, "model", "Leave it away, or pass what was converted.")
    # Every layer once, the parts, each unusual setting twice, the images rescaled, the remedies.
    most = len(network.layers) + 5 + 2 * len(network.layers) + 1 + MOST_REMEDIES
    with progress_bar(most, "simulations") as progress:
        return _Examination(network, x, y, timesteps, progress).diagnosis(model)


class _Examination:
    """The network, the images, and what is known so far."""

    def __init__(
        self, network: Network, x: torch.Tensor, y: np.ndarray, timesteps: int, progress: Any
    ):
        self.network, self.x, self.y, self.timesteps = network, x, y, timesteps
        self.trials = Trials(x, y, progress)
        self.record = simulate(network, x, timesteps)
        self.snn = float(self.record.accuracy(y)[-1])
        self.ann = ann(network, x).accuracy(y)
        self.guess = 1 / self.record.output_sums.shape[-1]
        # Half an image less, so that a rounded difference decides nothing.
        self.worth = max(_TOLERATED, 2 / len(x)) - 0.5 / len(x)

    @property
    def lost(self) -> bool:
        """Whether the loss is worth a search."""
        return self.ann - self.snn >= self.worth

    def diagnosis(self, model: nn.Module | None) -> Diagnosis:
        """Return all that is found."""
        exact: dict[str, float] = {}
        layer: str | None = None
        gains: dict[str, float] = {}
        tried: tuple[Remedy, ...] = ()
        if self.lost:
            currents = mean_currents(self.network, self.x, self.record)
            exact = without_own_error(self.network, currents, self.timesteps, self.trials)
            layer = blamed(exact, self.snn, self.ann)
            if layer is None:
                gains = shares_of_own_errors(decompose(self.network, self.x, self.record))
            else:
                gains = self._gains(layer, currents[layer], exact[layer])
            tried = remedies(self.network, self.timesteps, self.trials)
        found = settings(self.network, self.x)
        findings = self._about_the_model(model) + self._about_the_rest(found, layer)
        return Diagnosis(
            timesteps=self.timesteps,
            images=len(self.x),
            snn=self.snn,
            ann=self.ann,
            findings=tuple(sorted(findings, key=lambda finding: not finding.is_cause)),
            exact=exact,
            layer=layer,
            part=max(gains, key=lambda part: gains[part]) if gains else None,
            gains=gains,
            settings=found,
            remedies=tried,
        )

    def _gains(self, layer: str, z: np.ndarray, exact: float) -> dict[str, float]:
        """Return what is gained in the layer to blame, part by part, the last one by R(z̄)."""
        counts = self.record.counts(layer)
        values = values_by_part(self.network, layer, z, counts, self.timesteps)
        reached = [self._accuracy_of(self.network, {layer: held}) for held in values.values()]
        gains = np.diff([self.snn, *reached, exact]).tolist()
        return dict(zip([*values, "clipping"], gains, strict=True))

    def _about_the_model(self, model: nn.Module | None) -> list[Finding]:
        """Say so if the network is no longer the model."""
        if model is None:
            return []
        try:
            verify(model, self.network, self.x[:8])
        except SNNLabError as error:
            own = _accuracy(model, self.x, self.y, self.network.graph)
            reads = "" if own is None else f" The model reads {own:.2%} correctly."
            head = "The network does not compute what the model does."
            words = f"{head}{reads} {error} Convert the model again."
            costs = own is not None and own - self.ann >= self.worth
            return [Finding("other model", (), words, costs)]
        return []

    def _about_the_rest(self, found: Mapping[str, LayerScale], layer: str | None) -> list[Finding]:
        """Look at the images first: on wrong ones the settings and the ANN only look wrong."""
        doubts = suspicions(self.network, found, layer)
        unlike = any(doubt.kind == "other scale" for doubt in doubts)
        scale = self._better_scale(found) if unlike or self._is_poor(self.ann) else None
        if scale is None:
            return self._about_the_ann() + self._about_the_settings(doubts)
        x = self.x * scale
        right = _Examination(self.network, x, self.y, self.timesteps, self.trials.progress)
        words = (
            f"These images have another scale than those in training: the ANN reads {self.ann:.2%} "
            f"of them correctly, and {right.ann:.2%} when they are multiplied by {scale:.2g}."
        )
        doubts = suspicions(self.network, settings(self.network, x), None)
        other = Finding("other scale", (), words, True, right.snn)
        return [other, *right._about_the_settings(doubts)]

    def _better_scale(self, found: Mapping[str, LayerScale]) -> float | None:
        """Return the factor with which the ANN reads the images better, and well; None if none."""
        ratios = [s.over_usual for s in found.values() if not np.isnan(s.over_usual)]
        by_thresholds = [float(np.exp(np.mean(np.log(ratios))))] if ratios else []
        reached = {}
        for scale in (*by_thresholds, *_SCALES):
            outputs = ann(self.network, self.x * scale)
            # An ANN that sees too much or too little gives the same answer to all.
            one_answer = len(np.unique(outputs.outputs.argmax(-1))) == 1
            reached[scale] = 0.0 if one_answer else outputs.accuracy(self.y)
        scale = max(reached, key=lambda scale: reached[scale])
        better = reached[scale] - self.ann >= self.worth and not self._is_poor(reached[scale])
        return scale if better else None

    def _is_poor(self, accuracy: float) -> bool:
        """Return whether the ANN is nearer to guessing than to all right."""
        return accuracy < (1 + self.guess) / 2

    def _about_the_ann(self) -> list[Finding]:
        """Say so if the ANN itself is no good."""
        if not self._is_poor(self.ann):
            return []
        words = (
            f"With ReLUs in place of its neurons the network reads {self.ann:.2%} correctly, and "
            f"guessing would give {self.guess:.2%}. No spiking network can do much better. Look at "
            f"the training, whether these images are prepared as those in training, and whether "
            f"the labels belong to them."
        )
        return [Finding("poor ANN", (), words, True)]

    def _about_the_settings(self, doubts: list[Suspicion]) -> list[Finding]:
        """Repair what is unusual: it is a cause if accuracy comes back with it."""
        if not self.lost:
            return [Finding(doubt.kind, doubt.layers, doubt.words, False) for doubt in doubts]
        healthy = self.network
        for doubt in doubts:
            healthy = doubt.repair(healthy)
        longer = self.trials.accuracy(healthy, _LONGER * self.timesteps)
        best = float(longer[self.timesteps - 1]) if doubts else self.snn
        judged = [self._cause_or_not(doubt, doubts, best) for doubt in doubts]
        together = best - self.snn >= max(self.worth, (self.ann - self.snn) / 2)
        if together and not any(finding.is_cause for finding in judged):
            # None is needed and none is enough: it takes several of them.
            judged = [dataclasses.replace(finding, is_cause=True) for finding in judged]
        missing, gained = self.ann - best, longer[-1] - best
        if missing >= max(self.worth, (self.ann - self.snn) / 4) and gained >= missing / 2:
            few = f"{counted(self.timesteps, 'step')} {'is' if self.timesteps == 1 else 'are'} few"
            after = f"after {counted(_LONGER * self.timesteps, 'step')} {longer[-1]:.2%} are right"
            words = f"{few}: {after}, and the settings are as usual."
            if doubts:
                words = f"{few}, even with usual settings: {after}."
            judged.append(Finding("few steps", (), words, True))
        return judged

    def _cause_or_not(self, doubt: Suspicion, doubts: list[Suspicion], healthy: float) -> Finding:
        """Repair all but this one, and this one alone."""
        damaged = self.network
        for other in doubts:
            damaged = damaged if other is doubt else other.repair(damaged)
        left = self.snn if len(doubts) == 1 else self._accuracy_of(damaged)
        alone = healthy if len(doubts) == 1 else self._accuracy_of(doubt.repair(self.network))
        needed = healthy - left >= max(self.worth, (healthy - self.snn) / 10)
        enough = alone - self.snn >= max(self.worth, (self.ann - self.snn) / 2)
        return Finding(doubt.kind, doubt.layers, doubt.words, bool(needed or enough), alone)

    def _accuracy_of(self, network: Network, overridden: Mapping | None = None) -> float:
        return float(self.trials.accuracy(network, self.timesteps, overridden)[-1])


def _accuracy(model: nn.Module, x: torch.Tensor, y: np.ndarray, graph: Graph) -> float | None:
    """Return the share of images that the model itself reads correctly; None if it cannot."""
    try:
        with inference(graph, _BATCH):
            own = copied(model).to(x)
            outputs = [selected(run(own, b), graph.output) for b in x.split(_BATCH)]
            answers = torch.cat(outputs).argmax(1).cpu().numpy()
    except (RuntimeError, TypeError, ValueError, IndexError):  # of images of another shape, say
        return None
    return float((answers == y).mean()) if answers.shape == y.shape else None
