"""Which memory tensors look at: views of one memory see what is written into another of them."""

from dataclasses import dataclass

import torch
from torch import fx


@dataclass(eq=False)
class View:
    """A tensor that was seen, and the node that it stands for."""

    tensor: torch.Tensor
    node: fx.Node
    # Another node, if that wrote into its memory in a way that cannot be followed.
    lost: fx.Node | None = None


def memory_of(tensor: torch.Tensor) -> int:
    """Return where the memory begins that a tensor looks at."""
    if tensor.layout is not torch.strided:
        return -id(tensor)
    return tensor.untyped_storage().data_ptr()


def strides_of(tensor: torch.Tensor) -> tuple:
    """Return which part of its memory a tensor looks at, and as what."""
    if tensor.layout is not torch.strided:
        return ()
    return tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype


def version_of(tensor: torch.Tensor) -> int:
    """Return how often a tensor was written into."""
    return -1 if tensor.is_inference() else tensor._version


def within_image(tensor: torch.Tensor) -> tuple | None:
    """Return shape, strides, first and last place within the memory of one image, and its size.

    None if the images do not lie one behind the other.
    """
    if tensor.ndim == 0 or tensor.numel() == 0:
        return None
    shape, strides, first = tuple(tensor.shape[1:]), tensor.stride()[1:], tensor.storage_offset()
    last = first + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    size = tensor.stride(0)
    return (shape, strides, first, last, size) if last < size else None
