"""A conversion method: how a network is made of a trained model, and how it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from snnlab.analysis.energy_estimate import ADDITIONS
from snnlab.analysis.operation_counts import operations
from snnlab.network import Network
from snnlab.simulation import Record, simulate


@dataclass(frozen=True, eq=False)
class Given:
    """What a method makes its network of.

    Parameters
    ----------
    model : torch.nn.Module
        Trained, in eval mode.
    x_cal : array, shape (B, ...)
        Training images.
    y_cal : array, shape (B,), or None
        Their labels, for methods that train.
    timesteps : int
        T, for which the network is meant.
    memory : int
        Ceiling on the working memory in bytes.
    """

    model: nn.Module
    x_cal: np.ndarray
    y_cal: np.ndarray | None
    timesteps: int
    memory: int


@dataclass(frozen=True, eq=False)
class Answer:
    """What B images got after T steps, and what it cost per image.

    Parameters
    ----------
    sums : array, shape (B, ...)
        Accumulated outputs.
    steps : int
        Over how many steps they were accumulated.
    latency : int
        Steps from the first to the answer.
    spikes, additions, multiplications : float
        Means over the images: spikes sent, additions that they set off with those of real numbers
        on shortcuts, multiply-accumulates.
    """

    sums: np.ndarray
    steps: int
    latency: int
    spikes: float
    additions: float
    multiplications: float


Answers = Mapping[int, Answer]


def answer(network: Network, record: Record, step: int) -> Answer:
    """Return what a simulation had answered after a step.

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.Sequential(nn.ReLU(), nn.Linear(1, 3)), [[1.0]], threshold=Fixed(1.0))
    >>> found = answer(net, simulate(net, [[0.5]], 4), 4)
    >>> found.spikes, found.additions
    (2.0, 6.0)
    """
    totals = operations(network, record, step=step).totals
    additions = sum(totals[column] for column in ADDITIONS)
    cost = totals["spikes"], additions, totals["multiplications"]
    return Answer(record.output_sums[step - 1], step, step, *cost)


def simulated(network: Network, x: np.ndarray, steps: Sequence[int]) -> Answers:
    """Answer as `simulate` does, after each number of steps of one simulation."""
    record = simulate(network, x, max(steps), at=steps)
    return {step: answer(network, record, step) for step in steps}


@dataclass(frozen=True)
class Method:
    """A way from a trained model to answers in T steps.

    Parameters
    ----------
    name : str
    make : callable
        Returns the network for what is `Given`.
    run : callable
        Returns the `Answer` after each number of steps for a network, images of shape (B, ...) and
        those numbers. By default `simulated`.
    for_each : bool
        Whether the network depends on the number of steps, so that it is made for each.
    trains, data, real : bool
        What it needs: training of the weights with labels, images at all, real numbers on paths
        between neurons. They are columns of the table.
    """

    name: str
    make: Callable[[Given], Network]
    run: Callable[[Network, np.ndarray, Sequence[int]], Answers] = simulated
    for_each: bool = False
    trains: bool = False
    data: bool = True
    real: bool = False
