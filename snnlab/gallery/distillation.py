"""Knowledge distillation with a temperature for the teacher and another for the student.

A spiking student learns the soft answers of an ANN. A student with a lower temperature than its
teacher says the same with smaller scores, and smaller scores take fewer spikes.

Source: Lee et al. 2021, "Energy-efficient knowledge distillation for spiking neural networks", of
which we have read the abstract: usual distillation makes a student fire more; with two temperatures
up to 65 % fewer spikes on MNIST, and up to 0.09 % more right. Its first author withdrew it from
arXiv in 2022; so what counts is what is measured here. The loss, that of Hinton et al. 2015 with
two temperatures, is our reading, as is the reason above, and that the student has no BatchNorm:
with it, temperatures hardly changed the number of spikes here.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from snnlab._arguments import checks
from snnlab.gallery.neurons import Neurons, SpikingNetwork
from snnlab.gallery.training import fit


def mlp(neuron: Callable[[], nn.Module]) -> nn.Sequential:
    """Return 64-128-128-10 for digits of 8x8 pixels, untrained.

    Without BatchNorm, which would say how often neurons fire, whatever the scores.

    Parameters
    ----------
    neuron : callable
        Makes a layer of neurons, as `Neurons` or `nn.ReLU`.

    >>> mlp(nn.ReLU)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    sizes = ((64, 128), (128, 128))
    hidden = [layer for size in sizes for layer in (nn.Linear(*size), neuron())]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(128, 10))


def student(timesteps: int = 4) -> SpikingNetwork:
    """Return an untrained spiking network that may learn from a teacher.

    Parameters
    ----------
    timesteps : int
        T.

    Raises
    ------
    OptionError
        If `timesteps` is no whole number above 0.

    >>> student()(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    return SpikingNetwork(mlp(Neurons), timesteps)


def loss(
    z_s: torch.Tensor,
    z_t: torch.Tensor,
    y: torch.Tensor,
    tau_s: float,
    tau_t: float,
    alpha: float = 0.9,
) -> torch.Tensor:
    r"""Return the loss of a student.

    .. math:: L = (1 - \alpha)\,\mathrm{CE}(z_s, y)
              + \alpha\,\tau_s\tau_t\,\mathrm{KL}\left(\mathrm{softmax}\frac{z_t}{\tau_t}
              \,\middle\|\, \mathrm{softmax}\frac{z_s}{\tau_s}\right)

    Parameters
    ----------
    z_s, z_t : torch.Tensor, shape (B, K)
        The scores of student and teacher.
    y : torch.Tensor of int64, shape (B,)
    tau_s, tau_t : float
        The temperatures. Equal ones are plain distillation.
    alpha : float
        The teacher's part, from 0 to 1.

    Returns
    -------
    torch.Tensor, shape ()

    Raises
    ------
    OptionError
        If a temperature is not above 0, or `alpha` not from 0 to 1.

    Source: Hinton et al. 2015; two temperatures are our reading.

    >>> z = torch.tensor([[1.0, 2.0]])
    >>> loss(z, 4 * z, torch.tensor([0]), tau_s=1.0, tau_t=4.0, alpha=1.0).item()
    0.0
    """
    tau_s, tau_t = checks.positive(tau_s, "tau_s"), checks.positive(tau_t, "tau_t")
    alpha = checks.number(alpha, "alpha", 0, 1, expected="a number from 0 to 1.")
    soft = F.log_softmax(z_s / tau_s, 1)
    told = F.log_softmax(z_t / tau_t, 1)
    divergence = F.kl_div(soft, told, reduction="batchmean", log_target=True)
    return (1 - alpha) * F.cross_entropy(z_s, y) + alpha * tau_s * tau_t * divergence


def distilled(
    model: nn.Module,
    teacher: nn.Module,
    x: Any,
    y: Any,
    tau_s: float,
    tau_t: float,
    *,
    alpha: float = 0.9,
    epochs: int = 10,
    seed: int = 0,
) -> Any:
    """Return a student that has learned from a teacher, in eval mode.

    Parameters
    ----------
    model, teacher : torch.nn.Module
        Student and teacher, from images to scores. Neither is changed; the teacher is in eval mode.
    x, y : arrays
        As for `training.fit`.
    tau_s, tau_t, alpha
        As for `loss`.
    epochs, seed : int

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ShapeError, OptionError
        As `training.fit` and `loss`.

    >>> x = torch.rand(64, 2, generator=torch.Generator().manual_seed(0))
    >>> distilled(nn.Linear(2, 2), nn.Identity(), x, x.argmax(1), 1.0, 2.0, epochs=1).training
    False
    """

    def of_batch(student: Any, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            told = teacher(images)
        return loss(student(images), told, labels, tau_s, tau_t, alpha)

    return fit(model, x, y, of_batch, epochs=epochs, seed=seed)
