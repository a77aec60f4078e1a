"""The published settings on MNIST: 10,000 test images, the package's own networks.

    python -m benchmarks mnist [MNIST.npz]

Thresholds are chosen on 2,000 training images (see `load_mnist_training` for the file). What has
been simulated is kept in `benchmarks/.cache`.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import snnlab as sl
from benchmarks.peak import peak_of_this_process
from snnlab import data, recipes
from snnlab.conversion import activations_of, cut_off

CACHE = Path(__file__).parent / ".cache" / "mnist"
CALIBRATION_IMAGES = CACHE / "calibration.npy"
STEPS = (4, 8, 12, 16, 20, 32, 40, 64)
CALIBRATION = 2000
COST_STEPS = 20
RULES = {
    "99.9 %": sl.Percentile(99.9),
    "99 %": sl.Percentile(99),
    "maximum": sl.Maximum(),
    "99.9 % per channel": sl.Percentile(99.9, per_channel=True),
}
# The recipe with one of its choices changed: what each of them costs.
OTHERWISE: dict[str, dict] = {
    "subtract": {"reset": "subtract"},
    "half full": {"v_init": 0.5},
    "potentials read": {"readout": "potential"},
    "99.9 %": {"threshold": sl.Percentile(99.9)},
}
NETWORKS = ("mnist_mlp", "mnist_diehl_convnet", "mnist_convnet")


def measure(file: str | None = None) -> None:
    x_cal = calibration_images(file)
    x, y = data.load_mnist()
    for name in NETWORKS:
        model = data.load_network(name)
        print(f"\n{name}: ANN {100 * data.card(name)['ann_accuracy']:.2f} %")
        print(f"{'points above the ANN after T =':44}" + "".join(f"{t:8}" for t in STEPS))
        rules = {rule: sl.convert(model, x_cal, threshold=r) for rule, r in RULES.items()}
        show(rules, {"reset": ["subtract", "zero"], "input": ["analog"]}, x, y, name)
        for rule in ("99.9 %", "99 %"):
            print(f"cut off at {rule}: {clipped(rules[rule], x_cal)}")
        if name == "mnist_convnet":
            usual = {"99.9 %": rules["99.9 %"]}
            show(usual, {"max_pool": ["gate", "gate_recent"], "input": ["analog"]}, x, y, name)
            theirs = {"rueckauer2017": recipes.rueckauer2017(model, x_cal)}
            show(theirs, {"input": ["analog"]}, x, y, name)
        else:
            theirs = {
                "diehl2015, data": recipes.diehl2015(model, x_cal),
                "diehl2015, model": recipes.diehl2015(model, x_cal, threshold=sl.ModelBased()),
                **{
                    f"diehl2015, {what}": recipes.diehl2015(model, x_cal, **option)
                    for what, option in OTHERWISE.items()
                },
            }
            show(theirs, {"input": ["poisson"], "seed": [0]}, x, y, name)
            show(theirs, {"input": ["analog"]}, x, y, name)
        sys.stdout.flush()
        # In a process of its own: what has been done before counts in the peak. So would the
        # reading of all training images, and it finds the few that it needs in a file.
        subprocess.run([sys.executable, "-m", "benchmarks", "--mnist", name], check=True)


def calibration_images(file: str | None) -> np.ndarray:
    """Return the training images that thresholds are chosen on, and keep them for `cost`."""
    try:
        x_cal = data.load_mnist_training(file).x[:CALIBRATION]
    except sl.SNNLabError as error:
        raise SystemExit(f"{error}\nusage: python -m benchmarks mnist [MNIST.npz]") from error
    CACHE.mkdir(parents=True, exist_ok=True)
    np.save(CALIBRATION_IMAGES, x_cal)
    return x_cal


def show(networks: dict, grid: dict, x, y, name: str) -> None:
    ann = data.card(name)["ann_accuracy"]
    table = sl.sweep(networks, grid, x, y, timesteps=STEPS, cache=CACHE)
    for setting, rows in table.groupby(["model", *grid], sort=False):
        shown = (f"{100 * (accuracy - ann):+8.2f}" for accuracy in rows.accuracy)
        label = ", ".join(str(part) for part in setting)
        print(f"{label:44}{''.join(shown)}   {rows.spikes.iloc[-1]:,.0f} spikes")


def clipped(network: sl.Network, x_cal) -> str:
    """Return which share of the activations, and of their sum, is above the thresholds."""
    shares = []
    for layer, theta in network.thresholds.items():
        cut = cut_off(activations_of(network.graph, x_cal, layer), float(theta))
        shares.append(f"layer {layer} {cut['above']:.2f} % of them, {cut['mass']:.2f} % of the sum")
    return "; ".join(shares)


def cost(name: str) -> None:
    """Print the time and the memory of simulating all images over 20 steps."""
    x, y = data.load_mnist()
    model = data.load_network(name)
    net = sl.convert(model, np.load(CALIBRATION_IMAGES))
    begin = time.perf_counter()
    record = sl.simulate(net, x, COST_STEPS)
    seconds = time.perf_counter() - begin
    peak, right = peak_of_this_process() / 2**20, record.accuracy(y)[-1]
    print(
        f"10,000 images, T = {COST_STEPS}: {seconds:.1f} s, peak {peak:.0f} MB, {right:.2%} right"
    )
