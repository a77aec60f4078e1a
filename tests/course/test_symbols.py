"""The glossary has every symbol of every notebook, and no other."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from helpers.latex import symbols

from snnlab import course
from snnlab.course.memory.glossary import GLOSSARY
from snnlab.course.memory.notebooks import NOTEBOOKS

FOLDER = Path(__file__).parent.parent.parent / "notebooks"


def markdown(number):
    cells = json.loads((FOLDER / NOTEBOOKS[number].file).read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("costs 5 dollars, no formula: T", set()),
        ("$T$ and $zT/\\theta$", {"T", "z", r"\theta"}),
        (
            "$$\\frac{dv}{dt} = \\frac{I}{C}, \\text{if } v \\ge \\theta$$",
            {"v", "t", "I", "C", r"\theta"},
        ),
        ("$v_0$, $v_T$, $S_{i,t}$", {"v_0", "v", "T", "S", "i", "t"}),
        ("$w^l_{ji}$", {"w", "l", "j", "i"}),
        ("$\\hat W^l$ $\\bar z$ $\\hat{b}$", {r"\hatW", "l", r"\barz", r"\hatb"}),
        ("$e_{AC}\\; r\\,T$ $\\bar z_{ANN}$", {"e_AC", "r", "T", r"\barz_ANN"}),
        ("$\\max(0, \\lfloor a \\rfloor)$ $\\sqrt{x}$", {"a", "x"}),
        ("$(a -\nb)/c$, and $\n\nno $d$", {"a", "b", "c", "d"}),
        (r"$\underbrace{\varphi - z}_{\text{deviation}}$", {r"\varphi", "z"}),
        ("`code $x$` ```\n$y$\n``` $q$", {"q"}),
    ],
)
def test_symbols_are_found_in_formulas(text, found):
    assert symbols(text) == found


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_every_symbol_of_a_notebook_is_in_its_table(number):
    missing = symbols(markdown(number)) - {row.tex for row in course.symbols(number).rows}
    assert missing == set(), f"add to snnlab/course/memory/glossary.py, for {number}"


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_no_table_has_a_symbol_that_its_notebook_does_not_use(number):
    assert course.symbols(number).rows
    text = markdown(number)
    plain = re.sub(r"[^\w\s]", " ", text)
    for row in course.symbols(number).rows:
        assert row.tex in symbols(text) or re.search(rf"\b{re.escape(row.shown)}\b", plain), row.tex


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_a_symbol_has_one_meaning_in_a_notebook(number):
    found = Counter(row.tex for row in course.symbols(number).rows)
    assert {tex for tex, times in found.items() if times > 1} == set()


@pytest.mark.parametrize("row", GLOSSARY, ids=lambda row: f"{row.tex} {row.section}")
def test_a_symbol_is_introduced_before_it_is_used(row):
    users = row.notebooks.split()
    assert users == sorted(set(users))
    assert set(users) <= set(NOTEBOOKS)
    introduced = f"{int(row.section.partition('.')[0]):02d}"
    assert introduced <= users[0]
    assert re.search(rf"(?m)^## {re.escape(row.section)} ", markdown(introduced))
    assert row.words
    assert not re.search(r"[$\\{}<>]", row.words + row.unit)


def test_the_table_is_closed_and_has_headers():
    shown = course.symbols("03")._repr_html_()
    assert re.fullmatch(r"<details><summary>Symbols of this notebook</summary><table>.*", shown)
    assert shown.count('scope="col"') == 4
    rows = course.symbols("03").rows
    assert shown.count('scope="row"') == len(rows)
    for row in rows:
        assert f'<th scope="row"><i>{row.shown}</i></th>' in shown
        assert f">{row.words}</td><td>{row.unit}</td><td>{row.section}</td>" in shown


def test_without_a_browser_it_is_a_list():
    text = repr(course.symbols("10"))
    assert text.startswith(
        "6 symbols in notebook 10\nT: number of time steps, in steps (section 0.3)"
    )
    assert "eMAC: price of a multiplication with its addition, in pJ (section 10.3)" in text
