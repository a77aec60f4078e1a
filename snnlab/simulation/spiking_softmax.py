"""A spiking softmax: output neurons that compete for each spike."""

from typing import Any

import numpy as np

from snnlab._arguments import checks
from snnlab.exceptions import OptionError, ShapeError
from snnlab.simulation.record import Record


def softmax_spikes(
    record: Record, how: str = "potential", *, clock: float = 1.0, seed: Any = None
) -> np.ndarray:
    r"""Return the spikes of output neurons that fire with the softmax of their potentials.

    .. math:: P(i \text{ fires at } t) = \frac{e^{V_{i,t}}}{\sum_j e^{V_{j,t}}},
              \qquad V_{i,t} = \sum_{u \le t} z_{i,u}

    Counting spikes fails where all outputs are negative; the softmax always has a winner.

    Parameters
    ----------
    record : Record
        Of `simulate`, with one output per class, read from the potential.
    how : {"potential", "clock"}
        Each neuron fires at each step with its probability, whatever the others do; or an external
        Poisson clock ticks, and at each tick one neuron fires, drawn with these probabilities.
    clock : float
        Probability that the clock ticks in a step, in (0, 1]. For "clock" only.
    seed : int or numpy.random.Generator

    Returns
    -------
    array of 0 and 1 in int32, shape (T, B, classes)

    Raises
    ------
    OptionError
        If an option is outside its range.
    ShapeError
        If the output is not one number per class.

    Source: Rueckauer et al. 2017 (spiking softmax); Nessler et al. 2009 (the clock).

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0, 1.0]], threshold=Fixed(1.0))
    >>> spikes = softmax_spikes(simulate(net, [[0.0, 1.0]], 100), "clock", seed=0)
    >>> spikes.sum(axis=(1, 2)).tolist() == [1] * 100
    True
    """
    checks.instance(record, Record, "record", "Write snnlab.simulate(network, x, timesteps).")
    checks.option(how, "how", ("potential", "clock"))
    potentials = record.output_sums
    if potentials.ndim != 3:
        raise ShapeError(
            f"output: has shape {potentials.shape[2:]} for one image, expected one score per "
            f"class: (classes,)."
        )
    checks.number(clock, "clock", 0, 1, excluded=(0,), expected="a probability in (0, 1].")
    if how == "potential" and clock != 1:
        raise OptionError(f"clock = {clock!r}: there is none with how='potential'. Leave it out.")
    generator = checks.generator(seed)
    p = softmax(potentials)
    if how == "potential":
        return (generator.random(p.shape) < p).astype(np.int32)
    ticks = generator.random((*p.shape[:2], 1)) < clock
    # The first class whose cumulated probability exceeds a random number.
    drawn = (generator.random(ticks.shape) >= p.cumsum(-1)).sum(-1, keepdims=True)
    drawn = np.minimum(drawn, p.shape[-1] - 1)  # the sum may round to less than 1
    return (ticks & (np.arange(p.shape[-1]) == drawn)).astype(np.int32)


def softmax(potentials: np.ndarray) -> np.ndarray:
    r"""Return :math:`e^{V_i} / \sum_j e^{V_j}` over the last dimension, in float64.

    >>> softmax(np.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    weights = np.exp(potentials - potentials.max(-1, keepdims=True), dtype=np.float64)
    return weights / weights.sum(-1, keepdims=True)
