"""Conversion methods side by side on one network, at equal operations."""

from snnlab.comparison.catalogue import METHODS
from snnlab.comparison.comparing import compare
from snnlab.comparison.method import Answer, Given, Method, answer, simulated
from snnlab.comparison.pareto import pareto_front

__all__ = ["METHODS", "Answer", "Given", "Method", "answer", "compare", "pareto_front", "simulated"]
