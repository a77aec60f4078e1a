"""Diehl et al. 2015: Fast-classifying, high-accuracy spiking deep networks."""

from typing import Any

import torch
from torch import nn

from snnlab.conversion import DataBased, ThresholdRule, convert
from snnlab.conversion.pipeline import AveragePool, Readout
from snnlab.dynamics.neuron import Reset
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph import Graph, trace
from snnlab.graph.evaluation import currents_of, inference
from snnlab.network import Network


def diehl2015(
    model: nn.Module,
    x_cal: Any,
    *,
    threshold: ThresholdRule | None = None,
    reset: Reset = "zero",
    v_init: float = 0.0,
    readout: Readout = "spikes",
    average_pool: AveragePool = "spikes",
) -> Network:
    """Convert a network without biases as Diehl et al. 2015 did.

    Thresholds from data and weights, reset to zero, neurons that begin empty, neurons in place of
    average pooling, and an output layer whose spikes are counted. The paper's input is Poisson:
    `simulate(network, x, timesteps, input="poisson", seed=0)`.

    Parameters
    ----------
    model : torch.nn.Module
        ReLU network without biases, for images in [0, 1].
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    threshold
        By default `DataBased()`; `ModelBased()` is the paper's other rule.
    reset, v_init, readout, average_pool
        As in `convert`.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedLayerError
        If a layer has a bias, or something else that `convert` refuses.

    Source: Diehl et al. 2015.

    >>> model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    >>> model[0].weight.data = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> model[2].weight.data = torch.tensor([[1.0, 1.0]])
    >>> diehl2015(model, [[1.0, 1.0]])
    Spiking network of 2 layers, 3 neurons; input 2
    layer    shape  neurons  threshold θ  reset  v_init
    1            2        2            2   zero     0 θ
    readout      1        1            3   zero     0 θ
    """
    refuse_biases(trace(model, x_cal))
    return convert(
        model,
        x_cal,
        threshold=DataBased() if threshold is None else threshold,
        reset=reset,
        v_init=v_init,
        readout=readout,
        average_pool=average_pool,
    )


def refuse_biases(graph: Graph) -> None:
    """Refuse a network that does something without input."""
    nothing = torch.zeros(1, *graph.input_shape, dtype=graph.dtype, device=graph.device)
    with inference(graph, 1):
        currents = currents_of(graph, nothing)
    biased = [name for name, current in currents.items() if current.any()]
    if biased:
        raise UnsupportedLayerError(
            f"layer {biased[0]!r}: receives a current without any input, from a bias or a "
            f"BatchNorm. Diehl et al. 2015 train without biases. Build the model with bias=False, "
            f"or convert this one with recipes.rueckauer2017, which knows biases."
        )
