"""The one neuron that NIR and snnlab have in common, and the library itself."""

from types import ModuleType

import numpy as np

from snnlab.dynamics import Neuron
from snnlab.exceptions import needs

# It adds up its current, fires at 1, emits 1, falls to 0, and begins there.
COMMON = Neuron(1.0, reset="zero", v_init=0.0)


def is_common(neuron: Neuron) -> bool:
    """Return whether a neuron is one of NIR's."""
    numbers = ("v_threshold", "v_init", "i_offset", "max_spikes", "signed")
    same = all(np.all(getattr(neuron, name) == getattr(COMMON, name)) for name in numbers)
    return same and neuron.reset == COMMON.reset


def library(where: str) -> ModuleType:
    """Return the package nir, or say who needs it."""
    with needs(f"snnlab.{where}", "nir", extra="nir"):
        import nir
    return nir
