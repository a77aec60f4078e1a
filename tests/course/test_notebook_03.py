"""What the prose of notebook 03 claims, and that no answer stands above its exercise."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from snnlab import explorers
from snnlab.analysis import deviation
from snnlab.dynamics import if_step, soft_count
from snnlab.explorers.water_mark import EVEN

FILE = Path(__file__).parent.parent.parent / "notebooks" / "03_deviation_error.ipynb"


def spikes_of(currents, threshold=1.0, start=0.0):
    v, count = start * threshold, 0
    for z in currents:
        v, spike = if_step(v, z, threshold)
        count = count + spike
    return count


def test_a_large_current_comes_too_late():
    assert spikes_of([0, 0, 0, 2]) == 1
    assert soft_count(0.5, 4) == 2


def test_the_water_of_the_prediction():
    seen = explorers.WaterMark.compute(0.0, 0.5, "mixed", 32.0)
    assert seen["charge"][-1] == 0
    assert round(float(seen["highest"]), 2) == 2.27
    assert seen["counts"]["mixed"] == 2
    assert np.abs(0.5 * EVEN).max() <= 0.5
    assert len(EVEN) == 32


def test_uneven_currents_can_only_add_spikes(rng):
    currents = rng.integers(-64, 65, size=(30, 2000)) / 64
    counts, steady = spikes_of(currents, 1.0, 0.5), soft_count(currents.mean(0), 30, v_init=0.5)
    assert (counts >= steady).all()
    assert (counts > steady).mean() > 0.5


def test_doubling_the_threshold_squares_a_probability():
    counts = [deviation.coin_walk_count(0.4, levels) for levels in (2, 4)]
    assert counts[0] == pytest.approx(0.8)
    assert round(counts[1], 2) == 0.25
    climbs = [count / (1 + count) for count in counts]
    assert climbs[1] == pytest.approx(climbs[0] ** 2)


def test_twice_the_spread_needs_four_times_the_threshold():
    def exponent(theta, spread, mean=-0.1):
        return 2 * abs(mean) * theta / spread**2

    assert exponent(4.0, 0.5) == pytest.approx(exponent(1.0, 0.25))


def test_the_best_threshold_grows_with_the_spread():
    best = [deviation.best_threshold(32, 0.3, spread**2) for spread in (0.125, 0.25, 0.5)]
    assert best == sorted(best)
    assert best[-1] > 1.5 * best[0]


@pytest.mark.parametrize("number", ["3.2", "3.4"])
def test_the_explanation_is_folded_and_comes_after_the_exercise(number):
    cells = json.loads(FILE.read_text())["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    assert text.index(f"**Exercise {number}.**") < text.index(f"**Explain {number}.**")
    folded = re.findall(r"<details>.*?</details>", text, re.S)
    assert sum(f"**Explain {number}.**" in one for one in folded) == 1
