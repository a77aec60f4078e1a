"""What holds for every idea of the gallery."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snnlab import gallery

FOLDER = Path(gallery.__file__).parent
IDEAS = {path.stem: path for path in FOLDER.glob("*.py") if path.stem != "__init__"}
LONGEST = 80
ROOT = FOLDER.parent.parent
SHARED = {"neurons", "training"}


def lines_of_code(source):
    """Count the lines that are neither empty nor a comment nor part of a docstring."""
    numbers = {
        number
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                numbers -= {*range(first.lineno, first.end_lineno + 1)}
    return len(numbers)


def test_lines_of_code_are_counted_without_docstrings():
    assert lines_of_code('"""A\n\nB."""\n\n# c\ndef f():\n    """D."""\n    return 1\n') == 2


@pytest.mark.parametrize("name", sorted(IDEAS.keys() - SHARED))
def test_an_idea_is_short_and_says_where_it_is_from(name):
    source = IDEAS[name].read_text(encoding="utf-8")
    assert lines_of_code(source) <= LONGEST
    told = ast.get_docstring(ast.parse(source))
    assert re.search(r"^Source: .*\d{4}", told, re.M)
    assert re.search(r"we have read|we know|from memory", told)
    assert re.search(r"\b(ours|our\s+reading)\b", told)


def test_every_file_is_public_and_has_its_place_on_the_site():
    assert gallery.__all__ == sorted(IDEAS)
    page = (ROOT / "docs" / "api" / "gallery.rst").read_text(encoding="utf-8")
    assert sorted(re.findall(r"automodule:: snnlab\.gallery\.(\w+)", page)) == sorted(IDEAS)


def test_an_idea_is_loaded_when_it_is_first_used():
    code = """
import json, sys, torch
before = set(sys.modules)
import snnlab.gallery
at_once = sorted(set(sys.modules) - before)
snnlab.gallery.hoyer
print(json.dumps([at_once, "snnlab.gallery.hoyer" in sys.modules]))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    at_once, after = json.loads(done.stdout)
    assert "snnlab.gallery" in at_once
    assert [name for name in at_once if name.startswith("snnlab.gallery.")] == []
    assert {name.split(".")[0] for name in at_once} & {"matplotlib", "sklearn", "pandas"} == set()
    assert after


def test_an_unknown_idea_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'hojer'"):
        _ = gallery.hojer
