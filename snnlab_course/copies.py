"""Copies of the notebooks: for a learner, with numbers of one's own, or with the solutions."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snnlab_course import places
from snnlab_course.problems import CommandError

Notebook = dict[str, Any]

# Mystery neurons that leak, of those below 100; the others do not. A test holds this to them.
LEAKY = {
    0, 4, 8, 9, 10, 11, 13, 14, 15, 18, 20, 21, 22, 25, 26, 27, 29, 34, 36, 37, 38, 40, 46,
    50, 57, 59, 61, 67, 68, 69, 70, 75, 79, 80, 82, 83, 87, 88, 89, 90, 94, 95, 97, 99,
}  # fmt: skip
# No notebook uses these itself.
_OWN = range(20, 100)
_NUMBER = re.compile(
    r"^(?P<before>(?:neuron|leaks) = course\.MysteryNeuron\(|patient = course\.patient\(\w+, )"
    r"(?P<number>\d+)\)$",
    re.MULTILINE,
)
# The patients of notebook 08, and the letters that their owner finds. Six in a row are a ward.
_PATIENTS = re.compile(
    r"^(?P<before>PATIENTS = range\()1, 7\)$|^(?P<letters>letters = \{)1: .*\}$", re.MULTILINE
)
_CHECK = re.compile(r'course\.check\("(?P<number>[\d.]+)", (?P<name>\w+)\)')


@dataclass(frozen=True)
class Owner:
    """A learner whose copies have numbers of their own.

    Parameters
    ----------
    seed : int
        Equal seeds give equal numbers.
    """

    seed: int

    @classmethod
    def named(cls, name: str) -> Owner:
        """Return the owner of this name; capitals, blanks around it and accents' spelling aside.

        >>> Owner.named("Ada ") == Owner.named("ada")
        True
        """
        plain = " ".join(unicodedata.normalize("NFC", name).casefold().split())
        if not plain:
            raise CommandError(f"--learner {name!r}: is empty, expected a name.")
        return cls(int(hashlib.sha256(plain.encode()).hexdigest()[:8], 16))

    def number(self, notebook: str, before: int, neuron: bool) -> int:
        """Return the number that takes the place of another, of the same kind."""
        choice = [n for n in _OWN if not neuron or (n in LEAKY) == (before in LEAKY)]
        return choice[self._drawn(f"{notebook} {before}") % len(choice)]

    def patients(self, notebook: str) -> range:
        """Return the numbers of six patients who are together."""
        first = 6 * _OWN[self._drawn(f"{notebook} patients") % len(_OWN)] + 1
        return range(first, first + 6)

    def _drawn(self, of: str) -> int:
        return int(hashlib.sha256(f"{self.seed} {of}".encode()).hexdigest(), 16)


@dataclass
class Done:
    """What `write` did: the names of the notebooks written, and of those left as they are."""

    written: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def write(folder: Path, *, owner: Owner | None = None, instructor: bool = False) -> Done:
    """Write copies of all notebooks into a folder; what is there already is left as it is.

    Stored outputs stay, because a copy is read before it is run, and on devices where it cannot
    run: then the explorers show their picture and the predictions what they open. Only what no
    longer belongs to its cell goes: the outputs of a notebook with numbers of its owner, and the
    feedback on a stub that a solution has replaced.
    """
    done = Done()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in places.notebooks():
            book = json.loads(source.read_text(encoding="utf-8"))
            if owner is not None:
                personalize(book, source.stem, owner)
            if instructor:
                fill_in(book)
            text = json.dumps(book, indent=1, ensure_ascii=False) + "\n"
            new = _write_new(folder / source.name, text)
            (done.written if new else done.left).append(source.name)
    except OSError as error:
        place = error.filename or folder
        raise CommandError(
            f"{place}: cannot be written ({error.strerror}), expected a folder to write notebooks "
            f"into. Choose another, or look at its rights and at the space left."
        ) from error
    return done


def _write_new(path: Path, text: str) -> bool:
    """Write a file unless there is one; return whether it was written."""
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(text)
    except BaseException:
        path.unlink(missing_ok=True)  # half a notebook would be taken for work, and never mended
        raise
    return True


def personalize(book: Notebook, name: str, owner: Owner) -> None:
    """Give a notebook its owner's numbers, where it has any, and say so in the cells."""
    neurons: dict[str, int] = {}
    found = False

    def own(match: re.Match[str]) -> str:
        before, neuron = match["number"], "MysteryNeuron" in match["before"]
        number = owner.number(name, int(before), neuron)
        if neuron:
            neurons[before] = number
        return f"{match['before']}{number})  # yours alone (seed {owner.seed})"

    def own_patients(match: re.Match[str]) -> str:
        six = owner.patients(name)
        if match["letters"]:
            return match["letters"] + ", ".join(f'{number}: ""' for number in six) + "}"
        return f"{match['before']}{six.start}, {six.stop})  # yours alone (seed {owner.seed})"

    for cell in _code(book):
        source, count = _NUMBER.subn(own, "".join(cell["source"]))
        source, more = _PATIENTS.subn(own_patients, source)
        cell["source"] = _lines(source)
        found |= count + more > 0
    if not found:
        return
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        else:
            cell["source"] = _lines(_renamed("".join(cell["source"]), neurons))


def _renamed(text: str, numbers: dict[str, int]) -> str:
    """Return a text that names the owner's neurons in the place of the course's."""

    def own(match: re.Match[str]) -> str:
        return f"{match[1]} {numbers.get(match[2], match[2])}"

    return re.sub(r"\b([Nn]euron) (\d+)\b", own, text)


def fill_in(book: Notebook) -> None:
    """Put the solution of each exercise in the place of its stub, and say at the top that it is so.

    Raises
    ------
    CommandError
        If the exercises cannot be imported.
    """
    try:
        from snnlab.course import exercise
        from snnlab.course.exercises.notebook_08 import solution as letters
    except ImportError as error:
        raise CommandError(f"--instructor: the solutions cannot be read. {error}") from error
    for cell in _code(book):
        source = "".join(cell["source"])
        if not (check := _CHECK.search(source)):
            continue
        stub = _stub(source, check["name"])
        if stub is None:
            continue
        solution = exercise(check["number"]).solution.strip().splitlines()
        if owners := re.search(r"^letters = \{(\d+): ", source, re.MULTILINE):
            solution = [letters(int(owners[1]))]
        lines = source.splitlines()
        lines[stub] = solution + _bound(solution, check["name"])
        cell["source"] = _lines("\n".join(lines))
        cell["outputs"], cell["execution_count"] = [], None
    note = "*Instructor's copy: the exercises hold their solutions.*\n\n"
    first = next(cell for cell in book["cells"] if cell["cell_type"] == "markdown")
    first["source"] = _lines(note + "".join(first["source"]))


def _stub(source: str, name: str) -> slice | None:
    """Return the lines of the function or value that a cell leaves open, None if there is none."""
    for node in ast.parse(source).body:
        if name in _names(node):
            return slice(node.lineno - 1, node.end_lineno)
    return None


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _bound(solution: list[str], name: str) -> list[str]:
    """Return the line that gives a solution the name under which it is checked, if it needs one."""
    names = [n for node in ast.parse("\n".join(solution)).body for n in _names(node)]
    return [] if name in names else [f"{name} = {names[-1]}"]


def _code(book: Notebook) -> Iterator[dict[str, Any]]:
    return (cell for cell in book["cells"] if cell["cell_type"] == "code")


def _lines(text: str) -> list[str]:
    """Return a text as notebooks store it."""
    return text.splitlines(keepends=True)
