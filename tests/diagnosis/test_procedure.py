"""Networks damaged on purpose: `diagnose` has to name the damage, and nothing else."""

import numpy as np
import pytest
import torch
from helpers.trained import BUILT, CONV, DATA, N, X, Y, converted, mlp, slow, trained, with_outliers
from torch import nn

import snnlab as sl
from snnlab.diagnosis import diagnose
from snnlab.diagnosis.trials import Trials

STEPS = (4, 8, 16, 32, 64, 128)


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


ONE_LAYER = [
    # The second layer of the convolutional network loses next to nothing at a low threshold.
    *[("mlp", i, scale) for i in (0, 4) for scale in (10.0, 0.1)],
    *[slow("mlp", i, scale) for i in (1, 2, 3) for scale in (10.0, 0.1)],
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
    [
        ("mlp", 10),
        ("mlp", 255),
        ("mlp", 0.1),
        slow("conv", 10),
        slow("conv", 255),
        slow("conv", 0.1),
    ],
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


@pytest.mark.slow
def test_images_of_another_scale_and_a_damaged_network():
    damaged = converted("conv").replace(2, scale=0.1)
    found = diagnose(damaged, X * 10, Y, 32)
    assert named(found) == {("other scale", ()), ("low threshold", (damaged.layers[2],))}


@pytest.mark.slow
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

    def reached(trials, network, timesteps, overridden=None):
        neuron = network.neurons["4"]
        high = np.mean(neuron.v_threshold) > 3 * usual
        damages = [neuron.v_init == 0, neuron.reset == "zero", high]
        return np.full(timesteps, 0.2 if sum(damages) > 1 else 0.925)

    healthy = converted("mlp")
    usual = healthy.thresholds["4"]
    net = healthy.replace(1, scale=10.0, reset="zero", v_init=0.0)
    monkeypatch.setattr(Trials, "reached", reached)
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


def test_accuracies_are_those_of_simulate_and_analog(blamed_layer):
    net, found = blamed_layer
    assert (found.timesteps, found.images) == (8, N)
    assert found.snn == sl.simulate(net, X, 8).accuracy(Y)[-1]
    assert found.ann == sl.ann(net, X).accuracy(Y)


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
