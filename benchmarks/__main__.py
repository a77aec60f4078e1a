"""Measure speed, memory and accuracy, and print the table of benchmarks/README.md.

    python -m benchmarks            everything, some minutes
    python -m benchmarks conv mlp   some of the networks
    python -m benchmarks browser    the explorers in a browser, some minutes
    python -m benchmarks neighbour  beside a busy program, some minutes
    python -m benchmarks classroom  20 learners at once, half an hour
    python -m benchmarks mnist FILE networks on MNIST's 10,000 test images, some minutes
    python -m benchmarks zoo        what converts of timm and torchvision, an hour
    python -m benchmarks methods    every conversion method on several networks, hours
    python -m benchmarks deep       deep residual networks in few steps, hours
    python -m benchmarks gallery    networks trained as spiking ones, some minutes
    python -m benchmarks efficientnet   a network with ImageNet weights on photographs

Times are divided by those of the ANN on the same images: (time of T steps) / (T x ANN forward).
Every memory figure comes from a process of its own.
"""

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import snnlab as sl
from benchmarks import (
    brian,
    browser,
    classroom,
    efficientnet,
    gallery,
    methods,
    mnist,
    neighbour,
    zoo,
)
from benchmarks.networks import NETWORKS, load
from benchmarks.peak import peak_of_this_process
from benchmarks.plain_loop import plain_loop

STEPS = 128
SHOWN = (4, 8, 16, 32, 64, 128)
RUNS = 7


def main(names: list[str]) -> None:
    torch.set_num_threads(2)
    if names[:1] == ["--peak"]:
        print_peak(names[1], int(names[2]))
        return
    if names[:1] == ["--measure"]:
        measure(names[1])
        return
    if names[:1] == ["--brian"]:
        brian.measure(names[1])
        return
    if names == ["browser"]:
        browser.measure()
        return
    if names == ["neighbour"]:
        neighbour.measure()
        return
    if names[:1] == ["--neighbour"]:
        neighbour.print_seconds(names[1], int(names[2]))
        return
    if names[:1] == ["classroom"]:
        classroom.measure(*names[1:])
        return
    if names[:1] == ["mnist"]:
        mnist.measure(*names[1:])
        return
    if names[:1] == ["--mnist"]:
        mnist.cost(names[1])
        return
    longer = {
        "zoo": zoo.measure,
        "methods": methods.measure,
        "deep": methods.measure_deep,
        "gallery": gallery.measure,
        "efficientnet": efficientnet.measure,
    }
    if names and names[0] in longer:
        longer[names[0]](*names[1:])
        return
    print(f"torch {torch.__version__}, numpy {np.__version__}, {platform.processor() or 'CPU'}")
    print(f"2 threads, float32, 360 test images, medians of {RUNS} runs\n", flush=True)
    for name in names or NETWORKS:
        load(name)
        # In a process of its own: the memory that training leaves behind slows the ANN down.
        subprocess.run([sys.executable, "-m", "benchmarks", "--measure", name], check=True)
        subprocess.run([sys.executable, "-m", "benchmarks", "--brian", name], check=True)
    if not names or "conv" in names:
        spread("conv")
    print(f"import snnlab: {import_seconds():.2f} s beyond torch's own")


def measure(name: str) -> None:
    model, data = load(name)
    x = torch.from_numpy(data.x_test)
    with torch.inference_mode():
        forward = median(lambda: model(x))
        ann = (model(x).argmax(1).numpy() == data.y_test).mean()
    nets = {
        label: sl.convert(model, data.x_train, threshold=sl.Percentile(99.9, per_channel=channels))
        for label, channels in (("one percentile per layer", False), ("one per channel", True))
    }
    net = nets["one percentile per layer"]
    own = median(lambda: sl.simulate(net, x, STEPS))
    loop = median(lambda: plain_loop(net, x, STEPS))
    one = median(lambda: sl.simulate(net, x[:1], 100), runs=5 * RUNS)
    record = sl.simulate(net, x, STEPS)
    split = median(lambda: sl.decompose(net, x, record))
    # An accuracy that is lost, so that all of the diagnosis is run.
    damaged = net.replace(threshold={0: 0.05 * np.min(net.thresholds[net.layers[0]])})
    some = x[:200], data.y_test[:200]
    diagnosed = median(lambda: sl.diagnose(damaged, *some, 64), runs=3)
    print(f"{name}: ANN {ann:.2%}, forward {1000 * forward:.2f} ms")
    print(f"  time / (T x ANN), T = {STEPS}   snnlab {own / STEPS / forward:.2f}", end="")
    print(f"   plain loop {loop / STEPS / forward:.2f}")
    print(f"  one image, 100 steps         {1000 * one:.1f} ms")
    print(f"  decompose / simulation       {split / own:.3f}, T = {STEPS}")
    print(f"  diagnose, 200 images, T = 64 {diagnosed:.1f} s")
    for label, network in nets.items():
        accuracy = 100 * sl.simulate(network, x, STEPS).accuracy(data.y_test)
        shown = "  ".join(f"{t}: {accuracy[t - 1]:.2f}" for t in SHOWN)
        print(f"  accuracy, {label:24}  {shown}")
    peaks = {steps: peak(name, steps) for steps in (0, 32, 128, 512)}
    shown = "  ".join(f"T = {t}: {mb:.0f}" for t, mb in peaks.items() if t)
    print(f"  peak memory in MB            ANN alone: {peaks[0]:.0f}  {shown}\n")


def spread(name: str) -> None:
    """Print how much the accuracy after 4 steps depends on the training of the network."""
    print(f"{name}: points lost against the ANN after 4 steps, for networks of 4 training seeds")
    for label, rule in (
        ("99.9 % per layer", sl.Percentile(99.9)),
        ("99.9 % per channel", sl.Percentile(99.9, per_channel=True)),
        ("99 % per layer", sl.Percentile(99)),
        ("maximum per layer", sl.Maximum()),
    ):
        lost = []
        for seed in range(4):
            model, data = load(name, seed)
            net = sl.convert(model, data.x_train, threshold=rule)
            ann = sl.ann(net, data.x_test).accuracy(data.y_test)
            snn = sl.simulate(net, data.x_test, 4).accuracy(data.y_test)[-1]
            lost.append(f"{100 * (ann - snn):6.2f}")
        print(f"  {label:20}", *lost)
    print()


def median(run: Callable[[], object], runs: int = RUNS) -> float:
    """Return the median time in seconds, after one run that does not count."""
    run()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def peak(name: str, timesteps: int) -> float:
    """Return the peak memory in MB of a process that simulates; without steps, of the ANN."""
    command = [sys.executable, "-m", "benchmarks", "--peak", name, str(timesteps)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(name: str, timesteps: int) -> None:
    model, data = load(name)
    x = torch.from_numpy(data.x_test)
    with torch.inference_mode():
        model(x)
    if timesteps:
        sl.simulate(sl.convert(model, data.x_train), x, timesteps)
    print(peak_of_this_process() / 2**20)


def import_seconds() -> float:
    """Return how much longer a fresh process takes to import snnlab than torch, median of 5."""

    def seconds(module: str) -> float:
        timed = f"t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        code = f"import time; {timed}"
        command = [sys.executable, "-c", code]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    differences = [seconds("snnlab") - seconds("torch") for _ in range(5)]
    return statistics.median(differences)


if __name__ == "__main__":
    main(sys.argv[1:])
