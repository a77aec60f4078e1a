"""As many of torch's threads as are fastest for the work at hand.

Threads that share a piece of work wait for each other, by default by spinning. Small pieces become
hardly faster by that. Where another program uses one of the cores, a piece lasts until that program
is interrupted, some hundredths of a second, which makes it tens of times slower.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

# So many multiplications in one batch keep a thread busy; see benchmarks/README.md.
_WORK_OF_A_THREAD = 600e6


@contextmanager
def threads_for(multiplications: float) -> Iterator[None]:
    """Compute with the threads that pay for batches of so many multiplications.

    They are never more than torch was set to before, nor than the container's quota of processors
    allows; where threads wait by spinning, one processor is left to other programs. Afterwards
    torch is set as it was.
    """
    before = torch.get_num_threads()
    threads = max(1, min(before, int(multiplications / _WORK_OF_A_THREAD)))
    if threads > 1:  # else joblib, which takes a twentieth of a second, need not be imported
        spinning = os.environ.get("OMP_WAIT_POLICY", "").upper() != "PASSIVE"
        threads = max(1, min(threads, _processors() - spinning))
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _processors() -> int:
    """Return how many processors this process may use, also in a container with a quota."""
    try:
        from joblib import cpu_count
    except ModuleNotFoundError:  # it comes with an extra; without it no quota is known
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    return int(cpu_count())


def multiplications(model: nn.Module, x: torch.Tensor) -> int:
    """Count those of a model's linear layers and convolutions for a batch, by evaluating it.

    >>> multiplications(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), torch.ones(5, 3))
    30
    """
    counts: list[int] = []

    def count(layer: Any, _: Any, output: torch.Tensor) -> None:
        counts.append(output.numel() * layer.weight[0].numel())

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | _ConvNd)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode(), threads_for(0):
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts)
