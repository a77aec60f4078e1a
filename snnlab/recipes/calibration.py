"""Li et al. 2021: A free lunch from ANN, towards efficient, accurate SNN calibration."""

from typing import Any, Literal

from torch import nn

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion import MMSE, convert
from snnlab.conversion.correction import correct_bias, correct_potential
from snnlab.network import Network

_CORRECTIONS = {"bias": correct_bias, "potential": correct_potential}


def calibration(
    model: nn.Module,
    x_cal: Any,
    timesteps: int,
    *,
    correct: Literal["bias", "potential"] = "potential",
    per_channel: bool = True,
) -> Network:
    r"""Convert a network for T steps, and correct it layer by layer, as Li et al. 2021 did.

    Thresholds of the least mean square error for T steps; in place of the shift
    :math:`\theta / 2T` of every step the start :math:`\theta / 2`, which is the same charge after T
    steps; then one correction.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images, for the thresholds and for the correction.
    timesteps : int
        T.
    correct : {"bias", "potential"}
        A current for each channel ("light") or a charge for each neuron ("advanced").
    per_channel : bool
        One threshold per channel instead of one per layer.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert` and `correct_potential`.

    Source: Li et al. 2021, read as code (yhhhli/SNN_Calibration). Its script main_cal_cifar.py sets
    32 steps and never reads its option --T; its ResNet-20 has 64 to 256 channels. "Advanced" also
    means to fit weights on ImageNet, which is not here; and it puts the charge in the place of the
    start, where `correct_potential` adds it.

    >>> import torch
    >>> x = torch.rand(8, 4, generator=torch.Generator().manual_seed(0))
    >>> network = calibration(nn.ReLU(), x, timesteps=4, correct="bias")
    >>> dict(network.corrections)
    {'bias': 4}
    """
    corrected = _CORRECTIONS[checks.option(correct, "correct", _CORRECTIONS)]
    images = Images.of(x_cal, "x_cal", again=True)  # an iterator can be read only once
    network = convert(model, images, threshold=MMSE(timesteps, per_channel))
    return corrected(network, images, timesteps)
