"""`snnlab notebooks`: copies for a learner, with numbers of one's own, or with the solutions."""

import ast
import json
import math
import re
import sys
from pathlib import Path

import pytest

from snnlab import course
from snnlab.course.exercises.registry import EXERCISES
from snnlab_course import copies, places
from snnlab_course.command_line import main

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code(book):
    return ["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"]


def books(folder):
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.ipynb"))}


def test_the_copies_are_the_notebooks_with_their_outputs(tmp_path, capsys):
    folder = tmp_path / "a" / "b"
    assert main(["notebooks", str(folder)]) == 0
    assert books(folder) == books(ROOT / "notebooks")
    count = len(SOURCES)
    assert capsys.readouterr().out == f"{count} of {count} notebooks written to {folder}\n"


def test_existing_work_is_left_and_named(tmp_path, capsys):
    mine = tmp_path / SOURCES[2].name
    mine.write_text("my work")
    assert main(["notebooks", str(tmp_path), "--instructor"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{mine.name}: is there already, left as it is\n")
    assert f"{len(SOURCES) - 1} of {len(SOURCES)} notebooks written" in said
    assert mine.read_text() == "my work"
    assert main(["notebooks", str(tmp_path)]) == 0
    assert f"0 of {len(SOURCES)} notebooks written" in capsys.readouterr().out


def test_a_disk_that_fills_up_leaves_no_half_notebook(tmp_path, monkeypatch, capsys):
    kept = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, text):
            self.file.write(text[:1000])
            raise OSError(28, "No space left on device")

    def full(self, mode="r", **options):
        file = kept(self, mode, **options)
        return Full(file) if mode == "x" else file

    monkeypatch.setattr(Path, "open", full)
    assert main(["notebooks", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("snnlab notebooks: ")
    assert "cannot be written (No space left on device), expected a folder" in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["notebooks", str(tmp_path / "file")]) == 1
    assert f"{tmp_path / 'file'}: cannot be written" in capsys.readouterr().err


def test_without_notebooks_it_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "snnlab_course")
    assert main(["notebooks", str(tmp_path / "new")]) == 1
    said = capsys.readouterr().err
    assert "notebooks: not found" in said
    assert "pip install --force-reinstall --no-deps snnlab-course" in said


def test_packed_notebooks_come_before_those_of_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "snnlab_course")
    for folder in ("notebooks", "snnlab_course/notebooks", "binder/jupyter"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "00.ipynb").write_text("{}")
    assert places.notebooks() == [tmp_path / "snnlab_course" / "notebooks" / "00.ipynb"]
    assert places.jupyter_settings() == tmp_path / "binder" / "jupyter"


# --- numbers of one's own -----------------------------------------------------------------------

PERSONAL = {"01_spiking_neurons", "04_errors_in_a_network", "08_chance_and_evidence"}


def personal(tmp_path, *options):
    folder = tmp_path / "_".join(options)
    assert main(["notebooks", str(folder), *options]) == 0
    return books(folder)


def test_own_numbers_stand_in_their_cells_and_nowhere_else(tmp_path):
    found, plain = personal(tmp_path, "--learner", "Ada"), books(ROOT / "notebooks")
    changed = {name for name, book in found.items() if book != plain[name]}
    assert changed == PERSONAL
    for name in PERSONAL:
        pairs = zip(code(found[name]), code(plain[name]), strict=True)
        different = [(new, old) for new, old in pairs if new != old]
        assert different
        for new, old in different:
            if new.startswith("letters = {"):
                assert re.sub(r"\d+: ", "", new) == re.sub(r"\d+: ", "", old)
                continue
            new = re.sub(r"range\(\d+, \d+\)  # yours alone \(seed \d+\)", "range(1, 7)", new)
            assert re.sub(r"\d+\)  # yours alone \(seed \d+\)", "N)", new) == re.sub(
                r"(neuron|leaks|patient)( = course\.\w+\((?:\w+, )?)\d+\)", r"\1\2N)", old
            )


def test_outputs_of_other_numbers_are_not_kept(tmp_path):
    for name, book in personal(tmp_path, "--seed", "7").items():
        cells = [c for c in book["cells"] if c["cell_type"] == "code"]
        bare = all(c["outputs"] == [] and c["execution_count"] is None for c in cells)
        assert bare == (name in PERSONAL)


def test_equal_names_and_seeds_have_equal_numbers(tmp_path):
    ada = personal(tmp_path, "--learner", "Ada  Lovelace")
    assert personal(tmp_path, "--learner", " ada lovelace") == ada
    seed = copies.Owner.named("Ada Lovelace").seed
    assert personal(tmp_path, "--seed", str(seed)) == ada
    assert personal(tmp_path, "--learner", "Grace") != ada


def test_a_learner_has_six_patients_who_are_together_and_their_letters(tmp_path):
    found = personal(tmp_path, "--learner", "Ada")["08_chance_and_evidence"]
    six = copies.Owner.named("Ada").patients("08_chance_and_evidence")
    assert six.start % 6 == 1
    assert len(six) == 6
    assert six.start > 6
    sources = "\n".join(code(found))
    assert f"PATIENTS = range({six.start}, {six.stop})  # yours alone" in sources
    (line,) = re.findall(r"letters = \{.*\}", sources)
    assert list(ast.literal_eval(line.removeprefix("letters = "))) == list(six)


def test_the_accents_of_a_name_may_be_spelt_either_way():
    assert copies.Owner.named("Andre\N{COMBINING ACUTE ACCENT}") == copies.Owner.named("André")


def test_most_of_a_class_have_different_numbers():
    owners = [copies.Owner.named(f"learner {n}") for n in range(30)]
    assert len({o.number("01", 5, True) for o in owners}) > 15
    assert len({o.number("04", 2, False) for o in owners}) > 15
    assert len({o.patients("08") for o in owners}) > 15


def test_the_text_names_the_neuron_of_the_owner():
    cells = [
        {"cell_type": "code", "source": "neuron = course.MysteryNeuron(5)", "metadata": {}},
        {"cell_type": "markdown", "source": ["Find neuron 5. ", "Neuron 50 and 5 stay."]},
        {"cell_type": "code", "source": "other = course.MysteryNeuron(5)", "metadata": {}},
    ]
    copies.personalize({"cells": cells}, "01", copies.Owner(3))
    number = copies.Owner(3).number("01", 5, True)
    assert cells[0]["source"] == [
        f"neuron = course.MysteryNeuron({number})  # yours alone (seed 3)"
    ]
    assert cells[1]["source"] == [f"Find neuron {number}. Neuron 50 and 5 stay."]
    assert cells[2]["source"] == ["other = course.MysteryNeuron(5)"]


@pytest.mark.brian
def test_a_neuron_without_leak_is_replaced_by_one_without():
    from snnlab.course.mystery_neuron import _hidden

    leaky = {number for number in range(100) if "tau" in _hidden(number).parameters}
    assert set(copies.LEAKY) == leaky
    for seed in range(50):
        for before in (4, 5):
            number = copies.Owner(seed).number("01", before, True)
            assert (number in leaky) == (before in leaky)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--learner", "  "], "--learner '  ': is empty, expected a name."),
        (["--seed", "-1"], "'-1': expected a whole number, 0 or more"),
        (["--seed", "1.5"], "'1.5': expected a whole number, 0 or more"),
        (["--seed", "1", "--learner", "Ada"], "not allowed with argument"),
    ],
)
def test_a_learner_that_is_none_is_refused(tmp_path, capsys, options, said):
    with pytest.raises(SystemExit):
        sys.exit(main(["notebooks", str(tmp_path / "new"), *options]))
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


# --- solutions ----------------------------------------------------------------------------------


def checked(books):
    """Yield the number, the name and the source of each exercise that a cell checks."""
    for book in books.values():
        for source in code(book):
            for number, name in re.findall(r'course\.check\("([\d.]+)", (\w+)\)', source):
                yield number, name, source


def test_an_instructors_copy_has_every_solution(tmp_path):
    filled = books_of_instructor(tmp_path)
    found = {number: (name, source) for number, name, source in checked(filled)}
    assert set(found) == {number for number, *_ in checked(books(ROOT / "notebooks"))}
    assert len(found) > 20
    for number, (name, source) in found.items():
        solution = EXERCISES[number].source().strip()
        assert solution in source
        assert source.endswith(f'course.check("{number}", {name})')
        tree = ast.parse(source)
        defined = [n for node in tree.body for n in copies._names(node)]
        assert defined.count(name) == 1
    first = next(iter(filled.values()))["cells"][0]["source"]
    assert first[0] == "*Instructor's copy: the exercises hold their solutions.*\n"


def test_an_instructors_copy_of_a_learners_notebooks_knows_the_learners_patients(tmp_path):
    book = personal(tmp_path, "--learner", "Ada", "--instructor")["08_chance_and_evidence"]
    (line,) = re.findall(r"letters = (\{.*\})", "\n".join(code(book)))
    found = ast.literal_eval(line)
    assert list(found) == list(copies.Owner.named("Ada").patients("08_chance_and_evidence"))
    assert course.check("8.3", found).right


def books_of_instructor(tmp_path):
    assert main(["notebooks", str(tmp_path / "teacher"), "--instructor"]) == 0
    return books(tmp_path / "teacher")


def imported(book):
    """Return what a notebook imports from other packages, by its name there."""
    named = {}
    for source in code(book):
        for node in ast.parse(source).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)) and "snnlab" not in ast.unparse(node):
                exec(ast.unparse(node), named)
    return named


def test_the_solutions_of_functions_are_right_as_they_stand(tmp_path):
    answers, right = {}, {}
    spied = type("course", (), {"check": lambda number, answer: answers.update({number: answer})})
    for book in books_of_instructor(tmp_path).values():
        named = {"math": math} | imported(book) | {"course": spied, "print": lambda *_: None}
        for number, _, source in checked({"": book}):
            if hasattr(EXERCISES[number], "solution"):
                exec(source, named)
                right[number] = course.check(number, answers[number]).right
    assert len(right) > 15
    assert all(right.values()), right


def test_what_else_a_cell_holds_stays():
    source = "import math\n\n\ndef count(current, steps): ...\n\n\ncourse.check('2.1', count)"
    source = source.replace("'", '"')
    book = {
        "cells": [
            {"cell_type": "markdown", "source": ["# Title"]},
            {"cell_type": "code", "source": source, "outputs": [1], "execution_count": 1},
            {"cell_type": "code", "source": 'course.check("2.1", count)', "outputs": [2]},
        ]
    }
    copies.fill_in(book)
    filled = "".join(book["cells"][1]["source"])
    assert filled.startswith("import math\n\n\ndef ")
    assert "..." not in filled
    assert filled.endswith('\n\n\ncourse.check("2.1", count)')
    assert (book["cells"][1]["outputs"], book["cells"][1]["execution_count"]) == ([], None)
    assert book["cells"][2] == {
        "cell_type": "code", "source": 'course.check("2.1", count)', "outputs": [2],
    }  # fmt: skip


def test_a_solution_of_another_name_is_bound_to_the_one_checked():
    assert copies._bound(["def f(x):", "    return x"], "g") == ["g = f"]
    assert copies._bound(["def f(x):", "    return x"], "f") == []


def test_without_the_course_the_solutions_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "snnlab.course", None)
    assert main(["notebooks", str(tmp_path), "--instructor"]) == 1
    assert "--instructor: the solutions cannot be read." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
