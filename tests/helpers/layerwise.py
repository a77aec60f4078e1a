"""A second loop in numpy, layer after layer; a layer has all its steps at once, (T, B, ...)."""

import numpy as np

from helpers import oracles


def by_layers(steps, x, timesteps, fire, analog=False, differential=False):
    """Run the steps of `oracles.random_steps`; `fire(name, currents, rest)` returns spikes.

    Each value is what comes at each step, and what comes at rest, where no neuron has fired and the
    image is there already. Where `differential`, what comes beyond the rest at step t changes the
    value by a t-th of it, and functions of values are applied to values. Returns spikes and
    accumulated outputs.
    """
    t = np.arange(1, timesteps + 1)

    def of_value(function, values, rest):
        """What a function of the mean, or of the value that lasts, passes on at each step."""
        at_rest = function(rest)
        weights = np.reshape(t, (-1, *[1] * rest.ndim))
        if differential:
            lasting = rest + np.cumsum((values - rest) / weights, 0)
            after = np.stack([function(value) for value in lasting])
            before = np.concatenate([at_rest[None], after[:-1]])
            return at_rest + weights * (after - before), at_rest
        sums = np.stack([function(charge) for charge in np.cumsum(values, 0)])
        return np.diff(sums, axis=0, prepend=0 * sums[:1]), at_rest

    values, rests = [np.stack([x] * timesteps)], [x]
    spikes, real = {}, {}
    for i, step in enumerate(steps):
        a, rest = values[step.sources[0]], rests[step.sources[0]]
        if step.name == "relu":
            name, theta = f"relus.{i}", np.asarray(step.threshold)
            theta = theta.reshape(-1, *[1] * (a.ndim - 3)) if theta.ndim else theta
            spikes[name] = fire(name, a, rest)
            real[len(values)] = of_value(lambda v: np.maximum(v, 0), a, rest)
            passed, at_rest = theta * spikes[name], 0 * rest
        elif step.name == "max_pool":
            passed, at_rest = of_value(lambda v: oracles._pool(v, np.max), a, rest)
        else:
            shared = real if analog and step.name == "add" else {}
            inputs = [shared.get(j, (values[j], rests[j])) for j in step.sources]
            steps_of = [one for one, _ in inputs]
            passed = np.stack(
                [oracles._affine(step, a[k], [one[k] for one in steps_of]) for k in t - 1]
            )
            at_rest = oracles._affine(step, rest, [one for _, one in inputs])
        values.append(passed), rests.append(at_rest)
    output, rest = values[-1], rests[-1]
    if differential:
        weights = np.reshape(t, (-1, *[1] * rest.ndim))
        return spikes, weights * (rest + np.cumsum((output - rest) / weights, 0))
    return spikes, np.cumsum(output, 0)
