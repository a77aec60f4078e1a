"""The nodes that own a state: they read a block of steps and hand on a block of steps.

A block holds time and images folded together, shape (t·b, ...), step after step.
"""

from collections.abc import Sequence

import torch

from snnlab.dynamics.neuron import Neuron, per_neuron


def dense(x: torch.Tensor) -> torch.Tensor:
    """Return `x` in the memory order that torch's convolutions and pools like best.

    Images with channels lie channels last: pooling is four times as fast so on a CPU.
    """
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.contiguous(memory_format=formats.get(x.ndim, torch.contiguous_format))


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
    """The neurons of one layer for a block of images: potentials and counts, carried over steps."""

    def __init__(self, neuron: Neuron, images: int, like: torch.Tensor):
        shape = (images, *like.shape[1:])
        theta = torch.tensor(per_neuron(neuron.v_threshold, like.ndim), **_kind(like))
        if theta.ndim:
            # Laid out like one image, so that torch need not stride over it at each step.
            theta = dense(theta.expand(1, *shape[1:]).clone())
        self.v_threshold = theta
        self.subtract = neuron.reset == "subtract"
        self.v = dense(torch.empty(shape, **_kind(like)))
        self.v.copy_(neuron.v_init * theta)
        self.counts = torch.zeros_like(self.v)

    def step(
        self, current: torch.Tensor, steps: int, writable: bool, record: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Return θ·s, shape (t·b, ...); if `record` also s in bytes and v, shape (t, b, ...).

        `current` has shape (b, ...) if it is the same at every step, else (t·b, ...). It is used as
        memory for the result if it is `writable`.
        """
        images = len(self.v)
        constant = len(current) == images and steps > 1
        laid = dense(current)
        folded = laid if not constant and (writable or laid is not current) else None
        if folded is None:
            folded = dense(torch.empty((steps * images, *current.shape[1:]), **_kind(current)))
        spikes = folded.unflatten(0, (steps, images))
        currents = [laid] * steps if constant else laid.unflatten(0, (steps, images)).unbind(0)
        potentials = torch.empty_like(spikes) if record else None
        integrate_and_fire(
            self.v, currents, spikes.unbind(0), self.v_threshold, self.subtract, potentials
        )
        self.counts += spikes.sum(0)
        trains = spikes.to(torch.uint8) if record else None
        return folded.mul_(self.v_threshold), trains, potentials


def _kind(x: torch.Tensor) -> dict:
    return {"dtype": x.dtype, "device": x.device}
