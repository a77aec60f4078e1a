"""How long the notebooks take, and the rules for their text; see tools/notebook_rules.py."""

import json
from pathlib import Path

import pytest

from tools import notebook_rules as rules

NOTEBOOKS = sorted((rules.ROOT / "notebooks").glob("*.ipynb"))
# Results that stand above their prompt and tell nothing, with the reason.
TELLS_NOTHING = {
    "'99.9', the result of Predict 6.3": "the percentile that the whole notebook is about",
    "'100 images', the result of Predict 9.6": "all of those that are read, in every section",
}
# 09 and 11 go deeper, and nothing on the main track needs them.
DEEPER = ("09", "11")
FOLDED = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}


# --- the notebooks ---------------------------------------------------------------------------

each = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


@each
def test_the_minutes_are_those_that_it_takes(file):
    assert rules.wrong_minutes(file) == []


@each
def test_no_text_is_too_long(file):
    assert rules.long_texts(file) == []


@each
def test_there_are_few_tables(file):
    assert rules.many_tables(file) == []


@each
def test_no_result_stands_above_its_prompt(file):
    told = [
        fault
        for fault in rules.spoilers(file)
        if fault.partition(", stands")[0] not in TELLS_NOTHING
    ]
    assert told == []


@each
def test_nothing_stands_between_a_prompt_and_its_answers(file):
    assert rules.open_scaffolding(file) == []


def test_the_main_track_takes_seven_hours_at_most():
    main = [file for file in NOTEBOOKS if not file.name.startswith(DEEPER)]
    assert len(main) == 10
    assert sum(rules.minutes(rules.load(file)) for file in main) <= 7 * 60


# --- the rules themselves --------------------------------------------------------------------


def text(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source="1", *outputs, metadata=FOLDED):
    cell = {"cell_type": "code", "metadata": metadata, "execution_count": 1}
    return cell | {"source": source, "outputs": list(outputs)}


def shown(**data):
    names = {"plain": "text/plain", "html": "text/html", "markdown": "text/markdown"}
    names["png"] = "image/png"
    return {"output_type": "display_data", "data": {names[k]: v for k, v in data.items()}}


def asked(number, choices, result):
    question = f"Predict {number}: {choices}? Run the notebook to commit."
    folded = f"<details><p>Predict {number}: simulated: {result}.</p><table></details>"
    return shown(plain=question, html=f"<p>{question}</p>{folded}")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return a function that writes a notebook, whose row in README.md states 10 minutes."""
    monkeypatch.setattr(rules, "in_readme", lambda file: 10)

    def make(*cells):
        file = Path(tmp_path / "02_made.ipynb")
        file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
        return file

    return make


def minutes(file):
    return rules.minutes(rules.load(file))


def test_each_kind_of_work_has_its_minutes(made):
    assert minutes(made(text("one two three " * 50))) == 1
    assert minutes(made(text("$a + b$ one\n$$c$$ two — <kbd>three</kbd>"))) == 3 / 150
    assert minutes(made(code("1", shown(png="iVBO", plain="words"), shown(plain="words")))) == 0.6
    assert minutes(made(code("1", asked("2.1", "1 or 2", "1")))) == 1.5
    prompt = text("**Predict 2.1.** Guess.")
    assert minutes(made(prompt)) == 1.5 + 3 / 150
    assert minutes(made(prompt, code("1", asked("2.1", "1 or 2", "1")))) == 1.5 + 3 / 150
    both = [code("1", asked("2.1", "1 or 2", "1"))] * 2
    assert minutes(made(prompt, *both)) == 3 + 3 / 150
    assert minutes(made(code('course.check("2.1", count)'))) == 5
    exercise = text("**Exercise 2.1.** Write.")
    assert minutes(made(exercise)) == 5 + 3 / 150
    assert minutes(made(exercise, code('course.check("2.1", count)'))) == 5 + 3 / 150
    assert minutes(made(text("**Try 2.1.**\n\n1. This"))) == 1.5 + 4 / 150
    assert minutes(made(text("**Exercise 4.1.** By hand."))) == 10 + 4 / 150
    assert minutes(made(code('course.check("4.1", parts)'))) == 10


def test_what_is_further_does_not_count(made):
    hundred = "word " * 150
    heads = ["## 2.1 One", "## 2.2 Two (further) <sub>optional</sub>", "### More", "## 2.3 Three"]
    for cells in (
        [text(f"{head}\n{hundred}") for head in heads],
        [text("\n\n".join(f"{head}\n{hundred}" for head in heads))],
    ):
        file = made(*cells)
        assert [section.further for section in rules.load(file)] == [False, False, True, False]
        assert minutes(file) == 2 + 4 / 150
    inner = ["## 2.1 One", "### Aside (further)", "### Back", "## 2.2 Two"]
    file = made(*[text(f"{head}\n{hundred}") for head in inner])
    assert minutes(file) == 3 + 5 / 150
    assert [s.title for s in rules.load(file)][1:] == [
        "2.1 One",
        "Aside (further)",
        "Back",
        "2.2 Two",
    ]


def test_a_line_across_the_page_ends_what_is_further(made):
    word = "word " * 150
    file = made(text(f"## 2.1 One (further)\n{word}\n\n---\n\n{word}{word}"))
    assert [section.further for section in rules.load(file)] == [False, True, False]
    assert minutes(file) == 2
    assert rules.load(file)[1].work == 1 + 3 / 150
    table = "| a |\n|---|\n| 1 |"
    assert minutes(made(text(f"## 2.1 One (further)\n{table}\n\n{word}"))) == 0


def test_a_comment_in_code_is_no_heading(made):
    file = made(text("## 2.1 One\n\n```python\n# 2.9 Nine\n## 2.8 Eight\n```\n\nthe end"))
    assert [section.title for section in rules.load(file)] == ["", "2.1 One"]


GOOD = [
    "# 02 Made\n\n**10 minutes.**",
    "## 2.1 One <sub>minutes 0 to 5</sub>\n" + "word " * 750,
    "## 2.2 More (further) <sub>5 minutes more</sub>\n" + "word " * 750,
    "## 2.3 Two <sub>minutes 5 to 10</sub>\n" + "word " * 750,
]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("", ""), []),
        (("**10 min", "**14 min"), ["the first cell says 14", "the first cell says 14"]),
        (("**10 min", "**11 min"), []),
        (("**10 min", "**13 min"), ["the last heading ends at 10, and the first cell says 13"]),
        (("minutes 0 to 5", "minutes 1 to 5"), []),
        (("minutes 0 to 5", "minutes 4 to 5"), ["'2.1 One' is the first, and begins at 4"]),
        (("minutes 0 to 5", "minutes 0 to 9"), ["begins at 5, after minute 9", "and states 9"]),
        (("minutes 5 to 10", "minutes 6 to 10"), ["'2.3 Two' begins at 6, after minute 5"]),
        ((" <sub>minutes 5 to 10</sub>", ""), ["'2.3 Two' states no minutes", "ends at 5, and"]),
        (("5 minutes more", "minutes 5 to 6"), ["is further, and states no minutes more"]),
        ((" <sub>5 minutes more</sub>", ""), ["'2.2 More (further)' is further, and states no"]),
        (("5 minutes more", "6 minutes more"), []),
        (("5 minutes more", "7 minutes more"), ["takes 5.0 minutes more, and states 7"]),
        (("**10 minutes.**", "Short."), ["and the first cell says None"]),
    ],
)
def test_stated_minutes_are_compared_with_computed_ones(made, change, found):
    faults = rules.wrong_minutes(made(*[text(cell.replace(*change)) for cell in GOOD]))
    assert len(faults) == len(found)
    assert all(any(words in fault for fault in faults) for words in found)


def test_more_than_three_quarters_of_an_hour_is_too_long(made, monkeypatch):
    monkeypatch.setattr(rules, "in_readme", lambda file: 45)
    for count, ends in ((6_750, True), (6_900, False)):
        cells = [
            text("**45 minutes.**"),
            text("## 2.1 A <sub>minutes 0 to 45</sub>" + " w" * count),
        ]
        assert (rules.wrong_minutes(made(*cells)) == []) == ends


def test_the_table_of_the_readme_is_read():
    assert all(isinstance(rules.in_readme(file), int) for file in NOTEBOOKS)
    assert rules.in_readme(Path("12_none.ipynb")) is None


def test_words_and_paragraphs_are_counted(made):
    fifty, ten = "word " * 50, "word " * 10
    for good in (
        fifty + ten,
        f"{fifty}\n\n{fifty}",
        f"- {fifty}\n- {fifty}\n  {ten}\n\n1. {fifty}\n2. {fifty}",
        f"{fifty} $a + b + c + d + e + f + g + h + i + j + k$ {ten}",
        f"{fifty}\n\n| a |\n|---|\n" + "| b c d e f g h i j k |\n" * 9,
        f"## {ten}\n{fifty}",
        f"> {fifty}\n>\n> {fifty}",
        f"## 2.9 More (further)\n\n{fifty}{fifty}",
    ):
        assert rules.long_texts(made(text(good))) == [], good[:20]
    for bad in (fifty + ten + "more", f"- {fifty}\n  {fifty}", f"> {fifty}\n> {fifty}"):
        (fault,) = rules.long_texts(made(text(bad)))
        assert "60 at most: word word" in fault
    (fault,) = rules.long_texts(made(*[text(fifty)] * 46, text("more")))
    assert fault == "has 2,301 words, 2,300 at most"


def test_tables_are_counted_but_for_what_is_folded(made):
    table = code("1", shown(html="<table></table>", plain="rows"))
    drawn = code("1", shown(markdown="| a | b |\n|---|--:|\n| 1 | 2 |", plain="<Markdown>"))
    closed = [
        code("1", asked("2.1", "1 or 2", "1")),
        code("1", shown(html="<details><details><table></details><table></details>")),
        text("## 2.9 More (further)"),
        table,
    ]
    written = text("| a |\n|---|\n| 1 |")
    assert rules.many_tables(made(table, drawn, written, *closed)) == []
    (fault,) = rules.many_tables(made(text("## 2.1 One"), table, drawn, table, written, *closed))
    assert fault == "has 4 tables, 3 at most: in 2.1 One, 2.1 One, 2.1 One, 2.1 One"


def spoilt(made, result, *above, choices="a number from 0 to 100", before=()):
    cells = [*before, text("## 2.2 Two"), *above, text("**Predict 2.1.** Guess.")]
    return rules.spoilers(made(*cells, code("1", asked("2.1", choices, result))))


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("0.246", "It is 0.246 here."),
        ("94.4 %", "The ANN reads 94.4 % of them"),
        ("13 steps", "It takes 13 steps."),
        ("13 steps", "first at step 13."),
        ("1 step", "after 1 step"),
        ("the mean vanishes", "You see: the mean vanishes, at once."),
        ("-0.145", "a bias of -0.145 θ"),
        ("1,234", "1,234 neurons"),
    ],
)
def test_a_result_above_its_prompt_is_found_wherever_it_stands(made, result, told):
    (fault,) = spoilt(made, result, text(told))
    assert fault == f"{result!r}, the result of Predict 2.1, stands above its prompt"
    for output in (
        shown(plain=told, png="iVBO"),
        shown(markdown=told),
        shown(html=f"<b>{told}</b>"),
        {"output_type": "stream", "name": "stdout", "text": told},
    ):
        assert spoilt(made, result, code("1", output))
    assert spoilt(made, result, before=[text("## 2.1 One"), text(told)])
    assert spoilt(made, result, before=[text(f"## 2.1 One\n{told}")])
    # Further up it is forgotten, and what is folded is not read.
    assert not spoilt(made, result, before=[text(told), text("## 2.0 Nil"), text("## 2.1 One")])
    assert not spoilt(made, result, text(f"<details><summary>x</summary>{told}</details>"))
    assert not spoilt(made, result, code("1", shown(html=f"<details>{told}</details>")))


@pytest.mark.parametrize(
    ("result", "harmless"),
    [
        ("13 steps", "It takes 113 steps, or 13.5 steps, and 13 images."),
        ("13", "13 is short and has no unit"),
        ("0.246", "10.246 and 0.2461 and 0.246 %".replace(" and 0.246 %", "")),
        ("train", "one word says little: train"),
        ("94.4 %", "194.4 % and 94.45 %"),
    ],
)
def test_what_only_looks_like_the_result_is_none(made, result, harmless):
    assert spoilt(made, result, text(harmless)) == []


def test_what_stands_in_the_prompt_or_below_is_no_spoiler(made):
    cells = [text("## 2.2 Two\n**Predict 2.1.** After 13 steps?\n\nOr 13 steps later?")]
    cells += [code("1", asked("2.1", "a number from 0 to 9", "13 steps")), text("13 steps")]
    assert rules.spoilers(made(*cells)) == []


def test_the_right_choice_is_looked_for_and_a_list_of_all_tells_nothing(made):
    choices = "it grows with depth; it stays the same; or it shrinks with depth"
    result = "0.3, then 0.2: it shrinks with depth"
    (fault,) = spoilt(made, result, text("See how it shrinks with depth."), choices=choices)
    assert "'it shrinks with depth', the result of Predict 2.1" in fault
    listed = text("Either it grows with depth, or it stays the same, or it shrinks with depth.")
    assert spoilt(made, result, listed, choices=choices) == []


def test_between_a_prompt_and_its_answers_code_is_folded(made):
    prompt, answers = text("**Predict 2.1.** Guess."), code("ask()", asked("2.1", "1 or 2", "1"))
    assert rules.open_scaffolding(made(code(metadata={}), prompt, code("f()"), answers)) == []
    assert rules.open_scaffolding(made(prompt, answers, text("Patient 2"), answers)) == []
    for half in ({}, {"tags": ["hide-input"]}, {"jupyter": {"source_hidden": True}}):
        faults = rules.open_scaffolding(made(prompt, code("f(1)\n2", metadata=half), answers))
        assert faults == ["open between prompt and answer 2.1: f(1)"]
        (fault,) = rules.open_scaffolding(made(prompt, answers | {"metadata": half}))
        assert fault == "open between prompt and answer 2.1: ask()"
    (fault,) = rules.open_scaffolding(made(prompt, code("f()", shown(png="iVBO")), answers))
    assert fault == "shown between prompt and answer 2.1: f()"
    (fault,) = rules.open_scaffolding(made(text("**Predict 2.2.** Guess."), answers))
    assert fault == "Predict 2.1 has no prompt above it"


def test_all_is_printed(made, capsys, monkeypatch):
    file = made(text("**Try 2.1.** word"))
    monkeypatch.setattr("sys.argv", ["notebook_rules.py", str(file)])
    assert rules.main() == 1
    said = capsys.readouterr().out
    assert said.startswith("02_made: 1.5 minutes, 3 words\n  wrong_minutes: takes 1.5 minutes, and")
