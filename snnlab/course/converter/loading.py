"""The learner's file as a module, completed with the solutions."""

import html
import importlib.util
import sys
import traceback
from types import ModuleType

from snnlab.course.converter import file
from snnlab.course.exercises import converter_solution
from snnlab.course.exercises.piece import PIECES
from snnlab.exceptions import DataError


class Converter(ModuleType):
    """The functions of a converter: the learner's, and the solutions of those that are missing.

    Attributes
    ----------
    missing : tuple of str
        The functions that are the solutions'.

    >>> my_converter().neuron_step(0.5, 0.75, 1.0)
    (0.25, 1.0)
    """

    missing: tuple[str, ...] = ()

    def __repr__(self) -> str:
        yours = [name for name in PIECES if name not in self.missing]
        if not yours:
            return f"There is nothing of yours in {file.NAME} yet. All functions are the solutions."
        if not self.missing:
            return f"All {len(yours)} functions are yours, from {file.NAME}."
        return f"Yours: {', '.join(yours)}. From the solutions: {', '.join(self.missing)}."

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def my_converter() -> Converter:
    """Return the converter in `my_converter.py`, completed with the solutions of what is missing.

    The file stands beside the notebook, and `keep` writes it. It is run as an import runs it.

    Returns
    -------
    Converter
        A module with `neuron_step`, `run_layer`, `threshold_of`, `convert`, `fold` and `simulate`;
        a cell shows which of them are the learner's. `import my_converter` finds it too.

    Raises
    ------
    DataError
        If the file cannot be read or run.

    >>> my_converter().neuron_step(0.5, 0.75, 1.0)
    (0.25, 1.0)
    """
    name = file.NAME.removesuffix(".py")
    module = Converter(name)
    try:
        content = file.path().read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise DataError(
            f"{file.NAME}: cannot be read ({error.strerror}). Expected a file with your functions. "
            f"Move what is there out of the way."
        ) from error
    _run(module, content)
    spec = importlib.util.find_spec(converter_solution.__name__)
    solutions = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(solutions)  # type: ignore[union-attr]
    module.missing = tuple(piece for piece in PIECES if not callable(getattr(module, piece, None)))
    for piece in PIECES:
        # Each function finds the others, the solutions find the learner's.
        giver, taker = (solutions, module) if piece in module.missing else (module, solutions)
        setattr(taker, piece, getattr(giver, piece))
    sys.modules[name] = module
    return module


def _run(module: Converter, content: bytes) -> None:
    """Run the learner's file in a module."""
    place = str(file.path())
    module.__file__ = place
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module  # where data classes look for theirs
    try:
        exec(compile(file.parsed(content), place, "exec"), module.__dict__)
    except SyntaxError as error:
        raise _broken(error.lineno, error.msg) from error
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == place]
        found = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise _broken(lines[-1] if lines else None, found) from error
    finally:
        sys.modules.pop(module.__name__)
        if before is not None:
            sys.modules[module.__name__] = before


def _broken(line: int | None, found: str) -> DataError:
    where = f", line {line}" if line else ""
    return DataError(
        f"{file.NAME}{where}: {found.rstrip('.')}. Expected a file that Python can import. Mend "
        f"that line; or give the file another name, and the solutions take its place."
    )
