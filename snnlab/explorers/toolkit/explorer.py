"""What every explorer is made of."""

import base64
import inspect
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab._arguments import checks
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.controls import Control
from snnlab.explorers.toolkit.front_end import live
from snnlab.explorers.toolkit.listing import listing
from snnlab.explorers.toolkit.panel import Panel
from snnlab.explorers.toolkit.picture import Picture, blank
from snnlab.explorers.toolkit.recording import Recording
from snnlab.explorers.toolkit.styling import own_style
from snnlab.explorers.toolkit.wording import listed

# Pictures of settings that were seen, some 10 kB each.
_KEPT = 256
# After so many seconds of drawing the first frames of a play are sent.
_DRAWN = 0.1


class Explorer(ABC):
    """An interactive picture: what can be set, what follows from it, a picture, and words.

    It shows itself in a notebook's cell, as picture and text also where no kernel runs. A subclass
    has six small parts:

    - `declared`: the controls by name, of the class or set before `__init__`;
    - `compute(**values)`: what follows from the values, as a dict; mostly a function of the
      module, whose source the learner can copy;
    - `layout(figure)`: draws everything, returns the artists that move;
    - `draw(data)`: moves them;
    - `describe(data, **values)`: one to three sentences with the numbers that matter;
    - `formula(data, **values)`: the mathematics in words and signs, with the values filled in.

    Where `compute` is a method, `calls(**values)` says what the learner has to call instead.
    """

    declared: Mapping[str, Control]

    def __init__(self) -> None:
        with own_style():
            figure = blank()
            self.picture = Picture(figure, self.layout(figure))
        self.panel = Panel(self.declared, self.picture, self._changed, self.reset, self._frames)
        self.controls = self.panel.controls
        self._waits = False
        self._seen: dict[tuple[Any, ...], str] = {}
        self._refresh()

    @abstractmethod
    def compute(self, *args: Any, **values: Any) -> dict[str, Any]:
        """Return what follows from the values of the controls."""

    @abstractmethod
    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw everything on an empty figure, and return the artists that move."""

    @abstractmethod
    def draw(self, data: dict[str, Any]) -> None:
        """Move the artists to what was computed."""

    @abstractmethod
    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say in words what the picture shows."""

    @abstractmethod
    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the mathematics as HTML, with formulas between dollar signs."""

    def told(self, data: dict[str, Any], values: dict[str, Any]) -> str:
        """Return the words beside the picture."""
        return self.describe(data, **values)

    def calls(self, **values: Any) -> str:
        """Return the lines of Python that compute the data."""
        given = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"data = compute({given})".replace("=inf", "=float('inf')")

    @property
    def values(self) -> dict[str, Any]:
        """The values of the controls by name."""
        return {name: self.declared[name].meant(w.value) for name, w in self.controls.items()}

    @property
    def box(self) -> Any:
        """The widget that shows it, to be put into another one."""
        return self.panel.box

    def move(self, **values: Any) -> str:
        """Set controls by name and return the words.

        Raises
        ------
        OptionError
            If there is no such control, or if it cannot have this value.
        """
        checked = self._checked(values)
        self._waits = True
        try:
            for name, value in checked.items():
                self.controls[name].value = value
                self.panel.begin_at(name, self.declared[name].place(value))
        finally:
            self._waits = False
        self._refresh()
        return self.words

    def reset(self) -> None:
        """Set all controls to where they began."""
        self.move(**{name: control.default for name, control in self.declared.items()})

    def script(self, moves: Sequence[Mapping[str, Any]], pause: float = 2.0) -> list[str]:
        """Play a sequence of moves, as for a lecture, and return the words after each.

        Parameters
        ----------
        moves : sequence of dicts
            Each from the names of controls to their new values. With the key "expect", the words
            after this move must contain that text, so that a lecture notices when it no longer
            shows what is told.
        pause : float
            Seconds to wait after each move.

        Raises
        ------
        OptionError
            If a move is impossible, before the first one is played; or if the words do not contain
            what a move expects.

        >>> from snnlab import explorers
        >>> explorer = explorers.QuantizationError()
        >>> said = explorer.script([{"timesteps": 1, "expect": "2 values"}, {"timesteps": 8}], 0)
        >>> len(said)
        2
        """
        expected = [move.get("expect", "") for move in moves]
        settings = [{name: move[name] for name in move if name != "expect"} for move in moves]
        for setting in settings:
            self._checked(setting)
        said = []
        for setting, words in zip(settings, expected, strict=True):
            said.append(self.move(**setting))
            if words not in said[-1]:
                raise OptionError(
                    f"script: after move {len(said)}, {setting}, the words are {said[-1]!r}, "
                    f"expected that they contain {words!r}."
                )
            time.sleep(pause)
        return said

    def code(self) -> str:
        """Return the source of `compute` with the current values, ready to paste."""
        kind, calls = type(self), self.calls(**self.values)
        parameters = inspect.signature(kind).parameters.values()
        if given := [p.name for p in parameters if p.default is p.empty]:
            calls = f"# {listed(given)} are what you gave to {kind.__name__}.\n{calls}"
        modules = [sys.modules[base.__module__] for base in kind.__mro__]
        return listing(modules[: kind.__mro__.index(Explorer)], calls)

    def _checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        for name in values:
            if name not in self.declared:
                raise OptionError(
                    f"{name!r}: no control of {type(self).__name__}."
                    f"{checks.close(name, self.declared)} They are: {list(self.declared)}."
                )
        return {name: self.declared[name].checked(v, name) for name, v in values.items()}

    def _changed(self) -> None:
        if not self._waits:
            self._refresh()

    def _refresh(self) -> None:
        """Bring the panel up to date; an error shows in it, and is raised."""
        values, view = self.values, self.panel.view.value
        try:
            data = self.compute(**values)
            self.draw(data)
            self.words = self.told(data, values)
            self.panel.show(self.words, self._svg(tuple(values.values())))
            if view == "formula":
                self.panel.show_formula(self.formula(data, **values))
            if view == "code":
                self.panel.show_code(self.code())
        except Exception as error:
            self.words = f"This did not work. {type(error).__name__}: {error}"
            self.panel.show_error(f"{self.words} The picture shows the setting before.")
            raise

    def _frames(self, name: str, first: int) -> str:
        """Return packed frames of a control from a position on, the others as they are.

        They end before a position that does not work.
        """
        values, recording = self.values, Recording()
        until = time.perf_counter() + _DRAWN
        with suppress(Exception):
            for position in self.declared[name].positions[first:]:
                recording.add(self, values | {name: position})
                if time.perf_counter() > until:
                    break
        with suppress(Exception):
            self.draw(self.compute(**values))
        return recording.packed()

    def _svg(self, setting: tuple[Any, ...]) -> str:
        """Return the picture of a setting; one that was seen is not written anew."""
        if setting not in self._seen:
            if len(self._seen) == _KEPT:
                self._seen.clear()
            self._seen[setting] = self.picture.svg()
        return self._seen[setting]

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live panel, and picture and words for viewers without a kernel."""
        png = base64.b64encode(self.picture.png()).decode()
        still = {"image/png": png, "text/plain": self.words}
        return live(self.panel.box) | still, {"image/png": {"alt": self.words}}

    def __repr__(self) -> str:
        return self.words
