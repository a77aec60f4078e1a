"""Brian2 runs offsets and starts of any shape bit for bit, and refuses the rest by name."""

import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.networks import assert_same_run, converted, with_other_neurons

import snnlab as sl
from snnlab import brian

pytestmark = pytest.mark.brian
T = 12


@pytest.mark.slow
@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", range(2))
def test_offsets_and_starts_in_three_engines(seed, reset):
    steps, x, net = converted(seed, images=2, max_pool=False, reset=reset)
    net, others = with_other_neurons(net, seed, one_spike=True)
    theirs = brian.simulate(net, x, T, spikes=True, potentials=True)
    ours = sl.simulate(net, x, T, spikes=True, potentials=True, dtype=torch.float64)
    x_t = np.broadcast_to(x, (T, *x.shape))
    expected = oracles.plain_loop(steps, x_t, reset, 0.5, others)
    for record in (ours, theirs):
        assert_same_run(record, expected)


@pytest.mark.parametrize(
    ("change", "words"), [({"max_spikes": 2}, "max_spikes=2"), ({"signed": True}, "signed=True")]
)
def test_bursts_and_signed_neurons_are_refused_by_name(change, words):
    _, x, net = converted(0, images=1, max_pool=False)
    message = rf"layer 'relus\.\d+': its neurons have {words}\. Brian2 knows neurons that send at"
    with pytest.raises(sl.UnsupportedLayerError, match=message):
        brian.simulate(net.replace(1, **change), x, 2)
