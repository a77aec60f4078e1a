"""Train the residual networks for digits that come with the package.

    python tools/train_digits_resnets.py [NAME ...]     some of them, by default all

Of scikit-learn's 1,437 digits for training 200 are held out. Each network is trained with three
seeds on the others, each image also moved by one pixel, and the network with the median accuracy on
what is held out is kept. The 360 test images are read once, after that.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snnlab import data
from snnlab.data import networks

SEEDS, HELD_OUT = (0, 1, 2), 200
SOURCE = "scikit-learn's digits (E. Alpaydin, C. Kaynak, 1998)"
SETTINGS: dict[str, dict[str, Any]] = {
    "digits_resnet20": {"epochs": 10, "batch": 64, "learning_rate": 2e-3},
    "digits_resnet110": {"epochs": 6, "batch": 64, "learning_rate": 2e-3},
    "digits_resnet110_pre": {"epochs": 10, "batch": 64, "learning_rate": 2e-3},
}


def main() -> int:
    """Train the networks that the command line names; return the exit status."""
    names = sys.argv[1:] or [*SETTINGS]
    if not set(names) <= set(SETTINGS):
        usage = f"usage: python tools/train_digits_resnets.py [{'|'.join(SETTINGS)}]"
        print(usage, file=sys.stderr)
        return 2
    for name in names:
        train(name)
    return 0


def train(name: str) -> None:
    """Train a network with each seed, and keep the median."""
    setting, digits = SETTINGS[name], data.load_digits()
    held = digits.x_train[-HELD_OUT:], digits.y_train[-HELD_OUT:]
    x, y = with_shifts(digits.x_train[:-HELD_OUT], digits.y_train[:-HELD_OUT])
    models, found = [], []
    for seed in SEEDS:
        torch.manual_seed(seed)
        untrained = networks.ARCHITECTURES[name]()
        checkpoint = Path(f"{name}_{seed}.checkpoint")
        models.append(data.train(untrained, x, y, seed=seed, checkpoint=checkpoint, **setting))
        found.append(networks.accuracy(models[-1], *held))
        print(f"{name}, seed {seed}: {100 * found[-1]:.2f} % of the held out right", flush=True)
    median = int(np.argsort(found, kind="stable")[1])
    model = models[median]
    trained_on = f"1,237 of the 1,437 training images of {SOURCE}, each also moved by one pixel"
    fields: dict[str, Any] = {
        "trained_on": trained_on,
        "training": setting | {"seed": SEEDS[median]},
        "held_out": {"images": HELD_OUT, "ann_accuracy": dict(zip(SEEDS, found, strict=True))},
    }
    networks.store(name, model, **fields)
    stored, test = data.load_network(name), (digits.x_test, digits.y_test)
    fields["held_out"]["ann_accuracy_as_stored"] = networks.accuracy(stored, *held)
    fields["ann_accuracy"] = networks.accuracy(stored, *test)
    fields["ann_accuracy_before_rounding"] = networks.accuracy(model, *test)
    networks.store(name, model, **fields)
    print(f"{name}: {100 * fields['ann_accuracy']:.2f} % of the test images right")


def with_shifts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images, and behind them the same moved by one pixel in the four directions."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    return np.concatenate([padded[..., i : i + 8, j : j + 8] for i, j in moves]), np.tile(y, 5)


if __name__ == "__main__":
    sys.exit(main())
