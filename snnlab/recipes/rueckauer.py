"""Rueckauer et al. 2016, 2017: biases, BatchNorm, percentiles, analog input, max pooling."""

from typing import Any

from torch import nn

from snnlab.conversion import Percentile, ThresholdRule, convert
from snnlab.conversion.pipeline import Readout
from snnlab.dynamics.neuron import Reset
from snnlab.dynamics.pooling import MaxPooling
from snnlab.network import Network


def rueckauer2017(
    model: nn.Module,
    x_cal: Any,
    *,
    threshold: ThresholdRule | None = None,
    reset: Reset = "subtract",
    v_init: float = 0.0,
    readout: Readout = "potential",
    max_pool: MaxPooling = "gate",
) -> Network:
    """Convert a network as Rueckauer et al. 2017 did.

    Biases are constant currents, BatchNorm is folded, thresholds are a percentile of the
    activations, a spike subtracts the threshold, and gates stand for max pooling. The image is a
    constant current. For a network that ends in a softmax see `softmax_spikes`.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    threshold
        By default `Percentile(99.9)`.
    reset, v_init, readout, max_pool
        As in `convert`.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert`.

    Source: Rueckauer et al. 2016, 2017.

    >>> model = nn.Sequential(nn.ReLU(), nn.MaxPool1d(2))
    >>> network = rueckauer2017(model, [[[0.25, 1.0]]], threshold=Percentile(100))
    >>> network.max_pool, network
    ('gate', Spiking network of 1 layer, 2 neurons; input 1×2
    layer  shape  neurons  threshold θ     reset  v_init
    0        1×2        2            1  subtract     0 θ)
    """
    return convert(
        model,
        x_cal,
        threshold=Percentile(99.9) if threshold is None else threshold,
        reset=reset,
        v_init=v_init,
        readout=readout,
        max_pool=max_pool,
    )
