"""The learner's file: what is kept in it, what stays as it is, and what is said when it fails."""

import itertools
import linecache
import multiprocessing
import os
import pickle
import re
import stat
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab import course
from snnlab.course.converter import file
from snnlab.course.exercises import converter_solution as solution
from snnlab.course.exercises.piece import PIECES
from snnlab.course.exercises.registry import EXERCISES

POSIX = pytest.mark.skipif(os.name == "nt", reason="has other rights, links and locks")
CELLS = itertools.count()
SOURCES = {name: EXERCISES[number].source() for name, number in PIECES.items()}
STANDS = "It stands in my_converter.py now, beside this notebook."


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of its own, in which nothing may lie in the end but the file."""
    place = tmp_path / "notebooks"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.delitem(sys.modules, "my_converter", raising=False)
    yield place
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("my_converter", None)
    assert [p.name for p in tmp_path.iterdir()] == ["notebooks"]
    assert {p.name for p in place.iterdir()} <= {"my_converter.py", "others.py"}


def cell(source, name, **names):
    """Return a function as a cell of a notebook makes it, whose source can be found."""
    where = f"<cell {next(CELLS)}>"
    linecache.cache[where] = (len(source), None, source.splitlines(keepends=True), where)
    space = {"np": np, "torch": torch, "nn": nn, "copy": __import__("copy")}
    space |= {piece: getattr(solution, piece) for piece in PIECES} | names
    exec(compile(source, where, "exec"), space)
    return space[name]


def keep(name, source=None, **names):
    return course.keep(name, cell(source or SOURCES[name], name, **names))


def content():
    return Path("my_converter.py").read_bytes()


MINE = """def neuron_step(v, current, threshold):
    "Mine."
    full = v + current
    spike = (full >= threshold) * 1.0  # enough
    return full - spike * threshold, spike
"""


# --- keeping ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIECES)
def test_a_right_function_is_kept_as_it_was_written(name):
    feedback = keep(name)
    assert feedback.right
    assert feedback.words.startswith("All ")
    assert feedback.words.endswith(STANDS)
    assert content() == file.HEADER + b"\n\n" + SOURCES[name].encode()
    mine = course.my_converter()
    assert mine.missing == tuple(piece for piece in PIECES if piece != name)


def test_in_the_end_the_file_is_a_converter_of_its_own():
    for name in PIECES:
        assert keep(name).right
    space = {}
    exec(content(), space)
    assert set(PIECES) <= set(space)
    assert b"snnlab" not in content()
    assert 30 <= len([*filter(bytes.strip, content().splitlines())]) <= 70
    assert repr(course.my_converter()) == "All 6 functions are yours, from my_converter.py."


def test_a_wrong_function_is_not_kept():
    heard = keep("neuron_step", MINE.replace(">=", ">"))
    assert not heard.right
    assert "Is that enough?" in heard.words
    assert not Path("my_converter.py").exists()
    keep("neuron_step", MINE)
    before = content()
    keep("neuron_step", MINE.replace(">=", ">"))
    assert content() == before


def test_a_later_answer_takes_the_place_of_the_earlier_one():
    for name in ("neuron_step", "run_layer"):
        keep(name)
    keep("neuron_step", MINE)
    expected = [file.HEADER, MINE.encode(), SOURCES["run_layer"].encode()]
    assert content() == b"\n\n".join(expected)
    keep("neuron_step", MINE)
    assert content() == b"\n\n".join(expected)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_what_the_learner_has_added_stays_byte_for_byte(end, bom):
    head = "# θ is the threshold\x0c \nimport torch\n\n\n\ndef plain(f): return f\n"
    before = head + "@torch.no_grad()\n@plain  # why\n"
    old = (
        "def neuron_step(v, current, threshold):\n    if v:\n        return 0, 1\n\n    return 1\n"
    )
    after = "# behind it\n\nx = '''\ndef neuron_step():\n'''\ndone = 1"
    Path("my_converter.py").write_bytes(bom + (before + old + after).replace("\n", end).encode())
    assert keep("neuron_step", MINE).right
    assert content() == bom + (head + MINE + after).replace("\n", end).encode()
    assert course.my_converter().neuron_step.__doc__ == "Mine."


def test_what_stands_last_is_what_counts():
    """A second definition, or something else of this name, would win over the first one."""
    Path("my_converter.py").write_text(f"{SOURCES['neuron_step']}\n{SOURCES['neuron_step']}x = 1\n")
    keep("neuron_step", MINE)
    assert content().decode() == f"{SOURCES['neuron_step']}\n{MINE}x = 1\n"
    other = f"{SOURCES['neuron_step']}neuron_step = print\nif True:\n    y = 2"
    Path("my_converter.py").write_text(other)
    keep("neuron_step", MINE)
    assert content().decode() == f"{other}\n\n\n{MINE}"
    assert course.my_converter().neuron_step.__doc__ == "Mine."


def test_a_function_that_was_renamed_is_the_learners_own():
    keep("neuron_step", MINE)
    renamed = content().replace(b"def neuron_step", b"def my_step")
    Path("my_converter.py").write_bytes(renamed)
    assert "neuron_step" in course.my_converter().missing
    keep("neuron_step")
    assert content() == renamed + b"\n\n" + SOURCES["neuron_step"].encode()
    assert callable(course.my_converter().my_step)


def test_a_file_without_a_last_line_end_or_with_nothing_in_it():
    for empty in (b"", b"\n \n"):
        Path("my_converter.py").write_bytes(empty)
        keep("neuron_step", MINE)
        assert content() == file.HEADER + b"\n\n" + MINE.encode()
    Path("my_converter.py").write_bytes(b"x = 1  # no end")
    keep("neuron_step", MINE)
    assert content() == b"x = 1  # no end\n\n\n" + MINE.encode()


def test_an_indented_function_and_a_decorated_one_are_kept():
    inside = "if True:\n" + textwrap.indent(MINE, "    ")
    assert keep("neuron_step", inside).right
    assert content().endswith(MINE.encode())
    assert keep("fold").right
    assert b"@torch.no_grad()\ndef fold(" in content()


def test_nothing_in_the_file_is_run():
    Path("my_converter.py").write_text("open('others.py', 'w').close()\n1 / 0\n")
    assert keep("neuron_step", MINE).right
    assert not Path("others.py").exists()


def test_what_cannot_be_kept_is_told_and_nothing_is_written():
    lambdas = "neuron_step = lambda v, z, theta: (v + z - theta * (v + z >= theta), v + z >= theta)"
    head = "Begin with def neuron_step(v, current, threshold):"
    heard = keep("neuron_step", lambdas)
    assert heard.words.endswith(head)
    assert "def" in heard.words
    other = cell(MINE.replace("def neuron_step", "def step"), "step")
    assert "in the file it has another name. Begin" in course.keep("neuron_step", other).words
    space = {}
    exec(MINE, space)
    lost = course.keep("neuron_step", space["neuron_step"])
    assert "its text is nowhere to be found" in lost.words

    class Step:
        def __call__(self, v, current, threshold):
            return solution.neuron_step(v, current, threshold)

    assert not course.keep("neuron_step", Step()).right
    for heard in (keep("neuron_step", lambdas), course.keep("neuron_step", other), lost):
        assert not heard.right
        assert heard.words.startswith("It does what it should. But ")
    assert not Path("my_converter.py").exists()


def test_a_function_that_needs_something_of_the_notebook_is_told():
    uses = MINE.replace("full >= threshold", "reached(full, threshold)")
    reached = {"reached": lambda v, theta: v >= theta}
    heard = keep("neuron_step", uses, **reached)
    assert not heard.right
    assert "it uses reached, and my_converter.py has nothing of this name" in heard.words
    Path("my_converter.py").write_bytes(b"def reached(v, theta): return v >= theta\n")
    assert keep("neuron_step", uses, **reached).right
    Path("my_converter.py").write_bytes(b"from others import *\n")
    assert keep("neuron_step", uses, **reached).right


@pytest.mark.parametrize(
    ("source", "unknown"),
    [
        ("def f(x=a):\n    return x", ["a"]),
        ("@b\ndef f(x):\n    return [y for y in x if y in c]", ["b", "c"]),
        ("def f(x):\n    import d\n    from e import g as h\n    return d, h, len, __name__", []),
        ("def f(x):\n    k = 1\n    def g():\n        return k + m\n    return f, g", ["m"]),
        (
            "def f(x: n) -> o:\n    try:\n        return np\n    except p as q:\n        return q",
            "nop",
        ),
        ("def f(x):\n    global r\n    r = s = 1\n    return lambda t: (s, t, u)", ["u"]),
    ],
)
def test_unknown_names_are_those_that_neither_python_nor_the_file_has(source, unknown):
    found = file.unknown_names(b"import numpy as np", source)
    assert [name for name in found if name != "r"] == list(unknown)


# --- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (b"x = 1\ny = (2,\n", "cannot be read, line 2: '(' was never closed."),
        (b"def f():\nreturn 1\n", "line 2: expected an indented block"),
        (b"x = '\xff'\n", "cannot be read"),
        (b"x = 1\0\n", "cannot be read"),
        (b"# coding: nowhere\n", "unknown encoding"),
        (b"x = " + b"(" * 1000, "cannot be read"),
    ],
)
def test_a_broken_file_is_left_alone_and_the_line_is_told(broken, words):
    Path("my_converter.py").write_bytes(broken)
    heard = keep("neuron_step", MINE)
    assert not heard.right
    assert words in heard.words
    assert "Nothing in it has been changed." in heard.words
    assert content() == broken
    with pytest.raises(sl.DataError, match=r"my_converter\.py.*Mend that line; or"):
        course.my_converter()


def test_a_file_cut_in_half_is_left_alone_and_the_line_is_told():
    for name in PIECES:
        keep(name)
    whole = content()
    for cut in range(0, len(whole), 97):
        Path("my_converter.py").write_bytes(whole[:cut])
        feedback = keep("neuron_step", MINE)
        assert feedback.right or content() == whole[:cut]
        try:
            course.my_converter()
        except sl.DataError as error:
            assert re.match(r"my_converter.py, line \d+: ", str(error))  # noqa: PT017


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "import nowhere_at_all\n",
            "line 1: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        ("x = 1\n\ny = zz\n", "line 3: NameError: name 'zz' is not defined"),
        ("import math\nmath.sqrt(\n-1)\n", "line 2: ValueError: math domain error"),
        ("raise SystemExit\n", "line 1: SystemExit. Expected"),
        ("x = 1\nx = = 2\n", "line 2: invalid syntax"),
    ],
)
def test_a_file_that_fails_ends_in_a_sentence_with_the_line(source, words):
    Path("my_converter.py").write_text(source)
    with pytest.raises(sl.DataError, match=f"my_converter.py, {re.escape(words)}"):
        course.my_converter()
    assert "my_converter" not in sys.modules


def test_a_folder_in_the_place_of_the_file_is_told():
    Path("my_converter.py").mkdir()
    heard = keep("neuron_step", MINE)
    assert heard.right
    assert "But my_converter.py cannot be written (" in heard.words
    with pytest.raises(sl.DataError, match=r"my_converter.py: cannot be read \("):
        course.my_converter()


@POSIX
@pytest.mark.parametrize("what", ["folder", "file"])
def test_where_nothing_can_be_written_the_answer_is_right_all_the_same(folder, what, monkeypatch):
    keep("run_layer")
    before = content()
    place = folder if what == "folder" else folder / "my_converter.py"
    place.chmod(0o555 if what == "folder" else 0o444)
    with monkeypatch.context() as patch:
        if os.geteuid() == 0:  # whom no mode stops
            patch.setattr(os, "access", lambda *_: what == "folder")
            if what == "folder":
                patch.setattr("builtins.open", refusing)
        heard = keep("neuron_step", MINE)
    place.chmod(0o755)
    assert heard.right
    assert re.search(
        r"But my_converter.py cannot be written \(.+\), so the next noteb", heard.words
    )
    assert content() == before


def refusing(name, mode="r", *rest, **named):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(step, monkeypatch):
    keep("run_layer")
    before = content()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        heard = keep("neuron_step", MINE)
    assert "(No space left on device)" in heard.words
    assert content() == before


@POSIX
def test_modes_and_links_are_kept(folder):
    Path("others.py").write_bytes(file.HEADER)
    Path("others.py").chmod(0o640)
    Path("my_converter.py").symlink_to("others.py")
    keep("neuron_step", MINE)
    assert Path("my_converter.py").is_symlink()
    assert Path("others.py").read_text().endswith(MINE)
    assert stat.S_IMODE(Path("others.py").stat().st_mode) == 0o640


@POSIX
def test_a_new_file_is_made_with_the_rights_of_others():
    before = os.umask(0o027)
    try:
        keep("neuron_step", MINE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path("my_converter.py").stat().st_mode) == 0o640


def write_many(folder, name):
    os.chdir(folder)
    for number in range(40):
        with file.locked(Path.cwd()):
            place = file.path()
            content = place.read_bytes()
            source = f"def {name}():\n    return {number}\n"
            file.write(place, file.replaced(content, name, source))


@POSIX
def test_two_kernels_that_write_at_once_lose_nothing(folder):
    Path("my_converter.py").write_bytes(file.HEADER)
    spawn = multiprocessing.get_context("fork")
    kernels = [spawn.Process(target=write_many, args=(folder, name)) for name in "fgh"]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join()
    assert [kernel.exitcode for kernel in kernels] == [0, 0, 0]
    space = {}
    exec(content(), space)
    assert [space[name]() for name in "fgh"] == [39, 39, 39]
    assert content().count(b"def ") == 3


def test_without_locks_it_goes_on(monkeypatch):
    monkeypatch.setattr(file, "fcntl", None)
    assert keep("neuron_step", MINE).words.endswith(STANDS)


def test_a_letter_that_the_file_cannot_hold_is_told():
    Path("my_converter.py").write_bytes(b"# coding: latin-1\n")
    heard = keep("neuron_step", MINE.replace("enough", "θ"))
    assert not heard.right
    assert "the encoding of my_converter.py has no 'θ'" in heard.words
    assert keep("neuron_step", MINE.replace("enough", "é")).right
    assert content().endswith(MINE.replace("enough", "é").encode("latin-1"))


STATEMENTS = st.lists(
    st.sampled_from(
        ["import os\n", "# a comment\n", "\n", "x = '''\ndef f(): 1\n'''\n",
         "@print\n@print\ndef f():\n    pass\n", "def f(): pass; y = 2  # f\n",
         "def g():\n    return 1\n", "class A:\n    z = 1\n", "if 1:\n    def f(): pass\n",
         "f = 3\n", "u = \\\n  4; v = 5\n", "async def f(): pass\n"]
    ),
    max_size=8,
)  # fmt: skip


@given(parts=STATEMENTS)
def test_all_else_is_what_it_was_whatever_the_file_has(parts):
    before = "".join(parts).encode()
    new = "def f(a):\n    return a\n"
    after = file.replaced(before, "f", new)
    assert file.replaced(after, "f", new) == after
    start = after.rindex(new.encode())
    rest = after[:start] + after[start + len(new) :]
    assert len(after) >= len(new)
    if len(rest) < len(before):  # one function made way
        cut = len(before) - len(rest)
        assert any(before[:n] + before[n + cut :] == rest for n in range(len(before)))
        assert b"def f" in before
    else:
        assert rest.rstrip() == before.rstrip()
    space = {"print": lambda f: f}
    exec(after, space)
    assert space["f"](7) == 7


# --- loading ----------------------------------------------------------------------------------


def test_without_a_file_all_is_the_solutions():
    mine = course.my_converter()
    assert mine.missing == tuple(PIECES)
    assert repr(mine) == (
        "There is nothing of yours in my_converter.py yet. All functions are the solutions."
    )
    assert mine._repr_html_() == f"<p>{mine!r}</p>"
    assert mine.neuron_step(0.5, 0.75, 1.0) == (0.25, 1.0)


def test_which_are_whose_is_said_in_one_sentence():
    keep("neuron_step", MINE)
    keep("run_layer")
    assert repr(course.my_converter()) == (
        "Yours: neuron_step, run_layer. From the solutions: threshold_of, convert, fold, simulate."
    )


def test_the_functions_find_each_other_whosever_they_are():
    """A solution calls the learner's neuron, and the learner's layer the neuron of the solution."""
    traced = MINE.replace('    "Mine."\n', '    "Mine."\n    CALLS.append(v)\n')
    Path("my_converter.py").write_text(f"CALLS = []\n{traced}")
    mine = course.my_converter()
    mine.simulate([1.0], torch.tensor([[0.5]]), 3)
    assert len(mine.CALLS) == 3
    Path("my_converter.py").write_text(SOURCES["run_layer"])
    assert [float(s) for s in course.my_converter().run_layer([0.5, 0.5, 0.0], 1.0)] == [1, 0, 0]
    assert solution.run_layer.__globals__["neuron_step"] is solution.neuron_step


def test_a_name_that_is_no_function_is_missing():
    Path("my_converter.py").write_text("neuron_step = 5\n")
    mine = course.my_converter()
    assert "neuron_step" in mine.missing
    assert callable(mine.neuron_step)


def test_a_changed_file_is_read_anew_and_leaves_no_cache(folder):
    for number in range(3):
        Path("my_converter.py").write_text(f"number = {number}\n")
        assert course.my_converter().number == number
        assert sys.modules["my_converter"].number == number
    assert [p.name for p in folder.iterdir()] == ["my_converter.py"]


def test_the_learner_may_have_data_classes_and_keep_a_function_from_the_file_again():
    Path("my_converter.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Neurons:\n    theta: float = 1.0\n" + MINE
    )
    mine = course.my_converter()
    assert mine.Neurons().theta == 1.0
    before = content()
    assert course.keep("neuron_step", mine.neuron_step).right
    assert content() == before
    assert course.keep("run_layer", mine.run_layer).right  # the solution's, as it is shown
    assert content() == before + b"\n\n" + SOURCES["run_layer"].encode()


def test_an_unknown_name_is_refused():
    with pytest.raises(sl.OptionError, match=r"name = 'neuron_stp'.*'neuron_step'"):
        course.keep("neuron_stp", None)


def test_the_blank_is_refused_with_its_own_call():
    for blank in (None, ...):
        heard = course.keep("neuron_step", blank)
        assert heard.words.endswith(
            'Write keep("neuron_step", neuron_step), without its arguments.'
        )
    assert "nothing yet" in course.keep("neuron_step", lambda v, current, threshold: ...).words
    assert not Path("my_converter.py").exists()


def test_nothing_is_pickled():
    with pytest.raises((pickle.PicklingError, TypeError)):
        pickle.dumps(course.my_converter())
