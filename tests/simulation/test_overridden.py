"""Layers that pass on given values in place of spikes, against a second loop in numpy."""

import numpy as np
import pytest
import torch
from helpers import networks, oracles
from helpers.seeds import seeds

import snnlab as sl
from snnlab._text import GIB
from snnlab.analysis.mean_currents import mean_currents
from snnlab.simulation import engine
from snnlab.simulation.options import RunOptions

T = 16


def converted(seed, **options):
    steps, x, net = networks.converted(seed, **options)
    return steps, x, net.to(torch.float64)


def run_overridden(net, x, overridden, timesteps=T, memory=GIB):
    """What `engine.run` records when layers are overridden."""
    options = RunOptions(timesteps=timesteps, memory=memory)
    net, x = options.apply(net, x)
    constant = {name: torch.from_numpy(values) for name, values in overridden.items()}
    return engine.run(net, x, options, constant)


def output_sums(*given, **options):
    return run_overridden(*given, **options).output_sums


def overridden_loop(steps, x, overridden, reset="subtract", v_init=0.5, timesteps=T):
    """As `oracles.plain_loop`, but overridden layers pass on their values at every step."""
    v, charge, outputs = {}, {}, []
    for _ in range(timesteps):
        values = [x]
        for i, step in enumerate(steps):
            a = values[step.sources[0]]
            if step.name == "relu" and f"relus.{i}" in overridden:
                values.append(overridden[f"relus.{i}"])
            elif step.name == "relu":
                theta = np.reshape(step.threshold, (-1,) + (1,) * (a.ndim - 2))
                v[i] = v.get(i, v_init * theta) + a
                spike = v[i] >= theta
                v[i] = np.where(spike, v[i] - theta if reset == "subtract" else 0.0, v[i])
                values.append(spike * theta)
            elif step.name == "max_pool":
                before = charge.get(i, np.zeros_like(a))
                charge[i] = before + a
                values.append(oracles._pool(charge[i], np.max) - oracles._pool(before, np.max))
            else:
                values.append(oracles._affine(step, a, [values[j] for j in step.sources]))
        outputs.append(values[-1])
    return np.cumsum(outputs, 0)


def any_values(net, layer, images, seed=0):
    return oracles.dyadic(np.random.default_rng(seed), (images, *net.shape(layer)), 0, 2)


def read_by_the_output(steps, overridden):
    """The layers that are simulated when some are overridden: those that the output reads."""
    read, todo = set(), [len(steps)]
    while todo:
        i = todo.pop() - 1  # value i is made by step i - 1; value 0 is the input
        if i < 0 or i in read:
            continue
        read.add(i)
        todo += [] if f"relus.{i}" in overridden else steps[i].sources
    return [f"relus.{i}" for i in sorted(read) if steps[i].name == "relu"]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", seeds(20, fast=6))
def test_each_layer_held_equals_a_plain_loop(seed, reset):
    v_init = [0, 0.25, 0.5, 0.75][seed % 4]
    steps, x, net = converted(seed, reset=reset, v_init=v_init)
    free = output_sums(net, x, {})
    assert (free == overridden_loop(steps, x, {}, reset, v_init)).all()
    assert (free == sl.simulate(net, x, T).output_sums).all()
    for name in net.layers:
        overridden = {name: any_values(net, name, len(x))}
        found = output_sums(net, x, overridden)
        assert (found == overridden_loop(steps, x, overridden, reset, v_init)).all(), name
        # Seed 14 has a silent layer, whatever comes before it.
        assert (found != free).any() or seed == 14, name


def test_the_networks_are_of_every_kind():
    kinds = {step.name for seed in range(20) for step in converted(seed)[0]}
    assert kinds >= {"add", "cat", "avg_pool", "max_pool"}


@pytest.mark.parametrize("seed", seeds(20, fast=6))
def test_several_layers_held_equal_a_plain_loop(seed):
    steps, x, net = converted(seed)
    overridden = {name: any_values(net, name, len(x), i) for i, name in enumerate(net.layers[::2])}
    assert (output_sums(net, x, overridden) == overridden_loop(steps, x, overridden)).all()


@pytest.mark.parametrize("seed", seeds(20, fast=6))
def test_holding_what_a_constant_train_passes_on_changes_nothing(seed):
    """With θ = 1/256, the grid of its currents, a neuron of the first layer fires always or never.

    Its φ is then what it passes on at every step.
    """
    _, x, net = converted(seed)
    net = net.replace(0, threshold=1 / 256, v_init=0.0)
    record = sl.simulate(net, x, T, spikes=[0])
    trains = record.spikes(0)
    assert (trains == trains[0]).all()
    assert 0 < trains.mean() < 1
    phi = record.counts(0) / 256 / T
    assert (output_sums(net, x, {net.layers[0]: phi}) == record.output_sums).all()


def test_holding_what_an_uneven_train_passes_on_changes_something():
    _, x, net = converted(1)
    record = sl.simulate(net, x, T)
    theta = oracles.thresholds(converted(1)[0])[net.layers[1]]
    counts = record.counts(1)
    phi = np.reshape(theta, (-1,) + (1,) * (counts.ndim - 2)) * counts / T
    assert (output_sums(net, x, {net.layers[1]: phi}) != record.output_sums).any()


@pytest.mark.parametrize(("block_bytes", "block_steps"), [(1, 1), (2000, 3), (20000, 7)])
@pytest.mark.parametrize("seed", range(0, 20, 3))
def test_blocks_of_images_and_steps_change_nothing(monkeypatch, seed, block_bytes, block_steps):
    _, x, net = converted(seed)
    for name in net.layers:
        overridden = {name: any_values(net, name, len(x))}
        whole = output_sums(net, x, overridden)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "_BLOCK_BYTES", block_bytes)
            patch.setattr(engine, "_BLOCK_STEPS", block_steps)
            assert (output_sums(net, x, overridden) == whole).all(), name


def test_little_memory_changes_nothing():
    steps = oracles.random_steps(3)
    x = oracles.images(3, batch=40)
    rule = sl.Fixed(oracles.thresholds(steps))
    net = sl.convert(oracles.Torch(steps), x, threshold=rule).to(torch.float64)
    overridden = {net.layers[1]: any_values(net, 1, len(x))}
    whole = output_sums(net, x, overridden)
    little = 100_000
    blocks = engine.Engine(net, False, overridden).blocks(len(x), T, little)
    assert blocks.images * blocks.steps < len(x) * T
    assert (output_sums(net, x, overridden, memory=little) == whole).all()


@pytest.mark.parametrize("seed", seeds(20, fast=6))
def test_only_what_the_output_reads_is_simulated(monkeypatch, seed):
    steps, x, net = converted(seed)
    made = []

    class Counted(engine.IFLayer):
        def __init__(self, neuron, *given):
            made.append(neuron)
            super().__init__(neuron, *given)

    monkeypatch.setattr(engine, "IFLayer", Counted)
    for name in net.layers:
        made.clear()
        record = run_overridden(net, x, {name: any_values(net, name, len(x))})
        simulated = [layer for layer in read_by_the_output(steps, {name}) if layer != name]
        assert [id(neuron) for neuron in made] == [id(net.neurons[n]) for n in simulated], name
        counts = sl.simulate(net, x, T).totals
        upstream = [n for n in simulated if n in net.layers[: net.layers.index(name)]]
        for layer in upstream:  # read past the overridden layer, by a skip
            assert (record.counts(layer) == counts[layer]).all()


def test_the_last_layer_held_leaves_a_single_affine_map():
    steps, x, net = converted(0)
    values = any_values(net, -1, len(x))
    once = values @ steps[-1].weight.T + steps[-1].bias
    found = output_sums(net, x, {net.layers[-1]: values})
    assert (found == once * np.arange(1, T + 1)[:, None, None]).all()


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", seeds(20, fast=6))
def test_mean_currents_are_those_of_a_plain_loop(seed, reset):
    """T is a power of 2 and all is dyadic."""
    steps, x, net = converted(seed, reset=reset)
    found = mean_currents(net, torch.from_numpy(x), sl.simulate(net, x, T))
    expected = oracles.plain_loop(steps, np.broadcast_to(x, (T, *x.shape)), reset, 0.5)["currents"]
    assert list(found) == list(expected)
    for name, currents in expected.items():
        assert (found[name] == currents).all(), name
