"""The spiking softmax, against scipy's softmax and against records made by hand."""

import numpy as np
import pytest
from scipy.special import softmax
from torch import nn

import snnlab as sl
from snnlab.simulation.spiking_softmax import softmax as probabilities


def record(sums):
    """A record of a network whose accumulated outputs, shape (T, B, classes), are given."""
    sums = np.asarray(sums)
    neurons = {"relu": sl.Neuron(1.0)}
    totals = {"relu": np.zeros(sums.shape[1:], int)}
    return sl.Record(len(sums), neurons, "made by hand", "analog", totals, sums)


def constant(potentials, timesteps):
    """A record whose potentials, shape (B, classes), stay as they are."""
    return record(np.broadcast_to(potentials, (timesteps, *np.shape(potentials))))


def within_four_errors(spikes, p):
    """Whether rates over the first dimension are those of a coin with probability p."""
    n = len(spikes)
    error = np.sqrt(p * (1 - p) / n)
    return (abs(spikes.mean(0) - p) <= 4 * error + 1e-12).all()


def test_probabilities_are_those_of_scipy(rng):
    potentials = rng.normal(0, 5, (20, 7, 10))
    found = probabilities(potentials)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, softmax(potentials, -1), rtol=1e-13)
    single = probabilities(potentials.astype(np.float32))
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, softmax(potentials, -1), rtol=1e-5)


@pytest.mark.parametrize("how", ["potential", "clock"])
def test_large_potentials_do_not_overflow(how):
    potentials = [[1e30, 0.0, -1e30], [-1e4, -2e4, -3e4], [800.0, 800.0, -800.0]]
    for dtype in (np.float32, np.float64):
        p = probabilities(np.array(potentials, dtype))
        assert p.tolist() == [[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0]]
        spikes = sl.softmax_spikes(constant(np.array(potentials, dtype), 50), how, seed=0)
        assert spikes[:, 0].tolist() == [[1, 0, 0]] * 50
        assert spikes[:, 1].tolist() == [[1, 0, 0]] * 50
        assert spikes[:, 2, 2].sum() == 0


@pytest.mark.parametrize("how", ["potential", "clock"])
def test_rates_are_the_softmax_of_constant_potentials(how):
    potentials = np.array([[0.0, 1.0, 2.0, -1.0], [0.5, 0.5, 0.5, 0.5], [3.0, 0.0, 0.0, 0.0]])
    p = softmax(potentials, -1)
    spikes = sl.softmax_spikes(constant(potentials, 20_000), how, seed=1)
    assert spikes.shape == (20_000, 3, 4)
    assert spikes.dtype == np.int32
    assert set(np.unique(spikes)) == {0, 1}
    assert within_four_errors(spikes, p)


@pytest.mark.parametrize("clock", [0.1, 0.5, 0.9, np.float32(0.25)])
def test_a_clock_sets_the_rate_of_all_classes_together(clock):
    potentials = np.array([[0.0, 1.0, 2.0]])
    spikes = sl.softmax_spikes(constant(potentials, 20_000), "clock", clock=clock, seed=2)
    assert spikes.sum(-1).max() == 1
    assert within_four_errors(spikes.sum(-1), np.array([float(clock)]))
    assert within_four_errors(spikes, float(clock) * softmax(potentials, -1))
    winners = spikes[spikes.sum(-1) == 1]
    assert within_four_errors(winners, softmax(potentials, -1)[0])


def test_a_clock_of_1_ticks_at_every_step():
    spikes = sl.softmax_spikes(constant(np.zeros((5, 4)), 200), "clock", seed=3)
    assert (spikes.sum(-1) == 1).all()


def test_ticks_are_those_of_the_clock_whatever_the_potentials(rng):
    """One Poisson clock: the same seed ticks at the same steps, for the same number of images."""
    ticks = [
        sl.softmax_spikes(record(rng.normal(0, 3, (300, 4, n))), "clock", clock=0.3, seed=4).sum(-1)
        for n in (2, 5)
    ]
    assert (ticks[0] == ticks[1]).all()
    assert (ticks[0] == (np.random.default_rng(4).random((300, 4)) < 0.3)).all()
    # Each image has its own.
    assert (ticks[0][:, 0] != ticks[0][:, 1]).any()


def test_without_a_clock_neurons_fire_whatever_the_others_do():
    """Of two neurons with p = 1/2 both fire in a quarter of the steps, and none in a quarter."""
    together = sl.softmax_spikes(constant([[0.0, 0.0]], 20_000), seed=5)[:, 0].sum(-1)
    for spikes, p in enumerate([0.25, 0.5, 0.25]):
        assert within_four_errors(together == spikes, np.array(p))


def test_potentials_of_each_step_and_image_count_for_themselves():
    sums = np.full((6, 2, 3), -50.0)
    winner = np.array([[0, 2], [1, 2], [2, 1], [0, 0], [1, 1], [2, 0]])
    np.put_along_axis(sums, winner[..., None], 50.0, -1)
    for how in ("potential", "clock"):
        spikes = sl.softmax_spikes(record(sums), how, seed=0)
        assert (spikes.argmax(-1) == winner).all()
        assert (spikes.sum(-1) == 1).all()


@pytest.mark.parametrize("how", ["potential", "clock"])
def test_there_is_a_winner_where_all_outputs_are_negative(how):
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3))
    model[0].weight.data[:], model[0].bias.data[:] = 1.0, 0.0
    model[2].weight.data[:] = -1.0
    model[2].bias.data[0], model[2].bias.data[1], model[2].bias.data[2] = -0.75, -0.25, -1.0
    network = sl.convert(model, [[0.5, 0.5]], threshold=sl.Fixed(1.0))
    ran = sl.simulate(network, [[0.5, 0.5]], 60)
    assert (ran.output_sums < 0).all()
    counted = sl.convert(model, [[0.5, 0.5]], threshold=sl.Fixed(1.0), readout="spikes")
    assert sl.simulate(counted, [[0.5, 0.5]], 60).counts("readout").sum() == 0
    spikes = sl.softmax_spikes(ran, how, seed=0)
    assert spikes.shape == (60, 1, 3)
    assert spikes[:, 0].sum(0).argmax() == 1
    assert spikes[30:, 0].sum(0).tolist()[1] > 25
    assert within_four_errors(
        np.array([sl.softmax_spikes(ran, how, seed=n)[0, 0] for n in range(2000)]),
        softmax(ran.output_sums[0, 0]),
    )


@pytest.mark.parametrize("how", [{"how": "potential"}, {"how": "clock", "clock": 0.5}])
def test_seeds_and_generators(how, rng):
    ran = record(rng.normal(0, 1, (40, 3, 5)))
    runs = [
        sl.softmax_spikes(ran, **how, seed=seed)
        for seed in (7, 7, np.random.default_rng(7), np.int64(7), 8)
    ]
    assert (runs[0] == runs[1]).all()
    assert (runs[0] == runs[2]).all()
    assert (runs[0] == runs[3]).all()
    assert (runs[0] != runs[4]).any()
    unseeded = [sl.softmax_spikes(ran, **how) for _ in range(2)]
    assert (unseeded[0] != unseeded[1]).any()
    generator = np.random.default_rng(7)
    sl.softmax_spikes(ran, **how, seed=generator)
    assert (sl.softmax_spikes(ran, **how, seed=generator) != runs[0]).any()


def test_the_record_is_not_changed(rng):
    ran = record(rng.normal(0, 1, (40, 3, 5)))
    before = ran.output_sums.copy()
    sl.softmax_spikes(ran, seed=0)
    assert (ran.output_sums == before).all()


@pytest.mark.parametrize("clock", [0, 0.0, -0.5, 1.001, 2, float("nan"), float("inf")])
def test_a_clock_that_is_no_probability_is_refused(clock):
    with pytest.raises(sl.OptionError, match=r"clock = .*: expected a probability in \(0, 1\]"):
        sl.softmax_spikes(constant([[0.0, 1.0]], 3), "clock", clock=clock)


def test_other_refusals():
    ran = constant([[0.0, 1.0]], 3)
    with pytest.raises(sl.OptionError, match=r"how = 'potental': .* Did you mean 'potential'\?"):
        sl.softmax_spikes(ran, "potental")
    with pytest.raises(sl.OptionError, match=r"seed = -1: expected a whole number"):
        sl.softmax_spikes(ran, seed=-1)
    with pytest.raises(sl.OptionError, match=r"record: found ndarray, expected a Record"):
        sl.softmax_spikes(ran.output_sums)
    with pytest.raises(sl.ShapeError, match=r"shape \(2, 2\) for one image, expected one score"):
        sl.softmax_spikes(record(np.zeros((3, 1, 2, 2))))
    with pytest.raises(sl.ShapeError, match=r"shape \(\) for one image, expected one score"):
        sl.softmax_spikes(record(np.zeros((3, 1))))


@pytest.mark.parametrize("clock", [True, "1", None])
def test_a_clock_that_is_no_number_is_refused(clock):
    record = sl.simulate(sl.convert(nn.ReLU(), [[1.0, 1.0]], threshold=sl.Fixed(1.0)), [[0, 1]], 3)
    with pytest.raises(sl.OptionError, match=r"clock = "):
        sl.softmax_spikes(record, "clock", clock=clock)


def test_without_a_clock_nothing_can_be_set_of_it():
    with pytest.raises(sl.OptionError, match=r"clock = 0\.5: there is none with how='potential'"):
        sl.softmax_spikes(constant(np.zeros((1, 2)), 3), "potential", clock=0.5)
