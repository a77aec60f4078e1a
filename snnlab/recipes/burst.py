"""Several spikes in a step: Li and Zeng 2022 (burst spikes), Lv et al. 2024 (group neurons)."""

from typing import Any

from torch import nn

from snnlab._arguments import checks
from snnlab.conversion import Percentile, ThresholdRule, convert
from snnlab.network import Network


def burst(
    model: nn.Module,
    x_cal: Any,
    max_spikes: int = 5,
    *,
    threshold: ThresholdRule | None = None,
    v_init: float = 0.0,
) -> Network:
    r"""Convert a network with neurons that fire up to Γ times in a step, as Li and Zeng 2022 did.

    A spike is a Γ-th of what the threshold rule says, so that T steps have Γ T levels.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    max_spikes : int
        Γ.
    threshold
        Of all Γ spikes together, by default `Percentile(99.9)`.
    v_init
        As in `convert`. The paper's neurons begin empty; half full they need far fewer steps.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert`.

    Source: Li and Zeng 2022, read as code (Brain-Cog-Lab/Conversion_Burst). There activations above
    1, whatever the scale of the network, are divided by Γ before the percentile is taken, and that
    in place, so that the layers behind are calibrated on changed activations. In its successor in
    BrainCog-X/Brain-Cog a reset to zero is never called: `self.hard_reset` stands without brackets.

    >>> burst(nn.ReLU(), [[2.0]], max_spikes=4).neurons["relu"]
    Neuron(v_threshold=0.5, reset='subtract', v_init=0.0, max_spikes=4)
    """
    rule = Percentile(99.9) if threshold is None else threshold
    max_spikes = checks.whole(max_spikes, "max_spikes")
    network = convert(model, x_cal, threshold=rule, v_init=v_init)
    return network.replace(max_spikes=max_spikes, scale=1 / max_spikes)


def group(
    model: nn.Module,
    x_cal: Any,
    members: int = 4,
    *,
    threshold: ThresholdRule | None = None,
) -> Network:
    r"""Convert a network with a group of m neurons for each ReLU, as Lv et al. 2024 did.

    The members have the thresholds :math:`\theta/m, 2\theta/m, \dots, \theta`, begin with
    :math:`\theta/2m`, and each loses :math:`\theta/m` for every spike of the group. So all of them
    hold the same potential, and a group is a burst neuron: Γ = m, with the threshold θ/m. As many
    members as a trained staircase has levels compute the trained network in a single step, where
    no order of spikes can go wrong.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    members : int
        m.
    threshold
        Of the whole group, θ; by default what `convert` chooses: of a staircase its own, else
        `Percentile(99.9)`.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert`.

    Source: Lv et al. 2024, read as code (Lyu6PosHao/ANN2SNN_GN), where the network was trained with
    staircases. In T steps a group counts as one neuron does in m T, so compare it at equal
    operations, not at equal T.

    >>> group(nn.ReLU(), [[2.0]], members=4).neurons["relu"]
    Neuron(v_threshold=0.5, reset='subtract', v_init=0.5, max_spikes=4)
    """
    members = checks.whole(members, "members")
    network = convert(model, x_cal, threshold=threshold, v_init=0.5)
    return network.replace(max_spikes=members, scale=1 / members)
