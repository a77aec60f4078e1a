"""Networks that are damaged on purpose, so that the learner can find out what is wrong."""

import numpy as np

from snnlab import _checks
from snnlab.exceptions import OptionError
from snnlab.network import Network


def patient(network: Network, number: int) -> Network:
    """Return the network with one damage.

    The threshold of one layer is ten times too low: of which one, the number decides. It is never
    the first layer.

    Parameters
    ----------
    network : Network
        With two spiking layers or more. It stays as it is.
    number : int
        Which patient; the same number is always the same one.

    Returns
    -------
    Network

    Raises
    ------
    OptionError
        If the network has only one spiking layer, or `number` is not a whole number, 0 or more.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    >>> healthy = convert(model, [[1.0, 2.0]], threshold=Fixed(2.0))
    >>> sorted(patient(healthy, 1).thresholds.values())
    [0.2, 2.0]
    """
    _checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    rng = np.random.default_rng([_checks.seed(number), 8])
    if len(network.layers) < 2:
        raise OptionError(
            f"network: has the spiking layer {network.layers} only, expected two or more. In a "
            f"network of one layer there is nothing to find out."
        )
    return network.replace(int(rng.integers(1, len(network.layers))), scale=0.1)
