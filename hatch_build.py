"""Make the notebooks' stored pictures smaller on their way into the wheel.

A figure has few colours beside those of its smooth edges, so that a palette of 256 shows it as it
is, in less than half of the bytes. The notebooks themselves stay as they are.
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from PIL import Image

# A picture in base64, by its first bytes.
_PNG = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]+=*")


class SmallPictures(BuildHookInterface):
    """Puts copies of the notebooks into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the copies, and name them to the builder; an editable wheel needs none."""
        if version == "editable":
            return
        self.folder = tempfile.TemporaryDirectory()
        for source in sorted(Path(self.root, "notebooks").glob("*.ipynb")):
            copy = Path(self.folder.name, source.name)
            copy.write_text(smaller(source.read_text(encoding="utf-8")), encoding="utf-8")
            build_data["force_include"][str(copy)] = f"snnlab_course/notebooks/{source.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the copies."""
        if version != "editable":
            self.folder.cleanup()


def smaller(text: str) -> str:
    """Return a notebook with its pictures, also those in HTML, in palettes of 256 colours."""
    return _PNG.sub(lambda found: with_palette(found[0]), text)


def with_palette(png: str) -> str:
    """Return a picture in base64 with a palette, or as it is if it has none or that is smaller."""
    picture, out = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"), io.BytesIO()
    if picture.getextrema()[3] != (255, 255):
        return png  # what shines through cannot be told
    small = picture.convert("RGB").quantize(256, kmeans=1, dither=Image.Dither.NONE)
    small.save(out, "png", optimize=True)
    return min(png, base64.b64encode(out.getvalue()).decode(), key=len)
