"""A converter of one's own: its functions beside the engine, wrong ones told apart."""

import ast
import copy
import inspect
import itertools
import json
import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.seeded import rand, randomized
from helpers.wrong_converter import WRONG
from torch import nn

import snnlab as sl
from snnlab import course, data
from snnlab.course.converter import comparing
from snnlab.course.exercises import converter_solution as solution
from snnlab.course.exercises.piece import PIECES
from snnlab.course.exercises.registry import EXERCISES
from snnlab.dynamics import if_step

OWN = {name: EXERCISES[number] for name, number in PIECES.items() if name != "threshold_of"}


def said(name, answer):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feedback = EXERCISES[PIECES[name]].check(answer)
    assert not feedback.right
    assert not re.search("expected|assert|test", feedback.words, re.I)
    assert feedback.words.endswith((".", "?"))
    return feedback.words


# --- the solution -----------------------------------------------------------------------------


def test_the_solution_is_a_file_of_30_to_60_lines_without_snnlab():
    source = inspect.getsource(solution)
    tree = ast.parse(source)
    imported = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
                for a in node.names}  # fmt: skip
    assert imported == {"copy", "numpy", "torch", "nn"}
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == list(PIECES)
    lines = sum(len([*filter(str.strip, EXERCISES[number].source().splitlines())])
                for number in PIECES.values())  # fmt: skip
    assert 30 <= lines <= 60


@pytest.mark.parametrize("name", OWN)
def test_the_solution_is_right_and_ends_with_what_was_tried(name):
    feedback = EXERCISES[PIECES[name]].check(getattr(solution, name))
    assert feedback.right
    assert re.fullmatch(r"All \d+ cases hold, .* too\.", feedback.words)


def test_the_threshold_is_that_of_exercise_6_3(rng):
    a = np.maximum(rng.integers(-64, 256, size=200) / 64, 0)
    for percentile in (50, 99, 100):
        ours = solution.threshold_of(a, percentile)
        assert ours == EXERCISES["6.3"].solution(a, percentile)


def test_a_neurons_step_is_that_of_the_engine():
    for theta, v, current in itertools.product((0.5, 1.0, 2.0), (-0.5, 0.0, 0.75), (-1, 0.25, 3)):
        assert solution.neuron_step(v, current, theta) == if_step(v, current, theta)


def test_the_trains_of_a_layer_are_those_of_the_engine(rng):
    currents = rng.integers(-64, 128, size=(20, 3, 5)) / 64
    for theta in (0.5, 1.0, 4.0):
        net = sl.convert(nn.ReLU(), [[1.0] * 5], threshold=sl.Fixed(theta))
        frames = torch.tensor(currents, dtype=torch.float32)
        record = sl.simulate(net, frames, 20, input="frames", spikes=True)
        assert np.array_equal(solution.run_layer(currents, theta), record.spikes("relu"))


def dyadic():
    """A convnet that is exact in single precision, its BatchNorms and thresholds included."""
    model = randomized(
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3, eps=0.25), nn.ReLU(),
            nn.AvgPool2d(2), nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4, eps=0.25), nn.ReLU(),
            nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3),
        ),
        seed=3,
        spread=1.0,
    )  # fmt: skip
    for values in (*model.parameters(), *model.buffers()):
        if values.is_floating_point():
            values.data = torch.round(4 * values.data) / 4
    for norm in (model[1], model[5]):
        norm.running_var[:] = 0.75  # with eps the root is 1
    return model


@pytest.mark.parametrize("percentile", [100.0])
def test_the_converted_network_fires_as_the_engine_does_bit_for_bit(percentile):
    model = dyadic()
    x = torch.round(4 * rand(12, 2, 4, 4, seed=1)) / 4
    before = copy.deepcopy(model.state_dict())
    folded = solution.fold(model)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded)
    snn = solution.convert(folded, x, percentile)
    net = sl.convert(model, x, threshold=sl.Percentile(percentile, nonzero=True))
    thresholds = [part for part in snn if not isinstance(part, nn.Module)]
    assert thresholds == list(net.thresholds.values())
    layers = dict(net.graph.module.named_children())
    for mine, name in ((snn[0], "0"), (snn[3], "4")):
        assert torch.equal(mine.weight, layers[name].weight)
        assert torch.equal(mine.bias, layers[name].bias)
    for steps in range(1, 12):
        counts, output = solution.simulate(snn, x, steps)
        record = sl.simulate(net, x, steps)
        for ours, name in zip(counts, net.layers, strict=True):
            assert ours.sum() > 0
            assert np.array_equal(ours, record.counts(name))
        assert np.allclose(output, record.outputs[-1], rtol=1e-6)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


@pytest.mark.parametrize("percentile", [50.0, 99.0, 99.9])
def test_the_thresholds_are_those_of_the_package(percentile):
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 2))
    x = rand(50, 6)
    net = sl.convert(model, x, threshold=sl.Percentile(percentile, nonzero=True))
    _, first, _, second, _ = solution.convert(model, x, percentile)
    assert [first, second] == pytest.approx(list(net.thresholds.values()), rel=1e-6)


# --- wrong answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OWN)
def test_typical_wrong_answers_get_their_own_words(name):
    assert len(WRONG[name]) >= 8
    for words, answers in WRONG[name].items():
        for answer in answers:
            heard = said(name, answer)
            assert [w for w in WRONG[name] if w in heard] == [words], heard


@pytest.mark.parametrize("name", OWN)
def test_every_mistake_of_the_package_is_told_and_the_tests_know_it(name):
    for wrong in OWN[name].mistakes.values():
        heard = {said(name, function) for function in wrong}
        assert all(OWN[name].question not in words for words in heard)
        assert all(sum(known in words for known in WRONG[name]) == 1 for words in heard), heard


@pytest.mark.parametrize("name", OWN)
def test_an_unknown_mistake_is_shown_where_it_shows_first(name):
    piece = OWN[name]
    case = piece.groups[-1][-1]
    calls = []

    def last_is_wrong(*arguments):
        calls.append(arguments)
        result = piece.solution(*arguments)
        if len(calls) < sum(map(len, piece.groups)):
            return result
        return {
            "neuron_step": lambda: (result[0] + 8, result[1]),
            "run_layer": lambda: [spike + 8 for spike in result],
            "simulate": lambda: (result[0], result[1] + 8),
        }.get(name, lambda: result[::-1])()

    heard = said(name, last_is_wrong)
    assert heard.startswith(piece.filled(piece.place, case))
    assert heard.endswith(piece.question)
    assert "; yours " in heard


@pytest.mark.parametrize("name", OWN)
def test_the_blank_and_what_is_no_function_are_refused(name):
    parameters = ", ".join(inspect.signature(OWN[name].solution).parameters)
    for body in ("...", "return ...", "pass"):
        names = {}
        exec(f"def answer({parameters}):\n    {body}", names)
        assert said(name, names["answer"]).startswith("Your function returns nothing yet.")
    for blank in (None, ...):
        heard = said(name, blank)
        assert heard == f'There is nothing here yet. Write keep("{name}", {name}), without its ' + (
            "arguments."
        )
    assert said(name, 2.0).startswith("This is the number 2.0, and a function is asked for.")
    assert said(name, lambda: 0).endswith(f"in this order: {parameters}.")


@pytest.mark.parametrize("name", OWN)
def test_whatever_comes_out_there_is_an_answer(name):
    class Odd:
        __array__ = None

    for value in (np.zeros(2), [], (), [1], "1", True, 1j, np.nan, [np.inf, np.inf], Odd(), {1: 2},
                  (1, 2), ([1], [2]), [[1, 2], [3]], ("a", "b"), torch.zeros(0), [None, None],
                  (nn.ReLU(), nn.ReLU()), [Odd(), Odd()]):  # fmt: skip
        assert said(name, lambda *_, value=value: value)


@pytest.mark.parametrize("name", OWN)
def test_a_function_that_stops_is_quoted(name):
    def answer(*arguments):
        raise KeyError("nowhere")

    assert "your function stopped: KeyError: 'nowhere'." in said(name, answer)


@pytest.mark.parametrize(
    ("name", "needed"),
    [("run_layer", "neuron_step"), ("convert", "threshold_of"), ("simulate", "run_layer")],
)
def test_where_the_function_from_before_comes_from_is_said(name, needed):
    names = {"nn": nn, "torch": torch}
    exec(OWN[name].source(), names)
    assert f"Write {needed} = course.my_converter().{needed} in a cell above." in said(
        name, names[name]
    )


def test_a_network_with_gradients_is_no_mystery():
    names = {"nn": nn, "torch": torch, "threshold_of": solution.threshold_of}
    exec(OWN["convert"].source().replace("@torch.no_grad()\n", ""), names)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with pytest.raises(RuntimeError, match="requires grad"):  # torch's words, as `stops` has them
        names["convert"](model, torch.ones(1, 2), 99.0)


@pytest.mark.parametrize(
    "written",
    [
        lambda v, z, theta: ((v + z) - theta * (v + z >= theta), v + z >= theta),
        lambda v, z, theta: [v + z - theta * ((v + z >= theta) * 1), (v + z >= theta) * 1],
    ],
)
def test_a_spike_may_be_true_or_false_or_a_whole_number(written):
    assert EXERCISES["1.10"].check(written).right


# --- beside snnlab ----------------------------------------------------------------------------


def converter(**functions):
    """Return a learner's converter, of which some functions may be others."""
    made = course.Converter("my_converter")
    for name in PIECES:
        setattr(made, name, functions.get(name, getattr(solution, name)))
    return made


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def small():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3),
    )  # fmt: skip


@pytest.fixture
def net_and_images():
    return randomized(small(), seed=2), rand(20, 1, 6, 6, seed=1), rand(9, 1, 6, 6, seed=2)


def test_the_solution_makes_the_spikes_of_the_package(net_and_images):
    before = torch.get_default_dtype()
    feedback = course.spike_for_spike(converter(), *net_and_images)
    counts = 9 * (4 * 16 + 8) * len(comparing.AFTER)
    assert repr(feedback) == (
        f"Right. All {counts:,} spike counts are those of snnlab, after each of the first 8 steps "
        f"and after 16."
    )
    assert torch.get_default_dtype() == before


def test_single_precision_is_no_fault_of_the_learner(net_and_images):
    def neuron_step(v, current, threshold):
        v = v + current
        if not isinstance(v, torch.Tensor):
            return solution.neuron_step(v, 0, threshold)
        spike = (v >= threshold).float()
        return v - threshold * spike, spike

    def run_layer(currents, threshold):
        v, spikes = threshold / 2, []
        for current in currents:
            v, spike = neuron_step(v, current, threshold)
            spikes.append(spike)
        return spikes

    def simulate(snn, x, timesteps):
        signals, counts = [x] * timesteps, []
        for layer in snn:
            if isinstance(layer, nn.Module):
                signals = [layer(signal) for signal in signals]
            else:
                spikes = run_layer(signals, layer)
                counts.append(sum(spikes))
                signals = [layer * spike for spike in spikes]
        return counts, sum(signals) / timesteps

    mine = converter(
        neuron_step=neuron_step, run_layer=run_layer, simulate=torch.no_grad()(simulate)
    )
    feedback = course.spike_for_spike(mine, *net_and_images)
    assert feedback.right
    assert "spike counts are those of snnlab" in feedback.words


def test_a_wrong_function_of_the_file_is_named(net_and_images):
    mine = converter(neuron_step=WRONG["neuron_step"]["empties the bucket"][0])
    heard = course.spike_for_spike(mine, *net_and_images)
    assert not heard.right
    assert heard.words.startswith("Look at neuron_step in my_converter.py once more. From the pot")


def test_where_the_spikes_part_is_told(net_and_images, monkeypatch):
    def simulate(snn, x, timesteps):
        counts, output = solution.simulate(snn, x, timesteps)
        if x.shape[0] == 9 and timesteps > 2:
            counts[1][4, 2] += 2
        return counts, output

    heard = course.spike_for_spike(converter(simulate=simulate), *net_and_images)
    assert not heard.right
    assert re.search(
        r"^7 of [\d,]+ spike counts differ\. They part in layer 6 after 3 steps: for image 4 a "
        r"neuron of yours fires .*, and snnlab's .*\. Which of your functions decides about that\?",
        heard.words,
    )


def test_other_layers_outputs_and_errors_are_told(net_and_images):
    def with_nine(change):
        def simulate(snn, x, timesteps):
            counts, output = solution.simulate(snn, x, timesteps)
            return change(counts, output) if x.shape[0] == 9 else (counts, output)

        return course.spike_for_spike(converter(simulate=simulate), *net_and_images).words

    assert with_nine(lambda counts, output: (counts[:1], output)) == (
        "Your network has 1 layer of neurons, and snnlab's 2. Which of its layers becomes neurons?"
    )
    assert with_nine(lambda counts, output: (counts, output + 1)).startswith("All spikes are the s")
    assert with_nine(lambda counts, output: 1 / 0) == (
        "Your converter stopped: ZeroDivisionError: division by zero. Which of its functions was "
        "it?"
    )


def test_what_is_no_converter_or_no_sequential_is_refused(net_and_images):
    model, x_cal, x = net_and_images
    with pytest.raises(sl.OptionError, match=r"converter.*course\.my_converter"):
        course.spike_for_spike(SimpleNamespace(), model, x_cal, x)
    with pytest.raises(sl.OptionError, match=r"model.*nn\.Sequential"):
        course.spike_for_spike(converter(), nn.ReLU(), x_cal, x)


NOTEBOOKS = sorted((Path(__file__).parent.parent.parent / "notebooks").glob("*.ipynb"))
IMPORT = r"import (copy|math|torch|numpy as np)|from torch import nn"
# A cell that takes a function from the file.
TAKEN = re.compile(r"(import torch\n\n)?mine = course\.my_converter\(\)\n(\w+) = mine\.\2\nmine")


def test_a_pasted_solution_is_right_in_its_notebook():
    """With the imports of its notebook, and with what its section takes from the file."""
    asked = []
    for notebook in NOTEBOOKS:
        cells = [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == "code"]
        sources = ["".join(c["source"]) for c in cells]
        if not any("course.keep(" in source for source in sources):
            continue
        imports = [
            line for source in sources for line in source.splitlines() if re.fullmatch(IMPORT, line)
        ]
        names = {}
        exec("\n".join(imports), names)
        exec("from snnlab import course", names)
        for source in sources:
            kept = re.findall(r'course\.keep\("(\w+)", (\w+)\)', source)
            if TAKEN.fullmatch(source):
                exec(source, names)
            for name, function in kept:
                assert name == function
                number = PIECES[name]
                assert number.split(".")[0] == notebook.name[:2].lstrip("0")
                exec(EXERCISES[number].source(), names)
                assert EXERCISES[number].check(names[name]).right
                asked.append(name)
        told = [n for s in sources for n in re.findall(r'course\.exercise\("([\d.]+)"\)', s)]
        assert {PIECES[name] for name in asked[-1:]} <= set(told)
        prose = notebook.read_text()
        assert all(f"**Exercise {PIECES[name]}.** Write `{name}(" in prose for name in asked[-1:])
    assert asked in ([], list(PIECES))


@pytest.mark.slow
def test_it_is_exact_on_the_trained_digits_convnet():
    """In single precision too, but for what lies on the edge of a threshold."""
    digits = data.load_digits()
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    model = data.train(model, digits.x_train, digits.y_train)
    feedback = course.spike_for_spike(converter(), model, digits.x_train, digits.x_test)
    assert feedback.right
    assert feedback.words.startswith("All 5,391,360 spike counts")
    x_cal, x = map(torch.from_numpy, (digits.x_train, digits.x_test))
    counts, output = solution.simulate(
        solution.convert(solution.fold(model), x_cal, 99.9), x, timesteps=16
    )
    net = sl.convert(model, x_cal, threshold=sl.Percentile(99.9, nonzero=True))
    record = sl.simulate(net, x, timesteps=16)
    differing = sum(
        int((ours.numpy() != record.counts(name)).sum())
        for ours, name in zip(counts, net.layers, strict=True)
    )
    assert differing <= 60  # of 599,040
    assert (output.argmax(1).numpy() == digits.y_test).mean() > 0.97
