"""Bu et al. 2022: Optimized potential initialization for low-latency spiking neural networks."""

from typing import Any

from torch import nn

from snnlab.conversion import Maximum, ThresholdRule, convert
from snnlab.network import Network


def opi(model: nn.Module, x_cal: Any, *, threshold: ThresholdRule | None = None) -> Network:
    r"""Convert a network with neurons that begin half full, as Bu et al. 2022 (OPI) did.

    For currents that are spread evenly, :math:`v_0 = \theta / 2` has the least mean square error.
    It is what `convert` does in any case; `v_init=0.0` shows what it is worth.

    Parameters
    ----------
    model : torch.nn.Module
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    threshold
        By default `Maximum()`.

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `convert`.

    Source: Bu et al. 2022 (OPI), of which we have read the abstract only. For the same
    charge spread over the steps see `rts`.

    >>> opi(nn.ReLU(), [[0.5], [2.0]]).neurons["relu"]
    Neuron(v_threshold=2.0, reset='subtract', v_init=0.5)
    """
    rule = Maximum() if threshold is None else threshold
    return convert(model, x_cal, threshold=rule, v_init=0.5)
