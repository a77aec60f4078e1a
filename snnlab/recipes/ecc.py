"""Wu, Yi and Huang 2022: explicit current control (ECC), as SpKeras has it."""

from typing import Any

from torch import nn

from snnlab._arguments import checks
from snnlab.conversion import Percentile, convert
from snnlab.network import Network


def ecc(model: nn.Module, x_cal: Any, *, gain: float = 1.0, percentile: float = 100) -> Network:
    r"""Convert a network with normalized currents and half full neurons.

    .. math:: \theta_l = \lambda_l / \kappa, \qquad v_0 = \theta_l / 2

    with :math:`\lambda_l` the largest activation of layer l. Multiplying the currents of layer l by
    :math:`\kappa / \lambda_l` at a threshold of 1 is the same as these thresholds at the ANN's own
    weights. Starting half full is the rounding that they call residual elimination; BatchNorm is
    folded with its own ε, as always here.

    SpKeras evaluates such a network without stepping through time: N is counted from the sum of all
    currents, which here is `quantized`. That leaves the deviation error out, for on a sum no neuron
    can fire too early. Stepped, by `simulate`, the same network is worse: with 512 training images
    for the thresholds, ResNet-20 of `load_network` reads 96 % of the test digits by the sums, and
    79 % stepped, both in 8 steps.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    gain : float
        :math:`\kappa`, common to all layers. Above 1 neurons fire more often and clip earlier; in
        SpKeras this is 1 / `scaling_factor`.
    percentile : float
        Of the activations, in place of the largest one; in (1, 100].

    Returns
    -------
    Network

    Raises
    ------
    OptionError
        If `gain` is no number above 0, or the percentile outside its range.
    SNNLabError
        As `convert`.

    Source: Wu, Yi and Huang 2022 (ECC), by the code of SpKeras.

    >>> from snnlab import quantized
    >>> network = ecc(nn.ReLU(), [[0.25], [1.0]], gain=2)
    >>> network.neurons["relu"]
    Neuron(v_threshold=0.5, reset='subtract', v_init=0.5)
    >>> quantized(network, [[0.25], [1.0]], timesteps=4).activations["relu"].tolist()
    [[0.25], [0.5]]
    """
    gain = checks.positive(gain, "gain")
    network = convert(model, x_cal, threshold=Percentile(percentile), v_init=0.5)
    return network.replace(scale=1 / gain)
