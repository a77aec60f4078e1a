"""The methods that can be compared, by name. What a method's paper says stands with its recipe."""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from snnlab import recipes
from snnlab.comparison.method import Answer, Answers, Given, Method, answer
from snnlab.conversion import (
    MMSE,
    Gaussian,
    LocalThresholdBalancing,
    Percentile,
    ThresholdRule,
    convert,
    trainable_clipping,
)
from snnlab.conversion.correction import correct_bias, correct_potential, tune_thresholds
from snnlab.data import train
from snnlab.network import Network
from snnlab.recipes import TwoRecords
from snnlab.simulation import simulate

# Images for thresholds and for corrections: more do not change them much, and take longer.
CALIBRATION, CORRECTED = 512, 128
FIRST = 4  # steps of a first stage
LEVELS, EPOCHS = 4, 12  # of trained staircases
BATCHES, BATCH = 128, 64  # of local threshold balancing
PER_CHANNEL = Percentile(99.9, per_channel=True)


def by(rule: ThresholdRule | Callable[[int], ThresholdRule], **options: Any) -> Callable:
    """Return a way to convert: with a rule, or with one for the number of steps."""

    def make(given: Given) -> Network:
        chosen = rule if isinstance(rule, ThresholdRule) else rule(given.timesteps)
        return convert(given.model, given.x_cal[:CALIBRATION], threshold=chosen, **options)

    return make


def replaced(make: Callable, **settings: Any) -> Callable:
    """Return a way to make a network with other settings."""
    return lambda given: make(given).replace(**settings)


def corrected(make: Callable, correct: Callable, **options: Any) -> Callable:
    """Return a way to make a network and correct it, with as many images as fit."""

    def made(given: Given) -> Network:
        x, T = given.x_cal[:CORRECTED], given.timesteps
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="x: .* of the images are used")
            return correct(make(given), x, T, memory=given.memory, **options)

    return made


def recipe(function: Callable, *, steps: bool = False, **options: Any) -> Callable:
    """Return a way to make a network as a recipe does, for a number of steps or for all."""

    def make(given: Given) -> Network:
        T = (given.timesteps,) if steps else ()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="(x: .* of the images|MMSE uses)")
            return function(given.model, given.x_cal[:CALIBRATION], *T, **options)

    return make


def trained(levels: int | None, convert_it: Callable, **options: Any) -> Callable:
    """Return a way to train layers in place of ReLUs, and to convert the result."""

    def make(given: Given) -> Network:
        x_cal = given.x_cal[:CALIBRATION]
        model = trainable_clipping(given.model, x_cal, levels, **options)
        return convert_it(train(model, given.x_cal, given.y_cal, epochs=EPOCHS), x_cal)

    return make


def group_of(members: int) -> Callable:
    """Return a way to convert trained staircases with a group of neurons for each ReLU."""
    return lambda model, x_cal: recipes.group(model, x_cal, members=members)


def without_data(given: Given) -> Network:
    """Return a network whose thresholds come from images that are made of the model itself."""
    return recipes.privatesnn(given.model, given.x_cal.shape[1:], threshold=Percentile(99.9))


def in_two_stages(run: Callable[..., TwoRecords], by_layer: bool) -> Callable:
    """Return a way to answer in the second of two stages; both are counted.

    `by_layer` says whether each layer has a first stage of its own, before the next one begins.
    """

    def answers(network: Network, x: np.ndarray, steps: Sequence[int]) -> Answers:
        found, before = {}, FIRST * (len(network.layers) if by_layer else 1)
        for T in steps:
            both = run(network, x, T, first=FIRST)
            stages = [
                answer(network, r, r.timesteps) for r in (both.first, both.second) if r is not None
            ]
            costs = [(s.spikes, s.additions, s.multiplications) for s in stages]
            found[T] = Answer(stages[-1].sums, T, before + T, *np.sum(costs, axis=0).tolist())
        return found

    return answers


def gathered(network: Network, x: np.ndarray, steps: Sequence[int]) -> Answers:
    """Answer when each layer has waited for all spikes of those before it."""
    cycles, found = len(network.layers) + 1, {}
    for T in steps:
        at_end = answer(network, recipes.bsnn(network, x, T), T)
        found[T] = dataclasses.replace(at_end, latency=cycles * T)
    return found


def differentially(network: Network, x: np.ndarray, steps: Sequence[int]) -> Answers:
    """Answer from values that spikes change by less and less."""
    return {T: answer(network, recipes.differential(network, x, T), T) for T in steps}


def second_half(network: Network, x: np.ndarray, steps: Sequence[int]) -> Answers:
    """Answer from the outputs of the second half of the steps; all of them are counted."""
    record, found = simulate(network, x, max(steps), at=steps), {}
    for T in steps:
        whole, half = answer(network, record, T), T // 2
        sums = whole.sums - record.output_sums[half - 1] if half else whole.sums
        found[T] = Answer(sums, T - half, T, whole.spikes, whole.additions, whole.multiplications)
    return found


_usual, _per_channel = by(Percentile(99.9)), by(PER_CHANNEL)
_analog = by(PER_CHANNEL, shortcut="analog")
_balanced = LocalThresholdBalancing(BATCHES, BATCH)
_ALL = (
    # threshold rules
    Method("maximum (OPI)", recipe(recipes.opi)),
    Method("99.9 %, empty start", recipe(recipes.rueckauer2017, max_pool="exact")),
    Method("99.9 %", _usual),
    Method("99.9 %, shift (RTS)", recipe(recipes.rts, steps=True), for_each=True),
    Method("99 %", by(Percentile(99))),
    Method("99.9 % per channel", _per_channel),
    Method("MMSE per channel", by(lambda T: MMSE(T, True)), for_each=True),
    Method("Gaussian per channel", by(lambda T: Gaussian(T, True)), for_each=True),
    Method("local threshold balancing", by(_balanced)),
    Method(
        "tuned per channel", corrected(_usual, tune_thresholds, per_channel=True), for_each=True
    ),
    Method("PrivateSNN", without_data, data=False),
    # corrections
    Method("per channel, bias corrected", corrected(_per_channel, correct_bias), for_each=True),
    Method(
        "per channel, potential corrected",
        corrected(_per_channel, correct_potential),
        for_each=True,
    ),
    Method(
        "calibration, light",
        recipe(recipes.calibration, steps=True, correct="bias"),
        for_each=True,
    ),
    Method("calibration, advanced", recipe(recipes.calibration, steps=True), for_each=True),
    # neurons
    Method("signed", recipe(recipes.signed)),
    Method(
        "signed, per channel, bias corrected",
        corrected(replaced(_per_channel, signed=True), correct_bias),
        for_each=True,
    ),
    Method(
        "signed bursts of 4, per channel, bias corrected",
        corrected(replaced(_per_channel, signed=True, max_spikes=4), correct_bias),
        for_each=True,
    ),
    Method("burst of 4", recipe(recipes.burst, max_spikes=4)),
    Method("group of 4", recipe(recipes.group, members=4)),
    Method("differential coding", _per_channel, differentially),
    # another order of time
    Method("SRP", _usual, in_two_stages(recipes.srp, by_layer=False)),
    Method("COS", _usual, in_two_stages(recipes.cos, by_layer=True)),
    Method("BSNN, our reading", _usual, gathered),
    Method("ECC, by sums", recipe(recipes.ecc, percentile=99.9), gathered),
    Method("delayed read-out", _usual, second_half),
    # other shortcuts
    Method("analog shortcut", by(Percentile(99.9), shortcut="analog"), real=True),
    Method(
        "analog shortcut, per channel, potential corrected",
        corrected(_analog, correct_potential),
        for_each=True,
        real=True,
    ),
    Method(
        "analog shortcut, signed, per channel, bias corrected",
        corrected(replaced(_analog, signed=True), correct_bias),
        for_each=True,
        real=True,
    ),
    Method("deep", recipe(recipes.deep, steps=True), for_each=True, real=True),
    Method(
        "deep, bursts of 2",
        recipe(recipes.deep, steps=True, max_spikes=2),
        for_each=True,
        real=True,
    ),
    Method(
        "deep, bursts of 4",
        recipe(recipes.deep, steps=True, max_spikes=4),
        for_each=True,
        real=True,
    ),
    Method(
        "deep, spikes on shortcuts",
        recipe(recipes.deep, steps=True, shortcut="spikes"),
        for_each=True,
    ),
    Method(
        "deep, spikes on shortcuts, bursts of 4",
        recipe(recipes.deep, steps=True, shortcut="spikes", max_spikes=4),
        for_each=True,
    ),
    # training
    Method("QCFS", trained(LEVELS, recipes.qcfs), trains=True),
    Method("QCFS, signed", trained(LEVELS, recipes.signed), trains=True),
    # In one step these are the trained network itself.
    Method("QCFS, groups of 4", trained(LEVELS, group_of(LEVELS)), trains=True),
    Method("QCFS of 2 levels, groups of 2", trained(2, group_of(2)), trains=True),
    Method("QCFS of 2 levels, signed", trained(2, recipes.signed), trains=True),
    Method("TCL", trained(None, recipes.tcl), trains=True),
    Method("single step with noise", trained(1, recipes.tcl, shift="random"), trains=True),
)
METHODS = {method.name: method for method in _ALL}
