"""The source that an explorer shows: cut out of its module, and complete."""

import sys

import pytest

from snnlab.explorers.toolkit.listing import listing

SOURCE = '''"""A module."""

import math, os
from collections import OrderedDict as Ordered, deque

import numpy as np

# A comment.
SCALE, UNUSED = 2.0, 3.0
OFFSET: float = 1.0
LONG = [
    1,  # one
    2,
]
OTHER = os.sep


def outer(x):
    """Say what outer does."""
    return inner(x) + SCALE + OFFSET


def inner(x):
    # Why this is so.
    return math.floor(x) + len(Ordered()) + LONG[0]


def unused(x):
    return np.sum(deque(x))


class Thing:
    pass
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "cut_from.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("cut_from")
    del sys.modules["cut_from"]


def test_it_has_all_that_is_used_and_nothing_else(module):
    shown = listing([module], "data = outer(1.5)")
    assert (
        shown
        == '''import math
from collections import OrderedDict as Ordered

SCALE, UNUSED = 2.0, 3.0
OFFSET: float = 1.0
LONG = [
    1,  # one
    2,
]


def outer(x):
    """Say what outer does."""
    return inner(x) + SCALE + OFFSET


def inner(x):
    # Why this is so.
    return math.floor(x) + len(Ordered()) + LONG[0]


data = outer(1.5)'''
    )
    names = {}
    exec(shown, names)
    assert names["data"] == module.outer(1.5) == 5.0


def test_names_that_only_the_calls_use_come_along(module):
    shown = listing([module], "# what you gave\ndata = np.sum(LONG)")
    assert shown.startswith("import numpy as np\n\nLONG = [")
    assert shown.endswith("\n\n\n# what you gave\ndata = np.sum(LONG)")
    assert "def " not in shown


def test_the_same_call_gives_the_same_text(module):
    first = listing([module], "data = outer(1.5)")
    assert listing([module], "data = outer(1.5)") == first


def test_what_a_module_does_not_have_is_looked_up_in_the_next(module, tmp_path):
    lines = ("from math import ceil, floor", "from collections import ChainMap", "SCALE = 7.0")
    (tmp_path / "base.py").write_text("\n".join(lines))
    base = __import__("base")
    shown = listing([module, base], "data = outer(floor(1.5)) + len(ChainMap())")
    assert "import math\nfrom collections import ChainMap, OrderedDict as Ordered\n" in shown
    assert "from math import floor\n" in shown
    assert "SCALE, UNUSED = 2.0, 3.0" in shown
    assert "7.0" not in shown
    found = {}
    exec(shown, found)
    assert found["data"] == 1 + 1 + 2 + 1
    del sys.modules["base"]
