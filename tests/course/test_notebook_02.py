"""What the prose of notebook 02 claims, and that no answer stands above its exercise."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from snnlab import explorers
from snnlab.analysis import quantization
from snnlab.dynamics import hard_count, soft_count

FILE = Path(__file__).parent.parent.parent / "notebooks" / "02_quantization_error.ipynb"
CELLS = json.loads(FILE.read_text())["cells"]


def test_a_neuron_that_starts_empty_is_low_by_less_than_a_stair():
    z = np.arange(257) / 256
    for steps in (4, 8, 16):
        gap = z - soft_count(z, steps) / steps
        assert gap.min() == 0
        assert 1 / steps - 1 / 256 <= gap.max() < 1 / steps


def test_for_a_single_current_8_steps_may_be_no_better_than_4():
    assert soft_count(0.3, 4) / 4 == soft_count(0.3, 8) / 8 == 0.25


def mean_square(theta, steps):
    """Return the mean square error for activations spread evenly from 0 to 1, integrated."""
    return theta**3 / (12 * steps**2) + (1 - theta) ** 3 / 3


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 32])
def test_the_best_threshold_is_where_the_largest_loses_half_a_stair(steps):
    best = 2 * steps / (2 * steps + 1)
    assert 1 - best == pytest.approx(best / (2 * steps))
    around = np.linspace(0.5, 1, 5001)
    assert around[mean_square(around, steps).argmin()] == pytest.approx(best, abs=1e-4)
    for theta in (0.5, best, 0.9):
        found = explorers.QuantizationError.compute(steps, theta, 0.5)["rms"]
        assert found == pytest.approx(np.sqrt(mean_square(theta, steps)), rel=2e-3)


def test_the_best_threshold_is_among_the_choices():
    (asked,) = (s for c in CELLS if 'course.Prediction(\n    "2.3"' in (s := "".join(c["source"])))
    choices = [float(c) for c in re.search(r"candidates = \[(.*)\]", asked)[1].split(", ")]
    best = 4 / 5
    assert best in choices
    assert min(choices, key=lambda theta: mean_square(theta, 2)) == best


def test_the_sum_over_all_stairs_of_reset_to_zero_is_its_mean():
    """1/n on a share 1/(n (n - 1)) of all currents, and what is read there in endless time."""
    n = np.arange(2, 10**6, dtype=float)
    read = np.sum(1 / (n * n * (n - 1)))
    assert read == pytest.approx(1 - (np.pi**2 / 6 - 1), abs=1e-6)
    assert round(read, 3) == 0.355
    assert read - 0.5 == pytest.approx(quantization.hard_reset_bias(), abs=1e-6)
    z = (np.arange(4096) + 0.5) / 4096
    assert np.mean(hard_count(z, 10**6) / 10**6) == pytest.approx(read, abs=2e-4)


@pytest.mark.parametrize("number", ["2.1", "2.2", "2.6"])
def test_the_explanation_is_folded_and_comes_after_the_exercise(number):
    text = "\n".join("".join(c["source"]) for c in CELLS if c["cell_type"] == "markdown")
    assert text.index(f"**Exercise {number}.**") < text.index(f"**Explain {number}.**")
    folded = re.findall(r"<details>.*?</details>", text, re.S)
    assert sum(f"**Explain {number}.**" in one for one in folded) == 1
