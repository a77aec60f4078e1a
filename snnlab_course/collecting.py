"""A table of what learners have answered, from their progress files (`snnlab.course.progress`)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from snnlab_course.problems import CommandError

FORMAT = 1
NAME = "snnlab_progress.json"
COLUMNS = (
    "learner", "exercises", "predictions", "right at once", "recalled", "first", "last", "by hand",
)  # fmt: skip
_LARGEST = 1_000_000  # bytes; a whole course takes some 20,000


def collect(folder: Path, file: Path | None) -> int:
    """Print the table of all progress files in a folder, and write it; return the exit status.

    It is 1 if a file could not be read, or if there was none.

    Raises
    ------
    CommandError
        If there is no such folder, or the table cannot be written.
    """
    rows, unread = table(folder)
    if file is not None and rows:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([COLUMNS, *([row[c] for c in COLUMNS] for row in rows)])
        try:
            _write(file, text.getvalue())
        except OSError as error:
            raise CommandError(
                f"{file}: cannot be written ({error.strerror}), expected a file for the table. "
                f"Choose another place."
            ) from error
    print(_drawn(rows) if rows else f"{folder}: no progress file that can be read")
    for words in unread:
        print(words)
    return int(bool(unread) or not rows)


def _write(file: Path, text: str) -> None:
    """Write a table, in the place of an old one only once it is whole."""
    from snnlab._files import replace_file

    if file.exists() and not file.is_file():  # such as /dev/stdout
        file.write_text(text, encoding="utf-8", newline="")
    else:
        replace_file(file, text.encode())


def table(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each learner, with the columns `COLUMNS`, and what could not be read.

    - exercises: solved; predictions: committed; right at once: of those that somebody judges
    - recalled: questions on earlier notebooks that were right at once, of those asked
    - first, last: days of the first and the last new answer
    - by hand: "yes" if the seal does not fit, or once did not
    """
    if not folder.is_dir():
        raise CommandError(
            f"{folder}: is no folder, expected one with what the learners handed in."
        )
    rows, unread = [], []
    for path in sorted(folder.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            rows.append({"learner": _learner(path, folder)} | _row(_read(path)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            said = error if isinstance(error, ValueError) and str(error) else "is damaged"
            unread.append(f"{path}: not read, {said}")
    return rows, unread


def seal(answers: list[dict[str, Any]]) -> str:
    """Return the seal of answers, as `snnlab.course.progress.seal`, which would load torch.

    >>> seal([])
    '4f53cda18c2baa0c'
    """
    text = json.dumps(answers, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a progress file; ValueError with words if it is none."""
    if path.stat().st_size > _LARGEST:
        raise ValueError("is larger than a progress file can be")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError("is no complete JSON") from None
    if not isinstance(content, dict) or not {"format", "answers"} <= content.keys():
        raise ValueError("is no progress file of snnlab")
    if content["format"] != FORMAT:
        raise ValueError(
            f"has format {content['format']!r}, and this version reads {FORMAT}: update "
            f"snnlab-course"
        )
    return content


def _learner(path: Path, folder: Path) -> str:
    """Return the name that a file was handed in under."""
    if path.name == NAME:
        return "/".join(path.parent.relative_to(folder).parts) or folder.resolve().name
    return path.stem.removesuffix(f"_{Path(NAME).stem}")


def _row(content: dict[str, Any]) -> dict[str, Any]:
    answers = content["answers"]
    of = {
        kind: [a for a in answers if a["kind"] == kind]
        for kind in ("exercise", "prediction", "recall")
    }
    judged = [a for a in of["prediction"] if a["right"] is not None]
    days = sorted(str(a["at"])[:10] for a in answers)
    return {
        "exercises": sum(a["right_at"] is not None for a in of["exercise"]),
        "predictions": len(of["prediction"]),
        "right at once": f"{sum(a['right'] is True for a in judged)} of {len(judged)}",
        "recalled": f"{sum(a['right'] is True for a in of['recall'])} of {len(of['recall'])}",
        "first": days[0] if days else "",
        "last": days[-1] if days else "",
        "by hand": "yes" if content.get("edited") or content.get("seal") != seal(answers) else "no",
    }


def _drawn(rows: list[dict[str, Any]]) -> str:
    """Return the table as text in columns."""
    lines = [COLUMNS, *(tuple(str(row[column]) for column in COLUMNS) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)
