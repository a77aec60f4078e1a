"""The neurons of one layer, stepping through time."""

from collections.abc import Sequence

import numpy as np
import torch

from snnlab.dynamics.neuron import Neuron, per_neuron
from snnlab.dynamics.start import Start


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
    i_offset: torch.Tensor | None = None,
    fires: torch.Tensor | None = None,
) -> None:
    r"""Advance neurons that fire at most once over several steps; `neuron.if_step` in place.

    `v` and, step by step, `spikes` and `potentials` are written. `spikes[t]` may be the same memory
    as `currents[t]`. All have shape (b, ...); threshold and offset broadcast against it. `fires` is
    1 for neurons that may fire and 0 for others.
    """
    for t, (z, s) in enumerate(zip(currents, spikes, strict=True)):
        v.add_(z)
        if i_offset is not None:
            v.add_(i_offset)
        torch.ge(v, v_threshold, out=s)
        if fires is not None:
            s.mul_(fires)
        v.addcmul_(s, v_threshold if subtract else v, value=-1)
        if potentials is not None:
            potentials[t].copy_(v)


def fire_several(
    v: torch.Tensor,
    currents: Sequence[torch.Tensor],
    spikes: Sequence[torch.Tensor],
    v_threshold: torch.Tensor,
    max_spikes: int,
    counts: torch.Tensor | None,
    potentials: Sequence[torch.Tensor] | torch.Tensor | None = None,
    i_offset: torch.Tensor | None = None,
    fires: torch.Tensor | None = None,
) -> None:
    r"""Advance burst neurons, or signed ones, as `integrate_and_fire` does with others.

    The `counts` N of signed neurons are written too, shape (b, ...); None for others.
    """
    lowest = 0 if counts is None else -max_spikes
    for t, (z, s) in enumerate(zip(currents, spikes, strict=True)):
        v.add_(z)
        if i_offset is not None:
            v.add_(i_offset)
        torch.div(v, v_threshold, out=s).floor_().clamp_(lowest, max_spikes)
        if fires is not None:
            s.mul_(fires)
        if counts is not None:
            torch.maximum(s, -counts, out=s)
            counts.add_(s)
        v.addcmul_(s, v_threshold, value=-1)
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
    start : Start, optional
        What the neurons start with in place of the neuron's `v_init`, image by image.

    Attributes
    ----------
    counts, sent : torch.Tensor, shape (b, ...)
        Spikes so far, those of -1 subtracted, and all of them.
    """

    def __init__(
        self,
        neuron: Neuron,
        images: int,
        like: torch.Tensor,
        record: bool = False,
        start: Start | None = None,
    ):
        shape = (images, *like.shape[1:])
        theta = self.v_threshold = _laid_out(neuron.v_threshold, like)
        has_offset = np.any(neuron.i_offset)
        self.i_offset = _laid_out(neuron.i_offset, like) if has_offset else None
        self.neuron, self.subtract = neuron, neuron.reset == "subtract"
        self.v = torch.empty(shape, **_kind(like), memory_format=_order(like.ndim))
        if start is None:
            self.v.copy_(_laid_out(neuron.v_init, like) * theta)
        else:
            self.v.copy_(torch.tensor(start.v_init, **_kind(like)) * theta)
        self.fires: torch.Tensor | None = None
        if start is not None and start.silent is not None:
            self.fires = channels_last(torch.tensor(~start.silent, **_kind(like)))
        self.counts = torch.zeros_like(self.v)
        self.sent = torch.zeros_like(self.v) if neuron.signed else self.counts
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
        self._advance(currents, spikes)
        self.trains = None
        if self.record:
            self.trains = spikes.to(torch.uint8 if self._is_plain else torch.int32)
        return folded.mul_(self.v_threshold)

    @property
    def _is_plain(self) -> bool:
        return self.neuron.max_spikes == 1 and not self.neuron.signed

    def _advance(self, currents: Sequence[torch.Tensor], spikes: torch.Tensor) -> None:
        """Write the spikes of some steps, shape (t, b, ...), and add them to the counts."""
        neuron, theta, fired = self.neuron, self.v_threshold, spikes.unbind(0)
        also = self.potentials, self.i_offset, self.fires
        if self._is_plain:
            integrate_and_fire(self.v, currents, fired, theta, self.subtract, *also)
        else:
            counts = self.counts if neuron.signed else None
            fire_several(self.v, currents, fired, theta, neuron.max_spikes, counts, *also)
        if neuron.signed:
            self.sent += spikes.abs().sum(0)
        else:
            for s in fired:  # quicker than one sum over all steps
                self.counts.add_(s)


def _laid_out(setting: float | np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """Return a setting as a tensor that broadcasts over the neurons of a layer, (b, C, ...)."""
    value = torch.tensor(per_neuron(setting, like.ndim), **_kind(like))
    if value.ndim:
        # Laid out like one image, so that torch need not stride over it at each step.
        value = channels_last(value.expand(1, *like.shape[1:]).clone())
    return value


def _kind(x: torch.Tensor) -> dict:
    return {"dtype": x.dtype, "device": x.device}
