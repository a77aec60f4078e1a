"""Binder rehearsed: what repo2docker makes of this repository, and the course as its user has it.

The image itself is not built, which takes Docker. `make test` runs two notebooks, as they come in
the wheel; `make test-long` runs all.
"""

import filecmp
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from helpers.limits import give_to_nobody, unprivileged

ROOT = Path(__file__).resolve().parent.parent.parent
BINDER = ROOT / "binder"
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
SHORT = ("00", "10")
ADDRESSES = 2 * 2**30  # bytes, what Binder gives a user in memory
PEAK = 900  # MB

# --- what repo2docker makes of it ----------------------------------------------------------------


@pytest.fixture(scope="module")
def dockerfile():
    """Return what Binder would build, for its user."""
    pytest.importorskip("repo2docker", reason="repo2docker is not installed")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug"]
    user = ["--user-id=1000", "--user-name=jovyan"]
    done = subprocess.run([*command, *user, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_binder_finds_the_folder_binder_and_what_is_in_it(dockerfile):
    assert "Building conda environment for python=3.11" in dockerfile
    order = [
        r"^COPY --chown=1000:1000 src/ ",
        r"^bash -c 'time .* env update -p \S+ --file \"binder/environment\.yml\" ",
        r"^RUN \./binder/postBuild$",
        r"^ENV R2D_ENTRYPOINT=.*/binder/start\"$",
        r"^CMD \[\"jupyter\", \"notebook\"",
    ]
    lines = [re.search(line, dockerfile, re.MULTILINE) for line in order]
    assert None not in lines
    assert lines == sorted(lines, key=lambda line: line.start())


# --- the scripts of the folder -------------------------------------------------------------------


def test_the_scripts_can_be_run_and_are_told_with_what():
    for name in ("postBuild", "start"):
        assert (BINDER / name).read_text().startswith("#!/bin/sh\n")
        assert os.access(BINDER / name, os.X_OK)


def test_post_build_copies_the_settings_of_jupyter(tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "{tmp_path}/the prefix"\n')
    python.chmod(0o755)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    for _ in range(2):  # an image may be built again
        subprocess.run(
            ["./binder/postBuild"], cwd=ROOT, env=os.environ | {"PATH": path}, check=True
        )
    there = tmp_path / "the prefix" / "etc" / "jupyter"
    compared = filecmp.dircmp(BINDER / "jupyter", there)
    assert (compared.left_only, compared.right_only, compared.diff_files) == ([], [], [])
    assert compared.same_files == ["jupyter_server_config.json"]


def test_start_runs_what_it_is_given_with_threads_that_wait_and_share_memory():
    command = ["sh", "-c", 'echo "$OMP_WAIT_POLICY $MALLOC_ARENA_MAX $1"', "sh", "two words"]
    done = subprocess.run([BINDER / "start", *command], capture_output=True, text=True, check=True)
    assert done.stdout == "PASSIVE 2 two words\n"


# --- the notebooks of the wheel, as its user has them --------------------------------------------


@pytest.fixture(scope="module")
def user():
    """Install the wheel, and return a function that runs a command as its user does."""
    resource = pytest.importorskip("resource", reason="this system has no limit of addresses")
    before = unprivileged()
    # Not in pytest's folder, into which nobody else may go: `access` asks without what root lends.
    made_here = tempfile.TemporaryDirectory()
    base = Path(made_here.name)
    base.chmod(0o755)
    site, home = base / "site", base / "home"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--wheel-dir", str(base), str(ROOT)]
    made = subprocess.run(wheel, capture_output=True, text=True)
    if made.returncode and "No matching distribution" in made.stderr:
        pytest.skip("a wheel is made with hatchling, and no index has answered")
    assert made.returncode == 0, made.stderr
    (file,) = base.glob("*.whl")
    with zipfile.ZipFile(file) as content:
        content.extractall(site)
    home.mkdir()
    give_to_nobody(home)
    offline = base / "offline"
    offline.mkdir()
    (offline / "sitecustomize.py").write_text(OFFLINE)
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    own = {"HOME": str(home), "TMPDIR": str(home), "OMP_WAIT_POLICY": "PASSIVE"}
    own |= {"MALLOC_ARENA_MAX": "2"}  # as binder/start has them
    path = {"PYTHONPATH": os.pathsep.join([str(offline), str(site)])}

    def run(*command):
        return subprocess.run(
            [*before, *command],
            cwd=home,
            env=kept | own | path,
            preexec_fn=limit,
            capture_output=True,
            text=True,
        )

    yield run
    made_here.cleanup()


# Nobody but this machine is asked: the kernel's own messages go over it.
OFFLINE = """
import socket

connect = socket.socket.connect

def connect_here(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"asked another machine: {address}")
    return connect(self, address)

socket.socket.connect = connect_here
"""


@pytest.mark.slow
def test_the_user_has_the_wheel_and_may_not_change_the_checkout(user):
    code = "import snnlab, snnlab_course; print(snnlab.__file__, snnlab_course.__file__)"
    done = user(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout
    assert done.stdout.count("/site/snnlab") == 2
    if os.geteuid() == 0:
        assert user("test", "-w", str(ROOT / "snnlab" / "__init__.py")).returncode == 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name[:2] in SHORT else pytest.mark.long)
        for name in NOTEBOOKS
    ],
)
def test_a_notebook_runs_as_the_user_of_binder_has_it(user, name):
    done = user(sys.executable, "-m", "snnlab_course", "notebooks", "course")
    assert done.returncode == 0, done.stderr
    done = user(sys.executable, str(ROOT / "benchmarks" / "learner.py"), "course", name)
    assert done.returncode == 0, done.stderr
    (needed,) = json.loads(done.stdout.splitlines()[-1])
    assert needed["peak"] < PEAK
