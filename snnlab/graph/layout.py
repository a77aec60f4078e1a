"""Where the images are in a value that a model computes: along which dimension, in which rows.

A model may move the batch for some steps: `torch.stack(branches).mean(0)`, a recurrence over
`x.transpose(0, 1)`, frames folded into the batch. In the canonical graph it is first all along.
"""

import itertools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import fx, nn

from snnlab.graph import operations


class Layout(NamedTuple):
    """Images lie along dimension `dim`, as `outer` times (image 1, ...) of `inner` rows each.

    >>> Layout(1).front(torch.zeros(3, 2, 4)).shape  # torch.stack of three, for two images
    torch.Size([2, 3, 4])
    >>> Layout(0, 1, 5).back(torch.zeros(2, 5, 4)).shape  # five frames of two images
    torch.Size([10, 4])
    """

    dim: int = 0
    outer: int = 1
    inner: int = 1

    @property
    def rows(self) -> int:
        """How many rows belong to one image."""
        return self.outer * self.inner

    def front(self, value: torch.Tensor) -> torch.Tensor:
        """Return a value with the images first, and behind them, if there are several, the rows."""
        if self == FIRST:
            return value
        apart = value.unflatten(self.dim, (self.outer, -1, self.inner)).movedim(self.dim + 1, 0)
        return apart.reshape(len(apart), *self.of_image(value.shape))

    def back(self, value: torch.Tensor) -> torch.Tensor:
        """Return a value with the images first as the model has it."""
        if self == FIRST:
            return value
        before, after = value.shape[1 : self.dim + 1], value.shape[self.dim + 1 :]
        after = after[1:] if self.rows > 1 else after
        apart = value.reshape(len(value), *before, self.outer, self.inner, *after)
        return apart.movedim(0, self.dim + 1).flatten(self.dim, self.dim + 2)

    def of_image(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one image of a value."""
        rows = (self.rows,) if self.rows > 1 else ()
        return *shape[: self.dim], *rows, *shape[self.dim + 1 :]

    def along(self, dims: Any, ndim: int) -> Any:
        """Return dimensions of a value with the images first, from those of the model's value.

        >>> Layout(1).along((0, -1), 3)
        (1, 2)
        """
        if self == FIRST:
            return dims
        behind = 1 if self.rows > 1 else 0
        given = dims if isinstance(dims, (tuple, list)) else (dims,)
        return tuple(d % ndim + (1 if d % ndim < self.dim else behind) for d in given)


FIRST = Layout()


def layouts_of(
    two: torch.Tensor, five: torch.Tensor, same: Callable[[torch.Tensor, torch.Tensor], bool]
) -> list[Layout]:
    """Return how the images may lie in a value that was computed for 2 and for 5 of them.

    The two are numbers 1 and 2 of the five; `same` compares what is of the same images.

    >>> five = torch.tensor([[3.0, 4.0], [1.0, 2.0], [5.0, 6.0], [7.0, 8.0], [9.0, 0.0]])
    >>> layouts_of(five[1:3].T, five.T, torch.equal)
    [Layout(dim=1, outer=1, inner=1)]
    """
    sizes = list(itertools.zip_longest(two.shape, five.shape))
    differing = [dim for dim, (a, b) in enumerate(sizes) if a != b]
    if len(differing) != 1 or two.ndim != five.ndim:
        return []
    (dim,) = differing
    a, b = sizes[dim]
    rows = a // 2
    if (a, b) != (2 * rows, 5 * rows):
        return []
    orders = [Layout(dim, n, rows // n) for n in range(1, rows + 1) if rows % n == 0]
    return [order for order in orders if same(order.front(two), order.front(five)[1:3])]


def laid_out(
    function: str, args: Any, kwargs: Any, layouts: list[tuple | None], result: Any
) -> Any:
    """Return with the images first what a function makes of values where they lie elsewhere.

    Parameters
    ----------
    function : str
        Where it is and its name: "torch.stack", "Tensor.mean".
    args, kwargs
        Its arguments, with the images first.
    layouts : list of tuple or None
        How it wants each tensor among the arguments; None for a constant.
    result : tuple, or list of tuples
        How the images lie in what it returns.

    >>> a, b = torch.tensor([[1.0]]), torch.tensor([[5.0]])
    >>> laid_out("torch.stack", ([a, b],), {}, [(0, 1, 1)] * 2, (1, 1, 1)).tolist()
    [[[1.0], [5.0]]]
    """
    given = iter(layouts)

    def moved(value: Any) -> Any:
        layout = next(given) if isinstance(value, torch.Tensor) else None
        return value if layout is None else Layout(*layout).back(value)

    args, kwargs = fx.node.map_aggregate((args, kwargs), moved)
    found = function_named(function)(*args, **kwargs)
    if isinstance(found, torch.Tensor):
        return Layout(*result).front(found)
    return tuple(Layout(*layout).front(part) for part, layout in zip(found, result, strict=True))


_HOMES = {
    "torch": torch,
    "Tensor": torch.Tensor,
    "functional": nn.functional,
    "linalg": torch.linalg,
    "special": torch.special,
    "fft": torch.fft,
    "operator": operator,
    "snnlab": operations,
}


def name_in_home(target: Any) -> str | None:
    """Return the name of a function or method as `laid_out` wants it, None if it has none.

    >>> name_in_home(torch.stack), name_in_home("mean")
    ('torch.stack', 'Tensor.mean')
    """
    if isinstance(target, str):
        return f"Tensor.{target}"
    name = getattr(target, "__name__", "")
    homes = (home for home, module in _HOMES.items() if getattr(module, name, None) is target)
    home = next(homes, None)
    return home and f"{home}.{name}"


def function_named(function: str) -> Callable:
    """Return a function of the table of operations; others a file cannot name."""
    home, _, name = function.partition(".")
    if name not in operations.KNOWN:
        raise KeyError(function)
    return getattr(_HOMES[home], name)
