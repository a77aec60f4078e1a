"""`snnlab collect`: a table of the learners' progress files."""

import csv
import json
import subprocess
import sys

import pytest
from helpers.limits import FULL, full_disk

from snnlab.course import progress
from snnlab_course import collecting
from snnlab_course.command_line import main


def answer(kind, number, right, at="2026-11-02T10:00:00+01:00", right_at=None):
    return {
        "kind": kind, "number": number, "answer": "x", "right": right,
        "at": at, "times": 1, "right_at": at if right else right_at,
    }  # fmt: skip


ADA = [
    answer("prediction", "2.1", True, at="2026-11-02T10:00:00+01:00"),
    answer("prediction", "2.3", False, right_at="2026-11-02T10:05:00+01:00"),
    answer("prediction", "2.4", None),
    answer("exercise", "2.1", True),
    answer("exercise", "2.2", True, at="2026-11-09T09:00:00+01:00"),
    answer("exercise", "2.3", False, right_at="2026-11-03T09:00:00+01:00"),
    answer("recall", "01.1", True),
    answer("recall", "01.2", False),
]


def hand_in(path, answers, /, **changes):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"format": 1, "about": "...", "edited": False, "answers": answers}
    path.write_text(json.dumps(content | {"seal": collecting.seal(answers)} | changes))
    return path


def test_the_table_counts_what_was_answered(tmp_path, capsys):
    hand_in(tmp_path / "ada" / "snnlab_progress.json", ADA)
    hand_in(tmp_path / "grace.json", [])
    hand_in(tmp_path / "kurt_snnlab_progress.json", ADA[:1])
    assert main(["collect", str(tmp_path)]) == 0
    head, *rows = (line.split("  ") for line in capsys.readouterr().out.splitlines())
    cells = [[cell.strip() for cell in row if cell] for row in (head, *rows)]
    assert cells[0] == list(collecting.COLUMNS)
    assert cells[1:] == [
        ["ada", "3", "3", "1 of 2", "1 of 2", "2026-11-02", "2026-11-09", "no"],
        ["grace", "0", "0", "0 of 0", "0 of 0", "no"],
        ["kurt", "0", "1", "1 of 1", "0 of 0", "2026-11-02", "2026-11-02", "no"],
    ]


def test_the_csv_has_the_same_cells(tmp_path, capsys):
    hand_in(tmp_path / "in" / "Łukasz, A.json", ADA)
    file = tmp_path / "table.csv"
    assert main(["collect", str(tmp_path / "in"), "--csv", str(file)]) == 0
    head, row = csv.reader(file.read_text(encoding="utf-8").splitlines())
    assert tuple(head) == collecting.COLUMNS
    assert row == ["Łukasz, A", "3", "3", "1 of 2", "1 of 2", "2026-11-02", "2026-11-09", "no"]


@pytest.mark.parametrize(
    ("changes", "by_hand"),
    [
        ({}, "no"),
        ({"edited": True}, "yes"),  # the notebooks found it out themselves
        ({"seal": "0" * 16}, "yes"),
        ({"seal": None}, "yes"),
        ({"answers": [answer("exercise", "2.1", True)]}, "yes"),
    ],
)
def test_a_change_by_hand_is_seen(tmp_path, changes, by_hand):
    hand_in(tmp_path / "ada.json", [answer("exercise", "2.2", True)], **changes)
    ((row,), unread) = collecting.table(tmp_path)
    assert (row["by hand"], unread) == (by_hand, [])


def test_every_field_of_an_answer_is_under_the_seal():
    before = collecting.seal(ADA)
    for key in ADA[0]:
        changed = [ADA[0] | {key: "other"}, *ADA[1:]]
        assert collecting.seal(changed) != before


def test_the_seal_is_that_of_the_notebooks():
    assert collecting.seal(ADA) == progress.seal(ADA)
    assert (collecting.FORMAT, collecting.NAME) == (progress.FORMAT, progress.NAME)


UNREAD = {
    "cut in half": ('{"format": 1, "answ', "is no complete JSON"),
    "not text": ("\udcff", "is no complete JSON"),
    "a list": ("[]", "is no progress file of snnlab"),
    "something else": ('{"name": 3}', "is no progress file of snnlab"),
    "newer": ('{"format": 2, "answers": []}', "has format 2, and this version reads 1: update"),
    "no answers": ('{"format": 1, "answers": 3}', "is damaged"),
    "odd answers": ('{"format": 1, "answers": [3]}', "is damaged"),
    "few fields": ('{"format": 1, "answers": [{"kind": "recall"}]}', "is damaged"),
    "nested": ('{"format": 1, "answers": ' + "[" * 100_000, ""),
    "large": (" " * 1_000_001, "is larger than a progress file can be"),
}


@pytest.mark.parametrize(("text", "said"), UNREAD.values(), ids=UNREAD)
def test_a_file_that_cannot_be_read_is_named_and_the_others_count(tmp_path, capsys, text, said):
    hand_in(tmp_path / "ada.json", ADA)
    bad = tmp_path / "bad.json"
    bad.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert main(["collect", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith(f"{bad}: not read, {said}")
    assert out.splitlines()[1].startswith("ada")


def test_a_file_that_the_notebooks_wrote_is_read(tmp_path, monkeypatch):
    file = tmp_path / "ada.json"
    monkeypatch.setenv("SNNLAB_PROGRESS", str(file))
    progress.note("prediction", "2.1", "0,3 µ", False)
    progress.note("prediction", "2.1", "0,5", True)
    progress.note("exercise", "2.1", None, True)
    progress.note("recall", "01.1", "b", True)
    ((row,), unread) = collecting.table(tmp_path)
    assert unread == []
    counts = {name: row[name] for name in ("exercises", "predictions", "recalled")}
    assert counts == {"exercises": 1, "predictions": 1, "recalled": "1 of 1"}
    assert (row["right at once"], row["by hand"]) == ("0 of 1", "no")
    file.write_text(file.read_text().replace("false", "true"))
    assert collecting.table(tmp_path)[0][0]["by hand"] == "yes"


def test_hidden_folders_are_passed_over(tmp_path, capsys):
    hand_in(tmp_path / ".ipynb_checkpoints" / "snnlab_progress.json", ADA)
    assert main(["collect", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{tmp_path}: no progress file that can be read\n"


def test_a_folder_that_is_none_is_refused(tmp_path, capsys):
    assert main(["collect", str(tmp_path / "none")]) == 1
    said = capsys.readouterr().err
    assert said == (
        f"snnlab collect: {tmp_path / 'none'}: is no folder, expected one with what the learners "
        f"handed in.\n"
    )


def test_a_table_that_cannot_be_written_is_refused(tmp_path, capsys):
    hand_in(tmp_path / "in" / "ada.json", ADA)
    assert main(["collect", str(tmp_path / "in"), "--csv", str(tmp_path / "no" / "t.csv")]) == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


def test_on_a_full_disk_an_older_table_stays(tmp_path, capsys):
    hand_in(tmp_path / "in" / "ada.json", ADA)
    file = tmp_path / "t.csv"
    file.write_text("of last week")
    with full_disk(10):
        assert main(["collect", str(tmp_path / "in"), "--csv", str(file)]) == 1
    assert f"{file}: cannot be written ({FULL})" in capsys.readouterr().err
    assert file.read_text() == "of last week"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "t.csv"]


def test_a_table_may_go_to_a_stream(tmp_path):
    hand_in(tmp_path / "in" / "ada.json", ADA)
    command = [sys.executable, "-m", "snnlab_course", "collect", str(tmp_path / "in")]
    done = subprocess.run([*command, "--csv", "/dev/stdout"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("learner,exercises,")


def test_the_help_says_what_the_seal_cannot_prove(capsys):
    with pytest.raises(SystemExit):
        main(["collect", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "It proves nothing against somebody who reads the code" in said
    assert "do not grade by it" in said
