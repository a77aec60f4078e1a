"""Examining a network that lost accuracy: what is unusual, what it costs, what helps."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab._text import counted
from snnlab.analysis import decompose
from snnlab.analysis.mean_currents import mean_currents
from snnlab.conversion import verify
from snnlab.diagnosis.accumulation import DEEP, accumulation
from snnlab.diagnosis.localization import (
    blamed,
    shares_of_own_errors,
    values_by_part,
    without_own_error,
)
from snnlab.diagnosis.remedies import remedies
from snnlab.diagnosis.report import Accumulation, Diagnosis, Finding, LayerScale, Remedy
from snnlab.diagnosis.suspicions import Suspicion, settings, suspicions
from snnlab.diagnosis.trials import Trials
from snnlab.diagnosis.wording import are_right, reads, shown
from snnlab.exceptions import OptionError, SNNLabError
from snnlab.graph import Graph
from snnlab.graph.evaluation import inference
from snnlab.graph.models import copied, run, selected
from snnlab.network import Network
from snnlab.simulation import ann, simulate
from snnlab.simulation.measures import Measure

_BATCH = 64
# Less than this is not worth a search, nor is a single image.
_TOLERATED = 0.02
_LONGER = 4
# Factors by which the images are tried on the ANN: they may have been divided by 255 or by the
# standard deviation in training only, or here only.
_SCALES = (1 / 255, 0.01, 0.03, 0.1, 0.3, 3.0, 10.0, 30.0, 100.0, 255.0)


class Examination:
    """The network, the images, and what is known so far."""

    def __init__(
        self, network: Network, x: torch.Tensor, measure: Measure, timesteps: int, progress: Any
    ):
        self.network, self.x, self.timesteps = network, x, timesteps
        self.measure, self.scale, self.gain = measure, measure.scale, measure.scale.gain
        self.trials = Trials(x, measure, progress)
        self.record = simulate(network, x, timesteps)
        self.snn = measure.at(self.record.output_sums[-1], timesteps)
        self.ann = measure.at(ann(network, x).outputs, 1)
        if not np.isfinite([self.snn, self.ann]).all():
            raise OptionError(
                f"metric: {self.scale.name} is {self.snn:g} for the SNN and {self.ann:g} for the "
                f"ANN, expected finite numbers. Choose a metric that these images have."
            )
        if self.scale.is_share:  # half a label less, so that a rounded difference decides nothing
            self.worth = max(_TOLERATED, 2 / measure.count) - 0.5 / measure.count
        else:
            self.worth = _TOLERATED * (measure.guess or abs(self.ann))

    @property
    def loss(self) -> float:
        """What is lost."""
        return self.gain(self.snn, self.ann)

    @property
    def lost(self) -> bool:
        """Whether the loss is worth a search."""
        return self.loss >= self.worth and self.loss > 0

    def diagnosis(self, model: nn.Module | None, bind: Callable[..., Measure]) -> Diagnosis:
        """Return all that is found; `bind` makes the metric for outputs of another shape."""
        exact: dict[str, float] = {}
        layer: str | None = None
        gains: dict[str, float] = {}
        tried: tuple[Remedy, ...] = ()
        together: Accumulation | None = None
        if self.lost:
            currents = mean_currents(self.network, self.x, self.record)
            exact = without_own_error(self.network, currents, self.timesteps, self.trials)
            layer = blamed(exact, self.snn, self.ann, self.scale)
            parts = cache(lambda: decompose(self.network, self.x, self.record))
            if len(self.network.layers) >= DEEP:
                together = accumulation(self.network, self.x, parts())
            if layer is None:
                gains = shares_of_own_errors(parts())
            else:
                gains = self._gains(layer, currents[layer], exact[layer])
            tried = remedies(self.network, self.timesteps, self.trials)
        found = settings(self.network, self.x)
        findings = self._about_the_model(model, bind) + self._about_the_rest(found, layer)
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
            scale=self.scale,
            accumulation=together,
        )

    def _gains(self, layer: str, z: np.ndarray, exact: float) -> dict[str, float]:
        """Return what is gained in the layer to blame, part by part, the last one by R(z̄)."""
        counts = self.record.counts(layer)
        values = values_by_part(self.network, layer, z, counts, self.timesteps)
        reached = [self._reached(self.network, {layer: held}) for held in values.values()]
        steps = itertools.pairwise([self.snn, *reached, exact])
        gains = [self.gain(before, after) for before, after in steps]
        return dict(zip([*values, "clipping"], gains, strict=True))

    def _about_the_model(
        self, model: nn.Module | None, bind: Callable[..., Measure]
    ) -> list[Finding]:
        """Say so if the network is no longer the model."""
        if model is None:
            return []
        try:
            verify(model, self.network, self.x[:8])
        except SNNLabError as error:
            own = _of_the_model(model, self.x, self.network.graph, bind)
            found = "" if own is None else f" The model {reads(own, self.scale)}."
            head = "The network does not compute what the model does."
            words = f"{head}{found} {error} Convert the model again."
            costs = own is not None and self.gain(self.ann, own) >= self.worth
            return [Finding("other model", (), words, costs)]
        return []

    def _about_the_rest(self, found: Mapping[str, LayerScale], layer: str | None) -> list[Finding]:
        """Look at the images first: on wrong ones the settings and the ANN only look wrong."""
        doubts = suspicions(self.network, found, layer)
        unlike = any(doubt.kind == "other scale" for doubt in doubts)
        doubtful = (unlike or self._is_poor(self.ann)) and not self.network.graph.looks_up
        factor = self._better_scale(found) if doubtful else None
        if factor is None:
            return self._about_the_ann() + self._about_the_settings(doubts)
        x = self.x * factor
        right = Examination(self.network, x, self.measure, self.timesteps, self.trials.progress)
        now, then = reads(self.ann, self.scale, " of them"), shown(right.ann, self.scale)
        words = (
            f"These images have another scale than those in training: the ANN {now}, and {then} "
            f"when they are multiplied by {factor:.2g}."
        )
        doubts = suspicions(self.network, settings(self.network, x), None)
        other = Finding("other scale", (), words, True, right.snn)
        return [other, *right._about_the_settings(doubts)]

    def _better_scale(self, found: Mapping[str, LayerScale]) -> float | None:
        """Return the factor with which the ANN reads the images better, and well; None if none."""
        if not self.measure.guess:  # nobody knows what would be good
            return None
        ratios = [s.over_usual for s in found.values() if not np.isnan(s.over_usual)]
        by_thresholds = [float(np.exp(np.mean(np.log(ratios))))] if ratios else []
        reached = {}
        for factor in (*by_thresholds, *_SCALES):
            outputs = ann(self.network, self.x * factor).outputs
            answers = self.measure.answers(outputs) if self.measure.answers else outputs
            if (answers != answers[:1]).any():
                reached[factor] = self.measure.at(outputs, 1)
        if not reached:  # an ANN that sees too much or too little gives the same answer to all
            return None
        best = max(reached, key=lambda factor: self.gain(self.ann, reached[factor]))
        better = self.gain(self.ann, reached[best]) >= self.worth
        return best if better and self._is_good(reached[best]) else None

    def _is_good(self, value: float) -> bool:
        """Return whether a value is nearer to the best one than to guessing."""
        guess, best = self.measure.guess, 1.0 if self.scale.is_share else 0.0
        return guess is not None and self.gain((best + guess) / 2, value) >= 0

    def _is_poor(self, value: float) -> bool:
        """Return whether labels are not read well, or targets no better than by their mean."""
        guess = self.measure.guess
        if not guess or self._is_good(value):
            return False
        return self.scale.is_share or self.gain(guess, value) <= 0

    def _about_the_ann(self) -> list[Finding]:
        """Say so if the ANN itself is no good."""
        guess = self.measure.guess
        if guess is None or not self._is_poor(self.ann):
            return []
        guessing = "guessing" if self.scale.is_share else "the mean of the targets"
        words = (
            f"With ReLUs in place of its neurons the network {reads(self.ann, self.scale)}, and "
            f"{guessing} would give {shown(guess, self.scale)}. No spiking network can do much "
            f"better. Look at the training, whether these images are prepared as those in "
            f"training, and whether the labels belong to them."
        )
        return [Finding("poor ANN", (), words, True)]

    def _about_the_settings(self, doubts: list[Suspicion]) -> list[Finding]:
        """Repair what is unusual: it is a cause if accuracy comes back with it."""
        if not self.lost:
            return [Finding(doubt.kind, doubt.layers, doubt.words, False) for doubt in doubts]
        healthy = self.network
        for doubt in doubts:
            healthy = doubt.repair(healthy)
        longer = self.trials.reached(healthy, _LONGER * self.timesteps)
        best = float(longer[self.timesteps - 1]) if doubts else self.snn
        judged = [self._cause_or_not(doubt, doubts, best) for doubt in doubts]
        together = self.gain(self.snn, best) >= max(self.worth, self.loss / 2)
        if together and not any(finding.is_cause for finding in judged):
            # None is needed and none is enough: it takes several of them.
            judged = [dataclasses.replace(finding, is_cause=True) for finding in judged]
        missing, gained = self.gain(best, self.ann), self.gain(best, float(longer[-1]))
        if missing >= max(self.worth, self.loss / 4) and gained >= missing / 2:
            few = f"{counted(self.timesteps, 'step')} {'is' if self.timesteps == 1 else 'are'} few"
            right = are_right(float(longer[-1]), self.scale)
            after = f"after {counted(_LONGER * self.timesteps, 'step')} {right}"
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
        left = self.snn if len(doubts) == 1 else self._reached(damaged)
        alone = healthy if len(doubts) == 1 else self._reached(doubt.repair(self.network))
        regained = self.gain(self.snn, healthy)
        needed = self.gain(left, healthy) >= max(self.worth, regained / 10)
        enough = self.gain(self.snn, alone) >= max(self.worth, self.loss / 2)
        return Finding(doubt.kind, doubt.layers, doubt.words, bool(needed or enough), alone)

    def _reached(self, network: Network, overridden: Mapping | None = None) -> float:
        return float(self.trials.reached(network, self.timesteps, overridden)[-1])


def _of_the_model(
    model: nn.Module, x: torch.Tensor, graph: Graph, bind: Callable[..., Measure]
) -> float | None:
    """Return the metric of the model itself; None if it cannot read the images."""
    try:
        with inference(graph, _BATCH):
            own = copied(model).to(x)
            outputs = torch.cat([selected(run(own, b), graph.output) for b in x.split(_BATCH)])
            of_model = bind(outputs.shape)
            if graph.head is not None and of_model.answers is not None:
                # A logit is above 0 where what a sigmoid makes of it is above what it makes of 0.
                zeros = torch.zeros(1, *graph.nodes[-1].meta["shape"])
                outputs = outputs - graph.head(zeros).to(outputs)
        return of_model.at(outputs.cpu().numpy(), 1)
    except (RuntimeError, TypeError, ValueError, IndexError):  # of images of another shape, say
        return None
