"""Each correction lowers what it says it lowers, on images that it has not seen too."""

import numpy as np
import pytest
import torch
from helpers import trained
from helpers.networks import converted
from torch import nn

import snnlab as sl

T = 8
CORRECTED, UNSEEN = trained.DATA.x_train[:128], trained.DATA.x_test[:128]
STEPS = {"bias": sl.correct_bias, "potential": sl.correct_potential}
BOTH = pytest.mark.parametrize("correct", STEPS.values(), ids=STEPS)


@pytest.fixture(scope="module")
def net():
    return trained.converted("mlp")


@pytest.fixture(scope="module")
def empty():
    """Neurons that start empty send too little in every layer."""
    return trained.converted("mlp", v_init=0.0)


def mean_errors(net, x, timesteps=T):
    """By layer: the mean over images of φ - a, a number for each neuron."""
    report = sl.decompose(net, x, sl.simulate(net, x, timesteps))
    return {name: report.total(name).astype(np.float64).mean(0) for name in net.layers}


@pytest.mark.parametrize("x", [CORRECTED, UNSEEN], ids=["seen", "unseen"])
@BOTH
def test_the_mean_error_of_every_layer_is_smaller(empty, correct, x):
    before = mean_errors(empty, x)
    after = mean_errors(correct(empty, CORRECTED, T), x)
    for name in empty.layers:
        a, b = (np.abs(errors[name]).mean() for errors in (after, before))
        assert a < 0.4 * b, name


@BOTH
def test_it_is_smaller_with_the_usual_start_too(net, correct):
    """There is less to correct, and more images are needed to see it."""
    before, after = (
        mean_errors(n, UNSEEN, 4) for n in (net, correct(net, trained.DATA.x_train, 4))
    )
    for name in net.layers:
        assert np.abs(after[name]).mean() < np.abs(before[name]).mean(), name


@pytest.mark.slow
def test_a_channel_of_a_convolution_is_corrected_as_a_whole():
    net = trained.converted("conv")
    before, after = (mean_errors(n, UNSEEN) for n in (net, sl.correct_bias(net, CORRECTED, T)))
    for name in net.layers:
        axes = tuple(range(1, before[name].ndim))
        a, b = (np.abs(errors[name].mean(axes)).mean() for errors in (after, before))
        assert a < 0.7 * b, name


@BOTH
def test_answers_are_right_more_often(empty, correct):
    y = trained.DATA.y_test[:128]
    nets = empty, correct(empty, CORRECTED, T)
    before, after = (sl.simulate(n, UNSEEN, T).accuracy(y)[-1] for n in nets)
    assert after > before + 0.1


def first_layer(model, x, correct, timesteps, **options):
    net = sl.convert(model, x, threshold=sl.Fixed(1.0), v_init=0.0, **options)
    return correct(net, x, timesteps)


def test_the_offset_by_hand():
    """Two channels of two neurons, θ = 1, T = 4, v0 = 0; activations 0.375 and 1.25 are 0.25, 1."""
    x = [[[0.375, 1.25], [0.5, -2.0]], [[0.25, 0.375], [0.0, 0.375]]]
    net = first_layer(nn.ReLU(), x, sl.correct_bias, 4)
    assert net.neurons["relu"].i_offset.tolist() == [0.5 / 4, 0.125 / 4]
    again = sl.correct_bias(net, x, 4)
    assert (again.neurons["relu"].i_offset != net.neurons["relu"].i_offset).any()


def test_the_start_by_hand():
    x = [[[0.375, 1.25], [0.5, -2.0]], [[0.25, 0.375], [0.0, 0.375]]]
    net = first_layer(nn.ReLU(), x, sl.correct_potential, 4)
    assert net.neurons["relu"].v_init.tolist() == [[0.25, 0.75], [0.0, 0.25]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("correct", STEPS.values(), ids=STEPS)
def test_the_first_layer_against_a_loop(seed, correct):
    """What is added is the mean of the error as simulated before, to what was there."""
    _, x, net = converted(seed, images=5)
    net = net.replace(i_offset=0.0625, v_init=0.25)
    name = net.layers[0]
    phi = (
        np.reshape(net.neurons[name].v_threshold, (-1, 1, 1)) * sl.simulate(net, x, T).counts(0) / T
    )
    missing = sl.ann(net, x).activations[name] - phi
    neuron = correct(net, x, T).neurons[name]
    if correct is sl.correct_bias:
        np.testing.assert_allclose(neuron.i_offset, 0.0625 + missing.mean((0, 2, 3)), atol=1e-12)
        assert neuron.v_init == 0.25
    else:
        theta = np.reshape(neuron.v_threshold, (-1, 1, 1))
        np.testing.assert_allclose(neuron.v_init, 0.25 + T * missing.mean(0) / theta, atol=1e-12)
        assert neuron.i_offset == 0.0625


def test_one_neuron_without_dimensions_is_corrected():
    class First(nn.Module):
        def forward(self, x):
            return torch.relu(x[:, 0])

    x = [[0.375], [0.25]]
    net = sl.convert(First(), x, threshold=sl.Fixed(1.0), v_init=0.0)
    assert sl.correct_bias(net, x, 4).neurons["relu"].i_offset.tolist() == [0.0625]
    assert sl.correct_potential(net, x, 4).neurons["relu"].v_init.tolist() == [0.25]


# --- thresholds ------------------------------------------------------------------------------


def errors_of(net, x, against, timesteps=T):
    """Mean square error by layer, against the ANN or against R(z̄)."""
    record = sl.simulate(net, x, timesteps, dtype=torch.float64)
    report = sl.decompose(net, x, record)
    found = {}
    for name in net.layers:
        error = report.total(name)
        if against == "own":
            error = error - report.part(name, "propagated")
        found[name] = np.mean(error**2)
    return found


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("error", ["own", "total"])
def test_tuned_thresholds_err_less_on_what_they_were_tuned_with(net, error, per_channel):
    """Of the first layer in any case; of later ones against what is sent to them then."""
    tuned = sl.tune_thresholds(net, CORRECTED, T, error=error, per_channel=per_channel)
    first = net.layers[0]
    before, after = (errors_of(n, CORRECTED, error) for n in (net, tuned))
    assert after[first] < before[first]
    for x in (CORRECTED, UNSEEN):
        a, b = (sum(errors_of(n, x, "total").values()) for n in (tuned, net))
        assert a < b
    shapes = {np.shape(theta) for theta in tuned.thresholds.values()}
    assert shapes == ({(64,)} if per_channel else {()})


@pytest.mark.parametrize("error", ["own", "total"])
@pytest.mark.parametrize("seed", range(4))
def test_the_threshold_is_the_best_of_those_tried(seed, error):
    """The first layer, whose currents are constant: the error is that of its closed form."""
    _, x, net = converted(seed, images=6)
    name = net.layers[0]
    z = sl.ann(net, x).currents[name].astype(np.float64)
    a = np.maximum(z, 0)
    tried = [net.thresholds[name], *(a.max() * 2.0 ** (1 - np.arange(21) / 4))]
    neurons = [sl.Neuron(theta) for theta in tried]
    from snnlab.dynamics import constant_output

    errors = [np.mean((constant_output(z, 5, neuron) - a) ** 2) for neuron in neurons]
    found = sl.tune_thresholds(net, x, 5, error=error).thresholds[name]
    assert np.mean((constant_output(z, 5, sl.Neuron(found)) - a) ** 2) == pytest.approx(min(errors))
    assert np.any([np.array_equal(found, theta) for theta in tried])


@pytest.mark.parametrize("error", ["own", "total"])
@pytest.mark.parametrize("seed", [3, 6, 11])
def test_the_threshold_of_a_later_layer_is_the_best_in_simulations(seed, error):
    """In these networks the two errors want different thresholds there."""
    _, x, net = converted(seed, images=6)
    first, second = net.layers[:2]
    tuned = sl.tune_thresholds(net, x, 5, error=error)
    largest = sl.ann(net, x).activations[second].max()
    before = net.replace(0, threshold=tuned.thresholds[first])
    found = {}
    for theta in (net.thresholds[second], *(largest * 2.0 ** (1 - np.arange(21) / 4))):
        errors = errors_of(before.replace(1, threshold=theta), x, error, 5)
        found[np.asarray(theta).tobytes()] = errors[second]
    chosen = found[np.asarray(tuned.thresholds[second]).tobytes()]
    assert chosen == pytest.approx(min(found.values()))


def test_a_channel_is_tuned_alone_and_a_silent_one_is_left():
    x = np.array([[0.5, 8.0, -1.0], [1.0, 4.0, -2.0], [0.25, 2.0, -1.0]])
    net = sl.convert(nn.ReLU(), x, threshold=sl.Fixed([64.0, 64.0, 3.0]))
    tuned = sl.tune_thresholds(net, x, 4, per_channel=True).thresholds["relu"]
    assert tuned.tolist() == [1.0, 8.0, 3.0]


def test_the_cap_is_the_highest_threshold():
    x = np.array([[9.0], [6.0], [5.0]])
    net = sl.convert(nn.ReLU6(), x, threshold=sl.Fixed(0.5))
    (theta,) = sl.tune_thresholds(net, x, 4).thresholds.values()
    assert theta <= 6.0
    (theta,) = sl.tune_thresholds(net.replace(max_spikes=2), x, 4).thresholds.values()
    assert theta <= 3.0


# --- what a network knows of it ----------------------------------------------------------------

THREE = {
    "bias": sl.correct_bias,
    "potential": sl.correct_potential,
    "thresholds": sl.tune_thresholds,
}


@pytest.mark.parametrize("what", THREE)
def test_the_anns_weights_stay_and_the_model_is_verified(what):
    model, x = trained.trained("mlp"), CORRECTED[:16]
    net = trained.converted("mlp")
    corrected = THREE[what](net, x, T)
    sl.verify(model, corrected, x)
    assert corrected.graph is net.graph
    assert net.corrections == {}
    assert (sl.ann(corrected, x).outputs == sl.ann(net, x).outputs).all()


@pytest.mark.parametrize("what", THREE)
def test_a_network_knows_its_number_of_steps(what, tmp_path):
    _, x, net = converted(0)
    corrected = THREE[what](net, x, 5)
    assert dict(corrected.corrections) == {what: 5}
    assert f"{what} corrected for 5 steps" in repr(corrected)
    corrected.save(tmp_path / "net")
    kept = [
        sl.load(tmp_path / "net"),
        corrected.to(torch.float64),
        sl.normalize_weights(corrected),
        corrected.replace(0, threshold=1.0, v_init=0.25, i_offset=0.0),
        corrected.replace(max_pool="exact"),
    ]
    for other in kept:
        assert dict(other.corrections) == {what: 5}
    anew = {"bias": {"i_offset": 0.0}, "potential": {"v_init": 0.5}, "thresholds": {"scale": 2}}
    for name, change in anew.items():
        assert dict(corrected.replace(**change).corrections) == ({} if name == what else {what: 5})
    with pytest.raises(TypeError):
        corrected.corrections[what] = 6


def test_several_corrections_are_all_known():
    _, x, net = converted(0)
    both = sl.correct_potential(sl.tune_thresholds(net, x, 4), x, 6)
    assert dict(both.corrections) == {"thresholds": 4, "potential": 6}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("bias", r"the bias of this network was corrected for 5 steps, and this run has 4\."),
        ("thresholds", r"the thresholds of this network were tuned for 5 steps, and this run has"),
    ],
)
def test_a_run_of_other_steps_warns(what, words):
    _, x, net = converted(0)
    corrected = THREE[what](net, x, 5)
    with pytest.warns(UserWarning, match=rf"simulate: {words}.*correct_potential"):
        sl.simulate(corrected, x, 4)
    sl.simulate(corrected, x, 5)


def test_a_corrected_potential_may_run_longer():
    _, x, net = converted(0)
    sl.simulate(sl.correct_potential(net, x, 5), x, 9)


@pytest.mark.slow
@pytest.mark.brian
def test_brian_warns_too():
    from snnlab import brian

    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    corrected = sl.correct_bias(net, [[0.375]], 4)
    with pytest.warns(UserWarning, match="corrected for 4 steps, and this run has 2"):
        brian.simulate(corrected, [[0.375]], 2)


def test_refusals():
    _, x, net = converted(0)
    hard = net.replace(1, reset="zero")
    with pytest.raises(
        sl.OptionError, match=rf"layer '{net.layers[1]}': is reset to zero.*correct_b"
    ):
        sl.correct_potential(hard, x, T)
    sl.correct_bias(hard, x, T)
    with pytest.raises(sl.OptionError, match=r"error = 'all': expected 'own' or 'total'"):
        sl.tune_thresholds(net, x, T, error="all")
    for correct in THREE.values():
        with pytest.raises(sl.OptionError, match=r"network: found str"):
            correct("net", x, T)
        with pytest.raises(sl.OptionError, match=r"timesteps = 1.5: expected a whole number"):
            correct(net, x, 1.5)
        with pytest.raises(sl.MemoryBudgetError, match=r"x: one image in 8 steps"):
            correct(net, x, T, memory=10)
    for wrong in ({"biases": 4}, {"bias": 0}, {"bias": 1.5}):
        with pytest.raises(sl.OptionError, match="corrections"):
            sl.Network(net.graph, net.neurons, corrections=wrong)
