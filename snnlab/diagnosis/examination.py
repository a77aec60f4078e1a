"""Examining a network that lost accuracy: what is unusual, what it costs, what helps."""

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import nn

from snnlab import _checks
from snnlab.capture import copied
from snnlab.conversion import verify
from snnlab.decomposition import decompose, mean_currents
from snnlab.diagnosis import remedies as remedying
from snnlab.diagnosis.blame import (
    blamed,
    gains_by_part,
    shares_of_own_errors,
    without_own_error,
)
from snnlab.diagnosis.settings import Suspicion, settings, suspicions
from snnlab.diagnosis.trials import Trials
from snnlab.diagnosis.verdict import Diagnosis, Finding, Remedy
from snnlab.evaluation import full_precision
from snnlab.exceptions import SNNLabError
from snnlab.network import Network
from snnlab.progress import Progress
from snnlab.simulation import analog, simulate

# Less than this is not worth a search, nor is a single image.
_TOLERATED = 0.02
_LONGER = 4


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
    # Every layer once, the parts, each unusual setting twice, the remedies.
    most = len(network.layers) + 5 + 2 * len(network.layers) + remedying.MOST
    with Progress(most, "simulations") as progress:
        return _Examination(network, x, y, timesteps, progress).diagnosis(model)


class _Examination:
    """The network, the images, and what is known so far."""

    def __init__(
        self,
        network: Network,
        x: torch.Tensor,
        y: np.ndarray,
        timesteps: int,
        progress: Progress,
    ):
        self.network, self.x, self.y, self.timesteps = network, x, y, timesteps
        self.trials = Trials(x, y, progress)
        self.record = simulate(network, x, timesteps)
        self.snn = float(self.record.accuracy(y)[-1])
        self.ann = analog(network, x).accuracy(y)
        self.worth = max(_TOLERATED, 2 / len(x))

    def diagnosis(self, model: nn.Module | None) -> Diagnosis:
        """Return all that is found."""
        lost = self.ann - self.snn >= self.worth
        exact: dict[str, float] = {}
        layer: str | None = None
        gains: dict[str, float] = {}
        tried: tuple[Remedy, ...] = ()
        if lost:
            currents = mean_currents(self.network, self.x, self.record)
            exact = without_own_error(self.network, currents, self.timesteps, self.trials)
            layer = blamed(exact, self.snn, self.ann)
            if layer is None:
                gains = shares_of_own_errors(decompose(self.network, self.x, self.record))
            else:
                counts = self.record.counts(layer)
                given = (currents[layer], counts, self.timesteps, self.trials)
                gains = gains_by_part(self.network, layer, *given)
            tried = remedying.remedies(self.network, self.timesteps, self.trials)
        found = settings(self.network, self.x)
        doubts = suspicions(self.network, found, layer)
        findings = self._about_the_ann(model)
        findings += self._judged(doubts) if lost else [_harmless(doubt) for doubt in doubts]
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

    def _about_the_ann(self, model: nn.Module | None) -> list[Finding]:
        """Say whether the network is still the model, and whether the model is any good."""
        found = []
        if model is not None:
            try:
                verify(model, self.network, self.x[:8])
            except SNNLabError as error:
                own = _accuracy(model, self.x, self.y)
                words = (
                    f"the network does not compute what the model does ({own:.2%} right). {error} "
                    f"Convert the model again."
                )
                found.append(Finding("other model", (), words, own - self.ann >= self.worth, own))
        guess = np.bincount(self.y).max() / len(self.y)
        if self.ann < (1 + guess) / 2:
            words = (
                f"with ReLUs in place of its neurons the network reads {self.ann:.2%} rightly, and "
                f"guessing would give {guess:.2%}. No spiking network can do much better. Look at "
                f"the training, and whether these images are scaled as those in training."
            )
            found.append(Finding("poor ANN", (), words, True))
        return found

    def _judged(self, doubts: list[Suspicion]) -> list[Finding]:
        """Repair what is unusual: it is a cause if accuracy comes back with it."""
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
        missing = self.ann - best
        if missing >= self.worth and longer[-1] - best >= missing / 2:
            words = (
                f"{self.timesteps} steps are few{' even then' if doubts else ''}: after "
                f"{_LONGER * self.timesteps} steps {longer[-1]:.2%} are right"
                f"{'' if doubts else ', and the settings are as usual'}."
            )
            alone = None if doubts else float(longer[-1])
            judged.append(Finding("few steps", (), words, True, alone))
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

    def _accuracy_of(self, network: Network) -> float:
        return float(self.trials.accuracy(network, self.timesteps)[-1])


def _harmless(doubt: Suspicion) -> Finding:
    return Finding(doubt.kind, doubt.layers, doubt.words, False)


def _accuracy(model: nn.Module, x: torch.Tensor, y: np.ndarray) -> float:
    """Return the share of images that the model itself classifies rightly."""
    with full_precision():
        answers = copied(model).to(x.dtype)(x).argmax(1).cpu().numpy()
    return float((answers == y).mean())
