"""Keep doctests working beside Brian2.

`import brian2` puts a class of its own in place of pytest's `DoctestModule`, and that class fails
at every `__init__.py`. So the class of pytest is put back before each file is collected.
"""

from _pytest import doctest

OF_PYTEST = doctest.DoctestModule


def pytest_collect_file():
    """Undo what an import of Brian2 may have done."""
    doctest.DoctestModule = OF_PYTEST
