"""A pole on a cart, the task of `spiking_dqn`: push left or right, and keep the pole upright.

Source: Barto, Sutton and Anderson 1983, from memory, without friction, as gymnasium's CartPole-v1
has it. That several carts move at once is ours.
"""

from collections.abc import Callable

import numpy as np

from snnlab._arguments import checks

LONGEST = 500  # steps of a trial
LIMITS = np.array([2.4, 12 * np.pi / 180])  # of the cart's place in m and the pole's angle


def step(state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the state 0.02 s later, and whether the pole has fallen or the cart has left.

    .. math:: \ddot\theta = \frac{g \sin\theta - \cos\theta\, f}
        {l\,(4/3 - m \cos^2\theta / M)}, \qquad
        \ddot x = f - \frac{m l\, \ddot\theta \cos\theta}{M}, \qquad
        f = \frac{F + m l\, \dot\theta^2 \sin\theta}{M}

    with g = 9.8 m/s², the pole's mass m = 0.1 kg and half its length l = 0.5 m, all masses together
    M = 1.1 kg, and a push of F = ±10 N; by Euler's rule.

    Parameters
    ----------
    state : array, shape (B, 4)
        Place, speed, angle from upright, and its speed.
    action : array of 0 and 1, shape (B,)
        Left or right.

    Returns
    -------
    state : array, shape (B, 4)
    fallen : array of bool, shape (B,)

    Source: Barto, Sutton and Anderson 1983, without friction, as gymnasium's CartPole has it.

    >>> state, fallen = step(np.zeros((1, 4)), np.array([1]))
    >>> state.round(4).tolist(), fallen.tolist()
    ([[0.0, 0.1951, 0.0, -0.2927]], [False])
    """
    g, m, half, whole, dt = 9.8, 0.1, 0.5, 1.1, 0.02
    _, speed, angle, turning = state.T
    f = (np.where(action == 1, 10.0, -10.0) + m * half * turning**2 * np.sin(angle)) / whole
    turn = (g * np.sin(angle) - np.cos(angle) * f) / (
        half * (4 / 3 - m * np.cos(angle) ** 2 / whole)
    )
    push = f - m * half * turn * np.cos(angle) / whole
    state = state + dt * np.stack([speed, push, turning, turn], 1)
    return state, np.any(abs(state[:, [0, 2]]) > LIMITS, axis=1)


def start(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return states at the beginning, each number within 0.05 of 0, shape (count, 4).

    >>> bool((abs(start(3, np.random.default_rng(0))) < 0.05).all())
    True
    """
    return rng.uniform(-0.05, 0.05, (count, 4))


def lengths(
    choose: Callable[[np.ndarray], np.ndarray], trials: int = 20, seed: int = 0
) -> np.ndarray:
    """Return for how many steps the pole stays up, shape (trials,), at most 500.

    `choose` gives the actions, shape (trials,), for states of shape (trials, 4).

    Raises
    ------
    OptionError
        If `trials` or `seed` is outside its range.

    >>> int(lengths(lambda state: (state[:, 2] + state[:, 3] > 0).astype(int)).min()) > 100
    True
    """
    state = start(checks.whole(trials, "trials"), checks.generator(seed))
    count, up = np.zeros(len(state), dtype=int), np.ones(len(state), dtype=bool)
    for _ in range(LONGEST):
        count += up
        state, fallen = step(state, choose(state))
        up &= ~fallen
    return count
