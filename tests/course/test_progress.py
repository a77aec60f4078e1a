"""What a learner has answered is noted in one file, and nothing that goes wrong there hurts."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import warnings
from datetime import datetime, timedelta
from types import SimpleNamespace

import IPython
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from snnlab import course
from snnlab.course import progress
from tools import notebooks

# The file is run by itself, because importing the whole course takes long.
WRITER = """
import runpy, sys
from types import SimpleNamespace
progress = SimpleNamespace(**runpy.run_path(sys.argv[2]))
for number in range(40):
    progress.note("exercise", f"{sys.argv[1]}.{number}", None, True)
    progress.note("recall", "01.1", sys.argv[1], False)
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "mine.json"
    monkeypatch.setenv("SNNLAB_PROGRESS", str(path))
    monkeypatch.setattr(progress, "_SAID", set())
    return path


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))


# --- what is noted ---------------------------------------------------------------------------


def test_the_first_answer_stays_and_the_first_right_one_is_dated(file, monkeypatch):
    for when, answer in zip("abcd", ["no", "yes", "yes", "no"], strict=True):
        monkeypatch.setattr(progress, "_now", lambda when=when: when)
        progress.note("recall", "05.1", answer, answer == "yes")
    assert read(file)["answers"] == [
        {
            "kind": "recall",
            "number": "05.1",
            "answer": "no",
            "right": False,
            "at": "a",
            "times": 4,
            "right_at": "b",
        }
    ]


def test_the_time_is_now_with_its_offset(file):
    progress.note("recall", "05.1", "no", False)
    when = datetime.fromisoformat(read(file)["answers"][0]["at"])
    assert abs(datetime.now().astimezone() - when) < timedelta(minutes=5)


def test_kind_and_number_together_name_an_entry(file):
    for kind, number in (("prediction", "2.1"), ("exercise", "2.1"), ("prediction", "2.2")):
        progress.note(kind, number, None, None)
    found = [(entry["kind"], entry["number"]) for entry in read(file)["answers"]]
    assert found == [("prediction", "2.1"), ("exercise", "2.1"), ("prediction", "2.2")]
    assert progress.answers() == read(file)["answers"]


def test_the_file_says_what_it_is_and_can_be_read_by_its_owner(file):
    progress.note("prediction", "2.1", "θ/2", None)
    text = file.read_text(encoding="utf-8")
    assert '\n   "answer": "θ/2",\n' in text
    assert text.endswith("}\n")
    content = read(file)
    assert list(content) == ["format", "about", "edited", "answers", "seal"]
    assert (content["format"], content["edited"]) == (1, False)
    assert "yours to read and to delete" in content["about"]
    for field in (*content, *content["answers"][0]):
        assert f'"{field}"' in progress.__doc__


def test_the_seal_is_that_of_the_answers_and_an_edit_is_remembered(file):
    progress.note("exercise", "2.1", None, True)
    content = read(file)
    text = json.dumps(content["answers"], sort_keys=True, separators=(",", ":"))
    assert content["seal"] == hashlib.sha256(text.encode()).hexdigest()[:16]
    content["answers"][0]["times"] = 7
    file.write_text(json.dumps(content))
    for times in (8, 9):
        progress.note("exercise", "2.1", None, True)
        assert read(file)["edited"] is True
        assert read(file)["answers"][0]["times"] == times
        assert read(file)["seal"] == progress.seal(read(file)["answers"])


# --- who notes -------------------------------------------------------------------------------


def test_predictions_are_noted_and_judged_only_where_a_choice_was_simulated(file):
    def made(number, answers, result, value):
        prediction = course.Prediction(number, answers, lambda value: None, result)
        if value is None:
            prediction.skip()
        else:
            prediction.commit(value)

    made("2.1", [0.3, 0.25], lambda: 0.25, 0.3)
    made("2.2", [0.3, 0.25], lambda: 0.25, 0.25)
    made("2.3", [0.3, 0.25], lambda: 0.25, None)
    made("2.4", [0.5, 1], lambda: 0.8, 1)
    made("2.5", ["rises", "falls"], None, "falls")
    made("2.6", course.Number(1, 64, 1, "steps"), lambda: 3, 3)
    found = {e["number"]: (e["answer"], e["right"]) for e in read(file)["answers"]}
    assert found == {
        "2.1": ("0.3", False),
        "2.2": ("0.25", True),
        "2.3": (None, None),
        "2.4": ("1", None),
        "2.5": ("falls", None),
        "2.6": ("3 steps", None),
    }
    assert {entry["kind"] for entry in read(file)["answers"]} == {"prediction"}


def test_a_prediction_that_fails_is_not_noted(file):
    prediction = course.Prediction("2.1", [1, 2], lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prediction.commit(1)
    assert not file.exists()


def test_of_exercises_only_right_answers_are_noted(file):
    assert not course.check("2.1", round).right
    assert not file.exists()
    course.check("3.1", [1, 1, -1, -2])
    (entry,) = read(file)["answers"]
    assert (entry["kind"], entry["number"], entry["answer"]) == ("exercise", "3.1", None)
    assert entry["right"] is True
    assert entry["right_at"] == entry["at"]


# --- where -----------------------------------------------------------------------------------


def test_off_means_off(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNNLAB_PROGRESS", "off")
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=1))
    assert progress.file() is None
    progress.note("recall", "01.1", "a", True)
    assert progress.answers() == []
    assert list(tmp_path.iterdir()) == []


def test_the_file_lies_beside_the_notebook_and_only_a_notebook_has_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for unset in (lambda: monkeypatch.delenv("SNNLAB_PROGRESS"), lambda: None):
        unset()
        monkeypatch.setattr(IPython, "get_ipython", lambda: None)
        assert progress.file() is None
        monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())
        assert progress.file() is None
        monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
        assert progress.file() == tmp_path / "snnlab_progress.json"
        monkeypatch.setenv("SNNLAB_PROGRESS", "")
    monkeypatch.delitem(sys.modules, "IPython")
    assert progress.file() is None


@pytest.mark.slow
def test_a_kernel_notes_in_the_folder_of_its_notebook(tmp_path, monkeypatch):
    monkeypatch.delenv("SNNLAB_PROGRESS")
    source = 'from snnlab import course\ncourse.check("3.1", [1, 1, -1, -2])'
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(book, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (entry,) = read(tmp_path / "snnlab_progress.json")["answers"]
    assert (entry["kind"], entry["number"], entry["right"]) == ("exercise", "3.1", True)


def test_home_is_spelled_out(monkeypatch):
    monkeypatch.setenv("SNNLAB_PROGRESS", "~/mine.json")
    assert str(progress.file()) == os.path.expanduser("~/mine.json")


def test_the_tests_note_nothing():
    assert os.environ["SNNLAB_PROGRESS"] == "off"


def test_the_tool_that_stores_outputs_notes_nothing(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setenv("SNNLAB_PROGRESS", str(tmp_path / "mine.json"))
    monkeypatch.setattr(notebooks, "run", lambda *_: seen.append(os.environ["SNNLAB_PROGRESS"]))
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "a.ipynb")
    monkeypatch.setattr(sys, "argv", ["notebooks.py", str(tmp_path / "a.ipynb")])
    notebooks.main()
    assert seen == ["off"]


# --- two at once -----------------------------------------------------------------------------


def test_two_kernels_that_write_at_once_lose_nothing(file):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name, progress.__file__]) for name in "78"
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    found = {(e["kind"], e["number"]): e["times"] for e in read(file)["answers"]}
    assert found.pop(("recall", "01.1")) == 80
    assert found == {("exercise", f"{name}.{n}"): 1 for name in "78" for n in range(40)}


def test_nothing_is_left_beside_the_file_but_its_lock(file):
    progress.note("recall", "01.1", "a", True)
    progress.note("recall", "01.2", "a", True)
    assert sorted(p.name for p in file.parent.iterdir()) == [".mine.json.lock", "mine.json"]


KILLED = """
import os, runpy, signal, sys
from types import SimpleNamespace
progress = SimpleNamespace(**runpy.run_path(sys.argv[1]))
progress.note("exercise", "3.1", None, True)
os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)
progress.note("exercise", "3.2", None, True)
"""


def test_a_kernel_that_is_killed_while_it_writes_loses_what_it_was_writing_and_no_more(file):
    done = subprocess.run([sys.executable, "-c", KILLED, progress.__file__])
    assert done.returncode == -9
    progress.note("exercise", "3.3", None, True)
    assert [entry["number"] for entry in read(file)["answers"]] == ["3.1", "3.3"]
    assert read(file)["edited"] is False


@pytest.mark.slow
def test_a_kernel_that_is_restarted_goes_on_in_the_same_file(tmp_path, monkeypatch):
    monkeypatch.delenv("SNNLAB_PROGRESS")
    cell = 'from snnlab import course\ncourse.check("3.1", [1, 1, -1, -2]); print(course.map("03"))'
    manager, kernel = start_new_kernel(cwd=str(tmp_path))
    try:
        said = []
        for restarts in range(2):
            if restarts:
                manager.restart_kernel(now=True)  # as the button does, whatever it is at
                kernel.wait_for_ready(timeout=300)
            out = []
            kernel.execute_interactive(cell, output_hook=out.append, timeout=300)
            said.append([m["content"]["text"] for m in out if m["msg_type"] == "stream"])
    finally:
        manager.shutdown_kernel(now=True)
        kernel.stop_channels()
    assert said[0] == said[1] != []
    (entry,) = read(tmp_path / "snnlab_progress.json")["answers"]
    assert (entry["number"], entry["right"], entry["times"]) == ("3.1", True, 2)


# --- what cannot be used ---------------------------------------------------------------------


def spoilt(file, change):
    progress.note("recall", "01.1", "a", True)
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def noted_again():
    progress.note("recall", "01.2", "b", False)


BROKEN = {
    "half": (lambda text: text[: len(text) // 2], "is damaged"),
    "empty": (lambda text: "", "is damaged"),
    "list": (lambda text: "[]", "is damaged"),
    "no format": (lambda text: '{"answers": []}', "is damaged"),
    "word for a format": (lambda text: '{"format": "1", "answers": []}', "is damaged"),
    "number for answers": (lambda text: '{"format": 1, "answers": 3}', "is damaged"),
    "numbers among answers": (lambda text: '{"format": 1, "answers": [3]}', "is damaged"),
    "fields": (lambda text: text.replace('"times"', '"time"'), "something else among the answers"),
    "times": (lambda text: text.replace('"times": 1', '"times": "1"'), "something else among"),
    "newer": (
        lambda text: text.replace('"format": 1', '"format": 2'),
        r"newer version of snnlab \(format 2, not 1\)",
    ),
}


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("by", [noted_again, progress.answers])
def test_what_cannot_be_read_is_set_aside_with_a_sentence(file, change, words, by):
    before = spoilt(file, change)
    with pytest.warns(UserWarning, match=rf"mine.json .*{words}.* lies now in mine_aside_1.json"):
        assert not by()
    assert (file.parent / "mine_aside_1.json").read_text(encoding="utf-8") == before
    noted_again()
    (entry,) = read(file)["answers"]
    assert (entry["number"], entry["times"]) == ("01.2", 2 if by is noted_again else 1)


def test_what_was_set_aside_before_stays(file):
    for _ in range(2):
        before = spoilt(file, lambda text: text[:20])
        with pytest.warns(UserWarning, match="is damaged"):
            progress.answers()
    assert (file.parent / "mine_aside_1.json").exists()
    assert (file.parent / "mine_aside_2.json").read_text(encoding="utf-8") == before


def test_bytes_that_are_no_text_are_set_aside(file):
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.warns(UserWarning, match="is damaged"):
        progress.note("recall", "01.2", "b", False)
    assert (file.parent / "mine_aside_1.json").read_bytes() == b"\xff\xfe\x00"


# --- nothing can be written ------------------------------------------------------------------


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_full_disk_ends_in_one_warning_and_the_old_file_stays(file, monkeypatch, fails):
    progress.note("recall", "01.1", "a", True)
    before = file.read_text(encoding="utf-8")
    monkeypatch.setattr(os, fails, full)
    with pytest.warns(UserWarning, match=r"cannot be noted in .*mine.json: No space left"):
        noted_again()
    noted_again()  # a second warning would be an error
    assert file.read_text(encoding="utf-8") == before
    assert sorted(p.name for p in file.parent.iterdir()) == [".mine.json.lock", "mine.json"]


def test_a_folder_that_is_none_ends_in_one_warning_and_the_learner_goes_on(tmp_path, monkeypatch):
    (tmp_path / "folder").write_text("a file")
    monkeypatch.setenv("SNNLAB_PROGRESS", str(tmp_path / "folder" / "mine.json"))
    monkeypatch.setattr(progress, "_SAID", set())
    prediction = course.Prediction("2.1", [1, 2], lambda value: None)
    with pytest.warns(UserWarning, match="All else works"):
        assert prediction.commit(1).endswith("said 1.")
    # A second warning would be an error.
    assert course.recall("05").answer(1, "The layers before it").startswith("Right.")
    assert course.map("05").state("02") == ""


def test_a_file_that_may_not_be_read_ends_in_one_warning(file, monkeypatch):
    progress.note("recall", "01.1", "a", True)
    monkeypatch.setattr(progress, "_alone", full)
    with pytest.warns(UserWarning, match=r"in .*mine.json cannot be read: No space"):
        assert progress.answers() == []
    assert progress.answers() == []


def test_without_locks_it_is_written_all_the_same(file, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", full)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        progress.note("recall", "01.1", "a", True)
    assert len(read(file)["answers"]) == 1
