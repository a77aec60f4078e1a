"""Train the networks that come with the package, and pack the test images.

    python tools/train_mnist.py images [MNIST.npz]      the test images
    python tools/train_mnist.py mnist_mlp [MNIST.npz]   a network, by its name

The file is an npz with MNIST's images and labels (see `load_mnist_training`); without it they come
from openml.org. An interrupted training goes on where it was.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import torch

from snnlab import data
from snnlab.data import bundled, mnist, networks
from snnlab.exceptions import SNNLabError

SOURCE = "MNIST: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0"
SETTINGS = {
    "mnist_mlp": {"epochs": 40, "batch": 100, "learning_rate": 1e-3, "seed": 0},
    "mnist_diehl_convnet": {"epochs": 40, "batch": 100, "learning_rate": 3e-3, "seed": 0},
    "mnist_convnet": {"epochs": 30, "batch": 100, "learning_rate": 2e-3, "seed": 0},
}


def main() -> int:
    """Do what the command line says; return the exit status."""
    known = ("images", *SETTINGS)
    usage = f"usage: python tools/train_mnist.py {'|'.join(known)} [MNIST.npz]"
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in known:
        print(usage, file=sys.stderr)
        return 2
    what, file = sys.argv[1], next(iter(sys.argv[2:]), None)
    try:
        if what == "images":
            pack(file)
        else:
            train(what, file)
    except SNNLabError as error:
        print(f"{error}\n{usage}", file=sys.stderr)
        return 1
    return 0


def pack(file: str | None) -> None:
    """Keep the test images of MNIST in the package."""
    out = io.BytesIO()
    images, labels = mnist.read("test", file)
    np.savez_compressed(out, images=images, labels=labels)
    bundled.write("mnist_test.npz", out.getvalue(), source=SOURCE, images=10_000)


def train(name: str, file: str | None) -> None:
    """Train a network, and keep it in the package with its accuracy as stored."""
    setting = SETTINGS[name]
    x, y = data.load_mnist_training(file)
    # The first weights follow the seed as well.
    torch.manual_seed(setting["seed"])
    checkpoint = Path(f"{name}.checkpoint")
    model = data.train(networks.ARCHITECTURES[name](), x, y, checkpoint=checkpoint, **setting)
    fields = {"trained_on": f"the 60,000 training images of {SOURCE}", "training": setting}
    networks.store(name, model, **fields)
    fields["ann_accuracy"] = networks.accuracy(data.load_network(name), *data.load_mnist())
    networks.store(name, model, **fields)
    print(f"{name}: {100 * fields['ann_accuracy']:.2f} % of the test images right")


if __name__ == "__main__":
    sys.exit(main())
