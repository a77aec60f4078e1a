"""Names of a folder that are loaded at their first use."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def at_first_use(
    folder: str, where: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a folder, some of whose names are loaded when used.

    Parameters
    ----------
    folder : str
        Its `__name__`.
    where : mapping from str to str
        From each of these names to the module in the folder that has it.
    """

    def get(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {folder!r} has no attribute {name!r}")
        return getattr(import_module(f"{folder}.{where[name]}"), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[folder]), *where})

    return get, names
