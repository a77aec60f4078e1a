"""Running a neuron: what goes in, what comes out, and that nothing else changes or matters."""

import contextlib
import gc
import logging
import math
import re
import subprocess
import sys

import brian2 as b2
import numpy as np
import pytest
from brian2 import amp, mA, ms, mV, nA, nF, pA, second, us, volt
from brian2.devices.device import Device
from helpers.brian import EXACT, message_of
from hypothesis import given
from hypothesis import strategies as st

import snnlab as sl
from snnlab import brian
from snnlab.brian import Model, NeuronRecord, models, quantities, simulate_neuron
from snnlab.exceptions import OptionError, ShapeError

NAN = float("nan")

NOISY = {
    "equations": "dv/dt = I/C + 2*mV*xi/sqrt(ms) : volt",
    "threshold": "v >= v_threshold",
    "reset": "v = 0*mV",
    "parameters": {"C": 1 * nF, "v_threshold": 10 * mV},
}


def run(current, model="if", duration=8 * ms, dt=1 * ms, **options):
    return simulate_neuron(model, current, duration, dt, **options)


def same(one, other, rtol=0):
    np.testing.assert_array_equal(one.spikes, other.spikes)
    np.testing.assert_allclose(one.v_mV, other.v_mV, rtol)
    np.testing.assert_allclose(one.current_nA, other.current_nA, rtol)


def on_host(model):
    """Return a model of one unit per step and A, in which sums of 64ths are exact."""
    return models[model].replace(**EXACT)


# What goes in


def test_a_number_an_array_and_an_expression_are_the_same_current():
    one = run(3 * nA)
    assert one.v_mV.shape == one.current_nA.shape == one.spikes.shape == (8,)
    for current in (np.full(8, 3) * nA, [3 * nA] * 8, "3*nA", 3000 * pA):
        other = run(current)
        assert other.v_mV.shape == (8,)
        same(one, other, rtol=1e-12)


def test_columns_are_neurons_on_their_own(rng):
    currents = rng.integers(-64, 192, (30, 5)) / 64
    together = run(currents * amp, on_host("if"), 30 * second, second)
    assert together.v_mV.shape == together.spikes.shape == (30, 5)
    np.testing.assert_allclose(together.current_nA, currents * 1e9, rtol=1e-12)
    for n in (0, 4):
        alone = run(currents[:, n] * amp, on_host("if"), 30 * second, second)
        np.testing.assert_array_equal(alone.v_mV, together.v_mV[:, n])
        np.testing.assert_array_equal(alone.spikes, together.spikes[:, n])
    row = run(currents[:1] * amp, on_host("if"), 30 * second, second)
    tiled = run(np.tile(currents[:1], (30, 1)) * amp, on_host("if"), 30 * second, second)
    same(row, tiled)


@pytest.mark.parametrize("dt", [0.1, 0.3, 1 / 3, 0.7])
def test_each_step_reads_its_own_row_whatever_the_step(dt):
    """Rounding of t/dt must not repeat or skip a row."""
    currents = np.arange(700.0)
    record = run(currents * nA, duration=700 * dt * ms, dt=dt * ms)
    np.testing.assert_allclose(record.current_nA, currents, rtol=1e-12)


def test_expression_is_taken_at_the_beginning_of_each_step():
    silent = models["if"].replace(v_threshold=1 * volt)
    record = run("4*nA*sin(2*pi*50*Hz*t) + nA*int(t > 5*ms)", silent, duration=20 * ms, dt=0.5 * ms)
    begin = np.arange(40) * 0.5
    expected = 4 * np.sin(2 * np.pi * begin / 20) + (begin > 5)
    np.testing.assert_allclose(record.current_nA, expected, atol=1e-12)
    np.testing.assert_allclose(record.v_mV, 0.5 * np.cumsum(expected), atol=1e-9)


@given(st.integers(1, 10**6), st.floats(1e-6, 1e3))
def test_steps_are_those_that_make_up_the_duration(number, dt):
    assert quantities.count_steps(number * (dt * ms), dt * ms) == number


# What comes out


def test_time_is_the_end_of_each_step():
    record = run(3 * nA)
    assert record.time_ms.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_allclose(record.v_mV, [3, 6, 9, 2, 5, 8, 1, 4])
    assert record.spikes.tolist() == [0, 0, 0, 1, 0, 0, 1, 0]
    assert record.spikes.dtype == np.int32
    assert record.spike_times_ms.tolist() == [4, 7]
    assert record.counts == 2
    assert record.rate_hz == 250
    fine = run(3 * nA, dt=0.1 * ms, duration=1000 * ms)
    np.testing.assert_allclose(fine.time_ms, np.linspace(0.1, 1000, 10000), rtol=1e-12)
    np.testing.assert_allclose(np.diff(fine.time_ms[fine.spikes == 1]), 10 / 3, atol=0.1)


def test_record_of_many_neurons_has_one_entry_for_each():
    record = run([[0, 3, 30, -5]] * nA)
    assert record.counts.tolist() == [0, 2, 8, 0]
    assert record.rate_hz.tolist() == [0, 250, 1000, 0]
    assert [times.tolist() for times in record.spike_times_ms] == [
        [],
        [4, 7],
        [1, 2, 3, 4, 5, 6, 7, 8],
        [],
    ]
    assert repr(record) == "NeuronRecord of 4 neurons over 8 ms, 8 steps: 10 spikes"
    assert repr(run(3 * nA)) == "NeuronRecord of 1 neuron over 8 ms, 8 steps: 2 spikes"
    assert record.model is models["if"]


@given(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=9))
def test_counts_rates_and_times_agree(rows):
    spikes = np.array(rows, np.uint8)
    time = np.arange(1, len(rows) + 1) * 0.5
    record = NeuronRecord(models["if"], time, spikes * 1.0, spikes * 1.0, spikes, {})
    assert [len(times) for times in record.spike_times_ms] == record.counts.tolist()
    np.testing.assert_allclose(record.rate_hz * time[-1] / 1000, record.counts)
    for n, times in enumerate(record.spike_times_ms):
        one = NeuronRecord(models["if"], time, time, time, spikes[:, n], {})
        np.testing.assert_array_equal(one.spike_times_ms, times)
        assert one.counts == record.counts[n]


def test_states_are_all_variables_with_their_units():
    for current, shape in ((3 * nA, (8,)), ([[3, 1]] * nA, (8, 2)), (np.ones((8, 2)) * nA, (8, 2))):
        record = run(current, "alpha_synapse")
        assert set(record.states) == {"v", "I", "I_syn", "rise"}
        assert {value.shape for value in record.states.values()} == {shape}
        assert b2.have_same_dimensions(record.states["v"], volt)
        assert b2.have_same_dimensions(record.states["I_syn"], amp)
        np.testing.assert_allclose(record.states["v"] / mV, record.v_mV)
        np.testing.assert_allclose(record.states["I"] / nA, record.current_nA)


def test_at_most_one_spike_per_step():
    record = run(1 * mA)
    assert record.spikes.tolist() == [1] * 8
    assert record.counts == 8


# Refusals


SIZES = {
    "7 steps": (np.ones(7), ["shape (7,), expected (8,)", "write current[None]"]),
    "7 steps, 2 neurons": (np.ones((7, 2)), ["shape (7, 2), expected (8,)", "(8, N)"]),
    "turned round": (np.ones((2, 8)), ["shape (2, 8)", "(8, N)"]),
    "three axes": (np.ones((8, 2, 1)), ["shape (8, 2, 1)", "(8, N)"]),
    "nothing": (np.ones(0), ["current: holds no number", "expected real ones"]),
    "complex": (np.full(8, 1j), ["current: holds complex numbers", "expected real ones"]),
    "NaN": (NAN, ["current: holds NaN", "expected finite numbers"]),
    "one NaN": (np.r_[NAN, np.ones(7)], ["current: holds NaN", "expected finite numbers"]),
    "infinite": (np.full((1, 3), math.inf), ["current: holds NaN or infinite"]),
}


@pytest.mark.parametrize(("current", "said"), SIZES.values(), ids=SIZES)
def test_current_of_another_shape_or_without_end_is_refused(current, said):
    message = message_of(ShapeError, run, current * nA)
    for part in said:
        assert part in message


OPTIONS = {
    "current without unit": ({"current": 3}, ["current: found a number without unit", "nA"]),
    "current in volt": ({"current": 3 * mV}, ["current: found a quantity in V", "nA"]),
    "no current": ({"current": None}, ["current: found NoneType", "nA"]),
    "currents without unit": ({"current": [3] * 8}, ["current: found a number without unit"]),
    "duration without unit": ({"duration": 8}, ["duration: found a number without unit", "ms"]),
    "duration in volt": ({"duration": 8 * mV}, ["duration: found a quantity in V", "ms"]),
    "duration below 0": ({"duration": -8 * ms}, ["duration = -8. ms", "above 0"]),
    "duration 0": ({"duration": 0 * ms}, ["duration = 0. s", "above 0"]),
    "duration NaN": ({"duration": NAN * ms}, ["duration = nan", "one finite number", "brian2.ms"]),
    "duration without end": ({"duration": math.inf * ms}, ["duration = inf", "one finite number"]),
    "two durations": ({"duration": [8, 9] * ms}, ["duration = ", "one finite number"]),
    "dt without unit": ({"dt": 1}, ["dt: found a number without unit", "ms"]),
    "dt as text": ({"dt": "1*ms"}, ["dt: found str", "10*brian2.ms"]),
    "dt below 0": ({"dt": -1 * ms}, ["dt = -1. ms", "above 0"]),
    "dt 0": ({"dt": 0 * ms}, ["dt = 0. s", "above 0"]),
    "dt NaN": ({"dt": NAN * ms}, ["dt = nan", "one finite number"]),
    "dt does not divide": (
        {"dt": 3 * ms},
        ["duration = 8. ms: 2.66667 steps of dt = 3. ms", "Write duration=9"],
    ),
    "dt longer": ({"dt": 20 * ms}, ["0.4 steps of dt = 20. ms", "Write duration=20"]),
    "model": ({"model": "liff"}, ["model = 'liff': expected", "Did you mean 'lif'"]),
    "model number": ({"model": 3}, ["model = 3: expected"]),
    "target": ({"target": "num"}, ["target = 'num'", "'numpy' or 'cython'", "Did you mean"]),
    "seed below 0": ({"seed": -1}, ["seed = -1: expected a whole number"]),
    "seed half": ({"seed": 0.5}, ["seed = 0.5: expected a whole number"]),
    "expression in volt": ({"current": "4*mV"}, ["current = '4*mV'", "(unit is V)", "gives amp"]),
    "expression without unit": ({"current": "4"}, ["current = '4'", "(unit is 1)", "gives amp"]),
    "expression broken off": ({"current": "4*nA*"}, ["current = '4*nA*'", "invalid syntax"]),
    "expression of unknown": ({"current": "x*nA"}, ["current = 'x*nA'", '"x" could not']),
    "expression with unit": ({"current": "3*nA : amp"}, ["current = '3*nA : amp'", "expected one"]),
    "expression empty": ({"current": ""}, ["current = ''", "gives amp"]),
    "expression of itself": ({"current": "I"}, ["current = 'I'", "gives amp"]),
    "two lines": ({"current": "3*nA : amp\nu = 3*nA"}, ["one expression", "without a unit"]),
    "comparison": ({"current": "3*nA*(t < 5*ms)"}, ["write int(...) around it", "int(t > 5*ms)"]),
}


@pytest.mark.parametrize(("options", "said"), OPTIONS.values(), ids=OPTIONS)
def test_bad_option_is_refused(options, said):
    message = message_of(OptionError, run, **{"current": 3 * nA} | options)
    for part in said:
        assert part in message, message


# Equations that lose their numbers, and when.
SQUARE = Model(
    "dv/dt = v*v/volt/ms + I/C : volt", "v < -1*volt", "v = 0*mV", parameters={"C": 1 * nF}
)
AWAY = {
    "slowly": ((2 * amp, SQUARE), "ms."),
    "at once": ((0 * nA, models["if"].replace(C=0 * nF)), "after 1 ms."),
    "with the current": (("3*nA*ms/t", "if"), "after 1 ms."),
}


@pytest.mark.parametrize(("what", "when"), AWAY.values(), ids=AWAY)
def test_potential_that_runs_away_is_refused(what, when):
    message = message_of(OptionError, run, *what, 80 * ms)
    assert message.startswith("the potential ran away: ")
    assert when in message
    assert "Choose a smaller dt" in message


def test_advice_works_as_it_stands():
    advice = re.search(r"such as '(.*)'\.$", message_of(OptionError, run, "4*mV"))[1]
    np.testing.assert_allclose(run(advice).current_nA, [0, 0, 0, 0, 0, 0, 4, 4], atol=1e-12)


def test_advice_on_the_duration_works_as_it_stands():
    message = message_of(OptionError, run, 3 * nA, dt=3 * ms)
    duration = eval(re.search(r"Write duration=(.*), or", message)[1], vars(b2).copy())
    assert run(3 * nA, duration=duration, dt=3 * ms).time_ms.tolist() == [3, 6, 9]


def test_refusals_leave_no_warning_behind(caplog):
    bad = [OPTIONS[name][0] for name in ("expression in volt", "expression of unknown")]
    bad += [OPTIONS["expression empty"][0], SIZES["7 steps"][0] * nA]
    for options in bad:
        options = options if isinstance(options, dict) else {"current": options}
        with pytest.raises((OptionError, ShapeError)):
            run(**options)
    with pytest.raises(OptionError):
        run(*AWAY["slowly"][0], 80 * ms)
    run(3 * nA)
    gc.collect()
    assert [said.message for said in caplog.records if said.levelno >= logging.WARNING] == []


# What does not matter


@pytest.fixture
def of_the_user():
    """Set what a user may have set, none of it as the calls need it."""
    clock, target, logger = b2.defaultclock.dt, b2.prefs.codegen.target, logging.getLogger("brian2")
    level = logger.level
    b2.defaultclock.dt, b2.prefs.codegen.target = 7 * us, "cython"
    logger.setLevel(logging.ERROR)
    with np.errstate(under="print"):
        yield
    b2.defaultclock.dt, b2.prefs.codegen.target = clock, target
    logger.setLevel(level)


def two_runs():
    return run([[3, 8]] * nA, "lif"), run("3*nA*(1 + randn())", seed=5)


@pytest.fixture
def undisturbed():
    return two_runs()


def test_names_of_the_caller_do_not_matter(undisturbed, monkeypatch):
    C = tau = v_threshold = v_init = I = N = i = dt = t = v = ms_ = 1e9 * second  # noqa: E741, F841
    for name in ("C", "tau", "v_threshold", "v_init", "I", "N", "i", "dt", "t", "v", "randn"):
        monkeypatch.setitem(globals(), name, 1e9 * second)
    for one, other in zip(undisturbed, two_runs(), strict=True):
        same(one, other)
    monkeypatch.setitem(globals(), "x", 1 * nA)
    for name in ("x", "nA*timesteps"):
        assert "could not be resolved" in message_of(OptionError, run, name)


def test_clock_target_and_random_states_do_not_matter(undisturbed, of_the_user):
    numbers = b2.get_device().get_random_state()
    try:
        b2.seed(77)
        for one, other in zip(undisturbed, two_runs(), strict=True):
            same(one, other)
    finally:
        b2.get_device().set_random_state(numbers)


@pytest.mark.parametrize("model", [Model(**NOISY), "if"], ids=["in equations", "in current"])
def test_noise_comes_from_the_seed(model):
    current = 3 * nA if isinstance(model, Model) else "3*nA*(1 + randn())"
    one, other = (run(current, model, 200 * ms, seed=seed) for seed in (0, 1))
    same(one, run(current, model, 200 * ms))
    assert (one.spikes != other.spikes).any()
    assert 30 < one.counts < 100
    smaller = {"seed": np.int64(1)}
    same(other, run(current, model, 200 * ms, **smaller))


def test_noise_has_the_variance_of_its_equation():
    """Without a threshold the variance grows by (2 mV)² in each ms, whatever the step."""
    silent = Model(**NOISY | {"threshold": "v > 1*volt"})
    for dt in (0.5, 2.0):
        record = run(np.zeros((1, 4000)) * nA, silent, 16 * ms, dt * ms)
        np.testing.assert_allclose(record.v_mV.var(1), 4 * record.time_ms, rtol=0.1)


# What stays as it is


def world():
    return {
        "preferences": b2.prefs.as_file,
        "clock": b2.defaultclock.dt,
        "numpy": repr(np.random.get_state()),  # noqa: NPY002 (the global state must stay)
        "numpy error handling": np.geterr(),
        "Brian2's numbers": repr(b2.get_device().get_random_state()),
        "device": b2.get_device(),
        "magic objects": list(b2.magic_network.objects),
        "handlers": [list(logging.getLogger(name).handlers) for name in ("", "brian2")],
        "levels": [logging.getLogger(name).level for name in ("", "brian2")],
    }


def network():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    for parameter in net.parameters():
        parameter.data = torch.full_like(parameter, 0.25)
    x = np.ones((2, 2), np.float32)
    return sl.convert(net, x, threshold=sl.Fixed(1.0)), x


CALLS = {
    "Model": lambda: Model(**NOISY),
    "Model refused early": lambda: Model(**NOISY | {"equations": "dv/dt : volt"}),
    "Model refused late": lambda: Model(**NOISY | {"reset": "v = 0"}),
    "replace": lambda: models["lif"].replace(tau=5 * ms),
    "replace refused": lambda: models["lif"].replace(tau=5 * mV),
    "models": lambda: models["eif"],
    "models refused": lambda: models["lief"],
    "numbers": lambda: run([[3, 4]] * nA),
    "rows": lambda: run(np.ones(8) * nA),
    "expression": lambda: run("3*nA*randn()", seed=3),
    "noise": lambda: run(3 * nA, Model(**NOISY), seed=4),
    "expression refused": lambda: run("3*mV"),
    "unit refused": lambda: run(3),
    "seed refused": lambda: run(3 * nA, seed=-1),
    "cython, refused": lambda: run(3, target="cython"),
    "target refused": lambda: run(3 * nA, target="c"),
    "run away, refused": lambda: run(*AWAY["slowly"][0], 80 * ms),
    "network": lambda: brian.simulate(*network(), 4),
    "network, Poisson input": lambda: brian.simulate(*network(), 4, input="poisson", seed=1),
    "network refused": lambda: brian.simulate(*network(), 0),
    "connections": lambda: brian.connections(network()[0], 0),
}


@pytest.mark.usefixtures("of_the_user")
@pytest.mark.parametrize("name", CALLS)
def test_call_leaves_everything_as_it_was(name):
    before = world()
    refusals = (OptionError, ShapeError)
    with pytest.raises(refusals) if "refused" in name else contextlib.nullcontext():
        CALLS[name]()
    after = world()
    for part in before:
        assert after[part] == before[part], part


def test_a_simulation_of_the_user_goes_on():
    target = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    try:
        mine = b2.NeuronGroup(1, "dx/dt = 1/second : 1", method="euler", dt=1 * ms)
        b2.run(2 * ms)
        run(3 * nA)
        with pytest.raises(OptionError):
            Model(**NOISY | {"reset": "v = 0"})
        b2.run(3 * ms)
        assert mine.x[0] == pytest.approx(0.005)
        assert b2.magic_network.t == 5 * ms
    finally:
        b2.prefs.codegen.target = target


def test_random_numbers_of_the_user_go_on():
    """Brian2 draws ahead into a buffer; what it holds must come out all the same."""
    device = b2.get_device()
    state = device.get_random_state()
    drawn = []
    try:
        for call in (lambda: None, lambda: run("3*nA*randn()", seed=8)):
            b2.seed(12)
            first = np.random.rand(3)  # noqa: NPY002
            call()
            drawn.append(np.r_[first, np.random.rand(3)])  # noqa: NPY002
    finally:
        device.set_random_state(state)
    np.testing.assert_array_equal(*drawn)


def test_a_device_that_writes_programs_is_refused(monkeypatch):
    class Standalone(Device):
        pass

    monkeypatch.setattr(b2, "get_device", lambda: device)
    device = Standalone()
    for call in (lambda: run(3 * nA), lambda: Model(**NOISY)):
        message = message_of(OptionError, call)
        assert "Brian2's device is Standalone" in message
        assert "Write brian2.set_device('runtime') first." in message


# Without Brian2


WITHOUT = """
import sys
sys.modules["brian2"] = None
import numpy as np, torch, matplotlib
matplotlib.use("Agg")
import snnlab as sl
from snnlab import plots
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
for parameter in net.parameters():
    parameter.data = torch.full_like(parameter, 0.25)
x = np.ones((4, 2), np.float32)
record = sl.simulate(sl.convert(net, x), x, 5, spikes=True)
plots.raster(record, 0)
print("simulated", record.timesteps)
try:
    from snnlab import brian
except ImportError as error:
    print(error)
"""


@pytest.mark.slow
def test_all_but_brian_works_without_brian2():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "simulated 5"
    assert "brian2 is not installed" in second
    assert 'pip install "snnlab-course[brian]"' in second
