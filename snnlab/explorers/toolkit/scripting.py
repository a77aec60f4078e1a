"""A script that the browser runs when a widget has been shown."""

from pathlib import Path
from typing import Any

from snnlab.explorers.toolkit.front_end import running

_FOLDER = Path(__file__).parent


def script(*files: str, **names: Any) -> Any:
    """Return a widget that lets the browser run JavaScript each time that it is shown.

    Parameters
    ----------
    files : str
        Files beside this one, without their ending; they run as one.
    names
        Replaced in the script by their values.

    >>> shown = script("panel", PANEL="mine", SLIDERS=2).outputs[0]["data"]
    >>> ".length >= 2);" in shown["application/javascript"]
    True
    """
    code = "\n".join(source(file) for file in files)
    for name, value in names.items():
        code = code.replace(name, str(value))
    return running(f"(() => {{\n{code}\n}})();")


def source(file: str) -> str:
    """Return the JavaScript of a file beside this one."""
    return (_FOLDER / f"{file}.js").read_text(encoding="utf-8")
