"""Stands for a disk that is full, and for a user who may write only into a folder of their own."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

NOBODY = "65534"


@contextmanager
def full_disk(room=0):
    """Let no file of this process grow beyond so many bytes: `write` fails as on a full disk.

    A test that shows a progress bar meanwhile takes `capsys`, or the bar may not be written either.
    """
    resource = pytest.importorskip("resource", reason="this system has no limit of a file's size")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


FULL = "File too large"  # what the system says then; where the disk is full, "No space left"


def unprivileged():
    """Return what stands before a command that a user runs who may read all and write nothing.

    Somebody who is no user of the machine, but may read as root does: elsewhere than in CI Python
    itself may lie in root's home. Who is no root already is no such user.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root without setpriv can become nobody else")
    read_all = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *read_all]
    tried = subprocess.run([*command, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"root may become nobody else here: {tried.stderr.strip()}")
    return command


def give_to_nobody(folder):
    """Make the user of `unprivileged` the owner of a folder, and let them go there."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, int(NOBODY), int(NOBODY))
