"""Where the notebooks and Jupyter's settings lie: in the wheel, or in the checkout."""

from __future__ import annotations

from pathlib import Path

from snnlab_course.problems import CommandError

_PACKAGE = Path(__file__).resolve().parent


def notebooks() -> list[Path]:
    """Return the notebooks of the course, in their order."""
    return sorted(_folder("notebooks", "notebooks").glob("*.ipynb"))


def jupyter_settings() -> Path:
    """Return the folder with the settings that Jupyter is started with."""
    return _folder("jupyter", "binder/jupyter")


def _folder(packed: str, in_checkout: str) -> Path:
    for folder in (_PACKAGE / packed, _PACKAGE.parent / in_checkout):
        if folder.is_dir():
            return folder
    raise CommandError(
        f"{_PACKAGE / packed}: not found, expected the course's {packed}. Install the package "
        f"again: pip install --force-reinstall --no-deps snnlab-course"
    )
