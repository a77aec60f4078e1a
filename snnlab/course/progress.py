"""What the learner has answered so far, noted in one small file. Nothing is sent anywhere.

The file is `snnlab_progress.json` in the folder of the notebook, or the one that the environment
variable SNNLAB_PROGRESS names; with SNNLAB_PROGRESS=off nothing is noted or read. Outside a Jupyter
kernel nothing is noted either, unless the variable names a file. It is text in JSON::

    {
      "format": 1,
      "about": "snnlab notes here what you have answered. ...",
      "edited": false,
      "answers": [
        {
          "kind": "prediction",                 or "exercise", or "recall"
          "number": "2.1",                      of a question to recall: notebook and place, "05.2"
          "answer": "0.3",                      the first one; null: would rather look
          "right": false,                       the first one; null: nobody judges it
          "at": "2026-11-28T11:40:05+01:00",    when that was, with the offset from UTC
          "times": 2,                           how often it has been answered
          "right_at": "2026-11-28T11:42:10+01:00"    when it was first right, or null
        }
      ],
      "seal": "..."                             `seal` of the answers
    }

There is one entry for each kind and number, in the order of the first answers. Of an exercise only
right answers are noted, without what was written. `edited` is true as soon as the seal did not fit
to the answers once. This finds a slip of the hand, and proves nothing: who can read this file can
compute a seal.

A file that cannot be read, or that a newer version has written, is set aside under another name.
If nothing can be written, one warning says so.
"""

import hashlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

FORMAT = 1
NAME = "snnlab_progress.json"
_ABOUT = (
    "snnlab notes here what you have answered. The file stays on this machine; it is yours to "
    "read and to delete."
)
_FIELDS = {"kind", "number", "answer", "right", "at", "times", "right_at"}
_SAID: set[str] = set()


def file() -> Path | None:
    """Return where progress is noted, or None if it is not."""
    named = os.environ.get("SNNLAB_PROGRESS", "")
    if named == "off":
        return None
    if named:
        return Path(named).expanduser()
    return Path.cwd() / NAME if _in_a_kernel() else None


def note(kind: str, number: str, answer: str | None, right: bool | None) -> None:
    """Note an answer. Whatever goes wrong, at most a warning comes of it.

    Parameters
    ----------
    kind : {"prediction", "exercise", "recall"}
    number : str
    answer : str or None
    right : bool or None
        None if nobody judges it.
    """
    path = file()
    if path is None:
        return
    now = _now()
    try:
        with _alone(path):
            content = _load(path)
            answers = content["answers"]
            for entry in answers:
                if (entry["kind"], entry["number"]) == (kind, number):
                    break
            else:
                entry = {"kind": kind, "number": number, "answer": answer, "right": right}
                entry |= {"at": now, "times": 0, "right_at": None}
                answers.append(entry)
            entry["times"] += 1
            if right and entry["right_at"] is None:
                entry["right_at"] = now
            _write(path, content | {"seal": seal(answers)})
    except OSError as error:
        _say(f"Your progress cannot be noted in {path}: {error.strerror or error}. All else works.")


def answers() -> list[dict[str, Any]]:
    """Return what is noted, an entry for each question; empty if there is nothing."""
    path = file()
    if path is None or not path.exists():
        return []
    try:
        with _alone(path):
            return _load(path)["answers"]
    except OSError as error:
        _say(f"Your progress in {path} cannot be read: {error.strerror or error}. All else works.")
        return []


def seal(answers: list[dict[str, Any]]) -> str:
    """Return a number that changes with any of the answers, as 16 hexadecimal digits.

    >>> seal([])
    '4f53cda18c2baa0c'
    """
    text = json.dumps(answers, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _load(path: Path) -> dict[str, Any]:
    """Return the content of the file; one that cannot be used is set aside, and a new one begun."""
    new = {"format": FORMAT, "about": _ABOUT, "edited": False, "answers": []}
    if not path.exists():
        return new
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["format"]
        if found > FORMAT:
            reason = f"was written by a newer version of snnlab (format {found}, not {FORMAT})"
        elif all(map(_is_answer, content["answers"])):
            edited = content.get("edited", False) or content.get("seal") != seal(content["answers"])
            return new | content | {"edited": bool(edited)}
        else:
            reason = "has something else among the answers"
    except (ValueError, KeyError, TypeError, AttributeError):
        reason = "is damaged"
    aside = _free(path)
    os.replace(path, aside)
    _say(f"{path.name} {reason}. It lies now in {aside.name}, and a new one is begun.")
    return new


def _is_answer(entry: dict[str, Any]) -> bool:
    """Return whether an entry has what is counted on; TypeError if it is no dictionary."""
    return entry.keys() >= _FIELDS and isinstance(entry["times"], int)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write the whole file beside the old one, and put it in its place in one move."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}_", suffix=".tmp")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as beside:
            beside.write(text)
            beside.flush()
            os.fsync(beside.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other kernels waiting; the system opens the lock of one that has died."""
    with open(path.with_name(f".{path.name}.lock"), "a+b") as lock:
        # Some network drives know no locks. There the last of two writers at once wins.
        with suppress(OSError):
            if sys.platform == "win32":
                import msvcrt

                lock.seek(0)
                msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if sys.platform == "win32":
                with suppress(OSError):
                    lock.seek(0)
                    msvcrt.locking(lock.fileno(), msvcrt.LK_UNLCK, 1)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _free(path: Path) -> Path:
    """Return a name beside the path that nothing has yet."""
    number = 1
    while (aside := path.with_name(f"{path.stem}_aside_{number}{path.suffix}")).exists():
        number += 1
    return aside


def _say(words: str) -> None:
    """Warn, the same words only once."""
    if words not in _SAID:
        _SAID.add(words)
        warnings.warn(words, stacklevel=4)


def _in_a_kernel() -> bool:
    """Return whether this runs in a notebook."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
