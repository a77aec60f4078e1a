"""Input coding: what reaches the network at each step: spikes for the pixels, or frames."""

from collections.abc import Sequence

import numpy as np
import torch


class RegularInput:
    r"""The images as regular spikes: neurons with threshold 1, half full, one for each pixel.

    .. math:: N_t = \left\lfloor x\,t + \tfrac12 \right\rfloor

    so that the rate is within 1 / (2t) of the pixel after every step. Derived here.
    """

    def __init__(self, images: torch.Tensor):
        self.images, self.steps = images, 0
        self.counts = torch.zeros(images.shape, dtype=torch.int32, device=images.device)

    def step(self, steps: int) -> torch.Tensor:
        """Return the trains of the next steps, zeros and ones of the images' type, (t, b, ...)."""
        last = self.steps + steps
        time = torch.arange(self.steps, last + 1, device=self.images.device, dtype=torch.float64)
        time = time.reshape(-1, *[1] * self.images.ndim)
        counts = (self.images.double() * time + 0.5).floor().int()
        self.steps, self.counts = last, counts[-1]
        return counts.diff(dim=0).to(self.images)


class PoissonInput:
    """The images as random spikes, each pixel's value its probability; every image draws alone.

    So an image's train does not depend on what stands beside it in a block, nor on the blocks.

    Source: Diehl et al. 2015 (Poisson input).
    """

    def __init__(self, images: torch.Tensor, seeds: Sequence[int]):
        self.device = images.device
        self.images = images.cpu().numpy()
        self.generators = [np.random.default_rng(seed) for seed in seeds]
        self.counts = torch.zeros(images.shape, dtype=torch.int32)

    def step(self, steps: int) -> torch.Tensor:
        """Return the trains of the next steps, zeros and ones of the images' type, (t, b, ...)."""
        trains = np.empty((steps, *self.images.shape), self.images.dtype)
        for i, (image, generator) in enumerate(zip(self.images, self.generators, strict=True)):
            for t in range(steps):
                trains[t, i] = generator.random(image.shape) < image
        drawn = torch.from_numpy(trains)
        self.counts += drawn.sum(0, dtype=torch.int32)
        return drawn.to(self.device)


class FramesInput:
    """Frames of each image, one for each step; their sums take the place of counts."""

    def __init__(self, frames: torch.Tensor):
        self.frames, self.steps = frames, 0
        shape = frames[:, 0].shape
        self.counts = torch.zeros(shape, dtype=torch.float64, device=frames.device)

    def step(self, steps: int) -> torch.Tensor:
        """Return the next frames, shape (t, b, ...)."""
        begin, self.steps = self.steps, self.steps + steps
        frames = self.frames[:, begin : self.steps].swapaxes(0, 1)
        self.counts += frames.sum(0, dtype=torch.float64)
        return frames


Input = PoissonInput | RegularInput | FramesInput


def coded_input(coding: str, images: torch.Tensor, seeds: Sequence[int]) -> Input:
    """Return images as "poisson" or "regular" spikes or as "frames"; only the first needs seeds."""
    if coding == "frames":
        return FramesInput(images)
    return PoissonInput(images, seeds) if coding == "poisson" else RegularInput(images)
