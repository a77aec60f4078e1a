"""The errors of the package. Catch `SNNLabError` to catch them all."""

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


@contextmanager
def needs(where: str, *packages: str, extra: str = "") -> Iterator[None]:
    """Say what to install if an import inside fails; `packages` are named as pip knows them.

    They come with an extra of snnlab-course, if one is named.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        wanted = f'"snnlab-course[{extra}]"' if extra else " ".join(packages)
        raise ModuleNotFoundError(
            f"{where}: {library} is not installed, expected {' and '.join(packages)}. All else "
            f"works without. Write: pip install {wanted}",
            name=error.name,
        ) from error
