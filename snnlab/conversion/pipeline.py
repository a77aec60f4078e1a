"""From a trained torch model to a spiking network."""

from typing import Any, Literal

import torch
from torch import nn

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion.activation_based import Percentile
from snnlab.conversion.rules import ThresholdRule
from snnlab.conversion.verification import TOGETHER, check_equivalence
from snnlab.dynamics.neuron import Neuron, Reset, checked_threshold
from snnlab.dynamics.pooling import MaxPooling
from snnlab.exceptions import OptionError, UnsupportedLayerError
from snnlab.graph.folding import fold_batchnorm
from snnlab.graph.models import Output, checked_copy
from snnlab.graph.shortcuts import analog_shortcuts
from snnlab.graph.spiking_layers import spiking_average_pooling, spiking_readout
from snnlab.graph.staircase import staircase
from snnlab.graph.tracing import traced_copy
from snnlab.network import Network

Readout = Literal["potential", "spikes"]
AveragePool = Literal["affine", "spikes"]
Shortcut = Literal["spikes", "analog"]


def convert(
    model: nn.Module,
    x_cal: Any,
    *,
    output: Output = None,
    threshold: ThresholdRule | None = None,
    reset: Reset = "subtract",
    v_init: float | None = None,
    readout: Readout = "potential",
    average_pool: AveragePool = "affine",
    shortcut: Shortcut = "spikes",
    max_pool: MaxPooling = "exact",
) -> Network:
    """Convert a trained network into a spiking one.

    Traces the model, folds BatchNorm, sets a threshold for every ReLU, and verifies the result on
    up to 8 of the calibration images.

    A DataLoader, a data set or an iterable of batches is never held as a whole, but read up to
    three times, and has to give the same images each time, in any order. The thresholds are those
    of one array of all images, whatever their order. What is an iterator itself is kept, up to
    1 GiB.

    Parameters
    ----------
    model : torch.nn.Module
        Trained, in eval mode. It is not changed.
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Calibration images, like those the network will get. Of pairs the first are the images.
    output : str or int, optional
        Which output to convert, of a model that returns a dict, a tuple or a list.
    threshold : Percentile, Maximum, MMSE, Trained, Fixed, DataBased or ModelBased
        How thresholds are chosen; by default Percentile(99.9), and for a staircase (see
        `snnlab.QCFS`) its own.
    reset : {"subtract", "zero"}
        What a spike does to the potential.
    v_init : float
        Initial potential in units of the threshold, in [0, 1); by default 0.5, and for a staircase
        its own shift.
    readout : {"potential", "spikes"}
        How the answer is read: from the accumulated current of the last layer, which does not
        spike; or from the spikes of neurons behind it, the layer "readout", whose threshold is
        chosen like all others. A model that ends in a ReLU is read from its spikes in any case.
    average_pool : {"affine", "spikes"}
        An average pooling passes on the average of the spikes, a real number; or it becomes a layer
        of neurons with a threshold of its own, named like it.
    shortcut : {"spikes", "analog"}
        An identity shortcut, from a ReLU straight to an addition, passes on the spikes of the
        neurons there; or how much the ReLU of their accumulated current has grown, a real number at
        every step. "analog" is far more accurate in deep networks, but that path is not driven by
        events, and hardware has to add real numbers on it (see `AnalogReLU`).
    max_pool : {"exact", "gate", "gate_recent"}
        How spikes are max pooled, see `Network`.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedLayerError
        If the model holds something that cannot be converted; if nothing would spike: there is no
        ReLU, and no readout by spikes; or if `shortcut` is "analog" and there is no such shortcut.
    CalibrationError
        If a layer is silent on all of `x_cal`, or if `x_cal` gives other images when it is read
        again.
    MemoryBudgetError
        If `x_cal` can be read only once and is too large to be kept.
    ShapeError, OptionError
        If `x_cal` or an option is not as described.
    VerificationError
        If the result does not compute what the model computes.

    Source: Diehl et al. 2015; Rueckauer et al. 2017.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
    >>> model[0].weight.data = torch.tensor([[1.0, -1.0], [0.5, 0.5]])
    >>> convert(model, [[1.0, 0.0], [1.0, 1.0]], threshold=Percentile(100))
    Spiking network of 1 layer, 2 neurons; input 2
    layer  shape  neurons  threshold θ     reset  v_init
    1          2        2            1  subtract   0.5 θ
    """
    rule = Percentile() if threshold is None else threshold
    if not isinstance(rule, ThresholdRule):
        raise OptionError(
            f"threshold = {threshold!r}: expected Percentile(p), Maximum(), MMSE(timesteps), "
            f"Trained(), Fixed(value), DataBased() or ModelBased(). For a percentile write "
            f"snnlab.Percentile(99.9), for a number snnlab.Fixed(1.0)."
        )
    usual = Neuron(1.0, reset, 0.5 if v_init is None else v_init)
    checks.option(readout, "readout", ("potential", "spikes"))
    checks.option(average_pool, "average_pool", ("affine", "spikes"))
    checks.option(shortcut, "shortcut", ("spikes", "analog"))
    x_cal = Images.of(x_cal, "x_cal", again=True)
    first = x_cal.first(TOGETHER)
    own = checked_copy(model)
    traced = traced_copy(own, first, output)
    graph = fold_batchnorm(traced)
    if shortcut == "analog":
        graph = analog_shortcuts(graph)
    if average_pool == "spikes":
        graph = spiking_average_pooling(graph)
    if readout == "spikes":
        graph = spiking_readout(graph)
    if not graph.layers:
        if any(node.target is torch.amax for node in graph.pools.values()):
            raise UnsupportedLayerError(
                "model: found no ReLU that depends on the input, only maxima over dimensions, "
                "expected at least one: neurons replace ReLUs. Write the maximum of two parts as "
                "torch.maximum(a, b); that is b + ReLU(a - b). For neurons at the output alone "
                'write readout="spikes".'
            )
        raise UnsupportedLayerError(
            "model: found no ReLU that depends on the input, expected at least one: neurons "
            "replace ReLUs. Train the model with ReLU activations. For neurons at the output "
            'alone write readout="spikes".'
        )
    stairs: dict[str, Any] = {
        name: node.args for name, node in graph.layers.items() if node.target is staircase
    }
    thresholds = {name: cap for name, (_, cap, _, _) in stairs.items()} if threshold is None else {}
    if len(thresholds) < len(graph.layers):
        # Rules of users' own expect an array where one was given.
        images = x_cal if x_cal.array is None else x_cal.array
        thresholds = rule.thresholds(graph, images) | thresholds
    neurons = {}
    for name, theta in thresholds.items():
        theta = checked_threshold(theta, f"threshold of layer {name!r}")
        start = stairs[name][3] if name in stairs and v_init is None else usual.v_init
        neurons[name] = Neuron(theta, reset, start)
    network = Network(graph, neurons, max_pool)
    check_equivalence(traced, own, network, first)
    return network
