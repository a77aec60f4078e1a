"""The choices of a paper, in the words of this package, one file per paper; and of our own."""

from snnlab.recipes.cos import cos
from snnlab.recipes.deep import deep
from snnlab.recipes.diehl import diehl2015
from snnlab.recipes.rueckauer import rueckauer2017
from snnlab.recipes.srp import srp
from snnlab.recipes.two_stages import TwoStages

__all__ = ["TwoStages", "cos", "deep", "diehl2015", "rueckauer2017", "srp"]
