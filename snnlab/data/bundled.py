"""Files that come with the package, each with a card that tells what it is."""

import hashlib
import json
from pathlib import Path
from typing import Any

from snnlab.exceptions import DataError

FOLDER = Path(__file__).parent / "files"


def card(name: str) -> dict[str, Any]:
    """Return what is known about a file: its source, its sha256, and how it was made.

    >>> card("mnist_mlp")["ann_accuracy"] >= 0.984
    True
    """
    file = (FOLDER / name).with_suffix(".json")
    if not file.exists():
        raise DataError(f"{file}: not found, expected a file of snnlab. Install snnlab again.")
    return json.loads(file.read_text())


def read(name: str) -> bytes:
    """Return a file as it was when its card was written.

    Raises
    ------
    DataError
        If it is missing, cut off or changed.
    """
    file, expected = FOLDER / name, card(name)["sha256"]
    if not file.exists():
        raise DataError(f"{file}: not found, expected a file of snnlab. Install snnlab again.")
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"{file}: damaged. Its {len(content):,} bytes have the sha256 {found}, expected "
            f"{expected}. Install snnlab again, or take this file anew from its repository."
        )
    return content


def write(name: str, content: bytes, **known: Any) -> None:
    """Keep a file and its card: what is `known`, and the sha256."""
    file = FOLDER / name
    file.write_bytes(content)
    told = known | {"file": name, "sha256": hashlib.sha256(content).hexdigest()}
    file.with_suffix(".json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
