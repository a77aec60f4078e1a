"""Working memory has a ceiling, does not grow with time, and its size changes no result."""

import json
import math
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.simulation import engine
from snnlab.simulation.engine import Engine

ROOT = Path(sl.__file__).parent.parent
SIDE = 8
X = torch.randint(0, 17, (11, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(0)) / 16


def convnet():
    """A network with exact weights; its largest value has 256 numbers for an image."""
    generator = torch.Generator().manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24, 10),
        nn.ReLU(),
        nn.Linear(10, 3),
    )
    for parameter in model.parameters():
        parameter.data = torch.randint(-32, 33, parameter.shape, generator=generator) / 64
    return model.eval()


NET = sl.convert(convnet(), X, threshold=sl.Fixed({"1": [0.5, 1, 2, 1], "4": 1.0, "7": 0.5}))
# What is alive at once at the first ReLU: its current and its spikes. And what each neuron keeps.
ALIVE, NEURONS = 2 * 4 * SIDE**2, 4 * SIDE**2 + 6 * 4 + 10


def smallest(net, input):
    """Return the bytes without which the plan refuses to run one image for one step."""
    with pytest.raises(sl.MemoryBudgetError) as raised:
        Engine(net, input).blocks(1, 1, 1)
    return int(str(raised.value).split("memory=")[1].rstrip("."))


NETS = {torch.float32: NET, torch.float64: NET.to(torch.float64)}
SMALLEST = {(d, i): smallest(n, i) for d, n in NETS.items() for i in ("analog", "poisson")}


# --- the plan --------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    images=st.integers(1, 5000),
    timesteps=st.integers(1, 5000),
    times=st.floats(1, 1e6),
    input=st.sampled_from(["analog", "poisson"]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_the_plan_stays_within_the_budget(images, timesteps, times, input, dtype):
    net = NETS[dtype]
    memory = math.ceil(SMALLEST[dtype, input] * times)
    blocks = Engine(net, input).blocks(images, timesteps, memory)
    assert 1 <= blocks.images <= images
    assert 1 <= blocks.steps <= timesteps
    assert isinstance(blocks.images, int)
    item = torch.finfo(dtype).bits // 8
    in_flight = ALIVE * blocks.images * blocks.steps
    potentials_and_counts = 2 * NEURONS * blocks.images
    assert item * (in_flight + potentials_and_counts) <= memory


def test_the_plan_uses_what_it_is_given():
    run = Engine(NET, "analog")
    small, large = (run.blocks(1000, 1000, memory) for memory in (2**17, 2**30))
    assert large.images * large.steps > 50 * small.images * small.steps
    # No longer than needed: a short run and few images are one block.
    assert run.blocks(2, 3, 2**30) == engine.Blocks(2, 3)


def test_the_smallest_budget_is_enough_and_less_is_refused():
    least = SMALLEST[torch.float32, "analog"]
    blocks = Engine(NET, "analog").blocks(100, 100, least)
    assert (blocks.images, blocks.steps) == (1, 1)
    with pytest.raises(sl.MemoryBudgetError, match=rf"need .* memory allows .* memory={least}"):
        sl.simulate(NET, X[:1], 2, memory=least - 1)


# --- results do not depend on it -------------------------------------------------------------


def run(input="analog", memory=2**30, reset="subtract"):
    options = {"input": input, "seed": 3, "reset": reset, "memory": memory}
    return sl.simulate(NET, X, 37, spikes=True, potentials=True, at=(1, 16, 30), **options)


def assert_same_record(one, other):
    assert np.array_equal(one.output_sums, other.output_sums)
    for layer in one.totals:
        for step in (1, 16, 30, 37):
            assert np.array_equal(one.counts(layer, step), other.counts(layer, step))
        assert np.array_equal(one.spikes(layer), other.spikes(layer))
    for layer in one.layers:
        assert np.array_equal(one.potentials(layer), other.potentials(layer))


@pytest.fixture(scope="module")
def whole():
    """Runs in one block of images and steps."""
    plan = Engine(NET, "analog").blocks(len(X), 37, 2**30)
    assert (plan.images, plan.steps) == (len(X), 37)
    return {(i, r): run(i, reset=r) for i in ("analog", "poisson") for r in ("subtract", "zero")}


@pytest.mark.parametrize("input", ["analog", "poisson"])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize(("images", "steps"), [(1, 1), (1, 37), (11, 1), (4, 5), (3, 36), (11, 16)])
def test_blocks_change_no_result(monkeypatch, whole, images, steps, input, reset):
    blocks = engine.Blocks(images, steps)
    monkeypatch.setattr(Engine, "blocks", lambda *arguments: blocks)
    assert_same_record(run(input, reset=reset), whole[input, reset])


@pytest.mark.parametrize("memory", [2**18, 2**20])
@pytest.mark.parametrize("input", ["analog", "poisson"])
def test_memory_changes_no_result(monkeypatch, whole, memory, input):
    # The recording alone needs most of the smaller ceiling.
    plans, blocks = [], Engine.blocks

    def planned(engine, images, timesteps, given_memory):
        plans.append(blocks(engine, images, timesteps, given_memory // 8))
        return plans[-1]

    monkeypatch.setattr(Engine, "blocks", planned)
    assert_same_record(run(input, memory=8 * memory), whole[input, "subtract"])
    plan = plans[-1]
    assert (plan.images, plan.steps) != (len(X), 37)


# --- what is really used ---------------------------------------------------------------------

# Prints by how many bytes the memory of a fresh process grew, at most, during each run.
PEAKS = """
import json, re, sys
import torch
from torch import nn
import snnlab as sl

def status(key):
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(key + r":\\s+(\\d+) kB", file.read()).group(1))

def forget_the_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 8, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(8, 8, 5), nn.ReLU(),
    nn.Flatten(), nn.Linear(512, 10),
)
x = torch.rand(64, 1, 28, 28)
net = sl.convert(model, x[:4], threshold=sl.Fixed(0.5))
sl.simulate(net, x[:1], 2)
found = []
for timesteps, memory in json.loads(sys.argv[1]):
    forget_the_peak()
    before = status("VmRSS")
    sl.simulate(net, x, timesteps, memory=memory)
    found.append(status("VmHWM") - before)
print(json.dumps(found))
"""


def growth(*runs):
    """Return by how much the memory of a process grew, at most, during each run."""
    # Large arrays go back to the system at once, so that the peak is what is used together.
    allocator = {"MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", PEAKS, json.dumps(runs)],
        cwd=ROOT,
        env=os.environ | allocator,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux's counts")
def test_memory_really_used_is_bounded_and_does_not_grow_with_time():
    ceiling = 3 * 2**20
    tight, short, long = growth((16, ceiling), (32, 2**30), (512, 2**30))
    assert tight <= ceiling
    # The ceiling made a difference: without it more is used.
    assert short > 2 * ceiling
    outputs = 512 * 64 * 10 * 4
    assert long - outputs <= 1.1 * short


@pytest.mark.slow
def test_poisson_trains_stay_within_the_budget_however_long_the_run():
    # torch's own arrays are not seen here; those of numpy are, the trains among them.
    model = nn.Sequential(nn.AvgPool2d(16), nn.ReLU())
    x = torch.full((2, 1, 64, 64), 0.5)
    net, memory = sl.convert(model, x, threshold=sl.Fixed(1.0)), 2**21
    sl.simulate(net, x, 2, input="poisson", seed=0)
    tracemalloc.start()
    record = sl.simulate(net, x, 1500, input="poisson", seed=0, memory=memory)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert record.rates("input").mean() == pytest.approx(0.5, abs=0.01)
    assert peak <= memory + record.output_sums.nbytes + 2**19
