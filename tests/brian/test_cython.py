"""The compiled target: the same numbers, a word while it compiles, and what if it cannot."""

import os
import shutil
import subprocess
import sys

import brian2 as b2
import numpy as np
import pytest
import torch
from brian2 import ms, nA
from helpers import oracles
from torch import nn

import snnlab as sl
from snnlab import brian
from snnlab.brian import isolation

has_compiler = pytest.mark.skipif(
    not (os.environ.get("CI") or shutil.which("g++") or shutil.which("clang++")),
    reason="no C++ compiler here; CI has one",
)


@pytest.mark.slow
@has_compiler
def test_compiled_neurons_and_networks_do_the_same(monkeypatch):
    said = []

    class Bar:
        def __init__(self, desc=None, **_):
            self.described, self.n = desc is not None, 0
            said.extend([desc] if self.described else [])

        def update(self, done=1):
            """The bar of a run that takes long."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            said.extend(["done"] if self.described else [])

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    before = b2.prefs.as_file
    runs = [brian.simulate_neuron("lif", 4 * nA, 50 * ms, target=t) for t in isolation.TARGETS]
    assert runs[0].counts > 10
    np.testing.assert_allclose(runs[1].v_mV, runs[0].v_mV, atol=1e-9)
    assert said == [
        "Brian2 compiles with cython. The first time this takes up to a minute.",
        "done",
    ]

    model = nn.Sequential(nn.Flatten(), nn.Linear(32, 9), nn.ReLU(), nn.Linear(9, 3))
    for parameter in model.parameters():
        parameter.data = torch.round(16 * parameter.data) / 16
    x = oracles.images(2, 2)
    net = sl.convert(model, x, threshold=sl.Fixed(0.5))
    slow, fast = (brian.simulate(net, x, 12, spikes=True, target=t) for t in isolation.TARGETS)
    assert slow.counts(0).sum() >= 10
    assert np.array_equal(fast.spikes(0), slow.spikes(0))
    assert np.array_equal(fast.output_sums, slow.output_sums)
    assert b2.prefs.as_file == before


@pytest.mark.slow
def test_without_a_compiler_it_is_refused_and_numpy_still_runs(tmp_path):
    code = """
from brian2 import ms, nA
from snnlab import brian
try:
    brian.simulate_neuron("if", 4*nA, 5*ms, 1*ms, target="cython")
except ValueError as error:
    print(error)
print(brian.simulate_neuron("if", 4*nA, 5*ms, 1*ms).counts)
"""
    nowhere = {"PATH": str(tmp_path), "CC": "none", "CXX": "none", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=True,
    )
    refusal, counts = done.stdout.splitlines()
    assert "no C++ compiler" in refusal
    assert "target='numpy'" in refusal
    assert counts == "2"
    assert done.stderr == ""
