"""The answers that a prediction allows: a number in a range, or one of a few choices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from snnlab._arguments import checks
from snnlab.exceptions import OptionError

SKIP = "I would rather look"


@dataclass(frozen=True)
class Number:
    """An answer that is a number between two ends.

    Parameters
    ----------
    low, high, step : int or float
        With a `step` of type int only whole numbers are allowed. The step is that of the arrows
        beside the field; numbers between two steps are allowed too.
    unit : str
        Shown after the number.

    Raises
    ------
    OptionError
        If the ends are not in order or the step is not above 0.

    >>> Number(0, 1, 0.05)
    Number(low=0, high=1, step=0.05, unit='')
    """

    low: float
    high: float
    step: float
    unit: str = ""

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            checks.number(getattr(self, name), name)
        if self.low >= self.high or self.step <= 0:
            raise OptionError(
                f"Number({self.low!r}, {self.high!r}, {self.step!r}): expected the lower end, the "
                f"upper end, and a step above 0."
            )
        if isinstance(self.step, int) and (self.low % 1 or self.high % 1):
            raise OptionError(
                f"Number({self.low!r}, {self.high!r}, {self.step!r}): with a whole step, whole "
                f"ends are expected. Write {self.step}.0 for numbers in between."
            )

    def checked(self, value: Any, name: str) -> float:
        """Return the value, refused if it is not between the ends."""
        whole = isinstance(self.step, int)
        return checks.number(value, name, self.low, self.high, whole=whole, expected=f"{self}.")

    def shown(self, value: Any) -> str:
        """Return a number with its unit."""
        return f"{float(value):g} {self.unit}".rstrip()

    def __str__(self) -> str:
        whole = "whole " * isinstance(self.step, int)
        return f"a {whole}number from {self.low:g} to {self.shown(self.high)}"


@dataclass(frozen=True)
class Choices:
    """An answer that is one of a few numbers or texts.

    Parameters
    ----------
    values : sequence of numbers and strings

    Raises
    ------
    OptionError
        If there are fewer than two, one of another type, or two that look the same.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.values) < 2 or not all(map(_is_choice, self.values)):
            raise OptionError(
                f"answers = {list(self.values)!r}: expected two choices or more, each a number or "
                f"a text, or course.Number(low, high, step)."
            )
        shown = [self.shown(value) for value in self.values]
        if len({*shown, SKIP}) <= len(shown):
            raise OptionError(
                f"answers = {list(self.values)!r}: two of them look the same. Each choice, also "
                f"{SKIP!r}, is shown once."
            )

    def checked(self, value: Any, name: str) -> Any:
        """Return the value, refused if it is none of the choices."""
        for choice in self.values:
            if _is_choice(value) and value == choice:
                return choice
        raise OptionError(f"{name} = {value!r}: expected one of {list(self.values)}.")

    def shown(self, value: Any) -> str:
        """Return a number or a text."""
        return value if isinstance(value, str) else f"{float(value):g}"

    def __str__(self) -> str:
        *first, last = map(self.shown, self.values)
        # Choices with commas in them are separated by semicolons.
        if any("," in text for text in (*first, last)):
            return f"{'; '.join(first)}; or {last}"
        return f"{', '.join(first)} or {last}"


def _is_choice(value: Any) -> bool:
    return isinstance(value, str) or checks.is_number(value)


def answers_of(answers: Sequence[Any] | Number) -> Number | Choices:
    """Return answers given as a list of choices or as a Number."""
    if isinstance(answers, Number):
        return answers
    if not isinstance(answers, (list, tuple)):
        raise OptionError(
            f"answers: found {type(answers).__name__}, expected a list of choices, or "
            f"course.Number(low, high, step)."
        )
    return Choices(tuple(answers))
