"""Keep doctests working beside Brian2, mark what runs it, and note nothing for a learner."""

import os
from importlib.util import find_spec

from _pytest import doctest

# Its examples need a library that only this folder uses.
collect_ignore = [] if find_spec("nir") else ["snnlab/nir"]

# Kernels that the tests start have it too.
os.environ["SNNLAB_PROGRESS"] = "off"

OF_PYTEST = doctest.DoctestModule


def pytest_collect_file():
    """Put pytest's own class of doctests back before each file is collected.

    `import brian2` puts a class of its own in its place, which fails at every `__init__.py`.
    """
    doctest.DoctestModule = OF_PYTEST


def pytest_itemcollected(item):
    """Mark the tests and doctests of snnlab.brian."""
    if item.path.parent.name == "brian":
        item.add_marker("brian")
