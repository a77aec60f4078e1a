r"""What a neuron makes of a constant current, without time; the letters are those of `neuron`."""

from typing import Any

import numpy as np

from snnlab.dynamics.neuron import Neuron, per_neuron


def soft_count(
    current: Any,
    timesteps: int,
    v_threshold: Any = 1.0,
    v_init: Any = 0.0,
    max_spikes: int = 1,
) -> Any:
    r"""Count the spikes of a neuron with soft reset under a constant current.

    .. math:: N = \operatorname{clip}\left(
              \left\lfloor\frac{zT + v_0}{\theta}\right\rfloor, 0, \Gamma T\right)

    with :math:`v_0` = `v_init` · θ from 0 to below θ. A signed neuron has the same count: it never
    falls below 0 after a spike, so it takes none back. `current` is an array of any shape, in units
    of potential; the result has the same shape and holds whole numbers as float64.

    Source: Bu et al. 2022 (QCFS), equation 12.

    >>> soft_count([0.3, 0.5, 2.0], timesteps=4).tolist()
    [1.0, 2.0, 4.0]
    >>> soft_count([0.3, 0.5, 2.0], timesteps=4, max_spikes=3).tolist()
    [1.0, 2.0, 8.0]
    """
    z, theta = np.asarray(current, np.float64), np.asarray(v_threshold, np.float64)
    count = np.floor((z * timesteps + v_init * theta) / theta)
    return np.clip(count, 0, max_spikes * timesteps)


def soft_count_from_any_start(
    current: Any,
    timesteps: int,
    v_threshold: Any = 1.0,
    v_init: Any = 0.0,
    max_spikes: int = 1,
    signed: bool = False,
) -> Any:
    r"""Count the spikes as `soft_count`, also of a neuron that starts below 0 or above θ.

    .. math:: N_t = \operatorname{clip}\left(\left\lfloor\frac{zt + v_0}{\theta}\right\rfloor,
              l_t, N_{t-1} + \Gamma\right), \qquad N_0 = 0

    with :math:`l_t = N_{t-1}`, or if `signed` :math:`l_t = \max(0, N_{t-1} - \Gamma)`: what the
    start holds too much is sent before a negative current has eaten it up, and a signed neuron then
    takes it back. Derived here.

    >>> soft_count_from_any_start([-0.5, 1.0], timesteps=4, v_init=2.5).tolist()
    [1.0, 4.0]
    >>> soft_count_from_any_start(-0.5, timesteps=4, v_init=2.5, signed=True).item()
    0.0
    """
    z, theta = np.asarray(current, np.float64), np.asarray(v_threshold, np.float64)
    shape = np.broadcast_shapes(z.shape, theta.shape, np.shape(v_init))
    count = np.zeros(shape)
    for t in range(1, timesteps + 1):
        charge = np.floor((z * t + v_init * theta) / theta)
        lowest = np.maximum(count - max_spikes, 0) if signed else count
        count = np.clip(charge, lowest, count + max_spikes)
    return count


def hard_count(current: Any, timesteps: int, v_threshold: Any = 1.0, v_init: Any = 0.0) -> Any:
    r"""Count the spikes of a neuron with hard reset under a constant current z > 0.

    .. math:: N = 0 \text{ if } T < n_1,\quad
              \text{else } 1 + \left\lfloor\frac{T - n_1}{n}\right\rfloor,
              \qquad n_1 = \max\left(1, \left\lceil\frac{\theta - v_0}{z}\right\rceil\right),\;
              n = \max\left(1, \left\lceil\frac{\theta}{z}\right\rceil\right)

    :math:`n_1` steps pass to the first spike, n between two; :math:`v_0` = `v_init` · θ. For
    z <= 0 there is one spike if :math:`v_0 + z \ge \theta`, else none. Shapes and units as in
    `soft_count`. Derived here; with `v_init` = 0 it is
    :math:`\lfloor T / \lceil\theta/z\rceil\rfloor`.

    >>> hard_count([0.3, 0.5, 0.99], timesteps=4).tolist()
    [1.0, 2.0, 2.0]
    """
    z, theta = np.asarray(current, np.float64), np.asarray(v_threshold, np.float64)
    positive = np.where(z > 0, z, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        first = np.maximum(1, np.ceil((1 - v_init) * theta / positive))
        between = np.maximum(1, np.ceil(theta / positive))
        count = 1 + np.floor((timesteps - first) / between)
    at_once = 1.0 * (v_init * theta + z >= theta)
    return np.where(z > 0, np.where(first <= timesteps, count, 0.0), at_once)


def constant_count(current: Any, timesteps: int, neuron: Neuron) -> Any:
    """Count the spikes of `neuron` under a constant current of shape (B, C, ...), z.

    Its own offset i comes to it: the count is that of z + i.
    """
    theta, start, offset = (
        per_neuron(value, np.ndim(current))
        for value in (neuron.v_threshold, neuron.v_init, neuron.i_offset)
    )
    z = np.asarray(current, np.float64) + offset
    if neuron.reset == "zero":
        return hard_count(z, timesteps, theta, start)
    if np.all((np.greater_equal(start, 0)) & np.less(start, 1)):
        return soft_count(z, timesteps, theta, start, neuron.max_spikes)
    most, signed = neuron.max_spikes, neuron.signed
    return soft_count_from_any_start(z, timesteps, theta, start, most, signed)


def constant_output(current: Any, timesteps: int, neuron: Neuron) -> Any:
    r"""Return what `neuron` passes on under a constant current, the staircase Q(z).

    .. math:: Q(z) = \frac{\theta\,N}{T}

    with the count N of `constant_count`; arrays of float64, shape (B, C, ...). Derived here.

    >>> constant_output([[0.3, 2.0]], 4, Neuron(1.0, v_init=0.0)).tolist()
    [[0.25, 1.0]]
    """
    return passed_on(constant_count(current, timesteps, neuron), timesteps, neuron)


def passed_on(counts: Any, timesteps: int, neuron: Neuron) -> Any:
    r"""Return what neurons have passed on that fired N times, in units of the activation.

    .. math:: \varphi = \frac{\theta\,N}{T}

    Counts have shape (B, C, ...); the result is of float64. Source: Diehl et al. 2015 (threshold
    balancing).

    >>> passed_on(np.array([[1, 4]]), 4, Neuron(2.0)).tolist()
    [[0.5, 2.0]]
    """
    return per_neuron(neuron.v_threshold, np.ndim(counts)) * counts / timesteps
