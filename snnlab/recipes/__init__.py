"""The choices of a paper, in the words of this package, one file per paper; and of our own."""

from snnlab.recipes.bsnn import bsnn
from snnlab.recipes.cos import cos
from snnlab.recipes.deep import deep
from snnlab.recipes.delayed_readout import delayed_readout
from snnlab.recipes.diehl import diehl2015
from snnlab.recipes.differential import differential
from snnlab.recipes.ecc import ecc
from snnlab.recipes.rueckauer import rueckauer2017
from snnlab.recipes.srp import srp
from snnlab.recipes.two_stages import TwoStages

__all__ = [
    "TwoStages",
    "bsnn",
    "cos",
    "deep",
    "delayed_readout",
    "diehl2015",
    "differential",
    "ecc",
    "rueckauer2017",
    "srp",
]
