"""Brian2 as second engine: how long it takes, and in how many spikes it differs."""

import time

import torch

import snnlab as sl
from benchmarks.networks import load
from benchmarks.peak import peak_of_this_process

STEPS = 100
IMAGES = 10


def measure(name: str) -> None:
    """Print times of the first call and of a later one, memory and differing spikes."""
    model, data = load(name)
    net = sl.convert(model, data.x_train)
    import brian2  # noqa: F401  # its import is not counted

    from snnlab import brian

    before = peak_of_this_process()
    first = seconds(lambda: brian.simulate(net, data.x_test[:1], STEPS))
    memory = peak_of_this_process() - before
    again = seconds(lambda: brian.simulate(net, data.x_test[:1], STEPS))
    wires = [brian.connections(net, layer) for layer in [*net.layers, "output"]]
    synapses = sum(m.nnz for w in wires for s, m in w.matrices.items() if s != "input")
    theirs = brian.simulate(net, data.x_test[:IMAGES], STEPS, spikes=True)
    ours = sl.simulate(net, data.x_test[:IMAGES], STEPS, spikes=True, dtype=torch.float64)
    differing = sum(int((ours.spikes(n) != theirs.spikes(n)).sum()) for n in net.layers)
    possible = sum(ours.spikes(n).size for n in net.layers)
    cold = seconds(lambda: brian.simulate(net, data.x_test[:1], STEPS, target="cython"))
    warm = seconds(lambda: brian.simulate(net, data.x_test[:1], STEPS, target="cython"))
    print(f"  Brian2, one image, {STEPS} steps    build and run {first:.2f} s, again {again:.2f} s")
    print(
        f"  Brian2, cython               {cold:.2f} s (compiles unless cached), again {warm:.2f} s"
    )
    print(f"  Brian2, synapses             {synapses:,}, {memory / 2**20:.0f} MB more than before")
    print(f"  Brian2, differing spikes     {differing} of {possible:,} ({IMAGES} images)\n")


def seconds(run) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin
