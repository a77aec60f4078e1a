"""Running Brian2 so that nothing of it changes outside: preferences, clock, random numbers."""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import brian2 as b2
import numpy as np
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.devices.device import RuntimeDevice
from brian2.utils.logger import BrianLogger

from snnlab._arguments import checks
from snnlab.exceptions import OptionError, needs

TARGETS = ("numpy", "cython")

# Preferences of Brian2 on which results depend, and one that makes it stop quietly half way when
# the learner interrupts it.
_PINNED = {
    "core.default_float_dtype": np.float64,
    "core.network.default_schedule": ["start", "groups", "thresholds", "synapses", "resets", "end"],
    "core.stop_on_keyboard_interrupt": False,
    "legacy.refractory_timing": False,
}


@contextmanager
def isolated(target: str = "numpy", seed: int = 0) -> Iterator[None]:
    """Run Brian2 with fixed preferences and a fixed seed, and put back what was there before.

    So the same call gives the same result, whatever the notebook set or drew before. `target` is
    what code Brian2 makes of the equations, "numpy" or "cython"; `seed` that of its random numbers.

    Raises
    ------
    OptionError
        If `target` is unknown or cannot be used here, or Brian2 is set to write stand-alone
        programs.
    """
    checks.option(target, "target", TARGETS)
    device = b2.get_device()
    if not isinstance(device, RuntimeDevice):
        raise OptionError(
            f"Brian2's device is {type(device).__name__}, expected the one that runs at once. "
            f"Write brian2.set_device('runtime') first."
        )
    # The generator of Brian2 takes seeds of 32 bits.
    seed = checks.seed(seed) % 2**32
    # Copies, because Brian2 adds to some lists in place.
    preferences = {name: copy.copy(value) for name, value in b2.prefs.items()}
    drawn = device.get_random_state()
    console = BrianLogger.console_handler
    try:
        console.addFilter(_worth_saying)
        for name, value in (_PINNED | {"codegen.target": target}).items():
            b2.prefs[name] = value
        b2.seed(seed)
        with _compiling() if target == "cython" else nullcontext():
            yield
    finally:
        for name, value in preferences.items():
            if b2.prefs[name] != value:
                b2.prefs[name] = value
        device.set_random_state(drawn)
        console.removeFilter(_worth_saying)


@contextmanager
def _compiling() -> Iterator[None]:
    """Say while code is compiled why nothing happens; refuse where there is no compiler."""
    if not CythonCodeObject.is_available():
        raise OptionError(
            "target = 'cython': found no C++ compiler that works, expected one. Install g++, clang "
            "or Visual Studio's, or leave target='numpy', which needs none."
        )
    with needs("snnlab.brian", "tqdm", extra="brian"):
        from tqdm.auto import tqdm

    words = "Brian2 compiles with cython. The first time this takes up to a minute."
    with tqdm(total=1, desc=words, bar_format="{desc}", leave=False):
        yield


def _worth_saying(record: logging.LogRecord) -> bool:
    """Leave out Brian2's warnings of what snnlab refuses with a message of its own."""
    return not record.name.endswith(("invalid_values", "failed_compile_test", "cpp_prefs"))


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
    # From Brian2 2.10 on what is wrong stands only in the cause; before, in the message too.
    if type(error.__cause__) in (TypeError, ValueError) and str(error.__cause__) not in str(said):
        said = f"{said}: {error.__cause__}"
    return " ".join(str(said).split()).rstrip(".")
