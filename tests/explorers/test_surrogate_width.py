"""The explorer of surrogates and depth, against torch's own gradients and the law."""

import math

import numpy as np
import pytest
import torch
from helpers.explorers import said, shared

from snnlab import explorers
from snnlab.explorers import surrogate_width
from snnlab.gallery.neurons import spikes


@pytest.fixture(scope="module")
def widths():
    return shared(explorers.SurrogateWidth)


def by_autograd(width, depth):
    """Return the norms of torch's gradients by the currents of each layer, the last one 1."""
    z = [torch.from_numpy(surrogate_width.INPUTS).requires_grad_()]
    for weights in surrogate_width.WEIGHTS[1:depth]:
        a = spikes(z[-1], width) @ torch.from_numpy(weights)
        z.append((a - a.mean(0)) / a.std(0, correction=0))
        z[-1].retain_grad()
    (torch.from_numpy(surrogate_width.ERRORS) * z[-1]).sum().backward()
    norms = np.array([float(current.grad.norm()) for current in z])
    return norms / norms[-1]


@pytest.mark.parametrize("depth", [2, 7, 24])
@pytest.mark.parametrize("width", [0.25, 0.5, 1.0, 4.0])
def test_gradients_are_those_of_torch(width, depth):
    data = surrogate_width.compute(width, depth)
    assert data["norms"] == pytest.approx(by_autograd(width, depth), rel=1e-6)


@pytest.mark.parametrize("width", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_gradients_follow_the_law(width):
    """By layer within a seventh; the layers are narrow, and all of one image."""
    data = surrogate_width.compute(width, 24)
    by_layer = data["norms"][0] ** (1 / 23)
    assert by_layer == pytest.approx(data["predicted"][0] ** (1 / 23), rel=1 / 7)
    assert data["predicted"][-1] == data["norms"][-1] == 1


def test_the_bump_reaches_as_many_currents_as_a_normal_distribution_has_there():
    for width in (0.25, 1.0, 3.0):
        low, high = (math.erf((1 + sign * width) / math.sqrt(2)) / 2 for sign in (-1, 1))
        assert surrogate_width.compute(width, 24)["under"] == pytest.approx(high - low, abs=0.03)


@pytest.mark.parametrize(("width", "way"), [(0.25, "explode"), (1.25, "keep"), (4.0, "vanish")])
@pytest.mark.parametrize("depth", [6, 24])
def test_words_formula_and_picture_say_what_was_computed(widths, width, depth, way):
    left, right = widths.picture.figure.axes
    data = widths.compute(width=width, depth=depth)
    widths.draw(data)
    words = widths.describe(data, width=width, depth=depth)
    under, layer, law, first = said(
        rf"{depth} layers: the bump reaches ([\d.]+) % .* gradient by ([\d.]+) on average "
        rf"\(predicted: ([\d.]+)\), so gradients {way}.* it is ([\d.e+-]+) times",
        words,
    )
    assert under == pytest.approx(100 * data["under"], abs=0.5)
    assert layer == pytest.approx(data["norms"][0] ** (1 / (depth - 1)), rel=0.01)
    assert law == pytest.approx(math.sqrt(data["growth"]), rel=0.01)
    assert first == pytest.approx(data["norms"][0], rel=0.01)
    formula = widths.formula(data, width=width, depth=depth)
    assert rf"\chi^{{{depth - 1}/2}} = {data['predicted'][0]:.3g}$" in formula
    bump = left.lines[-1].get_ydata()
    grid = left.lines[-1].get_xdata()
    assert bump == pytest.approx(np.interp(grid, [1 - width, 1, 1 + width], [0, 1 / width, 0]))
    assert bump.max() <= left.get_ylim()[1]
    for line, values in zip(right.lines, (data["norms"], data["predicted"]), strict=True):
        assert line.get_xdata().tolist() == list(range(1, depth + 1))
        assert line.get_ydata().tolist() == values.tolist()
        low, high = right.get_ylim()
        assert low < values.min() <= values.max() < high
