"""What several explorers say alike: numbers in words, and choices that are no choices."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from snnlab.exceptions import OptionError


def several(values: Any, name: str, check: Callable[[Any], Any]) -> list[Any]:
    """Return choices, each checked and once, refused if there is none."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise OptionError(f"{name} = {values!r}: expected a list, as {name}=[{values!r}].")
    checked = list(dict.fromkeys(check(value) for value in values))
    if not checked:
        raise OptionError(f"{name}: is empty, expected at least one number.")
    return checked


def number(value: float) -> str:
    """Return a number with at most three decimals.

    >>> number(0.0468), number(2.0), number(-0.0001)
    ('0.047', '2', '0')
    """
    return f"{round(float(value), 3) + 0.0:g}"


def listed(names: Iterable[Any]) -> str:
    """Return names in a sentence.

    >>> listed(["x"]), listed(["x", "y"]), listed(["x_cal", "x", "y"])
    ('x', 'x and y', 'x_cal, x and y')
    """
    *first, last = map(str, names)
    return " and ".join(filter(None, [", ".join(first), last]))


def at_steps(steps: Sequence[int]) -> str:
    """Return at which steps something happened, the first four of them.

    >>> at_steps([4]), at_steps([1, 2]), at_steps([1, 2, 3, 4, 5])
    (', at step 4', ', at steps 1 and 2', ', at steps 1, 2, 3, 4 and so on')
    """
    if not len(steps):
        return ""
    more = ["so on"] if len(steps) > 4 else []
    return f", at step{'s' if len(steps) > 1 else ''} {listed([*steps[:4], *more])}"
