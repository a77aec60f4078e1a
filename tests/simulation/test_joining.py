"""Records put together, and runs of which not everything is kept."""

import itertools

import numpy as np
import pytest
import torch
from helpers import networks
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl

NETWORKS = {seed: networks.converted(seed, images=7) for seed in range(6)}
KEPT = {"spikes": True, "potentials": True, "at": (2, 5, 9)}


def assert_same_record(a, b):
    assert (a.timesteps, a.input, a.fingerprint) == (b.timesteps, b.input, b.fingerprint)
    assert list(a.neurons) == list(b.neurons)
    for name in ("totals", "recorded_spikes", "recorded_potentials"):
        same_arrays(getattr(a, name), getattr(b, name))
    for name in ("at", "pooled"):
        found, expected = getattr(a, name), getattr(b, name)
        assert list(found) == list(expected)
        for step in expected:
            same_arrays(found[step], expected[step])
    assert np.array_equal(a.output_sums, b.output_sums)
    assert np.array_equal(a.checksums, b.checksums)


def same_arrays(a, b):
    assert list(a) == list(b)
    for name in b:
        assert a[name].dtype == b[name].dtype
        assert np.array_equal(a[name], b[name])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 5),
    cuts=st.lists(st.integers(1, 6), max_size=3),
    input=st.sampled_from(["analog", "poisson", "regular", "frames"]),
    max_pool=st.sampled_from(["exact", "gate"]),
)
def test_joined_records_are_the_record_of_all(seed, cuts, input, max_pool):
    _, x, net = NETWORKS[seed]
    net = net.replace(max_pool=max_pool)
    x = x.clip(0, 1)
    if input == "frames":
        x = np.random.default_rng(seed).integers(0, 5, (9, *x.shape)) / 4
    whole = sl.simulate(net, x, 9, input=input, seed=seed, **KEPT)
    generator = np.random.default_rng(seed)
    edges = sorted({0, *cuts, 7})
    records = [
        sl.simulate(
            net, x[:, a:b] if input == "frames" else x[a:b], 9, input=input, seed=generator, **KEPT
        )
        for a, b in itertools.pairwise(edges)
    ]
    joined = sl.Record.join(records)
    assert_same_record(joined, whole)
    images = x[:, :0:-1] if input == "frames" else x[:0:-1]
    with pytest.raises(sl.ShapeError):
        sl.decompose(net, images, joined)
    parts = sl.decompose(net, x, joined).rms()
    assert parts == sl.decompose(net, x, whole).rms()


def test_joined_labels_are_those_of_the_parts_if_all_have_some():
    _, x, net = NETWORKS[0]
    y = np.arange(7) % 3
    labelled = [sl.simulate(net, (x[a:b], y[a:b]), 3) for a, b in ((0, 3), (3, 7))]
    assert np.array_equal(sl.Record.join(labelled).labels, y)
    assert sl.Record.join([labelled[0], sl.simulate(net, x[3:], 3)]).labels is None


def test_joined_counts_stay_as_small_as_they_were():
    _, x, net = NETWORKS[0]
    joined = sl.Record.join([sl.simulate(net, x, 3, at=(1,))] * 2)
    for counts in (joined.totals, joined.at[1]):
        assert {array.dtype for array in counts.kept.values()} == {np.dtype(np.uint8)}


def run(number=0, timesteps=9, net=None, **options):
    _, x, converted = NETWORKS[number]
    return sl.simulate(net or converted, x.clip(0, 1), timesteps, **options)


OTHERS = {
    "their network": lambda: run(1),
    "the settings of its neurons": lambda: run(reset="zero"),
    "timesteps": lambda: run(timesteps=8),
    "input": lambda: run(input="regular"),
    "the type of their numbers": lambda: run(dtype=torch.float64),
    "counts": lambda: run(counts=[0]),
    "at": lambda: run(at=(3,)),
    "spikes": lambda: run(spikes=[0]),
    "potentials": lambda: run(potentials=True),
}


@pytest.mark.parametrize("what", OTHERS)
def test_records_that_do_not_belong_together_are_refused_by_name(what):
    with pytest.raises(sl.OptionError, match=f"records: differ in {what}: .*expected.*Join"):
        sl.Record.join([run(), OTHERS[what]()])


def test_gates_and_exact_pooling_do_not_belong_together():
    seed = next(s for s, (_, _, net) in NETWORKS.items() if net.graph.pools)
    net = NETWORKS[seed][2]
    records = [run(seed, net=net.replace(max_pool="gate")), run(seed, net=net)]
    with pytest.raises(sl.OptionError, match="records: differ in max_pool"):
        sl.Record.join(records)


def test_one_record_is_joined_to_itself():
    record = run(0)
    assert_same_record(sl.Record.join(record), record)


@pytest.mark.parametrize(
    ("records", "message"),
    [([], "records: is empty, expected"), ([1], "records: found int, expected a Record")],
)
def test_what_are_no_records_are_refused(records, message):
    with pytest.raises(sl.OptionError, match=message):
        sl.Record.join(records)


# --- what is kept ----------------------------------------------------------------------------


@pytest.mark.parametrize("max_pool", ["exact", "gate"])
@pytest.mark.parametrize("input", ["analog", "poisson"])
def test_without_counts_the_outputs_are_the_same(input, max_pool):
    options = {"input": input, "seed": 1, "at": (3,), "spikes": [0]}
    for number, (_, _, net) in NETWORKS.items():
        net = net.replace(max_pool=max_pool)
        whole = run(number, net=net, **options)
        bare = run(number, net=net, counts=False, **options)
        assert np.array_equal(bare.output_sums, whole.output_sums)
        assert np.array_equal(bare.spikes(0), whole.spikes(0))
        assert not bare.totals
        assert not bare.pooled
        assert repr(bare).startswith("Record of 7 images")
        some = run(number, net=net, counts=[net.layers[0]], **options)
        assert list(some.totals) == list(some.at[3]) == net.layers[:1]
        assert np.array_equal(some.counts(0), whole.counts(0))
        assert np.array_equal(some.counts(0, 3), whole.counts(0, 3))


def test_counts_that_were_not_kept_are_asked_for_by_name():
    _, x, net = NETWORKS[0]
    record = sl.simulate(net, x, 4, counts=[0])
    last = net.layers[-1]
    message = rf"layer '{last}': its counts were not kept.*counts=\['{last}'\]"
    for call in (lambda: record.counts(-1), lambda: sl.decompose(net, x, record)):
        with pytest.raises(sl.OptionError, match=message.replace(last, r"relus\.\d+")):
            call()
    drawn = sl.simulate(net, x.clip(0, 1), 4, counts=[0], input="poisson", seed=0)
    with pytest.raises(sl.OptionError, match="layer 'input': its counts were not kept"):
        drawn.counts("input")
    kept = sl.simulate(net, x.clip(0, 1), 4, counts=["input"], input="poisson", seed=0)
    assert list(kept.totals) == ["input"]
    with pytest.raises(sl.OptionError, match="layer 'input': not among"):
        sl.simulate(net, x, 4, counts=["input"])


def test_activations_that_are_not_wanted_are_not_kept():
    _, x, net = NETWORKS[0]
    for call in (sl.ann, lambda net, x, **kept: sl.quantized(net, x, 4, **kept)):
        whole = call(net, x)
        bare, some = call(net, x, activations=False), call(net, x, activations=[0])
        assert np.array_equal(bare.outputs, whole.outputs)
        assert bare.currents == bare.activations == {}
        assert list(some.currents) == list(some.activations) == net.layers[:1]
        assert np.array_equal(some.activations[net.layers[0]], whole.activations[net.layers[0]])


def test_the_outputs_of_many_large_images_fit_without_counts():
    """Users' 800 images of 227 pixels a side, smaller: the advice of the refusal is possible."""
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 2)).eval()
    x = torch.rand(1, 1, 8, 8).expand(300, -1, -1, -1)
    net = sl.convert(model, x[:2])
    message = (
        r"recording needs 103 KiB, 82% of it for the counts after 8 steps of '1'; memory allows "
        r"58\.6 KiB\. If the outputs are enough, write counts=False; else name the layers that are "
        r"needed, as counts=\['\.\.\.'\], simulate fewer images at a time, or allow memory=\d+\."
    )
    with pytest.raises(sl.MemoryBudgetError, match=message):
        sl.simulate(net, x, 8, memory=60_000)
    assert sl.simulate(net, x, 8, counts=False, memory=60_000).outputs.shape == (8, 300, 2)
