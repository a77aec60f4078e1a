"""Networks that were trained for their conversion: QCFS, TCL, and single steps with noise."""

from typing import Any

from torch import nn

from snnlab.conversion import Trained, convert
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph.staircase import staircase
from snnlab.network import Network


def qcfs(model: nn.Module, x_cal: Any) -> Network:
    r"""Convert a network of trained staircases as Bu et al. 2022 did.

    Thresholds are the θ that were trained, a spike subtracts the threshold, and neurons begin with
    φθ, half full as a rule. After as many steps as the staircases have levels `quantized` is the
    trained network; what `simulate` loses against it is deviation alone.

    Parameters
    ----------
    model : torch.nn.Module
        From `trainable_clipping(model, x_cal, levels)`, trained; or with staircases of one's own.
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images, which the result is verified on.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedLayerError
        If a layer is no staircase, or for what `convert` refuses.

    Source: Bu et al. 2022 (QCFS), read as text without its appendix and as code
    (putshua/SNN_conversion_QCFS). Its README says that a fault of that code is mended only in
    another repository, ANN_SNN_QCFS, and that the derivative by θ is misprinted in the paper; that
    of torch's autograd is right. Max pooling, which the authors replace by averages, may stay here.

    >>> from snnlab import QCFS
    >>> qcfs(QCFS(levels=4, threshold=2.0), [[1.0]])
    Spiking network of 1 layer, 1 neuron; input 1
    layer  shape  neurons  threshold θ     reset  v_init  part of the model's layer
    relu       1        1            2  subtract   0.5 θ      staircase of 4 levels
    """
    network = convert(model, x_cal, threshold=Trained())
    for name, node in network.graph.layers.items():
        if node.target is not staircase:
            raise UnsupportedLayerError(
                f"layer {name!r}: is no staircase, expected one for each ReLU. Write "
                f"snnlab.trainable_clipping(model, x_cal, levels=4) and train the result, or "
                f"convert this one with recipes.tcl."
            )
    return network


def tcl(model: nn.Module, x_cal: Any) -> Network:
    """Convert a network whose activations end at a trained θ as Ho and Chang 2021 did.

    So are also converted networks that were trained with a single step and noise.

    Parameters
    ----------
    model : torch.nn.Module
        From `trainable_clipping(model, x_cal, levels=None)`, trained; or with `nn.ReLU6`.
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images, which the result is verified on.

    Returns
    -------
    Network

    Raises
    ------
    OptionError
        If an activation has no upper bound.
    SNNLabError
        As `convert`.

    Source: Ho and Chang 2021 (TCL), of which we have read neither text nor code of its authors, but
    code of others (HaiyanJiang/SNN_Conversion_unified, putshua/SNN_conversion_QCFS); that neurons
    begin half full is ours. There θ starts at 4 for every layer. Where activations are larger than
    that, training begins with a network that is cut off.

    >>> from snnlab import TCL
    >>> tcl(TCL(threshold=2.0), [[1.0]]).neurons["relu"]
    Neuron(v_threshold=2.0, reset='subtract', v_init=0.5)
    """
    return convert(model, x_cal, threshold=Trained())
