r"""A spiking deep Q-network, and the normalization without which its deeper layers fall silent.

Where a layer's input are few spikes, its potentials stay low, and the next layer gets fewer still.
Potential-based layer normalization gives each step's currents mean 0 and the threshold as their
spread, layer by layer, so that as many neurons fire at any depth.

Source: Sun, Zeng and Li 2022 (PL-SDQN), of which we have read the abstract and the code (`PopNorm`
in BrainCog-X/Brain-Cog). There the task are Atari games, of which we name no numbers; CartPole, the
small network and all that trains it are ours.
"""

import copy
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from snnlab._arguments import checks
from snnlab.gallery import cart_pole
from snnlab.gallery.neurons import THRESHOLD, Neurons, SpikingNetwork
from snnlab.gallery.training import seeded


class PotentialNorm(nn.Module):
    r"""Give the currents of each image and step the mean β and the spread γ, both learned.

    .. math:: \hat x_i = \gamma_i \frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta_i

    with mean and variance over the neurons of the layer. γ begins as the threshold, β as the
    potential after a reset, 0.

    Parameters
    ----------
    neurons : int

    Raises
    ------
    OptionError
        If `neurons` is not a whole number above 0.

    Source: Sun, Zeng and Li 2022, read as code.

    >>> PotentialNorm(2)(torch.tensor([[3.0, 1.0]])).round(decimals=4).tolist()
    [[1.0, -1.0]]
    """

    def __init__(self, neurons: int):
        super().__init__()
        neurons = checks.whole(neurons, "neurons")
        self.gamma = nn.Parameter(torch.full((neurons,), THRESHOLD))
        self.beta = nn.Parameter(torch.zeros(neurons))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the currents normalized, shape (B, neurons) as they came."""
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        return self.gamma * (x - mean) / (variance + 1e-5).sqrt() + self.beta


def network(
    sizes: Sequence[int], *, norm: bool = True, timesteps: int = 4, seed: int = 0
) -> SpikingNetwork:
    """Return a spiking network, untrained, whose outputs do not spike: the Q of each action.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, neurons of each hidden layer, actions.
    norm : bool
        Whether each hidden layer's currents are normalized.
    timesteps, seed : int

    Raises
    ------
    OptionError
        If a number is outside its range.

    >>> network([4, 8, 2])(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """
    layers: list[nn.Module] = []
    with seeded(seed):
        for before, after in itertools.pairwise(sizes[:-1]):
            layers.append(nn.Linear(before, after))
            layers += [PotentialNorm(after)] if norm else []
            layers.append(Neurons(leak=0.5))
        return SpikingNetwork(nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1])), timesteps)


@torch.no_grad()
def rates(model: SpikingNetwork, x: torch.Tensor) -> list[float]:
    """Return the share of neurons that fire in a step, layer by layer.

    >>> model = network([4, 8, 8, 2], norm=False)
    >>> rates(model, torch.zeros(3, 4))
    [0.0, 0.0]
    """
    model(x)  # which tells its layers the number of steps
    found, folded = list[float](), x.repeat(model.timesteps, 1)
    for layer in model.layers.children():
        folded = layer(folded)
        found += [float(folded.mean())] if isinstance(layer, Neurons) else []
    return found


_SCALE = np.array([2.4, 3.0, 0.2, 3.0])  # brings what a cart is told to about -1 to 1
# A curve of `learn(network([4, 64, 64, 2]), 1500, every=250)`, in 11 s of a processor.
CURVE = ((250, 94.3), (500, 469.95), (750, 122.05), (1000, 113.4), (1250, 101.95), (1500, 104.6))


@torch.no_grad()
def chosen(model: nn.Module, state: np.ndarray) -> np.ndarray:
    """Return the action of the highest Q for states of shape (B, 4), shape (B,)."""
    return model(_told(state)).argmax(1).numpy()


def _told(state: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(state / _SCALE).float()


def learn(
    model: SpikingNetwork, steps: int = 500, *, every: int = 100, seed: int = 0
) -> tuple[Any, list[tuple[int, float]]]:
    r"""Return a trained copy, and its curve: steps, and how long it kept the pole up on average.

    The pole is tried `every` so many steps. As such learning is no steady climb, the copy is the
    best of those tried, which the curve shows.

    Q-learning: :math:`Q(s, a) \to r + \gamma \max_{a'} Q'(s', a')` with r = 1 for each step, and
    nothing after a fall; Q' is a slowly following copy, γ = 0.99; on what eight carts have seen.

    Raises
    ------
    OptionError
        If a number is outside its range.

    Source: Mnih et al. 2015, from memory; here with Huber's loss and a soft update.
    """
    steps, every = checks.whole(steps, "steps"), checks.whole(every, "every")
    rng, model, best, target = checks.generator(seed), *(copy.deepcopy(model) for _ in range(3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    seen: list[tuple[Any, ...]] = []
    curve: list[tuple[int, float]] = []
    state, age = cart_pole.start(_CARTS, rng), np.zeros(_CARTS, dtype=int)
    for n in range(1, steps + 1):
        at_random = rng.random(_CARTS) < max(0.05, 1 - 2 * n / steps)
        action = np.where(at_random, rng.integers(0, 2, _CARTS), chosen(model, state))
        after, fallen = cart_pole.step(state, action)
        seen += zip(state, action, after, fallen, strict=True)
        new = fallen | (age + 1 >= cart_pole.LONGEST)
        state = np.where(new[:, None], cart_pole.start(_CARTS, rng), after)
        age = (age + 1) * ~new
        some = [seen[k] for k in rng.integers(0, len(seen), 64)]
        s, a, later, end = (np.array(part) for part in zip(*some, strict=True))
        with torch.no_grad():
            worth = 1 + 0.99 * target(_told(later)).max(1).values * torch.from_numpy(~end)
        q = model(_told(s)).gather(1, torch.from_numpy(a)[:, None])[:, 0]
        optimizer.zero_grad()
        F.smooth_l1_loss(q, worth).backward()
        optimizer.step()
        for old, now in zip(target.parameters(), model.parameters(), strict=True):
            old.data.lerp_(now.data, 0.01)
        if n % every == 0:
            up = float(cart_pole.lengths(lambda x: chosen(model, x), seed=seed).mean())
            best = copy.deepcopy(model) if up > max((u for _, u in curve), default=-1) else best
            curve.append((n, up))
    return best, curve


_CARTS = 8
