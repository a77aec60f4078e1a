"""The choices of a paper, in the words of this package, one file per paper; and of our own."""

from snnlab.recipes.deep import deep
from snnlab.recipes.diehl import diehl2015
from snnlab.recipes.rueckauer import rueckauer2017

__all__ = ["deep", "diehl2015", "rueckauer2017"]
