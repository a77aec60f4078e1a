"""The learner's file: one function of it is replaced, and nothing else is touched."""

import ast
import builtins
import contextlib
import io
import os
import re
import symtable
import tokenize
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from snnlab._files import replace_file

try:
    import fcntl
except ImportError:  # on Windows: of two kernels that write at once the last one wins there
    fcntl = None  # type: ignore[assignment]

NAME = "my_converter.py"
HEADER = b'''"""My converter: a trained network becomes a spiking one."""

import copy
import math

import numpy as np
import torch
from torch import nn
'''


def path() -> Path:
    """Return where the file is: in the folder of the notebook, where its kernel works."""
    return Path.cwd() / NAME


def replaced(content: bytes, name: str, source: str) -> bytes:
    r"""Return a file with a function in it, in the place of the one of this name or at the end.

    Parameters
    ----------
    content : bytes
        Of a file in Python. All else in it stays as it is, byte for byte.
    name : str
        Of the function.
    source : str
        Its definition, which ends with a newline.

    Returns
    -------
    bytes
        In the encoding and with the line endings of the file.

    Raises
    ------
    SyntaxError
        If the content is no Python.
    UnicodeEncodeError
        If the source has a letter that the encoding of the file has not.

    >>> file = b"def f(): pass\ny = 2  # mine\n"
    >>> print(replaced(file, "f", "def f():\n    return 3\n").decode(), end="")
    def f():
        return 3
    y = 2  # mine
    """
    tree = parsed(content)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    lines = re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", content)
    end = next((e for e in (b"\r\n", b"\n", b"\r") if lines and lines[0].endswith(e)), b"\n")
    # The mark of a "utf-8-sig" stands at the beginning of the file already.
    new = source.encode(encoding.removesuffix("-sig")).replace(b"\n", end)
    # A later statement of the same name would win, so the last one is looked at.
    last = next((node for node in reversed(tree.body) if name in _bound(node)), None)
    if isinstance(last, ast.FunctionDef):
        first = min([last.lineno, *(decorator.lineno for decorator in last.decorator_list)])
        return b"".join([*lines[: first - 1], new, *lines[last.end_lineno :]])
    gap = 2 * end if content.endswith((b"\n", b"\r")) else 3 * end
    return content + gap + new


def parsed(content: bytes) -> ast.Module:
    """Return the syntax tree of a file; whatever is wrong with it is a SyntaxError."""
    try:
        return ast.parse(content)
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte, or too deep
        raise SyntaxError(str(error) or "too deep") from None


def unknown_names(content: bytes, source: str, known: Collection[str] = ()) -> list[str]:
    r"""Return the names that a function reads, and that neither Python nor its file has.

    >>> unknown_names(b"import math", "def f(x):\n    return math.sqrt(x) + g(len(x))")
    ['g']
    """
    names = {*dir(builtins), *known}.union(*map(_bound, parsed(content).body))
    table = symtable.symtable(source, NAME, "exec")
    here = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    return [] if "*" in names else sorted(_read(table) - names - here)


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement gives a value; "*" stands for any."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.alias):
            names.add(part.asname or part.name.partition(".")[0])
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(part.name)
    return names


def _read(table: Any) -> set[str]:
    """Return the global names that a scope reads, with all scopes inside."""
    names = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module")
    }
    return names.union(*map(_read, table.get_children()))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one kernel at a time change the file, where the system can."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network drives have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(file: Path, content: bytes) -> None:
    """Put a new content in the place of the old one: all of it, or nothing.

    Raises
    ------
    OSError
        If the file or its folder cannot be written to; then the file is as it was.
    """
    if file.exists() and not os.access(file, os.W_OK):
        raise PermissionError(f"{file.name} is read-only")
    replace_file(file, content)
