"""A sweep is a loop over settings, whoever computes it and however often it is interrupted."""

import functools
import itertools
import os
import signal
import sys
import time
from contextlib import contextmanager

import cloudpickle
import grimp
import joblib
import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab.conversion.rules import ThresholdRule
from snnlab.simulation import sweeping, tasks

RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 5), np.float32), RNG.integers(0, 3, 30)
GRID = {"percentile": [90, 100], "reset": ["subtract", "zero"], "v_init": [0.0, 0.5]}
STEPS = [1, 4, 16]


def model(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)
        )


class Slow(nn.Sequential):
    """Takes so long to be traced that other threads do whatever they do in the meantime."""

    def forward(self, x):
        time.sleep(0.05)
        return super().forward(x)


def by_hand(net, **options):
    """Return (steps, accuracy, spikes) of separate simulations of each length."""
    for steps in STEPS:
        record = sl.simulate(net, X, steps, **options)
        right = record.outputs[-1].argmax(1) == Y
        yield steps, right.mean(), sum(record.counts(n).sum() for n in net.layers) / len(X)


class Counted(ThresholdRule):
    """Thresholds of 1 that leave a mark each time, and may do harm."""

    def __init__(self, folder, value):
        self.folder, self.value = str(folder), value

    def thresholds(self, graph, x_cal):
        number = len(os.listdir(self.folder))
        name = f"{self.value} {os.getpid()} {number}"
        open(os.path.join(self.folder, name), "w").close()
        flag = self.folder + ".kill"
        if self.value == 2.0 and os.path.exists(flag):
            os.remove(flag)
            os.kill(os.getpid(), signal.SIGKILL)
        return dict.fromkeys(graph.layers, self.value)


@pytest.fixture(scope="module", autouse=True)
def _sent_to_other_processes():
    # They do not find this file.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def marks(tmp_path):
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def rules(marks, values=(1.0, 2.0, 3.0, 4.0)):
    return {"threshold": [Counted(marks, value) for value in values]}


def computed(marks):
    return sorted(float(name.split()[0]) for name in os.listdir(marks))


# --- the table -------------------------------------------------------------------------------


def test_rows_are_those_of_separate_simulations():
    table = sl.sweep(model(), GRID, X, Y, timesteps=STEPS, x_cal=X)
    assert list(table) == ["model", *GRID, "timesteps", "accuracy", "ann", "spikes"]
    assert len(table) == 8 * len(STEPS)
    rows = table.itertuples(index=False)
    for p, reset, v_init in itertools.product(*GRID.values()):
        net = sl.convert(model(), X, threshold=sl.Percentile(p), reset=reset, v_init=v_init)
        for (steps, accuracy, spikes), row in zip(by_hand(net), rows, strict=False):
            assert (row.percentile, row.reset, row.v_init) == (p, reset, v_init)
            assert (row.timesteps, row.accuracy) == (steps, accuracy)
            assert row.spikes == pytest.approx(spikes, abs=1e-12)
            assert row.ann == sl.ann(net, X).accuracy(Y)
    assert table.spikes.nunique() > 10


def test_several_models_and_networks_have_their_names():
    net = sl.convert(model(2), X)
    grid = {"reset": ["zero"], "input": ["poisson"], "seed": [0, 1]}
    table = sl.sweep({"a": model(1), "b": net}, grid, X, Y, timesteps=STEPS, x_cal=X)
    assert table.groupby("model", sort=False).size().to_dict() == {"a": 6, "b": 6}
    other = sl.convert(model(1), X)
    rows = table.itertuples(index=False)
    for (name, found), seed in itertools.product([("a", other), ("b", net)], [0, 1]):
        options = {"reset": "zero", "input": "poisson", "seed": seed}
        for (steps, accuracy, spikes), row in zip(by_hand(found, **options), rows, strict=False):
            assert (row.model, row.seed, row.timesteps) == (name, seed, steps)
            assert (row.accuracy, row.spikes) == (accuracy, pytest.approx(spikes, abs=1e-12))


def test_every_option_reaches_what_it_is_an_option_of():
    pooled = nn.Sequential(
        *(nn.Conv1d(1, 2, 1), nn.ReLU(), nn.MaxPool1d(2), nn.AvgPool1d(2), nn.Flatten()),
        nn.Linear(2, 3),
    )
    for parameter in pooled.parameters():
        # Above 0, so that no layer is silent.
        parameter.data = torch.linspace(0.25, 1, parameter.numel()).reshape(parameter.shape)
    x = X[:, None, :4]
    options = {
        "threshold": [sl.Maximum(per_channel=True)],
        "readout": ["spikes"],
        "average_pool": ["spikes"],
        "reset": ["zero"],
        "v_init": [0.25],
        "scale": [0.5],
        "max_pool": ["gate"],
        "input": ["regular"],
        "dtype": [torch.float64],
    }
    given = {name: values[0] for name, values in options.items()}
    first = ("threshold", "readout", "average_pool", "reset", "v_init", "max_pool")
    net = sl.convert(pooled, x, **{name: given[name] for name in first}).replace(scale=0.5)
    record = sl.simulate(net, x, 16, input="regular", dtype=torch.float64)
    table = sl.sweep(pooled, options, x, Y, timesteps=16, x_cal=x)
    assert table.accuracy.tolist() == [record.accuracy(Y)[-1]]
    spikes = sum(record.counts(name).sum() for name in net.layers) / 30
    assert table.spikes.tolist() == [pytest.approx(spikes)]


def test_values_may_come_one_by_one_and_no_option_is_one_setting():
    listed = sl.sweep(model(), GRID, X, Y, timesteps=STEPS, x_cal=X)
    lazy = {option: (value for value in values) for option, values in GRID.items()}
    assert sl.sweep(model(), lazy, X, Y, timesteps=STEPS, x_cal=X).equals(listed)
    assert len(sl.sweep(model(), {}, X, Y, timesteps=np.int64(4), x_cal=X)) == 1


@pytest.mark.parametrize(
    "read",
    [
        np.ndarray.tolist,
        lambda x: torch.tensor(x, requires_grad=True),
        lambda x: torch.tensor(x).bfloat16(),
        lambda x: torch.tensor(255 * x).to(torch.uint8),
        lambda x: torch.tensor(x).to(torch.device("cuda" if torch.cuda.is_available() else "cpu")),
    ],
    ids=["list", "gradients", "bfloat16", "bytes", "device"],
)
def test_images_are_read_as_elsewhere(read):
    x = read(X)
    net, y = sl.convert(model(), x), torch.tensor(Y)
    table = sl.sweep(model(), {}, x, y, timesteps=8, x_cal=x)
    record = sl.simulate(net, x, 8)
    assert table.accuracy.tolist() == [record.accuracy(y)[-1]]
    spikes = sum(record.counts(name).sum() for name in net.layers) / 30
    assert table.spikes.tolist() == [pytest.approx(spikes)]


def half_right(outputs, y):
    return ((outputs.argmax(1) == y) / 2).mean()


def test_metrics_have_their_column_and_the_ann_beside_it(tmp_path):
    net, grid = sl.convert(model(), X), {"reset": ["subtract", "zero"]}
    targets = RNG.normal(size=(30, 3))
    top2 = functools.partial(half_right)
    cases = [("rmse", None, targets), ("top2", "top2", Y), ("half_right", top2, Y)]
    for column, metric, y in [*cases, ("metric", lambda outputs, y: outputs.max(), Y)]:
        for _ in range(2):
            table = sl.sweep(net, grid, X, y, timesteps=STEPS, metric=metric, cache=tmp_path)
            assert list(table) == ["model", "reset", "timesteps", column, "ann", "spikes"]
            for reset, rows in table.groupby("reset"):
                record = sl.simulate(net, X, max(STEPS), reset=reset)
                expected = record.accuracy(y, metric=metric)[np.array(STEPS) - 1]
                assert rows[column].tolist() == expected.tolist()
                assert rows.ann.tolist() == [sl.ann(net, X).accuracy(y, metric=metric)] * 3


def test_a_network_with_one_logit_is_right_where_its_logit_is_above_0():
    x = np.array([[-1.0], [1.0], [2.0], [-0.5], [0.25]] * 12, np.float32)
    y, built = x[:, 0] > 0, nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    weights = ([[1.0], [-1.0]], [0.0, 0.0], [[1.0, -1.0]], [0.0])
    for parameter, value in zip(built.parameters(), weights, strict=True):
        parameter.data = torch.tensor(value)
    net = sl.convert(built, x)
    table = sl.sweep(net, {"scale": [1.0, 2.0]}, x, y.astype(int), timesteps=64)
    assert table.accuracy.tolist() == table.ann.tolist() == [1.0, 1.0]
    assert sl.simulate(net, x, 64).accuracy(y)[-1] == sl.ann(net, x).accuracy(y[:, None]) == 1.0


# --- kept, interrupted, in parallel ----------------------------------------------------------


def test_what_is_kept_is_not_computed_again(marks, tmp_path):
    options = {"timesteps": 4, "x_cal": X, "cache": tmp_path / "cache"}
    first = sl.sweep(model(), rules(marks), X, Y, **options)
    assert computed(marks) == [1, 2, 3, 4]
    second = sl.sweep(model(), rules(marks), X, Y, **options)
    assert second.drop(columns="threshold").equals(first.drop(columns="threshold"))
    assert computed(marks) == [1, 2, 3, 4]
    sl.sweep(model(), rules(marks, [4.0, 5.0]), X, Y, **options)
    assert computed(marks) == [1, 2, 3, 4, 5]


def test_other_models_images_labels_steps_and_settings_are_computed_anew(marks, tmp_path):
    options = {"timesteps": 4, "x_cal": X, "cache": tmp_path / "cache"}
    rule = rules(marks, [1.0])
    sl.sweep(model(), rule, X, Y, **options)
    sl.sweep(model(1), rule, X, Y, **options)
    sl.sweep(model(), rule, X / 2, Y, **options)
    sl.sweep(model(), rule, X, Y[::-1], **options)
    sl.sweep(model(), rule, X, Y, **options | {"x_cal": X[:9]})
    sl.sweep(model(), rule, X, Y, **options | {"timesteps": 5})
    sl.sweep(model(), rule | {"reset": ["zero"]}, X, Y, **options)
    assert computed(marks) == [1] * 7
    net = sl.convert(model(), X)
    one, other = (n.fingerprint for n in (net, net.replace(scale=2.0)))
    assert one != other
    assert one != net.replace(max_pool="gate").fingerprint
    assert one == sl.convert(model(), X).fingerprint


class Shown(nn.Module):
    """Shows the same in every variant: layers, shapes and floating parameters."""

    def __init__(self, order=(0, 1, 2, 3, 4), factor=1.0, hooked=1.0):
        super().__init__()
        self.layers, self.factor = model(), torch.tensor(factor)
        self.register_buffer("order", torch.tensor(order))
        if hooked != 1:
            self.layers[0].register_forward_hook(lambda module, given, out: hooked * out)

    def forward(self, x):
        return self.layers(2 * (self.factor * x[:, self.order]))


def _otherwise():
    class Shown(globals()["Shown"]):
        def forward(self, x):
            return self.layers(-2 * (self.factor * x[:, self.order]))

    return Shown()


class Tripled(nn.Linear):
    """torch.fx takes it for the plain layer, whose forward it inherits."""

    def __getattr__(self, name):
        value = super().__getattr__(name)
        return 3 * value if name == "weight" else value


def _tripled(kind):
    plain = model()
    linear = kind(5, 8)
    linear.load_state_dict(plain[0].state_dict())
    linear._get_name = lambda: "Linear"
    return nn.Sequential(linear, *plain[1:])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Shown(), _otherwise()),
        (Shown(), Shown(order=(4, 3, 2, 1, 0))),
        (Shown(), Shown(factor=-1.0)),
        (Shown(hooked=2.0), Shown(hooked=-3.0)),
        (_tripled(nn.Linear), _tripled(Tripled)),
        (model(), sl.convert(model(), X[:1], threshold=sl.Fixed(1.0))),
    ],
    ids=["forward", "whole numbers", "no parameter", "hook", "method", "network"],
)
def test_models_that_look_alike_do_not_share_what_is_kept(one, other, tmp_path, monkeypatch):
    grid, simulated, calls = {"reset": ["zero"]}, sweeping._simulated, []
    count = lambda *a: calls.append(1) or simulated(*a)  # noqa: E731
    monkeypatch.setattr(sweeping, "_simulated", count)
    given = {"timesteps": STEPS, "x_cal": X}
    for alone in (one, other, one):
        kept = sl.sweep(alone, grid, X, Y, **given, cache=tmp_path)
        assert kept.equals(sl.sweep(alone, grid, X, Y, **given))
    assert len(calls) == 2 + 3


def test_thresholds_are_told_apart_to_the_last_digit_of_the_last_channel():
    net = sl.convert(nn.Sequential(nn.Linear(5, 1200), nn.ReLU()), X)
    theta = np.ones(1200)
    found = {net.replace(threshold=theta).fingerprint}
    for where, value in [(600, 2.0), (0, 1 + 1e-12)]:
        other = theta.copy()
        other[where] = value
        found.add(net.replace(threshold=other).fingerprint)
    assert len(found) == 3


def test_what_other_code_computed_does_not_count(marks, tmp_path, monkeypatch):
    options = {"timesteps": 4, "x_cal": X, "cache": tmp_path / "cache"}
    sl.sweep(model(), rules(marks, [1.0]), X, Y, **options)
    package = tmp_path / "package"
    for folder in ("graph", "course"):
        (package / folder).mkdir(parents=True)
        (package / folder / "part.py").write_text("a = 1")
    monkeypatch.setattr(tasks, "__file__", str(package / "simulation" / "tasks.py"))
    for part, text, times in [
        ("graph", "a = 1", 2),
        ("graph", "a = 2", 3),
        ("course", "a = 3", 3),
        ("graph", "a = 1", 3),
    ]:
        (package / part / "part.py").write_text(text)
        with monkeypatch.context() as patch:
            patch.setattr(sweeping, "_sources", sweeping._sources.__wrapped__)
            sl.sweep(model(), rules(marks, [1.0]), X, Y, **options)
        assert computed(marks) == [1] * times


def test_all_code_that_a_sweep_imports_counts():
    needed = grimp.build_graph("snnlab").find_upstream_modules("snnlab.simulation.sweeping")
    folders = {name.split(".")[1] for name in needed if name.count(".") == 2}
    assert folders == set(sweeping._FOLDERS)


@pytest.mark.parametrize("seeds", [{}, {"seed": [0, None]}])
def test_no_random_draw_is_kept_that_cannot_be_drawn_again(seeds, tmp_path):
    grid = {"input": ["analog", "poisson"]} | seeds
    net = sl.convert(model(), X)
    assert len(sl.sweep(net, grid, X, Y, timesteps=4)) == 2 * len(seeds.get("seed", [0]))
    with pytest.raises(sl.OptionError, match=r"as grid\['seed'\] = \[0, 1, 2\]"):
        sl.sweep(net, grid, X, Y, timesteps=4, cache=tmp_path)
    seeded = grid | {"seed": [0]}
    kept = [sl.sweep(net, seeded, X, Y, timesteps=4, cache=tmp_path) for _ in range(2)]
    assert kept[0].equals(kept[1])


def test_an_interrupted_sweep_goes_on(marks, tmp_path, monkeypatch):
    options = {"timesteps": 4, "x_cal": X, "cache": tmp_path / "cache"}
    simulate, calls = sweeping.simulate, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return simulate(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(sweeping, "simulate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sl.sweep(model(), rules(marks), X, Y, **options)
    table = sl.sweep(model(), rules(marks), X, Y, **options)
    assert computed(marks) == [1, 2, 3, 3, 4]
    assert len(table) == 4


@pytest.mark.slow
def test_a_killed_worker_stops_the_sweep_and_the_next_goes_on(marks, tmp_path):
    (tmp_path / "marks.kill").touch()
    options = {"timesteps": 4, "x_cal": X, "cache": tmp_path / "cache", "jobs": 2}
    values = (1.0, 2.0, 3.0, 4.0)
    with pytest.raises(Exception, match="worker"):
        sl.sweep(model(), rules(marks, values), X, Y, **options)
    table = sl.sweep(model(), rules(marks, values), X, Y, **options)
    alone = sl.sweep(model(), rules(marks, values), X, Y, timesteps=4, x_cal=X)
    assert table.drop(columns="threshold").equals(alone.drop(columns="threshold"))
    # The one that was lost; at most one other was under way.
    assert len(computed(marks)) - 4 <= 4 + 2


def test_images_in_parts_are_those_of_the_whole(monkeypatch):
    net = sl.convert(model(), X)
    grid = {"input": ["poisson", "analog"], "seed": [0, 1]}
    whole = sl.sweep(net, grid, X, Y, timesteps=STEPS)
    seen = []
    monkeypatch.setattr(
        sweeping,
        "simulate",
        lambda n, x, *a, **k: seen.append(len(x)) or sl.simulate(n, x, *a, **k),
    )
    monkeypatch.setattr(sweeping, "IMAGES", 7)
    parts = sl.sweep(net, grid, X, Y, timesteps=STEPS)
    assert seen == 4 * [7, 7, 7, 7, 2]
    np.testing.assert_allclose(parts.accuracy, whole.accuracy)
    assert (parts.spikes == whole.spikes).all()
    assert whole.spikes.nunique() > 6
    with pytest.raises(sl.ShapeError, match="y: "):
        sl.sweep(net, grid, X, Y[:7], timesteps=STEPS)


@pytest.mark.parametrize("models", ["a network", "a model"])
def test_frames_are_swept_and_the_ann_sees_their_mean(models, monkeypatch):
    monkeypatch.setattr(sweeping, "IMAGES", 7)
    frames = RNG.integers(0, 3, (4, 30, 5))
    net = sl.convert(model(), X)
    grid = {"input": ["frames"], "v_init": [0.0, 0.5]}
    given = net if models == "a network" else model()
    table = sl.sweep(given, grid, frames, Y, timesteps=[1, 4], x_cal=X)
    truth = sl.ann(net, frames.mean(0)).accuracy(Y)
    rows = []
    for v_init in grid["v_init"]:
        record = sl.simulate(net, frames, 4, input="frames", v_init=v_init, at=[1])
        for t in (1, 4):
            spikes = sum(record.counts(name, t).sum() for name in net.layers) / 30
            rows.append([v_init, t, record.accuracy(Y)[t - 1], truth, spikes])
    columns = ["v_init", "timesteps", "accuracy", "ann", "spikes"]
    np.testing.assert_allclose(table[columns].to_numpy(), rows)
    assert table.accuracy.nunique() > 1


@pytest.mark.slow
def test_threads_take_turns(marks):
    slow, grid = Slow(*model()), rules(marks) | {"reset": ["subtract", "zero"]}
    alone = sl.sweep(slow, grid, X, Y, timesteps=STEPS, x_cal=X)
    with joblib.parallel_config(backend="threading", n_jobs=4):
        table = sl.sweep(slow, grid, X, Y, timesteps=STEPS, x_cal=X)
    assert table.equals(alone)
    assert computed(marks) == sorted([1, 2, 3, 4] * 4)


def test_threads_leave_the_settings_of_torch_as_they_were():
    """Number of threads and precision are set and set back while a network is computed."""
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    x = np.random.default_rng(0).random((300, 5), np.float32)
    net = sl.convert(nn.Sequential(nn.Linear(5, 400), nn.ReLU(), nn.Linear(400, 3)), x)
    try:
        torch.set_num_threads(2)
        torch.set_float32_matmul_precision("high")
        with joblib.parallel_config(backend="threading", n_jobs=4):
            sl.sweep(net, {"v_init": [0.0, 0.25, 0.5, 0.75]}, x, np.zeros(300, int), timesteps=16)
        assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (2, "high")
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


@contextmanager
def time_limit(seconds):
    """Raise TimeoutError in what takes longer, and again in a clean-up that hangs too."""

    def stop(*_):
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 15)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
def test_a_dask_cluster_of_two_workers_serves_as_backend(tmp_path, marks):
    import distributed

    slow, grid = Slow(*model()), rules(marks) | {"reset": ["subtract", "zero"]}
    alone = sl.sweep(slow, grid, X, Y, timesteps=STEPS, x_cal=X)
    for name in os.listdir(marks):
        (marks / name).unlink()
    with (
        time_limit(900),
        distributed.LocalCluster(
            2, threads_per_worker=1, dashboard_address=":0", local_directory=tmp_path
        ) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        client.wait_for_workers(2)
        workers = set(client.run(os.getpid).values())
        table = sl.sweep(slow, grid, X, Y, timesteps=STEPS, x_cal=X)
        # The same two, so neither broke down on the way.
        assert set(client.run(os.getpid).values()) == workers
    assert len(workers) == 2
    assert table.equals(alone)
    assert computed(marks) == sorted([1, 2, 3, 4] * 2)
    assert {int(name.split()[1]) for name in os.listdir(marks)} <= workers


# --- refusals --------------------------------------------------------------------------------


NET = sl.convert(model(), X)
IMAGE = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Unflatten(1, (2, 2)))
TWO = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))


def spikes(outputs, y):
    return 0.0


@pytest.mark.parametrize(
    ("models", "grid", "options", "message"),
    [
        (model(), None, {}, "^grid: found NoneType, expected a dict from option"),
        (model(), [{"reset": ["zero"]}], {}, "^grid: found list, expected a dict from option"),
        (
            *(model(), {"percentil": [99]}, {}),
            r"^grid\['percentil'\]: no such option, .* Did you mean 'percentile'",
        ),
        (model(), {3: [99]}, {}, r"^grid\[3\]: no such option"),
        (model(), {"reset": []}, {}, r"^grid\['reset'\] = \[\]: expected a list of at least one"),
        (model(), {"reset": iter(())}, {}, "expected a list of at least one"),
        (model(), {"reset": "zero"}, {}, r"'zero': expected a list .* write \[value\]"),
        (model(), {"v_init": 0.5}, {}, r"0.5: expected a list .* write \[value\]"),
        (model(), {"v_init": np.array(0.5)}, {}, "expected a list"),
        (model(), {"percentile": [9], "threshold": [sl.Maximum()]}, {}, "one of them"),
        ({}, {"reset": ["zero"]}, {}, "^models: is an empty dict"),
        ([model()], {}, {}, "^models: found list, expected a Module or a Network, or a dict"),
        ({"a": 3}, {"reset": ["zero"]}, {}, "^a: found int, expected a Module or a Network"),
        (model(), {"reset": ["zero"]}, {"x_cal": None}, "^x_cal: none given"),
        (NET, {"percentile": [99]}, {}, "models is a network"),
        ({"a": NET}, {"readout": ["spikes"]}, {}, "a is a network"),
        (model(), {"reset": ["zero"]}, {"timesteps": [0]}, "^timesteps = 0: expected a whole"),
        (model(), {"reset": ["zero"]}, {"timesteps": []}, "^timesteps: is empty"),
        (model(), {"reset": ["zero"]}, {"timesteps": "4"}, "^timesteps = '4': expected a list"),
        (model(), {}, {"jobs": 0}, "^jobs = 0: expected a whole number"),
        (model(), {}, {"jobs": "two"}, "^jobs = 'two': expected a whole number"),
        (model(), {}, {"jobs": True}, "^jobs = True: expected a whole number"),
        (model(), {}, {"cache": 5}, "^cache = 5: cannot be used as a folder"),
        (model(), {}, {"cache": __file__}, "^cache = .*: cannot be used as a folder"),
        (model(), {}, {"cache": __file__ + "/a"}, "^cache = .*: cannot be used as a folder"),
        # Arrays.
        (model(), {}, {"x": None}, "^x: found NoneType"),
        (model(), {}, {"x": X * np.nan}, "^x: holds NaN"),
        (model(), {}, {"x": X[:, :4]}, r"^x: images of shape \(4,\), expected \(5,\)"),
        (model(), {}, {"x_cal": X[0]}, r"^x_cal: shape \(5,\)"),
        (model(), {}, {"y": None}, "^y: none given"),
        (model(), {}, {"y": Y[:7]}, r"^y: shape \(7,\), expected \(30,\)"),
        (model(), {}, {"y": Y / 2}, "^y: type float64"),
        (IMAGE, {}, {}, r"^y: shape \(30,\), expected \(30, 2\)"),
        (model(), {}, {"y": Y + 1}, r"^y: .*expected 0 to 2.*write y - 1"),
        (model(), {}, {"metric": "top3"}, r"^metric = 'top3'"),
        (model(), {}, {"metric": 3}, r"^metric: found int"),
        (model(), {}, {"metric": spikes}, r"^metric: is called 'spikes'"),
        ({"a": TWO, "b": IMAGE}, {}, {"y": np.ones((30, 2), int)}, "^metric: by their outputs the"),
        (nn.Sigmoid(), {}, {}, "^model: found no ReLU"),
        # A wrong value behind a right one.
        (model(), {"percentile": [99, 0.99]}, {}, "^percentile = 0.99: .*Did you mean 99"),
        (model(), {"threshold": [sl.Maximum(), 1.0]}, {}, r"^grid\['threshold'\]: found float"),
        (model(), {"readout": ["spikes", "spike"]}, {}, "^readout = 'spike'"),
        (model(), {"average_pool": ["affine", "a"]}, {}, "^average_pool = 'a'"),
        (NET, {"reset": ["zero", "none"]}, {}, "^reset = 'none'"),
        (NET, {"v_init": [0.5, 1.5]}, {}, "^v_init = 1.5"),
        (NET, {"scale": [1, -1]}, {}, "^scale: found -1"),
        (NET, {"max_pool": ["exact", "mean"]}, {}, "^max_pool = 'mean'"),
        (NET, {"input": ["analog", "poison"]}, {}, "^input = 'poison'.*'poisson'"),
        (NET, {"input": ["analog", "regular"]}, {"x": 2 * X}, r"^x: values from .* \[0, 1\]"),
        (NET, {"input": ["frames", "analog"]}, {}, r"^grid\['input'\] = .*frames.*alone.*for each"),
        (NET, {"input": ["frames"]}, {}, r"^x: shape \(30, 5\), expected \(T, B, 5\) with T = 4"),
        (model(), {"input": ["frames"]}, {"x": X[None]}, "^x: .*For 1 frames write timesteps=1"),
        (NET, {"seed": [0, -1]}, {}, "^seed = -1"),
        (NET, {"dtype": [torch.float64, torch.float16]}, {}, "^dtype = torch.float16"),
        ({"a": NET, "b": model()}, {"v_init": [0.5, 1.5]}, {}, "^v_init = 1.5"),
    ],
)
def test_refused_before_anything_is_computed(models, grid, options, message, monkeypatch):
    monkeypatch.setattr(sweeping, "_simulated", lambda *a: pytest.fail("computed"))
    given = {"x": X, "y": Y, "timesteps": 4, "x_cal": X} | options
    with pytest.raises(sl.SNNLabError, match=message):
        sl.sweep(models, grid, **given)
