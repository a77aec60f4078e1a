"""Pictures and words that are drawn before they are shown, in few bytes."""

import base64
import gzip
import json
from typing import Any


class Recording:
    """Pictures and words of an explorer, as numbers of the lines of which they are made.

    Neighbouring pictures share most of their lines.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.pictures: list[list[int]] = []
        self.words: list[int] = []

    def add(self, explorer: Any, setting: dict[str, Any]) -> None:
        """Add what an `Explorer` shows at a setting; its artists stay where that moves them."""
        data = explorer.compute(**setting)
        explorer.draw(data)
        words, svg = explorer.told(data, setting), explorer.picture.svg()
        self.words += self._numbered([words])
        self.pictures.append(self._numbered(svg.split("\n")))

    def packed(self) -> str:
        """Return all as base64 of gzip of JSON; playing.js has the reverse."""
        frames = {"lines": list(self._numbers), "pictures": self.pictures, "words": self.words}
        text = json.dumps(frames, ensure_ascii=False, separators=(",", ":"))
        return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()

    def _numbered(self, lines: list[str]) -> list[int]:
        return [self._numbers.setdefault(line, len(self._numbers)) for line in lines]
