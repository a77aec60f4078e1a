"""The errors of the package. Catch `SNNLabError` to catch them all."""

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class SNNLabError(ValueError):
    """Base of every error that snnlab raises on purpose."""


class UnsupportedLayerError(SNNLabError):
    """The model holds something that cannot be turned into spikes."""


class ShapeError(SNNLabError):
    """An array has the wrong shape, type or content."""


class OptionError(SNNLabError):
    """An option has a value outside its range."""


class CalibrationError(SNNLabError):
    """The calibration data give no usable threshold."""


class VerificationError(SNNLabError):
    """The converted network does not compute what the model computes."""


class MemoryBudgetError(SNNLabError):
    """The work or the recording does not fit into the memory allowed."""


class DataError(SNNLabError):
    """A file of images or weights is missing, damaged, or holds something else."""


_SAID: set[str] = set()


@contextmanager
def needs(where: str, *packages: str, extra: str = "") -> Iterator[None]:
    """Say what to install if an import inside fails; `packages` are named as pip knows them.

    They come with an extra of snnlab-course, if one is named. A version that the extra does not
    admit is named as well: as the reason, if something fails, else in a warning.
    """
    wanted = f'"snnlab-course[{extra}]"' if extra else " ".join(packages)
    try:
        yield
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        raise ModuleNotFoundError(
            f"{where}: {library} is not installed, expected {' and '.join(packages)}. All else "
            f"works without. Write: pip install {wanted}",
            name=error.name,
        ) from error
    except Exception as error:  # what a package of another version leads to cannot be foreseen
        if not (others := _other_versions(extra)):
            raise
        found = " and ".join(others.values())
        raise ImportError(
            f"{where}: {found}. It fails with {error!r}. Write: pip install --upgrade {wanted}"
        ) from error
    for words in filter(None, map(_other_versions(extra).get, packages)):
        if words not in _SAID:
            _SAID.add(words)
            todo = f"Write: pip install --upgrade {wanted}"
            warnings.warn(f"{where}: {words}. {todo}", stacklevel=4)


@functools.cache
def _other_versions(extra: str) -> dict[str, str]:
    """Return what is said of each package that is installed in a version an extra does not admit.

    Nothing is known where snnlab runs from its sources, without being installed.
    """
    from snnlab_course import distributions

    return {
        need.name: f"{need.name} {need.found} is installed, expected {need.bounds}"
        for need in distributions.needs(extra)
        if extra and need.found and not need.met
    }
