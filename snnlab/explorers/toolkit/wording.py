"""What several explorers say alike: numbers in words, and choices that are no choices."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from snnlab.exceptions import OptionError

# A legend above the axes, where it covers no curve.
ABOVE: dict[str, Any] = {
    "loc": "lower center",
    "bbox_to_anchor": (0.5, 0.98),
    "frameon": False,
    "fontsize": 8,
    "handlelength": 1.5,
    "columnspacing": 0.8,
}


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


def at_steps(steps: Sequence[int]) -> str:
    """Return at which steps something happened, the first four of them.

    >>> at_steps([4]), at_steps([1, 2]), at_steps([1, 2, 3, 4, 5])
    (' at step 4', ' at steps 1 and 2', ' at steps 1, 2, 3, 4 and so on')
    """
    named = [f"{step:d}" for step in steps[:4]]
    if not named:
        return ""
    last = "so on" if len(steps) > 4 else named.pop()
    return f" at step{'s' if len(steps) > 1 else ''} " + " and ".join(
        filter(None, [", ".join(named), last])
    )
