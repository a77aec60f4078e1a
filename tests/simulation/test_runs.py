import numpy as np
import pytest
import torch
from helpers import oracles
from helpers.networks import assert_same_run, converted
from helpers.progress import watch
from helpers.seeds import seeds
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.simulation import engine
from snnlab.simulation.progress import progress_bar


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", seeds(60, fast=10, usual=60))
def test_equals_a_plain_loop_bit_for_bit(seed, reset):
    v_init = [0, 0.25, 0.5, 0.75][seed % 4]
    dtype = [torch.float32, torch.float64][seed % 2]
    steps, x, net = converted(seed, reset=reset, v_init=v_init)
    record = sl.simulate(net, x, 20, spikes=True, potentials=True, dtype=dtype)
    expected = oracles.plain_loop(steps, np.broadcast_to(x, (20, *x.shape)), reset, v_init)
    assert_same_run(record, expected)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", seeds(20, fast=5))
def test_equals_a_plain_loop_under_poisson_input(seed, reset):
    steps, x, net = converted(seed, reset=reset, v_init=0.25)
    record = sl.simulate(net, x, 20, input="poisson", seed=seed, spikes=True, potentials=True)
    trains = record.spikes("input").astype(float)
    assert 0 < trains.mean() < 1
    assert_same_run(record, oracles.plain_loop(steps, trains, reset, 0.25))


@pytest.mark.slow
def test_the_random_networks_are_active_and_of_every_kind():
    kinds, rates = set(), []
    for seed in range(60):
        steps, x, net = converted(seed)
        kinds |= {step.name for step in steps}
        kinds |= {"input skip" for step in steps if step.name == "cat" and 0 in step.sources}
        record = sl.simulate(net, x, 20)
        rates += [record.rates(name).mean() for name in record.layers]
    assert kinds >= {"conv", "relu", "add", "cat", "input skip", "avg_pool", "max_pool", "linear"}
    assert 0.1 < np.mean(rates) < 0.9
    assert np.mean(np.array(rates) > 0) > 0.9


@pytest.mark.slow
@given(
    seed=st.integers(0, 30),
    steps_together=st.integers(1, 9),
    block_bytes=st.sampled_from([1, 2000, 20000, 2**24]),
    timesteps=st.integers(1, 20),
)
def test_block_sizes_change_nothing(seed, steps_together, block_bytes, timesteps):
    _, x, net = converted(seed)
    options = {"spikes": True, "potentials": True}
    whole = sl.simulate(net, x, timesteps, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_BLOCK_STEPS", steps_together)
        patch.setattr(engine, "_BLOCK_BYTES", block_bytes)
        parts = sl.simulate(net, x, timesteps, **options)
        drawn = sl.simulate(net, x, timesteps, input="poisson", seed=5)
    assert_same_run(
        parts,
        {
            "spikes": whole.recorded_spikes,
            "potentials": whole.recorded_potentials,
            "output_sums": whole.output_sums,
        },
    )
    undivided = sl.simulate(net, x, timesteps, input="poisson", seed=5)
    assert (drawn.counts("input") == undivided.counts("input")).all()
    assert (drawn.output_sums == undivided.output_sums).all()


@pytest.mark.slow
@given(seed=st.integers(0, 30), order=st.permutations(range(3)))
def test_the_order_of_the_images_changes_nothing(seed, order):
    _, x, net = converted(seed)
    record = sl.simulate(net, x, 12)
    shuffled = sl.simulate(net, x[order], 12)
    for name in net.layers:
        assert (shuffled.counts(name) == record.counts(name)[order]).all()
    assert (shuffled.output_sums == record.output_sums[:, order]).all()


@pytest.mark.slow
@given(
    seed=st.integers(0, 30),
    reset=st.sampled_from(["subtract", "zero"]),
    v_init=st.sampled_from([0, 0.25, 0.5, 0.75]),
    poisson=st.booleans(),
)
def test_charge_is_conserved(seed, reset, v_init, poisson):
    """O1, O2: Σz + v0 = θN + v_T for every neuron, or the rest is overshoot, never below 0."""
    steps, x, net = converted(seed, reset=reset, v_init=v_init)
    options = {"input": "poisson", "seed": seed} if poisson else {}
    record = sl.simulate(net, x, 16, spikes=True, potentials=True, **options)
    x_t = record.spikes("input") if poisson else np.broadcast_to(x, (16, *x.shape))
    loop = oracles.plain_loop(steps, x_t, reset, v_init)
    for name, theta in oracles.thresholds(steps).items():
        charge = 16 * loop["currents"][name]
        theta = np.reshape(theta, (-1,) + (1,) * (charge.ndim - 2))
        left = charge + v_init * theta - record.potentials(name)[-1]
        overshoot = left - theta * record.counts(name)
        assert (overshoot == 0).all() if reset == "subtract" else (overshoot >= 0).all()


def test_equality_fires():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0)
    assert sl.simulate(net, [[1.0]], 3, spikes=True).spikes("relu").ravel().tolist() == [1, 1, 1]
    half = sl.simulate(net, [[0.5]], 4, spikes=True)
    assert half.spikes("relu").ravel().tolist() == [0, 1, 0, 1]


def test_a_spike_reaches_the_next_layer_in_the_same_step():
    model = nn.Sequential(nn.ReLU(), nn.Identity(), nn.ReLU(), nn.ReLU())
    net = sl.convert(model, [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0)
    record = sl.simulate(net, [[0.5]], 4, spikes=True)
    trains = [record.spikes(name).ravel().tolist() for name in net.layers]
    assert trains == [[0, 1, 0, 1]] * 3


def test_at_most_one_spike_per_step():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    record = sl.simulate(net, [[7.5]], 6, spikes=True, potentials=True)
    assert record.counts("relu").item() == 6
    assert record.potentials("relu")[-1].item() == 0.5 + 6 * 6.5


def test_reset_and_v_init_can_be_set_for_one_run():
    _, x, net = converted(3)
    one_run = sl.simulate(net, x, 10, reset="zero", v_init=0.0)
    replaced = sl.simulate(net.replace(reset="zero", v_init=0.0), x, 10)
    assert (one_run.output_sums == replaced.output_sums).all()
    assert {n.reset for n in one_run.neurons.values()} == {"zero"}
    assert {n.reset for n in net.neurons.values()} == {"subtract"}


def test_the_output_does_not_depend_on_the_order_of_spikes():
    """O28: the read-out accumulates, so shuffled trains give the same logits."""
    rng = np.random.default_rng(0)
    weight, spikes = np.array([1, -2, 0.5]), rng.integers(0, 2, (10, 3))
    assert (spikes @ weight).sum() == (rng.permutation(spikes) @ weight).sum()


def test_float32_and_float64_agree_on_exact_weights():
    _, x, net = converted(5)
    single, double = (sl.simulate(net, x, 30, dtype=d) for d in (torch.float32, torch.float64))
    assert single.output_sums.dtype == np.float32
    assert double.output_sums.dtype == np.float64
    assert (single.output_sums == double.output_sums).all()


def test_analog_is_the_ann():
    steps, x, net = converted(9)
    found = sl.ann(net.to(torch.float64), x)
    currents, output = oracles.ann(steps, x)
    assert (found.outputs == output).all()
    for name in net.layers:
        assert (found.currents[name] == currents[name]).all()
        assert (found.activations[name] == np.maximum(currents[name], 0)).all()


def test_accuracy_over_time_approaches_the_ann(rng):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)
    )
    x = rng.random((200, 8))
    net = sl.convert(model, x, threshold=sl.Percentile(99.9))
    y = sl.ann(net, x).outputs.argmax(1)
    accuracy = sl.simulate(net, x, 512).accuracy(y)
    assert accuracy.shape == (512,)
    assert accuracy[-1] > 0.98
    assert accuracy[-1] > accuracy[0]


def test_progress_counts_every_step_and_shows_only_when_it_takes_long(monkeypatch):
    bars = watch(monkeypatch)
    monkeypatch.setattr(engine, "_BLOCK_STEPS", 1)
    monkeypatch.setattr(engine, "_BLOCK_BYTES", 1)
    _, x, net = converted(2)
    sl.simulate(net, x, 4)
    (bar,) = bars
    assert (bar.planned, bar.n, bar.unit) == (4 * len(x), 4 * len(x), "image steps")
    assert bar.delay >= 1
    assert bar.closed
    assert not bar.leave


def test_work_that_ends_early_leaves_no_red_bar(monkeypatch):
    def interrupted():
        with progress_bar(10, "steps") as bar:
            bar.update(3)
            raise KeyboardInterrupt

    bars = watch(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (bar,) = bars
    assert (bar.planned, bar.total, bar.n, bar.closed) == (10, 3, 3, True)


def test_a_constant_that_is_read_by_a_constant_last_stays_for_the_others():
    """The first ReLU moves and needs the image at every step; 1 - x is the last to read it."""

    class TwoSides(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.ReLU(), nn.ReLU()

        def forward(self, x):
            return self.a(x) + self.b(1 - x)

    x = [[0.25, 0.75]]
    net = sl.convert(TwoSides(), x, threshold=sl.Fixed(1.0))
    record = sl.simulate(net, x, 32)
    assert record.outputs[-1].tolist() == [[1.0, 1.0]]
