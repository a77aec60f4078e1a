"""Deep residual networks in few steps: accuracy and operations of each method.

    python -m benchmarks deep                       on digits, hours
    python -m benchmarks deep digits-20 digits-56   some of the networks, trained three times each
    python -m benchmarks deep digits_resnet20       one that comes with the package, minutes
    python -m benchmarks deep CIFAR.npz             also ResNet-20 on CIFAR-10's test images

A method makes a spiking network of a trained one, of training images and of a number of steps. To
measure another, write a function and name it in METHODS; if one network serves for every number of
steps, name it in FOR_ALL_STEPS too. What is done is kept in `build/deep`, a line for each result
and a file for each trained network, and not done again.

Of CIFAR-10 there are small JPEG copies, in a file as `tools/train_cifar.py` reads it; accuracies
differ a little from those on the original images.
"""

import contextlib
import dataclasses
import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

import snnlab as sl
from snnlab import data
from snnlab.analysis import ADDITIONS
from tools import train_cifar

FOLDER = Path(__file__).parent.parent / "build" / "deep"
RESULTS = FOLDER / "results.jsonl"
STEPS = (2, 4, 8, 16, 32, 64)
SEEDS = (0, 1, 2)
MEMORY = 8 * 2**30  # bytes
CALIBRATION, CORRECTED = 512, 128  # images for thresholds and for corrections


@dataclasses.dataclass(frozen=True)
class Ingredients:
    """What a method has: a trained model, training images, and the steps that will be simulated."""

    model: nn.Module
    x_cal: np.ndarray
    timesteps: int

    def converted(self, percentile: float = 99.9, per_channel: bool = False, **options):
        rule = sl.Percentile(percentile, per_channel=per_channel)
        return sl.convert(self.model, self.x_cal, threshold=rule, **options)

    def corrected(self, correct: Callable, network: sl.Network, **options) -> sl.Network:
        """Return what a correction makes of a network, with as many images as fit."""
        x = self.x_cal[:CORRECTED]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="x: .* of the images are used")
            return correct(network, x, self.timesteps, memory=MEMORY, **options)


def maximum(given: Ingredients) -> sl.Network:
    return given.converted(100)


def usual(given: Ingredients) -> sl.Network:
    return given.converted()


def per_channel(given: Ingredients) -> sl.Network:
    return given.converted(per_channel=True)


def tuned(given: Ingredients) -> sl.Network:
    return given.corrected(sl.tune_thresholds, given.converted(), per_channel=True)


def corrected_bias(given: Ingredients) -> sl.Network:
    return given.corrected(sl.correct_bias, per_channel(given))


def corrected_potential(given: Ingredients) -> sl.Network:
    return given.corrected(sl.correct_potential, per_channel(given))


def signed(given: Ingredients) -> sl.Network:
    return given.converted().replace(signed=True)


def signed_and_bias(given: Ingredients) -> sl.Network:
    return given.corrected(sl.correct_bias, per_channel(given).replace(signed=True))


def analog(given: Ingredients) -> sl.Network:
    return given.converted(shortcut="analog")


def analog_and_potential(given: Ingredients) -> sl.Network:
    network = given.converted(per_channel=True, shortcut="analog")
    return given.corrected(sl.correct_potential, network)


def mixture(given: Ingredients) -> sl.Network:
    network = given.converted(per_channel=True, shortcut="analog").replace(signed=True)
    return given.corrected(sl.correct_bias, network)


METHODS: dict[str, Callable[[Ingredients], sl.Network]] = {
    "maximum": maximum,
    "99.9 %": usual,
    "99.9 % per channel": per_channel,
    "tuned per channel": tuned,
    "per channel, bias corrected": corrected_bias,
    "per channel, potential corrected": corrected_potential,
    "signed": signed,
    "signed, per channel, bias corrected": signed_and_bias,
    "analog shortcut": analog,
    "analog shortcut, per channel, potential corrected": analog_and_potential,
    "analog shortcut, signed, per channel, bias corrected": mixture,
}
# One network for every number of steps, so that one simulation of the longest tells all.
FOR_ALL_STEPS = {"maximum", "99.9 %", "99.9 % per channel", "signed", "analog shortcut"}


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained network with training images, and test images with labels."""

    model: nn.Module
    x_cal: np.ndarray
    x: np.ndarray
    y: np.ndarray


def digits(depth: int, seed: int, file: str | None) -> Subject:
    """Return a network for digits, trained on all 1,437 training images, each also shifted."""
    images = data.load_digits()
    torch.manual_seed(seed)
    model, weights = data.resnet(depth), FOLDER / f"digits-{depth}-{seed}.pt"
    if weights.exists():
        model.load_state_dict(torch.load(weights, weights_only=True))
    else:
        x, y = with_shifts(images.x_train, images.y_train)
        checkpoint = weights.with_suffix(".checkpoint")
        model = data.train(model, x, y, epochs=12, seed=seed, checkpoint=checkpoint)
        torch.save(model.state_dict(), weights)
    return Subject(model.eval(), images.x_train[:CALIBRATION], images.x_test, images.y_test)


def with_shifts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images, and behind them the same moved by one pixel in the four directions."""
    padded, side = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), x.shape[-1]
    moves = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    return np.concatenate([padded[..., i : i + side, j : j + side] for i, j in moves]), np.tile(
        y, 5
    )


def packaged(name: str, seed: int, file: str | None) -> Subject:
    """Return a network that comes with the package, with images for it."""
    if name.startswith("digits"):
        images = data.load_digits()
        x_cal, x, y = images.x_train[:CALIBRATION], images.x_test, images.y_test
    elif file is None:
        raise SystemExit(f"{name}: thresholds are chosen on training images. Give CIFAR.npz.")
    else:
        x_cal = train_cifar.read(Path(file), "train")[0][:CALIBRATION].numpy() / np.float32(255)
        x, y = data.load_cifar10()
    return Subject(data.load_network(name), x_cal, x, y)


# How to get a network, from which word, and the seeds of its trainings.
NETWORKS: dict[str, tuple[Callable[..., Subject], int | str, tuple[int, ...]]] = {
    **{f"digits-{depth}": (digits, depth, SEEDS) for depth in (20, 56, 110)},
    **{
        name: (packaged, name, (0,))
        for name in ("digits_resnet20", "digits_resnet110", "digits_resnet110_pre")
    },
    "cifar10_resnet20": (packaged, "cifar10_resnet20", (0,)),
}


def measure(*wanted: str) -> None:
    """Measure what is not measured yet, network by network, and print the tables."""
    file = next((word for word in wanted if word.endswith(".npz")), None)
    named = set(wanted) - {file}
    if not named <= {*NETWORKS}:
        raise SystemExit(f"usage: python -m benchmarks deep [{'|'.join(NETWORKS)} ...] [CIFAR.npz]")
    usual = [name for name in NETWORKS if file or not name.startswith("cifar")]
    names = [name for name in NETWORKS if name in (named or usual)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        load, which, seeds = NETWORKS[name]
        for seed in seeds:
            todo = missing(name, seed)
            if todo:
                subject = load(which, seed, file)
                for method, steps in todo:
                    # Blocks whose shortcut carries real numbers already have no analog shortcut.
                    with contextlib.suppress(sl.UnsupportedLayerError):
                        for row in rows(subject, method, steps):
                            keep({"network": name, "seed": seed, "method": method} | row)
        print(table(name), flush=True)


def missing(name: str, seed: int) -> list[tuple[str, tuple[int, ...]]]:
    """Return which methods have to be measured, and for which numbers of steps at once."""
    done = {(row["method"], row["steps"]) for row in results(name) if row["seed"] == seed}
    return [
        (method, steps)
        for method in METHODS
        for steps in ([STEPS] if method in FOR_ALL_STEPS else [(t,) for t in STEPS])
        if any((method, t) not in done for t in steps)
    ]


def rows(subject: Subject, method: str, steps: tuple[int, ...]) -> Iterator[dict]:
    """Yield the result of a method after each number of steps, of one simulation."""
    begin = time.process_time()
    network = METHODS[method](Ingredients(subject.model, subject.x_cal, max(steps)))
    seconds = time.process_time() - begin
    ann = sl.ann(network, subject.x, activations=False)
    record = sl.simulate(network, subject.x, max(steps), at=steps, memory=MEMORY)
    accuracy, answers = record.accuracy(subject.y), ann.outputs.argmax(1)
    for t in steps:
        counted = sl.operations(network, record, step=t).totals
        yield {
            "steps": t,
            "accuracy": 100 * float(accuracy[t - 1]),
            "ann": 100 * ann.accuracy(subject.y),
            "agreement": 100 * float((record.outputs[t - 1].argmax(1) == answers).mean()),
            "additions": sum(counted[c] for c in ADDITIONS),
            "products": counted["multiplications"],
            "macs": counted["true"],
            "seconds": round(seconds, 1),
        }


def keep(row: dict) -> None:
    with RESULTS.open("a") as file:
        file.write(json.dumps(row) + "\n")


def results(name: str) -> list[dict]:
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return [row for row in map(json.loads, lines) if row["network"] == name]


def table(name: str) -> str:
    """Return the results in Markdown: median accuracy, and median additions in millions."""
    found = results(name)
    ann, macs = (statistics.median(row[key] for row in found) for key in ("ann", "macs"))
    lines = [
        f"\n**{name}**: ANN {ann:.2f} %, {macs / 1e6:.2f} million multiply-accumulates\n",
        f"| steps | {' | '.join(map(str, STEPS))} | making it, in s |",
        "|---" * (len(STEPS) + 2) + "|",
    ]
    for method in METHODS:
        mine, cells = [row for row in found if row["method"] == method], []
        if not mine:
            continue
        for t in STEPS:
            here = [row for row in mine if row["steps"] == t]
            percent, additions = (
                statistics.median(row[key] for row in here) for key in ("accuracy", "additions")
            )
            cells.append(f"{percent:.2f} ({additions / 1e6:.1f})")
        seconds = statistics.median(row["seconds"] for row in mine)
        lines.append(f"| {method} | {' | '.join(cells)} | {seconds:.1f} |")
    return "\n".join(lines)
