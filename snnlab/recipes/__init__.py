"""The choices of a paper, in the words of this package: one file per paper."""

from snnlab.recipes.diehl import diehl2015
from snnlab.recipes.rueckauer import rueckauer2017

__all__ = ["diehl2015", "rueckauer2017"]
