"""Every number that a public function takes: what counts as one, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import course, data, explorers, plots
from snnlab._arguments import checks
from snnlab.analysis import deviation, quantization

MODEL = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
X, Y = np.array([[0.5, 0.25]], np.float32), [1]
NET = sl.convert(nn.ReLU(), X, threshold=sl.Fixed(1.0))
DEEP = sl.convert(MODEL, X, threshold=sl.Fixed(1.0))
RECORD = sl.simulate(NET, X, 4, spikes=True, at=(1,))
EXPLORER = explorers.QuantizationError()
STATISTICS = sl.activation_statistics(NET.graph, X)["relu"]

# A name of a parameter, a number for it, and a call with it. The first word is that of the message.
NUMBERS = [
    ("percentile", 99, sl.Percentile),
    ("percentile in statistics", 50, STATISTICS.percentile),
    ("v_init of a neuron", 0, lambda v: sl.Neuron(1.0, v_init=v)),
    ("v_init of a network", 0, lambda v: NET.replace(v_init=v)),
    ("v_init of convert", 0, lambda v: sl.convert(nn.ReLU(), X, v_init=v)),
    ("v_init of simulate", 0, lambda v: sl.simulate(NET, X, 2, v_init=v)),
    ("timesteps of simulate", 2, lambda v: sl.simulate(NET, X, v)),
    ("memory", 10**6, lambda v: sl.simulate(NET, X, 2, memory=v)),
    ("at", 2, lambda v: sl.simulate(NET, X, 2, at=[v])),
    ("seed of simulate", 0, lambda v: sl.simulate(NET, X, 2, input="poisson", seed=v)),
    ("timesteps of quantized", 2, lambda v: sl.quantized(NET, X, v)),
    ("step of counts", 1, lambda v: RECORD.counts("relu", v)),
    ("timesteps of diagnose", 2, lambda v: sl.diagnose(DEEP, X, Y, v)),
    ("clock", 1, lambda v: sl.softmax_spikes(RECORD, "clock", clock=v)),
    ("seed of softmax", 0, lambda v: sl.softmax_spikes(RECORD, seed=v)),
    ("jobs", 1, lambda v: sl.sweep(NET, {"v_init": [0.0]}, X, Y, jobs=v)),
    ("timesteps of sweep", 2, lambda v: sl.sweep(NET, {"v_init": [0.0]}, X, Y, timesteps=[v])),
    ("epochs", 1, lambda v: data.train(MODEL, X, Y, epochs=v)),
    ("batch", 1, lambda v: data.train(MODEL, X, Y, batch=v)),
    ("learning_rate", 1, lambda v: data.train(MODEL, X, Y, learning_rate=v)),
    ("seed of train", 0, lambda v: data.train(MODEL, X, Y, seed=v)),
    ("side", 8, data.load_digits),
    ("v_init of a walk", 0, lambda v: deviation.highest_charge_count([[1.0]], v_init=v)),
    ("up", Fraction(1, 4), lambda v: deviation.coin_walk_count(v, 1)),
    ("levels", 2, lambda v: deviation.coin_walk_count(0.25, v)),
    ("timesteps of a walk", 2, lambda v: deviation.maximum_moments(v, 0.0, 1.0)),
    ("mean", 1, lambda v: deviation.maximum_moments(2, v, 1.0)),
    ("variance", 1, lambda v: deviation.maximum_moments(2, 0.0, v)),
    ("v_threshold of a walk", 1, lambda v: deviation.predicted_error(2, 0.5, 1.0, v)),
    ("timesteps of a bias", 2, quantization.quantization_bias),
    ("v_threshold of a bias", 2, lambda v: quantization.quantization_bias(2, v)),
    ("v_init of a bias", 0, lambda v: quantization.quantization_bias(2, 1.0, v)),
    ("timesteps of a variance", 2, quantization.quantization_variance),
    ("v_threshold of a variance", 2, quantization.hard_reset_variance),
    ("image", 0, lambda v: plots.raster(RECORD, "relu", image=v)),
    ("number of a patient", 1, lambda v: course.patient(DEEP, v)),
    ("number of a mystery", 1, lambda v: course.mystery_patient(DEEP, v)),
    ("number of a neuron", 1, course.MysteryNeuron),
    ("low", 1, lambda v: course.Number(v, 2, 1.0)),
    ("high", 1, lambda v: course.Number(0, v, 1.0)),
    ("step of an answer", 1, lambda v: course.Number(0, 1, v)),
    ("prediction of a learner", 1, lambda v: course.Number(0, 2, 1.0).checked(v, "prediction")),
    ("prediction", 1, lambda v: explorers.Counting(prediction=v)),
    ("timesteps of an explorer", 4, lambda v: EXPLORER.move(timesteps=v)),
]
IDS = [name for name, _, _ in NUMBERS]

# One number for each channel or neuron.
ALSO_ARRAYS = {f"v_init of {what}" for what in ("a neuron", "a network", "convert", "simulate")}
NONE = [True, np.True_, float("nan"), np.float32("inf"), "1", 1j, 10**400, -(10**400)]


@pytest.mark.parametrize(("name", "good", "call"), NUMBERS, ids=IDS)
def test_what_is_no_number_is_refused_by_name(name, good, call):
    whole = int(good) if good % 1 == 0 else good
    arrays = (np.array(float(whole)), torch.tensor(float(whole)), [whole])
    for bad in NONE if name in ALSO_ARRAYS else (*NONE, *arrays):
        with pytest.raises(sl.OptionError, match=rf"(?s)^{name.split()[0]} = .*: expected"):
            call(bad)


@pytest.mark.parametrize(("name", "good", "call"), NUMBERS, ids=IDS)
def test_numbers_of_every_kind_are_taken(name, good, call):
    for kind in (float, np.float32, np.float64, Fraction):
        call(kind(good))
    if good % 1 == 0:
        call(np.int64(good))


def test_ends_may_be_beyond_the_type_of_a_number():
    assert checks.number(np.float16(3), "x", -1e6, 1e6) == 3


@pytest.mark.parametrize("bad", [True, "1", 1j, np.nan, 0, [1.0, np.inf], [True], None])
def test_thresholds_that_are_no_numbers_are_refused(bad):
    for call in (sl.Neuron, lambda theta: deviation.highest_charge_count([[1.0, 2.0]], theta)):
        with pytest.raises(sl.OptionError, match=r"v_threshold.*expected"):
            call(bad)
