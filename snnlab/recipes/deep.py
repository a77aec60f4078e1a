"""Many layers in few steps: a recipe of our own, from parts that others have found."""

from typing import Any

from torch import nn

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion import MMSE, ThresholdRule, convert
from snnlab.conversion.correction import correct_potential
from snnlab.conversion.pipeline import Shortcut
from snnlab.network import Network


def deep(
    model: nn.Module,
    x_cal: Any,
    timesteps: int,
    *,
    threshold: ThresholdRule | None = None,
    shortcut: Shortcut = "analog",
    signed: bool = True,
    max_spikes: int = 1,
) -> Network:
    r"""Convert a deep residual network for few steps.

    Identity shortcuts carry real numbers, so that the errors of many blocks add and do not
    compound. Each threshold is the best one of its channel for T steps. Neurons may take back what
    they have sent too much; with `max_spikes` = Γ they send up to Γ spikes in a step, of a Γ-th of
    the size. Where each neuron starts is corrected in the end, layer by layer.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images, for the thresholds and for the correction.
    timesteps : int
        T, for which the network is meant.
    threshold
        By default `MMSE(Γ T, per_channel=True)`.
    shortcut
        As in `convert`: "spikes" for hardware on which nothing but spikes travels, and for networks
        without identity shortcuts.
    signed, max_spikes
        As in `Neuron`.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert` and `correct_potential`.

    Source: ours. MMSE and correction Li et al. 2021; signed neurons Hu et al. 2023 (Fast-SNN);
    bursts Li and Zeng 2022; real numbers on shortcuts Hu et al. 2021 (MS-ResNet). That thresholds
    are tuned and blocks restructured for 110 layers is in the abstract of Meng et al. 2022, of
    which we have seen no more.

    >>> import torch
    >>> from snnlab import data, simulate
    >>> _ = torch.manual_seed(0)
    >>> x = torch.rand(8, 1, 8, 8)
    >>> network = deep(data.resnet(8, width=2).eval(), x, timesteps=4)
    >>> dict(network.corrections)
    {'potential': 4}
    """
    max_spikes = checks.whole(max_spikes, "max_spikes")
    levels = max_spikes * checks.whole(timesteps, "timesteps")
    rule = MMSE(levels, per_channel=True) if threshold is None else threshold
    images = Images.of(x_cal, "x_cal", again=True)  # an iterator can be read only once
    network = convert(model, images, threshold=rule, shortcut=shortcut)
    network = network.replace(signed=signed, max_spikes=max_spikes, scale=1 / max_spikes)
    return correct_potential(network, images, timesteps)
