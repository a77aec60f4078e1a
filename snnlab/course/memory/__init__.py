"""What helps to remember: questions on earlier notebooks, tables of symbols, the map."""

from snnlab.course.memory.course_map import map
from snnlab.course.memory.recall import recall
from snnlab.course.memory.symbols import symbols

__all__ = ["map", "recall", "symbols"]
