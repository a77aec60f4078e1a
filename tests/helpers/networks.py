"""Random networks as they are converted, and what a run of one must equal."""

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
