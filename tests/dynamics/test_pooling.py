import copy
import itertools

import numpy as np
import pytest
import torch
from helpers import oracles
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab.analysis.mean_currents import mean_currents
from snnlab.dynamics import pooling
from snnlab.exceptions import OptionError, UnsupportedLayerError
from snnlab.simulation import engine

GATES = ["gate", "gate_recent"]
DECAY = {"gate": 1.0, "gate_recent": 0.9}
RESETS = ["subtract", "zero"]


class Calls(nn.Module):
    """A function as a module."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.function(self, x)


def pool_of(function, shape, how, **layers):
    """What the package puts in place of the one max pooling of a model."""
    graph = sl.trace(Calls(function, **layers), torch.zeros(1, *shape, dtype=torch.float64))
    (node,) = graph.pools.values()
    return pooling.max_pool(node, graph, how)


def over_inputs(trains, how):
    """What is passed on of trains, shape (N, inputs, T), pooled over the inputs; shape (N, T)."""
    trains = torch.tensor(trains, dtype=torch.float64)
    n, inputs, steps = trains.shape
    pool = pool_of(lambda _, x: F.max_pool1d(x, inputs), (1, inputs), how)
    block = trains.permute(2, 0, 1).reshape(steps * n, 1, inputs)
    return pool.step(block, steps).reshape(steps, n).T.numpy()


def windows_along(length, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Along one dimension, the places that each output looks at; the definition of torch."""
    stride = stride or kernel
    room = length + 2 * padding - dilation * (kernel - 1) - 1
    outputs = (-(-room // stride) if ceil_mode else room // stride) + 1
    starts = [o * stride - padding for o in range(outputs)]
    starts = [s for s in starts if s < length or not ceil_mode]
    places = [[s + j * dilation for j in range(kernel)] for s in starts]
    return [[i for i in window if 0 <= i < length] for window in places]


def adaptive_along(length, outputs):
    ends = [(o * length // outputs, -(-(o + 1) * length // outputs)) for o in range(outputs)]
    return [list(range(*end)) for end in ends]


def gate_loop(x_t, along, decay):
    """A gate in plain numpy, window by window; `x_t` has shape (T, B, C, ...).

    `along` holds the windows along each dimension.
    """
    estimate, outputs = np.zeros_like(x_t[0]), []
    shape = [len(windows) for windows in along]
    for x in x_t:
        estimate = (estimate * decay + x).astype(x_t.dtype)
        out = np.empty((*x.shape[:2], *shape), x_t.dtype)
        for b, c, *at in np.ndindex(out.shape):
            window = itertools.product(*(w[i] for w, i in zip(along, at, strict=True)))
            best = None
            for place in window:
                if best is None or estimate[b, c][place] > estimate[b, c][best]:
                    best = place
            out[(b, c, *at)] = x[b, c][best]
        outputs.append(out)
    return np.array(outputs)


def test_o23_the_gate_sends_4_where_the_maximum_is_3():
    """Trains A = 100100 and B = 011001."""
    trains = [[[1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 1]]]
    assert over_inputs(trains, "exact").tolist() == [[1, 0, 1, 0, 0, 1]]
    assert over_inputs(trains, "gate").tolist() == [[1, 0, 1, 1, 0, 1]]
    swapped = [trains[0][::-1]]
    assert over_inputs(swapped, "exact").sum() == 3
    assert over_inputs(swapped, "gate").tolist() == [[1, 1, 1, 0, 0, 1]]


def test_the_first_input_counts_at_a_tie():
    """O23: step 2 and 4 are ties, where the first input is silent or the second would be."""
    assert over_inputs([[[1, 0], [0, 1]]], "gate").tolist() == [[1, 0]]
    assert over_inputs([[[0, 1], [1, 0]]], "gate").tolist() == [[1, 1]]
    # Three inputs at once, of which the middle and the last lead together.
    trains = [[[0, 0, 0], [1, 0, 1], [1, 0, 0]], [[0, 0, 0], [1, 0, 0], [1, 0, 1]]]
    assert over_inputs(trains, "gate").tolist() == [[1, 0, 1], [1, 0, 1]]
    trains = [[[0.0, 0], [1, 0], [1, 0.5]], [[0, 0.5], [1, 0], [1, 0]]]
    assert over_inputs(trains, "gate").tolist() == [[1, 0.5], [1, 0]]


def test_a_gate_that_forgets_follows_a_new_leader():
    """A = 1110000, B = 0001111; after 5 steps A has 0.9² · 2.71 = 2.195 against B's 1.9.

    After 6 steps 1.976 against 2.71; the gate that does not forget has 3 against 3.
    """
    trains = [[[1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1]]]
    assert over_inputs(trains, "exact").tolist() == [[1, 1, 1, 0, 0, 0, 1]]
    assert over_inputs(trains, "gate").tolist() == [[1, 1, 1, 0, 0, 0, 1]]
    assert over_inputs(trains, "gate_recent").tolist() == [[1, 1, 1, 0, 0, 1, 1]]


def test_what_is_forgotten_in_a_step_is_a_tenth():
    """After 7 silent steps a spike counts 0.478, after 6 steps 0.531: against half a spike."""
    for silent, passed in [(6, 0.0), (7, 0.5)]:
        trains = [[[1, *[0] * silent], [0, *[0] * (silent - 1), 0.5]]]
        assert over_inputs(trains, "gate_recent")[0, -1] == passed
        assert over_inputs(trains, "gate")[0, -1] == 0


def test_o23_the_gate_never_sends_less_than_the_maximum(rng):
    """The 5000 random trains of O23; the exact pool never differs, the gate in 64 % of them."""
    trains = rng.integers(0, 2, (5000, 4, 12))
    maximum = trains.sum(2).max(1)
    assert (over_inputs(trains, "exact").sum(1) == maximum).all()
    excess = over_inputs(trains, "gate").sum(1) - maximum
    assert excess.min() == 0
    assert 0.6 < (excess > 0).mean() < 0.68
    # Nor more than if a spike passed whenever any input spikes.
    assert (excess <= trains.max(1).sum(1) - maximum).all()


@pytest.mark.slow
@given(seed=st.integers(0, 10**6), inputs=st.integers(1, 6), steps=st.integers(1, 30))
def test_the_gate_never_lags_behind_the_maximum_at_any_step(seed, inputs, steps):
    """For real numbers of any sign: the new maximum is at most the old one plus what passes."""
    trains = oracles.dyadic(np.random.default_rng(seed), (3, inputs, steps), -1, 2)
    maximum = trains.cumsum(2).max(1)
    assert (over_inputs(trains, "gate").cumsum(1) >= maximum).all()
    assert (over_inputs(trains, "exact").cumsum(1) == maximum).all()


CASES = {
    "1d": (lambda s, x: s.pool(x), (2, 9), nn.MaxPool1d(3), [(3,)]),
    "1d stride": (lambda s, x: s.pool(x), (2, 9), nn.MaxPool1d(3, 1, 1), [(3, 1, 1)]),
    "1d ceil": (
        lambda s, x: s.pool(x),
        (1, 10),
        nn.MaxPool1d(3, ceil_mode=True),
        [(3, 3, 0, 1, True)],
    ),
    "1d function": (lambda _, x: F.max_pool1d(x, 2, stride=3), (2, 9), None, [(2, 3)]),
    "1d dilated": (lambda _, x: F.max_pool1d(x, 3, 1, 1, 2), (2, 9), None, [(3, 1, 1, 2)]),
    "1d of torch": (lambda _, x: torch.max_pool1d(x, 2, 1), (2, 5), None, [(2, 1)]),
    "2d": (lambda s, x: s.pool(x), (2, 4, 6), nn.MaxPool2d(2), [(2,), (2,)]),
    "2d all": (
        lambda s, x: s.pool(x),
        (2, 7, 8),
        nn.MaxPool2d((3, 2), (2, 3), (1, 0), (1, 2), ceil_mode=True),
        [(3, 2, 1, 1, True), (2, 3, 0, 2, True)],
    ),
    "2d function": (lambda _, x: F.max_pool2d(x, 3, 2, 1), (2, 5, 5), None, [(3, 2, 1)] * 2),
    "2d keywords": (
        lambda _, x: F.max_pool2d(
            input=x, kernel_size=2, stride=(1, 2), padding=1, dilation=2, ceil_mode=True
        ),
        (1, 5, 6),
        None,
        [(2, 1, 1, 2, True), (2, 2, 1, 2, True)],
    ),
    "2d positions": (
        lambda _, x: F.max_pool2d(x, (2, 3), None, 0, 1, True, False),
        (2, 5, 4),
        None,
        [(2, 2, 0, 1, True), (3, 3, 0, 1, True)],
    ),
    "2d named return": (
        lambda _, x: F.max_pool2d(x, 2, return_indices=False),
        (2, 4, 4),
        None,
        [(2,), (2,)],
    ),
    "2d of torch": (lambda _, x: torch.max_pool2d(x, 2, stride=1), (2, 3, 4), None, [(2, 1)] * 2),
    "3d": (lambda s, x: s.pool(x), (1, 4, 3, 4), nn.MaxPool3d(2, 1), [(2, 1)] * 3),
    "3d function": (
        lambda _, x: F.max_pool3d(x, (1, 2, 3), 2, (0, 1, 1)),
        (2, 3, 4, 5),
        None,
        [(1, 2), (2, 2, 1), (3, 2, 1)],
    ),
    "adaptive 1d": (lambda s, x: s.pool(x), (2, 7), nn.AdaptiveMaxPool1d(3), [3]),
    "adaptive 2d": (lambda s, x: s.pool(x), (2, 5, 7), nn.AdaptiveMaxPool2d((2, 3)), [2, 3]),
    "adaptive 2d function": (lambda _, x: F.adaptive_max_pool2d(x, 1), (3, 4, 5), None, [1, 1]),
    "adaptive 1d function": (
        lambda _, x: F.adaptive_max_pool1d(x, output_size=4),
        (3, 6),
        None,
        [4],
    ),
    "adaptive 3d": (lambda s, x: s.pool(x), (1, 4, 3, 5), nn.AdaptiveMaxPool3d(2), [2, 2, 2]),
    "adaptive 3d function": (
        lambda _, x: F.adaptive_max_pool3d(x, (2, 1, 2)),
        (1, 4, 3, 4),
        None,
        [2, 1, 2],
    ),
}


def along_of(shape, options):
    return [
        adaptive_along(length, option)
        if isinstance(option, int)
        else windows_along(length, *option)
        for length, option in zip(shape[1:], options, strict=True)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("how", GATES)
@pytest.mark.parametrize("case", CASES)
def test_gates_equal_a_plain_loop(case, how, dtype):
    function, shape, module, options = CASES[case]
    layers = {} if module is None else {"pool": module}
    pool = pool_of(function, shape, how, **layers)
    rng = np.random.default_rng(len(case))
    # Often 0 and few other values, so that there are ties.
    x_t = torch.tensor(rng.choice([0, 0, 0, 0.25, 0.5, 1], (9, 2, *shape)), dtype=dtype)
    expected = gate_loop(x_t.numpy(), along_of(shape, options), DECAY[how])
    found = [pool.step(x_t[:4].flatten(0, 1), 4), pool.step(x_t[4:].flatten(0, 1), 5)]
    found = torch.cat(found).unflatten(0, (9, 2))
    assert found.dtype == dtype
    assert (found.numpy() == expected).all()
    assert (pool.sum.numpy() == expected.sum(0)).all()
    if module is not None:
        assert module.return_indices is False


@pytest.mark.parametrize("how", GATES)
def test_the_memory_order_of_an_image_changes_nothing(how, rng):
    x = torch.tensor(rng.choice([0, 0, 0.5, 1], (12, 3, 4, 4)))
    pools = [pool_of(lambda _, x: F.max_pool2d(x, 2), (3, 4, 4), how) for _ in range(2)]
    last = x.contiguous(memory_format=torch.channels_last)
    assert (pools[0].step(x, 6) == pools[1].step(last, 6)).all()


def images(seed=0, batch=3):
    return oracles.dyadic(np.random.default_rng(seed), (batch, 2, 4, 4), 0, 1)


THETAS = {"relu1": np.array([0.5, 1.0, 0.75]), "relu2": 0.75}


class Small(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(3, 4, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.fc = nn.Linear(4, 3)
        rng = np.random.default_rng(seed)
        for parameter in self.parameters():
            value = oracles.dyadic(rng, parameter.shape, -0.5, 0.5)
            parameter.data = torch.tensor(value, dtype=torch.float32)

    def forward(self, x):
        x = self.relu2(self.conv2(self.pool(self.relu1(self.conv1(x)))))
        return self.fc(torch.flatten(F.max_pool2d(x, 2), 1))


def small(seed=0, **options):
    return sl.convert(Small(seed), images(seed), threshold=sl.Fixed(THETAS), **options)


def step_by_step(seed, timesteps, reset, v_init, how, dtype=torch.float64):
    """The small network in plain loops: trains, what gates pass on, and accumulated outputs.

    In `dtype` are only the estimates of the gates; everything else is exact.
    """
    model, halves = Small(seed).double(), [[[0, 1], [2, 3]]] * 2
    x, real = torch.tensor(images(seed)), {torch.float32: "f4", torch.float64: "f8"}[dtype]

    def neurons(name, z_t):
        theta = np.reshape(THETAS[name], (-1, 1, 1)) if np.ndim(THETAS[name]) else THETAS[name]
        v, spikes = v_init * theta, []
        for z in z_t:
            v = v + z
            spikes.append(v >= theta)
            v = v - theta * spikes[-1] if reset == "subtract" else np.where(spikes[-1], 0, v)
        return np.array(spikes), theta * np.array(spikes)

    with torch.no_grad():
        z = model.conv1(x).numpy()
        relu1, emitted = neurons("relu1", [z] * timesteps)
        pool = gate_loop(emitted.astype(real), halves, DECAY[how]).astype(float)
        z_t = model.conv2(torch.tensor(pool).flatten(0, 1)).unflatten(0, (timesteps, -1))
        relu2, emitted = neurons("relu2", z_t.numpy())
        last = gate_loop(emitted.astype(real), [[[0, 1]]] * 2, DECAY[how]).astype(float)
        outputs = model.fc(torch.tensor(last).flatten(2)).numpy()
    return {
        "spikes": {"relu1": relu1, "relu2": relu2},
        "pooled": {"pool": pool, "max_pool": last},
        "currents": {"relu1": z, "relu2": z_t.numpy()},
        "output_sums": outputs.cumsum(0),
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("reset", "v_init"), [("subtract", 0.5), ("zero", 0), ("subtract", 0.25)])
@pytest.mark.parametrize("how", GATES)
@pytest.mark.parametrize("seed", range(3))
def test_a_network_with_gates_equals_a_plain_loop(seed, how, reset, v_init, dtype):
    net = small(seed, max_pool=how, reset=reset, v_init=v_init)
    record = sl.simulate(net, images(seed), 20, spikes=True, at=(1, 7), dtype=dtype)
    expected = step_by_step(seed, 20, reset, v_init, how, dtype)
    for name, spikes in expected["spikes"].items():
        assert (record.spikes(name) == spikes).all(), name
    assert (record.output_sums == expected["output_sums"]).all()
    assert list(record.pooled) == [1, 7, 20]
    for step, pools in record.pooled.items():
        assert list(pools) == ["pool", "max_pool"]
        for name, sums in pools.items():
            assert (sums == expected["pooled"][name][:step].sum(0)).all(), (step, name)


def test_the_small_networks_are_active_and_their_gates_matter():
    for seed in range(3):
        found = [step_by_step(seed, 20, "subtract", 0.5, how) for how in GATES]
        for run in found:
            assert all(0.05 < spikes.mean() < 0.95 for spikes in run["spikes"].values())
        record = sl.simulate(small(seed), images(seed), 20)
        sums = [record.output_sums, *(run["output_sums"] for run in found)]
        assert all((a != b).any() for a, b in itertools.combinations(sums, 2))


@pytest.mark.slow
@given(
    seed=st.integers(0, 4),
    how=st.sampled_from(["exact", *GATES]),
    steps_together=st.integers(1, 9),
    block_bytes=st.sampled_from([1, 500, 4000, 2**24]),
    timesteps=st.integers(1, 20),
)
def test_block_sizes_change_nothing(seed, how, steps_together, block_bytes, timesteps):
    net, x = small(seed, max_pool=how), images(seed)
    at = (1, (timesteps + 1) // 2)
    whole = sl.simulate(net, x, timesteps, spikes=True, at=at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_BLOCK_STEPS", steps_together)
        patch.setattr(engine, "_BLOCK_BYTES", block_bytes)
        parts = sl.simulate(net, x, timesteps, spikes=True, at=at)
    assert (parts.output_sums == whole.output_sums).all()
    for name in net.layers:
        assert (parts.spikes(name) == whole.spikes(name)).all()
    steps = [] if how == "exact" else sorted({*at, timesteps})
    assert list(parts.pooled) == list(whole.pooled) == steps
    for step, pools in whole.pooled.items():
        for name, sums in pools.items():
            assert (parts.pooled[step][name] == sums).all()


def test_an_exact_pool_leaves_no_sums_behind():
    record = sl.simulate(small(), images(), 8, at=(4,))
    assert record.pooled == {}
    report = sl.decompose(small(), images(), record)
    assert list(report.parts) == ["relu1", "relu2", "output"]
    assert not any("pooling" in parts for parts in report.parts.values())


def test_poisson_trains_are_pooled_by_gates_too():
    """A pool that reads the input."""
    model = Calls(lambda s, x: s.fc(F.relu(s.pool(x)).flatten(1)), pool=nn.MaxPool2d(2))
    model.fc = nn.Linear(8, 3)
    net = sl.convert(model, images(), threshold=sl.Fixed(1.0), max_pool="gate")
    record = sl.simulate(net, images(), 12, input="poisson", seed=0, spikes=["input"])
    trains = record.spikes("input").astype(np.float32)
    expected = gate_loop(trains, [[[0, 1], [2, 3]]] * 2, 1.0).sum(0)
    assert (record.pooled[12]["pool"] == expected).all()
    report = sl.decompose(net, images(), record)
    found = F.max_pool2d(torch.tensor(record.rates("input")), 2).numpy()
    np.testing.assert_allclose(report.part("pool", "pooling"), expected / 12 - found, atol=1e-6)


@pytest.mark.parametrize("how", GATES)
@pytest.mark.parametrize("timesteps", [16, 5])
def test_the_pooling_part_is_what_the_gate_adds_to_the_maximum(how, timesteps):
    """The mean output minus the maximum of the mean inputs, from recorded spikes alone."""
    net = small(6, max_pool=how).to(torch.float64)
    record = sl.simulate(net, images(6), timesteps, spikes=True)
    report = sl.decompose(net, images(6), record)
    run = step_by_step(6, timesteps, "subtract", 0.5, how)
    for layer, pool in [("relu1", "pool"), ("relu2", "max_pool")]:
        theta = THETAS[layer]
        theta = np.reshape(theta, (-1, 1, 1)) if np.ndim(theta) else theta
        emitted = torch.tensor(theta * record.spikes(layer).mean(0))
        expected = run["pooled"][pool].mean(0) - F.max_pool2d(emitted, 2).numpy()
        np.testing.assert_allclose(report.part(pool, "pooling"), expected, rtol=0, atol=1e-12)
        assert (report.total(pool) == report.part(pool, "pooling")).all()
        assert list(report.parts[pool]) == ["pooling"]
        if how == "gate":
            assert (expected >= -1e-12).all()
        assert (expected != 0).any()


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("how", GATES)
@pytest.mark.parametrize("seed", range(3))
def test_the_layers_behind_gates_close_to_the_total(seed, how, reset):
    net, x = small(seed, max_pool=how, reset=reset).to(torch.float64), images(seed)
    record = sl.simulate(net, x, 16, at=(4,))
    run = step_by_step(seed, 16, reset, 0.5, how)
    model, image = Small(seed).double(), torch.tensor(x)
    with torch.no_grad():
        relu1 = model.conv1(image)
        relu2 = model.conv2(F.max_pool2d(relu1.relu(), 2))
        output = model(image).numpy()
    ann = {"relu1": relu1.numpy(), "relu2": relu2.numpy()}
    for step in (4, 16):
        report = sl.decompose(net, x, record, step=step)
        assert list(report.parts) == ["relu1", "pool", "relu2", "max_pool", "output"]
        for name, z_ann in ann.items():
            theta = THETAS[name]
            theta = np.reshape(theta, (-1, 1, 1)) if np.ndim(theta) else theta
            mean = theta * run["spikes"][name][:step].mean(0)
            total = mean - np.maximum(z_ann, 0)
            parts = sum(report.part(name, part) for part in report.parts[name])
            np.testing.assert_allclose(parts, total, rtol=0, atol=1e-12)
            np.testing.assert_allclose(report.total(name), total, rtol=0, atol=1e-12)
        # The current behind the gate is what the gate passed on, not the maximum.
        z = run["currents"]["relu2"][:step].mean(0)
        propagated = np.maximum(z, 0) - np.maximum(ann["relu2"], 0)
        np.testing.assert_allclose(report.part("relu2", "propagated"), propagated, atol=1e-12)
        error = run["output_sums"][step - 1] / step - output
        np.testing.assert_allclose(report.total("output"), error, rtol=0, atol=1e-12)
    gated = torch.tensor(run["pooled"]["pool"].mean(0))
    exact = F.max_pool2d(
        torch.tensor(np.reshape(THETAS["relu1"], (-1, 1, 1)) * run["spikes"]["relu1"].mean(0)), 2
    )
    with torch.no_grad():
        without = model.conv2(exact).relu().numpy() - relu2.relu().numpy()
        with_gate = model.conv2(gated).relu().numpy() - relu2.relu().numpy()
    found = report.part("relu2", "propagated")
    np.testing.assert_allclose(found, with_gate, rtol=0, atol=1e-12)
    assert abs(found - without).max() > 1e-3


@pytest.mark.parametrize("how", GATES)
def test_mean_currents_behind_gates(how):
    net, x = small(2, max_pool=how).to(torch.float64), images(2)
    record = sl.simulate(net, x, 16)
    found = mean_currents(net, torch.tensor(x), record)
    run = step_by_step(2, 16, "subtract", 0.5, how)
    assert list(found) == net.layers
    assert (found["relu1"] == run["currents"]["relu1"]).all()
    assert (found["relu2"] == run["currents"]["relu2"].mean(0)).all()


def test_mean_currents_behind_exact_pools():
    net, x = small(2).to(torch.float64), images(2)
    record = sl.simulate(net, x, 16, spikes=["relu1"])
    emitted = np.reshape(THETAS["relu1"], (-1, 1, 1)) * record.spikes("relu1").mean(0)
    with torch.no_grad():
        expected = Small(2).double().conv2(F.max_pool2d(torch.tensor(emitted), 2)).numpy()
    assert (mean_currents(net, torch.tensor(x), record)["relu2"] == expected).all()


def test_positions_count_spiking_layers_only():
    net = small(max_pool="gate")
    record = sl.simulate(net, images(), 16, at=(4,))
    report = sl.decompose(net, images(), record)
    assert net.layers == record.layers == ["relu1", "relu2"]
    for position, name in enumerate(net.layers):
        assert (report.total(position) == report.total(name)).all()
        assert (report.total(position - 2) == report.total(name)).all()
    with pytest.raises(OptionError, match="layer 2: there are 2 "):
        report.total(2)
    over_time = sl.decompose_over_time(net, images(), record)
    assert over_time.layers == list(report.parts)
    first = over_time.rms["pool"]["pooling"]
    assert first[1] == pytest.approx(np.sqrt((report.part("pool", "pooling") ** 2).mean()))


def test_the_report_shows_the_pooling_part():
    net = small(max_pool="gate")
    report = sl.decompose(net, images(), sl.simulate(net, images(), 16))
    header = repr(report).splitlines()[1].split()
    assert header[:3] == ["layer", "pooling", "propagated"]
    assert set(report.statistics("pool")) == {"pooling", "total"}
    assert report.statistics("pool")["pooling"]["share"] == pytest.approx(1)


NO_WINDOWS = {
    "amax": (lambda _, x: F.relu(x).amax((2, 3)), images(), "amax"),
    "amax of a method": (lambda _, x: torch.amax(F.relu(x), dim=1), images(), "amax"),
    "no channel": (lambda _, x: F.max_pool1d(F.relu(x), 2), images()[:, 0, 0], "max_pool1d"),
    "no channel, adaptive": (
        lambda _, x: F.adaptive_max_pool1d(F.relu(x), 2),
        images()[:, 0, 0],
        "adaptive_max_pool1d",
    ),
}


@pytest.mark.parametrize("how", GATES)
@pytest.mark.parametrize("case", NO_WINDOWS)
def test_a_pool_without_windows_has_no_gate(case, how):
    function, x, name = NO_WINDOWS[case]
    model, options = Calls(function), {"threshold": sl.Fixed(1.0)}
    message = f"^layer 'max_pool': {name} over values .*max_pool='exact'"
    with pytest.raises(UnsupportedLayerError, match=message):
        sl.convert(model, x, max_pool=how, **options)
    net = sl.convert(model, x, **options)
    with pytest.raises(UnsupportedLayerError, match=message):
        net.replace(max_pool=how)
    assert net.replace(max_pool="exact").max_pool == "exact"


@pytest.mark.parametrize("wrong", ["gates", "Gate", "recent", True, 1])
def test_a_misspelt_option_is_refused(wrong):
    message = f"^max_pool = {wrong!r}: expected 'exact' or 'gate' or 'gate_recent'"
    with pytest.raises(OptionError, match=message):
        small(max_pool=wrong)
    with pytest.raises(OptionError, match=message):
        small().replace(max_pool=wrong)


@pytest.mark.parametrize("how", GATES)
def test_every_other_network_keeps_its_gates(how):
    net = small(max_pool=how)
    exact = sl.simulate(net.replace(max_pool="exact"), images(), 16)
    expected = sl.simulate(net, images(), 16)
    assert (exact.output_sums != expected.output_sums).any()
    others = {
        "copy": copy.copy(net),
        "deepcopy": copy.deepcopy(net),
        "double": net.to(torch.float64).to(torch.float32),
        "replaced": net.replace(scale=2.0).replace(scale=0.5),
        "back": net.replace(max_pool="exact").replace(max_pool=how),
    }
    for name, other in others.items():
        assert other.max_pool == how, name
        record = sl.simulate(other, images(), 16)
        assert (record.output_sums == expected.output_sums).all(), name
        assert (record.pooled[16]["pool"] == expected.pooled[16]["pool"]).all(), name
    assert net.to(torch.float64).max_pool == how
    assert net.replace(reset="zero", v_init=0.0).max_pool == how


def test_two_runs_do_not_share_what_a_gate_remembers():
    net = small(max_pool="gate")
    first, again = (sl.simulate(net, images(), 9) for _ in range(2))
    assert (first.output_sums == again.output_sums).all()
    assert (first.pooled[9]["pool"] == again.pooled[9]["pool"]).all()


def test_o29_the_exact_pool_is_not_the_maximum_of_each_step():
    """O29: trains (1, 0), (0, 1) have the maximum of means 1/2, the mean of maxima is 1."""
    trains = [[[1, 0], [0, 1]]]
    assert over_inputs(trains, "exact").mean() == 0.5
    assert over_inputs(trains, "gate").mean() == 0.5
    assert over_inputs([[[0, 1], [1, 0]]], "gate").mean() == 1


# --- found by trying -------------------------------------------------------------------------


@pytest.mark.parametrize("how", GATES)
def test_a_pool_of_the_constant_image_is_no_gate_in_time(how):
    x = images()
    model = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(2, 1, 1), nn.ReLU())
    net = sl.convert(model, x, threshold=sl.Fixed(0.5), max_pool=how)
    record = sl.simulate(net, x, 8)
    assert record.pooled == {}
    assert (
        record.output_sums == sl.simulate(net.replace(max_pool="exact"), x, 8).output_sums
    ).all()
    assert "0" not in sl.decompose(net, x, record).layers


@pytest.mark.parametrize("how", GATES)
@pytest.mark.parametrize(
    ("pool", "shape"),
    [(nn.MaxPool1d(2), (3, 4)), (nn.MaxPool2d(2), (3, 4, 4)), (nn.AdaptiveMaxPool1d(2), (3, 4))],
)
def test_a_module_without_a_channel_has_no_gate(pool, shape, how):
    x, model = np.random.default_rng(0).random(shape), nn.Sequential(nn.ReLU(), pool)
    with pytest.raises(UnsupportedLayerError, match=r"^layer '1': .*and channels before them"):
        sl.convert(model, x, threshold=sl.Fixed(1.0), max_pool=how)


def test_an_empty_name_is_no_name():
    with pytest.raises(OptionError, match=r"^max_pool = ''"):
        small().replace(max_pool="")


def test_o29_averaging_commutes_with_time_and_the_maximum_does_not():
    a, b = np.array([1, 0]), np.array([0, 1])
    assert ((a + b) / 2).mean() == (a.mean() + b.mean()) / 2
    assert np.maximum(a, b).mean() == 1
    assert max(a.mean(), b.mean()) == 0.5


def test_a_max_pool_is_exact_for_any_real_input(rng):
    """O23, LIPooling: the accumulated output is the maximum of the accumulated inputs."""
    x = oracles.dyadic(rng, (50, 3, 8, 8), -2, 2)
    pool = pooling.ExactMaxPool(lambda charge: F.max_pool2d(charge, 3, 2, 1))
    block = torch.tensor(x).reshape(50, 3, 8, 8)
    out = pool.step(block, 10).unflatten(0, (10, 5))
    more = pool.step(block.flip(0), 10).unflatten(0, (10, 5))
    charge = block.unflatten(0, (10, 5)).sum(0) + block.flip(0).unflatten(0, (10, 5)).sum(0)
    assert (out.sum(0) + more.sum(0) == F.max_pool2d(charge, 3, 2, 1)).all()


def test_mean_output_of_a_max_pool_is_the_maximum_of_the_mean_inputs():
    """O23: trains 100100 and 011001 have the maximum 3; the gate would send 4."""
    trains = torch.tensor([[1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 1]], dtype=torch.float64)
    pool = pooling.ExactMaxPool(lambda charge: charge.amax(1))
    assert pool.step(trains.T.clone(), 6).sum() == 3
