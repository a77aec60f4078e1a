"""Brian2 as a second engine: the same spikes as `simulate`, and what it refuses."""

import brian2 as b2
import numpy as np
import pytest
import torch
from helpers import networks, oracles
from helpers.seeds import seeds
from torch import nn

import snnlab as sl
from snnlab import brian
from snnlab.brian import engine, synapses
from snnlab.data import load_digits, train

STEPS = 16


def converted(seed, images=1, **options):
    return networks.converted(seed, images, max_pool=False, **options)[1:]


def both(net, x, timesteps=STEPS, **options):
    kept = dict(spikes=True, potentials=True, at=(3,))
    return (
        sl.simulate(net, x, timesteps, dtype=torch.float64, **kept, **options),
        brian.simulate(net, x, timesteps, **kept, **options),
    )


def assert_equal_records(ours, theirs):
    assert theirs.layers == ours.layers
    assert (theirs.timesteps, theirs.input) == (ours.timesteps, ours.input)
    assert theirs.fingerprint == ours.fingerprint
    for name in ours.totals:
        for step in (3, None):
            assert_same(theirs.counts(name, step), ours.counts(name, step))
        assert_same(theirs.spikes(name), ours.spikes(name))
    for name in ours.layers:
        assert_same(theirs.potentials(name), ours.potentials(name))
    assert_same(theirs.output_sums, ours.output_sums)


def assert_same(theirs, ours):
    assert theirs.dtype == ours.dtype
    assert np.array_equal(theirs, ours)


# --- the same spikes ---------------------------------------------------------------------------


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", seeds(200, fast=5))
def test_spikes_and_potentials_are_those_of_simulate(seed, reset):
    v_init = (0.0, 0.25, 0.5, 0.75)[seed % 4]
    x, net = converted(seed, reset=reset, v_init=v_init)
    ours, theirs = both(net, x)
    assert_equal_records(ours, theirs)


@pytest.mark.slow
def test_the_networks_are_active_and_of_every_kind():
    """Equality would say little about networks that hardly fire, or about chains alone."""
    kinds, firing, spikes = set(), [], 0
    for seed in range(200):
        kinds |= {step.name for step in oracles.random_steps(seed, max_pool=False)}
        x, net = converted(seed)
        record = sl.simulate(net, x, STEPS)
        firing += [(record.counts(name) > 0).mean() for name in net.layers]
        spikes += sum(int(record.counts(name).sum()) for name in net.layers)
    assert kinds == {"conv", "linear", "relu", "add", "cat", "avg_pool", "flatten"}
    assert np.mean(firing) > 0.4
    assert spikes > 100_000


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", seeds(8, fast=3))
def test_poisson_trains_are_those_that_simulate_draws(seed, reset):
    x, net = converted(seed, images=2, reset=reset)
    ours, theirs = both(net, x, input="poisson", seed=seed)
    assert 0 < ours.counts("input").mean() < STEPS
    assert_equal_records(ours, theirs)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_regular_trains_are_those_of_simulate(reset):
    x, net = converted(5, images=2, reset=reset)
    ours, theirs = both(net, x, input="regular")
    assert ours.counts("input").any()
    assert_equal_records(ours, theirs)


def test_recorded_trains_are_replayed():
    x, net = converted(3, images=2)
    ours = sl.simulate(net, x, STEPS, dtype=torch.float64, input="poisson", seed=5, spikes=True)
    trains = ours.spikes("input")
    theirs = brian.simulate(net, x, STEPS, input=trains, spikes=True)
    for name in ["input", *net.layers]:
        assert_same(theirs.spikes(name), ours.spikes(name))
        assert_same(theirs.counts(name), ours.counts(name))
    other = brian.simulate(net, x, STEPS, input=1 - trains)
    assert not np.array_equal(other.counts(0), ours.counts(0))


def test_images_run_one_after_the_other_without_traces():
    x, net = converted(1, images=3)
    together = brian.simulate(net, x, STEPS, potentials=True)
    for b in (0, 2):
        alone = brian.simulate(net, x[b : b + 1], STEPS, potentials=True)
        for name in net.layers:
            assert_same(alone.counts(name), together.counts(name)[b : b + 1])
            assert_same(alone.potentials(name), together.potentials(name)[:, b : b + 1])
        assert_same(alone.output_sums, together.output_sums[:, b : b + 1])


def test_settings_of_the_run_are_those_of_simulate():
    x, net = converted(2)
    ours, theirs = both(net, x, reset="zero", v_init=0.25)
    assert_equal_records(ours, theirs)
    assert theirs.neurons["relus.1"].reset == "zero"
    assert not np.array_equal(theirs.counts(0), brian.simulate(net, x, STEPS).counts(0))


@pytest.mark.parametrize("counts", [False, [0], ["input"]])
def test_counts_are_kept_of_the_layers_that_are_named(counts):
    chosen = {"timesteps": 4, "input": "poisson", "seed": 0, "counts": counts, "at": [2]}
    x, net = converted(2)
    theirs = brian.simulate(net, x, **chosen)
    ours = sl.simulate(net, x, dtype=torch.float64, **chosen)
    for kept, expected in ((theirs.totals, ours.totals), (theirs.at[2], ours.at[2])):
        assert list(kept) == list(expected)
        assert all((kept[name] == expected[name]).all() for name in kept)
    assert_same(theirs.outputs, ours.outputs)


def test_only_what_is_asked_for_is_recorded(monkeypatch):
    x, net = converted(2)
    first, last = net.layers[0], net.layers[-1]
    kept = dict(spikes=[last], potentials=[first])
    monitored = []
    run = engine.BrianEngine.run

    def spied(self, currents, trains, timesteps, potentials):
        monitored.extend(potentials)
        return run(self, currents, trains, timesteps, potentials)

    monkeypatch.setattr(engine.BrianEngine, "run", spied)
    ours = sl.simulate(net, x, STEPS, dtype=torch.float64, **kept)
    theirs = brian.simulate(net, x, STEPS, **kept)
    assert monitored == [first]
    assert_same(theirs.spikes(last), ours.spikes(last))
    assert_same(theirs.potentials(first), ours.potentials(first))
    assert list(theirs.recorded_spikes) == list(ours.recorded_spikes) == [last]
    assert list(theirs.recorded_potentials) == list(ours.recorded_potentials) == [first]


def test_a_record_can_be_split_into_its_errors():
    x, net = converted(4, images=2)
    ours, theirs = both(net, x)
    report, expected = sl.decompose(net, x, theirs), sl.decompose(net, x, ours)
    assert report.rms() == expected.rms()
    assert report.rms()["relus.1"]["total"] > 0


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(32, 4), nn.ReLU()),
        nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)),
        nn.Sequential(nn.Flatten(), nn.Linear(32, 4), nn.ReLU6(), nn.Linear(4, 2)),
    ],
    ids=["ends in neurons", "begins with neurons", "a cap"],
)
def test_ends_and_caps(model):
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randint(-8, 9, parameter.shape, generator=generator) / 16
    x = oracles.images(0, 2)
    net = sl.convert(model, x, threshold=sl.Fixed(0.75))
    ours, theirs = both(net, x)
    assert ours.counts(0).sum() > 0
    assert_equal_records(ours, theirs)


def test_thresholds_that_differ_by_channel():
    x, net = converted(0)
    theta = np.array([0.25, 1.0, 4.0])
    changed = net.replace("relus.1", threshold=theta)
    ours, theirs = both(changed, x)
    assert_equal_records(ours, theirs)
    assert not np.array_equal(theirs.counts(0), brian.simulate(net, x, STEPS).counts(0))


@pytest.mark.slow
def test_a_trained_network_differs_in_next_to_no_spike(record_property):
    """Sums in another order round otherwise; a neuron on the edge of its threshold may tip."""
    digits = load_digits()
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    model = train(model, digits.x_train, digits.y_train, epochs=2)
    net = sl.convert(model, digits.x_train)
    ours, theirs = both(net, digits.x_test[:4], timesteps=100)
    differing = sum(int((ours.spikes(n) != theirs.spikes(n)).sum()) for n in net.layers)
    possible = sum(ours.spikes(n).size for n in net.layers)
    record_property("differing spikes", f"{differing} of {possible}")
    assert sum(ours.counts(n).sum() for n in net.layers) > 1000
    assert differing < possible / 10_000
    np.testing.assert_allclose(theirs.outputs[-1], ours.outputs[-1], atol=0.1)


# --- Brian2's own order ------------------------------------------------------------------------


def brian_order(steps, x, timesteps, reset, v_init):
    """A plain loop in Brian2's order: all fire, all send, all reset. For chains of layers.

    `steps` is a list of (weight, bias, threshold); the last has no threshold.
    """
    v = [v_init * np.broadcast_to(theta or 0.0, bias.shape) for _, bias, theta in steps]
    trains = [[] for _ in steps[:-1]]
    for _ in range(timesteps):
        v = [
            v[k] + bias + (weight @ x if k == 0 else 0) for k, (weight, bias, _) in enumerate(steps)
        ]
        fired = [v[k] >= theta for k, (_, _, theta) in enumerate(steps[:-1])]
        for k, (_, _, theta) in enumerate(steps[:-1]):
            v[k + 1] = v[k + 1] + steps[k + 1][0] @ (theta * fired[k])
        for k, (_, _, theta) in enumerate(steps[:-1]):
            v[k] = np.where(fired[k], v[k] - theta if reset == "subtract" else 0.0, v[k])
            trains[k].append(fired[k])
    return [np.array(train) for train in trains], v[-1]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_brians_own_schedule_lets_every_layer_lag(reset):
    rng = np.random.default_rng(0)
    sizes, thetas = [6, 8, 7, 3], [0.5, 1.0, None]
    steps = [
        (oracles.dyadic(rng, (n, m), -0.5, 1), oracles.dyadic(rng, n, -0.25, 0.5), theta)
        for m, n, theta in zip(sizes, sizes[1:], thetas, strict=False)
    ]
    layers = []
    for weight, bias, theta in steps:
        linear = nn.Linear(*weight.shape[::-1])
        linear.weight.data, linear.bias.data = (
            torch.tensor(weight).float(),
            torch.tensor(bias).float(),
        )
        layers += [linear] + ([nn.ReLU()] if theta else [])
    x = oracles.dyadic(rng, (1, 6), 0, 1)
    net = sl.convert(
        nn.Sequential(*layers), x, threshold=sl.Fixed({"1": 0.5, "3": 1.0}), reset=reset, v_init=0.5
    )
    trains, output = brian_order(steps, x[0], STEPS, reset, 0.5)
    lagging = brian.simulate(net, x, STEPS, spikes=True, schedule="brian")
    for name, expected in zip(net.layers, trains, strict=True):
        assert np.array_equal(lagging.spikes(name)[:, 0], expected)
    assert np.array_equal(lagging.output_sums[-1, 0], output)
    ours, layered = both(net, x)
    assert_equal_records(ours, layered)
    assert np.array_equal(lagging.spikes("1"), ours.spikes("1"))
    assert not np.array_equal(lagging.spikes("3"), ours.spikes("3"))


# --- refusals ----------------------------------------------------------------------------------


def message(kind, call):
    with pytest.raises(kind) as refused:
        call()
    return str(refused.value)


def test_max_pooling_is_refused_by_name():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    net = sl.convert(model, oracles.images(0), threshold=sl.Fixed(1.0))
    for call in (
        lambda: brian.simulate(net, oracles.images(0), 4),
        lambda: brian.connections(net, 0),
    ):
        text = message(sl.UnsupportedLayerError, call)
        assert "'2'" in text
        assert "AvgPool2d" in text or "average pooling" in text
        assert "snnlab.simulate" in text


def test_too_many_synapses_are_refused_with_their_number():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(32, 100), nn.ReLU(), nn.Linear(100, 200), nn.ReLU()
    )
    net = sl.convert(model, oracles.images(0), threshold=sl.Fixed(1.0))
    call = lambda memory: brian.simulate(net, oracles.images(0), 4, memory=memory)  # noqa: E731
    text = message(sl.MemoryBudgetError, lambda: call(10**6))
    # 100 x 200 between the layers, and one from each of the 200 neurons to the output.
    assert "20,200 synapses, 20,000 of them from '2'" in text
    needed = int(text.split("memory=")[1].rstrip("."))
    assert call(needed).timesteps == 4
    assert "memory" in message(sl.MemoryBudgetError, lambda: call(needed - 1))


def test_the_estimate_of_synapses_is_near_their_number():
    for seed in range(20):
        _, net = converted(seed)
        graph = synapses.affine_graph(net)
        for source in synapses.sources(graph):
            exact = sum(m.nnz for m in synapses.matrices_from(graph, source).values())
            assert synapses.count_synapses(graph, source) == pytest.approx(exact, rel=0.35, abs=10)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"schedule": "layer"}, sl.OptionError, "'layers' or 'brian'. Did you mean 'layers'?"),
        ({"target": "cpp"}, sl.OptionError, "'numpy' or 'cython'"),
        ({"input": "poison"}, sl.OptionError, "Did you mean 'poisson'?"),
        ({"input": np.zeros((4, 1, 2, 4))}, sl.ShapeError, "trains of shape (4, 1, 2, 4, 4)"),
        ({"input": np.full((4, 1, 2, 4, 4), 0.5)}, sl.ShapeError, "trains hold 0.5"),
        ({"input": None}, sl.ShapeError, "found NoneType"),
        ({"v_init": 2.0}, sl.OptionError, "v_init"),
        ({"reset": "soft"}, sl.OptionError, "reset"),
        ({"at": [9]}, sl.OptionError, "at"),
        ({"spikes": ["nowhere"]}, sl.OptionError, "nowhere"),
        ({"timesteps": 0}, sl.OptionError, "timesteps"),
        ({"timesteps": -3}, sl.OptionError, "timesteps"),
        ({"x": [[1.0]]}, sl.ShapeError, "expected (2, 4, 4)"),
        ({"network": nn.ReLU()}, sl.OptionError, "expected a Network"),
        ({"memory": 100}, sl.MemoryBudgetError, "memory"),
        ({"input": "poisson", "x": np.full((1, 2, 4, 4), 2.0)}, sl.OptionError, "probability"),
    ],
)
def test_what_is_wrong_is_said(options, kind, words, capfd):
    x, net = converted(0)
    arguments = {"network": net, "x": x, "timesteps": 4} | options
    assert words in message(kind, lambda: brian.simulate(**arguments))
    assert capfd.readouterr().err == ""


def test_nothing_of_the_user_is_changed():
    x, net = converted(0, images=2)
    before = x.copy(), net.graph.dtype, dict(net.thresholds)
    prefs, clock = b2.prefs.as_file, b2.defaultclock.dt
    random = b2.get_device().get_random_state()["numpy_state"]
    first = brian.simulate(net, x, 5)
    second = brian.simulate(net, x, 5)
    assert np.array_equal(x, before[0])
    assert net.graph.dtype == before[1]
    assert dict(net.thresholds) == before[2]
    assert b2.prefs.as_file == prefs
    assert b2.defaultclock.dt == clock
    assert str(b2.get_device().get_random_state()["numpy_state"]) == str(random)
    assert_same(first.counts(0), second.counts(0))


def test_names_in_the_notebook_do_not_matter():
    x, net = converted(0)
    expected = brian.simulate(net, x, 5)
    v = current = w = v_threshold = dt = v_post = N = 17 * b2.mV  # noqa: F841
    assert_same(brian.simulate(net, x, 5).output_sums, expected.output_sums)
