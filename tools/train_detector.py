"""Train the detector that comes with the package, in some minutes.

    python tools/train_detector.py FOLDER    train in a folder, then keep the network in the package

FOLDER/checkpoint.pt is written after each epoch; stop the training at any time and start it again.
Scenes of other digits show the progress, and the test scenes are read once, at the end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snnlab import data
from snnlab.data import networks
from snnlab.data.checkpoint import Checkpoint
from snnlab.detection import detection_loss, mean_average_precision
from snnlab.exceptions import SNNLabError

NAME = "mnist_detector"
SETTING: dict[str, Any] = {
    "epochs": 8,
    "scenes": 10_000,
    "batch": 32,
    "largest_rate": 5e-3,
    "optimizer": "Adam; momentum and rate cycle once",
    "seed": 0,
}
SOURCE = "MNIST: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0"
HELD_OUT, TEST_SCENES = 300, 500
USAGE = "usage: python tools/train_detector.py FOLDER"


def main() -> int:
    """Do what the command line says; return the exit status."""
    if len(sys.argv) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    try:
        pack(train(folder))
    except SNNLabError as error:
        print(f"{error}\n{USAGE}", file=sys.stderr)
        return 1
    return 0


def train(folder: Path) -> torch.nn.Module:
    """Train the network for the epochs that are not done yet, and return it."""
    torch.manual_seed(SETTING["seed"])
    model = networks.ARCHITECTURES[NAME]().to(memory_format=torch.channels_last)
    steps = SETTING["epochs"] * -(-SETTING["scenes"] // SETTING["batch"])
    rate = SETTING["largest_rate"]
    optimizer = torch.optim.Adam(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.2)
    state = Checkpoint(folder / "checkpoint.pt", SETTING, (model, optimizer, schedule))
    x, y = data.load_scenes(SETTING["scenes"], "train")
    for epoch in range(state.resume(), SETTING["epochs"]):
        start = time.process_time()
        losses = []
        model.train()
        for chosen in torch.randperm(len(x)).chunk(steps // SETTING["epochs"]):
            loss = detection_loss(model(torch.from_numpy(x[chosen.numpy()])), y[chosen.numpy()])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        state.save(epoch + 1)
        found = precision(model, *data.load_scenes(HELD_OUT, "validation"))
        line = (
            f"epoch {epoch + 1:2} of {SETTING['epochs']}, loss {np.mean(losses):.3f}, mean average "
            f"precision held out {found:.3f}, {time.process_time() - start:.0f} s of CPU"
        )
        print(line, flush=True)
    return model.to(memory_format=torch.contiguous_format)  # as files have it


def precision(model: torch.nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean average precision of a network on scenes."""
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(some) for some in torch.from_numpy(x).split(100)])
    return mean_average_precision(outputs, y)


def pack(model: torch.nn.Module) -> None:
    """Keep the trained network in the package, with its precision as stored."""
    fields: dict[str, Any] = {
        "trained_on": f"scenes of the first 7,500 test images of {SOURCE}",
        "training": SETTING,
    }
    networks.store(NAME, model, **fields)
    stored, held = data.load_network(NAME), data.load_scenes(HELD_OUT, "validation")
    fields["held_out"] = {
        "scenes": HELD_OUT,
        "mean_average_precision": precision(stored, *held),
        "mean_average_precision_before_rounding": precision(model, *held),
    }
    fields["mean_average_precision"] = precision(stored, *data.load_scenes(TEST_SCENES))
    fields["tested_on"] = f"{TEST_SCENES} scenes of the last 2,000 test images of MNIST, at IoU 0.5"
    networks.store(NAME, model, **fields)
    print(f"{NAME}: {fields['mean_average_precision']:.3f} on {TEST_SCENES} test scenes")


if __name__ == "__main__":
    sys.exit(main())
