"""Train the networks for CIFAR-10 that come with the package, and pack test images.

    python tools/train_cifar.py train NAME CIFAR.npz FOLDER   train in a folder, for hours
    python tools/train_cifar.py pack NAME CIFAR.npz FOLDER    keep the network in the package
    python tools/train_cifar.py images CIFAR.npz              keep 1,000 test images there

NAME is cifar10_resnet20 or cifar10_vgg.

The file holds CIFAR-10 as small JPEG files: `train_jpeg` and `test_jpeg` are the bytes of all of
them, file i from `train_offsets[i]` to `train_offsets[i + 1]`, and `train_labels` their classes.
JPEG loses detail, so accuracies are a little below those on the original images.

All that a training needs to go on stands in FOLDER, a file for each cycle of the learning rate,
written after each epoch; stop it at any time and start it again. FOLDER/log.txt says how it goes.
The last 2,000 training images are held out: they show the progress, and choices are made on them.
`pack` reads the test images, once.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from snnlab import data
from snnlab.data import bundled, networks
from snnlab.data.checkpoint import Checkpoint
from snnlab.exceptions import DataError, SNNLabError

SOURCE = "CIFAR-10 (A. Krizhevsky, 2009) as small JPEG copies, which lose detail"
SETTING: dict[str, Any] = {
    "batch": 128,
    "optimizer": "SGD with Nesterov momentum, weight decay 5e-4; momentum and rate cycle once",
    "augmentation": "random crop with padding 4, random flip",
    "seed": 0,
}
# Small images take a quarter of the time, and teach as much in the beginning.
CYCLES: dict[str, list[dict[str, Any]]] = {
    "cifar10_resnet20": [
        {"epochs": 40, "largest_rate": 0.2, "sides": [16, 16, 24, 32]},
        {"epochs": 22, "largest_rate": 0.1, "sides": [32]},
    ],
    "cifar10_vgg": [{"epochs": 32, "largest_rate": 0.2, "sides": [16, 16, 24, 32]}],
}
HELD_OUT, PADDING, SIDE = 2_000, 4, 32
TEST_IMAGES = 1_000
USAGE = (
    f"usage: python tools/train_cifar.py train|pack {'|'.join(CYCLES)} CIFAR.npz FOLDER\n"
    f"       python tools/train_cifar.py images CIFAR.npz"
)


def main() -> int:
    """Do what the command line says; return the exit status."""
    what, *rest = sys.argv[1:] or [""]
    try:
        match what, rest:
            case "images", [file]:
                pack_images(Path(file))
            case "train", [name, file, folder] if name in CYCLES:
                train(name, Path(file), Path(folder))
            case "pack", [name, file, folder] if name in CYCLES:
                pack(name, Path(file), Path(folder))
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except SNNLabError as error:
        print(f"{error}\n{USAGE}", file=sys.stderr)
        return 1
    return 0


def read(file: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images of a part, "train" or "test", bytes of shape (B, 3, 32, 32), and labels."""
    names = [f"{part}_{kind}" for kind in ("jpeg", "offsets", "labels")]
    try:
        with np.load(file, allow_pickle=False) as arrays:
            jpeg, offsets, labels = (arrays[name] for name in names)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{file}: cannot be read ({error}), expected an npz file with {', '.join(names)}. "
            f"Give a file with JPEG copies of CIFAR-10."
        ) from error
    files = [jpeg[a:b].tobytes() for a, b in itertools.pairwise(offsets)]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(f)).convert("RGB")) for f in files])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(labels).long()


def setting(name: str) -> dict[str, Any]:
    """Return all that a training of a network follows."""
    return SETTING | {"cycles": CYCLES[name]}


def train(name: str, file: Path, folder: Path) -> None:
    """Train a network for the epochs that are not done yet."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = read(file, "train")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    torch.manual_seed(SETTING["seed"])
    model = networks.ARCHITECTURES[name]().to(memory_format=torch.channels_last)
    padded, targets = F.pad(images[:-HELD_OUT], [PADDING] * 4), labels[:-HELD_OUT]
    for number, cycle in enumerate(CYCLES[name], 1):
        optimizer, schedule = prepared(model, cycle, -(-len(padded) // SETTING["batch"]))
        parts = model, optimizer, schedule
        state = Checkpoint(
            folder / f"cycle{number}.pt", setting(name) | {"sha256 of the file": sha256}, parts
        )
        for epoch in range(state.resume(), cycle["epochs"]):
            start = time.time()
            side = cycle["sides"][epoch * len(cycle["sides"]) // cycle["epochs"]]
            loss = train_once(parts, padded, targets, side)
            state.save(epoch + 1)
            right = (answers(model, images[-HELD_OUT:]) == labels[-HELD_OUT:]).float().mean()
            line = (
                f"cycle {number}, epoch {epoch + 1:3} of {cycle['epochs']}, loss {loss:.4f}, held "
                f"out {100 * right:.2f} %, {time.time() - start:.0f} s"
            )
            print(line, flush=True)
            with (folder / "log.txt").open("a", encoding="utf-8") as log:
                log.write(line + "\n")


def prepared(model: torch.nn.Module, cycle: dict[str, Any], steps: int) -> tuple[Any, Any]:
    """Return optimizer and schedule of a cycle with so many steps in an epoch."""
    rate = cycle["largest_rate"]
    optimizer = torch.optim.SGD(
        model.parameters(), rate, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    total = cycle["epochs"] * steps
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total, pct_start=0.2)


def train_once(parts: Any, padded: torch.Tensor, targets: torch.Tensor, side: int) -> float:
    """Train on all images, shrunk to a side, once, and return the mean loss."""
    (model, optimizer, schedule), losses = parts, []
    model.train()
    for chosen in torch.randperm(len(padded)).chunk(-(-len(padded) // SETTING["batch"])):
        x = augmented(padded, chosen)
        x = F.interpolate(x, size=side, mode="area") if side < SIDE else x
        loss = F.cross_entropy(model(x), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def augmented(padded: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the chosen images in [0, 1], each cut out at random and flipped or not."""
    count, at = len(chosen), torch.arange(SIDE)
    top, left = torch.randint(2 * PADDING + 1, (2, count, 1))
    columns = torch.where(torch.rand(count, 1) < 0.5, at, at.flip(0)) + left
    rows = (top + at)[:, :, None]
    # Height and width before the channels: what torch's convolutions like best.
    pixels = padded.permute(0, 2, 3, 1)[chosen[:, None, None], rows, columns[:, None]]
    return pixels.permute(0, 3, 1, 2).float() / 255


def answers(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the class of each image, given as bytes."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(x.float() / 255).argmax(1) for x in images.split(500)])


def pack(name: str, file: Path, folder: Path) -> None:
    """Keep the trained network in the package, with its accuracy as stored."""
    cycles = CYCLES[name]
    last, epochs = folder / f"cycle{len(cycles)}.pt", cycles[-1]["epochs"]
    done = torch.load(last, weights_only=True) if last.exists() else {"epoch": 0}
    if done["epoch"] != epochs:
        raise DataError(
            f"{last}: {done['epoch']} of {epochs} epochs are done, expected all. Let the training "
            f"go on: python tools/train_cifar.py train {name} {file} {folder}"
        )
    model = networks.ARCHITECTURES[name]()
    model.load_state_dict(done["states"][0])
    fields = {"trained_on": f"48,000 training images of {SOURCE}", "training": setting(name)}
    networks.store(name, model, **fields)
    stored = data.load_network(name)
    images, labels = read(file, "train")
    held, truth = images[-HELD_OUT:], labels[-HELD_OUT:]
    before, after = answers(model, held), answers(stored, held)
    fields["held_out"] = {
        "images": HELD_OUT,
        "ann_accuracy": share(after == truth),
        "ann_accuracy_before_rounding": share(before == truth),
        "same_answers": share(before == after),
    }
    images, labels = read(file, "test")
    fields["ann_accuracy"] = share(answers(stored, images) == labels)
    fields["tested_on"] = f"the 10,000 test images of {SOURCE}"
    networks.store(name, model, **fields)
    print(f"{name}: {100 * fields['ann_accuracy']:.2f} % of the test images right")


def share(right: torch.Tensor) -> float:
    """Return the share of what is true."""
    return float(right.double().mean())


def pack_images(file: Path) -> None:
    """Keep the first test images, in the order of the file, in the package."""
    images, labels = read(file, "test")
    out = io.BytesIO()
    pixels, classes = images[:TEST_IMAGES].numpy(), labels[:TEST_IMAGES].numpy().astype(np.uint8)
    np.savez_compressed(out, images=pixels, labels=classes)
    note = f"{SOURCE}; the first {TEST_IMAGES:,} of its test images as stored, decoded"
    bundled.write("cifar10_test.npz", out.getvalue(), source=note, images=TEST_IMAGES)


if __name__ == "__main__":
    sys.exit(main())
