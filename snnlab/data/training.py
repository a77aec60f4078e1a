"""Training of a small classifier."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from snnlab._arguments import checks, labels
from snnlab._arguments.images import Images
from snnlab.data.checkpoint import Checkpoint
from snnlab.exceptions import ShapeError, needs
from snnlab.graph.fingerprint import fingerprint
from snnlab.graph.threads import multiplications, threads_for


def train(
    model: nn.Module,
    x: Any,
    y: Any = None,
    *,
    epochs: int = 15,
    batch: int = 64,
    learning_rate: float = 2e-3,
    seed: int = 0,
    checkpoint: str | Path | None = None,
) -> nn.Module:
    """Return a trained copy of a classifier, in eval mode, and show a progress bar.

    Adam with a learning rate that falls to 0 along a cosine, cross-entropy loss. The order of the
    images and Dropout follow `seed`; torch's own random state is restored afterwards.

    Parameters
    ----------
    model : torch.nn.Module
        From images to one score per class. It is not changed.
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images. They are read once and kept as one array, up to 1 GiB, so augmentation at random is
        drawn once.
    y : array of whole numbers, shape (B,), optional
        Right class of each image; by default what comes along with the images.
    epochs, batch : int
        Passes over the images, and images per step.
    learning_rate : float
    seed : int
    checkpoint : path, optional
        A file that is written after each epoch and removed at the end. If it exists, the training
        resumes from it, to the same result.

    Raises
    ------
    ShapeError, OptionError
        If images, labels or numbers are not as described.
    MemoryBudgetError
        If the images of a loader or a data set take more than 1 GiB.
    DataError
        If the checkpoint is of a training of other images, labels, layers or options, if it cannot
        be read or written, or if there is no folder for it.

    >>> images = torch.rand(64, 2, generator=torch.Generator().manual_seed(0))
    >>> model = train(nn.Linear(2, 2), images, (images[:, 0] > 0.5).int(), epochs=1)
    >>> model.training
    False
    """
    with needs("snnlab.data.train", "tqdm", extra="sweep"):
        from tqdm.auto import tqdm

    checks.instance(model, nn.Module, "model", "Wrap a function in a module as its forward.")
    epochs, batch = checks.whole(epochs, "epochs"), checks.whole(batch, "batch")
    learning_rate, seed = checks.positive(learning_rate, "learning_rate"), checks.seed(seed)
    dtype = next((p.dtype for p in model.parameters()), None)
    images = Images(x, "x")
    x = images.whole(dtype)
    y = torch.from_numpy(labels.classes(labels.given_or_own(y, images.labels), (len(x),)))
    model = copy.deepcopy(model).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    setting: dict[str, Any] = {
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "seed": seed,
        "model": str(model),
        "sha256 of x": fingerprint(x),
        "sha256 of y": fingerprint(y),
    }
    state = Checkpoint(checkpoint, setting, (model, optimizer, schedule))
    with torch.random.fork_rng(devices=[]):
        # A step computes the output, and the gradients of activations and of weights.
        work = 3 * multiplications(copy.deepcopy(model).eval(), x[:batch])
    bars = tqdm(total=epochs, unit=" epochs", leave=False)
    with torch.random.fork_rng(devices=[]), threads_for(work), bars as bar, state.explained():
        torch.manual_seed(seed)
        done = state.resume()
        bar.update(done)
        for epoch in range(done, epochs):
            for chosen in _batches(len(x), batch):
                scores = model(x[chosen])
                _check_classes(y, scores.shape[-1])
                loss = F.cross_entropy(scores, y[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
            state.save(epoch + 1)
            bar.set_postfix(loss=f"{loss.item():.3f}")
            bar.update()
    state.remove()
    return model.eval()


def _batches(images: int, batch: int) -> list[torch.Tensor]:
    """Return the images in random order, in batches, none of one image: BatchNorm needs two."""
    batches = list(torch.randperm(images).split(batch))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _check_classes(y: torch.Tensor, classes: int) -> None:
    """Refuse labels for which the model has no output."""
    outside = y[(y < 0) | (y >= classes)]
    if len(outside):
        raise ShapeError(
            f"y: found the label {outside[0]}, expected 0 to {classes - 1}: the model gives "
            f"{classes} scores. Count the classes from 0, or give the last layer more outputs."
        )
