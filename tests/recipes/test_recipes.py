"""The recipes of two papers: which options they are, and Diehl's against a loop by hand."""

import functools
import inspect

import numpy as np
import pytest
import torch
from helpers import oracles
from torch import nn

import snnlab as sl
from snnlab import data, recipes


def exact(model, seed=0):
    """Give a model weights that are multiples of 1/16."""
    rng = np.random.default_rng(seed)
    for parameter in model.parameters():
        values = oracles.dyadic(rng, parameter.shape, -0.5, 0.75)
        parameter.data = torch.tensor(values, dtype=torch.float32)
    return model.eval()


def conv_net(bias):
    return exact(
        nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1, bias=bias),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(3, 4, 3, padding=1, bias=bias),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 4, bias=bias),
        )
    )


def pooled_net():
    layers = [nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(48, 6), nn.ReLU(), nn.Linear(6, 3))
    model = exact(model)
    model[1].running_mean[:] = torch.tensor([0.5, 0.25, -0.25])
    model[1].running_var[:] = torch.tensor([0.5, 1.0, 2.0])
    return model


X = oracles.dyadic(np.random.default_rng(0), (6, 1, 8, 8), 0, 1)


def assert_same_network(found, expected, x=X):
    assert found.layers == expected.layers
    for name, theta in expected.thresholds.items():
        assert (np.asarray(found.thresholds[name]) == theta).all()
    for name, neuron in expected.neurons.items():
        assert found.neurons[name].reset == neuron.reset
        assert found.neurons[name].v_init == neuron.v_init
    assert found.max_pool == expected.max_pool
    assert found.graph.added == expected.graph.added
    assert found.graph.logits == expected.graph.logits
    assert repr(found.graph) == repr(expected.graph)
    ours, theirs = (sl.simulate(net, x, 12, input="poisson", seed=0) for net in (found, expected))
    assert (ours.output_sums == theirs.output_sums).all()


DIEHL = {
    "threshold": sl.DataBased(),
    "reset": "zero",
    "v_init": 0.0,
    "readout": "spikes",
    "average_pool": "spikes",
}
RUECKAUER = {
    "threshold": sl.Percentile(99.9),
    "reset": "subtract",
    "v_init": 0.0,
    "readout": "potential",
    "max_pool": "gate",
}


def test_diehl2015_is_convert_with_these_options():
    model = conv_net(bias=False)
    found = recipes.diehl2015(model, X)
    assert_same_network(found, sl.convert(model, X, **DIEHL))
    assert found.layers == ["1", "2", "4", "5", "readout"]
    assert {(n.reset, n.v_init) for n in found.neurons.values()} == {("zero", 0.0)}
    assert found.thresholds["2"] == found.thresholds["1"]
    assert found.thresholds["5"] == found.thresholds["4"]


def test_rueckauer2017_is_convert_with_these_options():
    model = pooled_net()
    found = recipes.rueckauer2017(model, X)
    assert_same_network(found, sl.convert(model, X, **RUECKAUER))
    assert found.layers == ["2", "6"]
    assert found.max_pool == "gate"
    assert {(n.reset, n.v_init) for n in found.neurons.values()} == {("subtract", 0.0)}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("threshold", sl.ModelBased()),
        ("threshold", sl.Fixed(2.0)),
        ("reset", "subtract"),
        ("v_init", 0.25),
        ("readout", "potential"),
        ("average_pool", "affine"),
    ],
)
def test_each_option_of_diehl2015_changes_what_it_says(option, value):
    model = conv_net(bias=False)
    found = recipes.diehl2015(model, X, **{option: value})
    assert_same_network(found, sl.convert(model, X, **DIEHL | {option: value}))
    with pytest.raises(AssertionError):
        assert_same_network(found, sl.convert(model, X, **DIEHL))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("threshold", sl.Maximum()),
        ("threshold", sl.Percentile(99.9, per_channel=True)),
        ("reset", "zero"),
        ("v_init", 0.5),
        ("readout", "spikes"),
        ("max_pool", "exact"),
        ("max_pool", "gate_recent"),
    ],
)
def test_each_option_of_rueckauer2017_changes_what_it_says(option, value):
    model = pooled_net()
    found = recipes.rueckauer2017(model, X, **{option: value})
    assert_same_network(found, sl.convert(model, X, **RUECKAUER | {option: value}))
    with pytest.raises(AssertionError):
        assert_same_network(found, sl.convert(model, X, **RUECKAUER))


@pytest.mark.parametrize(
    ("recipe", "chosen"),
    [(recipes.diehl2015, DIEHL), (recipes.rueckauer2017, RUECKAUER)],
)
def test_the_signature_shows_the_choices(recipe, chosen):
    parameters = inspect.signature(recipe).parameters
    shown = {n: p.default for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert shown == chosen | {"threshold": None}


def test_rueckauer2017_takes_biases_and_batchnorm_from_the_model():
    model = pooled_net()
    network = recipes.rueckauer2017(model, X)
    sl.verify(model, network, X)
    with torch.no_grad():
        expected = model(torch.tensor(X, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(sl.ann(network, X).outputs, expected, rtol=1e-4, atol=1e-5)


def chain(*biased):
    layers = []
    for bias in biased:
        layers += [nn.Linear(2, 2, bias=bias), nn.ReLU()]
    return exact(nn.Sequential(*layers[:-1]))


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (chain(True, False, False), "1"),
        (chain(False, True, False), "3"),
        (chain(False, False, True), "output"),
    ],
)
def test_diehl2015_refuses_a_bias_and_names_the_layer(model, layer):
    words = (
        rf"layer '{layer}': receives a current without any input, from a bias or a BatchNorm\. "
        r".*bias=False, or convert this one with recipes\.rueckauer2017"
    )
    x = [[0.5, 1.0], [1.0, 0.25]]
    for rule in (None, sl.Fixed(1.0)):
        with pytest.raises(sl.UnsupportedLayerError, match=words):
            recipes.diehl2015(model, x, threshold=rule)
    assert recipes.rueckauer2017(model, x, threshold=sl.Fixed(1.0)).layers == ["1", "3"]


def test_diehl2015_refuses_a_negative_bias_that_no_spike_would_show():
    model = chain(True, False)
    model[0].bias.data[:] = -1.0
    with pytest.raises(sl.UnsupportedLayerError, match=r"layer '1': .*rueckauer2017"):
        recipes.diehl2015(model, [[1.0, 1.0]])


def test_diehl2015_refuses_batchnorm():
    norm = nn.BatchNorm1d(2)
    model = exact(nn.Sequential(nn.Linear(2, 2, bias=False), norm, nn.ReLU(), nn.Linear(2, 2)))
    model[3].bias = None
    with pytest.raises(sl.UnsupportedLayerError, match=r"layer '2': .*BatchNorm.*rueckauer2017"):
        recipes.diehl2015(model, [[1.0, 1.0]])
    model[1].bias.data[:] = 0.0
    model[1].running_mean[:] = 1.0
    with pytest.raises(sl.UnsupportedLayerError, match=r"layer '2': .*BatchNorm.*rueckauer2017"):
        recipes.diehl2015(model, [[1.0, 1.0]])


def test_diehl2015_takes_a_bias_that_is_0():
    """Only for thresholds that do not ask for a layer without biases."""
    model = chain(True, False)
    model[0].bias.data[:] = 0.0
    network = recipes.diehl2015(model, [[1.0, 1.0]], threshold=sl.Fixed(1.0))
    assert network.layers == ["1", "readout"]


# Diehl's recipe by hand


def diehl_by_hand(weights, trains, rule):
    """Spike counts of normalized weights, threshold 1, reset to 0, binary spikes; T, B, pixels."""
    scales, activations = [1.0], trains["images"]
    for weight in weights:
        activations = np.maximum(activations @ weight.T, 0)
        positive = np.clip(weight, 0, None).sum(1).max()
        by_model = scales[-1] * max(1.0, positive)
        scales.append(by_model if rule == "model" else max(weight.max(), activations.max()))
    v = [np.zeros((trains["images"].shape[0], len(weight))) for weight in weights]
    counts = [np.zeros_like(potentials) for potentials in v]
    for spikes in trains["spikes"]:
        for i, weight in enumerate(weights):
            v[i] = v[i] + spikes @ (weight * scales[i] / scales[i + 1]).T
            spikes = (v[i] >= 1) * 1.0
            v[i][spikes == 1] = 0.0
            counts[i] += spikes
    return scales[1:], counts


@pytest.mark.parametrize("rule", ["model", "data"])
@pytest.mark.parametrize("seed", range(4))
def test_diehl2015_counts_the_spikes_of_a_loop_by_hand(seed, rule):
    """Scales are powers of 2: the largest sum or weight is one, and activations are below it."""
    rng = np.random.default_rng(seed)
    if rule == "model":
        weights = [oracles.dyadic(rng, shape, -0.25, 0.25) for shape in [(6, 5), (5, 6), (3, 5)]]
        for weight in weights:
            weight[0] = 2 * np.eye(len(weight[0]))[0]
    else:
        weights = [oracles.dyadic(rng, shape, -0.5, 0.5) for shape in [(6, 5), (5, 6), (3, 5)]]
        for weight, largest in zip(weights, [0.5, 1.0, 2.0], strict=True):
            weight[0, 0] = largest
    x = oracles.dyadic(rng, (7, 5), 0, 0.5 if rule == "model" else 0.25)
    layers = [nn.Linear(w.shape[1], w.shape[0], bias=False) for w in weights]
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    for layer, weight in zip(layers, weights, strict=True):
        layer.weight.data = torch.tensor(weight, dtype=torch.float32)
    threshold = sl.ModelBased() if rule == "model" else sl.DataBased()
    network = recipes.diehl2015(model, x, threshold=threshold)
    record = sl.simulate(network, x, 40, input="poisson", seed=seed, spikes=["input"])
    trains = {"images": x, "spikes": record.spikes("input").astype(float)}
    scales, counts = diehl_by_hand(weights, trains, rule)
    assert np.log2(scales).tolist() == np.round(np.log2(scales)).tolist()
    assert list(network.thresholds.values()) == scales
    for name, count in zip(network.layers, counts, strict=True):
        assert (record.counts(name) == count).all(), name
    assert record.counts("1").sum() > 20
    assert (record.output_sums[-1] == scales[-1] * counts[-1]).all()


@functools.cache
def trained():
    """A small network without biases that reads digits."""
    digits = data.load_digits()
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 100, bias=False),
        nn.ReLU(),
        nn.Linear(100, 10, bias=False),
    )
    return digits, data.train(model, digits.x_train, digits.y_train, epochs=12)


def test_diehl2015_reads_digits_from_poisson_spikes():
    digits, model = trained()
    network = recipes.diehl2015(model, digits.x_train)
    ann = sl.ann(network, digits.x_test).accuracy(digits.y_test)
    record = sl.simulate(network, digits.x_test, 100, input="poisson", seed=0)
    snn = record.accuracy(digits.y_test)
    assert ann > 0.9
    assert abs(snn[-1] - ann) < 0.04
    assert snn[-1] > snn[2]
    counted = (record.counts(-1).argmax(1) == digits.y_test).mean()
    assert counted == snn[-1]


def test_model_based_thresholds_fire_less():
    """Their price: very low rates."""
    digits, model = trained()
    networks = [
        recipes.diehl2015(model, digits.x_train, threshold=rule)
        for rule in (sl.ModelBased(), sl.DataBased())
    ]
    rates = [
        sl.simulate(net, digits.x_test[:100], 50, input="poisson", seed=0).rates(-1).mean()
        for net in networks
    ]
    assert rates[0] < 0.5 * rates[1]


def test_a_recipe_refuses_a_threshold_that_is_no_rule():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
    with pytest.raises(sl.OptionError):
        sl.recipes.diehl2015(model, [[1.0, 1.0]], threshold=0)
