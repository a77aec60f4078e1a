"""The options of a run, which all engines share."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab._text import GIB
from snnlab.dynamics.neuron import Reset
from snnlab.dynamics.start import Start
from snnlab.exceptions import OptionError
from snnlab.network import Network

# What to say of a correction for another number of steps.
_HAVE = {"bias": "was corrected", "thresholds": "were tuned"}
_WHY = {
    "bias": "With more steps the error shrinks and the offset stays, with fewer it is too small.",
    "thresholds": "With more steps higher ones err less, with fewer lower ones.",
}
INPUTS = ("analog", "poisson", "regular", "frames")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `snnlab.simulate`, checked; what is raised is said there."""

    timesteps: int
    reset: Reset | None = None
    v_init: float | np.ndarray | None = None
    input: str = "analog"
    seed: int | np.random.Generator | None = None
    spikes: bool | Iterable[str | int] = ()
    potentials: bool | Iterable[str | int] = ()
    counts: bool | Iterable[str | int] = True
    at: Iterable[int] = ()
    dtype: torch.dtype | None = None
    memory: int = GIB
    start: Mapping[str, Start] | None = None

    def __post_init__(self) -> None:
        timesteps = checks.whole(self.timesteps, "timesteps")
        object.__setattr__(self, "timesteps", timesteps)
        object.__setattr__(self, "memory", checks.whole(self.memory, "memory"))
        object.__setattr__(self, "at", checks.chosen_steps(self.at, timesteps))
        checks.option(self.input, "input", INPUTS)
        if self.dtype not in (None, torch.float32, torch.float64):
            raise OptionError(f"dtype = {self.dtype!r}: expected torch.float32 or torch.float64.")

    @property
    def spiking_input(self) -> bool:
        """Whether the pixels spike."""
        return self.input in ("poisson", "regular")

    @property
    def recorded_steps(self) -> list[int]:
        """The steps after which spike counts are kept, the last one among them."""
        return sorted({*self.at, self.timesteps})

    def apply(self, network: Network, x: Any) -> tuple[Network, Images]:
        """Return the network with the settings of this run, and its images."""
        checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
        if self.reset is not None or self.v_init is not None:
            network = network.replace(reset=self.reset, v_init=self.v_init)
        if self.dtype is not None and self.dtype != network.graph.dtype:
            network = network.to(self.dtype)
        if network.graph.looks_up and self.input != "analog":
            raise OptionError(
                f"input = {self.input!r}: expected 'analog': this network looks whole numbers up "
                f"in an embedding, and no spikes stand for them. Leave input= away."
            )
        images = Images(
            x,
            "x",
            network.graph.input_shape,
            timesteps=self.timesteps if self.input == "frames" else None,
            check=refuse_outside_unit if self.spiking_input else None,
        )
        images.look_through(network.graph.dtype)
        return network, images


def warn_of_other_steps(network: Network, timesteps: int) -> None:
    """Warn if a network runs for another number of steps than it was corrected for.

    What a neuron starts with counts less and less, as does the error that it cancels, so a
    corrected potential may be run for any number of steps.
    """
    other = {w: t for w, t in network.corrections.items() if t != timesteps and w != "potential"}
    for what, steps in other.items():
        warnings.warn(
            f"simulate: the {what} of this network {_HAVE[what]} for {steps} steps, and this run "
            f"has {timesteps}. {_WHY[what]} Correct the network from before for {timesteps} steps, "
            f"or use snnlab.correct_potential, which does no harm with others.",
            stacklevel=3,
        )


def train_seeds(images: int, seed: int | np.random.Generator | None) -> list[int]:
    """Draw a seed for the Poisson train of each image."""
    return checks.generator(seed).integers(2**63, size=images).tolist()


def refuse_outside_unit(x: torch.Tensor) -> None:
    """Refuse images that no spike trains can stand for: a pixel is a rate, in [0, 1]."""
    if x.min() < 0 or x.max() > 1:
        raise OptionError(
            f"x: values from {x.min():g} to {x.max():g}, expected [0, 1]: in a spike train a "
            f"pixel is a probability. If they were normalized by mean and standard deviation, let "
            f"the model do that: convert nn.Sequential(normalize, model), and give pixels in "
            f"[0, 1]. Else use input='analog'."
        )
