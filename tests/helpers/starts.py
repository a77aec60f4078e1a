"""A plain loop whose neurons start image by image, some of them silent."""

import numpy as np

from helpers import oracles


def image_by_image(steps, x, timesteps, others, starts, reset="subtract", v_init=0.5):
    """Run `oracles.plain_loop` on one image at a time, so that its `v_init` is that of the image.

    `starts` has by layer what has the attributes of a Start.
    """
    runs = []
    for b in range(len(x)):
        own = {name: dict(other) for name, other in others.items()}
        for name, start in starts.items():
            own.setdefault(name, {})["v_init"] = start.v_init[b]
        silent = {n: s.silent[b : b + 1] for n, s in starts.items() if s.silent is not None}
        x_t = np.broadcast_to(x[b : b + 1], (timesteps, 1, *x.shape[1:]))
        runs.append(with_silent(silent, steps, x_t, reset, v_init, own))
    return {
        "spikes": joined([run["spikes"] for run in runs]),
        "potentials": joined([run["potentials"] for run in runs]),
        "output_sums": np.concatenate([run["output_sums"] for run in runs], 1),
    }


def joined(by_layer):
    return {name: np.concatenate([one[name] for one in by_layer], 1) for name in by_layer[0]}


def with_silent(silent, steps, x_t, reset, v_init, others):
    """Run the plain loop with its step of a neuron replaced: what is silent only adds up."""
    names = [f"relus.{i}" for i, step in enumerate(steps) if step.name == "relu"]
    layer, usual = iter(names * len(x_t)), oracles.fired

    def fired(v, theta, count, *setting):
        held = silent.get(next(layer), np.zeros(v.shape, bool))
        after, spikes = usual(v, theta, count, *setting)
        return np.where(held, v, after), np.where(held, 0, spikes)

    oracles.fired = fired
    try:
        return oracles.plain_loop(steps, x_t, reset, v_init, others)
    finally:
        oracles.fired = usual
