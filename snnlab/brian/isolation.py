"""Running Brian2 so that nothing of it changes outside: preferences, clock, random numbers."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import brian2 as b2
from brian2.devices.device import RuntimeDevice
from brian2.utils.logger import BrianLogger

from snnlab import _checks
from snnlab.exceptions import OptionError

TARGETS = ("numpy", "cython")


@contextmanager
def isolated(target: str = "numpy", seed: int = 0) -> Iterator[None]:
    """Generate code for `target` and draw random numbers from `seed`; restore both afterwards.

    So the same call gives the same result, whatever the notebook set or drew before.

    Raises
    ------
    OptionError
        If `target` is unknown, or Brian2 is set to write stand-alone programs.
    """
    _checks.option(target, "target", TARGETS)
    device = b2.get_device()
    if not isinstance(device, RuntimeDevice):
        raise OptionError(
            f"Brian2's device is {type(device).__name__}, expected the one that runs at once. "
            f"Write brian2.set_device('runtime') first."
        )
    # The generator of Brian2 takes seeds of 32 bits.
    seed = _checks.seed(seed) % 2**32
    before, drawn = b2.prefs.codegen.target, device.get_random_state()
    console = BrianLogger.console_handler
    try:
        b2.prefs.codegen.target = target
        b2.seed(seed)
        console.addFilter(_worth_saying)
        yield
    finally:
        console.removeFilter(_worth_saying)
        b2.prefs.codegen.target = before
        device.set_random_state(drawn)


def _worth_saying(record: logging.LogRecord) -> bool:
    """Leave out the warning about numbers that ran away: that is refused, in better words."""
    return not record.name.endswith("invalid_values")


def given_up(*objects: Any) -> None:
    """Tell Brian2 that objects are not meant to run any more.

    It warns of everything that goes without ever having been part of a run, which would hide the
    message about the mistake that was found.
    """
    for item in objects:
        item.active = False
    # What was part of a run cannot become part of another, and need not.
    with suppress(RuntimeError):
        b2.Network(*objects).run(0 * b2.second, namespace={})


def explanation(error: BaseException) -> str:
    """Return what Brian2 has to say about a mistake, on one line, without its wrapping."""
    while isinstance(error, b2.BrianObjectException) and error.__cause__ is not None:
        error = error.__cause__
    said = error.args[0] if isinstance(error, KeyError) else error
    return " ".join(str(said).split()).rstrip(".")
