"""Files that come with the package, each with a card that tells what it is."""

import hashlib
import json
from pathlib import Path
from typing import Any

from snnlab import _checks
from snnlab.exceptions import DataError

FOLDER = Path(__file__).parent / "files"
NAMES = ("mnist_test", "mnist_mlp", "mnist_diehl_convnet", "mnist_convnet")
_TODO = "Install snnlab again, or take this file anew from its repository."


def card(name: str) -> dict[str, Any]:
    """Return what is known about a file: its source, its sha256, and how it was made.

    Parameters
    ----------
    name : {"mnist_test", "mnist_mlp", "mnist_diehl_convnet", "mnist_convnet"}
        The test images, or one of the networks.

    Raises
    ------
    OptionError
        If there is no such file.
    DataError
        If its card is missing or damaged.

    >>> card("mnist_mlp")["ann_accuracy"] >= 0.984
    True
    """
    return _card(FOLDER / _checks.option(name, "name", NAMES))


def read(name: str) -> bytes:
    """Return a file as it was when its card was written.

    Raises
    ------
    DataError
        If it or its card is missing, cut off or changed.
    """
    file = FOLDER / name
    expected, content = _card(file)["sha256"], _content(file)
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"{file}: damaged. Its {len(content):,} bytes have the sha256 {found}, expected "
            f"{expected}. {_TODO}"
        )
    return content


def write(name: str, content: bytes, **known: Any) -> None:
    """Keep a file and its card: what is `known`, and the sha256."""
    file = FOLDER / name
    file.write_bytes(content)
    told = known | {"file": name, "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    file.with_suffix(".json").write_text(text, encoding="utf-8")


def _card(file: Path) -> dict[str, Any]:
    file = file.with_suffix(".json")
    content = _content(file)
    try:
        known = json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: damaged ({error}), expected a card in json. {_TODO}") from error
    if not isinstance(known, dict) or "sha256" not in known:
        raise DataError(f"{file}: damaged, expected a card with the sha256 of its file. {_TODO}")
    return known


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        found = "not found" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise DataError(f"{file}: {found}, expected a file of snnlab. {_TODO}") from error
