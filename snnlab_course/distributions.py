"""What is installed, as far as the course is concerned."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import metadata

NAME = "snnlab-course"
# Of this project before it had its name; an old editable installation still says so.
_OWN = "A course and laboratory on converting trained neural networks to spiking networks"
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,-]+)\])?(?P<bounds>[^;]*)(?:;(?P<marker>.*))?"
)
NAMESAKE_WORDS = (
    "Another package, snnlab {version}, is installed beside snnlab-course. It has the same import "
    "name and is no part of this course, so either may take the other's place. Write: "
    "pip uninstall -y snnlab && pip install --force-reinstall --no-deps snnlab-course"
)


@dataclass(frozen=True)
class Need:
    """A package that is needed.

    Parameters
    ----------
    name : str
    bounds : str
        As in a requirement, such as ">=2.0,<2.4".
    found : str or None
        The version that is installed.
    """

    name: str
    bounds: str
    found: str | None

    @property
    def met(self) -> bool:
        """Whether a version within the bounds is installed."""
        return self.found is not None and within(self.found, self.bounds)


def version(name: str) -> str | None:
    """Return the version of a distribution that is installed, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def namesake() -> str | None:
    """Return the version of the other package named `snnlab`, if it is installed.

    On the index there is a simulator of spiking networks of this name, with the same import name.
    """
    try:
        found = metadata.metadata("snnlab")
    except metadata.PackageNotFoundError:
        return None
    return None if found["Summary"] == _OWN else found["Version"]


def needs(extra: str = "") -> list[Need]:
    """Return what an extra of the course needs here, the core with ''; empty if nothing is known.

    What needs another version on another Python is left out.
    """
    try:
        lines = metadata.requires(NAME) or []
    except metadata.PackageNotFoundError:
        return []
    found: dict[str, str] = {}
    for line in lines:
        requirement = _REQUIREMENT.fullmatch(line.replace(" ", ""))
        if requirement is None or not _applies(requirement["marker"] or "", extra):
            continue
        name = requirement["name"].lower()
        if name == NAME:
            for other in (requirement["extras"] or "").split(","):
                found |= {need.name: need.bounds for need in needs(other)}
        else:
            found[name] = requirement["bounds"]
    return [Need(name, bounds, version(name)) for name, bounds in sorted(found.items())]


def within(found: str, bounds: str) -> bool:
    """Return whether a version keeps bounds with >= and <; parts behind the numbers do not count.

    >>> within("2.13.0+cpu", ">=2.6"), within("2.4.0", ">=2.0,<2.4")
    (True, False)
    """
    for bound in filter(None, bounds.split(",")):
        relation, limit = re.fullmatch(r"(>=|<)([\d.]+)", bound).groups()  # type: ignore[union-attr]
        below = _parts(found) < _parts(limit)
        if below != (relation == "<"):
            return False
    return True


def _parts(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, without zeros at the end."""
    numbers = [int(part) for part in re.match(r"\d+(?:\.\d+)*", text)[0].split(".")]  # type: ignore[index]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _applies(marker: str, extra: str) -> bool:
    """Return whether a requirement is one of this extra, and of this Python."""
    named = re.search(r"extra==['\"]([\w-]+)['\"]", marker)
    if (named[1] if named else "") != extra:
        return False
    python = re.search(r"python_version(>=|<)['\"]([\d.]+)['\"]", marker)
    here = ".".join(map(str, sys.version_info[:2]))
    return python is None or within(here, python[1] + python[2])
