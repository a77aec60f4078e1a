"""The networks that are measured, trained once and kept in benchmarks/.cache."""

from pathlib import Path

import torch
from torch import nn

from snnlab.data import Images, load_digits, train

CACHE = Path(__file__).parent / ".cache"


def conv(features: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(),
        nn.Linear(1200, 10),
    )  # fmt: skip


NETWORKS = {
    "conv": (lambda: conv(32 * 7 * 7), 28),
    "mlp": (mlp, 28),
    "conv8": (lambda: conv(32 * 2 * 2), 8),
}


def load(name: str, seed: int = 0) -> tuple[nn.Module, Images]:
    """Return a trained network and its images."""
    build, side = NETWORKS[name]
    data = load_digits(side)
    torch.manual_seed(seed)
    model = build()
    file = CACHE / f"{name}-{seed}.pt"
    if file.exists():
        model.load_state_dict(torch.load(file, weights_only=True))
        return model.eval(), data
    model = train(model, data.x_train, data.y_train, epochs=20, seed=seed)
    CACHE.mkdir(exist_ok=True)
    torch.save(model.state_dict(), file)
    return model, data
