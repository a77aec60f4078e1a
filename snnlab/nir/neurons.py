"""The one neuron that NIR and snnlab have in common, and the library itself."""

from types import ModuleType

import numpy as np

from snnlab.dynamics import Neuron
from snnlab.exceptions import needs

# It adds up its current, fires at 1, emits 1, falls to 0, and begins there.
COMMON = Neuron(1.0, reset="zero", v_init=0.0)


def is_common(neuron: Neuron) -> bool:
    """Return whether a neuron is one of NIR's."""
    same = (neuron.reset, neuron.v_init) == (COMMON.reset, COMMON.v_init)
    return same and bool(np.all(np.equal(neuron.v_threshold, COMMON.v_threshold)))


def library(where: str) -> ModuleType:
    """Return the package nir, or say who needs it."""
    with needs(f"snnlab.{where}", "nir"):
        import nir
    return nir
