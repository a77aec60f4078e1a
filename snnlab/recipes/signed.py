"""Neurons that take spikes back, as those of Hu et al. 2023 (Fast-SNN)."""

from typing import Any

from torch import nn

from snnlab.conversion import ThresholdRule, convert
from snnlab.network import Network


def signed(model: nn.Module, x_cal: Any, *, threshold: ThresholdRule | None = None) -> Network:
    """Convert a network with neurons that may take back what they have sent.

    Of a trained staircase it is Fast-SNN's conversion. What a neuron has sent too early, because
    its currents are uneven, it takes back; each spike of -1 is sent, and costs what a spike costs.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    threshold
        By default what `convert` chooses: of a staircase its own, else `Percentile(99.9)`.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert`.

    Source: Hu et al. 2023 (Fast-SNN), read as code (yangfan-hu/Fast-SNN): -1 at v <= -0.001,
    whatever θ is, from θ/2. Here it is v < 0: with v <= 0 a neuron at 0 would send 1 and -1 for
    ever. The neurons of Wang et al. 2022 (SNM) are others: they fire -1 at v <= -θ, begin empty and
    have thresholds for single neurons (ppppps/ANN2SNNConversion_SNM_NeuronNorm). That code, half
    full and with these thresholds, reads 79 % with ResNet-20 of `load_network` after 4 steps, this
    recipe 91 %.

    >>> signed(nn.ReLU(), [[2.0]]).neurons["relu"]
    Neuron(v_threshold=2.0, reset='subtract', v_init=0.5, signed=True)
    """
    return convert(model, x_cal, threshold=threshold).replace(signed=True)
