"""Each neuron model of the course does what its purpose says; each mistake in one is named."""

import gc
import logging
import math
import re
from types import MappingProxyType

import brian2 as b2
import numpy as np
import pytest
from brian2 import mA, ms, mV, nA, nF, pA, second, us, volt
from helpers.brian import EXACT, message_of

from snnlab.brian import Model, models, simulate_neuron
from snnlab.dynamics import hard_count, soft_count
from snnlab.exceptions import OptionError

NAN = float("nan")


def run(model, currents, dt=1 * ms, unit=nA, **replaced):
    """Run one neuron for each column of `currents`, one step for each row."""
    model = models[model].replace(**replaced) if replaced else models[model]
    currents = np.asarray(currents)
    return simulate_neuron(model, currents * unit, len(currents) * dt, dt)


def constant(model, currents, timesteps, dt=1 * ms, unit=nA, **replaced):
    """Run one neuron for each constant current."""
    return run(model, np.tile(currents, (timesteps, 1)), dt, unit, **replaced)


def exactly(model, currents, **replaced):
    return run(model, currents, second, b2.amp, **EXACT, **replaced)


def dyadic(rng, timesteps, neurons, low=-128, high=192):
    return rng.integers(low, high, (timesteps, neurons)) / 64


def loop(currents, reset, v=0.0, pause=0):
    """Integrate and fire by hand, threshold 1, `pause` steps from a spike to the next at least."""
    trains, potentials = np.zeros_like(currents), np.zeros_like(currents)
    for n, column in enumerate(currents.T):
        state, last = v, -math.inf
        for k, z in enumerate(column):
            if k - last >= pause:
                state += z
                if state >= 1:
                    trains[k, n], last = 1, k
                    state = state - 1 if reset == "subtract" else 0.0
            potentials[k, n] = state
    return trains, potentials


def steps_between(record):
    """Return the numbers of steps between spikes, one array for each neuron."""
    return [np.diff(np.flatnonzero(train)) for train in record.spikes.T]


# The catalogue


NAMES = [
    "if",
    "if_zero",
    "lif",
    "if_refractory",
    "adaptive_threshold",
    "bistable",
    "eif",
    "exponential_synapse",
    "alpha_synapse",
]


def test_catalogue_is_a_mapping_that_makes_each_model_once():
    assert list(models) == NAMES
    assert len(models) == len(NAMES)
    assert "lif" in models
    assert "liff" not in models
    assert models["lif"] is models["lif"]
    assert models["lif"] is not models["if"]


def test_catalogue_shows_a_table():
    lines = repr(models).splitlines()
    assert lines[0].startswith("9 neuron models")
    for name in NAMES:
        assert any(line.split()[:1] == [name] for line in lines)
        assert name in models._repr_html_()
    assert models._repr_html_().count("<tr") == 1 + len(NAMES)


@pytest.mark.parametrize("name", ["liff", "IF", 3, None])
def test_unknown_model_is_refused(name):
    message = message_of(OptionError, models.__getitem__, name)
    assert message.startswith(f"model = {name!r}: expected 'if' or 'if_zero' or 'lif' or ")
    assert ("Did you mean 'lif'" in message) == (name == "liff")


@pytest.mark.parametrize("name", NAMES)
def test_model_is_described_and_starts_in_units_of_its_threshold(name):
    model = models[name]
    assert model.purpose[0].isupper()
    assert model.purpose.endswith(".")
    assert any(character.isdigit() for character in model.source)
    for text in (repr(model), model._repr_html_()):
        assert model.source in text
        assert "dv/dt" in text
        assert "v_threshold" in text
    start = model.replace(v_init=0.375)
    threshold = model.parameters.get("v_threshold", model.parameters.get("v_threshold_0"))
    record = simulate_neuron(start, 0 * nA, us, us)
    assert record.v_mV[0] == pytest.approx(0.375 * float(threshold / mV), rel=1e-3)


# if and if_zero


@pytest.mark.parametrize("v_init", [0.0, 0.5])
@pytest.mark.parametrize(("name", "reset"), [("if", "subtract"), ("if_zero", "zero")])
def test_if_is_the_loop_by_hand_bit_by_bit(name, reset, v_init, rng):
    currents = dyadic(rng, 40, 60)
    record = exactly(name, currents, v_init=v_init)
    trains, potentials = loop(currents, reset, v_init)
    np.testing.assert_array_equal(record.spikes, trains)
    np.testing.assert_array_equal(record.v_mV, potentials * 1000)
    assert 0 < trains.mean() < 1


@pytest.mark.parametrize("v_init", [0.0, 0.25])
@pytest.mark.parametrize(("name", "count"), [("if", soft_count), ("if_zero", hard_count)])
def test_if_counts_as_the_converter_does_even_at_ties(name, count, v_init):
    z = np.arange(-16, 160) / 64
    record = exactly(name, np.tile(z, (24, 1)), v_init=v_init)
    np.testing.assert_array_equal(record.counts, count(z, 24, v_init=v_init))


def test_if_has_the_rate_of_a_relu_and_if_zero_one_below():
    z = np.linspace(-5, 20, 101) + 0.003  # nA; 10 nA fire in each step of 1 ms
    relu = np.clip(z / 10, 0, 1)
    soft, hard = (constant(name, z, 200).counts / 200 for name in ("if", "if_zero"))
    assert np.abs(soft - relu).max() <= 1 / 200
    assert (hard <= soft).all()
    assert (relu - hard).max() > 0.4  # a current just below the threshold, every second step


# lif


def test_lif_fires_above_its_rheobase_after_the_time_of_the_formula():
    rheobase, tau = 0.5, 20.0  # nA: C θ / τ; ms
    z = np.array([0.1, 0.49, 0.499, 0.501, 0.51, 0.6, 1.03, 2.0, 4.7, 9.0])
    record = constant("lif", z, 400)
    period = tau * np.log(z[3:] / (z[3:] - rheobase))
    steps = np.ceil(period).astype(int)
    np.testing.assert_array_equal(record.counts, np.r_[0, 0, 0, 400 // steps])
    for times, between in zip(record.spike_times_ms[3:], steps, strict=True):
        np.testing.assert_allclose(times, between * np.arange(1, len(times) + 1), rtol=1e-12)


def test_lif_follows_the_exact_solution_whatever_the_step():
    z = np.array([-2.0, 0.3, 0.7, 3.0])
    for dt in (0.5, 4.0):
        record = constant("lif", z, 100, dt * ms)
        for n, train in enumerate(record.spikes.T):
            fired = np.maximum.accumulate(np.where(train, np.arange(1, 101), 0))
            since = (np.arange(1, 101) - fired) * dt
            np.testing.assert_allclose(
                record.v_mV[:, n], z[n] * 20 * -np.expm1(-since / 20), rtol=1e-9, atol=1e-12
            )


def test_the_leak_makes_inaudible_what_if_hears():
    assert constant("lif", [0.401], 500).counts == 0
    assert constant("if", [0.401], 500).counts == 20


# if_refractory


def test_if_refractory_is_the_loop_by_hand_with_a_pause(rng):
    currents = dyadic(rng, 60, 40, low=-32)
    record = exactly("if_refractory", currents, refractory=5 * second)
    trains, potentials = loop(currents, "subtract", pause=5)
    np.testing.assert_array_equal(record.spikes, trains)
    np.testing.assert_array_equal(record.v_mV, potentials * 1000)


def test_refractory_time_adds_to_the_time_to_threshold_and_caps_the_rate():
    """The first step of integration ends the pause, hence the - dt; hidden as dt goes to 0."""
    z, dt = np.array([0.5, 1.0, 2.0, 5.0, 100.0, 1e5]), 0.125
    record = constant("if_refractory", z * 1.0001, 1600, dt * ms)
    expected = 10 / z + 5 - dt
    for between, interval in zip(steps_between(record), expected, strict=True):
        assert between.mean() * dt == pytest.approx(max(interval, 5), abs=0.02)
    assert (record.rate_hz <= 1000 / 5 + 5).all()
    rates = record.rate_hz / z
    assert (np.diff(rates) < 0).all()  # it bends
    assert record.rate_hz[-1] == record.rate_hz[-2] == 200


def test_input_during_the_pause_is_lost():
    currents = np.zeros((20, 2))
    currents[0] = 10.001
    currents[2:4, 1] = 8  # 2 ms after the spike
    record = run("if_refractory", currents)
    np.testing.assert_array_equal(record.v_mV[:, 0], record.v_mV[:, 1])
    assert np.ptp(run("if", currents).counts) == 1


# adaptive_threshold


def test_adaptive_threshold_is_the_loop_by_hand():
    z, decay = np.array([0.7, 3.1, 9.3, 25.7]), math.exp(-1 / 50)
    record = constant("adaptive_threshold", z, 300)
    v, threshold = np.zeros(4), np.full(4, 10.0)
    for k in range(300):
        v = v + z
        threshold = 10 + (threshold - 10) * decay
        spikes = v >= threshold
        v = v - threshold * spikes
        threshold = threshold + spikes
        np.testing.assert_array_equal(record.spikes[k], spikes)
        np.testing.assert_allclose(record.v_mV[k], v, atol=1e-9)
        np.testing.assert_allclose(record.states["v_threshold"][k] / mV, threshold, rtol=1e-9)


def test_adaptive_threshold_compresses_large_activations():
    z = np.array([-3, 0.05, 1, 2, 4, 8, 16])
    record = constant("adaptive_threshold", z, 4000, 0.1 * ms)
    assert record.states["v_threshold"].min() >= 10 * mV * (1 - 1e-12)
    assert record.counts[0] == 0
    trains = zip(record.spikes.T[2:], z[2:], strict=True)
    intervals = [np.diff(np.flatnonzero(train)[-5:]).mean() * 0.1 for train, _ in trains]
    # Between two spikes the charge z·D fills the threshold, which has decayed from the last ones.
    for interval, current in zip(intervals, z[2:], strict=True):
        filled = 10 + 1 / math.expm1(interval / 50)
        assert current * interval == pytest.approx(filled, rel=0.03)
    gain = 1 / np.array(intervals) / z[2:]
    assert (np.diff(gain) < 0).all()
    assert gain[-1] < 0.5 * gain[0]


# bistable


def test_bistable_is_silent_while_it_gathers():
    record = constant("bistable", [3.1, 8.3, 50.0], 80)
    periods = record.spikes.reshape(4, 2, 10, 3)
    assert (periods[:, 0] == 0).all()
    assert (periods[:, 1].sum((0, 1)) > [6, 20, 39]).all()


def test_bistable_forgets_the_order_of_arrival_and_if_does_not(rng):
    arriving = np.r_[rng.integers(0, 192, 6), rng.integers(-64, 0, 4)] / 64
    currents = np.zeros((20, 30))
    currents[:10] = np.stack([rng.permutation(arriving) for _ in range(30)], 1)
    gathered = exactly("bistable", currents, period=10 * second)
    assert gathered.counts[0] == math.floor(arriving.sum()) > 2
    np.testing.assert_array_equal(gathered.spikes, np.tile(gathered.spikes[:, :1], 30))
    trains = exactly("if", currents).spikes
    assert len(np.unique(trains, axis=1).T) > 10


# eif


def test_eif_fires_by_itself_where_lif_falls_back():
    # Without input the potential grows from where slope·exp((v - v_soft)/slope) = v.
    low, high = 10.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if math.exp(middle - 10) > middle else (middle, high)
    pulse = np.arange(8, 20, 0.25) + 0.1
    currents = np.zeros((1000, len(pulse)))
    currents[0] = pulse / 0.02  # at once, to `pulse` mV
    eif = run("eif", currents, 0.02 * ms)
    reached = eif.v_mV[0]
    np.testing.assert_allclose(reached, pulse, atol=0.2)
    np.testing.assert_array_equal(eif.counts, (reached > low) * 1)
    assert 10 < (eif.counts == 0).sum() < 30
    assert all(times > 0.02 for train in eif.spike_times_ms for times in train)
    assert run("lif", currents, 0.02 * ms, v_threshold=20 * mV).counts.sum() == 0


# Synapses


SYNAPSES = ["exponential_synapse", "alpha_synapse"]


@pytest.mark.parametrize("name", SYNAPSES)
def test_synapse_passes_the_same_charge_and_count_but_later(name, rng):
    currents = np.zeros((400, 30))
    currents[:150] = rng.uniform(0, 9, (150, 30))
    late, direct = run(name, currents), run("if", currents)
    charge = currents.sum(0)
    np.testing.assert_allclose(late.states["I_syn"].sum(0) / nA, charge, rtol=1e-9)
    np.testing.assert_allclose(late.v_mV[-1] + 10 * late.counts, charge, rtol=1e-9)
    np.testing.assert_array_equal(late.counts, direct.counts)
    for after, before in zip(late.spike_times_ms, direct.spike_times_ms, strict=True):
        assert (after > before).all()


def test_synapses_answer_a_pulse_as_their_closed_forms_do():
    currents = np.zeros((1500, 1))
    currents[0] = 100  # for 0.02 ms: 2 pC
    time = np.arange(1, 1501) * 0.02
    shapes = {
        "exponential_synapse": np.exp(-time / 5) / 5,
        "alpha_synapse": time / 25 * np.exp(-time / 5),
    }
    for name, shape in shapes.items():
        answer = run(name, currents, 0.02 * ms).states["I_syn"][:, 0] / nA
        np.testing.assert_allclose(answer, 2 * shape, atol=0.02 * 2 * shape.max())


def test_the_slower_the_onset_the_smoother_an_uneven_train(rng):
    currents = 40 * rng.binomial(1, 0.1, (2000, 20))
    unevenness = []
    for name in ("if", *SYNAPSES):
        between = steps_between(run(name, currents))
        unevenness.append(np.array([np.std(steps) / np.mean(steps) for steps in between]))
    assert (unevenness[0] > unevenness[1]).all()
    assert (unevenness[1] > unevenness[2]).all()


# Models of one's own


OWN = {
    "equations": "dv/dt = I/C - u/tau : volt\ndu/dt = -u/tau : volt\ndw/dt = -w/tau : volt",
    "threshold": "v >= v_threshold",
    "reset": "v = 0*mV\nu += 1*mV",
    "parameters": {"C": 1 * nF, "v_threshold": 10 * mV, "tau": 20 * ms},
}


def second_line(line):
    """Return three equations with this one in the middle."""
    lines = OWN["equations"].splitlines()
    return "\n".join([lines[0], line, lines[2]])


def one(equation="dv/dt = I/C : volt", reset="v = 0*mV", **parts):
    return {"equations": equation, "reset": reset} | parts


def given(**parameters):
    return {"parameters": OWN["parameters"] | parameters}


def test_own_model_runs_as_one_of_the_course_does():
    own = Model(**OWN | one("dv/dt = I/C - v/tau : volt", method="exact"))
    z = [[0.3, 0.8, 3.0]] * nA
    mine, theirs = (simulate_neuron(model, z, 100 * ms, ms) for model in (own, "lif"))
    np.testing.assert_array_equal(mine.v_mV, theirs.v_mV)
    np.testing.assert_array_equal(mine.spikes, theirs.spikes)
    assert mine.spikes.any()
    assert mine.model is own
    assert "one of your own" in repr(own)


def test_own_model_reads_no_names_but_its_own():
    C = 1 * nF  # noqa: F841
    message = message_of(OptionError, Model, **OWN | one(parameters={"v_threshold": 10 * mV}))
    assert '"C" could not be resolved' in message


def test_own_model_keeps_its_mappings_to_itself():
    parameters, initial = dict(OWN["parameters"]), {"v": 5 * mV}
    own = Model(**OWN | one(parameters=parameters, initial=initial))
    parameters["C"] = 2 * nF
    initial["v"] = 7 * mV
    assert own.parameters["C"] == 1 * nF
    assert own.initial["v"] == 5 * mV
    for mapping in (own.parameters, own.initial):
        assert isinstance(mapping, MappingProxyType)
    with pytest.raises(AttributeError):
        own.threshold = "v > 0*mV"


def test_variables_start_from_values_expressions_and_0():
    own = Model(**OWN | {"initial": {"v": "w + 1*mV", "w": 2 * mV}})
    starts = own.replace(initial={"w": 2 * mV, "v": "w + 1*mV"})
    record = simulate_neuron(starts, 0 * nA, us, us)
    assert record.v_mV[0] == pytest.approx(3, rel=1e-3)
    assert record.states["w"][0] / mV == pytest.approx(2, rel=1e-3)
    assert record.states["u"][0] == 0 * mV


def test_replace_changes_parameters_and_parts_and_leaves_the_original():
    lif = models["lif"]
    before = repr(lif)
    other = lif.replace(tau=5 * ms, reset="v -= v_threshold", parameters={"extra": 3.0})
    assert other.parameters["tau"] == 5 * ms
    assert other.parameters["extra"] == 3.0
    assert other.parameters["C"] == lif.parameters["C"]
    assert (other.reset, other.threshold) == ("v -= v_threshold", lif.threshold)
    assert repr(lif) == before != repr(other)
    assert lif.parameters["tau"] == 20 * ms
    record = constant("lif", [1.0], 200, tau=5 * ms)  # its rheobase is now 2 nA
    assert record.v_mV.max() == pytest.approx(5, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"tua": 5 * ms}, ["tua: found no parameter of this name", "Did you mean 'tau'?"]),
        ({"tau": 5 * mV}, ["tau = 5. mV: expected the same unit as before, as in 20. ms."]),
        ({"tau": 5}, ["tau = 5: expected the same unit as before, as in 20. ms."]),
        ({"tau": NAN * ms}, ["tau = nan", "expected one finite number"]),
        ({"parameters": 3}, ["parameters: found int"]),
        ({"threshold": "v >"}, ["threshold, line 'v >'"]),
    ],
    ids=str,
)
def test_replace_refuses(changes, parts):
    message = message_of(OptionError, models["lif"].replace, **changes)
    for part in parts:
        assert part in message


# Refusals: what is wrong with a model, and what the message says of it


SYNTAX = "invalid syntax"
UNKNOWN = "could not be resolved"

# Found before Brian2 makes any neuron: the line in the middle, what Brian2 says.
READ = {
    "bracket open": ("du/dt = -(u/tau : volt", "never closed"),
    "sum ends in nothing": ("du/dt = u/tau + : volt", SYNTAX),
    "no unit": ("du/dt = u/tau", ""),
    "no equation": ("u/tau : volt", ""),
    "unit misspelt": ("du/dt = -u/tau : vlot", "'vlot'"),
    "unit not a base unit": ("du/dt = -u/tau : mV", "Use 'volt' instead"),
    "name with a meaning": ("dt : volt", "'dt' has a special meaning"),
}


@pytest.mark.parametrize(("line", "said"), READ.values(), ids=READ)
def test_equations_that_cannot_be_read_are_refused_with_their_line(line, said):
    message = message_of(OptionError, Model, **OWN | {"equations": second_line(line)})
    assert message.startswith(f"equations, line {line!r}: rejected by Brian2: "), message
    assert said in message
    assert "Expected" in message


def test_a_variable_that_is_defined_twice_is_refused_with_one_of_its_lines():
    equations = OWN["equations"] + "\ndu/dt = -2*u/tau : volt"
    message = message_of(OptionError, Model, **OWN | {"equations": equations})
    assert re.match(r"equations, line 'du/dt = -(2\*)?u/tau : volt': rejected by", message), message
    assert "Duplicate definition of variable 'u'" in message


# Found when Brian2 makes them: the parts that differ, the guilty line, what Brian2 says.
MADE = {
    "unknown name": (
        {"equations": second_line("du/dt = -u/taw : volt")},
        "equations, line 'du/dt = -u/taw : volt'",
        f'"taw" {UNKNOWN}',
    ),
    "unknown name at the end": (
        {"equations": OWN["equations"].replace("w/tau", "w/taw")},
        "equations, line 'dw/dt = -w/taw : volt'",
        f'"taw" {UNKNOWN}',
    ),
    "unknown function": (
        {"equations": second_line("du/dt = -f(u)/tau : volt")},
        "equations, line 'du/dt = -f(u)/tau : volt'",
        f'"f" {UNKNOWN}',
    ),
    "wrong unit in sum": (
        {"equations": second_line("du/dt = (1 - u)/tau : volt")},
        "equations, line 'du/dt = (1 - u)/tau : volt'",
        "'1' has unit 1; 'u' has unit V",
    ),
    "wrong unit": (
        {"equations": second_line("du/dt = -u : volt")},
        "equations, line 'du/dt = -u : volt'",
        "Inconsistent units",
    ),
    "function of a quantity": (
        {"equations": second_line("du/dt = exp(u)*mV/tau : volt")},
        "equations, line 'du/dt = exp(u)*mV/tau : volt'",
        "function exp",
    ),
    "another language's power": (
        {"equations": second_line("du/dt = -u^2/mV/tau : volt")},
        "equations, line 'du/dt = -u^2/mV/tau : volt'",
        "",
    ),
    "flag misspelt": (
        one("dv/dt = I/C : volt (unless refactory)"),
        "equations, line 'dv/dt = I/C : volt (unless refactory)'",
        "'unless refactory'",
    ),
    "parameter without unit": (given(C=1), "equations, line 'dv/dt = I/C", "Inconsistent units"),
    "threshold syntax": ({"threshold": "v >"}, "threshold, line 'v >'", SYNTAX),
    "threshold assigns": ({"threshold": "v = 1*mV"}, "threshold, line 'v = 1*mV'", SYNTAX),
    "threshold is a number": ({"threshold": "v"}, "threshold, line 'v'", "not a boolean"),
    "threshold unit": ({"threshold": "v > 10"}, "threshold, line 'v > 10'", "different units"),
    "threshold name": ({"threshold": "v > V"}, "threshold, line 'v > V'", f'"V" {UNKNOWN}'),
    "reset syntax": ({"reset": "v = 0*mV\nu +="}, "reset, line 'u +='", "u +="),
    "reset compares": ({"reset": "u = 0*mV\nv == 0*mV"}, "reset, line 'v == 0*mV'", "v == 0*mV"),
    "reset unit": ({"reset": "v = 0*mV\nu += 1"}, "reset, line 'u += 1'", "'1' has unit 1"),
    "reset name": ({"reset": "v = 0*mV\nu += s"}, "reset, line 'u += s'", f'"s" {UNKNOWN}'),
    "start unit": ({"initial": {"v": 1}}, "initial, line 'v = 1'", "units volt"),
    "start expression": ({"initial": {"v": "1*"}}, "initial, line 'v = 1*'", SYNTAX),
    "start name": ({"initial": {"v": "s*mV"}}, "initial, line 'v = s*mV'", f'"s" {UNKNOWN}'),
}


@pytest.mark.parametrize(("parts", "place", "said"), MADE.values(), ids=MADE)
def test_model_that_brian2_rejects_is_refused_with_part_and_line(parts, place, said):
    message = message_of(OptionError, Model, **OWN | parts)
    assert message.startswith(place), message
    assert ": rejected by Brian2: " in message
    assert said in message, message
    assert "Expected" in message


# Mistakes that snnlab finds itself.
FOUND = {
    "no v": (one("du/dt = I/C : volt"), ["no membrane potential", "'dv/dt = ... : volt'"]),
    "v without unit": (one("dv/dt = I/C/volt : 1"), ["no membrane potential"]),
    "v is no equation": (one("v = I*ohm : volt"), ["no membrane potential"]),
    "empty": (one(""), ["equations: empty", "'dv/dt = I/C : volt'"]),
    "no I": (one("dv/dt = -v/tau : volt"), ["`I` comes from simulate_neuron", "do not read it"]),
    "own I": (one("dv/dt = I/C : volt\nI : amp"), ["`I` comes", "define it themselves"]),
    "parameter and variable": (given(u=1 * mV), ["['u'] are variables", "initial={'u': ...}"]),
    "reset of nothing": (
        {"reset": "v = 0*mV; U = 1*mV"},
        ["reset: changes 'U'", "['u', 'v', 'w']"],
    ),
    "reset of a parameter": (
        {"reset": "v = 0*mV\nv_threshold += 1*mV"},
        ["reset: changes 'v_threshold', which is no variable"],
    ),
    "start of nothing": ({"initial": {"x": 1 * mV}}, ["initial: changes 'x'", "['u', 'v', 'w']"]),
    "start of NaN": ({"initial": {"v": NAN * mV}}, ["v", "nan"]),
    "method": ({"method": "eulr"}, ["method = 'eulr': expected", "Did you mean 'euler'"]),
    "method that cannot": (
        one("dv/dt = I/C + v*v/volt/tau : volt", method="exact"),
        ["method = 'exact': cannot solve", "'euler'"],
    ),
    "method for noise": (
        one("dv/dt = I/C + v*xi/sqrt(tau) : volt", method="euler"),
        ["method = 'euler': cannot solve", "'heun'"],
    ),
    "equations object": (one(b2.Equations("v : 1")), ["equations: found Equations", "a string"]),
    "threshold missing": ({"threshold": None}, ["threshold: found NoneType", "as a string"]),
    "reset number": ({"reset": 0 * mV}, ["reset: found Quantity", "as a string"]),
    "method number": ({"method": 4}, ["method = 4", "expected 'euler'"]),
    "parameters list": ({"parameters": [1]}, ["parameters: found list", "{'name': value}"]),
    "initial list": ({"initial": ["v"]}, ["initial: found list", "{'name': value}"]),
    "parameter not a name": ({"parameters": {3: 1}}, ["3"]),
    "parameter NaN": (given(tau=NAN * ms), ["tau = nan", "one finite number"]),
    "parameter infinite": (given(tau=math.inf * ms), ["tau = inf", "one finite number"]),
    "parameter text": (given(tau="20*ms"), ["tau = '20*ms'", "one finite number"]),
    "parameter array": (given(tau=[1, 2] * ms), ["tau = ", "one finite number"]),
    "parameter True": (given(tau=True), ["tau = True", "one finite number"]),
    "parameter None": (given(tau=None), ["tau = None", "one finite number"]),
    "pause negative": ({"refractory": -1 * ms}, ["refractory = -1. ms", "above 0"]),
    "pause NaN": ({"refractory": NAN * ms}, ["refractory = nan", "one finite", "brian2.ms"]),
    "pause 0": ({"refractory": 0 * ms}, ["refractory = 0. s", "above 0"]),
    "pause without unit": ({"refractory": 5}, ["refractory: found a number without unit", "ms"]),
    "pause in volt": ({"refractory": 5 * mV}, ["refractory: found a quantity in V", "ms"]),
    "pause as text": ({"refractory": "5*ms"}, ["refractory: found str", "10*brian2.ms"]),
    "flag without pause": (
        one("dv/dt = I/C : volt (unless refractory)"),
        ["unless refractory", "refractory="],
    ),
}


@pytest.mark.parametrize(("parts", "said"), FOUND.values(), ids=FOUND)
def test_bad_model_is_refused(parts, said):
    message = message_of(OptionError, Model, **OWN | {"reset": "v = 0*mV"} | parts)
    for part in said:
        assert part in message, message


def test_refusals_leave_no_warning_behind(caplog):
    stages = ["unknown name", "flag misspelt", "threshold name", "reset name", "start unit"]
    bad = [MADE[stage][0] for stage in stages] + [one(""), FOUND["method that cannot"][0]]
    bad.append(FOUND["flag without pause"][0])
    for parts in bad:
        with pytest.raises(OptionError):
            Model(**OWN | {"reset": "v = 0*mV"} | parts)
    Model(**OWN)
    gc.collect()
    assert [said.message for said in caplog.records if said.levelno >= logging.WARNING] == []


def test_units_of_any_size_are_read():
    own = Model(
        **OWN
        | one(parameters={"C": 1e-6 * mA * second / volt, "v_threshold": 1e4 * us * volt / second})
    )
    record = simulate_neuron(own, 3000 * pA, 8 * ms, ms)
    np.testing.assert_array_equal(record.spikes, [0, 0, 0, 1, 0, 0, 0, 1])


def test_another_neuron_is_no_longer_that_of_the_paper():
    lif = models["lif"]
    assert (lif.replace(tau=5 * ms).source, lif.replace(method="rk4").source) == (lif.source,) * 2
    for part in ({"reset": "v -= v_threshold"}, {"threshold": "v > v_threshold"}):
        changed = lif.replace(**part)
        assert (changed.purpose, changed.source) == ("one of your own", "")
    mine = lif.replace(reset="v -= v_threshold", purpose="Mine.", source="me")
    assert (mine.purpose, mine.source) == ("Mine.", "me")


def test_units_in_messages_can_be_read():
    message = message_of(OptionError, models["if"].replace, equations="dv/dt = I : volt")
    assert "does not have the expected unit volt/second (unit is A)" in message
    message = message_of(OptionError, models["if"].replace, threshold="v >= 10")
    assert "Expression 'v' has unit (volt)" in message
