"""Random networks as they are converted, and what a run of one must equal."""

import dataclasses

import numpy as np

import snnlab as sl
from helpers import oracles


def converted(seed, images=3, max_pool=True, **options):
    """Return the steps of a random network, images for it, and the network."""
    steps = oracles.random_steps(seed, max_pool=max_pool)
    x = oracles.images(seed, images)
    theta = oracles.thresholds(steps)
    return steps, x, sl.convert(oracles.Torch(steps), x, threshold=sl.Fixed(theta), **options)


def assert_same_run(record, expected):
    """Equal, bit for bit: trains, potentials, counts and accumulated outputs."""
    for name in record.layers:
        assert (record.spikes(name) == expected["spikes"][name]).all(), name
        assert (record.potentials(name) == expected["potentials"][name]).all(), name
        assert (record.counts(name) == expected["spikes"][name].sum(0)).all(), name
    assert (record.output_sums == expected["output_sums"]).all()


def with_other_neurons(net, seed, one_spike=False):
    """Return a network whose neurons start anywhere, have offsets, burst and take back.

    Also what each layer's neurons now have, by name. All numbers are multiples of 1/16.
    """
    rng = np.random.default_rng(seed)
    neurons, others = {}, {}
    for name, neuron in net.neurons.items():
        shape = net.shape(name)
        start = [0.25, oracles.dyadic(rng, shape[0], -2, 3), oracles.dyadic(rng, shape, -2, 3)]
        offset = [
            0.0,
            float(oracles.dyadic(rng, (), -0.5, 0.5)),
            oracles.dyadic(rng, shape[0], -1, 1),
        ]
        own = {"v_init": start[rng.integers(3)], "i_offset": offset[rng.integers(3)]}
        if not one_spike:
            own |= {"max_spikes": int(rng.integers(1, 5)), "signed": bool(rng.integers(2))}
        others[name] = own
        neurons[name] = dataclasses.replace(neuron, **own)
    return sl.Network(net.graph, neurons, net.max_pool), others
