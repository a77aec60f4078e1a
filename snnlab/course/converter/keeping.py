"""A right function goes into the learner's file."""

import ast
import inspect
import textwrap
from types import FunctionType
from typing import Any

from snnlab._arguments import checks
from snnlab.course.converter import file
from snnlab.course.exercises.piece import PIECES
from snnlab.course.exercises.registry import EXERCISES, check
from snnlab.course.feedback import Feedback


def keep(name: str, function: Any) -> Feedback:
    """Check a function of the learner's converter and, if it is right, keep it in their file.

    The file is `my_converter.py`, beside the notebook. Only this function is replaced in it, or
    added at its end; all else stays as it is, byte for byte. Nothing in the file is run.

    Parameters
    ----------
    name : str
        "neuron_step", "run_layer", "threshold_of", "convert", "fold" or "simulate".
    function : function
        Whatever it is, there is an answer and not an error.

    Returns
    -------
    Feedback

    Raises
    ------
    OptionError
        If the converter has no such function.

    >>> def neuron_step(v, current, threshold):
    ...     m = v + current
    ...     return m, (m >= threshold) * 1.0
    >>> keep("neuron_step", neuron_step)
    Not yet. From the potential 0.5, with current 0.75 and threshold 1, your neuron goes to 1.25 and
    fires. Nothing is poured out at a spike. How does the neuron ever stop firing?
    """
    number = PIECES[checks.option(name, "name", PIECES)]
    feedback = check(number, function)
    if not feedback.right:
        return feedback
    source, fault = _source(name, EXERCISES[number].source(), function)
    if not fault:
        fault = _does_not_fit(name, source)
    if fault:
        return Feedback(False, f"It does what it should. But {fault}")
    try:
        _write(name, source)
    except OSError as error:
        reason = error.strerror or error
        return Feedback(
            True,
            f"{feedback.words} But {file.NAME} cannot be written ({reason}), so the next notebook "
            f"takes the solution. Copy this notebook into a folder of your own to keep what you "
            f"write.",
        )
    return Feedback(True, f"{feedback.words} It stands in {file.NAME} now, beside this notebook.")


def _source(name: str, solution: str, function: Any) -> tuple[str, str]:
    """Return the source of a function, and what is wrong with it, '' if nothing is."""
    head = next(line for line in solution.splitlines() if line.startswith("def "))
    whole = inspect.unwrap(function) if callable(function) else function
    if not isinstance(whole, FunctionType) or whole.__name__ == "<lambda>":
        return "", f"the file keeps what is written with def. Begin with {head}"
    try:
        source = textwrap.dedent(inspect.getsource(function)).replace("\r\n", "\n").rstrip() + "\n"
        tree = ast.parse(source).body
    except (OSError, TypeError, SyntaxError):
        return "", "its text is nowhere to be found. Write it into a cell of its own, and run that."
    if len(tree) != 1 or not isinstance(tree[0], ast.FunctionDef) or tree[0].name != name:
        return "", f"in the file it has another name. Begin with {head}"
    return source, ""


def _does_not_fit(name: str, source: str) -> str:
    """Return why a function cannot go into the file, '' if it can."""
    try:
        content = _content()
        missing = file.unknown_names(content, source, PIECES)
        file.parsed(file.replaced(content, name, source))
    except OSError:
        return ""  # told when it is written
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        return (
            f"{file.NAME} cannot be read{line}: {error.msg}. Nothing in it has been changed. Mend "
            f"it, or give it another name, and run this cell again."
        )
    except UnicodeEncodeError as error:
        letter = error.object[error.start]
        return f"the encoding of {file.NAME} has no {letter!r}. Write it in other letters."
    if missing:
        those = " and ".join(missing)
        return (
            f"it uses {those}, and {file.NAME} has nothing of this name. Write it inside of the "
            f"function, or into the file yourself, and run this cell again."
        )
    return ""


def _write(name: str, source: str) -> None:
    """Put a function into the file; what another kernel has written meanwhile stays."""
    place = file.path()
    with file.locked(place.parent):
        before = _content()
        after = file.replaced(before, name, source)
        if after != before:
            file.write(place, after)


def _content() -> bytes:
    """Return what stands in the file, or with what it begins."""
    try:
        content = file.path().read_bytes()
    except FileNotFoundError:
        content = b""
    return content if content.strip() else file.HEADER
