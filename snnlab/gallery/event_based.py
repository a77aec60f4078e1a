r"""Exact event-based backpropagation: spike times in closed form, several spikes for each neuron.

A neuron's potential follows :math:`\tau_m \dot v = -v + I` and its current
:math:`\tau_s \dot I = -I`; an input spike adds its weight to I, an output spike takes θ from v. If
:math:`\tau_m = 2 \tau_s`, then v = θ is a quadratic equation in :math:`e^{-t/\tau_m}`, so that
spike times need no time steps, and have exact derivatives as long as no spike comes or goes.

Source: Göltz et al. 2021 (Fast & Deep, first spikes: from memory), Bacho and Chu 2023 (several
spikes), of which we have read the abstract and the code (Florian-BACHO/bats). The derivatives are
worked out anew, and tested against numerical integration. What a network's scores are and how it
begins is ours.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from snnlab._arguments import checks

INF = float("inf")
# Mean and spread of the first weights, times the neurons in front: so that all fire at first.
MEAN, SPREAD = 14.0, 20.0
CLIP = 0.5  # where a potential only grazes the threshold, derivatives have no bound


def crossing(a: torch.Tensor, b: torch.Tensor, theta: float, tau: float = 1.0) -> torch.Tensor:
    r"""Return when a potential next reaches θ from below, or where a root is missing ∞.

    .. math:: t = 2\tau \ln \frac{2a}{b + \sqrt{b^2 - 4 a c}}, \qquad c = \theta

    With the input spikes so far at :math:`t_j` and the neuron's own at :math:`t_k`, and
    :math:`\tau = \tau_s`, :math:`2\tau = \tau_m`,

    .. math:: a = \sum_j w_j e^{t_j/\tau}, \qquad
        b = \sum_j w_j e^{t_j/2\tau} - \theta \sum_k e^{t_k/2\tau}

    and :math:`v(t) = b\,e^{-t/2\tau} - a\,e^{-t/\tau}`. Where a is not above 0 no current is left
    that could raise the potential.

    Source: Bacho and Chu 2023, read as code, with τ for what they call τ_s; derived here anew.

    >>> crossing(torch.tensor([4.0]), torch.tensor([5.0]), theta=1.0).item()  # 2 ln 1
    0.0
    """
    root = b * b - 4 * a * theta
    real = (a > 0) & (root >= 0) & (b > 0)
    one = torch.ones_like(a)  # gradients stay finite where there is no spike
    a, b = torch.where(real, a, one), torch.where(real, b, 3 * one)
    root = torch.where(real, root, 5 * one)
    t = 2 * tau * torch.log(2 * a / (b + root.sqrt()))
    return torch.where(real, t, torch.full_like(t, INF))


def spike_times(
    t: torch.Tensor, w: torch.Tensor, *, theta: float = 1.0, tau: float = 1.0, spikes: int = 4
) -> torch.Tensor:
    """Return when neurons fire, shape (B, out, spikes), in order; ∞ where there is no spike.

    Parameters
    ----------
    t : tensor, shape (B, in, K)
        When each of the neurons in front fires, ∞ where it does not.
    w : tensor, shape (out, in)
    theta, tau : float
        Threshold, and time constant of the current; that of the potential is twice as long.
    spikes : int
        At which a neuron stops.

    Source: Bacho and Chu 2023, read as code; the search over all intervals at once is ours.

    >>> t = spike_times(torch.tensor([[[0.0]]]), torch.tensor([[4.5]]), spikes=3)
    >>> [round(float(one), 4) for one in t[0, 0]]
    [0.8109, inf, inf]
    """
    events = t.flatten(1)
    count = max(1, int(events.isfinite().sum(1).max()))
    when, order = (part[:, :count] for part in events.sort(1))
    there = when.isfinite()
    grown = torch.where(there, torch.where(there, when, 0.0).div(2 * tau).exp(), 0.0)[..., None]
    given = w.T[order // t.shape[2]] * grown
    a, b = (given * grown).cumsum(1), given.cumsum(1)
    begin = when[..., None]
    end = F.pad(when[:, 1:], (0, 1), value=INF)[..., None]
    last = torch.full_like(a[:, :1], -INF)
    found = []
    for _ in range(spikes):
        with torch.no_grad():
            next_one = crossing(a, b, theta, tau)
            fits = (next_one > begin.maximum(last)) & (next_one <= end) & next_one.isfinite()
            first = fits.int().argmax(1, keepdim=True)
        fires = fits.gather(1, first)
        a_j, b_j = (torch.where(fires, part.gather(1, first), -1.0) for part in (a, b))
        last = crossing(a_j, b_j, theta, tau)
        found.append(last[:, 0])
        b = b - theta * torch.where(fires, torch.where(fires, last, 0.0).div(2 * tau).exp(), 0.0)
        last = last.detach()
    return torch.stack(found, 2)


class EventNetwork(nn.Module):
    """Layers of such neurons; an image's brighter pixels fire earlier, within 2 τ.

    In training the gradient of each layer's weights is shortened to a length of at most 1/2.

    Parameters
    ----------
    sizes : sequence of int
        Pixels, neurons of each hidden layer, classes.
    spikes : int
        At most so many for each neuron.
    seed : int
        Of the first weights.

    Raises
    ------
    OptionError
        If a size or `spikes` is not a whole number above 0.
    """

    def __init__(self, sizes: Sequence[int], spikes: int = 2, seed: int = 0):
        super().__init__()
        sizes = [checks.whole(size, "sizes") for size in sizes]
        self.spikes = checks.whole(spikes, "spikes")
        random = torch.Generator().manual_seed(checks.seed(seed))
        self.weights = nn.ParameterList()
        for before, after in itertools.pairwise(sizes):
            w = torch.randn((after, before), generator=random, dtype=torch.float64)
            self.weights.append(nn.Parameter((MEAN + SPREAD * w) / before))

    def times(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the spike times of the input and of each layer, for images in [0, 1]."""
        x = x.flatten(1).double()
        found = [torch.where(x > 0, 2 * (1 - x), INF)[..., None]]
        for w in self.weights:
            held = w * 1.0
            if self.training and held.requires_grad:
                held.register_hook(lambda g: g / (g.norm() / CLIP).clamp(min=1))
            found.append(spike_times(found[-1], held, spikes=self.spikes))
        return found

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        r"""Return scores :math:`10 \sum_k e^{-t_k/2}`, (B, classes): many and early spikes."""
        return 10 * self.times(x)[-1].div(-2).exp().sum(2)


def loss(model: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    r"""Return the cross-entropy of the scores, and what wakes right neurons that are silent.

    .. math:: L = -\ln \frac{e^{S_y}}{\sum_i e^{S_i}} - [\text{no spike of } y] \sum_j w_{yj}

    A mean over the batch. Without a spike there is no gradient of one; so the weights are raised.

    Source: Göltz et al. 2021 raise weights of silent neurons, from memory; as a loss it is ours.
    """
    scores = model(x)
    silent = scores.detach().gather(1, y[:, None])[:, 0] == 0
    lifted = torch.where(silent, model.weights[-1].sum(1)[y], 0.0)
    return F.cross_entropy(scores, y) - lifted.mean()
