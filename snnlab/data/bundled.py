"""Files that come with the package, each with a card that describes it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from snnlab._arguments import checks
from snnlab._files import replace_file
from snnlab.exceptions import DataError

FOLDER = Path(__file__).parent / "files"
NAMES = tuple(sorted(card.stem for card in FOLDER.glob("*.json")))
_TODO = "Install snnlab-course again, or take this file anew from its repository."


def card(name: str) -> dict[str, Any]:
    """Return the description of a file: its source, its sha256, and how it was made.

    Parameters
    ----------
    name : str
        Images, "digits", "mnist_test" or "cifar10_test", or one of the networks of `load_network`.

    Raises
    ------
    OptionError
        If there is no such file.
    DataError
        If its card is missing or damaged.

    >>> card("mnist_mlp")["ann_accuracy"] >= 0.984
    True
    """
    return _card(FOLDER / checks.option(name, "name", NAMES))


def read(name: str) -> bytes:
    """Return the bytes of a file, whose sha256 is that of its card.

    Raises
    ------
    DataError
        If it or its card is missing, cut off or changed.
    """
    file = FOLDER / name
    expected, content = _card(file)["sha256"], _bytes(file)
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"{file}: damaged. Its {len(content):,} bytes have the sha256 {found}, expected "
            f"{expected}. {_TODO}"
        )
    return content


def write(name: str, content: bytes, **fields: Any) -> None:
    """Write a file and its card, which holds the fields and the sha256."""
    file = FOLDER / name
    replace_file(file, content)
    fields |= {"file": name, "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    replace_file(file.with_suffix(".json"), text.encode())


def _card(file: Path) -> dict[str, Any]:
    file = file.with_suffix(".json")
    content = _bytes(file)
    try:
        fields = json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: damaged ({error}), expected a card in json. {_TODO}") from error
    if not isinstance(fields, dict) or "sha256" not in fields:
        raise DataError(f"{file}: damaged, expected a card with the sha256 of its file. {_TODO}")
    return fields


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        found = "not found" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise DataError(f"{file}: {found}, expected a file of snnlab. {_TODO}") from error
