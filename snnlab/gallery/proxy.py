"""Proxy learning: a spiking network and an ANN share their weights, and the ANN lends its gradient.

Both see the image. The loss is taken of what the spiking network says, and goes back through the
ANN. So no surrogate is needed, and no memory of time.

Source: Kheradpisheh et al. 2022, of which we have read abstract, README and one notebook
(SRKH/ProxyLearning). There the neurons are reset to zero and their threshold is 2, the loss is the
mean square error, and BatchNorm keeps its statistics after the first pass. Reset by subtraction,
neurons that begin half full, cross-entropy, and statistics up to the end are ours.
"""

import copy

import torch
from torch import nn

from snnlab._arguments import checks
from snnlab.exceptions import UnsupportedLayerError
from snnlab.gallery.neurons import Neurons, SpikingNetwork


def exchanged(ann: torch.Tensor, snn: torch.Tensor) -> torch.Tensor:
    r"""Return the outputs of the spiking network, with the gradient of those of the ANN.

    .. math:: o = o_{SNN}, \qquad
              \frac{\partial L}{\partial W} = \left.\frac{\partial L}{\partial o}
              \right|_{o_{SNN}} \frac{\partial o_{ANN}}{\partial W}

    Parameters
    ----------
    ann, snn : torch.Tensor, shape (B, K)

    Returns
    -------
    torch.Tensor, shape (B, K)

    Source: Kheradpisheh et al. 2022.

    >>> ann = torch.tensor([2.0], requires_grad=True)
    >>> loss = exchanged(ann, torch.tensor([3.0])).square().sum()
    >>> loss.backward()
    >>> loss.item(), ann.grad.tolist()  # the derivative at 3, not at 2
    (9.0, [6.0])
    """
    return snn.detach() + (ann - ann.detach())


class ProxyNetwork(nn.Module):
    """An ANN, and the spiking network of the same weights; what it returns is the latter's.

    Weights, and scale and shift of BatchNorm, are shared. Mean and variance of the currents are
    not: each of the two has its own.

    Parameters
    ----------
    layers : torch.nn.Sequential
        The ANN, with `nn.ReLU` where the spiking network has neurons.
    timesteps : int
        T.

    Raises
    ------
    OptionError
        If `timesteps` is no whole number above 0, or `layers` are no `nn.Sequential`.
    UnsupportedLayerError
        If there is no ReLU.

    >>> network = ProxyNetwork(nn.Sequential(nn.ReLU()), timesteps=4).eval()
    >>> network(torch.tensor([[0.75, 9.0]])).tolist()
    [[0.75, 1.0]]
    """

    def __init__(self, layers: nn.Sequential, timesteps: int = 10):
        super().__init__()
        checks.instance(layers, nn.Sequential, "layers", "Write nn.Sequential(...).")
        if not any(isinstance(layer, nn.ReLU) for layer in layers):
            raise UnsupportedLayerError(
                f"layers: found {[type(layer).__name__ for layer in layers]}, expected at least "
                f"one ReLU: it becomes a layer of neurons. Put in nn.ReLU."
            )
        self.ann = layers
        self.snn = SpikingNetwork(nn.Sequential(*map(_twin, layers)), timesteps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the spiking network's outputs, in training with the ANN's gradient."""
        if not self.training:
            return self.snn(x)
        with torch.no_grad():
            snn = self.snn(x)
        return exchanged(self.ann(x), snn)


def _twin(layer: nn.Module) -> nn.Module:
    """Return what stands in the spiking network for a layer of the ANN: mostly the very same."""
    if isinstance(layer, nn.ReLU):
        return Neurons(v_init=0.5)
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        twin = copy.deepcopy(layer)
        twin.weight, twin.bias = layer.weight, layer.bias
        return twin
    return layer
