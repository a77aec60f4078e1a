"""Exchange with other simulators through NIR, the Neuromorphic Intermediate Representation.

NIR's integrate-and-fire neuron starts empty, is reset to zero and emits 1. Its equation is that of
continuous time; here one step is one unit of time, and a potential that equals the threshold fires.
"""

from snnlab.nir.reading import from_nir
from snnlab.nir.writing import to_nir

__all__ = ["from_nir", "to_nir"]
