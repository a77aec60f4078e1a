"""The choices of a paper, in the words of this package, one file per method; and of our own."""

from snnlab.recipes.bsnn import bsnn
from snnlab.recipes.burst import burst, group
from snnlab.recipes.calibration import calibration
from snnlab.recipes.cos import cos
from snnlab.recipes.deep import deep
from snnlab.recipes.delayed_readout import delayed_readout
from snnlab.recipes.diehl import diehl2015
from snnlab.recipes.differential import differential
from snnlab.recipes.ecc import ecc
from snnlab.recipes.opi import opi
from snnlab.recipes.privatesnn import class_impressions, privatesnn
from snnlab.recipes.rts import rts
from snnlab.recipes.rueckauer import rueckauer2017
from snnlab.recipes.signed import signed
from snnlab.recipes.srp import srp
from snnlab.recipes.trained import qcfs, tcl
from snnlab.recipes.two_stages import TwoRecords

__all__ = [
    "TwoRecords",
    "bsnn",
    "burst",
    "calibration",
    "class_impressions",
    "cos",
    "deep",
    "delayed_readout",
    "diehl2015",
    "differential",
    "ecc",
    "group",
    "opi",
    "privatesnn",
    "qcfs",
    "rts",
    "rueckauer2017",
    "signed",
    "srp",
    "tcl",
]
