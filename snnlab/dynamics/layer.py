"""The neurons of one layer, stepping through time."""

from collections.abc import Sequence

import torch

from snnlab.dynamics.neuron import Neuron, per_neuron


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """Return `x` in the memory order that torch's convolutions and pools like best.

    Images with channels lie channels last: pooling is four times as fast so on a CPU.
    """
    return x.contiguous(memory_format=_order(x.ndim))


def _order(dimensions: int) -> torch.memory_format:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return formats.get(dimensions, torch.contiguous_format)


def integrate_and_fire(
    v: torch.Tensor,
    currents: Sequence[torch.Tensor],
    spikes: Sequence[torch.Tensor],
    v_threshold: torch.Tensor,
    subtract: bool,
    potentials: Sequence[torch.Tensor] | torch.Tensor | None = None,
) -> None:
    r"""Advance neurons over several steps; `neuron.if_step` in place.

    `v` and, step by step, `spikes` and `potentials` are written. `spikes[t]` may be the same memory
    as `currents[t]`. All have shape (b, ...); the threshold broadcasts against it.
    """
    for t, (z, s) in enumerate(zip(currents, spikes, strict=True)):
        v.add_(z)
        torch.ge(v, v_threshold, out=s)
        v.addcmul_(s, v_threshold if subtract else v, value=-1)
        if potentials is not None:
            potentials[t].copy_(v)


class IFLayer:
    """The neurons of one layer for a block of images: potentials and counts, carried over steps.

    Parameters
    ----------
    neuron : Neuron
    images : int
        Number of images b.
    like : torch.Tensor, shape (..., C, ...)
        A current: its shape after the first dimension, its type and its device are the neurons'.
    record : bool
        Whether `trains` and `potentials` of the last block, shape (t, b, ...), are kept.
    """

    def __init__(self, neuron: Neuron, images: int, like: torch.Tensor, record: bool = False):
        shape = (images, *like.shape[1:])
        theta = torch.tensor(per_neuron(neuron.v_threshold, like.ndim), **_kind(like))
        if theta.ndim:
            # Laid out like one image, so that torch need not stride over it at each step.
            theta = channels_last(theta.expand(1, *shape[1:]).clone())
        self.v_threshold = theta
        self.subtract = neuron.reset == "subtract"
        self.v = torch.empty(shape, **_kind(like), memory_format=_order(like.ndim))
        self.v.copy_(neuron.v_init * theta)
        self.counts = torch.zeros_like(self.v)
        self.record = record
        self.trains: torch.Tensor | None = None
        self.potentials: torch.Tensor | None = None

    def step(self, x: torch.Tensor, steps: int, writable: bool = False) -> torch.Tensor:
        """Return θ·s, shape (t·b, ...), as `Stepping.step`.

        The current `x` has shape (b, ...) if it is the same at every step, else (t·b, ...).
        """
        images = len(self.v)
        constant = len(x) == images and steps > 1
        laid = channels_last(x)
        folded = laid if not constant and (writable or laid is not x) else None
        if folded is None:
            shape = (steps * images, *x.shape[1:])
            folded = torch.empty(shape, **_kind(x), memory_format=_order(x.ndim))
        spikes = folded.unflatten(0, (steps, images))
        currents = [laid] * steps if constant else laid.unflatten(0, (steps, images)).unbind(0)
        self.potentials = torch.empty_like(spikes) if self.record else None
        integrate_and_fire(
            self.v, currents, spikes.unbind(0), self.v_threshold, self.subtract, self.potentials
        )
        self.counts += spikes.sum(0)
        self.trains = spikes.to(torch.uint8) if self.record else None
        return folded.mul_(self.v_threshold)


def _kind(x: torch.Tensor) -> dict:
    return {"dtype": x.dtype, "device": x.device}
