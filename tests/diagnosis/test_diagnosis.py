"""Networks damaged on purpose: `diagnose` has to name the damage, and nothing else."""

import re
from itertools import pairwise
from types import SimpleNamespace

import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn

import snnlab as sl
from snnlab import plots
from snnlab.data import load_digits, train
from snnlab.diagnosis import Diagnosis, Finding, LayerScale, Remedy, diagnose
from snnlab.diagnosis.localization import blamed, shares_of_own_errors
from snnlab.diagnosis.suspicions import suspicions
from snnlab.diagnosis.trials import Trials

DATA = load_digits()
N = 200
X, Y = DATA.x_test[:N], DATA.y_test[:N]
STEPS = (4, 8, 16, 32, 64, 128)
PARTS = ["timing", "deviation", "quantization", "clipping"]


def mlp():
    widths = [64] * 6
    layers = [layer for n, m in pairwise(widths) for layer in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(64, 10))


def convnet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


BUILT = {"mlp": (mlp, 15), "conv": (convnet, 8)}
TRAINED = {}


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


CONV = slow("conv")


def trained(kind, seed=0):
    if (kind, seed) not in TRAINED:
        build, epochs = BUILT[kind]
        torch.manual_seed(seed)
        TRAINED[kind, seed] = train(build(), DATA.x_train, DATA.y_train, epochs=epochs, seed=seed)
    return TRAINED[kind, seed]


def converted(kind, seed=0, x_cal=DATA.x_train, **options):
    return sl.convert(trained(kind, seed), x_cal, **options)


def losses(net, x):
    """What the network loses against its ANN after each of `STEPS`."""
    accuracy = sl.simulate(net, x, max(STEPS)).accuracy(Y)[np.array(STEPS) - 1]
    return sl.ann(net, x).accuracy(Y) - accuracy


def telling_steps(healthy, damaged, x=X):
    """The longest of the runs in which the damage costs 5 points, and the healthy network none.

    "None" is less than 2 points. `damaged` are one network or several.
    """
    healthy_loss = losses(healthy, X)
    cost = np.min([losses(net, x) - healthy_loss for net in damaged], axis=0)
    found = [
        t
        for t, own, more in zip(STEPS, healthy_loss, cost, strict=True)
        if round(N * more) >= 0.05 * N and round(N * own) < 0.02 * N
    ]
    assert found, "the damage costs too little: choose a stronger one"
    return found[-1]


def named(found):
    return {(finding.kind, finding.layers) for finding in found.causes}


def with_outliers(x, every=200):
    x = x.copy()
    x[every // 2 :: every] *= 12
    return x


# Damages

ONE_LAYER = [
    # The second layer of the convolutional network loses next to nothing at a low threshold.
    *[("mlp", i, scale) for i in range(5) for scale in (10.0, 0.1)],
    *[slow("conv", i, scale) for i, scale in [(0, 10.0), (0, 0.1), (1, 10.0), (2, 10.0), (2, 0.1)]],
]


@pytest.mark.parametrize(("kind", "layer", "scale"), ONE_LAYER)
def test_one_threshold_too_high_or_too_low(kind, layer, scale):
    healthy = converted(kind)
    damaged = healthy.replace(layer, scale=scale)
    found = diagnose(damaged, X, Y, telling_steps(healthy, [damaged]))
    what = "high threshold" if scale > 1 else "low threshold"
    assert named(found) == {(what, (healthy.layers[layer],))}
    (cause,) = found.causes
    again = damaged.replace(layer, threshold=found.settings[healthy.layers[layer]].usual)
    assert cause.repaired == sl.simulate(again, X, found.timesteps).accuracy(Y)[-1]
    assert found.ann - cause.repaired < 0.03
    if found.layer is not None:
        assert found.layer == healthy.layers[layer]
        assert found.part == ("quantization" if scale > 1 else "clipping")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("layer", "scale"), [(1, 10.0), (3, 0.1)])
def test_one_threshold_with_other_trainings(seed, layer, scale):
    healthy = converted("mlp", seed)
    damaged = healthy.replace(layer, scale=scale)
    found = diagnose(damaged, X, Y, telling_steps(healthy, [damaged]))
    what = "high threshold" if scale > 1 else "low threshold"
    assert named(found) == {(what, (healthy.layers[layer],))}


# Another factor where one of the two would hide the other.
TWO_LAYERS = [
    ("mlp", (1, 10.0), (4, 10.0)),
    ("mlp", (1, 0.1), (4, 0.1)),
    ("mlp", (1, 10.0), (4, 0.1)),
    slow("conv", (0, 10.0), (2, 10.0)),
    slow("conv", (0, 10.0), (2, 0.1)),
    slow("conv", (0, 0.1), (2, 0.1)),
]


@pytest.mark.parametrize(("kind", "one", "other"), TWO_LAYERS)
def test_two_thresholds_at_once(kind, one, other):
    healthy = converted(kind)
    alone = [healthy.replace(layer, scale=scale) for layer, scale in (one, other)]
    both = alone[0].replace(other[0], scale=other[1])
    found = diagnose(both, X, Y, telling_steps(healthy, [*alone, both]))
    assert named(found) == {
        ("high threshold" if scale > 1 else "low threshold", (healthy.layers[layer],))
        for layer, scale in (one, other)
    }


@pytest.mark.parametrize("kind", ["mlp", CONV])
@pytest.mark.parametrize(
    ("option", "cause"),
    [({"reset": "zero"}, "reset to zero"), ({"v_init": 0.0}, "initial potential")],
)
def test_a_neuron_setting(kind, option, cause):
    # The MLP of the first training loses too much in so few steps as the other network needs.
    healthy = converted(kind)
    damaged = healthy.replace(**option)
    found = diagnose(damaged, X, Y, telling_steps(healthy, [damaged]))
    assert named(found) == {(cause, tuple(healthy.layers))}
    accuracy = sl.simulate(healthy, X, found.timesteps).accuracy(Y)[-1]
    assert found.causes[0].repaired == accuracy
    assert accuracy in [remedy.accuracy for remedy in found.remedies]


@pytest.mark.parametrize(
    ("kind", "seed"), [("mlp", 0), ("mlp", 1), slow("conv", 0), slow("conv", 1)]
)
def test_outliers_that_set_the_thresholds(kind, seed):
    healthy = converted(kind, seed)
    x_cal, x = with_outliers(DATA.x_train), with_outliers(X)
    damaged = converted(kind, seed, x_cal, threshold=sl.Maximum())
    found = diagnose(damaged, x, Y, telling_steps(healthy, [damaged], x))
    assert named(found) == {("outliers", tuple(healthy.layers))}


@pytest.mark.parametrize(("kind", "scale"), [("mlp", 10), ("mlp", 0.1), slow("conv", 10)])
def test_calibration_data_of_another_scale(kind, scale):
    """Too small images cost the convolutional network nothing: its biases carry it."""
    healthy, damaged = converted(kind), converted(kind, x_cal=DATA.x_train * scale)
    found = diagnose(damaged, X, Y, telling_steps(healthy, [damaged]))
    assert named(found) == {("other scale", ())}
    (cause,) = found.causes
    assert "calibration data had another scale" in cause.words
    assert ("held outliers" in cause.words) == (scale > 1)
    assert ("the percentile was a low one" in cause.words) == (scale < 1)
    assert found.ann - cause.repaired < 0.02


@pytest.mark.parametrize(
    ("kind", "scale"),
    [("mlp", 10), ("mlp", 255), ("mlp", 0.1), ("conv", 10), ("conv", 255), ("conv", 0.1)],
)
def test_images_of_another_scale(kind, scale):
    """The network is healthy, so the right images bring all back, whatever the ANN makes of it."""
    healthy = converted(kind)
    right = sl.simulate(healthy, X, 32).accuracy(Y)[-1]
    found = diagnose(healthy, X * scale, Y, 32)
    assert right - found.snn >= 0.05
    assert named(found) == {("other scale", ())}
    assert right - found.causes[0].repaired < 0.03
    assert sum(f.kind == "other scale" for f in found.findings) == 1


def test_images_of_another_scale_and_a_damaged_network():
    damaged = converted("conv").replace(2, scale=0.1)
    found = diagnose(damaged, X * 10, Y, 32)
    assert named(found) == {("other scale", ()), ("low threshold", (damaged.layers[2],))}


def test_one_odd_channel_of_many():
    net = converted("conv", threshold=sl.Percentile(99.9, per_channel=True))
    theta = net.thresholds[net.layers[2]].copy()
    always = np.argsort(-sl.ann(net, X).activations[net.layers[2]].mean(0))[[0, 1]]
    theta[always] *= [100, 0.01]
    found = diagnose(net.replace(2, threshold=theta), X, Y, 32)
    usual = sl.Percentile(99.9, per_channel=True).thresholds(net.graph, X)[net.layers[2]]
    fires = sl.ann(net, X).activations[net.layers[2]].max(0) > 0
    odd = np.flatnonzero((np.abs(np.log(theta / usual)) > np.log(3)) & fires)
    assert found.settings[net.layers[2]].channels == tuple(odd)
    assert set(always) <= set(odd)
    (finding,) = [f for f in found.findings if f.kind == "odd channels" and "'10'" in f.words]
    assert f"{len(odd)} channels" in finding.words


# No damage, or none that costs anything


@pytest.mark.parametrize("kind", ["mlp", CONV])
def test_a_damage_that_costs_nothing_is_no_cause(kind):
    healthy = converted(kind)
    damages = {
        "high threshold": (healthy.replace(1, scale=10.0), 128),
        "initial potential": (healthy.replace(v_init=0.0), 128),
        "reset to zero": (healthy.replace(1, reset="zero"), 32),
    }
    for what, (net, timesteps) in damages.items():
        found = diagnose(net, X, Y, timesteps)
        assert found.ann - found.snn < 0.02, what
        assert found.causes == ()
        assert [(f.kind, f.repaired) for f in found.findings] == [(what, None)]
        assert any(s.startswith("Unusual, but without cost here: ") for s in found.sentences)


def test_a_damage_beside_a_greater_one_is_no_cause():
    """A threshold ten times too high needs more steps; after 128 it has them."""
    net = converted("mlp").replace(1, scale=10.0).replace(4, scale=0.1)
    found = diagnose(net, X, Y, 128)
    assert found.ann - found.snn > 0.05
    assert named(found) == {("low threshold", (net.layers[4],))}
    assert ("high threshold", (net.layers[1],)) in [(f.kind, f.layers) for f in found.findings]


def test_a_loss_that_nothing_explains():
    """Two thresholds 2.5 times too low are not suspicious, and more steps do not help."""
    net = converted("mlp").replace(0, scale=0.4).replace(2, scale=0.4)
    found = diagnose(net, X, Y, 16)
    assert found.ann - found.snn > 0.05
    assert found.layer is None
    assert found.findings == ()
    assert "Nothing unusual was found that explains the loss." in found.sentences


def test_three_damages_of_which_any_two_would_do(monkeypatch):
    """None is needed and none is enough: all are causes."""

    def accuracy(trials, network, timesteps, overridden=None):
        neuron = network.neurons["4"]
        high = np.mean(neuron.v_threshold) > 3 * usual
        damages = [neuron.v_init == 0, neuron.reset == "zero", high]
        return np.full(timesteps, 0.2 if sum(damages) > 1 else 0.925)

    healthy = converted("mlp")
    usual = healthy.thresholds["4"]
    net = healthy.replace(1, scale=10.0, reset="zero", v_init=0.0)
    monkeypatch.setattr(Trials, "accuracy", accuracy)
    found = diagnose(net, X, Y, 4)
    assert found.ann - found.snn > 0.5
    assert named(found) == {
        (kind, ("4",)) for kind in ("high threshold", "reset to zero", "initial potential")
    }


RULES = [
    sl.Percentile(99.9),
    sl.Percentile(99.9, per_channel=True),
    sl.Maximum(),
    sl.Percentile(99.0),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("kind", "seed"), [("mlp", 0), ("mlp", 1), slow("conv", 0)])
def test_a_healthy_network_has_no_cause(kind, seed, rule):
    net = converted(kind, seed, threshold=rule)
    for timesteps in (16, 32, 64, 128):
        found = diagnose(net, X, Y, timesteps, model=trained(kind, seed))
        few = {"few steps"} if round(N * (found.ann - found.snn)) >= 0.02 * N else set()
        assert {finding.kind for finding in found.causes} <= few, timesteps


@pytest.mark.parametrize("kind", ["mlp", CONV])
@pytest.mark.parametrize("timesteps", [1, 2])
def test_a_healthy_network_after_few_steps(kind, timesteps):
    found = diagnose(converted(kind), X, Y, timesteps)
    assert found.ann - found.snn > 0.02
    assert named(found) == {("few steps", ())}
    later = sl.simulate(converted(kind), X, 4 * timesteps).accuracy(Y)[-1]
    assert f"after {4 * timesteps} steps {later:.2%} are right" in found.causes[0].words
    assert found.causes[0].repaired is None  # the words have told it


@pytest.mark.slow
def test_few_steps_beside_another_cause():
    found = diagnose(converted("mlp").replace(v_init=0.0), X, Y, 2)
    assert {kind for kind, _ in named(found)} == {"few steps", "initial potential"}
    (few,) = [cause for cause in found.causes if cause.kind == "few steps"]
    assert few.words.startswith("2 steps are few, even with usual settings: after 8 steps ")
    assert few.repaired is None


# The ANN itself


@pytest.mark.parametrize("kind", ["mlp", CONV])
def test_an_ann_that_was_not_trained(kind):
    torch.manual_seed(0)
    net = sl.convert(BUILT[kind][0]().eval(), DATA.x_train)
    found = diagnose(net, X, Y, 64)
    assert "poor ANN" in [finding.kind for finding in found.causes]
    assert {finding.kind for finding in found.causes} <= {"poor ANN", "few steps"}


@pytest.mark.parametrize("kind", ["mlp", CONV])
def test_labels_of_other_images(kind):
    y = np.random.default_rng(0).permutation(Y)
    found = diagnose(converted(kind), X, y, 64)
    assert named(found) == {("poor ANN", ())}
    assert "guessing would give 10.00%" in found.causes[0].words


@pytest.mark.parametrize("kind", ["mlp", CONV])
@pytest.mark.parametrize("digit", range(10))
def test_images_of_one_class_make_no_ann_poor(kind, digit):
    """Who always answers the same would be right for all of them."""
    chosen = DATA.y_test == digit
    found = diagnose(converted(kind), DATA.x_test[chosen], DATA.y_test[chosen], 64)
    assert {finding.kind for finding in found.causes} <= {"few steps"}


def test_another_model():
    net = converted("mlp")
    with torch.no_grad():
        changed = mlp()
        changed.load_state_dict(trained("mlp").state_dict())
        changed[3].weight += 0.2
    given = {
        "trained anew": (trained("mlp", 1), True),
        "changed weights": (changed.eval(), False),
        "other layers": (trained("conv"), True),
        "other images": (nn.Sequential(nn.Flatten(), nn.Linear(3, 10)), False),
    }
    for what, (model, better) in given.items():
        found = diagnose(net, X, Y, 64, model=model)
        kinds = [(finding.kind, finding.is_cause) for finding in found.findings]
        assert kinds == [("other model", better)], what
    assert "other model" not in [f.kind for f in diagnose(net, X, Y, 64, trained("mlp")).findings]


def test_another_model_that_is_better_is_the_cause():
    torch.manual_seed(0)
    net = sl.convert(mlp().eval(), DATA.x_train)
    model = trained("mlp")
    own = (model(torch.from_numpy(X)).argmax(1).numpy() == Y).mean()
    found = diagnose(net, X, Y, 64, model=model)
    assert {"other model", "poor ANN"} <= {finding.kind for finding in found.causes}
    (other,) = [cause for cause in found.causes if cause.kind == "other model"]
    assert f"The model reads {own:.2%} correctly." in other.words
    assert other.repaired is None


# The numbers


@pytest.fixture(scope="module")
def blamed_layer():
    net = converted("conv").replace(1, scale=10.0)
    return net, diagnose(net, X, Y, 8)


@pytest.fixture(scope="module")
def spread():
    net = converted("conv").replace(reset="zero")
    return net, diagnose(net, X, Y, 4)


def held_accuracy(net, layer, given):
    """Accuracy of a sequential network whose neurons step in plain torch, a layer replaced.

    `given` maps the mean current that the layer received to what it passes on.
    """
    modules = list(folded(net))
    x, timesteps = torch.from_numpy(X), 8
    names = [str(i) for i, module in enumerate(modules) if isinstance(module, nn.ReLU)]

    def simulate(held):
        v, mean = {}, {}
        total = 0
        for _ in range(timesteps):
            a = x
            for i, module in enumerate(modules):
                if not isinstance(module, nn.ReLU):
                    a = module(a)
                    continue
                name = str(i)
                mean[name] = mean.get(name, 0) + a / timesteps
                if name in held:
                    a = held[name]
                    continue
                theta = net.thresholds[name]
                v[name] = v.get(name, theta / 2) + a
                spikes = (v[name] >= theta).float()
                v[name] = v[name] - theta * spikes
                a = theta * spikes
            total = total + a
        return mean, float((total.argmax(1).numpy() == Y).mean())

    assert names == net.layers
    mean, _ = simulate({})
    return simulate({layer: given(mean[layer])})[1]


def folded(net):
    """The trained convolutional network; its BatchNorm layers scale by themselves."""
    return trained("conv")


@torch.no_grad()
def test_accuracies_with_a_layer_held_are_those_of_a_second_simulation(blamed_layer):
    net, found = blamed_layer
    assert list(found.exact) == net.layers
    for layer in net.layers:
        # Folding rounds: an image on the edge may fall to the other side.
        assert abs(found.exact[layer] - held_accuracy(net, layer, nn.ReLU())) <= 1 / N
    assert found.layer == net.layers[1]
    theta = net.thresholds[found.layer]
    parts = {
        "deviation": lambda z: theta / 8 * torch.clamp(torch.floor(8 * z / theta + 0.5), 0, 8),
        "quantization": lambda z: torch.clamp(z, 0, theta),
        "clipping": nn.ReLU(),
    }
    reached = found.snn + found.gains["timing"]
    for part, given in parts.items():
        reached += found.gains[part]
        assert abs(reached - held_accuracy(net, found.layer, given)) <= 1 / N, part


def test_gains_sum_to_what_the_layer_regains(blamed_layer):
    _, found = blamed_layer
    assert list(found.gains) == PARTS
    regained = found.exact[found.layer] - found.snn
    assert sum(found.gains.values()) == pytest.approx(regained, abs=1e-12)
    assert found.part == max(found.gains, key=found.gains.get)


def test_accuracies_are_those_of_simulate_and_analog(blamed_layer):
    net, found = blamed_layer
    assert (found.timesteps, found.images) == (8, N)
    assert found.snn == sl.simulate(net, X, 8).accuracy(Y)[-1]
    assert found.ann == sl.ann(net, X).accuracy(Y)


@pytest.mark.parametrize(
    ("exact", "snn", "ann", "layer"),
    [
        ({"a": 0.75, "b": 0.625, "c": 0.5}, 0.5, 1.0, "a"),  # just half, just twice
        ({"a": 0.625, "b": 0.75, "c": 0.5}, 0.5, 1.0, "b"),
        ({"a": 0.75, "b": 0.640625}, 0.5, 1.0, None),  # less than twice
        ({"a": 0.734375, "b": 0.5}, 0.5, 1.0, None),  # less than half
        ({"a": 1.0, "b": 1.0}, 0.5, 1.0, None),
        ({"a": 1.0}, 0.5, 1.0, "a"),
        ({"a": 0.625}, 0.5, 1.0, None),
        ({"a": 0.75, "b": 0.25}, 0.5, 1.0, "a"),  # the second only does harm
        ({"a": 0.5, "b": 0.5}, 0.5, 1.0, None),
    ],
)
def test_a_layer_is_blamed_for_half_and_twice_the_second(exact, snn, ann, layer):
    assert blamed(exact, snn, ann) == layer


def test_a_loss_that_is_spread_is_shared_among_the_parts(spread):
    net, found = spread
    assert found.layer is None
    report = sl.decompose(net, X, sl.simulate(net, X, 4))
    sums = dict.fromkeys(["deviation", "quantization", "clipping"], 0.0)
    for layer in net.layers:
        scale = (report.activations[layer].astype(float) ** 2).mean()
        for part in sums:
            sums[part] += (report.part(layer, part).astype(float) ** 2).mean() / scale
    assert list(found.gains) == list(sums)
    for part, share in found.gains.items():
        assert share == pytest.approx(sums[part] / sum(sums.values()), rel=1e-6)
    assert sum(found.gains.values()) == pytest.approx(1)
    assert found.part == max(sums, key=sums.get)


def test_shares_of_a_layer_without_activations_do_not_count():
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    x = [[-1.0], [-2.0]]
    report = sl.decompose(net, x, sl.simulate(net, x, 4))
    assert shares_of_own_errors(report) == {"deviation": 0, "quantization": 0, "clipping": 0}


@pytest.mark.parametrize("kind", ["mlp", CONV])
def test_ratios_are_those_of_numpy(kind):
    net = converted(kind).replace(1, scale=2.5)
    found = diagnose(net, X, Y, 32)
    for layer, a in sl.ann(net, X).activations.items():
        setting, theta = found.settings[layer], net.thresholds[layer]
        ratio = theta / np.percentile(a.astype(float), 99.9)
        assert setting.over_percentile == pytest.approx(ratio, rel=0.008)
        assert setting.over_maximum == pytest.approx(theta / a.max(), rel=1e-6)
        assert setting.over_usual == setting.over_percentile
        assert setting.channels == ()


def test_ratios_per_channel_are_those_of_numpy():
    net = converted("conv", threshold=sl.Percentile(99.9, per_channel=True))
    found = diagnose(net, X, Y, 32)
    for layer, a in sl.ann(net, X).activations.items():
        per_channel = np.moveaxis(a.astype(float), 1, 0).reshape(a.shape[1], -1)
        percentile = np.percentile(per_channel, 99.9, axis=1)
        fires, maximum = per_channel.max(1) > 0, per_channel.max(1)
        ratios = (net.thresholds[layer] / np.where(fires, percentile, 1))[fires]
        setting = found.settings[layer]
        if fires.all():
            expected = np.exp(np.log(ratios).mean())
            assert setting.over_percentile == pytest.approx(expected, rel=1e-5)
            expected = np.exp(np.log(net.thresholds[layer] / maximum).mean())
            assert setting.over_maximum == pytest.approx(expected, rel=1e-5)
        odd = np.flatnonzero(fires)[np.abs(np.log(ratios)) > np.log(3)]
        assert setting.channels == tuple(odd)


def test_a_channel_that_is_silent_on_these_images_is_not_odd():
    net = sl.convert(nn.ReLU(), [[1.0, 1.0]], threshold=sl.Fixed([1.0, 100.0]))
    found = diagnose(net, [[1.0, -1.0], [0.5, 0.0]], [0, 0], 8)
    assert found.settings["relu"].channels == ()
    found = diagnose(net, [[1.0, -1.0], [0.5, 0.25]], [0, 0], 8)
    assert found.settings["relu"].channels == (1,)


def test_a_silent_layer_does_not_hide_another_scale():
    net = converted("mlp")
    high = LayerScale(10.0, 9.0, 10.0, 0.5)
    silent = LayerScale(np.nan, np.nan, np.nan, 5.0)
    found = dict.fromkeys(net.layers, high) | {net.layers[2]: silent}
    assert [doubt.kind for doubt in suspicions(net, found, None)] == ["other scale"]
    found = dict.fromkeys(net.layers, silent)
    assert suspicions(net, found, net.layers[0]) == []


def test_usual_is_robust_to_outliers():
    """99.9th percentile 32, above 3 times 2, the 99th of the activations above 0."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(2.0))
    x = np.full((1000, 1), 2.0)
    x[:2] = 32
    setting = diagnose(net, x, np.zeros(1000, int), 4).settings["relu"]
    assert (setting.over_percentile, setting.over_maximum) == (1 / 16, 1 / 16)
    assert (setting.over_usual, setting.usual) == (1.0, 2.0)


CHANGES = {
    "thresholds at the 99th percentile of the activations": sl.Percentile(99.0),
    "thresholds at the 99.9th percentile of the activations": sl.Percentile(99.9),
    "thresholds at the maximum of the activations": sl.Maximum(),
    "one threshold per channel, at the 99.9th percentile": sl.Percentile(99.9, per_channel=True),
}


def test_remedies_are_those_of_simulate_cheapest_first():
    net = converted("mlp").replace(reset="zero", v_init=0.0)
    found = diagnose(net, X, Y, 8)
    changed = {
        words: net.replace(threshold=rule.thresholds(net.graph, X))
        for words, rule in CHANGES.items()
    }
    changed["neurons that start half full"] = net.replace(v_init=0.5)
    changed["reset by subtraction"] = net.replace(reset="subtract")
    expected = {w: (sl.simulate(n, X, 8).accuracy(Y)[-1], 1) for w, n in changed.items()}
    for factor in (2, 4):
        accuracy = sl.simulate(net, X, factor * 8).accuracy(Y)[-1]
        expected[f"{factor * 8} steps"] = (accuracy, factor)
    assert {r.words: (r.accuracy, r.cost) for r in found.remedies} == expected
    order = [(remedy.cost, -remedy.accuracy) for remedy in found.remedies]
    assert order == sorted(order)


def test_a_change_that_changes_nothing_is_not_a_remedy():
    rule = sl.Percentile(99.0)
    found = diagnose(converted("mlp", x_cal=X, threshold=rule), X, Y, 1)
    words = [remedy.words for remedy in found.remedies]
    left_out = {
        "thresholds at the 99th percentile of the activations",
        "neurons that start half full",
        "reset by subtraction",
    }
    assert not left_out & set(words)
    assert len(words) == 5


def dead_layer():
    """A network whose second layer never fires."""
    model = mlp()
    model.load_state_dict(trained("mlp").state_dict())
    with torch.no_grad():
        model[3].weight[:] = 0
        model[3].bias[:] = -1
    thresholds = dict.fromkeys(["2", "4", "6", "8", "10"], 1.0)
    return sl.convert(model.eval(), X, threshold=sl.Fixed(thresholds))


def test_a_silent_layer_has_no_ratio():
    net = dead_layer()
    found = diagnose(net, X, Y, 16)
    assert np.isnan(found.settings["4"].over_percentile)
    assert "silent" in repr(found)
    assert "poor ANN" in [finding.kind for finding in found.causes]
    assert "nan" not in repr(found)


class BesideASilentLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.silent = nn.ReLU(), nn.ReLU()

    def forward(self, x):
        fired = self.first(x)
        return fired + self.silent(-fired - 1)


def test_a_silent_layer_leaves_the_remedies_that_need_no_scale():
    """After 1 step with θ = 1 both neurons have fired, a tie."""
    net = sl.convert(BesideASilentLayer(), [[1.0, 1.0]], threshold=sl.Fixed(1.0), v_init=0.25)
    x = np.tile([[0.9, 0.8], [0.8, 0.9]], (10, 1))
    found = diagnose(net, x, np.tile([0, 1], 10), 1)
    assert (found.ann, found.snn) == (1.0, 0.5)
    assert np.isnan(found.settings["silent"].over_usual)
    words = {remedy.words for remedy in found.remedies}
    assert words == {"neurons that start half full", "2 steps", "4 steps"}


@pytest.mark.slow
def test_images_without_anything_on_them():
    """The biases alone speak: one class is right, as guessing would be."""
    zeros = np.zeros_like(X[:20])
    for kind in BUILT:
        for rule in (sl.Percentile(99.9), sl.Percentile(99.9, per_channel=True)):
            found = diagnose(converted(kind, threshold=rule), zeros, Y[:20], 8)
            assert "poor ANN" in [finding.kind for finding in found.causes]
            assert len(found.settings) == len(found.tables()[0].rows)
    net = sl.convert(nn.Sequential(nn.ReLU()), [[1.0, 1.0]], threshold=sl.Fixed(1.0))
    found = diagnose(net, [[0.0, 0.0], [0.0, 0.0]], [0, 0], 4)
    assert np.isnan(found.settings["0"].over_maximum)
    assert found.sentences[-1] == "Nothing is wrong that costs accuracy."


def test_nothing_that_is_given_is_changed():
    net, model = converted("conv").replace(reset="zero"), trained("conv")
    x, y = X.copy(), Y.copy()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    thresholds = net.thresholds
    model.train()
    diagnose(net, x, y, 4, model=model)
    assert model.training
    model.eval()
    assert (x == X).all()
    assert (y == Y).all()
    assert all((value == weights[name]).all() for name, value in model.state_dict().items())
    assert net.thresholds == thresholds
    assert {neuron.reset for neuron in net.neurons.values()} == {"zero"}


# Words and tables


def report(**changed):
    given = dict(
        timesteps=8,
        images=100,
        snn=0.5,
        ann=0.9,
        findings=(),
        exact={"a": 0.75, "b": 0.5},
        layer="a",
        part="clipping",
        gains={"timing": 0.01, "deviation": -0.02, "quantization": -1e-17, "clipping": 0.26},
        settings={
            "a": LayerScale(0.12345, 0.0456, 0.12345, 1.0),
            "b": LayerScale(np.nan, np.nan, np.nan, 1.0),
        },
        remedies=(Remedy("one", 0.6, 1.0), Remedy("two", 0.8, 2.0), Remedy("three", 0.85, 4.0)),
    )
    return Diagnosis(**given | changed)


def test_the_head_counts():
    assert report().sentences[0] == (
        "SNN 50.00% after 8 steps, ANN 90.00%, on 100 images: 40.00 points lost."
    )
    single = report(timesteps=1, images=1, snn=1.0, ann=1.0, exact={}, remedies=()).sentences
    assert single == [
        "SNN 100.00% after 1 step, ANN 100.00%, on 1 image: nothing is lost.",
        "Nothing is wrong that costs accuracy.",
    ]
    many = report(timesteps=1024, images=1000, snn=0.91, exact={}, remedies=()).sentences
    assert many[0].endswith("after 1,024 steps, ANN 90.00%, on 1,000 images: 1.00 points gained.")
    assert many[1] == "Nothing is wrong that costs accuracy."
    little = report(snn=0.89, exact={}, remedies=()).sentences
    assert little[-1] == "Nothing is wrong that costs more than that."


def test_causes_stand_before_what_is_only_unusual():
    causes = (
        Finding("high threshold", ("a",), "The threshold is high.", True, 0.875),
        Finding("few steps", (), "Steps are few.", True),
        Finding("reset to zero", ("b",), "A reset.", False, 0.5),
    )
    found = report(findings=causes)
    assert found.causes == causes[:2]
    assert found.sentences[1:4] == [
        "Cause: The threshold is high. With this alone repaired: 87.50%.",
        "Cause: Steps are few.",
        "Unusual, but without cost here: A reset.",
    ]
    assert "Nothing unusual was found" not in repr(found)
    assert "Nothing unusual was found" in repr(report())


def test_the_layer_and_its_parts_in_words():
    (where,) = [s for s in report().sentences if s.startswith("Most is lost")]
    assert "layer 'a': without its own error 75.00% would be right" in where
    assert where.endswith("timing +1.00, deviation -2.00, quantization +0.00, clipping +26.00.")
    shares = {"deviation": 0.25, "quantization": 0.5, "clipping": 0.25}
    (where,) = [s for s in report(layer=None, gains=shares).sentences if "spread" in s]
    assert where.endswith("deviation 25%, quantization 50%, clipping 25%.")


@pytest.mark.parametrize(
    ("accuracies", "words"),
    [
        (
            (0.6, 0.8, 0.85),
            "Cheapest remedy that brings back at least half: two, 80.00%. Best: three, 85.00%.",
        ),
        ((0.7, 0.6, 0.7), "Cheapest remedy that brings back at least half: one, 70.00%."),
        (
            (0.6, 0.5, 0.5),
            "The best remedy, one, reaches 60.00%: less than half of what is lost comes back.",
        ),
        ((0.5, 0.4, 0.5), "None of the remedies helps."),
    ],
)
def test_the_cheapest_remedy_in_words(accuracies, words):
    tried = zip(("one", "two", "three"), accuracies, (1.0, 2.0, 4.0), strict=True)
    assert report(remedies=tuple(Remedy(*one) for one in tried)).sentences[-1] == words


def test_tables_hold_every_layer_and_every_remedy(blamed_layer):
    _, found = blamed_layer
    layers, remedies = found.tables()
    assert [row[0] for row in layers.rows] == list(found.settings)
    for name, percentile, maximum, right in layers.rows:
        setting = found.settings[name]
        assert percentile == f"{setting.over_percentile:.3g}"
        assert maximum == f"{setting.over_maximum:.3g}"
        assert right == f"{found.exact[name]:.2%}"
    for remedy, (words, right, gained, time) in zip(found.remedies, remedies.rows, strict=True):
        assert (words, right) == (remedy.words, f"{remedy.accuracy:.2%}")
        assert float(gained) == pytest.approx(100 * (remedy.accuracy - found.snn), abs=0.005)
        assert float(time) == remedy.cost
    rows = report().tables()[0].rows
    assert rows == [["a", "0.123", "0.0456", "75.00%"], ["b", "silent", "silent", "50.00%"]]
    assert len(report(remedies=()).tables()) == 1


def test_text_and_html_hold_all(blamed_layer, spread):
    for _, found in (blamed_layer, spread):
        text = repr(found)
        for sentence in found.sentences:
            assert sentence in text
        for table in found.tables():
            assert repr(table) in text
        page = found._repr_html_()
        assert page.count("<p>") == len(found.sentences)
        assert page.count("<table>") == page.count("<caption") == len(found.tables())
    page = report(findings=(Finding("k", (), "a < b & <script>", True),))._repr_html_()
    assert "a &lt; b &amp; &lt;script&gt;" in page
    assert "<script>" not in page


@pytest.mark.slow
def test_no_number_has_more_than_three_digits_but_accuracies(blamed_layer):
    damaged = converted("mlp", x_cal=DATA.x_train * 10)
    odd = converted("mlp").replace(1, scale=10.0).replace(v_init=1 / 3, reset="zero")
    low = converted("mlp").replace(1, v_init=0.0).replace(2, v_init=0.123456)
    outliers = converted("mlp", x_cal=with_outliers(DATA.x_train), threshold=sl.Maximum())
    given = [(net, X) for net in (damaged, odd, low, blamed_layer[0])]
    for net, x in [*given, (outliers, with_outliers(X))]:
        found = diagnose(net, x, Y, 4)
        assert found.findings
        for finding in found.findings:
            assert finding.words[0].isupper() or finding.words[0].isdigit()
            assert finding.words.endswith(".")
            numbers = re.findall(r"\d[\d,]*\.?\d*(?!\d|%)", re.sub(r"[\d.]+%", "", finding.words))
            digits = [number.strip(",.").lstrip("0.").replace(".", "") for number in numbers]
            assert all(len(number) <= 3 for number in digits), finding.words


def test_the_words_of_each_finding():
    """What the sentences say of a network with all the settings at once."""
    net = converted("mlp").replace(0, scale=0.01).replace(4, scale=100.0)
    net = net.replace(1, reset="zero").replace(v_init=0.9).replace(2, v_init=0.5)
    words = {f.kind: f.words for f in diagnose(net, X, Y, 8).findings}
    assert words["low threshold"].startswith("The threshold of layer '2' is 0.0")
    assert "times the 99.9th percentile of its activations: what is above" in words["low threshold"]
    assert words["high threshold"].startswith("The threshold of layer '10' is ")
    assert words["reset to zero"].startswith("In layer '4' a spike resets the potential to zero")
    assert words["initial potential"].startswith(
        "In layers '2', '4', '8', '10' the neurons start at 0.9 θ: they answer too high at first."
    )
    both = converted("mlp").replace(v_init=0.9).replace(0, v_init=0.0)
    (finding,) = diagnose(both, X, Y, 64).findings
    assert finding.words.startswith("In all layers the neurons start at 0 … 0.9 θ: some answer")


# The picture


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_bars_are_the_layers_and_the_remedies(blamed_layer):
    _, found = blamed_layer
    ax = plots.diagnosis(found)
    accuracies = [*found.exact.values(), *(remedy.accuracy for remedy in found.remedies)]
    bars = sorted(ax.patches, key=lambda bar: bar.get_y())
    np.testing.assert_allclose([bar.get_width() for bar in bars], 100 * np.array(accuracies))
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == [
        *(f"layer {name} without its error" for name in found.exact),
        *(remedy.words for remedy in found.remedies),
    ]
    assert [line.get_xdata()[0] for line in ax.lines] == [100 * found.ann, 100 * found.snn]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(legend) == sorted(["SNN as it is", "ANN", "one layer exact", "a remedy"])
    assert ax.get_title() == "Diagnosis after 8 steps"
    assert len({bar.get_hatch() for bar in bars}) == 2
    assert ax.yaxis_inverted()


def test_nothing_lost_leaves_two_lines():
    found = diagnose(converted("conv"), X, Y, 64)
    given = plt.subplots()[1]
    ax = plots.diagnosis(found, ax=given)
    assert ax is given
    assert len(ax.patches) == 0
    assert [line.get_xdata()[0] for line in ax.lines] == [100 * found.ann, 100 * found.snn]
    assert len(ax.get_legend().get_texts()) == 2
    assert plots.diagnosis(report(timesteps=1)).get_title() == "Diagnosis after 1 step"


# Refusals


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"network": trained}, sl.OptionError, r"network: found function, expected a Network"),
        ({"network": nn.ReLU()}, sl.OptionError, r"network: found ReLU.*snnlab\.convert"),
        ({"x": X[0]}, sl.ShapeError, r"x: images of shape \(8, 8\), expected \(1, 8, 8\)"),
        ({"x": X[:, :, :4]}, sl.ShapeError, r"x: images of shape \(1, 4, 8\)"),
        ({"x": "digits"}, sl.ShapeError, r"x: found str"),
        ({"x": X * np.nan}, sl.ShapeError, r"x: holds NaN"),
        ({"y": Y[:-1]}, sl.ShapeError, r"y: shape \(199,\), expected \(200,\)"),
        ({"y": Y.astype(float)}, sl.ShapeError, r"y: type float64, expected whole numbers"),
        ({"y": np.eye(10)[Y]}, sl.ShapeError, r"y: shape \(200, 10\).*y\.argmax\(1\)"),
        ({"timesteps": 0}, sl.OptionError, r"timesteps = 0: expected a whole number"),
        ({"timesteps": 2.5}, sl.OptionError, r"timesteps = 2\.5"),
        ({"timesteps": "8"}, sl.OptionError, r"timesteps = '8'"),
        ({"model": "mlp"}, sl.OptionError, r"model: found str, expected a Module"),
    ],
)
def test_refusals(changed, error, message):
    given = {"network": converted("mlp"), "x": X, "y": Y, "timesteps": 8} | changed
    with pytest.raises(error, match=message):
        diagnose(**given)


def test_equal_settings_are_simulated_once():
    done = []
    trials = Trials(torch.tensor(X), Y, SimpleNamespace(update=lambda: done.append(1)))
    net = converted("mlp")
    first = trials.accuracy(net.replace(v_init=0.25), 4)
    assert (trials.accuracy(net.replace(v_init=0.25), 4) == first).all()
    assert done == [1]
    for other, steps in ((net, 4), (net.replace(v_init=0.25), 5), (net.replace(reset="zero"), 4)):
        trials.accuracy(other, steps)
    assert done == [1] * 4
