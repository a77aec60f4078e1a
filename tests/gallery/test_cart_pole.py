"""The pole on a cart, beside Lagrange's equations and, where it is installed, gymnasium."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnlab.exceptions import OptionError
from snnlab.gallery import cart_pole


def by_lagrange(state, action):
    """Solve for both accelerations at once, and take one step by Euler's rule."""
    x, speed, angle, turning = state
    g, m, length, cart = 9.8, 0.1, 0.5, 1.0
    sin, cos = np.sin(angle), np.cos(angle)
    masses = [[cart + m, m * length * cos], [m * length * cos, 4 / 3 * m * length**2]]
    forces = [(10 if action else -10) + m * length * turning**2 * sin, m * g * length * sin]
    push, turn = np.linalg.solve(masses, forces)
    return [x + 0.02 * speed, speed + 0.02 * push, angle + 0.02 * turning, turning + 0.02 * turn]


@given(st.integers(0, 10_000))
def test_a_step_is_that_of_lagranges_equations(seed):
    rng = np.random.default_rng(seed)
    states, actions = rng.uniform(-1, 1, (5, 4)), rng.integers(0, 2, 5)
    found, _ = cart_pole.step(states, actions)
    for state, action, after in zip(states, actions, found, strict=True):
        assert after == pytest.approx(by_lagrange(state, action), abs=1e-12)


def test_a_step_is_that_of_gymnasium():
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make("CartPole-v1").unwrapped
    rng = np.random.default_rng(0)
    for seed in range(5):
        env.reset(seed=seed)
        state = np.array([env.state])
        for _ in range(200):
            action = rng.integers(0, 2, 1)
            state, fallen = cart_pole.step(state, action)
            _, _, terminated, _, _ = env.step(int(action[0]))
            assert state[0] == pytest.approx(np.array(env.state), abs=1e-12)
            assert fallen.tolist() == [terminated]
            if terminated:
                break
        assert terminated


def test_left_and_right_are_mirror_images():
    state = np.random.default_rng(0).uniform(-1, 1, (5, 4))
    left, _ = cart_pole.step(state, np.zeros(5))
    right, _ = cart_pole.step(-state, np.ones(5))
    assert left == pytest.approx(-right)


@pytest.mark.parametrize(
    ("state", "fallen"),
    [
        ([2.39, 0, 0, 0], False),
        ([2.41, 0, 0, 0], True),
        ([-2.41, 0, 0, 0], True),
        ([0, 0, 0.209, 0], False),
        ([0, 0, 0.21, 0], True),
        ([0, 0, -0.21, 0], True),
    ],
)
def test_a_trial_ends_at_the_limits(state, fallen):
    assert cart_pole.step(np.array([state]), np.array([1]))[1].tolist() == [fallen]


def test_a_start_is_close_to_upright_and_follows_the_seed():
    one, other = (cart_pole.start(200, np.random.default_rng(1)) for _ in range(2))
    assert (one == other).all()
    assert 0.04 < abs(one).max() < 0.05


def test_how_long_the_pole_is_up_is_that_of_single_trials():
    found = cart_pole.lengths(lambda state: np.ones(len(state)), trials=5, seed=3)
    for state, steps in zip(cart_pole.start(5, np.random.default_rng(3)), found, strict=True):
        fallen, count, one = False, 0, state[None]
        while not fallen:
            one, ended = cart_pole.step(one, np.array([1]))
            fallen, count = bool(ended[0]), count + 1
        assert count == steps
    assert 7 < found.mean() < 12


def test_no_trials_are_refused():
    with pytest.raises(OptionError, match="trials"):
        cart_pole.lengths(lambda state: state, trials=0)
