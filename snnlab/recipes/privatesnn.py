"""Kim et al. 2022: PrivateSNN, privacy-preserving spiking neural networks."""

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from snnlab._arguments import checks
from snnlab.conversion import Maximum, ThresholdRule, convert
from snnlab.exceptions import UnsupportedLayerError
from snnlab.network import Network

# The scores are divided by it before the softmax, so that targets may be soft.
_TEMPERATURE = 20


def privatesnn(
    model: nn.Module,
    shape: Sequence[int],
    *,
    threshold: ThresholdRule | None = None,
    seed: int = 0,
) -> Network:
    """Convert a network without any data, as Kim et al. 2022 did.

    Thresholds are taken from images that were made of the network itself.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier for images in [0, 1].
    shape : sequence of int
        Of one image, (C, H, W).
    threshold
        By default `Maximum()`.
    seed : int

    Returns
    -------
    Network

    Raises
    ------
    SNNLabError
        As `class_impressions` and `convert`.

    Source: Kim et al. 2022, read as code (Intelligent-Computing-Lab-Yale/PrivateSNN), where the
    spiking network is trained further. That code measures potentials in spiking layers; this one
    measures activations.

    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> privatesnn(model, (1, 2, 2)).layers
    ['2']
    """
    rule = Maximum() if threshold is None else threshold
    return convert(model, class_impressions(model, shape, seed=seed), threshold=rule)


def class_impressions(
    model: nn.Module,
    shape: Sequence[int],
    images: int = 100,
    *,
    updates: int = 100,
    learning_rate: float = 0.01,
    seed: int = 0,
) -> torch.Tensor:
    r"""Return images that a classifier takes for its classes, made of noise by gradients.

    Each image has a soft target, drawn from a Dirichlet distribution whose concentration is how
    much its class is like each class: the cosine between the rows of the last layer's weights,
    scaled to [0, 1] for each class. Adam makes the cross-entropy between the target and
    softmax(scores / 20) small.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier for images in [0, 1], whose last layer is `nn.Linear`. It is not changed.
    shape : sequence of int
        Of one image, (C, H, W).
    images : int
        Number of images, of each class in turn.
    updates : int
    learning_rate : float
        Of Adam.
    seed : int
        The result follows it; torch's own random state is restored.

    Returns
    -------
    torch.Tensor, shape (images, C, H, W)

    Raises
    ------
    UnsupportedLayerError
        If the model has no `nn.Linear` with as many outputs as it gives scores.
    OptionError
        If a number is outside its range.

    Source: Kim et al. 2022 (PrivateSNN), read as code; there 1,500 or 2,500 updates at 0.001, for
    one image after the other. Its smallest concentration is 0, where no Dirichlet distribution is
    defined; here 0.001 is added.

    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> class_impressions(model, (1, 2, 2), images=6).shape
    torch.Size([6, 1, 2, 2])
    """
    count, updates = checks.whole(images, "images"), checks.whole(updates, "updates")
    learning_rate, seed = checks.positive(learning_rate, "learning_rate"), checks.seed(seed)
    shape = [checks.whole(size, "shape") for size in shape]
    model = copy.deepcopy(model).eval().requires_grad_(False)
    like = next(model.parameters())
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        x = torch.rand(count, *shape).to(like).requires_grad_()
        concentration = likeness(_last_weights(model, model(x).shape[-1])) + 1e-3
        classes = torch.arange(count) % len(concentration)
        targets = torch.distributions.Dirichlet(concentration[classes]).sample()
        optimizer = torch.optim.Adam([x], lr=learning_rate)
        for _ in range(updates):
            optimizer.zero_grad()
            F.cross_entropy(model(x) / _TEMPERATURE, targets, reduction="sum").backward()
            optimizer.step()
    return x.detach().clamp(0, 1)


def likeness(weights: torch.Tensor) -> torch.Tensor:
    """Return the cosine between each two rows, scaled to [0, 1] row by row, shape (K, K)."""
    rows = F.normalize(weights)
    cosine = rows @ rows.T
    low, high = cosine.amin(1, keepdim=True), cosine.amax(1, keepdim=True)
    return (cosine - low) / (high - low)


def _last_weights(model: nn.Module, scores: int) -> torch.Tensor:
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == scores]
    if not layers:
        raise UnsupportedLayerError(
            f"model: has no nn.Linear with {scores} outputs, one for each score, expected one at "
            f"the end: its weights say which classes are alike. Pass other images to "
            f"snnlab.convert instead; noise serves as well."
        )
    return layers[-1].weight
