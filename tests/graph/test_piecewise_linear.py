"""Piecewise linear functions, however they are spelled, are sums of ReLUs."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.exceptions import UnsupportedLayerError
from snnlab.graph import pointwise
from snnlab.graph.evaluation import evaluate
from snnlab.graph.operations import Kind
from snnlab.graph.piecewise_linear import pieces_of
from snnlab.graph.probe import Probe

POINTS = np.concatenate([np.linspace(-20, 20, 401), [-1e4, 1e4, 1e-7]])[:, None]

# What the function is, its knots and slopes.
SHAPES = {
    "LeakyReLU": (lambda x: np.where(x > 0, x, 0.01 * x), [0], [0.01, 1]),
    "Hardtanh": (lambda x: np.clip(x, -1, 1), [-1, 1], [0, 1, 0]),
    "Hardsigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), [-3, 3], [0, 1 / 6, 0]),
    "abs": (np.abs, [0], [-1, 1]),
    "Softshrink": (lambda x: x - np.clip(x, -0.5, 0.5), [-0.5, 0.5], [1, 0, 1]),
    "two knots close together": (lambda x: np.clip(x, 100, 100.5), [100, 100.5], [0, 1, 0]),
    "a far knot": (lambda x: np.maximum(x, 3e4), [3e4], [0, 1]),
    "a triangle": (lambda x: np.maximum(1 - np.abs(x), 0), [-1, 0, 1], [0, 1, -1, 0]),
    "a line": (lambda x: 2 * x + 1, [], [2]),
}
OTHERS = {
    "a jump": lambda x: np.where(x > 1, x, 0),
    "a step": lambda x: (x > 0) * 1.0,
    "floor": np.floor,
    "a parabola": lambda x: x * x,
    "Hardswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-np.clip(x, -500, 500))),
    "not finite": lambda x: np.where(x > 0, x, np.nan),
    "a rounded corner": lambda x: np.logaddexp(0, 3e3 * (x - 3)) / 3e3,
}


@pytest.mark.parametrize(("function", "knots", "slopes"), SHAPES.values(), ids=SHAPES)
def test_pieces_of_a_known_function(function, knots, slopes):
    pieces = pieces_of(function)
    assert pieces.knots.ravel().tolist() == knots
    assert pieces.slopes.ravel() == pytest.approx(slopes, abs=1e-15)
    assert pieces(POINTS) == pytest.approx(function(POINTS), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("function", OTHERS.values(), ids=OTHERS)
def test_function_that_is_not_piecewise_linear_has_no_pieces(function):
    assert pieces_of(function) is None


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_pieces_of_any_piecewise_linear_function(data):
    """An independent form: np.interp between the knots, and the two outer lines."""
    number = data.draw(st.integers(1, 4))
    knots = (
        np.cumsum(
            [
                data.draw(st.integers(-64, 64)),
                *(data.draw(st.integers(4, 99)) for _ in range(number - 1)),
            ]
        )
        / 16
    )
    slopes = [data.draw(st.integers(-8, 8)) / 4 for _ in range(number + 1)]
    heights = data.draw(st.integers(-9, 9)) + np.cumsum([0, *(np.diff(knots) * slopes[1:-1])])

    def function(x):
        inside = np.interp(x, knots, heights)
        left = np.minimum(x - knots[0], 0) * slopes[0]
        return inside + left + np.maximum(x - knots[-1], 0) * slopes[-1]

    pieces = pieces_of(function)
    assert pieces(POINTS) == pytest.approx(function(POINTS), rel=1e-12, abs=1e-11)
    assert len(pieces.knots) == np.count_nonzero(np.diff(slopes))


def test_channels_may_have_knots_and_slopes_of_their_own():
    slopes, tops = np.array([0.25, 1.0, 0.0, -0.5]), np.array([1.0, 2.0, 3.0, 4.0])
    leaky = pieces_of(lambda x: np.where(x > 0, x, slopes * x))
    assert leaky.slopes[0].tolist() == slopes.tolist()
    capped = pieces_of(lambda x: np.clip(x, 0, tops))
    assert capped.knots.tolist() == [[0] * 4, tops.tolist()]
    assert len(capped.ramps()) == 1


# Models


class Step(nn.Module):
    """A model whose forward is `step(model, x)`."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.slopes = nn.Parameter(torch.tensor([0.25, 1.0, 0.0, -0.5]))
        self.register_buffer("zero", torch.zeros(()))

    def forward(self, x):
        return self.step(self, x)


def masked(m, x):
    x = x * 1
    x[x < 0] = 0
    return x


def larger_of_two(m, x):
    y = x.flip(1)
    return torch.where(y < x, x, y)


def straight_through(m, x):
    return x.clamp(0, 1) + (x - x.clamp(0, 1)).detach() * 0


def filled(m, x):
    slopes = torch.ones_like(x)
    slopes[x < 0] = 0.25
    return x * slopes


def copied_before_a_jump(m, x):
    """Twice x up to 0.5, and x + 0.5 above: the copy is not what the step in place leaves."""
    before = x.clone()
    F.threshold(x, 0.5, 0.0, True)
    return x + 2 * before * (before <= 0.5) + 0.5 * (before > 0.5)


# The spelling, and the layers that it becomes.
ONE, TWO, BOTH = ["1.relu"], ["1.relu", "1.relu#2"], ["1.relu", "1.relu.negative"]
SPELLINGS = {
    "F.leaky_relu": (lambda m, x: F.leaky_relu(x, 0.1), BOTH),
    "leaky_relu in place": (lambda m, x: F.leaky_relu(x * 1, 0.1, True), BOTH),
    "F.prelu": (lambda m, x: F.prelu(x, m.slopes), BOTH),
    "F.rrelu": (lambda m, x: F.rrelu(x), BOTH),
    "F.hardtanh": (lambda m, x: F.hardtanh(x), ONE),
    "F.hardsigmoid": (lambda m, x: F.hardsigmoid(x), ONE),
    "F.softshrink": (lambda m, x: F.softshrink(x, 0.3), BOTH),
    "F.threshold": (lambda m, x: F.threshold(x, 0.25, 0.25), ONE),
    "x.abs": (lambda m, x: x.abs(), BOTH),
    "abs": (lambda m, x: abs(x), BOTH),
    "ReLU6 with a shift": (lambda m, x: F.relu6(x + 3) / 6 - 0.5, ONE),
    "clamp(min=a)": (lambda m, x: x.clamp(min=-0.5), ONE),
    "clamp(max=b)": (lambda m, x: torch.clamp(x, max=0.5), ONE),
    "clamp(a, b)": (lambda m, x: x.clamp(-0.5, 1.5), ONE),
    "clamp between channels": (
        lambda m, x: x.clamp(-m.c(m.slopes.abs() + 1), m.c(m.slopes.abs() + 1)),
        ONE,
    ),
    "clamp below a signal": (lambda m, x: torch.clamp(x, max=x.flip(1)), ONE),
    "where, zeros_like": (lambda m, x: torch.where(x > 0, x, torch.zeros_like(x)), ONE),
    "where, number": (lambda m, x: torch.where(x >= 0, x, 0.0), ONE),
    "where, slope": (lambda m, x: torch.where(x < 0, 0.2 * x, x), BOTH),
    "where of two signals": (larger_of_two, ONE),
    "mask": (lambda m, x: x * (x > 0), ONE),
    "mask as float": (lambda m, x: (x > 0).to(x.dtype) * x, ONE),
    "mask as a whole number": (lambda m, x: x * (x > 0).int(), ONE),
    "mask as a bool": (lambda m, x: x.masked_fill(~(x > 0).to(torch.bool), 0), ONE),
    "mask in the type of a weight": (lambda m, x: x * (x > 0).type_as(m.slopes), ONE),
    "one of two masks": (lambda m, x: x * ((x > 0) ^ (x > 0.5)) + 0.5 * (x > 0.5), ONE),
    "slopes put in by a mask": (filled, BOTH),
    "a copy before a jump in place": (copied_before_a_jump, BOTH),
    "mask for some channels": (
        lambda m, x: x * torch.where(m.c(m.slopes > 0.5), (x > 0).to(x), 1.0),
        BOTH,
    ),
    "a number for each channel, and one": (
        lambda m, x: torch.where(x > m.c(m.slopes), x - m.c(m.slopes), m.zero),
        ONE,
    ),
    "one number, and one for each channel": (
        lambda m, x: torch.where(x > m.zero, m.c(m.slopes) * x, 0.1 * x),
        BOTH,
    ),
    "two masks": (lambda m, x: x * ((x > 0) & (x.abs() < 0.5)) + 0.5 * (x >= 0.5), ONE),
    "masked_fill": (lambda m, x: x.masked_fill(x < 0, 0), ONE),
    "assignment to a mask": (masked, ONE),
    "sign": (lambda m, x: x * x.sign(), BOTH),
    "maximum with zeros": (lambda m, x: torch.maximum(x, torch.zeros_like(x)), ONE),
    "max with a number of the model": (lambda m, x: torch.max(x, m.zero), ONE),
    "maximum of two signals": (lambda m, x: torch.maximum(x, x.flip(1)), ONE),
    "minimum of two signals": (lambda m, x: torch.minimum(2 * x, x.flip(1)), ONE),
    "maximum of three": (lambda m, x: torch.maximum(torch.maximum(x, x.flip(1)), x.flip(2)), TWO),
    "min of two signals": (lambda m, x: x.min(x.flip(1)), ONE),
    "fmax": (lambda m, x: torch.fmax(x, 0.5 * x), BOTH),
    "(x + abs(x)) / 2": (lambda m, x: (x + x.abs()) / 2, BOTH),
    "nn.LeakyReLU": (nn.LeakyReLU(), ["1", "1.negative"]),
    "nn.PReLU": (nn.PReLU(4), ["1", "1.negative"]),
    "nn.RReLU": (nn.RReLU(), ["1", "1.negative"]),
    "nn.Hardtanh(-2, 1)": (nn.Hardtanh(-2, 1), ["1"]),
    "nn.Hardsigmoid": (nn.Hardsigmoid(), ["1"]),
    "nn.Softshrink": (nn.Softshrink(), ["1", "1.negative"]),
    "nn.Threshold": (nn.Threshold(-0.5, -0.5), ["1"]),
}
MAXIMA = {
    "x.max(dim)[0]": lambda m, x: x.relu().max(2)[0],
    "x.max(dim=...).values": lambda m, x: x.relu().max(dim=-1, keepdim=True).values,
    "torch.max": lambda m, x: torch.max(x.relu(), 1)[0],
    "x.min(dim)": lambda m, x: x.relu().min(2)[0],
    "x.amin": lambda m, x: x.relu().amin((2,)),
    "stack, then amax": lambda m, x: torch.stack([x.relu(), 2 * x.flip(1)], 1).amax(1),
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def images():
    return torch.randn(8, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def built(step):
    """Return a model with a weight before and behind a step."""
    torch.manual_seed(1)
    step = copy.deepcopy(step) if isinstance(step, nn.Module) else Step(step)
    step.c = lambda value: value[:, None]
    rows = step.eval()(images().float()).flatten(1).shape[1]
    before, behind = nn.Conv1d(4, 4, 3, padding=1), nn.Linear(rows, 2)
    return nn.Sequential(before, step, nn.Flatten(), behind).double().eval()


def assert_same(model, x=None):
    """Check the graph against the model; return it."""
    x = images() if x is None else x
    graph = sl.trace(model, x)
    with torch.no_grad():
        error = (evaluate(graph, x) - model(x)).abs().max()
    assert error <= 1e-12 * model(x).abs().max()
    return graph


@pytest.mark.parametrize(("step", "layers"), SPELLINGS.values(), ids=SPELLINGS)
def test_spelling_is_a_sum_of_relus(step, layers):
    model = built(step)
    assert list(assert_same(model).layers) == layers
    sl.verify(model, sl.convert(model, images()), images())


@pytest.mark.parametrize("step", MAXIMA.values(), ids=MAXIMA)
def test_maximum_over_a_dimension_is_max_pooling(step):
    graph = assert_same(built(step))
    assert len(graph.pools) == 1
    assert [n.meta["kind"] for n in graph.nodes].count(Kind.RELU) == 1


def test_prelu_reads_its_weights_along_the_channels_whoever_else_reads_them():
    def step(m, x):
        return x[..., :4] * m.slopes + F.prelu(x[..., :4], m.slopes)

    x = torch.randn(8, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    graph = assert_same(nn.Sequential(Step(step), nn.Flatten(), nn.Linear(16, 2)).double(), x)
    assert len(graph.layers) == 2


def test_prelu_of_one_value_for_each_image():
    assert_same(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0), nn.PReLU()).double(), images()[:, 0])


def test_gate_of_the_images_themselves_is_refused():
    model = nn.Sequential(Step(lambda m, x: x * (x.flip(1) > 0)), nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(UnsupportedLayerError, match="is no piecewise linear function of one"):
        sl.trace(model.double(), images())


def test_a_constant_as_large_as_the_image_is_one_number(monkeypatch):
    monkeypatch.setattr(pointwise, "_MOST_FUNCTIONS", 4)
    assert_same(built(SPELLINGS["where, zeros_like"][0]))
    assert_same(built(SPELLINGS["F.prelu"][0]))
    each = Step(lambda m, x: (x > m.each) * (x - m.each))
    each.each = torch.arange(12.0, dtype=torch.float64).view(4, 3)
    with pytest.raises(UnsupportedLayerError, match="is no piecewise linear function"):
        sl.trace(nn.Sequential(nn.Conv1d(4, 4, 1), each, nn.ReLU()).double(), images())


def test_of_a_long_formula_only_the_nearest_signals_are_tried():
    def step(m, x):
        for _ in range(30):
            x = x + 1
        return x

    probe = Probe(nn.Sequential(Step(step)).double(), images()[:1], torch.float64)
    last = list(probe.graph.nodes)[-2]
    assert len(list(pointwise.bases(last, probe))) == pointwise._MOST_BASES


def test_layers_say_what_they_are_a_part_of():
    network = sl.convert(built(nn.LeakyReLU()), images())
    assert [node.meta["part"] for node in network.graph.layers.values()] == [
        "leaky_relu above 0",
        "leaky_relu below 0",
    ]
    assert "leaky_relu below 0" in repr(network)
    assert "part" not in repr(sl.convert(built(nn.ReLU()), images()))


NETWORKS = ["F.leaky_relu", "F.prelu", "F.hardtanh", "x.abs", "maximum of two signals"]


@pytest.mark.parametrize("name", NETWORKS)
def test_network_of_such_layers_works_everywhere(name):
    """The SNN nears the ANN, the parts of the error add up, weights normalize, Brian2 connects."""
    model, x = built(SPELLINGS[name][0]), images()
    network = sl.convert(model, x, threshold=sl.Percentile(100))
    record = sl.simulate(network, x, 2048)
    ann = model(x).detach().numpy()
    assert np.abs(record.outputs[-1] - ann).max() <= 0.01 * np.abs(ann).max()
    report = sl.decompose(network, x, record)
    for layer in network.layers:
        error = record.counts(layer) * network.thresholds[layer] / 2048 - report.activations[layer]
        assert report.total(layer) == pytest.approx(error, abs=1e-12)
    normalized = sl.normalize_weights(network)
    sl.verify(model, normalized, x)
    same = [sl.simulate(n, x, 8).outputs for n in (network, normalized)]
    assert same[0] == pytest.approx(same[1], abs=1e-9)
    matrices = sl.brian.connections(network, "output").matrices
    assert set(network.layers) <= set(matrices)


def test_a_part_that_is_silent_takes_the_threshold_of_the_other():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LeakyReLU(), nn.Linear(4, 2)).double()
    x = images()[:, 0]
    network = sl.convert(model, x)
    assert network.thresholds["2.negative"] == pytest.approx(network.thresholds["2"], rel=0.2)
    assert np.abs(sl.ann(network, x).outputs - model(x).detach().numpy()).max() < 1e-12


@pytest.mark.parametrize(
    "padded",
    [
        lambda x: F.pad(x, (0, 1), value=float("-inf")),
        # As exported programs call it.
        lambda x: torch.ops.aten.pad.default(x, [0, 1], "constant", float("-inf")),
        lambda x: torch.ops.aten.pad.default(x, pad=[0, 1], value=float("-inf")),
    ],
)
def test_padding_with_minus_infinity_belongs_to_max_pooling(padded):
    def step(m, x):
        return F.max_pool1d(padded(x.relu()), kernel_size=2, stride=1)

    model, x = built(step), images()
    graph = assert_same(model)
    assert [n.meta["kind"] for n in graph.nodes].count(Kind.MAX_POOL) == 1
    network = sl.convert(model, x, threshold=sl.Percentile(100))
    error = sl.simulate(network, x, 2048).outputs[-1] - model(x).detach().numpy()
    assert np.abs(error).max() <= 0.01
    with pytest.raises(UnsupportedLayerError, match="A gate expects max pooling with windows"):
        network.replace(max_pool="gate")
    sl.verify(model, sl.normalize_weights(network), x)


def multiplied_by_mask(m, x):
    x = x * 1
    x[x < 0] *= 0.1
    return x


REFUSED = {
    "hardshrink": (
        lambda m, x: F.hardshrink(x),
        "It jumps, and no rate can. Train with Softshrink",
    ),
    "hardswish": (lambda m, x: F.hardswish(x), "or with LeakyReLU"),
    "hardswish by hand": (lambda m, x: x * F.relu6(x + 3) / 6, "combines two values"),
    "step": (lambda m, x: (x > 0).to(x), "is no piecewise linear function of one signal"),
    "gate": (lambda m, x: x * (x.flip(1) > 0), "is no piecewise linear function of one signal"),
    "round": (lambda m, x: x.round(), "What jumps has no rate"),
    "jump": (lambda m, x: F.threshold(x, 0.5, 0), "is no piecewise linear function"),
    "sum of steps": (lambda m, x: (x > 0).to(x).sum(1, keepdim=True), "is no piecewise linear"),
    "position of the maximum": (lambda m, x: x * x.max(2, keepdim=True)[1], "where the maximum is"),
    "maximum of a rounded signal": (lambda m, x: torch.maximum(x.round(), x.flip(1)), "(round)"),
    "a signal of another shape": (
        lambda m, x: (lambda y: torch.where(y > 0, y, torch.zeros(4, 3, dtype=x.dtype)))(x[:, :1]),
        "is no piecewise linear function of one signal",
    ),
    "values that a mask chooses": (multiplied_by_mask, "write torch.where(mask, a, b)"),
    "max of all": (lambda m, x: x * 0 + x.max(), "mixes the images"),
    "-inf without max pooling": (
        lambda m, x: F.avg_pool1d(F.pad(x, (1, 1), value=float("-inf")), 3, 1),
        "pads with minus infinity, and not only max pooling reads it",
    ),
    "-inf not for max pooling alone": (
        lambda m, x: (lambda y: F.avg_pool1d(y, 3, 1) + F.max_pool1d(y, 3, 1))(
            F.pad(x, (1, 1), value=float("-inf"))
        ),
        "pads with minus infinity, and not only max pooling reads it",
    ),
}


@pytest.mark.parametrize(("step", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_no_rate_can_follow_is_refused(step, expected):
    with pytest.raises(UnsupportedLayerError) as caught:
        sl.convert(built(step), images())
    assert expected in str(caught.value)
    assert "test_piecewise_linear.py" in str(caught.value)
