"""What each neuron of each image starts with, where that differs from image to image."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from snnlab.exceptions import OptionError


@dataclass(frozen=True, eq=False, repr=False)
class Start:
    """What the neurons of one layer start with, image by image; for `simulate(..., start=)`.

    Parameters
    ----------
    v_init : array, shape (B, ...)
        Potential before the first step, in units of the threshold: any numbers.
    silent : array of bool, shape (B, ...), optional
        Neurons that integrate but do not fire. A potential above the threshold stays above it.

    Raises
    ------
    OptionError
        If `v_init` is no array of finite numbers, or `silent` none of truth values and its shape.

    Source: Hao et al. 2023 (AAAI, silent neurons; ICLR, a start for each image).

    >>> from torch import nn
    >>> from snnlab import Fixed, Start, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0, 1.0]], threshold=Fixed(1.0))
    >>> start = {"relu": Start([[0.5, 0.5], [-1.0, 0.5]], silent=[[False, True], [False, False]])}
    >>> simulate(net, [[0.5, 0.5], [0.5, 0.5]], timesteps=4, start=start).counts("relu").tolist()
    [[2, 0], [1, 2]]
    """

    v_init: np.ndarray
    silent: np.ndarray | None = None

    def __post_init__(self) -> None:
        v_init = _array(self.v_init, "v_init", "finite numbers", "iuf").astype(np.float64)
        bad = v_init[~np.isfinite(v_init)]
        if bad.size:
            raise OptionError(
                f"v_init of a Start: found {bad.flat[0]:g}, expected finite numbers. Look at what "
                f"they were computed from."
            )
        object.__setattr__(self, "v_init", v_init)
        if self.silent is None:
            return
        silent = _array(self.silent, "silent", "truth values", "b")
        if silent.shape != v_init.shape:
            raise OptionError(
                f"silent of a Start: shape {silent.shape}, expected that of v_init, "
                f"{v_init.shape}: one truth value for each neuron of each image."
            )
        object.__setattr__(self, "silent", silent)

    def of_images(self, images: slice) -> "Start":
        """Return what some of the images start with."""
        silent = None if self.silent is None else self.silent[images]
        return Start(self.v_init[images], silent)


def _array(value: Any, name: str, expected: str, kinds: str) -> np.ndarray:
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in kinds or array.ndim < 1:
        found = f"array of {array.dtype} and shape {array.shape}" if array.ndim else repr(value)
        raise OptionError(
            f"{name} of a Start: found {found}, expected an array of {expected}, shape (B, ...), "
            f"with the images first. What all images have in common stands in the neuron: "
            f"network.replace(v_init=...)."
        )
    return array
