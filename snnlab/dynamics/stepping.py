"""What all nodes with a state have in common.

They read a block of steps and hand on a block of steps. A block holds time and images folded
together, shape (t·b, ...), step after step.
"""

from typing import Protocol

import torch


class Stepping(Protocol):
    """A node with a state, for a block of images."""

    def step(self, x: torch.Tensor, steps: int, writable: bool = False) -> torch.Tensor:
        """Return the block of outputs, shape (t·b, ...), for a block of inputs.

        Where `writable`, the memory of `x` may be used for the result.
        """
