import copy

import numpy as np
import pytest
import torch
from helpers import oracles
from torch import nn
from torch.nn import functional as F

import snnlab as sl
from snnlab.exceptions import (
    CalibrationError,
    OptionError,
    UnsupportedLayerError,
    VerificationError,
)
from snnlab.graph import spiking_layers

RESETS = ["subtract", "zero"]
SEEDS = [1, 3, 5, 7]
SPIKES = {"readout": "spikes", "average_pool": "spikes"}
THETAS = {"relu1": 1.25, "pool": 0.5, "relu2": np.array([0.5, 1, 0.75, 2]), "last": 0.25}
THETAS |= {"readout": 0.75}


def dyadic_(model, seed=0):
    """Give a model weights that are multiples of 1/16."""
    rng = np.random.default_rng(seed)
    for parameter in model.parameters():
        value = oracles.dyadic(rng, parameter.shape, -0.5, 0.5)
        parameter.data = torch.tensor(value, dtype=torch.float32)
    return model


class Small(nn.Module):
    def __init__(self, seed=5):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool = nn.AvgPool2d(2)
        self.conv2 = nn.Conv2d(3, 4, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.last = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 3)
        dyadic_(self, seed)
        self.fc.weight.data *= 4

    def forward(self, x):
        x = self.pool(self.relu1(self.conv1(x)))
        return self.fc(torch.flatten(self.last(self.relu2(self.conv2(x))), 1))


class Calls(nn.Module):
    """A function as a module."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.function(self, x)


def images(seed=5, batch=4):
    return oracles.dyadic(np.random.default_rng(seed), (batch, 2, 4, 4), 0, 1)


def small(seed=5, **options):
    rule = sl.Fixed(THETAS)
    return sl.convert(Small(seed), images(seed), **({"threshold": rule} | SPIKES | options))


def step_by_step(model, x, timesteps, reset, v_init):
    """The same network in plain torch, a layer of neurons behind every ReLU, pool and logit."""
    model = copy.deepcopy(model).double()
    x = torch.tensor(x)
    potentials, trains = {}, {name: [] for name in THETAS}

    def neurons(name, z):
        theta = torch.tensor(THETAS[name], dtype=torch.float64)
        theta = theta.reshape(-1, 1, 1) if theta.ndim else theta
        v = potentials.get(name, v_init * theta) + z
        spike = (v >= theta).double()
        potentials[name] = v - theta * spike if reset == "subtract" else v * (1 - spike)
        trains[name].append(spike.numpy())
        return theta * spike

    with torch.no_grad():
        for _ in range(timesteps):
            a = neurons("relu1", F.conv2d(x, model.conv1.weight, model.conv1.bias, padding=1))
            a = neurons("pool", a.reshape(len(a), 3, 2, 2, 2, 2).mean((3, 5)))
            a = neurons("relu2", F.conv2d(a, model.conv2.weight, model.conv2.bias, padding=1))
            a = neurons("last", a.mean((2, 3), keepdim=True))
            neurons("readout", a.flatten(1) @ model.fc.weight.T + model.fc.bias)
    return {name: np.array(spikes) for name, spikes in trains.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("v_init", [0, 0.5])
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("seed", SEEDS)
def test_new_layers_fire_as_in_a_plain_loop(seed, reset, v_init, dtype):
    net = small(seed, reset=reset, v_init=v_init)
    assert net.layers == list(THETAS)
    record = sl.simulate(net, images(seed), 20, spikes=True, dtype=dtype)
    expected = step_by_step(Small(seed), images(seed), 20, reset, v_init)
    for name, trains in expected.items():
        assert (record.spikes(name) == trains).all(), name
        assert (record.counts(name) == trains.sum(0)).all(), name
    assert (record.output_sums == THETAS["readout"] * expected["readout"].cumsum(0)).all()


def test_the_small_networks_are_active():
    for seed in SEEDS:
        trains = step_by_step(Small(seed), images(seed), 20, "subtract", 0.5)
        assert all(0.02 < spikes.mean() < 0.98 for spikes in trains.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_class_is_the_output_neuron_with_most_spikes(seed):
    net = small(seed)
    record = sl.simulate(net, images(seed), 16, spikes=["readout"])
    counts = record.spikes("readout").astype(int).cumsum(0)
    for y in np.random.default_rng(seed).integers(0, 3, (5, 4)):
        assert (record.accuracy(y) == (counts.argmax(-1) == y).mean(-1)).all()


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("timesteps", [1, 16])
def test_the_error_of_new_layers_closes_on_every_row(timesteps, reset):
    net = small(1, reset=reset).to(torch.float64)
    x = images(1)
    record = sl.simulate(net, x, timesteps)
    report = sl.decompose(net, x, record)
    assert list(report.parts) == [*THETAS, "output"]
    trains = step_by_step(Small(1), x, timesteps, reset, 0.5)
    model = Small(1).double()
    with torch.no_grad():
        relu1 = model.relu1(model.conv1(torch.tensor(x)))
        pool = model.pool(relu1)
        relu2 = model.relu2(model.conv2(pool))
        last = model.last(relu2)
        readout = model.fc(last.flatten(1)).relu()
    activations = dict(zip(THETAS, [relu1, pool, relu2, last, readout], strict=True))
    for name, a in activations.items():
        theta = np.reshape(THETAS[name], (-1,) + (1,) * (a.ndim - 2))
        total = theta * trains[name].sum(0) / timesteps - a.numpy()
        parts = sum(report.part(name, part) for part in report.parts[name])
        np.testing.assert_allclose(parts, total, rtol=0, atol=1e-12)
        np.testing.assert_allclose(report.total(name), total, rtol=0, atol=1e-12)
        np.testing.assert_allclose(report.activations[name], a, rtol=0, atol=1e-12)
    assert (report.total("output") == report.total("readout")).all()


def test_the_pooled_layer_receives_the_average_of_the_spikes():
    """Its propagated error is that of the averages, with no other part mixed in."""
    net = small(2).to(torch.float64)
    x = images(2)
    record = sl.simulate(net, x, 16, spikes=["relu1"])
    mean = torch.tensor(THETAS["relu1"] * record.spikes("relu1").mean(0))
    model = Small(2).double()
    ann = F.avg_pool2d(model.relu1(model.conv1(torch.tensor(x))), 2).detach()
    expected = F.avg_pool2d(mean, 2) - ann
    propagated = sl.decompose(net, x, record).part("pool", "propagated")
    assert (propagated == expected.numpy()).all()
    assert (propagated != 0).any()


def test_a_readout_is_one_more_layer_and_outputs_the_positive_part():
    x = images()
    traced = sl.trace(Small(), x)
    graph = spiking_layers.spiking_readout(traced)
    assert list(graph.layers) == [*traced.layers, "readout"]
    assert len(graph.nodes) == len(traced.nodes) + 1
    assert graph.added == ("readout",)
    assert graph.logits == "readout"
    net = sl.convert(Small(), x, readout="spikes").to(torch.float64)
    logits = Small().double()(torch.tensor(x)).detach().numpy()
    assert (logits < 0).any()
    assert (logits > 0).any()
    assert (sl.ann(net, x).outputs == np.maximum(logits, 0)).all()
    assert (sl.ann(net, x).currents["readout"] == logits).all()


def test_a_model_that_ends_in_a_relu_has_its_layer_already():
    model = dyadic_(nn.Sequential(nn.Flatten(), nn.Linear(32, 3), nn.ReLU()))
    graph = sl.trace(model, images())
    assert spiking_layers.spiking_readout(graph) is graph
    net = sl.convert(model, images(), threshold=sl.Fixed(0.5), readout="spikes")
    assert net.layers == ["2"]
    plain = sl.convert(model, images(), threshold=sl.Fixed(0.5))
    record = sl.simulate(net, images(), 8)
    assert (record.output_sums == sl.simulate(plain, images(), 8).output_sums).all()
    assert (record.output_sums[-1] == 0.5 * record.counts("2")).all()


def test_a_readout_is_added_once():
    graph = spiking_layers.spiking_readout(sl.trace(Small(), images()))
    assert spiking_layers.spiking_readout(graph) is graph


@pytest.mark.parametrize(("calls", "name"), [(1, "readout#2"), (2, "readout#3")])
def test_the_name_of_the_readout_is_free(calls, name):
    def forward(self, x):
        for _ in range(calls):
            x = self.readout(x)
        return self.fc(x.flatten(1))

    model = Calls(forward, readout=nn.ReLU(), fc=nn.Linear(32, 3))
    net = sl.convert(model, images(), threshold=sl.Fixed(1.0), readout="spikes")
    assert net.layers[-1] == name
    assert len(set(net.layers)) == len(net.layers) == calls + 1
    sl.verify(model, net, images())
    record = sl.simulate(net, images(), 8)
    assert (record.output_sums[-1] == record.counts(name)).all()


@pytest.mark.parametrize("insert", ["spiking_readout", "spiking_average_pooling"])
def test_the_given_graph_and_model_stay_as_they_are(insert):
    model = Small()
    before = copy.deepcopy(model.state_dict())
    graph = sl.trace(model, images())
    shown, code, parameters = repr(graph), graph.module.code, graph.module.state_dict()
    found = getattr(spiking_layers, insert)(graph)
    assert repr(graph) == shown != repr(found)
    assert graph.module.code == code != found.module.code
    assert (graph.added, graph.logits) == ((), "output")
    assert found.module is not graph.module
    for name, value in graph.module.state_dict().items():
        assert (value == parameters[name]).all()
    assert all((model.state_dict()[name] == value).all() for name, value in before.items())


def test_average_pooling_of_spikes_leaves_the_ann_as_it_is():
    x = images()
    net = sl.convert(Small(), x, average_pool="spikes").to(torch.float64)
    assert net.layers == ["relu1", "pool", "relu2", "last"]
    assert net.graph.logits == "output"
    assert net.graph.added == ("pool", "last")
    assert (sl.ann(net, x).outputs == Small().double()(torch.tensor(x)).detach().numpy()).all()


def test_without_the_options_nothing_is_added():
    assert sl.convert(Small(), images()).layers == ["relu1", "relu2"]


FORMS = {
    "function": (lambda _, x: F.avg_pool2d(F.relu(x), 2), (2, 2, 2)),
    "of torch": (lambda _, x: torch.avg_pool1d(torch.relu(x).flatten(2), 4), (2, 4)),
    "keywords": (lambda _, x: F.avg_pool2d(input=F.relu(x), kernel_size=2, stride=1), (2, 3, 3)),
    "adaptive": (lambda _, x: F.adaptive_avg_pool2d(F.relu(x), (2, 1)), (2, 2, 1)),
    "1d": (lambda self, x: self.pool(F.relu(x).flatten(2)), (2, 8)),
    "3d": (lambda _, x: F.avg_pool3d(torch.unsqueeze(F.relu(x), 1), 2), (1, 1, 2, 2)),
    "after max pooling": (lambda _, x: F.avg_pool2d(F.max_pool2d(F.relu(x), 2), 2), (2, 1, 1)),
    "after a view": (lambda _, x: F.avg_pool2d(F.relu(x).view(-1, 1, 8, 4), 2), (1, 4, 2)),
    "after flatten": (lambda self, x: self.pool(torch.flatten(F.relu(x), 2)), (2, 8)),
    "after reshape": (lambda _, x: F.avg_pool2d(F.relu(x).reshape(-1, 4, 4, 2), 2), (4, 2, 1)),
    "after a clamp": (lambda _, x: F.avg_pool2d(x.clamp(0, 8), 2), (2, 2, 2)),
    "padded": (lambda _, x: F.avg_pool2d(F.relu(x), 2, 2, 1), (2, 3, 3)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_average_pooling_becomes_neurons(form):
    function, shape = FORMS[form]
    model = Calls(function, pool=nn.AvgPool1d(2))
    x = images() - 0.25
    net = sl.convert(model, x, threshold=sl.Fixed(0.5), average_pool="spikes", v_init=0)
    assert len(net.layers) == 2
    new = net.layers[-1]
    assert net.graph.added == (new,)
    assert net.shape(new) == shape
    record = sl.simulate(net, x, 16, spikes=True)
    # Of accumulated input, so that max pooling is exact in time.
    charge = torch.tensor(0.5 * record.spikes(net.layers[0]).cumsum(0), dtype=torch.float32)
    pooled = np.diff([np.zeros(model(charge[0]).shape), *map(model, charge)], axis=0)
    v, expected = 0, []
    for z in pooled:
        v = v + z
        expected.append(v >= 0.5)
        v = v - 0.5 * expected[-1]
    assert (record.spikes(new) == np.array(expected)).all()
    assert (record.output_sums[-1] == 0.5 * record.counts(new)).all()


def test_a_pool_that_is_called_twice_becomes_two_layers():
    model = Calls(lambda self, x: self.fc(self.pool(self.pool(F.relu(x))).flatten(1)))
    model.pool, model.fc = nn.AvgPool2d(2), nn.Linear(2, 3)
    net = sl.convert(dyadic_(model), images(), threshold=sl.Fixed(0.5), average_pool="spikes")
    assert net.layers == ["relu", "pool", "pool#2"]
    record = sl.simulate(net, images(), 16, spikes=True)
    trains = {}
    for name, z_t in {
        "pool": F.avg_pool2d(torch.tensor(0.5 * record.spikes("relu")).flatten(0, 1), 2),
        "pool#2": F.avg_pool2d(torch.tensor(0.5 * record.spikes("pool")).flatten(0, 1), 2),
    }.items():
        v, trains[name] = 0.25, []
        for z in z_t.unflatten(0, (16, 4)):
            v = v + z
            trains[name].append((v >= 0.5).numpy())
            v = v - 0.5 * (v >= 0.5)
        assert (record.spikes(name) == np.array(trains[name])).all(), name
    assert record.spikes("pool#2").any()


def test_two_readers_of_a_pool_both_read_its_neurons():
    def forward(self, x):
        x = self.pool(F.relu(x))
        return self.left(x.flatten(1)) + x.flatten(1)[:, :3]

    model = Calls(forward, pool=nn.AvgPool2d(2), left=nn.Linear(8, 3))
    net = sl.convert(dyadic_(model), images(), threshold=sl.Fixed(0.5), average_pool="spikes")
    record = sl.simulate(net, images(), 16, spikes=["pool"])
    a = torch.tensor(0.5 * record.spikes("pool"), dtype=torch.float32).flatten(2)
    expected = (model.left(a) + a[..., :3]).detach().cumsum(0)
    assert (record.output_sums == expected.numpy()).all()


def refused():
    norm = nn.BatchNorm2d(2).eval()
    norm.running_mean[:] = 0.5
    return {
        "first": nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.ReLU()),
        "norm": nn.Sequential(nn.ReLU(), norm, nn.AvgPool2d(2), nn.ReLU()),
        "conv": nn.Sequential(nn.ReLU(), nn.Conv2d(2, 2, 1), nn.AvgPool2d(2), nn.ReLU()),
        "pools": nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2), nn.ReLU()),
        "function": Calls(lambda self, x: F.relu(F.avg_pool2d(x, 2))),
        "clamp": Calls(lambda self, x: F.relu(self.pool(F.relu(x) - 1)), pool=nn.AvgPool2d(2)),
    }


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        ("first", "0"),
        ("norm", "2"),
        ("conv", "2"),
        ("pools", "1"),
        ("function", "avg_pool2d"),
        ("clamp", "pool"),
    ],
)
def test_a_pool_of_values_below_0_is_refused_by_name(case, layer):
    model = refused()[case]
    options = {"threshold": sl.Fixed(1.0)}
    sl.convert(model, images(), **options)
    with pytest.raises(UnsupportedLayerError, match=f"^layer '{layer}': .*below 0.*'affine'"):
        sl.convert(model, images(), average_pool="spikes", **options)


@pytest.mark.parametrize(
    ("option", "wrong", "near"),
    [
        ("readout", "spike", "'spikes'"),
        ("readout", "Potential", "'potential'"),
        ("readout", True, "'potential' or 'spikes'"),
        ("average_pool", "afine", "'affine'"),
        ("average_pool", None, "'affine' or 'spikes'"),
    ],
)
def test_a_misspelt_option_is_refused(option, wrong, near):
    with pytest.raises(OptionError, match=f"^{option} = {wrong!r}: expected .*{near}"):
        sl.convert(Small(), images(), **{option: wrong})


def test_rules_choose_thresholds_of_new_layers():
    x = images(3, batch=20)
    model = Small(3)
    with torch.no_grad():
        pooled = model.pool(model.relu1(model.conv1(torch.tensor(x, dtype=torch.float32))))
        logits = model(torch.tensor(x, dtype=torch.float32)).relu()
    pooled, logits = pooled.double().numpy(), logits.double().numpy()
    maximum = sl.convert(model, x, threshold=sl.Maximum(), **SPIKES).thresholds
    assert list(maximum) == list(THETAS)
    assert maximum["pool"] == pooled.max()
    assert maximum["readout"] == logits.max()
    rule = sl.Percentile(90)
    percentile = sl.convert(model, x, threshold=rule, **SPIKES).thresholds
    assert percentile["pool"] == pytest.approx(np.percentile(pooled, 90), rel=1e-12)
    assert percentile["readout"] == pytest.approx(np.percentile(logits, 90), rel=1e-12)
    channels = sl.convert(model, x, threshold=sl.Maximum(per_channel=True), **SPIKES).thresholds
    assert (channels["pool"] == pooled.max((0, 2, 3))).all()
    assert (channels["readout"] == np.where(logits.max(0) > 0, logits.max(0), logits.max())).all()
    rule = sl.Percentile(90, per_channel=True)
    channels = sl.convert(model, x, threshold=rule, **SPIKES).thresholds
    expected = np.percentile(np.moveaxis(pooled, 1, 0).reshape(3, -1), 90, axis=1)
    expected = np.where(expected > 0, expected, pooled.max((0, 2, 3)))
    np.testing.assert_allclose(channels["pool"], expected, rtol=1e-12)


def test_fixed_thresholds_must_name_the_new_layers():
    some = {name: THETAS[name] for name in ("relu1", "relu2")}
    assert sl.convert(Small(), images(), threshold=sl.Fixed(some)).layers == list(some)
    with pytest.raises(OptionError, match=r"none for the layers \['pool', 'last', 'readout'\]"):
        small(threshold=sl.Fixed(some))
    assert small().thresholds["readout"] == THETAS["readout"]
    assert small().replace("readout", threshold=3.0).thresholds["readout"] == 3
    channels = small().replace("readout", threshold=np.array([1.0, 2.0, 4.0]))
    record = sl.simulate(channels, images(), 8)
    assert (record.output_sums[-1] == record.counts("readout") * np.array([1, 2, 4])).all()


def test_a_readout_that_never_fires_has_no_scale():
    model = Small()
    model.fc.bias.data -= 1000
    with pytest.raises(CalibrationError, match=r"^layer 'readout'"):
        sl.convert(model, images(), readout="spikes")


def normed(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Conv2d(4, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(3, 5), nn.BatchNorm1d(5)),
    )
    for norm in (model[1], model[5], model[10]):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
        nn.init.uniform_(norm.weight, -2, 2)
        nn.init.uniform_(norm.bias, 0, 1)
    return model.double().eval()


def test_both_options_go_together_with_folding():
    model, x = normed(), images(batch=6)
    net = sl.convert(model, x, threshold=sl.Maximum(), **SPIKES)
    assert net.layers == ["2", "3", "6", "7", "readout"]
    assert not any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.graph.module.modules()
    )
    found = sl.ann(net, x)
    logits = model(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(found.currents["readout"], logits, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.outputs, np.maximum(logits, 0), rtol=0, atol=1e-12)
    pooled = model[:4](torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(found.activations["3"], pooled, rtol=0, atol=1e-12)
    # Max normalization clips nothing, and a soft reset loses nothing: long runs reach the ANN.
    record = sl.simulate(net, x, 2000)
    error = record.outputs[-1] - np.maximum(logits, 0)
    assert abs(error).max() < 0.02 * abs(logits).max()


OPTIONS = [{"readout": "spikes"}, {"average_pool": "spikes"}, SPIKES]


@pytest.mark.parametrize("softmax", [None, nn.Softmax(1), nn.LogSoftmax(1)])
@pytest.mark.parametrize("options", OPTIONS)
def test_verify_passes_and_fails_after_any_weight_changed(options, softmax):
    model = nn.Sequential(Small(), *([softmax] if softmax else []))
    net = sl.convert(model, images(), threshold=sl.Fixed(1.0), **options)
    sl.verify(model, net, images())
    for name, _ in model.named_parameters():
        changed = copy.deepcopy(model)
        changed.get_parameter(name).data += 0.25
        with pytest.raises(VerificationError):
            sl.verify(changed, net, images())


def test_verify_sees_logits_below_0():
    """The readout passes nothing on there, but it is the model's output that counts."""
    model = Small()
    model.fc.bias.data[1] = -1000.0
    net = sl.convert(model, images(), threshold=sl.Fixed(1.0), readout="spikes")
    assert (sl.ann(net, images()).outputs[:, 1] == 0).all()
    sl.verify(model, net, images())
    model.fc.bias.data[1] = -999.0
    with pytest.raises(VerificationError, match=r"^layer 'output'"):
        sl.verify(model, net, images())


def test_verify_wants_the_layers_of_the_model():
    net = small()
    other = Calls(lambda self, x: F.relu(self.inner(x)), inner=Small())
    with pytest.raises(VerificationError, match="has the ReLUs"):
        sl.verify(other, net, images())


@pytest.mark.parametrize("readout", ["potential", "spikes"])
@pytest.mark.parametrize("tail", [(), (nn.Flatten(),), (nn.Softmax(1),)])
def test_a_model_may_end_in_an_average_pool(tail, readout):
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2), *tail)
    dyadic_(model)
    options = {"average_pool": "spikes", "readout": readout, "threshold": sl.Fixed(0.5)}
    net = sl.convert(model, images(), **options)
    flat = bool(tail) and isinstance(tail[0], nn.Flatten)
    assert net.layers == ["1", "2", *(["readout"] if flat and readout == "spikes" else [])]
    sl.verify(model, net, images())
    record = sl.simulate(net, images(), 16)
    last = record.counts(net.layers[-1])
    assert last.any()
    assert (record.output_sums[-1] == 0.5 * last.reshape(record.output_sums[-1].shape)).all()
    model[0].bias.data[0] += 1
    with pytest.raises(VerificationError):
        sl.verify(model, net, images())


@pytest.mark.parametrize("reset", RESETS)
def test_normalized_weights_fire_the_same_spikes_in_new_layers(reset):
    """Thresholds are powers of 2, so nothing is rounded."""
    thetas = THETAS | {"relu1": 2.0, "relu2": np.array([0.5, 1, 4, 2]), "readout": 0.5}
    net = small(1, threshold=sl.Fixed(thetas), reset=reset)
    normalized = sl.normalize_weights(net)
    record, again = sl.simulate(net, images(1), 16), sl.simulate(normalized, images(1), 16)
    for name in net.layers:
        assert (record.counts(name) == again.counts(name)).all()
        assert record.counts(name).any()


def test_a_copy_of_the_network_keeps_what_was_added():
    net = small()
    for other in (copy.deepcopy(net), net.to(torch.float64), net.replace(reset="zero")):
        assert other.layers == list(THETAS)
        assert (other.graph.added, other.graph.logits) == (("pool", "last", "readout"), "readout")
        sl.verify(Small(), other, images())


@pytest.mark.parametrize("name", ["output", "input"])
def test_a_pool_does_not_take_the_name_of_an_end(name):
    model = Calls(
        lambda s, x: s.fc(getattr(s, name)(F.relu(x)).flatten(1)), **{name: nn.AvgPool2d(2)}
    )
    model.fc = nn.Linear(8, 3)
    net = sl.convert(dyadic_(model), images(), threshold=sl.Fixed(1.0), average_pool="spikes")
    assert net.layers == ["relu", f"{name}#2"]


def test_the_readout_does_not_take_the_name_of_a_max_pool():
    model = Calls(lambda s, x: s.fc(s.readout(F.relu(x)).flatten(1)), readout=nn.MaxPool2d(2))
    model.fc = nn.Linear(8, 3)
    net = sl.convert(dyadic_(model), images(), threshold=sl.Fixed(1.0), readout="spikes")
    assert net.layers == ["relu", "readout#2"]


def test_model_without_relu_spikes_at_its_output_alone():
    model = nn.Sequential(nn.MaxPool1d(2), nn.Flatten(), nn.Linear(8, 3))
    x = torch.rand(5, 2, 8, generator=torch.Generator().manual_seed(0))
    net = sl.convert(model, x, threshold=sl.Maximum(), readout="spikes")
    assert net.layers == ["readout"]
    expected = model(x).detach().clamp(min=0).numpy()
    found = sl.simulate(net, x, 128).outputs[-1]
    assert np.abs(found - expected).max() <= net.thresholds["readout"] / 128
    with pytest.raises(sl.UnsupportedLayerError, match=r'write readout="spikes"\.'):
        sl.convert(model, x)
